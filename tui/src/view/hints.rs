//! Draws the last line: the keys that do something at this moment, from the key table, as many as fit. Help is always
//! among them.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::keys::{Action, Binding};
use crate::state::Model;
use crate::view::text::{put, width};
use crate::view::theme::Theme;

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let margin = if area.width >= 60 { 2 } else { 1 };
    let here: Vec<&Binding> = model.keys.bindings(model.context()).filter(|binding| !binding.keys.is_empty()).collect();
    let hint = |binding: &&Binding| Hint {
        action: binding.action,
        key: label(binding, &here),
        text: model.toggled_hint(binding.action).unwrap_or(binding.hint),
    };
    let (last, first): (Vec<Hint>, Vec<Hint>) = here
        .iter()
        .filter(|binding| !binding.hint.is_empty() && model.is_available(binding.action))
        .map(hint)
        .partition(|hint| matches!(hint.action, Action::Help | Action::Quit));
    let reserved: u16 = last.iter().map(hint_width).sum();
    let right = area.right().saturating_sub(margin);
    let mut x = area.x + margin;
    for hint in first {
        if x + hint_width(&hint) + reserved > right + 2 {
            break;
        }
        x = draw_hint(buffer, x, area.y, &hint, theme, right);
    }
    for hint in last {
        if x + hint_width(&hint) > right + 2 {
            break;
        }
        x = draw_hint(buffer, x, area.y, &hint, theme, right);
    }
}

/// A key and what it does.
struct Hint {
    action: Action,
    key: String,
    text: &'static str,
}

fn draw_hint(buffer: &mut Buffer, x: u16, y: u16, hint: &Hint, theme: &Theme, right: u16) -> u16 {
    let x = put(buffer, x, y, &hint.key, theme.accent, right.saturating_sub(x));
    put(buffer, x + 1, y, hint.text, theme.dim, right.saturating_sub(x + 1)) + 2
}

/// Width of a hint with the gap after it, in cells.
fn hint_width(hint: &Hint) -> u16 {
    width(&hint.key) + 1 + width(hint.text) + 2
}

/// The label of a hint's key; a pair of keys shows both, where the hint is about both.
fn label(binding: &Binding, here: &[&Binding]) -> String {
    let other = match binding.action {
        Action::NextShelf => Some((Action::PreviousShelf, true)),
        Action::NextPart => Some((Action::PreviousPart, true)),
        Action::NextPaper => Some((Action::PreviousPaper, true)),
        Action::NextEvent => Some((Action::PreviousEvent, true)),
        Action::NextChoice => Some((Action::PreviousChoice, true)),
        Action::Down => Some((Action::Up, true)),
        Action::More if matches!(binding.hint, "quantity" | "how much") => Some((Action::Fewer, false)),
        Action::Faster => Some((Action::Slower, false)),
        _ => None,
    };
    let first = binding.first_key();
    let partner = other.and_then(|(action, before)| {
        let partner = here.iter().find(|partner| partner.action == action && partner.place == binding.place)?;
        Some((partner.first_key(), before))
    });
    match partner {
        Some((partner, true)) => format!("{partner}{first}"),
        Some((partner, false)) => format!("{first}{partner}"),
        None => first,
    }
}
