use storefront_api::Currency;
use storefront_domain::invoice::{CreditNoteNumber, InvoiceLine, InvoiceNumber};
use storefront_domain::{OrderNumber, included_tax};

use super::*;
use crate::testing::{euro, order};

fn an_invoice(lines: &[(&str, u32, i64, u8)], discount: i64) -> Invoice {
    let line = |&(name, quantity, price, vat_rate_percent): &(&str, u32, i64, u8)| InvoiceLine {
        product_id: "mug".parse().unwrap(),
        sku: format!("SKU-{}", name.len()),
        name: name.to_owned(),
        quantity,
        unit_price: euro(price),
        total: euro(price * i64::from(quantity)),
        vat_rate_percent: VatRate::percent(vat_rate_percent),
    };
    let lines: Vec<_> = lines.iter().map(line).collect();
    let total: i64 = lines.iter().map(|line| line.total.amount).sum();
    Invoice {
        number: InvoiceNumber { year: 2026, sequence: 42 },
        order_id: order(1),
        order_number: OrderNumber::from_position(7),
        customer_id: None,
        email: "ada@example.org".to_owned(),
        address: Address {
            name: "Ada Lovelace".to_owned(),
            street: "Loom Street 1".to_owned(),
            postal_code: "10115".to_owned(),
            city: "Berlin".to_owned(),
            country: "DE".to_owned(),
        },
        issued_at: Timestamp::from_unix_ms(1_795_262_400_000),
        discount: euro(discount),
        tax: included_tax(lines.iter().map(|line| (line.total, line.vat_rate_percent)), euro(0)),
        lines,
        total: euro(total - discount),
        payment_reference: "card pi_1".to_owned(),
    }
}

fn a_small_invoice() -> Invoice {
    an_invoice(
        &[("Stoneware mug", 2, 2499, 19), ("A very long novel about a terminal that dreamt of windows", 1, 1299, 7)],
        0,
    )
}

/// What the pages of a PDF show, in the order of drawing. Its content streams are not compressed.
fn shown(pdf: &[u8]) -> String {
    String::from_utf8_lossy(pdf).lines().filter(|line| line.ends_with(" Tj")).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_text_says_all_that_an_invoice_must() {
    let text = text(&Document::invoice(&a_small_invoice()));
    let expected = "\
Storefront                                                 Invoice 2026-000042
==============================================================================
Ada Lovelace                                                   Date 2026-11-21
Loom Street 1                                                  ORDER
10115 Berlin
DE

Item                                 Qty        Each     VAT        Amount EUR
------------------------------------------------------------------------------
Stoneware mug                          2       24.99    19 %             49.98
  SKU-13
A very long novel about a              1       12.99     7 %             12.99
  terminal that dreamt of windows
  SKU-57
------------------------------------------------------------------------------
Total                                                                62.97 EUR

VAT 7 % in 12.99                                          net 12.14   VAT 0.85
VAT 19 % in 49.98                                         net 42.00   VAT 7.98

Paid: card pi_1.
Prices include VAT.
";
    let order = format!("Order {}", OrderNumber::from_position(7));
    let expected = expected.replace("    ORDER", &format!("{:>19}", order)[..]);
    assert_eq!(text, expected);
    assert!(text.lines().all(|line| line.chars().count() <= 78));
}

#[test]
fn a_voucher_is_told_apart_from_the_sum() {
    let text = text(&Document::invoice(&an_invoice(&[("Mug", 1, 2499, 19)], 500)));
    let has = |wanted: &str| text.lines().any(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") == wanted);
    assert!(has("Subtotal 24.99 EUR") && has("Voucher -5.00 EUR") && has("Total 19.99 EUR"), "{text}");
}

#[test]
fn a_credit_note_names_its_invoice() {
    let credit = CreditNote {
        number: CreditNoteNumber { year: 2026, sequence: 7 },
        issued_at: Timestamp::from_unix_ms(1_795_262_400_000),
        amount: euro(1000),
        tax: included_tax([(euro(1000), VatRate::percent(19))], euro(0)),
        refund_reference: "re_1".to_owned(),
        cancels: None,
    };
    let document = Document::credit_note(&a_small_invoice(), &credit);
    let text = text(&document);
    for part in ["Credit note CN-2026-000007", "Invoice 2026-000042", "10.00 EUR", "VAT 1.60", "Given back: re_1."] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
        assert!(shown(&pdf(&document)).contains(part), "{part} is missing in the PDF");
    }
}

#[test]
fn the_pdf_shows_what_the_text_says() {
    let document = Document::invoice(&a_small_invoice());
    let bytes = pdf(&document);
    assert!(bytes.starts_with(b"%PDF-1.7"), "no PDF");
    assert!(bytes.ends_with(b"%%EOF"), "cut off");
    let shown = shown(&bytes);
    for part in ["Invoice 2026-000042", "2026-11-21", "Ada Lovelace", "Stoneware mug", "49.98", "62.97 EUR", "VAT 7.98"]
    {
        assert!(shown.contains(part), "{part} is missing in\n{shown}");
    }
    assert_eq!(pdf(&document), bytes, "the same invoice is the same file");
}

#[test]
fn fifty_lines_take_more_than_one_page_and_all_are_shown() {
    let names: Vec<String> = (1..=50).map(|number| format!("Product number {number} of fifty")).collect();
    let lines: Vec<_> = names.iter().map(|name| (name.as_str(), 99, 99_999, 19)).collect();
    let bytes = pdf(&Document::invoice(&an_invoice(&lines, 0)));
    let pages = String::from_utf8_lossy(&bytes).matches("/Type /Page\n").count();
    assert!(pages >= 3, "{pages} pages");
    let shown = shown(&bytes);
    assert!(names.iter().all(|name| shown.contains(name)), "a line is missing");
}

#[test]
fn letters_that_the_pdf_cannot_show_do_not_break_it() {
    let invoice = an_invoice(&[("Tasse (groß) für Łukasz \\ 漢字", 1, 100, 0)], 0);
    let bytes = pdf(&Document::invoice(&invoice));
    // Parentheses and backslashes would end or bend a PDF string, so they are escaped or the string is written as hex.
    assert!(bytes.ends_with(b"%%EOF"));
    assert!(text(&Document::invoice(&invoice)).contains("Łukasz \\ 漢字"));
}

#[test]
fn money_without_cents_is_shown_without() {
    assert_eq!(digits(Money::new(300, "JPY".parse().unwrap())), "300");
    assert_eq!(digits(Money::new(-5, Currency::EUR)), "-0.05");
}

#[test]
fn long_words_are_cut_into_lines() {
    assert_eq!(wrapped("aa bb ccccccc", 5), ["aa bb", "ccccc", "cc"]);
    assert_eq!(wrapped("", 5), [""]);
}
