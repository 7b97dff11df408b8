//! A list that may be long, page by page: only what is near the cursor is kept, so that a hundred thousand lines cost no
//! more than some hundred. Pages are opened one by the other, so a jump to the end walks there.

use std::collections::BTreeMap;

/// How many lines a page has.
pub(crate) const PAGE: usize = 100;
/// How many pages are kept on either side of the one under the cursor.
const NEAR: usize = 3;
/// How close to the end of what is there the cursor may come before more is asked for.
const MARGIN: usize = 20;

/// The pages near the cursor, and how to open those that were seen.
#[derive(Debug)]
pub(crate) struct Pages<T> {
    pages: BTreeMap<usize, Vec<T>>,
    /// What opens the page after each page that was seen, by page; `None` after the last one.
    keys: Vec<Option<String>>,
}

impl<T> Default for Pages<T> {
    fn default() -> Self {
        Self { pages: BTreeMap::new(), keys: Vec::new() }
    }
}

impl<T> Pages<T> {
    /// A line, if its page is there.
    pub(crate) fn get(&self, line: usize) -> Option<&T> {
        self.pages.get(&(line / PAGE))?.get(line % PAGE)
    }

    /// Every line that is there, with its place.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        self.pages.iter().flat_map(|(page, lines)| (*page * PAGE..).zip(lines))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// Takes a page in; what is far from the cursor is dropped.
    pub(crate) fn put(&mut self, page: usize, lines: Vec<T>, next: Option<String>, cursor: usize) {
        if page < self.keys.len() {
            self.keys[page] = next;
        } else {
            // A page can only be opened with the key of the one before, so none is left out.
            self.keys.push(next);
        }
        self.pages.insert(page, lines);
        let here = cursor / PAGE;
        self.pages.retain(|known, _| known.abs_diff(here) <= NEAR || *known == page);
    }

    /// Forgets how to open the pages: the next one is the first.
    pub(crate) fn forget_keys(&mut self) {
        self.keys.clear();
    }

    /// Forgets every page but how to open them.
    pub(crate) fn forget_lines(&mut self) {
        self.pages.clear();
    }

    /// The page to fetch next so that what is near the cursor is there, and what opens it; `None` when all of it is.
    pub(crate) fn wanted(&self, cursor: usize, total: usize) -> Option<(usize, Option<String>)> {
        let last = total.saturating_sub(1) / PAGE;
        let near = [cursor, cursor.saturating_sub(MARGIN), cursor + MARGIN].map(|line| (line / PAGE).min(last));
        let missing = near.into_iter().find(|page| !self.pages.contains_key(page))?;
        // The farthest page that can be opened on the way there.
        let page = missing.min(self.keys.len());
        if page == 0 {
            return Some((0, None));
        }
        let key = self.keys.get(page - 1)?.clone()?;
        Some((page, Some(key)))
    }

    /// What opens a page, if it is known.
    pub(crate) fn key(&self, page: usize) -> Option<Option<String>> {
        if page == 0 { Some(None) } else { self.keys.get(page - 1)?.clone().map(Some) }
    }

    /// How many lines there are, once the last page has been seen.
    pub(crate) fn len(&self) -> Option<usize> {
        let last = self.keys.iter().position(Option::is_none)?;
        Some(last * PAGE + self.pages.get(&last)?.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A shop with so many lines, each its own number; answers what is asked for until nothing is.
    fn fetch(pages: &mut Pages<usize>, cursor: usize, total: usize) -> usize {
        for asked in 0..5_000 {
            let Some((page, key)) = pages.wanted(cursor, total) else { return asked };
            assert_eq!(key, (page > 0).then(|| page.to_string()), "a page is opened with its own key");
            let lines: Vec<usize> = (page * PAGE..total.min((page + 1) * PAGE)).collect();
            let next = ((page + 1) * PAGE < total).then(|| (page + 1).to_string());
            pages.put(page, lines, next, cursor);
        }
        panic!("it never stops asking");
    }

    #[test]
    fn what_is_near_the_cursor_is_there_and_what_is_far_is_not_held() {
        let mut pages = Pages::default();
        assert_eq!(fetch(&mut pages, 0, 100_000), 1);
        for cursor in [50, 95, 5_000, 99_999, 60_000, 0] {
            fetch(&mut pages, cursor, 100_000);
            assert_eq!(pages.get(cursor), Some(&cursor));
            assert!(pages.iter().count() <= (2 * NEAR + 2) * PAGE, "{} lines at {cursor}", pages.iter().count());
            assert!(pages.iter().all(|(place, line)| place == *line));
        }
        assert_eq!(fetch(&mut pages, 99_950, 100_000), 1, "the way back there is known");
        assert_eq!(pages.len(), Some(100_000));
    }

    #[test]
    fn an_empty_list_is_asked_for_once() {
        let mut pages = Pages::default();
        assert_eq!(fetch(&mut pages, 0, 0), 1);
        assert_eq!((pages.get(0), pages.len()), (None, Some(0)));
    }
}
