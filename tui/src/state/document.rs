//! Something to read over the screen: an invoice, a credit note or a mail.

use crate::state::Load;
use crate::wrap::fitted;

/// What is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    /// The invoice or credit note with this number.
    Document(String),
    /// The mail with this number.
    Mail(u64),
}

/// The open paper and what can be leafed through beside it.
#[derive(Debug)]
pub(crate) struct DocumentView {
    /// In the order in which they are leafed through; never empty.
    pages: Vec<Page>,
    at: usize,
    /// How far the text has come.
    pub(crate) load: Load,
    pub(crate) text: String,
    /// How many lines are scrolled past.
    pub(crate) scroll: usize,
}

/// How wide a text is set: a document has 78 columns.
const COLUMNS: u16 = 78;

impl DocumentView {
    /// Opens a page, and others to leaf through beside it.
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

    /// Which page of how many, from 1.
    pub(crate) fn place(&self) -> (usize, usize) {
        (self.at + 1, self.pages.len())
    }

    /// Goes so many pages on; `false` when there is none.
    pub(crate) fn leaf(&mut self, by: isize) -> bool {
        match self.at.checked_add_signed(by) {
            Some(there) if there < self.pages.len() => {
                *self = Self { at: there, ..Self::new(self.pages[there].clone(), std::mem::take(&mut self.pages)) };
                true
            }
            _ => false,
        }
    }

    /// Columns and rows that the text has on a screen of that size: between header and hint bar there is a rule above and one
    /// below it.
    pub(crate) const fn room((width, height): (u16, u16)) -> (u16, u16) {
        let (wide, high) = (width.saturating_sub(2), height.saturating_sub(4));
        (if wide < COLUMNS { wide } else { COLUMNS }, high)
    }

    /// The text in lines for a screen of that size. Where it is too narrow for a line, the gaps in that are closed first.
    pub(crate) fn lines(&self, size: (u16, u16)) -> Vec<String> {
        let (wide, _) = Self::room(size);
        self.text.lines().flat_map(|line| fitted(line, wide)).collect()
    }

    /// Scrolls by so many lines, as far as there is something to see.
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
