//! What a payment's events add up to.

use storefront_api::{Money, OrderId, PaymentMethod, PaymentStatus, RefundId, Timestamp};

use super::PaymentEvent;
use super::disputes::{self, Dispute, DisputeOutcome, DisputeState};

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

/// Money that goes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// Its id.
    pub id: RefundId,
    /// How much.
    pub amount: Money,
    /// Why; empty for one that was made at the gateway.
    pub reason: String,
    /// Whether it was made at the gateway, and the shop learnt of it.
    pub is_found: bool,
    /// What became of it.
    pub state: RefundState,
}

/// What became of a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundState {
    /// Asked for; the answer is not in.
    Open,
    /// The gateway works on it.
    Pending {
        /// The gateway's name for the refund.
        reference: String,
    },
    /// The money went back, under this name of the gateway's.
    Done {
        /// The gateway's name for the refund.
        reference: String,
    },
    /// It did not happen, or the money has returned.
    Failed {
        /// The gateway's name for the refund, if it made one.
        reference: Option<String>,
        /// Why.
        detail: String,
    },
}

impl Refund {
    /// The gateway's name for it, once it has one.
    pub fn reference(&self) -> Option<&String> {
        match &self.state {
            RefundState::Open => None,
            RefundState::Pending { reference } | RefundState::Done { reference } => Some(reference),
            RefundState::Failed { reference, detail: _ } => reference.as_ref(),
        }
    }

    /// Whether it has no outcome yet.
    pub fn is_open(&self) -> bool {
        matches!(self.state, RefundState::Open | RefundState::Pending { .. })
    }

    /// Whether the money is with its payer.
    pub fn is_done(&self) -> bool {
        matches!(self.state, RefundState::Done { .. })
    }

    /// Whether it was asked for before refunds had ids: its id is a number then.
    pub fn is_older_than_ids(&self) -> bool {
        self.id.is_numbered()
    }
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
fn not_given_back(request: &Request, refunds: &[Refund], disputes: &[Dispute]) -> Money {
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

/// The payment after an event. Never fails: an event that does not fit the state, or refunds more than was paid, leaves
/// the payment as it was.
pub fn evolve(payment: Payment, event: &PaymentEvent) -> Payment {
    match payment {
        Payment::Unknown => match event {
            PaymentEvent::Requested { order_id, amount, method } => Payment::Requested {
                request: Request { order_id: *order_id, amount: *amount, method: method.clone() },
                intent: None,
                attempts: 0,
            },
            // The gateway does not tell the card's token; a refund does not need it.
            PaymentEvent::Found { order_id, amount, reference } => {
                let method = PaymentMethod::Card { token: String::new() };
                succeeded(Request { order_id: *order_id, amount: *amount, method }, reference)
            }
            PaymentEvent::IntentCreated { .. }
            | PaymentEvent::AuthenticationRequired { .. }
            | PaymentEvent::Succeeded { .. }
            | PaymentEvent::Declined { .. }
            | PaymentEvent::OutcomeUnknown { .. }
            | PaymentEvent::Cancelled
            | PaymentEvent::RefundRequested { .. }
            | PaymentEvent::RefundPending { .. }
            | PaymentEvent::RefundFound { .. }
            | PaymentEvent::Refunded { .. }
            | PaymentEvent::RefundFailed { .. }
            | PaymentEvent::Disputed { .. }
            | PaymentEvent::DisputeFundsWithdrawn { .. }
            | PaymentEvent::DisputeClosed { .. } => Payment::Unknown,
        },
        Payment::Requested { request, intent, attempts } => after_request(request, intent, attempts, event),
        Payment::AuthenticationRequired { request, intent, authentication } => match event {
            PaymentEvent::Succeeded { reference } => succeeded(request, reference),
            PaymentEvent::Declined { reason, message } => declined(request, Some(intent), reason, message),
            PaymentEvent::Cancelled => Payment::Cancelled { request, intent: Some(intent) },
            PaymentEvent::Requested { .. }
            | PaymentEvent::IntentCreated { .. }
            | PaymentEvent::AuthenticationRequired { .. }
            | PaymentEvent::Found { .. }
            | PaymentEvent::OutcomeUnknown { .. }
            | PaymentEvent::RefundRequested { .. }
            | PaymentEvent::RefundPending { .. }
            | PaymentEvent::RefundFound { .. }
            | PaymentEvent::Refunded { .. }
            | PaymentEvent::RefundFailed { .. }
            | PaymentEvent::Disputed { .. }
            | PaymentEvent::DisputeFundsWithdrawn { .. }
            | PaymentEvent::DisputeClosed { .. } => Payment::AuthenticationRequired { request, intent, authentication },
        },
        Payment::Succeeded { request, reference, refunds, disputes } => {
            let refunds = refunds_after(&request, refunds, &disputes, event);
            let disputes = disputes::after(disputes, request.amount, event);
            Payment::Succeeded { request, reference, refunds, disputes }
        }
        // Money that was captured although nobody wanted it any more must be seen, or it cannot go back.
        Payment::Cancelled { request, intent } => match event {
            PaymentEvent::Succeeded { reference } => succeeded(request, reference),
            PaymentEvent::IntentCreated { reference } => {
                Payment::Cancelled { request, intent: intent.or_else(|| Some(reference.clone())) }
            }
            PaymentEvent::Requested { .. }
            | PaymentEvent::AuthenticationRequired { .. }
            | PaymentEvent::Declined { .. }
            | PaymentEvent::Found { .. }
            | PaymentEvent::OutcomeUnknown { .. }
            | PaymentEvent::Cancelled
            | PaymentEvent::RefundRequested { .. }
            | PaymentEvent::RefundPending { .. }
            | PaymentEvent::RefundFound { .. }
            | PaymentEvent::Refunded { .. }
            | PaymentEvent::RefundFailed { .. }
            | PaymentEvent::Disputed { .. }
            | PaymentEvent::DisputeFundsWithdrawn { .. }
            | PaymentEvent::DisputeClosed { .. } => Payment::Cancelled { request, intent },
        },
        Payment::Declined { request, intent, reason, message } => match event {
            PaymentEvent::Succeeded { reference } => succeeded(request, reference),
            PaymentEvent::Requested { .. }
            | PaymentEvent::IntentCreated { .. }
            | PaymentEvent::AuthenticationRequired { .. }
            | PaymentEvent::Declined { .. }
            | PaymentEvent::Found { .. }
            | PaymentEvent::OutcomeUnknown { .. }
            | PaymentEvent::Cancelled
            | PaymentEvent::RefundRequested { .. }
            | PaymentEvent::RefundPending { .. }
            | PaymentEvent::RefundFound { .. }
            | PaymentEvent::Refunded { .. }
            | PaymentEvent::RefundFailed { .. }
            | PaymentEvent::Disputed { .. }
            | PaymentEvent::DisputeFundsWithdrawn { .. }
            | PaymentEvent::DisputeClosed { .. } => Payment::Declined { request, intent, reason, message },
        },
    }
}

fn after_request(request: Request, intent: Option<String>, attempts: u32, event: &PaymentEvent) -> Payment {
    match event {
        PaymentEvent::IntentCreated { reference } => {
            Payment::Requested { request, intent: intent.or_else(|| Some(reference.clone())), attempts }
        }
        PaymentEvent::AuthenticationRequired { reference, url, expires_at } => Payment::AuthenticationRequired {
            request,
            intent: reference.clone(),
            authentication: Authentication { url: url.clone(), expires_at: *expires_at },
        },
        PaymentEvent::Succeeded { reference } => succeeded(request, reference),
        PaymentEvent::Declined { reason, message } => declined(request, intent, reason, message),
        PaymentEvent::OutcomeUnknown { attempt, .. } => {
            Payment::Requested { request, intent, attempts: attempts.max(*attempt) }
        }
        PaymentEvent::Cancelled => Payment::Cancelled { request, intent },
        PaymentEvent::Requested { .. }
        | PaymentEvent::Found { .. }
        | PaymentEvent::RefundRequested { .. }
        | PaymentEvent::RefundPending { .. }
        | PaymentEvent::RefundFound { .. }
        | PaymentEvent::Refunded { .. }
        | PaymentEvent::RefundFailed { .. }
        | PaymentEvent::Disputed { .. }
        | PaymentEvent::DisputeFundsWithdrawn { .. }
        | PaymentEvent::DisputeClosed { .. } => Payment::Requested { request, intent, attempts },
    }
}

fn declined(request: Request, intent: Option<String>, reason: &str, message: &str) -> Payment {
    Payment::Declined { request, intent, reason: reason.to_owned(), message: message.to_owned() }
}

fn succeeded(request: Request, reference: &str) -> Payment {
    Payment::Succeeded { request, reference: reference.to_owned(), refunds: Vec::new(), disputes: Vec::new() }
}

fn refunds_after(
    request: &Request,
    mut refunds: Vec<Refund>,
    disputes: &[Dispute],
    event: &PaymentEvent,
) -> Vec<Refund> {
    match event {
        PaymentEvent::RefundRequested { refund_id, amount, reason } => {
            let rest = not_given_back(request, &refunds, disputes);
            let id = refund_id.unwrap_or_else(|| RefundId::numbered(refunds.len() + 1));
            let is_new = refunds.iter().all(|refund| refund.id != id);
            if is_new && amount.currency == rest.currency && (1..=rest.amount).contains(&amount.amount) {
                let reason = reason.clone();
                refunds.push(Refund { id, amount: *amount, reason, is_found: false, state: RefundState::Open });
            }
        }
        // What the gateway has done is so, whether it fits or not.
        PaymentEvent::RefundFound { refund_id, reference, amount } => {
            let is_new = |refund: &Refund| refund.id != *refund_id && refund.reference() != Some(reference);
            if refunds.iter().all(is_new) && amount.currency == request.amount.currency && amount.amount > 0 {
                let state = RefundState::Pending { reference: reference.clone() };
                let (reason, is_found) = (String::new(), true);
                refunds.push(Refund { id: *refund_id, amount: *amount, reason, is_found, state });
            }
        }
        PaymentEvent::RefundPending { refund_id, reference } => {
            if let Some(refund) = named(&mut refunds, Some(*refund_id)).filter(|refund| can_begin(refund)) {
                refund.state = RefundState::Pending { reference: reference.clone() };
            }
        }
        PaymentEvent::Refunded { refund_id, amount: _, reference } => {
            let can_be_done =
                |refund: &&mut Refund| can_begin(refund) || matches!(refund.state, RefundState::Pending { .. });
            if let Some(refund) = named(&mut refunds, *refund_id).filter(can_be_done) {
                refund.state = RefundState::Done { reference: reference.clone() };
            }
        }
        PaymentEvent::RefundFailed { refund_id, reference, detail } => {
            let has_not_failed = |refund: &&mut Refund| !matches!(refund.state, RefundState::Failed { .. });
            if let Some(refund) = named(&mut refunds, *refund_id).filter(has_not_failed) {
                let reference = reference.clone().or_else(|| refund.reference().cloned());
                refund.state = RefundState::Failed { reference, detail: detail.clone() };
            }
        }
        PaymentEvent::Requested { .. }
        | PaymentEvent::IntentCreated { .. }
        | PaymentEvent::AuthenticationRequired { .. }
        | PaymentEvent::Succeeded { .. }
        | PaymentEvent::Declined { .. }
        | PaymentEvent::Found { .. }
        | PaymentEvent::OutcomeUnknown { .. }
        | PaymentEvent::Cancelled
        | PaymentEvent::Disputed { .. }
        | PaymentEvent::DisputeFundsWithdrawn { .. }
        | PaymentEvent::DisputeClosed { .. } => {}
    }
    refunds
}

/// The refund with an id; without one, as events of old have it, the oldest that is open.
fn named(refunds: &mut [Refund], id: Option<RefundId>) -> Option<&mut Refund> {
    refunds.iter_mut().find(|refund| match id {
        Some(id) => refund.id == id,
        None => refund.state == RefundState::Open,
    })
}

/// Whether nothing is known of it at the gateway, so that it can still turn up there.
fn can_begin(refund: &Refund) -> bool {
    matches!(refund.state, RefundState::Open | RefundState::Failed { reference: None, .. })
}
