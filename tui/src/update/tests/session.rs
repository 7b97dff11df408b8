//! Signing in and out, the account of who is signed in, and the renewal of the token.

use storefront_api::{FieldError, Password, Problem, Token};

use super::world::Client;
use super::world::account::{ADA, a_guest, a_session};
use crate::keys::Context;
use crate::state::session::AccountRequest;
use crate::state::{FormRequest, Model};
use crate::update::{Effect, Feed, Msg, Request, next_deadline};

/// A customer on the profile who has just signed in.
pub(crate) fn signed_in() -> Client {
    let mut client = Client::at_the_account();
    client.press("i");
    client.press("<Tab>");
    client.type_text(" tea at five ");
    client.press("<Enter>");
    client.answer_all();
    client.press("llll");
    client.answer_all();
    assert_eq!(client.model.context(), Context::SignedIn);
    client
}

fn submitted(client: &Client) -> Vec<AccountRequest> {
    let request = |request: &Request| match request {
        Request::Submit { request, .. } => match &**request {
            FormRequest::Account(request) => Some(request.clone()),
            _ => None,
        },
        _ => None,
    };
    client.asked.iter().filter_map(request).collect()
}

fn renewals(client: &Client) -> Vec<String> {
    let key = |request: &Request| match request {
        Request::Renew { key } => Some(key.clone()),
        _ => None,
    };
    client.asked.iter().filter_map(key).collect()
}

fn token(model: &Model) -> Option<&Token> {
    model.account.session.as_ref().map(|session| &session.token)
}

#[test]
fn somebody_signs_in_with_the_password_as_it_was_typed_and_the_session_is_kept() {
    let mut client = Client::at_the_account();
    client.press("i");
    client.press("<Enter>");
    assert!(submitted(&client).is_empty(), "Enter goes to the next field first");
    client.type_text(" tea at five ");
    client.press("<Enter><Enter>");
    let [AccountRequest::SignIn(sign_in)] = &submitted(&client)[..] else { panic!("{:?}", client.asked) };
    assert_eq!((sign_in.email.as_str(), &sign_in.password), ("ada@example.com", &Password(" tea at five ".into())));
    let request = client.asked.remove(0);
    let answer = client.answer(request);
    let effects = client.take(answer);
    assert!(effects.contains(&Effect::KeepSession(Some(Box::new(a_session(1))))), "{effects:?}");
    client.answer_all();
    assert_eq!(client.model.account.customer, Some(ADA));
    assert_eq!(client.model.account.me.as_ref().unwrap().email.as_deref(), Some("ada@example.com"));
    assert_eq!(client.model.settings().customer, None, "the settings know no session");
}

#[test]
fn an_account_is_created_with_name_address_and_password_and_is_signed_in() {
    let mut client = Client::at_the_account();
    client.press("n<Enter><Enter>");
    client.take(Msg::Paste("tea at five\n".into()));
    client.press("<Enter>");
    let [AccountRequest::Register { register, sign_in, .. }] = &submitted(&client)[..] else { panic!() };
    assert_eq!(register.name.as_deref(), Some("Ada Example"));
    assert_eq!((register.email.as_ref(), register.password.as_ref()), (Some(&sign_in.email), Some(&sign_in.password)));
    assert_eq!(sign_in.password, Password("tea at five".into()));
    client.answer_all();
    assert!(client.model.account.session.is_some());
}

#[test]
fn a_refused_sign_in_says_so_and_a_wrong_field_stands_at_its_field() {
    let mut client = Client::at_the_account();
    client.press("i<Tab>x<Enter>");
    let detail = "No account has this address and password.";
    client.refuse_with = Some(Problem { status: 401, detail: detail.into(), ..Problem::default() });
    client.answer_all();
    assert_eq!(client.model.form.as_ref().unwrap().refusal.as_deref(), Some(detail));
    assert!(client.model.account.session.is_none());
    client.press("<Esc>n<Enter><Enter>short<Enter>");
    let error = FieldError { pointer: "/password".into(), detail: "is too short".into() };
    client.refuse_with = Some(Problem { status: 422, errors: vec![error], ..Problem::default() });
    client.answer_all();
    assert_eq!(client.model.form.as_ref().unwrap().fields[2].error.as_deref(), Some("is too short"));
}

#[test]
fn a_sign_in_that_is_refused_after_a_registration_tells_of_a_known_address() {
    let mut client = Client::at_the_account();
    client.press("n<Enter><Enter>tea at five<Enter>");
    client.refuse_with = Some(Problem { status: 401, code: "sign_in_refused".into(), ..Problem::default() });
    client.answer_all();
    let refusal = client.model.form.as_ref().unwrap().refusal.clone().unwrap();
    assert!(refusal.contains("we have written to it"), "{refusal}");
    assert!(client.model.account.session.is_none());
}

#[test]
fn no_debug_output_has_a_password_or_a_token_in_it() {
    let mut client = Client::at_the_account();
    client.press("i<Tab>");
    client.type_text("tea at five");
    let typed = format!("{:?}", client.model);
    client.press("<Enter>");
    let sent = format!("{:?} {:?}", client.model, client.asked);
    client.answer_all();
    let after = format!("{:?} {:?}", client.model, a_session(1));
    for shown in [typed, sent, after] {
        assert!(!shown.contains("tea at") && !shown.contains("st1."), "{shown}");
    }
}

#[test]
fn the_basket_goes_with_whoever_signs_in_and_stays_when_they_sign_out() {
    let mut client = Client::in_a_full_shop();
    client.press("aj+");
    client.answer_all();
    let guests = client.model.basket.order_id;
    let had = client.model.basket.pieces();
    client.press("8i<Tab>x<Enter>");
    client.answer_all();
    let adas = client.model.basket.order_id;
    assert_ne!(adas, guests);
    client.model.basket.order.as_mut().unwrap().customer_id = Some(ADA);
    assert_eq!(client.model.basket.pieces(), had);
    client.press("llllx<Enter>");
    client.answer_all();
    assert!(client.model.account.session.is_none() && client.model.account.customer.is_none());
    assert_ne!(client.model.basket.order_id, adas);
    assert_eq!(client.model.basket.pieces(), had);
}

#[test]
fn who_signs_out_has_the_number_of_this_computer_again() {
    let mut client = Client::with_a_wallet();
    let number = client.model.account.customer;
    client.press("lllli<Tab>x<Enter>");
    client.answer_all();
    assert_eq!((client.model.account.customer, client.model.settings().customer), (Some(ADA), number));
    client.press("x<Enter>");
    let request = client.asked.remove(0);
    let answer = client.answer(request);
    let effects = client.take(answer);
    assert!(effects.contains(&Effect::KeepSession(None)), "{effects:?}");
    assert_eq!(client.model.account.customer, number);
}

#[test]
fn the_token_is_renewed_when_half_of_its_life_is_over_and_by_no_polling() {
    let mut client = signed_in();
    client.model.toasts.clear();
    let due = next_deadline(&client.model).unwrap();
    assert_eq!(due.unix_ms() - client.model.now.unix_ms(), 1_800_000);
    client.wait_ms(1_799_999);
    assert!(renewals(&client).is_empty());
    client.wait_ms(1);
    let key = renewals(&client);
    assert_eq!(key.len(), 1);
    client.fail_all();
    client.wait_ms(6_000);
    assert_eq!(renewals(&client), key, "the same renewal again");
    client.answer_all();
    assert_eq!(token(&client.model), Some(&a_session(2).token));
    assert!(client.model.toasts.is_empty());
}

#[test]
fn in_a_shop_that_wants_a_session_a_guest_begins_one_and_sees_what_is_for_operators() {
    let mut client = Client::at_the_account();
    let wanted = || Msg::Feed(Feed::SessionWanted { refused: false });
    client.take(wanted());
    client.take(wanted());
    let begun = |client: &Client| client.asked.iter().filter(|request| **request == Request::BeginAsGuest).count();
    assert_eq!(begun(&client), 1, "one is on its way");
    client.answer_all();
    assert_eq!(token(&client.model), Some(&a_guest().token));
    assert!(!client.model.account.is_signed_in() && client.model.account.registered().is_none());
    assert_eq!(client.model.context(), Context::NoWallet, "a guest has no wallet");
    for key in ["5", "6", "7"] {
        client.press(key);
        assert_eq!(client.model.context(), Context::ForOperators, "{key}");
    }
    assert!(!client.asked.iter().any(Request::is_for_operators), "{:?}", client.asked);
    client.press("i");
    assert_eq!(client.model.context(), Context::Form);
    client.press("<Esc>");
    // The session has ended elsewhere: another one begins.
    client.take(Msg::Feed(Feed::SessionWanted { refused: true }));
    assert!(client.model.account.renewal.at.is_some());
}

#[test]
fn a_session_of_the_last_run_is_renewed_first_of_all() {
    let mut client = Client::new();
    client.model.account.resume(a_session(1), client.model.now);
    client.accounts.customer = Some(ADA);
    client.take(Msg::ShopFound { url: "http://a".into(), mailbox_url: None, embedded: false, first_run: false });
    assert!(renewals(&client).is_empty() && next_deadline(&client.model).is_none(), "the shop is not there yet");
    client.take(Msg::Feed(crate::update::Feed::Loaded { events: Vec::new() }));
    assert_eq!(renewals(&client).len(), 1);
    client.answer_all();
    assert!(client.model.account.me.is_some());
}

#[test]
fn a_session_that_was_ended_elsewhere_is_said_once_and_the_basket_stays() {
    let mut client = signed_in();
    client.press("1a");
    client.answer_all();
    client.accounts.sessions_ended = true;
    client.model.toasts.clear();
    client.account_news("customer.session_ended", &ADA.to_string());
    client.answer_all();
    assert!(client.model.account.session.is_some(), "a refusal right after a renewal waits");
    client.wait_ms(2_000);
    client.answer_all();
    assert!(client.model.account.session.is_none());
    let said = client.model.toasts.iter().filter(|toast| toast.text.contains("session has ended")).count();
    assert_eq!(said, 1, "{:?}", client.model.toasts);
    assert_eq!(client.model.basket.pieces(), 1);
    client.account_news("customer.session_ended", &ADA.to_string());
    client.wait_ms(4_000_000);
    client.answer_all();
    assert!(client.model.toasts.is_empty() && renewals(&client).is_empty());
}

#[test]
fn name_password_and_sessions_are_changed_from_the_account() {
    let mut client = signed_in();
    client.press("e");
    client.press("<End>");
    client.type_text("!");
    client.press("<Enter>");
    client.answer_all();
    assert_eq!(client.model.account.me.as_ref().unwrap().name.as_deref(), Some("Ada Lovelace!"));
    client.press("pold<Enter>new one<Enter>");
    let [AccountRequest::Password(change)] = &submitted(&client)[..] else { panic!() };
    let words = (&change.current_password, &change.new_password);
    assert_eq!(words, (&Password("old".into()), &Password("new one".into())));
    client.answer_all();
    assert_eq!(token(&client.model), Some(&a_session(2).token), "the new token replaces the old one");

    client.press("l");
    client.answer_all();
    assert_eq!((client.model.context(), client.model.account.sessions.total), (Context::Sessions, 2));
    client.press("j<Enter><Enter>");
    assert!(matches!(submitted(&client)[..], [AccountRequest::EndSession(_)]));
    client.answer_all();
    client.press("X<Enter>");
    assert_eq!(submitted(&client), [AccountRequest::EndOtherSessions]);
    client.answer_all();
    client.press("g<Enter><Enter>");
    assert_eq!(submitted(&client), [AccountRequest::SignOut], "ending this one is signing out");
}

#[test]
fn an_account_is_deleted_with_its_password_alone() {
    let mut client = signed_in();
    client.press("D");
    assert!(submitted(&client).is_empty());
    client.press("pass<Enter>");
    assert!(matches!(submitted(&client)[..], [AccountRequest::Delete(_)]));
    client.answer_all();
    assert!(client.model.account.session.is_none());
    assert_eq!(client.model.toasts.last().unwrap().text, "Your account is deleted.");
}

#[test]
fn a_session_that_ends_while_somebody_signs_out_is_signed_out() {
    let mut client = signed_in();
    client.press("x<Enter>");
    client.accounts.sessions_ended = true;
    client.wait_ms(1_800_001);
    let renewal = client.asked.iter().position(|asked| matches!(asked, Request::Renew { .. })).unwrap();
    let renewal = client.asked.remove(renewal);
    let answer = client.answer(renewal);
    client.take(answer);
    assert!(client.model.form.is_none() && client.model.account.session.is_none());
    assert_eq!(client.model.toasts.last().unwrap().text, "You are signed out.");
}

/// Somebody who is signed in, at the empty address book.
pub(crate) fn at_the_addresses() -> Client {
    let mut client = signed_in();
    client.press("ll");
    client.answer_all();
    client
}

/// Saves an address with a label.
pub(crate) fn save_address(client: &mut Client, label: &str) {
    client.press("n");
    for text in [label, "", "1 Example Street", "", "12345", "Example Town", "", "de", ""] {
        client.type_text(text);
        client.press("<Enter>");
    }
    client.answer_all();
}

#[test]
fn addresses_are_saved_changed_made_the_default_and_removed_with_keys() {
    let mut client = at_the_addresses();
    save_address(&mut client, "Home");
    save_address(&mut client, "Work");
    let first = client.model.account.addresses.selected().unwrap();
    assert_eq!(first.address.name, "Ada Lovelace", "the name of the account is filled in");
    let shown = |client: &Client| {
        let saved = client.model.account.addresses.items.iter();
        saved.map(|(_, saved)| (saved.label.clone(), saved.address.country.clone(), saved.default)).collect::<Vec<_>>()
    };
    let line = |label: &str, default| (label.to_owned(), "DE".to_owned(), default);
    assert_eq!(shown(&client), [line("Home", false), line("Work", false)]);
    client.press("d<Enter>");
    client.answer_all();
    client.press("e");
    client.type_text(", sweet home");
    client.press(&"<Enter>".repeat(9));
    client.answer_all();
    assert_eq!(shown(&client), [line("Home, sweet home", true), line("Work", false)]);
    client.press("jx");
    assert_eq!(client.model.form.as_ref().unwrap().title, "Remove this address?", "it asks first");
    client.press("<Enter>");
    client.answer_all();
    assert_eq!(shown(&client), [line("Home, sweet home", true)]);
    client.press("n<Enter><Enter><Enter><Enter><Enter><Enter><Enter><Enter><Enter>");
    let error = FieldError { pointer: "/address/country".into(), detail: "is no country".into() };
    client.refuse_with = Some(Problem { status: 422, errors: vec![error], ..Problem::default() });
    client.answer_all();
    assert_eq!(client.model.form.as_ref().unwrap().fields[7].error.as_deref(), Some("is no country"));
}
