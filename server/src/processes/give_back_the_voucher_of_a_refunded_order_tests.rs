//! Which refunded orders release their voucher, and when.

use storefront_api::{Money, RefundId, VoucherCode};
use storefront_domain::OrderNumber;
use storefront_domain::order::OrderEvent;
use storefront_domain::voucher::{Voucher, VoucherEvent, VoucherStage};
use storefront_eventlog::{Filter, Position, StreamName, Version};
use uuid::Uuid;

use super::*;
use crate::testing::{added, at_second, card, checked_out, euro, order, payment, started};

fn code() -> VoucherCode {
    "ab12c".parse().unwrap()
}

async fn write<E: aggregates::AggregateEvent>(store: &Store, stream: StreamName, events: &[E]) {
    crate::testing::write(store, at_second(1), "order 1", stream, events).await;
}

/// The state of the voucher of an order over 20.00 less 5.00, after refunds of these amounts.
async fn stage_after(refunds: &[i64]) -> VoucherStage {
    let store = crate::testing::a_log();
    let order_id = order(1);
    let applied = OrderEvent::VoucherApplied { code: code(), amount: euro(500) };
    let confirmed = OrderEvent::Confirmed { number: OrderNumber::from_position(7) };
    let bought = [started(), added("mug", 2), applied, checked_out(payment(1), 1_500), confirmed];
    write(&store, streams::order(order_id), &bought).await;
    let issued = VoucherEvent::Issued { customer_id: None, order_id: order(9), amount: euro(500) };
    let used = [issued, VoucherEvent::Reserved { order_id }, VoucherEvent::Redeemed { order_id }];
    write(&store, streams::voucher(&code()), &used).await;
    let asked = PaymentEvent::Requested { order_id, amount: euro(1_500), method: card() };
    let mut events = vec![asked, PaymentEvent::Succeeded { reference: "pi_1".to_owned() }];
    for (number, amount) in refunds.iter().enumerate() {
        let refund_id = Some(RefundId(Uuid::from_u128(u128::MAX - number as u128)));
        let (amount, reference): (Money, _) = (euro(*amount), format!("re_{number}"));
        events.push(PaymentEvent::RefundRequested { refund_id, amount, reason: "broken".to_owned() });
        events.push(PaymentEvent::Refunded { refund_id, amount, reference });
    }
    write(&store, streams::payment(payment(1)), &events).await;
    handle_all(&store, Position(0)).await;
    stage(&store).await
}

#[tokio::test]
async fn a_voucher_comes_back_when_all_that_was_paid_has_gone_back_and_not_before() {
    assert_eq!(stage_after(&[]).await, VoucherStage::Redeemed(order(1)));
    assert_eq!(stage_after(&[1_000]).await, VoucherStage::Redeemed(order(1)));
    assert_eq!(stage_after(&[1_000, 500]).await, VoucherStage::Free);
    assert_eq!(stage_after(&[1_500]).await, VoucherStage::Free);
}

#[tokio::test]
async fn a_voucher_comes_back_when_the_money_has_gone_back_before_the_order_was_confirmed() {
    let store = crate::testing::a_log();
    let order_id = order(1);
    let applied = OrderEvent::VoucherApplied { code: code(), amount: euro(500) };
    let bought = [started(), added("mug", 2), applied, checked_out(payment(1), 1_500)];
    write(&store, streams::order(order_id), &bought).await;
    let issued = VoucherEvent::Issued { customer_id: None, order_id: order(9), amount: euro(500) };
    write(&store, streams::voucher(&code()), &[issued, VoucherEvent::Reserved { order_id }]).await;
    let (refund_id, amount, reference) = (RefundId(Uuid::from_u128(7)), euro(1_500), "re_1".to_owned());
    let refunded_at_the_gateway = [
        PaymentEvent::Requested { order_id, amount, method: card() },
        PaymentEvent::Succeeded { reference: "pi_1".to_owned() },
        PaymentEvent::RefundFound { refund_id, reference: reference.clone(), amount },
        PaymentEvent::Refunded { refund_id: Some(refund_id), amount, reference },
    ];
    write(&store, streams::payment(payment(1)), &refunded_at_the_gateway).await;
    handle_all(&store, Position(0)).await;
    assert_eq!(stage(&store).await, VoucherStage::Reserved(order(1)), "the checkout is not over");
    let before = store.head().await.unwrap();
    write(&store, streams::voucher(&code()), &[VoucherEvent::Redeemed { order_id }]).await;
    write(&store, streams::order(order_id), &[OrderEvent::Confirmed { number: OrderNumber::from_position(7) }]).await;
    handle_all(&store, before).await;
    assert_eq!(stage(&store).await, VoucherStage::Free);
}

/// Delivers every event after a position, twice.
async fn handle_all(store: &Store, after: Position) {
    let filter = Filter { types: SUBSCRIPTION.types.iter().map(ToString::to_string).collect(), ..Filter::default() };
    for recorded in store.read_all(after, 100, &filter).await.unwrap().events {
        for _ in 0..2 {
            handle(store.clone(), Delivery::first(recorded.clone(), SUBSCRIPTION.name)).await.unwrap();
        }
    }
}

async fn stage(store: &Store) -> VoucherStage {
    let (voucher, version) = aggregates::load::<VoucherEvent>(store, &streams::voucher(&code())).await.unwrap();
    assert!(version <= Version(4), "it goes back once");
    let Voucher::Issued { stage, .. } = &*voucher else { panic!("{voucher:?}") };
    *stage
}
