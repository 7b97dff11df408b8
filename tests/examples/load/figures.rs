//! Prints the measurements as a table.

use std::fmt;
use std::time::Duration;

/// How a load went.
pub(crate) struct Figures {
    pub(crate) title: &'static str,
    pub(crate) orders: u64,
    pub(crate) events: u64,
    pub(crate) requests: u64,
    pub(crate) time: Duration,
    /// What was timed, and each of the times.
    pub(crate) times: Vec<(&'static str, Vec<Duration>)>,
}

impl Figures {
    pub(crate) fn per_second(&self) -> f64 {
        ratio(self.orders) / self.time.as_secs_f64()
    }

    /// Rounded; at least one.
    pub(crate) fn events_per_order(&self) -> u64 {
        let orders = self.orders.max(1);
        ((self.events + orders / 2) / orders).max(1)
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { title, orders, events, requests, time, times } = self;
        let rate = |count: u64| ratio(count) / time.as_secs_f64();
        writeln!(f, "{title}: {:.1} orders/s", self.per_second())?;
        writeln!(
            f,
            "  {orders} orders, {events} events ({} for each, {:.0}/s), {requests} requests ({:.0}/s)",
            self.events_per_order(),
            rate(*events),
            rate(*requests)
        )?;
        writeln!(f, "  {:<34} {:>9} {:>9} {:>9} {:>9}", "ms", "median", "95 %", "99 %", "most")?;
        for (what, times) in times {
            let mut times = times.clone();
            times.sort_unstable();
            let at = |percent: usize| {
                milliseconds(times.get((times.len() * percent / 100).min(times.len().saturating_sub(1))))
            };
            writeln!(f, "  {what:<34} {:>9} {:>9} {:>9} {:>9}", at(50), at(95), at(99), milliseconds(times.last()))?;
        }
        Ok(())
    }
}

pub(crate) fn milliseconds(time: Option<&Duration>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| format!("{:.2}", time.as_secs_f64() * 1000.0))
}

#[expect(clippy::cast_precision_loss, reason = "counts of a measurement are far below 2^52")]
fn ratio(count: u64) -> f64 {
    count as f64
}
