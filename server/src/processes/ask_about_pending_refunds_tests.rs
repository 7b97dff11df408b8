//! Pending refunds, on a real log in memory whose clock the tests control.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use storefront_api::{PaymentStatus, Timestamp};
use storefront_domain::payment::{Payment, RefundProgress};
use storefront_eventlog::{Filter, Position};

use super::*;
use crate::integrations::gateway_lists::ListedRefund;
use crate::testing::{FakeCards, a_log_with_clock, card, euro, order, payment};

const START_MS: i64 = 1_772_366_400_000;

fn a_refund() -> RefundId {
    RefundId(Uuid::from_u128(u128::MAX))
}

struct World {
    store: Store,
    gateway: Arc<FakeCards>,
    now_ms: Arc<AtomicI64>,
}

impl World {
    /// A refund of 5.00 of 20.00 is pending at the gateway, and its timer is set.
    async fn begins() -> Self {
        let (store, now_ms) = a_log_with_clock(START_MS);
        let world = Self { store, gateway: Arc::default(), now_ms };
        let refund_id = a_refund();
        let events = [
            PaymentEvent::Requested { order_id: order(1), amount: euro(2000), method: card() },
            PaymentEvent::Succeeded { reference: "pi_1".to_owned() },
            PaymentEvent::RefundRequested {
                refund_id: Some(refund_id),
                amount: euro(500),
                reason: "too small".to_owned(),
            },
            PaymentEvent::RefundPending { refund_id, reference: "re_1".to_owned() },
        ];
        let at = Timestamp::from_unix_ms(START_MS);
        crate::testing::write(&world.store, at, "order 1", streams::payment(payment(1)), &events).await;
        let filter = Filter { types: vec![SUBSCRIPTION.types[0].to_owned()], ..Filter::default() };
        for recorded in world.store.read_all(Position(0), 10, &filter).await.unwrap().events {
            let delivery = Delivery::first(recorded, SUBSCRIPTION.name);
            handle(world.store.clone(), Timers::new(SUBSCRIPTION.name), delivery).await.unwrap();
        }
        world
    }

    fn gateway_says(&self, progress: Option<RefundProgress>) {
        let listed = |progress| {
            let (amount, refund_id, reason) = (euro(500), Some(a_refund()), None);
            vec![ListedRefund { reference: "re_1".to_owned(), amount, refund_id, reason, progress }]
        };
        *self.gateway.listed.lock().unwrap() = progress.map(listed);
    }

    /// Advances the clock by some hours and fires the due timers.
    async fn after_hours(&self, hours: i64) {
        self.now_ms.fetch_add(hours * 3_600_000, Ordering::Relaxed);
        let gateway = self.gateway.clone();
        let handle_timer = move |store, timer| handle_timer(store, gateway.clone(), timer);
        Timers::new(SUBSCRIPTION.name).fire_all_due(&self.store, &handle_timer).await.unwrap();
    }

    async fn payment(&self) -> Arc<Payment> {
        aggregates::load::<PaymentEvent>(&self.store, &streams::payment(payment(1))).await.unwrap().0
    }
}

#[tokio::test]
async fn a_refund_that_pends_for_days_is_asked_about_until_it_has_succeeded() {
    let world = World::begins().await;
    let head = world.store.head().await.unwrap();
    for told in [None, Some(RefundProgress::Pending), None] {
        world.gateway_says(told);
        world.after_hours(24).await;
        assert_eq!(world.payment().await.status(), PaymentStatus::Refunding);
        assert_eq!(world.store.head().await.unwrap(), head, "nothing new is no event");
    }
    world.gateway_says(Some(RefundProgress::Succeeded));
    world.after_hours(24).await;
    let payment = world.payment().await;
    assert_eq!((payment.kept(), payment.status()), (1_500, PaymentStatus::Paid));
    let stream = streams::payment(crate::testing::payment(1));
    let last = world.store.read_stream(&stream, storefront_eventlog::Version(5), 1).await.unwrap();
    assert_eq!((last[0].kind(), last[0].correlation_id()), ("payment.refunded", "order 1"));
    assert_eq!(world.store.next_due(SUBSCRIPTION.name).await.unwrap(), None, "there is nothing left to ask");
}

#[tokio::test]
async fn a_refund_that_fails_after_days_leaves_the_money_with_the_shop() {
    let world = World::begins().await;
    world.gateway_says(Some(RefundProgress::Failed { detail: "the account is closed".to_owned() }));
    world.after_hours(50).await;
    let payment = world.payment().await;
    assert_eq!((payment.kept(), payment.left(), payment.status()), (2_000, Some(euro(2_000)), PaymentStatus::Paid));
}
