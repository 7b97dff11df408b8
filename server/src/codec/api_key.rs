//! Events of stream `api_key-list`.

use serde::{Deserialize, Serialize};
use storefront_api::{ApiKeyId, Scope as ApiScope, Timestamp};
use storefront_domain::api_key::{ApiKeyEvent, KeyHash, NewApiKey};
use utoipa::ToSchema;

use super::{CodecError, Encoded, encode_shape, event_types, parse, unknown_type};

event_types! {
    stream "api_key-list";
    "api_key.created" [1] Created,
        "There is an API key for a program; of the key itself, its SHA-256",
        by ["POST /v1/api-keys"];
    "api_key.revoked" [1] Revoked,
        "The API key is refused from now on",
        by ["DELETE /v1/api-keys/{id}"];
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Created {
    id: ApiKeyId,
    name: String,
    scopes: Vec<Scope>,
    sha256: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Scope {
    CatalogueWrite,
    OrdersRead,
    OrdersWrite,
    StockWrite,
    EventsRead,
    Operate,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Revoked {
    id: ApiKeyId,
}

/// Encodes an event in its current schema version.
pub(crate) fn encode(event: &ApiKeyEvent) -> Encoded {
    match event.clone() {
        ApiKeyEvent::Created(NewApiKey { id, name, scopes, hash: KeyHash(sha256), expires_at }) => {
            let scopes = scopes.into_iter().map(Scope::from).collect();
            let created = Created { id, name, scopes, sha256, expires_at };
            encode_shape("api_key.created", 1, &created)
        }
        ApiKeyEvent::Revoked { id } => encode_shape("api_key.revoked", 1, &Revoked { id }),
    }
}

/// Decodes an event of the current schema version.
pub(crate) fn decode(kind: &str, schema_version: u16, data: &str) -> Result<ApiKeyEvent, CodecError> {
    match (kind, schema_version) {
        ("api_key.created", 1) => {
            let Created { id, name, scopes, sha256, expires_at } = parse(kind, data)?;
            let scopes = scopes.into_iter().map(ApiScope::from).collect();
            Ok(ApiKeyEvent::Created(NewApiKey { id, name, scopes, hash: KeyHash(sha256), expires_at }))
        }
        ("api_key.revoked", 1) => {
            let Revoked { id } = parse(kind, data)?;
            Ok(ApiKeyEvent::Revoked { id })
        }
        _ => Err(unknown_type("api_key", KINDS, kind, schema_version)),
    }
}

impl From<ApiScope> for Scope {
    fn from(scope: ApiScope) -> Self {
        match scope {
            ApiScope::CatalogueWrite => Self::CatalogueWrite,
            ApiScope::OrdersRead => Self::OrdersRead,
            ApiScope::OrdersWrite => Self::OrdersWrite,
            ApiScope::StockWrite => Self::StockWrite,
            ApiScope::EventsRead => Self::EventsRead,
            ApiScope::Operate => Self::Operate,
        }
    }
}

impl From<Scope> for ApiScope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::CatalogueWrite => Self::CatalogueWrite,
            Scope::OrdersRead => Self::OrdersRead,
            Scope::OrdersWrite => Self::OrdersWrite,
            Scope::StockWrite => Self::StockWrite,
            Scope::EventsRead => Self::EventsRead,
            Scope::Operate => Self::Operate,
        }
    }
}
