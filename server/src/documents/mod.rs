//! Rendering of invoices and credit notes as plain text and PDF. Their content comes from the log; nothing here makes a
//! decision, reads a clock or knows HTTP.

mod fonts;
mod pages;
mod pdf;
#[cfg(test)]
mod tests;
mod text;
mod typeset;

use storefront_api::{Money, Seller, Timestamp};
use storefront_domain::TaxOfRate;
use storefront_domain::invoice::{CreditNote, Invoice};
use unicode_width::UnicodeWidthStr as _;

pub(crate) use fonts::LazyFonts;
pub(crate) use pdf::pdf;
pub(crate) use text::text;

/// The content of a document, in reading order; the source of both formats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Document {
    /// `Invoice`, `Credit note` or `Cancellation`.
    title: &'static str,
    number: String,
    /// Date of issue in UTC, such as `2026-11-21`.
    issued_on: String,
    /// Lines of the seller, the name first.
    seller: Vec<String>,
    /// Name and value of details beside the addressee, such as dates and the order.
    particulars: Vec<(&'static str, String)>,
    /// Lines of the addressee.
    addressee: Vec<String>,
    lines: Vec<Line>,
    /// Sums of the amounts; the last is the final amount.
    sums: Vec<(String, Money)>,
    tax: Vec<Tax>,
    /// Remarks at the end, a line each.
    remarks: Vec<String>,
}

/// A line of an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    name: String,
    sku: String,
    quantity: u32,
    net_unit_price: Money,
    unit_price: Money,
    vat_rate: String,
    total: Money,
}

/// The VAT at one rate.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Tax {
    rate: String,
    net: Money,
    amount: Money,
    gross: Money,
}

impl Document {
    /// Creates the document of an invoice. It never changes, whatever is credited later.
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
            net_unit_price: line.net_unit_price(),
            unit_price: line.unit_price,
            vat_rate: percent(line.vat_rate_percent),
            total: line.total,
        });
        let mut particulars = vec![("Date of issue", day(invoice.issued_at))];
        particulars.extend(invoice.supplied_at.map(|supplied_at| ("Date of supply", day(supplied_at))));
        particulars.push(("Order", invoice.order_number.to_string()));
        Self {
            title: "Invoice",
            number: invoice.number.to_string(),
            issued_on: day(invoice.issued_at),
            seller: seller(invoice.seller.as_ref()),
            particulars,
            addressee: invoice.address.lines(),
            lines: lines.collect(),
            sums,
            tax: tax(&invoice.tax),
            remarks: vec![format!("Paid: {}.", invoice.payment_reference), "Prices include VAT.".to_owned()],
        }
    }

    /// Creates the document of a credit note for a part of an invoice, or of one that cancels another.
    pub(crate) fn credit_note(invoice: &Invoice, credit: &CreditNote) -> Self {
        let mut particulars = vec![
            ("Date of issue", day(credit.issued_at)),
            ("Invoice", invoice.number.to_string()),
            ("Invoice date", day(invoice.issued_at)),
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
            issued_on: day(credit.issued_at),
            seller: seller(invoice.seller.as_ref()),
            particulars,
            addressee: invoice.address.lines(),
            lines: Vec::new(),
            sums: vec![("Credited".to_owned(), credit.amount)],
            tax: tax(&credit.tax),
            remarks: vec![remark],
        }
    }

    /// The sum over all rates, if there is more than one.
    fn tax_sum(&self) -> Option<Tax> {
        let [first, rest @ ..] = self.tax.as_slice() else { return None };
        let add = |sum: Money, more: Money| sum.plus(more).unwrap_or(sum);
        (!rest.is_empty()).then(|| {
            let all = Tax { rate: "All".to_owned(), ..first.clone() };
            rest.iter().fold(all, |sum, tax| Tax {
                net: add(sum.net, tax.net),
                amount: add(sum.amount, tax.amount),
                gross: add(sum.gross, tax.gross),
                ..sum
            })
        })
    }
}

/// The lines of the seller. Old invoices without a stored seller name the shop.
fn seller(seller: Option<&Seller>) -> Vec<String> {
    let Some(Seller { name, address, vat_id }) = seller else { return vec!["Storefront".to_owned()] };
    let vat_id = vat_id.iter().map(|id| format!("VAT id {id}"));
    std::iter::once(name.clone()).chain(address.iter().cloned()).chain(vat_id).collect()
}

fn tax(rates: &[TaxOfRate]) -> Vec<Tax> {
    let of_rate = |rate: &TaxOfRate| Tax {
        rate: percent(rate.rate_percent),
        net: rate.net(),
        amount: rate.amount,
        gross: rate.gross,
    };
    rates.iter().map(of_rate).collect()
}

fn percent(rate: impl std::fmt::Display) -> String {
    format!("{rate} %")
}

/// The date in UTC, such as `2026-11-21`.
fn day(time: Timestamp) -> String {
    time.to_string().chars().take(10).collect()
}

/// The amount without its currency, such as `24.99`.
fn digits(money: Money) -> String {
    let text = money.to_string();
    text.split_once(' ').map_or(text.clone(), |(digits, _)| digits.to_owned())
}

/// Wraps text to lines of at most `columns`; a longer word is split.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        for (index, piece) in pieces(word, columns).into_iter().enumerate() {
            let last = lines
                .last_mut()
                .filter(|line| line.is_empty() || (index == 0 && line.width() + 1 + piece.width() <= columns));
            match last {
                Some(line) if line.is_empty() => *line = piece,
                Some(line) => {
                    line.push(' ');
                    line.push_str(&piece);
                }
                None => lines.push(piece),
            }
        }
    }
    lines
}

/// Splits a word into pieces of at most `columns`.
fn pieces(word: &str, columns: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for letter in word.chars() {
        let mut buffer = [0; 4];
        let letter = &*letter.encode_utf8(&mut buffer);
        match pieces.last_mut().filter(|piece| piece.is_empty() || piece.width() + letter.width() <= columns) {
            Some(piece) => piece.push_str(letter),
            None => pieces.push(letter.to_owned()),
        }
    }
    pieces
}
