//! Draws the screen Processes: the table of processes and read models, and the selected one.

use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::Style;
use ratatui::text::Text;
use ratatui::widgets::{Row as TableRow, Table, Widget};
use storefront_api::{Process, ProcessState, View};

use crate::state::{Load, Model, Processes, Row, process_sentence};
use crate::view::surface::Surface;
use crate::view::text::{first_line, fit, put, put_right, rule, sparkline, width};
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
    let columns = Columns::of(processes, theme, area.width);
    let first = first_line(cursor(processes), lines.len(), area.height);
    let shown = lines.iter().skip(first).take(usize::from(area.height));
    let rows = shown.clone().map(|line| match line {
        Line::Head(title) => columns.head(title, theme),
        Line::Row(_, what) => columns.row(processes, what, theme),
    });
    Widget::render(Table::new(rows, columns.widths()).column_spacing(0), area, surface);
    for (row, line) in area.rows().zip(shown) {
        match line {
            Line::Row(place, _) if !processes.inside => {
                surface.line(theme, row, *place, processes.list.cursor);
            }
            Line::Row(place, _) if *place == processes.list.cursor => {
                put(surface, row.x, row.y, "·", theme.accent, 1);
            }
            Line::Row(..) | Line::Head(_) => {}
        }
    }
}

/// Maximum number of lag samples that are shown.
const MAX_SPARKLINE_LAGS: usize = 8;

/// The columns that there is room for: the name, position, lag, its history, and the state.
struct Columns {
    position: bool,
    lag: bool,
    lately: bool,
    /// Width of the name, and of the state.
    name: u16,
    state: u16,
}

impl Columns {
    const MARK: u16 = 2;

    fn of(processes: &Processes, theme: &Theme, wide: u16) -> Self {
        // Where room is short, the states take only what they need.
        let widest = processes.rows().map(|row| width(&state_text(processes, &row, theme).0)).max().unwrap_or(0);
        let state = if wide >= 46 { 17 } else { widest.clamp(7, 17) };
        let columns = Self { position: wide >= 84, lag: wide >= 46, lately: wide >= 66, name: 0, state };
        let [name, ..]: [Rect; 6] = Layout::horizontal(columns.widths()).areas(Rect::new(0, 0, wide, 1));
        Self { name: name.width, ..columns }
    }

    fn widths(&self) -> [Constraint; 6] {
        let wide = |shown: bool, wide: u16| Constraint::Length(if shown { wide } else { 0 });
        [
            Constraint::Fill(1),
            wide(self.position, 8),
            wide(self.lag, 7),
            wide(self.lately, 10),
            Constraint::Length(2),
            Constraint::Length(self.state),
        ]
    }

    /// The title of a part of the table; the first also names the columns.
    fn head(&self, title: &'static str, theme: &Theme) -> TableRow<'static> {
        let caption = |name| Text::styled(if title == PROCESSES { name } else { "" }, theme.dim).right_aligned();
        let (at, behind, lately) = (caption("at"), caption("behind"), caption("lately"));
        TableRow::new([Text::styled(title, theme.strong), at, behind, lately])
    }

    fn row(&self, processes: &Processes, what: &Row, theme: &Theme) -> TableRow<'static> {
        let (position, lag) = match what {
            Row::Process(process) => (process.position, process.lag),
            Row::View(view) => (view.position, view.lag),
        };
        let lags: Vec<u64> = processes.lags(what).collect();
        let lately = sparkline(&lags[lags.len().saturating_sub(MAX_SPARKLINE_LAGS)..]);
        let lag_style = if lag > 0 { theme.warn } else { theme.dim };
        let (word, style) = state_text(processes, what, theme);
        // A cell that is too narrow says so.
        let name = format!("{:1$}{2}", "", usize::from(Self::MARK), fit(&name(what), self.name.saturating_sub(3)));
        TableRow::new([
            Text::styled(name, theme.text),
            Text::styled(position.to_string(), theme.dim).right_aligned(),
            Text::styled(lag.to_string(), lag_style).right_aligned(),
            Text::styled(lately, theme.dim).right_aligned(),
            Text::default(),
            Text::styled(fit(&word, self.state), style),
        ])
    }
}

/// The state of a row in a word or two.
fn state_text(processes: &Processes, what: &Row, theme: &Theme) -> (String, Style) {
    match what {
        Row::Process(process) => state(processes, process, theme),
        Row::View(view) => view_state(processes, view, theme),
    }
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
