//! Fires the durable timers of a process when they are due by the log's clock, on one server at a time.
//!
//! The events that result from a timer are written in the append that clears it, and that append fails unless the
//! timer is still set as it was read. So a timer takes effect once, however often servers are killed and however many
//! there are; one that fell due while no server ran fires at the next start.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use storefront_eventlog::{AppendError, JsonText, Timer, TimerChange};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::error;
use uuid::Uuid;

use crate::clock;
use crate::processes::engine::lease_runner::LeaseConfig;
use crate::processes::engine::runner::Delivery;
use crate::store::aggregates::{AppendBuilder, Cause, Store};
use crate::store::commands::{Failure, retry_on_conflict};

/// Maximum number of due timers per read.
const MAX_TIMERS_PER_READ: usize = 100;
/// Maximum pause between two looks at the timers, because another server may have set one.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// Maximum difference between the store's clock and this process's copy of it.
const TIMER_TOLERANCE_MS: i64 = 2000;
/// Delay before a timer that cannot be handled now is due again.
const RETRY_DELAY_MS: i64 = 60_000;

/// The timers of one process.
#[derive(Clone, Debug)]
pub(crate) struct Timers {
    owner: &'static str,
    /// Notified when this server has set a timer.
    changed: Arc<Notify>,
}

impl Timers {
    /// The timers of the process `owner`.
    pub(crate) fn new(owner: &'static str) -> Self {
        Self { owner, changed: Arc::default() }
    }

    /// Sets a timer because of an event, in one append with the checkpoint past the event.
    pub(crate) async fn set(
        &self,
        store: &Store,
        delivery: &Delivery,
        timer: String,
        due_ms: i64,
        note: JsonText,
    ) -> Result<(), Failure> {
        let mut batch = AppendBuilder::because_of(&delivery.recorded, self.owner);
        batch.timer(TimerChange::Set { owner: self.owner.to_owned(), timer, due_ms, note, as_read: None });
        batch.checkpoint(delivery.checkpoint.clone());
        batch.append_to(store).await.map_err(Failure::Append)?;
        self.changed.notify_one();
        Ok(())
    }

    /// Fires due timers until `stop`. `on_due` returns the append for one timer, which must clear the timer or set it
    /// again, with the timer as it was read.
    pub(crate) async fn run<J, F>(self, store: Store, lease_config: LeaseConfig, stop: CancellationToken, on_due: J)
    where
        J: Fn(Store, Timer) -> F,
        F: Future<Output = Result<AppendBuilder, Failure>>,
    {
        let lease = format!("timers-{}", self.owner);
        let (timers, on_due) = (&self, &on_due);
        let work = |store: Store| async move {
            match timers.run_loop(&store, on_due).await {
                Ok(never) => match never {},
                Err(failure) => failure,
            }
        };
        lease_config.run_under_lease(&store, &lease, &stop, work, || async {}).await;
    }

    async fn run_loop<J, F>(&self, store: &Store, on_due: &J) -> Result<Infallible, Failure>
    where
        J: Fn(Store, Timer) -> F,
        F: Future<Output = Result<AppendBuilder, Failure>>,
    {
        loop {
            let wait = match store.next_due(self.owner).await? {
                Some(Duration::ZERO) if self.fire_due(store, clock::now().unix_ms(), on_due).await? => continue,
                // The store's clock has jumped ahead and is not trusted yet.
                Some(Duration::ZERO) => clock::FOLLOW_INTERVAL,
                Some(wait) => wait.min(MAX_PAUSE),
                None => MAX_PAUSE,
            };
            tokio::select! {
                biased;
                () = self.changed.notified() => {}
                () = clock::sleep(wait) => {}
            }
        }
    }

    /// Fires every timer that is due now.
    #[cfg(test)]
    pub(crate) async fn fire_all_due<J, F>(&self, store: &Store, on_due: &J) -> Result<(), Failure>
    where
        J: Fn(Store, Timer) -> F,
        F: Future<Output = Result<AppendBuilder, Failure>>,
    {
        self.fire_due(store, i64::MAX, on_due).await.map(drop)
    }

    /// Fires every timer that is due by the store's clock and by `now_ms`. Returns `false` when there was none.
    async fn fire_due<J, F>(&self, store: &Store, now_ms: i64, on_due: &J) -> Result<bool, Failure>
    where
        J: Fn(Store, Timer) -> F,
        F: Future<Output = Result<AppendBuilder, Failure>>,
    {
        let mut due = store.due_timers(self.owner, MAX_TIMERS_PER_READ).await?;
        due.retain(|timer| timer.due_ms <= now_ms.saturating_add(TIMER_TOLERANCE_MS));
        let any = !due.is_empty();
        for timer in due {
            match fire(store, &timer, on_due).await {
                Ok(()) | Err(Failure::Append(AppendError::TimerGone { .. })) => {}
                Err(failure @ Failure::Append(AppendError::Fenced { .. } | AppendError::Store(_))) => {
                    return Err(failure);
                }
                // A timer that fails must not block the others.
                Err(failure) => {
                    error!(process = self.owner, timer = timer.name, error = %failure, "cannot handle a timer; it is postponed");
                    let mut batch = append_for_timer(&timer, None);
                    batch.timer(postpone(&timer));
                    match store.append(batch.into_append()).await {
                        Ok(_) | Err(AppendError::TimerGone { .. }) => {}
                        Err(failure) => return Err(Failure::Append(failure)),
                    }
                }
            }
        }
        Ok(any)
    }
}

/// Fires one timer, and decides again on a conflict.
pub(crate) async fn fire<J, F>(store: &Store, timer: &Timer, on_due: &J) -> Result<(), Failure>
where
    J: Fn(Store, Timer) -> F,
    F: Future<Output = Result<AppendBuilder, Failure>>,
{
    retry_on_conflict(|| async {
        let batch = on_due(store.clone(), timer.clone()).await?;
        batch.append_to(store).await.map(drop).map_err(Failure::Append)
    })
    .await
}

/// Starts the append for a timer. By convention a timer is named after its order; `cause` is the event that set it.
pub(crate) fn append_for_timer(timer: &Timer, cause: Option<Uuid>) -> AppendBuilder {
    let actor = format!("process:{}", timer.owner);
    let causation_id = cause.map(|cause| cause.to_string());
    AppendBuilder::new(clock::now(), Cause { correlation_id: timer.name.clone(), causation_id, actor })
}

/// Sets a timer again, due in [`RETRY_DELAY_MS`].
pub(crate) fn postpone(timer: &Timer) -> TimerChange {
    timer.fired_and_set_again(clock::store_ms().saturating_add(RETRY_DELAY_MS), timer.note.clone())
}
