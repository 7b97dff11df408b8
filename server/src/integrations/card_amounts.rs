//! Conversion of amounts to the card gateway's units, which are not always the minor units of ISO 4217.
//!
//! Source: Stripe's "Supported currencies", sections "Zero-decimal currencies", "Three-decimal currencies" and "Special cases".
//! Amounts that the gateway cannot charge exactly (the fils of a dinar, the hundredths of an ariary) are rounded half up.
//! Amounts are always compared in the gateway's units, so a rounded amount matches.

use storefront_api::{Currency, Money};

/// The gateway's unit of one currency.
struct Units {
    /// Number of decimal digits.
    digits: u32,
    /// Amounts must be multiples of this.
    step: i64,
}

fn units(currency: Currency) -> Units {
    match currency.as_str() {
        "BIF" | "CLP" | "DJF" | "GNF" | "JPY" | "KMF" | "KRW" | "MGA" | "PYG" | "RWF" | "VND" | "VUV" | "XAF"
        | "XOF" | "XPF" => Units { digits: 0, step: 1 },
        // Zero-decimal, but written with two decimals that are always 00.
        "ISK" | "UGX" => Units { digits: 2, step: 100 },
        // Three-decimal; the last digit is always 0.
        "BHD" | "JOD" | "KWD" | "OMR" | "TND" => Units { digits: 3, step: 10 },
        _ => Units { digits: currency.exponent(), step: 1 },
    }
}

/// Converts an amount to the gateway's units; `None` on overflow.
pub(crate) fn to_gateway_units(money: Money) -> Option<i64> {
    let Units { digits, step } = units(money.currency);
    let ours = i128::from(money.amount) * 10_i128.pow(digits);
    let ours_per_step = 10_i128.pow(money.currency.exponent()) * i128::from(step);
    // Half up, also for negative amounts: -0.5 becomes 0.
    let steps = (2 * ours + ours_per_step).div_euclid(2 * ours_per_step);
    i64::try_from(steps * i128::from(step)).ok()
}

/// Converts an amount from the gateway's units; rounding is not undone. `None` on overflow.
pub(crate) fn from_gateway_units(amount: i64, currency: Currency) -> Option<Money> {
    let theirs_per_whole = 10_i128.pow(units(currency).digits);
    let ours = i128::from(amount) * 10_i128.pow(currency.exponent());
    // Half up, as in the other direction.
    let ours = (2 * ours + theirs_per_whole).div_euclid(2 * theirs_per_whole);
    i64::try_from(ours).ok().map(|amount| Money::new(amount, currency))
}

/// Whether the gateway's amount and currency equal `money`.
pub(crate) fn is_same(money: Money, amount: i64, currency: &str) -> bool {
    currency.eq_ignore_ascii_case(money.currency.as_str()) && to_gateway_units(money) == Some(amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(amount: i64, currency: &str) -> Money {
        Money::new(amount, currency.parse().unwrap())
    }

    #[test]
    fn every_currency_is_counted_as_the_gateway_publishes_it() {
        for (ours, currency, theirs) in [
            // 10 USD; two decimals unless said otherwise, also HUF and TWD, which differ for payouts alone.
            (1000, "USD", 1000),
            (2499, "EUR", 2499),
            (1045, "HUF", 1045),
            (80_045, "TWD", 80_045),
            // "To charge 500 JPY, provide an amount value of 500."
            (500, "BIF", 500),
            (500, "CLP", 500),
            (500, "DJF", 500),
            (500, "GNF", 500),
            (500, "JPY", 500),
            (500, "KMF", 500),
            (500, "KRW", 500),
            (500, "PYG", 500),
            (500, "RWF", 500),
            (500, "VND", 500),
            (500, "VUV", 500),
            (500, "XAF", 500),
            (500, "XOF", 500),
            (500, "XPF", 500),
            // Without decimals there, with two in ISO 4217.
            (50_000, "MGA", 500),
            (50_049, "MGA", 500),
            (50_050, "MGA", 501),
            // "To charge 5 ISK, provide an amount value of 500."
            (5, "ISK", 500),
            (5, "UGX", 500),
            // "To charge 5.124 KWD, provide 5120 or 5130": the nearest ten, half up.
            (5124, "KWD", 5120),
            (5125, "KWD", 5130),
            (5129, "BHD", 5130),
            (5120, "JOD", 5120),
            (4, "OMR", 0),
            (9_995, "TND", 10_000),
            (0, "EUR", 0),
            (-5124, "KWD", -5120),
        ] {
            assert_eq!(to_gateway_units(money(ours, currency)), Some(theirs), "{ours} {currency}");
            assert!(is_same(money(ours, currency), theirs, &currency.to_lowercase()), "{ours} {currency}");
        }
    }

    #[test]
    fn amounts_of_the_gateway_are_converted_to_those_of_the_shop() {
        for (theirs, currency, ours) in [
            (2499, "EUR", 2499),
            (500, "JPY", 500),
            (500, "MGA", 50_000),
            (500, "ISK", 5),
            (500, "UGX", 5),
            (549, "UGX", 5),
            (550, "UGX", 6),
            (5120, "KWD", 5120),
            (0, "EUR", 0),
            (-500, "UGX", -5),
            (-500, "MGA", -50_000),
        ] {
            assert_eq!(
                from_gateway_units(theirs, currency.parse().unwrap()),
                Some(money(ours, currency)),
                "{theirs} {currency}"
            );
        }
        assert_eq!(from_gateway_units(i64::MAX, "MGA".parse().unwrap()), None);
    }

    #[test]
    fn another_amount_or_currency_is_not_the_same() {
        assert!(!is_same(money(3590, "EUR"), 3589, "eur"));
        assert!(!is_same(money(3590, "EUR"), 3590, "usd"));
        assert!(!is_same(money(5, "ISK"), 5, "isk"));
        assert!(!is_same(money(i64::MAX, "UGX"), i64::MAX, "ugx"));
    }

    #[test]
    fn what_does_not_fit_there_is_no_amount() {
        assert_eq!(to_gateway_units(money(i64::MAX, "ISK")), None);
        assert_eq!(to_gateway_units(money(i64::MIN, "UGX")), None);
        assert_eq!(to_gateway_units(money(i64::MAX, "EUR")), Some(i64::MAX));
    }
}
