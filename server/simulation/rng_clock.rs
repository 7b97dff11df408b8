//! Time and chance of one simulated run, in the hands of its seed.
//!
//! There is one for each thread, and a run has its thread to itself. Time stands still while anything can be done, and
//! jumps to the next moment that somebody waits for when nothing can. The store has a clock, which may be set, and the
//! servers' machine another, which may be wrong; the servers follow the store's as real ones do (`crate::clock`). What
//! is random comes from one generator. So a run is the same each time: as long as it iterates over no hash map, asks no
//! other clock and starts no thread.

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

/// When every run begins: 2026-01-01T00:00:00Z.
const BEGIN_MS: i64 = 1_767_225_600_000;
/// So many failpoints are passed within an hour of the run's time at most; a run that passes more goes round in
/// circles. Two servers that have nothing to do pass some 63,000, as they keep their leases.
const POINTS_PER_HOUR: u64 = 200_000;
const HOUR_NS: u64 = 3600 * 1_000_000_000;

/// What the clock of the servers' machine may show beyond the right time: nothing, two days more, or an hour less.
const MACHINE_CLOCKS_MS: [i64; 4] = [0, 0, 2 * 24 * 3_600_000, -3_600_000];

/// Longer than any deadline of a shop, and than an answer is kept.
const MOMENTARY_JUMP_MS: i64 = 25 * 3_600_000;

thread_local! {
    static FATE: RefCell<Option<RngClock>> = const { RefCell::new(None) };
}

/// How likely trouble is, in thousandths of the times that it could strike.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FaultPlan {
    /// A call takes noticeably long.
    pub(super) slow: u32,
    /// A call of the log fails and has no effect.
    pub(super) store_fails: u32,
    /// An append lands, and its caller is told that it failed.
    pub(super) append_lost: u32,
    /// A call of another system fails and has no effect.
    pub(super) outside_fails: u32,
    /// A call of another system has its effect, and its answer is lost.
    pub(super) outside_lost: u32,
    /// The server dies.
    pub(super) crash: u32,
    /// Events of the card gateway come twice.
    pub(super) twice: u32,
    /// Events of the card gateway come late.
    pub(super) late: u32,
}

struct RngClock {
    state: u64,
    now_ns: u64,
    /// What the store's clock shows beyond that.
    step_ms: i64,
    /// What the clock of the servers' machine shows beyond it.
    machine_ms: i64,
    /// The store's clock as the servers follow it, and the latest time that they have shown.
    followed: StoreClock,
    latest_ms: i64,
    /// By how much the servers have followed the store's clock forwards.
    forwards_ms: i64,
    timers: BTreeMap<(u64, u64), Waker>,
    timer_count: u64,
    id_count: u64,
    /// An hour of the run's time, and how many failpoints were passed within it.
    points: (u64, u64),
    crashes_left: u32,
    climate: FaultPlan,
    seen: Seen,
    watch: Watch,
    tells: bool,
}

/// Gives this thread's time and chance to a seed.
pub(super) fn begin(seed: u64, tells: bool) {
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
        climate: FaultPlan::default(),
        seen: Seen::default(),
        watch: Watch::default(),
        tells,
    };
    // Every third run is calm, so that what goes wrong without trouble is found without trouble.
    if !seed.is_multiple_of(3) {
        let mut upto = |most: u64| u32::try_from(rng_clock.draw() % (most + 1)).unwrap_or(0);
        rng_clock.climate = FaultPlan {
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
    FATE.with_borrow_mut(|there| *there = Some(rng_clock));
    clock::replace_source(&Simulated);
    random::replace_source(&Simulated);
}

/// Gives time and chance back to the world, and tells what was seen.
pub(super) fn end() -> Seen {
    clock::replace_source(&ProcessTime);
    random::replace_source(&SystemRandom);
    FATE.with_borrow_mut(Option::take).expect("a run has begun").seen
}

fn with<T>(ask: impl FnOnce(&mut RngClock) -> T) -> T {
    FATE.with_borrow_mut(|rng_clock| ask(rng_clock.as_mut().expect("this happens in a run")))
}

/// The time that the store's clock shows.
pub(super) fn store_ms() -> i64 {
    with(|rng_clock| rng_clock.true_ms() + rng_clock.step_ms)
}

/// The servers read the store's clock now and then, as long as the run goes on.
pub(super) async fn follows_store_clock() {
    loop {
        pass(FOLLOW_INTERVAL).await;
        with(RngClock::follow_store_clock);
    }
}

/// What the clock of the servers' machine shows beyond the right time, from the beginning on.
pub(super) fn machine_shows(beyond_ms: i64) {
    with(|rng_clock| {
        rng_clock.machine_ms = beyond_ms;
        rng_clock.followed = StoreClock::default();
        rng_clock.follow_store_clock();
    });
}

/// By how much the servers have followed the store's clock forwards, in milliseconds.
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
}

/// The simulated time since the run began.
pub(super) fn elapsed() -> Duration {
    with(|rng_clock| Duration::from_nanos(rng_clock.now_ns))
}

/// Waits by the simulated clock.
pub(super) async fn pass(time: Duration) {
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
        // What a waker lets go of may wait too, so it is dropped only now.
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
            FATE.with_borrow_mut(|rng_clock| rng_clock.as_mut().and_then(|rng_clock| rng_clock.timers.remove(&key)));
    }
}

/// Nothing can be done: lets the time jump to the next moment that somebody waits for.
pub(super) fn jump() {
    let waker = FATE.with_borrow_mut(|rng_clock| {
        let rng_clock = rng_clock.as_mut()?;
        let ((at_ns, _), waker) = rng_clock.timers.pop_first()?;
        rng_clock.now_ns = rng_clock.now_ns.max(at_ns);
        Some(waker)
    });
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// The store's clock is set, forwards or backwards.
pub(super) fn step_clock(by_ms: i64) {
    with(|rng_clock| rng_clock.step_ms += by_ms);
}

/// The store's clock shows 25 hours more, for a shorter time than it takes a server to believe it.
pub(super) async fn jumps_for_a_moment() {
    step_clock(MOMENTARY_JUMP_MS);
    pass(Duration::from_millis(between(0..10_000))).await;
    step_clock(-MOMENTARY_JUMP_MS);
}

/// One of so many, from 0.
pub(super) fn one_of(count: u64) -> u64 {
    with(|rng_clock| rng_clock.draw() % count.max(1))
}

/// A number of a range.
pub(super) fn between(range: Range<u64>) -> u64 {
    range.start + one_of(range.end - range.start)
}

/// One of these.
pub(super) fn pick<T: Clone>(items: &[T]) -> T {
    items[usize::try_from(one_of(items.len() as u64)).unwrap_or(0)].clone()
}

/// True in so many of a thousand cases.
pub(super) fn strikes(thousandths: u32) -> bool {
    one_of(1000) < u64::from(thousandths)
}

/// How likely trouble is now.
pub(super) fn climate() -> FaultPlan {
    with(|rng_clock| rng_clock.climate)
}

/// Every call of another system fails from now on.
pub(super) fn fail_outside_calls() {
    with(|rng_clock| rng_clock.climate.outside_fails = 1000);
}

/// No more trouble from now on.
pub(super) fn calm() {
    with(|rng_clock| {
        rng_clock.climate = FaultPlan::default();
        rng_clock.crashes_left = 0;
    });
}

/// Whether the server dies at a failpoint that it passes.
pub(super) fn crashes_here(place: &'static str) -> bool {
    with(|rng_clock| {
        let hour = rng_clock.now_ns / HOUR_NS;
        let passed = if rng_clock.points.0 == hour { rng_clock.points.1 + 1 } else { 1 };
        assert!(passed < POINTS_PER_HOUR, "the run goes round in circles, {hour} hours from its beginning");
        rng_clock.points = (hour, passed);
        if rng_clock.watch.passes(place, rng_clock.now_ns) {
            return true;
        }
        let likely = u64::from(rng_clock.climate.crash * points::times(place));
        let crashes = rng_clock.crashes_left > 0 && rng_clock.draw() % 10_000 < likely;
        rng_clock.crashes_left -= u32::from(crashes);
        crashes
    })
}

/// Failpoints are watched like this from now on. Answers what watched them before.
pub(super) fn watch(watch: Watch) -> Watch {
    with(|rng_clock| std::mem::replace(&mut rng_clock.watch, watch))
}

/// Failpoints are not counted any more; those that were are kept.
pub(super) fn stops_watching() {
    with(|rng_clock| rng_clock.watch.stops());
}

/// Something has happened that outlives the servers.
pub(super) fn changes() {
    with(|rng_clock| rng_clock.watch.changes(rng_clock.now_ns));
}

/// Something worth counting has happened.
pub(super) fn mark(scene: Coverage) {
    with(|rng_clock| rng_clock.seen.mark(scene));
}

/// A server died at a failpoint.
pub(super) fn mark_crash(place: &'static str) {
    with(|rng_clock| rng_clock.seen.mark_crash(place));
}

/// Tells a line of the story, where the story is told.
pub(super) fn tell(line: impl FnOnce() -> String) {
    if let Some((now_ns, step_ms)) = with(|rng_clock| rng_clock.tells.then_some((rng_clock.now_ns, rng_clock.step_ms)))
    {
        let (ms, step_s) = (now_ns / 1_000_000, step_ms / 1000);
        let step = if step_s == 0 { String::new() } else { format!(" (clock {step_s:+} s)") };
        eprintln!("{:>7}.{:03} s{step}  {}", ms / 1000, ms % 1000, line());
    }
}

impl RngClock {
    /// The time that a right clock shows.
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
