//! How far a checkout is: its steps on one line, or one below the other with their details.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use storefront_api::{Step, StepState, Timestamp};

use crate::view::row;
use crate::view::text::put;
use crate::view::theme::Theme;
use crate::view::when;

/// `stock ✓ ─ payment ⟳ 2 ─ confirm · ─ mail ·`
pub(super) fn line(steps: &[Step], theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let mut x = area.x;
    let room = |x: u16| area.right().saturating_sub(x);
    let joint = if area.width >= 48 { " ─ " } else { "  " };
    for (place, step) in steps.iter().enumerate() {
        if place > 0 {
            x = put(buffer, x, area.y, joint, theme.faint, room(x));
        }
        let (sign, style) = sign(step.state, theme);
        x = put(
            buffer,
            x,
            area.y,
            &step.name,
            if step.state == StepState::Pending { theme.dim } else { theme.text },
            room(x),
        );
        x = put(buffer, x + 1, area.y, sign, style, room(x + 1));
        if step.attempt > 1 && matches!(step.state, StepState::Running | StepState::Waiting) {
            x = put(buffer, x + 1, area.y, &step.attempt.to_string(), style, room(x + 1));
        }
    }
}

/// One step a line, with what came of it.
pub(super) fn column(steps: &[Step], now: Timestamp, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    for (place, step) in steps.iter().enumerate().take(usize::from(area.height)) {
        let row = row(area, place);
        let (sign, style) = sign(step.state, theme);
        put(buffer, row.x, row.y, sign, style, row.width);
        put(buffer, row.x + 3, row.y, &step.name, theme.text, 9);
        put(buffer, row.x + 14, row.y, &told(step, now), theme.dim, row.width.saturating_sub(14));
    }
}

/// A step's state in words.
fn told(step: &Step, now: Timestamp) -> String {
    let word = match step.state {
        StepState::Pending => "",
        StepState::Running => "under way",
        StepState::Waiting => "no answer yet",
        StepState::Done => "done",
        StepState::Failed => "failed",
        StepState::Undone => "taken back",
    };
    let mut told = word.to_owned();
    if step.attempt > 1 {
        told.push_str(&format!(", attempt {}", step.attempt));
    }
    if let Some(detail) = step.detail.as_ref().filter(|detail| !detail.is_empty()) {
        told.push_str(if told.is_empty() { "" } else { " · " });
        told.push_str(detail);
    }
    if let Some(next) = step.next_attempt_at {
        let wait_ms = next.unix_ms() - now.unix_ms();
        told.push_str(&if wait_ms >= 1_000 {
            format!(" · again in {}", when::span(wait_ms))
        } else {
            " · again now".to_owned()
        });
    }
    told
}

/// The sign of a state; each has its own, so colour only helps.
fn sign(state: StepState, theme: &Theme) -> (&'static str, Style) {
    match state {
        StepState::Pending => ("·", theme.dim),
        StepState::Running => ("⟳", theme.accent),
        StepState::Waiting => ("…", theme.warn),
        StepState::Done => ("✓", theme.good),
        StepState::Failed => ("✗", theme.bad),
        StepState::Undone => ("↺", theme.warn),
    }
}
