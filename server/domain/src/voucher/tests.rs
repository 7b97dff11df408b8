//! Tests of who may use a voucher and when; nobody uses it twice.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::testing::{Aggregate, Given, euro, fold_events, order};

fn given(history: impl IntoIterator<Item = VoucherEvent>) -> Given<Voucher> {
    crate::testing::given(history)
}

fn ada() -> CustomerId {
    CustomerId(Uuid::from_u128(77))
}

fn bob() -> CustomerId {
    CustomerId(Uuid::from_u128(78))
}

fn issued_to(customer_id: Option<CustomerId>) -> VoucherEvent {
    VoucherEvent::Issued { customer_id, order_id: order(9), amount: euro(500) }
}

fn issued() -> VoucherEvent {
    issued_to(Some(ada()))
}

fn reserved(number: u128) -> VoucherEvent {
    VoucherEvent::Reserved { order_id: order(number) }
}

fn released(number: u128) -> VoucherEvent {
    VoucherEvent::Released { order_id: order(number) }
}

fn redeemed(number: u128) -> VoucherEvent {
    VoucherEvent::Redeemed { order_id: order(number) }
}

fn revoked() -> VoucherEvent {
    VoucherEvent::Revoked { reason: "a mistake".to_owned() }
}

fn issue(amount: i64) -> VoucherCommand {
    VoucherCommand::Issue { customer_id: Some(ada()), order_id: order(9), amount: euro(amount) }
}

fn reserve(number: u128) -> VoucherCommand {
    VoucherCommand::Reserve { order_id: order(number), customer_id: Some(ada()) }
}

fn release(number: u128) -> VoucherCommand {
    VoucherCommand::Release { order_id: order(number) }
}

fn redeem(number: u128) -> VoucherCommand {
    VoucherCommand::Redeem { order_id: order(number) }
}

fn revoke() -> VoucherCommand {
    VoucherCommand::Revoke { reason: "a mistake".to_owned() }
}

#[test]
fn a_code_is_issued_once_and_worth_something() {
    given([]).when(issue(500)).then([issued()]);
    given([]).when(issue(0)).then_refused(VoucherError::BadAmount);
    given([issued()]).when(issue(500)).then_refused(VoucherError::CodeTaken);
}

#[test]
fn a_free_voucher_is_kept_for_one_order_at_a_time() {
    given([issued()]).when(reserve(1)).then([reserved(1)]);
    given([issued(), reserved(1)]).when(reserve(1)).then_nothing();
    given([issued(), reserved(1)]).when(reserve(2)).then_refused(VoucherError::InUse);
    given([issued(), reserved(1), released(1)]).when(reserve(2)).then([reserved(2)]);
    given([issued(), reserved(1), redeemed(1)]).when(reserve(2)).then_refused(VoucherError::Used);
    given([issued(), reserved(1), redeemed(1)]).when(reserve(1)).then_refused(VoucherError::Used);
    given([issued(), revoked()]).when(reserve(1)).then_refused(VoucherError::Revoked);
    given([]).when(reserve(1)).then_refused(VoucherError::NotFound);
}

#[test]
fn only_its_owner_may_use_it_and_a_guests_is_for_whoever_knows_the_code() {
    let by = |customer_id| VoucherCommand::Reserve { order_id: order(1), customer_id };
    given([issued()]).when(by(Some(bob()))).then_refused(VoucherError::NotFound);
    given([issued()]).when(by(None)).then_refused(VoucherError::NotFound);
    for anybody in [None, Some(ada()), Some(bob())] {
        given([issued_to(None)]).when(by(anybody)).then([reserved(1)]);
    }
}

#[test]
fn only_the_order_that_has_it_gives_it_back() {
    given([issued(), reserved(1)]).when(release(1)).then([released(1)]);
    for history in [vec![], vec![issued()], vec![issued(), reserved(2)], vec![issued(), reserved(2), redeemed(2)]] {
        given(history).when(release(1)).then_nothing();
    }
}

#[test]
fn what_an_order_used_comes_back_with_its_cancellation_and_can_be_used_by_another() {
    let used = [issued(), reserved(1), redeemed(1)];
    let back = given(used).when(release(1)).then([released(1)]);
    Given(back.clone()).when(release(1)).then_nothing();
    Given(back).when(reserve(2)).then([reserved(2)]);
}

#[test]
fn only_the_order_that_has_it_uses_it_and_once() {
    given([issued(), reserved(1)]).when(redeem(1)).then([redeemed(1)]);
    given([issued(), reserved(1), redeemed(1)]).when(redeem(1)).then_nothing();
    given([issued(), reserved(1), redeemed(1)]).when(redeem(2)).then_refused(VoucherError::NotReserved);
    given([issued(), reserved(2)]).when(redeem(1)).then_refused(VoucherError::NotReserved);
    given([issued()]).when(redeem(1)).then_refused(VoucherError::NotReserved);
    given([issued(), revoked()]).when(redeem(1)).then_refused(VoucherError::NotReserved);
    given([]).when(redeem(1)).then_refused(VoucherError::NotFound);
}

#[test]
fn the_shop_takes_back_what_nobody_has_or_used() {
    given([issued()]).when(revoke()).then([revoked()]);
    given([issued(), revoked()]).when(revoke()).then_nothing();
    given([issued(), reserved(1)]).when(revoke()).then_refused(VoucherError::InUse);
    given([issued(), reserved(1), redeemed(1)]).when(revoke()).then_refused(VoucherError::Used);
    given([]).when(revoke()).then_refused(VoucherError::NotFound);
}

#[test]
fn every_event_moves_on_only_the_stages_that_it_can_follow() {
    let histories = [
        vec![],
        vec![issued()],
        vec![issued(), reserved(1)],
        vec![issued(), reserved(1), redeemed(1)],
        vec![issued(), revoked()],
    ];
    let cases: [(VoucherEvent, &[usize]); 5] =
        [(issued(), &[0]), (reserved(1), &[1]), (released(1), &[2, 3]), (redeemed(1), &[2]), (revoked(), &[1])];
    for (event, follows) in cases {
        for (stage, history) in histories.iter().enumerate() {
            let before = fold_events(Voucher::default(), history.clone());
            let fits = follows.contains(&stage);
            assert_eq!(before.clone().evolve(&event) != before, fits, "{event:?} at {history:?}");
        }
    }
    let held = fold_events(Voucher::default(), [issued(), reserved(1)]);
    assert_eq!(fold_events(held.clone(), [released(2), redeemed(2), reserved(2)]), held);
}

proptest! {
    #[test]
    fn a_voucher_is_used_by_one_order_at_a_time_whatever_is_asked(
        commands in prop::collection::vec((0..5_usize, 1..4_u128), 0..60)
    ) {
        let mut voucher = fold_events(Voucher::default(), [issued()]);
        let mut used_by = None;
        for (kind, number) in commands {
            let command = match kind {
                0 => reserve(number),
                1 => release(number),
                2 => redeem(number),
                3 => issue(500),
                _ => revoke(),
            };
            for event in decide(&voucher, command).unwrap_or_default() {
                let before = voucher.clone();
                voucher = voucher.evolve(&event);
                prop_assert_ne!(&before, &voucher, "{:?} has no effect", event);
                match event {
                    VoucherEvent::Redeemed { order_id } => {
                        prop_assert_eq!(used_by.replace(order_id), None, "it was used already");
                    }
                    VoucherEvent::Released { order_id } if used_by == Some(order_id) => used_by = None,
                    VoucherEvent::Reserved { .. } => prop_assert_eq!(used_by, None),
                    VoucherEvent::Released { .. } | VoucherEvent::Issued { .. } | VoucherEvent::Revoked { .. } => {}
                }
            }
        }
    }
}
