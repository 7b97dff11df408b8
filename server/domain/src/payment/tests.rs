//! What can become of a payment, what contradicts it, and that no money comes from nowhere.

use proptest::prelude::*;
use storefront_api::{PaymentStatus, RefundId};
use uuid::Uuid;

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

/// The id of a refund; the number says which.
fn refund_id(number: u128) -> RefundId {
    RefundId(Uuid::from_u128(u128::from(u64::MAX) + number))
}

fn refund_requested_as(number: u128, amount: i64) -> PaymentEvent {
    let refund_id = Some(refund_id(number));
    PaymentEvent::RefundRequested { refund_id, amount: euro(amount), reason: "cancelled".to_owned() }
}

fn refund_requested(amount: i64) -> PaymentEvent {
    refund_requested_as(1, amount)
}

fn pending(number: u128, reference: &str) -> PaymentEvent {
    PaymentEvent::RefundPending { refund_id: refund_id(number), reference: reference.to_owned() }
}

fn found(number: u128, amount: i64, reference: &str) -> PaymentEvent {
    let (refund_id, reference) = (refund_id(number), reference.to_owned());
    PaymentEvent::RefundFound { refund_id, reference, amount: euro(amount) }
}

fn refunded_as(number: u128, amount: i64, reference: &str) -> PaymentEvent {
    let (refund_id, reference) = (Some(refund_id(number)), reference.to_owned());
    PaymentEvent::Refunded { refund_id, amount: euro(amount), reference }
}

fn refunded(amount: i64, reference: &str) -> PaymentEvent {
    refunded_as(1, amount, reference)
}

fn failed(number: u128, reference: Option<&str>) -> PaymentEvent {
    let (refund_id, reference) = (Some(refund_id(number)), reference.map(str::to_owned));
    PaymentEvent::RefundFailed { refund_id, reference, detail: "account closed".to_owned() }
}

fn refund_failed() -> PaymentEvent {
    failed(1, None)
}

fn disputed(amount: i64) -> PaymentEvent {
    let (dispute, reason) = ("dp_1".to_owned(), "fraudulent".to_owned());
    PaymentEvent::Disputed { dispute, amount: euro(amount), reason }
}

fn withdrawn() -> PaymentEvent {
    PaymentEvent::DisputeFundsWithdrawn { dispute: "dp_1".to_owned() }
}

fn closed(outcome: DisputeOutcome) -> PaymentEvent {
    PaymentEvent::DisputeClosed { dispute: "dp_1".to_owned(), outcome }
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

fn refund_all_as(number: u128) -> PaymentCommand {
    PaymentCommand::RefundAll { refund_id: refund_id(number), reason: "cancelled".to_owned() }
}

fn refund_all() -> PaymentCommand {
    refund_all_as(1)
}

fn refund(number: u128, amount: Option<i64>) -> PaymentCommand {
    let (refund_id, amount) = (refund_id(number), amount.map(euro));
    PaymentCommand::Refund { refund_id, amount, reason: "cancelled".to_owned() }
}

fn record_refund_as(number: u128, reference: &str) -> PaymentCommand {
    PaymentCommand::RecordRefund { refund_id: refund_id(number), reference: reference.to_owned() }
}

fn record_refund(reference: &str) -> PaymentCommand {
    record_refund_as(1, reference)
}

fn record_pending(number: u128, reference: &str) -> PaymentCommand {
    PaymentCommand::RecordRefundPending { refund_id: refund_id(number), reference: reference.to_owned() }
}

fn record_failure(number: u128, reference: Option<&str>) -> PaymentCommand {
    let (refund_id, reference) = (refund_id(number), reference.map(str::to_owned));
    PaymentCommand::RecordRefundFailure { refund_id, reference, detail: "account closed".to_owned() }
}

fn record_refund_failure() -> PaymentCommand {
    record_failure(1, None)
}

fn listed(ours: Option<u128>, amount: i64, reference: &str, progress: RefundProgress) -> PaymentCommand {
    PaymentCommand::RecordGatewayRefund(GatewayRefund {
        refund_id: ours.map(refund_id),
        new_id: refund_id(9),
        reference: reference.to_owned(),
        amount: euro(amount),
        reason: None,
        progress,
    })
}

fn record_dispute(state: DisputeState) -> PaymentCommand {
    let (dispute, reason) = ("dp_1".to_owned(), "fraudulent".to_owned());
    PaymentCommand::RecordDispute { dispute, amount: euro(2_250), reason, state }
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
    assert_eq!(folded(Payment::Unknown, history.clone()).status(), PaymentStatus::Paid);
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
        let refund_id = Some(refund_id(1));
        let event = PaymentEvent::RefundRequested { refund_id, amount, reason: "cancelled".to_owned() };
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
        2 => (1..4_u128).prop_map(refund_all_as),
        2 => ((1..4_u128), 1..2_250_i64).prop_map(|(number, amount)| refund(number, Some(amount))),
        2 => ((1..4_u128), reference()).prop_map(|(number, reference)| record_refund_as(number, reference)),
        1 => ((1..4_u128), reference()).prop_map(|(number, reference)| record_pending(number, reference)),
        1 => ((1..4_u128), prop::option::of(reference())).prop_map(|(number, name)| record_failure(number, name)),
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
        1 => Just(PaymentEvent::RefundRequested { refund_id: None, amount: yen(1), reason: String::new() }),
        2 => amount().prop_map(|amount| refunded(amount, "a")),
        1 => Just(refund_failed()),
        1 => Just(pending(1, "a")),
        2 => amount().prop_map(|amount| found(2, amount, "b")),
        2 => amount().prop_map(disputed),
        1 => Just(withdrawn()),
        1 => Just(closed(DisputeOutcome::Lost)),
        1 => Just(PaymentEvent::Refunded { refund_id: None, amount: euro(1), reference: "c".to_owned() }),
    ]
}

/// The money that the events say came in, went out for good and was promised back, each refund by its last word.
fn money(log: &[PaymentEvent]) -> (i64, i64, i64) {
    let (mut asked, mut came_in) = (0, 0);
    let mut refunds = std::collections::BTreeMap::new();
    for event in log {
        match event {
            PaymentEvent::Requested { amount, .. } => asked = amount.amount,
            PaymentEvent::Succeeded { .. } => came_in += asked,
            PaymentEvent::Found { amount, .. } => came_in += amount.amount,
            PaymentEvent::RefundRequested { refund_id, amount, .. } => {
                refunds.insert(*refund_id, (amount.amount, false, true));
            }
            PaymentEvent::Refunded { refund_id, .. } => refunds.get_mut(refund_id).unwrap().1 = true,
            PaymentEvent::RefundPending { refund_id, .. } => refunds.get_mut(&Some(*refund_id)).unwrap().2 = true,
            PaymentEvent::RefundFailed { refund_id, .. } => {
                let refund = refunds.get_mut(refund_id).unwrap();
                (refund.1, refund.2) = (false, false);
            }
            PaymentEvent::IntentCreated { .. }
            | PaymentEvent::AuthenticationRequired { .. }
            | PaymentEvent::Declined { .. }
            | PaymentEvent::OutcomeUnknown { .. }
            | PaymentEvent::Cancelled
            | PaymentEvent::RefundFound { .. }
            | PaymentEvent::Disputed { .. }
            | PaymentEvent::DisputeFundsWithdrawn { .. }
            | PaymentEvent::DisputeClosed { .. } => {}
        }
    }
    let went_back = refunds.values().filter(|refund| refund.1).map(|refund| refund.0).sum();
    (came_in, went_back, refunds.values().filter(|refund| refund.1 || refund.2).map(|refund| refund.0).sum())
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
    let payment = folded(Payment::Unknown, [requested(), succeeded("pi_1"), asked(1_000), asked(400), done]);
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

proptest! {
    #[test]
    fn whatever_is_recorded_no_money_comes_from_nowhere(commands in prop::collection::vec(any_command(), 0..60)) {
        let mut payment = Payment::default();
        let mut log = Vec::new();
        for command in commands {
            let told = matches!(
                command,
                PaymentCommand::RecordRefund { .. } | PaymentCommand::RecordRefundPending { .. }
            );
            let events = decide(&payment, command).unwrap_or_default();
            let (came_in, _, promised) = money(&[&log[..], &events[..]].concat());
            if told && promised > came_in {
                // The gateway never gives back more than it took.
                continue;
            }
            for event in &events {
                let after = evolve(payment.clone(), event);
                prop_assert_ne!(&after, &payment, "{:?} has no effect", event);
                payment = after;
            }
            log.extend(events);
            let (came_in, went_back, promised) = money(&log);
            prop_assert!(came_in == 0 || came_in == 2_250, "charged once: {}", came_in);
            prop_assert!(went_back <= promised && promised <= came_in);
            let is_so = match payment.status() {
                PaymentStatus::Refunded => went_back == came_in && came_in > 0,
                PaymentStatus::Refunding => promised > went_back,
                PaymentStatus::Paid => came_in > 0 && promised == went_back && went_back < came_in,
                PaymentStatus::None
                | PaymentStatus::Pending
                | PaymentStatus::AuthenticationRequired
                | PaymentStatus::Declined => came_in == 0,
                PaymentStatus::Disputed => false,
            };
            prop_assert!(is_so, "{:?} after {:?}", payment.status(), log);
        }
    }

    #[test]
    fn a_repeated_record_changes_nothing(commands in prop::collection::vec(any_command(), 0..40)) {
        let mut payment = Payment::default();
        for command in commands {
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
            let _ = (payment.status(), payment.left(), payment.kept());
            for command in [refund_all(), record_refund("z"), record_refund_failure(), record_success("z")] {
                let _ = decide(&payment, command);
            }
        }
    }
}
