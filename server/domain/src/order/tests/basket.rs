//! Tests of adding, changing and removing lines.

use super::*;
use crate::testing::yen;

#[test]
fn the_first_item_starts_the_order() {
    let order = given([]).when(add("socks", 2)).then([started(), added("socks", 2)]);
    assert_eq!(order.status(), Some(storefront_api::OrderStatus::InProgress));
    assert_eq!((order.customer_id(), order.currency()), (Some(customer()), Currency::EUR));
    assert_eq!((order.lines().len(), order.total()), (1, euro(1_000)));
}

#[test]
fn a_guest_has_no_customer() {
    let event = OrderEvent::Started { customer_id: None, currency: Currency::EUR };
    given([])
        .when(add_item_facts(item("mug"), 1))
        .then([event, OrderEvent::ItemAdded { item: item("mug"), quantity: pieces(1) }]);
}

#[test]
fn an_order_that_nobody_started_is_not_there() {
    for command in [
        change_quantity("socks", 1),
        remove("socks"),
        OrderCommand::Clear,
        notice_price("socks", euro(1)),
        notice_withdrawal("socks"),
        notice_relisting("socks"),
        notice_vat_rate("socks", 7),
        check_out(0, []),
        reopen(1),
        confirm(1),
        ship(),
        deliver(),
        cancel(),
    ] {
        given([]).when(command).then_refused(OrderError::NotFound);
    }
    let nothing = Order::New;
    assert_eq!((nothing.status(), nothing.payment_id(), nothing.number()), (None, None, None));
    assert_eq!((nothing.total(), nothing.lines()), (euro(0), [].as_slice()));
}

#[test]
fn adding_the_same_product_again_adds_up_on_its_line() {
    let order = an_order().with("socks", 2).with("mug", 1).when(add("socks", 3)).then([added("socks", 3)]);
    let lines: Vec<_> = order.lines().iter().map(|line| (line.item.sku.as_str(), line.quantity.get())).collect();
    assert_eq!(lines, [("SOCKS", 5), ("MUG", 1)]);
    assert_eq!(order.subtotal(), euro(3_750));
}

#[test]
fn adding_again_brings_the_line_to_the_price_and_name_of_now_and_says_so() {
    let now = ItemFacts { name: "Better socks".to_owned(), ..item_at("socks", 600) };
    let order = an_order()
        .with("socks", 1)
        .when(add_item_facts(now.clone(), 1))
        .then([OrderEvent::ItemAdded { item: now.clone(), quantity: pieces(1) }]);
    assert_eq!(order.lines()[0].item, now);
    assert_eq!(order.lines()[0].notice, Some(LineNotice::Repriced { old: euro(500), new: euro(600) }));
    assert_eq!(order.total(), euro(1_200));
}

#[test]
fn adding_again_at_the_price_of_the_line_clears_its_notice() {
    let now = OrderEvent::ItemAdded { item: item_at("socks", 600), quantity: pieces(1) };
    let order = an_order().with("socks", 1).repriced("socks", 500, 600).and(now).order();
    assert_eq!(order.lines()[0].notice, None);
}

#[test]
fn adding_a_product_that_is_for_sale_again_clears_its_withdrawal() {
    let order = an_order().with("socks", 1).withdrawn("socks").with("socks", 1).order();
    assert_eq!(order.lines()[0].notice, None);
}

#[test]
fn a_line_has_at_most_99_pieces() {
    an_order().with("socks", 90).when(add("socks", 9)).then([added("socks", 9)]);
    an_order().with("socks", 90).when(add("socks", 10)).then_refused(OrderError::TooManyPieces { would_be: 100 });
}

#[test]
fn a_basket_has_at_most_50_lines() {
    let full = (0..50).fold(an_order(), |order, index| order.with(&format!("thing-{index}"), 1));
    full.clone().when(add("socks", 1)).then_refused(OrderError::TooManyLines);
    full.when(add("thing-49", 1)).then([added("thing-49", 1)]);
    let one_less = (0..49).fold(an_order(), |order, index| order.with(&format!("thing-{index}"), 1));
    one_less.when(add("socks", 1)).then([added("socks", 1)]);
}

#[test]
fn a_line_never_wants_more_than_is_available() {
    let refused = |available| OrderError::NotAvailable { product_id: product("socks"), available };
    given([]).when(add_with_available("socks", 4, 3)).then_refused(refused(3));
    given([]).when(add_with_available("socks", 1, 0)).then_refused(refused(0));
    given([]).when(add_with_available("socks", 3, 3)).then([started(), added("socks", 3)]);
    an_order().with("socks", 2).when(add_with_available("socks", 2, 3)).then_refused(refused(3));
    an_order().with("socks", 2).when(add_with_available("socks", 1, 3)).then([added("socks", 1)]);
    an_order().with("socks", 2).when(change_with_available("socks", 4, 3)).then_refused(refused(3));
    an_order().with("socks", 2).when(change_with_available("socks", 3, 3)).then([changed("socks", 3)]);
}

#[test]
fn an_order_has_one_currency() {
    let foreign = ItemFacts { unit_price: yen(500), ..item("mug") };
    an_order().with("socks", 1).when(add_item_facts(foreign, 1)).then_refused(OrderError::WrongCurrency);
    an_order().with("socks", 1).when(notice_price("socks", yen(1))).then_refused(OrderError::WrongCurrency);
}

#[test]
fn a_total_that_does_not_fit_is_refused() {
    let half = i64::MAX / 2 + 1;
    let treasure = item_at("treasure", half);
    given([]).when(add_item_facts(treasure.clone(), 2)).then_refused(OrderError::TotalTooLarge);
    let one = an_order().and(OrderEvent::ItemAdded { item: treasure.clone(), quantity: pieces(1) });
    one.clone().when(add_item_facts(treasure, 1)).then_refused(OrderError::TotalTooLarge);
    one.clone().when(add_item_facts(item_at("hoard", half), 1)).then_refused(OrderError::TotalTooLarge);
    one.clone().when(change_quantity("treasure", 2)).then_refused(OrderError::TotalTooLarge);
    let two = one.with("socks", 2);
    two.clone().when(notice_price("socks", euro(half))).then_refused(OrderError::TotalTooLarge);
    let facts = [on_sale("treasure", half), on_sale("socks", half)];
    two.when(check_out(0, facts)).then_refused(OrderError::TotalTooLarge);
}

#[test]
fn changing_the_quantity_sets_it() {
    let order = an_order().with("socks", 2).when(change_quantity("socks", 99)).then([changed("socks", 99)]);
    assert_eq!(order.total(), euro(49_500));
}

#[test]
fn changing_to_the_same_quantity_changes_nothing() {
    an_order().with("socks", 2).when(change_quantity("socks", 2)).then_nothing();
    an_order().with("socks", 2).when(change_with_available("socks", 2, 0)).then_nothing();
}

#[test]
fn a_line_that_is_not_there_can_be_neither_changed_nor_removed() {
    let refused = || OrderError::NoSuchLine(product("mug"));
    an_order().with("socks", 2).when(change_quantity("mug", 1)).then_refused(refused());
    an_order().with("socks", 2).when(remove("mug")).then_refused(refused());
    an_order().with("mug", 2).and(removed("mug")).when(remove("mug")).then_refused(refused());
}

#[test]
fn a_removed_line_is_gone() {
    let order = an_order().with("socks", 2).with("mug", 1).when(remove("socks")).then([removed("socks")]);
    assert_eq!((order.lines().len(), order.total()), (1, euro(1_250)));
}

#[test]
fn clearing_removes_every_line() {
    let order =
        an_order().with("socks", 2).with("mug", 1).when(OrderCommand::Clear).then([removed("socks"), removed("mug")]);
    assert_eq!((order.lines().len(), order.total()), (0, euro(0)));
}

#[test]
fn clearing_an_empty_basket_changes_nothing() {
    an_order().when(OrderCommand::Clear).then_nothing();
}

#[test]
fn a_repriced_line_shows_old_and_new_price() {
    let order = an_order().with("socks", 2).when(notice_price("socks", euro(600))).then([repriced("socks", 500, 600)]);
    let notice = order.lines()[0].notice.unwrap();
    assert_eq!(notice, LineNotice::Repriced { old: euro(500), new: euro(600) });
    assert_eq!(notice.to_string(), "The price has changed from 5.00 EUR to 6.00 EUR.");
    assert_eq!(order.total(), euro(1_200));
}

#[test]
fn several_price_changes_show_the_price_that_the_shopper_knew() {
    let order = an_order().with("socks", 1).repriced("socks", 500, 600).repriced("socks", 600, 700);
    let notice = order.clone().order().lines()[0].notice;
    assert_eq!(notice, Some(LineNotice::Repriced { old: euro(500), new: euro(700) }));
    assert_eq!(order.repriced("socks", 700, 500).order().lines()[0].notice, None);
}

#[test]
fn a_price_that_is_known_or_of_another_product_is_no_news() {
    an_order().with("socks", 1).when(notice_price("socks", euro(500))).then_nothing();
    an_order().with("socks", 1).when(notice_price("mug", euro(1))).then_nothing();
    an_order().with("socks", 1).when(notice_price("mug", yen(1))).then_nothing();
}

#[test]
fn a_withdrawn_line_is_marked_and_stays_so() {
    let event = OrderEvent::ProductWithdrawnFromBasket { product_id: product("socks") };
    let order = an_order().with("socks", 2).when(notice_withdrawal("socks")).then([event]);
    let notice = order.lines()[0].notice.unwrap();
    assert_eq!(notice, LineNotice::Withdrawn { last_seen: None });
    assert_eq!(notice.to_string(), "This is no longer for sale. Please remove it.");
    let later = an_order().with("socks", 2).withdrawn("socks").repriced("socks", 500, 400).and(changed("socks", 1));
    assert_eq!(later.order().lines()[0].notice, Some(LineNotice::Withdrawn { last_seen: Some(euro(500)) }));
}

#[test]
fn a_withdrawal_that_is_known_or_of_another_product_is_no_news() {
    an_order().with("socks", 2).withdrawn("socks").when(notice_withdrawal("socks")).then_nothing();
    an_order().with("socks", 2).when(notice_withdrawal("mug")).then_nothing();
}

#[test]
fn a_relisted_line_loses_its_mark_and_can_be_bought() {
    let order = an_order().with("socks", 2).withdrawn("socks");
    let back = order.clone().when(notice_relisting("socks")).then([relisted("socks")]);
    assert_eq!(back.lines()[0].notice, None);
    let gone = LineFacts { active: false, ..on_sale("socks", 500) };
    let blocked = OrderError::LinesNotBuyable(vec![LineProblem::Withdrawn { product_id: product("socks") }]);
    order.clone().when(check_out(1_000, [gone])).then_refused(blocked);
    let bought = checked_out(payment(1), euro(1_000));
    let facts = || [on_sale("socks", 500)];
    order.clone().and(relisted("socks")).when(check_out(1_000, facts())).then([bought.clone()]);
    // Also where the basket has not heard of it yet.
    order.when(check_out(1_000, facts())).then([relisted("socks"), bought]);
}

#[test]
fn a_price_that_changed_before_or_during_a_withdrawal_is_noted_when_the_product_is_back() {
    let notice = |order: History| order.and(relisted("socks")).order().lines()[0].notice;
    let changed_to_600 = Some(LineNotice::Repriced { old: euro(500), new: euro(600) });
    let order = || an_order().with("socks", 1);
    assert_eq!(notice(order().withdrawn("socks").repriced("socks", 500, 600)), changed_to_600);
    assert_eq!(notice(order().repriced("socks", 500, 600).withdrawn("socks")), changed_to_600);
    assert_eq!(notice(order().repriced("socks", 500, 700).withdrawn("socks").repriced("socks", 700, 500)), None);
}

#[test]
fn a_relisting_of_what_is_not_withdrawn_or_another_product_is_no_news() {
    an_order().with("socks", 2).when(notice_relisting("socks")).then_nothing();
    an_order().with("socks", 2).withdrawn("socks").when(notice_relisting("mug")).then_nothing();
}

#[test]
fn a_changed_rate_of_vat_reaches_the_line_and_leaves_its_price_and_notice_alone() {
    let order = an_order().with("socks", 2).repriced("socks", 500, 600);
    let order = order.when(notice_vat_rate("socks", 7)).then([vat_rate_changed("socks", 19, 7)]);
    let line = &order.lines()[0];
    assert_eq!(line.item.vat_rate_percent, VatRate::percent(7));
    assert_eq!(line.notice, Some(LineNotice::Repriced { old: euro(500), new: euro(600) }));
    assert_eq!((order.total(), order.tax()[0].amount), (euro(1_200), euro(79)));
    an_order().with("socks", 2).when(notice_vat_rate("socks", 19)).then_nothing();
    an_order().with("socks", 2).when(notice_vat_rate("mug", 7)).then_nothing();
}

#[test]
fn what_is_bought_hears_no_news_of_products() {
    let basket = an_order().with("socks", 2);
    for order in [
        basket.clone().checked_out(),
        basket.clone().confirmed(),
        basket.clone().shipped(),
        basket.clone().delivered(),
        basket.cancelled(),
    ] {
        order.clone().when(notice_price("socks", euro(1))).then_nothing();
        order.clone().when(notice_withdrawal("socks")).then_nothing();
        order.clone().when(notice_relisting("socks")).then_nothing();
        order.when(notice_vat_rate("socks", 7)).then_nothing();
    }
}

#[test]
fn the_vat_of_the_lines_is_summed_by_rate() {
    let book = ItemFacts { vat_rate_percent: VatRate::percent(7), ..item_at("book", 1_070) };
    let order =
        an_order().with("socks", 2).and(OrderEvent::ItemAdded { item: book, quantity: pieces(1) }).with("mug", 1);
    let tax = order.order().tax();
    let told: Vec<_> = tax.iter().map(|tax| (tax.rate_percent, tax.gross.amount, tax.amount.amount)).collect();
    // 22.50 · 19 / 119 = 3.592…
    assert_eq!(told, [(VatRate::percent(7), 1_070, 70), (VatRate::percent(19), 2_250, 359)]);
}
