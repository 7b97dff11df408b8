//! Formats and parses money. The only place that does. Amounts are whole minor units; they are divided only to place
//! the decimal point.

use storefront_api::{Currency, Money};

/// Formats an amount with its currency: `24.99 €`, `-0.05 €`, `300 ¥`, `12.50 CHF`.
pub(crate) fn shown(money: Money) -> String {
    let text = money.to_string();
    let sign = match money.currency.as_str() {
        "EUR" => "€",
        "USD" => "$",
        "GBP" => "£",
        "JPY" => "¥",
        _ => return text,
    };
    match text.split_once(' ') {
        Some((digits, _)) => format!("{digits} {sign}"),
        None => text,
    }
}

/// Formats an amount for a form field: `24.99`.
pub(crate) fn digits(money: Money) -> String {
    let text = money.to_string();
    text.split_once(' ').map_or_else(|| text.clone(), |(digits, _)| digits.to_owned())
}

/// Parses a typed amount: `12`, `12.5`, `12,50` or `12.50` for a currency with two digits.
///
/// # Errors
/// The expected format, for anything else: signs, spaces, thousands separators, more digits than the currency has,
/// amounts that do not fit.
pub(crate) fn read(text: &str, currency: Currency) -> Result<Money, String> {
    let places = currency.exponent() as usize;
    let example = match places {
        0 => "300".to_owned(),
        places => format!("12.{:0<places$}", 5),
    };
    amount(text.trim(), places)
        .map(|amount| Money::new(amount, currency))
        .ok_or_else(|| format!("an amount of {currency}, such as {example}"))
}

fn amount(text: &str, places: usize) -> Option<i64> {
    let (whole, rest) = match text.split_once(['.', ',']) {
        Some((whole, rest)) => (whole, Some(rest)),
        None => (text, None),
    };
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let fits = all_digits(whole) && rest.is_none_or(|rest| all_digits(rest) && rest.len() <= places);
    fits.then(|| format!("{whole}{:0<places$}", rest.unwrap_or_default()))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_carry_the_sign_of_their_currency() {
        let money = |amount, currency: &str| shown(Money::new(amount, currency.parse().unwrap()));
        assert_eq!(money(2499, "EUR"), "24.99 €");
        assert_eq!(money(-5, "EUR"), "-0.05 €");
        assert_eq!(money(300, "JPY"), "300 ¥");
        assert_eq!(money(1250, "CHF"), "12.50 CHF");
    }

    #[test]
    fn amounts_are_read_with_a_point_or_a_comma() {
        for (text, amount) in
            [("12.5", 1250), ("12,50", 1250), ("12.50", 1250), (" 12 ", 1200), ("0,05", 5), ("007.1", 710)]
        {
            assert_eq!(read(text, Currency::EUR).map(|money| money.amount), Ok(amount), "{text}");
        }
        let yen: Currency = "JPY".parse().unwrap();
        assert_eq!(read("300", yen), Ok(Money::new(300, yen)));
        let dinars: Currency = "KWD".parse().unwrap();
        assert_eq!(read("1.5", dinars).map(|money| money.amount), Ok(1500));
    }

    #[test]
    fn what_is_no_amount_is_refused_with_what_is_one() {
        let too_large = "92233720368547758.08";
        for text in [
            "", " ", "-1", "+1", "1.", ".5", ",5", "1.234,56", "1,234.56", "12.505", "1 000", "12 €", "1e3", "٣",
            too_large,
        ] {
            assert_eq!(read(text, Currency::EUR), Err("an amount of EUR, such as 12.50".to_owned()), "{text:?}");
        }
        let yen: Currency = "JPY".parse().unwrap();
        assert_eq!(read("3.0", yen), Err("an amount of JPY, such as 300".to_owned()));
    }

    #[test]
    fn what_stands_in_a_field_is_read_as_the_same_amount() {
        for amount in [0, 5, 99, 100, 123_456, i64::MAX] {
            let money = Money::new(amount, Currency::EUR);
            assert_eq!(read(&digits(money), Currency::EUR), Ok(money));
        }
    }
}
