//! State of the screen Lab: scenarios that play by themselves, and fault switches.

use std::collections::BTreeMap;

use storefront_api::{Faults, Scenario, ScenarioRun, ScenarioState, Stub, StubFaults, Timestamp};

use crate::keys::Action;
use crate::state::{Failure, List, Load};

/// Actions that play a scenario, by its name.
const PLAYS: [(Action, &str); 9] = [
    (Action::PlayHappyPath, "happy-path"),
    (Action::PlayCardDeclined, "card-declined"),
    (Action::PlayLastUnit, "out-of-stock-on-the-last-unit"),
    (Action::PlayProductsDown, "product-service-down"),
    (Action::PlayMailDown, "mail-down"),
    (Action::PlayWebhooks, "duplicate-and-out-of-order-webhooks"),
    (Action::PlayServerKilled, "server-killed-in-mid-checkout"),
    (Action::PlayRace, "two-shoppers-race-for-one-unit"),
    (Action::PlayPoison, "poison-event"),
];

/// The scenario that an action plays.
pub(crate) fn played_by(action: Action) -> Option<&'static str> {
    PLAYS.iter().find(|(known, _)| *known == action).map(|(_, name)| *name)
}

/// The action that plays a scenario.
pub(crate) fn player_of(name: &str) -> Option<Action> {
    PLAYS.iter().find(|(_, known)| *known == name).map(|(action, _)| *action)
}

/// A fault switch of a stub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Switch {
    ErrorRate,
    Latency,
    Outage,
    Decline,
    LoseAnswers,
    HoldAnswers,
    Duplicate,
    Reorder,
}

/// Error rates in percent that `+` and `-` step through.
const ERROR_RATES_PERCENT: [u64; 6] = [0, 10, 25, 50, 75, 100];
/// Latencies in milliseconds that `+` and `-` step through.
const LATENCIES_MS: [u64; 9] = [0, 100, 250, 500, 1_000, 2_500, 5_000, 15_000, 60_000];

impl Switch {
    const ALL: [Self; 8] = [
        Self::Outage,
        Self::ErrorRate,
        Self::Latency,
        Self::Decline,
        Self::LoseAnswers,
        Self::HoldAnswers,
        Self::Duplicate,
        Self::Reorder,
    ];

    /// The switches that a stub has.
    pub(crate) fn of(stub: Stub) -> &'static [Self] {
        match stub {
            Stub::Cards => &Self::ALL,
            Stub::Products | Stub::Mail => &Self::ALL[..3],
        }
    }

    /// Label of the switch.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::ErrorRate => "error rate",
            Self::Latency => "latency",
            Self::Outage => "outage",
            Self::Decline => "decline",
            Self::LoseAnswers => "lose answers",
            Self::HoldAnswers => "hold answers",
            Self::Duplicate => "duplicate",
            Self::Reorder => "reorder",
        }
    }

    /// Whether the switch has a number instead of on and off.
    pub(crate) const fn is_number(self) -> bool {
        match self {
            Self::ErrorRate | Self::Latency => true,
            Self::Outage | Self::Decline | Self::LoseAnswers | Self::HoldAnswers | Self::Duplicate | Self::Reorder => {
                false
            }
        }
    }

    /// What the switch does, as a sentence.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::ErrorRate => "This share of the requests fails and has no effect.",
            Self::Latency => "Each answer waits so long.",
            Self::Outage => "The plug is pulled: nobody gets an answer.",
            Self::Decline => "Every card is declined.",
            Self::LoseAnswers => "What is asked takes effect, and its answer is lost.",
            Self::HoldAnswers => "What is asked takes effect; its answer and the news of it wait until this is off.",
            Self::Duplicate => "The gateway tells everything twice.",
            Self::Reorder => "The gateway tells things in the wrong order.",
        }
    }

    /// Its value where it is on: `50 %`, `500 ms`, `on`.
    pub(crate) fn value(self, faults: &Faults) -> Option<String> {
        match self {
            Self::ErrorRate => {
                Some(percent(faults.error_rate)).filter(|percent| *percent > 0).map(|percent| format!("{percent} %"))
            }
            Self::Latency => Some(faults.latency_ms).filter(|ms| *ms > 0).map(|ms| format!("{ms} ms")),
            Self::Outage | Self::Decline | Self::LoseAnswers | Self::HoldAnswers | Self::Duplicate | Self::Reorder => {
                self.is_on(faults).then(|| "on".to_owned())
            }
        }
    }

    /// The fault in a word or two: `decline`, `500 ms`, `50 % fail`.
    fn short_text(self, faults: &Faults) -> Option<String> {
        match self {
            Self::ErrorRate => self.value(faults).map(|share| format!("{share} fail")),
            Self::Latency => self.value(faults),
            Self::Outage | Self::Decline | Self::LoseAnswers | Self::HoldAnswers | Self::Duplicate | Self::Reorder => {
                self.is_on(faults).then(|| self.name().to_owned())
            }
        }
    }

    const fn is_on(self, faults: &Faults) -> bool {
        match self {
            Self::ErrorRate => faults.error_rate > 0.0,
            Self::Latency => faults.latency_ms > 0,
            Self::Outage => faults.outage,
            Self::Decline => faults.decline,
            Self::LoseAnswers => faults.lose_answers,
            Self::HoldAnswers => faults.hold_answers,
            Self::Duplicate => faults.duplicate,
            Self::Reorder => faults.reorder,
        }
    }

    /// The faults with this switch toggled; a number becomes one with a visible effect.
    pub(crate) fn toggled(self, faults: &Faults) -> Faults {
        let on = !self.is_on(faults);
        match self {
            Self::ErrorRate => Faults { error_rate: if on { 0.5 } else { 0.0 }, ..*faults },
            Self::Latency => Faults { latency_ms: if on { 1_000 } else { 0 }, ..*faults },
            Self::Outage => Faults { outage: on, ..*faults },
            Self::Decline => Faults { decline: on, ..*faults },
            Self::LoseAnswers => Faults { lose_answers: on, ..*faults },
            Self::HoldAnswers => Faults { hold_answers: on, ..*faults },
            Self::Duplicate => Faults { duplicate: on, ..*faults },
            Self::Reorder => Faults { reorder: on, ..*faults },
        }
    }

    /// The faults with this switch one step up or down; a switch without a number becomes on or off.
    pub(crate) fn stepped(self, faults: &Faults, up: bool) -> Faults {
        match self {
            Self::ErrorRate => {
                let percent = neighbour(&ERROR_RATES_PERCENT, percent(faults.error_rate), up);
                Faults { error_rate: percent as f64 / 100.0, ..*faults }
            }
            Self::Latency => Faults { latency_ms: neighbour(&LATENCIES_MS, faults.latency_ms, up), ..*faults },
            Self::Outage | Self::Decline | Self::LoseAnswers | Self::HoldAnswers | Self::Duplicate | Self::Reorder => {
                if self.is_on(faults) == up {
                    *faults
                } else {
                    self.toggled(faults)
                }
            }
        }
    }
}

/// A share in whole percent; at least 1 where it is above 0.
fn percent(share: f64) -> u64 {
    if share > 0.0 { (share * 100.0).round().clamp(1.0, 100.0) as u64 } else { 0 }
}

/// The next value of a ladder, up or down, staying at its ends.
fn neighbour(ladder: &[u64], from: u64, up: bool) -> u64 {
    let next =
        if up { ladder.iter().find(|step| **step > from) } else { ladder.iter().rev().find(|step| **step < from) };
    next.copied().unwrap_or(from)
}

/// The purpose of this screen's form: a free number for a switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Number {
    pub(crate) stub: Stub,
    pub(crate) switch: Switch,
}

/// The half of the screen that has the focus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Side {
    #[default]
    Scenarios,
    Switches,
}

/// Faults that a stub is being set to, until the shop has confirmed them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PendingFaults {
    pub(crate) faults: Faults,
    /// The faults in the latest request.
    pub(crate) sent: Faults,
}

/// A scenario that was refused because something that it needs is paused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BlockedScenario {
    pub(crate) scenario: String,
    pub(crate) processes: Vec<String>,
    pub(crate) views: Vec<String>,
}

/// The screen Lab, and what every screen shows of it.
#[derive(Debug, Default)]
pub(crate) struct Lab {
    pub(crate) scenarios: Vec<Scenario>,
    /// Loading state of the scenarios.
    pub(crate) load: Load,
    /// Faults in the shop's last response; empty while unknown.
    pub(crate) faults: Vec<StubFaults>,
    /// Changes of faults that are being sent.
    pub(crate) pending_faults: BTreeMap<Stub, PendingFaults>,
    /// Set when the shop has no lab: why, and how to get one.
    pub(crate) disabled: Option<String>,
    /// Whether a request for the scenarios is running, and whether another follows.
    pub(crate) asking: bool,
    pub(crate) ask_again: bool,
    /// When to fetch the scenarios again, while the screen is open.
    pub(crate) refresh_at: Option<Timestamp>,
    /// The same for the faults, one request at a time: responses that overtake each other would leave an old one on
    /// screen.
    pub(crate) asking_faults: bool,
    pub(crate) ask_faults_again: bool,
    /// When the faults were fetched last, and when to fetch them again.
    pub(crate) faults_asked_at: Option<Timestamp>,
    pub(crate) faults_at: Option<Timestamp>,
    pub(crate) side: Side,
    pub(crate) list: List,
    pub(crate) switches: List,
    /// The scenario that is being started, until the shop responds.
    pub(crate) starting: Option<String>,
    /// Number of the selected scenario's order that was opened last, from 1.
    pub(crate) opened: usize,
    pub(crate) resetting: bool,
    /// The blocked scenario, while the question about it is open.
    pub(crate) held: Option<BlockedScenario>,
    /// A scenario to play as soon as what it needs has been resumed.
    pub(crate) play_next: Option<String>,
}

impl Lab {
    pub(crate) fn selected(&self) -> Option<&Scenario> {
        self.scenarios.get(self.list.cursor)
    }

    /// The last run of the selected scenario.
    pub(crate) fn run(&self) -> Option<&ScenarioRun> {
        self.selected()?.last_run.as_ref()
    }

    /// The running scenario.
    pub(crate) fn running(&self) -> Option<&Scenario> {
        let runs = |run: &ScenarioRun| run.state == ScenarioState::Running;
        self.scenarios.iter().find(|scenario| scenario.last_run.as_ref().is_some_and(runs))
    }

    /// All switches, by stub.
    pub(crate) fn rows(&self) -> Vec<(Stub, Switch)> {
        let stubs = self.faults.iter().map(|known| known.stub);
        stubs.flat_map(|stub| Switch::of(stub).iter().map(move |switch| (stub, *switch))).collect()
    }

    /// A stub's faults, with changes that are being sent.
    pub(crate) fn faults_of(&self, stub: Stub) -> Option<Faults> {
        let known = self.faults.iter().find(|known| known.stub == stub)?;
        Some(self.pending_faults.get(&stub).map_or(known.faults, |pending_faults| pending_faults.faults))
    }

    /// Active faults by stub: `cards`, `decline, 500 ms`.
    pub(crate) fn broken(&self) -> Vec<(Stub, String)> {
        let broken_switches = |known: &StubFaults| {
            let faults = self.faults_of(known.stub)?;
            let parts: Vec<String> =
                Switch::of(known.stub).iter().filter_map(|switch| switch.short_text(&faults)).collect();
            (!parts.is_empty()).then(|| (known.stub, parts.join(", ")))
        };
        self.faults.iter().filter_map(broken_switches).collect()
    }

    /// Records that the shop has no lab.
    pub(crate) fn disable(&mut self, failure: &Failure) {
        self.disabled = Some(failure.sentence().to_owned());
        self.scenarios.clear();
        self.faults.clear();
        self.pending_faults.clear();
        (self.list, self.switches) = (List::default(), List::default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_step_through_their_ladder_and_stop_at_its_ends() {
        let mut faults = Faults::default();
        let mut seen = Vec::new();
        for _ in 0..7 {
            faults = Switch::ErrorRate.stepped(&faults, true);
            seen.push(Switch::ErrorRate.value(&faults).unwrap());
        }
        assert_eq!(seen, ["10 %", "25 %", "50 %", "75 %", "100 %", "100 %", "100 %"]);
        let odd = Faults { latency_ms: 333, ..Faults::default() };
        assert_eq!(Switch::Latency.stepped(&odd, true).latency_ms, 500);
        assert_eq!(Switch::Latency.stepped(&odd, false).latency_ms, 250);
        assert_eq!(Switch::Latency.stepped(&Faults::default(), false), Faults::default());
    }

    #[test]
    fn a_share_is_written_in_whole_percent_and_never_as_nothing_when_it_is_something() {
        assert_eq!([0.0, 0.001, 0.07, 0.29, 0.5, 0.999, 1.0].map(percent), [0, 1, 7, 29, 50, 100, 100]);
    }

    #[test]
    fn every_switch_goes_on_and_off_again() {
        for switch in Switch::ALL {
            let on = switch.toggled(&Faults::default());
            assert!(switch.value(&on).is_some() && !on.is_none(), "{switch:?}");
            assert_eq!(switch.toggled(&on), Faults::default(), "{switch:?}");
            assert_eq!(Switch::ALL.iter().filter(|other| other.value(&on).is_some()).count(), 1, "{switch:?}");
        }
    }

    #[test]
    fn every_scenario_has_an_action_of_its_own() {
        for (action, name) in PLAYS {
            assert_eq!((played_by(action), player_of(name)), (Some(name), Some(action)));
        }
        assert_eq!((played_by(Action::Quit), player_of("tea-time")), (None, None));
    }
}
