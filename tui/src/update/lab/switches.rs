//! The fault switches: a change shows at once, is sent one after another for each stub, and is replaced by the shop's
//! response.

use storefront_api::{Faults, Stub, StubFaults};

use super::fetch_faults;
use crate::state::lab::{Number, PendingFaults, Side, Switch};
use crate::state::{Failure, Form, FormField, FormPurpose, InvalidField, Model, Tone};
use crate::update::{Effect, Request, refuse};

/// Maximum latency that a stub accepts, in milliseconds.
const MAX_LATENCY_MS: u64 = 60_000;
/// Pointer of the form's only field.
const NUMBER: &str = "/number";

/// The selected switch and the faults of its stub.
pub(super) fn chosen(model: &Model) -> Option<(Stub, Switch, Faults)> {
    let (stub, switch) = model.lab.rows().get(model.lab.switches.cursor).copied()?;
    Some((stub, switch, model.lab.faults_of(stub)?))
}

/// Toggles the selected switch.
pub(in crate::update) fn toggle(model: &mut Model) -> Vec<Effect> {
    throw(model, |switch, faults| switch.toggled(faults))
}

/// Moves the selected switch one step up or down.
pub(in crate::update) fn step(model: &mut Model, up: bool) -> Vec<Effect> {
    throw(model, |switch, faults| switch.stepped(faults, up))
}

/// Changes the selected switch. From the other half it only moves the focus, so that nobody changes a switch without
/// seeing it.
fn throw(model: &mut Model, change: impl Fn(Switch, &Faults) -> Faults) -> Vec<Effect> {
    if model.lab.side == Side::Scenarios {
        model.lab.side = Side::Switches;
        return Vec::new();
    }
    match chosen(model) {
        Some((stub, switch, faults)) => break_there(model, stub, change(switch, &faults)),
        None => Vec::new(),
    }
}

/// Sets the faults of a stub: shown at once, and sent when the previous request has a response.
pub(super) fn break_there(model: &mut Model, stub: Stub, faults: Faults) -> Vec<Effect> {
    if model.lab.faults_of(stub) == Some(faults) {
        return Vec::new();
    }
    if let Some(pending_faults) = model.lab.pending_faults.get_mut(&stub) {
        pending_faults.faults = faults;
        return Vec::new();
    }
    model.lab.pending_faults.insert(stub, PendingFaults { faults, sent: faults });
    vec![Effect::Request(Request::Break { stub, faults })]
}

/// Clears all faults.
pub(in crate::update) fn mend_all(model: &mut Model) -> Vec<Effect> {
    let broken = model.lab.broken();
    if broken.is_empty() {
        model.toast(Tone::Plain, "Nothing is broken.");
    }
    broken.into_iter().flat_map(|(stub, _)| break_there(model, stub, Faults::default())).collect()
}

pub(in crate::update) fn on_broken(model: &mut Model, stub: Stub, result: Result<Faults, Failure>) -> Vec<Effect> {
    let pending_faults = model.lab.pending_faults.remove(&stub);
    match result {
        Ok(faults) => {
            note(model, stub, faults);
            match pending_faults {
                Some(PendingFaults { faults, sent }) if faults != sent => break_there(model, stub, faults),
                Some(_) | None => Vec::new(),
            }
        }
        Err(failure) => {
            refuse(model, &failure);
            fetch_faults(model)
        }
    }
}

fn note(model: &mut Model, stub: Stub, faults: Faults) {
    if let Some(known) = model.lab.faults.iter_mut().find(|known| known.stub == stub) {
        known.faults = faults;
    }
}

/// Opens the form for a number.
pub(super) fn ask_for_number(model: &mut Model, number: Number, faults: Faults) {
    let Number { stub, switch } = number;
    let (label, hint, text) = match switch {
        Switch::Latency => ("milliseconds", format!("0 to {MAX_LATENCY_MS}"), faults.latency_ms.to_string()),
        _ => ("percent", "0 to 100".to_owned(), (faults.error_rate * 100.0).round().to_string()),
    };
    let title = format!("{}: {}", stub.name(), switch.name());
    let fields = vec![FormField::new(NUMBER, label, hint, &text)];
    model.form = Some(Form::new(FormPurpose::Lab(number), title, switch.meaning(), fields));
}

/// Builds the request of the form, or returns its invalid field. The stub's other faults stay as they are by then.
pub(in crate::update) fn request(model: &Model, form: &Form, number: &Number) -> Result<StubFaults, Vec<InvalidField>> {
    let Number { stub, switch } = *number;
    let faults = model.lab.faults_of(stub).unwrap_or_default();
    let most = if switch == Switch::Latency { MAX_LATENCY_MS } else { 100 };
    let typed = form.text(NUMBER).parse::<u64>().ok().filter(|typed| *typed <= most);
    let Some(typed) = typed else { return Err(vec![(NUMBER, format!("a whole number from 0 to {most}"))]) };
    let faults = match switch {
        Switch::Latency => Faults { latency_ms: typed, ..faults },
        _ => Faults { error_rate: typed as f64 / 100.0, ..faults },
    };
    Ok(StubFaults { stub, faults })
}

/// Handles an accepted form.
pub(in crate::update) fn accepted(model: &mut Model, accepted: StubFaults) -> Vec<Effect> {
    note(model, accepted.stub, accepted.faults);
    Vec::new()
}
