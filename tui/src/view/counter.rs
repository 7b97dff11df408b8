//! Draws the screen Counter: the shopkeeper's work in five parts.

mod charges;
mod dispatch;
mod products;
mod sales;
mod stock;

use ratatui::layout::{Position, Rect};
use tui_input::Input;

use crate::keys::{Action, Context};
use crate::state::{Model, Part};
use crate::view::surface::Surface;
use crate::view::text::{put, put_right, visible};
use crate::view::theme::Theme;
use crate::view::{below, parts, row};

/// Draws the screen; returns the cursor of the search that is being typed.
pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) -> Option<Position> {
    draw_parts(model, theme, row(area, 0), surface);
    let body = below(area, if area.height >= 14 { 2 } else { 1 });
    match model.counter.part {
        Part::Stock => {
            stock::draw(model, theme, body, surface);
            None
        }
        Part::Products => products::draw(model, theme, body, surface),
        Part::Orders => dispatch::draw(model, theme, body, surface),
        Part::Sales => {
            sales::draw(model, theme, body, surface);
            None
        }
        Part::Charges => {
            charges::draw(model, theme, body, surface);
            None
        }
    }
}

/// Draws the names of the parts.
fn draw_parts(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let [before, next] =
        [Action::PreviousPart, Action::NextPart].map(|action| model.keys.label(Context::CounterSales, action));
    let open = model.counter.part as usize;
    parts::draw(&Part::ALL.map(Part::name), open, &format!("{before}{next}"), theme, area, surface);
}

/// The hint that names the key to clear a search.
fn search_off(model: &Model) -> String {
    if model.counter.typing {
        return "Esc takes the search off.".to_owned();
    }
    format!("{} and then Esc takes the search off.", model.key(Action::Search))
}

/// Draws the head of a list: its title, the search and the number of lines; returns the search's cursor.
fn head(
    model: &Model,
    what: &str,
    (search, count): (&Input, &str),
    theme: &Theme,
    area: Rect,
    surface: &mut Surface<'_>,
) -> Option<Position> {
    let right = put_right(surface, area.right(), area.y, count, theme.dim, 16);
    let room = |x: u16| right.saturating_sub(x + 1);
    let mut x = put(surface, area.x, area.y, what, theme.text, room(area.x)) + 2;
    let typing = model.counter.typing;
    if !typing && search.value().is_empty() {
        return None;
    }
    x = put(surface, x, area.y, "/ ", theme.accent, room(x));
    let field = room(x).min(28);
    let (shown, at) = visible(search, field);
    if typing {
        surface.set_style(Rect { x, width: field, height: 1, ..area }, theme.field);
    }
    put(surface, x, area.y, &shown, if typing { theme.field } else { theme.strong }, field);
    typing.then(|| Position::new(x + at.min(field), area.y))
}

/// Scales `count` of `scale` to `width` cells, rounded to the nearest; at least one above 0.
fn scaled(count: u64, scale: u64, width: u16) -> u16 {
    let (count, scale, width) = (u128::from(count), u128::from(scale.max(1)), u128::from(width));
    let cells = (count * width * 2 + scale) / (scale * 2);
    let cells = if count > 0 { cells.max(1) } else { 0 };
    u16::try_from(cells.min(width)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_rounded_and_something_is_never_nothing() {
        let cells = [(0, 100), (1, 1_000), (24, 100), (25, 100), (100, 100), (500, 100), (7, 0)];
        assert_eq!(cells.map(|(count, scale)| scaled(count, scale, 10)), [0, 1, 2, 3, 10, 10, 10]);
        assert_eq!(scaled(u64::MAX, u64::MAX, 60), 60);
        assert_eq!(scaled(1, 2, 0), 0);
    }
}
