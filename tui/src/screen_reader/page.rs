//! A page as facts in reading order.

use crate::state::Load;

/// When a fact is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// When the page is opened.
    Opening,
    /// When it is new or has changed while the page is open.
    Change,
    /// In both cases.
    Always,
}

/// A sentence, and what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fact {
    pub(super) key: String,
    pub(super) text: String,
    pub(super) when: When,
}

/// What is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// Another id is another page, which is read from its beginning.
    pub(super) id: String,
    pub(super) title: String,
    pub(super) facts: Vec<Fact>,
}

impl Page {
    pub(super) fn new(id: impl Into<String>, title: impl Into<String>) -> Self {
        Self { id: id.into(), title: title.into(), facts: Vec::new() }
    }

    fn add(&mut self, when: When, key: impl Into<String>, text: impl Into<String>) {
        let text = text.into();
        if !text.is_empty() {
            self.facts.push(Fact { key: key.into(), text, when });
        }
    }

    /// A fact that is said when the page is opened, and whenever it changes.
    pub(super) fn say(&mut self, key: impl Into<String>, text: impl Into<String>) {
        self.add(When::Always, key, text);
    }

    /// A fact that is said when the page is opened.
    pub(super) fn open_with(&mut self, key: impl Into<String>, text: impl Into<String>) {
        self.add(When::Opening, key, text);
    }

    /// A fact that is said when it comes up while the page is open.
    pub(super) fn report(&mut self, key: impl Into<String>, text: impl Into<String>) {
        self.add(When::Change, key, text);
    }

    /// The selected line of a list with `count` lines.
    pub(super) fn select(&mut self, place: usize, count: usize, text: impl AsRef<str>) {
        self.say("selected", format!("{} of {count}. {}", place + 1, text.as_ref()));
    }

    /// Says why there is no list; returns whether there is one.
    pub(super) fn loaded(&mut self, load: &Load, what: &str) -> bool {
        match load {
            Load::Ready => true,
            Load::Loading => {
                self.say("load", format!("{what}: a moment, please."));
                false
            }
            Load::Failed(failure) => {
                self.say("load", format!("{what}: did not arrive. {}", failure.sentence()));
                false
            }
        }
    }
}
