//! Metrics in the text format of Prometheus, and the counts of repeated requests.

use std::fmt::Write as _;

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use storefront_api::{Repeats, WebhookCounts};

use crate::clock;
use crate::http::error::ApiError;
use crate::http::state::Shop;
use crate::operations::progress::ProcessStatus;
use crate::store::commands::Failure;
use crate::views::Views;

/// Read the metrics
///
/// In the text format of Prometheus: the log's head, how far views and processes are behind it, what is unfinished or
/// tried again or parked, the answers by class of status, and the uptime.
#[utoipa::path(
    get, path = "/metrics", tag = "operations",
    responses(
        (status = 200, description = "Metrics", content_type = "text/plain", body = String),
        (status = 503, description = "`shutting_down`: the log is closed; `log_unavailable`: it does not do its work", body = storefront_api::Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn metrics(State(shop): State<Shop>) -> Result<Response, ApiError> {
    let text = exposition(&Snapshot {
        head: shop.store.head().await.map_err(Failure::from)?.0,
        views: shop.views.position().0,
        skipped: shop.views.skipped().await?,
        processes: shop.progress.all(),
        answered: shop.traffic.by_class().collect(),
        contradictions: shop.traffic.contradictions(),
        uptime_ms: shop.traffic.uptime_ms(clock::now()),
        product_service_up: !shop.freshness.is_stale(),
        paused_views: Views::names().map(|name| (name, shop.views.paused().contains_key(name))).collect(),
        repeats: shop.log_health.repeats.snapshot(),
    });
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

/// List what came again
///
/// Webhooks by what became of them, appends that were decided anew because their stream had another version, and requests
/// that got a stored answer: counted since this server was started, with the latest 20 of each. Nothing of it is in the log.
#[utoipa::path(
    get, path = "/v1/processes/repeats", tag = "operations",
    responses((status = 200, description = "Counts, and the latest", body = Repeats))
)]
pub(crate) async fn list_repeats(State(shop): State<Shop>) -> Json<Repeats> {
    Json(shop.log_health.repeats.snapshot())
}

/// The values of all metrics at one moment.
struct Snapshot {
    head: u64,
    views: u64,
    /// Number of skipped events by view.
    skipped: Vec<(&'static str, i64)>,
    processes: Vec<(&'static str, ProcessStatus)>,
    answered: Vec<(usize, u64)>,
    contradictions: u64,
    uptime_ms: i64,
    product_service_up: bool,
    paused_views: Vec<(&'static str, bool)>,
    repeats: Repeats,
}

/// Formats the metrics in Prometheus text format 0.0.4 ("Exposition formats" in its documentation). No label needs escaping.
fn exposition(snapshot: &Snapshot) -> String {
    let lag = |position: u64| snapshot.head.saturating_sub(position).to_string();
    let single = |value: String| vec![(String::new(), value)];
    let per_process = |value: &dyn Fn(&ProcessStatus) -> String| -> Vec<(String, String)> {
        let processes = snapshot.processes.iter();
        processes.map(|(name, status)| (format!("{{process=\"{name}\"}}"), value(status))).collect()
    };
    let answered = snapshot.answered.iter();
    let answered = answered.map(|(class, count)| (format!("{{status=\"{class}xx\"}}"), count.to_string())).collect();
    let skipped = snapshot.skipped.iter();
    let skipped = skipped.map(|(view, count)| (format!("{{view=\"{view}\"}}"), count.to_string())).collect();
    let paused_views = snapshot.paused_views.iter();
    let paused_views =
        paused_views.map(|(view, paused)| (format!("{{view=\"{view}\"}}"), u8::from(*paused).to_string())).collect();
    let uptime_s = format!("{}.{:03}", snapshot.uptime_ms / 1000, snapshot.uptime_ms % 1000);
    let mut text = String::new();
    for (name, kind, help, samples) in [
        ("log_head_position", "gauge", "The last position of the event log.", single(snapshot.head.to_string())),
        ("views_position", "gauge", "How far the views have come.", single(snapshot.views.to_string())),
        ("views_lag_events", "gauge", "How many events the views are behind the log.", single(lag(snapshot.views))),
        ("view_left_out_events", "gauge", "Events that a view could not handle and has left out.", skipped),
        (
            "process_position",
            "gauge",
            "Up to where a process has dealt with the log.",
            per_process(&|status| status.position.to_string()),
        ),
        (
            "process_lag_events",
            "gauge",
            "How many positions a process is behind the log.",
            per_process(&|status| lag(status.position.0)),
        ),
        (
            "process_unfinished_events",
            "gauge",
            "Events that a process has read and not dealt with.",
            per_process(&|status| status.unfinished.to_string()),
        ),
        (
            "process_retrying_events",
            "gauge",
            "Events of a process that went wrong and are tried again.",
            per_process(&|status| status.retrying.to_string()),
        ),
        (
            "process_parked_sequences",
            "gauge",
            "Sequences of a process that wait for somebody to look.",
            per_process(&|status| status.parked.to_string()),
        ),
        (
            "process_paused",
            "gauge",
            "Whether a process was paused.",
            per_process(&|status| u8::from(status.paused).to_string()),
        ),
        ("view_paused", "gauge", "Whether a view was paused.", paused_views),
        (
            "webhooks_total",
            "counter",
            "Webhooks of the card gateway by what became of them.",
            webhook_samples(&snapshot.repeats),
        ),
        (
            "appends_retried_total",
            "counter",
            "Appends that found another version than expected and were decided anew.",
            single(snapshot.repeats.retried_appends.to_string()),
        ),
        (
            "answers_replayed_total",
            "counter",
            "Requests that got the stored answer of an earlier one under the same key.",
            single(snapshot.repeats.replayed_answers.to_string()),
        ),
        ("http_answers_total", "counter", "Answered requests by class of status.", answered),
        (
            "card_webhook_contradictions_total",
            "counter",
            "News of the card gateway of other money than was asked for.",
            single(snapshot.contradictions.to_string()),
        ),
        (
            "product_service_up",
            "gauge",
            "Whether the product service is followed.",
            single(u8::from(snapshot.product_service_up).to_string()),
        ),
        ("uptime_seconds", "gauge", "For how long the server has been running.", single(uptime_s)),
    ] {
        let _ = writeln!(text, "# HELP storefront_{name} {help}\n# TYPE storefront_{name} {kind}");
        for (labels, value) in samples {
            let _ = writeln!(text, "storefront_{name}{labels} {value}");
        }
    }
    text
}

/// Samples of the webhook counter, by outcome.
fn webhook_samples(repeats: &Repeats) -> Vec<(String, String)> {
    let WebhookCounts { received: _, applied, repeated, ignored, refused } = repeats.webhooks;
    let counts = [("applied", applied), ("repeated", repeated), ("ignored", ignored), ("refused", refused)];
    counts.into_iter().map(|(outcome, count)| (format!("{{outcome=\"{outcome}\"}}"), count.to_string())).collect()
}

#[cfg(test)]
mod tests {
    use storefront_eventlog::Position;

    use super::*;

    #[test]
    fn the_metrics_are_in_the_text_format_of_prometheus() {
        let (position, parked, paused) = (Position(7), 3, true);
        let status = ProcessStatus { position, unfinished: 2, retrying: 1, parked, paused, ..ProcessStatus::default() };
        let text = exposition(&Snapshot {
            head: 12,
            views: 10,
            skipped: vec![("orders", 3)],
            processes: vec![("mail", status)],
            answered: vec![(2, 40), (4, 3)],
            contradictions: 1,
            uptime_ms: 61_005,
            product_service_up: true,
            paused_views: vec![("orders", true)],
            repeats: Repeats {
                webhooks: WebhookCounts { received: 5, applied: 2, repeated: 3, ..WebhookCounts::default() },
                retried_appends: 4,
                ..Repeats::default()
            },
        });
        for line in [
            "# TYPE storefront_log_head_position gauge",
            "storefront_log_head_position 12",
            "storefront_views_lag_events 2",
            "storefront_view_left_out_events{view=\"orders\"} 3",
            "storefront_process_lag_events{process=\"mail\"} 5",
            "storefront_process_unfinished_events{process=\"mail\"} 2",
            "storefront_process_retrying_events{process=\"mail\"} 1",
            "storefront_process_parked_sequences{process=\"mail\"} 3",
            "storefront_process_paused{process=\"mail\"} 1",
            "# TYPE storefront_http_answers_total counter",
            "storefront_http_answers_total{status=\"2xx\"} 40",
            "storefront_card_webhook_contradictions_total 1",
            "storefront_product_service_up 1",
            "storefront_view_paused{view=\"orders\"} 1",
            "storefront_webhooks_total{outcome=\"repeated\"} 3",
            "storefront_appends_retried_total 4",
            "storefront_uptime_seconds 61.005",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
        assert!(text.ends_with('\n'));
    }
}
