//! Draws the help and questions over the screen.

use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::{Block, BorderType, Clear, Widget};

use crate::keys::{Action, Binding, Context, Place};
use crate::state::{ControlCommand, Help, Model, Question, process_sentence};
use crate::view::labels::short_id;
use crate::view::surface::Surface;
use crate::view::text::{first_line, put, put_all, visible, width, wrap};
use crate::view::theme::Theme;
use crate::view::widgets::OneLine;
use crate::view::{below, row};

/// Draws all active keys, filtered by the typed text. Returns the cursor of the field.
pub(super) fn draw(
    help: &Help,
    model: &Model,
    theme: &Theme,
    screen: Rect,
    surface: &mut Surface<'_>,
) -> Option<Position> {
    let keys = &model.keys;
    let area = frame(" Keys ", theme, screen, (64, screen.height.saturating_sub(4).max(10)), surface);
    let head = row(area, 0);
    let x = put(surface, head.x, head.y, "type to find: ", theme.dim, head.width);
    let room = head.right().saturating_sub(x);
    surface.set_style(Rect { x, width: room, ..head }, theme.field);
    let (shown, at) = visible(&help.filter, room);
    put(surface, x, head.y, &shown, theme.field, room);
    let told = joining(model, area.width);
    for (line, text) in told.iter().enumerate() {
        put(surface, area.x, row(area, line + 1).y, text, theme.dim, area.width);
    }
    let list = below(area, 2 + u16::try_from(told.len()).unwrap_or(0));
    let lines = help.lines(keys);
    // On a narrow screen only the first key is shown.
    let narrow = list.width < 50;
    let keys_of = |binding: &Binding| {
        if narrow { binding.first_key() } else { binding.keys_text() }
    };
    let named = if narrow { 9 } else { 14 };
    let rows = grouped(&lines);
    let cursor = rows.iter().position(|line| *line == Row::Key(help.list.cursor)).unwrap_or(0);
    // The heading of the first group stays in sight with its first key.
    let first = if cursor <= 1 { 0 } else { first_line(cursor, rows.len(), list.height) };
    for (row, line) in list.rows().zip(rows.into_iter().skip(first)) {
        let place = match line {
            Row::Gap => continue,
            Row::Head(title) => {
                OneLine::new(Line::styled(title, theme.dim)).render(Rect { x: row.x + 2, ..row }, surface);
                continue;
            }
            Row::Key(place) => place,
        };
        let Some(binding) = lines.get(place) else { continue };
        let chosen = surface.line(theme, row, place, help.list.cursor);
        let on_row = |style: Style| if chosen { style.patch(theme.selected) } else { style };
        put(surface, row.x + 2, row.y, &keys_of(binding), on_row(theme.accent), named);
        let x = row.x + named + 3;
        put(surface, x, row.y, binding.help, on_row(theme.text), row.right().saturating_sub(x));
    }
    if lines.is_empty() {
        put(surface, list.x + 2, list.y, "No key does that here.", theme.dim, list.width);
    }
    Some(Position::new(x + at.min(room), head.y))
}

/// A row of the list of keys.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Row {
    Gap,
    Head(&'static str),
    /// The key at a place of the list.
    Key(usize),
}

/// The keys under the headings of their groups.
fn grouped(lines: &[&Binding]) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut last = None;
    for (place, binding) in lines.iter().enumerate() {
        let title = group(binding.place);
        if last.replace(title) != Some(title) {
            if !rows.is_empty() {
                rows.push(Row::Gap);
            }
            rows.push(Row::Head(title));
        }
        rows.push(Row::Key(place));
    }
    rows
}

/// The heading of a place's keys.
const fn group(place: Place) -> &'static str {
    match place {
        Place::Always => "At any time",
        Place::Everywhere => "Everywhere",
        Place::Screens | Place::Tabs => "Other screens",
        Place::Lists => "In every list",
        Place::Events | Place::Timeline | Place::OrderEvents | Place::Scrubber => "Events",
        _ => "Here",
    }
}

/// How others join this shop, and the actor name.
fn joining(model: &Model, width: u16) -> Vec<String> {
    let Some(join) = model.join_command() else { return Vec::new() };
    let mut told = wrap(&format!("Others join with: {join}"), width);
    if model.embedded && !model.open_to_network {
        told.extend(wrap("(on this machine; for others start with --open-to-network)", width));
    }
    told.extend(model.actor.as_ref().map(|name| format!("You act as {name}.")));
    told
}

/// The question that must be answered first.
pub(super) fn ask(model: &Model, question: Question, theme: &Theme, screen: Rect, surface: &mut Surface<'_>) {
    let (title, text) = match question {
        Question::CancelOrder(_) => (
            " Cancel the order ",
            "The goods go back on the shelf and the money to where it came from. This cannot be undone.".to_owned(),
        ),
        Question::SkipParked => (" Drop the event ", skipping(model)),
        Question::ResumeAndPlay => (" Something is paused ", resuming(model)),
        Question::ResetShop => (
            " Start over ",
            "The shop becomes as on its first day: no orders, full shelves, nothing broken. The old log is kept beside \
             the new one, unless it is in memory only; every screen that is open starts anew."
                .to_owned(),
        ),
    };
    let lines = wrap(&text, 46.min(screen.width - 8));
    let height = u16::try_from(lines.len() + 4).unwrap_or(8);
    let area = frame(title, theme, screen, (52, height), surface);
    for (line, text) in lines.iter().enumerate() {
        put(surface, area.x, row(area, line).y, text, theme.text, area.width);
    }
    let y = area.bottom().saturating_sub(1);
    let [yes, no] = [Action::Yes, Action::No].map(|action| model.keys.label(Context::Confirm, action));
    let pieces =
        [(yes.as_str(), theme.accent), (" yes   ", theme.text), (no.as_str(), theme.accent), (" no", theme.text)];
    put_all(surface, area.x, y, &pieces, area.width);
}

/// The question for a blocked scenario.
fn resuming(model: &Model) -> String {
    let Some(held) = &model.lab.held else { return String::new() };
    let processes = held.processes.iter().map(|name| format!("“{}”", process_sentence(name)));
    let told: Vec<String> = processes.chain(held.views.iter().map(|name| format!("the list {name}"))).collect();
    let verb = if told.len() == 1 { "is" } else { "are" };
    format!("{} {verb} paused, and the scenario would stand still. Resume and play?", told.join(", "))
}

/// The question before an event is skipped.
fn skipping(model: &Model) -> String {
    let about = match &model.processes.to_skip {
        Some(ControlCommand::Skip { process, sequence }) => {
            format!("“{}” never handles it for {}", process_sentence(process), short_id(sequence))
        }
        Some(_) | None => "It is never handled".to_owned(),
    };
    format!("{about}; what waits behind it goes on. This cannot be undone.")
}

/// Draws an empty box in the middle of the screen; returns its inner area.
pub(super) fn frame(
    title: &str,
    theme: &Theme,
    screen: Rect,
    (wide, high): (u16, u16),
    surface: &mut Surface<'_>,
) -> Rect {
    let wide = wide.max(width(title) + 4).min(screen.width.saturating_sub(2));
    let high = high.min(screen.height.saturating_sub(2));
    let area = Rect {
        x: screen.x + (screen.width - wide) / 2,
        y: screen.y + (screen.height - high) / 2,
        width: wide,
        height: high,
    };
    surface.cover();
    Clear.render(area, surface);
    surface.set_style(area, theme.text);
    let block = Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(theme.faint)
        .title(title)
        .title_style(theme.strong);
    let inside = block.inner(area);
    block.render(area, surface);
    Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside }
}
