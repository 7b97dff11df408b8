//! The state of a payment, and the amounts that follow from it.

use storefront_api::{Money, OrderId, PaymentMethod, PaymentStatus, RefundId, Timestamp};

use super::disputes::{Dispute, DisputeOutcome, DisputeState};
use super::refund::{Refund, RefundState};

/// The state of a payment. What was refunded or is being refunded never exceeds what was paid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Payment {
    /// It was never requested.
    #[default]
    Unknown,
    /// Requested; there is no outcome yet.
    Requested {
        request: PaymentRequest,
        /// Id of the payment at the gateway, once known.
        intent: Option<String>,
        /// Number of attempts that ended without a response.
        attempts: u32,
    },
    /// The bank requires the cardholder to authenticate; no money has moved.
    AuthenticationRequired {
        request: PaymentRequest,
        /// Id of the payment at the gateway.
        intent: String,
        /// What the bank requires.
        authentication: Authentication,
    },
    /// The payment succeeded; refunds and disputes may follow.
    Succeeded {
        request: PaymentRequest,
        /// Id of the payment at the gateway.
        reference: String,
        /// Oldest first.
        refunds: Vec<Refund>,
        /// Oldest first.
        disputes: Vec<Dispute>,
    },
    /// Declined for good; no money moved.
    Declined {
        request: PaymentRequest,
        /// Id of the payment at the gateway, if known.
        intent: Option<String>,
        /// Code of the reason, such as `insufficient_funds`.
        reason: String,
        message: String,
    },
    /// Cancelled; no money is known to have moved.
    Cancelled {
        request: PaymentRequest,
        /// Id of the payment at the gateway, if known.
        intent: Option<String>,
    },
}

/// The authentication that the bank requires of the cardholder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authentication {
    /// URL of the page of the bank for the cardholder.
    pub url: String,
    /// Time until which the order waits for the authentication.
    pub expires_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentRequest {
    pub order_id: OrderId,
    pub amount: Money,
    pub method: PaymentMethod,
}

impl Payment {
    /// The status for clients. A payment that was cancelled before money moved has the status `None`.
    pub fn status(&self) -> PaymentStatus {
        match self {
            Self::Unknown | Self::Cancelled { .. } => PaymentStatus::None,
            Self::Requested { .. } => PaymentStatus::Pending,
            Self::AuthenticationRequired { .. } => PaymentStatus::AuthenticationRequired,
            Self::Declined { .. } => PaymentStatus::Declined,
            Self::Succeeded { request, refunds, disputes, .. } => {
                if disputes.iter().any(Dispute::is_open) {
                    PaymentStatus::Disputed
                } else if refunds.iter().any(Refund::is_open) {
                    PaymentStatus::Refunding
                } else if gone(refunds, disputes) > 0 && gone(refunds, disputes) >= request.amount.amount {
                    PaymentStatus::Refunded
                } else {
                    PaymentStatus::Paid
                }
            }
        }
    }

    /// What was requested; `None` for an unknown payment.
    pub fn request(&self) -> Option<&PaymentRequest> {
        match self {
            Self::Unknown => None,
            Self::Requested { request, .. }
            | Self::AuthenticationRequired { request, .. }
            | Self::Succeeded { request, .. }
            | Self::Declined { request, .. }
            | Self::Cancelled { request, .. } => Some(request),
        }
    }

    /// Id of the payment at the gateway, as soon as it is known, whether or not money has moved.
    pub fn intent(&self) -> Option<&str> {
        match self {
            Self::Unknown => None,
            Self::Requested { intent, .. } | Self::Declined { intent, .. } | Self::Cancelled { intent, .. } => {
                intent.as_deref()
            }
            Self::AuthenticationRequired { intent, .. } => Some(intent),
            Self::Succeeded { reference, .. } => Some(reference),
        }
    }

    /// The required authentication, while the payment waits for it.
    pub fn authentication(&self) -> Option<&Authentication> {
        if let Self::AuthenticationRequired { authentication, .. } = self { Some(authentication) } else { None }
    }

    /// Id of the payment at the gateway, once it has succeeded.
    pub fn reference(&self) -> Option<&str> {
        if let Self::Succeeded { reference, .. } = self { Some(reference) } else { None }
    }

    /// Whether it was requested and has no outcome yet.
    pub fn is_pending(&self) -> bool {
        matches!(self, Self::Requested { .. } | Self::AuthenticationRequired { .. })
    }

    /// Number of attempts without a response while there is no outcome; 0 otherwise.
    pub fn attempts(&self) -> u32 {
        if let Self::Requested { attempts, .. } = self { *attempts } else { 0 }
    }

    /// A refund by its id.
    pub fn refund(&self, id: RefundId) -> Option<&Refund> {
        self.refunds().iter().find(|refund| refund.id == id)
    }

    /// Amount that can still be refunded: paid, less refunds that are done or pending, less what disputes hold. `None`
    /// when nothing was paid.
    pub fn left(&self) -> Option<Money> {
        let Self::Succeeded { request, refunds, disputes, .. } = self else { return None };
        let refunds = refunds.iter().filter(|refund| !matches!(refund.state, RefundState::Failed { .. }));
        let refunded = refunds.map(|refund| refund.amount.amount);
        let left = refunded.fold(request.amount.amount, i64::saturating_sub).saturating_sub(held(disputes));
        // Negative when the gateway has made a refund while the shop requested another.
        Some(Money::new(left.max(0).min(request.amount.amount), request.amount.currency))
    }

    /// Amount that the shop has now, in minor units: paid, less completed refunds, less what disputes hold.
    pub fn kept(&self) -> i64 {
        let Self::Succeeded { request, refunds, disputes, .. } = self else { return 0 };
        request.amount.amount.saturating_sub(done(refunds)).saturating_sub(held(disputes))
    }

    /// Amount of completed refunds and lost disputes, in minor units.
    pub fn given_back(&self) -> i64 {
        gone(self.refunds(), self.disputes())
    }

    /// Refunds in every state, oldest first.
    pub fn refunds(&self) -> &[Refund] {
        if let Self::Succeeded { refunds, .. } = self { refunds } else { &[] }
    }

    /// Disputes in every state, oldest first.
    pub fn disputes(&self) -> &[Dispute] {
        if let Self::Succeeded { disputes, .. } = self { disputes } else { &[] }
    }
}

/// Amount that disputes hold, in minor units.
fn held(disputes: &[Dispute]) -> i64 {
    let held = disputes.iter().filter(|dispute| dispute.holds_money()).map(|dispute| dispute.amount.amount);
    held.fold(0, i64::saturating_add)
}

/// Amount of completed refunds and lost disputes, in minor units.
fn gone(refunds: &[Refund], disputes: &[Dispute]) -> i64 {
    let is_lost = |dispute: &&Dispute| dispute.state == DisputeState::Closed(DisputeOutcome::Lost);
    let lost = disputes.iter().filter(is_lost).map(|dispute| dispute.amount.amount);
    lost.fold(done(refunds), i64::saturating_add)
}

/// Amount of completed refunds, in minor units.
fn done(refunds: &[Refund]) -> i64 {
    let done = refunds.iter().filter(|refund| refund.is_done()).map(|refund| refund.amount.amount);
    done.fold(0, i64::saturating_add)
}
