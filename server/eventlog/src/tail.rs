//! The newest committed events, in memory, for readers that are at the end of the log.
//!
//! Bounded in events and in bytes: what no longer fits goes, and whoever is further behind reads the database. Positions
//! are dense, so it is known exactly what the tail covers.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};

use crate::queue::{Job, Outcome};
use crate::{EventPage, Filter, Position, Recorded, Version};

/// Maximum number of events in memory. A read looks at no more than that.
const MAX_EVENTS: usize = 8192;
/// Maximum size of the text of the events in memory, in bytes.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// The newest events of a log.
pub(crate) struct Tail(RwLock<Ring>);

struct Ring {
    /// Events at consecutive positions, the last at `end`.
    events: VecDeque<Arc<Recorded>>,
    bytes: usize,
    /// Last position of the log; `None` while that is not known for certain.
    end: Option<Position>,
    max_events: usize,
    max_bytes: usize,
}

impl Tail {
    /// A tail without events, of a log that ends at `end`.
    pub(crate) fn new(end: Position) -> Self {
        Self::bounded(end, MAX_EVENTS, MAX_BYTES)
    }

    fn bounded(end: Position, max_events: usize, max_bytes: usize) -> Self {
        Self(RwLock::new(Ring { events: VecDeque::new(), bytes: 0, end: Some(end), max_events, max_bytes }))
    }

    /// Adds committed events, at consecutive positions; those that it has already are left out. After a gap it starts anew.
    pub(crate) fn push(&self, events: impl IntoIterator<Item = Arc<Recorded>>) {
        let mut ring = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for event in events {
            if ring.end.is_some_and(|end| event.position <= end) {
                continue;
            }
            if ring.end.is_none_or(|end| event.position.0 != end.0 + 1) {
                ring.clear();
            }
            ring.end = Some(event.position);
            ring.bytes += event.text_len();
            ring.events.push_back(event);
        }
        ring.drop_oldest();
    }

    /// Adds the events of a committed batch, with which the log ends at `head`.
    pub(crate) fn push_batch(&self, head: Position, jobs: &[Job], outcomes: &[Outcome]) {
        let events = events_of(self.end(), jobs, outcomes);
        if events.last().is_some_and(|last| last.position == head) {
            self.push(events);
        }
    }

    /// As [`Tail::push_batch`], but returns `false` and does nothing when the events do not continue the tail, because
    /// somebody else wrote before them.
    pub(crate) fn continue_with_batch(&self, head: Position, jobs: &[Job], outcomes: &[Outcome]) -> bool {
        let Some(end) = self.end() else { return false };
        let events = events_of(Some(end), jobs, outcomes);
        let continues = events.first().is_none_or(|first| first.position.0 == end.0 + 1);
        let is_whole = end.0 + events.len() as u64 == head.0;
        if continues && is_whole {
            self.push(events);
        }
        continues && is_whole
    }

    /// Drops everything, because it is not known whether the log ends where the tail does. The next events begin it anew.
    pub(crate) fn forget(&self) {
        let mut ring = self.0.write().unwrap_or_else(PoisonError::into_inner);
        ring.clear();
        ring.end = None;
    }

    /// The last position of the log; `None` while that is not known for certain.
    pub(crate) fn end(&self) -> Option<Position> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).end
    }

    /// A page as [`crate::EventStore::read_all`] returns it; `None` when the tail does not cover what follows `after`.
    pub(crate) fn read(&self, after: Position, limit: usize, filter: &Filter) -> Option<EventPage> {
        let ring = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let head = ring.end?;
        let unread = usize::try_from(head.0.checked_sub(after.0)?).ok()?;
        let first = ring.events.len().checked_sub(unread)?;
        let mut page = EventPage { events: Vec::new(), next_after: head, head };
        if limit == 0 {
            return Some(EventPage { next_after: after, ..page });
        }
        for event in ring.events.range(first..) {
            if filter.matches(event.kind(), event.stream(), event.correlation_id()) {
                page.events.push(event.clone());
                if page.events.len() == limit {
                    page.next_after = event.position;
                    break;
                }
            }
        }
        Some(page)
    }
}

/// The events that a committed batch has added to a log that ended at `end`, if that is known.
fn events_of(mut end: Option<Position>, jobs: &[Job], outcomes: &[Outcome]) -> Vec<Arc<Recorded>> {
    let mut events = Vec::new();
    for (job, outcome) in jobs.iter().zip(outcomes) {
        let Ok(appended) = outcome else { continue };
        let written = job.append.streams.iter().map(|stream| stream.events.len()).sum::<usize>();
        let mut position = Position(appended.position.0.saturating_sub(written as u64));
        // An append that was sent again was written earlier.
        if end.is_some_and(|end| position < end) {
            continue;
        }
        for (stream, last) in job.append.streams.iter().zip(&appended.versions) {
            let mut version = Version(last.0.saturating_sub(stream.events.len() as u64));
            for event in &stream.events {
                (position, version) = (Position(position.0 + 1), Version(version.0 + 1));
                events.push(Arc::new(Recorded::new(position, &stream.stream, version, event)));
            }
        }
        end = Some(appended.position);
    }
    events
}

impl Ring {
    fn clear(&mut self) {
        self.events.clear();
        self.bytes = 0;
    }

    fn drop_oldest(&mut self) {
        while self.events.len() > self.max_events || self.bytes > self.max_bytes {
            let Some(oldest) = self.events.pop_front() else { return };
            self.bytes -= oldest.text_len();
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{JsonText, NewEvent, StreamName, Version};

    fn event(position: u64) -> Arc<Recorded> {
        let event = NewEvent {
            id: Uuid::from_u128(u128::from(position)),
            kind: if position.is_multiple_of(2) { "even" } else { "odd" }.to_owned(),
            schema_version: 1,
            time_ms: 0,
            correlation_id: "c".to_owned(),
            causation_id: None,
            actor: "test".to_owned(),
            data: JsonText::trusted("{}".to_owned()),
        };
        let stream = StreamName::trusted("s".to_owned());
        Arc::new(Recorded::new(Position(position), &stream, Version(position), &event))
    }

    fn positions(page: &EventPage) -> Vec<u64> {
        page.events.iter().map(|event| event.position.0).collect()
    }

    #[test]
    fn it_covers_exactly_what_it_holds() {
        let tail = Tail::bounded(Position(10), 4, usize::MAX);
        tail.push((11..=16).map(event));
        let everything = Filter::default();
        assert_eq!(tail.read(Position(11), 9, &everything), None, "12 has gone");
        assert_eq!(positions(&tail.read(Position(12), 9, &everything).unwrap()), [13, 14, 15, 16]);
        assert_eq!(positions(&tail.read(Position(15), 9, &everything).unwrap()), [16]);
        let none = tail.read(Position(16), 9, &everything).unwrap();
        assert_eq!((positions(&none), none.next_after, none.head), (vec![], Position(16), Position(16)));
        assert_eq!(tail.read(Position(17), 9, &everything), None, "nothing is known of what comes after the end");
    }

    #[test]
    fn a_page_ends_at_the_limit_and_moves_past_what_the_filter_left_out() {
        let tail = Tail::new(Position(0));
        tail.push((1..=7).map(event));
        let even = Filter { types: vec!["even".to_owned()], ..Filter::default() };
        let page = tail.read(Position(0), 2, &even).unwrap();
        assert_eq!((positions(&page), page.next_after, page.head), (vec![2, 4], Position(4), Position(7)));
        let page = tail.read(Position(4), 2, &even).unwrap();
        assert_eq!((positions(&page), page.next_after), (vec![6], Position(7)));
        let nothing = tail.read(Position(4), 0, &even).unwrap();
        assert_eq!((positions(&nothing), nothing.next_after), (vec![], Position(4)));
    }

    #[test]
    fn it_is_bounded_in_bytes() {
        let each = event(1).text_len();
        let tail = Tail::bounded(Position(0), usize::MAX, 3 * each + each / 2);
        tail.push((1..=9).map(event));
        assert_eq!(tail.read(Position(5), 9, &Filter::default()), None);
        assert_eq!(positions(&tail.read(Position(6), 9, &Filter::default()).unwrap()), [7, 8, 9]);
    }

    #[test]
    fn after_a_gap_and_after_it_was_forgotten_it_begins_anew() {
        let tail = Tail::new(Position(0));
        tail.push((1..=3).map(event));
        tail.push((5..=6).map(event));
        assert_eq!(tail.read(Position(3), 9, &Filter::default()), None);
        assert_eq!(positions(&tail.read(Position(4), 9, &Filter::default()).unwrap()), [5, 6]);
        tail.forget();
        assert_eq!((tail.end(), tail.read(Position(6), 9, &Filter::default())), (None, None));
        tail.push([event(7)]);
        tail.push((5..=7).map(event));
        assert_eq!(positions(&tail.read(Position(6), 9, &Filter::default()).unwrap()), [7]);
    }
}
