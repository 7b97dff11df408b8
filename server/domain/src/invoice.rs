//! Invoices and their credit notes. An invoice is never changed; a refund leads to a credit note.

mod credit;
mod number;
#[cfg(test)]
mod tests;

use storefront_api::{Address, CustomerId, Money, OrderId, ProductId, Seller, Timestamp, VatRate};

pub use self::number::{BadDocumentNumber, CreditNoteNumber, InvoiceNumber};
use crate::{OrderNumber, TaxOfRate, included_tax};

/// An event of an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvoiceEvent {
    Issued(Box<Invoice>),
    /// A credit note was issued for a refund.
    Credited(CreditNote),
}

/// The content of an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoice {
    pub number: InvoiceNumber,
    pub order_id: OrderId,
    /// The order number that customers see.
    pub order_number: OrderNumber,
    /// The owner of the order; `None` for a guest.
    pub customer_id: Option<CustomerId>,
    /// Address for mail about the order.
    pub email: String,
    /// Address of the buyer.
    pub address: Address,
    /// `None` on old invoices, which do not name the seller.
    pub seller: Option<Seller>,
    pub issued_at: Timestamp,
    /// Time of supply, which is when the paid order was confirmed; `None` on old invoices.
    pub supplied_at: Option<Timestamp>,
    /// In the order of the basket.
    pub lines: Vec<InvoiceLine>,
    /// Discount of a voucher on the sum of the lines; zero without one.
    pub discount: Money,
    /// Gross amount and VAT by rate, after the discount; lowest rate first. The gross amounts add up to the total.
    pub tax: Vec<TaxOfRate>,
    /// Amount to pay: the sum of the lines less the discount.
    pub total: Money,
    /// How it was paid, such as `card pi_3Nk…`.
    pub payment_reference: String,
}

impl Invoice {
    /// The VAT included in the total: the sum over its rates.
    pub fn vat(&self) -> Money {
        let none = Money::new(0, self.total.currency);
        self.tax.iter().fold(none, |sum, rate| sum.plus(rate.amount).unwrap_or(sum))
    }
}

/// One line of an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceLine {
    pub product_id: ProductId,
    pub sku: String,
    pub name: String,
    pub quantity: u32,
    /// VAT included.
    pub unit_price: Money,
    /// Gross total of the line.
    pub total: Money,
    /// VAT rate included in the price, in percent.
    pub vat_rate_percent: VatRate,
}

impl InvoiceLine {
    /// Unit price without VAT, rounded half up.
    pub fn net_unit_price(&self) -> Money {
        let none = Money::new(0, self.unit_price.currency);
        let tax = included_tax([(self.unit_price, self.vat_rate_percent)], none);
        tax.first().map_or(self.unit_price, TaxOfRate::net)
    }
}

/// The content of a credit note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditNote {
    pub number: CreditNoteNumber,
    pub issued_at: Timestamp,
    pub amount: Money,
    /// `amount` distributed over the rates of the invoice, and the VAT in it. The gross amounts add up to `amount`.
    pub tax: Vec<TaxOfRate>,
    /// The reference of the refund or dispute at the payment; each has one credit note.
    pub refund_reference: String,
    /// The credit note that this one cancels, because its refund failed after it had succeeded. The amounts are the negated
    /// amounts of that one.
    pub cancels: Option<CreditNoteNumber>,
}

/// A command to an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvoiceCommand {
    /// Issue it; a repeat changes nothing.
    Issue(Box<Invoice>),
    /// Issue a credit note for a refund; a second one for the same refund changes nothing.
    Credit {
        number: CreditNoteNumber,
        issued_at: Timestamp,
        amount: Money,
        /// The reference of the refund at the payment.
        refund_reference: String,
    },
    /// Cancel the credit note of a refund that failed after it had succeeded; changes nothing without one, or when it is
    /// cancelled already.
    CancelCredit {
        /// The number of the new credit note, which cancels the other.
        number: CreditNoteNumber,
        issued_at: Timestamp,
        /// The reference of the refund at the payment.
        refund_reference: String,
    },
}

/// Why a command was refused. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvoiceError {
    #[error("there is no such invoice")]
    NotFound,
    /// The number belongs to the invoice of another order.
    #[error("the number is taken")]
    NumberTaken,
    /// A credit note has an amount above zero and at most what is left of the invoice.
    #[error("a credit note over {amount} does not fit: {left} are left of the invoice")]
    TooMuch {
        amount: Money,
        /// The amount that is not credited yet.
        left: Money,
    },
}

/// The state of an invoice; `None` before it is issued.
pub type InvoiceState = Option<InvoiceWithCredits>;

/// An invoice and its credit notes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceWithCredits {
    pub invoice: Invoice,
    /// Oldest first.
    pub credits: Vec<CreditNote>,
}

impl InvoiceWithCredits {
    /// The amount of the total that is not credited.
    pub fn left(&self) -> Money {
        self.credits.iter().fold(self.invoice.total, |left, credit| left.minus(credit.amount).unwrap_or(left))
    }

    /// The amounts by rate that are not credited.
    fn tax_left(&self) -> Vec<TaxOfRate> {
        self.credits.iter().fold(self.invoice.tax.clone(), |left, credit| credit::without(left, &credit.tax))
    }

    /// The credit note of a refund, not one that cancels it.
    fn credit_for(&self, refund_reference: &str) -> Option<&CreditNote> {
        self.credits.iter().find(|credit| credit.refund_reference == refund_reference && credit.cancels.is_none())
    }

    fn has(&self, credit: &CreditNote) -> bool {
        match credit.cancels {
            None => self.credit_for(&credit.refund_reference).is_some(),
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
        (Some(known), InvoiceCommand::Credit { number, issued_at, amount, refund_reference }) => {
            if known.credit_for(&refund_reference).is_some() {
                return Ok(vec![]);
            }
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
