//! Stock: the list, its alarms, and the forms that change it.

use storefront_api::{AdjustStock, Event, Page, ProductId, ReceiveStock, SetStock, StockItem};

use crate::state::counter::{CounterForm, CounterRequest, name_of};
use crate::state::{Failure, Form, FormField, FormPurpose, InvalidField, Load, Model, Screen, Tone};
use crate::update::Effect;
use crate::update::counter::{retry_later, whole};

pub(in crate::update) fn on_stock(
    model: &mut Model,
    sequence: u64,
    result: Result<Page<StockItem>, Failure>,
) -> Vec<Effect> {
    let stock = &mut model.counter.stock;
    if sequence != stock.sequence {
        return Vec::new();
    }
    let lost = result.is_err();
    match result {
        Ok(page) => {
            stock.put(page.items, page.total);
            stock.load = Load::Ready;
        }
        Err(failure) => {
            if stock.load != Load::Ready {
                stock.load = Load::Failed(failure);
            }
        }
    }
    retry_later(model, lost)
}

/// Records what ran low or out, and shows a toast on the counter.
pub(super) fn on_event(model: &mut Model, event: &Event) {
    let words = match event.kind.as_str() {
        "stock.ran_low" => "runs low",
        "stock.ran_out" => "is sold out",
        "stock.received" => "",
        _ => return,
    };
    let Some(Ok(id)) = event.stream.strip_prefix("stock-").map(str::parse::<ProductId>) else { return };
    if words.is_empty() {
        model.counter.stock.alarms.remove(&id);
        return;
    }
    if model.screen == Screen::Counter {
        let name = model.product_name(&id);
        model.toast(Tone::Bad, format!("{name} {words}."));
    }
    model.counter.stock.alarms.insert(id);
}

pub(in crate::update) fn ask_to_receive(model: &mut Model) {
    let Some((item, name)) = chosen(model) else { return };
    let about = format!("{name}: {} on hand. So many more came in.", item.on_hand);
    let fields = vec![FormField::new("/quantity", "Quantity", "1 to 1,000,000", "")];
    let purpose = FormPurpose::Counter(CounterForm::Receive(item.product_id));
    model.form = Some(Form::new(purpose, "Receive goods", about, fields));
}

pub(in crate::update) fn ask_to_adjust(model: &mut Model) {
    let Some((item, name)) = chosen(model) else { return };
    let StockItem { on_hand, reserved, .. } = item;
    let about = format!("{name}: the books say {on_hand} on hand, {reserved} of them reserved.");
    let fields = vec![
        FormField::new("/change", "Change", "how many more, or fewer: 3 or -2", ""),
        FormField::new("/reason", "Reason", "such as: counted, broken, found", ""),
    ];
    let purpose = FormPurpose::Counter(CounterForm::Adjust(item.product_id));
    model.form = Some(Form::new(purpose, "Correct the books", about, fields));
}

pub(in crate::update) fn ask_to_count(model: &mut Model) {
    let Some((item, name)) = chosen(model) else { return };
    let StockItem { on_hand, reserved, .. } = item;
    let about = format!("{name}: the books say {on_hand} on hand, {reserved} of them reserved. How many are there?");
    let fields = vec![
        FormField::new("/on_hand", "On hand", "what was counted, such as 12", &on_hand.to_string()),
        FormField::new("/reason", "Reason", "such as: stocktaking", "counted"),
    ];
    let purpose = FormPurpose::Counter(CounterForm::Count(item.product_id));
    model.form = Some(Form::new(purpose, "Set a counted number", about, fields));
}

pub(in crate::update) fn ask_for_threshold(model: &mut Model) {
    let Some((item, name)) = chosen(model) else { return };
    let about = format!("{name}: {} available now.", item.available);
    let text = item.threshold.to_string();
    let fields = vec![FormField::new("/threshold", "Low at", "low at or below this many available", &text)];
    let purpose = FormPurpose::Counter(CounterForm::SetThreshold(item.product_id));
    model.form = Some(Form::new(purpose, "When stock runs low", about, fields));
}

fn chosen(model: &Model) -> Option<(StockItem, String)> {
    let item = model.counter.stock.selected()?.clone();
    let name = name_of(&item);
    Some((item, name))
}

pub(super) fn receive(form: &Form, id: &ProductId) -> Result<CounterRequest, Vec<InvalidField>> {
    Ok(CounterRequest::Receive(id.clone(), ReceiveStock { quantity: whole(form, "/quantity", "12")? }))
}

pub(super) fn adjust(form: &Form, id: &ProductId) -> Result<CounterRequest, Vec<InvalidField>> {
    let change = whole(form, "/change", "3 or -2")?;
    Ok(CounterRequest::Adjust(id.clone(), AdjustStock { change, reason: form.text("/reason") }))
}

pub(super) fn count(form: &Form, id: &ProductId) -> Result<CounterRequest, Vec<InvalidField>> {
    let on_hand = whole(form, "/on_hand", "12")?;
    Ok(CounterRequest::Count(id.clone(), SetStock { on_hand, reason: form.text("/reason") }))
}

pub(super) fn set_threshold(form: &Form, id: &ProductId) -> Result<CounterRequest, Vec<InvalidField>> {
    Ok(CounterRequest::SetThreshold(id.clone(), whole(form, "/threshold", "10")?))
}

pub(super) fn accepted(model: &mut Model, work: &CounterForm, item: StockItem) {
    let name = name_of(&item);
    let said = match work {
        CounterForm::SetThreshold(_) => format!("{name} runs low at {}", item.threshold),
        CounterForm::Receive(_)
        | CounterForm::Adjust(_)
        | CounterForm::Count(_)
        | CounterForm::Reprice(..)
        | CounterForm::Withdraw(_)
        | CounterForm::Relist(_)
        | CounterForm::Describe(_)
        | CounterForm::Create(_)
        | CounterForm::Ship(_)
        | CounterForm::Deliver(_)
        | CounterForm::ChangeEmail(_)
        | CounterForm::Refund(..)
        | CounterForm::RefundCharge(_)
        | CounterForm::ConfirmWithdrawals => format!("{name}: {} on hand now", item.on_hand),
    };
    model.counter.stock.update_item(item);
    model.toast(Tone::Good, said);
}
