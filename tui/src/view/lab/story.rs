//! Draws the selected scenario: its description, and its texts while it runs.

use ratatui::layout::Rect;
use ratatui::style::Style;
use storefront_api::{Scenario, ScenarioRun, ScenarioState};

use crate::keys::Action;
use crate::state::Model;
use crate::view::surface::Surface;
use crate::view::text::{put, wrap};
use crate::view::theme::Theme;
use crate::view::{row, when};

/// Draws the description before the first run; then the run's texts, the latest where not all fit.
pub(super) fn draw(model: &Model, scenario: &Scenario, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let room = usize::from(area.height);
    let told = story_texts(model, scenario, theme, area.width);
    let story = paragraphs(scenario, theme, area.width);
    let count: usize = told.iter().map(Vec::len).sum();
    let mut lines = Vec::new();
    // While it runs, its texts are more important than the description.
    if told.is_empty() || story.len() + count < room {
        lines.extend(story);
        if !told.is_empty() {
            lines.push((String::new(), theme.text));
        }
    }
    let left = room.saturating_sub(lines.len());
    lines.extend(latest(told, left, theme));
    let cut = lines.len() > room;
    for (place, (text, style)) in lines.iter().take(room).enumerate() {
        let row = row(area, place);
        let last = cut && place + 1 == room;
        let text = if last { format!("{text} …") } else { text.clone() };
        put(surface, row.x, row.y, &text, *style, row.width);
    }
}

/// The latest texts that fit, whole, below a sign for omitted ones.
fn latest(told: Vec<Vec<Line>>, room: usize, theme: &Theme) -> Vec<Line> {
    let mut left = room;
    let mut kept = Vec::new();
    let all = told.iter().map(Vec::len).sum::<usize>() <= room;
    for text in told.into_iter().rev() {
        let sign = usize::from(!all);
        if !kept.is_empty() && text.len() + sign > left {
            if left > 0 {
                kept.push(vec![("⋯".to_owned(), theme.dim)]);
            }
            break;
        }
        left = left.saturating_sub(text.len());
        kept.push(text);
    }
    kept.into_iter().rev().flatten().collect()
}

type Line = (String, Style);

fn wrapped(text: &str, style: Style, room: u16) -> Vec<Line> {
    wrap(text, room).into_iter().map(|line| (line, style)).collect()
}

fn paragraphs(scenario: &Scenario, theme: &Theme, room: u16) -> Vec<Line> {
    [wrapped(&scenario.story, theme.text, room), wrapped(&scenario.look_at, theme.dim, room)].concat()
}

/// The texts of the last run, and its outcome.
fn story_texts(model: &Model, scenario: &Scenario, theme: &Theme, room: u16) -> Vec<Vec<Line>> {
    let Some(run) = &scenario.last_run else { return Vec::new() };
    let mut lines = Vec::new();
    for step in &run.steps {
        let since = when::span_as(model.spans, step.at.unix_ms() - run.started_at.unix_ms());
        let mut texts = wrap(&step.text, room.saturating_sub(9)).into_iter();
        let first = (format!("{:>7}  {}", format!("+{since}"), texts.next().unwrap_or_default()), theme.text);
        lines.push(std::iter::once(first).chain(texts.map(|text| (format!("{:9}{text}", ""), theme.text))).collect());
    }
    let (sign, style) = match run.state {
        ScenarioState::Running => return lines,
        ScenarioState::Finished => ("✓", theme.good),
        ScenarioState::Failed => ("✗", theme.bad),
        ScenarioState::Unknown => ("?", theme.warn),
    };
    let outcome = run.outcome.as_deref().unwrap_or("It has ended.");
    let ended = wrapped(&format!("{sign} {outcome}"), style, room);
    lines.push([ended, wrapped(&next(model, run), theme.dim, room)].concat());
    lines
}

/// What can be done after the run.
fn next(model: &Model, run: &ScenarioRun) -> String {
    let key = model.key(Action::OpenOrder);
    match run.orders.len() {
        0 => String::new(),
        1 => format!("{key} opens its order with the timeline."),
        count => format!("{key} opens its {count} orders with their timelines, one after another."),
    }
}
