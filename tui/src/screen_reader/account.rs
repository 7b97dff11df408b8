//! The screen Account: wallet, vouchers, invoices, mail, profile.

use storefront_api::{
    DocumentKind, DocumentSummary, Movement, MovementKind, SavedAddress, Session, Voucher, VoucherStatus,
};

use super::page::Page;
use super::words::{count, field, listed, short_id};
use crate::keys::{Action, Context};
use crate::money;
use crate::state::account::Part;
use crate::state::{Mail, Model, PagedList};
use crate::view::account::first_operator;
use crate::view::when;

pub(super) fn page(model: &Model) -> Page {
    let account = &model.account;
    let part = account.part;
    let mut page = Page::new(format!("account {}", part.name()), format!("Account: {}.", part.name()));
    match part {
        Part::Wallet | Part::Vouchers if account.registered().is_none() => no_wallet(model, &mut page),
        Part::Wallet => {
            if let Some(balance) = account.balance() {
                page.say("balance", format!("{} in your wallet.", money::shown(balance)));
            }
            list(&account.movements, "The movements", &mut page, |movement| movement_text(model, movement));
        }
        Part::Vouchers => list(&account.vouchers, "The vouchers", &mut page, voucher_text),
        Part::Invoices => list(&account.invoices, "The invoices", &mut page, document_text),
        Part::Mailbox if model.mailbox_url.is_none() => {
            page.say("none", "The mail of this shop goes where it sends it; there is no mailbox to look into.");
        }
        Part::Mailbox => list(&account.mails, "The mail", &mut page, |mail| mail_text(model, mail)),
        Part::Profile => profile(model, &mut page),
        Part::Sessions | Part::Addresses if !account.is_signed_in() => sign_in(model, &mut page),
        Part::Sessions => list(&account.sessions, "The sessions", &mut page, |session| session_text(model, session)),
        Part::Addresses => list(&account.addresses, "The addresses", &mut page, address_text),
    }
    page
}

fn no_wallet(model: &Model, page: &mut Page) {
    if model.account.registration.is_some() {
        page.say("wallet", "Opening your wallet.");
        return;
    }
    if model.secured {
        page.say(
            "wallet",
            format!(
                "You have no wallet yet; it comes with an account. What you have bought as a guest comes along.{}",
                first_operator(model)
            ),
        );
    } else {
        let key = model.keys.label(Context::NoWallet, Action::OpenWallet);
        page.say(
            "wallet",
            format!("You have no wallet yet. {key} opens one: vouchers come to you, and you can pay from it."),
        );
    }
    sign_in(model, page);
}

fn list<T>(list: &PagedList<T>, what: &str, page: &mut Page, text: impl Fn(&T) -> String) {
    if !page.loaded(&list.load, what) {
        return;
    }
    page.say("list", format!("{what}: {}.", count(list.total, "line", "lines")));
    match list.selected() {
        Some(item) => page.select(list.list.cursor, list.total, text(item)),
        None => page.say("selected", "Nothing here yet."),
    }
}

fn movement_text(model: &Model, movement: &Movement) -> String {
    let order = movement.order_id.map(|id| format!(" order {}", short_id(&id.to_string()))).unwrap_or_default();
    let why = match movement.kind {
        MovementKind::Opened => "wallet opened".to_owned(),
        MovementKind::ToppedUp => "put in by the shop".to_owned(),
        MovementKind::Charged => format!("paid for{order}"),
        MovementKind::Credited => format!("back for{order}"),
        MovementKind::Unknown => "moved for an unknown reason".to_owned(),
    };
    let at = when::day_or_time(movement.time, model.now, &model.zone);
    let balance = format!("then {} in it", money::shown(movement.balance));
    let reason = movement.reason.clone().unwrap_or_default();
    listed([why, reason, money::shown(movement.amount), balance, at])
}

fn voucher_text(voucher: &Voucher) -> String {
    let state = match voucher.status {
        VoucherStatus::Issued => "ready",
        VoucherStatus::Reserved => "in a checkout",
        VoucherStatus::Redeemed => "used",
        VoucherStatus::Revoked => "taken back",
        VoucherStatus::Unknown => "in an unknown state",
    };
    listed([voucher.code.as_str(), &money::shown(voucher.amount), state])
}

fn document_text(document: &DocumentSummary) -> String {
    let kind = match document.kind {
        DocumentKind::Invoice => "invoice",
        DocumentKind::CreditNote => "credit note",
    };
    let order = format!("order {}", document.order_number);
    listed([document.number.as_str(), kind, &money::shown(document.amount), &order])
}

fn mail_text(model: &Model, mail: &Mail) -> String {
    listed([
        mail.subject.as_str(),
        &format!("to {}", mail.to),
        &when::day_or_time(mail.received_at, model.now, &model.zone),
    ])
}

fn session_text(model: &Model, session: &Session) -> String {
    listed([
        session.user_agent.as_deref().unwrap_or("unknown program"),
        if session.current { "this one" } else { "" },
        &format!("since {}", when::day_or_time(session.started_at, model.now, &model.zone)),
    ])
}

fn address_text(saved: &SavedAddress) -> String {
    let address = saved.address.lines().join(", ");
    listed([saved.label.as_str(), &address, if saved.default { "the default" } else { "" }])
}

fn sign_in(model: &Model, page: &mut Page) {
    let [sign_in, register] =
        [Action::SignIn, Action::CreateAccount].map(|action| model.keys.label(Context::Profile, action));
    page.say("signed in", format!("You are not signed in. {sign_in} signs in, {register} creates an account."));
}

fn profile(model: &Model, page: &mut Page) {
    let contact = model.checkout.contact();
    let account = &model.account;
    if account.session.is_none() {
        sign_in(model, page);
    } else {
        page.say("signed in", "You are signed in.");
    }
    let number = account.registered().map_or_else(|| "guest".to_owned(), |customer| customer.to_string());
    let me = account.me.as_ref();
    let name = me.and_then(|me| me.name.as_ref()).unwrap_or(&contact.name);
    let email = me.and_then(|me| me.email.as_ref()).unwrap_or(&contact.email);
    let town = [contact.postal_code.as_str(), &contact.city, &contact.country].join(" ");
    for (label, value) in [
        ("Customer", number.as_str()),
        ("Name", name),
        ("Email", email),
        ("Street", &contact.street),
        ("Town", town.trim()),
    ] {
        page.say(label, field(label, value));
    }
}
