//! Who is signed in: the renewal of the session's token, and the forms of an account.

use storefront_api::{
    AddressId, ChangePassword, ChangeProfile, Customer, DeleteAccount, Password, RegisterCustomer, SaveAddress,
    SavedAddress, SessionId, SessionsEnded, SignIn, SignedIn, Timestamp,
};

use crate::state::RetryState;

/// Minimum time between two renewals that the shop gives cause for, in milliseconds.
const MIN_RENEWAL_INTERVAL_MS: i64 = 2_000;

/// The operator of the embedded shop, whose password is good for one sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FirstOperator {
    pub(crate) email: String,
    pub(crate) password: Password,
}

/// A form about an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AccountForm {
    SignIn,
    Register,
    Name,
    Password,
    EndSession(SessionId),
    EndOtherSessions,
    AddAddress,
    ChangeAddress(AddressId),
    RemoveAddress(AddressId),
    DefaultAddress(AddressId),
    SignOut,
    Delete,
}

/// The request of such a form.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum AccountRequest {
    SignIn(SignIn),
    /// Registers, and then signs in under a key of its own.
    Register {
        register: Box<RegisterCustomer>,
        sign_in: SignIn,
        sign_in_key: String,
    },
    Name(ChangeProfile),
    Password(ChangePassword),
    EndSession(SessionId),
    EndOtherSessions,
    AddAddress(Box<SaveAddress>),
    ChangeAddress(AddressId, Box<SaveAddress>),
    RemoveAddress(AddressId),
    DefaultAddress(AddressId),
    SignOut,
    Delete(DeleteAccount),
}

/// The shop's response to an accepted one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum AccountAccepted {
    /// A token: after signing in, registering, and changing the password.
    SignedIn(Box<SignedIn>),
    Profile(Box<Customer>),
    Ended(SessionsEnded),
    Address(Box<SavedAddress>),
}

/// The renewal of the token, which is good for an hour.
#[derive(Debug, Default)]
pub(crate) struct Renewal {
    /// When to renew the token next; `None` while a renewal is running.
    pub(crate) at: Option<Timestamp>,
    /// The key of a renewal without a definite response.
    pub(crate) key: Option<String>,
    pub(crate) tries: RetryState,
    /// Whether the shop refused the token, so that what was refused is fetched again after the renewal.
    pub(crate) refused: bool,
    /// When the shop's refusal of the token may cause another renewal.
    pub(crate) not_before: Option<Timestamp>,
}

impl Renewal {
    /// The renewal of a token that was given now: when half of its life is over, so that an hour has room for a shop that
    /// is away for a while.
    pub(crate) fn of(session: &SignedIn, now: Timestamp) -> Self {
        let life_ms = session.expires_at.unix_ms().saturating_sub(now.unix_ms()).max(MIN_RENEWAL_INTERVAL_MS);
        let after = |ms: i64| Some(Timestamp::from_unix_ms(now.unix_ms().saturating_add(ms)));
        Self { at: after(life_ms / 2), not_before: after(MIN_RENEWAL_INTERVAL_MS), ..Self::default() }
    }

    /// A renewal that is due.
    pub(crate) fn due(now: Timestamp) -> Self {
        Self { at: Some(now), ..Self::default() }
    }

    /// The shop refused the token: renews it at once, but not again and again.
    pub(crate) fn hasten(&mut self, now: Timestamp) {
        self.refused = true;
        if let Some(at) = &mut self.at {
            *at = (*at).min(self.not_before.unwrap_or(now).max(now));
        }
    }
}
