//! Stored shapes that several contexts share: money, addresses, payment methods, reasons. They are separate from the wire
//! types, so that those may change.

use serde::{Deserialize, Serialize};
use storefront_api::{self as api, Currency, ProductId, VoucherCode};
use utoipa::ToSchema;

use super::fields::Fields;

/// The data of an event without fields.
#[derive(Serialize, Deserialize, ToSchema)]
pub(super) struct NoData {}

#[derive(Serialize, Deserialize, ToSchema)]
pub(super) struct Money {
    amount: i64,
    currency: Currency,
}

impl From<api::Money> for Money {
    fn from(money: api::Money) -> Self {
        Self { amount: money.amount, currency: money.currency }
    }
}

impl From<Money> for api::Money {
    fn from(money: Money) -> Self {
        Self { amount: money.amount, currency: money.currency }
    }
}

#[derive(Serialize, Deserialize, ToSchema)]
pub(super) struct Address {
    name: String,
    street: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    line2: Option<String>,
    postal_code: String,
    city: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    country: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    phone: Option<String>,
}

/// The next version allows a second line, a state and a telephone number in an address. Older addresses have none, so their
/// fields stay absent.
pub(super) fn allow_longer_address(fields: Fields) -> Fields {
    fields
}

impl From<api::Address> for Address {
    fn from(address: api::Address) -> Self {
        let api::Address { name, street, line2, postal_code, city, state, country, phone } = address;
        Self { name, street, line2, postal_code, city, state, country, phone }
    }
}

impl From<Address> for api::Address {
    fn from(address: Address) -> Self {
        let Address { name, street, line2, postal_code, city, state, country, phone } = address;
        Self { name, street, line2, postal_code, city, state, country, phone }
    }
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(tag = "method", rename_all = "snake_case")]
pub(super) enum PaymentMethod {
    Card { token: String },
    Wallet,
    None,
}

impl From<api::PaymentMethod> for PaymentMethod {
    fn from(method: api::PaymentMethod) -> Self {
        match method {
            api::PaymentMethod::Card { token } => Self::Card { token },
            api::PaymentMethod::Wallet => Self::Wallet,
            api::PaymentMethod::None => Self::None,
        }
    }
}

impl From<PaymentMethod> for api::PaymentMethod {
    fn from(method: PaymentMethod) -> Self {
        match method {
            PaymentMethod::Card { token } => Self::Card { token },
            PaymentMethod::Wallet => Self::Wallet,
            PaymentMethod::None => Self::None,
        }
    }
}

/// Why a checkout failed; the data of `order.reopened` and `checkout.failed`.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
pub(super) enum ReopenReason {
    OutOfStock { product_ids: Vec<ProductId> },
    PaymentDeclined { reason: String, message: String },
    VoucherUnavailable { voucher: VoucherCode },
    ReservationExpired,
}

impl From<api::ReopenReason> for ReopenReason {
    fn from(reason: api::ReopenReason) -> Self {
        match reason {
            api::ReopenReason::OutOfStock { product_ids } => Self::OutOfStock { product_ids },
            api::ReopenReason::PaymentDeclined { reason, message } => Self::PaymentDeclined { reason, message },
            api::ReopenReason::VoucherUnavailable { voucher } => Self::VoucherUnavailable { voucher },
            api::ReopenReason::ReservationExpired => Self::ReservationExpired,
        }
    }
}

impl From<ReopenReason> for api::ReopenReason {
    fn from(reason: ReopenReason) -> Self {
        match reason {
            ReopenReason::OutOfStock { product_ids } => Self::OutOfStock { product_ids },
            ReopenReason::PaymentDeclined { reason, message } => Self::PaymentDeclined { reason, message },
            ReopenReason::VoucherUnavailable { voucher } => Self::VoucherUnavailable { voucher },
            ReopenReason::ReservationExpired => Self::ReservationExpired,
        }
    }
}

/// Serializes a value as text, by `Display` and `FromStr`.
pub(super) mod as_text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Serializes a [`Quantity`](storefront_domain::Quantity) as a number.
pub(super) mod as_pieces {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use storefront_domain::Quantity;

    pub(crate) fn serialize<S: Serializer>(quantity: &Quantity, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(quantity.get())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Quantity, D::Error> {
        u32::deserialize(deserializer)?.try_into().map_err(D::Error::custom)
    }
}
