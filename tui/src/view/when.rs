//! Formats times and time spans.

use jiff::tz::TimeZone;
use storefront_api::Timestamp;

use crate::preferences::Spans;
use crate::state::Model;

/// The time of day: `14:32:07`.
pub(crate) fn time_of_day(at: Timestamp, zone: &TimeZone) -> String {
    format(at, zone, "%H:%M:%S")
}

/// The time of day for today, else the day: `14:32` or `21 Nov`.
pub(crate) fn day_or_time(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let day = |at| format(at, zone, "%Y-%m-%d");
    format(at, zone, if day(at) == day(now) { "%H:%M" } else { "%-d %b" })
}

/// Day and time: `21 Nov, 14:32`, of another year `21 Nov 2025`.
pub(crate) fn day_and_time(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let year = |at| format(at, zone, "%Y");
    format(at, zone, if year(at) == year(now) { "%-d %b, %H:%M" } else { "%-d %b %Y" })
}

/// A span: `12 ms`, `1.2 s`, `48 s`, `3 min`, `5 h`, `2 d`.
pub(crate) fn span(span_ms: i64) -> String {
    let ms = span_ms.max(0);
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..10_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        10_000..60_000 => format!("{} s", ms / 1_000),
        60_000..3_600_000 => format!("{} min", ms / 60_000),
        3_600_000..172_800_000 => format!("{} h", ms / 3_600_000),
        _ => format!("{} d", ms / 86_400_000),
    }
}

/// A span as it is preferred: in the unit that fits, or below ten seconds in milliseconds: `1234 ms`.
pub(crate) fn span_as(spans: Spans, span_ms: i64) -> String {
    match (spans, span_ms.max(0)) {
        (Spans::Milliseconds, ms @ 0..10_000) => format!("{ms} ms"),
        (_, ms) => span(ms),
    }
}

/// The age of the last answer of a shop that is gone; with reduced motion in whole minutes, which do not count.
pub(crate) fn age_of(model: &Model, since: Timestamp) -> String {
    let age_ms = model.now.unix_ms() - since.unix_ms();
    if model.reduced_motion && age_ms < 60_000 { "0 min".to_owned() } else { age(age_ms) }
}

/// How old something is, in whole units: `8 s`, `3 min`.
pub(crate) fn age(span_ms: i64) -> String {
    match span_ms.max(0) {
        ms @ 0..60_000 => format!("{} s", ms / 1_000),
        ms => span(ms),
    }
}

fn format(at: Timestamp, zone: &TimeZone, pattern: &str) -> String {
    jiff::Timestamp::from_millisecond(at.unix_ms())
        .map(|moment| moment.to_zoned(zone.clone()).strftime(pattern).to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        let at = Timestamp::from_unix_ms(1_772_366_400_123);
        assert_eq!(time_of_day(at, &TimeZone::UTC), "12:00:00");
        assert_eq!(day_or_time(at, at, &TimeZone::UTC), "12:00");
        assert_eq!(day_or_time(at, Timestamp::from_unix_ms(1_772_566_400_123), &TimeZone::UTC), "1 Mar");
        assert_eq!(day_and_time(at, at, &TimeZone::UTC), "1 Mar, 12:00");
        assert_eq!(day_and_time(at, Timestamp::from_unix_ms(1_803_902_400_123), &TimeZone::UTC), "1 Mar 2026");
        assert_eq!([age(-5), age(8_900), age(60_000)], ["0 s", "8 s", "1 min"]);
        assert_eq!([1_234, 9_999, 10_000].map(|ms| span_as(Spans::Milliseconds, ms)), ["1234 ms", "9999 ms", "10 s"]);
        let spans = [-5, 999, 1_250, 59_999, 60_000, 7_200_000, 400_000_000].map(span);
        assert_eq!(spans, ["0 ms", "999 ms", "1.2 s", "59 s", "1 min", "2 h", "4 d"]);
    }
}
