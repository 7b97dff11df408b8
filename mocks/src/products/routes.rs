//! The HTTP interface of the product service stub: products, categories, changes, pictures.

use std::time::Duration;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{
        Path, Query, State,
        rejection::{BytesRejection, QueryRejection},
    },
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::{KeyedRequest, ProductError, ProductService, pictures};
use crate::http::{MAX_WAIT_S, no_such_method, no_such_route, problem};

/// Maximum number of changes per page.
const MAX_CHANGES_PER_PAGE: usize = 500;

/// Maximum length of an idempotency key in bytes.
const MAX_KEY_BYTES: usize = 300;

#[derive(Clone)]
struct RouteState {
    service: ProductService,
    shutdown: CancellationToken,
}

pub(crate) fn router(service: ProductService, shutdown: CancellationToken) -> Router {
    Router::new()
        .route("/v1/product", get(list).post(create).fallback(no_such_method))
        .route("/v1/product/{id}", get(show).patch(change).fallback(no_such_method))
        .route(
            "/v1/product/{id}/picture",
            get(show_picture).put(set_picture).delete(remove_picture).fallback(no_such_method),
        )
        .route("/v1/categories", get(categories).post(create_category).fallback(no_such_method))
        .route("/v1/changes", get(changes).fallback(no_such_method))
        .fallback(no_such_route)
        .with_state(RouteState { service, shutdown })
}

/// The response to a request that the fault switch makes fail.
pub(crate) fn fault_response() -> Response {
    problem(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The product service has tripped over its own feet.")
}

async fn list(State(state): State<RouteState>) -> Response {
    Json(json!({ "products": state.service.list() })).into_response()
}

async fn show(State(state): State<RouteState>, Path(id): Path<String>) -> Response {
    match state.service.get(&id) {
        Some(product) => Json(product).into_response(),
        None => Refusal::from(ProductError::unknown(&id)).into_response(),
    }
}

async fn create(
    State(state): State<RouteState>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let body = body?;
    let keyed = keyed_request(&headers, "product", &body)?;
    let (product, replayed) = state.service.create_once(parse_json(Ok(body))?, keyed)?;
    let location = [(header::LOCATION, format!("/v1/product/{}", product.id))];
    Ok((StatusCode::CREATED, location, replayed_header(replayed), Json(product)).into_response())
}

async fn categories(State(state): State<RouteState>) -> Response {
    let categories: Vec<_> = state.service.categories().into_iter().map(|name| json!({ "name": name })).collect();
    Json(json!({ "categories": categories })).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewCategory {
    name: String,
}

async fn create_category(
    State(state): State<RouteState>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let body = body?;
    let keyed = keyed_request(&headers, "category", &body)?;
    let NewCategory { name } = parse_json(Ok(body))?;
    let (name, replayed) = state.service.create_category_once(&name, keyed)?;
    Ok((StatusCode::CREATED, replayed_header(replayed), Json(json!({ "name": name }))).into_response())
}

/// Reads the `Idempotency-Key` of a request.
fn keyed_request(headers: &HeaderMap, what: &str, body: &Bytes) -> Result<Option<KeyedRequest>, Refusal> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    let key = key.to_str().ok().filter(|key| (1..=MAX_KEY_BYTES).contains(&key.len()));
    let key = key.map(str::to_owned).ok_or_else(|| {
        let detail = format!("An Idempotency-Key is 1 to {MAX_KEY_BYTES} characters of ASCII.");
        Refusal(StatusCode::BAD_REQUEST, "bad_key", detail)
    })?;
    Ok(Some(KeyedRequest { key, request: format!("{what} {}", String::from_utf8_lossy(body)) }))
}

fn replayed_header(replayed: bool) -> Option<[(&'static str, &'static str); 1]> {
    replayed.then_some([("idempotent-replayed", "true")])
}

async fn change(
    State(state): State<RouteState>,
    Path(id): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let product = state.service.change(&id, parse_json(body)?)?;
    Ok(Json(product).into_response())
}

async fn show_picture(State(state): State<RouteState>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    match state.service.picture(&id) {
        Some(png) => {
            let etag = format!("\"{}\"", &pictures::to_base64(&Sha256::digest(&png))[..16]);
            if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes()) {
                return (StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response();
            }
            ([(header::CONTENT_TYPE, "image/png".to_owned()), (header::ETAG, etag)], png).into_response()
        }
        None if state.service.get(&id).is_some() => {
            problem(StatusCode::NOT_FOUND, "no_picture", &format!("The product `{id}` has no picture."))
        }
        None => Refusal::from(ProductError::unknown(&id)).into_response(),
    }
}

async fn set_picture(
    State(state): State<RouteState>,
    Path(id): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let png = body?.to_vec();
    state.service.set_picture(&id, png)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn remove_picture(State(state): State<RouteState>, Path(id): Path<String>) -> Result<Response, Refusal> {
    state.service.remove_picture(&id)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[derive(Deserialize)]
struct ChangesQuery {
    #[serde(default)]
    after: u64,
    #[serde(default)]
    wait: u64,
}

/// The change feed as a long poll: responds at once if there are changes, otherwise when there are or empty after the
/// timeout.
async fn changes(State(state): State<RouteState>, query: Result<Query<ChangesQuery>, QueryRejection>) -> Response {
    let Query(ChangesQuery { after, wait }) = match query {
        Ok(query) => query,
        Err(rejection) => return problem(StatusCode::BAD_REQUEST, "bad_query", &rejection.body_text()),
    };
    tokio::select! {
        () = state.service.wait_for_change_after(after) => {}
        () = tokio::time::sleep(Duration::from_secs(wait.min(MAX_WAIT_S))) => {}
        () = state.shutdown.cancelled() => {}
    }
    let changes = state.service.changes_after(after, MAX_CHANGES_PER_PAGE);
    let head = state.service.head();
    let next_after = changes.last().map_or(after.min(head), |change| change.sequence);
    Json(json!({ "changes": changes, "next_after": next_after, "head": head })).into_response()
}

/// A refused request: status, code and a sentence.
struct Refusal(StatusCode, &'static str, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        problem(self.0, self.1, &self.2)
    }
}

impl From<ProductError> for Refusal {
    fn from(error: ProductError) -> Refusal {
        let (status, code) = match &error {
            ProductError::Unknown(_) => (StatusCode::NOT_FOUND, "unknown_product"),
            ProductError::Taken(_) => (StatusCode::CONFLICT, "taken"),
            ProductError::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
            ProductError::UnknownCategory(_) => (StatusCode::UNPROCESSABLE_ENTITY, "unknown_category"),
            ProductError::KeyReused(_) => (StatusCode::UNPROCESSABLE_ENTITY, "key_reused"),
            ProductError::NotAPicture(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_a_png"),
        };
        Refusal(status, code, error.to_string())
    }
}

impl From<BytesRejection> for Refusal {
    fn from(rejection: BytesRejection) -> Refusal {
        Refusal(rejection.status(), "unreadable_body", rejection.body_text())
    }
}

fn parse_json<T: DeserializeOwned>(body: Result<Bytes, BytesRejection>) -> Result<T, Refusal> {
    serde_json::from_slice(&body?).map_err(|error| {
        if error.is_data() {
            Refusal(StatusCode::UNPROCESSABLE_ENTITY, "invalid", format!("This is not a product: {error}."))
        } else {
            Refusal(StatusCode::BAD_REQUEST, "bad_json", format!("This is not JSON: {error}."))
        }
    })
}
