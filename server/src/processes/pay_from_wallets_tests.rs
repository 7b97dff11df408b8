//! Wallet payments on a real log in memory: each event is handled, and then once more.

use std::sync::Arc;

use storefront_domain::order::OrderEvent;
use storefront_domain::payment::Payment;
use storefront_eventlog::{Filter, Position, Recorded, StreamName, Version};
use uuid::Uuid;

use super::*;
use crate::testing::{added, at_second, euro, order, payment, started};

fn ada() -> CustomerId {
    CustomerId(Uuid::from_u128(77))
}

struct World {
    store: Store,
}

impl World {
    /// Order 1 of a customer whose wallet has a balance, and payment 1 of 20.00 for it.
    async fn with_balance(balance: i64) -> Self {
        let world = Self { store: crate::testing::a_log() };
        world.write(streams::wallet(ada()), &[WalletEvent::Opened { balance: euro(balance) }]).await;
        let of_ada = OrderEvent::Started { customer_id: Some(ada()), currency: storefront_api::Currency::EUR };
        world.write(streams::order(order(1)), &[of_ada, added("mug", 2)]).await;
        world.asks_for_the_money().await;
        world
    }

    async fn asks_for_the_money(&self) {
        let (order_id, amount, method) = (order(1), euro(2_000), PaymentMethod::Wallet);
        self.write(streams::payment(payment(1)), &[PaymentEvent::Requested { order_id, amount, method }]).await;
    }

    async fn write<E: aggregates::AggregateEvent>(&self, stream: StreamName, events: &[E]) {
        crate::testing::write(&self.store, at_second(1), "order 1", stream, events).await;
    }

    /// Handles every event of the log twice; the second time must change nothing.
    async fn settles(&self) {
        let filter =
            Filter { types: SUBSCRIPTION.types.iter().map(ToString::to_string).collect(), ..Filter::default() };
        for recorded in self.store.read_all(Position(0), 1000, &filter).await.unwrap().events {
            self.handle(recorded.clone()).await;
            let head = self.store.head().await.unwrap();
            self.handle(recorded).await;
            assert_eq!(self.store.head().await.unwrap(), head, "an event had an effect twice");
        }
    }

    async fn handle(&self, recorded: Arc<Recorded>) {
        handle(self.store.clone(), Delivery::first(recorded, SUBSCRIPTION.name)).await.unwrap();
    }

    async fn payment(&self) -> Payment {
        Arc::unwrap_or_clone(
            aggregates::load::<PaymentEvent>(&self.store, &streams::payment(payment(1))).await.unwrap().0,
        )
    }

    async fn balance(&self) -> Option<Money> {
        let wallet = aggregates::load::<WalletEvent>(&self.store, &streams::wallet(ada())).await.unwrap().0;
        wallet.balance()
    }
}

#[tokio::test]
async fn a_balance_that_is_just_enough_pays_once_in_one_append_with_the_outcome() {
    let world = World::with_balance(2_000).await;
    let before = world.store.head().await.unwrap();
    world.settles().await;
    assert_eq!(world.balance().await, Some(euro(0)));
    assert_eq!(world.payment().await.reference(), Some(streams::wallet(ada()).as_str()));
    let slice = world.store.read_all(before, 10, &Filter::default()).await.unwrap();
    let kinds: Vec<_> = slice.events.iter().map(|recorded| recorded.kind()).collect();
    assert_eq!(kinds, ["wallet.charged", "payment.succeeded"]);
    assert!(slice.events.iter().all(|recorded| recorded.correlation_id() == "order 1"), "the timeline shows it");
}

#[tokio::test]
async fn a_cent_too_little_is_declined_and_left_alone() {
    let world = World::with_balance(1_999).await;
    world.settles().await;
    assert_eq!(world.balance().await, Some(euro(1_999)));
    let Payment::Declined { reason, message, .. } = world.payment().await else { panic!("it is not declined") };
    assert_eq!(reason, "insufficient_funds");
    assert_eq!(message, "The wallet has 19.99 EUR, less than the 20.00 EUR to be paid.");
}

#[tokio::test]
async fn a_guest_has_no_wallet_to_pay_from() {
    let world = World { store: crate::testing::a_log() };
    world.write(streams::order(order(1)), &[started(), added("mug", 2)]).await;
    world.asks_for_the_money().await;
    world.settles().await;
    let Payment::Declined { reason, .. } = world.payment().await else { panic!("it is not declined") };
    assert_eq!(reason, "no_wallet");
}

#[tokio::test]
async fn what_was_paid_comes_back_into_the_same_wallet_once_for_each_refund() {
    let world = World::with_balance(2_500).await;
    world.settles().await;
    for amount in [500, 1_500] {
        let part = PaymentEvent::RefundRequested { refund_id: None, amount: euro(amount), reason: "broken".to_owned() };
        world.write(streams::payment(payment(1)), &[part]).await;
        world.settles().await;
    }
    assert_eq!(world.balance().await, Some(euro(2_500)));
    assert_eq!(world.payment().await.status(), storefront_api::PaymentStatus::Refunded);
    assert_eq!(aggregates::load::<WalletEvent>(&world.store, &streams::wallet(ada())).await.unwrap().1, Version(4));
}
