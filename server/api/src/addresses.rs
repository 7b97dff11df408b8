//! The address book of a customer.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Address, AddressId};

/// The body that saves an address, or changes a saved one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SaveAddress {
    /// What the customer calls it, 1 to 50 characters.
    #[schema(min_length = 1, max_length = 50, example = "Home")]
    pub label: String,
    /// The address, under the rules of a checkout.
    pub address: Address,
}

/// A saved address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SavedAddress {
    /// The id of the saved address.
    pub id: AddressId,
    /// What the customer calls it.
    pub label: String,
    /// The address.
    pub address: Address,
    /// Whether it is the one that the customer uses unless another is chosen; at most one is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub default: bool,
}

/// The saved addresses of a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AddressList {
    /// The addresses, in the order in which they were added.
    pub items: Vec<SavedAddress>,
}
