//! Invoices and credit notes as people keep them: plain text and PDF. What they say comes from the log; nothing here
//! decides anything, reads a clock or knows HTTP.

mod pdf;
#[cfg(test)]
mod tests;
mod text;

use storefront_api::{Address, Money, Timestamp, VatRate};
use storefront_domain::TaxOfRate;
use storefront_domain::invoice::{CreditNote, Invoice};

pub(crate) use pdf::pdf;
pub(crate) use text::text;

/// What a document says, in the order in which it says it. Both forms are drawn from this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Document {
    /// `Invoice`, `Credit note` or `Cancellation`.
    title: &'static str,
    number: String,
    /// What stands beside the title, such as date and order: name and value.
    particulars: Vec<(&'static str, String)>,
    /// To whom it is addressed, line by line.
    addressee: Vec<String>,
    lines: Vec<Line>,
    /// What the amounts add up to; the last is the one that counts.
    sums: Vec<(String, Money)>,
    tax: Vec<Tax>,
    /// Said at the end, a line each.
    remarks: Vec<String>,
}

/// Something that was sold.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    name: String,
    sku: String,
    quantity: u32,
    unit_price: Money,
    vat_rate_percent: VatRate,
    total: Money,
}

/// The VAT of one rate.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Tax {
    rate_percent: VatRate,
    net: Money,
    amount: Money,
    gross: Money,
}

impl Document {
    /// An invoice. It stays the same for ever, whatever is credited later.
    pub(crate) fn invoice(invoice: &Invoice) -> Self {
        let mut sums = Vec::new();
        if invoice.discount.amount != 0 {
            let subtotal = invoice.total.plus(invoice.discount).unwrap_or(invoice.total);
            sums.push(("Subtotal".to_owned(), subtotal));
            sums.push(("Voucher".to_owned(), Money::new(-invoice.discount.amount, invoice.discount.currency)));
        }
        sums.push(("Total".to_owned(), invoice.total));
        let lines = invoice.lines.iter().map(|line| Line {
            name: line.name.clone(),
            sku: line.sku.clone(),
            quantity: line.quantity,
            unit_price: line.unit_price,
            vat_rate_percent: line.vat_rate_percent,
            total: line.total,
        });
        Self {
            title: "Invoice",
            number: invoice.number.to_string(),
            particulars: vec![("Date", day(invoice.issued_at)), ("Order", invoice.order_number.to_string())],
            addressee: addressee(&invoice.address),
            lines: lines.collect(),
            sums,
            tax: tax(&invoice.tax),
            remarks: vec![format!("Paid: {}.", invoice.payment_reference), "Prices include VAT.".to_owned()],
        }
    }

    /// A credit note for some of an invoice, or one that cancels another.
    pub(crate) fn credit_note(invoice: &Invoice, credit: &CreditNote) -> Self {
        let mut particulars = vec![
            ("Date", day(credit.issued_at)),
            ("Invoice", invoice.number.to_string()),
            ("Order", invoice.order_number.to_string()),
        ];
        let remark = match credit.cancels {
            None => format!("Given back: {}.", credit.refund_reference),
            Some(cancelled) => {
                particulars.push(("Cancels", cancelled.to_string()));
                format!("Could not be given back: {}. The amount counts as paid again.", credit.refund_reference)
            }
        };
        Self {
            title: if credit.cancels.is_some() { "Cancellation" } else { "Credit note" },
            number: credit.number.to_string(),
            particulars,
            addressee: addressee(&invoice.address),
            lines: Vec::new(),
            sums: vec![("Credited".to_owned(), credit.amount)],
            tax: tax(&credit.tax),
            remarks: vec![remark],
        }
    }
}

fn addressee(address: &Address) -> Vec<String> {
    let Address { name, street, postal_code, city, country } = address;
    vec![name.clone(), street.clone(), format!("{postal_code} {city}"), country.clone()]
}

fn tax(rates: &[TaxOfRate]) -> Vec<Tax> {
    let of_rate = |rate: &TaxOfRate| Tax {
        rate_percent: rate.rate_percent,
        net: rate.gross.minus(rate.amount).unwrap_or(rate.gross),
        amount: rate.amount,
        gross: rate.gross,
    };
    rates.iter().map(of_rate).collect()
}

/// The day in UTC, as `2026-11-21`.
fn day(time: Timestamp) -> String {
    time.to_string().chars().take(10).collect()
}

/// The amount without its currency: `24.99`.
fn digits(money: Money) -> String {
    let text = money.to_string();
    text.split_once(' ').map_or(text.clone(), |(digits, _)| digits.to_owned())
}

/// Words put into lines of at most so many characters; a longer word is cut.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let mut word: Vec<char> = word.chars().collect();
        while !word.is_empty() {
            let rest = word.split_off(word.len().min(width));
            let word_now: String = std::mem::replace(&mut word, rest).into_iter().collect();
            let last = lines
                .last_mut()
                .filter(|line| line.is_empty() || line.chars().count() + 1 + word_now.chars().count() <= width);
            match last {
                Some(line) if line.is_empty() => *line = word_now,
                Some(line) => {
                    line.push(' ');
                    line.push_str(&word_now);
                }
                None => lines.push(word_now),
            }
        }
    }
    lines
}
