//! Draws the steps of a checkout: on one line, or one below the other with details.

use std::cmp::Ordering;

use ratatui::layout::Rect;
use ratatui::style::Style;
use storefront_api::{Step, StepState, Timestamp};

use crate::view::row;
use crate::view::surface::Surface;
use crate::view::text::{put, width};
use crate::view::theme::Theme;
use crate::view::when;

/// `stock ✓ ─ payment ↻ 2 ─ confirm · ─ invoice · ─ mail ·`; on a narrow screen `stock✓ pay↻2 confirm· invoice· mail·`
pub(super) fn line(steps: &[Step], theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let mut x = area.x;
    let room = |x: u16| area.right().saturating_sub(x);
    let back = going_back(steps);
    // Name, sign, attempt and joint of each step; drawn without gaps where that is too wide.
    let needed: u16 = steps.iter().map(|step| width(&step.name) + 5).sum();
    let tight = needed > area.width + 3;
    for (place, step) in steps.iter().enumerate() {
        if place > 0 {
            let backwards = back.is_some_and(|(first, last)| place > first && place <= last);
            let (joint, style) = match (backwards, tight) {
                (true, false) => (" ◀─ ", theme.warn),
                (true, true) => (" ◀ ", theme.warn),
                (false, false) => (" ─ ", theme.faint),
                (false, true) => (" ", theme.faint),
            };
            x = put(surface, x, area.y, joint, style, room(x));
        }
        let (sign, style) = sign(step.state, theme);
        let name = if step.state == StepState::Pending { theme.dim } else { theme.text };
        let short = if tight && step.name == "payment" { "pay" } else { &step.name };
        x = put(surface, x, area.y, short, name, room(x)) + u16::from(!tight);
        x = put(surface, x, area.y, sign, style, room(x));
        if step.attempt > 1 && matches!(step.state, StepState::Running | StepState::Waiting) {
            let after = x + u16::from(!tight);
            x = put(surface, after, area.y, &step.attempt.to_string(), style, room(after));
        }
    }
}

/// The first step that was undone, and the last one that failed or was undone after it: steps are undone in reverse,
/// from the latter to the former.
fn going_back(steps: &[Step]) -> Option<(usize, usize)> {
    let undone = |step: &Step| step.state == StepState::Undone;
    let first = steps.iter().position(undone)?;
    let last = steps.iter().rposition(|step| undone(step) || step.state == StepState::Failed)?;
    (last > first).then_some((first, last))
}

/// Draws one step per line with its result; where steps were undone, an arrow leads from the failed one up to them.
pub(super) fn column(steps: &[Step], now: Option<Timestamp>, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let back = going_back(steps);
    let left = area.x + if back.is_some() { 3 } else { 0 };
    for (place, step) in steps.iter().enumerate().take(usize::from(area.height)) {
        let row = row(area, place);
        if let Some((first, last)) = back {
            let rail = match (place.cmp(&first), place.cmp(&last)) {
                (Ordering::Equal, _) => "╭▸",
                (_, Ordering::Equal) => "╰─",
                (Ordering::Greater, Ordering::Less) if step.state == StepState::Undone => "├▸",
                (Ordering::Greater, Ordering::Less) => "│",
                (Ordering::Less | Ordering::Greater, Ordering::Less | Ordering::Greater) => "",
            };
            put(surface, row.x, row.y, rail, theme.warn, 2);
        }
        let (sign, style) = sign(step.state, theme);
        put(surface, left, row.y, sign, style, row.width);
        put(surface, left + 3, row.y, &step.name, theme.text, 9);
        let told_style = if step.state == StepState::Failed { theme.bad } else { theme.dim };
        put(surface, left + 14, row.y, &step_text(step, now), told_style, row.right().saturating_sub(left + 14));
    }
}

/// A step's state as text.
fn step_text(step: &Step, now: Option<Timestamp>) -> String {
    let word = match step.state {
        StepState::Pending => "",
        StepState::Running => "under way",
        StepState::Waiting => "no answer yet",
        StepState::Done => "done",
        StepState::Failed => "failed",
        StepState::Undone if step.detail.is_some() => "",
        StepState::Undone => "taken back",
        StepState::Unknown => "unknown",
    };
    let mut told = word.to_owned();
    if step.attempt > 1 && step.state != StepState::Undone {
        told.push_str(&format!(", attempt {}", step.attempt));
    }
    if let Some(detail) = step.detail.as_ref().filter(|detail| !detail.is_empty()) {
        told.push_str(if told.is_empty() { "" } else { " · " });
        told.push_str(detail);
    }
    if let Some(next) = step.next_attempt_at {
        told.push_str(&match now.map(|now| next.unix_ms() - now.unix_ms()) {
            None => " · again by itself".to_owned(),
            Some(wait_ms @ 1_000..) => format!(" · again in {}", when::span(wait_ms)),
            Some(_) => " · again now".to_owned(),
        });
    }
    told
}

/// The sign of a state; each has its own, so that colour is not needed.
fn sign(state: StepState, theme: &Theme) -> (&'static str, Style) {
    match state {
        StepState::Pending => ("·", theme.dim),
        StepState::Running => ("↻", theme.accent),
        StepState::Waiting => ("…", theme.warn),
        StepState::Done => ("✓", theme.good),
        StepState::Failed => ("✗", theme.bad),
        StepState::Undone => ("↺", theme.warn),
        StepState::Unknown => ("?", theme.warn),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::update::tests::world::steps;

    #[test]
    fn what_was_done_is_undone_in_reverse() {
        use StepState::{Done, Failed, Pending, Running, Undone};
        assert_eq!(going_back(&steps([Undone, Failed, Pending, Pending])), Some((0, 1)));
        assert_eq!(going_back(&steps([Undone, Undone, Undone, Done])), Some((0, 2)));
        assert_eq!(
            going_back(&steps([Failed, Pending, Pending, Pending])),
            None,
            "nothing was done, nothing is undone"
        );
        assert_eq!(going_back(&steps([Done, Running, Pending, Pending])), None);
    }
}
