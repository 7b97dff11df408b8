//! A lease that is renewed in the background for as long as its guard lives.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::warn;

use crate::{EventStore, Fence, LeaseOutcome, StoreError};

/// Number of renewals within the time to live of a lease.
const RENEWALS_PER_TTL: u32 = 3;

/// A clock that never goes back: that of the machine, or a simulated one.
#[async_trait]
pub trait MonotonicClock: Send + Sync + 'static {
    /// Time that has passed since a fixed moment.
    fn elapsed(&self) -> Duration;

    /// Waits until `duration` has passed.
    async fn sleep(&self, duration: Duration);
}

/// A lease that is renewed in the background. Dropping it ends that, and the lease runs out by itself;
/// [`LeaseGuard::release`] lets others take it at once.
pub struct LeaseGuard {
    store: Arc<dyn EventStore>,
    fence: Fence,
    lost: watch::Receiver<bool>,
    renewal_task: JoinHandle<()>,
}

impl LeaseGuard {
    /// Acquires a lease and renews it in the background. Returns `None` when another holder has it.
    ///
    /// # Errors
    /// As [`EventStore::acquire_lease`].
    pub async fn acquire(
        store: Arc<dyn EventStore>,
        lease: &str,
        holder: &str,
        ttl: Duration,
        clock: Arc<dyn MonotonicClock>,
    ) -> Result<Option<Self>, StoreError> {
        Self::acquire_with_interval(store, lease, holder, ttl, ttl / RENEWALS_PER_TTL, clock).await
    }

    async fn acquire_with_interval(
        store: Arc<dyn EventStore>,
        lease: &str,
        holder: &str,
        ttl: Duration,
        interval: Duration,
        clock: Arc<dyn MonotonicClock>,
    ) -> Result<Option<Self>, StoreError> {
        let requested_at = clock.elapsed();
        match store.acquire_lease(lease, holder, ttl).await? {
            LeaseOutcome::HeldElsewhere { .. } => Ok(None),
            LeaseOutcome::Acquired(fence) => {
                let (lost_sender, lost) = watch::channel(false);
                let renewer = LeaseRenewer { store: store.clone(), fence: fence.clone(), ttl, interval, clock };
                let renewal_task = tokio::spawn(renewer.run(requested_at + ttl, lost_sender));
                Ok(Some(Self { store, fence, lost, renewal_task }))
            }
        }
    }

    /// The fence to put into every append that is made under the lease.
    pub fn fence(&self) -> Fence {
        self.fence.clone()
    }

    /// Waits until another holder may have the lease. The work under the lease must stop then; the fence keeps later
    /// appends out of the log in any case.
    pub async fn lost(&self) {
        let mut lost = self.lost.clone();
        // An error means that the renewal task has ended, and with it the lease.
        let _ended = lost.wait_for(|lost| *lost).await;
    }

    /// Stops the renewals and lets others acquire the lease at once.
    ///
    /// # Errors
    /// When the database fails; then the lease expires by itself.
    pub async fn release(self) -> Result<(), StoreError> {
        self.renewal_task.abort();
        self.store.release_lease(&self.fence).await
    }
}

impl Drop for LeaseGuard {
    fn drop(&mut self) {
        self.renewal_task.abort();
    }
}

/// The task that renews a lease.
struct LeaseRenewer {
    store: Arc<dyn EventStore>,
    fence: Fence,
    ttl: Duration,
    interval: Duration,
    clock: Arc<dyn MonotonicClock>,
}

impl LeaseRenewer {
    /// Renews until another holder has the lease, or until it has expired because the store could not be reached.
    async fn run(self, mut expires_at: Duration, lost_sender: watch::Sender<bool>) {
        let Self { store, fence, ttl, interval, clock } = self;
        loop {
            clock.sleep(interval).await;
            let requested_at = clock.elapsed();
            // An expired lease is renewed too: this process may have been stopped, and nobody may have acquired it since.
            let expiry = clock.sleep(expires_at.max(requested_at + interval).saturating_sub(requested_at));
            tokio::select! {
                biased;
                renewed = store.renew_lease(&fence, ttl) => match renewed {
                    Ok(true) => expires_at = requested_at + ttl,
                    Ok(false) => break,
                    Err(error) => warn!(%error, lease = fence.lease, "renewing a lease failed; trying again"),
                },
                () = expiry => warn!(lease = fence.lease, "renewing a lease timed out"),
            }
            if clock.elapsed() >= expires_at {
                break;
            }
        }
        warn!(lease = fence.lease, epoch = fence.epoch.0, "a lease is lost");
        lost_sender.send_replace(true);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;
    use crate::{Append, AppendError, Epoch, SqliteStore};

    struct SystemClock(std::time::Instant);

    #[async_trait]
    impl MonotonicClock for SystemClock {
        fn elapsed(&self) -> Duration {
            self.0.elapsed()
        }

        async fn sleep(&self, time: Duration) {
            tokio::time::sleep(time).await;
        }
    }

    fn system_clock() -> Arc<dyn MonotonicClock> {
        Arc::new(SystemClock(std::time::Instant::now()))
    }

    const TTL: Duration = Duration::from_secs(3600);
    /// Short, so that a test need not wait; a lease of `TTL` does not expire on a slow machine.
    const RENEWAL_INTERVAL: Duration = Duration::from_millis(1);

    /// A log, and a function that advances its clock.
    fn a_log() -> (Arc<dyn EventStore>, impl Fn(Duration)) {
        let clock = Arc::new(AtomicI64::new(1_700_000_000_000));
        let reading = clock.clone();
        let log = SqliteStore::in_memory().unwrap().with_clock(Arc::new(move || reading.load(Ordering::Relaxed)));
        (Arc::new(log), move |time| {
            clock.fetch_add(crate::clock::as_ms(time), Ordering::Relaxed);
        })
    }

    /// Panics when `future` does not complete within a minute.
    async fn within_deadline<T>(what: &str, future: impl Future<Output = T>) -> T {
        tokio::time::timeout(Duration::from_secs(60), future).await.unwrap_or_else(|_| panic!("{what} did not happen"))
    }

    /// The lease, renewed all the time.
    async fn a_guard(log: &Arc<dyn EventStore>) -> LeaseGuard {
        let acquired =
            LeaseGuard::acquire_with_interval(log.clone(), "mail", "here", TTL, RENEWAL_INTERVAL, system_clock());
        acquired.await.unwrap().unwrap()
    }

    /// Time until the lease of another holder expires.
    async fn left(log: &Arc<dyn EventStore>) -> Duration {
        match log.acquire_lease("mail", "there", TTL).await.unwrap() {
            LeaseOutcome::HeldElsewhere { left, .. } => left,
            LeaseOutcome::Acquired(fence) => panic!("it is free: {fence:?}"),
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_lease_that_is_held_is_renewed_until_it_is_given_back() {
        let (log, advance_clock) = a_log();
        let lease_guard = a_guard(&log).await;
        assert!(LeaseGuard::acquire(log.clone(), "mail", "there", TTL, system_clock()).await.unwrap().is_none());
        for _ in 0..5 {
            advance_clock(TTL * 2 / 3);
            within_deadline("renewing", async { while left(&log).await < TTL {} }).await;
        }
        log.append(Append { fences: vec![lease_guard.fence()], ..Append::default() }).await.unwrap();
        lease_guard.release().await.unwrap();
        let LeaseOutcome::Acquired(fence) = log.acquire_lease("mail", "there", TTL).await.unwrap() else {
            panic!("not given back")
        };
        assert_eq!(fence.epoch, Epoch(2));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_holder_of_a_lease_is_notified_when_it_is_lost() {
        let (log, advance_clock) = a_log();
        let lease_guard = a_guard(&log).await;
        let another_gets_it = async {
            loop {
                advance_clock(TTL);
                if let LeaseOutcome::Acquired(fence) = log.acquire_lease("mail", "there", TTL).await.unwrap() {
                    return fence.epoch;
                }
            }
        };
        assert_eq!(within_deadline("taking it", another_gets_it).await, Epoch(2));
        within_deadline("the news", lease_guard.lost()).await;
        let late = log.append(Append { fences: vec![lease_guard.fence()], ..Append::default() }).await;
        assert!(matches!(late, Err(AppendError::Fenced { current: Epoch(2), .. })), "{late:?}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_lease_is_lost_when_its_log_cannot_be_reached_any_more() {
        let (log, _) = a_log();
        let lease_guard = LeaseGuard::acquire(log.clone(), "mail", "here", Duration::from_millis(30), system_clock())
            .await
            .unwrap()
            .unwrap();
        log.close().await;
        within_deadline("the news", lease_guard.lost()).await;
    }
}
