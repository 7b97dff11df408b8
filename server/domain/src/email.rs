//! Mails to shoppers: an intent, and what became of it.

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
    /// The order was given up.
    Cancelled,
    /// Money went back.
    Refunded {
        /// How much; `None` where an early event did not say.
        amount: Option<Money>,
        /// The credit note that says so; `None` for money that was never on an invoice.
        credit_note: Option<CreditNoteNumber>,
        /// Whether all that was paid has gone back with it; `None` where an early event did not say.
        is_whole: Option<bool>,
    },
    /// Money that had gone back has returned to the shop.
    RefundFailed {
        /// How much.
        amount: Money,
        /// The credit note that cancels the one over the refund; `None` for money that was never on an invoice.
        credit_note: Option<CreditNoteNumber>,
    },
    /// The order brought a voucher.
    Voucher {
        /// What to type.
        code: VoucherCode,
        /// What it takes off.
        amount: Money,
    },
}

/// Something that happened to a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmailEvent {
    /// A mail is to be sent: an intent, carried out under a message id made from this event's id.
    Requested {
        /// About which order.
        order_id: OrderId,
        /// About what.
        kind: MailKind,
        /// To whom.
        to: String,
    },
    /// The mail server took it.
    Sent {
        /// How many attempts it took.
        attempts: u32,
    },
    /// It was given up.
    Failed {
        /// How many attempts were made.
        attempts: u32,
        /// What went wrong at last.
        detail: String,
    },
}

/// Something asked of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmailCommand {
    /// Have it sent; a second time changes nothing.
    Request {
        /// About which order.
        order_id: OrderId,
        /// About what.
        kind: MailKind,
        /// To whom.
        to: String,
    },
    /// Record that the mail server took it; a second time changes nothing.
    RecordSent {
        /// How many attempts it took.
        attempts: u32,
    },
    /// Record that it was given up; once it was sent or given up, nothing happens.
    RecordFailure {
        /// How many attempts were made.
        attempts: u32,
        /// What went wrong at last.
        detail: String,
    },
}

/// Why a command was refused. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// Nobody asked for this mail.
    #[error("there is no such mail")]
    NotFound,
}

/// A mail, as its events add up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Email {
    /// Nobody has asked for it.
    #[default]
    Unknown,
    /// It is to be sent.
    Requested(Mail),
    /// The mail server took it.
    Sent(Mail),
    /// It was given up.
    Failed(Mail),
}

/// What a mail is about, and to whom it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// About which order.
    pub order_id: OrderId,
    /// About what.
    pub kind: MailKind,
    /// To whom.
    pub to: String,
}

/// The mail after an event. Never fails: an event that does not fit the state leaves the mail as it was.
pub fn evolve(email: Email, event: &EmailEvent) -> Email {
    match (email, event) {
        (Email::Unknown, EmailEvent::Requested { order_id, kind, to }) => {
            Email::Requested(Mail { order_id: *order_id, kind: kind.clone(), to: to.clone() })
        }
        // A mail that was given up may still be sent by hand.
        (Email::Requested(mail) | Email::Failed(mail), EmailEvent::Sent { attempts: _ }) => Email::Sent(mail),
        (Email::Requested(mail), EmailEvent::Failed { .. }) => Email::Failed(mail),
        (email, EmailEvent::Requested { .. } | EmailEvent::Sent { .. } | EmailEvent::Failed { .. }) => email,
    }
}

/// The events that a command leads to; none when everything is so already.
///
/// # Errors
/// [`EmailError::NotFound`] for the outcome of a mail that nobody asked for.
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
