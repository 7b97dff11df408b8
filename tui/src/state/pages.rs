//! The loaded pages of a long list: only those near the cursor are kept, so that 100,000 lines cost no more than some
//! hundred. Each page has the cursor of the next, so a jump to the end loads the pages in between.

use std::collections::BTreeMap;

/// Number of lines per page.
pub(crate) const PAGE: usize = 100;
/// Number of pages that are kept on either side of the one under the cursor.
const PAGES_KEPT_PER_SIDE: usize = 3;
/// Distance from the end of the loaded lines at which more are requested.
const PREFETCH_MARGIN: usize = 20;

/// The pages near the cursor, and the cursors of all pages seen.
#[derive(Debug)]
pub(crate) struct Pages<T> {
    pages: BTreeMap<usize, Vec<T>>,
    /// The cursor of the page after each page seen; `None` after the last.
    keys: Vec<Option<String>>,
}

impl<T> Default for Pages<T> {
    fn default() -> Self {
        Self { pages: BTreeMap::new(), keys: Vec::new() }
    }
}

impl<T> Pages<T> {
    /// A list that is loaded as a whole.
    pub(crate) fn whole(lines: Vec<T>) -> Self {
        let count = lines.len().div_ceil(PAGE).max(1);
        let mut lines = lines.into_iter();
        let pages = (0..count).map(|page| (page, lines.by_ref().take(PAGE).collect())).collect();
        Self { pages, keys: (1..=count).map(|page| (page < count).then(String::new)).collect() }
    }

    /// A line, if its page is loaded.
    pub(crate) fn get(&self, line: usize) -> Option<&T> {
        self.pages.get(&(line / PAGE))?.get(line % PAGE)
    }

    /// All loaded lines with their index.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        self.pages.iter().flat_map(|(page, lines)| (*page * PAGE..).zip(lines))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// Stores a page and drops pages far from the cursor.
    pub(crate) fn put(&mut self, page: usize, lines: Vec<T>, next: Option<String>, cursor: usize) {
        if page < self.keys.len() {
            self.keys[page] = next;
        } else {
            // Pages are opened in order, so no cursor is left out.
            self.keys.push(next);
        }
        self.pages.insert(page, lines);
        let here = cursor / PAGE;
        self.pages.retain(|known, _| known.abs_diff(here) <= PAGES_KEPT_PER_SIDE || *known == page);
    }

    /// Drops the cursors: the next page to load is the first.
    pub(crate) fn forget_keys(&mut self) {
        self.keys.clear();
    }

    /// Drops the lines but keeps the cursors.
    pub(crate) fn forget_lines(&mut self) {
        self.pages.clear();
    }

    /// The next page to fetch near the cursor, with its cursor; `None` when all are loaded.
    pub(crate) fn next_missing(&self, cursor: usize, total: usize) -> Option<(usize, Option<String>)> {
        let last = total.saturating_sub(1) / PAGE;
        let near = [cursor, cursor.saturating_sub(PREFETCH_MARGIN), cursor + PREFETCH_MARGIN]
            .map(|line| (line / PAGE).min(last));
        let missing = near.into_iter().find(|page| !self.pages.contains_key(page))?;
        // The furthest page that can be opened on the way there.
        let page = missing.min(self.keys.len());
        if page == 0 {
            return Some((0, None));
        }
        let key = self.keys.get(page - 1)?.clone()?;
        Some((page, Some(key)))
    }

    /// The cursor of a page, if it is known.
    pub(crate) fn key(&self, page: usize) -> Option<Option<String>> {
        if page == 0 { Some(None) } else { self.keys.get(page - 1)?.clone().map(Some) }
    }

    /// Number of lines, once the last page has been seen.
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
            let Some((page, key)) = pages.next_missing(cursor, total) else { return asked };
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
            assert!(
                pages.iter().count() <= (2 * PAGES_KEPT_PER_SIDE + 2) * PAGE,
                "{} lines at {cursor}",
                pages.iter().count()
            );
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
