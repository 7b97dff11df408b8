//! Draws the last line: the keys that are most useful at this moment, from the key table. Help is always among them; it
//! has the rest.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use crate::keys::{Action, Binding};
use crate::state::Model;
use crate::view::surface::Surface;
use crate::view::text::width;
use crate::view::theme::Theme;
use crate::view::widgets::OneLine;

/// Maximum number of keys beside those for help and quitting.
const MAX_HINTS: usize = 8;
/// Cells between two hints.
const GAP: u16 = 2;

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let margin = if area.width >= 60 { 2 } else { 1 };
    let area = Rect { x: area.x + margin, width: area.width.saturating_sub(2 * margin), ..area };
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
        .partition(|hint| matches!(hint.action, Action::Help | Action::Close));
    let mut room = (area.width + GAP).saturating_sub(last.iter().map(Hint::width).sum());
    let fits = |hint: &Hint| {
        let fits = hint.width() <= room;
        room = room.saturating_sub(hint.width());
        fits
    };
    let shown: Vec<Hint> = first.into_iter().take(MAX_HINTS).take_while(fits).chain(last).collect();
    let mut x = area.x;
    for hint in shown {
        if x + hint.width() > area.right() + GAP {
            break;
        }
        let slot = Rect { x, width: hint.width() - GAP, ..area };
        let words = [Span::styled(hint.key.clone(), theme.accent), Span::styled(format!(" {}", hint.text), theme.dim)];
        OneLine::new(Line::from_iter(words)).render(slot, surface);
        surface.button(slot, hint.action);
        x += hint.width();
    }
}

/// A key and what it does.
struct Hint {
    action: Action,
    key: String,
    text: &'static str,
}

impl Hint {
    /// Its width with the gap after it, in cells.
    fn width(&self) -> u16 {
        width(&self.key) + 1 + width(self.text) + GAP
    }
}

/// The label of a hint's key; a pair of keys shows both, where the hint is about both.
fn label(binding: &Binding, here: &[&Binding]) -> String {
    let other = match binding.action {
        Action::NextShelf => Some((Action::PreviousShelf, true)),
        Action::NextPart => Some((Action::PreviousPart, true)),
        Action::NextPaper => Some((Action::PreviousPaper, true)),
        Action::NextEvent => Some((Action::PreviousEvent, true)),
        Action::NextProduct => Some((Action::PreviousProduct, true)),
        Action::NextChoice => Some((Action::PreviousChoice, true)),
        Action::Down => Some((Action::Up, true)),
        Action::More if binding.hint == "how much" => Some((Action::Fewer, false)),
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
