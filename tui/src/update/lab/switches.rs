//! The fault switches: what is thrown shows at once, is sent one change after another for each stub, and is what the shop
//! says it is.

use storefront_api::{Faults, Stub, StubFaults};

use super::{Request, ask_for_faults, errand};
use crate::state::lab::{Number, Side, Switch, Wanted};
use crate::state::{Failure, FieldWrong, Form, FormField, FormFor, Model, Tone};
use crate::update::{Effect, refuse};

/// The longest delay that a stub takes, in milliseconds.
const LATENCY_LIMIT_MS: u64 = 60_000;
/// The one field of the form for a number.
const NUMBER: &str = "/number";

/// The chosen switch, and how its stub is.
pub(super) fn chosen(model: &Model) -> Option<(Stub, Switch, Faults)> {
    let (stub, switch) = model.lab.rows().get(model.lab.switches.cursor).copied()?;
    Some((stub, switch, model.lab.faults_of(stub)?))
}

/// Breaks what the chosen switch stands for, or mends it.
pub(in crate::update) fn toggle(model: &mut Model) -> Vec<Effect> {
    throw(model, |switch, faults| switch.toggled(faults))
}

/// Sets the chosen switch a step higher or lower.
pub(in crate::update) fn step(model: &mut Model, up: bool) -> Vec<Effect> {
    throw(model, |switch, faults| switch.stepped(faults, up))
}

/// Changes the chosen switch; from the other side, only goes there, so that nobody breaks what is not looked at.
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

/// Breaks exactly this at a stub: shows at once, and is sent when what was sent before it is answered.
pub(super) fn break_there(model: &mut Model, stub: Stub, faults: Faults) -> Vec<Effect> {
    if model.lab.faults_of(stub) == Some(faults) {
        return Vec::new();
    }
    if let Some(wanted) = model.lab.wanted.get_mut(&stub) {
        wanted.faults = faults;
        return Vec::new();
    }
    model.lab.wanted.insert(stub, Wanted { faults, sent: faults });
    errand(Request::Break { stub, faults })
}

/// Mends everything that is broken on purpose.
pub(in crate::update) fn mend_all(model: &mut Model) -> Vec<Effect> {
    let broken = model.lab.broken();
    if broken.is_empty() {
        model.toast(Tone::Plain, "Nothing is broken.");
    }
    broken.into_iter().flat_map(|(stub, _)| break_there(model, stub, Faults::default())).collect()
}

pub(super) fn on_broken(model: &mut Model, stub: Stub, result: Result<Faults, Failure>) -> Vec<Effect> {
    let wanted = model.lab.wanted.remove(&stub);
    match result {
        Ok(faults) => {
            note(model, stub, faults);
            match wanted {
                Some(Wanted { faults, sent }) if faults != sent => break_there(model, stub, faults),
                Some(_) | None => Vec::new(),
            }
        }
        Err(failure) => {
            refuse(model, &failure);
            ask_for_faults(model)
        }
    }
}

fn note(model: &mut Model, stub: Stub, faults: Faults) {
    if let Some(known) = model.lab.faults.iter_mut().find(|known| known.stub == stub) {
        known.faults = faults;
    }
}

/// Asks for a number of the person's own.
pub(super) fn ask_for_number(model: &mut Model, number: Number, faults: Faults) {
    let Number { stub, switch } = number;
    let (label, hint, text) = match switch {
        Switch::Latency => ("milliseconds", format!("0 to {LATENCY_LIMIT_MS}"), faults.latency_ms.to_string()),
        _ => ("percent", "0 to 100".to_owned(), (faults.error_rate * 100.0).round().to_string()),
    };
    let title = format!("{}: {}", stub.name(), switch.name());
    let fields = vec![FormField::new(NUMBER, label, hint, &text)];
    model.form = Some(Form::new(FormFor::Lab(number), title, switch.meaning(), fields));
}

/// What a filled-in form asks of the shop, or what is wrong with it. What else is broken there stays as it is by now.
pub(in crate::update) fn request(model: &Model, form: &Form, number: &Number) -> Result<StubFaults, Vec<FieldWrong>> {
    let Number { stub, switch } = *number;
    let faults = model.lab.faults_of(stub).unwrap_or_default();
    let most = if switch == Switch::Latency { LATENCY_LIMIT_MS } else { 100 };
    let typed = form.text(NUMBER).parse::<u64>().ok().filter(|typed| *typed <= most);
    let Some(typed) = typed else { return Err(vec![(NUMBER, format!("a whole number from 0 to {most}"))]) };
    let faults = match switch {
        Switch::Latency => Faults { latency_ms: typed, ..faults },
        _ => Faults { error_rate: typed as f64 / 100.0, ..faults },
    };
    Ok(StubFaults { stub, faults })
}

/// The shop did what the form asked for.
pub(in crate::update) fn agreed(model: &mut Model, agreed: StubFaults) -> Vec<Effect> {
    note(model, agreed.stub, agreed.faults);
    Vec::new()
}
