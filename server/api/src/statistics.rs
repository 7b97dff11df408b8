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
    /// What was paid less what was given back.
    pub revenue: Money,
    /// What was given back.
    pub refunded: Money,
    /// Revenue by order, rounded half up; 0 without orders.
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
    /// What was given back.
    pub refunded: Money,
}

/// How well a product sells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProductSales {
    /// The product.
    pub product_id: ProductId,
    /// Its name now.
    pub name: String,
    /// How many pieces were sold and not brought back.
    pub pieces: u64,
}
