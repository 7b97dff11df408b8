//! Customers: their registration, account, sessions, address book and spending limit.
//!
//! A guest has an id too, of which nothing is in the log until the guest registers under it or ends the session.
//! A customer without an account has an id and nothing else; requests name it. One with an account signs in with a mail
//! address and a password. Which customer an address belongs to is in [`crate::login`].

mod decide;
mod events;
mod state;
#[cfg(test)]
mod tests;

pub use decide::{CustomerCommand, CustomerError, MAX_ADDRESSES, MAX_SESSIONS, MIN_ATTEMPT_INTERVAL_MS, decide};
pub use events::{Account, CustomerEvent, PasswordHash, SavedAddress, Session};
pub use state::{Customer, OneTimePassword, Registered, evolve};
