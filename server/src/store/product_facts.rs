//! What a command must know of products and their stock, read from their streams. No view is asked: a view may lag or stand
//! still, and what was acknowledged counts at once, whichever server acknowledged it.

use futures_util::future::try_join_all;
use storefront_api::{OrderId, ProductId, Timestamp};
use storefront_domain::order::{LineFacts, Order};
use storefront_domain::product::{Product, ProductEvent};
use storefront_domain::stock::StockEvent;
use storefront_eventlog::Version;

use crate::store::aggregates;
use crate::store::aggregates::{LoadError, Store};
use crate::store::streams;

/// What the shop has learnt of a product, and the version of that.
pub(crate) async fn product(store: &Store, id: &ProductId) -> Result<(Product, Version), LoadError> {
    aggregates::load::<ProductEvent>(store, &streams::product(id)).await
}

/// When the shop met a product first.
pub(crate) async fn listed_at(store: &Store, id: &ProductId) -> Result<Timestamp, LoadError> {
    let first = store.read_stream(&streams::product(id), Version(1), 1).await?;
    Ok(first.first().map(|first| Timestamp::from_unix_ms(first.time_ms)).unwrap_or_default())
}

/// How many pieces of a product could be promised to anybody now.
pub(crate) async fn available(store: &Store, id: &ProductId) -> Result<u32, LoadError> {
    Ok(aggregates::load::<StockEvent>(store, &streams::stock(id)).await?.0.available())
}

/// How many pieces of a product could be promised to an order now. What the order itself holds counts as available: the
/// next reservation takes the place of that one.
pub(crate) async fn available_to(store: &Store, id: &ProductId, order_id: OrderId) -> Result<u32, LoadError> {
    let (stock, _) = aggregates::load::<StockEvent>(store, &streams::stock(id)).await?;
    Ok(stock.available_to(order_id))
}

/// What is true now of each line of an order. A product that the shop has never seen has no facts.
pub(crate) async fn of_lines(store: &Store, order_id: OrderId, order: &Order) -> Result<Vec<LineFacts>, LoadError> {
    let lines = order.lines().iter().map(|line| of_line(store, order_id, &line.item.product_id));
    Ok(try_join_all(lines).await?.into_iter().flatten().collect())
}

async fn of_line(store: &Store, order_id: OrderId, product_id: &ProductId) -> Result<Option<LineFacts>, LoadError> {
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
