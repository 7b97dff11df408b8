//! The palette over the screen: all commands by name, the best match first.

use storefront_api::{OrderId, OrderNumber};
use tui_input::Input;

use crate::keys::{Action, Context, Keymap, word};
use crate::settings::ThemeName;
use crate::state::{List, TimelineView};

/// A command of the palette.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Action(Action),
    Theme(ThemeName),
    View(TimelineView),
    /// Opens the order with this number.
    FindOrder(OrderNumber),
    /// Opens the order with this id.
    OpenOrder(OrderId),
    /// Copies the command by which others join the shop.
    CopyJoin,
}

/// A line of the palette.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) command: Command,
    pub(crate) text: String,
    /// Label of the key with the same effect; empty when there is none.
    pub(crate) key: String,
}

/// The open palette.
#[derive(Debug)]
pub(crate) struct Palette {
    pub(crate) filter: Input,
    pub(crate) list: List,
    entries: Vec<Entry>,
}

impl Palette {
    /// The commands of a context.
    pub(crate) fn new(keys: &Keymap, about: Context, join: Option<&str>) -> Self {
        let mut entries: Vec<Entry> = Vec::new();
        for binding in keys.bindings(about) {
            let command = Command::Action(binding.action);
            let moves = matches!(binding.action, Action::Up | Action::Down | Action::Palette);
            if !moves && !entries.iter().any(|known| known.command == command) {
                entries.push(Entry { command, text: binding.help.to_owned(), key: binding.first_key() });
            }
        }
        if matches!(about, Context::Order | Context::Scrubber | Context::Replay) {
            // The scrubber needs the shop; a file has none.
            let views = if about == Context::Replay { &TimelineView::ALL[..3] } else { &TimelineView::ALL[..] };
            entries.extend(views.iter().map(|view| Entry {
                command: Command::View(*view),
                text: format!("Timeline as {}", view.name()),
                key: String::new(),
            }));
        }
        entries.extend(join.map(|join| Entry {
            command: Command::CopyJoin,
            text: format!("Join from another terminal: {join} (copies it)"),
            key: String::new(),
        }));
        entries.extend(ThemeName::ALL.into_iter().map(|theme| Entry {
            command: Command::Theme(theme),
            text: format!("Theme {}", word(theme).replace('_', " ")),
            key: String::new(),
        }));
        Self { filter: Input::default(), list: List::default(), entries }
    }

    /// The entries that match the typed text, the best first.
    pub(crate) fn lines(&self) -> Vec<Entry> {
        if let Some(order) = self.order() {
            return vec![order];
        }
        let typed = self.filter.value().trim().to_lowercase();
        let mut found: Vec<(u32, &Entry)> =
            self.entries.iter().filter_map(|entry| Some((score(&entry.text, &typed)?, entry))).collect();
        // Stable: equal scores keep the order of the table.
        found.sort_by_key(|(score, _)| *score);
        found.into_iter().map(|(_, entry)| entry.clone()).collect()
    }

    /// An entry for a typed order number or id, with or without `order:` before it.
    fn order(&self) -> Option<Entry> {
        let typed = self.filter.value().trim().trim_start_matches('/');
        let typed = typed.strip_prefix("order:").unwrap_or(typed).trim();
        let (command, named) = match (typed.parse::<OrderNumber>(), typed.parse::<OrderId>()) {
            (Ok(number), _) => (Command::FindOrder(number), number.to_string()),
            (Err(_), Ok(id)) => (Command::OpenOrder(id), id.to_string()),
            (Err(_), Err(_)) => return None,
        };
        Some(Entry { command, text: format!("Open order {named}"), key: String::new() })
    }

    pub(crate) fn selected(&self) -> Option<Command> {
        self.lines().get(self.list.cursor).map(|entry| entry.command)
    }
}

/// Score of a text against the typed letters, 0 being best; `None` when not all of them occur in this order.
fn score(text: &str, typed: &str) -> Option<u32> {
    let text = text.to_lowercase();
    if typed.is_empty() {
        return Some(0);
    }
    if let Some(at) = text.find(typed) {
        let starts_word = at == 0 || text[..at].ends_with(' ');
        return Some(if at == 0 {
            0
        } else if starts_word {
            1
        } else {
            2
        });
    }
    let mut letters = text.char_indices();
    let (mut gaps, mut before) = (0, None);
    for wanted in typed.chars().filter(|letter| !letter.is_whitespace()) {
        let (at, _) = letters.find(|(_, letter)| *letter == wanted)?;
        gaps += u32::from(before.is_some_and(|before| at > before + 1));
        before = Some(at);
    }
    Some(10 + gaps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_of_a_word_comes_before_its_middle_and_scattered_letters_come_last() {
        let scores = ["Theme dark", "Next theme", "Anathema", "To her meadow"].map(|text| score(text, "theme"));
        assert_eq!(scores[..3], [Some(0), Some(1), None]);
        assert!(scores[3] > Some(9), "{scores:?}");
        assert_eq!(score("Theme dark", ""), Some(0));
        assert_eq!(score("Theme dark", "xyz"), None);
    }

    #[test]
    fn an_order_is_found_by_its_number_however_it_is_written_and_by_its_id() {
        let number: OrderNumber = "MJVS-JTAY".parse().unwrap();
        let id = OrderId(uuid::Uuid::from_u128(7));
        let typed = |text: &str| {
            let mut palette = Palette::new(&Keymap::default(), Context::Shop, None);
            palette.filter = Input::new(text.to_owned());
            palette.selected()
        };
        for text in ["MJVS-JTAY", "mjvsjtay", " order:MJVS-JTAY", "/order:mjvs-jtay"] {
            assert_eq!(typed(text), Some(Command::FindOrder(number)), "{text}");
        }
        assert_eq!(typed(&id.to_string()), Some(Command::OpenOrder(id)));
        // A typing error finds nothing, and words are words.
        assert_eq!(typed("MJVS-JTAX"), None);
        assert!(matches!(typed("theme"), Some(Command::Action(_) | Command::Theme(_))));
    }

    #[test]
    fn everything_that_has_a_key_can_be_found_once() {
        let keys = Keymap::default();
        for context in [Context::Shop, Context::Order, Context::Replay, Context::Log] {
            let palette = Palette::new(&keys, context, None);
            let commands: Vec<Command> = palette.lines().iter().map(|entry| entry.command).collect();
            for binding in keys.bindings(context) {
                let times = commands.iter().filter(|command| **command == Command::Action(binding.action)).count();
                let moves = matches!(binding.action, Action::Up | Action::Down | Action::Palette);
                assert_eq!(times, usize::from(!moves), "{:?} in {context:?}", binding.action);
            }
        }
    }
}
