//! The workshop lab over HTTP: fault switches, scenarios and the reset. Only in shops that run with a lab.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use storefront_api::{
    FaultList, Faults, LabReset, Problem, Scenario as Shown, ScenarioList, ScenarioRun, Stub, StubFaults,
};
use tracing::error;

use crate::http::command::{Command, EmptyCommand};
use crate::http::error::ApiError;
use crate::http::error_code::ErrorCode;
use crate::http::extract::PathParams;
use crate::http::idempotency::{reply, respond_once, respond_once_unlogged};
use crate::http::state::Shop;
use crate::integrations::lab_stubs::StubsError;
use crate::lab::ResetError;
use crate::lab::{Lab, LabBusy, Scenario, paused_processes};
use crate::store::commands::Failure;

/// Extracts the shop's lab; `lab_disabled` without one.
pub(crate) struct RequireLab(Arc<Lab>);

impl FromRequestParts<Shop> for RequireLab {
    type Rejection = ApiError;

    async fn from_request_parts(_parts: &mut Parts, shop: &Shop) -> Result<Self, ApiError> {
        shop.lab.clone().map(Self).ok_or_else(|| {
            let detail = "This shop has no lab. Start it with `storefront serve`, or `storefront-server serve --lab URL` \
                          with the address of storefront-mocks.";
            ApiError::new(ErrorCode::LabDisabled, detail)
        })
    }
}

/// List the fault switches
///
/// Those of all stubs, which stand in for external systems.
#[utoipa::path(
    get, path = "/v1/lab/faults", tag = "lab",
    responses(
        (status = 200, description = "The switches of all stubs", body = FaultList),
        (status = 404, description = "`lab_disabled`", body = Problem),
        (status = 503, description = "`stubs_unreachable`", body = Problem),
    )
)]
pub(crate) async fn list_faults(RequireLab(lab): RequireLab) -> Result<Json<FaultList>, ApiError> {
    let mut items = Vec::new();
    for stub in Stub::ALL {
        items.push(StubFaults { stub, faults: lab.stubs.faults(stub).await? });
    }
    Ok(Json(FaultList { items }))
}

/// Read the fault switches of a stub
///
/// The stubs are `products`, `cards` and `mail`.
#[utoipa::path(
    get, path = "/v1/lab/faults/{stub}", tag = "lab",
    params(("stub" = String, Path, description = "`products`, `cards` or `mail`")),
    responses(
        (status = 200, description = "The switches", body = Faults),
        (status = 404, description = "`lab_disabled`; `stub_not_found`", body = Problem),
        (status = 503, description = "`stubs_unreachable`", body = Problem),
    )
)]
pub(crate) async fn get_faults(
    RequireLab(lab): RequireLab,
    PathParams(name): PathParams<String>,
) -> Result<Json<Faults>, ApiError> {
    Ok(Json(lab.stubs.faults(find_stub(&name)?).await?))
}

/// Set the fault switches of a stub
///
/// They take effect with the next request to the stub and replace all present ones; `{}` switches all faults off.
#[utoipa::path(
    put, path = "/v1/lab/faults/{stub}", tag = "lab",
    params(("stub" = String, Path, description = "`products`, `cards` or `mail`")),
    request_body = Faults,
    responses(
        (status = 200, description = "The new switches", body = Faults),
        (status = 404, description = "`lab_disabled`; `stub_not_found`", body = Problem),
        (status = 422, description = "`invalid_values`", body = Problem),
        (status = 503, description = "`stubs_unreachable`", body = Problem),
    )
)]
pub(crate) async fn set_faults(
    State(shop): State<Shop>,
    RequireLab(lab): RequireLab,
    PathParams(name): PathParams<String>,
    Command { body, context }: Command<Faults>,
) -> Result<Response, ApiError> {
    let work = async {
        let set = lab.stubs.set_faults(find_stub(&name)?, &body).await?;
        Ok(reply(StatusCode::OK, &set).map_err(Failure::from)?)
    };
    respond_once_unlogged(&shop, &context, work).await
}

/// List scenarios
///
/// Scripted demonstrations in the running shop: what each shows, what to observe, and its latest run.
#[utoipa::path(
    get, path = "/v1/lab/scenarios", tag = "lab",
    responses(
        (status = 200, description = "All scenarios", body = ScenarioList),
        (status = 404, description = "`lab_disabled`", body = Problem),
    )
)]
pub(crate) async fn list_scenarios(RequireLab(lab): RequireLab) -> Json<ScenarioList> {
    Json(ScenarioList { items: Scenario::ALL.into_iter().map(|scenario| scenario_body(&lab, scenario)).collect() })
}

/// Read a scenario
///
/// What it shows, and its latest run, whose steps grow while it is running.
#[utoipa::path(
    get, path = "/v1/lab/scenarios/{name}", tag = "lab",
    params(("name" = String, Path, description = "The name of the scenario")),
    responses(
        (status = 200, description = "The scenario", body = Shown),
        (status = 404, description = "`lab_disabled`; `scenario_not_found`", body = Problem),
    )
)]
pub(crate) async fn get_scenario(
    RequireLab(lab): RequireLab,
    PathParams(name): PathParams<String>,
) -> Result<Json<Shown>, ApiError> {
    Ok(Json(scenario_body(&lab, find_scenario(&name)?)))
}

/// Run a scenario
///
/// It acts as a client, and records a step for each action, with pauses between them. One scenario runs at a time. Its
/// changes to switches and stock are reverted when it ends, whatever the result. It is refused while a process or read
/// model that it needs is paused; `paused_processes` and `paused_views` of the answer name these.
#[utoipa::path(
    post, path = "/v1/lab/scenarios/{name}", tag = "lab",
    params(("name" = String, Path, description = "The name of the scenario")),
    responses(
        (status = 202, description = "Started; the answer names its orders", body = ScenarioRun),
        (status = 404, description = "`lab_disabled`; `scenario_not_found`", body = Problem),
        (status = 409, description = "`scenario_running`; `scenario_paused`: a process or read model that it needs is paused", body = Problem),
    )
)]
pub(crate) async fn play_scenario(
    State(shop): State<Shop>,
    RequireLab(lab): RequireLab,
    PathParams(name): PathParams<String>,
    command: EmptyCommand,
) -> Result<Response, ApiError> {
    let work = async {
        let scenario = find_scenario(&name)?;
        refuse_if_paused(&shop, scenario).await?;
        Ok(reply(StatusCode::ACCEPTED, &lab.play(scenario)?).map_err(Failure::from)?)
    };
    respond_once_unlogged(&shop, &command.into_context(), work).await
}

/// Refuses a scenario while a process or view that it needs is paused.
async fn refuse_if_paused(shop: &Shop, scenario: Scenario) -> Result<(), ApiError> {
    let processes = paused_processes(&shop.store, scenario.needs_processes()).await.map_err(Failure::from)?;
    let paused = shop.views.paused();
    let views: Vec<String> =
        scenario.needs_views().iter().filter(|view| paused.contains_key(*view)).map(ToString::to_string).collect();
    if processes.is_empty() && views.is_empty() {
        return Ok(());
    }
    let of_processes = processes.iter().map(|name| format!("process {name}"));
    let told: Vec<String> = of_processes.chain(views.iter().map(|name| format!("view {name}"))).collect();
    let detail =
        format!("The scenario would stand still. Paused: {}. Resume that, and play it again.", told.join(", "));
    Err(ApiError::new(ErrorCode::ScenarioPaused, detail)
        .with(|problem| (problem.paused_processes, problem.paused_views) = (processes, views)))
}

/// Reset the shop
///
/// Afterwards the log, the gateway and the mailbox are empty, the products are those of the demo, and all faults are
/// off. The previous log is kept beside the new one under another name. Clients notice the new log by `log` of `GET
/// /v1/events` and read everything again. Requests during the reset are answered with `shop_closed`.
#[utoipa::path(
    post, path = "/v1/lab/reset", tag = "lab",
    responses(
        (status = 200, description = "Reset", body = LabReset),
        (status = 404, description = "`lab_disabled`", body = Problem),
        (status = 409, description = "`reset_refused`: the log is shared or in use; `scenario_running`", body = Problem),
        (status = 503, description = "`stubs_unreachable`", body = Problem),
    )
)]
pub(crate) async fn reset(
    State(shop): State<Shop>,
    RequireLab(lab): RequireLab,
    command: EmptyCommand,
) -> Result<Response, ApiError> {
    let context = command.into_context();
    if shop.secured {
        let detail =
            "A shop in secured mode is not started over: its accounts would be gone, also that of the operator.";
        return Err(ApiError::new(ErrorCode::ResetRefused, detail));
    }
    let work = async {
        let control = lab.shop.upgrade().ok_or_else(ApiError::internal)?;
        drop(lab);
        // A task of its own: a client that disconnects must not cancel the reset halfway.
        let reset = tokio::spawn(control.reset(context.clone())).await.map_err(|_| ApiError::internal())?;
        Ok(reset?)
    };
    respond_once(&shop, &context, work).await
}

fn scenario_body(lab: &Lab, scenario: Scenario) -> Shown {
    let words = scenario.text();
    Shown {
        name: words.name.to_owned(),
        title: words.title.to_owned(),
        story: words.story.to_owned(),
        look_at: words.look_at.to_owned(),
        last_run: lab.last_run(scenario),
    }
}

fn find_scenario(name: &str) -> Result<Scenario, ApiError> {
    Scenario::from_name(name).ok_or_else(|| {
        let known: Vec<&str> = Scenario::ALL.into_iter().map(|scenario| scenario.text().name).collect();
        let detail = format!("There is no scenario {name:?}. There are: {}.", known.join(", "));
        ApiError::new(ErrorCode::ScenarioNotFound, detail)
    })
}

fn find_stub(name: &str) -> Result<Stub, ApiError> {
    Stub::ALL.into_iter().find(|stub| stub.name() == name).ok_or_else(|| {
        ApiError::new(ErrorCode::StubNotFound, format!("There is no stub {name:?}. There are: products, cards, mail."))
    })
}

impl From<StubsError> for ApiError {
    fn from(error: StubsError) -> Self {
        match error {
            StubsError::Refused(detail) => Self::new(ErrorCode::InvalidValues, detail),
            StubsError::Unreachable(_) => Self::new(
                ErrorCode::StubsUnreachable,
                format!("{error} Look whether storefront-mocks runs at the address that --lab names."),
            ),
        }
    }
}

impl From<LabBusy> for ApiError {
    fn from(occupied: LabBusy) -> Self {
        let code = match occupied {
            LabBusy::Playing(_) => ErrorCode::ScenarioRunning,
            LabBusy::Closed => ErrorCode::ResetRefused,
        };
        Self::new(code, occupied.to_string())
    }
}

impl From<ResetError> for ApiError {
    fn from(refusal: ResetError) -> Self {
        match refusal {
            ResetError::LabBusy(occupied) => occupied.into(),
            ResetError::Stubs(failure) => failure.into(),
            ResetError::Running | ResetError::Shared | ResetError::InUse => {
                Self::new(ErrorCode::ResetRefused, refusal.to_string())
            }
            ResetError::Rename(_) | ResetError::Start(_) | ResetError::Response(_) => {
                error!(error = %refusal, "the reset of the shop failed");
                Self::internal()
            }
        }
    }
}
