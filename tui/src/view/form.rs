//! Draws the form over the screen: its text, its fields with their errors, and what Enter does.

use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use tui_input::Input;

use crate::keys::{Action, Context};
use crate::state::{Form, FormField, Model};
use crate::view::fields::{self, Field};
use crate::view::help::frame;
use crate::view::surface::Surface;
use crate::view::text::{put, put_all, wrap_into};
use crate::view::theme::Theme;
use crate::view::{below, row};

/// Maximum width of a form.
const MAX_FORM_WIDTH: u16 = 64;

/// Draws the open form; returns the cursor of the focused field.
pub(super) fn draw(
    form: &Form,
    model: &Model,
    theme: &Theme,
    screen: Rect,
    surface: &mut Surface<'_>,
) -> Option<Position> {
    let inside = MAX_FORM_WIDTH.min(screen.width.saturating_sub(2)).saturating_sub(4);
    let drawn: Vec<Input> = form.fields.iter().map(FormField::drawn).collect();
    let fields: Vec<Field<'_>> = form
        .fields
        .iter()
        .zip(&drawn)
        .enumerate()
        .map(|(place, (field, input))| shown(form, place, field, input))
        .collect();
    let low = screen.height < 16;
    let foot = foot(form, model, theme, inside);
    let lines = fields::height(&fields, theme, inside);
    // On a low screen, the text gives way to the fields.
    let spare = screen.height.saturating_sub(4 + rows(&foot) + lines);
    let about = wrap_into(&form.about, inside, if low { usize::from(spare).clamp(1, 4) } else { 4 });
    let gaps = if low { 0 } else { 1 };
    let mut high = rows(&about) + rows(&foot) + lines + 2;
    high += gaps * (u16::from(lines > 0) + u16::from(!about.is_empty()));
    let area = frame(&format!(" {} ", form.title), theme, screen, (MAX_FORM_WIDTH, high), surface);
    for (line, text) in about.iter().enumerate() {
        put(surface, area.x, row(area, line).y, text, theme.dim, area.width);
    }
    let taken = rows(&about) + if about.is_empty() { 0 } else { gaps };
    // The foot is always visible; of the middle, the lines around the focused field.
    let foot_y = area.bottom().saturating_sub(rows(&foot));
    let body = below(area, taken);
    let body = Rect { height: foot_y.saturating_sub(body.y + if lines == 0 { 0 } else { gaps }), ..body };
    let cursor = fields::draw(&fields, theme, body, surface);
    for (line, (text, style)) in (foot_y..area.bottom()).zip(&foot) {
        put(surface, area.x, line, text, *style, area.width);
    }
    if let [.., (text, _)] = &foot[..]
        && text.is_empty()
    {
        keys(form, model, theme, row(area, usize::from(area.height.saturating_sub(1))), surface);
    }
    cursor
}

fn rows<T>(lines: &[T]) -> u16 {
    u16::try_from(lines.len()).unwrap_or(u16::MAX)
}

/// A field as it is drawn.
fn shown<'a>(form: &Form, place: usize, field: &'a FormField, input: &'a Input) -> Field<'a> {
    Field {
        label: field.label,
        input,
        focused: place == form.focus,
        error: field.error.as_deref(),
        hint: Some(field.hint.as_str()).filter(|hint| !hint.is_empty()),
    }
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
fn keys(form: &Form, model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let [enter, leave] = [Action::Submit, Action::Back].map(|action| model.keys.label(Context::Form, action));
    let does = match (form.fields.is_empty(), form.is_at_the_end()) {
        (true, _) => " yes, do it   ",
        (false, true) => " send   ",
        (false, false) => " next field   ",
    };
    let pieces =
        [(enter.as_str(), theme.accent), (does, theme.text), (leave.as_str(), theme.accent), (" leave", theme.text)];
    put_all(surface, area.x, area.y, &pieces, area.width);
}
