//! A document over the screen: an invoice, a credit note or a mail.

use crate::state::Load;
use crate::wrap::fitted;

/// The document that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    /// The invoice or credit note with this number.
    Document(String),
    /// The mail with this number.
    Mail(u64),
}

/// The open document and its neighbours.
#[derive(Debug)]
pub(crate) struct DocumentView {
    /// The pages in order; never empty.
    pages: Vec<Page>,
    at: usize,
    /// Loading state of the text.
    pub(crate) load: Load,
    pub(crate) text: String,
    /// How many lines are scrolled past.
    pub(crate) scroll: usize,
}

/// Maximum width of the text in cells: documents have 78 columns.
const TEXT_WIDTH: u16 = 78;

impl DocumentView {
    /// Opens a page among others.
    pub(crate) fn new(page: Page, mut others: Vec<Page>) -> Self {
        let at = others.iter().position(|other| *other == page).unwrap_or_else(|| {
            others.insert(0, page);
            0
        });
        Self { pages: others, at, load: Load::Loading, text: String::new(), scroll: 0 }
    }

    pub(crate) fn page(&self) -> &Page {
        &self.pages[self.at]
    }

    /// The page's number, from 1, and the number of pages.
    pub(crate) fn place(&self) -> (usize, usize) {
        (self.at + 1, self.pages.len())
    }

    /// Moves by `by` pages; returns `false` when there is none.
    pub(crate) fn leaf(&mut self, by: isize) -> bool {
        match self.at.checked_add_signed(by) {
            Some(there) if there < self.pages.len() => {
                *self = Self { at: there, ..Self::new(self.pages[there].clone(), std::mem::take(&mut self.pages)) };
                true
            }
            _ => false,
        }
    }

    /// Columns and rows for the text on a screen of a size: between header and hint bar, with a rule above and one
    /// below.
    pub(crate) const fn room((width, height): (u16, u16)) -> (u16, u16) {
        let (wide, high) = (width.saturating_sub(2), height.saturating_sub(4));
        (if wide < TEXT_WIDTH { wide } else { TEXT_WIDTH }, high)
    }

    /// Lays the text out for a screen of a size. Where a line is too wide, its gaps are closed first.
    pub(crate) fn lines(&self, size: (u16, u16)) -> Vec<String> {
        let (wide, _) = Self::room(size);
        self.text.lines().flat_map(|line| fitted(line, wide)).collect()
    }

    /// Scrolls by `by` lines within the text.
    pub(crate) fn step(&mut self, by: isize, size: (u16, u16)) {
        let most = self.lines(size).len().saturating_sub(Self::room(size).1.into());
        self.scroll = self.scroll.min(most).saturating_add_signed(by).min(most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_paper(text: &str) -> DocumentView {
        let pages = ["1", "2", "3"].map(|number| Page::Document(number.to_owned())).to_vec();
        DocumentView { text: text.to_owned(), load: Load::Ready, ..DocumentView::new(pages[1].clone(), pages) }
    }

    #[test]
    fn pages_are_leafed_through_from_the_one_that_was_opened() {
        let mut paper = a_paper("");
        assert_eq!(paper.place(), (2, 3));
        assert!(paper.leaf(1) && !paper.leaf(1));
        assert_eq!((paper.page(), &paper.load), (&Page::Document("3".into()), &Load::Loading));
        assert!(paper.leaf(-2) && !paper.leaf(-1));
        assert_eq!(DocumentView::new(Page::Mail(7), Vec::new()).place(), (1, 1));
    }

    #[test]
    fn what_is_too_wide_keeps_its_left_and_right_side_and_a_sentence_is_broken_between_words() {
        let paper = a_paper(
            "Storefront                    Invoice 2026-000001\n====================================\nshort  as it is\n  \
             Coffee grinder               1    14.50   7 %    14.50\nnine words that make a line too long by far",
        );
        assert_eq!(paper.lines((120, 40)).len(), 5);
        let rule = "=".repeat(32);
        let narrow = paper.lines((34, 12));
        let expected = [
            "Storefront   Invoice 2026-000001",
            &rule,
            "short  as it is",
            "Coffee grinder",
            "            1  14.50  7 %  14.50",
            "nine words that make a line too",
            "long by far",
        ];
        assert_eq!(narrow, expected);
    }

    #[test]
    fn scrolling_ends_where_the_text_ends_and_a_larger_screen_scrolls_back() {
        let text = (0..50).map(|line| format!("line {line}\n")).collect::<String>();
        let mut paper = a_paper(&text);
        paper.step(isize::MAX / 2, (80, 24));
        assert_eq!(paper.scroll, 30);
        paper.step(-1, (80, 40));
        assert_eq!(paper.scroll, 13);
        paper.step(isize::MIN / 2, (80, 40));
        assert_eq!(paper.scroll, 0);
    }
}
