//! What a command must know of products and their stock, read from their streams. No view is read: a view may lag or
//! be paused, and what was acknowledged must count at once, whichever server acknowledged it.

use std::sync::Arc;

use futures_util::future::try_join_all;
use storefront_api::{OrderId, ProductId, Timestamp};
use storefront_domain::order::{LineFacts, Order};
use storefront_domain::product::{Product, ProductEvent};
use storefront_domain::stock::{Stock, StockEvent};
use storefront_eventlog::Version;

use crate::store::aggregates;
use crate::store::aggregates::{LoadError, Store};
use crate::store::streams;

/// Loads a product and the version of its stream.
pub(crate) async fn product(store: &Store, id: &ProductId) -> Result<(Arc<Product>, Version), LoadError> {
    aggregates::load::<ProductEvent>(store, &streams::product(id)).await
}

/// Returns when a product was first listed; the epoch for an unknown product.
pub(crate) async fn listed_at(store: &Store, id: &ProductId) -> Result<Timestamp, LoadError> {
    let first = store.read_stream(&streams::product(id), Version(1), 1).await?;
    Ok(first.first().map(|first| Timestamp::from_unix_ms(first.time_ms)).unwrap_or_default())
}

/// Loads the stock of a product and the version of its stream.
pub(crate) async fn stock(store: &Store, id: &ProductId) -> Result<(Arc<Stock>, Version), LoadError> {
    aggregates::load::<StockEvent>(store, &streams::stock(id)).await
}

/// Returns how many pieces of a product can be reserved by any order.
pub(crate) async fn available(store: &Store, id: &ProductId) -> Result<u32, LoadError> {
    Ok(stock(store, id).await?.0.available())
}

/// Returns how many pieces of a product can be reserved by an order. Its own reservation counts as available, because
/// the next one replaces it.
pub(crate) async fn available_to(store: &Store, id: &ProductId, order_id: OrderId) -> Result<u32, LoadError> {
    let (stock, _) = stock(store, id).await?;
    Ok(stock.available_to(order_id))
}

/// Returns the current facts about each line of an order. A product without any event has no facts.
pub(crate) async fn line_facts(store: &Store, order_id: OrderId, order: &Order) -> Result<Vec<LineFacts>, LoadError> {
    let lines = order.lines().iter().map(|line| facts_of_line(store, order_id, &line.item.product_id));
    Ok(try_join_all(lines).await?.into_iter().flatten().collect())
}

async fn facts_of_line(
    store: &Store,
    order_id: OrderId,
    product_id: &ProductId,
) -> Result<Option<LineFacts>, LoadError> {
    let (product, _) = self::product(store, product_id).await?;
    let Some(facts) = product.facts() else { return Ok(None) };
    Ok(Some(LineFacts {
        product_id: product_id.clone(),
        price: facts.price,
        vat_rate_percent: facts.vat_rate_percent,
        active: product.active(),
        available: available_to(store, product_id, order_id).await?,
    }))
}
