//! Customers, their wallets and their vouchers.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::unknown::or_unknown;
use crate::{CustomerId, Money, OrderId, PaymentId, Timestamp, VoucherCode};

/// Become a customer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterCustomer {
    /// An id of the client's choice; the shop makes one if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<CustomerId>,
}

/// Let a customer buy dearer things, or only cheaper ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetLimit {
    /// The highest price of one piece that the customer may buy; not negative, in the shop's currency.
    pub spending_limit: Money,
}

/// A customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Customer {
    /// Names the customer; sent in the header `Storefront-Customer`.
    pub id: CustomerId,
    /// The highest price of one piece that the customer may buy.
    pub spending_limit: Money,
    /// The version of the customer's stream.
    pub version: u64,
}

/// A customer's money with the shop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Wallet {
    /// Whose it is.
    pub customer_id: CustomerId,
    /// What is in it; never negative.
    pub balance: Money,
    /// The version of the wallet's stream: the number of its movements.
    pub version: u64,
}

/// What moved money into a wallet or out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MovementKind {
    /// The wallet was opened, with its opening balance.
    Opened,
    /// An operator put money in.
    ToppedUp,
    /// An order was paid.
    Charged,
    /// Money for an order came back.
    Credited,
    /// One of a later version, which this one does not know; only in answers that are read.
    #[serde(skip)]
    Unknown,
}

/// One movement of a wallet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Movement {
    /// Its number in the wallet, from 1.
    pub version: u64,
    /// What moved the money.
    #[serde(deserialize_with = "or_unknown")]
    pub kind: MovementKind,
    /// How much came in; negative when it went out.
    pub amount: Money,
    /// What was in the wallet afterwards.
    pub balance: Money,
    /// When.
    pub time: Timestamp,
    /// The order that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// The payment that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<PaymentId>,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Which movements to list; newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MovementsQuery {
    /// How many items a page has, 1 to 100; 20 if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Where the last page ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Put money into a wallet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TopUp {
    /// How much; more than nothing, in the shop's currency.
    pub amount: Money,
    /// Why, 1 to 200 characters.
    pub reason: String,
}

/// Take a voucher back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeVoucher {
    /// Why, 1 to 200 characters.
    pub reason: String,
}

/// Where a voucher is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VoucherStatus {
    /// It can be used.
    Issued,
    /// An order that is being checked out has it.
    Reserved,
    /// It was used.
    Redeemed,
    /// The shop took it back.
    Revoked,
    /// One of a later version, which this one does not know; only in answers that are read.
    #[serde(skip)]
    Unknown,
}

/// An amount that is taken off one order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Voucher {
    /// What to type.
    pub code: VoucherCode,
    /// What it takes off.
    pub amount: Money,
    /// Whether it can be used.
    #[serde(deserialize_with = "or_unknown")]
    pub status: VoucherStatus,
    /// Whose it is; absent for a guest's, which anybody who knows the code may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// The order for which it was issued.
    pub issued_for: OrderId,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// The order that has it, or that it was used for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_by: Option<OrderId>,
}

/// A customer's vouchers, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VoucherList {
    /// The vouchers, used ones too.
    pub items: Vec<Voucher>,
}
