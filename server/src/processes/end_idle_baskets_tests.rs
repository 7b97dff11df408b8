//! Expiring baskets, on a real log in memory whose clock the tests control.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use storefront_api::{OrderStatus, Timestamp};
use storefront_domain::order::OrderEvent;
use storefront_eventlog::{AppendError, Filter, Position};

use super::*;
use crate::processes::engine::timers::fire;
use crate::store::aggregates;
use crate::testing::{a_log_with_clock, added, checked_out, order, payment, started};

const HOUR_MS: i64 = 3_600_000;
const DAY: Duration = Duration::from_secs(24 * 3600);
const START_MS: i64 = 1_772_366_400_000;

struct World {
    store: Store,
    now_ms: Arc<AtomicI64>,
}

impl World {
    /// A basket is started, and its timer is set.
    async fn begins() -> Self {
        let (store, now_ms) = a_log_with_clock(START_MS);
        let world = Self { store, now_ms };
        world.shopper(&[started(), added("mug", 1)]).await;
        let filter = Filter { types: vec![SUBSCRIPTION.types[0].to_owned()], ..Filter::default() };
        let recorded = world.store.read_all(Position(0), 1, &filter).await.unwrap().events.remove(0);
        let timers = Timers::new(SUBSCRIPTION.name);
        handle(world.store.clone(), DAY, timers, Delivery::first(recorded, SUBSCRIPTION.name)).await.unwrap();
        world
    }

    async fn shopper(&self, events: &[OrderEvent]) {
        let at = Timestamp::from_unix_ms(self.now_ms.load(Ordering::Relaxed));
        crate::testing::write(&self.store, at, "order 1", streams::order(order(1)), events).await;
    }

    async fn after(&self, hours: i64) {
        self.now_ms.fetch_add(hours * HOUR_MS, Ordering::Relaxed);
        let handle_timer = |store, timer| handle_timer(store, DAY, timer);
        Timers::new(SUBSCRIPTION.name).fire_all_due(&self.store, &handle_timer).await.unwrap();
    }

    async fn status(&self) -> OrderStatus {
        aggregates::load::<OrderEvent>(&self.store, &streams::order(order(1))).await.unwrap().0.order.status().unwrap()
    }

    async fn a_timer_is_set(&self) -> bool {
        self.store.next_due(SUBSCRIPTION.name).await.unwrap().is_some()
    }
}

#[tokio::test]
async fn a_basket_in_which_nothing_happens_for_a_day_is_over_once() {
    let world = World::begins().await;
    world.after(23).await;
    assert_eq!(world.status().await, OrderStatus::InProgress);
    world.after(1).await;
    assert_eq!(world.status().await, OrderStatus::Expired);
    let head = world.store.head().await.unwrap();
    world.after(48).await;
    assert_eq!((world.store.head().await.unwrap(), world.a_timer_is_set().await), (head, false));
}

#[tokio::test]
async fn a_basket_that_is_used_lasts_a_day_from_then() {
    let world = World::begins().await;
    world.after(20).await;
    world.shopper(&[added("mug", 1)]).await;
    world.after(4).await;
    assert_eq!(world.status().await, OrderStatus::InProgress);
    world.after(19).await;
    assert_eq!(world.status().await, OrderStatus::InProgress);
    world.after(1).await;
    assert_eq!(world.status().await, OrderStatus::Expired);
}

#[tokio::test]
async fn what_was_bought_is_no_basket_and_does_not_end_so() {
    let world = World::begins().await;
    world.shopper(&[checked_out(payment(1), 1000)]).await;
    world.after(48).await;
    assert_eq!((world.status().await, world.a_timer_is_set().await), (OrderStatus::CheckedOut, false));
}

#[tokio::test]
async fn a_shopper_who_comes_back_in_the_last_moment_is_not_overrun() {
    let world = World::begins().await;
    world.now_ms.fetch_add(24 * HOUR_MS, Ordering::Relaxed);
    let timer = world.store.due_timers(SUBSCRIPTION.name, 1).await.unwrap().remove(0);
    let append = handle_timer(world.store.clone(), DAY, timer.clone()).await.unwrap();
    world.shopper(&[added("mug", 1)]).await;
    let late = world.store.append(append.into_append()).await;
    assert!(matches!(late, Err(AppendError::Conflict { .. })), "{late:?}");
    fire(&world.store, &timer, &|store, timer| handle_timer(store, DAY, timer)).await.unwrap();
    assert_eq!((world.status().await, world.a_timer_is_set().await), (OrderStatus::InProgress, true));
}
