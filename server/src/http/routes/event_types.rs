//! The catalogue of event types over HTTP, from the list beside the codecs.

use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use serde_json::{Value, json};
use storefront_api::{EventType, EventTypeList, EventTypeSummary, EventTypeVersion, Problem};

use crate::codec::event_type::{self as catalogue, EventVersion, remove_secrets};
use crate::http::error::ApiError;
use crate::http::error_code::ErrorCode;
use crate::http::extract::PathParams;
use crate::http::representation::{CACHED_FOR_A_MINUTE, Representation};
use crate::store::aggregate_list::event_types;
use crate::store::wire_event::schema_path;

/// The dialect of the schemas.
const JSON_SCHEMA: &str = "https://json-schema.org/draft/2020-12/schema";

/// List the types of events
///
/// Everything that can be in the log, with who writes it and in which streams.
#[utoipa::path(
    get, path = "/v1/event-types", tag = "log",
    params(("If-None-Match" = Option<String>, Header, description = "The `ETag` of the copy that the client has")),
    responses(
        (status = 200, description = "All types", body = EventTypeList, headers(("ETag" = String, description = "Changes with the program"))),
        (status = 304, description = "Not modified"),
    )
)]
pub(crate) async fn list_event_types(headers: HeaderMap) -> Result<Response, ApiError> {
    let items = event_types().map(|event_type| EventTypeSummary {
        kind: event_type.kind.to_owned(),
        meaning: format!("{}.", event_type.meaning),
        stream: event_type.stream.to_owned(),
        written_by: event_type.written_by.iter().map(|&writer| writer.to_owned()).collect(),
        schema_version: event_type.versions.last().map_or(1, |present| present.schema_version),
    });
    answer(&headers, "application/json", &EventTypeList { items: items.collect() })
}

/// Read a type of event
///
/// Its meaning, its writers, and for each version of its data the schema and an example.
#[utoipa::path(
    get, path = "/v1/event-types/{type}", tag = "log",
    params(("type" = String, Path, description = "The type, such as `order.item_added`"),
           ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the copy that the client has")),
    responses(
        (status = 200, description = "The type", body = EventType, headers(("ETag" = String, description = "Changes with the program"))),
        (status = 304, description = "Not modified"),
        (status = 404, description = "`event_type_not_found`", body = Problem),
    )
)]
pub(crate) async fn get_event_type(
    PathParams(kind): PathParams<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let event_type = find(&kind)?;
    let versions = event_type.versions.iter().map(|version| EventTypeVersion {
        schema_version: version.schema_version,
        schema: schema(event_type, version),
        example: example(event_type, version),
    });
    let body = EventType {
        kind,
        meaning: format!("{}.", event_type.meaning),
        stream: event_type.stream.to_owned(),
        written_by: event_type.written_by.iter().map(|&writer| writer.to_owned()).collect(),
        versions: versions.collect(),
    };
    answer(&headers, "application/json", &body)
}

/// Read the schema of an event's data
///
/// JSON Schema (2020-12) of `data` in one version of a type. The `dataschema` of CloudEvents names this address. A schema
/// never changes.
#[utoipa::path(
    get, path = "/v1/event-types/{type}/schemas/{version}", tag = "log",
    params(("type" = String, Path, description = "The type, such as `order.item_added`"),
           ("version" = u16, Path, description = "The `schema_version`, from 1", minimum = 1, maximum = 65_535),
           ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the copy that the client has")),
    responses(
        (status = 200, description = "The schema", body = Object, content_type = "application/schema+json", headers(("ETag" = String, description = "Changes with the program"))),
        (status = 304, description = "Not modified"),
        (status = 404, description = "`event_type_not_found`", body = Problem),
    )
)]
pub(crate) async fn get_event_schema(
    PathParams((kind, version)): PathParams<(String, u16)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let event_type = find(&kind)?;
    let found = event_type.versions.iter().find(|known| known.schema_version == version);
    let found = found.ok_or_else(|| not_found(&format!("{kind} has no version {version}.")))?;
    answer(&headers, "application/schema+json", &schema(event_type, found))
}

/// The schema of a version, with its name and an example.
pub(crate) fn schema(event_type: &catalogue::EventType, version: &EventVersion) -> Value {
    let mut schema = json!({
        "$schema": JSON_SCHEMA,
        "$id": schema_path(event_type.kind, version.schema_version),
        "title": format!("{} version {}", event_type.kind, version.schema_version),
        "description": format!("{}.", event_type.meaning),
    });
    let recorded: Value = serde_json::from_str(version.schema).unwrap_or_default();
    for (name, value) in recorded.as_object().into_iter().flatten() {
        schema[name] = value.clone();
    }
    schema["examples"] = json!([example(event_type, version)]);
    schema
}

fn example(event_type: &catalogue::EventType, version: &EventVersion) -> Value {
    let mut example = serde_json::from_str(version.example).unwrap_or_default();
    remove_secrets(event_type.kind, &mut example);
    example
}

fn find(kind: &str) -> Result<&'static catalogue::EventType, ApiError> {
    let found = event_types().find(|event_type| event_type.kind == kind);
    found.ok_or_else(|| not_found("There is no such type of event. GET /v1/event-types lists those that are."))
}

fn not_found(detail: &str) -> ApiError {
    ApiError::new(ErrorCode::EventTypeNotFound, detail)
}

fn answer(headers: &HeaderMap, content_type: &'static str, body: &impl Serialize) -> Result<Response, ApiError> {
    let json = serde_json::to_vec(body).map_err(|_| ApiError::internal())?;
    Ok(Representation::new(content_type, CACHED_FOR_A_MINUTE, json).respond(headers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_that_writes_events_is_a_route() {
        let document = serde_json::to_value(crate::http::document()).unwrap();
        for event_type in event_types() {
            for writer in event_type.written_by {
                let known = match writer.split_once(' ') {
                    Some((method, path)) => document["paths"][path][method.to_lowercase()].is_object(),
                    None => writer.starts_with("process:") || ["product-service", "shop"].contains(writer),
                };
                assert!(known, "{}: there is no {writer}", event_type.kind);
            }
        }
    }
}
