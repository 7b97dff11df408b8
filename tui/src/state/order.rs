//! One order with its timeline, as the screens Order and Checkout show it.

use storefront_api::{Event, Order, OrderId, Step};

use crate::state::{List, Load};

/// How many events of one order are kept.
const EVENTS_KEPT: usize = 1_000;

/// Something that cannot be undone and must be confirmed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    CancelOrder(OrderId),
    EmptyBasket,
}

/// The order that is open.
#[derive(Debug)]
pub(crate) struct OpenOrder {
    pub(crate) id: OrderId,
    pub(crate) order: Option<Order>,
    pub(crate) steps: Vec<Step>,
    pub(crate) events: Vec<Event>,
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
    /// The whole event shows beside the list.
    pub(crate) detail: bool,
    /// The key of a cancellation on its way.
    pub(crate) cancelling: Option<String>,
}

impl OpenOrder {
    pub(crate) fn new(id: OrderId) -> Self {
        Self {
            id,
            order: None,
            steps: Vec::new(),
            events: Vec::new(),
            load: Load::Loading,
            known: 0,
            asking: false,
            ask_again: false,
            list: List::default(),
            following: true,
            missed: 0,
            detail: false,
            cancelling: None,
        }
    }

    pub(crate) fn selected(&self) -> Option<&Event> {
        self.events.get(self.list.cursor)
    }

    /// Takes in events; what is known already is ignored.
    pub(crate) fn append(&mut self, events: Vec<Event>, next_after: u64) {
        let known = self.known;
        let before = self.events.len();
        self.events.extend(events.into_iter().filter(|event| event.position > known));
        let came = self.events.len() - before;
        let surplus = self.events.len().saturating_sub(EVENTS_KEPT);
        self.events.drain(..surplus);
        self.known = self.known.max(next_after).max(self.events.last().map_or(0, |event| event.position));
        if self.following {
            self.list.cursor = self.events.len().saturating_sub(1);
        } else {
            self.list.cursor = self.list.cursor.saturating_sub(surplus);
            self.missed += came;
        }
    }

    /// Moves the cursor; at the end it follows again.
    pub(crate) fn step(&mut self, by: isize) {
        self.list.step(by, self.events.len());
        self.following = self.list.cursor + 1 >= self.events.len();
        if self.following {
            self.missed = 0;
        }
    }
}
