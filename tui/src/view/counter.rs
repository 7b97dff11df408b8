//! Draws the screen Counter: the shopkeeper's work in five parts.

mod charges;
mod dispatch;
mod products;
mod sales;
mod stock;

use ratatui::layout::{Position, Rect};

use crate::keys::{Action, Context};
use crate::state::{Model, Part};
use crate::view::surface::Surface;
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

/// Scales `count` of `scale` to `width` cells, rounded to the nearest; at least one above 0.
pub(super) fn scaled(count: u64, scale: u64, width: u16) -> u16 {
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
