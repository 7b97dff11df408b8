//! What an operator should know of the product service.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{ProductId, VatRate};

/// The state of the data from the product service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProductServiceState {
    /// `live`, or `stale` while it cannot be reached.
    pub state: String,
    /// Products whose data is invalid; the shop has an earlier state of them, or none.
    pub unreadable: Vec<UnreadableProduct>,
    /// Products that are sold at the default VAT rate, because they have no rate.
    pub without_vat_rate: Vec<ProductId>,
    /// The default VAT rate; absent when products without a rate are not sold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_vat_rate: Option<VatRate>,
    /// Present when most products are missing at the product service: they are not withdrawn until an operator confirms
    /// it, or they are back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_withdrawals: Option<HeldWithdrawals>,
}

/// A product whose data is invalid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnreadableProduct {
    /// The id in the shop; absent when it cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_id: Option<ProductId>,
    /// The id at the product service; absent when it cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_id: Option<String>,
    /// What is invalid, for people.
    pub reason: String,
}

/// Withdrawals that wait for a confirmation by an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeldWithdrawals {
    /// Number of missing products.
    pub missing: u32,
    /// Number of products that were for sale, including the missing ones.
    pub sold: u32,
}

/// The result of a confirmation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConfirmedWithdrawals {
    /// Number of withdrawn products.
    pub withdrawn: u32,
}
