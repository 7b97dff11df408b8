//! The state of a customer, and what events make of it.

use storefront_api::{Money, Timestamp};

use super::events::{Account, CustomerEvent, Session};

/// The state of a customer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Customer {
    #[default]
    Unknown,
    Registered(Registered),
    /// The account was deleted.
    Deleted,
    /// The account was deleted, and who had it cannot be read any more.
    Erased,
}

/// A customer who was registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The highest unit price that the customer may buy at; `None` for the default limit of the shop.
    pub limit: Option<Money>,
    pub account: Option<Account>,
    pub is_active: bool,
    /// The sessions that were not ended, oldest first; some may have expired.
    pub sessions: Vec<Session>,
}

impl Registered {
    /// The sessions that have not expired.
    pub fn live_sessions(&self, now: Timestamp) -> impl Iterator<Item = &Session> {
        self.sessions.iter().filter(move |session| session.expires_at > now)
    }
}

/// The customer after an event. Never fails: an event that does not fit the state leaves the customer as it was.
pub fn evolve(customer: Customer, event: &CustomerEvent) -> Customer {
    match (customer, event) {
        (Customer::Unknown, CustomerEvent::Registered { account }) => {
            let account = account.clone();
            Customer::Registered(Registered { limit: None, account, is_active: true, sessions: Vec::new() })
        }
        // Who has no account can be erased too.
        (Customer::Unknown | Customer::Registered(_), CustomerEvent::Deleted) => Customer::Deleted,
        (Customer::Deleted, CustomerEvent::Erased) => Customer::Erased,
        (Customer::Registered(mut registered), event) => {
            registered.apply(event);
            Customer::Registered(registered)
        }
        (
            customer @ (Customer::Unknown | Customer::Deleted | Customer::Erased),
            CustomerEvent::Registered { .. }
            | CustomerEvent::LimitSet { .. }
            | CustomerEvent::NameChanged { .. }
            | CustomerEvent::PasswordChanged { .. }
            | CustomerEvent::Deactivated
            | CustomerEvent::Reactivated
            | CustomerEvent::SessionStarted(_)
            | CustomerEvent::SessionEnded { .. }
            | CustomerEvent::Deleted
            | CustomerEvent::Erased,
        ) => customer,
    }
}

impl Registered {
    fn apply(&mut self, event: &CustomerEvent) {
        match event {
            CustomerEvent::LimitSet { limit } => self.limit = Some(*limit),
            CustomerEvent::NameChanged { name } => {
                if let Some(account) = &mut self.account {
                    account.name.clone_from(name);
                }
            }
            CustomerEvent::PasswordChanged { password, must_change } => {
                if let Some(account) = &mut self.account {
                    account.password = password.clone();
                    account.must_change = *must_change;
                }
            }
            CustomerEvent::Deactivated => self.is_active = false,
            CustomerEvent::Reactivated => self.is_active = true,
            CustomerEvent::SessionStarted(session) => {
                self.sessions.retain(|known| known.id != session.id && known.expires_at > session.started_at);
                self.sessions.push(session.clone());
            }
            CustomerEvent::SessionEnded { session_id } => self.sessions.retain(|known| known.id != *session_id),
            CustomerEvent::Registered { .. } | CustomerEvent::Deleted | CustomerEvent::Erased => {}
        }
    }
}
