//! The screen Account: registration and the customer's lists. A list is fetched when it is shown, and again when an
//! event says that it changed.

use storefront_api::{
    Customer, CustomerId, Event, InvoiceListQuery, MovementsQuery, Page, Timestamp, VoucherStatus, Wallet,
};

use crate::state::account::Part;
use crate::state::{
    Account, Failure, Mails, Model, PAGE, PageRequest, PagedList, Registration, RetryState, Screen, Tone,
};
use crate::update::{Effect, Request, backoff_ms, basket, new_key, order, refuse, session, shop};

/// Delay before a changed list is fetched again, to gather changes.
const REFRESH_DELAY_MS: i64 = 100;

/// Stores a page of a list, whose items `id` tells apart. After a failure it is requested again later, unless the shop is
/// away: then its return is the occasion.
pub(super) fn on_page<T, I: PartialEq>(
    model: &mut Model,
    list: impl Fn(&mut Account) -> &mut PagedList<T>,
    ask: &PageRequest,
    result: Result<Page<T>, Failure>,
    id: impl Fn(&T) -> I,
) -> Vec<Effect> {
    let (now, live) = (model.now, model.is_live());
    let list = list(&mut model.account);
    if list.put(ask, result, id) && live {
        let delay_ms = 1_000 + backoff_ms(list.retries, 0);
        list.refresh_at = Some(Timestamp::from_unix_ms(now.unix_ms() + delay_ms));
    }
    Vec::new()
}

pub(super) fn on_mails(model: &mut Model, ask: &PageRequest, result: Result<Mails, Failure>) -> Vec<Effect> {
    let account = &mut model.account;
    if ask.sequence != account.mails.sequence {
        return Vec::new();
    }
    match result {
        // The mailbox was reset.
        Ok(news) if news.head < account.last_mail() => {
            account.mails.forget();
            fetch_part(model, Part::Mailbox)
        }
        Ok(news) => {
            account.take_mails(ask, news);
            Vec::new()
        }
        Err(failure) => on_page(model, |account| &mut account.mails, ask, Err(failure), |mail| mail.number),
    }
}

/// Fetches what the screen shows.
pub(super) fn fetch(model: &mut Model) -> Vec<Effect> {
    let part = model.account.part;
    let mut effects = match part {
        Part::Wallet => fetch_wallet(model),
        Part::Profile => session::fetch_me(model),
        Part::Vouchers | Part::Invoices | Part::Mailbox | Part::Sessions | Part::Addresses => Vec::new(),
    };
    effects.extend(fetch_part(model, part));
    effects
}

/// Fetches again what every screen needs: the wallet, and whether the shop knows the customer.
pub(super) fn refetch(model: &mut Model) -> Vec<Effect> {
    let mut effects = register(model);
    if model.account.me.is_none() {
        effects.extend(session::fetch_me(model));
    }
    if !(model.screen == Screen::Account && model.account.part == Part::Wallet) {
        effects.extend(fetch_wallet(model));
    }
    effects
}

fn fetch_wallet(model: &Model) -> Vec<Effect> {
    let customer = model.account.registered().filter(|_| model.shop_url.is_some());
    customer.map(|customer| Effect::Request(Request::Wallet { customer })).into_iter().collect()
}

/// Fetches the list of a part.
pub(super) fn fetch_part(model: &mut Model, part: Part) -> Vec<Effect> {
    if model.shop_url.is_none() {
        return Vec::new();
    }
    let min_position = model.min_position(&["vouchers", "invoices"]);
    let mailbox_url = model.mailbox_url.clone();
    let account = &mut model.account;
    let (is_customer, is_signed_in) = (account.registered().is_some(), account.is_signed_in());
    let request = match part {
        Part::Wallet if is_customer => movements(account.movements.ask()),
        Part::Vouchers if is_customer => Request::Vouchers { ask: account.vouchers.ask(), min_position },
        Part::Invoices => invoices(account.invoices.ask(), min_position),
        Part::Mailbox => {
            let Some(url) = mailbox_url else { return Vec::new() };
            let after = account.last_mail();
            Request::Mails { ask: account.mails.ask(), url, after }
        }
        Part::Sessions if is_signed_in => Request::Sessions { ask: account.sessions.ask() },
        Part::Addresses if is_signed_in => Request::Addresses { ask: account.addresses.ask() },
        Part::Wallet | Part::Vouchers | Part::Profile | Part::Sessions | Part::Addresses => return Vec::new(),
    };
    vec![Effect::Request(request)]
}

fn movements(ask: PageRequest) -> Request {
    let query = MovementsQuery { limit: u32::try_from(PAGE).ok(), cursor: ask.cursor.clone() };
    Request::Movements { ask, query }
}

fn invoices(ask: PageRequest, min_position: Option<u64>) -> Request {
    let (limit, cursor) = (u32::try_from(PAGE).ok(), ask.cursor.clone());
    Request::Invoices { ask, query: InvoiceListQuery { limit, cursor, min_position, ..InvoiceListQuery::default() } }
}

/// Fetches missing pages near the cursor, one after another.
pub(super) fn fetch_missing(model: &mut Model) -> Vec<Effect> {
    if model.screen != Screen::Account || !model.is_live() {
        return Vec::new();
    }
    let account = &mut model.account;
    let request = match account.part {
        Part::Wallet => account.movements.ask_for_more().map(movements),
        Part::Invoices => account.invoices.ask_for_more().map(|ask| invoices(ask, None)),
        Part::Vouchers | Part::Mailbox | Part::Profile | Part::Sessions | Part::Addresses => None,
    };
    request.map(Effect::Request).into_iter().collect()
}

/// Opens the next or the previous part.
pub(super) fn step_part(model: &mut Model, by: isize) -> Vec<Effect> {
    model.account.part = model.account.part.step(by);
    fetch(model)
}

pub(super) fn step(model: &mut Model, by: isize) {
    let account = &mut model.account;
    match account.part {
        Part::Wallet => account.movements.step(by),
        Part::Vouchers => account.vouchers.step(by),
        Part::Invoices => account.invoices.step(by),
        Part::Mailbox => account.mails.step(by),
        Part::Sessions => account.sessions.step(by),
        Part::Addresses => account.addresses.step(by),
        Part::Profile => {}
    }
}

/// Registers the shopper as a customer, once: pressing again while the request is running does nothing more.
pub(super) fn open_wallet(model: &mut Model) -> Vec<Effect> {
    if model.account.registered().is_some() || model.account.registration.is_some() {
        return Vec::new();
    }
    // There a wallet comes with an account.
    if model.secured {
        session::ask_to_register(model);
        return Vec::new();
    }
    let (customer, key) = (CustomerId((model.new_id)()), new_key(model));
    model.account.registration =
        Some(Registration { customer, key, in_flight: false, retry_at: None, tries: RetryState::default() });
    register(model)
}

/// Sends the registration, unless it is running or waiting for a retry.
fn register(model: &mut Model) -> Vec<Effect> {
    let Some(registration) = &mut model.account.registration else { return Vec::new() };
    if registration.in_flight || registration.retry_at.is_some() || model.shop_url.is_none() {
        return Vec::new();
    }
    registration.in_flight = true;
    let (customer, key) = (registration.customer, registration.key.clone());
    vec![Effect::Request(Request::Register { customer, key })]
}

pub(super) fn on_registered(model: &mut Model, key: &str, result: Result<Customer, Failure>) -> Vec<Effect> {
    let seed = (model.new_id)().as_u128();
    let now = model.now;
    let Some(registration) = model.account.registration.as_mut().filter(|sent| sent.key == key) else {
        return Vec::new();
    };
    match result {
        Ok(customer) => {
            model.account.registration = None;
            model.account.customer = Some(customer.id);
            model.toast(Tone::Good, "Your wallet is open. What you buy from now on belongs to you.");
            on_other_customer(model)
        }
        Err(failure) if registration.tries.should_retry(&failure) => {
            registration.in_flight = false;
            let delay_ms = backoff_ms(registration.tries.previous_attempts(), seed);
            registration.retry_at = Some(Timestamp::from_unix_ms(now.unix_ms() + delay_ms));
            Vec::new()
        }
        Err(failure) => {
            model.account.registration = None;
            refuse(model, &failure);
            Vec::new()
        }
    }
}

/// Somebody else shops from now on: the basket goes over to them, and what is theirs is fetched.
pub(super) fn on_other_customer(model: &mut Model) -> Vec<Effect> {
    model.account.hand_over = true;
    // A known customer may be shown other products.
    let mut effects = shop::fetch(model);
    effects.extend(basket::hand_over(model));
    effects.extend(fetch_wallet(model));
    effects.extend(session::fetch_me(model));
    effects.extend(fetch_part(model, model.account.part));
    effects
}

pub(super) fn on_wallet(
    model: &mut Model,
    customer: CustomerId,
    result: Result<Option<Wallet>, Failure>,
) -> Vec<Effect> {
    if model.account.customer != Some(customer) {
        return Vec::new();
    }
    match result {
        // Of two responses in the wrong order, the older one is ignored.
        Ok(Some(wallet)) if model.account.wallet.as_ref().is_some_and(|known| known.version > wallet.version) => {}
        Ok(Some(wallet)) => model.account.wallet = Some(wallet),
        // It is another shop by now, or it was started over.
        Ok(None) => {
            let account = &mut model.account;
            account.drop_session();
            (account.customer, account.wallet) = (None, None);
            account.forget_lists();
            model.toast(Tone::Bad, "This shop does not know your wallet any more: you are a guest again.");
        }
        // The known balance stays; the list of movements shows the failure.
        Err(_) => {}
    }
    Vec::new()
}

/// The shop is back: pending retries run at once.
pub(super) fn online(model: &mut Model) {
    if let Some(registration) = &mut model.account.registration {
        registration.retry_at = None;
    }
}

/// Schedules fetches for the lists that new events change.
pub(super) fn on_events(model: &mut Model, fresh: &[Event]) -> Vec<Effect> {
    let soon = Some(model.in_ms(REFRESH_DELAY_MS));
    let own_wallet = model.account.customer.map(|customer| format!("wallet-{customer}"));
    let about_wallet = fresh.iter().any(|event| own_wallet.as_ref() == Some(&event.stream));
    let has_event = |kind: &str| fresh.iter().any(|event| event.kind.starts_with(kind));
    let part = model.account.part;
    let changed = match part {
        Part::Wallet => about_wallet,
        Part::Vouchers => has_event("voucher."),
        Part::Invoices => has_event("invoice."),
        Part::Mailbox => has_event("email.sent"),
        Part::Sessions | Part::Addresses => session::is_about_me(model, fresh),
        Part::Profile => false,
    };
    if changed
        && model.screen == Screen::Account
        && let Some(refresh_at) = refresh_at(model, part)
    {
        *refresh_at = refresh_at.or(soon);
    }
    let mut effects = if about_wallet { fetch_wallet(model) } else { Vec::new() };
    effects.extend(session::on_events(model, fresh));
    effects
}

/// The refresh time of a part's list.
fn refresh_at(model: &mut Model, part: Part) -> Option<&mut Option<Timestamp>> {
    let account = &mut model.account;
    match part {
        Part::Wallet => Some(&mut account.movements.refresh_at),
        Part::Vouchers => Some(&mut account.vouchers.refresh_at),
        Part::Invoices => Some(&mut account.invoices.refresh_at),
        Part::Mailbox => Some(&mut account.mails.refresh_at),
        Part::Sessions => Some(&mut account.sessions.refresh_at),
        Part::Addresses => Some(&mut account.addresses.refresh_at),
        Part::Profile => None,
    }
}

/// The next time at which something is due.
pub(super) fn next_tick(model: &Model) -> Option<Timestamp> {
    let account = &model.account;
    let refresh_at = match account.part {
        Part::Wallet => account.movements.refresh_at,
        Part::Vouchers => account.vouchers.refresh_at,
        Part::Invoices => account.invoices.refresh_at,
        Part::Mailbox => account.mails.refresh_at,
        Part::Sessions => account.sessions.refresh_at,
        Part::Addresses => account.addresses.refresh_at,
        Part::Profile => None,
    };
    let refresh_at = refresh_at.filter(|_| model.screen == Screen::Account);
    let registering = account.registration.as_ref().and_then(|registration| registration.retry_at);
    [refresh_at, registering, session::next_tick(model)].into_iter().flatten().min()
}

pub(super) fn on_tick(model: &mut Model) -> Vec<Effect> {
    let (now, part) = (model.now, model.account.part);
    let mut effects = Vec::new();
    if let Some(registration) = &mut model.account.registration
        && registration.retry_at.is_some_and(|at| at <= now)
    {
        registration.retry_at = None;
        effects.extend(register(model));
    }
    if model.screen == Screen::Account && refresh_at(model, part).is_some_and(|at| at.is_some_and(|at| at <= now)) {
        effects.extend(fetch_part(model, part));
    }
    effects
}

/// Opens the order of the selected movement.
pub(super) fn open_order(model: &mut Model) -> Vec<Effect> {
    let Some(movement) = model.account.movements.selected() else { return Vec::new() };
    let Some(id) = movement.order_id else {
        model.toast(Tone::Plain, "No order stands behind this movement.");
        return Vec::new();
    };
    order::open(model, id)
}

/// Applies the selected voucher to the basket.
pub(super) fn use_voucher(model: &mut Model) -> Vec<Effect> {
    let Some(voucher) = model.account.vouchers.selected().cloned() else { return Vec::new() };
    match voucher.status {
        VoucherStatus::Issued => basket::use_voucher(model, voucher.code),
        VoucherStatus::Reserved => {
            model.toast(Tone::Plain, "An order that is being checked out has this voucher.");
            Vec::new()
        }
        VoucherStatus::Redeemed => {
            model.toast(Tone::Plain, "This voucher was used already.");
            Vec::new()
        }
        VoucherStatus::Unknown => {
            model.toast(Tone::Plain, "This client does not know the state of the voucher; a newer one does.");
            Vec::new()
        }
        VoucherStatus::Revoked => {
            model.toast(Tone::Plain, "The shop took this voucher back.");
            Vec::new()
        }
    }
}

/// The name of the selected line, for copying.
pub(super) fn name_of_chosen(model: &Model) -> Option<String> {
    let account = &model.account;
    match account.part {
        Part::Wallet => account.movements.selected()?.order_id.map(|id| id.to_string()),
        Part::Vouchers => account.vouchers.selected().map(|voucher| voucher.code.to_string()),
        Part::Invoices => account.invoices.selected().map(|document| document.number.clone()),
        Part::Mailbox => account.mails.selected().map(|mail| mail.subject.clone()),
        Part::Sessions => account.sessions.selected().map(|session| session.id.to_string()),
        Part::Addresses => account.addresses.selected().map(|saved| saved.address.lines().join("\n")),
        Part::Profile => account.customer.map(|customer| customer.to_string()),
    }
}
