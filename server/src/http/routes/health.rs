//! Liveness and readiness over HTTP.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use storefront_api::{Health, ProductId, Readiness, VatRate};
use storefront_domain::process::MAX_PARKED_SEQUENCES;
use storefront_domain::webhook::WebhookEvent;
use storefront_domain::withdrawals::Withdrawals;
use tracing::error;

use crate::http::gate::Draining;
use crate::http::principal::Principal;
use crate::http::routes::events::log_hash;
use crate::http::state::Shop;
use crate::integrations::product_service::Issues;
use crate::operations::progress::ProcessStatus;
use crate::store::log_health::LogStatus;
use crate::store::{aggregates, streams};

/// Maximum number of events that the views may lag behind for the server to be ready.
const MAX_LAG_EVENTS: u64 = 1000;

/// Check liveness
///
/// Succeeds while the process runs, also when it is not ready.
#[utoipa::path(get, path = "/health/live", tag = "operations", responses((status = 200, description = "The process runs", body = Health)))]
pub(crate) async fn live() -> Json<Health> {
    Json(Health { status: "live".to_owned() })
}

/// Check readiness
///
/// The reasons also name what is degraded, such as a product service that does not answer. In secured mode they are for
/// operators; others learn whether there are any.
#[utoipa::path(
    get, path = "/health/ready", tag = "operations",
    responses(
        (status = 200, description = "Ready", body = Readiness),
        (status = 503, description = "Not ready, for the given reasons", body = Readiness),
    )
)]
pub(crate) async fn ready(
    State(shop): State<Shop>,
    principal: Principal,
    draining: Option<Extension<Draining>>,
) -> (StatusCode, Json<Readiness>) {
    let mut reasons = Vec::new();
    let LogStatus { head, trouble } = shop.log_health.examine(&*shop.store).await;
    let head = head.0;
    reasons.extend(trouble);
    let views = shop.views.position();
    let lag = head.saturating_sub(views.0);
    if views < shop.opened_at {
        reasons.push(format!("The views are being built: {views} of {} events.", shop.opened_at));
    } else if lag > MAX_LAG_EVENTS {
        reasons.push(format!("The views are {lag} events behind the log."));
    }
    if draining.is_some() {
        reasons.push("The server stops soon, and still answers: send new requests elsewhere.".to_owned());
    }
    if shop.stop.is_cancelled() {
        reasons.push("The server is shutting down.".to_owned());
    }
    let ready = reasons.is_empty();
    reasons.extend(shop.set_back.clone());
    reasons.extend(shop.log_health.skew());
    let stale = shop.freshness.is_stale();
    if stale {
        reasons.push("The product service does not answer; the catalogue shows what it said last.".to_owned());
    }
    reasons.extend(product_service_reasons(&shop.products.issues(), shop.products.default_vat_rate()));
    match shop.catalogue_sync.withdrawals().await {
        Ok((Withdrawals::Held { missing, sold }, _)) => reasons.push(format!(
            "{missing} of {sold} products are missing from the product service; they stay for sale until POST \
             /v1/product-service/withdrawals/confirm withdraws them, or they are back."
        )),
        // What is wrong with the log is told already.
        Ok((Withdrawals::Usual, _)) | Err(_) => {}
    }
    reasons.extend(shop.progress.all().into_iter().flat_map(|(name, status)| process_reasons(name, &status)));
    reasons.extend(webhook_reasons(&shop).await);
    let count = shop.traffic.contradictions();
    if count > 0 {
        reasons.push(format!(
            "{count} news of the card gateway contradict what was asked for, such as by another amount; nothing was booked, \
             and the server's own log names them."
        ));
    }
    // What is wrong with the log is told already.
    let unmatched = shop.reconciliation.count().await.unwrap_or(0);
    if unmatched > 0 {
        reasons.push(format!(
            "{unmatched} charges at the card gateway are not in the books; GET /v1/payments/unmatched names them, and POST \
             /v1/payments/unmatched/…/refunds gives one back."
        ));
    }
    reasons.extend(
        shop.views
            .paused()
            .into_keys()
            .map(|view| format!("The view {view} is paused; POST /v1/views/{view}/resume lets it go on.")),
    );
    reasons.extend(shop.fonts.missing());
    match shop.views.skipped().await {
        Ok(left_out) => reasons.extend(left_out.iter().filter(|(_, count)| *count > 0).map(|(view, count)| {
            format!("The view {view} has left out {count} events that it could not handle; see GET /v1/views.")
        })),
        Err(failure) => {
            error!(error = %failure, "cannot read the views");
            reasons.push("The database of the views fails; lists cannot be read.".to_owned());
        }
    }
    if shop.secured && !principal.is_operator() && !reasons.is_empty() {
        let short = if ready { "Something needs a look by an operator." } else { "Operators see why." };
        reasons = vec![short.to_owned()];
    }
    let hash = log_hash(&shop).await.ok().flatten();
    let product_service = if stale { "stale" } else { "live" }.to_owned();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, reasons, head, hash, product_service }))
}

/// Reasons for webhook endpoints that the shop itself has disabled.
async fn webhook_reasons(shop: &Shop) -> Vec<String> {
    // What is wrong with the log is told already.
    let Ok((endpoints, _)) = aggregates::load::<WebhookEvent>(&shop.store, &streams::webhook_endpoints()).await else {
        return Vec::new();
    };
    let disabled = endpoints.0.iter().filter_map(|endpoint| Some((endpoint.id, endpoint.disabled_reason.as_ref()?)));
    let reason = |(id, reason)| {
        format!("The webhook endpoint {id} is disabled: {reason}. PATCH /v1/webhook-endpoints/{id} enables it again.")
    };
    disabled.map(reason).collect()
}

/// Maximum number of products named; GET /v1/product-service names all.
const MAX_NAMED_PRODUCTS: usize = 10;

/// Reasons for problems with the product service's data that an operator should fix.
fn product_service_reasons(issues: &Issues, default_vat_rate: Option<VatRate>) -> Vec<String> {
    let unreadable = issues.unreadable.iter().map(|(id, reason)| (Some(id.foreign()), reason));
    let all: Vec<_> = unreadable.chain(issues.without_id.iter().map(|reason| (None, reason))).collect();
    let mut troubles: Vec<String> = all
        .iter()
        .take(MAX_NAMED_PRODUCTS)
        .map(|(id, reason)| match id {
            Some(id) => format!("The product service's product {id} cannot be read: {reason}."),
            None => format!("A product of the product service cannot be read: {reason}."),
        })
        .collect();
    if all.len() > MAX_NAMED_PRODUCTS {
        let more = all.len() - MAX_NAMED_PRODUCTS;
        troubles.push(format!("{more} more products cannot be read; GET /v1/product-service names them."));
    }
    let without = &issues.without_vat_rate;
    if let (Some(rate), false) = (default_vat_rate, without.is_empty()) {
        let named = without.iter().take(MAX_NAMED_PRODUCTS).map(ProductId::foreign).collect::<Vec<_>>().join(", ");
        let more = if without.len() > MAX_NAMED_PRODUCTS { ", …" } else { "" };
        troubles.push(format!(
            "{} products have no VAT rate of their own and are sold at the default of {rate} %: {named}{more}.",
            without.len()
        ));
    }
    troubles
}

/// Reasons for a paused process or parked sequences. The server is ready nevertheless.
fn process_reasons(name: &str, status: &ProcessStatus) -> Vec<String> {
    let mut troubles = Vec::new();
    if status.paused {
        troubles.push(format!("The process {name} is paused; POST /v1/processes/{name}/resume lets it go on."));
    }
    if status.parked > 0 {
        let parked = status.parked;
        troubles.push(format!("{parked} parked in the process {name}; GET /v1/processes/{name}/parked tells why."));
    }
    if status.parked >= MAX_PARKED_SEQUENCES {
        troubles
            .push(format!("The process {name} cannot park more and stands still until some are retried or skipped."));
    }
    troubles
}
