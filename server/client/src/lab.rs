//! The workshop lab: faults, scenarios and reset. A shop without a lab returns the problem `lab_disabled`.

use reqwest::Method;
use storefront_api::{FaultList, Faults, LabReset, Scenario, ScenarioList, ScenarioRun, Stub};

use crate::{Client, ClientError};

impl Client {
    /// `GET /v1/lab/faults`: the active faults of each stub.
    ///
    /// # Errors
    /// See [`ClientError`]; this applies to every method.
    pub async fn faults(&self) -> Result<FaultList, ClientError> {
        self.read(self.get(&["v1", "lab", "faults"], &()), None).await
    }

    /// `PUT /v1/lab/faults/{stub}`: replaces the faults of a stub. Repeating is safe.
    ///
    /// # Errors
    /// See [`ClientError`]; values out of range are a problem with status 422.
    pub async fn set_faults(&self, stub: Stub, faults: &Faults) -> Result<Faults, ClientError> {
        self.read(self.request(Method::PUT, &["v1", "lab", "faults", stub.name()]).json(faults), None).await
    }

    /// `GET /v1/lab/scenarios`: every scenario with its latest run.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn scenarios(&self) -> Result<ScenarioList, ClientError> {
        self.read(self.get(&["v1", "lab", "scenarios"], &()), None).await
    }

    /// `GET /v1/lab/scenarios/{name}`: a scenario; `None` if there is none with this name.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn scenario(&self, name: &str) -> Result<Option<Scenario>, ClientError> {
        match self.read(self.get(&["v1", "lab", "scenarios", name], &()), None).await {
            Err(ClientError::Problem(problem)) if problem.code == "scenario_not_found" => Ok(None),
            other => other.map(Some),
        }
    }

    /// `POST /v1/lab/scenarios/{name}`: starts a scenario. After `Unreachable`, read the scenario before a repeat.
    ///
    /// # Errors
    /// See [`ClientError`]; the problem is `scenario_running` while another one runs.
    pub async fn play_scenario(&self, name: &str) -> Result<ScenarioRun, ClientError> {
        self.read(self.request(Method::POST, &["v1", "lab", "scenarios", name]), None).await
    }

    /// `POST /v1/lab/reset`: resets the shop. Every client must read its data again.
    ///
    /// # Errors
    /// See [`ClientError`]; the problem is `reset_refused` if the log is shared.
    pub async fn reset_shop(&self) -> Result<LabReset, ClientError> {
        self.read(self.request(Method::POST, &["v1", "lab", "reset"]), Some(20)).await
    }
}
