//! Wallets over HTTP, read from their own streams, so always current.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use storefront_api::{
    CustomerId, Money, Movement, MovementKind, MovementsQuery, Page, Problem, Timestamp, TopUp, Wallet as Body,
};
use storefront_domain::wallet::{self, Wallet, WalletCommand, WalletError, WalletEvent};
use storefront_eventlog::{Recorded, Version};

use crate::http::command::Command;
use crate::http::error::ApiError;
use crate::http::extract::{PathParams, QueryParams, cursor_position, page_limit};
use crate::http::idempotency::respond_once;
use crate::http::identity::Caller;
use crate::http::state::Shop;
use crate::http::validation;
use crate::store::aggregates;
use crate::store::aggregates::LoadError;
use crate::store::commands;
use crate::store::commands::{Failure, Reply};
use crate::store::streams;

/// Read the wallet of a customer
///
/// The present balance.
#[utoipa::path(
    get, path = "/v1/wallet", tag = "customers",
    params(("Storefront-Customer" = CustomerId, Header, description = "The customer")),
    responses(
        (status = 200, description = "The wallet", body = Body),
        (status = 400, description = "`customer_required`", body = Problem),
        (status = 404, description = "`wallet_not_found`", body = Problem),
    )
)]
pub(crate) async fn get_wallet(State(shop): State<Shop>, caller: Caller) -> Result<Json<Body>, ApiError> {
    let customer_id = caller.require_customer()?;
    let (state, version) =
        aggregates::load::<WalletEvent>(&shop.store, &streams::wallet(customer_id)).await.map_err(Failure::from)?;
    Ok(Json(body(customer_id, &state, version)?))
}

/// List the movements of a wallet
///
/// Each movement with the balance after it, newest first.
#[utoipa::path(
    get, path = "/v1/wallet/movements", tag = "customers",
    params(MovementsQuery, ("Storefront-Customer" = CustomerId, Header, description = "The customer")),
    responses(
        (status = 200, description = "A page of movements", body = Page<Movement>),
        (status = 400, description = "`customer_required`", body = Problem),
        (status = 404, description = "`wallet_not_found`", body = Problem),
    )
)]
pub(crate) async fn list_movements(
    State(shop): State<Shop>,
    QueryParams(query): QueryParams<MovementsQuery>,
    caller: Caller,
) -> Result<Json<Page<Movement>>, ApiError> {
    let customer_id = caller.require_customer()?;
    let limit = page_limit(query.limit, 100, 20)?;
    let before = cursor_position(query.cursor.as_deref())?;
    let mut state = Wallet::default();
    let mut all = Vec::new();
    aggregates::for_each(&shop.store, &streams::wallet(customer_id), |recorded| {
        let event = aggregates::decode::<WalletEvent>(recorded)?;
        state = wallet::evolve(std::mem::take(&mut state), &event);
        all.extend(movement(recorded, &event, &state));
        Ok::<_, LoadError>(())
    })
    .await
    .map_err(Failure::from)?;
    if all.is_empty() {
        return Err(WalletError::NotFound.into());
    }
    let total = all.len() as u64;
    let mut older = all.into_iter().rev().filter(|movement| before.is_none_or(|before| movement.version < before.0));
    let items: Vec<Movement> = older.by_ref().take(limit).collect();
    let next_cursor = older.next().and_then(|_| items.last()).map(|last| last.version.to_string());
    Ok(Json(Page { items, next_cursor, total }))
}

/// Top a wallet up
///
/// For operators. A repeat with the same key has no further effect.
#[utoipa::path(
    post, path = "/v1/wallets/{customer}/top-ups", tag = "customers",
    params(("customer" = CustomerId, Path, description = "The customer"),
           ("Idempotency-Key" = String, Header, description = "Required; a repeat with the same key has no further effect")),
    request_body = TopUp,
    responses(
        (status = 200, description = "Topped up", body = Body),
        (status = 400, description = "`idempotency_key_required`", body = Problem),
        (status = 404, description = "`wallet_not_found`", body = Problem),
        (status = 409, description = "`balance_too_large`", body = Problem),
    )
)]
pub(crate) async fn top_up(
    State(shop): State<Shop>,
    PathParams(customer_id): PathParams<CustomerId>,
    command: Command<TopUp>,
) -> Result<Response, ApiError> {
    let Command { body: TopUp { amount, reason }, context } = command.with_key()?;
    validation::check_text("/reason", &reason, 200)?;
    let stream = streams::wallet(customer_id);
    let command = WalletCommand::TopUp { amount, reason };
    let decide = |wallet: &Wallet| wallet::decide(wallet, command.clone());
    let reply = |_: &Wallet, wallet: &Wallet, version: Version| {
        let body = serde_json::to_value(body(customer_id, wallet, version)?)?;
        Ok::<_, Failure>(Reply { status: StatusCode::OK.as_u16(), location: None, version: Some(version.0), body })
    };
    let work = async { Ok(commands::execute_with_reply(&shop.store, &stream, &context, decide, reply).await?) };
    respond_once(&shop, &context, work).await
}

fn body(customer_id: CustomerId, wallet: &Wallet, version: Version) -> Result<Body, WalletError> {
    let balance = wallet.balance().ok_or(WalletError::NotFound)?;
    Ok(Body { customer_id, balance, version: version.0 })
}

/// The movement that an event makes; `None` without a wallet.
fn movement(recorded: &Recorded, event: &WalletEvent, after: &Wallet) -> Option<Movement> {
    let balance = after.balance()?;
    let (kind, amount, order_id, payment_id, reason) = match event {
        WalletEvent::Opened { balance } => (MovementKind::Opened, *balance, None, None, None),
        WalletEvent::ToppedUp { amount, reason } => (MovementKind::ToppedUp, *amount, None, None, Some(reason.clone())),
        WalletEvent::Charged { payment_id, order_id, amount } => (
            MovementKind::Charged,
            Money::zero(amount.currency).minus(*amount).ok()?,
            Some(*order_id),
            Some(*payment_id),
            None,
        ),
        WalletEvent::Credited { payment_id, order_id, amount, reference: _ } => {
            (MovementKind::Credited, *amount, Some(*order_id), Some(*payment_id), None)
        }
    };
    let (version, time) = (recorded.version.0, Timestamp::from_unix_ms(recorded.time_ms));
    Some(Movement { version, kind, amount, balance, time, order_id, payment_id, reason })
}
