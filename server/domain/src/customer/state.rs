//! The state of a customer, and what events make of it.

use storefront_api::{AddressId, Money, Timestamp};

use super::events::{Account, CustomerEvent, PasswordHash, SavedAddress, Session};

/// The state of a customer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly every customer who is loaded is registered")]
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
    /// The one-time password that has not been changed yet.
    pub one_time_password: Option<OneTimePassword>,
    /// The latest attempt to register with the address of the account of which the owner was told.
    pub registration_attempted_at: Option<Timestamp>,
    pub is_active: bool,
    /// The sessions that were not ended, oldest first; some may have expired.
    pub sessions: Vec<Session>,
    /// The address book, in the order of adding.
    pub addresses: Vec<SavedAddress>,
    /// One of the addresses.
    pub default_address: Option<AddressId>,
}

/// A password that an operator or the shop has chosen, and which its owner must change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OneTimePassword {
    /// It is refused from this time on.
    pub expires_at: Timestamp,
    /// Whether the customer has it; until then there is no password.
    pub is_set: bool,
}

impl Registered {
    /// The password that is good at a time; `None` without an account, while a one-time password is awaited, and once it has
    /// expired.
    pub fn password(&self, now: Timestamp) -> Option<&PasswordHash> {
        let is_good = self.one_time_password.is_none_or(|one_time| one_time.is_set && now < one_time.expires_at);
        self.account.as_ref().map(|account| &account.password).filter(|_| is_good)
    }

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
            Customer::Registered(Registered {
                limit: None,
                account,
                one_time_password: None,
                registration_attempted_at: None,
                is_active: true,
                sessions: Vec::new(),
                addresses: Vec::new(),
                default_address: None,
            })
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
            | CustomerEvent::PasswordReset { .. }
            | CustomerEvent::OneTimePasswordSet { .. }
            | CustomerEvent::RegistrationAttempted { .. }
            | CustomerEvent::AddressAdded(_)
            | CustomerEvent::AddressChanged(_)
            | CustomerEvent::AddressRemoved { .. }
            | CustomerEvent::DefaultAddressSet { .. }
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
                self.one_time_password = None;
            }
            CustomerEvent::PasswordReset { expires_at } => {
                self.one_time_password = Some(OneTimePassword { expires_at: *expires_at, is_set: false });
            }
            CustomerEvent::OneTimePasswordSet { password, expires_at } => {
                if let Some(account) = &mut self.account {
                    account.password = password.clone();
                    account.must_change = true;
                }
                self.one_time_password = Some(OneTimePassword { expires_at: *expires_at, is_set: true });
            }
            CustomerEvent::RegistrationAttempted { attempted_at } => {
                self.registration_attempted_at = Some(*attempted_at);
            }
            CustomerEvent::AddressAdded(address) => self.addresses.push(address.clone()),
            CustomerEvent::AddressChanged(changed) => {
                if let Some(address) = self.addresses.iter_mut().find(|address| address.id == changed.id) {
                    address.clone_from(changed);
                }
            }
            CustomerEvent::AddressRemoved { id } => {
                self.addresses.retain(|address| address.id != *id);
                self.default_address = self.default_address.filter(|default| default != id);
            }
            CustomerEvent::DefaultAddressSet { id } => self.default_address = Some(*id),
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
