//! Effects of wrong clocks on a shop: one kind of wrong clock at a time, in shops without other faults.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use storefront_api::ReopenReason;
use storefront_domain::checkout::CheckoutEvent;
use storefront_domain::payment::PaymentEvent;

use super::ledger::Ledger;
use super::rng_clock;
use super::world::World;
use super::{on_every_core, run_shop, run_to_its_end};

/// For how long an event may be on its way to the log after it was dated, with some seconds that a server takes for
/// drift of the store's clock: by so much a reservation may seem too short, and an event may be dated before what it
/// follows.
const TOLERANCE: Duration = Duration::from_secs(60);
/// By how much a reservation may end late, and how long a payment may wait for its first attempt, in a calm shop.
const MAX_DELAY: Duration = Duration::from_secs(10 * 60);
const HOUR_MS: i64 = 3_600_000;
/// Number of shops for each kind of wrong clock.
const SHOPS: u64 = 12;

/// No clock lets a reservation end before its time. A jump forwards that the servers followed counts as time.
pub(super) fn goods_are_kept_as_long_as_promised(world: &World, ledger: &Ledger, wrong: &mut Vec<String>) {
    let followed = Duration::from_millis(u64::try_from(rng_clock::forwards_ms()).unwrap_or_default());
    let life = world.config.reservation_life;
    for kept in reservations_that_ended(world, ledger) {
        if kept + followed + TOLERANCE < life {
            wrong.push(format!("goods were given back after {kept:?}, not {life:?}"));
        }
    }
}

/// How long goods were kept that were not paid in time.
fn reservations_that_ended(world: &World, ledger: &Ledger) -> Vec<Duration> {
    let mut all = Vec::new();
    for events in ledger.checkouts.values() {
        let mut reserved = None;
        for (at, event) in events.iter().filter(|(at, _)| *at > ledger.past) {
            if let CheckoutEvent::StockReserved = event {
                reserved = Some(world.log.written_at(*at));
            }
            if let CheckoutEvent::Failed { reason: ReopenReason::ReservationExpired } = event {
                all.extend(reserved.map(|reserved| world.log.written_at(*at).saturating_sub(reserved)));
            }
        }
    }
    all
}

/// What happens to an order is dated in the order in which it happens, but for the time that it takes.
pub(super) fn time_never_goes_back(world: &World, ledger: &Ledger, wrong: &mut Vec<String>) {
    let mut latest = BTreeMap::new();
    let events = world.events();
    let of_orders = events.iter().filter(|recorded| recorded.stream().starts_with("order-"));
    for recorded in of_orders.filter(|recorded| recorded.position > ledger.past) {
        let before = latest.insert(recorded.stream(), recorded.time_ms).unwrap_or(i64::MIN);
        let by_ms = before.saturating_sub(recorded.time_ms);
        if u128::from(by_ms.max(0).unsigned_abs()) > TOLERANCE.as_millis() {
            wrong.push(format!(
                "{} of {} is dated {by_ms} ms before what it follows",
                recorded.kind(),
                recorded.stream()
            ));
        }
    }
}

/// A clock that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WrongClock {
    /// The store's clock shows 25 hours more, for a moment, and again.
    JumpsForAMoment,
    /// The servers' machine shows two days more than the store.
    MachineAhead,
    /// The servers' machine shows an hour less than the store.
    MachineBehind,
    /// The store's clock is set back by an hour when a server has died.
    SetBack,
}

impl WrongClock {
    const ALL: [Self; 4] = [Self::JumpsForAMoment, Self::MachineAhead, Self::MachineBehind, Self::SetBack];

    fn machine_ms(self) -> i64 {
        match self {
            Self::MachineAhead => 48 * HOUR_MS,
            Self::MachineBehind => -HOUR_MS,
            Self::JumpsForAMoment | Self::SetBack => 0,
        }
    }

    async fn apply(self, world: Arc<World>) {
        match self {
            Self::MachineAhead | Self::MachineBehind => {}
            Self::JumpsForAMoment => {
                for _ in 0..15 {
                    rng_clock::sleep(Duration::from_millis(rng_clock::between(1000..40_000))).await;
                    rng_clock::jump_clock_briefly().await;
                }
            }
            Self::SetBack => {
                rng_clock::sleep(Duration::from_millis(rng_clock::between(1000..15_000))).await;
                world.server().await.die("before its clock is set back");
                rng_clock::step_clock(-HOUR_MS);
            }
        }
    }
}

/// Runs a shop of two servers with a wrong clock; returns the violated invariants.
fn run(clock: WrongClock, seed: u64) -> Vec<String> {
    // A multiple of 3 is a seed without random faults.
    rng_clock::begin(3 * seed, false);
    rng_clock::set_machine_clock(clock.machine_ms());
    let world = World::of_several_servers();
    if has_outage(clock, seed) {
        rng_clock::begin_with_outage(2 * world.config.reservation_life + MAX_DELAY);
    }
    let mut broken = run_to_its_end(&world, run_with_wrong_clock(world.clone(), clock));
    broken.extend(delays(clock, &world));
    rng_clock::end();
    broken
}

async fn run_with_wrong_clock(world: Arc<World>, clock: WrongClock) -> Result<(), String> {
    let trouble = tokio::spawn(clock.apply(world.clone()));
    let lived = run_shop(world).await;
    trouble.abort();
    lived
}

/// Whether the card gateway cannot be reached at first, for longer than goods are kept: payments wait and reservations end
/// while the clock is wrong.
fn has_outage(clock: WrongClock, seed: u64) -> bool {
    matches!(clock, WrongClock::MachineAhead | WrongClock::MachineBehind) && seed.is_multiple_of(2)
}

/// Events that the wrong clock has delayed for too long.
fn delays(clock: WrongClock, world: &World) -> Vec<String> {
    let ledger = Ledger::of(world);
    let mut late = Vec::new();
    // In an outage a payment waits until its goods are given back.
    let max_wait = world.config.reservation_life + MAX_DELAY;
    for book in ledger.payments.values() {
        if let [(asked, PaymentEvent::Requested { .. }), (next, _), ..] = &*book.events {
            let waited = world.log.written_at(*next).saturating_sub(world.log.written_at(*asked));
            if waited > max_wait {
                late.push(format!("the payment of order {:?} waited for {waited:?}", book.order_id));
            }
        }
    }
    // What was due before the clock was set back is due later by as much.
    let latest = world.config.reservation_life + MAX_DELAY;
    for kept in reservations_that_ended(world, &ledger) {
        if kept > latest && clock != WrongClock::SetBack {
            late.push(format!("goods were given back only after {kept:?}"));
        }
    }
    late
}

#[test]
fn a_wrong_clock_neither_ends_anything_early_nor_holds_anything_up() {
    for clock in WrongClock::ALL {
        let runs = on_every_core(SHOPS, |seed| (seed, run(clock, seed)));
        let failed = runs.into_iter().filter(|(_, broken)| !broken.is_empty()).min_by_key(|(seed, _)| *seed);
        if let Some((seed, broken)) = failed {
            panic!("{clock:?} breaks what must hold in shop {seed}:\n  {}", broken.join("\n  "));
        }
    }
}
