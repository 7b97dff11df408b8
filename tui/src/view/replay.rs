//! Draws the screen Replay: what is replayed, and its timeline.

use ratatui::layout::Rect;

use crate::state::Model;
use crate::view::surface::Surface;
use crate::view::text::{put, put_right, width};
use crate::view::theme::Theme;
use crate::view::{below, row, timeline, when};

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let (Some(replay), Some(open)) = (&model.replay, &model.order) else { return };
    let head = row(area, 0);
    let now = open.events.last().map(|event| event.time);
    let time = now.map(|at| {
        let day = when::day_or_time(at, model.now, &model.zone);
        let time = when::time_of_day(at, &model.zone);
        if time.starts_with(&day) { time } else { format!("{day}, {time}") }
    });
    let time = time.unwrap_or_default();
    let right = put_right(surface, head.right(), head.y, &time, theme.dim, width(&time));
    put(surface, head.x, head.y, &replay.name, theme.strong, right.saturating_sub(head.x + 1));
    timeline::draw(model, open, theme, below(area, if area.height >= 16 { 2 } else { 1 }), surface);
}
