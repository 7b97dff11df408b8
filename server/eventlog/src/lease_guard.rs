//! A lease that is kept for as long as somebody works under it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::warn;

use crate::{EventStore, Fence, LeaseOutcome, StoreError};

/// How often a lease is renewed within the time that it lasts.
const RENEWALS: u32 = 3;

/// Time as whoever holds a lease has it: the machine's, or a simulated one. It is never set back.
#[async_trait]
pub trait Time: Send + Sync + 'static {
    /// How much of it has passed since some moment that stays the same.
    fn elapsed(&self) -> Duration;

    /// Waits until so much of it has passed.
    async fn sleep(&self, time: Duration);
}

/// A lease that is renewed in the background. Dropping it ends that, and the lease runs out by itself;
/// [`LeaseGuard::give_back`] lets others take it at once.
pub struct LeaseGuard {
    store: Arc<dyn EventStore>,
    fence: Fence,
    lost: watch::Receiver<bool>,
    renewing: JoinHandle<()>,
}

/// Takes a lease and keeps it; `None` when somebody else has it.
///
/// # Errors
/// As [`EventStore::acquire_lease`].
pub async fn hold(
    store: Arc<dyn EventStore>,
    lease: &str,
    holder: &str,
    ttl: Duration,
    time: Arc<dyn Time>,
) -> Result<Option<LeaseGuard>, StoreError> {
    hold_by_beats(store, lease, holder, ttl, ttl / RENEWALS, time).await
}

async fn hold_by_beats(
    store: Arc<dyn EventStore>,
    lease: &str,
    holder: &str,
    ttl: Duration,
    beat: Duration,
    time: Arc<dyn Time>,
) -> Result<Option<LeaseGuard>, StoreError> {
    let asked = time.elapsed();
    match store.acquire_lease(lease, holder, ttl).await? {
        LeaseOutcome::HeldElsewhere { .. } => Ok(None),
        LeaseOutcome::Acquired(fence) => {
            let (tell, lost) = watch::channel(false);
            let keeper = LeaseRenewer { store: store.clone(), fence: fence.clone(), ttl, beat, time };
            let renewing = tokio::spawn(keeper.renews(asked + ttl, tell));
            Ok(Some(LeaseGuard { store, fence, lost, renewing }))
        }
    }
}

impl LeaseGuard {
    /// To be part of every append that is made under the lease.
    pub fn fence(&self) -> Fence {
        self.fence.clone()
    }

    /// Waits until the lease may be somebody else's: then the work is to stop. Whatever happens, the fence keeps what
    /// comes too late out of the log.
    pub async fn lost(&self) {
        let mut lost = self.lost.clone();
        // When nobody renews any more, the lease is as good as lost.
        let _ended = lost.wait_for(|lost| *lost).await;
    }

    /// Ends the renewing and lets others take the lease at once.
    ///
    /// # Errors
    /// When the database fails; then the lease runs out by itself.
    pub async fn give_back(self) -> Result<(), StoreError> {
        self.renewing.abort();
        self.store.release_lease(&self.fence).await
    }
}

impl Drop for LeaseGuard {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}

/// Keeps a lease.
struct LeaseRenewer {
    store: Arc<dyn EventStore>,
    fence: Fence,
    ttl: Duration,
    beat: Duration,
    time: Arc<dyn Time>,
}

impl LeaseRenewer {
    /// Renews until the lease is somebody else's, or until it has run out because the store could not be reached.
    async fn renews(self, mut runs_out: Duration, tell: watch::Sender<bool>) {
        let Self { store, fence, ttl, beat, time } = self;
        loop {
            time.sleep(beat).await;
            let asked = time.elapsed();
            // Also of a lease that has run out, because this process was stopped for a while: perhaps nobody took it.
            let patience = time.sleep(runs_out.max(asked + beat).saturating_sub(asked));
            tokio::select! {
                biased;
                renewed = store.renew_lease(&fence, ttl) => match renewed {
                    Ok(true) => runs_out = asked + ttl,
                    Ok(false) => break,
                    Err(error) => warn!(%error, lease = fence.lease, "a lease could not be renewed; trying again"),
                },
                () = patience => warn!(lease = fence.lease, "a lease could not be renewed in time"),
            }
            if time.elapsed() >= runs_out {
                break;
            }
        }
        warn!(lease = fence.lease, epoch = fence.epoch.0, "a lease is lost");
        tell.send_replace(true);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;
    use crate::{Append, AppendError, Epoch, SqliteStore};

    struct Machine(std::time::Instant);

    #[async_trait]
    impl Time for Machine {
        fn elapsed(&self) -> Duration {
            self.0.elapsed()
        }

        async fn sleep(&self, time: Duration) {
            tokio::time::sleep(time).await;
        }
    }

    fn machine() -> Arc<dyn Time> {
        Arc::new(Machine(std::time::Instant::now()))
    }

    const TTL: Duration = Duration::from_secs(3600);
    /// So often that a test need not wait, while a lease of `TTL` never runs out because a machine is slow.
    const BEAT: Duration = Duration::from_millis(1);

    /// A log, and what it takes for the time.
    fn a_log() -> (Arc<dyn EventStore>, impl Fn(Duration)) {
        let clock = Arc::new(AtomicI64::new(1_700_000_000_000));
        let reading = clock.clone();
        let log = SqliteStore::in_memory().unwrap().with_clock(Arc::new(move || reading.load(Ordering::Relaxed)));
        (Arc::new(log), move |time| {
            clock.fetch_add(crate::clock::as_ms(time), Ordering::Relaxed);
        })
    }

    /// Fails instead of hanging when something that must come does not come.
    async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
        tokio::time::timeout(Duration::from_secs(60), future).await.unwrap_or_else(|_| panic!("{what} did not happen"))
    }

    /// For how much longer somebody else has the lease.
    async fn left(log: &Arc<dyn EventStore>) -> Duration {
        match log.acquire_lease("mail", "there", TTL).await.unwrap() {
            LeaseOutcome::HeldElsewhere { left, .. } => left,
            LeaseOutcome::Acquired(fence) => panic!("it is free: {fence:?}"),
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_lease_that_is_held_is_renewed_until_it_is_given_back() {
        let (log, passes) = a_log();
        let lease_guard = hold_by_beats(log.clone(), "mail", "here", TTL, BEAT, machine()).await.unwrap().unwrap();
        assert!(hold(log.clone(), "mail", "there", TTL, machine()).await.unwrap().is_none());
        for _ in 0..5 {
            passes(TTL * 2 / 3);
            soon("renewing", async { while left(&log).await < TTL {} }).await;
        }
        log.append(Append { fences: vec![lease_guard.fence()], ..Append::default() }).await.unwrap();
        lease_guard.give_back().await.unwrap();
        let LeaseOutcome::Acquired(fence) = log.acquire_lease("mail", "there", TTL).await.unwrap() else {
            panic!("not given back")
        };
        assert_eq!(fence.epoch, Epoch(2));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_holds_a_lease_is_told_that_it_is_lost() {
        let (log, passes) = a_log();
        let lease_guard = hold_by_beats(log.clone(), "mail", "here", TTL, BEAT, machine()).await.unwrap().unwrap();
        let another_gets_it = async {
            loop {
                passes(TTL);
                if let LeaseOutcome::Acquired(fence) = log.acquire_lease("mail", "there", TTL).await.unwrap() {
                    return fence.epoch;
                }
            }
        };
        assert_eq!(soon("taking it", another_gets_it).await, Epoch(2));
        soon("the news", lease_guard.lost()).await;
        let late = log.append(Append { fences: vec![lease_guard.fence()], ..Append::default() }).await;
        assert!(matches!(late, Err(AppendError::Fenced { current: Epoch(2), .. })), "{late:?}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_lease_is_lost_when_its_log_cannot_be_reached_any_more() {
        let (log, _) = a_log();
        let lease_guard =
            hold(log.clone(), "mail", "here", Duration::from_millis(30), machine()).await.unwrap().unwrap();
        log.close().await;
        soon("the news", lease_guard.lost()).await;
    }
}
