//! Currencies as the gateway's public documentation defines them (docs.stripe.com/currencies). Pure data.

/// Number of decimal places of a currency.
pub(crate) fn digits(currency: &str) -> usize {
    match currency.to_ascii_lowercase().as_str() {
        "bif" | "clp" | "djf" | "gnf" | "jpy" | "kmf" | "krw" | "mga" | "pyg" | "rwf" | "vnd" | "vuv" | "xaf"
        | "xof" | "xpf" => 0,
        "bhd" | "jod" | "kwd" | "omr" | "tnd" => 3,
        _ => 2,
    }
}

/// The smallest step of amounts: 10 for currencies with three decimal places, 100 for those whose decimal places are no
/// longer used.
pub(crate) fn step(currency: &str) -> i64 {
    match currency.to_ascii_lowercase().as_str() {
        "isk" | "ugx" => 100,
        "bhd" | "jod" | "kwd" | "omr" | "tnd" => 10,
        _ => 1,
    }
}

/// Formats an amount, such as `24.99 EUR`.
pub(crate) fn format_amount(amount: i64, currency: &str) -> String {
    let digits = digits(currency);
    let unit = 10_i64.pow(u32::try_from(digits).unwrap_or(0));
    let currency = currency.to_uppercase();
    if digits == 0 {
        return format!("{amount} {currency}");
    }
    format!("{}.{:0digits$} {currency}", amount / unit, amount % unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shown_as_their_currency_is_written() {
        assert_eq!(format_amount(2499, "eur"), "24.99 EUR");
        assert_eq!(format_amount(500, "jpy"), "500 JPY");
        assert_eq!(format_amount(5120, "kwd"), "5.120 KWD");
    }
}
