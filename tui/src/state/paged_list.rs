//! A paged list with its cursor and loading state.

use storefront_api::{Page, Timestamp};

use crate::state::{Failure, List, Load, PAGE, Pages};

/// A request for a page. A later request for the same list supersedes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PageRequest {
    pub(crate) sequence: u64,
    /// Number of the page, from 0.
    pub(crate) page: usize,
    /// Whether the page replaces all items.
    pub(crate) anew: bool,
    /// Cursor of the page; `None` for the first.
    pub(crate) cursor: Option<String>,
}

#[derive(Debug)]
pub(crate) struct PagedList<T> {
    pub(crate) items: Pages<T>,
    pub(crate) list: List,
    pub(crate) load: Load,
    pub(crate) total: usize,
    /// When to fetch again, after a change or a failure.
    pub(crate) refresh_at: Option<Timestamp>,
    /// Number of consecutive failures.
    pub(crate) retries: u32,
    /// Number of the latest request; responses to earlier ones are dropped.
    pub(crate) sequence: u64,
    /// Whether a request is running.
    asking: bool,
}

impl<T> Default for PagedList<T> {
    fn default() -> Self {
        Self {
            items: Pages::default(),
            list: List::default(),
            load: Load::Loading,
            total: 0,
            refresh_at: None,
            retries: 0,
            sequence: 0,
            asking: false,
        }
    }
}

impl<T> PagedList<T> {
    /// Becomes an empty list; responses for the earlier one are dropped.
    pub(crate) fn forget(&mut self) {
        *self = Self { sequence: self.sequence + 1, ..Self::default() };
    }

    pub(crate) fn selected(&self) -> Option<&T> {
        self.items.get(self.list.cursor)
    }

    pub(crate) fn step(&mut self, by: isize) {
        self.list.step(by, self.total);
    }

    /// Prepares for another list: the cursor goes to the first line. The old items are shown until the new ones arrive,
    /// and no more pages of the old list are accepted.
    pub(crate) fn start_over(&mut self) {
        self.list = List::default();
        self.items.forget_keys();
        self.sequence += 1;
        self.asking = true;
    }

    /// Becomes a list of one item until the next response.
    pub(crate) fn show_only(&mut self, item: T) {
        self.items = Pages::whole(vec![item]);
        (self.total, self.list, self.load) = (1, List::default(), Load::Ready);
    }

    /// Requests the page under the cursor again.
    pub(crate) fn ask(&mut self) -> PageRequest {
        let here = self.list.cursor / PAGE;
        let (page, cursor) = self.items.key(here).map_or((0, None), |key| (here, key));
        self.sequence += 1;
        self.asking = true;
        self.refresh_at = None;
        PageRequest { sequence: self.sequence, page, anew: true, cursor }
    }

    /// Requests the next missing page near the cursor; `None` when there is none or a request is running.
    pub(crate) fn ask_for_more(&mut self) -> Option<PageRequest> {
        if self.asking || self.items.is_empty() {
            return None;
        }
        let (page, cursor) = self.items.next_missing(self.list.cursor, self.total)?;
        self.asking = true;
        Some(PageRequest { sequence: self.sequence, page, anew: false, cursor })
    }

    /// Stores a response; returns whether it failed. The cursor stays on its item, identified by `id`; on the first line
    /// it stays there, to show what comes up.
    pub(crate) fn put<I: PartialEq>(
        &mut self,
        ask: &PageRequest,
        result: Result<Page<T>, Failure>,
        id: impl Fn(&T) -> I,
    ) -> bool {
        let chosen = self.selected().filter(|_| self.list.cursor > 0).map(&id);
        self.put_around(ask, result, id, chosen)
    }

    /// As [`PagedList::put`]; the cursor goes to the item `chosen`.
    pub(crate) fn put_around<I: PartialEq>(
        &mut self,
        ask: &PageRequest,
        result: Result<Page<T>, Failure>,
        id: impl Fn(&T) -> I,
        chosen: Option<I>,
    ) -> bool {
        if ask.sequence != self.sequence {
            return false;
        }
        self.asking = false;
        let page = match result {
            Ok(page) => page,
            Err(failure) => {
                self.retries = self.retries.saturating_add(1);
                if self.items.is_empty() {
                    self.load = Load::Failed(failure);
                }
                return true;
            }
        };
        self.retries = 0;
        if ask.anew && ask.page == 0 {
            self.items = Pages::default();
        } else if ask.anew {
            self.items.forget_lines();
        }
        let least = ask.page * PAGE + page.items.len();
        if page.items.len() > PAGE {
            self.items = Pages::whole(page.items);
        } else {
            self.items.put(ask.page, page.items, page.next_cursor, self.list.cursor);
        }
        self.total = usize::try_from(page.total).unwrap_or(usize::MAX).max(least);
        self.total = self.items.len().unwrap_or(self.total);
        self.load = Load::Ready;
        let place = chosen.and_then(|chosen| self.items.iter().find(|(_, item)| id(item) == chosen));
        if let Some((place, _)) = place {
            self.list.cursor = place;
        }
        self.list.clamp(self.total);
        false
    }

    /// The loaded item that `is` accepts, with its line.
    pub(crate) fn find(&self, is: impl Fn(&T) -> bool) -> Option<(usize, &T)> {
        self.items.iter().find(|(_, item)| is(item))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(items: std::ops::Range<usize>, total: u64) -> Page<usize> {
        let next_cursor = (items.end < usize::try_from(total).unwrap()).then(|| items.end.to_string());
        Page { items: items.collect(), next_cursor, total }
    }

    #[test]
    fn pages_near_the_cursor_are_asked_for_one_by_one_and_an_overtaken_answer_is_dropped() {
        let mut list = PagedList::default();
        let first = list.ask();
        assert_eq!(list.ask_for_more(), None, "the first is not in");
        assert!(!list.put(&first, Ok(page(0..100, 250)), |item| *item));
        list.step(95);
        let more = list.ask_for_more().unwrap();
        assert_eq!((more.page, more.cursor.as_deref(), more.anew), (1, Some("100"), false));
        let anew = list.ask();
        list.put(&more, Ok(page(100..200, 250)), |item| *item);
        assert_eq!(list.items.get(100), None, "overtaken");
        list.put(&anew, Ok(page(0..100, 250)), |item| *item);
        assert_eq!((list.selected(), list.total), (Some(&95), 250));
    }

    #[test]
    fn the_cursor_stays_on_its_line_and_within_the_list() {
        let mut list = PagedList::default();
        let ask = list.ask();
        list.put(&ask, Ok(page(0..10, 10)), |item| *item);
        list.step(7);
        let ask = list.ask();
        list.put(&ask, Ok(Page { items: vec![7, 8], next_cursor: None, total: 2 }), |item| *item);
        assert_eq!(list.list.cursor, 0);
        list.step(5);
        let ask = list.ask();
        list.put(&ask, Ok(Page { items: vec![1], next_cursor: None, total: 1 }), |item| *item);
        assert_eq!((list.list.cursor, list.selected()), (0, Some(&1)));
    }

    #[test]
    fn what_was_seen_stays_when_the_next_answer_does_not_come() {
        let mut list = PagedList::default();
        let ask = list.ask();
        assert!(list.put(&ask, Err(Failure::Unreachable("gone".into())), |item: &usize| *item));
        assert!(matches!(list.load, Load::Failed(_)));
        let ask = list.ask();
        list.put(&ask, Ok(page(0..1, 1)), |item| *item);
        let ask = list.ask();
        assert!(list.put(&ask, Err(Failure::Unreachable("gone".into())), |item| *item));
        assert_eq!((list.selected(), list.load == Load::Ready), (Some(&0), true));
    }
}
