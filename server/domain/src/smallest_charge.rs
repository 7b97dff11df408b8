//! The smallest amount that the card gateway charges, by currency.

use storefront_api::{Currency, Money};

/// The published table (docs.stripe.com/currencies, "Minimum and maximum charge amounts"), in minor units as ISO 4217 counts
/// them.
const SMALLEST_CHARGES: [(&str, i64); 24] = [
    ("AED", 200),
    ("AUD", 50),
    ("BGN", 100),
    ("BRL", 50),
    ("CAD", 50),
    ("CHF", 50),
    ("CZK", 1_500),
    ("DKK", 250),
    ("EUR", 50),
    ("GBP", 30),
    ("HKD", 400),
    ("HUF", 17_500),
    ("INR", 50),
    ("JPY", 50),
    ("MXN", 1_000),
    ("MYR", 200),
    ("NOK", 300),
    ("NZD", 50),
    ("PLN", 200),
    ("RON", 200),
    ("SEK", 300),
    ("SGD", 50),
    ("THB", 1_000),
    ("USD", 50),
];

/// The smallest amount of a currency that can be charged to a card; zero if the gateway publishes none.
pub fn smallest_charge(currency: Currency) -> Money {
    let published = SMALLEST_CHARGES.iter().find(|(code, _)| *code == currency.as_str());
    Money::new(published.map_or(0, |(_, amount)| *amount), currency)
}
