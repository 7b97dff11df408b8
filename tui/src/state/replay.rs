//! A timeline from a file, played as it happened: which event is next, when, and how fast.

use storefront_api::{Event, Timestamp};

/// Real time, in thousandths.
pub(crate) const REAL_TIME: u32 = 1_000;
/// The slowest and the fastest speed, in thousandths of real time.
pub(crate) const SPEEDS: (u32, u32) = (10, 1_000_000);
/// The least and the most time between two events at real time, in milliseconds: nobody sees one millisecond, and nobody
/// waits for an hour.
const PAUSES_MS: (i64, i64) = (150, 3_000);

/// The screen Replay.
#[derive(Clone, Debug)]
pub(crate) struct Replay {
    /// What is played.
    pub(crate) name: String,
    /// All events, oldest first.
    pub(crate) events: Vec<Event>,
    /// How many of them have been played.
    pub(crate) played: usize,
    pub(crate) playing: bool,
    /// In thousandths of real time.
    pub(crate) speed: u32,
    /// When the next event is due, while playing.
    pub(crate) next_at: Option<Timestamp>,
}

impl Replay {
    /// From the first event on, once it is started.
    pub(crate) fn new(name: String, events: Vec<Event>, speed: u32) -> Self {
        let speed = speed.clamp(SPEEDS.0, SPEEDS.1);
        Self { name, events, played: 0, playing: true, speed, next_at: None }
    }

    /// The milliseconds between the event played last and the next one.
    pub(crate) fn pause_ms(&self) -> i64 {
        let time = |place: usize| self.events.get(place).map(|event| event.time.unix_ms());
        match (self.played.checked_sub(1).and_then(time), time(self.played)) {
            (Some(before), Some(next)) => pause_ms(next.saturating_sub(before), self.speed),
            (None, Some(_)) => 0,
            (_, None) => 0,
        }
    }

    /// Whether everything has been played.
    pub(crate) fn is_over(&self) -> bool {
        self.played >= self.events.len()
    }
}

/// How long a gap lasts at a speed, in milliseconds.
pub(crate) fn pause_ms(gap_ms: i64, speed: u32) -> i64 {
    gap_ms.clamp(PAUSES_MS.0, PAUSES_MS.1) * i64::from(REAL_TIME) / i64::from(speed.max(1))
}

/// A speed for people: `×2`, `×0.25`.
pub(crate) fn shown(speed: u32) -> String {
    let text = format!("{}.{:03}", speed / REAL_TIME, speed % REAL_TIME);
    format!("×{}", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_never_too_short_to_see_nor_too_long_to_wait_for() {
        assert_eq!(pause_ms(1_000, REAL_TIME), 1_000);
        assert_eq!(pause_ms(0, REAL_TIME), 150);
        assert_eq!(pause_ms(3_600_000, REAL_TIME), 3_000);
        assert_eq!((pause_ms(1_000, 2_000), pause_ms(1_000, 500)), (500, 2_000));
        assert_eq!(pause_ms(-5, 1_000_000), 0);
    }

    #[test]
    fn speeds_are_short() {
        assert_eq!([1_000, 2_000, 250, 1_500].map(shown), ["×1", "×2", "×0.25", "×1.5"]);
    }
}
