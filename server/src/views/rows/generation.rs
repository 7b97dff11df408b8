//! A generation of a view's rows, and the changes that events make to it.

use storefront_eventlog::Position;

use crate::views::engine::view::Terms;

/// What a generation of rows is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Questions are answered from it.
    Live,
    /// It is being filled, to be live later.
    Building,
    /// It was live; its rows are swept away.
    Old,
}

/// A generation of a view's rows, and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) view: String,
    pub(crate) generation: i64,
    pub(crate) state: State,
    /// The version of the view that wrote it.
    pub(crate) version: i64,
    pub(crate) position: Position,
    /// The id of the event at that position, by which another log is noticed; empty at 0.
    pub(crate) event_id: String,
    pub(crate) failures: Failures,
}

/// Events that a view could not handle and has left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Failures {
    pub(crate) count: i64,
    /// Where the last of them is.
    pub(crate) last: Position,
    /// What was wrong with it.
    pub(crate) why: String,
}

/// What some events make of a generation.
#[derive(Clone, Debug)]
pub(crate) struct Commit {
    /// As it was read; the commit is lost when it is no longer so.
    pub(crate) head: Head,
    pub(crate) to: Position,
    pub(crate) event_id: String,
    /// Those among these events.
    pub(crate) failures: Failures,
    pub(crate) rows: Vec<RowChange>,
}

/// A row that is changed with its terms.
#[derive(Clone, Debug)]
pub(crate) struct RowChange {
    pub(crate) key: String,
    pub(crate) terms_before: Terms,
    pub(crate) terms: Terms,
    /// `None` takes the row away.
    pub(crate) body: Option<String>,
}
