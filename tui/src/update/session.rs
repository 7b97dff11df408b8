//! Signing in and out, the account of who is signed in, and the renewal of the token. The token is renewed while the
//! client runs; when the shop does not take it any more, the client signs out and keeps the basket.

use storefront_api::{
    ChangePassword, ChangeProfile, Customer, CustomerId, DeleteAccount, Event, RegisterCustomer, Role, SavedAddress,
    SignIn, SignedIn, Timestamp,
};

use crate::keys::{Action, Context};
use crate::state::account::Part;
use crate::state::session::{AccountAccepted, AccountForm, AccountRequest, Renewal};
use crate::state::{Failure, Form, FormField, FormPurpose, Model, Screen, Tone};
use crate::update::{Effect, Request, account, addresses, backoff_ms, new_key, refetch};

/// Delay before another renewal after one that came to nothing for an unexpected reason.
const RENEWAL_PAUSE_MS: i64 = 60_000;

/// Said when a registration was accepted and the sign-in after it is refused. A shop where everybody needs a session does not
/// say whether an address has an account.
pub(super) const KNOWN_ADDRESS: &str = "If this address is new here, the account is ready: sign in. If it has an account \
                                        already, we have written to it: sign in with the password of that account, or ask \
                                        the shop for a one-time password.";

/// Whether the sign-in after a registration was refused.
pub(super) fn is_known_address(purpose: &FormPurpose, failure: &Failure) -> bool {
    matches!(purpose, FormPurpose::Account(AccountForm::Register))
        && matches!(failure, Failure::Refused(problem) if problem.code == "sign_in_refused")
}

fn open(model: &mut Model, purpose: AccountForm, title: &str, about: &str, fields: Vec<FormField>) {
    model.form = Some(Form::new(FormPurpose::Account(purpose), title, about, fields));
}

pub(super) fn ask_to_sign_in(model: &mut Model) {
    let email = FormField::new("/email", "Email", "the address of your account", &model.checkout.contact().email);
    let password = FormField::secret("/password", "Password", "");
    open(model, AccountForm::SignIn, "Sign in", "The basket comes with you.", vec![email, password]);
}

pub(super) fn ask_to_register(model: &mut Model) {
    let contact = model.checkout.contact();
    let fields = vec![
        FormField::new("/name", "Name", "1 to 50 characters", &contact.name),
        FormField::new("/email", "Email", "the address to sign in with", &contact.email),
        FormField::secret("/password", "Password", "8 to 128 characters of any kind"),
    ];
    let about = "Your orders, vouchers and wallet are then yours on every computer that you sign in on.";
    open(model, AccountForm::Register, "Create an account", about, fields);
}

pub(super) fn ask_for_name(model: &mut Model) {
    let name = model.account.me.as_ref().and_then(|me| me.name.clone()).unwrap_or_default();
    let field = FormField::new("/name", "Name", "1 to 50 characters", &name);
    open(model, AccountForm::Name, "Change your name", "", vec![field]);
}

pub(super) fn ask_for_password(model: &mut Model) {
    let fields = vec![
        FormField::secret("/current_password", "Password now", ""),
        FormField::secret("/new_password", "New password", "8 to 128 characters of any kind"),
    ];
    open(model, AccountForm::Password, "Change your password", "Every other session ends.", fields);
}

pub(super) fn ask_to_end_session(model: &mut Model) {
    match model.account.sessions.selected() {
        Some(session) if session.current => ask_to_sign_out(model),
        Some(session) => {
            let (id, program) = (session.id, session.user_agent.clone().unwrap_or_default());
            let about = format!("Whoever uses it ({program}) has to sign in again.");
            open(model, AccountForm::EndSession(id), "End this session?", &about, Vec::new());
        }
        None => {}
    }
}

pub(super) fn ask_to_end_others(model: &mut Model) {
    let about = "Whoever uses them has to sign in again. This one goes on.";
    open(model, AccountForm::EndOtherSessions, "End all other sessions?", about, Vec::new());
}

pub(super) fn ask_to_sign_out(model: &mut Model) {
    open(model, AccountForm::SignOut, "Sign out?", "The basket stays, and you go on as a guest.", Vec::new());
}

pub(super) fn ask_to_delete(model: &mut Model) {
    let about = "For good: every session ends. Orders and invoices stay with the shop. Type the password to do it.";
    let field = FormField::secret("/current_password", "Password", "");
    open(model, AccountForm::Delete, "Delete your account", about, vec![field]);
}

/// Builds the request of a form. What is wrong with it, the shop says.
pub(super) fn request(model: &Model, form: &Form, purpose: AccountForm) -> AccountRequest {
    let sign_in = || SignIn { email: form.text("/email"), password: form.password("/password") };
    match purpose {
        AccountForm::SignIn => AccountRequest::SignIn(sign_in()),
        AccountForm::Register => {
            let register = RegisterCustomer {
                id: None,
                email: Some(form.text("/email")),
                password: Some(form.password("/password")),
                name: Some(form.text("/name")),
            };
            let (register, sign_in) = (Box::new(register), sign_in());
            AccountRequest::Register { register, sign_in, sign_in_key: new_key(model) }
        }
        AccountForm::Name => AccountRequest::Name(ChangeProfile { name: form.text("/name") }),
        AccountForm::Password => AccountRequest::Password(ChangePassword {
            current_password: form.password("/current_password"),
            new_password: form.password("/new_password"),
        }),
        AccountForm::EndSession(id) => AccountRequest::EndSession(id),
        AccountForm::EndOtherSessions => AccountRequest::EndOtherSessions,
        AccountForm::AddAddress => AccountRequest::AddAddress(Box::new(addresses::typed(form))),
        AccountForm::ChangeAddress(id) => AccountRequest::ChangeAddress(id, Box::new(addresses::typed(form))),
        AccountForm::RemoveAddress(id) => AccountRequest::RemoveAddress(id),
        AccountForm::DefaultAddress(id) => AccountRequest::DefaultAddress(id),
        AccountForm::SignOut => AccountRequest::SignOut,
        AccountForm::Delete => {
            AccountRequest::Delete(DeleteAccount { current_password: form.password("/current_password") })
        }
    }
}

/// Handles an accepted form.
pub(super) fn accepted(model: &mut Model, purpose: AccountForm, accepted: AccountAccepted) -> Vec<Effect> {
    match (purpose, accepted) {
        (AccountForm::Password, AccountAccepted::SignedIn(session)) => {
            model.account.take_session(*session, model.now);
            model.toast(Tone::Good, "Your password is changed, and every other session has ended.");
            Vec::new()
        }
        (_, AccountAccepted::SignedIn(session)) => {
            let must_change_password = session.must_change_password;
            if session.role == Role::Operator {
                model.first_operator = None;
            }
            let came_along =
                model.account.session.as_ref().is_some_and(|guest| guest.customer_id == session.customer_id);
            model.account.take_session(*session, model.now);
            model.toast(
                Tone::Good,
                if came_along {
                    "You are signed in. What you have bought here as a guest is in your account."
                } else {
                    "You are signed in. What you buy from now on belongs to your account."
                },
            );
            if must_change_password {
                ask_for_password(model);
            }
            account::on_other_customer(model)
        }
        (_, AccountAccepted::Profile(customer)) => {
            model.toast(Tone::Good, format!("Your name is {} now.", customer.name.clone().unwrap_or_default()));
            model.account.me = Some(*customer);
            Vec::new()
        }
        (purpose, AccountAccepted::Address(address)) => on_address(model, purpose, &address),
        (AccountForm::SignOut, AccountAccepted::Ended(_)) => sign_out(model, Tone::Good, "You are signed out."),
        (AccountForm::Delete, AccountAccepted::Ended(_)) => sign_out(model, Tone::Good, "Your account is deleted."),
        (_, AccountAccepted::Ended(ended)) => {
            let said = match ended.ended {
                0 => "There was no other session.".to_owned(),
                1 => "1 session has ended.".to_owned(),
                count => format!("{count} sessions have ended."),
            };
            model.toast(Tone::Good, said);
            account::fetch_part(model, Part::Sessions)
        }
    }
}

/// Handles an accepted form about a saved address.
fn on_address(model: &mut Model, purpose: AccountForm, saved: &SavedAddress) -> Vec<Effect> {
    let label = &saved.label;
    let said = match purpose {
        AccountForm::RemoveAddress(_) => format!("{label} is removed."),
        AccountForm::DefaultAddress(_) => format!("{label} is the default now."),
        _ => format!("{label} is saved."),
    };
    model.toast(Tone::Good, said);
    account::fetch_part(model, Part::Addresses)
}

fn sign_out(model: &mut Model, tone: Tone, said: &str) -> Vec<Effect> {
    model.account.drop_session();
    model.toast(tone, said);
    account::on_other_customer(model)
}

/// The shop refused the token. It may only have expired, so it is renewed before anything is said.
pub(super) fn suspect(model: &mut Model) {
    model.account.renewal.hasten(model.now);
}

/// The next time at which the token is renewed; `None` while the shop is away, whose return is the occasion then.
pub(super) fn next_tick(model: &Model) -> Option<Timestamp> {
    model.account.renewal.at.filter(|_| model.account.session.is_some() && model.is_live())
}

/// Renews the token when it is time.
pub(super) fn renew(model: &mut Model) -> Vec<Effect> {
    if next_tick(model).is_none_or(|at| at > model.now) {
        return Vec::new();
    }
    let fresh = new_key(model);
    let renewal = &mut model.account.renewal;
    renewal.at = None;
    vec![Effect::Request(Request::Renew { key: renewal.key.get_or_insert(fresh).clone() })]
}

pub(super) fn on_renewed(model: &mut Model, key: &str, result: Result<SignedIn, Failure>) -> Vec<Effect> {
    let (now, seed) = (model.now, (model.new_id)().as_u128());
    let renewal = &mut model.account.renewal;
    if renewal.key.as_deref() != Some(key) {
        return Vec::new();
    }
    let in_ms = |ms: i64| Some(Timestamp::from_unix_ms(now.unix_ms().saturating_add(ms)));
    match result {
        Ok(session) => {
            let refused = renewal.refused;
            model.account.take_session(session, now);
            if refused { refetch(model) } else { Vec::new() }
        }
        Err(failure) if failure.is_session_over() => on_end(model),
        Err(failure) if renewal.tries.should_retry(&failure) => {
            renewal.at = in_ms(backoff_ms(renewal.tries.previous_attempts(), seed));
            Vec::new()
        }
        Err(_) => {
            let refused = renewal.refused;
            *renewal = Renewal { at: in_ms(RENEWAL_PAUSE_MS), refused, ..Renewal::default() };
            Vec::new()
        }
    }
}

/// The session has ended: says so once, and signs out.
fn on_end(model: &mut Model) -> Vec<Effect> {
    // The forms of a guest, who signs in or registers, are as good for the next guest.
    let is_closed = model.account.is_signed_in();
    let form = model.form.take_if(|form| is_closed && matches!(form.purpose, FormPurpose::Account(_)));
    let asked = form.is_some_and(|form| {
        let ends = matches!(form.purpose, FormPurpose::Account(AccountForm::SignOut | AccountForm::Delete));
        ends && form.sending.is_some()
    });
    if asked {
        return sign_out(model, Tone::Good, "You are signed out.");
    }
    if !model.account.is_signed_in() {
        // Another one begins by itself.
        return sign_out(
            model,
            Tone::Plain,
            "You are another guest now: the session of before has ended. The basket stays.",
        );
    }
    let [go, key] = [(Context::Shop, Action::GoAccount), (Context::Profile, Action::SignIn)]
        .map(|(context, action)| model.keys.label(context, action));
    let said = format!("Your session has ended, here or elsewhere. The basket stays; {go} {key} signs in again.");
    sign_out(model, Tone::Bad, &said)
}

/// The shop wants a session of everybody: begins one for a guest, unless there is one or it is on its way.
pub(super) fn on_session_wanted(model: &mut Model) -> Vec<Effect> {
    model.secured = true;
    if model.account.session.is_some() || std::mem::replace(&mut model.account.beginning, true) {
        return Vec::new();
    }
    vec![Effect::Request(Request::BeginAsGuest)]
}

/// Takes the session of a guest. When it did not come, the feed of the log gives the next occasion.
pub(super) fn on_guest(model: &mut Model, result: Result<SignedIn, Failure>) -> Vec<Effect> {
    model.account.beginning = false;
    match result {
        Ok(session) if model.account.session.is_none() => {
            model.account.take_session(session, model.now);
            let mut effects = account::on_other_customer(model);
            effects.extend(refetch(model));
            effects
        }
        Ok(_) | Err(_) => Vec::new(),
    }
}

/// Fetches who is signed in.
pub(super) fn fetch_me(model: &Model) -> Vec<Effect> {
    let session = model.account.session.as_ref().filter(|_| model.shop_url.is_some() && model.account.is_signed_in());
    session.map(|session| Effect::Request(Request::Me { customer: session.customer_id })).into_iter().collect()
}

pub(super) fn on_me(model: &mut Model, customer: CustomerId, result: Result<Customer, Failure>) -> Vec<Effect> {
    if let Ok(me) = result
        && model.account.session.as_ref().is_some_and(|session| session.customer_id == customer)
    {
        model.account.me = Some(me);
    }
    Vec::new()
}

/// Whether an event is about who is signed in.
pub(super) fn is_about_me(model: &Model, fresh: &[Event]) -> bool {
    let stream = model.account.session.as_ref().map(|session| format!("customer-{}", session.customer_id));
    stream.is_some_and(|stream| fresh.iter().any(|event| event.stream == stream))
}

/// Something happened to who is signed in. If the session was ended, the shop refuses the request.
pub(super) fn on_events(model: &Model, fresh: &[Event]) -> Vec<Effect> {
    let listed = model.screen == Screen::Account && matches!(model.account.part, Part::Sessions | Part::Addresses);
    if is_about_me(model, fresh) && !listed { fetch_me(model) } else { Vec::new() }
}
