//! Invariants of the amounts under any commands and events.

use proptest::prelude::*;
use storefront_api::PaymentStatus;

use super::*;
use crate::testing::{fold_events, yen};

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
                PaymentStatus::Disputed | PaymentStatus::Unknown => false,
            };
            prop_assert!(is_so, "{:?} after {:?}", payment.status(), log);
        }
    }

    #[test]
    fn a_repeated_record_changes_nothing(commands in prop::collection::vec(any_command(), 0..40)) {
        let mut payment = Payment::default();
        for command in commands {
            let events = decide(&payment, command.clone()).unwrap_or_default();
            payment = fold_events(payment, events);
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
