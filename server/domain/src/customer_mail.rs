//! The mails that a customer gets about an order after its checkout: it was sent, money went back or returned, it brought a voucher.
//! (That it is confirmed or cancelled, [`crate::checkout`] tells.)
//!
//! `react` answers an event with the mails that it asks for. The executor names each after its event, so that one event
//! never asks for a mail twice.

use storefront_api::{Money, VoucherCode};

use crate::email::MailKind;
use crate::invoice::CreditNoteNumber;

/// What reaches the process from elsewhere in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// `order.shipped`.
    Shipped,
    /// `payment.refunded`.
    Refunded {
        /// How much went back.
        amount: Money,
        /// Whether the money was on an invoice, so that a credit note has been written for it or will be.
        is_credited: bool,
        /// Whether all that was paid has gone back by then.
        is_whole: bool,
    },
    /// `payment.refund_failed`, of a refund that had succeeded.
    RefundReturned {
        /// How much.
        amount: Money,
        /// Whether the money was on an invoice, so that its credit note has been cancelled or will be.
        is_credited: bool,
    },
    /// `invoice.credited`.
    Credited {
        /// How much went back.
        amount: Money,
        /// The number of the credit note.
        number: CreditNoteNumber,
        /// Whether all of the invoice is credited by then.
        is_whole: bool,
    },
    /// `invoice.credited`, by a credit note that cancels another.
    CreditCancelled {
        /// How much had gone back, and has returned.
        amount: Money,
        /// The number of the credit note that cancels.
        number: CreditNoteNumber,
    },
    /// `checkout.voucher_issued`.
    VoucherIssued {
        /// The new voucher.
        code: VoucherCode,
        /// What it takes off.
        amount: Money,
    },
}

/// A mail to ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerMail {
    /// To whom.
    pub to: String,
    /// About what.
    pub kind: MailKind,
}

/// What is to be told about a trigger to whoever said at the checkout where mail goes; nobody did (`None`) is told nothing.
/// Money that was on an invoice is told of once, by its credit note.
pub fn react(to: Option<&str>, trigger: &Trigger) -> Vec<CustomerMail> {
    let kind = match trigger {
        Trigger::Shipped => MailKind::Shipped,
        Trigger::Refunded { is_credited: true, .. } | Trigger::RefundReturned { is_credited: true, .. } => {
            return vec![];
        }
        Trigger::Refunded { amount, is_credited: false, is_whole } => {
            MailKind::Refunded { amount: Some(*amount), credit_note: None, is_whole: Some(*is_whole) }
        }
        Trigger::RefundReturned { amount, is_credited: false } => {
            MailKind::RefundFailed { amount: *amount, credit_note: None }
        }
        Trigger::Credited { amount, number, is_whole } => {
            MailKind::Refunded { amount: Some(*amount), credit_note: Some(*number), is_whole: Some(*is_whole) }
        }
        Trigger::CreditCancelled { amount, number } => {
            MailKind::RefundFailed { amount: *amount, credit_note: Some(*number) }
        }
        Trigger::VoucherIssued { code, amount } => MailKind::Voucher { code: code.clone(), amount: *amount },
    };
    to.map(|to| CustomerMail { to: to.to_owned(), kind }).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::euro;

    const ADA: &str = "ada@example.com";

    #[test]
    fn each_event_asks_for_the_mail_that_tells_of_it() {
        let number = CreditNoteNumber { year: 2026, sequence: 7 };
        let code: VoucherCode = "ab12c".parse().unwrap();
        for (trigger, kind) in [
            (Trigger::Shipped, MailKind::Shipped),
            (
                Trigger::Credited { amount: euro(500), number, is_whole: true },
                MailKind::Refunded { amount: Some(euro(500)), credit_note: Some(number), is_whole: Some(true) },
            ),
            (
                Trigger::CreditCancelled { amount: euro(500), number },
                MailKind::RefundFailed { amount: euro(500), credit_note: Some(number) },
            ),
            (
                Trigger::VoucherIssued { code: code.clone(), amount: euro(500) },
                MailKind::Voucher { code, amount: euro(500) },
            ),
        ] {
            assert_eq!(react(Some(ADA), &trigger), [CustomerMail { to: ADA.to_owned(), kind }]);
            assert_eq!(react(None, &trigger), [], "there is nobody to tell");
        }
    }

    #[test]
    fn money_that_goes_back_is_told_once_by_the_credit_note_if_there_is_one() {
        let refunded =
            |is_credited| react(Some(ADA), &Trigger::Refunded { amount: euro(500), is_credited, is_whole: false });
        assert_eq!(refunded(true), []);
        let kind = MailKind::Refunded { amount: Some(euro(500)), credit_note: None, is_whole: Some(false) };
        assert_eq!(refunded(false), [CustomerMail { to: ADA.to_owned(), kind }]);
        let returned = |is_credited| react(Some(ADA), &Trigger::RefundReturned { amount: euro(500), is_credited });
        assert_eq!(returned(true), []);
        let kind = MailKind::RefundFailed { amount: euro(500), credit_note: None };
        assert_eq!(returned(false), [CustomerMail { to: ADA.to_owned(), kind }]);
    }
}
