//! A document as plain text, at most 78 columns wide.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

use super::{Document, Tax, digits, wrapped};

const WIDTH: usize = 78;
/// Columns of the name of what was sold.
const NAME: usize = 27;
/// Columns of an addressee's or seller's line.
const PARTY: usize = 44;

/// The document, as lines that end in `\n`.
pub(crate) fn text(document: &Document) -> String {
    let mut out = String::new();
    let mut say = |line: String| {
        // Writing to a text never fails.
        let _never = writeln!(out, "{}", line.trim_end());
    };
    let title = format!("{} {}", document.title, document.number);
    let mut seller = document.seller.iter().flat_map(|line| wrapped(line, PARTY));
    say(beside(&seller.next().unwrap_or_default(), &title));
    seller.for_each(&mut say);
    say("=".repeat(WIDTH));
    let currency = document.sums.last().map(|(_, money)| money.currency.to_string()).unwrap_or_default();
    let left: Vec<String> = document.addressee.iter().flat_map(|line| wrapped(line, PARTY)).collect();
    let right: Vec<String> = document.particulars.iter().map(|(name, value)| format!("{name} {value}")).collect();
    for row in 0..left.len().max(right.len()) {
        let at = |side: &[String]| side.get(row).cloned().unwrap_or_default();
        say(beside(&at(&left), &at(&right)));
    }
    say(String::new());
    if !document.lines.is_empty() {
        say(row("Item", ["Qty", "Net each", "Each", "VAT", &format!("Amount {currency}")]));
        say("-".repeat(WIDTH));
    }
    for line in &document.lines {
        let mut name = wrapped(&line.name, NAME - 1).into_iter();
        say(row(
            &name.next().unwrap_or_default(),
            [
                &line.quantity.to_string(),
                &digits(line.net_unit_price),
                &digits(line.unit_price),
                &line.vat_rate,
                &digits(line.total),
            ],
        ));
        for more in name.chain(wrapped(&line.sku, WIDTH - 2)) {
            say(format!("  {more}"));
        }
    }
    say("-".repeat(WIDTH));
    for (name, money) in &document.sums {
        say(beside(name, &money.to_string()));
    }
    if !document.tax.is_empty() {
        say(String::new());
        say(tax_row("VAT rate", ["Net", "VAT", "Gross"]));
    }
    for Tax { rate, net, amount, gross } in document.tax.iter().chain(&document.tax_sum()) {
        say(tax_row(rate, [&digits(*net), &digits(*amount), &digits(*gross)]));
    }
    say(String::new());
    for remark in document.remarks.iter().flat_map(|remark| wrapped(remark, WIDTH)) {
        say(remark);
    }
    out
}

/// A name and what stands right of it, each at the end of its column.
fn row(name: &str, [quantity, net_each, each, vat, amount]: [&str; 5]) -> String {
    format!("{}{quantity:>4}{net_each:>12}{each:>12}{vat:>8}{amount:>15}", padded(name, NAME))
}

fn tax_row(rate: &str, [net, vat, gross]: [&str; 3]) -> String {
    format!("{}{net:>17}{vat:>17}{gross:>17}", padded(rate, NAME))
}

/// One text at the left end of a line and one at the right.
fn beside(left: &str, right: &str) -> String {
    let room = WIDTH.saturating_sub(left.width() + right.width()).max(1);
    format!("{left}{}{right}", " ".repeat(room))
}

/// Filled with spaces to so many columns.
fn padded(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(text.width())))
}
