//! Tests of the outcomes of a payment, and of contradictory reports.

use storefront_api::PaymentStatus;

use super::*;
use crate::testing::fold_events;

#[test]
fn money_is_asked_for_once() {
    let payment = given([]).when(request()).then([requested()]);
    assert_eq!((payment.status(), payment.is_pending()), (PaymentStatus::Pending, true));
    assert_eq!(payment.request().unwrap().amount, euro(2_250));
    for history in [
        vec![requested()],
        vec![requested(), succeeded("pi_1")],
        vec![requested(), declined()],
        vec![requested(), PaymentEvent::Cancelled],
    ] {
        given(history).when(request()).then_nothing();
    }
}

#[test]
fn success_is_recorded_once() {
    let payment = given([requested(), unknown(1)]).when(record_success("pi_1")).then([succeeded("pi_1")]);
    assert_eq!((payment.status(), payment.reference()), (PaymentStatus::Paid, Some("pi_1")));
    given([requested(), succeeded("pi_1")]).when(record_success("pi_1")).then_nothing();
}

#[test]
fn a_decline_is_recorded_once() {
    let payment = given([requested()]).when(record_decline()).then([declined()]);
    assert_eq!((payment.status(), payment.reference()), (PaymentStatus::Declined, None));
    given([requested(), declined()]).when(record_decline()).then_nothing();
}

#[test]
fn an_attempt_without_an_answer_leaves_the_payment_pending() {
    let payment = given([requested()]).when(record_unknown(1)).then([unknown(1)]);
    assert_eq!((payment.status(), payment.attempts()), (PaymentStatus::Pending, 1));
    let payment = given([requested(), unknown(1)]).when(record_unknown(2)).then([unknown(2)]);
    assert_eq!(payment.attempts(), 2);
    given([requested(), unknown(2)]).when(record_unknown(2)).then_nothing();
    given([requested(), unknown(2)]).when(record_unknown(1)).then_nothing();
}

#[test]
fn an_attempt_without_an_answer_is_no_news_once_there_is_an_outcome() {
    for outcome in [succeeded("pi_1"), declined(), PaymentEvent::Cancelled] {
        given([requested(), outcome]).when(record_unknown(1)).then_nothing();
    }
}

#[test]
fn a_payment_that_nobody_wants_any_more_is_cancelled_once() {
    let payment = given([requested()]).when(PaymentCommand::Cancel).then([PaymentEvent::Cancelled]);
    assert_eq!(payment.status(), PaymentStatus::None);
    given([requested(), PaymentEvent::Cancelled]).when(PaymentCommand::Cancel).then_nothing();
    for history in [vec![], vec![requested(), declined()], vec![requested(), succeeded("pi_1")]] {
        given(history).when(PaymentCommand::Cancel).then_nothing();
    }
    given([requested(), PaymentEvent::Cancelled]).when(record_decline()).then_nothing();
}

#[test]
fn money_that_was_captured_after_a_cancel_is_recorded_and_can_go_back() {
    let late = given([requested(), PaymentEvent::Cancelled]).when(record_success("pi_1")).then([succeeded("pi_1")]);
    assert_eq!(late.status(), PaymentStatus::Paid);
    Given(late).when(refund_all()).then([refund_requested(2_250)]);
}

#[test]
fn money_that_was_captured_after_a_decline_is_recorded_and_can_go_back() {
    let history = [requested(), intent_created("pi_1"), declined()];
    let late = given(history).when(record_success("pi_1")).then([succeeded("pi_1")]);
    assert_eq!((late.status(), late.left()), (PaymentStatus::Paid, Some(euro(2_250))));
    Given(late).when(refund_all()).then([refund_requested(2_250)]);
}

#[test]
fn the_gateways_name_for_a_payment_is_known_before_any_money_moves() {
    let payment = given([requested()]).when(record_intent("pi_1")).then([intent_created("pi_1")]);
    assert_eq!((payment.intent(), payment.reference(), payment.status()), (Some("pi_1"), None, PaymentStatus::Pending));
    Given(payment.clone()).when(record_intent("pi_1")).then_nothing();
    for outcome in [declined(), PaymentEvent::Cancelled, authentication_required("pi_1"), succeeded("pi_1")] {
        assert_eq!(evolve(payment.clone(), &outcome).intent(), Some("pi_1"), "{outcome:?}");
    }
    // What is given up must be found at the gateway, or it cannot be cancelled there.
    let given_up = given([requested(), PaymentEvent::Cancelled]).when(record_intent("pi_1"));
    assert_eq!(given_up.then([intent_created("pi_1")]).intent(), Some("pi_1"));
}

#[test]
fn a_payment_that_waits_for_the_cards_owner_has_no_outcome_yet() {
    let waits = || [requested(), intent_created("pi_1"), authentication_required("pi_1")];
    let payment = given([requested(), intent_created("pi_1")]).when(record_authentication_required("pi_1"));
    let payment = payment.then([authentication_required("pi_1")]);
    assert_eq!((payment.status(), payment.is_pending()), (PaymentStatus::AuthenticationRequired, true));
    assert_eq!(payment.authentication().unwrap().url, "https://bank.example");
    given(waits()).when(record_authentication_required("pi_1")).then_nothing();
    given(waits()).when(record_unknown(1)).then_nothing();
    given(waits()).when(record_success("pi_1")).then([succeeded("pi_1")]);
    given(waits()).when(record_decline()).then([declined()]);
    given(waits()).when(PaymentCommand::Cancel).then([PaymentEvent::Cancelled]);
    for outcome in [succeeded("pi_1"), declined(), PaymentEvent::Cancelled] {
        let history = [vec![requested(), intent_created("pi_1")], vec![outcome]].concat();
        given(history).when(record_authentication_required("pi_1")).then_nothing();
    }
}

#[test]
fn an_outcome_of_another_intent_is_refused() {
    let refused = || PaymentError::OtherIntent { known: "pi_1".to_owned(), reported: "pi_2".to_owned() };
    let known = || vec![requested(), intent_created("pi_1")];
    given(known()).when(record_success("pi_2")).then_refused(refused());
    given(known()).when(record_authentication_required("pi_2")).then_refused(refused());
    for outcome in [authentication_required("pi_1"), declined(), PaymentEvent::Cancelled] {
        given([known(), vec![outcome]].concat()).when(record_success("pi_2")).then_refused(refused());
    }
}

#[test]
fn outcomes_that_contradict_the_recorded_one_are_refused() {
    let refused = || PaymentError::OtherOutcome;
    given([requested(), succeeded("pi_1")]).when(record_success("pi_2")).then_refused(refused());
    given([requested(), succeeded("pi_1")]).when(record_decline()).then_refused(refused());
}

#[test]
fn nothing_can_be_recorded_of_a_payment_that_nobody_asked_for() {
    for command in [
        record_success("pi_1"),
        record_decline(),
        record_unknown(1),
        record_intent("pi_1"),
        record_authentication_required("pi_1"),
        record_refund("re_1"),
        record_refund_failure(),
    ] {
        given([]).when(command).then_refused(PaymentError::NotFound);
    }
    assert_eq!(Payment::Unknown.status(), PaymentStatus::None);
    assert_eq!(Payment::Unknown.request(), None);
}

#[test]
fn every_event_that_does_not_fit_leaves_the_payment_as_it_was() {
    let paid = vec![requested(), succeeded("pi_1")];
    let refunding = [paid.clone(), vec![refund_requested(2_250)]].concat();
    // State, and the numbers of the events below that fit it.
    let states: [(&[PaymentEvent], &[usize]); 10] = [
        (&[], &[0]),
        (&[requested()], &[1, 2, 3, 4, 8, 9]),
        (&[requested(), authentication_required("pi_1")], &[1, 2, 4]),
        (&[requested(), declined()], &[1]),
        (&[requested(), PaymentEvent::Cancelled], &[1, 8]),
        (&paid, &[5, 11, 12]),
        (&refunding, &[6, 7, 10, 11, 12]),
        (&[refunding.clone(), vec![refunded(2_250, "re_1")]].concat(), &[7, 11, 12]),
        (&[refunding.clone(), vec![pending(1, "re_2")]].concat(), &[6, 7, 11, 12]),
        (&[paid.clone(), vec![disputed(2_250)]].concat(), &[5, 11, 13, 14]),
    ];
    let events = [
        requested(),
        succeeded("pi_2"),
        declined(),
        unknown(1),
        PaymentEvent::Cancelled,
        refund_requested(1),
        refunded(2_250, "re_2"),
        refund_failed(),
        intent_created("pi_2"),
        authentication_required("pi_2"),
        pending(1, "re_2"),
        found(2, 100, "re_3"),
        disputed(2_250),
        withdrawn(),
        closed(DisputeOutcome::Won),
    ];
    for (history, fitting) in states {
        let before = fold_events(Payment::Unknown, history.to_vec());
        for (index, event) in events.iter().enumerate() {
            let after = evolve(before.clone(), event);
            assert_eq!(after != before, fitting.contains(&index), "{event:?} on {before:?}");
        }
    }
}

#[test]
fn money_that_was_found_begins_a_payment_once_and_can_go_back() {
    let found = |reference: &str| {
        let (order_id, amount, reference) = (order(1), euro(2_250), reference.to_owned());
        PaymentCommand::RecordFound { order_id, amount, reference }
    };
    let began = PaymentEvent::Found { order_id: order(1), amount: euro(2_250), reference: "pi_1".to_owned() };
    let payment = given([]).when(found("pi_1")).then([began.clone()]);
    assert_eq!((payment.kept(), payment.status()), (2_250, PaymentStatus::Paid));
    given([began.clone()]).when(found("pi_1")).then_nothing();
    given([began.clone()]).when(found("pi_2")).then_refused(PaymentError::OtherOutcome);
    given([requested()]).when(found("pi_1")).then_refused(PaymentError::OtherOutcome);
    let refund = PaymentCommand::RefundAll { refund_id: refund_id(1), reason: "cancelled".to_owned() };
    given([began]).when(refund).then([refund_requested(2_250)]);
}
