//! Which events park an order, which do not, and that a retry sees what was settled.

use storefront_api::RefundId;
use storefront_domain::payment::DisputeOutcome;
use storefront_eventlog::{Filter, Position};
use uuid::Uuid;

use super::*;
use crate::testing::{at_second, card, euro, order, payment};

fn refund_id(number: u128) -> RefundId {
    RefundId(Uuid::from_u128(u128::MAX - number))
}

fn asked(number: u128, amount: i64) -> PaymentEvent {
    let (refund_id, reason) = (Some(refund_id(number)), "too small".to_owned());
    PaymentEvent::RefundRequested { refund_id, amount: euro(amount), reason }
}

fn refunded(number: u128, amount: i64) -> PaymentEvent {
    let (refund_id, reference) = (Some(refund_id(number)), format!("re_{number}"));
    PaymentEvent::Refunded { refund_id, amount: euro(amount), reference }
}

fn failed(number: u128, detail: &str) -> PaymentEvent {
    PaymentEvent::RefundFailed { refund_id: Some(refund_id(number)), reference: None, detail: detail.to_owned() }
}

fn disputed() -> PaymentEvent {
    PaymentEvent::Disputed { dispute: "dp_1".to_owned(), amount: euro(2_000), reason: "fraudulent".to_owned() }
}

/// The alert for each event of a payment of 20.00 with these events.
async fn alarms(later: &[PaymentEvent]) -> Vec<Option<String>> {
    let store = crate::testing::a_log();
    let paid = [
        PaymentEvent::Requested { order_id: order(1), amount: euro(2_000), method: card() },
        PaymentEvent::Succeeded { reference: "pi_1".to_owned() },
    ];
    let events = [&paid[..], later].concat();
    crate::testing::write(&store, at_second(1), "order 1", streams::payment(payment(1)), &events).await;
    let filter = Filter { types: SUBSCRIPTION.types.iter().map(ToString::to_string).collect(), ..Filter::default() };
    let mut said = Vec::new();
    for recorded in store.read_all(Position(0), 100, &filter).await.unwrap().events {
        let outcome = handle(store.clone(), Delivery::first(recorded, SUBSCRIPTION.name)).await;
        said.push(outcome.err().map(|error| error.to_string()));
    }
    said
}

#[tokio::test]
async fn a_refund_that_failed_waits_for_an_operator_until_its_money_has_gone_back() {
    let said = alarms(&[asked(1, 500), failed(1, "the account is closed")]).await;
    let [Some(text)] = &said[..] else { panic!("{said:?}") };
    assert!(text.contains("5.00 EUR") && text.contains("the account is closed"), "{text}");
    // It succeeded first, and failed later.
    let said = alarms(&[asked(1, 500), refunded(1, 500), failed(1, "returned")]).await;
    assert!(said[0].is_some());
    let said = alarms(&[asked(1, 2_000), failed(1, "closed"), asked(2, 2_000), refunded(2, 2_000)]).await;
    assert_eq!(said, [None], "it has gone back in another way");
    let said = alarms(&[asked(1, 500), failed(1, refunds::GIVEN_UP_DETAIL)]).await;
    assert_eq!(said, [None], "an operator did that");
}

#[tokio::test]
async fn a_dispute_waits_for_an_operator_until_it_is_decided() {
    let said = alarms(&[disputed()]).await;
    assert!(said[0].as_ref().is_some_and(|text| text.contains("dp_1") && text.contains("fraudulent")), "{said:?}");
    let closed = PaymentEvent::DisputeClosed { dispute: "dp_1".to_owned(), outcome: DisputeOutcome::Won };
    assert_eq!(alarms(&[disputed(), closed]).await, [None]);
}
