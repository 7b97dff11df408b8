//! What the shop has earned: in all, by day, and which products sell best. Exact, in minor units.
//!
//! Money counts when it is there and when it has gone back, on that day; refunds in part too. A product counts when its
//! pieces leave the shelf for an order, and no more when they come back or all of the order's money has gone back. An order
//! counts when it is confirmed; one that was given up does not, and one of which all money has gone back does not make the
//! average smaller.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use storefront_api::{
    Currency, DayStatistics, Money, OrderId, PaymentId, PaymentStatus, ProductId, ProductSales, Statistics, Timestamp,
};
use storefront_domain::order::OrderEvent;
use storefront_domain::payment::{Payment, PaymentEvent};
use storefront_domain::product::ProductEvent;
use storefront_domain::stock::StockEvent;
use storefront_eventlog::Recorded;

use super::payment_row::PaymentRow;
use crate::store::aggregates;
use crate::store::streams;
use crate::views::engine::view::{Change, Rows, Terms, View, ViewError};
use crate::views::rows::{Found, ViewStore, ViewStoreError, What};

pub(super) const NAME: &str = "statistics";
const ALL: &str = "all";
const DAY: &str = "day";
const PRODUCT: &str = "product";
const ORDER: &str = "order";
/// How many of the latest days and of the best products are told.
const DAYS: usize = 31;
const PRODUCTS: usize = 10;

/// The view of statistics: one row for all, one for each day and each product, and what is needed of orders and payments.
pub(super) struct StatisticsView;

/// Sums of all times, or of a day; amounts in minor units.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Sums {
    /// Days since 1970-01-01; absent for all times.
    day: Option<i64>,
    confirmed: u64,
    /// Those of the confirmed ones that were given up.
    cancelled: u64,
    /// Those of the confirmed ones, not given up, of which everything has gone back.
    #[serde(default)]
    refunded_orders: i64,
    received: i64,
    given_back: i64,
    currency: Option<Currency>,
}

/// What a product has sold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Sales {
    product_id: ProductId,
    name: String,
    pieces: i64,
}

/// What is to be known of an order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct OrderSales {
    stage: SalesStage,
    /// The payment of the latest checkout.
    payment_id: Option<PaymentId>,
    /// Whether all that was paid has gone back.
    is_refunded: bool,
    /// The pieces that have left the shelf for it and not come back.
    pieces: BTreeMap<ProductId, i64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum SalesStage {
    #[default]
    Open,
    Confirmed,
    Cancelled,
}

/// What an event is about.
enum About {
    Order(OrderId),
    Payment(PaymentId),
    Stock(ProductId),
    Product(ProductId),
}

impl View for StatisticsView {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> i64 {
        2
    }

    fn keys(&self, recorded: &Recorded) -> Vec<String> {
        let sums = || [ALL.to_owned(), day_key(recorded)];
        match about(recorded) {
            Some(About::Order(id)) => sums().into_iter().chain([format!("{ORDER}:{id}")]).collect(),
            Some(About::Payment(id)) => sums().into_iter().chain([payment_key(id), order_key(recorded)]).collect(),
            Some(About::Stock(id)) => {
                let of_order = moved_for(recorded).map(|(order_id, _)| format!("{ORDER}:{order_id}"));
                [product_key(&id)].into_iter().chain(of_order).collect()
            }
            Some(About::Product(id)) => vec![product_key(&id)],
            None => Vec::new(),
        }
    }

    fn further_keys(&self, rows: &Rows, recorded: &Recorded) -> Result<Vec<String>, ViewError> {
        let Some(About::Payment(_)) = about(recorded) else { return Ok(Vec::new()) };
        let sales = rows.get::<OrderSales>(&order_key(recorded))?.unwrap_or_default();
        Ok(sales.pieces.keys().map(product_key).collect())
    }

    fn project(&self, rows: &Rows, recorded: &Recorded) -> Result<Vec<Change>, ViewError> {
        match about(recorded) {
            Some(About::Order(id)) => order(rows, recorded, id),
            Some(About::Payment(id)) => payment(rows, recorded, id),
            Some(About::Stock(id)) => stock(rows, recorded, &id),
            Some(About::Product(id)) => product(rows, recorded, &id),
            None => Ok(Vec::new()),
        }
    }

    fn terms(&self, key: &str, body: &str) -> Result<Terms, ViewError> {
        Ok(match key.split_once(':') {
            Some((DAY, _)) => {
                let sums: Sums = serde_json::from_str(body)?;
                sums.day.map(|day| (DAY.to_owned(), day)).into_iter().collect()
            }
            Some((PRODUCT, _)) => {
                let sales: Sales = serde_json::from_str(body)?;
                Some(sales.pieces)
                    .filter(|pieces| *pieces > 0)
                    .map(|pieces| (PRODUCT.to_owned(), pieces))
                    .into_iter()
                    .collect()
            }
            Some(_) | None => Terms::new(),
        })
    }
}

/// The statistics of all times, with the latest days and the best products. `currency` is that of the shop, for when
/// nothing has been sold yet.
pub(crate) async fn read(store: &ViewStore, currency: Currency) -> Result<Statistics, ViewStoreError> {
    let all = store.get(NAME, ALL).await?;
    let all: Sums = all.as_deref().map(parsed).transpose()?.unwrap_or_default();
    let money = |amount| Money::new(amount, all.currency.unwrap_or(currency));
    let orders = all.confirmed.saturating_sub(all.cancelled);
    let refunded_orders = u64::try_from(all.refunded_orders).unwrap_or_default();
    let days = store.find(NAME, &What::Term(DAY.to_owned()), None, DAYS).await?;
    let products = store.find(NAME, &What::Term(PRODUCT.to_owned()), None, PRODUCTS).await?;
    Ok(Statistics {
        orders,
        cancelled: all.cancelled,
        revenue: money(all.revenue()),
        refunded: money(all.given_back),
        refunded_orders,
        average_order: money(rounded(all.revenue(), orders.saturating_sub(refunded_orders))),
        days: days_of(&days, &money)?,
        top_products: sales_of(&products)?,
    })
}

fn days_of(found: &Found, money: &dyn Fn(i64) -> Money) -> Result<Vec<DayStatistics>, ViewStoreError> {
    let day = |(day, body): &(i64, String)| {
        let sums: Sums = parsed(body)?;
        Ok(DayStatistics {
            day: date(*day),
            orders: sums.confirmed,
            revenue: money(sums.revenue()),
            refunded: money(sums.given_back),
        })
    };
    found.rows.iter().map(day).collect()
}

fn sales_of(found: &Found) -> Result<Vec<ProductSales>, ViewStoreError> {
    let sales = |(pieces, body): &(i64, String)| {
        let Sales { product_id, name, pieces: _ } = parsed(body)?;
        Ok(ProductSales { product_id, name, pieces: u64::try_from(*pieces).unwrap_or_default() })
    };
    found.rows.iter().map(sales).collect()
}

fn parsed<T: serde::de::DeserializeOwned>(body: &str) -> Result<T, ViewStoreError> {
    serde_json::from_str(body).map_err(|source| ViewStoreError::Row { view: NAME, source })
}

fn order(rows: &Rows, recorded: &Recorded, id: OrderId) -> Result<Vec<Change>, ViewError> {
    let key = format!("{ORDER}:{id}");
    let sales: OrderSales = rows.get(&key)?.unwrap_or_default();
    match &*aggregates::decode_shared::<OrderEvent>(recorded)? {
        OrderEvent::CheckedOut { payment_id, .. } => {
            Ok(vec![Change::put(key, &OrderSales { payment_id: Some(*payment_id), ..sales })?])
        }
        OrderEvent::Confirmed { .. } if sales.stage == SalesStage::Open => {
            let mut changes = summed(rows, recorded, |sums| {
                sums.confirmed += 1;
                Ok(())
            })?;
            changes.push(Change::put(key, &OrderSales { stage: SalesStage::Confirmed, ..sales })?);
            Ok(changes)
        }
        OrderEvent::Cancelled { .. } if sales.stage == SalesStage::Confirmed => {
            let mut changes = summed(rows, recorded, |sums| {
                sums.cancelled += 1;
                sums.refunded_orders -= i64::from(sales.is_refunded);
                Ok(())
            })?;
            changes.push(Change::put(key, &OrderSales { stage: SalesStage::Cancelled, ..sales })?);
            Ok(changes)
        }
        _ => Ok(Vec::new()),
    }
}

/// Money moves as the payment says: what came in, and what is no longer there. An order of which everything has gone back
/// has sold nothing.
fn payment(rows: &Rows, recorded: &Recorded, id: PaymentId) -> Result<Vec<Change>, ViewError> {
    let key = payment_key(id);
    let before: PaymentRow = rows.get(&key)?.unwrap_or_default();
    let event = aggregates::decode_shared::<PaymentEvent>(recorded)?;
    let after = before.clone().after(&event);
    let (then, now) = (before.payment(), after.payment());
    if matches!(*event, PaymentEvent::Succeeded { .. }) && then == Payment::Unknown {
        return Err(ViewError::Other("nobody asked for this payment".to_owned()));
    }
    let mut changes = vec![Change::put(key, &after)?];
    let came_in = if now.left().is_some() && then.left().is_none() { now.request() } else { None };
    let (came_in, moved) = (came_in.map_or(0, |request| request.amount.amount), now.kept().saturating_sub(then.kept()));
    let gone = came_in.saturating_sub(moved);
    let is_back = |payment: &Payment| payment.status() == PaymentStatus::Refunded;
    let sales = rows.get::<OrderSales>(&order_key(recorded))?.filter(|sales| sales.payment_id == Some(id));
    let turned = if is_back(&then) == is_back(&now) { None } else { sales };
    let counts = turned.as_ref().is_some_and(|sales| sales.stage == SalesStage::Confirmed);
    if let Some(request) = now.request().filter(|_| came_in != 0 || gone != 0 || counts) {
        let currency = request.amount.currency;
        changes.extend(summed(rows, recorded, |sums| {
            sums.add(Money::new(came_in, currency), |sums| &mut sums.received)?;
            sums.add(Money::new(gone, currency), |sums| &mut sums.given_back)?;
            if counts {
                sums.refunded_orders += if is_back(&now) { 1 } else { -1 };
            }
            Ok(())
        })?);
    }
    if let Some(sales) = turned {
        let sign = if is_back(&now) { -1 } else { 1 };
        for (product_id, pieces) in &sales.pieces {
            changes.push(sold(rows, product_id, sign * pieces)?);
        }
        changes.push(Change::put(order_key(recorded), &OrderSales { is_refunded: is_back(&now), ..sales })?);
    }
    Ok(changes)
}

fn stock(rows: &Rows, recorded: &Recorded, id: &ProductId) -> Result<Vec<Change>, ViewError> {
    // What cannot be read is told.
    aggregates::decode_shared::<StockEvent>(recorded)?;
    let Some((order_id, pieces)) = moved_for(recorded) else { return Ok(Vec::new()) };
    let key = format!("{ORDER}:{order_id}");
    let mut sales: OrderSales = rows.get(&key)?.unwrap_or_default();
    let of_order = sales.pieces.entry(id.clone()).or_default();
    *of_order = of_order.saturating_add(pieces);
    // What has been paid back does not count any more, on the shelf or not.
    let counted = if sales.is_refunded { 0 } else { pieces };
    Ok(vec![sold(rows, id, counted)?, Change::put(key, &sales)?])
}

/// For which order pieces have left the shelf, or come back to it (below nothing).
fn moved_for(recorded: &Recorded) -> Option<(OrderId, i64)> {
    match *aggregates::decode_shared::<StockEvent>(recorded).ok()? {
        StockEvent::Allocated { order_id, quantity } => Some((order_id, i64::from(quantity))),
        StockEvent::Returned { order_id, quantity } => Some((order_id, -i64::from(quantity))),
        _ => None,
    }
}

/// A product of which some more pieces are sold, or fewer.
fn sold(rows: &Rows, id: &ProductId, pieces: i64) -> Result<Change, ViewError> {
    let sales = sales(rows, id)?;
    let sum = sales.pieces.saturating_add(pieces);
    Change::put(product_key(id), &Sales { pieces: sum, ..sales })
}

fn product(rows: &Rows, recorded: &Recorded, id: &ProductId) -> Result<Vec<Change>, ViewError> {
    match &*aggregates::decode_shared::<ProductEvent>(recorded)? {
        ProductEvent::Listed(facts) | ProductEvent::Changed(facts) => {
            let sales = sales(rows, id)?;
            Ok(vec![Change::put(product_key(id), &Sales { name: facts.name.clone(), ..sales })?])
        }
        ProductEvent::Repriced { .. } | ProductEvent::Withdrawn | ProductEvent::Relisted => Ok(Vec::new()),
    }
}

fn sales(rows: &Rows, id: &ProductId) -> Result<Sales, ViewError> {
    let known = rows.get::<Sales>(&product_key(id))?;
    Ok(known.unwrap_or_else(|| Sales { product_id: id.clone(), name: id.to_string(), pieces: 0 }))
}

/// The sums of all times and of the event's day, changed alike.
fn summed(
    rows: &Rows,
    recorded: &Recorded,
    change: impl Fn(&mut Sums) -> Result<(), ViewError>,
) -> Result<Vec<Change>, ViewError> {
    let mut all: Sums = rows.get(ALL)?.unwrap_or_default();
    let mut of_day: Sums = rows.get(&day_key(recorded))?.unwrap_or_default();
    of_day.day = Some(day(recorded));
    change(&mut all)?;
    change(&mut of_day)?;
    Ok(vec![Change::put(ALL, &all)?, Change::put(day_key(recorded), &of_day)?])
}

impl Sums {
    fn revenue(&self) -> i64 {
        self.received.saturating_sub(self.given_back)
    }

    fn add(&mut self, amount: Money, to: impl Fn(&mut Self) -> &mut i64) -> Result<(), ViewError> {
        let currency = *self.currency.get_or_insert(amount.currency);
        if amount.currency != currency {
            return Err(ViewError::Other(format!("{amount} is not in {currency}, in which the shop began")));
        }
        // Amounts have bounds by now. What an old log adds up to beyond the range stops at its end, and loses no event.
        let sum = to(self).saturating_add(amount.amount);
        *to(self) = sum;
        Ok(())
    }
}

fn about(recorded: &Recorded) -> Option<About> {
    let stream = recorded.stream();
    streams::id_in("order", stream)
        .map(About::Order)
        .or_else(|| streams::id_in("payment", stream).map(About::Payment))
        .or_else(|| streams::id_in("stock", stream).map(About::Stock))
        .or_else(|| streams::id_in("product", stream).map(About::Product))
}

/// The order that a payment's event belongs to, by its correlation.
fn order_key(recorded: &Recorded) -> String {
    format!("{ORDER}:{}", recorded.correlation_id())
}

fn payment_key(id: PaymentId) -> String {
    format!("payment:{id}")
}

fn product_key(id: &ProductId) -> String {
    format!("{PRODUCT}:{id}")
}

fn day_key(recorded: &Recorded) -> String {
    format!("{DAY}:{}", day(recorded))
}

/// Days since 1970-01-01 UTC.
fn day(recorded: &Recorded) -> i64 {
    recorded.time_ms.div_euclid(MS_PER_DAY)
}

const MS_PER_DAY: i64 = 24 * 60 * 60 * 1000;

/// `2026-03-01`.
fn date(day: i64) -> String {
    Timestamp::from_unix_ms(day.saturating_mul(MS_PER_DAY)).to_string().chars().take(10).collect()
}

/// Rounded half up; 0 for nothing.
fn rounded(sum: i64, count: u64) -> i64 {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    if count == 0 { 0 } else { sum.saturating_mul(2).saturating_add(count).div_euclid(count.saturating_mul(2)) }
}

#[cfg(test)]
#[path = "statistics_tests.rs"]
mod tests;
