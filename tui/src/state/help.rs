//! The help over the screen: all active keys, filtered by typing.

use tui_input::Input;

use crate::keys::{Binding, Context, Keymap};
use crate::state::List;

/// The open help.
#[derive(Debug)]
pub(crate) struct Help {
    /// The key context in which the help was opened.
    pub(crate) about: Context,
    pub(crate) filter: Input,
    pub(crate) list: List,
}

impl Help {
    pub(crate) fn new(about: Context) -> Self {
        Self { about, filter: Input::default(), list: List::default() }
    }

    /// The bindings whose key, hint or description contains every typed word.
    pub(crate) fn lines<'a>(&self, keys: &'a Keymap) -> Vec<&'a Binding> {
        let words: Vec<String> = self.filter.value().split_whitespace().map(str::to_lowercase).collect();
        keys.bindings(self.about)
            .filter(|binding| {
                let text = format!("{} {} {}", binding.keys_text(), binding.hint, binding.help).to_lowercase();
                words.iter().all(|word| text.contains(word))
            })
            .collect()
    }

    pub(crate) fn selected<'a>(&self, keys: &'a Keymap) -> Option<&'a Binding> {
        self.lines(keys).get(self.list.cursor).copied()
    }
}
