//! Invoices: what was sold at which VAT, written once and never edited. Money that goes back is a credit note beside it.

mod credit;
mod number;
#[cfg(test)]
mod tests;

use storefront_api::{Address, CustomerId, Money, OrderId, ProductId, Seller, Timestamp, VatRate};

pub use self::number::{BadDocumentNumber, CreditNoteNumber, InvoiceNumber};
use crate::{OrderNumber, TaxOfRate, included_tax};

/// Something that happened to an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvoiceEvent {
    /// It was written.
    Issued(Box<Invoice>),
    /// Some of its money went back, and a credit note says so.
    Credited(CreditNote),
}

/// What an invoice says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoice {
    /// Its number, without gap or repeat in its year.
    pub number: InvoiceNumber,
    pub order_id: OrderId,
    /// The order's number for people.
    pub order_number: OrderNumber,
    /// Whose order it is; `None` for a guest.
    pub customer_id: Option<CustomerId>,
    /// Where mail about the order goes.
    pub email: String,
    /// To whom it is addressed.
    pub address: Address,
    /// Who sells; `None` on invoices from before they said so.
    pub seller: Option<Seller>,
    /// Time of issue.
    pub issued_at: Timestamp,
    /// When what it is about was supplied: when the paid order was confirmed; `None` on invoices from before they said so.
    pub supplied_at: Option<Timestamp>,
    /// The sold lines, in the order of the basket.
    pub lines: Vec<InvoiceLine>,
    /// What a voucher took off the sum of the lines; zero without one.
    pub discount: Money,
    /// What was sold at each rate after the discount, and the VAT in it; lowest rate first. The gross amounts add up to
    /// the total.
    pub tax: Vec<TaxOfRate>,
    /// Amount to pay.
    pub total: Money,
    /// How it was paid, such as `card pi_3Nk…`.
    pub payment_reference: String,
}

impl Invoice {
    /// The VAT in what was paid: the sum over its rates.
    pub fn vat(&self) -> Money {
        let none = Money::new(0, self.total.currency);
        self.tax.iter().fold(none, |sum, rate| sum.plus(rate.amount).unwrap_or(sum))
    }
}

/// One line of an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceLine {
    pub product_id: ProductId,
    /// Stock keeping unit.
    pub sku: String,
    pub name: String,
    pub quantity: u32,
    /// What one cost, VAT included.
    pub unit_price: Money,
    /// Gross total of the line.
    pub total: Money,
    /// VAT rate included in the price, in percent.
    pub vat_rate_percent: VatRate,
}

impl InvoiceLine {
    /// What one cost without VAT, rounded half up.
    pub fn net_unit_price(&self) -> Money {
        let none = Money::new(0, self.unit_price.currency);
        let tax = included_tax([(self.unit_price, self.vat_rate_percent)], none);
        tax.first().map_or(self.unit_price, TaxOfRate::net)
    }
}

/// What a credit note says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditNote {
    /// Its number, without gap or repeat in its year.
    pub number: CreditNoteNumber,
    /// Time of issue.
    pub issued_at: Timestamp,
    /// Credited amount.
    pub amount: Money,
    /// How that is spread over the rates of the invoice, and the VAT in it. The gross amounts add up to `amount`.
    pub tax: Vec<TaxOfRate>,
    /// The payment's name for the refund or dispute; there is one credit note for each.
    pub refund_reference: String,
    /// The credit note that this one cancels, because its refund failed after it had succeeded: the amounts are those of
    /// that one, below zero.
    pub cancels: Option<CreditNoteNumber>,
}

/// Something asked of an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvoiceCommand {
    /// Write it; a second time changes nothing.
    Issue(Box<Invoice>),
    /// Write a credit note for a refund; a second one for the same refund changes nothing.
    Credit {
        number: CreditNoteNumber,
        issued_at: Timestamp,
        /// Credited amount.
        amount: Money,
        /// The payment's name for the refund.
        refund_reference: String,
    },
    /// Cancel the credit note of a refund that failed after it had succeeded; nothing happens where there is none, or it is
    /// cancelled.
    CancelCredit {
        /// The number of the new credit note, which cancels the other.
        number: CreditNoteNumber,
        issued_at: Timestamp,
        /// The payment's name for the refund.
        refund_reference: String,
    },
}

/// Why a command was refused. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvoiceError {
    /// Nobody has written it.
    #[error("there is no such invoice")]
    NotFound,
    /// The number belongs to the invoice of another order.
    #[error("the number is taken")]
    NumberTaken,
    /// A credit note is over more than nothing and not over more than what is left of the invoice.
    #[error("a credit note over {amount} does not fit: {left} are left of the invoice")]
    TooMuch {
        amount: Money,
        /// What has not been credited yet.
        left: Money,
    },
}

/// An invoice and its credit notes, as their events add up. `None` while nobody has written it.
pub type InvoiceState = Option<InvoiceWithCredits>;

/// An invoice, and what has gone back of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceWithCredits {
    /// What was written.
    pub invoice: Invoice,
    /// The credit notes, oldest first.
    pub credits: Vec<CreditNote>,
}

impl InvoiceWithCredits {
    /// What is left of the total.
    pub fn left(&self) -> Money {
        self.credits.iter().fold(self.invoice.total, |left, credit| left.minus(credit.amount).unwrap_or(left))
    }

    /// What is left at each rate.
    fn tax_left(&self) -> Vec<TaxOfRate> {
        self.credits.iter().fold(self.invoice.tax.clone(), |left, credit| credit::without(left, &credit.tax))
    }

    fn has_credited(&self, refund_reference: &str) -> bool {
        self.credit_for(refund_reference).is_some()
    }

    /// The credit note for a refund.
    fn credit_for(&self, refund_reference: &str) -> Option<&CreditNote> {
        self.credits.iter().find(|credit| credit.refund_reference == refund_reference && credit.cancels.is_none())
    }

    fn has(&self, credit: &CreditNote) -> bool {
        match credit.cancels {
            None => self.has_credited(&credit.refund_reference),
            Some(_) => self.credits.iter().any(|known| known.cancels == credit.cancels),
        }
    }
}

/// The invoice after an event. Never fails: an event that does not fit the state leaves it as it was.
pub fn evolve(issued: InvoiceState, event: &InvoiceEvent) -> InvoiceState {
    match (issued, event) {
        (None, InvoiceEvent::Issued(invoice)) => {
            Some(InvoiceWithCredits { invoice: Invoice::clone(invoice), credits: Vec::new() })
        }
        (Some(mut issued), InvoiceEvent::Credited(credit)) if !issued.has(credit) => {
            issued.credits.push(credit.clone());
            Some(issued)
        }
        (issued, InvoiceEvent::Issued(_) | InvoiceEvent::Credited(_)) => issued,
    }
}

/// The events of a command; none when it changes nothing.
///
/// # Errors
/// Why the invoice refuses the command; nothing is written then.
pub fn decide(issued: &InvoiceState, command: InvoiceCommand) -> Result<Vec<InvoiceEvent>, InvoiceError> {
    match (issued, command) {
        (None, InvoiceCommand::Issue(invoice)) => Ok(vec![InvoiceEvent::Issued(invoice)]),
        (Some(known), InvoiceCommand::Issue(invoice)) if known.invoice.order_id == invoice.order_id => Ok(vec![]),
        (Some(_), InvoiceCommand::Issue(_)) => Err(InvoiceError::NumberTaken),
        (None, InvoiceCommand::Credit { .. } | InvoiceCommand::CancelCredit { .. }) => Err(InvoiceError::NotFound),
        (Some(known), InvoiceCommand::Credit { refund_reference, .. }) if known.has_credited(&refund_reference) => {
            Ok(vec![])
        }
        (Some(known), InvoiceCommand::Credit { number, issued_at, amount, refund_reference }) => {
            let left = known.left();
            if amount.currency != left.currency || !(1..=left.amount).contains(&amount.amount) {
                return Err(InvoiceError::TooMuch { amount, left });
            }
            let tax = credit::part(&known.tax_left(), amount);
            let cancels = None;
            Ok(vec![InvoiceEvent::Credited(CreditNote { number, issued_at, amount, tax, refund_reference, cancels })])
        }
        (Some(known), InvoiceCommand::CancelCredit { number, issued_at, refund_reference }) => {
            let Some(credit) = known.credit_for(&refund_reference) else { return Ok(vec![]) };
            let cancelling = CreditNote {
                number,
                issued_at,
                amount: credit::negated(credit.amount),
                tax: credit.tax.iter().map(credit::negated_tax).collect(),
                refund_reference,
                cancels: Some(credit.number),
            };
            Ok(if known.has(&cancelling) { vec![] } else { vec![InvoiceEvent::Credited(cancelling)] })
        }
    }
}
