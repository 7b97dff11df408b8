//! Acts on the durable timers of a process when they are due, by the clock of the log, on one server at a time.
//!
//! What comes of a timer is written in the same append that clears it, which lands only while the timer is set as it was
//! read. So a timer takes effect once, however often the server is killed and however many servers there are, and one that
//! fell due while nobody looked takes effect at the next start.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use storefront_eventlog::{AppendError, Timer, TimerChange};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::error;
use uuid::Uuid;

use crate::clock;
use crate::processes::engine::lease_runner::LeaseConfig;
use crate::store::aggregates::{AppendBuilder, Cause, Store};
use crate::store::commands::{Failure, retrying};

/// So many timers are looked at together.
const BATCH: usize = 100;
/// Timers are looked for at least so often, because another server may have set one.
const NET: Duration = Duration::from_secs(30);
/// The store's clock is known here as well as that.
const TIMER_TOLERANCE_MS: i64 = 2000;
/// A timer that cannot be acted on now is looked at again after this time.
const LOOK_AGAIN_MS: i64 = 60_000;

/// Whose timers they are, and a knock when one was set.
#[derive(Clone, Debug)]
pub(crate) struct Timers {
    pub(crate) owner: &'static str,
    pub(crate) news: Arc<Notify>,
}

impl Timers {
    /// The timers of a process.
    pub(crate) fn of(owner: &'static str) -> Self {
        Self { owner, news: Arc::default() }
    }

    /// Acts on those that are due, until it is told to stop. `judge` says what is to be written about one; that must
    /// clear it or set it anew, as it was read.
    pub(crate) async fn run<J, F>(self, store: Store, lease_config: LeaseConfig, stop: CancellationToken, judge: J)
    where
        J: Fn(Store, Timer) -> F,
        F: Future<Output = Result<AppendBuilder, Failure>>,
    {
        let lease = format!("timers-{}", self.owner);
        let (timers, judge) = (&self, &judge);
        let work = |store: Store| async move {
            match timers.act_for_ever(&store, judge).await {
                Ok(never) => match never {},
                Err(failure) => failure,
            }
        };
        lease_config.keep(&store, &lease, &stop, work, || async {}).await;
    }

    async fn act_for_ever<J, F>(&self, store: &Store, judge: &J) -> Result<Infallible, Failure>
    where
        J: Fn(Store, Timer) -> F,
        F: Future<Output = Result<AppendBuilder, Failure>>,
    {
        loop {
            let wait = match store.next_due(self.owner).await? {
                Some(Duration::ZERO) if self.act_until(store, clock::now().unix_ms(), judge).await? => continue,
                // The clock of the store has jumped ahead, and is not believed yet.
                Some(Duration::ZERO) => clock::FOLLOW_INTERVAL,
                Some(wait) => wait.min(NET),
                None => NET,
            };
            tokio::select! {
                biased;
                () = self.news.notified() => {}
                () = clock::sleep(wait) => {}
            }
        }
    }

    /// Acts on every timer that is due now.
    #[cfg(test)]
    pub(crate) async fn act_on_what_is_due<J, F>(&self, store: &Store, judge: &J) -> Result<(), Failure>
    where
        J: Fn(Store, Timer) -> F,
        F: Future<Output = Result<AppendBuilder, Failure>>,
    {
        self.act_until(store, i64::MAX, judge).await.map(drop)
    }

    /// Acts on every timer that is due by the clock of the store and was due by this moment; `false` when there was none.
    async fn act_until<J, F>(&self, store: &Store, now_ms: i64, judge: &J) -> Result<bool, Failure>
    where
        J: Fn(Store, Timer) -> F,
        F: Future<Output = Result<AppendBuilder, Failure>>,
    {
        let mut due = store.due_timers(self.owner, BATCH).await?;
        due.retain(|timer| timer.due_ms <= now_ms.saturating_add(TIMER_TOLERANCE_MS));
        let any = !due.is_empty();
        for timer in due {
            match act(store, &timer, judge).await {
                Ok(()) | Err(Failure::Append(AppendError::TimerGone { .. })) => {}
                Err(failure @ Failure::Append(AppendError::Fenced { .. } | AppendError::Store(_))) => {
                    return Err(failure);
                }
                // It must not keep the others from being looked at.
                Err(failure) => {
                    error!(process = self.owner, timer = timer.name, error = %failure, "a timer cannot be acted on; trying later");
                    let mut batch = batch_about(&timer, None);
                    batch.timer(look_again(store, &timer).await?);
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

/// Acts on one timer.
pub(crate) async fn act<J, F>(store: &Store, timer: &Timer, judge: &J) -> Result<(), Failure>
where
    J: Fn(Store, Timer) -> F,
    F: Future<Output = Result<AppendBuilder, Failure>>,
{
    retrying(|| async {
        let batch = judge(store.clone(), timer.clone()).await?;
        store.append(batch.into_append()).await.map_err(Failure::Append)?;
        Ok(())
    })
    .await
}

/// What is written about a timer, which by custom is named after its order; the cause is the event that set it.
pub(crate) fn batch_about(timer: &Timer, cause: Option<Uuid>) -> AppendBuilder {
    let actor = format!("process:{}", timer.owner);
    let causation_id = cause.map(|cause| cause.to_string());
    AppendBuilder::new(clock::now(), Cause { correlation_id: timer.name.clone(), causation_id, actor })
}

/// Has a timer looked at again in a minute.
pub(crate) async fn look_again(store: &Store, timer: &Timer) -> Result<TimerChange, Failure> {
    let due_ms = store.now_ms().await?.saturating_add(LOOK_AGAIN_MS);
    Ok(timer.fired_and_set_again(due_ms, timer.note.clone()))
}
