//! Changes and faults around the shop during a run: prices, deliveries, outages, clocks.

use std::sync::Arc;
use std::time::Duration;

use storefront_api::OrderId;
use storefront_domain::process::ProcessEvent;
use storefront_eventlog::{Append, Expected, JsonText, NewEvent, StreamAppend, Version};

use super::coverage::Coverage;
use super::histories;
use super::product_service::a_product;
use super::rng_clock;
use super::shoppers::{RANGE, receive_stock};
use super::wallets;
use super::world::{World, lock};
use crate::processes::engine::start_positions;
use crate::store::aggregates::{AppendBuilder, Cause};
use crate::store::streams;
use crate::{clock, random};

/// Opens the shop: lists the products and receives some stock.
pub(super) async fn open_shop(world: &World) {
    if rng_clock::random_below(6) == 0 {
        histories::start_from_history(world);
    }
    introduce_new_processes(world);
    wallets::open_wallet(world, i64::try_from(rng_clock::between(0..20_000)).unwrap_or(0));
    for id in RANGE {
        world.catalogue().set(a_product(id, a_price(), true));
        let few = u32::try_from(rng_clock::between(1..7)).unwrap_or(1);
        receive_stock(world, &id.parse().expect("it is an id"), few).await;
    }
}

/// Records the start positions of processes, as every start of a shop does first.
pub(super) fn introduce_new_processes(world: &World) {
    let after = world.log.head().0;
    for name in start_positions::PROCESSES_WITH_START_POSITION {
        let cause = Cause { correlation_id: name.to_owned(), causation_id: None, actor: "opening".to_owned() };
        let mut batch = AppendBuilder::new(clock::now(), cause);
        batch.add(streams::process(name), Version(0), &[ProcessEvent::Introduced { after }]);
        world.append(&batch.into_append()).expect("nobody has said so yet");
    }
}

/// Changes prices, withdraws and relists products, and receives stock.
pub(super) async fn operate_shop(world: Arc<World>) {
    for _ in 0..rng_clock::between(0..8) {
        rng_clock::sleep(Duration::from_millis(rng_clock::between(0..8000))).await;
        let id = rng_clock::pick(&RANGE);
        match rng_clock::random_below(5) {
            0 => receive_stock(&world, &id.parse().expect("it is an id"), 1).await,
            1 => {
                let price = a_price();
                world.catalogue().set(a_product(id, price, false));
                rng_clock::sleep(Duration::from_millis(rng_clock::between(0..9000))).await;
                world.catalogue().set(a_product(id, price, true));
            }
            _ => world.catalogue().set(a_product(id, a_price(), true)),
        }
    }
}

/// Makes the card gateway do and report what the shop did not request.
pub(super) async fn interfere_with_payments(world: Arc<World>) {
    for _ in 0..rng_clock::between(0..5) {
        rng_clock::sleep(Duration::from_millis(rng_clock::between(0..20_000))).await;
        if rng_clock::random_below(3) == 0 { world.cancel_at_the_gateway() } else { world.send_wrong_webhook() }
    }
}

/// Injects outages, clock changes, frozen servers and unreadable events.
pub(super) async fn inject_faults(world: Arc<World>) {
    for _ in 0..rng_clock::between(0..7) {
        rng_clock::sleep(Duration::from_millis(rng_clock::between(0..20_000))).await;
        let while_it_lasts = Duration::from_millis(rng_clock::between(500..60_000));
        match rng_clock::random_below(10) {
            0 => {
                rng_clock::trace(|| "the log refuses writes".to_owned());
                world.set_refusing(true);
                rng_clock::sleep(while_it_lasts).await;
                world.set_refusing(false);
            }
            1 => {
                rng_clock::trace(|| "the card gateway is closed".to_owned());
                world.gateway().closed = true;
                rng_clock::sleep(while_it_lasts).await;
                world.gateway().closed = false;
            }
            2 => {
                rng_clock::trace(|| "the mail server is down".to_owned());
                world.set_mail_down(true);
                rng_clock::sleep(while_it_lasts * 2).await;
                world.set_mail_down(false);
            }
            3 => {
                rng_clock::trace(|| "the product service is down".to_owned());
                world.catalogue().closed = true;
                rng_clock::sleep(while_it_lasts * 8).await;
                world.catalogue().closed = false;
            }
            4 => append_unreadable_event(&world),
            5..=7 if world.shared => {
                let server = world.server().await;
                server.set_frozen(true);
                rng_clock::sleep(while_it_lasts / 2).await;
                server.set_frozen(false);
            }
            8 => {
                rng_clock::mark(Coverage::ClockJumpForAMoment);
                rng_clock::trace(|| "the clock jumps for a moment".to_owned());
                rng_clock::jump_clock_briefly().await;
            }
            _ => {
                let by_ms = i64::try_from(rng_clock::random_below(7_200_000)).unwrap_or(0) - 3_600_000;
                rng_clock::step_clock(by_ms);
                rng_clock::mark(Coverage::ClockStep);
                rng_clock::trace(|| "the clock is set".to_owned());
            }
        }
    }
}

/// Appends an event that no code can read, to an order of its own.
fn append_unreadable_event(world: &World) {
    let order_id = OrderId(random::id());
    let event = NewEvent {
        id: random::id(),
        kind: "order.checked_out".to_owned(),
        schema_version: 1,
        time_ms: clock::now().unix_ms(),
        correlation_id: order_id.to_string(),
        causation_id: None,
        actor: "somebody".to_owned(),
        data: JsonText::of(&"poison").expect("it is JSON"),
    };
    let part = StreamAppend { stream: streams::order(order_id), expected: Expected::Any, events: vec![event] };
    lock(&world.unreadable_orders).insert(order_id);
    world.log.append(&Append { streams: vec![part], ..Append::default() }).expect("the stream is new");
    rng_clock::mark(Coverage::UnreadableEvent);
    rng_clock::trace(|| format!("{order_id} has an event that nobody can read"));
}

fn a_price() -> i64 {
    i64::try_from(rng_clock::between(1..5000)).unwrap_or(1)
}
