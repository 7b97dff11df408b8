//! The last line: the keys that work now, from the key table, as many as fit. Help is always among them.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::keys::{self, Action, Binding};
use crate::state::Model;
use crate::view::text::{put, width};
use crate::view::theme::Theme;

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let margin = if area.width >= 60 { 2 } else { 1 };
    let shown: Vec<&Binding> = keys::bindings(model.context()).filter(|binding| !binding.hint.is_empty()).collect();
    let (last, first): (Vec<&Binding>, Vec<&Binding>) =
        shown.into_iter().partition(|binding| matches!(binding.action, Action::Help | Action::Quit));
    let reserved: u16 = last.iter().map(|binding| taken(binding)).sum();
    let right = area.right().saturating_sub(margin);
    let mut x = area.x + margin;
    for binding in first {
        if x + taken(binding) + reserved > right + 2 {
            break;
        }
        x = one(buffer, x, area.y, binding, theme, right);
    }
    for binding in last {
        if x + taken(binding) > right + 2 {
            break;
        }
        x = one(buffer, x, area.y, binding, theme, right);
    }
}

fn one(buffer: &mut Buffer, x: u16, y: u16, binding: &Binding, theme: &Theme, right: u16) -> u16 {
    let x = put(buffer, x, y, &label(binding), theme.accent, right.saturating_sub(x));
    put(buffer, x + 1, y, binding.hint, theme.dim, right.saturating_sub(x + 1)) + 2
}

/// The cells of a hint and the gap after it.
fn taken(binding: &Binding) -> u16 {
    width(&label(binding)) + 1 + width(binding.hint) + 2
}

/// The key that is shown; pairs that belong together show both.
fn label(binding: &Binding) -> String {
    match binding.action {
        Action::NextShelf => "←→".to_owned(),
        Action::More if binding.hint == "quantity" => "+-".to_owned(),
        Action::NextChoice => "↑↓".to_owned(),
        Action::Down => "↑↓".to_owned(),
        _ => binding.keys.first().map(ToString::to_string).unwrap_or_default(),
    }
}
