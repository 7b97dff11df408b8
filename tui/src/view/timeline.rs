//! Draws the timeline of an order in its views, with the details of the selected event beside it where wanted.

use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use crate::state::{Connection, Model, OpenOrder, Screen, TimelineView, shown_speed};
use crate::view::event::{self, LinePrefix};
use crate::view::surface::Surface;
use crate::view::text::{put, put_right, rule, visible};
use crate::view::theme::Theme;
use crate::view::{below, lanes, scrubber, tree, when};

/// Draws the timeline under a rule with the names of the views and whether it is live.
pub(super) fn draw(model: &Model, open: &OpenOrder, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    if area.height == 0 {
        return;
    }
    heading(model, open, theme, area, surface);
    let mut body = below(area, 1);
    if open.detail
        && let Some(event) = open.selected()
    {
        let time = event.time.to_string();
        if area.width >= 100 {
            let wide = body.width * 2 / 5;
            let side = Rect { x: body.right() - wide, width: wide, ..body };
            event::whole(event, &time, open.detail_scroll, theme, side, surface);
            body.width -= wide + 2;
        } else {
            return event::whole(event, &time, open.detail_scroll, theme, body, surface);
        }
    }
    if open.events.is_empty() {
        put(surface, body.x + 2, body.y, "Nothing has happened yet.", theme.dim, body.width);
        return;
    }
    match open.view {
        TimelineView::List => list(model, open, theme, body, surface),
        TimelineView::Lanes => lanes::draw(model, open, theme, body, surface),
        TimelineView::Tree => tree::draw(model, open, theme, body, surface),
        TimelineView::Scrubber => scrubber::draw(model, open, theme, body, surface),
    }
}

fn heading(model: &Model, open: &OpenOrder, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    rule(surface, area, area.y, theme.faint);
    let mut x = put(surface, area.x, area.y, "Timeline ", theme.dim, area.width);
    // The progress of a checkout has only the list.
    if model.screen != Screen::Checkout {
        let count = TimelineView::ALL.len() - usize::from(model.screen == Screen::Replay);
        for view in TimelineView::ALL.into_iter().take(count) {
            let chosen = view == open.view;
            if chosen || area.width >= 70 {
                x = put(surface, x, area.y, " ", theme.dim, 1);
                x = put(surface, x, area.y, view.name(), if chosen { theme.tab } else { theme.dim }, 9);
                x = put(surface, x, area.y, " ", theme.dim, 1);
            }
        }
    }
    x = search(open, theme, Rect { x: x + 1, width: area.right().saturating_sub(x + 18), ..area }, surface);
    let (badge, style) = match &model.replay {
        Some(replay) => {
            let sign = if replay.playing { "▶" } else { "‖" };
            let count = format!("{} of {}", replay.played, replay.events.len());
            (
                format!("[{sign} {count} {}]", shown_speed(replay.speed)),
                if replay.playing { theme.good } else { theme.warn },
            )
        }
        None => badge(model, open.following, open.missed, theme),
    };
    put_right(surface, area.right(), area.y, &format!(" {badge}"), style, area.right().saturating_sub(x));
}

/// Draws the words that are searched for, and which match is selected; returns where that ends.
fn search(open: &OpenOrder, theme: &Theme, area: Rect, surface: &mut Surface<'_>) -> u16 {
    if !open.typing && open.find.value().is_empty() {
        return area.x.saturating_sub(1);
    }
    let x = put(surface, area.x, area.y, " / ", theme.accent, area.width);
    let room = area.right().saturating_sub(x).min(24);
    let style = if open.typing { theme.field } else { theme.strong };
    let (shown, at) = visible(&open.find, room);
    if open.typing {
        put(surface, x, area.y, &" ".repeat(usize::from(room)), theme.field, room);
        surface.place_cursor(Position::new(x + at.min(room), area.y));
    }
    let end = put(surface, x, area.y, &shown, style, room);
    let (here, all) = open.matches();
    let count = match (here, all) {
        (_, 0) => " none ".to_owned(),
        (0, all) => format!(" {all} "),
        (here, all) => format!(" {here} of {all} "),
    };
    let end = if open.typing { x + room } else { end };
    put(surface, end, area.y, &count, theme.dim, area.right().saturating_sub(end))
}

fn list(model: &Model, open: &OpenOrder, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    for (place, row, chosen) in surface.list(theme, area, open.list.cursor, open.events.len()) {
        let time = event::elapsed(model, open, place);
        event::line(&open.events[place], &LinePrefix { time: &time, time_width: 8 }, chosen, theme, row, surface);
    }
}

/// The badge of a list of events: `[live]`, `[paused +12]`, `[stale 8 s]`.
pub(super) fn badge(model: &Model, following: bool, missed: usize, theme: &Theme) -> (String, Style) {
    match &model.connection {
        Connection::Offline { since, .. } => (format!("[stale {}]", when::age_of(model, *since)), theme.warn),
        Connection::Opening => ("[opening]".to_owned(), theme.dim),
        Connection::Live if following => ("[live]".to_owned(), theme.good),
        Connection::Live if missed == 0 => ("[paused]".to_owned(), theme.warn),
        Connection::Live => (format!("[paused +{missed}]"), theme.warn),
    }
}
