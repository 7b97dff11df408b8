//! A document laid out on A4 pages: which line stands where. Nothing here knows PDF.

use super::fonts::Fonts;
use super::typeset::{Look, SetLine};
use super::{Document, Line, Tax, digits};

/// A4 in points of 1/72 inch.
pub(super) const PAGE: (f32, f32) = (595.0, 842.0);
pub(super) const LEFT: f32 = 57.0;
pub(super) const RIGHT: f32 = PAGE.0 - 57.0;
const TOP: f32 = PAGE.1 - 62.0;
const BOTTOM: f32 = 71.0;
/// Where the number of the page stands.
const FOOT: f32 = 42.0;
/// Between two columns, in points.
const GAP: f32 = 14.0;
/// The least that is left for the name of what was sold, in points.
const MIN_NAME: f32 = 120.0;
/// Width of the seller's and the addressee's lines, in points.
const PARTY: f32 = 270.0;

const TITLE: Look = Look::bold(16.0);
const SELLER: Look = Look::bold(12.0);
const BODY: Look = Look::regular(10.0);
const STRONG: Look = Look::bold(10.0);
const SMALL: Look = Look::regular(8.0);

/// A page.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct PageLayout {
    pub(super) lines: Vec<PlacedLine>,
    /// Heights of thin lines from margin to margin.
    pub(super) rules: Vec<f32>,
}

/// A line of text and where its base line begins.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PlacedLine {
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) line: SetLine,
}

/// The pages of a document.
pub(super) fn lay_out(document: &Document, fonts: &Fonts) -> Vec<PageLayout> {
    let mut pages = Pages { fonts, done: Vec::new(), page: PageLayout::default(), y: TOP };
    pages.head(document);
    pages.items(document);
    pages.sums(document);
    pages.tax(document);
    pages.remarks(document);
    pages.finished(document)
}

/// Pages as they are filled from top to bottom.
struct Pages<'a> {
    fonts: &'a Fonts,
    done: Vec<PageLayout>,
    page: PageLayout,
    /// Where the upper edge of the next line is.
    y: f32,
}

/// The right ends of the columns of the lines, and the width of the name.
struct Columns {
    ends: [f32; 5],
    name: f32,
}

const COLUMN_NAMES: [&str; 5] = ["Qty", "Net each", "Each", "VAT", "Amount"];

impl Pages<'_> {
    fn head(&mut self, document: &Document) {
        let top = self.y;
        let number = self.right(TITLE, &format!("{} {}", document.title, document.number));
        let mut looks = std::iter::once(SELLER).chain(std::iter::repeat(SMALL));
        for said in &document.seller {
            let look = looks.next().unwrap_or(SMALL);
            self.left(look, said, PARTY.min(RIGHT - LEFT - number - GAP));
        }
        self.y = self.y.min(top - height(TITLE)) - 22.0;
        let block = self.y;
        for said in &document.addressee {
            self.left(BODY, said, PARTY - 20.0);
        }
        let after_addressee = std::mem::replace(&mut self.y, block);
        let names = document.particulars.iter().map(|(name, _)| self.width(BODY, name)).fold(0.0, f32::max);
        let names_at = LEFT + PARTY;
        for (name, value) in &document.particulars {
            self.put(BODY, names_at, name);
            let room = RIGHT - names_at - names - GAP;
            for line in self.fonts.set(value, BODY, Some(room)) {
                self.place(RIGHT - line.width, line);
                self.y -= height(BODY);
            }
        }
        self.y = self.y.min(after_addressee) - 26.0;
    }

    fn items(&mut self, document: &Document) {
        if document.lines.is_empty() {
            self.rule();
            return;
        }
        let cells: Vec<[String; 5]> = document.lines.iter().map(cells).collect();
        let columns = self.columns(&cells);
        self.column_names(&columns);
        for (line, cells) in document.lines.iter().zip(&cells) {
            let name = self.fonts.set(&line.name, BODY, Some(columns.name));
            let sku = self.fonts.set(&line.sku, SMALL, Some(columns.name));
            let rows = |lines: &[SetLine], look| lines.len() as f32 * height(look);
            let needed = rows(&name, BODY) + rows(&sku, SMALL) + 6.0;
            if self.y - needed < BOTTOM {
                self.next_page();
                self.column_names(&columns);
            }
            for (end, cell) in columns.ends.iter().zip(cells) {
                self.put_right(BODY, *end, cell);
            }
            for (lines, look) in [(name, BODY), (sku, SMALL)] {
                for line in lines {
                    self.place(LEFT, line);
                    self.y -= height(look);
                }
            }
            self.y -= 6.0;
        }
        self.rule();
    }

    /// Each column is as wide as what stands in it; the name gets the rest.
    fn columns(&self, cells: &[[String; 5]]) -> Columns {
        let mut ends = [RIGHT; 5];
        let mut end = RIGHT;
        for column in (0..ends.len()).rev() {
            ends[column] = end;
            let widths = cells.iter().map(|row| self.width(BODY, &row[column]));
            end -= widths.fold(self.width(STRONG, COLUMN_NAMES[column]), f32::max) + GAP;
        }
        Columns { ends, name: (end - LEFT).max(MIN_NAME) }
    }

    fn column_names(&mut self, columns: &Columns) {
        self.put(STRONG, LEFT, "Item");
        for (end, name) in columns.ends.iter().zip(COLUMN_NAMES) {
            self.put_right(STRONG, *end, name);
        }
        self.y -= height(STRONG);
        self.rule();
    }

    fn sums(&mut self, document: &Document) {
        self.keep_together(document.sums.len() as f32 * height(BODY));
        for (index, (name, money)) in document.sums.iter().enumerate() {
            let look = if index + 1 == document.sums.len() { STRONG } else { BODY };
            self.put(look, LEFT, name);
            self.put_right(look, RIGHT, &money.to_string());
            self.y -= height(look);
        }
        self.y -= 12.0;
    }

    /// What is in the total, by rate.
    fn tax(&mut self, document: &Document) {
        if document.tax.is_empty() {
            return;
        }
        let rows: Vec<[String; 4]> = document.tax.iter().chain(&document.tax_sum()).map(tax_cells).collect();
        let names = ["VAT rate", "Net", "VAT", "Gross"];
        self.keep_together((rows.len() + 2) as f32 * height(BODY));
        let mut ends = [RIGHT; 4];
        let mut end = RIGHT;
        for column in (1..ends.len()).rev() {
            ends[column] = end;
            let widths = rows.iter().map(|row| self.width(BODY, &row[column]));
            end -= widths.fold(self.width(STRONG, names[column]), f32::max) + 2.0 * GAP;
        }
        for (look, row) in
            std::iter::once((STRONG, names.map(str::to_owned))).chain(rows.into_iter().map(|row| (BODY, row)))
        {
            self.put(look, LEFT, &row[0]);
            for (end, cell) in ends.iter().zip(&row).skip(1) {
                self.put_right(look, *end, cell);
            }
            self.y -= height(look);
        }
        self.y -= 12.0;
    }

    fn remarks(&mut self, document: &Document) {
        for remark in &document.remarks {
            self.left(BODY, remark, RIGHT - LEFT);
        }
    }

    /// With the number of each page and of all, and what they are about.
    fn finished(mut self, document: &Document) -> Vec<PageLayout> {
        self.next_page();
        let count = self.done.len();
        let mut pages = std::mem::take(&mut self.done);
        for (index, page) in pages.iter_mut().enumerate() {
            std::mem::swap(&mut self.page, page);
            self.y = FOOT;
            self.put(SMALL, LEFT, &format!("{} {}", document.title, document.number));
            self.put_right(SMALL, RIGHT, &format!("Page {} of {count}", index + 1));
            std::mem::swap(&mut self.page, page);
        }
        pages
    }

    /// Lines at the left margin, one below the other, over to the next page where one ends.
    fn left(&mut self, look: Look, said: &str, width: f32) {
        for line in self.fonts.set(said, look, Some(width)) {
            if self.y - height(look) < BOTTOM {
                self.next_page();
            }
            self.place(LEFT, line);
            self.y -= height(look);
        }
    }

    /// One line that ends at the right margin; answers its width.
    fn right(&mut self, look: Look, said: &str) -> f32 {
        self.put_right(look, RIGHT, said)
    }

    fn put(&mut self, look: Look, x: f32, said: &str) {
        let line = self.fonts.set(said, look, None).swap_remove(0);
        self.place(x, line);
    }

    fn put_right(&mut self, look: Look, end: f32, said: &str) -> f32 {
        let line = self.fonts.set(said, look, None).swap_remove(0);
        let width = line.width;
        self.place(end - width, line);
        width
    }

    /// Below the upper edge, so that letters with marks above have room.
    fn place(&mut self, x: f32, line: SetLine) {
        let y = self.y - line.look.size;
        if !line.glyphs.is_empty() {
            self.page.lines.push(PlacedLine { x, y, line });
        }
    }

    fn rule(&mut self) {
        self.page.rules.push(self.y - 2.0);
        self.y -= 10.0;
    }

    fn width(&self, look: Look, said: &str) -> f32 {
        self.fonts.set(said, look, None).first().map_or(0.0, |line| line.width)
    }

    fn keep_together(&mut self, needed: f32) {
        if self.y - needed < BOTTOM {
            self.next_page();
        }
    }

    fn next_page(&mut self) {
        self.done.push(std::mem::take(&mut self.page));
        self.y = TOP;
    }
}

/// From one base line to the next, in points.
pub(super) fn height(look: Look) -> f32 {
    look.size * 1.4
}

fn cells(line: &Line) -> [String; 5] {
    [
        line.quantity.to_string(),
        digits(line.net_unit_price),
        digits(line.unit_price),
        line.vat_rate.clone(),
        digits(line.total),
    ]
}

fn tax_cells(tax: &Tax) -> [String; 4] {
    [tax.rate.clone(), digits(tax.net), digits(tax.amount), digits(tax.gross)]
}
