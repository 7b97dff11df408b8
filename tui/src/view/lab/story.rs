//! The chosen scenario: what the room will see, and what it tells while it is played.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use storefront_api::{Scenario, ScenarioRun, ScenarioState};

use crate::keys::Action;
use crate::state::Model;
use crate::view::text::{put, wrap};
use crate::view::theme::Theme;
use crate::view::{row, when};

/// Before it is played, its story; then what it tells, the end of that where there is no room for all.
pub(super) fn draw(model: &Model, scenario: &Scenario, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let told = told(model, scenario, theme, area.width);
    let mut lines = Vec::new();
    let spare = usize::from(area.height).saturating_sub(told.len());
    let story = paragraphs(scenario, theme, area.width);
    // While it is played, its words are what the room wants to read.
    if told.is_empty() || story.len() < spare {
        lines.extend(story);
        if !told.is_empty() {
            lines.push((String::new(), theme.text));
        }
    }
    let room = usize::from(area.height).saturating_sub(lines.len());
    let skipped = told.len().saturating_sub(room);
    lines.extend(told.into_iter().skip(skipped));
    let cut = lines.len() > usize::from(area.height);
    for (place, (text, style)) in lines.iter().take(usize::from(area.height)).enumerate() {
        let row = row(area, place);
        let last = cut && place + 1 == usize::from(area.height);
        let text = if last { format!("{text} …") } else { text.clone() };
        put(buffer, row.x, row.y, &text, *style, row.width);
    }
}

type Line = (String, Style);

fn wrapped(text: &str, style: Style, room: u16) -> impl Iterator<Item = Line> {
    wrap(text, room).into_iter().map(move |line| (line, style))
}

fn paragraphs(scenario: &Scenario, theme: &Theme, room: u16) -> Vec<Line> {
    wrapped(&scenario.story, theme.text, room).chain(wrapped(&scenario.look_at, theme.dim, room)).collect()
}

/// What the last run has told, and how it ended.
fn told(model: &Model, scenario: &Scenario, theme: &Theme, room: u16) -> Vec<Line> {
    let Some(run) = &scenario.last_run else { return Vec::new() };
    let mut lines = Vec::new();
    for step in &run.steps {
        let since = when::span(step.at.unix_ms() - run.started_at.unix_ms());
        let mut texts = wrap(&step.text, room.saturating_sub(9)).into_iter();
        lines.push((format!("{:>7}  {}", format!("+{since}"), texts.next().unwrap_or_default()), theme.text));
        lines.extend(texts.map(|text| (format!("{:9}{text}", ""), theme.text)));
    }
    let (sign, style) = match run.state {
        ScenarioState::Running => return lines,
        ScenarioState::Finished => ("✓", theme.good),
        ScenarioState::Failed => ("✗", theme.bad),
    };
    let outcome = run.outcome.as_deref().unwrap_or("It has ended.");
    lines.extend(wrapped(&format!("{sign} {outcome}"), style, room));
    lines.extend(wrapped(&next(model, run), theme.dim, room));
    lines
}

/// What can be done after it.
fn next(model: &Model, run: &ScenarioRun) -> String {
    let key = model.key(Action::OpenOrder);
    match run.orders.len() {
        0 => String::new(),
        1 => format!("{key} opens its order with the timeline."),
        count => format!("{key} opens its {count} orders with their timelines, one after another."),
    }
}
