//! Tests of vouchers, discounts and the spending limit.

use super::*;
use crate::testing::yen;

/// 2 × 5.00 and 12.50, at 19 % VAT.
fn full_basket() -> History {
    an_order().with("socks", 2).with("mug", 1)
}

fn facts() -> [LineFacts; 2] {
    [on_sale("socks", 500), on_sale("mug", 1_250)]
}

#[test]
fn a_voucher_takes_its_amount_off_the_total_and_off_the_vat() {
    let order = full_basket().when(apply_voucher("k3v9q", 500)).then([voucher_applied("k3v9q", 500)]);
    assert_eq!((order.subtotal(), order.discount(), order.total()), (euro(2_250), euro(500), euro(1_750)));
    let tax: Vec<_> = order.tax().iter().map(|tax| (tax.rate_percent, tax.gross.amount, tax.amount.amount)).collect();
    assert_eq!(tax, [(VatRate::percent(19), 1_750, 279)]);
}

#[test]
fn a_voucher_never_takes_the_total_below_zero() {
    let order = full_basket().when(apply_voucher("k3v9q", 9_999)).then([voucher_applied("k3v9q", 9_999)]);
    assert_eq!((order.discount(), order.total()), (euro(2_250), euro(0)));
    assert_eq!(order.tax()[0].amount, euro(0));
}

#[test]
fn another_voucher_takes_the_place_of_the_one_before() {
    let with_one = || full_basket().and(voucher_applied("k3v9q", 500));
    with_one().when(apply_voucher("k3v9q", 500)).then_nothing();
    let order = with_one().when(apply_voucher("aaaa1", 700)).then([voucher_applied("aaaa1", 700)]);
    assert_eq!(order.discount(), euro(700));
    full_basket()
        .when(OrderCommand::ApplyVoucher { code: code("k3v9q"), amount: yen(500) })
        .then_refused(OrderError::WrongCurrency);
}

#[test]
fn a_voucher_can_be_taken_off_again() {
    let with_one = full_basket().and(voucher_applied("k3v9q", 500));
    let order = with_one.when(OrderCommand::RemoveVoucher).then([voucher_removed("k3v9q")]);
    assert_eq!((order.voucher(), order.total()), (None, euro(2_250)));
    full_basket().when(OrderCommand::RemoveVoucher).then_nothing();
}

#[test]
fn only_a_basket_takes_a_voucher() {
    let bought = || full_basket().confirmed();
    let refused = OrderError::WrongState { status: storefront_api::OrderStatus::Confirmed, attempted: "changed" };
    bought().when(apply_voucher("k3v9q", 500)).then_refused(refused.clone());
    bought().when(OrderCommand::RemoveVoucher).then_refused(refused);
    given([]).when(apply_voucher("k3v9q", 500)).then_refused(OrderError::NotFound);
}

#[test]
fn the_total_with_the_voucher_is_the_one_that_is_bought() {
    let with_one = || full_basket().and(voucher_applied("k3v9q", 500));
    let refused = OrderError::TotalChanged { new_total: euro(1_750) };
    with_one().when(check_out(2_250, facts())).then_refused(refused);
    let order = with_one().when(check_out(1_750, facts())).then([checked_out(payment(1), euro(1_750))]);
    assert_eq!((order.total(), order.discount()), (euro(1_750), euro(500)));
    assert_eq!(order.voucher().map(|voucher| voucher.code.as_str()), Some("k3v9q"));
}

#[test]
fn a_failed_checkout_keeps_the_voucher_in_the_basket_unless_it_is_the_voucher_that_failed() {
    let bought = || full_basket().and(voucher_applied("k3v9q", 500)).checked_out();
    let order = bought().when(reopen(1)).then([OrderEvent::Reopened { reason: declined() }]);
    assert_eq!(order.total(), euro(1_750));
    let reason = ReopenReason::VoucherUnavailable { voucher: code("k3v9q") };
    let reopen = OrderCommand::Reopen { payment_id: payment(1), reason: reason.clone() };
    let reopened = OrderEvent::Reopened { reason: reason.clone() };
    let order = bought().when(reopen).then([reopened, voucher_removed("k3v9q")]);
    assert_eq!((order.total(), order.reopened_because()), (euro(2_250), Some(&reason)));
}

#[test]
fn what_costs_more_than_the_spending_limit_cannot_be_put_in() {
    let add = |limit| OrderCommand::AddItem {
        customer_id: Some(customer()),
        item: item("mug"),
        quantity: pieces(3),
        available: AMPLE_STOCK,
        spending_limit: Some(limit),
    };
    let refused = |limit| OrderError::OverSpendingLimit { product_id: product("mug"), limit };
    an_order().when(add(euro(1_250))).then([added("mug", 3)]);
    an_order().when(add(euro(1_249))).then_refused(refused(euro(1_249)));
    given([]).when(add(euro(1_249))).then_refused(refused(euro(1_249)));
    an_order().when(add(yen(9_999))).then_refused(refused(yen(9_999)));
}

#[test]
fn what_costs_more_than_the_spending_limit_is_reported_at_checkout_with_every_other_error() {
    let check_out = |limit: i64, facts: [LineFacts; 2]| match check_out(2_250, facts) {
        OrderCommand::CheckOut { expected_total, facts, payment_id, email, shipping_address, payment, .. } => {
            let spending_limit = Some(euro(limit));
            OrderCommand::CheckOut {
                expected_total,
                facts,
                spending_limit,
                payment_id,
                email,
                shipping_address,
                payment,
            }
        }
        other => other,
    };
    full_basket().when(check_out(1_250, facts())).then([checked_out(payment(1), euro(2_250))]);
    let too_few = LineFacts { available: 1, ..on_sale("socks", 500) };
    full_basket().when(check_out(1_249, [too_few, on_sale("mug", 1_250)])).then_refused(OrderError::LinesNotBuyable(
        vec![
            LineProblem::NotAvailable { product_id: product("socks"), wanted: 2, available: 1 },
            LineProblem::OverSpendingLimit { product_id: product("mug"), limit: euro(1_249) },
        ],
    ));
}
