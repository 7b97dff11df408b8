//! Draws the screen Lab: scenarios at the left with the texts of the selected one, fault switches at the right.

mod story;

use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use storefront_api::{Scenario, ScenarioState, Stub};

use crate::keys::Action;
use crate::state::lab::{Side, Switch, player_of};
use crate::state::{Load, Model};
use crate::view::surface::Surface;
use crate::view::text::{first_line, put, put_right, rule, width, wrap};
use crate::view::theme::Theme;
use crate::view::{below, failed, instead, more_below, parts, row, when};

/// Width of the switches.
const SWITCHES_WIDTH: u16 = 30;

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) -> Option<Position> {
    let lab = &model.lab;
    if let Some(why) = &lab.disabled {
        instead(theme, area, "No lab here", why, surface);
        return None;
    }
    match &lab.load {
        Load::Loading => {
            instead(theme, area, "Opening the lab", "A moment, please.", surface);
            return None;
        }
        Load::Failed(failure) => {
            failed(theme, area, "The lab", failure, surface);
            return None;
        }
        Load::Ready => {}
    }
    let body = below(area, if area.height >= 16 { 2 } else { 1 });
    if body.width >= 70 {
        heading(model, theme, row(area, 0), surface);
        let wide = body.width - SWITCHES_WIDTH - 3;
        scenarios(model, theme, Rect { width: wide, ..body }, surface);
        let side = Rect { x: body.x + wide + 3, width: SWITCHES_WIDTH, ..body };
        switches(model, theme, side, surface);
    } else {
        sides(model, theme, row(area, 0), surface);
        match lab.side {
            Side::Scenarios => scenarios(model, theme, body, surface),
            Side::Switches => switches(model, theme, body, surface),
        }
    }
    None
}

/// Draws what is running, and how to start over.
fn heading(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let (text, style) = going_on(model, theme);
    let right = start_over(model, theme, area, surface);
    put(surface, area.x, area.y, &text, style, right.saturating_sub(area.x + 2));
}

/// The same where only one half fits: which, and how to get to the other.
fn sides(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let key = model.key(Action::OtherSide);
    let open = usize::from(model.lab.side == Side::Switches);
    let x = parts::draw(&["Scenarios", "Switches"], open, &key, theme, area, surface) + 1;
    if model.lab.running().is_some() || model.lab.starting.is_some() || model.lab.resetting {
        let (text, style) = going_on(model, theme);
        put_right(surface, area.right(), area.y, &text, style, area.right().saturating_sub(x));
    } else {
        start_over(model, theme, area, surface);
    }
}

fn going_on(model: &Model, theme: &Theme) -> (String, Style) {
    let lab = &model.lab;
    match (lab.resetting, lab.running(), &lab.starting) {
        (true, _, _) => ("Starting the shop over…".to_owned(), theme.warn),
        (false, Some(running), _) => (format!("▶ {}", running.title), theme.accent),
        (false, None, Some(_)) => ("▶ …".to_owned(), theme.accent),
        (false, None, None) => ("Play a scenario, or break something".to_owned(), theme.text),
    }
}

/// Returns where it begins.
fn start_over(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) -> u16 {
    let x = put_right(surface, area.right(), area.y, "start over", theme.dim, 10).saturating_sub(1);
    let key = model.key(Action::ResetShop);
    put_right(surface, x, area.y, &key, theme.accent, width(&key))
}

/// Draws the list of scenarios, and the selected one below.
fn scenarios(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let lab = &model.lab;
    let all = u16::try_from(lab.scenarios.len()).unwrap_or(u16::MAX);
    let high = if area.height >= all + 4 { all } else { area.height / 2 };
    let first = first_line(lab.list.cursor, lab.scenarios.len(), high);
    for (place, scenario) in lab.scenarios.iter().enumerate().skip(first).take(usize::from(high)) {
        let row = row(area, place - first);
        let chosen = place == lab.list.cursor;
        let here = lab.side == Side::Scenarios && surface.line(theme, row, place, lab.list.cursor);
        if chosen && !here {
            put(surface, row.x, row.y, "·", theme.accent, 1);
        }
        draw_row(model, scenario, theme, row, here, surface);
    }
    let rest = below(area, high);
    rule(surface, rest, rest.y, theme.faint);
    more_below(theme, row(rest, 0), lab.scenarios.len().saturating_sub(first + usize::from(high)), surface);
    if let Some(scenario) = lab.selected() {
        story::draw(model, scenario, theme, below(rest, 1), surface);
    }
}

fn draw_row(model: &Model, scenario: &Scenario, theme: &Theme, row: Rect, chosen: bool, surface: &mut Surface<'_>) {
    let on_row = |style: Style| if chosen { style.patch(theme.selected) } else { style };
    let key = player_of(&scenario.name).map(|action| model.key(action)).unwrap_or_default();
    let x = row.x + 2;
    put(surface, x, row.y, &key, on_row(theme.accent), 3);
    let starting = model.lab.starting.as_deref() == Some(scenario.name.as_str());
    let (state, style) = match &scenario.last_run {
        _ if starting => ("▶ …".to_owned(), theme.accent),
        None => (String::new(), theme.dim),
        Some(run) => {
            let time = when::time_of_day(run.started_at, &model.zone);
            let (word, style) = self::state(run.state, theme);
            let room = row.width.saturating_sub(7 + width(word));
            match row.width {
                60.. => (format!("{word} {time}"), style),
                // The sign says the same, and the title is more important.
                _ if width(&scenario.title) > room => (word.chars().take(1).collect(), style),
                _ => (word.to_owned(), style),
            }
        }
    };
    let right = put_right(surface, row.right().saturating_sub(1), row.y, &state, on_row(style), 20);
    put(surface, x + 3, row.y, &scenario.title, on_row(theme.text), right.saturating_sub(x + 4));
}

/// The state of a run, with a sign.
fn state(state: ScenarioState, theme: &Theme) -> (&'static str, Style) {
    match state {
        ScenarioState::Running => ("▶ playing", theme.accent),
        ScenarioState::Finished => ("✓ played", theme.good),
        ScenarioState::Failed => ("✗ failed", theme.bad),
        ScenarioState::Unknown => ("? unknown", theme.warn),
    }
}

/// A line of the switches as it is drawn.
enum Line {
    Stub(Stub),
    Switch(usize, Stub, Switch),
}

/// Title of a stub.
fn title(stub: Stub) -> &'static str {
    match stub {
        Stub::Products => "Product service",
        Stub::Cards => "Card gateway",
        Stub::Mail => "Mail server",
    }
}

fn switches(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let lab = &model.lab;
    let mut lines = Vec::new();
    let mut last = None;
    for (place, (stub, switch)) in lab.rows().into_iter().enumerate() {
        if last != Some(stub) {
            lines.push(Line::Stub(stub));
            last = Some(stub);
        }
        lines.push(Line::Switch(place, stub, switch));
    }
    if lines.is_empty() {
        put(surface, area.x, area.y, "Asking what is broken…", theme.dim, area.width);
        return;
    }
    let here = |line: &Line| matches!(line, Line::Switch(place, ..) if *place == lab.switches.cursor);
    let meaning = lab.rows().get(lab.switches.cursor).map(|(_, switch)| switch.meaning()).unwrap_or_default();
    let told = if lab.side == Side::Switches { wrap(meaning, area.width) } else { Vec::new() };
    let high = area.height.saturating_sub(u16::try_from(told.len()).unwrap_or(0)).max(1);
    let cursor = lines.iter().position(here).unwrap_or(0);
    let first = first_line(cursor, lines.len(), high);
    for (place, line) in lines.iter().skip(first).take(usize::from(high)).enumerate() {
        let row = row(area, place);
        match line {
            Line::Stub(stub) => {
                put(surface, row.x, row.y, title(*stub), theme.strong, row.width);
            }
            Line::Switch(place, stub, switch) => {
                let chosen = lab.side == Side::Switches && surface.line(theme, row, *place, lab.switches.cursor);
                draw_switch(model, (*stub, *switch), theme, row, chosen, surface);
            }
        }
    }
    let shown = u16::try_from(lines.len()).unwrap_or(u16::MAX).min(high);
    for (line, text) in told.iter().enumerate() {
        let row = row(below(area, shown), line);
        let end = put(surface, row.x, row.y, text, theme.dim, row.width);
        let hidden = lines.len().saturating_sub(first + usize::from(high));
        if line + 1 == told.len() && row.right().saturating_sub(end) > 12 {
            more_below(theme, row, hidden, surface);
        }
    }
}

fn draw_switch(
    model: &Model,
    (stub, switch): (Stub, Switch),
    theme: &Theme,
    row: Rect,
    chosen: bool,
    surface: &mut Surface<'_>,
) {
    let on_row = |style: Style| if chosen { style.patch(theme.selected) } else { style };
    let value = model.lab.faults_of(stub).and_then(|faults| switch.value(&faults));
    let (sign, style) = if value.is_some() { ("■", theme.warn) } else { ("□", theme.dim) };
    put(surface, row.x + 2, row.y, sign, on_row(style), 1);
    let name = if value.is_some() { theme.warn } else { theme.text };
    put(surface, row.x + 4, row.y, switch.name(), on_row(name), row.width.saturating_sub(4));
    let waiting = if model.lab.pending_faults.contains_key(&stub) { "…" } else { "" };
    let value = format!("{}{waiting}", value.unwrap_or_else(|| "off".to_owned()));
    put_right(surface, row.right().saturating_sub(1), row.y, &value, on_row(style), width(&value));
}
