//! Stock as an operator sees it.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::ProductId;

/// The stock of one product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StockItem {
    /// The product.
    pub product_id: ProductId,
    /// What it is called; absent where the shop has stock of a product that it does not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How many are in the house.
    pub on_hand: u32,
    /// How many of those are promised to orders that are checking out.
    pub reserved: u32,
    /// How many can still be promised: on hand less reserved.
    pub available: u32,
    /// At or below this many available, stock runs low.
    pub threshold: u32,
    /// The version of the stock stream.
    pub version: u64,
}

/// Which stock to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StockQuery {
    /// Only what has run low.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<bool>,
    /// How many items a page has, 1 to 100; 20 if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Where the page begins: the `next_cursor` of the one before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// See at least this log position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_position: Option<u64>,
}

/// Goods came in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceiveStock {
    /// How many, 1 to 1,000,000.
    pub quantity: u32,
}

/// Somebody counted, or something broke.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AdjustStock {
    /// How many more (or, negative, fewer) there are than the books say.
    pub change: i64,
    /// Why, 1 to 200 characters.
    pub reason: String,
}

/// Somebody counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetStock {
    /// How many there are. The event that follows, `stock.adjusted`, says by how much the books were off.
    pub on_hand: u32,
    /// Why, 1 to 200 characters.
    pub reason: String,
}

/// Stock is to run low at another number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetThreshold {
    /// At or below this many available, 0 to 1,000,000.
    pub threshold: u32,
}
