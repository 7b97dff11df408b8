//! What a view is: a pure fold from events to rows.
//!
//! A row has a key, a body, and terms: texts by which it is found, each with a rank that orders what is found. What a
//! query needs filtered or sorted is a term. Nothing here does I/O.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde::de::DeserializeOwned;
use storefront_eventlog::Recorded;

use crate::store::aggregates::LoadError;
use crate::views::memory::Memory;
use crate::views::search::words;

/// A read model.
pub(crate) trait View: Send + Sync {
    /// Its name, for ever.
    fn name(&self) -> &'static str;

    /// Counts the changes of what its rows look like and of how events become rows. Rows of another version are left
    /// behind, and the view is built anew.
    fn version(&self) -> i64;

    /// The keys of all rows that an event may change or that decide how; none for an event of no interest.
    fn keys(&self, recorded: &Recorded) -> Vec<String>;

    /// The keys of rows that an event may change too, as the rows under [`View::keys`] tell. They are read from the database
    /// before the events of a batch are taken in; a row that only another event of the batch leads to is that event's own.
    ///
    /// # Errors
    /// When a row is none of this view's.
    fn further_keys(&self, _rows: &Rows, _recorded: &Recorded) -> Result<Vec<String>, ViewError> {
        Ok(Vec::new())
    }

    /// What an event makes of those rows.
    ///
    /// # Errors
    /// When the view cannot handle the event. No row is changed then, and the view goes on with the next.
    fn project(&self, rows: &Rows, recorded: &Recorded) -> Result<Vec<Change>, ViewError>;

    /// By what a row is found.
    ///
    /// # Errors
    /// When the body is none of this view's.
    fn terms(&self, key: &str, body: &str) -> Result<Terms, ViewError>;

    /// Whether the rows are also kept in memory, for questions that cannot wait or need every row at once.
    fn in_memory(&self) -> bool {
        false
    }

    /// Takes a row over into memory; `None` when it has gone.
    ///
    /// # Errors
    /// When key or body is none of this view's.
    fn remember(&self, _memory: &mut Memory, _key: &str, _body: Option<&str>) -> Result<(), ViewError> {
        Ok(())
    }

    /// Has memory know what was read anew in the place of what it knew, all at once. What it knew is left in the other.
    fn switch(&self, _memory: &mut Memory, _read_anew: &mut Memory) {}
}

/// Why a view cannot handle an event.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ViewError {
    #[error(transparent)]
    Event(#[from] LoadError),
    #[error("a row is not what this view writes: {0}")]
    Row(#[from] serde_json::Error),
    #[error("{0}")]
    Other(String),
}

/// A row that is put in the place of what was there, or taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) key: String,
    /// `None` takes it away.
    pub(crate) body: Option<String>,
}

impl Change {
    /// Has a row be this.
    pub(crate) fn put(key: impl Into<String>, row: &impl Serialize) -> Result<Self, ViewError> {
        Ok(Self { key: key.into(), body: Some(serde_json::to_string(row)?) })
    }
}

/// By what a row is found: `(term, rank)`. A term is any text, or a word in a group ([`word`]), which is found by its
/// beginning too.
pub(crate) type Terms = BTreeSet<(String, i64)>;

/// What the terms of words begin with.
pub(crate) const WORD: &str = "word:";

/// The term of a word, which has no blanks, of a row that belongs to a group.
pub(crate) fn word(word: &str, group: &str) -> String {
    format!("{WORD}{word} {group}")
}

/// Signs that are part of a word: of addresses, document numbers and the like.
const JOINS: &[char] = &['@', '.', '-'];

/// The words that a search asks for, folded: of letters, digits and `@`, `.`, `-`.
pub(crate) fn words_of(text: &str) -> impl Iterator<Item = String> {
    words::asked(text, JOINS).into_iter()
}

/// The words under which a text is found; those with a hyphen without it too, as people type numbers.
pub(crate) fn indexed_words_of(text: &str) -> impl Iterator<Item = String> {
    words::indexed(text, JOINS).into_iter().flat_map(|word| {
        let joined = word.contains('-').then(|| word.replace('-', ""));
        [Some(word), joined].into_iter().flatten()
    })
}

/// The rows that some events may change, as they are after those that were taken in so far.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    /// As the database has them.
    before: BTreeMap<String, Option<String>>,
    now: BTreeMap<String, Option<String>>,
}

impl Rows {
    /// Rows as the database has them.
    pub(crate) fn new(loaded: impl IntoIterator<Item = (String, Option<String>)>) -> Self {
        let before: BTreeMap<_, _> = loaded.into_iter().collect();
        Self { now: before.clone(), before }
    }

    /// A row; `None` when there is none.
    pub(crate) fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, ViewError> {
        let body = self.now.get(key).and_then(Option::as_deref);
        body.map(serde_json::from_str).transpose().map_err(ViewError::from)
    }

    /// Adds rows as the database has them.
    pub(crate) fn add(&mut self, loaded: impl IntoIterator<Item = (String, Option<String>)>) {
        for (key, body) in loaded {
            self.now.insert(key.clone(), body.clone());
            self.before.insert(key, body);
        }
    }

    /// Whether a row was asked for.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.before.contains_key(key)
    }

    pub(crate) fn apply(&mut self, changes: Vec<Change>) {
        self.now.extend(changes.into_iter().map(|change| (change.key, change.body)));
    }

    /// What differs from what the database has: `(key, before, now)`.
    pub(crate) fn changed(&self) -> impl Iterator<Item = (&str, Option<&str>, Option<&str>)> {
        self.now.iter().filter_map(|(key, now)| {
            let before = self.before.get(key).and_then(Option::as_deref);
            (before != now.as_deref()).then_some((key.as_str(), before, now.as_deref()))
        })
    }
}

/// Has a view take in events on paper, for tests: the rows as they are at the end.
#[cfg(test)]
pub(crate) fn folded(view: &dyn View, events: &[Recorded]) -> Rows {
    let mut rows = Rows::default();
    for recorded in events {
        let changes = view.project(&rows, recorded).unwrap();
        let further = view.further_keys(&rows, recorded).unwrap();
        let allowed: Vec<String> = view.keys(recorded).into_iter().chain(further).collect();
        for change in &changes {
            assert!(allowed.contains(&change.key), "{} changes {}, which it did not ask for", view.name(), change.key);
        }
        rows.apply(changes);
    }
    rows
}
