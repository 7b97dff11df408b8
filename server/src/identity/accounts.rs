//! Accounts in the log: who signs in with an address, and with which password.

use std::sync::Arc;
use std::time::Duration;

use storefront_api::{CustomerId, EmailAddress, Money, Password as PlainPassword, Role, Timestamp};
use storefront_domain::customer::{Account, Customer, CustomerError, CustomerEvent, PasswordHash, Registered};
use storefront_domain::login::{self, Login, LoginCommand, LoginError, LoginEvent};
use storefront_domain::wallet::WalletEvent;
use storefront_eventlog::Version;

use super::passwords::{Password, Passwords, TooManyHashings};
use crate::store::aggregates::{self, AppendBuilder, Cause, Store};
use crate::store::commands::{Failure, retry_on_conflict};
use crate::store::streams;
use crate::{clock, random};

/// Name of the first operator.
const OPERATOR_NAME: &str = "Operator";

/// For how long a one-time password is good.
const ONE_TIME_PASSWORD_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// The end of a one-time password that is given now.
pub(crate) fn one_time_password_expiry() -> Timestamp {
    Timestamp::from_unix_ms(clock::now().unix_ms() + clock::as_ms(ONE_TIME_PASSWORD_LIFE))
}

/// Why nobody could be signed in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignInError {
    /// There is no account with this address, the password is another, or the account is deactivated. Which of these is
    /// not told.
    #[error("the mail address or the password is wrong")]
    Refused,
    #[error(transparent)]
    TooManyHashings(#[from] TooManyHashings),
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// Returns the active customer with this address and password, and the hash that was compared: the password may have been
/// changed meanwhile. Every refusal takes the same work.
///
/// # Errors
/// See [`SignInError`].
pub(crate) async fn authenticate(
    store: &Store,
    passwords: &Passwords,
    email: &str,
    password: &PlainPassword,
) -> Result<(CustomerId, PasswordHash), SignInError> {
    let known = match email.parse::<EmailAddress>() {
        Ok(email) => find(store, &email).await?,
        Err(_) => None,
    };
    let hash = known.as_ref().and_then(|(_, customer)| registered(customer)?.password(clock::now()).cloned());
    let matches = passwords.matches(Password::given(password), hash.as_ref()).await?;
    match (known, hash) {
        (Some((id, customer)), Some(hash)) if matches && registered(&customer).is_some_and(|known| known.is_active) => {
            Ok((id, hash))
        }
        (Some(_) | None, _) => Err(SignInError::Refused),
    }
}

/// Sees to it that the first operator can sign in. Returns a new one-time password when the address has no account yet, which
/// is made then, or when its one-time password was never changed.
///
/// # Errors
/// See [`SignInError`]; [`SignInError::Refused`] when the address belongs to a customer who is no operator.
pub(crate) async fn ensure_operator(
    store: &Store,
    passwords: &Passwords,
    email: &EmailAddress,
    opening_balance: Money,
) -> Result<Option<PlainPassword>, SignInError> {
    let known = find(store, email).await?;
    let id = match &known {
        Some((id, customer)) => match account(customer) {
            Some(Account { role: Role::Operator, must_change: true, .. }) => *id,
            Some(Account { role: Role::Operator, .. }) => return Ok(None),
            Some(_) | None => return Err(SignInError::Refused),
        },
        None => CustomerId(random::id()),
    };
    let plain = Password::random();
    let password = passwords.hash(Password::given(&plain)).await?;
    let one_time =
        CustomerEvent::OneTimePasswordSet { password: password.clone(), expires_at: one_time_password_expiry() };
    let cause = Cause { correlation_id: random::id().to_string(), causation_id: None, actor: "shop".to_owned() };
    let written = retry_on_conflict(|| async {
        let mut batch = AppendBuilder::new(clock::now(), cause.clone());
        if known.is_some() {
            batch.decide(store, streams::customer(id), |_| Ok::<_, CustomerError>(vec![one_time.clone()])).await?;
        } else {
            let role = Role::Operator;
            let (name, password, must_change) = (OPERATOR_NAME.to_owned(), password.clone(), true);
            let account = Account { email: email.as_str().to_owned(), name, password, must_change, role };
            let registered = CustomerEvent::Registered { account: Some(account) };
            batch.add(streams::customer(id), Version(0), &[registered, one_time.clone()]);
            batch.add(streams::wallet(id), Version(0), &[WalletEvent::Opened { balance: opening_balance }]);
            let claim = |login: &Login| login::decide(login, LoginCommand::Claim { customer_id: id });
            batch.decide(store, streams::login(email), claim).await?;
        }
        batch.append_if_any(store, None).await
    });
    match written.await {
        Ok(_) => Ok(Some(plain)),
        // Another server was faster, and has told its password.
        Err(Failure::Login(LoginError::Taken)) => Ok(None),
        Err(failure) => Err(failure.into()),
    }
}

/// Whether a customer has this password, and it has not expired.
///
/// # Errors
/// See [`SignInError`]; it is refused where there is no account.
pub(crate) async fn check_password(
    passwords: &Passwords,
    customer: &Customer,
    password: &PlainPassword,
) -> Result<bool, SignInError> {
    account(customer).ok_or(SignInError::Refused)?;
    let hash = registered(customer).and_then(|registered| registered.password(clock::now()));
    Ok(passwords.matches(Password::given(password), hash).await?)
}

/// Whether a mail address belongs to an operator.
///
/// # Errors
/// When the log fails.
pub(crate) async fn is_operator(store: &Store, email: &EmailAddress) -> Result<bool, Failure> {
    let known = find(store, email).await?;
    let account = known.as_ref().and_then(|(_, customer)| account(customer));
    Ok(account.is_some_and(|account| account.role == Role::Operator))
}

/// The customer who signs in with a mail address.
///
/// # Errors
/// When the log fails.
pub(crate) async fn owner(store: &Store, email: &EmailAddress) -> Result<Option<CustomerId>, Failure> {
    let (login, _) = aggregates::load::<LoginEvent>(store, &streams::login(email)).await?;
    Ok(login.0)
}

/// The account of a registered customer.
pub(crate) fn account(customer: &Customer) -> Option<&Account> {
    registered(customer)?.account.as_ref()
}

/// The mail address of a customer's account.
pub(crate) fn email(customer: &Customer) -> Option<EmailAddress> {
    account(customer).and_then(|account| account.email.parse().ok())
}

/// Loads a customer from their stream.
pub(crate) async fn load(store: &Store, id: CustomerId) -> Result<Arc<Customer>, Failure> {
    let (customer, _) = aggregates::load::<CustomerEvent>(store, &streams::customer(id)).await?;
    Ok(customer)
}

async fn find(store: &Store, email: &EmailAddress) -> Result<Option<(CustomerId, Arc<Customer>)>, Failure> {
    match owner(store, email).await? {
        Some(id) => Ok(Some((id, load(store, id).await?))),
        None => Ok(None),
    }
}

fn registered(customer: &Customer) -> Option<&Registered> {
    match customer {
        Customer::Registered(registered) => Some(registered),
        Customer::Unknown | Customer::Deleted | Customer::Erased => None,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::testing::{a_log, at_second, write};

    async fn outcome(store: &Store, passwords: &Passwords, email: &str, password: &str) -> Option<CustomerId> {
        match authenticate(store, passwords, email, &PlainPassword(password.to_owned())).await {
            Ok((id, _)) => Some(id),
            Err(SignInError::Refused) => None,
            Err(failure) => panic!("{failure}"),
        }
    }

    #[tokio::test]
    async fn every_refusal_hashes_as_much_as_a_sign_in() {
        let (store, passwords) = (a_log(), Passwords::default());
        let password = Password::given(&PlainPassword("tea at five".to_owned()));
        let password = passwords.hash(password).await.unwrap();
        let [ada, off, late, reset] = [1, 2, 3, 4].map(|number| CustomerId(Uuid::from_u128(number)));
        for (id, email) in [
            (ada, "ada@example.com"),
            (off, "off@example.com"),
            (late, "late@example.com"),
            (reset, "reset@example.com"),
        ] {
            let account = Account {
                email: email.to_owned(),
                name: "Somebody".to_owned(),
                password: password.clone(),
                must_change: false,
                role: Role::Customer,
            };
            let registered = CustomerEvent::Registered { account: Some(account) };
            let after = match id {
                id if id == off => Some(CustomerEvent::Deactivated),
                id if id == reset => Some(CustomerEvent::PasswordReset { expires_at: one_time_password_expiry() }),
                id if id == late => {
                    Some(CustomerEvent::OneTimePasswordSet { password: password.clone(), expires_at: clock::now() })
                }
                _ => None,
            };
            let events: Vec<_> = [registered].into_iter().chain(after).collect();
            write(&store, at_second(1), "test", streams::customer(id), &events).await;
            let claimed = LoginEvent::Claimed { customer_id: id };
            write(&store, at_second(1), "test", streams::login(&email.parse().unwrap()), &[claimed]).await;
        }
        for (email, password, expected) in [
            ("ada@example.com", "tea at five", Some(ada)),
            ("ADA@example.com", "tea at five", Some(ada)),
            ("ada@example.com", "tea at six", None),
            ("off@example.com", "tea at five", None),
            ("late@example.com", "tea at five", None),
            ("reset@example.com", "tea at five", None),
            ("bob@example.com", "tea at five", None),
            ("no address", "tea at five", None),
        ] {
            let before = passwords.hashings();
            assert_eq!(outcome(&store, &passwords, email, password).await, expected, "{email} {password}");
            assert_eq!(passwords.hashings(), before + 1, "{email} {password}");
        }
    }
}
