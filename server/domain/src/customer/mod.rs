//! Customers: who has registered, and how much one piece may cost that they buy.

#[cfg(test)]
mod tests;

use storefront_api::Money;

/// An event of a customer; stream `customer-{id}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CustomerEvent {
    /// Somebody became a customer.
    Registered,
    /// The customer may buy dearer things, or only cheaper ones.
    LimitSet {
        /// Highest permitted unit price.
        limit: Money,
    },
}

/// A command to a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CustomerCommand {
    /// Become one.
    Register,
    /// Set the spending limit; the same again changes nothing.
    SetLimit {
        /// The highest price of one piece; not negative.
        limit: Money,
    },
}

/// Why a command was refused. Nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CustomerError {
    /// Nobody has registered under this id.
    #[error("there is no such customer")]
    NotFound,
    /// Somebody has registered under this id.
    #[error("there is a customer with this id already")]
    Exists,
    /// A price is not negative.
    #[error("a spending limit is not negative")]
    BadLimit,
}

/// The state of a customer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Customer {
    /// Nobody has registered.
    #[default]
    Unknown,
    /// Somebody has.
    Registered {
        /// The highest price of one piece; `None` while the shop's own limit holds.
        limit: Option<Money>,
    },
}

/// The customer after an event. Never fails: an event that does not fit the state leaves the customer as it was.
pub fn evolve(customer: Customer, event: &CustomerEvent) -> Customer {
    match (customer, event) {
        (Customer::Unknown, CustomerEvent::Registered) => Customer::Registered { limit: None },
        (Customer::Registered { .. }, CustomerEvent::LimitSet { limit }) => {
            Customer::Registered { limit: Some(*limit) }
        }
        (customer @ Customer::Unknown, CustomerEvent::LimitSet { .. })
        | (customer @ Customer::Registered { .. }, CustomerEvent::Registered) => customer,
    }
}

/// The events of a command; none when it changes nothing.
///
/// # Errors
/// Why the customer refuses the command; nothing is written then.
pub fn decide(customer: &Customer, command: CustomerCommand) -> Result<Vec<CustomerEvent>, CustomerError> {
    match (customer, command) {
        (Customer::Unknown, CustomerCommand::Register) => Ok(vec![CustomerEvent::Registered]),
        (Customer::Registered { .. }, CustomerCommand::Register) => Err(CustomerError::Exists),
        (Customer::Unknown, CustomerCommand::SetLimit { .. }) => Err(CustomerError::NotFound),
        (Customer::Registered { .. }, CustomerCommand::SetLimit { limit }) if limit.amount < 0 => {
            Err(CustomerError::BadLimit)
        }
        (Customer::Registered { limit: now }, CustomerCommand::SetLimit { limit }) => {
            Ok(if *now == Some(limit) { vec![] } else { vec![CustomerEvent::LimitSet { limit }] })
        }
    }
}
