//! Customers, their wallets and their vouchers.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::unknown::{or_unknown, states};
use crate::{CustomerId, Money, OrderId, Password, PaymentId, Role, Timestamp, VoucherCode};

states!(CustomerState, MovementKind, VoucherStatus);

/// The body of `POST /v1/customers`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterCustomer {
    /// The id of the new customer; without it, the server makes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<CustomerId>,
    /// The mail address to sign in with; together with `password` and `name`. Without these three, the customer has no
    /// account to sign in to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = "email", max_length = 254, example = "ada@example.com")]
    pub email: Option<String>,
    /// The password, 8 to 128 characters of any kind; not one of the most common.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "password", min_length = 8, max_length = 128)]
    pub password: Option<Password>,
    /// The name, 1 to 50 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 50)]
    pub name: Option<String>,
}

/// What a registration is answered with in secured mode. It does not tell whether the mail address has had an account before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RegistrationAccepted {
    /// The mail address to sign in with.
    pub email: String,
}

/// Set the spending limit of a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetLimit {
    /// The highest price of one piece that the customer may buy; not negative, in the shop's currency.
    #[schema(value_type = crate::money_limits::NonNegativeMoney)]
    pub spending_limit: Money,
}

/// A customer with an account, as opposed to a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Customer {
    /// The id of the customer; requests on their behalf send it as `Storefront-Customer`.
    pub id: CustomerId,
    /// The highest price of one piece that the customer may buy.
    pub spending_limit: Money,
    /// The mail address to sign in with; absent without an account, as are the fields below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The name of the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the customer may do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Whether the customer may not sign in.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deactivated: bool,
    /// The version of the customer's stream.
    pub version: u64,
}

/// The state of a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CustomerState {
    /// May sign in, if there is an account.
    Active,
    /// May not sign in.
    Deactivated,
    /// The account was deleted, and name and mail address are gone from the list.
    Deleted,
    /// One of a later version, which this one does not know; only in answers that are read.
    #[serde(skip)]
    Unknown,
}

/// Filter and page of the list of customers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CustomerListQuery {
    /// Only customers in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub state: Option<CustomerState>,
    /// Only customers whose name, mail address or id has words with these beginnings. Deleted ones are found by their id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
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

/// A customer in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CustomerSummary {
    /// The id of the customer.
    pub id: CustomerId,
    /// The state of the customer.
    #[serde(deserialize_with = "or_unknown")]
    pub state: CustomerState,
    /// The mail address to sign in with; absent without an account, and once it is deleted, as are the fields below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The name of the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the customer may do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Time of the registration.
    pub registered_at: Timestamp,
}

/// The wallet of a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Wallet {
    /// The customer who owns the wallet.
    pub customer_id: CustomerId,
    /// The present balance; never negative.
    pub balance: Money,
    /// The version of the wallet's stream: the number of its movements.
    pub version: u64,
}

/// The cause of a movement of a wallet.
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
    /// The cause of the movement.
    #[serde(deserialize_with = "or_unknown")]
    pub kind: MovementKind,
    /// The change of the balance; negative for a payment.
    pub amount: Money,
    /// The balance after the movement.
    pub balance: Money,
    /// Time of the movement.
    pub time: Timestamp,
    /// The order that the movement belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// The payment that the movement belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<PaymentId>,
    /// The reason that was given, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Which movements to list; newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MovementsQuery {
    /// Maximum number of items in the page, 1 to 100; default 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// The `next_cursor` of the previous page; without it the list starts at its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Add money to a wallet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TopUp {
    /// The amount; above 0, in the shop's currency.
    #[schema(value_type = crate::money_limits::PositiveMoney)]
    pub amount: Money,
    /// The reason, 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200)]
    pub reason: String,
}

/// The body of `POST /v1/vouchers/{code}/revoke`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeVoucher {
    /// The reason, 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200)]
    pub reason: String,
}

/// The state of a voucher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VoucherStatus {
    /// It can be used.
    Issued,
    /// Reserved for an order that is being checked out.
    Reserved,
    /// Used by an order; cannot be used again.
    Redeemed,
    /// Revoked by an operator.
    Revoked,
    /// One of a later version, which this one does not know; only in answers that are read.
    #[serde(skip)]
    Unknown,
}

/// A voucher: an amount that is deducted from one order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Voucher {
    /// The code, which the shopper enters.
    pub code: VoucherCode,
    /// The amount that it deducts.
    pub amount: Money,
    /// The state of the voucher.
    #[serde(deserialize_with = "or_unknown")]
    pub status: VoucherStatus,
    /// The owner; absent for the voucher of a guest, which anybody with the code can use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// The order for which it was issued.
    pub issued_for: OrderId,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// The order that it is reserved for or was used for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_by: Option<OrderId>,
}

/// A customer's vouchers, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VoucherList {
    /// The vouchers, including used and revoked ones.
    pub items: Vec<Voucher>,
}
