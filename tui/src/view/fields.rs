//! Draws the fields of a form: label and text, and below it what is wrong, or the hint of the focused one.

use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::Widget;
use tui_input::Input;

use crate::view::row;
use crate::view::surface::Surface;
use crate::view::text::{put, visible, width, wrap_into};
use crate::view::theme::Theme;
use crate::view::widgets::OneLine;

/// A field as it is drawn.
pub(super) struct Field<'a> {
    pub(super) label: &'a str,
    pub(super) input: &'a Input,
    pub(super) focused: bool,
    pub(super) error: Option<&'a str>,
    pub(super) hint: Option<&'a str>,
}

/// Width of the labels with the gap behind them.
pub(super) fn label_width(fields: &[Field<'_>]) -> u16 {
    fields.iter().map(|field| width(field.label) + 2).max().unwrap_or(0)
}

/// A field, or a text below one.
enum Row<'a> {
    Field(&'a Field<'a>),
    Under(String, Style),
}

fn rows<'a>(fields: &'a [Field<'a>], theme: &Theme, room: u16) -> Vec<Row<'a>> {
    let mut rows = Vec::new();
    for field in fields {
        rows.push(Row::Field(field));
        let (text, style) = match (field.error, field.hint) {
            (Some(error), _) => (format!("! {error}"), theme.bad),
            (None, Some(hint)) if field.focused => (hint.to_owned(), theme.dim),
            (None, _) => continue,
        };
        rows.extend(wrap_into(&text, room, 2).into_iter().map(|text| Row::Under(text, style)));
    }
    rows
}

/// Number of rows that the fields need at a width.
pub(super) fn height(fields: &[Field<'_>], theme: &Theme, wide: u16) -> u16 {
    let room = wide.saturating_sub(label_width(fields));
    u16::try_from(rows(fields, theme, room).len()).unwrap_or(u16::MAX)
}

/// Draws as many fields as fit, the focused one among them; returns the cursor.
pub(super) fn draw(fields: &[Field<'_>], theme: &Theme, area: Rect, surface: &mut Surface<'_>) -> Option<Position> {
    let labels = label_width(fields);
    let rows = rows(fields, theme, area.width.saturating_sub(labels));
    let focus = rows.iter().position(|row| matches!(row, Row::Field(field) if field.focused)).unwrap_or(0);
    let under = rows.iter().skip(focus + 1).take_while(|row| matches!(row, Row::Under(..))).count();
    let first = (focus + under + 1).saturating_sub(usize::from(area.height)).min(focus);
    let mut cursor = None;
    for (place, line) in rows.iter().enumerate().skip(first).take(usize::from(area.height)) {
        let line_area = row(area, place - first);
        let field_area = Rect { x: line_area.x + labels, width: line_area.width.saturating_sub(labels), ..line_area };
        match line {
            Row::Under(text, style) => OneLine::new(Line::styled(text.as_str(), *style)).render(field_area, surface),
            Row::Field(field) => {
                let label = if field.focused { theme.accent } else { theme.dim };
                put(surface, line_area.x, line_area.y, field.label, label, labels);
                // Without the focus, a long text is shown from its beginning.
                if !field.focused {
                    put(surface, field_area.x, field_area.y, field.input.value(), theme.text, field_area.width);
                    continue;
                }
                let (shown, at) = visible(field.input, field_area.width);
                surface.set_style(field_area, theme.field);
                put(surface, field_area.x, field_area.y, &shown, theme.field, field_area.width);
                cursor = Some(Position::new(field_area.x + at.min(field_area.width.saturating_sub(1)), field_area.y));
            }
        }
    }
    cursor
}
