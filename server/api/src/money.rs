//! Money: whole minor units of one currency, with checked arithmetic and no floats.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why a money operation or a currency code is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadMoney {
    /// The result does not fit 64 bits.
    #[error("the amount is too large")]
    TooLarge,
    /// The amounts have different currencies.
    #[error("{0} and {1} cannot be added")]
    Currencies(Currency, Currency),
    /// The text is not an ISO 4217 code.
    #[error("{0:?} is not a currency: three capital letters, such as EUR")]
    NoCurrency(String),
}

/// An ISO 4217 code, such as `EUR`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^[A-Z]{3}$", example = "EUR")]
pub struct Currency([u8; 3]);

impl Currency {
    /// The currency of the demo range.
    pub const EUR: Self = Self(*b"EUR");

    /// The three letters of the code.
    pub fn as_str(&self) -> &str {
        // The code has only ASCII letters, so the fallback is never used.
        std::str::from_utf8(&self.0).unwrap_or("???")
    }

    /// Number of decimal places (ISO 4217, table A.1): 2 for most currencies, 0 for the yen and others, 3 for dinars.
    pub fn exponent(&self) -> u32 {
        match self.as_str() {
            "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI" | "VND"
            | "VUV" | "XAF" | "XOF" | "XPF" => 0,
            "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
            _ => 2,
        }
    }
}

impl FromStr for Currency {
    type Err = BadMoney;

    fn from_str(text: &str) -> Result<Self, BadMoney> {
        match text.as_bytes() {
            [a, b, c] if text.bytes().all(|byte| byte.is_ascii_uppercase()) => Ok(Self([*a, *b, *c])),
            _ => Err(BadMoney::NoCurrency(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = BadMoney;

    fn try_from(text: String) -> Result<Self, BadMoney> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.as_str().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An amount in minor units: `{"amount": 2499, "currency": "EUR"}` is 24.99 euro.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct Money {
    /// The number of minor units, such as cents.
    #[schema(example = 2499)]
    pub amount: i64,
    /// The currency of the amount.
    pub currency: Currency,
}

impl Money {
    /// Maximum price in minor units: 99,999,999.99 in EUR. It keeps orders (50 lines of 99 pieces) and sums of orders
    /// far below the range of 64 bits.
    pub const MAX_PRICE_MINOR_UNITS: i64 = 9_999_999_999;

    /// Creates an amount from minor units.
    pub const fn new(amount: i64, currency: Currency) -> Self {
        Self { amount, currency }
    }

    /// The amount 0 in a currency.
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// The sum of two amounts.
    ///
    /// # Errors
    /// When the currencies differ or the sum does not fit.
    pub fn plus(self, other: Self) -> Result<Self, BadMoney> {
        self.same_currency(other)?;
        self.amount.checked_add(other.amount).map(|amount| Self::new(amount, self.currency)).ok_or(BadMoney::TooLarge)
    }

    /// The difference of two amounts; may be negative.
    ///
    /// # Errors
    /// When the currencies differ or the difference does not fit.
    pub fn minus(self, other: Self) -> Result<Self, BadMoney> {
        self.same_currency(other)?;
        self.amount.checked_sub(other.amount).map(|amount| Self::new(amount, self.currency)).ok_or(BadMoney::TooLarge)
    }

    /// The product of the amount and a factor.
    ///
    /// # Errors
    /// When the product does not fit.
    pub fn times(self, factor: u32) -> Result<Self, BadMoney> {
        self.amount
            .checked_mul(i64::from(factor))
            .map(|amount| Self::new(amount, self.currency))
            .ok_or(BadMoney::TooLarge)
    }

    fn same_currency(self, other: Self) -> Result<(), BadMoney> {
        if self.currency == other.currency { Ok(()) } else { Err(BadMoney::Currencies(self.currency, other.currency)) }
    }
}

impl fmt::Display for Money {
    /// `24.99 EUR`, `-0.05 EUR`, `300 JPY`: digits only, for logs and line mode.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.amount < 0 { "-" } else { "" };
        let digits = self.amount.unsigned_abs();
        match self.currency.exponent() {
            0 => write!(f, "{sign}{digits} {}", self.currency),
            exponent => {
                let unit = 10_u64.pow(exponent);
                let width = exponent as usize;
                write!(f, "{sign}{}.{:0width$} {}", digits / unit, digits % unit, self.currency)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shown_with_the_digits_of_their_currency() {
        let shown = |amount, currency: &str| Money::new(amount, currency.parse().unwrap()).to_string();
        assert_eq!(shown(2499, "EUR"), "24.99 EUR");
        assert_eq!(shown(-5, "EUR"), "-0.05 EUR");
        assert_eq!(shown(300, "JPY"), "300 JPY");
        assert_eq!(shown(1001, "KWD"), "1.001 KWD");
        assert_eq!(shown(i64::MIN, "EUR"), "-92233720368547758.08 EUR");
    }

    #[test]
    fn sums_of_two_currencies_and_sums_that_do_not_fit_are_refused() {
        let euro = Money::new(i64::MAX, Currency::EUR);
        let yen = Money::new(1, "JPY".parse().unwrap());
        assert!(matches!(euro.plus(yen), Err(BadMoney::Currencies(..))));
        assert_eq!(euro.plus(Money::new(1, Currency::EUR)), Err(BadMoney::TooLarge));
        assert_eq!(euro.times(2), Err(BadMoney::TooLarge));
    }

    #[test]
    fn a_currency_is_three_capital_letters() {
        for text in ["", "eur", "EURO", "E1R", "€"] {
            assert!(text.parse::<Currency>().is_err(), "{text}");
        }
    }
}
