//! The shopkeeper's work on orders: ship, deliver, change the address, refund. Also for the screen of one order.

use jiff::civil::Date;
use storefront_api::{
    ChangeEmail, Currency, Deliver, EmailAddress, Money, Order, OrderId, OrderStatus, PaymentStatus, RefundOrder, Ship,
    Timestamp,
};

use crate::money;
use crate::state::counter::{CounterForm, CounterRequest};
use crate::state::{Form, FormField, FormPurpose, InvalidField, Model, Screen, Tone};
use crate::update::counter::fetch;
use crate::update::{Effect, order};

/// The selected order and what the forms need of it.
struct Chosen {
    id: OrderId,
    name: String,
    status: OrderStatus,
    payment: PaymentStatus,
    total: Money,
    recipient: String,
    email: String,
}

/// The open order on its screen, or the selected one of the list.
fn chosen(model: &Model) -> Option<Chosen> {
    let name = |number: &Option<String>| number.clone().unwrap_or_else(|| "This order".to_owned());
    if model.screen == Screen::Order {
        let order = model.order.as_ref()?.order.as_ref()?;
        return Some(Chosen {
            id: order.id,
            name: name(&order.number),
            status: order.status,
            payment: order.payment_status,
            total: order.total,
            recipient: order.shipping_address.as_ref().map(|address| address.name.clone()).unwrap_or_default(),
            email: order.email.clone().unwrap_or_default(),
        });
    }
    let order = model.counter.orders.list.selected()?;
    Some(Chosen {
        id: order.id,
        name: name(&order.number),
        status: order.status,
        payment: order.payment_status,
        total: order.total,
        recipient: String::new(),
        email: String::new(),
    })
}

pub(in crate::update) fn next_status(model: &mut Model) -> Vec<Effect> {
    let orders = &mut model.counter.orders;
    orders.next_status();
    orders.list.forget();
    fetch(model)
}

/// Opens the selected order with its timeline.
pub(in crate::update) fn open_order(model: &mut Model) -> Vec<Effect> {
    let Some(id) = model.counter.orders.list.selected().map(|order| order.id) else { return Vec::new() };
    order::open(model, id)
}

pub(in crate::update) fn ask_to_ship(model: &mut Model) {
    let Some(chosen) = chosen(model) else { return };
    match chosen.status {
        OrderStatus::Confirmed => {
            let about = format!("{}, {}: the goods leave the house.", chosen.name, money::shown(chosen.total));
            let fields = vec![
                FormField::new("/carrier", "Carrier", "who carries it", ""),
                FormField::new("/tracking_number", "Tracking", "the carrier's number for it", ""),
                FormField::new("/estimated_delivery", "Arrives", "a day such as 2027-03-01; may stay empty", ""),
            ];
            model.form =
                Some(Form::new(FormPurpose::Counter(CounterForm::Ship(chosen.id)), "Ship the order", about, fields));
        }
        OrderStatus::Shipped => model.toast(Tone::Plain, format!("{} is on its way already.", chosen.name)),
        OrderStatus::Delivered => model.toast(Tone::Plain, format!("{} has arrived already.", chosen.name)),
        OrderStatus::Unknown => model.toast(Tone::Plain, order::UNKNOWN_STATE),
        OrderStatus::InProgress | OrderStatus::CheckedOut | OrderStatus::Cancelled | OrderStatus::Expired => {
            model.toast(Tone::Plain, "Only a confirmed order can be shipped.");
        }
    }
}

pub(in crate::update) fn ask_to_deliver(model: &mut Model) {
    let Some(chosen) = chosen(model) else { return };
    match chosen.status {
        OrderStatus::Shipped => {
            let about = format!("{}, {}: somebody took it.", chosen.name, money::shown(chosen.total));
            let fields = vec![FormField::new("/recipient", "Recipient", "who took it", &chosen.recipient)];
            let purpose = FormPurpose::Counter(CounterForm::Deliver(chosen.id));
            model.form = Some(Form::new(purpose, "The order has arrived", about, fields));
        }
        OrderStatus::Delivered => model.toast(Tone::Plain, format!("{} has arrived already.", chosen.name)),
        OrderStatus::InProgress
        | OrderStatus::CheckedOut
        | OrderStatus::Confirmed
        | OrderStatus::Cancelled
        | OrderStatus::Expired
        | OrderStatus::Unknown => model.toast(Tone::Plain, "Only an order that was shipped can arrive."),
    }
}

pub(in crate::update) fn ask_to_change_email(model: &mut Model) {
    let Some(chosen) = chosen(model) else { return };
    match chosen.status {
        OrderStatus::CheckedOut
        | OrderStatus::Confirmed
        | OrderStatus::Shipped
        | OrderStatus::Delivered
        | OrderStatus::Cancelled => {
            let about = format!("Mail about {} goes there from now on; what nobody took is sent again.", chosen.name);
            let fields = vec![FormField::new("/email", "Email", "the right address", &chosen.email)];
            let purpose = FormPurpose::Counter(CounterForm::ChangeEmail(chosen.id));
            model.form = Some(Form::new(purpose, "Correct the mail address", about, fields));
        }
        OrderStatus::Unknown => model.toast(Tone::Plain, order::UNKNOWN_STATE),
        OrderStatus::InProgress | OrderStatus::Expired => {
            model.toast(Tone::Plain, "Nothing was bought: there is no mail about it.");
        }
    }
}

pub(in crate::update) fn ask_to_refund(model: &mut Model) {
    let Some(chosen) = chosen(model) else { return };
    match chosen.payment {
        PaymentStatus::Paid | PaymentStatus::Refunding => {
            let total = money::shown(chosen.total);
            let about = format!("{}: {total} was paid. The order stays as it is.", chosen.name);
            let currency = chosen.total.currency;
            let fields = vec![
                FormField::new("/amount", "Amount", "empty: all that is left of what was paid", ""),
                FormField::new("/reason", "Reason", "such as: arrived broken", ""),
            ];
            let purpose = FormPurpose::Counter(CounterForm::Refund(chosen.id, currency));
            model.form = Some(Form::new(purpose, "Give money back", about, fields));
        }
        PaymentStatus::Disputed => {
            let toast = format!("{} is disputed: its money cannot go back until the bank has decided.", chosen.name);
            model.toast(Tone::Plain, toast);
        }
        PaymentStatus::Unknown => model.toast(Tone::Plain, order::UNKNOWN_STATE),
        PaymentStatus::Refunded => model.toast(Tone::Plain, format!("All of {} went back already.", chosen.name)),
        PaymentStatus::None
        | PaymentStatus::Pending
        | PaymentStatus::AuthenticationRequired
        | PaymentStatus::Declined => {
            model.toast(Tone::Plain, "Nothing was paid for this order: nothing to give back.");
        }
    }
}

pub(super) fn ship(form: &Form, id: OrderId) -> Result<CounterRequest, Vec<InvalidField>> {
    const POINTER: &str = "/estimated_delivery";
    let text = form.text(POINTER);
    let estimated_delivery = if text.is_empty() {
        None
    } else {
        Some(noon_of(&text).ok_or_else(|| vec![(POINTER, "a day such as 2027-03-01, or nothing".to_owned())])?)
    };
    let (carrier, tracking_number) = (form.text("/carrier"), form.text("/tracking_number"));
    Ok(CounterRequest::Ship(id, Ship { carrier, tracking_number, estimated_delivery }))
}

/// Noon of a day in UTC, which is the same day in nearly every time zone.
fn noon_of(text: &str) -> Option<Timestamp> {
    let day: Date = text.parse().ok().filter(|_| text.len() == "2027-03-01".len())?;
    let noon = day.at(12, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(Timestamp::from_unix_ms(noon.timestamp().as_millisecond()))
}

pub(super) fn deliver(form: &Form, id: OrderId) -> CounterRequest {
    CounterRequest::Deliver(id, Deliver { recipient: form.text("/recipient") })
}

pub(super) fn change_email(form: &Form, id: OrderId) -> Result<CounterRequest, Vec<InvalidField>> {
    let email = form.text("/email");
    match email.parse::<EmailAddress>() {
        Ok(_) => Ok(CounterRequest::ChangeEmail(id, ChangeEmail { email })),
        Err(wrong) => Err(vec![("/email", wrong.to_string())]),
    }
}

pub(super) fn refund(form: &Form, id: OrderId, currency: Currency) -> Result<CounterRequest, Vec<InvalidField>> {
    let text = form.text("/amount");
    let amount =
        if text.is_empty() { None } else { Some(money::read(&text, currency).map_err(|why| vec![("/amount", why)])?) };
    Ok(CounterRequest::Refund(id, RefundOrder { amount, reason: form.text("/reason") }))
}

pub(super) fn accepted(model: &mut Model, work: &CounterForm, order: Order) -> Vec<Effect> {
    let name = order.number.clone().unwrap_or_else(|| "The order".to_owned());
    let said = match work {
        CounterForm::Ship(_) => format!("{name} is on its way"),
        CounterForm::Deliver(_) => format!("{name} has arrived"),
        CounterForm::ChangeEmail(_) => {
            format!("Mail about {name} goes to {}", order.email.as_deref().unwrap_or_default())
        }
        CounterForm::Refund(..)
        | CounterForm::Receive(_)
        | CounterForm::Adjust(_)
        | CounterForm::Count(_)
        | CounterForm::SetThreshold(_)
        | CounterForm::Reprice(..)
        | CounterForm::Withdraw(_)
        | CounterForm::Relist(_)
        | CounterForm::Describe(_)
        | CounterForm::Create(_)
        | CounterForm::RefundCharge(_)
        | CounterForm::ConfirmWithdrawals => format!("Money of {name} is on its way back"),
    };
    model.toast(Tone::Good, said);
    if model.screen == Screen::Order { order::fetch(model) } else { fetch(model) }
}
