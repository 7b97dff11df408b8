//! The read models over HTTP: how far they are, rebuilding them, and the statistics that one of them keeps.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use storefront_api::{LeftOut, Problem, Rebuilding, Statistics, View, ViewList};

use super::code::Code;
use super::extract::{InPath, InQuery, SeeQuery, see};
use super::problem::ApiError;
use crate::commands::Failure;
use crate::shop::Shop;
use crate::views::{Head, Views};

/// List read models
///
/// What lists, searches and statistics answer from: how far each is in the log, what it has left out, and how far its
/// rebuild is, if there is one.
#[utoipa::path(
    get, path = "/v1/views", tag = "operations",
    responses((status = 200, description = "All read models, by name", body = ViewList))
)]
pub(crate) async fn list_views(State(shop): State<Shop>) -> Result<Json<ViewList>, ApiError> {
    let seen = shop.views.position().0;
    let views = shop.views.list().await?;
    let head = shop.store.head().await.map_err(Failure::from)?.0;
    let items = views.into_iter().map(|(name, live, building)| view(name, seen, head, live, building));
    Ok(Json(ViewList { items: items.collect() }))
}

/// Rebuild a read model
///
/// From the beginning of the log, beside the present rows, which answer until the new ones have caught up. Nothing else
/// happens a second time. Asking again while it goes on changes nothing.
#[utoipa::path(
    post, path = "/v1/views/{name}/rebuild", tag = "operations",
    params(("name" = String, Path, description = "The read model, as `GET /v1/views` names it")),
    responses(
        (status = 202, description = "Begun; `GET /v1/views` shows how far it is", body = View),
        (status = 404, description = "`view_not_found`", body = Problem),
    )
)]
pub(crate) async fn rebuild_view(
    State(shop): State<Shop>,
    InPath(name): InPath<String>,
) -> Result<(StatusCode, Json<View>), ApiError> {
    if !shop.views.begin_rebuild(&name).await? {
        let known: Vec<&str> = Views::names().collect();
        let detail = format!("There is no view {name:?}. There are: {}.", known.join(", "));
        return Err(ApiError::new(Code::ViewNotFound, detail));
    }
    let Json(list) = list_views(State(shop)).await?;
    let view = list.items.into_iter().find(|view| view.name == name).ok_or_else(ApiError::internal)?;
    Ok((StatusCode::ACCEPTED, Json(view)))
}

/// Read the statistics
///
/// What the shop has earned: in all, by day, and which products sell best.
#[utoipa::path(
    get, path = "/v1/statistics", tag = "operations", params(SeeQuery),
    responses((status = 200, description = "The statistics", body = Statistics))
)]
pub(crate) async fn get_statistics(
    State(shop): State<Shop>,
    InQuery(query): InQuery<SeeQuery>,
) -> Result<Json<Statistics>, ApiError> {
    see(&shop, query.min_position).await?;
    Ok(Json(shop.views.statistics(shop.currency).await?))
}

fn view(name: &str, seen: u64, head: u64, live: Option<Head>, building: Option<Head>) -> View {
    let failures = live.as_ref().map(|live| live.failures.clone()).unwrap_or_default();
    // A checkpoint is written with rows; where there was nothing to write, the view has come further.
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
