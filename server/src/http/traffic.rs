//! Counters of responses, their durations by route, and contradicting webhooks, for `/metrics`.

use std::sync::atomic::{AtomicU64, Ordering};

use std::time::Duration;

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use storefront_api::Timestamp;

/// Upper bounds of the buckets of durations, in seconds.
const DURATION_BUCKETS_S: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// How long answers took, by `method` and `route`.
pub(crate) type Durations = Family<[(&'static str, String); 2], Histogram, fn() -> Histogram>;

/// Counts since the server start: responses by class of status, and webhooks of the card gateway that contradict the
/// requested payment.
#[derive(Debug)]
pub(crate) struct Traffic {
    started: Timestamp,
    /// Responses with status 1xx, 2xx, 3xx, 4xx, 5xx.
    answered: [AtomicU64; 5],
    contradictions: AtomicU64,
    durations: Durations,
}

impl Traffic {
    pub(crate) fn new(started: Timestamp) -> Self {
        let durations = Family::new_with_constructor((|| Histogram::new(DURATION_BUCKETS_S)) as fn() -> Histogram);
        Self { started, answered: Default::default(), contradictions: AtomicU64::new(0), durations }
    }

    /// Counts a webhook with another amount or currency than was requested.
    pub(crate) fn contradicted(&self) {
        self.contradictions.fetch_add(1, Ordering::Relaxed);
    }

    /// Number of contradicting webhooks.
    pub(crate) fn contradictions(&self) -> u64 {
        self.contradictions.load(Ordering::Relaxed)
    }

    pub(crate) fn count_answer(&self, status: u16) {
        if let Some(count) = usize::from(status / 100).checked_sub(1).and_then(|class| self.answered.get(class)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Records how long it took to answer a request; for a stream, to begin its answer.
    pub(crate) fn answered_in(&self, method: &'static str, route: &str, duration: Duration) {
        let labels = [("method", method.to_owned()), ("route", route.to_owned())];
        self.durations.get_or_create(&labels).observe(duration.as_secs_f64());
    }

    pub(crate) fn durations(&self) -> Durations {
        self.durations.clone()
    }

    /// Number of responses by class of status: `(1, …)` for 1xx to `(5, …)` for 5xx.
    pub(crate) fn by_class(&self) -> impl Iterator<Item = (usize, u64)> {
        self.answered.iter().enumerate().map(|(class, count)| (class + 1, count.load(Ordering::Relaxed)))
    }

    /// Time since the server start, in milliseconds.
    pub(crate) fn uptime_ms(&self, now: Timestamp) -> i64 {
        (now.unix_ms() - self.started.unix_ms()).max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_second(second: i64) -> Timestamp {
        Timestamp::from_unix_ms(second * 1000)
    }

    #[test]
    fn requests_are_counted_by_the_class_of_their_status() {
        let traffic = Traffic::new(at_second(10));
        for status in [200, 202, 304, 404, 503, 999] {
            traffic.count_answer(status);
        }
        assert_eq!(traffic.by_class().collect::<Vec<_>>(), [(1, 0), (2, 2), (3, 1), (4, 1), (5, 1)]);
        assert_eq!(traffic.uptime_ms(at_second(13)), 3000);
    }
}
