//! The commands to a customer.

use storefront_api::{AddressId, Money, SessionId, Timestamp};

use super::events::{Account, CustomerEvent, PasswordHash, SavedAddress, Session};
use super::state::{Customer, OneTimePassword, Registered};

/// Maximum number of sessions of a customer at once; a new one ends the oldest.
pub const MAX_SESSIONS: usize = 50;

/// Maximum number of saved addresses of a customer.
pub const MAX_ADDRESSES: usize = 20;

/// Minimum time between two attempts to register with an address of which its owner is told, in milliseconds: an hour.
pub const MIN_ATTEMPT_INTERVAL_MS: i64 = 3_600_000;

/// A command to a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CustomerCommand {
    Register {
        /// `None` for a customer who cannot sign in.
        account: Option<Account>,
        /// The session of the guest who registers, which ends.
        guest_session: Option<SessionId>,
    },
    /// End the session of a guest.
    EndGuestSession {
        session_id: SessionId,
    },
    /// Set the spending limit, which is not negative; an equal limit changes nothing.
    SetLimit {
        limit: Money,
    },
    /// Change the name; an equal name changes nothing.
    ChangeName {
        name: String,
    },
    /// Change the password of who gave the one with the hash `current`, and end all sessions but one.
    ChangePassword {
        current: PasswordHash,
        password: PasswordHash,
        keep: SessionId,
    },
    /// Take the password away and end all sessions; a one-time password is to be mailed, which is good until `expires_at`.
    ResetPassword {
        expires_at: Timestamp,
    },
    /// Set the one-time password that was mailed for the reset with this `expires_at`; changes nothing when that was not the
    /// last one, or has its password.
    SetOneTimePassword {
        password: PasswordHash,
        expires_at: Timestamp,
    },
    /// Note that somebody tried to register with the address of this account. Changes nothing within
    /// [`MIN_ATTEMPT_INTERVAL_MS`] of the last one, and where the account is gone.
    RecordRegistrationAttempt {
        attempted_at: Timestamp,
    },
    /// Save an address, at most [`MAX_ADDRESSES`].
    AddAddress(SavedAddress),
    /// Change a saved address; an equal one changes nothing.
    ChangeAddress(SavedAddress),
    RemoveAddress {
        id: AddressId,
    },
    /// Make a saved address the default one; a repeat changes nothing.
    SetDefaultAddress {
        id: AddressId,
    },
    /// Forbid signing in, and end all sessions; a repeat changes nothing.
    Deactivate,
    /// Allow signing in again; a repeat changes nothing.
    Reactivate,
    /// Delete the account of who gave the password with this hash for good, and end all sessions.
    Delete {
        password: PasswordHash,
    },
    /// Delete a customer, who need not have an account, on behalf of an operator; a repeat changes nothing.
    Erase,
    /// Note that the personal data of a deleted customer cannot be read any more; a repeat changes nothing.
    RecordErasure,
    /// Start a session for who gave the password with this hash; more than [`MAX_SESSIONS`] end the oldest.
    StartSession {
        session: Session,
        password: PasswordHash,
    },
    EndSession {
        session_id: SessionId,
    },
    /// End all sessions but one.
    EndOtherSessions {
        keep: SessionId,
    },
}

/// Why a command was refused. Nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CustomerError {
    #[error("there is no such customer")]
    NotFound,
    #[error("there is a customer with this id already")]
    Exists,
    #[error("a spending limit is not negative")]
    BadLimit,
    #[error("the customer has no account to sign in to")]
    NoAccount,
    #[error("the customer is deactivated")]
    Deactivated,
    /// The password that somebody signed in with was changed meanwhile.
    #[error("the password was changed meanwhile")]
    PasswordChanged,
    /// The password that confirms a change was changed meanwhile.
    #[error("it is not the password")]
    NotThePassword,
    #[error("there is no such session")]
    NoSuchSession,
    #[error("there is no such saved address")]
    NoSuchAddress,
    #[error("there are {MAX_ADDRESSES} saved addresses")]
    TooManyAddresses,
}

/// The events of a command; none when it changes nothing.
///
/// # Errors
/// Why the customer refuses the command; nothing is written then.
pub fn decide(customer: &Customer, command: CustomerCommand) -> Result<Vec<CustomerEvent>, CustomerError> {
    match (customer, command) {
        (Customer::Unknown, CustomerCommand::Register { account, guest_session }) => {
            let ended = guest_session.map(|session_id| CustomerEvent::SessionEnded { session_id });
            Ok([CustomerEvent::Registered { account }].into_iter().chain(ended).collect())
        }
        (Customer::Unknown, CustomerCommand::EndGuestSession { session_id }) => {
            Ok(vec![CustomerEvent::SessionEnded { session_id }])
        }
        (Customer::Registered(_) | Customer::Deleted | Customer::Erased, CustomerCommand::Register { .. }) => {
            Err(CustomerError::Exists)
        }
        (Customer::Unknown, CustomerCommand::Erase) => Ok(vec![CustomerEvent::Deleted]),
        (Customer::Deleted | Customer::Erased, CustomerCommand::Erase) => Ok(vec![]),
        (
            Customer::Unknown | Customer::Deleted | Customer::Erased,
            CustomerCommand::RecordRegistrationAttempt { .. },
        ) => Ok(vec![]),
        (Customer::Deleted, CustomerCommand::RecordErasure) => Ok(vec![CustomerEvent::Erased]),
        (Customer::Erased, CustomerCommand::RecordErasure) => Ok(vec![]),
        (Customer::Registered(registered), command) => decide_registered(registered, command),
        (
            Customer::Unknown | Customer::Deleted | Customer::Erased,
            CustomerCommand::EndGuestSession { .. }
            | CustomerCommand::SetLimit { .. }
            | CustomerCommand::ChangeName { .. }
            | CustomerCommand::ChangePassword { .. }
            | CustomerCommand::ResetPassword { .. }
            | CustomerCommand::SetOneTimePassword { .. }
            | CustomerCommand::AddAddress(_)
            | CustomerCommand::ChangeAddress(_)
            | CustomerCommand::RemoveAddress { .. }
            | CustomerCommand::SetDefaultAddress { .. }
            | CustomerCommand::Deactivate
            | CustomerCommand::Reactivate
            | CustomerCommand::Delete { .. }
            | CustomerCommand::RecordErasure
            | CustomerCommand::StartSession { .. }
            | CustomerCommand::EndSession { .. }
            | CustomerCommand::EndOtherSessions { .. },
        ) => Err(CustomerError::NotFound),
    }
}

fn decide_registered(registered: &Registered, command: CustomerCommand) -> Result<Vec<CustomerEvent>, CustomerError> {
    match command {
        CustomerCommand::Register { .. } => Err(CustomerError::Exists),
        // It ended when the guest registered.
        CustomerCommand::EndGuestSession { .. } => Err(CustomerError::NoSuchSession),
        CustomerCommand::SetLimit { limit } if limit.amount < 0 => Err(CustomerError::BadLimit),
        CustomerCommand::SetLimit { limit } => {
            Ok(if registered.limit == Some(limit) { vec![] } else { vec![CustomerEvent::LimitSet { limit }] })
        }
        CustomerCommand::ChangeName { name } => {
            let account = account(registered)?;
            Ok(if account.name == name { vec![] } else { vec![CustomerEvent::NameChanged { name }] })
        }
        CustomerCommand::ChangePassword { current, password, keep } => {
            confirm(registered, &current)?;
            let changed = CustomerEvent::PasswordChanged { password, must_change: false };
            Ok([changed].into_iter().chain(ended(registered, |id| id != keep)).collect())
        }
        CustomerCommand::ResetPassword { expires_at } => {
            account(registered)?;
            Ok([CustomerEvent::PasswordReset { expires_at }].into_iter().chain(ended(registered, |_| true)).collect())
        }
        CustomerCommand::SetOneTimePassword { password, expires_at } => {
            account(registered)?;
            let is_awaited = registered.one_time_password == Some(OneTimePassword { expires_at, is_set: false });
            Ok(if is_awaited { vec![CustomerEvent::OneTimePasswordSet { password, expires_at }] } else { vec![] })
        }
        CustomerCommand::RecordRegistrationAttempt { attempted_at } => {
            let is_recent = registered
                .registration_attempted_at
                .is_some_and(|last| attempted_at.unix_ms() - last.unix_ms() < MIN_ATTEMPT_INTERVAL_MS);
            Ok(if is_recent { vec![] } else { vec![CustomerEvent::RegistrationAttempted { attempted_at }] })
        }
        CustomerCommand::AddAddress(address) => {
            account(registered)?;
            if registered.addresses.len() >= MAX_ADDRESSES {
                return Err(CustomerError::TooManyAddresses);
            }
            Ok(vec![CustomerEvent::AddressAdded(address)])
        }
        CustomerCommand::ChangeAddress(changed) => {
            let is_equal = *saved_address(registered, changed.id)? == changed;
            Ok(if is_equal { vec![] } else { vec![CustomerEvent::AddressChanged(changed)] })
        }
        CustomerCommand::RemoveAddress { id } => {
            saved_address(registered, id)?;
            Ok(vec![CustomerEvent::AddressRemoved { id }])
        }
        CustomerCommand::SetDefaultAddress { id } => {
            saved_address(registered, id)?;
            let is_default = registered.default_address == Some(id);
            Ok(if is_default { vec![] } else { vec![CustomerEvent::DefaultAddressSet { id }] })
        }
        CustomerCommand::Deactivate if !registered.is_active => Ok(vec![]),
        CustomerCommand::Deactivate => {
            Ok([CustomerEvent::Deactivated].into_iter().chain(ended(registered, |_| true)).collect())
        }
        CustomerCommand::Reactivate => Ok(if registered.is_active { vec![] } else { vec![CustomerEvent::Reactivated] }),
        CustomerCommand::Delete { password } => {
            confirm(registered, &password)?;
            Ok(ended(registered, |_| true).chain([CustomerEvent::Deleted]).collect())
        }
        CustomerCommand::Erase => Ok(ended(registered, |_| true).chain([CustomerEvent::Deleted]).collect()),
        CustomerCommand::RecordErasure => Err(CustomerError::NotFound),
        CustomerCommand::StartSession { session, password } => start_session(registered, session, &password),
        CustomerCommand::EndSession { session_id } => {
            let events: Vec<_> = ended(registered, |id| id == session_id).collect();
            if events.is_empty() { Err(CustomerError::NoSuchSession) } else { Ok(events) }
        }
        CustomerCommand::EndOtherSessions { keep } => Ok(ended(registered, |id| id != keep).collect()),
    }
}

fn start_session(
    registered: &Registered,
    session: Session,
    password: &PasswordHash,
) -> Result<Vec<CustomerEvent>, CustomerError> {
    account(registered)?;
    if registered.password(session.started_at) != Some(password) {
        return Err(CustomerError::PasswordChanged);
    }
    if !registered.is_active {
        return Err(CustomerError::Deactivated);
    }
    let live: Vec<SessionId> = registered.live_sessions(session.started_at).map(|session| session.id).collect();
    let surplus = (live.len() + 1).saturating_sub(MAX_SESSIONS);
    let ended = live.into_iter().take(surplus).map(|session_id| CustomerEvent::SessionEnded { session_id });
    Ok(ended.chain([CustomerEvent::SessionStarted(session)]).collect())
}

fn confirm(registered: &Registered, password: &PasswordHash) -> Result<(), CustomerError> {
    let is_awaited = registered.one_time_password.is_some_and(|one_time| !one_time.is_set);
    let is_right = account(registered)?.password == *password && !is_awaited;
    if is_right { Ok(()) } else { Err(CustomerError::NotThePassword) }
}

fn saved_address(registered: &Registered, id: AddressId) -> Result<&SavedAddress, CustomerError> {
    registered.addresses.iter().find(|address| address.id == id).ok_or(CustomerError::NoSuchAddress)
}

fn account(registered: &Registered) -> Result<&Account, CustomerError> {
    registered.account.as_ref().ok_or(CustomerError::NoAccount)
}

/// The ends of those sessions whose ids are wanted.
fn ended(registered: &Registered, wanted: impl Fn(SessionId) -> bool) -> impl Iterator<Item = CustomerEvent> {
    let ids = registered.sessions.iter().map(|session| session.id).filter(move |id| wanted(*id));
    ids.map(|session_id| CustomerEvent::SessionEnded { session_id })
}
