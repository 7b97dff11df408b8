//! Products: prices, descriptions, and whether they are for sale.

use storefront_api::{ChangeProduct, Currency, Money, NewProduct, Product, ProductId, RepriceProduct, VatRate};

use crate::money;
use crate::state::counter::{CounterForm, CounterRequest};
use crate::state::{Form, FormField, FormPurpose, InvalidField, Model, Tone};
use crate::update::Effect;
use crate::update::counter::fetch;

/// Toggles between withdrawn products and the others.
pub(in crate::update) fn toggle_withdrawn(model: &mut Model) -> Vec<Effect> {
    let products = &mut model.counter.products;
    products.withdrawn = !products.withdrawn;
    products.list.forget();
    fetch(model)
}

pub(in crate::update) fn ask_to_reprice(model: &mut Model) {
    let Some(product) = model.counter.products.list.selected() else { return };
    let about = format!("{} costs {} now. Open baskets learn of it.", product.name, money::shown(product.price));
    let hint = format!("in {}, VAT included", product.price.currency);
    let fields = vec![
        FormField::new("/price", "Price", hint, &money::digits(product.price)),
        FormField::new("/reason", "Reason", "everyone can read it in the log", ""),
    ];
    let purpose = CounterForm::Reprice(product.id.clone(), product.price.currency);
    model.form = Some(Form::new(FormPurpose::Counter(purpose), "Give it another price", about, fields));
}

pub(in crate::update) fn ask_to_withdraw_or_relist(model: &mut Model) {
    let Some(product) = model.counter.products.list.selected() else { return };
    let (purpose, title, about) = if product.active {
        let about = format!("{} is no longer sold, and baskets that hold it cannot be bought with it.", product.name);
        (CounterForm::Withdraw(product.id.clone()), "Take it off the shelf", about)
    } else {
        let about = format!("{} is sold again, for {}.", product.name, money::shown(product.price));
        (CounterForm::Relist(product.id.clone()), "Put it back on the shelf", about)
    };
    model.form = Some(Form::new(FormPurpose::Counter(purpose), title, about, Vec::new()));
}

pub(in crate::update) fn ask_to_confirm_withdrawals(model: &mut Model) {
    let Some(held) = model.counter.products.held_withdrawals() else {
        return model.toast(Tone::Plain, "Nothing of the range is missing.");
    };
    let about = format!(
        "The product service no longer lists {} of {} products. Confirmed, they are no longer sold, and baskets that hold \
         them cannot be bought with them.",
        held.missing, held.sold
    );
    let purpose = FormPurpose::Counter(CounterForm::ConfirmWithdrawals);
    model.form = Some(Form::new(purpose, "Take them off the shelf", about, Vec::new()));
}

pub(super) fn withdrawn(model: &mut Model, withdrawn: u32) {
    model.toast(Tone::Good, format!("{withdrawn} products are off the shelf"));
}

pub(in crate::update) fn ask_to_describe(model: &mut Model) {
    let Some(product) = model.counter.products.list.selected() else { return };
    let was = product.compare_at_price.map(money::digits).unwrap_or_default();
    let fields = vec![
        FormField::new("/name", "Name", "unlike any other", &product.name),
        FormField::new("/description", "Description", "a few sentences", &product.description),
        FormField::new("/category", "Category", shelves(model), &product.category),
        FormField::new("/sku", "SKU", "your number for it, unlike any other", &product.sku),
        FormField::new("/vat_rate_percent", "VAT", "percent, such as 19 or 5.5", &product.vat_rate_percent.to_string()),
        FormField::new("/compare_at_price", "Price before", "above the price: on sale; empty: not on sale", &was),
    ];
    let about = format!("{}, {}", product.name, money::shown(product.price));
    let purpose = FormPurpose::Counter(CounterForm::Describe(Box::new(product.clone())));
    model.form = Some(Form::new(purpose, "Describe it anew", about, fields));
}

pub(in crate::update) fn ask_for_new(model: &mut Model) {
    let currency = currency(model);
    let category = model.counter.products.list.selected().map(|product| product.category.clone());
    let fields = vec![
        FormField::new("/name", "Name", "unlike any other", ""),
        FormField::new("/sku", "SKU", "your number for it, unlike any other", ""),
        FormField::new("/category", "Category", shelves(model), &category.unwrap_or_default()),
        FormField::new("/price", "Price", format!("in {currency}, VAT included"), ""),
        FormField::new("/vat_rate_percent", "VAT", "percent, such as 19 or 5.5", "19"),
        FormField::new("/compare_at_price", "Price before", "above the price: on sale; empty: not on sale", ""),
        FormField::new("/description", "Description", "a few sentences", ""),
    ];
    let purpose = FormPurpose::Counter(CounterForm::Create(currency));
    model.form = Some(Form::new(purpose, "A new product", "It can be bought when goods came in.", fields));
}

/// The shop's only currency, taken from its prices.
fn currency(model: &Model) -> Currency {
    let known = model.counter.products.list.items.iter().chain(model.shop.products.items.iter()).next();
    known.map_or(Currency::EUR, |(_, product)| product.price.currency)
}

fn shelves(model: &Model) -> String {
    let names: Vec<&str> = model.shop.categories.iter().map(|category| category.name.as_str()).collect();
    if names.is_empty() { "one that is there".to_owned() } else { names.join(", ") }
}

pub(super) fn reprice(form: &Form, id: &ProductId, currency: Currency) -> Result<CounterRequest, Vec<InvalidField>> {
    let price = amount(form, "/price", currency).map_err(|wrong| vec![wrong])?;
    Ok(CounterRequest::Reprice(id.clone(), RepriceProduct { price, reason: form.text("/reason") }))
}

/// Sends only changed fields, so that concurrent changes of others stay.
pub(super) fn describe(form: &Form, was: &Product) -> Result<CounterRequest, Vec<InvalidField>> {
    let changed = |pointer, old: &str| Some(form.text(pointer)).filter(|text| text != old.trim());
    let vat = vat(form);
    let before = before(form, was.price.currency);
    let (vat, before) = match (vat, before) {
        (Ok(vat), Ok(before)) => (vat, before),
        (vat, before) => return Err(vat.err().into_iter().chain(before.err()).collect()),
    };
    let change = ChangeProduct {
        sku: changed("/sku", &was.sku),
        name: changed("/name", &was.name),
        description: changed("/description", &was.description),
        category: changed("/category", &was.category),
        compare_at_price: Some(before).filter(|before| *before != was.compare_at_price),
        vat_rate_percent: Some(vat).filter(|vat| *vat != was.vat_rate_percent),
        attributes: None,
    };
    Ok(CounterRequest::Describe(was.id.clone(), change))
}

pub(super) fn create(form: &Form, currency: Currency) -> Result<CounterRequest, Vec<InvalidField>> {
    match (amount(form, "/price", currency), vat(form), before(form, currency)) {
        (Ok(price), Ok(vat_rate_percent), Ok(compare_at_price)) => Ok(CounterRequest::Create(NewProduct {
            id: None,
            sku: form.text("/sku"),
            name: form.text("/name"),
            description: form.text("/description"),
            category: form.text("/category"),
            price,
            compare_at_price,
            vat_rate_percent,
            attributes: std::collections::BTreeMap::new(),
        })),
        (price, vat, before) => Err([price.err(), vat.err(), before.err()].into_iter().flatten().collect()),
    }
}

fn amount(form: &Form, pointer: &'static str, currency: Currency) -> Result<Money, InvalidField> {
    money::read(&form.text(pointer), currency).map_err(|why| (pointer, why))
}

/// The price before the sale; `None` when the field is empty.
fn before(form: &Form, currency: Currency) -> Result<Option<Money>, InvalidField> {
    const POINTER: &str = "/compare_at_price";
    if form.text(POINTER).is_empty() { Ok(None) } else { amount(form, POINTER, currency).map(Some) }
}

fn vat(form: &Form) -> Result<VatRate, InvalidField> {
    const POINTER: &str = "/vat_rate_percent";
    let typed = form.text(POINTER).replace(',', ".");
    typed.parse().map_err(|_| (POINTER, "0 to 100 percent, such as 19 or 5.5".to_owned()))
}

pub(super) fn accepted(model: &mut Model, work: &CounterForm, product: &Product) {
    let name = &product.name;
    let said = match work {
        CounterForm::Reprice(..) => format!("{name} costs {} now", money::shown(product.price)),
        CounterForm::Withdraw(_) => {
            let key = model.key(crate::keys::Action::OnlyWithdrawn);
            format!("{name} is off the shelf; {key} shows what is")
        }
        CounterForm::Relist(_) => format!("{name} is for sale again"),
        CounterForm::Create(_) => format!("{name} is in the range"),
        CounterForm::Describe(_)
        | CounterForm::Receive(_)
        | CounterForm::Adjust(_)
        | CounterForm::Count(_)
        | CounterForm::SetThreshold(_)
        | CounterForm::Ship(_)
        | CounterForm::Deliver(_)
        | CounterForm::ChangeEmail(_)
        | CounterForm::Refund(..)
        | CounterForm::RefundCharge(_)
        | CounterForm::ConfirmWithdrawals => format!("{name} is described anew"),
    };
    model.toast(Tone::Good, said);
}
