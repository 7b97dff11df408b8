//! Values of options that are more than a number: how long something lives, and rates of VAT.

use std::time::Duration;

use storefront_api::VatRate;

/// The VAT of products of which the product service names none, unless another is configured.
pub const DEFAULT_VAT_RATE: VatRate = VatRate::percent(19);
/// For how long stock is promised to an order that is not paid, unless it is configured.
pub const RESERVATION_LIFE: Duration = Duration::from_mins(15);
/// After how long without a change a basket is over, unless it is configured.
pub const BASKET_LIFE: Duration = Duration::from_hours(24);
/// The longest that either may be: ten years.
const MAX_LIFE_S: u64 = 3_653 * 86_400;

/// Reads how long something lives: whole seconds, or a number with `s`, `m`, `h` or `d` behind it; 1 second to 10 years.
///
/// # Errors
/// What may be said instead.
pub fn parse_life(text: &str) -> Result<Duration, String> {
    let wrong = || "must be 1 second to 10 years, such as 90, 15m, 24h or 7d".to_owned();
    let (digits, unit_s) = match text.char_indices().last() {
        Some((at, 's')) => (&text[..at], 1),
        Some((at, 'm')) => (&text[..at], 60),
        Some((at, 'h')) => (&text[..at], 3_600),
        Some((at, 'd')) => (&text[..at], 86_400),
        Some(_) | None => (text, 1),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let life_s = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit_s));
    let life_s = life_s.filter(|life_s| (1..=MAX_LIFE_S).contains(life_s)).ok_or_else(wrong)?;
    Ok(Duration::from_secs(life_s))
}

/// Reads the VAT of products of which the product service names none: a number of percent, or `none`.
///
/// # Errors
/// What may be said instead.
pub fn parse_default_vat_rate(text: &str) -> Result<DefaultVatRate, String> {
    match text {
        "none" => Ok(DefaultVatRate(None)),
        text => text.parse().map(|rate| DefaultVatRate(Some(rate))).map_err(|bad| format!("{bad}; or none")),
    }
}

/// The VAT of products of which the product service names none, if they are sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DefaultVatRate(pub Option<VatRate>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_is_a_number_of_seconds_or_of_larger_units() {
        for (text, seconds) in [("1", 1), ("90", 90), ("45s", 45), ("15m", 900), ("24h", 86_400), ("7d", 604_800)] {
            assert_eq!(parse_life(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "0", "0m", "m", "-1", "+5", "1.5h", "15 m", "1w", "é", "99999d", "18446744073709551615d"] {
            assert!(parse_life(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_default_rate_of_vat_is_a_rate_or_none() {
        let rate = |text: &str| parse_default_vat_rate(text).map(|rate| rate.0);
        assert_eq!(rate("none"), Ok(None));
        assert_eq!(rate("25.5"), Ok("25.5".parse().ok()));
        for text in ["", "101", "None", "5,5", "19%"] {
            assert!(rate(text).is_err(), "{text:?}");
        }
    }
}
