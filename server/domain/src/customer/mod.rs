//! Customers: their registration and their spending limit, which is the highest unit price that they may buy at.

#[cfg(test)]
mod tests;

use storefront_api::Money;

/// An event of a customer; stream `customer-{id}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CustomerEvent {
    Registered,
    LimitSet { limit: Money },
}

/// A command to a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CustomerCommand {
    Register,
    /// Set the spending limit, which is not negative; an equal limit changes nothing.
    SetLimit {
        limit: Money,
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
}

/// The state of a customer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Customer {
    #[default]
    Unknown,
    Registered {
        /// `None` for the default limit of the shop.
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
