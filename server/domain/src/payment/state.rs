//! What a payment's events add up to.

use storefront_api::{Money, OrderId, PaymentMethod, PaymentStatus, RefundId, Timestamp};

use super::disputes::{Dispute, DisputeOutcome, DisputeState};
use super::refund::{Refund, RefundState};

/// A payment, as its events add up. What has gone back or is on its way back is never more than what was paid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Payment {
    /// Nobody has asked for it.
    #[default]
    Unknown,
    /// Asked for; the answer is not in.
    Requested {
        /// What was asked for.
        request: Request,
        /// The gateway's name for the payment, once it is known.
        intent: Option<String>,
        /// How many attempts ended without an answer.
        attempts: u32,
    },
    /// The card's bank wants to hear from its owner; no money has moved.
    AuthenticationRequired {
        /// What was asked for.
        request: Request,
        /// The gateway's name for the payment.
        intent: String,
        /// What the owner has to do.
        authentication: Authentication,
    },
    /// The money is there, or was.
    Succeeded {
        /// What was asked for.
        request: Request,
        /// The gateway's name for the payment.
        reference: String,
        /// What was given back, or is to be, oldest first.
        refunds: Vec<Refund>,
        /// What the cardholder has disputed, oldest first.
        disputes: Vec<Dispute>,
    },
    /// Refused for good: no money moved.
    Declined {
        /// What was asked for.
        request: Request,
        /// The gateway's name for the payment, if it is known.
        intent: Option<String>,
        /// Why, for programs.
        reason: String,
        /// Why, for people.
        message: String,
    },
    /// No longer wanted: as far as is known, no money moved.
    Cancelled {
        /// What was asked for.
        request: Request,
        /// The gateway's name for the payment, if it is known.
        intent: Option<String>,
    },
}

/// What a card's owner has to do before any money moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authentication {
    /// The page on which the owner answers the bank.
    pub url: String,
    /// Until when the order waits for it.
    pub expires_at: Timestamp,
}

/// What a payment is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// For which order.
    pub order_id: OrderId,
    /// How much.
    pub amount: Money,
    /// How.
    pub method: PaymentMethod,
}

impl Payment {
    /// Where the money is. A payment that was cancelled before money moved counts as none.
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

    /// What was asked for, if anything.
    pub fn request(&self) -> Option<&Request> {
        match self {
            Self::Unknown => None,
            Self::Requested { request, .. }
            | Self::AuthenticationRequired { request, .. }
            | Self::Succeeded { request, .. }
            | Self::Declined { request, .. }
            | Self::Cancelled { request, .. } => Some(request),
        }
    }

    /// The gateway's name for the payment, as soon as it is known; no money need have moved.
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

    /// What the card's owner has to do, while the payment waits for it.
    pub fn authentication(&self) -> Option<&Authentication> {
        match self {
            Self::AuthenticationRequired { authentication, .. } => Some(authentication),
            Self::Unknown
            | Self::Requested { .. }
            | Self::Succeeded { .. }
            | Self::Declined { .. }
            | Self::Cancelled { .. } => None,
        }
    }

    /// The gateway's name for the payment, once the money is there.
    pub fn reference(&self) -> Option<&str> {
        match self {
            Self::Succeeded { reference, .. } => Some(reference),
            Self::Unknown
            | Self::Requested { .. }
            | Self::AuthenticationRequired { .. }
            | Self::Declined { .. }
            | Self::Cancelled { .. } => None,
        }
    }

    /// Whether it was asked for and no outcome is known yet.
    pub fn is_pending(&self) -> bool {
        matches!(self, Self::Requested { .. } | Self::AuthenticationRequired { .. })
    }

    /// How many attempts have ended without an answer while none has come; 0 otherwise.
    pub fn attempts(&self) -> u32 {
        match self {
            Self::Requested { attempts, .. } => *attempts,
            Self::Unknown
            | Self::AuthenticationRequired { .. }
            | Self::Succeeded { .. }
            | Self::Declined { .. }
            | Self::Cancelled { .. } => 0,
        }
    }

    /// A refund by its id.
    pub fn refund(&self, id: RefundId) -> Option<&Refund> {
        self.refunds().iter().find(|refund| refund.id == id)
    }

    /// What was paid and has neither gone back nor is on its way, nor is held by a dispute; `None` when nothing was paid.
    pub fn left(&self) -> Option<Money> {
        match self {
            Self::Succeeded { request, refunds, disputes, .. } => Some(not_given_back(request, refunds, disputes)),
            Self::Unknown
            | Self::Requested { .. }
            | Self::AuthenticationRequired { .. }
            | Self::Declined { .. }
            | Self::Cancelled { .. } => None,
        }
    }

    /// What of the payment is with the shop now, in minor units: what came in, less what has gone back and what disputes
    /// hold.
    pub fn kept(&self) -> i64 {
        match self {
            Self::Succeeded { request, refunds, disputes, .. } => {
                let held = disputes.iter().filter(|dispute| dispute.holds_money());
                let held = held.fold(0_i64, |sum, dispute| sum.saturating_add(dispute.amount.amount));
                request.amount.amount.saturating_sub(done(refunds)).saturating_sub(held)
            }
            Self::Unknown
            | Self::Requested { .. }
            | Self::AuthenticationRequired { .. }
            | Self::Declined { .. }
            | Self::Cancelled { .. } => 0,
        }
    }

    /// What has gone back for good or was lost in disputes, in minor units.
    pub fn given_back(&self) -> i64 {
        gone(self.refunds(), self.disputes())
    }

    /// What was given back, or is to be, oldest first.
    pub fn refunds(&self) -> &[Refund] {
        match self {
            Self::Succeeded { refunds, .. } => refunds,
            Self::Unknown
            | Self::Requested { .. }
            | Self::AuthenticationRequired { .. }
            | Self::Declined { .. }
            | Self::Cancelled { .. } => &[],
        }
    }

    /// What the cardholder has disputed, oldest first.
    pub fn disputes(&self) -> &[Dispute] {
        match self {
            Self::Succeeded { disputes, .. } => disputes,
            Self::Unknown
            | Self::Requested { .. }
            | Self::AuthenticationRequired { .. }
            | Self::Declined { .. }
            | Self::Cancelled { .. } => &[],
        }
    }
}

/// What was paid and has neither gone back nor is on its way, nor is held by a dispute; never below nothing, although the
/// gateway may give back what the shop was about to.
pub(super) fn not_given_back(request: &Request, refunds: &[Refund], disputes: &[Dispute]) -> Money {
    let refunds = refunds.iter().filter(|refund| !matches!(refund.state, RefundState::Failed { .. }));
    let disputes = disputes.iter().filter(|dispute| dispute.holds_money());
    let gone = refunds.map(|refund| refund.amount.amount).chain(disputes.map(|dispute| dispute.amount.amount));
    let rest = gone.fold(request.amount.amount, i64::saturating_sub);
    Money::new(rest.max(0).min(request.amount.amount), request.amount.currency)
}

/// What has gone back for good, in minor units.
fn gone(refunds: &[Refund], disputes: &[Dispute]) -> i64 {
    let is_lost = |dispute: &&Dispute| dispute.state == DisputeState::Closed(DisputeOutcome::Lost);
    let lost = disputes.iter().filter(is_lost).map(|dispute| dispute.amount.amount);
    lost.fold(done(refunds), i64::saturating_add)
}

fn done(refunds: &[Refund]) -> i64 {
    let done = refunds.iter().filter(|refund| refund.is_done()).map(|refund| refund.amount.amount);
    done.fold(0, i64::saturating_add)
}
