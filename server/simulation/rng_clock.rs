//! The simulated clock and the random generator of one run, both determined by its seed.
//!
//! A run has a thread to itself and replaces the sources of `crate::clock` and `crate::random` there. Time stands still
//! while any task can run, and advances to the next timer when none can. The clock of the store may be set, and that of
//! the servers' machine may be wrong; the servers follow the store's clock as in production. A run is the same each
//! time, as long as it iterates over no hash map, reads no other clock and starts no thread.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use storefront_api::Timestamp;
use uuid::Uuid;

use super::coverage::{Coverage, Seen};
use super::points;
use super::watch::Watch;
use crate::clock::{self, FOLLOW_INTERVAL, ProcessTime, StoreClock, TimeSource};
use crate::random::{self, RandomSource, SystemRandom};

/// Start of every run: 2026-01-01T00:00:00Z.
const BEGIN_MS: i64 = 1_767_225_600_000;
/// Maximum number of failpoints that a run passes within a simulated hour; more is an endless loop. Two idle servers
/// pass some 63,000, because they renew their leases.
const POINTS_PER_HOUR: u64 = 200_000;
const HOUR_NS: u64 = 3600 * 1_000_000_000;

/// Possible errors of the clock of the servers' machine: none, two days ahead, or an hour behind.
const MACHINE_CLOCKS_MS: [i64; 4] = [0, 0, 2 * 24 * 3_600_000, -3_600_000];

/// Longer than any deadline of a shop, and than the lifetime of stored answers.
const MOMENTARY_JUMP_MS: i64 = 25 * 3_600_000;

thread_local! {
    static CURRENT: RefCell<Option<RngClock>> = const { RefCell::new(None) };
}

/// Probabilities of faults, in thousandths of the occasions for each.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FaultPlan {
    /// A call is slow.
    pub(super) slow: u32,
    /// A call of the log fails without an effect.
    pub(super) store_fails: u32,
    /// An append is written, and its caller gets an error.
    pub(super) append_lost: u32,
    /// A call of an external system fails without an effect.
    pub(super) outside_fails: u32,
    /// A call of an external system takes effect, and its answer is lost.
    pub(super) outside_lost: u32,
    pub(super) crash: u32,
    /// A webhook is sent twice.
    pub(super) twice: u32,
    /// A webhook is late.
    pub(super) late: u32,
}

struct RngClock {
    state: u64,
    now_ns: u64,
    /// Error of the store's clock.
    step_ms: i64,
    /// Error of the clock of the servers' machine.
    machine_ms: i64,
    /// The store's clock as the servers follow it, and the latest time that they returned.
    followed: StoreClock,
    latest_ms: i64,
    /// Sum of the forward jumps of the store's clock that the servers have accepted.
    forwards_ms: i64,
    timers: BTreeMap<(u64, u64), Waker>,
    timer_count: u64,
    id_count: u64,
    /// A simulated hour, and the number of failpoints passed within it.
    points: (u64, u64),
    crashes_left: u32,
    fault_plan: FaultPlan,
    /// Until then every call of the card gateway fails.
    outage_until_ns: u64,
    seen: Seen,
    watch: Watch,
    traced: bool,
}

/// Starts a run on this thread: replaces the sources of time and randomness. With `traced`, its trace is printed.
pub(super) fn begin(seed: u64, traced: bool) {
    let mut rng_clock = RngClock {
        state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5707_EF20,
        now_ns: 0,
        step_ms: 0,
        machine_ms: 0,
        followed: StoreClock::default(),
        latest_ms: 0,
        forwards_ms: 0,
        timers: BTreeMap::new(),
        timer_count: 0,
        id_count: 0,
        points: (0, 0),
        crashes_left: 0,
        fault_plan: FaultPlan::default(),
        outage_until_ns: 0,
        seen: Seen::default(),
        watch: Watch::default(),
        traced,
    };
    // Every third run has no faults, so that bugs that need none are found without them.
    if !seed.is_multiple_of(3) {
        let mut upto = |most: u64| u32::try_from(rng_clock.draw() % (most + 1)).unwrap_or(0);
        rng_clock.fault_plan = FaultPlan {
            slow: upto(80),
            store_fails: upto(15),
            append_lost: upto(25),
            outside_fails: upto(150),
            outside_lost: upto(250),
            crash: upto(12),
            twice: upto(300),
            late: upto(400),
        };
        rng_clock.crashes_left = u32::try_from(rng_clock.draw() % 6).unwrap_or(0);
        rng_clock.machine_ms = MACHINE_CLOCKS_MS[usize::try_from(rng_clock.draw() % 4).unwrap_or(0)];
    }
    rng_clock.follow_store_clock();
    CURRENT.with_borrow_mut(|there| *there = Some(rng_clock));
    clock::replace_source(&Simulated);
    random::replace_source(&Simulated);
}

/// Ends the run on this thread: restores the sources, and returns the coverage.
pub(super) fn end() -> Seen {
    clock::replace_source(&ProcessTime);
    random::replace_source(&SystemRandom);
    CURRENT.with_borrow_mut(Option::take).expect("a run has begun").seen
}

fn with<T>(ask: impl FnOnce(&mut RngClock) -> T) -> T {
    CURRENT.with_borrow_mut(|rng_clock| ask(rng_clock.as_mut().expect("this happens in a run")))
}

/// The time of the store's clock, in milliseconds since 1970.
pub(super) fn store_ms() -> i64 {
    with(|rng_clock| rng_clock.true_ms() + rng_clock.step_ms)
}

/// Lets the servers read the store's clock at their usual interval, until the run ends.
pub(super) async fn follow_store_clock() {
    loop {
        sleep(FOLLOW_INTERVAL).await;
        with(RngClock::follow_store_clock);
    }
}

/// Sets the error of the clock of the servers' machine for the whole run.
pub(super) fn set_machine_clock(beyond_ms: i64) {
    with(|rng_clock| {
        rng_clock.machine_ms = beyond_ms;
        rng_clock.followed = StoreClock::default();
        rng_clock.follow_store_clock();
    });
}

/// Sum of the forward jumps of the store's clock that the servers have accepted, in milliseconds.
pub(super) fn forwards_ms() -> i64 {
    with(|rng_clock| rng_clock.forwards_ms)
}

/// The time and the randomness of the run on this thread.
struct Simulated;

impl TimeSource for Simulated {
    fn now(&self) -> Timestamp {
        with(|rng_clock| {
            rng_clock.latest_ms = rng_clock.latest_ms.max(rng_clock.followed_ms());
            Timestamp::from_unix_ms(rng_clock.latest_ms)
        })
    }

    fn store_ms(&self) -> i64 {
        with(|rng_clock| rng_clock.followed_ms())
    }

    fn elapsed(&self) -> Duration {
        elapsed()
    }

    fn sleep(&self, time: Duration) -> clock::Sleep {
        let key = with(|rng_clock| {
            rng_clock.timer_count += 1;
            let at_ns = rng_clock.now_ns.saturating_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
            (at_ns, rng_clock.timer_count)
        });
        Box::pin(Sleep { key })
    }
}

impl RandomSource for Simulated {
    fn id(&self) -> Uuid {
        with(|rng_clock| {
            rng_clock.id_count += 1;
            let random = rng_clock.draw();
            Uuid::from_u128(u128::from(rng_clock.id_count) << 64 | u128::from(random))
        })
    }

    fn bits(&self) -> u32 {
        with(|rng_clock| u32::try_from(rng_clock.draw() >> 32).unwrap_or(0))
    }

    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let drawn = with(|rng_clock| rng_clock.draw().to_be_bytes());
            chunk.copy_from_slice(&drawn[..chunk.len()]);
        }
    }
}

/// The simulated time since the run began.
pub(super) fn elapsed() -> Duration {
    with(|rng_clock| Duration::from_nanos(rng_clock.now_ns))
}

/// Waits by the simulated clock.
pub(super) async fn sleep(time: Duration) {
    clock::sleep(time).await;
}

/// A timer of the simulated clock.
struct Sleep {
    /// When it is due, in nanoseconds since the run began, and its number.
    key: (u64, u64),
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let waker = context.waker().clone();
        let replaced = with(|rng_clock| {
            if rng_clock.now_ns >= self.key.0 {
                return Err(());
            }
            Ok(rng_clock.timers.insert(self.key, waker))
        });
        // Dropping a waker may drop other timers, so it happens outside of the borrow.
        match replaced {
            Ok(_old) => Poll::Pending,
            Err(()) => Poll::Ready(()),
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let key = self.key;
        let _waker =
            CURRENT.with_borrow_mut(|rng_clock| rng_clock.as_mut().and_then(|rng_clock| rng_clock.timers.remove(&key)));
    }
}

/// Advances the time to the next timer; called when no task can run.
pub(super) fn advance() {
    let waker = CURRENT.with_borrow_mut(|rng_clock| {
        let rng_clock = rng_clock.as_mut()?;
        let ((at_ns, _), waker) = rng_clock.timers.pop_first()?;
        rng_clock.now_ns = rng_clock.now_ns.max(at_ns);
        Some(waker)
    });
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// Sets the store's clock forwards or backwards.
pub(super) fn step_clock(by_ms: i64) {
    with(|rng_clock| rng_clock.step_ms += by_ms);
}

/// Sets the store's clock 25 hours forwards, and back before the servers accept the jump.
pub(super) async fn jump_clock_briefly() {
    step_clock(MOMENTARY_JUMP_MS);
    sleep(Duration::from_millis(between(0..10_000))).await;
    step_clock(-MOMENTARY_JUMP_MS);
}

/// A random number below `count`.
pub(super) fn random_below(count: u64) -> u64 {
    with(|rng_clock| rng_clock.draw() % count.max(1))
}

/// A random number of a range.
pub(super) fn between(range: Range<u64>) -> u64 {
    range.start + random_below(range.end - range.start)
}

pub(super) fn pick<T: Clone>(items: &[T]) -> T {
    items[usize::try_from(random_below(items.len() as u64)).unwrap_or(0)].clone()
}

/// `true` with a probability in thousandths.
pub(super) fn chance(thousandths: u32) -> bool {
    random_below(1000) < u64::from(thousandths)
}

/// The present probabilities of faults.
pub(super) fn fault_plan() -> FaultPlan {
    with(|rng_clock| rng_clock.fault_plan)
}

/// Lets every call of the card gateway fail for a time from the beginning on.
pub(super) fn begin_with_outage(time: Duration) {
    with(|rng_clock| rng_clock.outage_until_ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
}

/// How likely a call of the card gateway fails without effect, in thousandths.
pub(super) fn card_gateway_failures() -> u32 {
    let is_outage = |rng_clock: &mut RngClock| rng_clock.now_ns < rng_clock.outage_until_ns;
    with(|rng_clock| if is_outage(rng_clock) { 1000 } else { rng_clock.fault_plan.outside_fails })
}

/// Ends the injection of faults.
pub(super) fn stop_faults() {
    with(|rng_clock| {
        rng_clock.fault_plan = FaultPlan::default();
        rng_clock.crashes_left = 0;
    });
}

/// Counts a failpoint; returns whether the server crashes there.
pub(super) fn crashes_at(place: &'static str) -> bool {
    with(|rng_clock| {
        let hour = rng_clock.now_ns / HOUR_NS;
        let passed = if rng_clock.points.0 == hour { rng_clock.points.1 + 1 } else { 1 };
        assert!(passed < POINTS_PER_HOUR, "the run goes round in circles, {hour} hours from its beginning");
        rng_clock.points = (hour, passed);
        if rng_clock.watch.record_pass(place, rng_clock.now_ns) {
            return true;
        }
        let likely = u64::from(rng_clock.fault_plan.crash * points::times(place));
        let crashes = rng_clock.crashes_left > 0 && rng_clock.draw() % 10_000 < likely;
        rng_clock.crashes_left -= u32::from(crashes);
        crashes
    })
}

/// Replaces the watch of failpoints; returns the previous one.
pub(super) fn watch(watch: Watch) -> Watch {
    with(|rng_clock| std::mem::replace(&mut rng_clock.watch, watch))
}

/// Stops counting failpoints; the counted ones stay.
pub(super) fn stop_watching() {
    with(|rng_clock| rng_clock.watch.stop());
}

/// Notes a change that outlives the servers.
pub(super) fn mark_change() {
    with(|rng_clock| rng_clock.watch.mark_change(rng_clock.now_ns));
}

/// Counts a covered case.
pub(super) fn mark(coverage: Coverage) {
    with(|rng_clock| rng_clock.seen.mark(coverage));
}

/// Counts a crash at a failpoint.
pub(super) fn mark_crash(place: &'static str) {
    with(|rng_clock| rng_clock.seen.mark_crash(place));
}

/// Prints a line of the trace, if the run is traced.
pub(super) fn trace(line: impl FnOnce() -> String) {
    if let Some((now_ns, step_ms)) = with(|rng_clock| rng_clock.traced.then_some((rng_clock.now_ns, rng_clock.step_ms)))
    {
        let (ms, step_s) = (now_ns / 1_000_000, step_ms / 1000);
        let step = if step_s == 0 { String::new() } else { format!(" (clock {step_s:+} s)") };
        eprintln!("{:>7}.{:03} s{step}  {}", ms / 1000, ms % 1000, line());
    }
}

impl RngClock {
    /// The time of an exact clock, in milliseconds since 1970.
    fn true_ms(&self) -> i64 {
        BEGIN_MS + i64::try_from(self.now_ns / 1_000_000).unwrap_or(i64::MAX / 2)
    }

    fn followed_ms(&self) -> i64 {
        self.true_ms() + self.machine_ms + self.followed.offset_ms
    }

    fn follow_store_clock(&mut self) {
        let jumped_ms = self.followed.apply_reading(self.step_ms - self.machine_ms).unwrap_or(0);
        self.forwards_ms += jumped_ms.max(0);
    }

    /// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}
