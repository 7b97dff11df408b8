//! The invariants of a checkout under any steps and crashes: either the goods are sold and paid once, with the voucher if it
//! was used, or nothing is reserved and no money is kept.

use proptest::prelude::*;
use storefront_api::OrderStatus;

use super::world::{ON_HAND, OPENING_BALANCE, Step, UNIT_PRICE, VOUCHER_AMOUNT, World, any_step, this_order};
use super::*;
use crate::voucher::{Voucher, VoucherStage};

fn run(steps: impl IntoIterator<Item = Step>) -> World {
    let mut world = World::new();
    for step in steps {
        world.apply(step);
        assert_a_basket_at_rest_holds_nothing(&world);
    }
    world.run_to_rest();
    world
}

/// Also while the run goes on, so that other orders can use stock and voucher.
fn assert_a_basket_at_rest_holds_nothing(world: &World) {
    if !world.is_at_rest() || world.order.status() != Some(OrderStatus::InProgress) {
        return;
    }
    assert!(world.stocks.values().all(|stock| stock.reservation_of(this_order()).is_none()), "the basket holds stock");
    let Voucher::Issued { stage, .. } = world.voucher else { panic!("the voucher is gone") };
    assert_ne!(stage, VoucherStage::Reserved(this_order()), "the basket holds the voucher");
}

fn assert_sold_and_paid_once_or_as_it_was(world: &World) {
    let order = &world.order;
    let sold = match order.status() {
        Some(OrderStatus::Confirmed | OrderStatus::Shipped) => true,
        Some(OrderStatus::InProgress | OrderStatus::Cancelled) => false,
        other => panic!("the order is left {other:?}"),
    };
    assert_eq!(world.money_kept(), if sold { order.total().amount } else { 0 });
    for line in order.lines() {
        let stock = &world.stocks[&line.item.product_id];
        assert_eq!(stock.reservation_of(this_order()), None, "nothing stays reserved");
        assert_eq!(stock.on_hand(), ON_HAND - if sold { line.quantity.get() } else { 0 });
        let may_come_back = order.status() == Some(OrderStatus::Confirmed);
        assert_eq!(!stock.to_parts().allocations.is_empty(), may_come_back, "an order that is over is forgotten");
    }
    let balance = world.wallet.balance().unwrap().amount;
    assert_eq!(balance + world.kept_from_wallet(), world.added_to_wallet, "money came from nowhere, or went there");
    let Voucher::Issued { stage, .. } = world.voucher else { panic!("the voucher is gone") };
    assert_ne!(stage, VoucherStage::Reserved(this_order()), "the voucher stays reserved");
    assert_eq!(stage == VoucherStage::Redeemed(this_order()), world.voucher_was_used && sold);
    let cancelled = order.status() == Some(OrderStatus::Cancelled);
    assert_eq!(world.was_mailed(MailKind::Confirmation), world.was_confirmed);
    assert_eq!(world.was_mailed(MailKind::Cancelled), cancelled);
}

#[test]
fn an_order_that_is_paid_is_sold() {
    let world = run([Step::CheckOut { wallet: false }]);
    assert_eq!(world.order.status(), Some(OrderStatus::Confirmed));
    assert_eq!(world.money_kept(), 3 * UNIT_PRICE);
    assert!(world.was_mailed(MailKind::Confirmation));
}

#[test]
fn a_declined_order_can_be_paid_again() {
    let declined = Step::DecidePayment { payment: 0, accepts: false };
    let world = run([
        Step::CheckOut { wallet: false },
        deliver(),
        deliver(),
        declined,
        deliver(),
        Step::CheckOut { wallet: false },
    ]);
    assert_eq!(world.order.status(), Some(OrderStatus::Confirmed));
    assert_eq!((world.payments.len(), world.money_kept()), (2, 3 * UNIT_PRICE));
}

#[test]
fn an_order_that_is_cancelled_while_the_money_is_on_its_way_is_refunded() {
    let world = run([Step::CheckOut { wallet: false }, deliver(), deliver(), Step::Cancel, deliver()]);
    assert_eq!(world.order.status(), Some(OrderStatus::Cancelled));
    assert_sold_and_paid_once_or_as_it_was(&world);
    assert_eq!(world.payments.values().next().unwrap().refunds().len(), 1);
}

fn deliver() -> Step {
    Step::Deliver { killed_after: None }
}

#[test]
fn a_wallet_with_just_enough_pays_the_basket_with_its_voucher() {
    let world = run([Step::WantVoucher(true), Step::CheckOut { wallet: true }]);
    assert_eq!(world.order.status(), Some(OrderStatus::Confirmed));
    assert_eq!(world.order.total(), euro(3 * UNIT_PRICE - VOUCHER_AMOUNT));
    assert_eq!(world.wallet.balance(), Some(euro(0)));
    assert_sold_and_paid_once_or_as_it_was(&world);
}

#[test]
fn a_short_wallet_is_left_alone_and_the_basket_comes_back() {
    let world = run([Step::CheckOut { wallet: true }]);
    assert_eq!(world.order.status(), Some(OrderStatus::InProgress));
    assert_eq!(world.wallet.balance(), Some(euro(OPENING_BALANCE)));
    assert_sold_and_paid_once_or_as_it_was(&world);
}

#[test]
fn a_cancelled_order_credits_the_wallet_once() {
    let paid = [deliver(), deliver(), Step::DecidePayment { payment: 0, accepts: true }, deliver()];
    let start = [Step::TopUp, Step::CheckOut { wallet: true }];
    let world = run(start.into_iter().chain(paid).chain([Step::Cancel, deliver(), Step::Redeliver { trigger: 3 }]));
    assert_eq!(world.order.status(), Some(OrderStatus::Cancelled));
    assert!(world.was_confirmed);
    assert_eq!(world.wallet.balance(), Some(euro(OPENING_BALANCE + UNIT_PRICE)));
}

#[test]
fn an_order_that_was_sent_is_settled_and_the_money_stays_here() {
    let paid = [deliver(), deliver(), Step::DecidePayment { payment: 0, accepts: true }, deliver()];
    let start = [Step::CheckOut { wallet: false }];
    let sent = [Step::Ship, Step::Cancel, Step::Deliver { killed_after: Some(1) }, deliver(), deliver()];
    let again = (0..5).map(|trigger| Step::Redeliver { trigger });
    let world = run(start.into_iter().chain(paid).chain(sent).chain(again));
    assert_eq!(world.order.status(), Some(OrderStatus::Shipped));
    assert_sold_and_paid_once_or_as_it_was(&world);
}

#[test]
fn a_voucher_that_another_order_has_reopens_the_order_without_it() {
    let handled = Step::OthersUseVoucher { command: 0 };
    let world = run([Step::WantVoucher(true), Step::CheckOut { wallet: false }, handled]);
    assert_eq!(world.order.status(), Some(OrderStatus::InProgress));
    assert_eq!(world.order.reopened_because(), Some(&ReopenReason::VoucherUnavailable { voucher: voucher() }));
    assert_eq!((world.order.voucher(), world.order.total()), (None, euro(3 * UNIT_PRICE)));
    assert_sold_and_paid_once_or_as_it_was(&world);
}

#[test]
fn a_voucher_is_free_again_after_a_decline() {
    let declined = Step::DecidePayment { payment: 0, accepts: false };
    let world = run([Step::WantVoucher(true), Step::CheckOut { wallet: false }, deliver(), deliver(), declined]);
    assert_eq!(world.voucher.usable_by(crate::testing::order(2), None), Ok(euro(VOUCHER_AMOUNT)));
    assert_eq!(world.order.total(), euro(3 * UNIT_PRICE - VOUCHER_AMOUNT), "the basket still wants it");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn whatever_happens_the_order_is_sold_and_paid_once_or_everything_is_as_it_was(
        steps in prop::collection::vec(any_step(), 0..60)
    ) {
        assert_sold_and_paid_once_or_as_it_was(&run(steps));
    }

    #[test]
    fn no_event_in_any_state_panics(choices in prop::collection::vec((0..12_usize, 1..4_u128), 0..40)) {
        let mut checkout = Checkout::default();
        for (kind, payment_number) in choices {
            let event = match kind {
                0 => CheckoutEvent::StockReserved,
                1 => stock_refused(),
                2 => payment_received(payment_number),
                3 => payment_refused(payment_number),
                4 => CheckoutEvent::Completed { number: number() },
                5 => failed(),
                6 => CheckoutEvent::Cancelled,
                7 => voucher_reserved(),
                8 => voucher_refused(),
                9 => CheckoutEvent::VoucherIssued { voucher: voucher() },
                _ => started(payment_number),
            };
            checkout = evolve(checkout, &event);
            for trigger in [
                order_checked_out(payment_number),
                CheckoutTrigger::StockReserved,
                payment_succeeded(payment_number),
                payment_declined(payment_number),
                CheckoutTrigger::Completed { number: number(), awaits_invoice: false },
                CheckoutTrigger::OrderCancelled,
                CheckoutTrigger::OrderShipped,
            ] {
                prop_assert!(react(&checkout, &trigger).len() <= 2);
            }
        }
    }
}
