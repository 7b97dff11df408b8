//! Metrics in the text format of Prometheus, and the counts of repeated requests.

use std::fmt;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::{EncodeMetric, MetricEncoder, prometheus_text};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::{MetricType, TypedMetric};
use prometheus_client::registry::Registry;
use storefront_api::{Repeats, WebhookCounts};

use crate::clock;
use crate::http::error::ApiError;
use crate::http::state::Shop;
use crate::http::traffic::Durations;
use crate::operations::progress::ProcessStatus;
use crate::store::commands::Failure;
use crate::views::Views;

/// Read the metrics
///
/// In the text format of Prometheus: head of the log, lag of views and processes, unfinished, retried and parked work,
/// answers by status class, and uptime.
#[utoipa::path(
    get, path = "/metrics", tag = "operations",
    responses(
        (status = 200, description = "Metrics", content_type = "text/plain", body = String),
        (status = 503, description = "`shutting_down`; `log_unavailable`: the log cannot be read", body = storefront_api::Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn metrics(State(shop): State<Shop>) -> Result<Response, ApiError> {
    let text = exposition(&Snapshot {
        head: shop.store.head().await.map_err(Failure::from)?.0,
        views: shop.views.position().0,
        skipped: shop.views.skipped().await?,
        processes: shop.progress.all(),
        answered: shop.traffic.by_class().collect(),
        durations: shop.traffic.durations(),
        contradictions: shop.traffic.contradictions(),
        uptime_ms: shop.traffic.uptime_ms(clock::now()),
        product_service_up: !shop.freshness.is_stale(),
        paused_views: Views::names().map(|name| (name, shop.views.paused().contains_key(name))).collect(),
        repeats: shop.log_health.repeat_counters.snapshot(),
        password_hashings: shop.identity.passwords.hashings(),
    });
    Ok(([(CONTENT_TYPE, prometheus_text::CONTENT_TYPE)], text).into_response())
}

/// List repeats and conflicts
///
/// Webhooks by result, appends that conflicted and were decided again, and requests that got a stored answer: numbers
/// since the start of this server, with the latest 20 of each. None of it is in the log.
#[utoipa::path(
    get, path = "/v1/processes/repeats", tag = "operations",
    responses((status = 200, description = "Numbers and the latest entries", body = Repeats))
)]
pub(crate) async fn list_repeats(State(shop): State<Shop>) -> Json<Repeats> {
    Json(shop.log_health.repeat_counters.snapshot())
}

/// The values of all metrics at one moment.
struct Snapshot {
    head: u64,
    views: u64,
    /// Number of skipped events by view.
    skipped: Vec<(&'static str, i64)>,
    processes: Vec<(&'static str, ProcessStatus)>,
    answered: Vec<(usize, u64)>,
    durations: Durations,
    contradictions: u64,
    uptime_ms: i64,
    product_service_up: bool,
    paused_views: Vec<(&'static str, bool)>,
    repeats: Repeats,
    password_hashings: u64,
}

/// Formats the metrics in the text format of Prometheus. The library adds a full stop to each description, and `_total`
/// to the name of each counter.
fn exposition(snapshot: &Snapshot) -> String {
    let mut registry = Registry::with_prefix("storefront");
    register_log_and_views(&mut registry, snapshot);
    register_processes(&mut registry, snapshot);
    register_requests(&mut registry, snapshot);
    let version = [(env!("CARGO_PKG_VERSION"), ConstGauge::new(1_u64))];
    registry.register("build_info", "The version of the server", Labelled::new("version", version));
    let up = u64::from(snapshot.product_service_up);
    registry.register("product_service_up", "Whether the product service is followed", ConstGauge::new(up));
    let uptime_s = Duration::from_millis(snapshot.uptime_ms.unsigned_abs()).as_secs_f64();
    registry.register("uptime_seconds", "For how long the server has been running", ConstGauge::new(uptime_s));
    let hashings = ConstCounter::new(snapshot.password_hashings);
    registry.register("password_hashings", "Passwords that were hashed, to sign in or to be kept", hashings);
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = prometheus_text::encode(&mut text, &registry);
    text
}

fn register_log_and_views(registry: &mut Registry, snapshot: &Snapshot) {
    let lag = snapshot.head.saturating_sub(snapshot.views);
    registry.register("log_head_position", "The last position of the event log", ConstGauge::new(snapshot.head));
    registry.register("views_position", "How far the views have come", ConstGauge::new(snapshot.views));
    registry.register("views_lag_events", "How many events the views are behind the log", ConstGauge::new(lag));
    let skipped = snapshot.skipped.iter().map(|(view, count)| (*view, ConstGauge::new(*count)));
    registry.register(
        "view_left_out_events",
        "Events that a view could not handle and has left out",
        Labelled::new("view", skipped),
    );
    let paused = snapshot.paused_views.iter().map(|(view, paused)| (*view, ConstGauge::new(u64::from(*paused))));
    registry.register("view_paused", "Whether a view was paused", Labelled::new("view", paused));
}

fn register_processes(registry: &mut Registry, snapshot: &Snapshot) {
    let mut register = |name: &str, help: &str, value: &dyn Fn(&ProcessStatus) -> u64| {
        let processes = snapshot.processes.iter();
        let samples = processes.map(|(process, status)| (*process, ConstGauge::new(value(status))));
        registry.register(name, help, Labelled::new("process", samples));
    };
    register("process_position", "Up to where a process has dealt with the log", &|status| status.position.0);
    register("process_lag_events", "How many positions a process is behind the log", &|status| {
        snapshot.head.saturating_sub(status.position.0)
    });
    register("process_unfinished_events", "Events that a process has read and not dealt with", &|status| {
        status.unfinished as u64
    });
    register("process_retrying_events", "Events of a process that went wrong and are tried again", &|status| {
        status.retrying as u64
    });
    register("process_parked_sequences", "Sequences of a process that wait for somebody to look", &|status| {
        status.parked as u64
    });
    register("process_paused", "Whether a process was paused", &|status| u64::from(status.paused));
}

fn register_requests(registry: &mut Registry, snapshot: &Snapshot) {
    let WebhookCounts { received: _, applied, repeated, ignored, refused } = snapshot.repeats.webhooks;
    let outcomes = [("applied", applied), ("repeated", repeated), ("ignored", ignored), ("refused", refused)];
    registry.register(
        "webhooks",
        "Webhooks of the card gateway by what became of them",
        Labelled::new("outcome", outcomes.map(|(outcome, count)| (outcome, ConstCounter::new(count)))),
    );
    registry.register(
        "appends_retried",
        "Appends that found another version than expected and were decided anew",
        ConstCounter::new(snapshot.repeats.retried_appends),
    );
    registry.register(
        "answers_replayed",
        "Requests that got the stored answer of an earlier one under the same key",
        ConstCounter::new(snapshot.repeats.replayed_answers),
    );
    let answered = snapshot.answered.iter().map(|(class, count)| (format!("{class}xx"), ConstCounter::new(*count)));
    registry.register("http_answers", "Answered requests by class of status", Labelled::new("status", answered));
    registry.register(
        "http_answer_duration_seconds",
        "How long answers took by method and route, with the time that a request waited for news",
        snapshot.durations.clone(),
    );
    registry.register(
        "card_webhook_contradictions",
        "News of the card gateway of other money than was asked for",
        ConstCounter::new(snapshot.contradictions),
    );
}

/// The samples of a metric, one for each value of a label, in a fixed order.
#[derive(Debug)]
struct Labelled<M> {
    label: &'static str,
    samples: Vec<(String, M)>,
}

impl<M> Labelled<M> {
    fn new<L: Into<String>>(label: &'static str, samples: impl IntoIterator<Item = (L, M)>) -> Self {
        Self { label, samples: samples.into_iter().map(|(value, metric)| (value.into(), metric)).collect() }
    }
}

impl<M: EncodeMetric + TypedMetric> EncodeMetric for Labelled<M> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for (value, metric) in &self.samples {
            metric.encode(encoder.encode_family(&[(self.label, value.as_str())])?)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        M::TYPE
    }
}

#[cfg(test)]
mod tests {
    use storefront_api::Timestamp;
    use storefront_eventlog::Position;

    use super::*;
    use crate::http::traffic::Traffic;

    #[test]
    fn the_metrics_are_in_the_text_format_of_prometheus() {
        let (position, parked, paused) = (Position(7), 3, true);
        let status = ProcessStatus { position, unfinished: 2, retrying: 1, parked, paused, ..ProcessStatus::default() };
        let traffic = Traffic::new(Timestamp::from_unix_ms(0));
        traffic.answered_in("GET", "/v1/orders/{id}", Duration::from_millis(20));
        let text = exposition(&Snapshot {
            head: 12,
            views: 10,
            skipped: vec![("orders", 3)],
            processes: vec![("mail", status)],
            answered: vec![(2, 40), (4, 3)],
            durations: traffic.durations(),
            contradictions: 1,
            uptime_ms: 61_005,
            product_service_up: true,
            paused_views: vec![("orders", true)],
            repeats: Repeats {
                webhooks: WebhookCounts { received: 5, applied: 2, repeated: 3, ..WebhookCounts::default() },
                retried_appends: 4,
                ..Repeats::default()
            },
            password_hashings: 6,
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
            "# TYPE storefront_http_answer_duration_seconds histogram",
            "storefront_http_answer_duration_seconds_bucket{method=\"GET\",route=\"/v1/orders/{id}\",le=\"0.01\"} 0",
            "storefront_http_answer_duration_seconds_bucket{method=\"GET\",route=\"/v1/orders/{id}\",le=\"0.025\"} 1",
            "storefront_http_answer_duration_seconds_count{method=\"GET\",route=\"/v1/orders/{id}\"} 1",
            concat!("storefront_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
            "storefront_card_webhook_contradictions_total 1",
            "storefront_product_service_up 1",
            "storefront_view_paused{view=\"orders\"} 1",
            "storefront_webhooks_total{outcome=\"repeated\"} 3",
            "storefront_appends_retried_total 4",
            "storefront_password_hashings_total 6",
            "storefront_uptime_seconds 61.005",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
        assert!(text.ends_with('\n'));
    }
}
