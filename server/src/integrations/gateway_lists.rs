//! Charges, refunds and disputes as the card gateway lists them.

use storefront_api::{Money, OrderId, PaymentId, RefundId, Timestamp};
use storefront_domain::payment::{DisputeState, RefundProgress};

/// A refund as the gateway lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListedRefund {
    /// The gateway's name for it.
    pub(crate) reference: String,
    /// How much.
    pub(crate) amount: Money,
    /// The id under which the shop asked for it, where the gateway keeps one.
    pub(crate) refund_id: Option<RefundId>,
    /// Why, as the shop said, where the gateway keeps it.
    pub(crate) reason: Option<String>,
    /// How far it has come.
    pub(crate) progress: RefundProgress,
}

/// A dispute as the gateway lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListedDispute {
    /// The gateway's name for it.
    pub(crate) reference: String,
    /// How much of the payment.
    pub(crate) amount: Money,
    /// Why, for programs: the gateway's word.
    pub(crate) reason: String,
    /// How far it has come.
    pub(crate) state: DisputeState,
}

/// A charge that took money, as the gateway lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListedCharge {
    /// The gateway's name for the payment.
    pub(crate) reference: String,
    /// How much it took.
    pub(crate) amount: Money,
    /// How much of it has gone back, or is on its way.
    pub(crate) given_back: Money,
    /// For which order, where the gateway keeps one.
    pub(crate) order_id: Option<OrderId>,
    /// Which of the shop's payments, where the gateway keeps one.
    pub(crate) payment_id: Option<PaymentId>,
    /// When.
    pub(crate) charged_at: Timestamp,
}

/// Charges as the gateway lists them, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListedCharges {
    /// The charges.
    pub(crate) charges: Vec<ListedCharge>,
    /// Whether there are no more.
    pub(crate) is_complete: bool,
}
