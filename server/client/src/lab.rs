//! The workshop lab: faults, scenarios and starting over. All of it only where the shop was opened with a lab; else the
//! problem is `lab_disabled`.

use reqwest::Method;
use storefront_api::{FaultList, Faults, LabReset, Scenario, ScenarioList, ScenarioRun, Stub};

use crate::{Client, ClientError};

impl Client {
    /// `GET /v1/lab/faults`: what is broken on purpose, stub by stub.
    ///
    /// # Errors
    /// See [`ClientError`]; so for every method.
    pub async fn faults(&self) -> Result<FaultList, ClientError> {
        self.read(self.get(&["v1", "lab", "faults"], &()), None).await
    }

    /// `PUT /v1/lab/faults/{stub}`: breaks exactly this at a stub, and nothing else. Repeating is safe.
    ///
    /// # Errors
    /// See [`ClientError`]; values out of range are a problem with status 422.
    pub async fn set_faults(&self, stub: Stub, faults: &Faults) -> Result<Faults, ClientError> {
        self.read(self.request(Method::PUT, &["v1", "lab", "faults", stub.name()]).json(faults), None).await
    }

    /// `GET /v1/lab/scenarios`: every scenario, and how it went the last time.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn scenarios(&self) -> Result<ScenarioList, ClientError> {
        self.read(self.get(&["v1", "lab", "scenarios"], &()), None).await
    }

    /// `GET /v1/lab/scenarios/{name}`: one of them; `None` when there is none of this name.
    ///
    /// # Errors
    /// See [`ClientError`]; a shop without a lab is a problem here too.
    pub async fn scenario(&self, name: &str) -> Result<Option<Scenario>, ClientError> {
        match self.read(self.get(&["v1", "lab", "scenarios", name], &()), None).await {
            Err(ClientError::Problem(problem)) if problem.code == "scenario_not_found" => Ok(None),
            other => other.map(Some),
        }
    }

    /// `POST /v1/lab/scenarios/{name}`: begins to play it. Not to be repeated after `Unreachable`: ask how it goes first.
    ///
    /// # Errors
    /// See [`ClientError`]; `scenario_running` while another one is played.
    pub async fn play_scenario(&self, name: &str) -> Result<ScenarioRun, ClientError> {
        self.read(self.request(Method::POST, &["v1", "lab", "scenarios", name]), None).await
    }

    /// `POST /v1/lab/reset`: the shop as on its first day. Every client must read everything anew.
    ///
    /// # Errors
    /// See [`ClientError`]; `reset_refused` where the log is shared.
    pub async fn reset_shop(&self) -> Result<LabReset, ClientError> {
        self.read(self.request(Method::POST, &["v1", "lab", "reset"]), Some(20)).await
    }
}
