//! What a payment's events add up to.

use storefront_api::{Money, OrderId, PaymentMethod, PaymentStatus, Timestamp};

use super::PaymentEvent;

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
    /// How much.
    pub amount: Money,
    /// What became of it.
    pub state: RefundState,
}

/// What became of a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundState {
    /// Asked for; the answer is not in.
    Open,
    /// The money went back, under this name of the gateway's.
    Done {
        /// The gateway's name for the refund.
        reference: String,
    },
    /// The gateway refused.
    Failed,
}

impl Payment {
    /// Where the money is. A payment that was cancelled before money moved counts as none.
    pub fn status(&self) -> PaymentStatus {
        match self {
            Self::Unknown | Self::Cancelled { .. } => PaymentStatus::None,
            Self::Requested { .. } => PaymentStatus::Pending,
            Self::AuthenticationRequired { .. } => PaymentStatus::AuthenticationRequired,
            Self::Declined { .. } => PaymentStatus::Declined,
            Self::Succeeded { request, refunds, .. } => {
                if refunds.iter().any(|refund| refund.state == RefundState::Open) {
                    PaymentStatus::Refunding
                } else if !refunds.is_empty() && not_given_back(request, refunds).amount <= 0 {
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

    /// The amount of the refund that was asked for and has no outcome yet.
    pub fn open_refund(&self) -> Option<Money> {
        self.refunds().iter().find(|refund| refund.state == RefundState::Open).map(|refund| refund.amount)
    }

    /// What was paid and has neither gone back nor is on its way; `None` when nothing was paid.
    pub fn left(&self) -> Option<Money> {
        match self {
            Self::Succeeded { request, refunds, .. } => Some(not_given_back(request, refunds)),
            Self::Unknown
            | Self::Requested { .. }
            | Self::AuthenticationRequired { .. }
            | Self::Declined { .. }
            | Self::Cancelled { .. } => None,
        }
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
}

/// What was paid and has neither gone back nor is on its way.
pub(super) fn not_given_back(request: &Request, refunds: &[Refund]) -> Money {
    let given_back = refunds.iter().filter(|refund| refund.state != RefundState::Failed);
    given_back.fold(request.amount, |rest, refund| rest.minus(refund.amount).unwrap_or(rest))
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
            PaymentEvent::IntentCreated { .. }
            | PaymentEvent::AuthenticationRequired { .. }
            | PaymentEvent::Succeeded { .. }
            | PaymentEvent::Declined { .. }
            | PaymentEvent::OutcomeUnknown { .. }
            | PaymentEvent::Cancelled
            | PaymentEvent::RefundRequested { .. }
            | PaymentEvent::Refunded { .. }
            | PaymentEvent::RefundFailed { .. } => Payment::Unknown,
        },
        Payment::Requested { request, intent, attempts } => after_request(request, intent, attempts, event),
        Payment::AuthenticationRequired { request, intent, authentication } => match event {
            PaymentEvent::Succeeded { reference } => succeeded(request, reference),
            PaymentEvent::Declined { reason, message } => declined(request, Some(intent), reason, message),
            PaymentEvent::Cancelled => Payment::Cancelled { request, intent: Some(intent) },
            PaymentEvent::Requested { .. }
            | PaymentEvent::IntentCreated { .. }
            | PaymentEvent::AuthenticationRequired { .. }
            | PaymentEvent::OutcomeUnknown { .. }
            | PaymentEvent::RefundRequested { .. }
            | PaymentEvent::Refunded { .. }
            | PaymentEvent::RefundFailed { .. } => Payment::AuthenticationRequired { request, intent, authentication },
        },
        Payment::Succeeded { request, reference, refunds } => {
            let refunds = refunds_after(&request, refunds, event);
            Payment::Succeeded { request, reference, refunds }
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
            | PaymentEvent::OutcomeUnknown { .. }
            | PaymentEvent::Cancelled
            | PaymentEvent::RefundRequested { .. }
            | PaymentEvent::Refunded { .. }
            | PaymentEvent::RefundFailed { .. } => Payment::Cancelled { request, intent },
        },
        Payment::Declined { request, intent, reason, message } => match event {
            PaymentEvent::Succeeded { reference } => succeeded(request, reference),
            PaymentEvent::Requested { .. }
            | PaymentEvent::IntentCreated { .. }
            | PaymentEvent::AuthenticationRequired { .. }
            | PaymentEvent::Declined { .. }
            | PaymentEvent::OutcomeUnknown { .. }
            | PaymentEvent::Cancelled
            | PaymentEvent::RefundRequested { .. }
            | PaymentEvent::Refunded { .. }
            | PaymentEvent::RefundFailed { .. } => Payment::Declined { request, intent, reason, message },
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
        | PaymentEvent::RefundRequested { .. }
        | PaymentEvent::Refunded { .. }
        | PaymentEvent::RefundFailed { .. } => Payment::Requested { request, intent, attempts },
    }
}

fn declined(request: Request, intent: Option<String>, reason: &str, message: &str) -> Payment {
    Payment::Declined { request, intent, reason: reason.to_owned(), message: message.to_owned() }
}

fn succeeded(request: Request, reference: &str) -> Payment {
    Payment::Succeeded { request, reference: reference.to_owned(), refunds: Vec::new() }
}

fn refunds_after(request: &Request, mut refunds: Vec<Refund>, event: &PaymentEvent) -> Vec<Refund> {
    let open = refunds.iter_mut().find(|refund| refund.state == RefundState::Open);
    match (event, open) {
        (PaymentEvent::RefundRequested { amount, reason: _ }, _) => {
            let rest = not_given_back(request, &refunds);
            if amount.currency == rest.currency && (1..=rest.amount).contains(&amount.amount) {
                refunds.push(Refund { amount: *amount, state: RefundState::Open });
            }
        }
        (PaymentEvent::Refunded { amount: _, reference }, Some(refund)) => {
            refund.state = RefundState::Done { reference: reference.clone() };
        }
        (PaymentEvent::RefundFailed { detail: _ }, Some(refund)) => refund.state = RefundState::Failed,
        (PaymentEvent::Refunded { .. } | PaymentEvent::RefundFailed { .. }, None)
        | (
            PaymentEvent::Requested { .. }
            | PaymentEvent::IntentCreated { .. }
            | PaymentEvent::AuthenticationRequired { .. }
            | PaymentEvent::Succeeded { .. }
            | PaymentEvent::Declined { .. }
            | PaymentEvent::OutcomeUnknown { .. }
            | PaymentEvent::Cancelled,
            _,
        ) => {}
    }
    refunds
}
