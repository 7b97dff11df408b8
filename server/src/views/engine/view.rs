//! The trait of a view: a pure fold from events to rows.
//!
//! A row has a key, a body, and terms: texts by which it is found, each with a rank that orders the results. Filters
//! and sort orders of queries are terms. Nothing here does I/O.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde::de::DeserializeOwned;
use storefront_eventlog::Recorded;

use crate::store::aggregates::LoadError;
use crate::views::memory::Memory;
use crate::views::search::terms;

pub(crate) trait View: Send + Sync {
    /// The name of the view, which never changes.
    fn name(&self) -> &'static str;

    /// Version of the format of the rows and of the projection. A view with rows of another version is rebuilt.
    fn version(&self) -> i64;

    /// The keys of all rows that an event may change, or that its projection reads; none for an irrelevant event.
    fn keys(&self, recorded: &Recorded) -> Vec<String>;

    /// The keys of further rows that an event may change, derived from the rows under [`View::keys`]. They are read
    /// from the database before the batch is applied. A row to which only another event of the batch leads belongs to
    /// that event.
    ///
    /// # Errors
    /// When a row is not one of this view.
    fn further_keys(&self, _rows: &Rows, _recorded: &Recorded) -> Result<Vec<String>, ViewError> {
        Ok(Vec::new())
    }

    /// The changes that an event makes to those rows.
    ///
    /// # Errors
    /// When the view cannot handle the event. The event changes no row then, and the view continues with the next one.
    fn project(&self, rows: &Rows, recorded: &Recorded) -> Result<Vec<Change>, ViewError>;

    /// The terms by which a row is found, beside its key.
    ///
    /// # Errors
    /// When the body is not one of this view.
    fn terms(&self, _key: &str, _body: &str) -> Result<Terms, ViewError> {
        Ok(Terms::new())
    }

    /// Whether the rows are also kept in memory, for queries that must be fast or need every row.
    fn in_memory(&self) -> bool {
        false
    }

    /// Stores a row in memory; removes it when `body` is `None`.
    ///
    /// # Errors
    /// When the key or body is not one of this view.
    fn remember(&self, _memory: &mut Memory, _key: &str, _body: Option<&str>) -> Result<(), ViewError> {
        Ok(())
    }

    /// Replaces the rows of this view in memory with those that were read again, at once. The replaced rows end up in
    /// the other memory.
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

/// The replacement or removal of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) key: String,
    /// The new body; `None` removes the row.
    pub(crate) body: Option<String>,
}

impl Change {
    /// A change that sets the body of a row.
    pub(crate) fn put(key: impl Into<String>, row: &impl Serialize) -> Result<Self, ViewError> {
        Ok(Self { key: key.into(), body: Some(serde_json::to_string(row)?) })
    }
}

/// The terms of a row as `(term, rank)`. A term is any text, or a word in a group ([`word`]), which is also found by
/// its prefixes.
pub(crate) type Terms = BTreeSet<(String, i64)>;

/// Prefix of the terms of words.
pub(crate) const WORD: &str = "word:";

/// The term of a word in a group. Words contain no blanks.
pub(crate) fn word(word: &str, group: &str) -> String {
    format!("{WORD}{word} {group}")
}

/// Characters that join the parts of a word, such as in addresses and document numbers.
const JOINS: &[char] = &['@', '.', '-'];

/// The folded words of a search: letters, digits and `@`, `.`, `-`.
pub(crate) fn words_of(text: &str) -> impl Iterator<Item = String> {
    terms::asked(text, JOINS).into_iter()
}

/// The words under which a text is found; words with a hyphen also without it, because people type numbers like that.
pub(crate) fn indexed_words_of(text: &str) -> impl Iterator<Item = String> {
    terms::indexed(text, JOINS).into_iter().flat_map(|word| {
        let joined = word.contains('-').then(|| word.replace('-', ""));
        [Some(word), joined].into_iter().flatten()
    })
}

/// Of `Tea-Pot ada@example.com`: both as they are, and `teapot`, `pot`, `example`, `com`. What a word begins with needs
/// no word of its own, because everything is found by its beginning.
pub(crate) fn words_and_parts(text: &str) -> Vec<String> {
    let whole = indexed_words_of(text);
    whole
        .flat_map(|word| {
            let parts = word.split(['@', '.', '-']).filter(|part| !part.is_empty() && !word.starts_with(part));
            parts.map(str::to_owned).chain([word.clone()]).collect::<Vec<_>>()
        })
        .collect()
}

/// The rows that a batch of events may change, with the changes of the events applied so far.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    /// The rows in the database.
    before: BTreeMap<String, Option<String>>,
    now: BTreeMap<String, Option<String>>,
}

impl Rows {
    /// Creates the set from rows of the database.
    pub(crate) fn new(loaded: impl IntoIterator<Item = (String, Option<String>)>) -> Self {
        let before: BTreeMap<_, _> = loaded.into_iter().collect();
        Self { now: before.clone(), before }
    }

    /// The present row under a key; `None` when there is none.
    pub(crate) fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, ViewError> {
        let body = self.now.get(key).and_then(Option::as_deref);
        body.map(serde_json::from_str).transpose().map_err(ViewError::from)
    }

    /// Adds rows of the database.
    pub(crate) fn add(&mut self, loaded: impl IntoIterator<Item = (String, Option<String>)>) {
        for (key, body) in loaded {
            self.now.insert(key.clone(), body.clone());
            self.before.insert(key, body);
        }
    }

    /// Adds the rows of another set, which has none of these.
    pub(crate) fn extend(&mut self, other: Self) {
        self.before.extend(other.before);
        self.now.extend(other.now);
    }

    /// Whether the row under a key was loaded.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.before.contains_key(key)
    }

    pub(crate) fn apply(&mut self, changes: Vec<Change>) {
        self.now.extend(changes.into_iter().map(|change| (change.key, change.body)));
    }

    /// The rows that differ from the database, as `(key, before, now)`.
    pub(crate) fn changed(&self) -> impl Iterator<Item = (&str, Option<&str>, Option<&str>)> {
        self.now.iter().filter_map(|(key, now)| {
            let before = self.before.get(key).and_then(Option::as_deref);
            (before != now.as_deref()).then_some((key.as_str(), before, now.as_deref()))
        })
    }
}

/// The rows of a view after some events, without a database.
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
