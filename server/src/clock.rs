//! The only place that reads the clock, and by which commands, processes and views wait.
//!
//! In a simulated shop, time is in the hands of the simulation.

use std::future::Future;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use storefront_api::Timestamp;
use storefront_eventlog::Time;

#[cfg(test)]
use crate::simulation::fate;

/// The present moment.
pub(crate) fn now() -> Timestamp {
    #[cfg(test)]
    if let Some(now) = fate::now() {
        return now;
    }
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_ms(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

/// Waits for so long.
pub(crate) async fn sleep(time: Duration) {
    #[cfg(test)]
    if let Some(sleep) = fate::sleep(time) {
        return sleep.await;
    }
    tokio::time::sleep(time).await;
}

/// What a future comes to; `None` when it takes longer than the limit.
pub(crate) async fn timeout<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    #[cfg(test)]
    if let Some(sleep) = fate::sleep(limit) {
        return tokio::select! {
            biased;
            outcome = future => Some(outcome),
            () = sleep => None,
        };
    }
    tokio::time::timeout(limit, future).await.ok()
}

/// The time by which leases are kept.
pub(crate) fn time() -> Arc<dyn Time> {
    Arc::new(OurTime)
}

struct OurTime;

#[async_trait]
impl Time for OurTime {
    fn elapsed(&self) -> Duration {
        static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
        #[cfg(test)]
        if let Some(elapsed) = fate::elapsed() {
            return elapsed;
        }
        BEGIN.elapsed()
    }

    async fn sleep(&self, time: Duration) {
        sleep(time).await;
    }
}
