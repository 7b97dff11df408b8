//! API keys of programs over HTTP.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use storefront_api::{self as api, ApiKeyId, ApiKeyList, CreateApiKey, CreatedApiKey, FieldError, Problem};
use storefront_domain::api_key::{self, ApiKey, ApiKeyCommand, ApiKeyError, ApiKeyEvent, ApiKeys, NewApiKey};
use storefront_eventlog::Version;

use crate::http::command::{Command, EmptyCommand};
use crate::http::error::ApiError;
use crate::http::extract::PathParams;
use crate::http::idempotency::{reply, respond_once, respond_once_completed};
use crate::http::state::Shop;
use crate::http::validation;
use crate::identity::api_keys::{hash, random_key};
use crate::store::commands::{Failure, Reply, execute_with_reply};
use crate::store::{aggregates, streams};
use crate::{clock, random};

/// Maximum length of a name in characters.
const MAX_NAME: usize = 50;

/// Make an API key
///
/// For operators. The key is in this answer only; the shop keeps its SHA-256. A program sends it as
/// `Authorization: Bearer KEY`, and may do what its scopes allow. There are 100 keys at most.
#[utoipa::path(
    post, path = "/v1/api-keys", tag = "customers",
    request_body = CreateApiKey,
    responses(
        (status = 201, description = "Made", body = CreatedApiKey),
        (status = 409, description = "`too_many_api_keys`", body = Problem),
    )
)]
pub(crate) async fn create_api_key(
    State(shop): State<Shop>,
    Command { body, context }: Command<CreateApiKey>,
) -> Result<Response, ApiError> {
    let (secret, id) = (random_key(), ApiKeyId(random::id()));
    let new = new_key(body, id, hash(&secret.0))?;
    let decide = |keys: &ApiKeys| api_key::decide(keys, ApiKeyCommand::Create(new.clone()));
    let created = |_: &ApiKeys, after: &ApiKeys, _: Version| -> Result<Reply, Failure> {
        let ApiKey { key, created_at } = after.find(id).ok_or(ApiKeyError::NotFound)?.clone();
        let NewApiKey { id, name, scopes, hash: _, expires_at } = key;
        Ok(reply(StatusCode::CREATED, &CreatedApiKey { id, name, scopes, created_at, expires_at, key: None })?)
    };
    let work = async {
        let done = execute_with_reply(&shop.store, &streams::api_keys(), &context, decide, created).await?;
        if !done.replayed {
            shop.identity.api_keys.apply(&ApiKeyEvent::Created(new.clone()));
        }
        Ok(done)
    };
    // What is stored has no key, and the answer to a repeat is that of another id.
    respond_once_completed(&shop, &context, work, |stored| {
        let mut body: CreatedApiKey = serde_json::from_value(stored)?;
        body.key = (body.id == id).then_some(secret);
        serde_json::to_value(body)
    })
    .await
}

fn new_key(body: CreateApiKey, id: ApiKeyId, hash: api_key::KeyHash) -> Result<NewApiKey, ApiError> {
    let CreateApiKey { name, mut scopes, expires_at } = body;
    let mut errors: Vec<FieldError> = validation::text_error("/name", &name, MAX_NAME).into_iter().collect();
    let mut wrong = |pointer: &str, detail: &str| {
        errors.push(FieldError { pointer: pointer.to_owned(), detail: detail.to_owned() });
    };
    if scopes.is_empty() {
        wrong("/scopes", "must name at least one");
    }
    if expires_at.is_some_and(|expires_at| expires_at <= clock::now()) {
        wrong("/expires_at", "must be in the future");
    }
    if !errors.is_empty() {
        return Err(ApiError::invalid_fields(errors));
    }
    scopes.sort_unstable();
    scopes.dedup();
    Ok(NewApiKey { id, name, scopes, hash, expires_at })
}

/// List the API keys
///
/// For operators. Those that were not revoked, newest first, without the keys themselves.
#[utoipa::path(
    get, path = "/v1/api-keys", tag = "customers",
    responses((status = 200, description = "The keys", body = ApiKeyList))
)]
pub(crate) async fn list_api_keys(State(shop): State<Shop>) -> Result<Json<ApiKeyList>, ApiError> {
    let (keys, _) = aggregates::load::<ApiKeyEvent>(&shop.store, &streams::api_keys()).await.map_err(Failure::from)?;
    Ok(Json(ApiKeyList { items: keys.0.iter().rev().map(|known| wire(&shop, known)).collect() }))
}

/// Revoke an API key
///
/// For operators. Every server refuses it within a second.
#[utoipa::path(
    delete, path = "/v1/api-keys/{id}", tag = "customers",
    params(("id" = ApiKeyId, Path, description = "The key")),
    responses(
        (status = 200, description = "Revoked", body = api::ApiKey),
        (status = 404, description = "`api_key_not_found`", body = Problem),
    )
)]
pub(crate) async fn revoke_api_key(
    State(shop): State<Shop>,
    PathParams(id): PathParams<ApiKeyId>,
    command: EmptyCommand,
) -> Result<Response, ApiError> {
    let context = command.into_context();
    let decide = |keys: &ApiKeys| api_key::decide(keys, ApiKeyCommand::Revoke { id });
    let revoked = |before: &ApiKeys, _: &ApiKeys, _: Version| -> Result<Reply, Failure> {
        let known = before.find(id).ok_or(ApiKeyError::NotFound)?;
        Ok(reply(StatusCode::OK, &wire(&shop, known))?)
    };
    let work = async {
        let done = execute_with_reply(&shop.store, &streams::api_keys(), &context, decide, revoked).await?;
        shop.identity.api_keys.apply(&ApiKeyEvent::Revoked { id });
        Ok(done)
    };
    respond_once(&shop, &context, work).await
}

/// The wire form of a key.
fn wire(shop: &Shop, ApiKey { key, created_at }: &ApiKey) -> api::ApiKey {
    api::ApiKey {
        id: key.id,
        name: key.name.clone(),
        scopes: key.scopes.clone(),
        created_at: *created_at,
        expires_at: key.expires_at,
        last_used_at: shop.identity.api_keys.last_used_at(&key.hash),
    }
}
