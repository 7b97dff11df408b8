//! Charges of a fake gateway, compared with a real log in memory.

use std::sync::Arc;

use storefront_api::PaymentStatus;
use storefront_domain::order::OrderEvent;
use storefront_domain::payment::RefundProgress;
use storefront_eventlog::StreamName;

use super::*;
use crate::store::commands::Condition;
use crate::testing::{FakeCards, added, at_second, card, checked_out, euro, order, payment, started};

struct World {
    store: Store,
    cards: Arc<FakeCards>,
    reconciliation: Reconciliation,
}

impl World {
    /// A gateway with these charges, and no refunds.
    fn with(charges: Vec<ListedCharge>) -> Self {
        let store = crate::testing::a_log();
        let cards = Arc::new(FakeCards::default());
        *cards.charges.lock().unwrap() = charges;
        *cards.listed.lock().unwrap() = Some(Vec::new());
        let reconciliation = Reconciliation::new(store.clone(), cards.clone());
        Self { store, cards, reconciliation }
    }

    async fn write<E: aggregates::AggregateEvent>(&self, stream: StreamName, events: &[E]) {
        crate::testing::write(&self.store, clock::now(), "test", stream, events).await;
    }

    /// An order that was checked out, with the events of its payment.
    async fn has_order(&self, number: u128, events: &[PaymentEvent]) {
        let history = [started(), added("mug", 1), checked_out(payment(number), 1000)];
        self.write::<OrderEvent>(streams::order(order(number)), &history).await;
        if !events.is_empty() {
            self.write(streams::payment(payment(number)), events).await;
        }
    }

    async fn unmatched(&self) -> Vec<(String, UnmatchedReason)> {
        let unmatched = self.reconciliation.compare().await.unwrap();
        assert!(unmatched.complete);
        assert_eq!(self.reconciliation.count().await.unwrap(), unmatched.items.len());
        unmatched.items.into_iter().map(|charge| (charge.reference, charge.reason)).collect()
    }

    async fn refund(&self, reference: &str) -> Result<PaymentId, UnmatchedRefundError> {
        let cause = Cause { correlation_id: "a request".to_owned(), causation_id: None, actor: "Ada".to_owned() };
        let context = Context { cause, customer_id: None, idempotency: None, condition: Condition::Any };
        let reply = |id: PaymentId, _: &Payment| {
            Ok(Reply { status: 202, location: None, version: None, body: serde_json::to_value(id)? })
        };
        let done = self.reconciliation.refund(reference, Currency::EUR, &context, reply).await?;
        Ok(serde_json::from_value(done.reply.body).unwrap())
    }

    async fn payment(&self, id: PaymentId) -> Arc<Payment> {
        aggregates::load::<PaymentEvent>(&self.store, &streams::payment(id)).await.unwrap().0
    }
}

/// A charge of 10.00 for an order, under its payment.
fn charge(reference: &str, number: u128) -> ListedCharge {
    ListedCharge {
        reference: reference.to_owned(),
        amount: euro(1000),
        given_back: euro(0),
        order_id: Some(order(number)),
        payment_id: Some(payment(number)),
        charged_at: at_second(1),
    }
}

fn requested(number: u128) -> PaymentEvent {
    PaymentEvent::Requested { order_id: order(number), amount: euro(1000), method: card() }
}

fn succeeded(reference: &str) -> PaymentEvent {
    PaymentEvent::Succeeded { reference: reference.to_owned() }
}

#[tokio::test]
async fn a_charge_is_in_the_books_when_a_payment_asked_for_it_and_otherwise_it_is_said_why_not() {
    let elsewhere = ListedCharge { order_id: None, payment_id: None, ..charge("pi_elsewhere", 8) };
    let gone = ListedCharge { given_back: euro(1000), ..charge("pi_gone", 9) };
    let charges = [
        charge("pi_paid", 1),
        charge("pi_under_way", 2),
        charge("pi_lost", 3),
        charge("pi_second", 4),
        ListedCharge { amount: euro(1001), ..charge("pi_more", 5) },
        ListedCharge { amount: euro(999), ..charge("pi_less", 6) },
        charge("pi_not_asked_for", 7),
        elsewhere,
        gone,
    ];
    let world = World::with(charges.to_vec());
    world.has_order(1, &[requested(1), succeeded("pi_paid")]).await;
    world.has_order(2, &[requested(2)]).await;
    world.has_order(4, &[requested(4), succeeded("pi_first")]).await;
    world.has_order(5, &[requested(5), succeeded("pi_more")]).await;
    world.has_order(6, &[requested(6)]).await;
    world.has_order(7, &[]).await;
    let expected = [
        ("pi_lost", UnmatchedReason::NoOrder),
        ("pi_second", UnmatchedReason::NoPayment),
        ("pi_more", UnmatchedReason::OtherAmount),
        ("pi_less", UnmatchedReason::OtherAmount),
        ("pi_not_asked_for", UnmatchedReason::NoPayment),
        ("pi_elsewhere", UnmatchedReason::NoOrder),
    ];
    assert_eq!(world.unmatched().await, expected.map(|(reference, reason)| (reference.to_owned(), reason)));
}

#[tokio::test]
async fn a_charge_without_an_order_is_entered_and_its_refund_asked_for_once() {
    let elsewhere = ListedCharge { order_id: None, payment_id: None, ..charge("pi_elsewhere", 8) };
    let world = World::with(vec![charge("pi_lost", 3), charge("pi_second", 4), elsewhere]);
    world.has_order(4, &[requested(4), succeeded("pi_first")]).await;
    for reference in ["pi_lost", "pi_second", "pi_elsewhere"] {
        let id = world.refund(reference).await.unwrap();
        assert_eq!(id == payment(3), reference == "pi_lost", "the payment of an order that is here stays as it is");
        let entered = world.payment(id).await;
        assert_eq!((entered.reference(), entered.status()), (Some(reference), PaymentStatus::Refunding));
        assert_eq!((entered.left(), entered.refunds().len()), (Some(euro(0)), 1));
        assert!(matches!(world.refund(reference).await, Err(UnmatchedRefundError::Matched)), "{reference}");
    }
    assert_eq!(world.unmatched().await, []);
    assert!(matches!(world.refund("pi_first").await, Err(UnmatchedRefundError::NotFound)));
}

#[tokio::test]
async fn what_went_back_at_the_gateway_itself_is_entered_too_and_only_the_rest_is_asked_for() {
    let world = World::with(vec![ListedCharge { given_back: euro(400), ..charge("pi_lost", 3) }]);
    *world.cards.listed.lock().unwrap() = Some(vec![ListedRefund {
        reference: "re_1".to_owned(),
        amount: euro(400),
        refund_id: None,
        reason: None,
        progress: RefundProgress::Succeeded,
    }]);
    let entered = world.payment(world.refund("pi_lost").await.unwrap()).await;
    let amounts: Vec<Money> = entered.refunds().iter().map(|refund| refund.amount).collect();
    assert_eq!((amounts, entered.kept()), (vec![euro(400), euro(600)], 600));
}

#[tokio::test]
async fn money_that_is_in_the_books_or_in_another_currency_is_not_given_back_from_here() {
    let yen = Money::new(1000, "JPY".parse().unwrap());
    let foreign = ListedCharge { amount: yen, given_back: Money::zero(yen.currency), ..charge("pi_yen", 3) };
    let world =
        World::with(vec![charge("pi_paid", 1), ListedCharge { amount: euro(1001), ..charge("pi_more", 5) }, foreign]);
    world.has_order(1, &[requested(1), succeeded("pi_paid")]).await;
    world.has_order(5, &[requested(5), succeeded("pi_more")]).await;
    let head = world.store.head().await.unwrap();
    assert!(matches!(world.refund("pi_paid").await, Err(UnmatchedRefundError::Matched)));
    assert!(matches!(world.refund("pi_more").await, Err(UnmatchedRefundError::Matched)));
    assert!(matches!(world.refund("pi_yen").await, Err(UnmatchedRefundError::OtherCurrency { .. })));
    assert_eq!(world.store.head().await.unwrap(), head, "nothing was written");
}
