//! What can become of a payment, what contradicts it, and that no money comes from nowhere.

use proptest::prelude::*;
use storefront_api::PaymentStatus;

use super::*;
use crate::testing::{Given, at_minute, euro, folded, order, yen};

fn given(history: impl IntoIterator<Item = PaymentEvent>) -> Given<Payment> {
    crate::testing::given(history)
}

fn card() -> PaymentMethod {
    PaymentMethod::Card { token: "tok_visa".to_owned() }
}

fn requested() -> PaymentEvent {
    PaymentEvent::Requested { order_id: order(1), amount: euro(2_250), method: card() }
}

fn intent_created(reference: &str) -> PaymentEvent {
    PaymentEvent::IntentCreated { reference: reference.to_owned() }
}

fn authentication_required(reference: &str) -> PaymentEvent {
    let (reference, url) = (reference.to_owned(), "https://bank.example".to_owned());
    PaymentEvent::AuthenticationRequired { reference, url, expires_at: at_minute(15) }
}

fn succeeded(reference: &str) -> PaymentEvent {
    PaymentEvent::Succeeded { reference: reference.to_owned() }
}

fn declined() -> PaymentEvent {
    PaymentEvent::Declined { reason: "lost_card".to_owned(), message: "The card was refused.".to_owned() }
}

fn unknown(attempt: u32) -> PaymentEvent {
    PaymentEvent::OutcomeUnknown { attempt, detail: "no answer".to_owned(), next_attempt_at: at_minute(1) }
}

fn refund_requested(amount: i64) -> PaymentEvent {
    PaymentEvent::RefundRequested { amount: euro(amount), reason: "cancelled".to_owned() }
}

fn refunded(amount: i64, reference: &str) -> PaymentEvent {
    PaymentEvent::Refunded { amount: euro(amount), reference: reference.to_owned() }
}

fn refund_failed() -> PaymentEvent {
    PaymentEvent::RefundFailed { detail: "account closed".to_owned() }
}

fn request() -> PaymentCommand {
    PaymentCommand::Request { order_id: order(1), amount: euro(2_250), method: card() }
}

fn record_intent(reference: &str) -> PaymentCommand {
    PaymentCommand::RecordIntent { reference: reference.to_owned() }
}

fn record_authentication_required(reference: &str) -> PaymentCommand {
    let (reference, url) = (reference.to_owned(), "https://bank.example".to_owned());
    PaymentCommand::RecordAuthenticationRequired { reference, url, expires_at: at_minute(15) }
}

fn record_success(reference: &str) -> PaymentCommand {
    PaymentCommand::RecordSuccess { reference: reference.to_owned() }
}

fn record_decline() -> PaymentCommand {
    PaymentCommand::RecordDecline { reason: "lost_card".to_owned(), message: "The card was refused.".to_owned() }
}

fn record_unknown(attempt: u32) -> PaymentCommand {
    PaymentCommand::RecordUnknown { attempt, detail: "no answer".to_owned(), next_attempt_at: at_minute(1) }
}

fn refund_all() -> PaymentCommand {
    PaymentCommand::RefundAll { reason: "cancelled".to_owned() }
}

fn refund(amount: Option<i64>) -> PaymentCommand {
    PaymentCommand::Refund { amount: amount.map(euro), reason: "cancelled".to_owned() }
}

fn record_refund(reference: &str) -> PaymentCommand {
    PaymentCommand::RecordRefund { reference: reference.to_owned() }
}

fn record_refund_failure() -> PaymentCommand {
    PaymentCommand::RecordRefundFailure { detail: "account closed".to_owned() }
}

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
fn what_is_told_of_another_intent_is_refused() {
    let refused = || PaymentError::OtherIntent { known: "pi_1".to_owned(), told: "pi_2".to_owned() };
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
fn all_that_was_paid_goes_back_once() {
    let paid = || [requested(), succeeded("pi_1")];
    let payment = given(paid()).when(refund_all()).then([refund_requested(2_250)]);
    assert_eq!((payment.status(), payment.open_refund()), (PaymentStatus::Refunding, Some(euro(2_250))));
    let payment = Given(payment).when(record_refund("re_1")).then([refunded(2_250, "re_1")]);
    assert_eq!((payment.status(), payment.open_refund()), (PaymentStatus::Refunded, None));
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
    assert_eq!(folded(Payment::Unknown, history.clone()).status(), PaymentStatus::Paid);
    given(history).when(refund_all()).then([refund_requested(2_000)]);
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
    assert_eq!((payment.status(), payment.open_refund()), (PaymentStatus::Paid, None));
    Given(payment.clone()).when(record_refund_failure()).then_nothing();
    Given(payment.clone()).when(record_refund("re_1")).then_refused(PaymentError::OtherOutcome);
    Given(payment).when(refund_all()).then([refund_requested(2_250)]);
}

#[test]
fn every_event_that_does_not_fit_leaves_the_payment_as_it_was() {
    let paid = vec![requested(), succeeded("pi_1")];
    let refunding = [paid.clone(), vec![refund_requested(2_250)]].concat();
    // State, and the numbers of the events below that fit it.
    let states: [(&[PaymentEvent], &[usize]); 8] = [
        (&[], &[0]),
        (&[requested()], &[1, 2, 3, 4, 8, 9]),
        (&[requested(), authentication_required("pi_1")], &[1, 2, 4]),
        (&[requested(), declined()], &[1]),
        (&[requested(), PaymentEvent::Cancelled], &[1, 8]),
        (&paid, &[5]),
        (&refunding, &[6, 7]),
        (&[refunding.clone(), vec![refunded(2_250, "re_1")]].concat(), &[]),
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
    ];
    for (history, fitting) in states {
        let before = folded(Payment::Unknown, history.to_vec());
        for (index, event) in events.iter().enumerate() {
            let after = evolve(before.clone(), event);
            assert_eq!(after != before, fitting.contains(&index), "{event:?} on {before:?}");
        }
    }
}

#[test]
fn a_refund_of_more_than_was_paid_or_of_another_currency_leaves_the_payment_as_it_was() {
    let paid = folded(Payment::Unknown, [requested(), succeeded("pi_1")]);
    for amount in [euro(2_251), euro(0), euro(-1), yen(1)] {
        let event = PaymentEvent::RefundRequested { amount, reason: "cancelled".to_owned() };
        assert_eq!(evolve(paid.clone(), &event), paid, "{amount}");
    }
}

fn any_command() -> impl Strategy<Value = PaymentCommand> {
    let reference = || prop::sample::select(vec!["a", "b", "c"]);
    prop_oneof![
        1 => Just(request()),
        1 => reference().prop_map(record_success),
        1 => Just(record_decline()),
        1 => (0..4_u32).prop_map(record_unknown),
        1 => reference().prop_map(record_intent),
        1 => reference().prop_map(record_authentication_required),
        1 => Just(PaymentCommand::Cancel),
        2 => Just(refund_all()),
        2 => reference().prop_map(record_refund),
        1 => Just(record_refund_failure()),
    ]
}

fn any_event() -> impl Strategy<Value = PaymentEvent> {
    let amount = || prop_oneof![Just(i64::MIN), Just(i64::MAX), 0..3_000_i64];
    let asked = |amount| PaymentEvent::Requested { order_id: order(1), amount: euro(amount), method: card() };
    prop_oneof![
        2 => amount().prop_map(asked),
        2 => Just(succeeded("a")),
        1 => Just(declined()),
        1 => (0..4_u32).prop_map(unknown),
        1 => Just(intent_created("a")),
        1 => Just(authentication_required("a")),
        1 => Just(PaymentEvent::Cancelled),
        2 => amount().prop_map(refund_requested),
        1 => Just(PaymentEvent::RefundRequested { amount: yen(1), reason: String::new() }),
        2 => amount().prop_map(|amount| refunded(amount, "a")),
        1 => Just(refund_failed()),
    ]
}

/// The money that an event says came in, went out and was promised back.
fn money(log: &[PaymentEvent]) -> (i64, i64, i64) {
    let mut asked = 0;
    let (mut came_in, mut went_back, mut promised) = (0, 0, 0);
    for event in log {
        match event {
            PaymentEvent::Requested { amount, .. } => asked = amount.amount,
            PaymentEvent::Succeeded { .. } => came_in += asked,
            PaymentEvent::RefundRequested { amount, .. } => promised += amount.amount,
            PaymentEvent::Refunded { amount, .. } => went_back += amount.amount,
            PaymentEvent::RefundFailed { .. } => promised = went_back,
            PaymentEvent::IntentCreated { .. }
            | PaymentEvent::AuthenticationRequired { .. }
            | PaymentEvent::Declined { .. }
            | PaymentEvent::OutcomeUnknown { .. }
            | PaymentEvent::Cancelled => {}
        }
    }
    (came_in, went_back, promised)
}

#[test]
fn some_of_what_was_paid_can_go_back_and_then_only_the_rest() {
    let paid = [requested(), succeeded("pi_1")];
    given(paid.clone()).when(refund(Some(1_000))).then([refund_requested(1_000)]);
    let partly = [&paid[..], &[refund_requested(1_000), refunded(1_000, "re_1")]].concat();
    given(partly.clone()).when(refund(None)).then([refund_requested(1_250)]);
    given(partly.clone()).when(refund_all()).then([refund_requested(1_250)]);
    let both = [&partly[..], &[refund_requested(1_250)]].concat();
    given(both.clone()).when(refund(Some(1))).then_refused(PaymentError::NothingToRefund);
    given(both).when(refund_all()).then_nothing();
}

#[test]
fn more_than_is_left_does_not_go_back_even_while_a_refund_is_on_its_way() {
    let history = [requested(), succeeded("pi_1"), refund_requested(1_000)];
    for amount in [euro(1_251), euro(0), euro(-1), yen(1)] {
        let command = PaymentCommand::Refund { amount: Some(amount), reason: "cancelled".to_owned() };
        let refused = PaymentError::RefundDoesNotFit { amount, left: euro(1_250) };
        given(history.clone()).when(command).then_refused(refused);
    }
    let failed = [&history[..], &[refund_failed()]].concat();
    given(failed).when(refund(Some(2_250))).then([refund_requested(2_250)]);
}

#[test]
fn what_was_not_paid_does_not_go_back() {
    for history in [vec![], vec![requested()], vec![requested(), declined()]] {
        given(history).when(refund(None)).then_refused(PaymentError::NothingToRefund);
    }
}

proptest! {
    #[test]
    fn whatever_is_recorded_no_money_comes_from_nowhere(commands in prop::collection::vec(any_command(), 0..60)) {
        let mut payment = Payment::default();
        let mut log = Vec::new();
        for command in commands {
            let events = decide(&payment, command).unwrap_or_default();
            for event in &events {
                let after = evolve(payment.clone(), event);
                prop_assert_ne!(&after, &payment, "{:?} has no effect", event);
                payment = after;
            }
            log.extend(events);
            let (came_in, went_back, promised) = money(&log);
            prop_assert!(came_in == 0 || came_in == 2_250, "charged once: {}", came_in);
            prop_assert!(went_back <= promised && promised <= came_in);
            let told = match payment.status() {
                PaymentStatus::Refunded => went_back == came_in && came_in > 0,
                PaymentStatus::Refunding => promised > went_back,
                PaymentStatus::Paid => came_in > 0 && promised == 0,
                PaymentStatus::None
                | PaymentStatus::Pending
                | PaymentStatus::AuthenticationRequired
                | PaymentStatus::Declined => came_in == 0,
            };
            prop_assert!(told, "{:?} after {:?}", payment.status(), log);
        }
    }

    #[test]
    fn a_repeated_record_changes_nothing(commands in prop::collection::vec(any_command(), 0..40)) {
        let mut payment = Payment::default();
        for command in commands {
            // Asking again after a refusal is a new refund; everything else is said once.
            let events = decide(&payment, command.clone()).unwrap_or_default();
            payment = folded(payment, events);
            prop_assert_eq!(decide(&payment, command).unwrap_or_default(), vec![]);
        }
    }

    #[test]
    fn no_event_in_any_state_panics(events in prop::collection::vec(any_event(), 0..60)) {
        let mut payment = Payment::default();
        for event in events {
            payment = evolve(payment, &event);
            let _ = (payment.status(), payment.open_refund());
            for command in [refund_all(), record_refund("z"), record_refund_failure(), record_success("z")] {
                let _ = decide(&payment, command);
            }
        }
    }
}
