//! Text input: keys and pasted text go to the focused field.

use tui_input::{Input, InputRequest};

use crate::keys::{Code, Key};
use crate::state::{Model, Screen};
use crate::update::{Effect, Request, checkout, counter, find, form, orders, palette, shop};

/// Handles an unbound key in the field.
pub(super) fn on_key(model: &mut Model, key: Key) -> Vec<Effect> {
    if let Key { code: Code::Char(letter), ctrl: false, alt: false } = key
        && refuses(model, letter)
    {
        return Vec::new();
    }
    if let Some(request) = typed(key)
        && let Some(input) = focused_input(model)
        && input.handle(request).is_some_and(|changed| changed.value)
    {
        return after_typing(model);
    }
    Vec::new()
}

/// Whether the focused field takes numbers only and this is a letter; the field says so.
fn refuses(model: &mut Model, letter: char) -> bool {
    if model.help.is_some() || model.palette.is_some() {
        return false;
    }
    let field = model.form.as_mut().and_then(|form| form.fields.get_mut(form.focus));
    let Some(field) = field.filter(|field| !field.accepts(letter)) else { return false };
    field.error = Some("a number has no letters".to_owned());
    true
}

/// Inserts pasted text on one line: line breaks and tabs become blanks, other control characters are removed.
pub(super) fn on_paste(model: &mut Model, text: &str) -> Vec<Effect> {
    if !model.context().takes_text() {
        return Vec::new();
    }
    let text = storefront_api::text::cleaned(&on_one_line(text), false);
    let letters: Vec<char> = text.chars().take(MAX_PASTED_CHARS).filter(|letter| !refuses(model, *letter)).collect();
    let Some(input) = focused_input(model) else { return Vec::new() };
    for letter in letters {
        input.handle(InputRequest::InsertChar(letter));
    }
    after_typing(model)
}

/// Maximum number of characters that are taken from a paste.
const MAX_PASTED_CHARS: usize = 200;

/// Joins the lines of a text with one blank, without empty lines and blanks at their ends.
fn on_one_line(text: &str) -> String {
    let lines = text.split(['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}']);
    let plain = |line: &str| -> String {
        let blank = |letter| if letter == '\t' { ' ' } else { letter };
        line.chars().map(blank).filter(|letter| !letter.is_control()).collect()
    };
    let lines: Vec<String> = lines.map(plain).filter(|line| !line.trim().is_empty()).collect();
    match lines.as_slice() {
        // One line is taken as it is.
        [line] => line.clone(),
        lines => lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" "),
    }
}

fn focused_input(model: &mut Model) -> Option<&mut Input> {
    if let Some(help) = &mut model.help {
        return Some(&mut help.filter);
    }
    if let Some(palette) = &mut model.palette {
        return Some(&mut palette.filter);
    }
    if let Some(form) = &mut model.form {
        return form.fields.get_mut(form.focus).map(|field| &mut field.input);
    }
    match model.screen {
        Screen::Shop => Some(&mut model.shop.search),
        Screen::Log => Some(&mut model.log.filter),
        Screen::Checkout => {
            let focus = model.checkout.focus;
            model.checkout.input_mut(focus)
        }
        Screen::Counter => model.counter.search_mut(),
        Screen::Orders => Some(&mut model.orders.search),
        Screen::Order | Screen::Replay => model.order.as_mut().map(|open| &mut open.find),
        Screen::Basket | Screen::Processes | Screen::Lab | Screen::Account => None,
    }
}

fn after_typing(model: &mut Model) -> Vec<Effect> {
    if let Some(help) = &mut model.help {
        help.list.cursor = 0;
        return Vec::new();
    }
    if model.palette.is_some() {
        palette::on_typed(model);
        return Vec::new();
    }
    if model.form.is_some() {
        form::on_edit(model);
        return Vec::new();
    }
    match model.screen {
        Screen::Shop => shop::on_search_typed(model),
        Screen::Log => {
            model.log.filter_again();
            return model
                .log
                .unknown_number()
                .map(|number| Effect::Request(Request::FindOrder { number }))
                .into_iter()
                .collect();
        }
        Screen::Checkout => checkout::on_edit(model),
        Screen::Counter => counter::on_search_typed(model),
        Screen::Orders => orders::on_search_typed(model),
        Screen::Order | Screen::Replay => find::on_typed(model),
        Screen::Basket | Screen::Processes | Screen::Lab | Screen::Account => {}
    }
    Vec::new()
}

/// The edit of a key in a text field.
fn typed(key: Key) -> Option<InputRequest> {
    match key {
        Key { code: Code::Char(letter), ctrl: false, alt: false } => Some(InputRequest::InsertChar(letter)),
        Key { code: Code::Char(letter), ctrl: true, .. } => match letter {
            'a' => Some(InputRequest::GoToStart),
            'e' => Some(InputRequest::GoToEnd),
            'u' => Some(InputRequest::DeleteLine),
            'k' => Some(InputRequest::DeleteTillEnd),
            'w' => Some(InputRequest::DeletePrevWord),
            'h' => Some(InputRequest::DeletePrevChar),
            _ => None,
        },
        Key { code: Code::Backspace, alt, .. } => {
            Some(if alt { InputRequest::DeletePrevWord } else { InputRequest::DeletePrevChar })
        }
        Key { code: Code::Left, ctrl, .. } => {
            Some(if ctrl { InputRequest::GoToPrevWord } else { InputRequest::GoToPrevChar })
        }
        Key { code: Code::Right, ctrl, .. } => {
            Some(if ctrl { InputRequest::GoToNextWord } else { InputRequest::GoToNextChar })
        }
        Key { code: Code::Delete, .. } => Some(InputRequest::DeleteNextChar),
        Key { code: Code::Home, .. } => Some(InputRequest::GoToStart),
        Key { code: Code::End, .. } => Some(InputRequest::GoToEnd),
        Key {
            code:
                Code::Char(_)
                | Code::Enter
                | Code::Esc
                | Code::Tab
                | Code::BackTab
                | Code::Up
                | Code::Down
                | Code::PageUp
                | Code::PageDown,
            ..
        } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pasted_lines_stay_apart_and_leading_ones_eat_nothing() {
        for (pasted, taken) in [
            ("Ada Lovelace", "Ada Lovelace"),
            ("\n\nAda\nLovelace\n", "Ada Lovelace"),
            ("Ada\r\nLovelace", "Ada Lovelace"),
            ("12\tSt James's  Square", "12 St James's  Square"),
            (" trailing ", " trailing "),
            ("a\u{1b}[31mb\u{9b}c", "a[31mbc"),
            ("\n\n", ""),
        ] {
            assert_eq!(on_one_line(pasted), taken, "{pasted:?}");
        }
    }
}
