use storefront_api::{Address, Currency, VatRate};
use storefront_domain::invoice::{CreditNoteNumber, InvoiceLine, InvoiceNumber};
use storefront_domain::{OrderNumber, included_tax};

use super::pages::{LEFT, PageLayout, RIGHT, lay_out};
use super::typeset::TextStyle;
use super::*;
use crate::config::FontSource;
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
            ..Address::default()
        },
        seller: Some(Seller {
            name: "Example Ltd".to_owned(),
            address: vec!["1 Example Street".to_owned(), "12345 Example Town".to_owned()],
            vat_id: Some("DE000000000".to_owned()),
        }),
        supplied_at: Some(Timestamp::from_unix_ms(1_795_262_400_000)),
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

/// Only what the program brings.
fn fonts() -> LazyFonts {
    LazyFonts::new(FontSource::Folder("/nowhere".into()))
}

/// What the pages of a document show, a line of text each.
fn shown(document: &Document) -> Vec<String> {
    let pages = lay_out(document, fonts().get());
    pages.iter().flat_map(|page| &page.lines).map(|placed| placed.line.text.trim_end().to_owned()).collect()
}

/// Nothing stands on something else, or beyond the margins, and every letter has a glyph.
fn assert_neat(pages: &[PageLayout]) {
    for page in pages {
        for (index, one) in page.lines.iter().enumerate() {
            let (text, end) = (&one.line.text, one.x + one.line.width);
            assert!(one.x >= LEFT - 0.1 && end <= RIGHT + 0.1, "{text:?} stands at {} to {end}", one.x);
            assert!((30.0..800.0).contains(&one.y), "{text:?} stands at the height {}", one.y);
            assert!(one.line.glyphs.iter().all(|glyph| glyph.id != 0), "{text:?} has letters without a glyph");
            for other in &page.lines[index + 1..] {
                let beside = end + 1.0 < other.x || other.x + other.line.width + 1.0 < one.x;
                let above = (one.y - other.y).abs() > 0.9 * one.line.style.size.min(other.line.style.size);
                assert!(beside || above, "{text:?} and {:?} stand on each other", other.line.text);
            }
        }
    }
}

#[test]
fn the_text_says_all_that_an_invoice_must() {
    let text = text(&Document::invoice(&a_small_invoice()));
    let expected = "\
Example Ltd                                                Invoice 2026-000042
1 Example Street
12345 Example Town
VAT id DE000000000
==============================================================================
Ada Lovelace                                          Date of issue 2026-11-21
Loom Street 1                                        Date of supply 2026-11-21
10115 Berlin                                                   Order 81FH-J3T9
Germany

Item                        Qty    Net each        Each     VAT     Amount EUR
------------------------------------------------------------------------------
Stoneware mug                 2       21.00       24.99    19 %          49.98
  SKU-13
A very long novel about a     1       12.14       12.99     7 %          12.99
  terminal that dreamt of
  windows
  SKU-57
------------------------------------------------------------------------------
Total                                                                62.97 EUR

VAT rate                                 Net              VAT            Gross
7 %                                    12.14             0.85            12.99
19 %                                   42.00             7.98            49.98
All                                    54.14             8.83            62.97

Paid: card pi_1.
Prices include VAT.
";
    let order = format!("Order {}", OrderNumber::from_position(7));
    let expected = expected.replace("    ORDER", &format!("{:>19}", order)[..]);
    assert_eq!(text, expected);
    assert!(text.lines().all(|line| line.chars().count() <= 78));
}

#[test]
fn a_voucher_is_listed_apart_from_the_sum() {
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
    let shown = shown(&document);
    for part in ["Credit note CN-2026-000007", "2026-000042", "Invoice date", "10.00 EUR", "1.60", "Given back: re_1."]
    {
        assert!(text.contains(part), "{part} is missing in\n{text}");
        assert!(shown.iter().any(|line| line == part), "{part} is missing in the PDF: {shown:?}");
    }
}

#[test]
fn the_pdf_shows_what_the_text_says_with_its_fonts_embedded() {
    let document = Document::invoice(&a_small_invoice());
    let shelf = fonts();
    let bytes = pdf(&document, shelf.get()).unwrap();
    assert!(bytes.starts_with(b"%PDF-1.7"), "no PDF");
    assert!(bytes.ends_with(b"%%EOF"), "cut off");
    let file = String::from_utf8_lossy(&bytes);
    assert_eq!(file.matches("/FontFile2").count(), 2, "regular and bold are embedded");
    assert_eq!(file.matches("/ToUnicode").count(), 2);
    assert!(bytes.len() < 100_000, "{} bytes: whole fonts are embedded", bytes.len());
    let shown = shown(&document);
    for part in [
        "Invoice 2026-000042",
        "Date of issue",
        "Date of supply",
        "2026-11-21",
        "Example Ltd",
        "VAT id DE000000000",
        "Ada Lovelace",
        "Stoneware mug",
        "21.00",
        "24.99",
        "49.98",
        "62.97 EUR",
        "19 %",
        "7.98",
        "42.00",
        "All",
        "54.14",
        "8.83",
        "Page 1 of 1",
        "Paid: card pi_1.",
    ] {
        assert!(shown.iter().any(|line| line == part), "{part} is missing in {shown:?}");
    }
    assert_eq!(pdf(&document, shelf.get()).unwrap(), bytes, "the same invoice is the same file");
}

#[test]
fn long_names_wrap_and_fifty_lines_take_several_numbered_pages_with_nothing_on_top_of_anything() {
    let long = "Überlange ".repeat(10);
    let unbroken = "Ł".repeat(100);
    let names: Vec<String> = (1..=50)
        .map(|number| if number % 2 == 0 { format!("{number} {long}") } else { format!("{number}{unbroken}") })
        .collect();
    let lines: Vec<_> = names.iter().map(|name| (name.as_str(), 99, 99_999_999, 19)).collect();
    let mut invoice = an_invoice(&lines, 500);
    for text in [&mut invoice.address.name, &mut invoice.address.street, &mut invoice.address.city] {
        *text = unbroken.clone();
    }
    invoice.address.line2 = Some(long.clone());
    let pages = lay_out(&Document::invoice(&invoice), fonts().get());
    assert_neat(&pages);
    assert!(pages.len() >= 4, "{} pages", pages.len());
    let text = |page: &PageLayout| page.lines.iter().map(|placed| placed.line.text.clone()).collect::<String>();
    for (index, page) in pages.iter().enumerate() {
        assert!(text(page).contains(&format!("Page {} of {}", index + 1, pages.len())), "page {index} has no number");
    }
    let all: String = pages.iter().map(text).collect();
    assert_eq!(all.matches('Ł').count(), 25 * 100 + 300, "letters are missing");
}

#[test]
fn amounts_end_at_the_margin_in_bold_too() {
    let pages = lay_out(&Document::invoice(&a_small_invoice()), fonts().get());
    for text in ["62.97 EUR", "Amount", "49.98", "Invoice 2026-000042", "Page 1 of 1"] {
        let placed = pages[0].lines.iter().find(|placed| placed.line.text == text).unwrap();
        let end = placed.x + placed.line.width;
        assert!((end - RIGHT).abs() < 0.01, "{text} ends at {end}");
    }
    let width = |style| fonts().get().shape_lines("62.97 EUR", style, None)[0].width;
    assert!(width(TextStyle::bold(10.0)) > width(TextStyle::regular(10.0)) + 1.0, "bold is measured as regular");
}

#[test]
fn the_font_that_the_program_brings_has_the_letters_of_many_scripts() {
    let texts = [
        "Łukasz Żółć-Ćwikła",
        "Ελένη Παπαδοπούλου",
        "Ирина Їжакевич",
        "محمد بن سلمان",
        "שרה לוי",
        "Hàn Thị Ngọc",
        "გიორგი",
    ];
    for text in texts {
        let mut invoice = a_small_invoice();
        invoice.address.name = text.to_owned();
        invoice.lines[0].name = format!("{text} {text}");
        let document = Document::invoice(&invoice);
        assert_neat(&lay_out(&document, fonts().get()));
        assert!(shown(&document).iter().any(|line| line == text), "{text}");
    }
}

#[test]
fn composed_and_decomposed_letters_look_the_same() {
    let shelf = fonts();
    let glyphs = |text| {
        let line = shelf.get().shape_lines(text, TextStyle::regular(10.0), None).remove(0);
        line.glyphs.iter().map(|glyph| (glyph.id, glyph.x.to_bits())).collect::<Vec<_>>()
    };
    assert_eq!(glyphs("Crème brûlée à Orléans"), glyphs("Cre\u{300}me bru\u{302}le\u{301}e a\u{300} Orle\u{301}ans"));
}

#[test]
fn arabic_runs_from_right_to_left_with_joined_letters() {
    let shelf = fonts();
    let line = |text| shelf.get().shape_lines(text, TextStyle::regular(10.0), None).remove(0);
    let name = line("محمد");
    let order: Vec<usize> = name.glyphs.iter().map(|glyph| glyph.cluster.start).collect();
    assert_eq!(order, [6, 4, 2, 0], "the first letter stands at the right");
    let alone: Vec<u16> = ["د", "م", "ح", "م"].iter().map(|letter| line(letter).glyphs[0].id).collect();
    let joined: Vec<u16> = name.glyphs.iter().map(|glyph| glyph.id).collect();
    assert!(joined.iter().zip(&alone).filter(|(a, b)| a != b).count() >= 3, "{joined:?} are not joined");
    let mixed = line("Straße محمد 12");
    assert_eq!(mixed.glyphs[0].cluster, 0..1, "what begins from left to right begins at the left");
}

#[test]
fn a_letter_without_a_font_is_shown_by_its_code_point_and_the_start_names_the_script_and_the_package() {
    let mut invoice = an_invoice(&[("Tasse (groß) für Łukasz \\ 漢字", 1, 100, 0)], 0);
    invoice.address.name = "王小明".to_owned();
    let document = Document::invoice(&invoice);
    assert_neat(&lay_out(&document, fonts().get()));
    let shown = shown(&document);
    assert!(shown.iter().any(|line| line == "[U+738B][U+5C0F][U+660E]"), "{shown:?}");
    assert!(shown.iter().any(|line| line.starts_with("Tasse (groß) für Łukasz \\")), "{shown:?}");
    assert!(pdf(&document, fonts().get()).is_ok());
    let text = text(&document);
    assert!(text.contains("Łukasz") && text.contains("漢字"), "{text}");

    let shelf = fonts();
    assert_eq!(shelf.missing(), None, "nobody has looked yet");
    shelf.get();
    let missing = shelf.missing().unwrap();
    assert!(missing.contains("Chinese, Japanese, Korean (install fonts-noto-cjk)"), "{missing}");
    assert!(missing.contains("Thai, ") && missing.contains("(install fonts-noto-core)"), "{missing}");
    for there in ["Latin", "Greek", "Cyrillic", "Arabic", "Hebrew"] {
        assert!(!missing.contains(there), "{missing}");
    }
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
