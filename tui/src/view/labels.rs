//! Short names of states and ids that several screens show.

use ratatui::style::Style;
use storefront_api::{OrderStatus, PaymentStatus};

use crate::view::theme::Theme;

/// The name of an order's status and its style.
pub(super) fn order_status(status: OrderStatus, theme: &Theme) -> (&'static str, Style) {
    match status {
        OrderStatus::InProgress => ("open basket", theme.dim),
        OrderStatus::CheckedOut => ("checking out", theme.accent),
        OrderStatus::Confirmed => ("confirmed", theme.good),
        OrderStatus::Shipped => ("shipped", theme.good),
        OrderStatus::Delivered => ("delivered", theme.good),
        OrderStatus::Cancelled => ("cancelled", theme.bad),
        OrderStatus::Expired => ("over", theme.dim),
        OrderStatus::Unknown => ("unknown state", theme.warn),
    }
}

/// The name of a payment status; empty where there is no payment.
pub(super) fn payment_status(status: PaymentStatus) -> &'static str {
    match status {
        PaymentStatus::None => "",
        PaymentStatus::Pending => "payment under way",
        PaymentStatus::AuthenticationRequired => "your bank asks you",
        PaymentStatus::Paid => "paid",
        PaymentStatus::Declined => "declined",
        PaymentStatus::Refunding => "being refunded",
        PaymentStatus::Refunded => "refunded",
        PaymentStatus::Disputed => "disputed at the bank",
        PaymentStatus::Unknown => "payment in an unknown state",
    }
}

/// The last part of an id: the part that differs between ids made at about the same time.
pub(super) fn short_id(id: &str) -> &str {
    id.rsplit('-').next().unwrap_or(id)
}
