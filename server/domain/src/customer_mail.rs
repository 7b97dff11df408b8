//! The mails to customers after checkout: the order was shipped, a refund succeeded or returned, a voucher was issued.
//! (Confirmations and cancellations are sent by [`crate::checkout`].)
//!
//! `react` turns an event into mails. The executor derives the id of a mail from its event, so that an event never causes the
//! same mail twice.

use storefront_api::{Money, VoucherCode};

use crate::email::MailKind;
use crate::invoice::CreditNoteNumber;

/// An event that the process reacts to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailTrigger {
    /// `order.shipped`.
    Shipped,
    /// `payment.refunded`.
    Refunded {
        amount: Money,
        /// Whether the refund is on an invoice, so that a credit note was or will be issued for it.
        is_credited: bool,
        /// Whether everything that was paid is refunded by then.
        is_whole: bool,
    },
    /// `payment.refund_failed`, of a refund that had succeeded.
    RefundReturned {
        amount: Money,
        /// Whether the refund was on an invoice, so that its credit note was or will be cancelled.
        is_credited: bool,
    },
    /// `invoice.credited`.
    Credited {
        amount: Money,
        /// The number of the credit note.
        number: CreditNoteNumber,
        /// Whether all of the invoice is credited by then.
        is_whole: bool,
    },
    /// `invoice.credited`, by a credit note that cancels another.
    CreditCancelled {
        /// The refunded amount that has returned.
        amount: Money,
        /// The number of the credit note that cancels.
        number: CreditNoteNumber,
    },
    /// `checkout.voucher_issued`.
    VoucherIssued { code: VoucherCode, amount: Money },
}

/// A mail to request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerMail {
    pub to: String,
    pub kind: MailKind,
}

/// The mails about a trigger, to the address given at checkout; none without an address (`None`). For a refund on an invoice
/// there is one mail, with the credit note.
pub fn react(to: Option<&str>, trigger: &MailTrigger) -> Vec<CustomerMail> {
    let kind = match trigger {
        MailTrigger::Shipped => MailKind::Shipped,
        MailTrigger::Refunded { is_credited: true, .. } | MailTrigger::RefundReturned { is_credited: true, .. } => {
            return vec![];
        }
        MailTrigger::Refunded { amount, is_credited: false, is_whole } => {
            MailKind::Refunded { amount: Some(*amount), credit_note: None, is_whole: Some(*is_whole) }
        }
        MailTrigger::RefundReturned { amount, is_credited: false } => {
            MailKind::RefundFailed { amount: *amount, credit_note: None }
        }
        MailTrigger::Credited { amount, number, is_whole } => {
            MailKind::Refunded { amount: Some(*amount), credit_note: Some(*number), is_whole: Some(*is_whole) }
        }
        MailTrigger::CreditCancelled { amount, number } => {
            MailKind::RefundFailed { amount: *amount, credit_note: Some(*number) }
        }
        MailTrigger::VoucherIssued { code, amount } => MailKind::Voucher { code: code.clone(), amount: *amount },
    };
    to.map(|to| CustomerMail { to: to.to_owned(), kind }).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::euro;

    const ADA: &str = "ada@example.com";

    #[test]
    fn each_event_asks_for_the_mail_about_it() {
        let number = CreditNoteNumber { year: 2026, sequence: 7 };
        let code: VoucherCode = "ab12c".parse().unwrap();
        for (trigger, kind) in [
            (MailTrigger::Shipped, MailKind::Shipped),
            (
                MailTrigger::Credited { amount: euro(500), number, is_whole: true },
                MailKind::Refunded { amount: Some(euro(500)), credit_note: Some(number), is_whole: Some(true) },
            ),
            (
                MailTrigger::CreditCancelled { amount: euro(500), number },
                MailKind::RefundFailed { amount: euro(500), credit_note: Some(number) },
            ),
            (
                MailTrigger::VoucherIssued { code: code.clone(), amount: euro(500) },
                MailKind::Voucher { code, amount: euro(500) },
            ),
        ] {
            assert_eq!(react(Some(ADA), &trigger), [CustomerMail { to: ADA.to_owned(), kind }]);
            assert_eq!(react(None, &trigger), [], "there is nobody to tell");
        }
    }

    #[test]
    fn a_refund_is_announced_once_with_its_credit_note_if_there_is_one() {
        let refunded =
            |is_credited| react(Some(ADA), &MailTrigger::Refunded { amount: euro(500), is_credited, is_whole: false });
        assert_eq!(refunded(true), []);
        let kind = MailKind::Refunded { amount: Some(euro(500)), credit_note: None, is_whole: Some(false) };
        assert_eq!(refunded(false), [CustomerMail { to: ADA.to_owned(), kind }]);
        let returned = |is_credited| react(Some(ADA), &MailTrigger::RefundReturned { amount: euro(500), is_credited });
        assert_eq!(returned(true), []);
        let kind = MailKind::RefundFailed { amount: euro(500), credit_note: None };
        assert_eq!(returned(false), [CustomerMail { to: ADA.to_owned(), kind }]);
    }
}
