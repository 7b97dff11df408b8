//! Registers of the invoices and of the credit notes of a year.
//!
//! The number of a document is the version of its entry in the stream of the register. Numbers therefore have no gaps and no
//! repeats, because the versions of a stream have none.

use storefront_api::{OrderId, Timestamp};

/// An event of a register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegisterEvent {
    /// A document got the next number.
    Entered {
        /// The number of the document, such as `2026-000042`.
        document: String,
        order_id: OrderId,
    },
}

/// The state of a register.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Register {
    /// Number of documents, which is also the number of the last one.
    pub entries: u64,
}

/// The register after an event.
pub fn evolve(register: Register, event: &RegisterEvent) -> Register {
    match event {
        RegisterEvent::Entered { .. } => Register { entries: register.entries + 1 },
    }
}

/// The year of a time in UTC; 0 for a year that does not fit.
pub fn year_of(moment: Timestamp) -> u16 {
    let days = moment.unix_ms().div_euclid(24 * 60 * 60 * 1000);
    u16::try_from(civil_year(days)).unwrap_or_default()
}

/// The proleptic Gregorian year of a day, counted from 1970-01-01; the algorithm `civil_from_days` of
/// howardhinnant.github.io/date_algorithms.html.
fn civil_year(days: i64) -> i64 {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // The algorithm's years begin in March.
    let is_january_or_february = (5 * day_of_year + 2) / 153 >= 10;
    year_of_era + era * 400 + i64::from(is_january_or_february)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_year_turns_at_midnight_utc() {
        let cases = [
            (0, 1970),
            (1_767_225_599_999, 2025),
            (1_767_225_600_000, 2026),
            (1_798_761_599_999, 2026),
            (1_798_761_600_000, 2027),
            (1_709_164_800_000, 2024),
            (951_782_400_000, 2000),
        ];
        for (unix_ms, year) in cases {
            assert_eq!(year_of(Timestamp::from_unix_ms(unix_ms)), year, "{unix_ms}");
        }
    }

    #[test]
    fn a_register_counts_its_documents() {
        let order_id = crate::testing::order(1);
        let entered = RegisterEvent::Entered { document: "2026-000001".to_owned(), order_id };
        assert_eq!(evolve(evolve(Register::default(), &entered), &entered), Register { entries: 2 });
    }
}
