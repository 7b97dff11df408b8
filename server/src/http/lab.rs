//! The workshop lab over HTTP: what is broken on purpose, and scenarios. Only where the shop was opened with a lab.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use storefront_api::{FaultList, Faults, Problem, Scenario as Shown, ScenarioList, Stub, StubFaults};

use super::code::Code;
use super::command::Command;
use super::extract::InPath;
use super::problem::ApiError;
use crate::integrations::lab_stubs::StubsError;
use crate::lab::{Lab, Scenario};
use crate::shop::Shop;

/// The lab of the shop.
pub(crate) struct InLab(Arc<Lab>);

impl FromRequestParts<Shop> for InLab {
    type Rejection = ApiError;

    async fn from_request_parts(_parts: &mut Parts, shop: &Shop) -> Result<Self, ApiError> {
        shop.lab.clone().map(Self).ok_or_else(|| {
            let detail = "This shop has no lab. Start it with `storefront serve`, or `storefront-server serve --lab URL` \
                          with the address of storefront-mocks.";
            ApiError::new(Code::LabDisabled, detail)
        })
    }
}

/// List what is broken
///
/// The fault switches of every stand-in for a system around the shop.
#[utoipa::path(
    get, path = "/v1/lab/faults", tag = "lab",
    responses(
        (status = 200, description = "Every stub", body = FaultList),
        (status = 404, description = "`lab_disabled`", body = Problem),
        (status = 503, description = "`stubs_unreachable`", body = Problem),
    )
)]
pub(crate) async fn list_faults(InLab(lab): InLab) -> Result<Json<FaultList>, ApiError> {
    let mut items = Vec::new();
    for stub in Stub::ALL {
        items.push(StubFaults { stub, faults: lab.stubs.faults(stub).await? });
    }
    Ok(Json(FaultList { items }))
}

/// Read what is broken at a stub
///
/// The stubs are `products`, `cards` and `mail`.
#[utoipa::path(
    get, path = "/v1/lab/faults/{stub}", tag = "lab",
    params(("stub" = String, Path, description = "`products`, `cards` or `mail`")),
    responses(
        (status = 200, description = "Its switches", body = Faults),
        (status = 404, description = "`lab_disabled`; `stub_not_found`", body = Problem),
        (status = 503, description = "`stubs_unreachable`", body = Problem),
    )
)]
pub(crate) async fn get_faults(InLab(lab): InLab, InPath(name): InPath<String>) -> Result<Json<Faults>, ApiError> {
    Ok(Json(lab.stubs.faults(stub(&name)?).await?))
}

/// Break something at a stub, or mend it
///
/// From the next request on, exactly this is broken there: what is left out is whole. `{}` mends everything.
#[utoipa::path(
    put, path = "/v1/lab/faults/{stub}", tag = "lab",
    params(("stub" = String, Path, description = "`products`, `cards` or `mail`")),
    request_body = Faults,
    responses(
        (status = 200, description = "Its switches as they are now", body = Faults),
        (status = 404, description = "`lab_disabled`; `stub_not_found`", body = Problem),
        (status = 422, description = "`invalid_values`", body = Problem),
        (status = 503, description = "`stubs_unreachable`", body = Problem),
    )
)]
pub(crate) async fn set_faults(
    InLab(lab): InLab,
    InPath(name): InPath<String>,
    Command { body, .. }: Command<Faults>,
) -> Result<Json<Faults>, ApiError> {
    Ok(Json(lab.stubs.set_faults(stub(&name)?, &body).await?))
}

/// List scenarios
///
/// Stories that play by themselves in the shop, for a room to watch: what each shows, where to look, and how it went the
/// last time.
#[utoipa::path(
    get, path = "/v1/lab/scenarios", tag = "lab",
    responses(
        (status = 200, description = "Every scenario", body = ScenarioList),
        (status = 404, description = "`lab_disabled`", body = Problem),
    )
)]
pub(crate) async fn list_scenarios(InLab(lab): InLab) -> Json<ScenarioList> {
    Json(ScenarioList { items: Scenario::ALL.into_iter().map(|scenario| shown(&lab, scenario)).collect() })
}

fn shown(_lab: &Lab, scenario: Scenario) -> Shown {
    let words = scenario.words();
    Shown {
        name: words.name.to_owned(),
        title: words.title.to_owned(),
        story: words.story.to_owned(),
        look_at: words.look_at.to_owned(),
        last_run: None,
    }
}

fn stub(name: &str) -> Result<Stub, ApiError> {
    Stub::ALL.into_iter().find(|stub| stub.name() == name).ok_or_else(|| {
        ApiError::new(Code::StubNotFound, format!("There is no stub {name:?}. There are: products, cards, mail."))
    })
}

impl From<StubsError> for ApiError {
    fn from(error: StubsError) -> Self {
        match error {
            StubsError::Refused(detail) => Self::new(Code::InvalidValues, detail),
            StubsError::Unreachable(_) => Self::new(
                Code::StubsUnreachable,
                format!("{error} Look whether storefront-mocks runs at the address that --lab names."),
            ),
        }
    }
}
