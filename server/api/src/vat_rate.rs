//! VAT rates, exact to a thousandth of a percent, without floats in their arithmetic.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

/// A rate of VAT: 0 to 100 percent, with at most three decimal places.
///
/// JSON has it as a number of percent: `19`, `5.5`, `8.1`. It is read from text too: `"5.5"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VatRate {
    thousandths: u32,
}

/// A value that is not a VAT rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a VAT rate: 0 to 100 percent with at most three decimal places, such as 19 or 5.5")]
pub struct BadVatRate(String);

/// Thousandths in one percent.
const PERCENT: u32 = 1_000;

impl VatRate {
    /// One hundred percent, in thousandths of a percent.
    pub const WHOLE_THOUSANDTHS: u32 = 100 * PERCENT;

    /// A rate in whole percent; above 100 it is 100.
    pub const fn percent(percent: u8) -> Self {
        let percent = if percent > 100 { 100 } else { percent };
        Self { thousandths: percent as u32 * PERCENT }
    }

    /// The rate in thousandths of a percent: 5.5 % is 5,500.
    pub const fn thousandths_of_a_percent(self) -> u32 {
        self.thousandths
    }

    /// Whether it is a whole number of percent.
    pub const fn is_whole(self) -> bool {
        self.thousandths.is_multiple_of(PERCENT)
    }

    fn from_thousandths(thousandths: u64, text: impl FnOnce() -> String) -> Result<Self, BadVatRate> {
        match u32::try_from(thousandths) {
            Ok(thousandths) if thousandths <= Self::WHOLE_THOUSANDTHS => Ok(Self { thousandths }),
            Ok(_) | Err(_) => Err(BadVatRate(text())),
        }
    }
}

impl fmt::Display for VatRate {
    /// The number of percent without a sign, and without zeros at its end: `19`, `5.5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.thousandths / PERCENT, self.thousandths % PERCENT);
        if rest == 0 {
            return write!(f, "{whole}");
        }
        let digits = format!("{rest:03}");
        write!(f, "{whole}.{}", digits.trim_end_matches('0'))
    }
}

impl FromStr for VatRate {
    type Err = BadVatRate;

    fn from_str(text: &str) -> Result<Self, BadVatRate> {
        let bad = || BadVatRate(text.chars().take(40).collect());
        let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), "0"));
        let fraction = fraction.trim_end_matches('0');
        let only_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty()
            || text.trim().ends_with('.')
            || fraction.len() > 3
            || !only_digits(whole)
            || !only_digits(fraction)
        {
            return Err(bad());
        }
        let whole: u32 = whole.parse().map_err(|_| bad())?;
        let fraction: u64 = format!("{fraction:0<3}").parse().map_err(|_| bad())?;
        Self::from_thousandths(u64::from(whole) * u64::from(PERCENT) + fraction, || bad().0)
    }
}

impl Serialize for VatRate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_whole() {
            serializer.serialize_u32(self.thousandths / PERCENT)
        } else {
            // The nearest float to so few digits is written with just these digits.
            serializer.serialize_f64(f64::from(self.thousandths) / f64::from(PERCENT))
        }
    }
}

impl<'de> Deserialize<'de> for VatRate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberOrText)
    }
}

struct NumberOrText;

impl Visitor<'_> for NumberOrText {
    type Value = VatRate;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a VAT rate of 0 to 100 percent with at most three decimal places, such as 19 or 5.5")
    }

    fn visit_u64<E: Error>(self, percent: u64) -> Result<VatRate, E> {
        let thousandths = percent.saturating_mul(u64::from(PERCENT));
        VatRate::from_thousandths(thousandths, || percent.to_string()).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, percent: i64) -> Result<VatRate, E> {
        let percent = u64::try_from(percent).map_err(|_| E::custom(BadVatRate(percent.to_string())))?;
        self.visit_u64(percent)
    }

    fn visit_f64<E: Error>(self, percent: f64) -> Result<VatRate, E> {
        // Written with the fewest digits that mean this float, which are those that the other side wrote.
        percent.to_string().parse().map_err(E::custom)
    }

    fn visit_str<E: Error>(self, percent: &str) -> Result<VatRate, E> {
        percent.parse().map_err(E::custom)
    }
}

impl PartialSchema for VatRate {
    fn schema() -> RefOr<Schema> {
        let number = ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Number))
            .description(Some("A rate of VAT in percent, with at most three decimal places."))
            .minimum(Some(0))
            .maximum(Some(100))
            .multiple_of(Some(0.001))
            .examples([serde_json::json!(5.5)]);
        RefOr::T(Schema::Object(number.build()))
    }
}

impl ToSchema for VatRate {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("VatRate")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<VatRate, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn rates_are_numbers_of_percent_with_or_without_decimals() {
        for (json, written) in [
            ("19", "19"),
            ("19.0", "19"),
            ("0", "0"),
            ("100", "100"),
            ("5.5", "5.5"),
            ("25.5", "25.5"),
            ("8.1", "8.1"),
            ("9.975", "9.975"),
            ("0.001", "0.001"),
            ("\"5.5\"", "5.5"),
            ("\" 20 \"", "20"),
            ("\"5.50\"", "5.5"),
        ] {
            let rate = read(json).unwrap_or_else(|error| panic!("{json}: {error}"));
            assert_eq!((serde_json::to_string(&rate).unwrap().as_str(), rate.to_string().as_str()), (written, written));
        }
    }

    #[test]
    fn every_rate_is_written_exactly_and_read_back() {
        for thousandths in 0..=VatRate::WHOLE_THOUSANDTHS {
            let rate = VatRate { thousandths };
            let json = serde_json::to_string(&rate).unwrap();
            assert_eq!(json, rate.to_string());
            assert_eq!(read(&json).unwrap(), rate, "{json}");
        }
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for json in [
            "-1",
            "-0.5",
            "101",
            "100.001",
            "5.5555",
            "1e9",
            "null",
            "true",
            "{}",
            "\"\"",
            "\".5\"",
            "\"5.\"",
            "\"5,5\"",
            "\"19 %\"",
            "\"+5\"",
            "\"NaN\"",
            "18446744073709551615",
        ] {
            assert!(read(json).is_err(), "{json}");
        }
    }
}
