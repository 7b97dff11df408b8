//! Draws the screen Processes: the table of processes and read models, and the selected one.

use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use storefront_api::{Process, ProcessState, View};

use crate::state::{Load, Model, Processes, Row, process_sentence};
use crate::view::surface::Surface;
use crate::view::text::{first_line, put, put_right, rule, sparkline, width};
use crate::view::theme::Theme;
use crate::view::timeline::badge;
use crate::view::{below, failed, instead, more_below, process_detail, row};

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) -> Option<Position> {
    let processes = &model.processes;
    heading(model, theme, row(area, 0), surface);
    let body = below(area, if area.height >= 16 { 2 } else { 1 });
    match &processes.load {
        Load::Loading => {
            instead(theme, body, "Looking at what the shop does by itself", "A moment, please.", surface);
            return None;
        }
        Load::Failed(failure) => {
            failed(theme, body, "The processes", failure, surface);
            return None;
        }
        Load::Ready => {}
    }
    if body.width >= 100 {
        let wide = (body.width * 3 / 5).max(72);
        table(processes, theme, Rect { width: wide, ..body }, surface);
        let side = Rect { x: body.x + wide + 3, width: body.width - wide - 3, ..body };
        process_detail::draw(model, theme, side, surface);
    } else if body.height >= 16 {
        let lines = u16::try_from(processes.len() + 2).unwrap_or(u16::MAX);
        // With the focus inside, the details need more room.
        let fifths = if processes.inside { 2 } else { 3 };
        let high = lines.min(body.height * fifths / 5);
        table(processes, theme, Rect { height: high, ..body }, surface);
        rule(surface, body, body.y + high, theme.faint);
        let lines = processes.len() + 2;
        let below_it = lines.saturating_sub(first_line(cursor(processes), lines, high) + usize::from(high));
        more_below(theme, row(body, usize::from(high)), below_it, surface);
        process_detail::draw(model, theme, below(body, high + 1), surface);
    } else if processes.inside {
        process_detail::draw(model, theme, body, surface);
    } else {
        table(processes, theme, body, surface);
    }
    None
}

/// Draws what is out of the ordinary, and whether the table is up to date.
fn heading(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let (badge, style) = badge(model, true, 0, theme);
    let right = put_right(surface, area.right(), area.y, &badge, style, 16).saturating_sub(1);
    let processes = &model.processes;
    if processes.load != Load::Ready {
        return;
    }
    let retrying = processes.processes.iter().filter(|process| process.retrying > 0).count();
    let parked: u64 = processes.processes.iter().map(|process| process.parked).sum();
    let parts = [
        (processes.rows().filter(Row::was_paused).count(), "paused"),
        (retrying, "retrying"),
        (usize::try_from(parked).unwrap_or(usize::MAX), "parked"),
    ];
    let told: Vec<String> =
        parts.into_iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    let (text, style) = match told.is_empty() {
        true => ("Everything runs by itself".to_owned(), theme.text),
        false => (told.join(", "), theme.warn),
    };
    put(surface, area.x, area.y, &text, style, right.saturating_sub(area.x));
}

/// Head of the first part of the table, which also names the columns.
const PROCESSES: &str = "Processes";

/// A line of the table as it is drawn.
enum Line<'a> {
    Head(&'static str),
    Row(usize, Row<'a>),
}

/// Index of the cursor's line in the table, heads included.
fn cursor(processes: &Processes) -> usize {
    let at = processes.list.cursor;
    at + 1 + usize::from(at >= processes.processes.len())
}

fn table(processes: &Processes, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let mut lines = vec![Line::Head(PROCESSES)];
    for (place, row) in processes.rows().enumerate() {
        if place == processes.processes.len() {
            lines.push(Line::Head("Read models"));
        }
        lines.push(Line::Row(place, row));
    }
    let columns = Columns::of(processes, theme, area);
    let chosen = |line: &Line| matches!(line, Line::Row(place, _) if *place == processes.list.cursor);
    let first = first_line(cursor(processes), lines.len(), area.height);
    for (place, line) in lines.iter().skip(first).take(usize::from(area.height)).enumerate() {
        let row = row(area, place);
        match line {
            Line::Head(title) => captions(title, &columns, theme, row, surface),
            Line::Row(place, what) => {
                let chosen = chosen(line);
                if processes.inside && chosen {
                    put(surface, row.x, row.y, "·", theme.accent, 1);
                } else if !processes.inside {
                    surface.line(theme, row, *place, processes.list.cursor);
                }
                draw_row(processes, what, &columns, theme, (row, chosen && !processes.inside), surface);
            }
        }
    }
}

/// Maximum number of lag samples that are shown.
const MAX_SPARKLINE_LAGS: usize = 8;

/// The right edges of the columns that fit: lag, its history, position; and the width of the last one, the state.
struct Columns {
    lag: Option<u16>,
    lately: Option<u16>,
    position: Option<u16>,
    state: u16,
}

impl Columns {
    fn of(processes: &Processes, theme: &Theme, area: Rect) -> Self {
        // Where room is short, the states take only what they need.
        let widest = processes.rows().map(|row| width(&state_text(processes, &row, theme).0)).max().unwrap_or(0);
        let state = if area.width >= 46 { 17 } else { widest.clamp(7, 17) };
        let mut right = area.right().saturating_sub(state + 2);
        let mut next = |fits: bool, wide: u16| {
            let here = fits.then_some(right);
            right -= if fits { wide } else { 0 };
            here
        };
        let lately = next(area.width >= 66, 10);
        let lag = next(area.width >= 46, 7);
        Self { lag, lately, position: next(area.width >= 84, 8), state }
    }

    /// Right edge of the name.
    fn name_ends(&self, row: Rect) -> u16 {
        match (self.position, self.lag) {
            (Some(right), _) => right - 8,
            (None, Some(right)) => right - 7,
            (None, None) => row.right().saturating_sub(self.state + 1),
        }
    }
}

fn captions(title: &str, columns: &Columns, theme: &Theme, row: Rect, surface: &mut Surface<'_>) {
    put(surface, row.x, row.y, title, theme.strong, row.width);
    if title != PROCESSES {
        return;
    }
    for (right, caption) in [(columns.position, "at"), (columns.lag, "behind"), (columns.lately, "lately")] {
        if let Some(right) = right {
            put_right(surface, right, row.y, caption, theme.dim, 7);
        }
    }
}

/// The state of a row in a word or two.
fn state_text(processes: &Processes, what: &Row, theme: &Theme) -> (String, Style) {
    match what {
        Row::Process(process) => state(processes, process, theme),
        Row::View(view) => view_state(processes, view, theme),
    }
}

fn draw_row(
    processes: &Processes,
    what: &Row,
    columns: &Columns,
    theme: &Theme,
    (row, chosen): (Rect, bool),
    surface: &mut Surface<'_>,
) {
    let on_row = |style: Style| if chosen { style.patch(theme.selected) } else { style };
    let (position, lag) = match what {
        Row::Process(process) => (process.position, process.lag),
        Row::View(view) => (view.position, view.lag),
    };
    let (word, style) = state_text(processes, what, theme);
    put(surface, row.right().saturating_sub(columns.state), row.y, &word, on_row(style), columns.state);
    if let Some(right) = columns.lately {
        let lags: Vec<u64> = processes.lags(what).collect();
        let lately = &lags[lags.len().saturating_sub(MAX_SPARKLINE_LAGS)..];
        put_right(surface, right, row.y, &sparkline(lately), on_row(theme.dim), 8);
    }
    if let Some(right) = columns.lag {
        let style = if lag > 0 { theme.warn } else { theme.dim };
        put_right(surface, right, row.y, &lag.to_string(), on_row(style), 7);
    }
    if let Some(right) = columns.position {
        put_right(surface, right, row.y, &position.to_string(), on_row(theme.dim), 8);
    }
    let end = columns.name_ends(row);
    put(surface, row.x + 2, row.y, &name(what), on_row(theme.text), end.saturating_sub(row.x + 3));
}

/// Title of a row.
pub(super) fn name(row: &Row) -> String {
    match row {
        Row::Process(process) => process_sentence(&process.name),
        Row::View(_) => row.target().title(),
    }
}

/// The state of a process in a word or two.
pub(super) fn state(processes: &Processes, process: &Process, theme: &Theme) -> (String, Style) {
    let paused = processes.is_paused(&Row::Process(process));
    let (word, style) = match (process.state, paused) {
        (ProcessState::Paused, false) => ("resuming…".to_owned(), theme.accent),
        (ProcessState::Paused, true) if process.unfinished > 0 => {
            (format!("paused, {} wait", process.unfinished), theme.warn)
        }
        (ProcessState::Paused, true) => ("paused".to_owned(), theme.warn),
        (_, true) => ("pausing…".to_owned(), theme.warn),
        (ProcessState::Idle, false) => ("running".to_owned(), theme.dim),
        (ProcessState::Working, false) => ("working".to_owned(), theme.accent),
        (ProcessState::Retrying, false) => (format!("retrying {}", process.retrying), theme.warn),
        (ProcessState::WaitingForLease, false) => ("on another server".to_owned(), theme.dim),
        (ProcessState::Unknown, false) => ("unknown state".to_owned(), theme.warn),
    };
    match (process.parked, process.state) {
        (0, _) => (word, style),
        (parked, ProcessState::Paused) => (format!("paused, {parked} parked"), theme.bad),
        (parked, _) => (format!("{parked} parked"), theme.bad),
    }
}

fn view_state(processes: &Processes, view: &View, theme: &Theme) -> (String, Style) {
    if let Some(rebuilding) = &view.rebuilding {
        let percent = rebuilding.position.saturating_mul(100) / rebuilding.head.max(1);
        return (format!("rebuilding {} %", percent.min(100)), theme.accent);
    }
    match (view.paused, processes.is_paused(&Row::View(view))) {
        (true, true) => return ("paused".to_owned(), theme.warn),
        (true, false) => return ("resuming…".to_owned(), theme.accent),
        (false, true) => return ("pausing…".to_owned(), theme.warn),
        (false, false) => {}
    }
    match (view.left_out, view.lag) {
        (0, 0) => ("current".to_owned(), theme.dim),
        (0, _) => ("catching up".to_owned(), theme.accent),
        (left_out, _) => (format!("{left_out} left out"), theme.bad),
    }
}
