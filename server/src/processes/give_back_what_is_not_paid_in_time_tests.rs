//! Expiring reservations, on a real log in memory whose clock the tests control.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use storefront_api::{OrderStatus, Timestamp};
use storefront_domain::checkout::CheckoutLine;
use storefront_domain::order::OrderEvent;
use storefront_domain::stock::StockEvent;
use storefront_eventlog::{AppendError, Filter, Position, StreamName};

use super::*;
use crate::processes::engine::timers::fire;
use crate::testing::{a_log_with_clock, added, card, checked_out, euro, order, payment, product, started};

const LIFE: Duration = Duration::from_secs(900);
const START_MS: i64 = 1_772_366_400_000;

struct World {
    store: Store,
    now_ms: Arc<AtomicI64>,
}

impl World {
    /// Order 1 has reserved two of five mugs and is not paid; its timer is set.
    async fn begins() -> Self {
        let (store, now_ms) = a_log_with_clock(START_MS);
        let world = Self { store, now_ms };
        let (order_id, payment_id, quantity) = (order(1), payment(1), 2);
        let until = Timestamp::from_unix_ms(START_MS + 900_000);
        let reserved = StockEvent::Reserved { order_id, quantity, until };
        world.write(streams::stock(&product("mug")), &[StockEvent::Received { quantity: 5 }, reserved]).await;
        world.write(streams::order(order_id), &[started(), added("mug", 2), checked_out(payment_id, 2000)]).await;
        let lines = vec![CheckoutLine { product_id: product("mug"), quantity }];
        let (total, method, email) = (euro(2000), card(), "ada@example.com".to_owned());
        let begun = CheckoutEvent::Started { payment_id, lines, total, method, email };
        world.write(streams::checkout(order_id), &[begun, CheckoutEvent::StockReserved]).await;
        let requested = PaymentEvent::Requested { order_id, amount: euro(2000), method: card() };
        world.write(streams::payment(payment_id), &[requested]).await;
        world.hears_of_the_reservation().await;
        world
    }

    async fn write<E: aggregates::AggregateEvent>(&self, stream: StreamName, events: &[E]) {
        crate::testing::write(&self.store, Timestamp::from_unix_ms(START_MS), "order 1", stream, events).await;
    }

    async fn hears_of_the_reservation(&self) {
        let filter = Filter { types: vec![SUBSCRIPTION.types[0].to_owned()], ..Filter::default() };
        for recorded in self.store.read_all(Position(0), 10, &filter).await.unwrap().events {
            handle(
                self.store.clone(),
                LIFE,
                Timers::new(SUBSCRIPTION.name),
                Delivery::first(recorded, SUBSCRIPTION.name),
            )
            .await
            .unwrap();
        }
    }

    async fn pays(&self) {
        let paid = PaymentEvent::Succeeded { reference: "pi_1".to_owned() };
        self.write(streams::payment(payment(1)), &[paid]).await;
    }

    /// Advances the clock by some seconds and fires the due timers.
    async fn after(&self, seconds: i64) {
        self.now_ms.fetch_add(seconds * 1000, Ordering::Relaxed);
        Timers::new(SUBSCRIPTION.name).fire_all_due(&self.store, &handle_timer).await.unwrap();
    }

    async fn order(&self) -> (OrderStatus, Option<ReopenReason>) {
        let order = &aggregates::load::<OrderEvent>(&self.store, &streams::order(order(1))).await.unwrap().0.order;
        (order.status().unwrap(), order.reopened_because().cloned())
    }

    /// The number of reserved mugs.
    async fn reserved(&self) -> u32 {
        aggregates::load::<StockEvent>(&self.store, &streams::stock(&product("mug"))).await.unwrap().0.reserved()
    }

    async fn count(&self, kind: &str) -> usize {
        let filter = Filter { types: vec![kind.to_owned()], ..Filter::default() };
        self.store.read_all(Position(0), 100, &filter).await.unwrap().events.len()
    }

    async fn head(&self) -> u64 {
        self.store.head().await.unwrap().0
    }
}

fn open_again() -> (OrderStatus, Option<ReopenReason>) {
    (OrderStatus::InProgress, Some(ReopenReason::ReservationExpired))
}

#[tokio::test]
async fn what_is_not_paid_in_time_is_given_back_once_and_the_order_is_open_again_with_the_reason() {
    let world = World::begins().await;
    world.after(899).await;
    assert_eq!((world.order().await, world.reserved().await), ((OrderStatus::CheckedOut, None), 2));
    world.after(1).await;
    assert_eq!((world.order().await, world.reserved().await), (open_again(), 0));
    let head = world.head().await;
    world.after(10_000).await;
    assert_eq!(world.head().await, head, "a timer takes effect once");
}

#[tokio::test]
async fn a_timer_that_was_read_by_two_servers_takes_effect_once() {
    let world = World::begins().await;
    world.now_ms.fetch_add(900_000, Ordering::Relaxed);
    let timer = world.store.due_timers(SUBSCRIPTION.name, 1).await.unwrap().remove(0);
    fire(&world.store, &timer, &handle_timer).await.unwrap();
    let again = fire(&world.store, &timer, &handle_timer).await;
    assert!(matches!(again, Err(Failure::Append(AppendError::TimerGone { .. }))), "{again:?}");
    assert_eq!(world.count("order.reopened").await, 1);
    assert_eq!(world.count("stock.released").await, 1);
}

#[tokio::test]
async fn what_fell_due_while_nobody_looked_is_acted_on_at_the_next_start() {
    let world = World::begins().await;
    world.now_ms.fetch_add(24 * 3600 * 1000, Ordering::Relaxed);
    // The event that set the timer is delivered again, as after a crash.
    world.hears_of_the_reservation().await;
    world.after(0).await;
    assert_eq!(world.order().await, open_again());
    world.hears_of_the_reservation().await;
    assert_eq!(world.store.next_due(SUBSCRIPTION.name).await.unwrap(), None, "nothing is kept, so no timer is set");
}

#[tokio::test]
async fn a_payment_that_has_come_in_time_wins_although_the_checkout_has_not_heard_of_it() {
    let world = World::begins().await;
    world.pays().await;
    let head = world.head().await;
    world.after(900).await;
    assert_eq!((world.order().await.0, world.reserved().await, world.head().await), (OrderStatus::CheckedOut, 2, head));
    assert!(world.store.next_due(SUBSCRIPTION.name).await.unwrap().is_some(), "it is looked at again");
    let received = CheckoutEvent::PaymentReceived { payment_id: payment(1) };
    let number = storefront_domain::OrderNumber::from_position(9);
    world.write(streams::checkout(order(1)), &[received, CheckoutEvent::Completed { number }]).await;
    let head = world.head().await;
    world.after(60).await;
    assert_eq!((world.head().await, world.store.next_due(SUBSCRIPTION.name).await.unwrap()), (head, None));
}

#[tokio::test]
async fn a_payment_that_comes_while_the_goods_are_being_given_back_makes_one_outcome_of_two() {
    let world = World::begins().await;
    world.now_ms.fetch_add(900_000, Ordering::Relaxed);
    let timer = world.store.due_timers(SUBSCRIPTION.name, 1).await.unwrap().remove(0);
    let append = handle_timer(world.store.clone(), timer).await.unwrap();
    world.pays().await;
    let late = world.store.append(append.into_append()).await;
    assert!(matches!(late, Err(AppendError::Conflict { .. })), "{late:?}");
    world.after(0).await;
    assert_eq!((world.order().await.0, world.reserved().await), (OrderStatus::CheckedOut, 2));
}
