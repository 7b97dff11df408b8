//! The address book of who is signed in: its forms.

use storefront_api::{Address, SaveAddress, SavedAddress};

use crate::state::session::AccountForm;
use crate::state::{Form, FormField, FormPurpose, Model};

pub(super) fn ask_to_add(model: &mut Model) {
    let name = model.account.me.as_ref().and_then(|me| me.name.clone()).unwrap_or_default();
    let fields = fields("", &Address { name, ..Address::default() });
    open(model, AccountForm::AddAddress, "Save an address", "You find it on every computer.", fields);
}

pub(super) fn ask_to_change(model: &mut Model) {
    let Some(SavedAddress { id, label, address, .. }) = model.account.addresses.selected().cloned() else { return };
    open(model, AccountForm::ChangeAddress(id), "Change this address", "", fields(&label, &address));
}

pub(super) fn ask_to_remove(model: &mut Model) {
    let Some(saved) = model.account.addresses.selected() else { return };
    let (id, about) = (saved.id, format!("{}: {}", saved.label, saved.address.lines().join(", ")));
    open(model, AccountForm::RemoveAddress(id), "Remove this address?", &about, Vec::new());
}

pub(super) fn ask_for_default(model: &mut Model) {
    let Some(saved) = model.account.addresses.selected() else { return };
    let (id, about) = (saved.id, format!("{} is then used unless another is chosen.", saved.label));
    open(model, AccountForm::DefaultAddress(id), "Make this address the default?", &about, Vec::new());
}

fn open(model: &mut Model, purpose: AccountForm, title: &str, about: &str, fields: Vec<FormField>) {
    model.form = Some(Form::new(FormPurpose::Account(purpose), title, about, fields));
}

fn fields(label: &str, address: &Address) -> Vec<FormField> {
    let optional = |text: &Option<String>| text.clone().unwrap_or_default();
    vec![
        FormField::new("/label", "Label", "what you call it, such as Home", label),
        FormField::new("/address/name", "Name", "who gets the parcel", &address.name),
        FormField::new("/address/street", "Street", "with the number", &address.street),
        FormField::new("/address/line2", "Addition", "may be left empty", &optional(&address.line2)),
        FormField::new("/address/postal_code", "Postal code", "", &address.postal_code),
        FormField::new("/address/city", "City", "", &address.city),
        FormField::new("/address/state", "State", "may be left empty", &optional(&address.state)),
        FormField::new("/address/country", "Country", "two letters, such as DE", &address.country),
        FormField::new("/address/phone", "Phone", "may be left empty", &optional(&address.phone)),
    ]
}

/// The address as it was typed. What is wrong with it, the shop says.
pub(super) fn typed(form: &Form) -> SaveAddress {
    let optional = |pointer: &str| Some(form.text(pointer)).filter(|text| !text.is_empty());
    let address = Address {
        name: form.text("/address/name"),
        street: form.text("/address/street"),
        line2: optional("/address/line2"),
        postal_code: form.text("/address/postal_code"),
        city: form.text("/address/city"),
        state: optional("/address/state"),
        country: form.text("/address/country").to_uppercase(),
        phone: optional("/address/phone"),
    };
    SaveAddress { label: form.text("/label"), address }
}
