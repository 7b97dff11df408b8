//! Values for charges, refunds and disputes in the card gateway's lists.

use storefront_api::{Money, OrderId, PaymentId, RefundId, Timestamp};
use storefront_domain::payment::{DisputeState, RefundProgress};

/// A refund at the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListedRefund {
    /// The gateway's id of the refund.
    pub(crate) reference: String,
    pub(crate) amount: Money,
    /// The shop's id, from the metadata.
    pub(crate) refund_id: Option<RefundId>,
    /// The shop's reason, from the metadata.
    pub(crate) reason: Option<String>,
    pub(crate) progress: RefundProgress,
}

/// A dispute at the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListedDispute {
    /// The gateway's id of the dispute.
    pub(crate) reference: String,
    /// The disputed part of the payment.
    pub(crate) amount: Money,
    /// The gateway's machine-readable reason.
    pub(crate) reason: String,
    pub(crate) state: DisputeState,
}

/// A charge at the gateway that took money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListedCharge {
    /// The gateway's id of the intent.
    pub(crate) reference: String,
    /// The charged amount, before refunds.
    pub(crate) amount: Money,
    /// The amount refunded, including pending refunds.
    pub(crate) given_back: Money,
    /// The order id from the metadata.
    pub(crate) order_id: Option<OrderId>,
    /// The shop's payment id from the metadata.
    pub(crate) payment_id: Option<PaymentId>,
    pub(crate) charged_at: Timestamp,
}

/// A list of charges, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListedCharges {
    pub(crate) charges: Vec<ListedCharge>,
    /// Whether the list reaches back to the requested time.
    pub(crate) is_complete: bool,
}
