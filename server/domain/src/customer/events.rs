//! What happens to a customer.

use std::fmt;

use storefront_api::{Address, AddressId, Money, Role, SessionId, Timestamp};

/// An event of a customer; stream `customer-{id}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CustomerEvent {
    Registered {
        /// `None` for a customer who cannot sign in.
        account: Option<Account>,
    },
    LimitSet {
        limit: Money,
    },
    NameChanged {
        name: String,
    },
    PasswordChanged {
        password: PasswordHash,
        /// Whether it is good for one sign-in, which must change it.
        must_change: bool,
    },
    /// An operator has taken the password away. A one-time password is mailed, which is good until `expires_at`.
    PasswordReset {
        expires_at: Timestamp,
    },
    /// The customer was given a password that is good until `expires_at`, to sign in and change it.
    OneTimePasswordSet {
        password: PasswordHash,
        expires_at: Timestamp,
    },
    /// Somebody tried to register with the mail address of this account, who may be its owner. The owner is told by mail.
    RegistrationAttempted {
        attempted_at: Timestamp,
    },
    AddressAdded(SavedAddress),
    AddressChanged(SavedAddress),
    AddressRemoved {
        id: AddressId,
    },
    /// The customer uses this saved address unless another is chosen.
    DefaultAddressSet {
        id: AddressId,
    },
    /// The customer can no longer sign in.
    Deactivated,
    Reactivated,
    SessionStarted(Session),
    /// Signed out, ended by its owner or with the account, or replaced by a newer one; or that of a guest who went or registered.
    SessionEnded {
        session_id: SessionId,
    },
    /// The account is gone for good.
    Deleted,
    /// Name and mail address can no longer be read.
    Erased,
}

/// What somebody signs in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The mail address as it was entered.
    pub email: String,
    pub name: String,
    pub password: PasswordHash,
    /// Whether the password is good for one sign-in, which must change it.
    pub must_change: bool,
    pub role: Role,
}

/// A time during which a customer is signed in on a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub started_at: Timestamp,
    /// The session cannot be renewed after this time.
    pub expires_at: Timestamp,
    /// The name that the client gave itself.
    pub user_agent: Option<String>,
}

/// A delivery address in the address book of a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedAddress {
    pub id: AddressId,
    /// What the customer calls it.
    pub label: String,
    pub address: Address,
}

/// A password as a PHC string, which has the hash, its salt and its parameters. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}
