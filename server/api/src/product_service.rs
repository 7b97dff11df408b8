//! What an operator should know of the product service.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{ProductId, VatRate};

/// How the shop gets on with the product service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProductServiceState {
    /// `live`, or `stale` while it cannot be reached.
    pub state: String,
    /// Products that make no sense: the shop knows them as they were before, or not at all.
    pub unreadable: Vec<UnreadableProduct>,
    /// Products that are sold at the default rate of VAT, because they have none of their own.
    pub without_vat_rate: Vec<ProductId>,
    /// The default rate of VAT; without it, products without a rate are not sold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_vat_rate: Option<VatRate>,
    /// Most of the range is missing: nothing of it is withdrawn until it is confirmed, or the products are back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_withdrawals: Option<HeldWithdrawals>,
}

/// A product that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnreadableProduct {
    /// Its id here, where one can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_id: Option<ProductId>,
    /// Its id as the product service writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_id: Option<String>,
    /// What is wrong.
    pub reason: String,
}

/// Withdrawals that wait for an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeldWithdrawals {
    /// How many products are missing.
    pub missing: u32,
    /// How many were for sale, these included.
    pub sold: u32,
}

/// Withdrawals that an operator has confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConfirmedWithdrawals {
    /// How many products were withdrawn.
    pub withdrawn: u32,
}
