//! Bodies of the routes for the API keys of programs.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{ApiKeyId, Timestamp};

/// What a program may do with its API key in secured mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub enum Scope {
    /// Add and change products, categories and pictures.
    #[serde(rename = "catalogue:write")]
    CatalogueWrite,
    /// Read the orders, payments and invoices of everybody.
    #[serde(rename = "orders:read")]
    OrdersRead,
    /// Begin and change orders, check them out, ship and refund them.
    #[serde(rename = "orders:write")]
    OrdersWrite,
    /// Read and change the stock.
    #[serde(rename = "stock:write")]
    StockWrite,
    /// Read the events of all streams, and follow them.
    #[serde(rename = "events:read")]
    EventsRead,
    /// All of the above, and what else operators do, except what needs somebody's own account and the keys themselves.
    #[serde(rename = "operate")]
    Operate,
}

impl Scope {
    /// Each scope once, from the narrowest to the widest.
    pub const ALL: [Self; 6] =
        [Self::CatalogueWrite, Self::OrdersRead, Self::OrdersWrite, Self::StockWrite, Self::EventsRead, Self::Operate];

    /// The name on the wire.
    pub const fn text(self) -> &'static str {
        match self {
            Self::CatalogueWrite => "catalogue:write",
            Self::OrdersRead => "orders:read",
            Self::OrdersWrite => "orders:write",
            Self::StockWrite => "stock:write",
            Self::EventsRead => "events:read",
            Self::Operate => "operate",
        }
    }
}

/// An API key in the clear. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String)]
pub struct ApiKeySecret(pub String);

impl fmt::Debug for ApiKeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKeySecret(…)")
    }
}

/// Make an API key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateApiKey {
    /// The name, 1 to 50 characters, for people.
    #[schema(min_length = 1, max_length = 50)]
    pub name: String,
    /// What the key is good for; at least one.
    #[schema(min_items = 1)]
    pub scopes: Vec<Scope>,
    /// The key is refused from this time on; without it, it is good until it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// An API key that was made, with the key itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreatedApiKey {
    /// The id of the key.
    pub id: ApiKeyId,
    /// The name of the key.
    pub name: String,
    /// What the key is good for.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created_at: Timestamp,
    /// The key is refused from this time on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The key, sent as `Authorization: Bearer KEY`. It is shown in this answer only: in the answer to a repeated request it is
    /// absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<ApiKeySecret>,
}

/// An API key without the key itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApiKey {
    /// The id of the key; `key:{id}` is the actor of what it does.
    pub id: ApiKeyId,
    /// The name of the key.
    pub name: String,
    /// What the key is good for.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created_at: Timestamp,
    /// The key is refused from this time on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When the server that answers last let the key in, to the minute; absent if it has not since its start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
}

/// The API keys that were not revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApiKeyList {
    /// The keys, newest first; expired ones too.
    pub items: Vec<ApiKey>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scope_is_written_as_its_name_and_no_output_shows_a_key() {
        for scope in Scope::ALL {
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.text());
        }
        let shown = format!("{:?}", ApiKeySecret("sk1_secret".to_owned()));
        assert!(!shown.contains("secret"), "{shown}");
    }
}
