//! Charges without a payment in the shop, and their refunds.

use storefront_api::{Payment, UnmatchedCharges};

use crate::money;
use crate::state::counter::CounterForm;
use crate::state::{Failure, Form, FormPurpose, Load, Model, Tone};
use crate::update::Effect;

pub(in crate::update) fn on_charges(
    model: &mut Model,
    sequence: u64,
    result: Result<UnmatchedCharges, Failure>,
) -> Vec<Effect> {
    let charges = &mut model.counter.charges;
    if sequence != charges.sequence {
        return Vec::new();
    }
    match result {
        Ok(UnmatchedCharges { items, complete }) => {
            charges.list.clamp(items.len());
            (charges.items, charges.complete, charges.load) = (items, complete, Load::Ready);
        }
        // An unreachable gateway is asked again when somebody opens the part: nothing else waits for it.
        Err(failure) => charges.load = Load::Failed(failure),
    }
    Vec::new()
}

pub(super) fn ask_to_refund(model: &mut Model) {
    let Some(charge) = model.counter.charges.selected() else { return };
    let about = format!(
        "{} of the charge {} go back to where they came from. No order here was paid with it.",
        money::shown(charge.left),
        charge.reference
    );
    let purpose = FormPurpose::Counter(CounterForm::RefundCharge(charge.reference.clone()));
    model.form = Some(Form::new(purpose, "Give the charge back", about, Vec::new()));
}

pub(super) fn refunded(model: &mut Model, payment: &Payment) {
    let going = payment.refunds.last().map_or(payment.amount, |refund| refund.amount);
    model.toast(Tone::Good, format!("{} are on their way back", money::shown(going)));
}
