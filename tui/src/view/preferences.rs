//! Draws the preferences: a line for each with its value, what the chosen one means, and the theme's colours.

use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use crate::state::{Model, Preference, PreferencesView};
use crate::view::help::frame;
use crate::view::surface::Surface;
use crate::view::text::{rule, wrap_into};
use crate::view::theme::Theme;
use crate::view::widgets::OneLine;

pub(super) fn draw(open: &PreferencesView, model: &Model, theme: &Theme, screen: Rect, surface: &mut Surface<'_>) {
    let lines = Preference::ALL;
    let count = u16::try_from(lines.len()).unwrap_or(6);
    let area = frame(" Settings ", theme, screen, (60, count + 9), surface);
    let roomy = area.height >= count + 7;
    let [list, _, meaning, samples, kept] = Layout::vertical([
        Constraint::Length(count),
        Constraint::Length(u16::from(roomy)),
        Constraint::Length(if roomy { 2 } else { 1 }),
        Constraint::Length(if roomy { 3 } else { 0 }),
        Constraint::Fill(1),
    ])
    .areas(area);
    for (place, row, chosen) in surface.list(theme, list, open.list.cursor, lines.len()) {
        let Some(which) = lines.get(place).copied() else { continue };
        let style = if chosen { theme.text.patch(theme.selected) } else { theme.text };
        let value = if chosen { theme.accent.patch(theme.selected) } else { theme.accent };
        let inside = Rect { x: row.x + 2, width: row.width.saturating_sub(3), ..row };
        OneLine::new(Span::styled(which.name(), style)).render(inside, surface);
        OneLine::right(Span::styled(format!("‹ {} ›", model.preference(which)), value)).render(inside, surface);
    }
    let chosen = lines.get(open.list.cursor).copied().unwrap_or(Preference::Theme);
    let told = wrap_into(chosen.meaning(), meaning.width.saturating_sub(2), usize::from(meaning.height));
    for (row, text) in meaning.rows().zip(told) {
        OneLine::new(Line::styled(text, theme.dim)).render(indented(row), surface);
    }
    if samples.height > 0 {
        rule(surface, samples, samples.y, theme.faint);
        let words = [
            ("Text", theme.text),
            ("dim", theme.dim),
            ("accent", theme.accent),
            ("✓ good", theme.good),
            ("! warning", theme.warn),
            ("✗ bad", theme.bad),
        ];
        let spans = words.into_iter().flat_map(|(word, style)| [Span::styled(word, style), Span::raw("  ")]);
        OneLine::new(Line::from_iter(spans)).render(indented(Rect { y: samples.y + 1, height: 1, ..samples }), surface);
        let chosen = Line::from_iter([
            Span::styled("▌", theme.accent.patch(theme.selected)),
            Span::styled(" a chosen line ", theme.text.patch(theme.selected)),
        ]);
        OneLine::new(chosen).render(indented(Rect { y: samples.y + 2, height: 1, ..samples }), surface);
    }
    let place = match &model.config_file {
        Some(path) => format!("Kept in {path}"),
        None => "Kept until the client ends.".to_owned(),
    };
    let last = Rect { y: kept.bottom().saturating_sub(1), height: kept.height.min(1), ..kept };
    OneLine::new(Line::styled(place, theme.dim)).render(indented(last), surface);
}

fn indented(row: Rect) -> Rect {
    Rect { x: row.x + 2, width: row.width.saturating_sub(2), ..row }
}
