//! Draws the model and reads nothing else: the screen follows from the model, the theme and its size. Besides the
//! terminal, the only module that knows the drawing library.

pub(crate) mod account;
mod basket;
pub(crate) mod canvas;
mod checkout;
mod counter;
mod document;
mod event;
mod fields;
mod form;
mod header;
mod help;
mod hints;
mod json;
mod lab;
mod labels;
mod lanes;
pub(crate) mod links;
mod list_head;
mod log;
mod order;
mod orders;
mod palette;
mod panes;
mod parcel;
mod parts;
mod preferences;
mod process_detail;
mod processes;
mod product;
mod replay;
mod scrubber;
mod shop;
mod steps;
mod surface;
pub(crate) mod svg;
#[cfg(test)]
pub(crate) mod tests;
mod text;
pub(crate) mod theme;
mod timeline;
mod tree;
pub(crate) mod when;
mod widgets;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::Style;
use ratatui::widgets::{Block, Borders, Clear, Widget};

use crate::keys::{Action, Context};
use crate::state::{Connection, Failure, Model, Screen, Tone};
pub(crate) use surface::Hits;
use surface::Surface;
use theme::Theme;

/// Minimum columns and rows of a usable screen.
const MIN_SIZE: (u16, u16) = (40, 12);

/// Draws everything; returns the regions that take clicks.
pub(crate) fn view(model: &Model, theme: &Theme, frame: &mut Frame) -> Hits {
    let area = frame.area();
    let mut surface = Surface::new(frame.buffer_mut());
    surface.set_style(area, theme.text);
    let cursor = if area.width < MIN_SIZE.0 || area.height < MIN_SIZE.1 {
        too_small(theme, area, &mut surface);
        None
    } else {
        draw(model, theme, area, &mut surface)
    };
    let hits = surface.into_hits();
    if let Some(cursor) = cursor.filter(|cursor| area.contains(*cursor)) {
        frame.set_cursor_position(cursor);
    }
    hits
}

fn draw(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) -> Option<Position> {
    let airy = area.height >= 20;
    header::draw(model, theme, Rect { height: 1, ..area }, surface);
    let mut top = 1;
    if airy {
        text::rule(surface, area, 1, theme.faint);
        top = 2;
    }
    for text in banners(model, area.width) {
        banner(theme, Rect { y: top, height: 1, ..area }, &text, surface);
        top += 1;
    }
    let foot = area.height - 1;
    hints::draw(model, theme, Rect { y: foot, height: 1, ..area }, surface);
    let margin = if area.width >= 60 { 2 } else { 1 };
    let body = Rect {
        x: margin,
        y: top + u16::from(airy),
        width: area.width - 2 * margin,
        height: foot.saturating_sub(top + 2 * u16::from(airy)),
    };
    let mut own = body;
    if let Some(other) = model.beside(area.width) {
        let [left, gap, right] = Layout::horizontal([
            Constraint::Length(model.own_width(area.width) - 2 * margin),
            Constraint::Length(3),
            Constraint::Fill(1),
        ])
        .areas(body);
        Block::new().borders(Borders::RIGHT).border_style(theme.faint).render(Rect { width: 2, ..gap }, surface);
        // A click there would mean lines of the open screen.
        surface.without_hits(|surface| beside(model, other, theme, right, surface));
        own = left;
    }
    let body = own;
    let cursor = match model.screen {
        closed if model.is_closed(closed) => {
            let more = for_operators(model);
            instead(theme, body, "For operators", &more, surface);
            None
        }
        Screen::Shop => shop::draw(model, theme, body, surface),
        Screen::Basket => {
            basket::draw(model, theme, body, surface);
            None
        }
        Screen::Checkout => checkout::draw(model, theme, body, surface),
        Screen::Orders => orders::draw(model, theme, body, surface),
        Screen::Order => {
            order::draw(model, theme, body, surface);
            surface.cursor()
        }
        Screen::Log => log::draw(model, theme, body, surface),
        Screen::Processes => processes::draw(model, theme, body, surface),
        Screen::Lab => lab::draw(model, theme, body, surface),
        Screen::Counter => counter::draw(model, theme, body, surface),
        Screen::Account => {
            account::draw(model, theme, body, surface);
            None
        }
        Screen::Replay => {
            replay::draw(model, theme, body, surface);
            surface.cursor()
        }
    };
    let cursor = cursor.filter(|_| model.paper.is_none());
    let spare = if area.height >= TOAST_AT_TOP_MIN_HEIGHT { top } else { foot - u16::from(airy) };
    let spare = Rect { y: spare, height: 1, x: margin, width: area.width - 2 * margin };
    if let Some(open) = &model.paper {
        document::draw(open, theme, area, surface);
    }
    toast(model, theme, spare, surface);
    if let Some(open) = &model.help {
        return help::draw(open, model, theme, area, surface);
    }
    if let Some(open) = &model.palette {
        return palette::draw(open, model, theme, area, surface);
    }
    if let Some(open) = &model.panes {
        panes::draw(open, model, theme, area, surface);
        return None;
    }
    if let Some(open) = &model.preferences_view {
        preferences::draw(open, model, theme, area, surface);
        return None;
    }
    if let Some(open) = &model.form {
        return form::draw(open, model, theme, area, surface);
    }
    if let Some(question) = &model.question {
        help::ask(model, *question, theme, area, surface);
        return None;
    }
    cursor
}

/// Draws the screen beside the open one.
fn beside(model: &Model, other: Screen, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    match other {
        closed if model.is_closed(closed) => instead(theme, area, "For operators", &for_operators(model), surface),
        Screen::Basket => basket::draw(model, theme, area, surface),
        Screen::Orders => _ = orders::draw(model, theme, area, surface),
        Screen::Order => order::draw(model, theme, area, surface),
        Screen::Log => _ = log::draw(model, theme, area, surface),
        Screen::Processes => _ = processes::draw(model, theme, area, surface),
        Screen::Counter => _ = counter::draw(model, theme, area, surface),
        // The last four never stand beside another screen.
        Screen::Shop | Screen::Checkout | Screen::Lab | Screen::Account | Screen::Replay => {
            _ = shop::draw(model, theme, area, surface);
        }
    }
}

fn too_small(theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let message = format!("Please make the window larger: {} × {} at least.", MIN_SIZE.0, MIN_SIZE.1);
    for (y, line) in (area.top()..area.bottom()).zip(text::wrap(&message, area.width)) {
        text::put(surface, area.x, y, &line, theme.text, area.width);
    }
}

/// Texts that every screen shows: the shop is unreachable, it was started over, a list is paused.
fn banners(model: &Model, width: u16) -> Vec<String> {
    let cut_off = match &model.connection {
        Connection::Offline { reason, .. } => {
            // On a narrow screen, what the header says already gives way to the reason.
            Some(match reason.split_once(" cannot be reached: ") {
                Some((_, why)) if width < 100 => format!("◌ No shop: {why} Trying again by itself."),
                Some(_) | None => format!("◌ {reason} Trying again by itself."),
            })
        }
        Connection::Opening | Connection::Live => None,
    };
    let unfit = model.unfit.first().map(|reason| match (model.disk_is_full(), width) {
        (true, 80..) => {
            "! The disk of the shop is full: nothing can be bought or changed until there is room.".to_owned()
        }
        (true, _) => "! The disk of the shop is full.".to_owned(),
        (false, _) => format!("! The shop cannot do its work: {reason}"),
    });
    let started_over = model.started_over.map(|known| {
        let at = when::time_of_day(known.at, &model.zone);
        match width {
            70.. => format!("↺ The shop was started over at {}; what was before is gone.", at.get(..8).unwrap_or(&at)),
            _ => format!("↺ The shop was started over at {}", at.get(..5).unwrap_or(&at)),
        }
    });
    let stale = model.stale_view().map(|view| {
        let (position, head) = (view.position, model.log.last_position.max(view.position));
        let key = model.keys.label(Context::Shop, Action::GoProcesses);
        match width {
            100.. => {
                format!("‖ This list is paused at position {position}; the log is at {head}. Resume it under {key}.")
            }
            70..100 => format!("‖ This list is paused at position {position}; the log is at {head}."),
            _ => format!("‖ Paused at {position}; the log is at {head}."),
        }
    });
    [cut_off, unfit, started_over, stale].into_iter().flatten().collect()
}

fn banner(theme: &Theme, area: Rect, message: &str, surface: &mut Surface<'_>) {
    let margin = if area.width >= 60 { 2 } else { 1 };
    text::put(surface, area.x + margin, area.y, message, theme.warn, area.width - 2 * margin);
}

/// Height from which a toast is at the top, where the eye is, instead of at the bottom.
const TOAST_AT_TOP_MIN_HEIGHT: u16 = 30;

/// Draws the latest toasts, errors first, in a row: on a high screen below the header, otherwise above the hint bar or in
/// its place; on a narrow screen on up to three lines.
fn toast(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let bad = model.toasts.iter().rev().find(|toast| toast.tone == Tone::Bad);
    let Some(toast) = bad.or(model.toasts.last()) else { return };
    let (sign, style) = match toast.tone {
        Tone::Good => ("✓", theme.good),
        Tone::Plain => ("·", theme.text),
        Tone::Bad => ("!", theme.bad),
    };
    let lines = text::wrap_into(&toast.text, area.width.saturating_sub(4), 3);
    let widest = lines.iter().map(|line| text::width(line) + 4).max().unwrap_or(0);
    let wide = if lines.len() > 1 { area.width } else { widest.min(area.width) };
    let high = u16::try_from(lines.len()).unwrap_or(1);
    let cells = if surface.area.height >= TOAST_AT_TOP_MIN_HEIGHT {
        Rect { width: wide, height: high, ..area }
    } else {
        Rect { x: area.right() - wide, width: wide, y: (area.y + 1).saturating_sub(high), height: high }
    };
    let style = theme.text.patch(style).patch(theme.selected);
    Clear.render(cells, surface);
    surface.set_style(cells, style);
    for (place, line) in lines.iter().enumerate() {
        let sign = if place == 0 { sign } else { " " };
        text::put(surface, cells.x, row(cells, place).y, &format!(" {sign} {line} "), style, wide);
    }
}

/// Draws a title and a text in the middle of an area without other content.
fn instead(theme: &Theme, area: Rect, title: &str, more: &str, surface: &mut Surface<'_>) {
    let lines = text::wrap(more, area.width.min(60));
    let height = u16::try_from(lines.len() + 2).unwrap_or(area.height);
    let mut y = area.y + area.height.saturating_sub(height) / 3;
    let mut centred = |line: &str, style: Style, y: u16| {
        let x = area.x + area.width.saturating_sub(text::width(line)) / 2;
        if y < area.bottom() {
            text::put(surface, x, y, line, style, area.width);
        }
    };
    centred(title, theme.strong, y);
    y += if area.height > 4 { 2 } else { 1 };
    for line in lines {
        centred(&line, theme.dim, y);
        y += 1;
    }
}

/// What is needed where a screen is for operators.
pub(crate) fn for_operators(model: &Model) -> String {
    let key = model.keys.label(Context::ForOperators, Action::SignIn);
    format!("Only operators of this shop see this screen. {key} signs in as one; the basket stays with this computer.")
}

/// As [`instead`], for a failed request.
fn failed(theme: &Theme, area: Rect, what: &str, failure: &Failure, surface: &mut Surface<'_>) {
    instead(theme, area, &format!("{what} did not arrive"), failure.sentence(), surface);
}

/// Draws the number of lines below the visible ones at the right of a row; nothing when there are none.
fn more_below(theme: &Theme, row: Rect, lines: usize, surface: &mut Surface<'_>) {
    if lines > 0 && row.height > 0 {
        text::put_right(surface, row.right(), row.y, &format!(" ↓ {lines} more "), theme.dim, row.width);
    }
}

/// The row of an area, counted from its top.
fn row(area: Rect, line: usize) -> Rect {
    let y = area.y.saturating_add(u16::try_from(line).unwrap_or(u16::MAX));
    Rect { y, height: 1, ..area }.intersection(area)
}

/// An area without its first rows.
fn below(area: Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    Rect { y: area.y + rows, height: area.height - rows, ..area }
}
