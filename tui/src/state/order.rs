//! One order with its timeline, as the screens Order and Checkout show it.

use storefront_api::{Event, Invoice, Order, OrderId, Step, Voucher};

use crate::state::{List, Load, Past, Screen, TimelineView, Tree};

/// How many events of one order are kept.
pub(crate) const TIMELINE_KEPT: usize = 10_000;

/// Something that cannot be undone and must be confirmed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    CancelOrder(OrderId),
    /// Whether to drop the event at which a parked sequence stands.
    SkipParked,
    /// Whether to start the shop over.
    ResetShop,
    /// Whether to let go on what a scenario needs, and play it.
    ResumeAndPlay,
}

/// What an order brought beside the goods.
#[derive(Debug, Default)]
pub(crate) struct Papers {
    /// How many events told of papers when they were asked for last.
    pub(crate) known: usize,
    pub(crate) asking: bool,
    pub(crate) invoice: Option<Invoice>,
    /// The voucher that was issued for it.
    pub(crate) voucher: Option<Voucher>,
}

/// The order that is open.
#[derive(Debug)]
pub(crate) struct OpenOrder {
    pub(crate) id: OrderId,
    /// Where it was opened, which is where leaving it leads.
    pub(crate) from: Screen,
    pub(crate) order: Option<Order>,
    pub(crate) steps: Vec<Step>,
    pub(crate) events: Vec<Event>,
    pub(crate) papers: Papers,
    pub(crate) load: Load,
    /// The position up to which the timeline is known.
    pub(crate) known: u64,
    /// A request for the timeline is under way.
    pub(crate) asking: bool,
    /// Something happened since that request was sent.
    pub(crate) ask_again: bool,
    pub(crate) list: List,
    /// The cursor stays on the newest event.
    pub(crate) following: bool,
    /// How many events came in while it did not.
    pub(crate) missed: usize,
    pub(crate) view: TimelineView,
    /// What led to what among the events.
    pub(crate) tree: Tree,
    /// The order as it was.
    pub(crate) past: Past,
    /// The whole event shows beside the list.
    pub(crate) detail: bool,
    /// How many lines of its data are scrolled past.
    pub(crate) detail_scroll: usize,
    /// The key of a cancellation on its way.
    pub(crate) cancelling: Option<String>,
}

impl OpenOrder {
    pub(crate) fn new(id: OrderId) -> Self {
        Self {
            id,
            from: Screen::Orders,
            order: None,
            steps: Vec::new(),
            events: Vec::new(),
            papers: Papers::default(),
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

    /// How many events told of an invoice, a credit note or a voucher.
    pub(crate) fn told_of_papers(&self) -> usize {
        let tells = |event: &&Event| {
            event.kind.starts_with("invoice.") || matches!(event.kind.as_str(), "order.invoiced" | "voucher.issued")
        };
        self.events.iter().filter(tells).count()
    }

    /// Takes in events; what is known already is ignored.
    pub(crate) fn append(&mut self, events: Vec<Event>, next_after: u64) {
        let known = self.known;
        let before = self.events.len();
        self.events.extend(events.into_iter().filter(|event| event.position > known));
        let came = self.events.len() - before;
        let surplus = self.events.len().saturating_sub(TIMELINE_KEPT);
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

    /// Takes the newest events off again, so that so many are left.
    pub(crate) fn truncate(&mut self, left: usize) {
        self.events.truncate(left);
        self.known = self.events.last().map_or(0, |event| event.position);
        self.tree = Tree::new(&self.events);
        self.follow();
    }

    /// Moves the cursor by so many lines of the view; at the newest event it follows again.
    pub(crate) fn step(&mut self, by: isize) {
        if self.view == TimelineView::Tree {
            let mut row = List { cursor: self.tree.row_of(self.list.cursor) };
            row.step(by, self.tree.rows().len());
            let place = self.tree.rows().get(row.cursor).map_or(0, |row| row.place);
            self.stand_on(place);
        } else {
            let mut list = self.list;
            list.step(by, self.events.len());
            self.stand_on(list.cursor);
        }
    }

    /// Puts the cursor on an event.
    pub(crate) fn stand_on(&mut self, place: usize) {
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

    /// Goes to the newest event and stays on the newest.
    pub(crate) fn follow(&mut self) {
        self.stand_on(self.events.len().saturating_sub(1));
    }

    /// Holds the list where it is, or lets it follow again.
    pub(crate) fn pause(&mut self) {
        if self.following {
            self.following = false;
        } else {
            self.follow();
        }
    }
}
