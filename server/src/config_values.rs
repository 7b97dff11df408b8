//! Parsers and defaults of option values that are more than a number: lifetimes and VAT rates.

use std::time::Duration;

use storefront_api::VatRate;

/// Default VAT rate of products for which the product service gives none.
pub const DEFAULT_VAT_RATE: VatRate = VatRate::percent(19);
/// Default time for which stock stays reserved for an unpaid order.
pub const RESERVATION_LIFE: Duration = Duration::from_mins(15);
/// Default lifetime of a basket after its last change.
pub const BASKET_LIFE: Duration = Duration::from_hours(24);
/// Maximum of both lifetimes, in seconds: ten years.
const MAX_LIFE_S: u64 = 3_653 * 86_400;

/// Parses a lifetime: whole seconds, or a number followed by `s`, `m`, `h` or `d`; 1 second to 10 years.
///
/// # Errors
/// The accepted forms.
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

/// Parses the default VAT rate: a percentage, or `none`.
///
/// # Errors
/// The accepted forms.
pub fn parse_default_vat_rate(text: &str) -> Result<DefaultVatRate, String> {
    match text {
        "none" => Ok(DefaultVatRate(None)),
        text => text.parse().map(|rate| DefaultVatRate(Some(rate))).map_err(|bad| format!("{bad}; or none")),
    }
}

/// VAT rate of products for which the product service gives none; `None` when they are not sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DefaultVatRate(pub Option<VatRate>);

/// How many requests a client may send within a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Maximum number of requests at once, at least 1.
    pub requests: u32,
    /// The time in which that many are refilled, evenly.
    pub window: Duration,
}

/// Default limit on the requests of a client.
pub(crate) const RATE_LIMIT: Quota = Quota { requests: 6_000, window: Duration::from_mins(1) };
/// Default limit on the requests of a client that look at a password.
pub(crate) const SIGN_IN_LIMIT: Quota = Quota { requests: 60, window: Duration::from_mins(10) };

/// A limit on the requests of a client; `None` for no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit(pub Option<Quota>);

/// Parses a limit: a number, a slash and a time as [`parse_life`] takes it, or `none`.
///
/// # Errors
/// The accepted forms.
pub fn parse_rate_limit(text: &str) -> Result<RateLimit, String> {
    if text == "none" {
        return Ok(RateLimit(None));
    }
    let wrong = || "must be a number of requests and a time, such as 600/1m, or none".to_owned();
    let (requests, window) = text.split_once('/').ok_or_else(wrong)?;
    let requests = requests.parse().ok().filter(|requests| (1..=1_000_000).contains(requests)).ok_or_else(wrong)?;
    let window = parse_life(window).ok().filter(|window| *window <= Duration::from_hours(24)).ok_or_else(wrong)?;
    Ok(RateLimit(Some(Quota { requests, window })))
}

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
    fn a_rate_limit_is_a_number_of_requests_in_a_time_or_none() {
        assert_eq!(parse_rate_limit("6000/1m"), Ok(RateLimit(Some(RATE_LIMIT))));
        assert_eq!(parse_rate_limit("60/600"), Ok(RateLimit(Some(SIGN_IN_LIMIT))));
        assert_eq!(parse_rate_limit("none"), Ok(RateLimit(None)));
        for text in ["", "0/1m", "5", "/1m", "5/", "5/0", "5/2d", "-1/1m", "1000001/1m", "5/1m/1m"] {
            assert!(parse_rate_limit(text).is_err(), "{text:?}");
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
