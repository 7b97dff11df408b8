//! Renders a document as plain text, at most 78 columns wide.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

use super::{Document, Tax, digits, wrapped};

const WIDTH_COLUMNS: usize = 78;
/// Width of the item name.
const NAME_COLUMNS: usize = 27;
/// Maximum width of the addressee's and the seller's lines.
const PARTY_COLUMNS: usize = 44;

/// Renders a document as lines that end in `\n`.
pub(crate) fn text(document: &Document) -> String {
    let mut out = String::new();
    let mut push_line = |line: String| {
        // Writing to a `String` never fails.
        let _never = writeln!(out, "{}", line.trim_end());
    };
    let title = format!("{} {}", document.title, document.number);
    let mut seller = document.seller.iter().flat_map(|line| wrapped(line, PARTY_COLUMNS));
    push_line(justified(&seller.next().unwrap_or_default(), &title));
    seller.for_each(&mut push_line);
    push_line("=".repeat(WIDTH_COLUMNS));
    let currency = document.sums.last().map(|(_, money)| money.currency.to_string()).unwrap_or_default();
    let left: Vec<String> = document.addressee.iter().flat_map(|line| wrapped(line, PARTY_COLUMNS)).collect();
    let right: Vec<String> = document.particulars.iter().map(|(name, value)| format!("{name} {value}")).collect();
    for row in 0..left.len().max(right.len()) {
        let at = |side: &[String]| side.get(row).cloned().unwrap_or_default();
        push_line(justified(&at(&left), &at(&right)));
    }
    push_line(String::new());
    if !document.lines.is_empty() {
        push_line(row("Item", ["Qty", "Net each", "Each", "VAT", &format!("Amount {currency}")]));
        push_line("-".repeat(WIDTH_COLUMNS));
    }
    for line in &document.lines {
        let mut name = wrapped(&line.name, NAME_COLUMNS - 1).into_iter();
        push_line(row(
            &name.next().unwrap_or_default(),
            [
                &line.quantity.to_string(),
                &digits(line.net_unit_price),
                &digits(line.unit_price),
                &line.vat_rate,
                &digits(line.total),
            ],
        ));
        for more in name.chain(wrapped(&line.sku, WIDTH_COLUMNS - 2)) {
            push_line(format!("  {more}"));
        }
    }
    push_line("-".repeat(WIDTH_COLUMNS));
    for (name, money) in &document.sums {
        push_line(justified(name, &money.to_string()));
    }
    if !document.tax.is_empty() {
        push_line(String::new());
        push_line(tax_row("VAT rate", ["Net", "VAT", "Gross"]));
    }
    for Tax { rate, net, amount, gross } in document.tax.iter().chain(&document.tax_sum()) {
        push_line(tax_row(rate, [&digits(*net), &digits(*amount), &digits(*gross)]));
    }
    push_line(String::new());
    for remark in document.remarks.iter().flat_map(|remark| wrapped(remark, WIDTH_COLUMNS)) {
        push_line(remark);
    }
    out
}

/// A row of the item table: the name, and right-aligned cells.
fn row(name: &str, [quantity, net_each, each, vat, amount]: [&str; 5]) -> String {
    format!("{}{quantity:>4}{net_each:>12}{each:>12}{vat:>8}{amount:>15}", padded(name, NAME_COLUMNS))
}

fn tax_row(rate: &str, [net, vat, gross]: [&str; 3]) -> String {
    format!("{}{net:>17}{vat:>17}{gross:>17}", padded(rate, NAME_COLUMNS))
}

/// A line with a left-aligned and a right-aligned text.
fn justified(left: &str, right: &str) -> String {
    let room = WIDTH_COLUMNS.saturating_sub(left.width() + right.width()).max(1);
    format!("{left}{}{right}", " ".repeat(room))
}

/// Pads a text with spaces to `columns`.
fn padded(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(text.width())))
}
