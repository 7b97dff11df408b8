//! HTTP routes of the card gateway: authentication, form bodies, lists, the page where a card's owner confirms, and the
//! dashboard for what is not done by the merchant: refunds, disputes and their outcome.

use std::collections::BTreeMap;

use axum::{
    Form, Json, Router,
    body::Body,
    extract::{Path, Query, Request, State, rejection::FormRejection},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    CardGateway, IntentStatus, PostResponse, currencies, errors::ApiError, objects::new_id, operations::Operation,
    params::Params,
};
use crate::{fault_switches::lock, http::faults::MovedNoMoney};

const MAX_KEY_BYTES: usize = 255;
const MAX_PAGE_LEN: usize = 100;

pub(crate) fn router(gateway: CardGateway) -> Router {
    let api = Router::new()
        .route("/v1/payment_intents", post(create_intent).get(list_intents))
        .route("/v1/payment_intents/{id}", get(show_intent))
        .route("/v1/payment_intents/{id}/confirm", post(confirm_intent))
        .route("/v1/payment_intents/{id}/capture", post(capture_intent))
        .route("/v1/payment_intents/{id}/cancel", post(cancel_intent))
        .route("/v1/refunds", post(create_refund).get(list_refunds))
        .route("/v1/refunds/{id}", get(show_refund))
        .route("/v1/disputes", get(list_disputes))
        .route("/v1/disputes/{id}", get(show_dispute))
        .route("/v1/charges", get(list_charges))
        .route("/v1/charges/{id}", get(show_charge))
        .route("/v1/payment_methods", post(create_method))
        .route("/v1/payment_methods/{id}", get(show_method))
        .fallback(unrecognized)
        .method_not_allowed_fallback(unrecognized)
        .layer(middleware::from_fn_with_state(gateway.clone(), require_key));
    Router::new()
        .route("/authenticate/{id}", get(authentication_page).post(authenticate))
        .route("/dashboard/refunds", post(refund_at_dashboard))
        .route("/dashboard/refunds/{id}", post(settle_refund))
        .route("/dashboard/disputes", post(dispute))
        .route("/dashboard/disputes/{id}", post(settle_dispute))
        .merge(api)
        .layer(middleware::map_response(with_request_id))
        .with_state(gateway)
}

/// The response to a request that the fault switch makes fail.
pub(crate) fn fault_response() -> Response {
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "api_error", "Something went wrong on the gateway's end.")
        .into_response()
}

async fn with_request_id(mut response: Response) -> Response {
    if let Ok(id) = HeaderValue::from_str(&new_id("req")) {
        response.headers_mut().insert("request-id", id);
    }
    response
}

async fn unrecognized(request: Request) -> ApiError {
    let detail = format!("Unrecognized request URL ({}: {}).", request.method(), request.uri().path());
    ApiError::new(StatusCode::NOT_FOUND, "invalid_request_error", detail)
}

/// Requires the secret key (or, to exchange a card number, the publishable one).
async fn require_key(State(gateway): State<CardGateway>, request: Request, next: Next) -> Response {
    let exchanges_card = request.method() == Method::POST && request.uri().path().ends_with("/v1/payment_methods");
    let settings = &gateway.settings;
    let unauthorized = |detail: String| ApiError::new(StatusCode::UNAUTHORIZED, "invalid_request_error", detail);
    match api_key(request.headers()) {
        Some(key) if key == settings.secret_key => next.run(request).await,
        Some(key) if key == settings.publishable_key && exchanges_card => next.run(request).await,
        Some(key) => {
            let end: String = key.chars().rev().take(4).collect::<Vec<char>>().into_iter().rev().collect();
            unauthorized(format!("Invalid API Key provided: ****{end}")).into_response()
        }
        None => {
            let detail = "You did not provide an API key. Send it in the Authorization header: 'Bearer YOUR_KEY'.";
            unauthorized(detail.to_owned()).into_response()
        }
    }
}

/// The key of `Authorization: Bearer …`, or the user of `Authorization: Basic …`.
fn api_key(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, credentials) = value.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(credentials.trim().to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(BASE64_STANDARD.decode(credentials.trim()).ok()?).ok()?;
    decoded.split(':').next().map(str::to_owned)
}

type ApiResult = Result<Response, ApiError>;
type FormBody = Result<Form<Vec<(String, String)>>, FormRejection>;

async fn create_intent(State(gateway): State<CardGateway>, headers: HeaderMap, form: FormBody) -> ApiResult {
    let confirms = form.as_ref().is_ok_and(|Form(pairs)| pairs.iter().any(|(name, _)| name == "confirm"));
    let mut answer = run_operation(&gateway, Operation::Create, "payment_intents", &headers, form).await?;
    if !confirms {
        answer.extensions_mut().insert(MovedNoMoney);
    }
    Ok(answer)
}

async fn confirm_intent(
    State(gateway): State<CardGateway>,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: FormBody,
) -> ApiResult {
    let path = format!("payment_intents/{id}/confirm");
    run_operation(&gateway, Operation::Confirm(id), &path, &headers, form).await
}

async fn capture_intent(
    State(gateway): State<CardGateway>,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: FormBody,
) -> ApiResult {
    let path = format!("payment_intents/{id}/capture");
    run_operation(&gateway, Operation::Capture(id), &path, &headers, form).await
}

async fn cancel_intent(
    State(gateway): State<CardGateway>,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: FormBody,
) -> ApiResult {
    let path = format!("payment_intents/{id}/cancel");
    run_operation(&gateway, Operation::Cancel(id), &path, &headers, form).await
}

async fn create_refund(State(gateway): State<CardGateway>, headers: HeaderMap, form: FormBody) -> ApiResult {
    run_operation(&gateway, Operation::Refund, "refunds", &headers, form).await
}

async fn create_method(State(gateway): State<CardGateway>, headers: HeaderMap, form: FormBody) -> ApiResult {
    run_operation(&gateway, Operation::CreateMethod, "payment_methods", &headers, form).await
}

async fn run_operation(
    gateway: &CardGateway,
    operation: Operation,
    path: &str,
    headers: &HeaderMap,
    form: FormBody,
) -> ApiResult {
    let params = parse_params(form, headers)?;
    let key = idempotency_key(headers)?;
    let posted = gateway.post(operation, params, path, key.clone()).await?;
    Ok(to_response(posted, key))
}

fn to_response(posted: PostResponse, key: Option<String>) -> Response {
    let mut response = (posted.status, Body::from(posted.body)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(key) = key.and_then(|key| HeaderValue::from_str(&key).ok()) {
        headers.insert("idempotency-key", key);
    }
    if posted.replayed {
        headers.insert("idempotent-replayed", HeaderValue::from_static("true"));
    }
    response
}

/// Parses the form; an empty body without a content type is an empty form.
fn parse_params(form: FormBody, headers: &HeaderMap) -> Result<Params, ApiError> {
    match form {
        Ok(Form(pairs)) => Ok(Params::new(pairs)),
        Err(FormRejection::InvalidFormContentType(_)) if !headers.contains_key(header::CONTENT_TYPE) => {
            Ok(Params::default())
        }
        Err(FormRejection::InvalidFormContentType(_)) => Err(ApiError::invalid(
            "Requests to this API are form-encoded: send them as application/x-www-form-urlencoded.",
        )),
        Err(rejection) => Err(ApiError::new(rejection.status(), "invalid_request_error", rejection.body_text())),
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().unwrap_or_default();
    if key.is_empty() || key.len() > MAX_KEY_BYTES {
        let detail = format!("An idempotency key has 1 to {MAX_KEY_BYTES} characters of ASCII.");
        return Err(ApiError::invalid(detail));
    }
    Ok(Some(key.to_owned()))
}

async fn show_intent(State(gateway): State<CardGateway>, Path(id): Path<String>) -> ApiResult {
    object_response(lock(&gateway.state).intents.get(&id), "payment_intent", &id)
}

async fn show_refund(State(gateway): State<CardGateway>, Path(id): Path<String>) -> ApiResult {
    object_response(lock(&gateway.state).refunds.get(&id), "refund", &id)
}

async fn show_charge(State(gateway): State<CardGateway>, Path(id): Path<String>) -> ApiResult {
    object_response(lock(&gateway.state).charges.get(&id), "charge", &id)
}

async fn show_method(State(gateway): State<CardGateway>, Path(id): Path<String>) -> ApiResult {
    let method = super::methods::find_method(&lock(&gateway.state), &id).map(|method| method.to_json());
    object_response(method.as_ref(), "PaymentMethod", &id)
}

fn object_response<T: Serialize>(object: Option<&T>, kind: &str, id: &str) -> ApiResult {
    object.map(|object| Json(object).into_response()).ok_or_else(|| ApiError::no_such(kind, id))
}

#[derive(Deserialize)]
struct ListQuery {
    limit: Option<usize>,
    starting_after: Option<String>,
    payment_intent: Option<String>,
}

impl ListQuery {
    fn wants(&self, payment_intent: &str) -> bool {
        self.payment_intent.as_deref().is_none_or(|wanted| wanted == payment_intent)
    }
}

async fn list_intents(State(gateway): State<CardGateway>, Query(query): Query<ListQuery>) -> ApiResult {
    page("/v1/payment_intents", &lock(&gateway.state).intents, &query, |_| true)
}

async fn list_charges(State(gateway): State<CardGateway>, Query(query): Query<ListQuery>) -> ApiResult {
    page("/v1/charges", &lock(&gateway.state).charges, &query, |charge| query.wants(&charge.payment_intent))
}

async fn list_refunds(State(gateway): State<CardGateway>, Query(query): Query<ListQuery>) -> ApiResult {
    page("/v1/refunds", &lock(&gateway.state).refunds, &query, |refund| query.wants(&refund.payment_intent))
}

async fn list_disputes(State(gateway): State<CardGateway>, Query(query): Query<ListQuery>) -> ApiResult {
    page("/v1/disputes", &lock(&gateway.state).disputes, &query, |dispute| query.wants(&dispute.payment_intent))
}

async fn show_dispute(State(gateway): State<CardGateway>, Path(id): Path<String>) -> ApiResult {
    object_response(lock(&gateway.state).disputes.get(&id), "dispute", &id)
}

/// Refunds at the dashboard, without the merchant: as `POST /v1/refunds`, without a key.
async fn refund_at_dashboard(State(gateway): State<CardGateway>, form: FormBody) -> ApiResult {
    run_dashboard_operation(&gateway, Operation::Refund, form).await
}

/// Settles a refund: form field `status`.
async fn settle_refund(State(gateway): State<CardGateway>, Path(id): Path<String>, form: FormBody) -> ApiResult {
    run_dashboard_operation(&gateway, Operation::SettleRefund(id), form).await
}

/// Opens a dispute: form field `payment_intent`, optionally `amount`, `reason`, `inquiry`.
async fn dispute(State(gateway): State<CardGateway>, form: FormBody) -> ApiResult {
    run_dashboard_operation(&gateway, Operation::Dispute, form).await
}

/// Settles a dispute: form field `status`.
async fn settle_dispute(State(gateway): State<CardGateway>, Path(id): Path<String>, form: FormBody) -> ApiResult {
    run_dashboard_operation(&gateway, Operation::SettleDispute(id), form).await
}

async fn run_dashboard_operation(gateway: &CardGateway, operation: Operation, form: FormBody) -> ApiResult {
    let params = parse_params(form, &HeaderMap::new())?;
    Ok(to_response(gateway.post(operation, params, "dashboard", None).await?, None))
}

/// A page of a list, newest first. `total_count` counts all matches, not only this page.
fn page<T: Serialize>(
    url: &str,
    objects: &BTreeMap<String, T>,
    query: &ListQuery,
    predicate: impl Fn(&T) -> bool,
) -> ApiResult {
    let limit = query.limit.unwrap_or(10);
    if !(1..=MAX_PAGE_LEN).contains(&limit) {
        return Err(ApiError::invalid(format!("Limit is between 1 and {MAX_PAGE_LEN}.")).param("limit"));
    }
    let is_older = |id: &str| query.starting_after.as_deref().is_none_or(|last| id < last);
    let total_count = objects.values().filter(|object| predicate(object)).count();
    let mut matching = objects.iter().rev().filter(|(id, object)| is_older(id) && predicate(object));
    let data: Vec<&T> = matching.by_ref().take(limit).map(|(_, object)| object).collect();
    let has_more = matching.next().is_some();
    let list = json!({ "object": "list", "url": url, "has_more": has_more, "total_count": total_count, "data": data });
    Ok(Json(list).into_response())
}

async fn authentication_page(
    State(gateway): State<CardGateway>,
    Path(id): Path<String>,
) -> Result<Html<String>, ApiError> {
    let state = lock(&gateway.state);
    let intent = state.intents.get(&id).ok_or_else(|| ApiError::no_such("payment_intent", &id))?;
    let amount = currencies::format_amount(intent.amount, &intent.currency);
    if intent.status != IntentStatus::RequiresAction {
        let page = format!("<p>There is nothing to answer: the payment of {amount} is {}.</p>", intent.status.as_str());
        return Ok(Html(format!("{PAGE_HEAD}{page}")));
    }
    Ok(Html(format!(
        "{PAGE_HEAD}<p>Is it you who pays {amount}?</p><form method=post>\
         <button name=outcome value=passed>Yes, it is me</button> <button name=outcome value=failed>No</button></form>"
    )))
}

/// Head of the bank's HTML pages.
const PAGE_HEAD: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Your bank asks</title>";

/// The card's owner confirms or fails to: form field `outcome`, `passed` or `failed`. A browser is redirected to the
/// merchant's return URL, if there is one.
async fn authenticate(
    State(gateway): State<CardGateway>,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: FormBody,
) -> ApiResult {
    let params = parse_params(form, &HeaderMap::new())?;
    let outcome = params.choice("outcome", &["passed", "failed"])?.ok_or_else(|| ApiError::missing("outcome"))?;
    let return_to = return_url(&gateway, &id, outcome == "passed");
    let path = format!("authenticate/{id}");
    let operation = Operation::Authenticate(id, outcome == "passed");
    let posted = gateway.post(operation, params, &path, None).await?;
    let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    match return_to {
        Some(return_to) if accepts.contains("text/html") => Ok(Redirect::to(&return_to).into_response()),
        Some(_) | None => Ok(to_response(posted, None)),
    }
}

/// The return URL with the parameters that the gateway adds.
fn return_url(gateway: &CardGateway, id: &str, passed: bool) -> Option<String> {
    let state = lock(&gateway.state);
    let url = state.intents.get(id)?.next_action.as_ref()?["redirect_to_url"]["return_url"].as_str()?;
    let joint = if url.contains('?') { '&' } else { '?' };
    let status = if passed { "succeeded" } else { "failed" };
    Some(format!("{url}{joint}payment_intent={id}&redirect_status={status}"))
}
