//! The lab in the shop of the tests.

use storefront_api::{
    FaultList, Faults, LabReset, OrderId, Problem, Scenario, ScenarioList, ScenarioRun, ScenarioState, ScenarioStep,
    Stub, StubFaults, Timestamp,
};
use uuid::Uuid;

use super::world::{START, failed};
use crate::state::Failure;
use crate::update::{Request, Response};

/// Scenarios, and what is broken.
#[derive(Debug)]
pub(crate) struct Laboratory {
    /// Most tests are about a shop without one.
    pub(crate) enabled: bool,
    pub(crate) scenarios: Vec<Scenario>,
    pub(crate) faults: Vec<StubFaults>,
    /// Everything that was asked, reads too.
    pub(crate) asked: Vec<Request>,
}

impl Default for Laboratory {
    fn default() -> Self {
        let scenarios = [
            ("happy-path", "Happy path"),
            ("card-declined", "Card declined"),
            ("mail-down", "Mail down"),
            ("two-shoppers-race-for-one-unit", "Two shoppers race for one unit"),
        ];
        Self {
            enabled: false,
            scenarios: scenarios.map(|(name, title)| a_scenario(name, title)).to_vec(),
            faults: Stub::ALL.map(|stub| StubFaults { stub, faults: Faults::default() }).to_vec(),
            asked: Vec::new(),
        }
    }
}

fn a_scenario(name: &str, title: &str) -> Scenario {
    Scenario {
        name: name.into(),
        title: title.into(),
        story: "Ada buys two things by card. Her stock is reserved, her card is charged, and her order is confirmed."
            .into(),
        look_at: "The order's timeline: every step is an event.".into(),
        last_run: None,
    }
}

/// A run that has told two steps.
pub(crate) fn a_run(name: &str, state: ScenarioState, orders: usize) -> ScenarioRun {
    let at = |ms| Timestamp::from_unix_ms(START + ms);
    let ended = state != ScenarioState::Running;
    ScenarioRun {
        name: name.into(),
        state,
        orders: (1..=orders as u128).map(|number| OrderId(Uuid::from_u128(0xada0 + number))).collect(),
        started_at: at(0),
        finished_at: ended.then(|| at(4_000)),
        steps: vec![
            ScenarioStep { at: at(12), text: "Ada puts two things into her basket.".into() },
            ScenarioStep {
                at: at(1_530),
                text: "She checks out; her stock is reserved for a quarter of an hour.".into(),
            },
        ],
        outcome: ended.then(|| "The order is confirmed and its mail has gone out.".into()),
    }
}

impl Laboratory {
    pub(crate) fn set_run(&mut self, name: &str, run: ScenarioRun) {
        self.scenarios.iter_mut().find(|scenario| scenario.name == name).unwrap().last_run = Some(run);
    }

    pub(crate) fn break_there(&mut self, stub: Stub, faults: Faults) {
        self.faults.iter_mut().find(|known| known.stub == stub).unwrap().faults = faults;
    }

    pub(crate) fn faults_of(&self, stub: Stub) -> Faults {
        self.faults.iter().find(|known| known.stub == stub).unwrap().faults
    }

    /// How often something was asked.
    pub(crate) fn times(&self, is_it: impl Fn(&Request) -> bool) -> usize {
        self.asked.iter().filter(|request| is_it(request)).count()
    }

    pub(crate) fn answer(&mut self, request: Request) -> Response {
        self.asked.push(request.clone());
        if !self.enabled {
            let detail = "This shop has no lab. Start it with `storefront serve`.".to_owned();
            let problem = Problem { status: 404, code: "lab_disabled".into(), detail, ..Problem::default() };
            return failed(request, Failure::Refused(Box::new(problem)));
        }
        match request {
            Request::Scenarios => Response::Scenarios { result: Ok(ScenarioList { items: self.scenarios.clone() }) },
            Request::Faults => Response::Faults { result: Ok(FaultList { items: self.faults.clone() }) },
            Request::Play { name } => {
                let orders = if name.starts_with("two") { 2 } else { 1 };
                let run = a_run(&name, ScenarioState::Running, orders);
                self.set_run(&name, run.clone());
                Response::Played { name, result: Ok(run) }
            }
            Request::Break { stub, faults } => {
                self.break_there(stub, faults);
                Response::Broken { stub, result: Ok(faults) }
            }
            Request::Reset => Response::Reset { result: Ok(LabReset { kept_as: Some("shop-1.db".into()) }) },
            other => panic!("{other:?} is not about the lab"),
        }
    }
}
