//! Views of an order's timeline: the tree of causes, and past states.

use std::collections::{BTreeMap, HashMap};

use storefront_api::{Event, OrderDiff};
use uuid::Uuid;

use crate::state::Failure;

/// A view of a timeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum TimelineView {
    /// One line per event, with its description.
    #[default]
    List,
    /// One column per part of the shop, with arrows between them.
    Lanes,
    /// The effects of each event below it.
    Tree,
    /// One event at a time: the order as it was, and what changed.
    Scrubber,
}

impl TimelineView {
    /// All values, in the order in which a key steps through them.
    pub(crate) const ALL: [Self; 4] = [Self::List, Self::Lanes, Self::Tree, Self::Scrubber];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Lanes => "lanes",
            Self::Tree => "tree",
            Self::Scrubber => "scrubber",
        }
    }

    /// The view `by` places further, among the first `count`.
    pub(crate) fn step(self, by: isize, count: usize) -> Self {
        let here = Self::ALL.iter().position(|view| *view == self).unwrap_or(0);
        Self::ALL[(here + count).saturating_add_signed(by) % count]
    }
}

/// A row of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TreeRow {
    /// The event's index in the timeline.
    pub(crate) place: usize,
    /// Number of ancestors.
    pub(crate) depth: usize,
    /// Whether it is the last effect of its cause.
    pub(crate) last: bool,
    /// For each depth up to 64, one bit: whether the ancestor at that depth has more effects below.
    pub(crate) rails: u64,
}

/// Events by cause, as a forest whose roots were caused by commands.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    rows: Vec<TreeRow>,
    row_of: Vec<usize>,
    causes: Vec<Option<usize>>,
    effects: Vec<Option<usize>>,
}

impl Tree {
    /// Builds the tree of events, oldest first. A cause that is not before its effect is ignored.
    pub(crate) fn new(events: &[Event]) -> Self {
        let places: HashMap<Uuid, usize> = events.iter().enumerate().map(|(place, event)| (event.id, place)).collect();
        let cause = |(place, event): (usize, &Event)| {
            let id = event.causation_id.as_ref()?.parse::<Uuid>().ok()?;
            places.get(&id).copied().filter(|cause| *cause < place)
        };
        let causes: Vec<Option<usize>> = events.iter().enumerate().map(cause).collect();
        let mut children: Vec<Vec<usize>> = vec![Vec::new(); events.len()];
        let mut roots = Vec::new();
        for (place, cause) in causes.iter().enumerate() {
            match cause {
                Some(cause) => children[*cause].push(place),
                None => roots.push(place),
            }
        }
        let effects = children.iter().map(|effects| effects.first().copied()).collect();
        let mut tree = Self { rows: Vec::with_capacity(events.len()), row_of: vec![0; events.len()], causes, effects };
        let row = |place, depth, last, rails| TreeRow { place, depth, last, rails };
        let mut waiting: Vec<TreeRow> = roots.into_iter().rev().map(|place| row(place, 0, true, 0)).collect();
        while let Some(next) = waiting.pop() {
            tree.row_of[next.place] = tree.rows.len();
            tree.rows.push(next);
            let rail = if next.last || next.depth >= 64 { 0 } else { 1 << next.depth };
            for (at, child) in children[next.place].iter().rev().enumerate() {
                waiting.push(row(*child, next.depth + 1, at == 0, next.rails | rail));
            }
        }
        tree
    }

    pub(crate) fn rows(&self) -> &[TreeRow] {
        &self.rows
    }

    /// The row of an event.
    pub(crate) fn row_of(&self, place: usize) -> usize {
        self.row_of.get(place).copied().unwrap_or(0)
    }

    /// The cause of an event; `None` when a command caused it, or the cause is not in the timeline.
    pub(crate) fn cause(&self, place: usize) -> Option<usize> {
        self.causes.get(place).copied().flatten()
    }

    /// The first effect of an event.
    pub(crate) fn effect(&self, place: usize) -> Option<usize> {
        self.effects.get(place).copied().flatten()
    }
}

/// Maximum number of past states that are kept.
const MAX_PAST_STATES: usize = 100;

/// Past states of an order, as fetched from the shop.
#[derive(Debug, Default)]
pub(crate) struct Past {
    /// The change that each event made, by its position.
    known: BTreeMap<u64, OrderDiff>,
    /// The position that is being fetched.
    pub(crate) asking: Option<u64>,
    /// The position whose fetch failed, with the failure.
    pub(crate) failed: Option<(u64, Failure)>,
}

impl Past {
    pub(crate) fn get(&self, position: u64) -> Option<&OrderDiff> {
        self.known.get(&position)
    }

    /// The known state nearest to a position, with its position; shown until the exact one arrives.
    pub(crate) fn nearest(&self, position: u64) -> Option<(u64, &OrderDiff)> {
        let (before, after) = (self.known.range(..=position).next_back(), self.known.range(position..).next());
        let near = before.into_iter().chain(after).min_by_key(|(at, _)| at.abs_diff(position));
        near.map(|(at, diff)| (*at, diff))
    }

    pub(crate) fn put(&mut self, position: u64, diff: OrderDiff) {
        self.known.insert(position, diff);
        if self.known.len() > MAX_PAST_STATES {
            let far = |end: Option<(&u64, &OrderDiff)>| end.map_or(position, |(at, _)| *at);
            let (first, last) = (far(self.known.first_key_value()), far(self.known.last_key_value()));
            let farthest = if first.abs_diff(position) > last.abs_diff(position) { first } else { last };
            self.known.remove(&farthest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::update::tests::world::{an_event, an_order};

    fn events(causes: &[Option<u64>]) -> Vec<Event> {
        let event = |(at, cause): (u64, &Option<u64>)| Event {
            causation_id: cause.map(|cause| Uuid::from_u128(cause.into()).to_string()),
            ..an_event(at, "order.started", "7")
        };
        (1..).zip(causes).map(event).collect()
    }

    #[test]
    fn under_each_event_stands_what_it_led_to() {
        let events = events(&[None, Some(1), Some(1), Some(2), None, Some(9), Some(3)]);
        let tree = Tree::new(&events);
        let rows: Vec<(usize, usize, bool)> =
            tree.rows().iter().map(|row| (row.place + 1, row.depth, row.last)).collect();
        let shown = [(1, 0, true), (2, 1, false), (4, 2, true), (3, 1, true), (7, 2, true), (5, 0, true), (6, 0, true)];
        assert_eq!(rows, shown);
        assert_eq!(tree.rows()[2].rails, 0b10, "beside what event 2 led to, more of event 1 follows");
        assert_eq!((tree.cause(3), tree.effect(1), tree.cause(0), tree.effect(4)), (Some(1), Some(3), None, None));
    }

    #[test]
    fn every_event_stands_in_the_tree_once_whatever_the_causes_say() {
        let odd = events(&[Some(2), Some(1), Some(3), Some(3), Some(99), None]);
        let tree = Tree::new(&odd);
        let mut places: Vec<usize> = tree.rows().iter().map(|row| row.place).collect();
        places.sort_unstable();
        assert_eq!(places, (0..6).collect::<Vec<_>>());
        for (line, row) in tree.rows().iter().enumerate() {
            assert_eq!(tree.row_of(row.place), line);
        }
        let deep: Vec<Option<u64>> = (0..1_000_u64).map(|at| (at > 0).then_some(at)).collect();
        assert_eq!(Tree::new(&events(&deep)).rows().last().unwrap().depth, 999);
    }

    #[test]
    fn only_so_many_moments_are_kept_and_those_nearest_to_the_last_one() {
        let mut past = Past::default();
        let diff = |at| OrderDiff { from: at, to: at, changes: Vec::new(), order: Some(an_order(at, &[])) };
        for at in 1..=150 {
            past.put(at, diff(at));
        }
        assert!(past.get(150).is_some() && past.get(1).is_none());
        assert_eq!(past.known.len(), MAX_PAST_STATES);
        let nearest = |position| past.nearest(position).map(|(at, _)| at);
        assert_eq!([nearest(1_000), nearest(3), nearest(77)], [Some(150), Some(51), Some(77)]);
    }
}
