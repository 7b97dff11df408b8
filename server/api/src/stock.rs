//! Stock as an operator sees it.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::ProductId;

/// The stock of one product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StockItem {
    /// The id of the product.
    pub product_id: ProductId,
    /// The name of the product; absent for stock of an unknown product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Number of pieces in stock.
    pub on_hand: u32,
    /// Number of these that are reserved by orders in checkout.
    pub reserved: u32,
    /// Number of pieces that can be reserved: on hand less reserved.
    pub available: u32,
    /// Stock is low when `available` is at or below this number.
    pub threshold: u32,
    /// The version of the stock stream.
    pub version: u64,
}

/// Filter and page of the list of stock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StockQuery {
    /// `true`: only products whose stock is low.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<bool>,
    /// Maximum number of items in the page, 1 to 100; default 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// The `next_cursor` of the previous page; without it the list starts at its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// The answer waits until the list includes the events up to this position of the log (`Storefront-Position` of a
    /// write), at most 5 s; then it is 503.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_position: Option<u64>,
}

/// The body of `POST /v1/stock/{product_id}/receive`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceiveStock {
    /// Number of received pieces, 1 to 1,000,000.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub quantity: u32,
}

/// Adjust the stock by a difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AdjustStock {
    /// The difference to the recorded number of pieces; may be negative, and is not 0.
    #[schema(minimum = -4_294_967_295_i64, maximum = 4_294_967_295_i64)]
    pub change: i64,
    /// The reason, 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200)]
    pub reason: String,
}

/// Set the stock to a counted number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetStock {
    /// The counted number of pieces. The event `stock.adjusted` records the difference.
    pub on_hand: u32,
    /// The reason, 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200)]
    pub reason: String,
}

/// Set the threshold of low stock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetThreshold {
    /// Number of available pieces at or below which stock is low, 0 to 1,000,000.
    #[schema(minimum = 0, maximum = 1_000_000)]
    pub threshold: u32,
}
