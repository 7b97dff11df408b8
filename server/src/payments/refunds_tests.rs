//! Refunds of one payment on a real log in memory: parked, skipped, retried, and reported late.

use std::sync::Arc;

use storefront_api::{OrderId, PaymentStatus, Timestamp};
use storefront_domain::process::ProcessEvent;
use storefront_eventlog::StreamName;
use uuid::Uuid;

use storefront_domain::payment::RefundProgress;

use super::*;
use crate::clock;
use crate::integrations::card_refunds::RefundOutcome;
use crate::operations::parked::skip_parked;
use crate::processes::engine::retry_policy::HandlerError;
use crate::processes::engine::runner::Delivery;
use crate::processes::take_payments;
use crate::store::aggregates::Cause;
use crate::store::commands::{Condition, Context, Reply};
use crate::store::streams;
use crate::testing::{FakeCards, card, euro, order, payment};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

struct World {
    store: Store,
    cards: Arc<FakeCards>,
}

fn our_order() -> OrderId {
    order(1)
}

fn refund_id(number: u128) -> RefundId {
    RefundId(Uuid::from_u128(u128::MAX - number))
}

fn refund(number: u128, amount: i64) -> PaymentEvent {
    let (refund_id, reason) = (Some(refund_id(number)), "a scratch".to_owned());
    PaymentEvent::RefundRequested { refund_id, amount: euro(amount), reason }
}

impl World {
    /// 66.00 were paid; refunds of 40.00 and then 15.00 were requested a day ago.
    async fn of_two_refunds() -> Self {
        let paid = [
            PaymentEvent::Requested { order_id: our_order(), amount: euro(6_600), method: card() },
            PaymentEvent::Succeeded { reference: "pi_1".to_owned() },
        ];
        Self::with(&[&paid[..], &[refund(1, 4_000), refund(2, 1_500)]].concat()).await
    }

    async fn with(events: &[PaymentEvent]) -> Self {
        let world = Self { store: crate::testing::a_log(), cards: Arc::default() };
        world.write(streams::payment(payment(1)), events).await;
        world
    }

    async fn write<E: aggregates::AggregateEvent>(&self, stream: StreamName, events: &[E]) {
        crate::testing::write(
            &self.store,
            Timestamp::from_unix_ms(clock::now().unix_ms() - DAY_MS),
            &our_order().to_string(),
            stream,
            events,
        )
        .await;
    }

    /// The process `payments` handles the first or second refund request.
    async fn handle(&self, index: usize) -> Result<(), HandlerError> {
        let filter = Filter { types: vec!["payment.refund_requested".to_owned()], ..Filter::default() };
        let asked = self.store.read_all(Position(0), 10, &filter).await.unwrap().events;
        let delivery = Delivery::first(asked[index].clone(), take_payments::SUBSCRIPTION.name);
        take_payments::handle(self.store.clone(), self.cards.clone(), std::time::Duration::from_secs(900), delivery)
            .await
    }

    /// An operator skips the order, which is parked at the first refund request.
    async fn skip(&self) {
        let filter = Filter { types: vec!["payment.refund_requested".to_owned()], ..Filter::default() };
        let position = self.store.read_all(Position(0), 1, &filter).await.unwrap().events[0].position.0;
        let sequence = our_order().to_string();
        let parked = ProcessEvent::SequenceParked { sequence, position, attempts: 1, error: "old".to_owned() };
        self.write(streams::process(take_payments::SUBSCRIPTION.name), &[parked]).await;
        let cause = Cause { correlation_id: our_order().to_string(), causation_id: None, actor: "operator".to_owned() };
        let context = Context { cause, customer_id: None, idempotency: None, condition: Condition::Any };
        let reply = |_: &_| Ok(Reply { status: 200, location: None, version: None, body: serde_json::Value::Null });
        let sequence = our_order().to_string();
        skip_parked(&self.store, take_payments::SUBSCRIPTION.name, &context, &sequence, reply).await.unwrap();
    }

    async fn payment(&self) -> Payment {
        Arc::unwrap_or_clone(
            aggregates::load::<PaymentEvent>(&self.store, &streams::payment(payment(1))).await.unwrap().0,
        )
    }

    fn gateway_has(&self, refunds: Vec<ListedRefund>) {
        *self.cards.listed.lock().unwrap() = Some(refunds);
    }
}

fn listed(number: u128, amount: i64, progress: RefundProgress) -> ListedRefund {
    let (reference, refund_id) = (format!("re_{number}"), Some(refund_id(number)));
    ListedRefund { reference, amount: euro(amount), refund_id, reason: None, progress }
}

fn refund_of(payment: &Payment, number: u128) -> (i64, &RefundState) {
    let refund = payment.refund(refund_id(number)).unwrap();
    (refund.amount.amount, &refund.state)
}

#[tokio::test]
async fn a_parked_refund_that_is_skipped_has_failed_and_the_next_is_booked_under_its_own_amount() {
    let world = World::of_two_refunds().await;
    let refused = world.handle(0).await;
    assert!(
        matches!(&refused, Err(HandlerError::Permanent(text)) if text.contains("skip to give the refund up")),
        "{refused:?}"
    );
    assert_eq!(*world.cards.requested_keys.lock().unwrap(), [""; 0], "nothing is asked for that may have happened");
    world.skip().await;
    let payment = world.payment().await;
    assert!(
        matches!(refund_of(&payment, 1), (4_000, RefundState::Failed { reference: None, detail }) if detail == GIVEN_UP_DETAIL)
    );
    // The gateway answers again and lists nothing: the second refund is made.
    world.gateway_has(vec![]);
    world.cards.refunds.lock().unwrap().push_back(RefundOutcome::Succeeded { reference: "re_2".to_owned() });
    world.handle(1).await.unwrap();
    let payment = world.payment().await;
    assert_eq!(refund_of(&payment, 2), (1_500, &RefundState::Done { reference: "re_2".to_owned() }));
    assert_eq!((payment.kept(), payment.left(), payment.status()), (5_100, Some(euro(5_100)), PaymentStatus::Paid));
    world.handle(0).await.unwrap();
    assert_eq!(world.payment().await, payment, "what was given up is not asked for any more");
    // The gateway turns out to have made the first refund after all.
    world.gateway_has(vec![listed(2, 1_500, RefundProgress::Succeeded), listed(1, 4_000, RefundProgress::Succeeded)]);
    sync_from_gateway(&world.store, &*world.cards, crate::testing::payment(1), "pi_1").await.unwrap();
    let payment = world.payment().await;
    assert_eq!((refund_of(&payment, 1).0, payment.kept()), (4_000, 1_100));
}

#[tokio::test]
async fn a_refund_too_old_for_its_key_is_looked_for_and_asked_for_again_only_where_there_is_none() {
    let world = World::of_two_refunds().await;
    world.gateway_has(vec![listed(1, 4_000, RefundProgress::Pending)]);
    world.handle(0).await.unwrap();
    assert_eq!(refund_of(&world.payment().await, 1).1, &RefundState::Pending { reference: "re_1".to_owned() });
    assert_eq!(*world.cards.requested_keys.lock().unwrap(), [""; 0]);
    world.cards.refunds.lock().unwrap().push_back(RefundOutcome::Pending { reference: "re_2".to_owned() });
    world.handle(1).await.unwrap();
    assert_eq!(world.cards.requested_keys.lock().unwrap().len(), 1);
    assert_eq!(refund_of(&world.payment().await, 2).1, &RefundState::Pending { reference: "re_2".to_owned() });
}

#[tokio::test]
async fn a_refund_that_is_refused_because_the_money_is_gone_ends_when_the_books_say_where_it_is() {
    let world = World::of_two_refunds().await;
    let elsewhere = ListedRefund { refund_id: None, ..listed(7, 6_600, RefundProgress::Succeeded) };
    world.gateway_has(vec![elsewhere]);
    world.cards.refunds.lock().unwrap().push_back(RefundOutcome::Refused { detail: "already refunded".to_owned() });
    world.handle(0).await.unwrap();
    let payment = world.payment().await;
    assert!(matches!(refund_of(&payment, 1).1, RefundState::Failed { reference: None, .. }));
    assert_eq!((payment.kept(), payment.refunds().last().map(|refund| refund.is_found)), (0, Some(true)));
}
