//! Webhook endpoints over HTTP: the addresses to which the shop sends its events.

use std::sync::atomic::{AtomicBool, Ordering};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use storefront_api::{
    self as api, ChangeWebhookEndpoint, CreateWebhookEndpoint, FieldError, Problem, WebhookEndpointId,
    WebhookEndpointList, WebhookEndpointWithSecret, WebhookSecret,
};
use storefront_domain::webhook::{
    self, Endpoint, Endpoints, NewEndpoint, Settings, WebhookCommand, WebhookError, WebhookEvent,
};
use storefront_eventlog::Version;

use crate::http::command::{Command, EmptyCommand};
use crate::http::error::ApiError;
use crate::http::extract::PathParams;
use crate::http::idempotency::{reply, respond_once, respond_once_completed};
use crate::http::state::Shop;
use crate::http::validation;
use crate::random;
use crate::store::aggregate_list::event_types;
use crate::store::commands::{Context, Done, Failure, Reply, execute_with_reply};
use crate::store::{aggregates, streams, webhook_secrets};

/// Maximum number of bytes of an address.
const MAX_URL_BYTES: usize = 500;
/// Maximum number of types that an endpoint names.
const MAX_EVENT_TYPES: usize = 50;
/// Maximum length of a description in characters.
const MAX_DESCRIPTION: usize = 200;

/// Make a webhook endpoint
///
/// The shop sends its events there as CloudEvents, signed after the Standard Webhooks specification. The secret is in this
/// answer only. There are 50 endpoints at most.
#[utoipa::path(
    post, path = "/v1/webhook-endpoints", tag = "log",
    request_body = CreateWebhookEndpoint,
    responses(
        (status = 201, description = "Made", body = WebhookEndpointWithSecret),
        (status = 409, description = "`too_many_webhook_endpoints`", body = Problem),
    )
)]
pub(crate) async fn create_webhook_endpoint(
    State(shop): State<Shop>,
    Command { body, context }: Command<CreateWebhookEndpoint>,
) -> Result<Response, ApiError> {
    let CreateWebhookEndpoint { url, event_types, description, after } = body;
    let head = shop.store.head().await.map_err(Failure::from)?.0;
    let mut errors = errors(&shop, Some(&url), Some(&event_types), description.as_ref()).await;
    if after.is_some_and(|after| after > head) {
        errors.push(field_error("/after", format!("must be a position of the log, which is at {head}")));
    }
    if !errors.is_empty() {
        return Err(ApiError::invalid_fields(errors));
    }
    let id = WebhookEndpointId(random::id());
    let (secret_id, secret) = webhook_secrets::make(&shop.store).await.map_err(Failure::from)?;
    let settings = Settings { url, event_types, description };
    let create = WebhookCommand::Create(NewEndpoint { id, settings, secret_id, after: after.unwrap_or(head) });
    with_secret(&shop, &context, create, id, StatusCode::CREATED, secret).await
}

/// List the webhook endpoints
///
/// Newest first, without their secrets.
#[utoipa::path(
    get, path = "/v1/webhook-endpoints", tag = "log",
    responses((status = 200, description = "The endpoints", body = WebhookEndpointList))
)]
pub(crate) async fn list_webhook_endpoints(State(shop): State<Shop>) -> Result<Json<WebhookEndpointList>, ApiError> {
    let stream = streams::webhook_endpoints();
    let (endpoints, _) = aggregates::load::<WebhookEvent>(&shop.store, &stream).await.map_err(Failure::from)?;
    Ok(Json(WebhookEndpointList { items: endpoints.0.iter().rev().map(wire).collect() }))
}

/// Get a webhook endpoint
///
/// As it is now; a secret is shown only when it is made.
#[utoipa::path(
    get, path = "/v1/webhook-endpoints/{id}", tag = "log",
    params(("id" = WebhookEndpointId, Path, description = "The endpoint")),
    responses(
        (status = 200, description = "The endpoint", body = api::WebhookEndpoint),
        (status = 404, description = "`webhook_endpoint_not_found`", body = Problem),
    )
)]
pub(crate) async fn get_webhook_endpoint(
    State(shop): State<Shop>,
    PathParams(id): PathParams<WebhookEndpointId>,
) -> Result<Json<api::WebhookEndpoint>, ApiError> {
    let stream = streams::webhook_endpoints();
    let (endpoints, _) = aggregates::load::<WebhookEvent>(&shop.store, &stream).await.map_err(Failure::from)?;
    Ok(Json(wire(found(&endpoints, id)?)))
}

/// Change a webhook endpoint
///
/// What is absent stays as it is. What waits to be sent again is sent at once.
#[utoipa::path(
    patch, path = "/v1/webhook-endpoints/{id}", tag = "log",
    params(("id" = WebhookEndpointId, Path, description = "The endpoint")),
    request_body = ChangeWebhookEndpoint,
    responses(
        (status = 200, description = "Changed", body = api::WebhookEndpoint),
        (status = 404, description = "`webhook_endpoint_not_found`", body = Problem),
    )
)]
pub(crate) async fn change_webhook_endpoint(
    State(shop): State<Shop>,
    PathParams(id): PathParams<WebhookEndpointId>,
    Command { body, context }: Command<ChangeWebhookEndpoint>,
) -> Result<Response, ApiError> {
    let ChangeWebhookEndpoint { url, event_types, description, enabled } = body;
    let errors = errors(&shop, url.as_ref(), event_types.as_ref(), description.as_ref()).await;
    if !errors.is_empty() {
        return Err(ApiError::invalid_fields(errors));
    }
    let change = WebhookCommand::Change { id, url, event_types, description, enabled };
    let changed = |_: &Endpoints, after: &Endpoints| Ok(reply(StatusCode::OK, &wire(found(after, id)?))?);
    respond_once(&shop, &context, execute(&shop, &context, change, changed)).await
}

/// Delete a webhook endpoint
///
/// Nothing more is sent there.
#[utoipa::path(
    delete, path = "/v1/webhook-endpoints/{id}", tag = "log",
    params(("id" = WebhookEndpointId, Path, description = "The endpoint")),
    responses(
        (status = 200, description = "Deleted; as it was", body = api::WebhookEndpoint),
        (status = 404, description = "`webhook_endpoint_not_found`", body = Problem),
    )
)]
pub(crate) async fn delete_webhook_endpoint(
    State(shop): State<Shop>,
    PathParams(id): PathParams<WebhookEndpointId>,
    command: EmptyCommand,
) -> Result<Response, ApiError> {
    let context = command.into_context();
    let deleted = |before: &Endpoints, _: &Endpoints| Ok(reply(StatusCode::OK, &wire(found(before, id)?))?);
    respond_once(&shop, &context, execute(&shop, &context, WebhookCommand::Delete { id }, deleted)).await
}

/// Rotate the secret of a webhook endpoint
///
/// The new secret is in this answer only. For 24 hours the one of before signs too, and `webhook-signature` has both.
#[utoipa::path(
    post, path = "/v1/webhook-endpoints/{id}/secret/rotate", tag = "log",
    params(("id" = WebhookEndpointId, Path, description = "The endpoint")),
    responses(
        (status = 200, description = "Rotated", body = WebhookEndpointWithSecret),
        (status = 404, description = "`webhook_endpoint_not_found`", body = Problem),
    )
)]
pub(crate) async fn rotate_webhook_secret(
    State(shop): State<Shop>,
    PathParams(id): PathParams<WebhookEndpointId>,
    command: EmptyCommand,
) -> Result<Response, ApiError> {
    let context = command.into_context();
    let (secret_id, secret) = webhook_secrets::make(&shop.store).await.map_err(Failure::from)?;
    let rotate = WebhookCommand::RotateSecret { id, secret_id };
    with_secret(&shop, &context, rotate, id, StatusCode::OK, secret).await
}

/// Answers a command with the endpoint and its secret. What is stored under the key has no secret.
async fn with_secret(
    shop: &Shop,
    context: &Context,
    command: WebhookCommand,
    id: WebhookEndpointId,
    status: StatusCode,
    secret: WebhookSecret,
) -> Result<Response, ApiError> {
    let made = |_: &Endpoints, after: &Endpoints| {
        let endpoint = wire(found(after, id)?);
        Ok(reply(status, &WebhookEndpointWithSecret { endpoint, secret: None })?)
    };
    let is_made = AtomicBool::new(false);
    let work = async {
        let done = execute(shop, context, command, made).await?;
        is_made.store(!done.replayed, Ordering::Relaxed);
        Ok(done)
    };
    respond_once_completed(shop, context, work, |stored| {
        let mut body: WebhookEndpointWithSecret = serde_json::from_value(stored)?;
        // The answer to a repeat is about another secret.
        body.secret = is_made.load(Ordering::Relaxed).then_some(secret);
        serde_json::to_value(body)
    })
    .await
}

async fn execute(
    shop: &Shop,
    context: &Context,
    command: WebhookCommand,
    reply: impl Fn(&Endpoints, &Endpoints) -> Result<Reply, Failure> + Send + Sync,
) -> Result<Done, ApiError> {
    let decide = |endpoints: &Endpoints| webhook::decide(endpoints, command.clone());
    let reply = |before: &Endpoints, after: &Endpoints, _: Version| reply(before, after);
    Ok(execute_with_reply(&shop.store, &streams::webhook_endpoints(), context, decide, reply).await?)
}

async fn errors(
    shop: &Shop,
    url: Option<&String>,
    event_types: Option<&Vec<String>>,
    description: Option<&String>,
) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if let Some(url) = url {
        if url.len() > MAX_URL_BYTES {
            errors.push(field_error("/url", format!("must have at most {MAX_URL_BYTES} bytes")));
        } else if let Err(bad) = shop.webhook_rules.check(url).await {
            errors.push(field_error("/url", bad.to_string()));
        }
    }
    if let Some(wanted) = event_types {
        if wanted.len() > MAX_EVENT_TYPES {
            errors.push(field_error("/event_types", format!("must be at most {MAX_EVENT_TYPES}")));
        }
        if !wanted.iter().all(|wanted| is_known(wanted)) {
            let detail = "each must be a type of event, or the beginning of one with * after it".to_owned();
            errors.push(field_error("/event_types", detail));
        }
    }
    errors.extend(description.and_then(|text| validation::text_error("/description", text, MAX_DESCRIPTION)));
    errors
}

/// Whether there are events that a type, or a prefix with `*`, lets through.
fn is_known(wanted: &str) -> bool {
    let matches = |kind: &str| match wanted.strip_suffix('*') {
        Some(prefix) => kind.starts_with(prefix),
        None => kind == wanted,
    };
    event_types().any(|known| matches(known.kind))
}

fn field_error(pointer: &str, detail: String) -> FieldError {
    FieldError { pointer: pointer.to_owned(), detail }
}

fn found(endpoints: &Endpoints, id: WebhookEndpointId) -> Result<&Endpoint, Failure> {
    endpoints.find(id).ok_or(Failure::Webhook(WebhookError::NotFound))
}

/// The wire form of an endpoint.
fn wire(endpoint: &Endpoint) -> api::WebhookEndpoint {
    let Settings { url, event_types, description } = endpoint.settings.clone();
    api::WebhookEndpoint {
        id: endpoint.id,
        url,
        event_types,
        description,
        enabled: endpoint.enabled,
        disabled_reason: endpoint.disabled_reason.clone(),
        after: endpoint.after,
        created_at: endpoint.created_at,
    }
}
