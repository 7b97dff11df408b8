//! A mail to a customer: the request, and its outcome.

#[cfg(test)]
mod tests;

use storefront_api::{Money, OrderId, VoucherCode};

use crate::invoice::CreditNoteNumber;

/// What a mail is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailKind {
    /// The order is confirmed.
    Confirmation,
    /// The order is on its way.
    Shipped,
    Cancelled,
    Refunded {
        /// Refunded amount; `None` in old events.
        amount: Option<Money>,
        /// The credit note for the refund; `None` for money that was never on an invoice.
        credit_note: Option<CreditNoteNumber>,
        /// Whether everything that was paid is refunded by then; `None` in old events.
        is_whole: Option<bool>,
    },
    /// Refunded money has returned to the shop.
    RefundFailed {
        amount: Money,
        /// The credit note that cancels that of the refund; `None` for money that was never on an invoice.
        credit_note: Option<CreditNoteNumber>,
    },
    /// A voucher was issued for the order.
    Voucher {
        /// The code to enter in the basket.
        code: VoucherCode,
        amount: Money,
    },
}

/// An event of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmailEvent {
    /// A mail is requested. Its message id is derived from the id of this event.
    Requested { order_id: OrderId, kind: MailKind, to: String },
    /// The mail server accepted it.
    Sent { attempts: u32 },
    /// Sending failed for good.
    Failed {
        attempts: u32,
        /// The error of the last attempt.
        detail: String,
    },
}

/// A command to a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmailCommand {
    /// Request the mail; a repeat changes nothing.
    Request { order_id: OrderId, kind: MailKind, to: String },
    /// Record that the mail server accepted it; a repeat changes nothing.
    RecordSent { attempts: u32 },
    /// Record that sending failed for good; changes nothing once it was sent or has failed.
    RecordFailure {
        attempts: u32,
        /// The error of the last attempt.
        detail: String,
    },
}

/// Why a command was refused. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// The mail was never requested.
    #[error("there is no such mail")]
    NotFound,
}

/// The state of a mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Email {
    /// It was never requested.
    #[default]
    Unknown,
    /// It is requested, and not sent yet.
    Requested(Mail),
    /// The mail server accepted it.
    Sent(Mail),
    /// Sending failed for good.
    Failed(Mail),
}

/// The content and recipient of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    pub order_id: OrderId,
    pub kind: MailKind,
    pub to: String,
}

/// The mail after an event. Never fails: an event that does not fit the state leaves the mail as it was.
pub fn evolve(email: Email, event: &EmailEvent) -> Email {
    match (email, event) {
        (Email::Unknown, EmailEvent::Requested { order_id, kind, to }) => {
            Email::Requested(Mail { order_id: *order_id, kind: kind.clone(), to: to.clone() })
        }
        // A failed mail may still be sent by an operator.
        (Email::Requested(mail) | Email::Failed(mail), EmailEvent::Sent { attempts: _ }) => Email::Sent(mail),
        (Email::Requested(mail), EmailEvent::Failed { .. }) => Email::Failed(mail),
        (email, EmailEvent::Requested { .. } | EmailEvent::Sent { .. } | EmailEvent::Failed { .. }) => email,
    }
}

/// The events of a command; none when it changes nothing.
///
/// # Errors
/// [`EmailError::NotFound`] for the outcome of a mail that was never requested.
pub fn decide(email: &Email, command: EmailCommand) -> Result<Vec<EmailEvent>, EmailError> {
    match command {
        EmailCommand::Request { order_id, kind, to } => Ok(match email {
            Email::Unknown => vec![EmailEvent::Requested { order_id, kind, to }],
            Email::Requested(_) | Email::Sent(_) | Email::Failed(_) => vec![],
        }),
        EmailCommand::RecordSent { attempts } => match email {
            Email::Unknown => Err(EmailError::NotFound),
            Email::Requested(_) | Email::Failed(_) => Ok(vec![EmailEvent::Sent { attempts }]),
            Email::Sent(_) => Ok(vec![]),
        },
        EmailCommand::RecordFailure { attempts, detail } => match email {
            Email::Unknown => Err(EmailError::NotFound),
            Email::Requested(_) => Ok(vec![EmailEvent::Failed { attempts, detail }]),
            Email::Sent(_) | Email::Failed(_) => Ok(vec![]),
        },
    }
}
