//! Health, readiness and metrics of the server.

use serde_json::Value;
use storefront_api::OrderStatus;
use storefront_mocks::Stub;

use crate::world::{VISA, World, eventually};

impl World {
    async fn text(&self, path: &str) -> String {
        reqwest::get(format!("{}{path}", self.server.url())).await.unwrap().text().await.unwrap()
    }

    /// One value of the metrics.
    async fn metric(&self, name: &str) -> f64 {
        let text = self.text("/metrics").await;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name} is missing in\n{text}")).parse().unwrap()
    }

    async fn process(&self, name: &str) -> Value {
        let all: Value = serde_json::from_str(&self.text("/v1/processes").await).unwrap();
        let found = all["items"].as_array().unwrap().iter().find(|process| process["name"] == name);
        found.unwrap_or_else(|| panic!("{name} is missing in {all}")).clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_and_processes_tell_where_the_log_is_and_who_is_behind() {
    let world = World::open().await;
    let basket = world.a_basket(&world.product_with(1).await.id, 1).await;
    world.buy(&basket, VISA).await.unwrap();
    world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
    eventually("everything has caught up", || async {
        let head = world.metric("storefront_log_head_position").await;
        let behind = [
            world.metric("storefront_views_lag_events").await,
            world.metric("storefront_process_lag_events{process=\"checkout\"}").await,
            world.metric("storefront_process_lag_events{process=\"mail\"}").await,
            world.metric("storefront_process_unfinished_events{process=\"payments\"}").await,
        ];
        (head > 0.0 && behind == [0.0; 4]).then_some(())
    })
    .await;
    let process = world.process("checkout").await;
    assert_eq!((process["lag"].as_u64(), process["state"].as_str()), (Some(0), Some("idle")));
    assert_eq!(process["position"].as_u64(), Some(world.head().await));

    let refused = world.metric("storefront_http_answers_total{status=\"4xx\"}").await;
    world.text("/v1/nothing").await;
    assert!(world.metric("storefront_http_answers_total{status=\"4xx\"}").await >= refused + 1.0);
    assert!(world.metric("storefront_uptime_seconds").await >= 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_cannot_do_its_work_is_seen_to_try_again() {
    let world = World::open().await;
    world.set_outage(Stub::Mail, true);
    let basket = world.a_basket(&world.product_with(1).await.id, 1).await;
    world.buy(&basket, VISA).await.unwrap();
    eventually("the mail is seen to be tried again", || async {
        let mail = world.process("mail").await;
        (mail["state"] == "retrying" && mail["retrying"] == 1 && mail["unfinished"] == 1).then_some(())
    })
    .await;
    assert_eq!(world.metric("storefront_process_retrying_events{process=\"mail\"}").await, 1.0);
    world.set_outage(Stub::Mail, false);
    eventually("the mail is done", || async { (world.process("mail").await["state"] == "idle").then_some(()) }).await;
}
