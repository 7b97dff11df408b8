//! Tests of the states of an order, and of the commands that each state refuses.

use storefront_api::OrderStatus;

use super::*;

type MakeCommand = fn() -> OrderCommand;

fn basket() -> History {
    an_order().with("socks", 2)
}

#[test]
fn a_paid_order_is_confirmed_with_a_number() {
    let order = basket().checked_out().when(confirm(1)).then([OrderEvent::Confirmed { number: number() }]);
    assert_eq!((order.status(), order.number()), (Some(OrderStatus::Confirmed), Some(number())));
    assert_eq!(order.total(), euro(1_000));
}

#[test]
fn a_confirmed_order_is_shipped() {
    let order = basket().confirmed().when(ship()).then([shipped()]);
    let shipment = Shipment {
        carrier: "Snail Post".to_owned(),
        tracking_number: "SP-1".to_owned(),
        estimated_delivery: Some(at_minute(90)),
        recipient: None,
    };
    assert_eq!((order.status(), order.shipment()), (Some(OrderStatus::Shipped), Some(&shipment)));
    assert_eq!(order.number(), Some(number()));
}

#[test]
fn a_shipped_order_is_delivered() {
    let event = OrderEvent::Delivered { recipient: "A neighbour".to_owned() };
    let order = basket().shipped().when(deliver()).then([event]);
    assert_eq!((order.status(), order.number()), (Some(OrderStatus::Delivered), Some(number())));
    assert_eq!(order.shipment().unwrap().recipient.as_deref(), Some("A neighbour"));
}

#[test]
fn an_order_can_be_cancelled_while_it_is_checked_out() {
    let order = basket().checked_out().when(cancel()).then([cancelled()]);
    assert_eq!((order.status(), order.number()), (Some(OrderStatus::Cancelled), None));
    assert_eq!(order.cancelled_because(), Some("changed my mind"));
    assert_eq!((order.payment_id(), order.lines().len()), (Some(payment(1)), 1));
}

#[test]
fn an_order_can_be_cancelled_while_it_is_confirmed() {
    let order = basket().confirmed().when(cancel()).then([cancelled()]);
    assert_eq!((order.status(), order.number()), (Some(OrderStatus::Cancelled), Some(number())));
}

#[test]
fn only_a_basket_can_be_over_and_what_lay_in_it_stays_to_be_seen() {
    let over = basket().when(OrderCommand::Expire).then([OrderEvent::Expired]);
    assert_eq!((over.status(), over.lines().len(), over.basket()), (Some(OrderStatus::Expired), 1, None));
    let others =
        [basket().checked_out(), basket().confirmed(), basket().cancelled(), basket().and(OrderEvent::Expired)];
    for history in others {
        assert_eq!(decide(&history.order(), OrderCommand::Expire), Ok(vec![]));
    }
}

#[test]
fn every_illegal_step_is_refused_with_the_state_and_what_was_tried() {
    use OrderStatus::{Cancelled, CheckedOut, Confirmed, Delivered, Expired, InProgress, Shipped, Unknown};
    let histories = [
        (InProgress, basket()),
        (InProgress, basket().reopened()),
        (CheckedOut, basket().checked_out()),
        (Confirmed, basket().confirmed()),
        (Shipped, basket().shipped()),
        (Delivered, basket().delivered()),
        (Cancelled, basket().cancelled()),
        (Cancelled, basket().checked_out().and(cancelled())),
        (Expired, basket().and(OrderEvent::Expired)),
    ];
    let facts = || [on_sale("socks", 500)];
    let commands: [(&str, MakeCommand, &[OrderStatus]); 9] = [
        ("changed", || add("socks", 1), &[InProgress]),
        ("changed", || change_quantity("socks", 1), &[InProgress]),
        ("changed", || remove("socks"), &[InProgress]),
        ("changed", || OrderCommand::Clear, &[InProgress]),
        ("reopened", || reopen(1), &[CheckedOut]),
        ("confirmed", || confirm(1), &[CheckedOut]),
        ("shipped", ship, &[Confirmed]),
        ("delivered", deliver, &[Shipped]),
        ("cancelled", cancel, &[CheckedOut, Confirmed]),
    ];
    for (status, history) in histories {
        assert_eq!(history.clone().order().status(), Some(status));
        for (attempted, command, allowed) in commands {
            let answer = decide(&history.clone().order(), command());
            if allowed.contains(&status) {
                assert!(answer.is_ok(), "{status:?} {attempted}: {answer:?}");
            } else {
                assert_eq!(answer, Err(OrderError::WrongState { status, attempted }));
            }
        }
        let answer = decide(&history.order(), check_out_with(9, 1_000, facts()));
        match status {
            InProgress => assert!(answer.is_ok()),
            CheckedOut | Confirmed | Shipped | Delivered | Cancelled | Expired | Unknown => {
                assert_eq!(answer, Err(OrderError::WrongState { status, attempted: "checked out" }));
            }
        }
    }
}

#[test]
fn every_event_that_does_not_fit_leaves_the_order_as_it_was() {
    use OrderStatus::{CheckedOut, Confirmed, InProgress, Shipped};
    let histories = [
        History(vec![]),
        basket(),
        basket().checked_out(),
        basket().confirmed(),
        basket().shipped(),
        basket().delivered(),
        basket().cancelled(),
        basket().and(OrderEvent::Expired),
    ];
    let events: [(OrderEvent, &[OrderStatus]); 13] = [
        (added("socks", 1), &[InProgress]),
        (changed("socks", 1), &[InProgress]),
        (removed("socks"), &[InProgress]),
        (repriced("socks", 500, 600), &[InProgress]),
        (OrderEvent::ProductWithdrawnFromBasket { product_id: product("socks") }, &[InProgress]),
        (vat_rate_changed("socks", 19, 7), &[InProgress]),
        (checked_out(payment(3), euro(1_000)), &[InProgress]),
        (OrderEvent::Reopened { reason: declined() }, &[CheckedOut]),
        (OrderEvent::Confirmed { number: number() }, &[CheckedOut]),
        (shipped(), &[Confirmed]),
        (OrderEvent::Delivered { recipient: "A neighbour".to_owned() }, &[Shipped]),
        (cancelled(), &[CheckedOut, Confirmed]),
        (OrderEvent::Expired, &[InProgress]),
    ];
    for history in histories {
        let before = history.order();
        for (event, fits) in &events {
            let after = evolve(before.clone(), event);
            let fits = before.status().is_some_and(|status| fits.contains(&status));
            assert_eq!(after != before, fits, "{event:?} on {:?}", before.status());
        }
        let restarted = evolve(before.clone(), &started());
        assert_eq!(restarted != before, before == Order::New);
    }
}

#[test]
fn events_that_cannot_be_true_of_a_basket_leave_it_as_it_was() {
    let full = an_order().with("socks", 99).order();
    let foreign = ItemFacts { unit_price: crate::testing::yen(1), ..item("mug") };
    for event in [
        added("socks", 1),
        OrderEvent::ItemAdded { item: foreign, quantity: pieces(1) },
        OrderEvent::PriceChangedInBasket {
            product_id: product("socks"),
            old_price: euro(500),
            new_price: crate::testing::yen(1),
        },
        changed("mug", 1),
        removed("mug"),
        repriced("mug", 1, 2),
        OrderEvent::ProductWithdrawnFromBasket { product_id: product("mug") },
        vat_rate_changed("mug", 19, 7),
        relisted("mug"),
        relisted("socks"),
    ] {
        assert_eq!(evolve(full.clone(), &event), full, "{event:?}");
    }
}
