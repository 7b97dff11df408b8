//! Amounts of money with limits, as the description has them. In the code each is a [`Money`](crate::Money).

use utoipa::ToSchema;

use crate::Currency;

/// A price of one piece, in the shop's currency.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct Price {
    /// The number of minor units, such as cents.
    #[schema(minimum = 1, maximum = 9_999_999_999_i64, example = 2499)]
    amount: i64,
    /// As an ISO 4217 code; that of the shop.
    currency: Currency,
}

/// An amount above 0, in the shop's currency.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct PositiveMoney {
    /// The number of minor units, such as cents.
    #[schema(minimum = 1, example = 2499)]
    amount: i64,
    /// As an ISO 4217 code; that of the shop.
    currency: Currency,
}

/// An amount that is not negative, in the shop's currency.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct NonNegativeMoney {
    /// The number of minor units, such as cents.
    #[schema(minimum = 0, example = 100_000)]
    amount: i64,
    /// As an ISO 4217 code; that of the shop.
    currency: Currency,
}
