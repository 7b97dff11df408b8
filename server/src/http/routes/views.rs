//! The read models over HTTP: their progress, pause, step, resume and rebuild, and the statistics.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use storefront_api::{LeftOut, Problem, Rebuilding, Statistics, View, ViewList, WaitingEvent};
use storefront_eventlog::Position;

use crate::http::command::EmptyCommand;
use crate::http::error::ApiError;
use crate::http::error_code::ErrorCode;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::idempotency::{reply, respond_once_unlogged};
use crate::http::state::Shop;
use crate::http::wait_for_views::{MinPosition, wait_for_position};
use crate::store::commands::Failure;
use crate::views::{ControlOutcome, Head, ViewControl, Views};

/// List read models
///
/// The read models from which lists, searches and statistics are answered: their progress in the log, skipped events,
/// and running rebuilds.
#[utoipa::path(
    get, path = "/v1/views", tag = "operations",
    responses((status = 200, description = "All read models, by name", body = ViewList))
)]
pub(crate) async fn list_views(State(shop): State<Shop>) -> Result<Json<ViewList>, ApiError> {
    let (seen, paused) = (shop.views.position(), shop.views.paused());
    let views = shop.views.list().await?;
    let head = shop.store.head().await.map_err(Failure::from)?.0;
    let mut items = Vec::new();
    for (name, live, building) in views {
        let mut view = view(name, seen.0, head, live, building);
        if let Some(at) = paused.get(name) {
            (view.paused, view.position, view.lag) = (true, at.0, head.saturating_sub(at.0));
            view.next = waiting_events(&shop, name, *at).await?;
        }
        items.push(view);
    }
    Ok(Json(ViewList { items }))
}

async fn waiting_events(shop: &Shop, name: &str, after: Position) -> Result<Vec<WaitingEvent>, ApiError> {
    let next = shop.views.next_for(name, after).await.map_err(Failure::from)?.into_iter();
    Ok(next.map(|next| WaitingEvent { position: next.position.0, kind: next.kind, sequence: next.sequence }).collect())
}

/// Rebuild a read model
///
/// Fills new rows from the beginning of the log. Lists are answered from the present rows until the new ones have
/// caught up. A rebuild has no other effect. A request during a rebuild changes nothing.
#[utoipa::path(
    post, path = "/v1/views/{name}/rebuild", tag = "operations",
    params(("name" = String, Path, description = "The name of the read model")),
    responses(
        (status = 202, description = "Started; `GET /v1/views` shows the progress", body = View),
        (status = 404, description = "`view_not_found`", body = Problem),
    )
)]
pub(crate) async fn rebuild_view(
    State(shop): State<Shop>,
    PathParams(name): PathParams<String>,
    command: EmptyCommand,
) -> Result<Response, ApiError> {
    let work = async {
        if !shop.views.begin_rebuild(&name).await? {
            return Err(view_not_found(&name));
        }
        Ok(reply(StatusCode::ACCEPTED, &view_body(&shop, &name).await?).map_err(Failure::from)?)
    };
    respond_once_unlogged(&shop, &command.into_context(), work).await
}

/// Pause a read model
///
/// It takes in no event until it is stepped or resumed; other read models continue. Its lists stay as they are;
/// requests with a later `min_position` are answered with `view_paused` at once. A pause survives a restart of the
/// server; `/health/ready` reports it. A running rebuild is stopped.
#[utoipa::path(
    post, path = "/v1/views/{name}/pause", tag = "operations",
    params(("name" = String, Path, description = "The name of the read model")),
    responses(
        (status = 200, description = "Paused", body = View),
        (status = 404, description = "`view_not_found`", body = Problem),
        (status = 409, description = "`view_shared`: several servers may fill it", body = Problem),
    )
)]
pub(crate) async fn pause_view(
    State(shop): State<Shop>,
    PathParams(name): PathParams<String>,
    command: EmptyCommand,
) -> Result<Response, ApiError> {
    control_once(&shop, &name, ViewControl::Pause, command).await
}

/// Step a paused read model
///
/// It takes in the next event that it handles. A step without such an event is refused and not kept for later.
#[utoipa::path(
    post, path = "/v1/views/{name}/step", tag = "operations",
    params(("name" = String, Path, description = "The name of the read model")),
    responses(
        (status = 200, description = "Has taken in one event", body = View),
        (status = 404, description = "`view_not_found`", body = Problem),
        (status = 409, description = "`view_not_paused`; `nothing_to_step`: no event waits; `view_shared`", body = Problem),
    )
)]
pub(crate) async fn step_view(
    State(shop): State<Shop>,
    PathParams(name): PathParams<String>,
    command: EmptyCommand,
) -> Result<Response, ApiError> {
    control_once(&shop, &name, ViewControl::Step, command).await
}

/// Resume a read model
///
/// It follows the log again; the answer is sent when it has caught up.
#[utoipa::path(
    post, path = "/v1/views/{name}/resume", tag = "operations",
    params(("name" = String, Path, description = "The name of the read model")),
    responses(
        (status = 200, description = "Resumed", body = View),
        (status = 404, description = "`view_not_found`", body = Problem),
        (status = 409, description = "`view_shared`", body = Problem),
    )
)]
pub(crate) async fn resume_view(
    State(shop): State<Shop>,
    PathParams(name): PathParams<String>,
    command: EmptyCommand,
) -> Result<Response, ApiError> {
    control_once(&shop, &name, ViewControl::Resume, command).await
}

async fn control_once(
    shop: &Shop,
    name: &str,
    control: ViewControl,
    command: EmptyCommand,
) -> Result<Response, ApiError> {
    let work = async {
        apply_control(shop, name, control).await?;
        Ok(reply(StatusCode::OK, &view_body(shop, name).await?).map_err(Failure::from)?)
    };
    respond_once_unlogged(shop, &command.into_context(), work).await
}

async fn apply_control(shop: &Shop, name: &str, control: ViewControl) -> Result<(), ApiError> {
    if shop.shared_log {
        let detail = "Every server on this PostgreSQL feeds the views, so none can hold one back for the others.";
        return Err(ApiError::new(ErrorCode::ViewShared, detail));
    }
    match shop.views.steer(name, control).await {
        ControlOutcome::Done => Ok(()),
        ControlOutcome::NotPaused => {
            let detail = format!("The view {name} is not paused. POST /v1/views/{name}/pause pauses it.");
            Err(ApiError::new(ErrorCode::ViewNotPaused, detail))
        }
        ControlOutcome::NothingWaits => {
            let detail = "Nothing that concerns this view waits, and a step is not kept for later. Step again when \
                          something has happened.";
            Err(ApiError::new(ErrorCode::NothingToStep, detail))
        }
        ControlOutcome::Unknown => Err(view_not_found(name)),
        ControlOutcome::NotNow => {
            let detail = "The views have trouble with the log or with their database. Try again shortly.";
            Err(ApiError::new(ErrorCode::ViewsBehind, detail))
        }
    }
}

async fn view_body(shop: &Shop, name: &str) -> Result<View, ApiError> {
    let Json(list) = list_views(State(shop.clone())).await?;
    list.items.into_iter().find(|view| view.name == name).ok_or_else(ApiError::internal)
}

fn view_not_found(name: &str) -> ApiError {
    let known: Vec<&str> = Views::names().collect();
    ApiError::new(ErrorCode::ViewNotFound, format!("There is no view {name:?}. There are: {}.", known.join(", ")))
}

/// Read the statistics
///
/// Sales in total and by day, and the best-selling products.
#[utoipa::path(
    get, path = "/v1/statistics", tag = "operations", params(MinPosition),
    responses((status = 200, description = "The statistics", body = Statistics))
)]
pub(crate) async fn get_statistics(
    State(shop): State<Shop>,
    QueryParams(query): QueryParams<MinPosition>,
) -> Result<Json<Statistics>, ApiError> {
    wait_for_position(&shop, query.min_position, &["statistics"]).await?;
    Ok(Json(shop.views.statistics(shop.currency).await?))
}

fn view(name: &str, seen: u64, head: u64, live: Option<Head>, building: Option<Head>) -> View {
    let failures = live.as_ref().map(|live| live.failures.clone()).unwrap_or_default();
    // A checkpoint is only written with rows; a view without new rows may be further.
    let position = live.map_or(0, |live| live.position.0.max(seen));
    View {
        name: name.to_owned(),
        position,
        lag: head.saturating_sub(position),
        left_out: u64::try_from(failures.count).unwrap_or_default(),
        last_left_out: (failures.count > 0).then_some(LeftOut { position: failures.last.0, why: failures.why }),
        paused: false,
        next: Vec::new(),
        rebuilding: building.map(|building| Rebuilding { position: building.position.0, head }),
    }
}
