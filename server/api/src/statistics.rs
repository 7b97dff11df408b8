//! What the shop has earned.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Money, ProductId};

/// What the shop has earned since it was opened. Days are those of UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Statistics {
    /// How many orders were confirmed and not given up again.
    pub orders: u64,
    /// How many were confirmed and given up later.
    pub cancelled: u64,
    /// Of `orders`, those of which everything that was paid has gone back.
    #[serde(default)]
    pub refunded_orders: u64,
    /// What was paid less what was given back, also in part, or is held or lost by disputes.
    pub revenue: Money,
    /// What was given back, or is held or lost by disputes.
    pub refunded: Money,
    /// Revenue by order that was not refunded wholly, rounded half up; 0 without such orders.
    pub average_order: Money,
    /// The latest 31 days on which something happened, latest first.
    pub days: Vec<DayStatistics>,
    /// The 10 products of which most pieces were sold, most first.
    pub top_products: Vec<ProductSales>,
}

/// What happened on one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DayStatistics {
    /// Which, such as `2026-03-01`.
    pub day: String,
    /// How many orders were confirmed.
    pub orders: u64,
    /// What was paid on this day less what was given back on it; may be negative.
    pub revenue: Money,
    /// What was given back on this day; below nothing where money that had gone back returned.
    pub refunded: Money,
}

/// How well a product sells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProductSales {
    /// The product.
    pub product_id: ProductId,
    /// Its name now.
    pub name: String,
    /// How many pieces were sold and not brought back; those of an order of which everything that was paid has gone back do
    /// not count, those of one that was refunded in part do.
    pub pieces: u64,
}
