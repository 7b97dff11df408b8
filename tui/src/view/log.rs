//! Draws the screen Log: the live event log with filter and rate.

use ratatui::layout::{Position, Rect};
use ratatui::symbols::bar;
use ratatui::widgets::{Sparkline, Widget};

use crate::state::{Log, Model};
use crate::view::event::{self, LinePrefix};
use crate::view::surface::Surface;
use crate::view::text::{put, put_right, visible};
use crate::view::theme::Theme;
use crate::view::timeline::badge;
use crate::view::{below, instead, row, when};

/// Number of bars of the event rate, and the milliseconds of each.
const RATE_BARS: usize = 24;
const RATE_BAR_MS: i64 = 2_500;
/// Bars that begin with a line where there is nothing.
const BARS: bar::Set<'_> = bar::Set { empty: bar::ONE_EIGHTH, ..bar::NINE_LEVELS };

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) -> Option<Position> {
    let log = &model.log;
    let head = row(area, 0);
    let (badge, style) = badge(model, !log.paused, log.missed, theme);
    let mut right = put_right(surface, head.right(), head.y, &badge, style, 16).saturating_sub(2);
    if area.width >= 60 {
        let wide = u16::try_from(RATE_BARS).unwrap_or(24);
        let bars = Rect { x: right.saturating_sub(wide), width: wide, ..head };
        Sparkline::default().data(rate(log)).bar_set(BARS).style(theme.dim).render(bars, surface);
        right = bars.x.saturating_sub(2);
    }
    let cursor = filter(log, theme, Rect { width: right.saturating_sub(head.x), ..head }, surface);
    let mut body = below(area, if area.height >= 16 { 2 } else { 1 });
    if log.len() == 0 {
        let (title, more) = match (log.loaded, log.events.is_empty()) {
            (false, _) => ("Fetching the log", "A moment, please."),
            (true, true) => {
                ("Nothing has happened yet", "Everything that happens in the shop shows up here as it happens.")
            }
            (true, false) => ("Nothing passes the filter", "Esc takes it off."),
        };
        instead(theme, body, title, more, surface);
        return cursor;
    }
    if log.detail
        && let Some(event) = log.selected()
    {
        let time = event.time.to_string();
        if body.width >= 100 {
            let wide = body.width * 2 / 5;
            event::whole(
                event,
                &time,
                log.detail_scroll,
                theme,
                Rect { x: body.right() - wide, width: wide, ..body },
                surface,
            );
            body.width -= wide + 2;
        } else {
            let high = body.height / 2;
            event::whole(event, &time, log.detail_scroll, theme, below(body, body.height - high), surface);
            body.height -= high + 1;
        }
    }
    lines(model, theme, body, surface);
    cursor
}

fn lines(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let log = &model.log;
    for (place, row, chosen) in surface.list(theme, area, log.list.cursor, log.len()) {
        let Some(event) = log.line(place) else { continue };
        let time = when::time_of_day(event.time, &model.zone);
        event::line(event, &LinePrefix { time: &time, time_width: 8 }, chosen, theme, row, surface);
    }
}

fn filter(log: &Log, theme: &Theme, area: Rect, surface: &mut Surface<'_>) -> Option<Position> {
    let words = log.filter.value();
    if !log.typing && words.is_empty() {
        let count = format!("{} events", log.events.len());
        put(surface, area.x, area.y, &count, theme.text, area.width);
        return None;
    }
    let x = put(surface, area.x, area.y, "/ ", theme.accent, area.width);
    let room = area.right().saturating_sub(x).min(if log.typing { 30 } else { 48 });
    if log.typing {
        surface.set_style(Rect { x, y: area.y, width: room, height: 1 }, theme.field);
    }
    let (shown, at) = if log.typing { visible(&log.filter, room) } else { (words.to_owned(), 0) };
    let end = put(surface, x, area.y, &shown, if log.typing { theme.field } else { theme.strong }, room);
    if !log.typing {
        let count = format!("{} of {}", log.len(), log.events.len());
        put(surface, end + 2, area.y, &count, theme.dim, area.right().saturating_sub(end + 2));
    }
    log.typing.then(|| Position::new(x + at.min(room), area.y))
}

/// The number of events in each part of the minute before the latest event.
fn rate(log: &Log) -> [u64; RATE_BARS] {
    let mut bars = [0; RATE_BARS];
    let Some(last) = log.events.back().map(|event| event.time.unix_ms()) else { return bars };
    for event in log.events.iter().rev() {
        let ago = usize::try_from((last - event.time.unix_ms()).max(0) / RATE_BAR_MS).unwrap_or(RATE_BARS);
        if ago >= RATE_BARS {
            break;
        }
        bars[RATE_BARS - 1 - ago] += 1;
    }
    // Something is higher than nothing, however little it is.
    let least = bars.iter().copied().max().unwrap_or(0).div_ceil(4);
    bars.map(|count| if count > 0 { count.max(least) } else { 0 })
}
