//! A document as PDF 1.7 (ISO 32000-1): A4 pages in Helvetica, one of the fonts that every reader has.
//!
//! These fonts know Western European letters (`WinAnsiEncoding`, ISO 32000-1 annex D); any other letter is shown as `?`.
//! The text form has them all.

use pdf_writer::{Content, Date, Finish as _, Name, Pdf, Rect, Ref, Str, TextStr};

use super::{Document, digits, wrapped};

/// A4 in points of 1/72 inch.
const PAGE: (f32, f32) = (595.0, 842.0);
const LEFT: f32 = 57.0;
const RIGHT: f32 = PAGE.0 - 57.0;
const TOP: f32 = PAGE.1 - 71.0;
const BOTTOM: f32 = 71.0;
/// Right ends of the columns of lines, and the left end of the name.
const QUANTITY: f32 = 330.0;
const EACH: f32 = 400.0;
const VAT: f32 = 450.0;
/// Characters of a name that surely fit beside the quantity.
const NAME: usize = 42;
const LINE: f32 = 14.0;

const REGULAR: Name<'_> = Name(b"F1");
const BOLD: Name<'_> = Name(b"F2");

/// The document as a PDF file; the same document gives the same bytes.
pub(crate) fn pdf(document: &Document) -> Vec<u8> {
    let pages = Pages::of(document).finished();
    let mut pdf = Pdf::new();
    let (catalog, tree, regular, bold, info) = (Ref::new(1), Ref::new(2), Ref::new(3), Ref::new(4), Ref::new(5));
    let page_ref = |index: usize| Ref::new(6 + 2 * i32::try_from(index).unwrap_or_default());
    pdf.catalog(catalog).pages(tree);
    let count = i32::try_from(pages.len()).unwrap_or(i32::MAX);
    pdf.pages(tree).kids((0..pages.len()).map(page_ref)).count(count);
    for (font, name) in [(regular, &b"Helvetica"[..]), (bold, b"Helvetica-Bold")] {
        pdf.type1_font(font).base_font(Name(name)).encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    let title = format!("{} {}", document.title, document.number);
    let mut about = pdf.document_info(info);
    about.title(TextStr(&title)).producer(TextStr("Storefront"));
    if let Some(date) = date_of(document) {
        about.creation_date(date);
    }
    about.finish();
    for (index, content) in pages.into_iter().enumerate() {
        let (page_id, content_id) = (page_ref(index), Ref::new(page_ref(index).get() + 1));
        let mut page = pdf.page(page_id);
        page.media_box(Rect::new(0.0, 0.0, PAGE.0, PAGE.1)).parent(tree).contents(content_id);
        page.resources().fonts().pair(REGULAR, regular).pair(BOLD, bold);
        page.finish();
        pdf.stream(content_id, &content.finish());
    }
    pdf.finish()
}

fn date_of(document: &Document) -> Option<Date> {
    let (_, day) = document.particulars.iter().find(|(name, _)| *name == "Date")?;
    let mut parts = day.split('-');
    let (year, month, day) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some(Date::new(year).month(month).day(day))
}

/// Pages as they are filled from top to bottom.
struct Pages {
    done: Vec<Content>,
    page: Content,
    y: f32,
}

impl Pages {
    fn of(document: &Document) -> Self {
        let mut pages = Self { done: Vec::new(), page: Content::new(), y: TOP };
        pages.head(document);
        pages.lines(document);
        pages.sums(document);
        pages
    }

    fn finished(mut self) -> Vec<Content> {
        self.done.push(self.page);
        self.done
    }

    fn head(&mut self, document: &Document) {
        self.put(BOLD, 20.0, LEFT, "Storefront");
        self.put_right(BOLD, 14.0, RIGHT, &format!("{} {}", document.title, document.number));
        self.down(2.5 * LINE);
        let rows = document.addressee.len().max(document.particulars.len());
        for row in 0..rows {
            if let Some(line) = document.addressee.get(row) {
                self.put(REGULAR, 10.0, LEFT, line);
            }
            if let Some((name, value)) = document.particulars.get(row) {
                self.put_right(REGULAR, 10.0, RIGHT, &format!("{name} {value}"));
            }
            self.down(LINE);
        }
        self.down(2.0 * LINE);
    }

    fn lines(&mut self, document: &Document) {
        if document.lines.is_empty() {
            self.rule();
            return;
        }
        self.column_names();
        for line in &document.lines {
            let name = wrapped(&line.name, NAME);
            // A line stays on one page.
            if self.y - LINE * (name.len() as f32 + 2.0) < BOTTOM {
                self.next_page();
                self.column_names();
            }
            self.put_right(REGULAR, 10.0, QUANTITY, &line.quantity.to_string());
            self.put_right(REGULAR, 10.0, EACH, &digits(line.unit_price));
            self.put_right(REGULAR, 10.0, VAT, &format!("{} %", line.vat_rate_percent));
            self.put_right(REGULAR, 10.0, RIGHT, &digits(line.total));
            for part in name {
                self.put(REGULAR, 10.0, LEFT, &part);
                self.down(LINE);
            }
            self.put(REGULAR, 8.0, LEFT, &line.sku);
            self.down(1.3 * LINE);
        }
        self.rule();
    }

    fn column_names(&mut self) {
        self.put(BOLD, 10.0, LEFT, "Item");
        for (at, name) in [(QUANTITY, "Qty"), (EACH, "Each"), (VAT, "VAT"), (RIGHT, "Amount")] {
            self.put_right(BOLD, 10.0, at, name);
        }
        self.down(0.5 * LINE);
        self.rule();
    }

    fn sums(&mut self, document: &Document) {
        let rows = document.sums.len() + document.tax.len() + document.remarks.len() + 4;
        if self.y - LINE * rows as f32 <= BOTTOM {
            self.next_page();
        }
        for (index, (name, money)) in document.sums.iter().enumerate() {
            let font = if index + 1 == document.sums.len() { BOLD } else { REGULAR };
            self.put(font, 10.0, LEFT, name);
            self.put_right(font, 10.0, RIGHT, &money.to_string());
            self.down(LINE);
        }
        self.down(LINE);
        for tax in &document.tax {
            let said = format!("VAT {} % in {}", tax.rate_percent, digits(tax.gross));
            self.put(REGULAR, 9.0, LEFT, &said);
            self.put_right(REGULAR, 9.0, EACH, &format!("net {}", digits(tax.net)));
            self.put_right(REGULAR, 9.0, RIGHT, &format!("VAT {}", digits(tax.amount)));
            self.down(LINE);
        }
        self.down(LINE);
        for remark in document.remarks.iter().flat_map(|remark| wrapped(remark, 90)) {
            self.put(REGULAR, 9.0, LEFT, &remark);
            self.down(LINE);
        }
    }

    fn put(&mut self, font: Name<'_>, size: f32, x: f32, text: &str) {
        self.page.begin_text().set_font(font, size).next_line(x, self.y).show(Str(&win_ansi(text))).end_text();
    }

    fn put_right(&mut self, font: Name<'_>, size: f32, right: f32, text: &str) {
        self.put(font, size, right - width(text) * size / 1000.0, text);
    }

    fn rule(&mut self) {
        self.page.set_line_width(0.5).move_to(LEFT, self.y).line_to(RIGHT, self.y).stroke();
        self.down(1.3 * LINE);
    }

    fn down(&mut self, by: f32) {
        self.y -= by;
    }

    fn next_page(&mut self) {
        self.done.push(std::mem::replace(&mut self.page, Content::new()));
        self.y = TOP;
    }
}

/// The text in Windows' code page 1252, which is what PDF calls `WinAnsiEncoding`.
fn win_ansi(text: &str) -> Vec<u8> {
    let byte = |letter: char| match letter {
        ' '..='~' | '\u{a0}'..='\u{ff}' => u8::try_from(u32::from(letter)).unwrap_or(b'?'),
        '€' => 0x80,
        '‚' => 0x82,
        '„' => 0x84,
        '…' => 0x85,
        'Š' => 0x8a,
        'Œ' => 0x8c,
        'Ž' => 0x8e,
        '‘' => 0x91,
        '’' => 0x92,
        '“' => 0x93,
        '”' => 0x94,
        '–' => 0x96,
        '—' => 0x97,
        'š' => 0x9a,
        'œ' => 0x9c,
        'ž' => 0x9e,
        'Ÿ' => 0x9f,
        _ => b'?',
    };
    text.chars().map(byte).collect()
}

/// How wide a text is in Helvetica, in thousandths of its size (Adobe's Core 14 font metrics); digits, points and capitals
/// exactly, which is what stands at the right.
fn width(text: &str) -> f32 {
    let of = |letter: char| match letter {
        '0'..='9' | 'a' | 'b' | 'd' | 'e' | 'g' | 'h' | 'n' | 'o' | 'p' | 'q' | 'u' | '#' | '$' => 556,
        ' ' | '.' | ',' | ':' | '/' | 't' | 'f' | 'I' => 278,
        '-' | 'r' | '(' | ')' => 333,
        'i' | 'j' | 'l' => 222,
        'c' | 'k' | 's' | 'v' | 'x' | 'y' | 'z' | 'J' => 500,
        'm' | 'M' => 833,
        'w' | 'C' | 'D' | 'H' | 'N' | 'R' | 'U' => 722,
        'A' | 'B' | 'E' | 'K' | 'P' | 'S' | 'V' | 'X' | 'Y' => 667,
        'F' | 'T' | 'Z' => 611,
        'G' | 'O' | 'Q' => 778,
        '%' => 889,
        'W' => 944,
        _ => 556,
    };
    // Thousandths of a text of a line are far below 2²⁴, and exact.
    text.chars().map(of).sum::<u32>() as f32
}
