//! A document as plain text, at most 78 columns wide.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

use super::{Document, digits, wrapped};

const WIDTH: usize = 78;
/// Columns of the name of what was sold.
const NAME: usize = 34;

/// The document, as lines that end in `\n`.
pub(crate) fn text(document: &Document) -> String {
    let mut out = String::new();
    let mut say = |line: String| {
        // Writing to a text never fails.
        let _never = writeln!(out, "{}", line.trim_end());
    };
    say(beside("Storefront", &format!("{} {}", document.title, document.number)));
    say("=".repeat(WIDTH));
    let currency = document.sums.last().map(|(_, money)| money.currency.to_string()).unwrap_or_default();
    let right: Vec<String> = document.particulars.iter().map(|(name, value)| format!("{name} {value}")).collect();
    for row in 0..document.addressee.len().max(right.len()) {
        let left = document.addressee.get(row).map_or("", String::as_str);
        say(beside(left, right.get(row).map_or("", String::as_str)));
    }
    say(String::new());
    if !document.lines.is_empty() {
        say(format!(
            "{}{:>6}{:>12}{:>8}{:>18}",
            padded("Item", NAME),
            "Qty",
            "Each",
            "VAT",
            format!("Amount {currency}")
        ));
        say("-".repeat(WIDTH));
    }
    for line in &document.lines {
        let mut name = wrapped(&line.name, NAME - 2).into_iter();
        say(format!(
            "{}{:>6}{:>12}{:>8}{:>18}",
            padded(&name.next().unwrap_or_default(), NAME),
            line.quantity,
            digits(line.unit_price),
            format!("{} %", line.vat_rate_percent),
            digits(line.total)
        ));
        for more in name.chain([line.sku.clone()]) {
            say(format!("  {more}"));
        }
    }
    say("-".repeat(WIDTH));
    for (name, money) in &document.sums {
        say(beside(name, &money.to_string()));
    }
    say(String::new());
    for tax in &document.tax {
        say(beside(
            &format!("VAT {} % in {}", tax.rate_percent, digits(tax.gross)),
            &format!("net {}   VAT {}", digits(tax.net), digits(tax.amount)),
        ));
    }
    say(String::new());
    for remark in document.remarks.iter().flat_map(|remark| wrapped(remark, WIDTH)) {
        say(remark);
    }
    out
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
