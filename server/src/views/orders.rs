//! The list of orders, newest first, and the open baskets that a product lies in.

use storefront_api::{OrderId, OrderListQuery, OrderStatus, OrderSummary, Page, ProductId, Timestamp};
use storefront_domain::order::OrderEvent;
use storefront_domain::payment::PaymentEvent;
use storefront_eventlog::{Position, Recorded};

use super::order_row::OrderRow;
use crate::store::aggregates;
use crate::store::streams;
use crate::views::engine::pages::{page as page_of, search_query};
use crate::views::engine::view::{Change, Rows, Terms, View, ViewError, indexed_words_of, word};
use crate::views::rows::{ViewStore, ViewStoreError};

pub(super) const NAME: &str = "orders";
/// The term of every order.
const EVERY: &str = "every";
/// How many baskets are looked up at once.
const BASKETS: i64 = 500;

/// The view of orders: a row for each, under its id.
pub(super) struct Orders;

impl View for Orders {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> i64 {
        4
    }

    fn keys(&self, recorded: &Recorded) -> Vec<String> {
        order_of(recorded).iter().map(ToString::to_string).collect()
    }

    fn project(&self, rows: &Rows, recorded: &Recorded) -> Result<Vec<Change>, ViewError> {
        let Some(id) = order_of(recorded) else { return Ok(Vec::new()) };
        let key = id.to_string();
        let row = rows.get::<OrderRow>(&key)?;
        let row = if recorded.stream().starts_with("payment-") {
            let event = aggregates::decode_shared::<PaymentEvent>(recorded)?;
            row.map(|row| row.after_payment(recorded.stream(), &event))
        } else {
            let event = aggregates::decode_shared::<OrderEvent>(recorded)?;
            let time = Timestamp::from_unix_ms(recorded.time_ms);
            match row {
                Some(row) => Some(row.after(&event, time)),
                None => OrderRow::started(id, &event, recorded.position, time),
            }
        };
        row.map(|row| Change::put(key, &row)).into_iter().collect()
    }

    fn terms(&self, key: &str, body: &str) -> Result<Terms, ViewError> {
        let row: OrderRow = serde_json::from_str(body)?;
        let group = group(row.status);
        let texts = [row.number.as_deref(), row.email.as_deref()];
        let names = row.lines.iter().map(|line| line.name.as_str());
        let words = texts.into_iter().flatten().chain(names).flat_map(words_and_parts);
        let words = words.chain(indexed_words_of(key)).map(|text| word(&text, group));
        let in_basket = row.lines.iter().filter(|_| row.status == OrderStatus::InProgress);
        let in_basket = in_basket.map(|line| basket_with(&line.product_id));
        let terms = [EVERY.to_owned(), group.to_owned()].into_iter().chain(words).chain(in_basket);
        Ok(terms.map(|term| (term, row.started)).collect())
    }
}

/// Whose event it is; `None` for one that is about no order.
fn order_of(recorded: &Recorded) -> Option<OrderId> {
    if recorded.stream().starts_with("payment-") {
        // What belongs to an order is correlated by its id.
        recorded.correlation_id().parse().ok()
    } else {
        streams::id_in("order", recorded.stream())
    }
}

/// One page of the orders that a query wants, newest first. The cursor is the start of the last order of the page.
pub(crate) async fn page(
    store: &ViewStore,
    query: &OrderListQuery,
    before: Option<Position>,
    limit: usize,
) -> Result<Page<OrderSummary>, ViewStoreError> {
    let group = query.status.map(group);
    let what = search_query(query.q.as_deref(), group.unwrap_or(EVERY).to_owned(), group);
    let summary = |body: &str| serde_json::from_str::<OrderRow>(body).map(|row| row.summary());
    page_of(store, NAME, what, before, limit, summary).await
}

/// The open baskets that have a line with a product, oldest first.
pub(crate) async fn baskets_with(store: &ViewStore, product_id: &ProductId) -> Result<Vec<OrderId>, ViewStoreError> {
    let term = basket_with(product_id);
    let mut baskets = Vec::new();
    let mut after = (-1, String::new());
    loop {
        let page = store.keys_with(NAME, &term, (after.0, &after.1), BASKETS).await?;
        baskets.extend(page.iter().filter_map(|(_, key)| key.parse::<OrderId>().ok()));
        match page.into_iter().last() {
            Some(last) => after = last,
            None => return Ok(baskets),
        }
    }
}

/// How many open baskets hold each of some products, one of them not counted.
pub(crate) async fn in_baskets(
    store: &ViewStore,
    product_ids: &[&ProductId],
    but_not: Option<OrderId>,
) -> Result<Vec<u32>, ViewStoreError> {
    let terms: Vec<String> = product_ids.iter().map(|id| basket_with(id)).collect();
    let counts = store.counts(NAME, &terms).await?;
    let own = match but_not {
        Some(own) => store.get(NAME, &own.to_string()).await?.as_deref().map(parsed).transpose()?,
        None => None,
    };
    let own = own.filter(|row| row.status == OrderStatus::InProgress).map(|row| row.lines).unwrap_or_default();
    let count = |(id, count): (&&ProductId, u64)| {
        let is_in_own = own.iter().any(|line| line.product_id == **id);
        u32::try_from(count.saturating_sub(u64::from(is_in_own))).unwrap_or(u32::MAX)
    };
    Ok(product_ids.iter().zip(counts).map(count).collect())
}

fn parsed(body: &str) -> Result<OrderRow, ViewStoreError> {
    serde_json::from_str(body).map_err(|source| ViewStoreError::Row { view: NAME, source })
}

fn group(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::InProgress => "in_progress",
        OrderStatus::CheckedOut => "checked_out",
        OrderStatus::Confirmed => "confirmed",
        OrderStatus::Shipped => "shipped",
        OrderStatus::Delivered => "delivered",
        OrderStatus::Cancelled => "cancelled",
        OrderStatus::Expired => "expired",
        OrderStatus::Unknown => "unknown",
    }
}

fn basket_with(product_id: &ProductId) -> String {
    format!("basket:{product_id}")
}

/// Of `Tea-Pot ada@example.com`: both as they are, and `teapot`, `pot`, `example`, `com`. What a word begins with needs
/// no word of its own, because everything is found by its beginning.
fn words_and_parts(text: &str) -> Vec<String> {
    let whole = indexed_words_of(text);
    whole
        .flat_map(|word| {
            let parts = word.split(['@', '.', '-']).filter(|part| !part.is_empty() && !word.starts_with(part));
            parts.map(str::to_owned).chain([word.clone()]).collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
#[path = "orders_tests.rs"]
mod tests;
