//! A checkout as the log and the shop tell of it.

use storefront_api::{Event, Step, StepState, Timestamp};
use uuid::Uuid;

use super::{START, an_event};

/// A checkout that is paid after one attempt in vain, with what led to what; three minutes pass before it is bought.
pub(crate) fn a_checkout(about: &str) -> Vec<Event> {
    let told: [(&str, Option<u64>, i64); 12] = [
        ("order.started", None, 0),
        ("order.item_added", None, 0),
        ("order.checked_out", None, 180_000),
        ("stock.reserved", Some(3), 2),
        ("checkout.stock_reserved", Some(3), 0),
        ("payment.requested", Some(5), 9),
        ("payment.outcome_unknown", Some(6), 700),
        ("payment.succeeded", Some(6), 1_400),
        ("order.confirmed", Some(8), 8),
        ("checkout.completed", Some(8), 0),
        ("email.requested", Some(10), 6),
        ("email.sent", Some(11), 12),
    ];
    let mut time = START;
    let event = |(at, (kind, cause, after)): (u64, &(&str, Option<u64>, i64))| {
        time += after;
        Event {
            time: Timestamp::from_unix_ms(time),
            causation_id: cause.map(|cause| Uuid::from_u128(cause.into()).to_string()),
            ..an_event(at, kind, about)
        }
    };
    (1..).zip(&told).map(event).collect()
}

pub(crate) fn steps(states: [StepState; 4]) -> Vec<Step> {
    let step = |(name, state): (&str, StepState)| Step {
        name: name.into(),
        state,
        attempt: u32::from(state != StepState::Pending),
        detail: None,
        next_attempt_at: None,
    };
    // The invoice is written while the mail is.
    let [stock, payment, confirm, mail] = states;
    let states = [stock, payment, confirm, mail, mail];
    ["stock", "payment", "confirm", "invoice", "mail"].into_iter().zip(states).map(step).collect()
}
