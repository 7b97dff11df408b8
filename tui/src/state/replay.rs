//! State of the screen Replay: which event is next, when, and how fast.

use storefront_api::{Event, Timestamp};

/// Real time, in thousandths.
pub(crate) const REAL_TIME: u32 = 1_000;
/// The slowest and the fastest speed, in thousandths of real time.
pub(crate) const SPEED_RANGE: (u32, u32) = (10, 1_000_000);
/// Minimum and maximum pause between two events at real time, in milliseconds.
const PAUSE_RANGE_MS: (i64, i64) = (150, 3_000);

/// The screen Replay.
#[derive(Clone, Debug)]
pub(crate) struct Replay {
    /// Name of the file.
    pub(crate) name: String,
    /// All events, oldest first.
    pub(crate) events: Vec<Event>,
    /// Number of events played.
    pub(crate) played: usize,
    pub(crate) playing: bool,
    /// Speed in thousandths of real time.
    pub(crate) speed: u32,
    /// When the next event is due, while playing.
    pub(crate) next_at: Option<Timestamp>,
}

impl Replay {
    /// Creates a replay that starts at the first event.
    pub(crate) fn new(name: String, events: Vec<Event>, speed: u32) -> Self {
        let speed = speed.clamp(SPEED_RANGE.0, SPEED_RANGE.1);
        Self { name, events, played: 0, playing: true, speed, next_at: None }
    }

    /// Pause before the next event, in milliseconds.
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

/// Duration of a gap at a speed, in milliseconds.
pub(crate) fn pause_ms(gap_ms: i64, speed: u32) -> i64 {
    gap_ms.clamp(PAUSE_RANGE_MS.0, PAUSE_RANGE_MS.1) * i64::from(REAL_TIME) / i64::from(speed.max(1))
}

/// Formats a speed: `×2`, `×0.25`.
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
