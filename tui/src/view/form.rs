//! Draws the form over the screen: its text, its fields with their errors, and what Enter does.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use crate::keys::{Action, Context};
use crate::state::{Form, FormField, Model};
use crate::view::help::frame;
use crate::view::text::{put, put_all, visible, width, wrap_into};
use crate::view::theme::Theme;
use crate::view::{below, row};

/// Maximum width of a form.
const MAX_FORM_WIDTH: u16 = 64;

/// A line between head and foot of the form: a field, or a text below one.
enum Line<'a> {
    Field(usize, &'a FormField),
    Under(String, Style),
}

/// Draws the open form; returns the cursor of the focused field.
pub(super) fn draw(form: &Form, model: &Model, theme: &Theme, screen: Rect, buffer: &mut Buffer) -> Option<Position> {
    let inside = MAX_FORM_WIDTH.min(screen.width.saturating_sub(2)).saturating_sub(4);
    let labels = form.fields.iter().map(|field| width(field.label) + 2).max().unwrap_or(0);
    let low = screen.height < 16;
    let foot = foot(form, model, theme, inside);
    let lines = middle(form, theme, inside.saturating_sub(labels));
    // On a low screen, the text gives way to the fields.
    let spare = screen.height.saturating_sub(4 + rows(&foot) + rows(&lines));
    let about = wrap_into(&form.about, inside, if low { usize::from(spare).clamp(1, 4) } else { 4 });
    let gaps = if low { 0 } else { 1 };
    let mut high = rows(&about) + rows(&foot) + rows(&lines) + 2;
    high += gaps * (u16::from(!lines.is_empty()) + u16::from(!about.is_empty()));
    let area = frame(&format!(" {} ", form.title), theme, screen, (MAX_FORM_WIDTH, high), buffer);
    for (line, text) in about.iter().enumerate() {
        put(buffer, area.x, row(area, line).y, text, theme.dim, area.width);
    }
    let taken = rows(&about) + if about.is_empty() { 0 } else { gaps };
    // The foot is always visible; of the middle, the lines around the focused field.
    let foot_y = area.bottom().saturating_sub(rows(&foot));
    let body = below(area, taken);
    let body = Rect { height: foot_y.saturating_sub(body.y + if lines.is_empty() { 0 } else { gaps }), ..body };
    let cursor = fields(form, &lines, theme, labels, body, buffer);
    for (line, (text, style)) in (foot_y..area.bottom()).zip(&foot) {
        put(buffer, area.x, line, text, *style, area.width);
    }
    if let [.., (text, _)] = &foot[..]
        && text.is_empty()
    {
        keys(form, model, theme, row(area, usize::from(area.height.saturating_sub(1))), buffer);
    }
    cursor
}

fn rows<T>(lines: &[T]) -> u16 {
    u16::try_from(lines.len()).unwrap_or(u16::MAX)
}

/// The fields, each with its error below, or the hint of the focused one.
fn middle<'a>(form: &'a Form, theme: &Theme, room: u16) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    for (place, field) in form.fields.iter().enumerate() {
        lines.push(Line::Field(place, field));
        let (text, style) = match &field.error {
            Some(error) => (format!("! {error}"), theme.bad),
            None if place == form.focus => (field.hint.clone(), theme.dim),
            None => continue,
        };
        lines.extend(wrap_into(&text, room, 2).into_iter().map(|text| Line::Under(text, style)));
    }
    lines
}

/// The refusal or the state of sending; ends in an empty line for the keys.
fn foot(form: &Form, model: &Model, theme: &Theme, room: u16) -> Vec<(String, Style)> {
    if let Some(sending) = &form.sending {
        let text = if sending.tries.again == 0 {
            "↻ Sending …"
        } else if model.is_live() {
            "… The shop cannot take it just now. It is sent again by itself, and done once."
        } else {
            "… The shop does not answer. It is sent again by itself, and done once."
        };
        return wrap_into(text, room, 3).into_iter().map(|line| (line, theme.accent)).collect();
    }
    let refusal = form.refusal.as_ref().map(|text| wrap_into(&format!("! {text}"), room, 3)).unwrap_or_default();
    let refusal = refusal.into_iter().map(|line| (line, theme.bad));
    refusal.chain([(String::new(), theme.text)]).collect()
}

/// Draws what the keys do.
fn keys(form: &Form, model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let [enter, leave] = [Action::Submit, Action::Back].map(|action| model.keys.label(Context::Form, action));
    let does = match (form.fields.is_empty(), form.is_at_the_end()) {
        (true, _) => " yes, do it   ",
        (false, true) => " send   ",
        (false, false) => " next field   ",
    };
    let pieces =
        [(enter.as_str(), theme.accent), (does, theme.text), (leave.as_str(), theme.accent), (" leave", theme.text)];
    put_all(buffer, area.x, area.y, &pieces, area.width);
}

fn fields(
    form: &Form,
    lines: &[Line<'_>],
    theme: &Theme,
    labels: u16,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    let focus = lines.iter().position(|line| matches!(line, Line::Field(place, _) if *place == form.focus));
    let under = lines.iter().skip(focus.unwrap_or(0) + 1).take_while(|line| matches!(line, Line::Under(..))).count();
    let last = focus.unwrap_or(0) + under;
    let first = (last + 1).saturating_sub(usize::from(area.height)).min(focus.unwrap_or(0));
    let mut cursor = None;
    for (place, line) in lines.iter().enumerate().skip(first).take(usize::from(area.height)) {
        let row = row(area, place - first);
        let x = row.x + labels;
        let room = row.right().saturating_sub(x);
        match line {
            Line::Under(text, style) => _ = put(buffer, x, row.y, text, *style, room),
            Line::Field(at, field) => {
                let focused = *at == form.focus;
                put(buffer, row.x, row.y, field.label, if focused { theme.accent } else { theme.dim }, labels);
                // Without the focus, a long text is shown from its beginning.
                let (shown, at) =
                    if focused { visible(&field.input, room) } else { (field.input.value().to_owned(), 0) };
                if focused {
                    buffer.set_style(Rect { x, width: room, ..row }, theme.field);
                    cursor = Some(Position::new(x + at.min(room.saturating_sub(1)), row.y));
                }
                put(buffer, x, row.y, &shown, if focused { theme.field } else { theme.text }, room);
            }
        }
    }
    cursor
}
