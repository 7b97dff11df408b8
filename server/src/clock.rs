//! The only place that reads the clock, and by which commands, processes and views wait.
//!
//! There is one clock for deadlines: that of the log's store, which is the database's where several servers share one. This
//! process follows it by its own monotonic clock, so time never runs backwards here, and a store's clock that jumps is not
//! believed before it has shown the same several times.
//!
//! In a simulated shop, time is in the hands of the simulation.

use std::future::Future;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use storefront_api::Timestamp;
use storefront_eventlog::Time;
use tracing::warn;

#[cfg(test)]
use crate::simulation::rng_clock;

/// The present moment.
pub(crate) fn now() -> Timestamp {
    #[cfg(test)]
    if let Some(now) = rng_clock::now() {
        return now;
    }
    static LATEST_MS: AtomicI64 = AtomicI64::new(0);
    let now_ms = own_ms() + FOLLOWED.lock().unwrap_or_else(PoisonError::into_inner).offset_ms;
    Timestamp::from_unix_ms(LATEST_MS.fetch_max(now_ms, Ordering::Relaxed).max(now_ms))
}

/// How often the store's clock is read.
pub(crate) const FOLLOW_INTERVAL: Duration = Duration::from_secs(5);
/// A smaller difference between two readings is drift, or the time that the reading took.
const MAX_DRIFT_MS: i64 = 2000;
/// A clock that jumped is believed when it has shown the same so many times.
const READINGS_TO_BELIEVE: u32 = 3;

/// The store's clock as this process knows it.
static FOLLOWED: Mutex<Followed> = Mutex::new(Followed { offset_ms: 0, jump: None, read: false });

/// How far the store's clock is ahead of this process's own, which began with the machine's and is monotonic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Followed {
    offset_ms: i64,
    /// An offset that is not believed yet, and how often it was read.
    jump: Option<(i64, u32)>,
    /// Whether it was read at all.
    read: bool,
}

impl Followed {
    /// Takes in a reading; answers by how much the clock has jumped, when that is believed.
    fn read(&mut self, offset_ms: i64) -> Option<i64> {
        if !self.read || (offset_ms - self.offset_ms).abs() <= MAX_DRIFT_MS {
            *self = Self { offset_ms, jump: None, read: true };
            return None;
        }
        let times = match self.jump {
            Some((before_ms, times)) if (offset_ms - before_ms).abs() <= MAX_DRIFT_MS => times + 1,
            Some(_) | None => 1,
        };
        if times < READINGS_TO_BELIEVE {
            self.jump = Some((offset_ms, times));
            return None;
        }
        let by_ms = offset_ms - self.offset_ms;
        *self = Self { offset_ms, jump: None, read: true };
        Some(by_ms)
    }
}

/// The machine's clock when this process began, and what has passed since.
fn own_ms() -> i64 {
    static BEGIN: LazyLock<(Instant, i64)> = LazyLock::new(|| (Instant::now(), machine_ms()));
    BEGIN.1 + i64::try_from(BEGIN.0.elapsed().as_millis()).unwrap_or(i64::MAX / 2)
}

/// The machine's clock.
pub(crate) fn machine_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX / 2)
}

/// The store's clock showed this between two moments of the own clock.
pub(crate) fn follow(store_ms: i64, asked_ms: i64) {
    let middle_ms = asked_ms + (own_ms() - asked_ms) / 2;
    let jumped = FOLLOWED.lock().unwrap_or_else(PoisonError::into_inner).read(store_ms - middle_ms);
    if let Some(by_ms) = jumped {
        warn!(by_ms, "the clock of the log has jumped, and stays there; deadlines follow it");
    }
}

/// The moment at which the store is asked for its time; for [`follow`].
pub(crate) fn asked_ms() -> i64 {
    own_ms()
}

/// Waits for so long.
pub(crate) async fn sleep(time: Duration) {
    #[cfg(test)]
    if let Some(sleep) = rng_clock::sleep(time) {
        return sleep.await;
    }
    tokio::time::sleep(time).await;
}

/// What a future comes to; `None` when it takes longer than the limit.
pub(crate) async fn timeout<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    #[cfg(test)]
    if let Some(sleep) = rng_clock::sleep(limit) {
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
        if let Some(elapsed) = rng_clock::elapsed() {
            return elapsed;
        }
        BEGIN.elapsed()
    }

    async fn sleep(&self, time: Duration) {
        sleep(time).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 60 * 60 * 1000;

    #[test]
    fn a_clock_is_believed_at_first_and_when_it_drifts() {
        let mut clock = Followed::default();
        assert_eq!(clock.read(HOUR_MS), None);
        assert_eq!(clock.offset_ms, HOUR_MS, "a server an hour behind its database goes by the database");
        assert_eq!(clock.read(HOUR_MS + 900), None);
        assert_eq!(clock.offset_ms, HOUR_MS + 900);
    }

    #[test]
    fn a_clock_that_jumps_for_a_moment_is_not_believed_and_one_that_stays_there_is() {
        let mut clock = Followed::default();
        clock.read(0);
        for shown in [25 * HOUR_MS, 0, 25 * HOUR_MS, 25 * HOUR_MS, 3, -HOUR_MS, -HOUR_MS] {
            assert_eq!(clock.read(shown), None);
            assert!(clock.offset_ms.abs() < MAX_DRIFT_MS, "{clock:?}");
        }
        assert_eq!(clock.read(-HOUR_MS), Some(-HOUR_MS - 3));
        assert_eq!(clock.offset_ms, -HOUR_MS);
    }

    #[test]
    fn time_never_runs_backwards() {
        let before = now();
        follow(machine_ms() - 1500, asked_ms());
        assert!(now() >= before);
        follow(machine_ms(), asked_ms());
    }
}
