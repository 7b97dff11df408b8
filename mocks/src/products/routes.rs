//! The product service over HTTP, as API.md describes what the shop consumes.

use std::time::Duration;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{
        Path, Query, State,
        rejection::{BytesRejection, QueryRejection},
    },
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{ProductError, ProductService};
use crate::http::{MAX_WAIT_S, no_such_method, no_such_route, problem};

/// The most changes in one answer.
const MAX_BATCH: usize = 500;

#[derive(Clone)]
struct Shop {
    service: ProductService,
    shutdown: CancellationToken,
}

/// All routes of the product service.
pub(crate) fn router(service: ProductService, shutdown: CancellationToken) -> Router {
    Router::new()
        .route("/v1/product", get(list).post(create).fallback(no_such_method))
        .route("/v1/product/{id}", get(show).patch(change).fallback(no_such_method))
        .route(
            "/v1/product/{id}/picture",
            get(show_picture).put(set_picture).delete(remove_picture).fallback(no_such_method),
        )
        .route("/v1/changes", get(changes).fallback(no_such_method))
        .fallback(no_such_route)
        .with_state(Shop { service, shutdown })
}

/// The answer to a request that fails by the fault switch.
pub(crate) fn broken() -> Response {
    problem(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The product service has tripped over its own feet.")
}

async fn list(State(shop): State<Shop>) -> Response {
    Json(json!({ "products": shop.service.list() })).into_response()
}

async fn show(State(shop): State<Shop>, Path(id): Path<String>) -> Response {
    match shop.service.get(&id) {
        Some(product) => Json(product).into_response(),
        None => Refusal::from(ProductError::unknown(&id)).into_response(),
    }
}

async fn create(State(shop): State<Shop>, body: Result<Bytes, BytesRejection>) -> Result<Response, Refusal> {
    let product = shop.service.create(json_of(body)?)?;
    let location = format!("/v1/product/{}", product.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(product)).into_response())
}

async fn change(
    State(shop): State<Shop>,
    Path(id): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let product = shop.service.change(&id, json_of(body)?)?;
    Ok(Json(product).into_response())
}

async fn show_picture(State(shop): State<Shop>, Path(id): Path<String>) -> Response {
    match shop.service.picture(&id) {
        Some(png) => ([(header::CONTENT_TYPE, "image/png")], png).into_response(),
        None if shop.service.get(&id).is_some() => {
            problem(StatusCode::NOT_FOUND, "no_picture", &format!("The product `{id}` has no picture."))
        }
        None => Refusal::from(ProductError::unknown(&id)).into_response(),
    }
}

async fn set_picture(
    State(shop): State<Shop>,
    Path(id): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let png = body?.to_vec();
    shop.service.set_picture(&id, png)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn remove_picture(State(shop): State<Shop>, Path(id): Path<String>) -> Result<Response, Refusal> {
    shop.service.remove_picture(&id)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[derive(Deserialize)]
struct ChangesQuery {
    #[serde(default)]
    after: u64,
    #[serde(default)]
    wait: u64,
}

/// The change feed as a long poll: answers at once if there is news, else as soon as there is, else empty.
async fn changes(State(shop): State<Shop>, query: Result<Query<ChangesQuery>, QueryRejection>) -> Response {
    let Query(ChangesQuery { after, wait }) = match query {
        Ok(query) => query,
        Err(rejection) => return problem(StatusCode::BAD_REQUEST, "bad_query", &rejection.body_text()),
    };
    tokio::select! {
        () = shop.service.news_after(after) => {}
        () = tokio::time::sleep(Duration::from_secs(wait.min(MAX_WAIT_S))) => {}
        () = shop.shutdown.cancelled() => {}
    }
    let changes = shop.service.changes_after(after, MAX_BATCH);
    let head = shop.service.head();
    let next_after = changes.last().map_or(after.min(head), |change| change.sequence);
    Json(json!({ "changes": changes, "next_after": next_after, "head": head })).into_response()
}

/// A request that is refused: status, code and a sentence.
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

fn json_of<T: DeserializeOwned>(body: Result<Bytes, BytesRejection>) -> Result<T, Refusal> {
    serde_json::from_slice(&body?).map_err(|error| {
        if error.is_data() {
            Refusal(StatusCode::UNPROCESSABLE_ENTITY, "invalid", format!("This is not a product: {error}."))
        } else {
            Refusal(StatusCode::BAD_REQUEST, "bad_json", format!("This is not JSON: {error}."))
        }
    })
}
