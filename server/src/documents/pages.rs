//! Layout of a document on A4 pages. Nothing here knows PDF.

use super::fonts::Fonts;
use super::typeset::{ShapedLine, TextStyle};
use super::{Document, Line, Tax, digits};

/// Width and height of A4, in points of 1/72 inch.
pub(super) const PAGE_SIZE: (f32, f32) = (595.0, 842.0);
pub(super) const LEFT: f32 = 57.0;
pub(super) const RIGHT: f32 = PAGE_SIZE.0 - 57.0;
const TOP: f32 = PAGE_SIZE.1 - 62.0;
const BOTTOM: f32 = 71.0;
/// Vertical position of the footer, in points.
const FOOTER_Y: f32 = 42.0;
/// Gap between two columns, in points.
const COLUMN_GAP: f32 = 14.0;
/// Minimum width of the item name, in points.
const MIN_NAME_WIDTH: f32 = 120.0;
/// Width of the seller's and the addressee's lines, in points.
const PARTY_WIDTH: f32 = 270.0;

const TITLE: TextStyle = TextStyle::bold(16.0);
const SELLER: TextStyle = TextStyle::bold(12.0);
const BODY: TextStyle = TextStyle::regular(10.0);
const STRONG: TextStyle = TextStyle::bold(10.0);
const SMALL: TextStyle = TextStyle::regular(8.0);

/// The content of a page.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct PageLayout {
    pub(super) lines: Vec<PlacedLine>,
    /// Vertical positions of the rules from margin to margin.
    pub(super) rules: Vec<f32>,
}

/// A line of text, and the start of its baseline.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PlacedLine {
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) line: ShapedLine,
}

/// Lays out a document on pages.
pub(super) fn lay_out(document: &Document, fonts: &Fonts) -> Vec<PageLayout> {
    let mut pages = Pages { fonts, done: Vec::new(), page: PageLayout::default(), y: TOP };
    pages.head(document);
    pages.items(document);
    pages.sums(document);
    pages.tax(document);
    pages.remarks(document);
    pages.finished(document)
}

/// The layout state: pages filled from top to bottom.
struct Pages<'a> {
    fonts: &'a Fonts,
    done: Vec<PageLayout>,
    page: PageLayout,
    /// Upper edge of the next line.
    y: f32,
}

/// Right edges of the item columns, and the width of the name column.
struct Columns {
    ends: [f32; 5],
    name: f32,
}

const COLUMN_NAMES: [&str; 5] = ["Qty", "Net each", "Each", "VAT", "Amount"];

impl Pages<'_> {
    fn head(&mut self, document: &Document) {
        let top = self.y;
        let number = self.right(TITLE, &format!("{} {}", document.title, document.number));
        let mut styles = std::iter::once(SELLER).chain(std::iter::repeat(SMALL));
        for text in &document.seller {
            let style = styles.next().unwrap_or(SMALL);
            self.left(style, text, PARTY_WIDTH.min(RIGHT - LEFT - number - COLUMN_GAP));
        }
        self.y = self.y.min(top - height(TITLE)) - 22.0;
        let block = self.y;
        for text in &document.addressee {
            self.left(BODY, text, PARTY_WIDTH - 20.0);
        }
        let after_addressee = std::mem::replace(&mut self.y, block);
        let names = document.particulars.iter().map(|(name, _)| self.width(BODY, name)).fold(0.0, f32::max);
        let names_at = LEFT + PARTY_WIDTH;
        for (name, value) in &document.particulars {
            self.put(BODY, names_at, name);
            let room = RIGHT - names_at - names - COLUMN_GAP;
            for line in self.fonts.shape_lines(value, BODY, Some(room)) {
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
            let name = self.fonts.shape_lines(&line.name, BODY, Some(columns.name));
            let sku = self.fonts.shape_lines(&line.sku, SMALL, Some(columns.name));
            let rows = |lines: &[ShapedLine], style| lines.len() as f32 * height(style);
            let needed = rows(&name, BODY) + rows(&sku, SMALL) + 6.0;
            if self.y - needed < BOTTOM {
                self.next_page();
                self.column_names(&columns);
            }
            for (end, cell) in columns.ends.iter().zip(cells) {
                self.put_right(BODY, *end, cell);
            }
            for (lines, style) in [(name, BODY), (sku, SMALL)] {
                for line in lines {
                    self.place(LEFT, line);
                    self.y -= height(style);
                }
            }
            self.y -= 6.0;
        }
        self.rule();
    }

    /// Makes each column as wide as its content; the name gets the rest.
    fn columns(&self, cells: &[[String; 5]]) -> Columns {
        let mut ends = [RIGHT; 5];
        let mut end = RIGHT;
        for column in (0..ends.len()).rev() {
            ends[column] = end;
            let widths = cells.iter().map(|row| self.width(BODY, &row[column]));
            end -= widths.fold(self.width(STRONG, COLUMN_NAMES[column]), f32::max) + COLUMN_GAP;
        }
        Columns { ends, name: (end - LEFT).max(MIN_NAME_WIDTH) }
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
            let style = if index + 1 == document.sums.len() { STRONG } else { BODY };
            self.put(style, LEFT, name);
            self.put_right(style, RIGHT, &money.to_string());
            self.y -= height(style);
        }
        self.y -= 12.0;
    }

    /// The table of VAT by rate.
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
            end -= widths.fold(self.width(STRONG, names[column]), f32::max) + 2.0 * COLUMN_GAP;
        }
        for (style, row) in
            std::iter::once((STRONG, names.map(str::to_owned))).chain(rows.into_iter().map(|row| (BODY, row)))
        {
            self.put(style, LEFT, &row[0]);
            for (end, cell) in ends.iter().zip(&row).skip(1) {
                self.put_right(style, *end, cell);
            }
            self.y -= height(style);
        }
        self.y -= 12.0;
    }

    fn remarks(&mut self, document: &Document) {
        for remark in &document.remarks {
            self.left(BODY, remark, RIGHT - LEFT);
        }
    }

    /// Adds a footer with title and page number to each page.
    fn finished(mut self, document: &Document) -> Vec<PageLayout> {
        self.next_page();
        let count = self.done.len();
        let mut pages = std::mem::take(&mut self.done);
        for (index, page) in pages.iter_mut().enumerate() {
            std::mem::swap(&mut self.page, page);
            self.y = FOOTER_Y;
            self.put(SMALL, LEFT, &format!("{} {}", document.title, document.number));
            self.put_right(SMALL, RIGHT, &format!("Page {} of {count}", index + 1));
            std::mem::swap(&mut self.page, page);
        }
        pages
    }

    /// Adds wrapped lines at the left margin, continuing on the next page.
    fn left(&mut self, style: TextStyle, text: &str, width: f32) {
        for line in self.fonts.shape_lines(text, style, Some(width)) {
            if self.y - height(style) < BOTTOM {
                self.next_page();
            }
            self.place(LEFT, line);
            self.y -= height(style);
        }
    }

    /// Adds a line that ends at the right margin, and returns its width.
    fn right(&mut self, style: TextStyle, text: &str) -> f32 {
        self.put_right(style, RIGHT, text)
    }

    fn put(&mut self, style: TextStyle, x: f32, text: &str) {
        let line = self.fonts.shape_lines(text, style, None).swap_remove(0);
        self.place(x, line);
    }

    fn put_right(&mut self, style: TextStyle, end: f32, text: &str) -> f32 {
        let line = self.fonts.shape_lines(text, style, None).swap_remove(0);
        let width = line.width;
        self.place(end - width, line);
        width
    }

    /// Adds a line with its baseline below `self.y`, so that diacritics above letters have room.
    fn place(&mut self, x: f32, line: ShapedLine) {
        let y = self.y - line.style.size;
        if !line.glyphs.is_empty() {
            self.page.lines.push(PlacedLine { x, y, line });
        }
    }

    fn rule(&mut self) {
        self.page.rules.push(self.y - 2.0);
        self.y -= 10.0;
    }

    fn width(&self, style: TextStyle, text: &str) -> f32 {
        self.fonts.shape_lines(text, style, None).first().map_or(0.0, |line| line.width)
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

/// Distance of baselines, in points.
pub(super) fn height(style: TextStyle) -> f32 {
    style.size * 1.4
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
