//! The workshop lab: stories that play by themselves, and what is broken on purpose.

use std::collections::BTreeMap;

use storefront_api::{Faults, Scenario, ScenarioRun, ScenarioState, Stub, StubFaults, Timestamp};

use crate::keys::Action;
use crate::state::{Failure, List, Load};

/// What plays each scenario that is known by name.
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

/// The scenario that an action plays, if it plays one.
pub(crate) fn played_by(action: Action) -> Option<&'static str> {
    PLAYS.iter().find(|(known, _)| *known == action).map(|(_, name)| *name)
}

/// What plays a scenario.
pub(crate) fn player_of(name: &str) -> Option<Action> {
    PLAYS.iter().find(|(_, known)| *known == name).map(|(action, _)| *action)
}

/// A switch of a stub.
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

/// The shares of requests that fail, in percent, through which `+` and `-` step.
const RATES: [u64; 6] = [0, 10, 25, 50, 75, 100];
/// The delays in milliseconds.
const DELAYS: [u64; 9] = [0, 100, 250, 500, 1_000, 2_500, 5_000, 15_000, 60_000];

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

    /// What it is called.
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

    /// Whether it is a number, rather than on or off.
    pub(crate) const fn is_number(self) -> bool {
        match self {
            Self::ErrorRate | Self::Latency => true,
            Self::Outage | Self::Decline | Self::LoseAnswers | Self::HoldAnswers | Self::Duplicate | Self::Reorder => {
                false
            }
        }
    }

    /// What it does, as a sentence.
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

    /// How it stands, where it is on: `50 %`, `500 ms`, `on`.
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

    /// How a stub is where this is switched, in a word or two: `decline`, `500 ms`, `50 % fail`.
    fn told(self, faults: &Faults) -> Option<String> {
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

    /// The faults with this on or off; a number becomes one that a room notices.
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

    /// The faults with this a step up or down; what is only on or off becomes that.
    pub(crate) fn stepped(self, faults: &Faults, up: bool) -> Faults {
        match self {
            Self::ErrorRate => {
                let percent = neighbour(&RATES, percent(faults.error_rate), up);
                Faults { error_rate: percent as f64 / 100.0, ..*faults }
            }
            Self::Latency => Faults { latency_ms: neighbour(&DELAYS, faults.latency_ms, up), ..*faults },
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

/// A share in whole percent; what is on at all is one at least.
fn percent(share: f64) -> u64 {
    if share > 0.0 { (share * 100.0).round().clamp(1.0, 100.0) as u64 } else { 0 }
}

/// The next number of a ladder, up or down; its end is kept.
fn neighbour(ladder: &[u64], from: u64, up: bool) -> u64 {
    let next =
        if up { ladder.iter().find(|step| **step > from) } else { ladder.iter().rev().find(|step| **step < from) };
    next.copied().unwrap_or(from)
}

/// What a form of this screen is for: a number of its own for a switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Number {
    pub(crate) stub: Stub,
    pub(crate) switch: Switch,
}

/// Which half of the screen has the keyboard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Side {
    #[default]
    Scenarios,
    Switches,
}

/// What a stub is to be set to, until the shop has said that it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) faults: Faults,
    /// What was sent last.
    pub(crate) sent: Faults,
}

/// A scenario that was refused because something is paused that it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) scenario: String,
    pub(crate) processes: Vec<String>,
    pub(crate) views: Vec<String>,
}

/// The screen Lab, and what every screen shows of it.
#[derive(Debug, Default)]
pub(crate) struct Lab {
    pub(crate) scenarios: Vec<Scenario>,
    /// How far the scenarios have come.
    pub(crate) load: Load,
    /// What is broken, as the shop said last; empty while nothing is known.
    pub(crate) faults: Vec<StubFaults>,
    /// Changes of that which are on their way.
    pub(crate) wanted: BTreeMap<Stub, Wanted>,
    /// The shop said that it has no lab: why, and how to get one.
    pub(crate) disabled: Option<String>,
    /// A request for the scenarios is under way; another one is wanted after it.
    pub(crate) asking: bool,
    pub(crate) ask_again: bool,
    /// When to look at the scenarios again, while the screen is open.
    pub(crate) refresh_at: Option<Timestamp>,
    /// The same of the faults: answers that overtake each other would leave an old one on the screen.
    pub(crate) asking_faults: bool,
    pub(crate) ask_faults_again: bool,
    /// When the faults were asked for last, and when they are to be asked for again.
    pub(crate) faults_asked_at: Option<Timestamp>,
    pub(crate) faults_at: Option<Timestamp>,
    pub(crate) side: Side,
    pub(crate) list: List,
    pub(crate) switches: List,
    /// The scenario that was asked for, until the shop has answered.
    pub(crate) starting: Option<String>,
    /// The order of the chosen scenario that was opened last, counted from 1.
    pub(crate) opened: usize,
    pub(crate) resetting: bool,
    /// What was refused until something goes on, while the question about it is open.
    pub(crate) held: Option<Held>,
    /// A scenario that is played as soon as what it needs goes on.
    pub(crate) play_next: Option<String>,
}

impl Lab {
    pub(crate) fn selected(&self) -> Option<&Scenario> {
        self.scenarios.get(self.list.cursor)
    }

    /// The run of the chosen scenario.
    pub(crate) fn run(&self) -> Option<&ScenarioRun> {
        self.selected()?.last_run.as_ref()
    }

    /// The scenario that is being played.
    pub(crate) fn running(&self) -> Option<&Scenario> {
        let runs = |run: &ScenarioRun| run.state == ScenarioState::Running;
        self.scenarios.iter().find(|scenario| scenario.last_run.as_ref().is_some_and(runs))
    }

    /// Every switch there is, stub by stub.
    pub(crate) fn rows(&self) -> Vec<(Stub, Switch)> {
        let stubs = self.faults.iter().map(|known| known.stub);
        stubs.flat_map(|stub| Switch::of(stub).iter().map(move |switch| (stub, *switch))).collect()
    }

    /// How a stub is, or is about to be.
    pub(crate) fn faults_of(&self, stub: Stub) -> Option<Faults> {
        let known = self.faults.iter().find(|known| known.stub == stub)?;
        Some(self.wanted.get(&stub).map_or(known.faults, |wanted| wanted.faults))
    }

    /// What is broken, stub by stub: `cards`, `decline, 500 ms`.
    pub(crate) fn broken(&self) -> Vec<(Stub, String)> {
        let told = |known: &StubFaults| {
            let faults = self.faults_of(known.stub)?;
            let parts: Vec<String> = Switch::of(known.stub).iter().filter_map(|switch| switch.told(&faults)).collect();
            (!parts.is_empty()).then(|| (known.stub, parts.join(", ")))
        };
        self.faults.iter().filter_map(told).collect()
    }

    /// Notes that the shop has no lab.
    pub(crate) fn disable(&mut self, failure: &Failure) {
        self.disabled = Some(failure.sentence().to_owned());
        self.scenarios.clear();
        self.faults.clear();
        self.wanted.clear();
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
    fn a_share_is_told_in_whole_percent_and_never_as_nothing_when_it_is_something() {
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
