//! The description of the HTTP interface (OpenAPI 3.1), generated from the routes and the types.
//!
//! Handlers describe what is specific to them; common parameters, headers and error codes are added here.

use std::fmt::Write as _;

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::response::Html;
use axum::routing::get;
use axum::{Extension, Router};
use storefront_api::{
    ACTOR_HEADER, CUSTOMER_HEADER, IDEMPOTENCY_KEY_HEADER, IDEMPOTENCY_REPLAYED_HEADER, IDEMPOTENT_REPLAYED_HEADER,
    POSITION_HEADER, Problem,
};
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, Ref, RefOr, Response};
use utoipa::{OpenApi, ToSchema};

use super::representation::{CACHED_FOR_A_MINUTE, REVALIDATED, Representation};
use super::{asyncapi, openapi_examples, openapi_schemas};
use crate::http::error_code::ErrorCode;
use crate::http::interface::PathPrefix;
use crate::http::rules::{ACCESS, API_KEY_SCHEME, SESSION_SCHEME};
use crate::http::state::Shop;

/// Names of actors: words with a space in between, without the colon of the names that the shop uses.
const ACTOR_NAMES: &str = r"^[^\s:]+( [^\s:]+)*$";

/// Entity tags of versions, as `If-Match` takes them.
const ETAGS: &str = r#"^(\*|(W/)?"[0-9]+(-[0-9a-f]+)?"(, *(W/)?"[0-9]+(-[0-9a-f]+)?")*)$"#;

#[derive(OpenApi)]
#[openapi(
    info(title = "Storefront"),
    servers((url = "/", description = "The server of this description")),
    components(schemas(Problem)),
    tags(
        (name = "catalogue", description = "Products and categories, from the product service"),
        (name = "stock", description = "Stock of the products"),
        (name = "orders", description = "Orders from the first item to the delivery; a basket is an order that is in progress"),
        (name = "customers", description = "Customers, wallets, spending limits and vouchers"),
        (name = "log", description = "The events of the shop, in one order"),
        (name = "payments", description = "Payments, webhooks and unmatched charges"),
        (name = "lab", description = "Fault switches and scenarios of the workshop lab"),
        (name = "operations", description = "Health, metrics, processes and read models"),
    )
)]
pub(crate) struct Document;

const ABOUT: &str = "\
A shop whose every state change is an event that anyone can watch.

**Who may do what.** In open mode nobody has to sign in, and everyone who can reach the address may do everything. By default \
it listens on this machine only. In secured mode (`--secured`) each operation says in `x-access` who may use it: `public` \
everybody, `signed_in` whoever has a session, guests too, for what is theirs, `account` whoever is signed in to an account, `own` the owner of what the path names, which is not \
there for others (404), `operator` operators alone (403 for others). Operators may use all. What follows about \
`Storefront-Customer` and `Storefront-Actor` is for open mode, and for operators who act for a customer. Who is a customer says so with `Storefront-Customer: ID`, under which \
`POST /v1/customers` registered them; without it one is a guest. The customer who sends an order's first item owns the \
order: its wallet pays, its spending limit holds, its vouchers can be used, and the voucher that it brings is theirs.

**Signing in.** A customer who was registered with `email`, `password` and `name` signs in with `POST /v1/sessions`. The \
token is sent as `Authorization: Bearer TOKEN`, names the customer in place of `Storefront-Customer`, and is good for an \
hour. `POST /v1/sessions/renew` gives another one, also when it has expired, until the session ends: after 30 days, when it \
is ended at `/v1/sessions`, when the password is changed elsewhere, or with the account. Every server refuses an ended \
session within a second.

**Programs.** An operator makes an API key with `POST /v1/api-keys`; a program sends it as `Authorization: Bearer KEY`. In \
secured mode it is let in where the security requirement `api_key` names one of its scopes, and everywhere there with \
`operate`; elsewhere it gets 403 `scope_missing`. Like an operator it may act for a customer whom it names in \
`Storefront-Customer`. The actor of what it does is `key:ID`. Every server refuses a revoked key within a second.

**Guests.** `POST /v1/sessions/guest` gives a token to somebody without an account, with an id under which orders are begun. \
Only this session sees them, until `POST /v1/customers` with its token makes the account of that id, with everything that was \
bought. What needs an account is refused (403 `account_required`).

**Writing.** An order's id is a UUID of the client's choice. Every write answers `Storefront-Position`, the log position \
that it wrote; send it back as `min_position` to read your own writes. Under an `Idempotency-Key` a command takes effect \
once and gets the same answer each time, for at least 24 hours, with `Idempotent-Replayed: true` from the second time on; \
another body, as JSON, is refused. A refusal is not kept, because nothing was done: the same key may be sent again, and the \
command is decided anew. `If-Match` makes a command depend on a version.

**Following.** `GET /v1/events?after=N&wait=20` answers as soon as there is something after N. `GET /v1/event-types` lists \
what can be in the log, with a schema of each version; `/asyncapi.json` says the same as AsyncAPI.

**Browsers.** Web pages of other origins may read the catalogue, health and this description, and nothing else; they may \
write nothing. `--allow-origin` names origins whose pages may do everything (CORS). A `Host` that is not this server's is \
refused; `--host` names more. Programs that are no browsers send no `Origin` and are not concerned.

**Errors** are `application/problem+json` (RFC 9457), and nothing was changed. Only what is no HTTP at all, or a path \
longer than 64 KB, is refused without a body. `code` says which kind of problem it is, and `type` is \
the path of a page about it:

| code | status | meaning |
|---|---|---|
";

/// Routes for `/openapi.json`, `/asyncapi.json` and the page `/docs`.
pub(crate) fn routes(document: utoipa::openapi::OpenApi) -> Router<Shop> {
    let json = |body: String| Representation::new("application/json", CACHED_FOR_A_MINUTE, body);
    let openapi = json(document.to_json().unwrap_or_default());
    let asyncapi = json(asyncapi::document().to_string());
    let document = Arc::new(document);
    let serve_openapi = move |headers: HeaderMap, prefix: Option<Extension<PathPrefix>>| async move {
        match prefix {
            // Another path may be shown by another proxy, so nobody else may keep it.
            Some(Extension(PathPrefix(prefix))) => {
                let document = json_below(&document, &prefix);
                Representation::new("application/json", REVALIDATED, document).respond(&headers)
            }
            None => openapi.respond(&headers),
        }
    };
    Router::new()
        .route("/openapi.json", get(serve_openapi))
        .route("/asyncapi.json", get(move |headers: HeaderMap| async move { asyncapi.respond(&headers) }))
        .route("/docs", get(|| async { Html(include_str!("docs.html")) }))
}

/// The description of a server that is shown below a path.
fn json_below(document: &utoipa::openapi::OpenApi, prefix: &str) -> String {
    let mut document = document.clone();
    document.servers = Some(vec![utoipa::openapi::Server::new(prefix)]);
    document.to_json().unwrap_or_default()
}

/// Adds the common parameters, headers and error codes to every operation.
pub(crate) fn complete(mut document: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    let mut about = ABOUT.to_owned();
    for code in ErrorCode::ALL {
        let _ = writeln!(about, "| `{}` | {} | {} |", code.text(), code.status().as_u16(), code.title());
    }
    document.info.description = Some(about);
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("The token of a session"));
    let components = document.components.get_or_insert_default();
    components.add_security_scheme(SESSION_SCHEME, SecurityScheme::Http(bearer.build()));
    let about_keys = "The API key of a program, with the scope that is named or with `operate`";
    let key = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(about_keys));
    components.add_security_scheme(API_KEY_SCHEME, SecurityScheme::Http(key.build()));
    // Webhooks are not commands of clients, and the start of a guest's session writes nothing.
    let commands_are_at = |path: &str| !path.starts_with("/v1/webhooks/") && path != "/v1/sessions/guest";
    for (path, item) in document.paths.paths.iter_mut().filter(|(path, _)| path.starts_with("/v1/")) {
        for operation in [&mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten() {
            if commands_are_at(path) {
                complete_command(operation);
            }
        }
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            complete_operation(operation, commands_are_at(path));
            openapi_schemas::complete_bodies(operation);
            openapi_examples::complete(operation);
        }
    }
    openapi_schemas::complete(&mut document);
    document
}

fn complete_operation(operation: &mut Operation, takes_commands: bool) {
    let has = |place: &ParameterIn| {
        operation.parameters.iter().flatten().any(|parameter| match parameter {
            RefOr::T(parameter) => parameter.parameter_in == *place,
            RefOr::Ref(_) => false,
        })
    };
    let (in_path, in_query) = (has(&ParameterIn::Path), has(&ParameterIn::Query));
    let access = operation.extensions.as_ref().and_then(|known| known.get(ACCESS)?.as_str().map(str::to_owned));
    let mut codes = vec![
        ErrorCode::Internal,
        ErrorCode::UnreadableEvent,
        ErrorCode::ShopClosed,
        ErrorCode::ShuttingDown,
        ErrorCode::LogUnavailable,
        ErrorCode::TooManyConnections,
        ErrorCode::TooManyRequests,
        ErrorCode::InvalidHost,
        ErrorCode::ForeignHost,
        ErrorCode::ForeignOrigin,
        ErrorCode::ViewsUnavailable,
        ErrorCode::SessionInvalid,
        ErrorCode::ApiKeyInvalid,
    ];
    if access.as_deref() != Some("public") {
        codes.extend([ErrorCode::SessionRequired, ErrorCode::PasswordChangeRequired, ErrorCode::ScopeMissing]);
    }
    if access.as_deref() == Some("account") {
        codes.push(ErrorCode::AccountRequired);
    }
    if access.as_deref() == Some("operator") {
        codes.push(ErrorCode::OperatorsOnly);
    }
    if access.as_deref() == Some("own") && operation.tags.iter().flatten().any(|tag| tag == "orders") && in_path {
        codes.push(ErrorCode::OrderNotFound);
    }
    if in_path {
        codes.push(ErrorCode::InvalidPath);
    }
    if in_query {
        codes.extend([
            ErrorCode::InvalidQuery,
            ErrorCode::InvalidValues,
            ErrorCode::ViewsBehind,
            ErrorCode::ViewPaused,
        ]);
    }
    if names_header(operation, CUSTOMER_HEADER) {
        codes.push(ErrorCode::InvalidCustomer);
    }
    if operation.request_body.is_some() {
        codes.extend([ErrorCode::MalformedJson, ErrorCode::IncompleteBody, ErrorCode::BodyTooLarge]);
    }
    if operation.request_body.is_some() && takes_commands {
        codes.extend([ErrorCode::UnsupportedMediaType, ErrorCode::InvalidValues]);
    }
    add_codes(operation, &codes);
    for (status, response) in &mut operation.responses.responses {
        if let (true, RefOr::T(response)) = (status.as_str() >= "400", response) {
            let problem = Content::new(Some(Ref::from_schema_name(Problem::name())));
            response.content = [("application/problem+json".to_owned(), problem.into())].into_iter().collect();
        }
    }
}

fn complete_command(operation: &mut Operation) {
    add_codes(
        operation,
        &[
            ErrorCode::InvalidIdempotencyKey,
            ErrorCode::InvalidActor,
            ErrorCode::InvalidIfMatch,
            ErrorCode::RequestInProgress,
            ErrorCode::VersionMismatch,
            ErrorCode::IdempotencyKeyReused,
            ErrorCode::Busy,
            ErrorCode::ViewsBehind,
        ],
    );
    let key = text().min_length(Some(1)).max_length(Some(255)).pattern(Some("^[!-~]+$"));
    add_header(operation, IDEMPOTENCY_KEY_HEADER, "Names this command: a repeat has no further effect", key);
    let uuid = text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)));
    add_header(operation, CUSTOMER_HEADER, "The customer who asks; a guest without it", uuid);
    add_header(
        operation,
        ACTOR_HEADER,
        "Who acts, by name: 1 to 50 visible characters, the actor of the events that follow",
        text().min_length(Some(1)).max_length(Some(50)).pattern(Some(ACTOR_NAMES)),
    );
    let tags = text().pattern(Some(ETAGS));
    add_header(operation, "If-Match", "The ETag of the version that it is meant for; any other is refused", tags);
    for (status, response) in &mut operation.responses.responses {
        if let (true, RefOr::T(response)) = (status.starts_with('2'), response) {
            for (name, description) in [
                (POSITION_HEADER, "The log position that was written"),
                (IDEMPOTENT_REPLAYED_HEADER, "`true` when this is the stored answer of an earlier request"),
                (IDEMPOTENCY_REPLAYED_HEADER, "The same under its older name"),
                ("etag", "The version of what was changed"),
            ] {
                let header = HeaderBuilder::new().schema(Some(text())).description(Some(description)).build();
                response.headers.insert(name.to_owned(), header.into());
            }
        }
    }
}

/// Adds a header to an operation, or its schema where the operation describes the header itself.
fn add_header(operation: &mut Operation, name: &str, description: &str, schema: ObjectBuilder) {
    let described = operation.parameters.iter_mut().flatten().find_map(|parameter| match parameter {
        RefOr::T(parameter) => parameter.name.eq_ignore_ascii_case(name).then_some(parameter),
        RefOr::Ref(_) => None,
    });
    if let Some(parameter) = described {
        parameter.schema = Some(schema.into());
    } else {
        let parameters = operation.parameters.get_or_insert_default();
        let header = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Header);
        parameters.push(header.description(Some(description)).schema(Some(schema)).build().into());
    }
}

fn names_header(operation: &Operation, name: &str) -> bool {
    operation.parameters.iter().flatten().any(|parameter| match parameter {
        RefOr::T(parameter) => parameter.name.eq_ignore_ascii_case(name),
        RefOr::Ref(_) => false,
    })
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// Appends the codes to the responses with their status.
fn add_codes(operation: &mut Operation, codes: &[ErrorCode]) {
    for code in codes {
        let status = code.status().as_u16().to_string();
        let entry = operation.responses.responses.entry(status);
        let RefOr::T(response) = entry.or_insert_with(|| RefOr::T(Response::new(String::new()))) else { continue };
        let name = format!("`{}`", code.text());
        if response.description.is_empty() {
            response.description = name;
        } else if !response.description.contains(&name) {
            response.description = format!("{}; {name}", response.description);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn document() -> Value {
        serde_json::to_value(crate::http::document()).unwrap()
    }

    /// Every operation as method, path and description.
    fn operations(document: &Value) -> Vec<(String, String, Value)> {
        let paths = document["paths"].as_object().unwrap().iter();
        let each = paths.flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().iter();
            methods.map(move |(method, operation)| (method.to_uppercase(), path.clone(), operation.clone()))
        });
        each.collect()
    }

    #[test]
    fn every_reference_leads_to_a_schema() {
        fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
            match value {
                Value::Object(fields) => {
                    found.extend(fields.get("$ref").and_then(Value::as_str));
                    fields.values().for_each(|field| references(field, found));
                }
                Value::Array(items) => items.iter().for_each(|item| references(item, found)),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        let document = document();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 100, "{}", found.len());
        for reference in found {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "there is no {reference}");
        }
    }

    #[test]
    fn every_operation_says_what_it_does_and_which_answers_it_can_give() {
        let document = document();
        let all = operations(&document);
        assert!(all.len() > 20, "{}", all.len());
        for (method, path, operation) in all {
            for part in ["summary", "description", "operationId"] {
                assert!(operation[part].as_str().is_some_and(|text| !text.is_empty()), "{method} {path} has no {part}");
            }
            assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{method} {path}");
            let tag = operation["tags"][0].clone();
            assert!(document["tags"].as_array().unwrap().iter().any(|known| known["name"] == tag), "{tag}");
            for (status, answer) in operation["responses"].as_object().unwrap() {
                assert!(
                    answer["description"].as_str().is_some_and(|text| !text.is_empty()),
                    "{method} {path} {status}"
                );
                if status.as_str() >= "400" && path.starts_with("/v1/") {
                    let problem = &answer["content"]["application/problem+json"]["schema"]["$ref"];
                    assert_eq!(problem, "#/components/schemas/Problem", "{method} {path} {status}");
                }
            }
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let described = parameter["description"].as_str().is_some_and(|text| !text.is_empty());
                assert!(described, "{method} {path}: {} is not described", parameter["name"]);
            }
        }
    }

    #[test]
    fn every_code_stands_in_the_table_and_under_an_operation_that_can_answer_it() {
        let document = document();
        let about = document["info"]["description"].as_str().unwrap();
        let operations = operations(&document);
        for code in ErrorCode::ALL {
            let name = format!("`{}`", code.text());
            assert!(about.contains(&name), "{name} is missing in the table");
            if matches!(code, ErrorCode::RouteNotFound | ErrorCode::MethodNotAllowed) {
                continue;
            }
            let status = code.status().as_u16().to_string();
            let stands = |operation: &Value| {
                operation["responses"][&status]["description"].as_str().is_some_and(|text| text.contains(&name))
            };
            assert!(operations.iter().any(|(_, _, operation)| stands(operation)), "no operation answers {name}");
        }
    }

    #[test]
    fn an_operation_names_no_code_under_a_status_that_is_not_its_own() {
        for (method, path, operation) in operations(&document()) {
            for (status, answer) in operation["responses"].as_object().unwrap() {
                for name in answer["description"].as_str().unwrap().split('`').skip(1).step_by(2) {
                    let code = ErrorCode::ALL.iter().find(|code| code.text() == name);
                    let right = code.is_none_or(|code| code.status().as_str() == status);
                    assert!(right, "{method} {path}: {name} stands under {status}");
                }
            }
        }
    }
}
