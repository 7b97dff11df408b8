//! The help over the screen: every key that holds here, narrowed by typing.

use tui_input::Input;

use crate::keys::{Binding, Context, Keymap};
use crate::state::List;

/// The open help.
#[derive(Debug)]
pub(crate) struct Help {
    /// What had the keyboard when the help was opened.
    pub(crate) about: Context,
    pub(crate) filter: Input,
    pub(crate) list: List,
}

impl Help {
    pub(crate) fn new(about: Context) -> Self {
        Self { about, filter: Input::default(), list: List::default() }
    }

    /// The lines that contain every word, by key, hint or explanation.
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
