//! Health over HTTP.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use storefront_api::{Health, Readiness};
use tracing::error;

use super::log::log_hash;
use crate::log_health::Examined;
use crate::progress::Standing;
use crate::shop::Shop;

/// Views further behind the log than this many events are not fit to answer.
const MOST_LAG: u64 = 1000;

/// Whether the process is alive
///
/// Says nothing of what it can do.
#[utoipa::path(get, path = "/health/live", tag = "operations", responses((status = 200, description = "It is", body = Health)))]
pub(crate) async fn live() -> Json<Health> {
    Json(Health { status: "live".to_owned() })
}

/// Whether the server can do its work
///
/// Also names what works less well, such as a product service that does not answer.
#[utoipa::path(
    get, path = "/health/ready", tag = "operations",
    responses(
        (status = 200, description = "It can", body = Readiness),
        (status = 503, description = "It cannot; the reasons say why", body = Readiness),
    )
)]
pub(crate) async fn ready(State(shop): State<Shop>) -> (StatusCode, Json<Readiness>) {
    let mut reasons = Vec::new();
    let Examined { head, trouble } = shop.log_health.examine(&shop.store).await;
    let head = head.0;
    reasons.extend(trouble);
    let views = shop.views.position();
    let lag = head.saturating_sub(views.0);
    if views < shop.opened_at {
        reasons.push(format!("The views are being built: {views} of {} events.", shop.opened_at));
    } else if lag > MOST_LAG {
        reasons.push(format!("The views are {lag} events behind the log."));
    }
    if shop.stop.is_cancelled() {
        reasons.push("The server is shutting down.".to_owned());
    }
    let ready = reasons.is_empty();
    let stale = shop.freshness.stale();
    if stale {
        reasons.push("The product service does not answer; the catalogue shows what it said last.".to_owned());
    }
    reasons.extend(shop.progress.all().into_iter().flat_map(|(name, standing)| troubles(name, &standing)));
    reasons.extend(
        shop.views
            .paused()
            .into_keys()
            .map(|view| format!("The view {view} is paused; POST /v1/views/{view}/resume lets it go on.")),
    );
    match shop.views.left_out().await {
        Ok(left_out) => reasons.extend(left_out.iter().filter(|(_, count)| *count > 0).map(|(view, count)| {
            format!("The view {view} has left out {count} events that it could not handle; see GET /v1/views.")
        })),
        Err(failure) => {
            error!(error = %failure, "the views fail");
            reasons.push("The database of the views fails; lists cannot be read.".to_owned());
        }
    }
    let hash = log_hash(&shop).await.ok().flatten();
    let product_service = if stale { "stale" } else { "live" }.to_owned();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, reasons, head, hash, product_service }))
}

/// What an operator did to a process, or should look at. The server does its work all the same.
fn troubles(name: &str, standing: &Standing) -> Vec<String> {
    let mut troubles = Vec::new();
    if standing.paused {
        troubles.push(format!("The process {name} is paused; POST /v1/processes/{name}/resume lets it go on."));
    }
    if standing.parked > 0 {
        let parked = standing.parked;
        troubles.push(format!("{parked} parked in the process {name}; GET /v1/processes/{name}/parked tells why."));
    }
    troubles
}
