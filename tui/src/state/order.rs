//! An open order with its timeline, as the screens Order and Checkout show it.

use storefront_api::{Event, Invoice, Order, OrderId, Step, Voucher};
use tui_input::Input;

use crate::state::log::matches;
use crate::state::{List, Load, Past, Screen, TimelineView, Tree, nearest};

/// Maximum number of events of one order.
pub(crate) const MAX_TIMELINE_EVENTS: usize = 10_000;

/// A question before something that cannot be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    CancelOrder(OrderId),
    /// Whether to drop the event at which a parked sequence stands.
    SkipParked,
    /// Whether to start the shop over.
    ResetShop,
    /// Whether to resume what a scenario needs, and play it.
    ResumeAndPlay,
}

/// Documents and vouchers of an order.
#[derive(Debug, Default)]
pub(crate) struct OrderDocuments {
    /// Number of document events at the last fetch.
    pub(crate) known: usize,
    pub(crate) asking: bool,
    pub(crate) invoice: Option<Invoice>,
    /// The voucher that was issued for the order.
    pub(crate) voucher: Option<Voucher>,
}

/// An open order.
#[derive(Debug)]
pub(crate) struct OpenOrder {
    pub(crate) id: OrderId,
    /// Whether its page is turned over to the timeline.
    pub(crate) turned: bool,
    /// The screen from which it was opened, and to which leaving it returns.
    pub(crate) from: Screen,
    pub(crate) order: Option<Order>,
    pub(crate) steps: Vec<Step>,
    pub(crate) events: Vec<Event>,
    pub(crate) papers: OrderDocuments,
    pub(crate) load: Load,
    /// Position up to which the timeline is known.
    pub(crate) known: u64,
    /// Whether a request for the timeline is running.
    pub(crate) asking: bool,
    /// Whether something happened since that request was sent.
    pub(crate) ask_again: bool,
    pub(crate) list: List,
    /// Whether the cursor stays on the newest event.
    pub(crate) following: bool,
    /// Number of events that arrived while it did not.
    pub(crate) missed: usize,
    pub(crate) view: TimelineView,
    /// The events by cause.
    pub(crate) tree: Tree,
    /// Past states of the order.
    pub(crate) past: Past,
    /// Whether the details of the selected event are shown.
    pub(crate) detail: bool,
    /// Number of lines of its data that are scrolled past.
    pub(crate) detail_scroll: usize,
    /// The words that are searched for among the events, and whether they are being typed.
    pub(crate) find: Input,
    pub(crate) typing: bool,
    /// Idempotency key of a cancellation that is being sent.
    pub(crate) cancelling: Option<String>,
}

impl OpenOrder {
    pub(crate) fn new(id: OrderId) -> Self {
        Self {
            id,
            turned: false,
            from: Screen::Orders,
            order: None,
            steps: Vec::new(),
            events: Vec::new(),
            papers: OrderDocuments::default(),
            load: Load::Loading,
            known: 0,
            asking: false,
            ask_again: false,
            list: List::default(),
            following: true,
            missed: 0,
            view: TimelineView::default(),
            tree: Tree::default(),
            past: Past::default(),
            detail: false,
            detail_scroll: 0,
            find: Input::default(),
            typing: false,
            cancelling: None,
        }
    }

    pub(crate) fn selected(&self) -> Option<&Event> {
        self.events.get(self.list.cursor)
    }

    /// Milliseconds between an event and the one before it; 0 for the first.
    pub(crate) fn gap_before_ms(&self, place: usize) -> i64 {
        let time_ms = |place: usize| self.events.get(place).map_or(0, |event| event.time.unix_ms());
        place.checked_sub(1).map_or(0, |before| time_ms(place).saturating_sub(time_ms(before)))
    }

    /// Number of events about invoices, credit notes and vouchers.
    pub(crate) fn document_event_count(&self) -> usize {
        let is_about_documents = |event: &&Event| {
            event.kind.starts_with("invoice.") || matches!(event.kind.as_str(), "order.invoiced" | "voucher.issued")
        };
        self.events.iter().filter(is_about_documents).count()
    }

    /// Appends events; known ones are ignored.
    pub(crate) fn append(&mut self, events: Vec<Event>, next_after: u64) {
        let known = self.known;
        let before = self.events.len();
        self.events.extend(events.into_iter().filter(|event| event.position > known));
        let came = self.events.len() - before;
        let surplus = self.events.len().saturating_sub(MAX_TIMELINE_EVENTS);
        self.events.drain(..surplus);
        self.known = self.known.max(next_after).max(self.events.last().map_or(0, |event| event.position));
        if came > 0 {
            self.tree = Tree::new(&self.events);
        }
        if self.following {
            self.list.cursor = self.events.len().saturating_sub(1);
        } else {
            self.list.cursor = self.list.cursor.saturating_sub(surplus);
            self.missed += came;
        }
    }

    /// Keeps only the oldest `left` events.
    pub(crate) fn truncate(&mut self, left: usize) {
        self.events.truncate(left);
        self.known = self.events.last().map_or(0, |event| event.position);
        self.tree = Tree::new(&self.events);
        self.follow();
    }

    /// Moves the cursor by `by` lines of the view; at the newest event it follows again.
    pub(crate) fn step(&mut self, by: isize) {
        if self.view == TimelineView::Tree {
            let mut row = List { cursor: self.tree.row_of(self.list.cursor) };
            row.step(by, self.tree.rows().len());
            let place = self.tree.rows().get(row.cursor).map_or(0, |row| row.place);
            self.select(place);
        } else {
            let mut list = self.list;
            list.step(by, self.events.len());
            self.select(list.cursor);
        }
    }

    /// Selects an event.
    pub(crate) fn select(&mut self, place: usize) {
        if place != self.list.cursor {
            self.detail_scroll = 0;
        }
        self.list.cursor = place;
        self.list.clamp(self.events.len());
        self.following = self.list.cursor + 1 >= self.events.len();
        if self.following {
            self.missed = 0;
        }
    }

    /// The words that are searched for.
    fn sought(&self) -> Vec<String> {
        self.find.value().split_whitespace().map(str::to_lowercase).collect()
    }

    /// Whether an event has all words that are searched for; never without words.
    pub(crate) fn is_match(&self, place: usize) -> bool {
        let words = self.sought();
        !words.is_empty() && self.events.get(place).is_some_and(|event| matches(event, &words))
    }

    /// Number of the selected event among those that match, from 1 (0: it does not match), and their number.
    pub(crate) fn matches(&self) -> (usize, usize) {
        let found: Vec<usize> = (0..self.events.len()).filter(|place| self.is_match(*place)).collect();
        (found.iter().position(|place| *place == self.list.cursor).map_or(0, |at| at + 1), found.len())
    }

    /// Selects the next or previous event that matches. Returns whether there is one; `None` when nothing is searched for.
    pub(crate) fn go_to_match(&mut self, by: isize) -> Option<bool> {
        if self.sought().is_empty() {
            return None;
        }
        let found = nearest(self.list.cursor, self.events.len(), by, |place| self.is_match(place));
        if let Some(place) = found {
            self.select(place);
        }
        Some(found.is_some())
    }

    /// Selects the newest event and follows.
    pub(crate) fn follow(&mut self) {
        self.select(self.events.len().saturating_sub(1));
    }

    /// Pauses the list, or lets it follow again.
    pub(crate) fn pause(&mut self) {
        if self.following {
            self.following = false;
        } else {
            self.follow();
        }
    }
}
