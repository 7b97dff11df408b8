//! The clock: the only module that reads the time, and by which commands, processes and views wait.
//!
//! Deadlines follow one clock: that of the log's store, which is the database's clock where several servers share
//! one. This process extrapolates it by its own monotonic clock, so time never runs backwards here. A jump of the
//! store's clock is accepted only after several consistent readings.
//!
//! All functions go through the [`TimeSource`] of the current thread. It is [`ProcessTime`] unless a test has called
//! `replace_source` on that thread.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use storefront_api::Timestamp;
use storefront_eventlog::MonotonicClock;
use tracing::warn;

/// A future that completes when a time has passed.
pub(crate) type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Tells the time and waits.
pub(crate) trait TimeSource: Sync {
    /// The current time; never less than at an earlier call.
    fn now(&self) -> Timestamp;

    /// The time of the log's store, in milliseconds since 1970; goes back when the store's clock is set back.
    fn store_ms(&self) -> i64;

    /// The monotonic time since a fixed moment.
    fn elapsed(&self) -> Duration;

    /// Waits for a duration, which begins with this call.
    fn sleep(&self, time: Duration) -> Sleep;
}

thread_local! {
    static SOURCE: Cell<&'static dyn TimeSource> = const { Cell::new(&ProcessTime) };
}

/// Replaces the source of the time for the current thread.
#[cfg(test)]
pub(crate) fn replace_source(source: &'static dyn TimeSource) {
    SOURCE.set(source);
}

/// Returns the current time.
pub(crate) fn now() -> Timestamp {
    SOURCE.get().now()
}

/// The store's time as this process follows it, in milliseconds since 1970, for setting timers. The store decides when
/// they are due, so unlike [`now`] this goes back with the store's clock; but it does not follow a jump that lasts for
/// a moment.
pub(crate) fn store_ms() -> i64 {
    SOURCE.get().store_ms()
}

/// Returns the monotonic time since a fixed moment.
pub(crate) fn elapsed() -> Duration {
    SOURCE.get().elapsed()
}

/// Waits for a duration.
pub(crate) async fn sleep(time: Duration) {
    SOURCE.get().sleep(time).await;
}

/// Awaits a future; returns `None` when it takes longer than `limit`.
pub(crate) async fn timeout<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    // Without `unconstrained`, a future that uses up tokio's budget at each poll would never be timed out.
    let expired = tokio::task::unconstrained(SOURCE.get().sleep(limit));
    tokio::select! {
        biased;
        outcome = future => Some(outcome),
        () = expired => None,
    }
}

/// The monotonic time by which leases are held.
pub(crate) fn lease_time() -> Arc<dyn MonotonicClock> {
    Arc::new(LeaseTime)
}

struct LeaseTime;

#[async_trait]
impl MonotonicClock for LeaseTime {
    fn elapsed(&self) -> Duration {
        SOURCE.get().elapsed()
    }

    async fn sleep(&self, time: Duration) {
        sleep(time).await;
    }
}

/// The time of this process, which follows the store's clock.
pub(crate) struct ProcessTime;

impl TimeSource for ProcessTime {
    fn now(&self) -> Timestamp {
        static LATEST_MS: AtomicI64 = AtomicI64::new(0);
        let now_ms = self.store_ms();
        Timestamp::from_unix_ms(LATEST_MS.fetch_max(now_ms, Ordering::Relaxed).max(now_ms))
    }

    fn store_ms(&self) -> i64 {
        process_ms() + STORE_CLOCK.lock().unwrap_or_else(PoisonError::into_inner).offset_ms
    }

    fn elapsed(&self) -> Duration {
        static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
        BEGIN.elapsed()
    }

    fn sleep(&self, time: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(time))
    }
}

/// Interval between two readings of the store's clock.
pub(crate) const FOLLOW_INTERVAL: Duration = Duration::from_secs(5);
/// Maximum difference between two readings that counts as drift or as the duration of the reading.
const MAX_DRIFT_MS: i64 = 2000;
/// Number of consistent readings after which a jump is accepted.
const READINGS_TO_ACCEPT_JUMP: u32 = 3;

/// The store's clock as known to this process.
static STORE_CLOCK: Mutex<StoreClock> = Mutex::new(StoreClock { offset_ms: 0, jump: None, read: false });

/// The offset of the store's clock from this process's own, which started at the machine's time and is monotonic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StoreClock {
    pub(crate) offset_ms: i64,
    /// A new offset that is not accepted yet, and the number of its readings.
    jump: Option<(i64, u32)>,
    /// Whether there was a reading.
    read: bool,
}

impl StoreClock {
    /// Applies a reading. Returns the size of a jump when it is accepted.
    pub(crate) fn apply_reading(&mut self, offset_ms: i64) -> Option<i64> {
        if !self.read || (offset_ms - self.offset_ms).abs() <= MAX_DRIFT_MS {
            *self = Self { offset_ms, jump: None, read: true };
            return None;
        }
        let times = match self.jump {
            Some((before_ms, times)) if (offset_ms - before_ms).abs() <= MAX_DRIFT_MS => times + 1,
            Some(_) | None => 1,
        };
        if times < READINGS_TO_ACCEPT_JUMP {
            self.jump = Some((offset_ms, times));
            return None;
        }
        let by_ms = offset_ms - self.offset_ms;
        *self = Self { offset_ms, jump: None, read: true };
        Some(by_ms)
    }
}

/// The machine's time at the start of this process, plus the monotonic time since.
fn process_ms() -> i64 {
    static BEGIN: LazyLock<(Instant, i64)> = LazyLock::new(|| (Instant::now(), machine_ms()));
    BEGIN.1 + as_ms(BEGIN.0.elapsed())
}

/// The machine's clock, in milliseconds since 1970.
pub(crate) fn machine_ms() -> i64 {
    as_ms(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// A duration in milliseconds.
pub(crate) fn as_ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 2)
}

/// Applies a reading of the store's clock that was requested at `requested_at_ms` of the own clock and has just
/// arrived.
pub(crate) fn follow_store_clock(store_ms: i64, requested_at_ms: i64) {
    let middle_ms = requested_at_ms + (process_ms() - requested_at_ms) / 2;
    let jumped = STORE_CLOCK.lock().unwrap_or_else(PoisonError::into_inner).apply_reading(store_ms - middle_ms);
    if let Some(by_ms) = jumped {
        warn!(by_ms, "the clock of the log has jumped; deadlines follow it");
    }
}

/// The own clock's time of requesting the store's time, for [`follow_store_clock`].
pub(crate) fn request_time_ms() -> i64 {
    process_ms()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The clock of a test's log, in milliseconds since 1970. All else is the time of the process.
    struct LogTime(Arc<AtomicI64>);

    impl TimeSource for LogTime {
        fn now(&self) -> Timestamp {
            Timestamp::from_unix_ms(self.store_ms())
        }

        fn store_ms(&self) -> i64 {
            self.0.load(Ordering::Relaxed)
        }

        fn elapsed(&self) -> Duration {
            ProcessTime.elapsed()
        }

        fn sleep(&self, time: Duration) -> Sleep {
            ProcessTime.sleep(time)
        }
    }

    /// Makes the clock of a test's log, in milliseconds since 1970, the time of the current thread.
    pub(crate) fn follow(clock_ms: Arc<AtomicI64>) {
        replace_source(Box::leak(Box::new(LogTime(clock_ms))));
    }

    const HOUR_MS: i64 = 60 * 60 * 1000;

    #[test]
    fn the_first_reading_and_drift_are_accepted() {
        let mut clock = StoreClock::default();
        assert_eq!(clock.apply_reading(HOUR_MS), None);
        assert_eq!(clock.offset_ms, HOUR_MS, "a server an hour behind its database goes by the database");
        assert_eq!(clock.apply_reading(HOUR_MS + 900), None);
        assert_eq!(clock.offset_ms, HOUR_MS + 900);
    }

    #[test]
    fn a_jump_is_accepted_only_when_it_lasts() {
        let mut clock = StoreClock::default();
        clock.apply_reading(0);
        for shown in [25 * HOUR_MS, 0, 25 * HOUR_MS, 25 * HOUR_MS, 3, -HOUR_MS, -HOUR_MS] {
            assert_eq!(clock.apply_reading(shown), None);
            assert!(clock.offset_ms.abs() < MAX_DRIFT_MS, "{clock:?}");
        }
        assert_eq!(clock.apply_reading(-HOUR_MS), Some(-HOUR_MS - 3));
        assert_eq!(clock.offset_ms, -HOUR_MS);
    }

    #[tokio::test]
    async fn a_future_that_uses_up_the_budget_of_its_task_is_timed_out() {
        async fn greedy() {
            loop {
                tokio::task::consume_budget().await;
            }
        }
        let timed_out = timeout(Duration::from_millis(5), greedy());
        assert_eq!(tokio::time::timeout(Duration::from_secs(20), timed_out).await, Ok(None));
    }

    #[test]
    fn time_never_runs_backwards() {
        let before = now();
        follow_store_clock(machine_ms() - 1500, request_time_ms());
        assert!(now() >= before);
        follow_store_clock(machine_ms(), request_time_ms());
    }
}
