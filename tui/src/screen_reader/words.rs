//! Words in place of signs.

use storefront_api::{OrderStatus, PaymentStatus, Step, StepState};

use crate::plain;
use crate::state::Model;
use crate::view::when;

/// A line that can be read aloud: signs become words, what is drawn becomes nothing.
pub(super) fn speakable(text: &str) -> String {
    let mut spoken = String::with_capacity(text.len());
    for letter in plain::line(text).chars() {
        match letter {
            '↑' => spoken.push_str("Up"),
            '↓' => spoken.push_str("Down"),
            '←' => spoken.push_str("Left"),
            '→' => spoken.push_str("Right"),
            '…' | '⋯' => spoken.push_str("..."),
            '−' => spoken.push('-'),
            '×' => spoken.push(' '),
            '·' => spoken.push(','),
            // Boxes, blocks, geometric and other signs, arrows, braille.
            '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{27bf}' | '\u{2800}'..='\u{28ff}' => spoken.push(' '),
            other => spoken.push(other),
        }
    }
    let words: Vec<&str> = spoken.split(' ').filter(|word| !word.is_empty()).collect();
    words.join(" ").replace(" ,", ",")
}

/// A number with its noun.
pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

/// Parts that are not empty, with commas between them.
pub(super) fn listed<T: AsRef<str>>(parts: impl IntoIterator<Item = T>) -> String {
    let parts: Vec<String> =
        parts.into_iter().map(|part| part.as_ref().to_owned()).filter(|part| !part.is_empty()).collect();
    parts.join(", ")
}

pub(super) const fn order_status(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::InProgress => "open basket",
        OrderStatus::CheckedOut => "checking out",
        OrderStatus::Confirmed => "confirmed",
        OrderStatus::Shipped => "shipped",
        OrderStatus::Delivered => "delivered",
        OrderStatus::Cancelled => "cancelled",
        OrderStatus::Expired => "over",
        OrderStatus::Unknown => "in an unknown state",
    }
}

pub(super) const fn payment_status(status: PaymentStatus) -> &'static str {
    match status {
        PaymentStatus::None => "",
        PaymentStatus::Pending => "payment under way",
        PaymentStatus::AuthenticationRequired => "the bank asks for a confirmation",
        PaymentStatus::Paid => "paid",
        PaymentStatus::Declined => "payment declined",
        PaymentStatus::Refunding => "being refunded",
        PaymentStatus::Refunded => "refunded",
        PaymentStatus::Disputed => "disputed at the bank",
        PaymentStatus::Unknown => "payment in an unknown state",
    }
}

/// A step of the checkout; nothing before it begins. The time of the next attempt is a time of day, which stays the same
/// while it comes nearer.
pub(super) fn step(model: &Model, step: &Step) -> String {
    let word = match step.state {
        StepState::Pending => return String::new(),
        StepState::Running => "under way",
        StepState::Waiting => "no answer yet",
        StepState::Done => "done",
        StepState::Failed => "failed",
        StepState::Undone => "taken back",
        StepState::Unknown => "in an unknown state",
    };
    let attempt = if step.attempt > 1 { format!("attempt {}", step.attempt) } else { String::new() };
    let next = step.next_attempt_at.map(|at| format!("again at {}", when::time_of_day(at, &model.zone)));
    let detail = step.detail.clone().unwrap_or_default();
    format!("Step {}: {}.", step.name, listed([word.to_owned(), attempt, detail, next.unwrap_or_default()]))
}

/// The last part of an id, which differs between ids made at about the same time.
pub(super) fn short_id(id: &str) -> &str {
    id.rsplit('-').next().unwrap_or(id)
}

/// A text field: its label and what is in it.
pub(super) fn field(label: &str, value: &str) -> String {
    if value.is_empty() { format!("{label}: empty") } else { format!("{label}: {value}") }
}
