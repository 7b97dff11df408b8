//! Stock over HTTP: reading and changing it.

use axum::Json;
use axum::extract::State;
use axum::http::header::ETAG;
use axum::http::{HeaderName, StatusCode};
use axum::response::Response;
use storefront_api::{
    AdjustStock, Page, Problem, ProductId, ReceiveStock, SetStock, SetThreshold, StockItem, StockQuery,
};
use storefront_domain::stock::StockCommand;
use storefront_eventlog::Version;

use crate::http::command::Command;
use crate::http::error::ApiError;
use crate::http::extract::{PathParams, QueryParams, page_limit};
use crate::http::idempotency::respond_once;
use crate::http::state::Shop;
use crate::http::validation;
use crate::http::wait_for_views::{MinPosition, wait_for_position};
use crate::store::commands::{Context, Failure, Reply, change_stock};
use crate::store::product_facts;
use crate::views::{Memory, stock_item};

/// List stock
///
/// All products that ever had stock, sorted by id; with `low`, only those at or below their threshold.
#[utoipa::path(
    get, path = "/v1/stock", tag = "stock", params(StockQuery),
    responses((status = 200, description = "A page of the stock, sorted by product id", body = Page<StockItem>))
)]
pub(crate) async fn list_stock(
    State(shop): State<Shop>,
    QueryParams(query): QueryParams<StockQuery>,
) -> Result<Json<Page<StockItem>>, ApiError> {
    let limit = page_limit(query.limit, 100, 20)?;
    let after = query.cursor.as_deref().map(str::parse::<ProductId>).transpose();
    let after = after.map_err(|_| ApiError::invalid("cursor", "is not one of ours"))?;
    wait_for_position(&shop, query.min_position, &["stock", "products"]).await?;
    Ok(Json(shop.views.read(|folded| {
        let mut page = folded.stock.page(query.low.unwrap_or(false), after.as_ref(), limit);
        page.items.iter_mut().for_each(|item| item.name = name(folded, &item.product_id));
        page
    })))
}

/// Read the stock of a product
///
/// The pieces on hand, those reserved by orders in checkout, and those that are available.
#[utoipa::path(
    get, path = "/v1/stock/{product_id}", tag = "stock",
    params(("product_id" = ProductId, Path, description = "The product"), MinPosition),
    responses(
        (status = 200, description = "The stock", body = StockItem, headers(("ETag" = String, description = "The version; as `If-Match` of a change it refuses the change of another version"))),
        (status = 404, description = "`product_not_found`", body = Problem),
    )
)]
pub(crate) async fn get_stock(
    State(shop): State<Shop>,
    PathParams(id): PathParams<ProductId>,
    QueryParams(query): QueryParams<MinPosition>,
) -> Result<([(HeaderName, String); 1], Json<StockItem>), ApiError> {
    if query.min_position.is_some() {
        wait_for_position(&shop, query.min_position, &[]).await?;
    }
    let (product, product_version) = product_facts::product(&shop.store, &id).await.map_err(Failure::from)?;
    let (stock, version) = product_facts::stock(&shop.store, &id).await.map_err(Failure::from)?;
    if product_version == Version(0) && version == Version(0) {
        return Err(ApiError::product_not_found(&id));
    }
    let name = product.facts().map(|facts| facts.name.clone());
    let item = StockItem { name, ..stock_item(&id, &stock, version) };
    Ok(([(ETAG, format!("\"{}\"", item.version))], Json(item)))
}

/// Receive goods
///
/// Adds pieces to those on hand.
#[utoipa::path(
    post, path = "/v1/stock/{product_id}/receive", tag = "stock",
    params(("product_id" = ProductId, Path, description = "The product")),
    request_body = ReceiveStock,
    responses(
        (status = 200, description = "Received", body = StockItem),
        (status = 404, description = "`product_not_found`", body = Problem),
    )
)]
pub(crate) async fn receive_stock(
    State(shop): State<Shop>,
    PathParams(id): PathParams<ProductId>,
    Command { body, context }: Command<ReceiveStock>,
) -> Result<Response, ApiError> {
    change(&shop, &id, &context, StockCommand::Receive { quantity: body.quantity }).await
}

/// Adjust the stock
///
/// Adds or removes pieces, for example after damage. The number on hand cannot fall below the reserved number.
#[utoipa::path(
    post, path = "/v1/stock/{product_id}/adjust", tag = "stock",
    params(("product_id" = ProductId, Path, description = "The product")),
    request_body = AdjustStock,
    responses(
        (status = 200, description = "Adjusted", body = StockItem),
        (status = 404, description = "`product_not_found`", body = Problem),
        (status = 409, description = "`stock_state`: fewer than the reserved pieces would be on hand", body = Problem),
    )
)]
pub(crate) async fn adjust_stock(
    State(shop): State<Shop>,
    PathParams(id): PathParams<ProductId>,
    Command { body, context }: Command<AdjustStock>,
) -> Result<Response, ApiError> {
    validation::check_text("/reason", &body.reason, 200)?;
    change(&shop, &id, &context, StockCommand::Adjust { change: body.change, reason: body.reason }).await
}

/// Set the counted number
///
/// Sets the number on hand; `stock.adjusted` records the difference. It cannot be below the reserved number. The
/// present number changes nothing.
#[utoipa::path(
    put, path = "/v1/stock/{product_id}", tag = "stock",
    params(("product_id" = ProductId, Path, description = "The product")),
    request_body = SetStock,
    responses(
        (status = 200, description = "Set", body = StockItem),
        (status = 404, description = "`product_not_found`", body = Problem),
        (status = 409, description = "`stock_state`: fewer than the reserved pieces would be on hand", body = Problem),
    )
)]
pub(crate) async fn set_stock(
    State(shop): State<Shop>,
    PathParams(id): PathParams<ProductId>,
    Command { body, context }: Command<SetStock>,
) -> Result<Response, ApiError> {
    validation::check_text("/reason", &body.reason, 200)?;
    change(&shop, &id, &context, StockCommand::Count { on_hand: body.on_hand, reason: body.reason }).await
}

/// Set the threshold of low stock
///
/// The number of available pieces at or below which stock is low. When it is already, `stock.ran_low` follows at once.
#[utoipa::path(
    put, path = "/v1/stock/{product_id}/threshold", tag = "stock",
    params(("product_id" = ProductId, Path, description = "The product")),
    request_body = SetThreshold,
    responses(
        (status = 200, description = "Set", body = StockItem),
        (status = 404, description = "`product_not_found`", body = Problem),
    )
)]
pub(crate) async fn set_threshold(
    State(shop): State<Shop>,
    PathParams(id): PathParams<ProductId>,
    Command { body, context }: Command<SetThreshold>,
) -> Result<Response, ApiError> {
    change(&shop, &id, &context, StockCommand::SetThreshold { threshold: body.threshold }).await
}

async fn change(shop: &Shop, id: &ProductId, context: &Context, command: StockCommand) -> Result<Response, ApiError> {
    let work = async {
        let (product, _) = product_facts::product(&shop.store, id).await.map_err(Failure::from)?;
        let facts = product.facts().ok_or_else(|| ApiError::product_not_found(id))?;
        let done = change_stock(&shop.store, id, context, &command, |stock, version| {
            let item = StockItem { name: Some(facts.name.clone()), ..stock_item(id, stock, version) };
            let body = serde_json::to_value(item)?;
            Ok(Reply { status: StatusCode::OK.as_u16(), location: None, version: Some(version.0), body })
        });
        Ok(done.await?)
    };
    respond_once(shop, context, work).await
}

/// The name of a product, if the catalogue has it.
fn name(folded: &Memory, id: &ProductId) -> Option<String> {
    Some(folded.catalogue.state(id)?.facts()?.name.clone())
}
