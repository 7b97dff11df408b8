//! Tests of refunds and disputes: never more is refunded than was paid.

use storefront_api::PaymentStatus;

use super::*;
use crate::testing::{fold_events, yen};

#[test]
fn all_that_was_paid_goes_back_once() {
    let paid = || [requested(), succeeded("pi_1")];
    let payment = given(paid()).when(refund_all()).then([refund_requested(2_250)]);
    assert_eq!((payment.status(), payment.left()), (PaymentStatus::Refunding, Some(euro(0))));
    let payment = Given(payment).when(record_refund("re_1")).then([refunded(2_250, "re_1")]);
    assert_eq!((payment.status(), payment.kept()), (PaymentStatus::Refunded, 0));
    Given(payment).when(refund_all()).then_nothing();
    given(paid().into_iter().chain([refund_requested(2_250)])).when(refund_all()).then_nothing();
}

#[test]
fn where_no_money_came_in_none_goes_back() {
    given([]).when(refund_all()).then_nothing();
    given([requested()]).when(refund_all()).then_nothing();
    given([requested(), declined()]).when(refund_all()).then_nothing();
    given([requested(), PaymentEvent::Cancelled]).when(refund_all()).then_nothing();
}

#[test]
fn the_rest_of_a_partly_refunded_payment_goes_back() {
    let history = [requested(), succeeded("pi_1"), refund_requested(250), refunded(250, "re_1")];
    assert_eq!(fold_events(Payment::Unknown, history.clone()).status(), PaymentStatus::Paid);
    given(history).when(refund_all_as(2)).then([refund_requested_as(2, 2_000)]);
}

#[test]
fn a_refund_is_recorded_once() {
    let done = [requested(), succeeded("pi_1"), refund_requested(2_250), refunded(2_250, "re_1")];
    given(done.clone()).when(record_refund("re_1")).then_nothing();
    given(done.clone()).when(record_refund("re_2")).then_refused(PaymentError::OtherOutcome);
    given(done).when(record_refund_failure()).then_refused(PaymentError::OtherOutcome);
}

#[test]
fn a_refund_that_nobody_asked_for_cannot_be_recorded() {
    for command in [record_refund("re_1"), record_refund_failure()] {
        given([requested(), succeeded("pi_1")]).when(command.clone()).then_refused(PaymentError::NoRefundRequested);
        given([requested()]).when(command).then_refused(PaymentError::NoRefundRequested);
    }
}

#[test]
fn a_refused_refund_leaves_the_money_with_us_and_can_be_asked_for_again() {
    let history = || vec![requested(), succeeded("pi_1"), refund_requested(2_250)];
    let payment = given(history()).when(record_refund_failure()).then([refund_failed()]);
    assert_eq!((payment.status(), payment.kept()), (PaymentStatus::Paid, 2_250));
    Given(payment.clone()).when(record_refund_failure()).then_nothing();
    Given(payment).when(refund_all_as(2)).then([refund_requested_as(2, 2_250)]);
}

#[test]
fn a_refund_of_more_than_was_paid_or_of_another_currency_leaves_the_payment_as_it_was() {
    let paid = fold_events(Payment::Unknown, [requested(), succeeded("pi_1")]);
    for amount in [euro(2_251), euro(0), euro(-1), yen(1)] {
        let refund_id = Some(refund_id(1));
        let event = PaymentEvent::RefundRequested { refund_id, amount, reason: "cancelled".to_owned() };
        assert_eq!(evolve(paid.clone(), &event), paid, "{amount}");
    }
}

#[test]
fn of_two_refunds_each_outcome_touches_its_own() {
    let both = vec![requested(), succeeded("pi_1"), refund_requested_as(1, 1_000), refund_requested_as(2, 400)];
    let payment = given(both.clone()).when(record_refund_as(2, "re_2")).then([refunded_as(2, 400, "re_2")]);
    assert_eq!((payment.kept(), payment.status()), (1_850, PaymentStatus::Refunding));
    let payment = Given(payment).when(record_failure(1, None)).then([failed(1, None)]);
    assert_eq!((payment.kept(), payment.left(), payment.status()), (1_850, Some(euro(1_850)), PaymentStatus::Paid));
    Given(payment).when(record_refund_as(2, "re_2")).then_nothing();
}

#[test]
fn a_refund_can_be_pending_for_days_and_end_either_way() {
    let asked = vec![requested(), succeeded("pi_1"), refund_requested(1_000)];
    let payment = given(asked).when(record_pending(1, "re_1")).then([pending(1, "re_1")]);
    assert_eq!((payment.status(), payment.left()), (PaymentStatus::Refunding, Some(euro(1_250))));
    Given(payment.clone()).when(record_pending(1, "re_1")).then_nothing();
    let done = Given(payment.clone()).when(record_refund("re_1")).then([refunded(1_000, "re_1")]);
    Given(done).when(record_pending(1, "re_1")).then_nothing();
    let failed_at_last = Given(payment).when(record_failure(1, Some("re_1"))).then([failed(1, Some("re_1"))]);
    for late in [record_refund("re_1"), record_pending(1, "re_1")] {
        Given(failed_at_last.clone()).when(late).then_nothing();
    }
}

#[test]
fn a_refund_that_succeeded_and_failed_later_leaves_the_money_with_us() {
    let history = vec![requested(), succeeded("pi_1"), refund_requested(2_250), refunded(2_250, "re_1")];
    given(history.clone()).when(record_failure(1, None)).then_refused(PaymentError::OtherOutcome);
    let payment = given(history).when(record_failure(1, Some("re_1"))).then([failed(1, Some("re_1"))]);
    assert_eq!((payment.status(), payment.kept(), payment.left()), (PaymentStatus::Paid, 2_250, Some(euro(2_250))));
    Given(payment.clone()).when(record_refund("re_1")).then_nothing();
    Given(payment).when(refund_all_as(2)).then([refund_requested_as(2, 2_250)]);
}

#[test]
fn a_refund_that_was_given_up_here_and_made_there_is_booked() {
    let given_up = vec![requested(), succeeded("pi_1"), refund_requested(1_000), refund_failed()];
    let done = given(given_up.clone()).when(listed(Some(1), 1_000, "re_1", RefundProgress::Succeeded));
    assert_eq!(done.then([refunded(1_000, "re_1")]).kept(), 1_250);
    given(given_up).when(listed(Some(1), 1_000, "re_1", RefundProgress::Pending)).then([pending(1, "re_1")]);
}

#[test]
fn a_refund_made_at_the_gateway_is_found_once_whatever_else_is_on_its_way() {
    let paid = vec![requested(), succeeded("pi_1")];
    let events = [found(9, 400, "re_7"), refunded_as(9, 400, "re_7")];
    let payment = given(paid.clone()).when(listed(None, 400, "re_7", RefundProgress::Succeeded)).then(events.clone());
    assert_eq!((payment.kept(), payment.left()), (1_850, Some(euro(1_850))));
    Given(payment).when(listed(None, 400, "re_7", RefundProgress::Succeeded)).then_nothing();
    given(paid.clone()).when(listed(None, 1, "re_7", RefundProgress::Failed { detail: String::new() })).then_nothing();
    // The gateway has given all back that the shop was about to.
    let about_to = [&paid[..], &[refund_requested(2_250)]].concat();
    let payment = given(about_to).when(listed(None, 2_250, "re_7", RefundProgress::Succeeded));
    let payment = payment.then([found(9, 2_250, "re_7"), refunded_as(9, 2_250, "re_7")]);
    assert_eq!((payment.kept(), payment.left()), (0, Some(euro(0))));
    let payment = Given(payment).when(record_failure(1, None)).then([refund_failed()]);
    assert_eq!(payment.status(), PaymentStatus::Refunded);
    given([requested()]).when(listed(None, 1, "re", RefundProgress::Pending)).then_refused(PaymentError::NotPaid);
}

#[test]
fn refunds_of_old_are_numbered_and_their_outcomes_belong_to_the_oldest_open_one() {
    let asked = |amount| {
        let reason = "cancelled".to_owned();
        PaymentEvent::RefundRequested { refund_id: None, amount: euro(amount), reason }
    };
    let done = PaymentEvent::Refunded { refund_id: None, amount: euro(1_000), reference: "re_1".to_owned() };
    let payment = fold_events(Payment::Unknown, [requested(), succeeded("pi_1"), asked(1_000), asked(400), done]);
    let ids: Vec<u128> = payment.refunds().iter().map(|refund| refund.id.0.as_u128()).collect();
    assert_eq!((ids, payment.kept()), (vec![1, 2], 1_250));
    assert!(payment.refunds().iter().all(Refund::is_older_than_ids));
    // A new word about the second names it; the gateway keeps its reason, and no id.
    let PaymentCommand::RecordGatewayRefund(told) = listed(None, 400, "re_2", RefundProgress::Succeeded) else {
        panic!()
    };
    let told = GatewayRefund { reason: Some("cancelled".to_owned()), ..told };
    let second = RefundId(Uuid::from_u128(2));
    Given(payment).when(PaymentCommand::RecordGatewayRefund(told)).then([PaymentEvent::Refunded {
        refund_id: Some(second),
        amount: euro(400),
        reference: "re_2".to_owned(),
    }]);
}

#[test]
fn a_dispute_takes_the_money_until_it_is_decided() {
    use DisputeOutcome::{Lost, Won};
    use DisputeState::{Closed, Open, Withdrawn};
    let paid = vec![requested(), succeeded("pi_1")];
    let asked = given(paid.clone()).when(record_dispute(Open)).then([disputed(2_250)]);
    assert_eq!((asked.status(), asked.kept()), (PaymentStatus::Disputed, 2_250));
    let taken = Given(asked.clone()).when(record_dispute(Withdrawn)).then([withdrawn()]);
    assert_eq!((taken.status(), taken.kept(), taken.left()), (PaymentStatus::Disputed, 0, Some(euro(0))));
    for late in [Open, Withdrawn] {
        Given(taken.clone()).when(record_dispute(late)).then_nothing();
    }
    let won = Given(taken.clone()).when(record_dispute(Closed(Won))).then([closed(Won)]);
    assert_eq!((won.status(), won.kept(), won.left()), (PaymentStatus::Paid, 2_250, Some(euro(2_250))));
    for late in [Open, Withdrawn, Closed(Lost)] {
        Given(won.clone()).when(record_dispute(late)).then_nothing();
    }
    let lost = Given(taken).when(record_dispute(Closed(Lost))).then([closed(Lost)]);
    assert_eq!((lost.status(), lost.kept(), lost.left()), (PaymentStatus::Refunded, 0, Some(euro(0))));
    given(paid).when(record_dispute(Withdrawn)).then([disputed(2_250), withdrawn()]);
}

#[test]
fn some_of_what_was_paid_can_go_back_and_then_only_the_rest() {
    let paid = [requested(), succeeded("pi_1")];
    given(paid.clone()).when(refund(1, Some(1_000))).then([refund_requested(1_000)]);
    let partly = [&paid[..], &[refund_requested(1_000), refunded(1_000, "re_1")]].concat();
    given(partly.clone()).when(refund(2, None)).then([refund_requested_as(2, 1_250)]);
    given(partly.clone()).when(refund_all_as(2)).then([refund_requested_as(2, 1_250)]);
    let both = [&partly[..], &[refund_requested_as(2, 1_250)]].concat();
    given(both.clone()).when(refund(3, Some(1))).then_refused(PaymentError::NothingToRefund);
    given(both).when(refund_all_as(3)).then_nothing();
}

#[test]
fn more_than_is_left_does_not_go_back_even_while_a_refund_is_on_its_way() {
    let history = [requested(), succeeded("pi_1"), refund_requested(1_000)];
    for amount in [euro(1_251), euro(0), euro(-1), yen(1)] {
        let (refund_id, reason) = (refund_id(2), "cancelled".to_owned());
        let command = PaymentCommand::Refund { refund_id, amount: Some(amount), reason };
        let refused = PaymentError::RefundDoesNotFit { amount, left: euro(1_250) };
        given(history.clone()).when(command).then_refused(refused);
    }
    let failed = [&history[..], &[refund_failed()]].concat();
    given(failed).when(refund(2, Some(2_250))).then([refund_requested_as(2, 2_250)]);
}

#[test]
fn what_was_not_paid_does_not_go_back() {
    for history in [vec![], vec![requested()], vec![requested(), declined()]] {
        given(history).when(refund(1, None)).then_refused(PaymentError::NothingToRefund);
    }
}
