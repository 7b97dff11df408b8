//! Points in time.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Milliseconds since 1970-01-01 UTC; on the wire RFC 3339 in UTC with milliseconds, `2026-03-01T12:00:00.000Z`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, format = DateTime, example = "2026-03-01T12:00:00.000Z")]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment so many milliseconds after 1970-01-01 UTC.
    pub const fn from_unix_ms(unix_ms: i64) -> Self {
        Self(unix_ms)
    }

    /// Milliseconds since 1970-01-01 UTC.
    pub const fn unix_ms(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whatever a clock says, there is a text for it: the first or the last moment that can be written.
        let end = if self.0 < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        let moment = jiff::Timestamp::from_millisecond(self.0).unwrap_or(end);
        write!(f, "{moment:.3}")
    }
}

impl FromStr for Timestamp {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let moment = text.parse::<jiff::Timestamp>().ok();
        moment
            .or_else(|| is_at_the_end(text).then_some(jiff::Timestamp::MAX))
            .map(|moment| Self::from_unix_ms(moment.as_millisecond()))
            .ok_or_else(|| format!("{text:?} is not an RFC 3339 time such as 2026-03-01T12:00:00.000Z"))
    }
}

/// Whether a text is a time of the last day of 9999, such as people write for "never". It is the last one that can be written.
fn is_at_the_end(text: &str) -> bool {
    let pieces = jiff::fmt::temporal::Pieces::parse(text);
    pieces.is_ok_and(|pieces| pieces.date().year() == 9999 && pieces.time().is_some() && pieces.offset().is_some())
}

impl TryFrom<String> for Timestamp {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(timestamp: Timestamp) -> Self {
        timestamp.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_is_too_far_away_becomes_the_last_that_can_be_written() {
        for (unix_ms, told) in [
            (i64::MAX, "9999-12-30T22:00:00.999Z"),
            (253_402_300_799_999, "9999-12-30T22:00:00.999Z"),
            (i64::MIN, "-009999-01-02T01:59:59.000Z"),
        ] {
            let text = Timestamp::from_unix_ms(unix_ms).to_string();
            assert_eq!(text, told);
            assert!(text.parse::<Timestamp>().is_ok(), "{text} can be read again");
        }
    }

    #[test]
    fn the_last_day_of_the_last_year_is_a_time() {
        let end: Timestamp = "9999-12-30T22:00:00.999Z".parse().unwrap();
        assert_eq!("9999-12-31T23:59:59Z".parse(), Ok(end));
        assert_eq!("9999-12-31T23:59:59.999999+00:00".parse(), Ok(end));
        for no_time in ["9999-12-31", "9999-12-31T23:59:59", "9999-13-31T23:59:59Z", "10000-01-01T00:00:00Z"] {
            assert!(no_time.parse::<Timestamp>().is_err(), "{no_time}");
        }
    }

    #[test]
    fn times_have_milliseconds_and_utc() {
        let moment = Timestamp::from_unix_ms(1_772_366_400_000);
        assert_eq!(moment.to_string(), "2026-03-01T12:00:00.000Z");
        assert_eq!("2026-03-01T13:00:00.0004+01:00".parse(), Ok(moment));
        assert!("yesterday".parse::<Timestamp>().is_err());
    }
}
