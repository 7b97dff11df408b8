//! The card gateway's charges compared with the shop's books.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Money, OrderId, Timestamp};

/// Charges at the card gateway that match no payment of the shop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnmatchedCharges {
    /// The charges, newest first.
    pub items: Vec<UnmatchedCharge>,
    /// Whether all charges of the last 30 days were compared; `false` when there are too many, and only the newest
    /// were.
    pub complete: bool,
}

/// A charge at the card gateway that matches no payment of the shop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnmatchedCharge {
    /// The reference of the payment at the gateway.
    pub reference: String,
    /// The amount that the card was charged.
    pub amount: Money,
    /// The amount that was not refunded.
    pub left: Money,
    /// The order that the charge names at the gateway; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// Time of the charge.
    pub charged_at: Timestamp,
    /// Why it matches no payment.
    pub reason: UnmatchedReason,
}

/// Why a charge matches no payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnmatchedReason {
    /// The charge names no order, or an unknown one.
    NoOrder,
    /// The order exists and has no payment with this charge.
    NoPayment,
    /// The charged amount is not the requested one.
    OtherAmount,
}
