//! Fault switches: the faults that can be activated, one switch per stub.
//!
//! Knows which faults exist and which are active. Does not act on them: each stub checks its switch where the fault
//! takes effect.

use std::{
    fmt,
    str::FromStr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// Maximum latency in milliseconds.
pub const MAX_LATENCY_MS: u64 = 60_000;

/// One of the three stubs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stub {
    Products,
    Cards,
    Mail,
}

impl Stub {
    /// All stubs, in display order.
    pub const ALL: [Stub; 3] = [Stub::Products, Stub::Cards, Stub::Mail];

    /// The name used in paths: `products`, `cards` or `mail`.
    pub fn name(self) -> &'static str {
        match self {
            Stub::Products => "products",
            Stub::Cards => "cards",
            Stub::Mail => "mail",
        }
    }
}

impl fmt::Display for Stub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Stub {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Stub::ALL
            .into_iter()
            .find(|stub| stub.name() == name)
            .ok_or_else(|| format!("There is no stub `{name}`; there are products, cards and mail."))
    }
}

/// Faults of a stub. All are off by default; a field that is missing in the JSON form is off too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// The share of requests that fail with an error of the stub's own kind (HTTP 500, SMTP 451) and have no effect,
    /// from 0 to 1. Failures are spread evenly, not random: 0.25 fails every fourth request, so a run can be repeated.
    pub error_rate: f64,
    /// Delay before each response in milliseconds, at most [`MAX_LATENCY_MS`].
    pub latency_ms: u64,
    /// An outage: HTTP connections are closed without a response, parked long polls too; SMTP clients get 421 and are
    /// disconnected.
    pub outage: bool,
    /// Cards only: every card is declined.
    pub decline: bool,
    /// Cards only: a POST takes effect, but its connection is closed before the response is sent.
    pub lose_answers: bool,
    /// Cards only: a POST takes effect, but its response and the webhooks about it are held until this is off. The
    /// response to the creation of an unconfirmed intent is not held: no money can have moved.
    pub hold_answers: bool,
    /// Cards only: each webhook is sent twice.
    pub duplicate: bool,
    /// Cards only: a webhook is held and sent after the following one, or after half a second without one.
    pub reorder: bool,
}

impl Faults {
    /// Whether no fault is active.
    pub fn is_none(&self) -> bool {
        *self == Faults::default()
    }

    /// Validates the values for this stub. The error is a sentence.
    pub fn check(&self, stub: Stub) -> Result<(), String> {
        if !(0.0..=1.0).contains(&self.error_rate) {
            return Err(format!("`error_rate` is a share from 0 to 1, not {}.", self.error_rate));
        }
        if self.latency_ms > MAX_LATENCY_MS {
            return Err(format!("`latency_ms` is at most {MAX_LATENCY_MS}, not {}.", self.latency_ms));
        }
        if stub != Stub::Cards {
            let for_cards = [
                ("decline", self.decline),
                ("lose_answers", self.lose_answers),
                ("hold_answers", self.hold_answers),
                ("duplicate", self.duplicate),
                ("reorder", self.reorder),
            ];
            if let Some((name, _)) = for_cards.into_iter().find(|(_, on)| *on) {
                return Err(format!("`{name}` is a fault of the stub `cards`; `{stub}` does not have it."));
            }
        }
        Ok(())
    }
}

/// Handle to the fault switch of one stub. Cheap to clone; all clones share one switch.
#[derive(Clone)]
pub struct FaultSwitch {
    stub: Stub,
    faults: Arc<watch::Sender<Faults>>,
    error_debt: Arc<Mutex<f64>>,
}

impl fmt::Debug for FaultSwitch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultSwitch").field("stub", &self.stub).field("faults", &self.get()).finish_non_exhaustive()
    }
}

impl FaultSwitch {
    pub(crate) fn new(stub: Stub) -> FaultSwitch {
        FaultSwitch {
            stub,
            faults: Arc::new(watch::Sender::new(Faults::default())),
            error_debt: Arc::new(Mutex::new(0.0)),
        }
    }

    pub fn stub(&self) -> Stub {
        self.stub
    }

    pub fn get(&self) -> Faults {
        *self.faults.borrow()
    }

    /// Replaces the faults, from the next request on. Values out of range are clamped; [`Faults::check`] reports them
    /// instead.
    pub fn set(&self, faults: Faults) {
        let error_rate = if faults.error_rate.is_finite() { faults.error_rate.clamp(0.0, 1.0) } else { 0.0 };
        let latency_ms = faults.latency_ms.min(MAX_LATENCY_MS);
        *lock(&self.error_debt) = 0.0;
        self.faults.send_replace(Faults { error_rate, latency_ms, ..faults });
    }

    pub fn clear(&self) {
        self.set(Faults::default());
    }

    /// Counts a request and returns whether it is to fail.
    pub(crate) fn should_fail(&self) -> bool {
        let rate = self.get().error_rate;
        let mut debt = lock(&self.error_debt);
        *debt += rate;
        // The tolerance makes ten times 0.1 one failure in spite of rounding.
        let strikes = *debt >= 1.0 - 1e-9;
        if strikes {
            *debt -= 1.0;
        }
        strikes
    }

    /// Waits until there is an outage.
    pub(crate) async fn wait_for_outage(&self) {
        // The sender lives as long as `self`, so the wait cannot fail.
        let _ = self.faults.subscribe().wait_for(|faults| faults.outage).await;
    }

    /// Waits until responses are not held.
    pub(crate) async fn wait_until_released(&self) {
        let _ = self.faults.subscribe().wait_for(|faults| !faults.hold_answers).await;
    }
}

/// Locks a mutex. A poisoned one is used all the same: the panic was a bug elsewhere, and the data is still valid.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_of_a_quarter_fails_every_fourth_request() {
        let switch = FaultSwitch::new(Stub::Products);
        switch.set(Faults { error_rate: 0.25, ..Faults::default() });
        let struck: Vec<bool> = (0..8).map(|_| switch.should_fail()).collect();
        assert_eq!(struck, [false, false, false, true, false, false, false, true]);
    }

    #[test]
    fn a_rate_of_one_fails_all_and_of_zero_none() {
        let switch = FaultSwitch::new(Stub::Mail);
        assert!((0..10).all(|_| !switch.should_fail()));
        switch.set(Faults { error_rate: 1.0, ..Faults::default() });
        assert!((0..10).all(|_| switch.should_fail()));
    }

    #[test]
    fn ten_requests_at_a_tenth_fail_once() {
        let switch = FaultSwitch::new(Stub::Cards);
        switch.set(Faults { error_rate: 0.1, ..Faults::default() });
        assert_eq!((0..100).filter(|_| switch.should_fail()).count(), 10);
    }

    #[test]
    fn values_out_of_range_are_refused_with_a_sentence() {
        let too_often = Faults { error_rate: 1.5, ..Faults::default() };
        assert_eq!(too_often.check(Stub::Cards), Err("`error_rate` is a share from 0 to 1, not 1.5.".to_owned()));
        let too_late = Faults { latency_ms: 60_001, ..Faults::default() };
        assert!(too_late.check(Stub::Mail).is_err());
        let not_a_number = Faults { error_rate: f64::NAN, ..Faults::default() };
        assert!(not_a_number.check(Stub::Mail).is_err());
    }

    #[test]
    fn only_cards_can_be_declined() {
        let decline = Faults { decline: true, ..Faults::default() };
        assert_eq!(decline.check(Stub::Cards), Ok(()));
        assert!(decline.check(Stub::Products).unwrap_err().contains("`decline`"));
    }

    #[test]
    fn in_process_values_are_brought_into_range() {
        let switch = FaultSwitch::new(Stub::Products);
        switch.set(Faults { error_rate: 7.0, latency_ms: u64::MAX, ..Faults::default() });
        assert_eq!(switch.get(), Faults { error_rate: 1.0, latency_ms: MAX_LATENCY_MS, ..Faults::default() });
    }
}
