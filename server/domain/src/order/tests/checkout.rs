//! Tests of checkout and of reopening after a failure.

use storefront_api::OrderStatus;

use super::*;
use crate::testing::yen;

fn full_basket() -> History {
    an_order().with("socks", 2).with("mug", 1)
}

#[test]
fn checking_out_buys_what_was_shown() {
    let order = full_basket()
        .when(check_out(2_250, [on_sale("socks", 500), on_sale("mug", 1_250)]))
        .then([checked_out(payment(1), euro(2_250))]);
    assert_eq!(order.status(), Some(OrderStatus::CheckedOut));
    assert_eq!((order.payment_id(), order.total()), (Some(payment(1)), euro(2_250)));
    assert_eq!((order.email(), order.shipping_address()), (Some("ada@example.com"), Some(&address())));
    assert_eq!(order.checkout_details().unwrap().payment, card());
    assert_eq!((order.customer_id(), order.lines().len()), (Some(customer()), 2));
}

#[test]
fn an_empty_basket_cannot_be_bought() {
    an_order().when(check_out(0, [])).then_refused(OrderError::Empty);
    an_order().with("mug", 1).and(removed("mug")).when(check_out(0, [])).then_refused(OrderError::Empty);
}

#[test]
fn every_line_that_cannot_be_bought_is_reported_at_once() {
    let too_few = LineFacts { available: 1, ..on_sale("socks", 500) };
    let inactive = LineFacts { active: false, ..on_sale("mug", 1_250) };
    let marked = LineFacts { active: false, ..on_sale("marked", 100) };
    full_basket()
        .with("lamp", 1)
        .with("chair", 3)
        .with("marked", 1)
        .withdrawn("marked")
        .when(check_out(0, [too_few, inactive, on_sale("chair", 100), marked]))
        .then_refused(OrderError::LinesNotBuyable(vec![
            LineProblem::NotAvailable { product_id: product("socks"), wanted: 2, available: 1 },
            LineProblem::Withdrawn { product_id: product("mug") },
            LineProblem::Withdrawn { product_id: product("lamp") },
            LineProblem::Withdrawn { product_id: product("marked") },
        ]));
}

#[test]
fn the_last_pieces_can_be_bought() {
    let last = LineFacts { available: 2, ..on_sale("socks", 500) };
    an_order().with("socks", 2).when(check_out(1_000, [last])).then([checked_out(payment(1), euro(1_000))]);
}

#[test]
fn a_total_that_is_not_the_shown_one_is_refused_with_the_new_one() {
    let refused = |amount| OrderError::TotalChanged { new_total: euro(amount) };
    let facts = || [on_sale("socks", 600), on_sale("mug", 1_250)];
    full_basket().when(check_out(2_250, facts())).then_refused(refused(2_450));
    full_basket().when(check_out(2_449, facts())).then_refused(refused(2_450));
    full_basket().when(check_out(2_451, facts())).then_refused(refused(2_450));
}

#[test]
fn a_total_in_another_currency_is_not_the_shown_one() {
    let mut command = check_out(1_000, [on_sale("socks", 500)]);
    if let OrderCommand::CheckOut { expected_total, .. } = &mut command {
        *expected_total = yen(1_000);
    }
    an_order().with("socks", 2).when(command).then_refused(OrderError::TotalChanged { new_total: euro(1_000) });
}

#[test]
fn a_price_in_another_currency_is_refused() {
    let foreign = LineFacts { price: yen(500), ..on_sale("socks", 0) };
    an_order().with("socks", 2).when(check_out(1_000, [foreign])).then_refused(OrderError::WrongCurrency);
}

#[test]
fn prices_that_the_lines_have_not_heard_of_are_brought_to_them_first() {
    let order = full_basket()
        .when(check_out(2_450, [on_sale("socks", 600), on_sale("mug", 1_250)]))
        .then([repriced("socks", 500, 600), checked_out(payment(1), euro(2_450))]);
    assert_eq!((order.subtotal(), order.total()), (euro(2_450), euro(2_450)));
}

#[test]
fn prices_that_cancel_out_still_reach_the_lines() {
    let order = full_basket().when(check_out(2_250, [on_sale("socks", 525), on_sale("mug", 1_200)])).then([
        repriced("socks", 500, 525),
        repriced("mug", 1_250, 1_200),
        checked_out(payment(1), euro(2_250)),
    ]);
    assert_eq!(order.subtotal(), order.total());
}

#[test]
fn buying_is_agreeing_so_notices_go() {
    let order = an_order().with("socks", 2).repriced("socks", 500, 600).checked_out();
    assert_eq!(order.order().lines()[0].notice, None);
}

#[test]
fn a_failed_checkout_gives_the_basket_back_with_the_reason() {
    let order = full_basket().checked_out().when(reopen(1)).then([OrderEvent::Reopened { reason: declined() }]);
    assert_eq!(order.status(), Some(OrderStatus::InProgress));
    assert_eq!(order.reopened_because(), Some(&declined()));
    assert_eq!((order.lines().len(), order.total()), (2, euro(2_250)));
    assert_eq!(order.payment_id(), Some(payment(1)), "the payment of the latest checkout");
    assert_eq!((order.email(), order.shipping_address()), (Some("ada@example.com"), Some(&address())));
    assert_eq!(order.customer_id(), Some(customer()));
}

#[test]
fn the_reason_stays_until_the_basket_changes() {
    let reopened = || full_basket().reopened();
    for event in [
        added("lamp", 1),
        changed("socks", 1),
        removed("socks"),
        repriced("socks", 500, 600),
        OrderEvent::ProductWithdrawnFromBasket { product_id: product("socks") },
        checked_out(payment(2), euro(2_250)),
    ] {
        assert_eq!(reopened().and(event.clone()).order().reopened_because(), None, "{event:?}");
    }
    let no_change = reopened().and(removed("lamp")).and(changed("lamp", 2)).and(repriced("lamp", 1, 2));
    assert_eq!(no_change.order().reopened_because(), Some(&declined()));
}

#[test]
fn a_rate_of_vat_that_changed_since_is_brought_to_the_line_before_it_is_bought() {
    let facts = [LineFacts { vat_rate_percent: VatRate::percent(7), ..on_sale("socks", 500) }, on_sale("mug", 1_250)];
    let order = full_basket()
        .when(check_out(2_250, facts))
        .then([vat_rate_changed("socks", 19, 7), checked_out(payment(1), euro(2_250))]);
    let tax: Vec<_> = order.tax().iter().map(|tax| (tax.rate_percent, tax.amount)).collect();
    assert_eq!(tax, [(VatRate::percent(7), euro(65)), (VatRate::percent(19), euro(200))]);
}

#[test]
fn a_reopened_order_can_be_bought_again_with_a_new_payment() {
    let facts = || [on_sale("socks", 500), on_sale("mug", 1_250)];
    let order =
        full_basket().reopened().when(check_out_with(2, 2_250, facts())).then([checked_out(payment(2), euro(2_250))]);
    assert_eq!((order.payment_id(), order.reopened_because()), (Some(payment(2)), None));
    full_basket().reopened().when(check_out_with(1, 2_250, facts())).then_refused(OrderError::WrongState {
        status: OrderStatus::InProgress,
        attempted: "checked out with the payment of an earlier checkout",
    });
}

#[test]
fn the_outcome_of_an_earlier_checkout_does_not_touch_the_present_one() {
    let second = full_basket().reopened().and(checked_out(payment(2), euro(2_250)));
    let refused = |attempted| OrderError::WrongState { status: OrderStatus::CheckedOut, attempted };
    second.clone().when(reopen(1)).then_refused(refused("reopened by another checkout"));
    second.clone().when(confirm(1)).then_refused(refused("confirmed by another payment"));
    second.clone().when(reopen(2)).then([OrderEvent::Reopened { reason: declined() }]);
    second.when(confirm(2)).then([OrderEvent::Confirmed { number: number() }]);
}

#[test]
fn refusals_are_described_in_plain_words() {
    let text = |refused: OrderError| refused.to_string();
    let wrong_state = OrderError::WrongState { status: OrderStatus::Shipped, attempted: "cancelled" };
    assert_eq!(text(wrong_state), "an order that is shipped cannot be cancelled");
    assert_eq!(text(OrderError::TotalChanged { new_total: euro(2_450) }), "the total is 24.50 EUR now");
    assert_eq!(
        text(OrderError::TooManyPieces { would_be: 100 }),
        "a line has at most 99 pieces; this one would have 100"
    );
}
