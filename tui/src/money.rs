//! How money is shown: the one place. Whole minor units in, text out; nothing is ever divided but to place the point.

use storefront_api::Money;

/// An amount as people write it: `24.99 €`, `-0.05 €`, `300 ¥`, `12.50 CHF`.
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
}
