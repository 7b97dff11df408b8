//! The card gateway's charges compared with the shop's books.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Money, OrderId, Timestamp};

/// Charges at the card gateway that are not in the shop's books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnmatchedCharges {
    /// The charges, newest first.
    pub items: Vec<UnmatchedCharge>,
    /// Whether all charges of the last 30 days were compared. Otherwise there are too many, and the newest were.
    pub complete: bool,
}

/// Money that the card gateway took, and that the shop's books do not explain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnmatchedCharge {
    /// The gateway's name for the payment.
    pub reference: String,
    /// How much was taken.
    pub amount: Money,
    /// How much of it has not gone back.
    pub left: Money,
    /// For which order, as the gateway keeps it; absent where the charge names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// When it was taken.
    pub charged_at: Timestamp,
    /// Why it is not in the books.
    pub reason: UnmatchedReason,
}

/// Why a charge is not in the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnmatchedReason {
    /// The charge names no order, or one that the shop does not have.
    NoOrder,
    /// The shop has the order, and no payment with this charge.
    NoPayment,
    /// The shop asked for another amount than the gateway took.
    OtherAmount,
}
