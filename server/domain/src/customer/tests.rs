//! Tests of registration, account, sessions and spending limit.

use storefront_api::{Address, AddressId, Money, Role, SessionId, Timestamp};
use uuid::Uuid;

use super::*;
use crate::testing::{Given, euro, fold_events};

fn given(history: impl IntoIterator<Item = CustomerEvent>) -> Given<Customer> {
    crate::testing::given(history)
}

fn limit_set(limit: i64) -> CustomerEvent {
    CustomerEvent::LimitSet { limit: euro(limit) }
}

fn set_limit(limit: i64) -> CustomerCommand {
    CustomerCommand::SetLimit { limit: euro(limit) }
}

fn without_account() -> CustomerEvent {
    CustomerEvent::Registered { account: None }
}

fn hash(text: &str) -> PasswordHash {
    PasswordHash(text.to_owned())
}

fn account() -> Account {
    Account {
        email: "ada@example.com".to_owned(),
        name: "Ada".to_owned(),
        password: hash("first"),
        must_change: false,
        role: Role::Customer,
    }
}

fn with_account() -> CustomerEvent {
    CustomerEvent::Registered { account: Some(account()) }
}

fn id(number: u128) -> SessionId {
    SessionId(Uuid::from_u128(number))
}

/// A session that lives for 10 seconds.
fn session(number: u128, second: i64) -> Session {
    let at = |second: i64| Timestamp::from_unix_ms(second * 1000);
    Session { id: id(number), started_at: at(second), expires_at: at(second + 10), user_agent: None }
}

fn started(number: u128, second: i64) -> CustomerEvent {
    CustomerEvent::SessionStarted(session(number, second))
}

fn ended(number: u128) -> CustomerEvent {
    CustomerEvent::SessionEnded { session_id: id(number) }
}

fn registered(limit: Option<Money>) -> Customer {
    Customer::Registered(Registered {
        limit,
        account: None,
        one_time_password: None,
        registration_attempted_at: None,
        is_active: true,
        sessions: vec![],
        addresses: vec![],
        default_address: None,
    })
}

fn start(session: Session, password: &str) -> CustomerCommand {
    CustomerCommand::StartSession { session, password: hash(password) }
}

#[test]
fn an_id_is_registered_once() {
    let register = || CustomerCommand::Register { account: None, guest_session: None };
    let customer = given([]).when(register()).then([without_account()]);
    assert_eq!(customer, registered(None));
    given([without_account()]).when(register()).then_refused(CustomerError::Exists);
    given([with_account(), CustomerEvent::Deleted]).when(register()).then_refused(CustomerError::Exists);
}

#[test]
fn a_guest_who_registers_ends_the_session_and_so_does_one_who_goes() {
    let register = CustomerCommand::Register { account: Some(account()), guest_session: Some(id(7)) };
    given([]).when(register.clone()).then([with_account(), ended(7)]);
    let end = || CustomerCommand::EndGuestSession { session_id: id(7) };
    given([]).when(end()).then([ended(7)]);
    given([with_account(), ended(7)]).when(end()).then_refused(CustomerError::NoSuchSession);
    given([with_account(), ended(7)]).when(register).then_refused(CustomerError::Exists);
}

#[test]
fn the_limit_of_a_customer_can_be_set_and_set_again() {
    let history = || [without_account(), limit_set(500)];
    given([without_account()]).when(set_limit(500)).then([limit_set(500)]);
    given(history()).when(set_limit(500)).then_nothing();
    let customer = given(history()).when(set_limit(0)).then([limit_set(0)]);
    assert_eq!(customer, registered(Some(euro(0))));
    given(history()).when(set_limit(-1)).then_refused(CustomerError::BadLimit);
}

#[test]
fn nobody_has_no_limit() {
    given([]).when(set_limit(500)).then_refused(CustomerError::NotFound);
    assert_eq!(fold_events(Customer::default(), [limit_set(500)]), Customer::Unknown);
    let twice = fold_events(Customer::default(), [without_account(), limit_set(5), without_account()]);
    assert_eq!(twice, registered(Some(euro(5))));
}

#[test]
fn a_name_is_changed_where_there_is_an_account() {
    let change = |name: &str| CustomerCommand::ChangeName { name: name.to_owned() };
    let changed = CustomerEvent::NameChanged { name: "Ada L.".to_owned() };
    let customer = given([with_account()]).when(change("Ada L.")).then([changed.clone()]);
    let Customer::Registered(Registered { account: Some(account), .. }) = customer else { panic!("{customer:?}") };
    assert_eq!(account.name, "Ada L.");
    given([with_account(), changed]).when(change("Ada L.")).then_nothing();
    given([without_account()]).when(change("Ada")).then_refused(CustomerError::NoAccount);
}

#[test]
fn sessions_start_where_there_is_an_active_account() {
    let start = |number, second| start(session(number, second), "first");
    given([with_account()]).when(start(1, 0)).then([started(1, 0)]);
    given([without_account()]).when(start(1, 0)).then_refused(CustomerError::NoAccount);
    given([]).when(start(1, 0)).then_refused(CustomerError::NotFound);
    let off = [with_account(), CustomerEvent::Deactivated];
    given(off.clone()).when(start(1, 0)).then_refused(CustomerError::Deactivated);
    given(off.into_iter().chain([CustomerEvent::Reactivated])).when(start(1, 0)).then([started(1, 0)]);
}

#[test]
fn no_session_starts_with_a_password_that_was_changed_meanwhile() {
    let changed = CustomerEvent::PasswordChanged { password: hash("second"), must_change: false };
    let history = || [with_account(), changed.clone()];
    given(history()).when(start(session(1, 0), "first")).then_refused(CustomerError::PasswordChanged);
    given(history()).when(start(session(1, 0), "second")).then([started(1, 0)]);
}

#[test]
fn a_session_is_ended_once_and_the_others_stay() {
    let history = || [with_account(), started(1, 0), started(2, 1), started(3, 2)];
    given(history()).when(CustomerCommand::EndSession { session_id: id(2) }).then([ended(2)]);
    given(history().into_iter().chain([ended(2)]))
        .when(CustomerCommand::EndSession { session_id: id(2) })
        .then_refused(CustomerError::NoSuchSession);
    given(history()).when(CustomerCommand::EndOtherSessions { keep: id(2) }).then([ended(1), ended(3)]);
}

#[test]
fn a_new_password_ends_the_other_sessions() {
    let history = || [with_account(), started(1, 0), started(2, 1)];
    let changed = || CustomerEvent::PasswordChanged { password: hash("second"), must_change: false };
    let change =
        |current| CustomerCommand::ChangePassword { current: hash(current), password: hash("second"), keep: id(2) };
    given(history()).when(change("another")).then_refused(CustomerError::NotThePassword);
    let customer = given(history()).when(change("first")).then([changed(), ended(1)]);
    let Customer::Registered(Registered { account: Some(account), sessions, .. }) = customer else { panic!() };
    assert_eq!((account.password, sessions), (hash("second"), vec![session(2, 1)]));
}

#[test]
fn after_a_reset_only_its_one_time_password_is_good_until_it_expires_or_is_changed() {
    let at = |second: i64| Timestamp::from_unix_ms(second * 1000);
    let reset = |second| CustomerEvent::PasswordReset { expires_at: at(second) };
    let set = |text, second| CustomerEvent::OneTimePasswordSet { password: hash(text), expires_at: at(second) };
    let set_command =
        |text, second| CustomerCommand::SetOneTimePassword { password: hash(text), expires_at: at(second) };
    let change =
        |current| CustomerCommand::ChangePassword { current: hash(current), password: hash("own"), keep: id(5) };
    let command = CustomerCommand::ResetPassword { expires_at: at(100) };
    given([with_account(), started(1, 0), started(2, 1)]).when(command.clone()).then([reset(100), ended(1), ended(2)]);
    given([without_account()]).when(command.clone()).then_refused(CustomerError::NoAccount);
    given([]).when(command).then_refused(CustomerError::NotFound);

    let awaited = || [with_account(), reset(100)];
    given(awaited()).when(start(session(1, 50), "first")).then_refused(CustomerError::PasswordChanged);
    given(awaited()).when(change("first")).then_refused(CustomerError::NotThePassword);
    given(awaited()).when(set_command("once", 100)).then([set("once", 100)]);
    given(awaited()).when(set_command("once", 99)).then_nothing();
    given([with_account()]).when(set_command("once", 100)).then_nothing();

    let history = || [with_account(), reset(100), set("once", 100)];
    given(history()).when(set_command("again", 100)).then_nothing();
    given(history()).when(start(session(1, 99), "once")).then([started(1, 99)]);
    given(history()).when(start(session(1, 100), "once")).then_refused(CustomerError::PasswordChanged);
    given(history()).when(start(session(1, 50), "first")).then_refused(CustomerError::PasswordChanged);
    let changed = CustomerEvent::PasswordChanged { password: hash("own"), must_change: false };
    let customer = given(history()).when(change("once")).then([changed.clone()]);
    let Customer::Registered(registered) = customer else { panic!("{customer:?}") };
    assert_eq!(registered.password(at(1000)), Some(&hash("own")));
    let later = history().into_iter().chain([changed]);
    given(later).when(start(session(1, 50), "once")).then_refused(CustomerError::PasswordChanged);
}

fn address(number: u128, label: &str) -> SavedAddress {
    SavedAddress { id: AddressId(Uuid::from_u128(number)), label: label.to_owned(), address: Address::default() }
}

#[test]
fn addresses_are_added_up_to_their_limit_changed_and_removed_and_one_is_the_default() {
    let added = |number, label| CustomerEvent::AddressAdded(address(number, label));
    let add = |number| CustomerCommand::AddAddress(address(number, "Home"));
    let id = |number| address(number, "").id;
    given([with_account()]).when(add(1)).then([added(1, "Home")]);
    given([without_account()]).when(add(1)).then_refused(CustomerError::NoAccount);
    given([]).when(add(1)).then_refused(CustomerError::NotFound);
    let full = || [with_account()].into_iter().chain((1..=MAX_ADDRESSES as u128).map(|number| added(number, "Home")));
    given(full()).when(add(100)).then_refused(CustomerError::TooManyAddresses);
    given(full().chain([CustomerEvent::AddressRemoved { id: id(3) }])).when(add(100)).then([added(100, "Home")]);

    let history =
        || [with_account(), added(1, "Home"), added(2, "Work"), CustomerEvent::DefaultAddressSet { id: id(2) }];
    let change = |number, label| CustomerCommand::ChangeAddress(address(number, label));
    given(history()).when(change(2, "Work")).then_nothing();
    given(history()).when(change(2, "Office")).then([CustomerEvent::AddressChanged(address(2, "Office"))]);
    given(history()).when(change(3, "Work")).then_refused(CustomerError::NoSuchAddress);
    let set_default = |number| CustomerCommand::SetDefaultAddress { id: id(number) };
    given(history()).when(set_default(2)).then_nothing();
    given(history()).when(set_default(3)).then_refused(CustomerError::NoSuchAddress);
    let customer = given(history()).when(set_default(1)).then([CustomerEvent::DefaultAddressSet { id: id(1) }]);
    let Customer::Registered(registered) = customer else { panic!("{customer:?}") };
    assert_eq!(registered.default_address, Some(id(1)));
    let remove = |number| CustomerCommand::RemoveAddress { id: id(number) };
    given(history()).when(remove(3)).then_refused(CustomerError::NoSuchAddress);
    let customer = given(history()).when(remove(2)).then([CustomerEvent::AddressRemoved { id: id(2) }]);
    let Customer::Registered(registered) = customer else { panic!("{customer:?}") };
    assert_eq!((registered.addresses, registered.default_address), (vec![address(1, "Home")], None));
}

#[test]
fn deactivation_and_deletion_end_every_session() {
    let history = || [with_account(), started(1, 0), started(2, 1)];
    given(history()).when(CustomerCommand::Deactivate).then([CustomerEvent::Deactivated, ended(1), ended(2)]);
    given([with_account(), CustomerEvent::Deactivated]).when(CustomerCommand::Deactivate).then_nothing();
    given(history()).when(CustomerCommand::Reactivate).then_nothing();
    let delete = |password| CustomerCommand::Delete { password: hash(password) };
    given(history()).when(delete("another")).then_refused(CustomerError::NotThePassword);
    let customer = given(history()).when(delete("first")).then([ended(1), ended(2), CustomerEvent::Deleted]);
    assert_eq!(customer, Customer::Deleted);
    given([with_account(), CustomerEvent::Deleted]).when(delete("first")).then_refused(CustomerError::NotFound);
}

#[test]
fn more_sessions_than_are_allowed_end_the_oldest_and_expired_ones_do_not_count() {
    let live = (0..MAX_SESSIONS as u128).map(|number| started(number, 5));
    let history = [with_account(), started(1000, 0)].into_iter().chain(live);
    let start = start(session(2000, 11), "first");
    let customer = given(history).when(start).then([ended(0), started(2000, 11)]);
    let Customer::Registered(registered) = customer else { panic!() };
    assert_eq!(registered.sessions.len(), MAX_SESSIONS);
    assert!(registered.sessions.iter().all(|session| session.id != id(1000)), "it had expired");
}

#[test]
fn no_output_shows_the_hash_of_a_password() {
    let shown = format!("{:?}", [with_account()]);
    assert!(shown.contains("PasswordHash(…)") && !shown.contains("first"), "{shown}");
}

#[test]
fn of_attempts_to_register_with_a_known_address_one_in_an_hour_counts() {
    let at = |ms: i64| Timestamp::from_unix_ms(1_000_000 + ms);
    let attempt = |ms: i64| CustomerCommand::RecordRegistrationAttempt { attempted_at: at(ms) };
    let attempted = |ms: i64| CustomerEvent::RegistrationAttempted { attempted_at: at(ms) };
    given([with_account()]).when(attempt(0)).then([attempted(0)]);
    given([with_account(), attempted(0)]).when(attempt(MIN_ATTEMPT_INTERVAL_MS - 1)).then([]);
    given([with_account(), attempted(0)])
        .when(attempt(MIN_ATTEMPT_INTERVAL_MS))
        .then([attempted(MIN_ATTEMPT_INTERVAL_MS)]);
    given([with_account(), CustomerEvent::Deleted]).when(attempt(0)).then([]);
}
