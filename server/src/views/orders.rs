//! The list of orders, newest first, and the open baskets that a product lies in.

use storefront_api::{CustomerId, OrderId, OrderListQuery, OrderStatus, OrderSummary, Page, ProductId, Timestamp};
use storefront_domain::order::OrderEvent;
use storefront_domain::payment::PaymentEvent;
use storefront_eventlog::{Position, Recorded};

use super::order_row::OrderRow;
use crate::store::aggregates;
use crate::store::streams;
use crate::views::engine::pages::{page as page_of, search_query};
use crate::views::engine::view::{
    Change, Rows, Terms, View, ViewError, indexed_words_of, word, words_and_parts, words_of,
};
use crate::views::rows::{ViewStore, ViewStoreError, What};

pub(super) const NAME: &str = "orders";
/// The term of every order.
const EVERY: &str = "every";
/// Maximum number of orders of a customer that a search looks through.
const MOST_SEARCHED: usize = 1000;
/// How many orders are looked up at once.
const ORDERS_PER_READ: i64 = 500;

/// The view of orders: a row for each, under its id.
pub(super) struct Orders;

impl View for Orders {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> i64 {
        5
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
        let words = words_in(&row, key).map(|text| word(&text, group));
        let owned = row.customer_id.into_iter().flat_map(|owner| [owned_by(owner, None), owned_by(owner, Some(group))]);
        let in_basket = row.lines.iter().filter(|_| row.status == OrderStatus::InProgress);
        let in_basket = in_basket.map(|line| basket_with(&line.product_id));
        let terms = [EVERY.to_owned(), group.to_owned()].into_iter().chain(words).chain(in_basket).chain(owned);
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

/// As [`page`], of the orders of one customer. A search looks through all of them, the [`MOST_SEARCHED`] newest at most.
pub(crate) async fn page_of_customer(
    store: &ViewStore,
    owner: CustomerId,
    query: &OrderListQuery,
    before: Option<Position>,
    limit: usize,
) -> Result<Page<OrderSummary>, ViewStoreError> {
    let all = What::Term(owned_by(owner, query.status.map(group)));
    let Some(q) = query.q.as_deref().filter(|q| !q.trim().is_empty()) else {
        let summary = |body: &str| serde_json::from_str::<OrderRow>(body).map(|row| row.summary());
        return page_of(store, NAME, Some(all), before, limit, summary).await;
    };
    let asked: Vec<String> = words_of(q).collect();
    let found = store.find(NAME, &all, None, MOST_SEARCHED).await?;
    let rows = found.rows.iter().map(|(_, body)| parsed(body)).collect::<Result<Vec<_>, _>>()?;
    let matches = |row: &&OrderRow| {
        let words: Vec<String> = words_in(row, &row.id().to_string()).collect();
        !asked.is_empty() && asked.iter().all(|asked| words.iter().any(|word| word.starts_with(asked.as_str())))
    };
    let matching: Vec<&OrderRow> = rows.iter().filter(matches).collect();
    let before = before.map_or(i64::MAX, |before| i64::try_from(before.0).unwrap_or(i64::MAX));
    let mut page: Vec<&&OrderRow> = matching.iter().filter(|row| row.started < before).take(limit + 1).collect();
    let more = page.len() > limit;
    page.truncate(limit);
    let next_cursor = page.last().filter(|_| more).map(|row| row.started.to_string());
    let items = page.into_iter().map(|row| row.summary()).collect();
    Ok(Page { items, next_cursor, total: matching.len() as u64 })
}

/// The open baskets that have a line with a product, oldest first.
pub(crate) async fn baskets_with(store: &ViewStore, product_id: &ProductId) -> Result<Vec<OrderId>, ViewStoreError> {
    with_term(store, &basket_with(product_id)).await
}

/// The orders of a customer, oldest first.
pub(crate) async fn orders_of(store: &ViewStore, owner: CustomerId) -> Result<Vec<OrderId>, ViewStoreError> {
    with_term(store, &owned_by(owner, None)).await
}

async fn with_term(store: &ViewStore, term: &str) -> Result<Vec<OrderId>, ViewStoreError> {
    let mut orders = Vec::new();
    let mut after = (-1, String::new());
    loop {
        let page = store.keys_with(NAME, term, (after.0, &after.1), ORDERS_PER_READ).await?;
        orders.extend(page.iter().filter_map(|(_, key)| key.parse::<OrderId>().ok()));
        match page.into_iter().last() {
            Some(last) => after = last,
            None => return Ok(orders),
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

/// The term of the orders of a customer, of those with a status if one is given.
fn owned_by(owner: CustomerId, group: Option<&str>) -> String {
    match group {
        Some(group) => format!("owner:{owner} {group}"),
        None => format!("owner:{owner}"),
    }
}

/// The words under which an order is found.
fn words_in(row: &OrderRow, key: &str) -> impl Iterator<Item = String> {
    let texts = [row.number.as_deref(), row.email.as_deref()];
    let names = row.lines.iter().map(|line| line.name.as_str());
    let words = texts.into_iter().flatten().chain(names).flat_map(words_and_parts);
    words.chain(indexed_words_of(key)).collect::<Vec<_>>().into_iter()
}

fn basket_with(product_id: &ProductId) -> String {
    format!("basket:{product_id}")
}

#[cfg(test)]
#[path = "orders_tests.rs"]
mod tests;
