//! Opens and closes the palette, and asks the shop for what is typed in it.

use crate::state::account::Part;
use crate::state::{Command, Failure, Found, Model, Palette};
use crate::update::{Effect, Request, account};

/// Delay after the last typed letter before the shop is asked.
const SEARCH_DELAY_MS: i64 = 80;

/// Opens it; the invoices and mails that it can find are fetched again.
pub(super) fn open(model: &mut Model) -> Vec<Effect> {
    let join = model.join_command();
    model.palette = Some(Palette::new(&model.keys, model.context(), join.as_deref()));
    if !model.is_live() {
        return Vec::new();
    }
    [Part::Invoices, Part::Mailbox].into_iter().flat_map(|part| account::fetch_part(model, part)).collect()
}

/// Closes the palette and returns the selected command.
pub(super) fn take_selected(model: &mut Model) -> Option<Command> {
    let palette = model.palette.take()?;
    palette.lines(&model.account).into_iter().nth(palette.list.cursor).map(|entry| entry.command)
}

pub(super) fn step(model: &mut Model, by: isize) {
    if let Some(palette) = &mut model.palette {
        let len = palette.lines(&model.account).len();
        palette.list.step(by, len);
    }
}

/// Schedules a search for when the typing pauses. What was found before is listed until then.
pub(super) fn on_typed(model: &mut Model) {
    let at = model.in_ms(SEARCH_DELAY_MS);
    let Some(palette) = &mut model.palette else { return };
    palette.list.cursor = 0;
    palette.sequence += 1;
    palette.search_at = (!palette.typed().is_empty()).then_some(at);
    if palette.search_at.is_none() {
        palette.found = Found::default();
    }
}

pub(super) fn on_tick(model: &mut Model) -> Vec<Effect> {
    let (now, asks) = (model.now, model.is_live());
    let Some(palette) = model.palette.as_mut().filter(|palette| palette.search_at.is_some_and(|at| at <= now)) else {
        return Vec::new();
    };
    palette.search_at = None;
    let (sequence, words) = (palette.sequence, palette.typed().to_owned());
    if asks { vec![Effect::Request(Request::Find { sequence, words })] } else { Vec::new() }
}

/// Lists what the shop found. After a failure, what is known here is listed alone.
pub(super) fn on_found(model: &mut Model, sequence: u64, result: Result<Found, Failure>) -> Vec<Effect> {
    if let Some(palette) = model.palette.as_mut().filter(|palette| palette.sequence == sequence) {
        palette.found = result.unwrap_or_default();
        let len = palette.lines(&model.account).len();
        palette.list.clamp(len);
    }
    Vec::new()
}
