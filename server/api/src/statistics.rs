//! What the shop has earned.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Money, ProductId};

/// Sales of the shop since its first order. Days are in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Statistics {
    /// Number of orders that were confirmed and not cancelled.
    pub orders: u64,
    /// Number of orders that were confirmed and then cancelled.
    pub cancelled: u64,
    /// Number of those `orders` that were refunded in full.
    #[serde(default)]
    pub refunded_orders: u64,
    /// Paid amount less refunds and what is held or lost by disputes.
    pub revenue: Money,
    /// Refunded amount, including what is held or lost by disputes.
    pub refunded: Money,
    /// Revenue per order that was not refunded in full, rounded half up; 0 without such orders.
    pub average_order: Money,
    /// The latest 31 days with sales or refunds, latest first.
    pub days: Vec<DayStatistics>,
    /// The 10 products with the most sold pieces, most first.
    pub top_products: Vec<ProductSales>,
}

/// Sales of one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DayStatistics {
    /// The day, such as `2026-03-01`.
    pub day: String,
    /// Number of confirmed orders.
    pub orders: u64,
    /// Paid amount less refunds of this day; may be negative.
    pub revenue: Money,
    /// Refunded amount of this day; negative when refunds failed after they had succeeded.
    pub refunded: Money,
}

/// Sales of one product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProductSales {
    /// The id of the product.
    pub product_id: ProductId,
    /// The present name of the product.
    pub name: String,
    /// Number of pieces that were sold and not cancelled. Orders that were refunded in full do
    /// not count; orders that were refunded in part do.
    pub pieces: u64,
}
