//! L2: faults are switched through the shop, and wrong switches change nothing.

use reqwest::Method;
use serde_json::json;
use storefront_api::{Faults, Stub};
use storefront_mocks::Stub as MockStub;

use super::{a_lab, code, refusal_of};
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn l2_faults_are_switched_through_the_shop_and_wrong_ones_change_nothing() {
    let world = a_lab().await;
    let slow = Faults { latency_ms: 7, error_rate: 0.25, ..Faults::default() };
    assert_eq!(world.client.set_faults(Stub::Mail, &slow).await.unwrap(), slow);
    assert_eq!(world.mocks.faults(MockStub::Mail).get().latency_ms, 7);
    let list = world.client.faults().await.unwrap().items;
    assert_eq!(list.iter().map(|item| item.stub).collect::<Vec<_>>(), Stub::ALL);
    assert_eq!(list[2].faults, slow);
    for (path, body, status, code) in [
        ("faults/weather", json!({}), 404, "stub_not_found"),
        ("faults/cards", json!({"gremlins": true}), 422, "invalid_values"),
        ("faults/cards", json!({"latency_ms": -1}), 422, "invalid_values"),
        ("faults/cards", json!({"latency_ms": 60_001}), 422, "invalid_values"),
        ("faults/cards", json!({"error_rate": 1.5}), 422, "invalid_values"),
        ("faults/mail", json!({"decline": true}), 422, "invalid_values"),
        ("faults/cards", json!([]), 422, "invalid_values"),
    ] {
        let problem = refusal_of(&world, Method::PUT, path, Some(body.clone())).await;
        assert_eq!((problem.status, problem.code.as_str()), (status, code), "{path} {body}");
        assert!(problem.detail.ends_with('.'), "{}", problem.detail);
    }
    let problem = refusal_of(&world, Method::GET, "faults/weather", None).await;
    assert_eq!((problem.status, problem.code.as_str()), (404, "stub_not_found"));
    for method in [Method::GET, Method::POST] {
        let problem = refusal_of(&world, method, "scenarios/nothing", None).await;
        assert_eq!((problem.status, problem.code.as_str()), (404, "scenario_not_found"));
    }
    assert!(world.mocks.faults(MockStub::Cards).get().is_none());
    assert_eq!(world.mocks.faults(MockStub::Mail).get().latency_ms, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn l2_stubs_that_are_gone_are_a_503_and_a_reset_changes_nothing_then() {
    let world = a_lab().await;
    let head = world.head().await;
    let World { mocks, client, folder, server: _server } = world;
    mocks.shutdown().await;
    assert_eq!(code(client.faults().await.unwrap_err()), "stubs_unreachable");
    assert_eq!(code(client.reset_shop().await.unwrap_err()), "stubs_unreachable");
    assert!(client.readiness().await.unwrap().head >= head);
    let kept = std::fs::read_dir(folder.path())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains("until"));
    assert_eq!(kept.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn l2_a_shop_without_a_lab_says_how_to_get_one() {
    let world = World::open().await;
    for (method, path) in [
        (Method::GET, "faults"),
        (Method::GET, "faults/cards"),
        (Method::PUT, "faults/cards"),
        (Method::GET, "scenarios"),
        (Method::GET, "scenarios/happy-path"),
        (Method::POST, "scenarios/happy-path"),
        (Method::POST, "reset"),
    ] {
        let problem = refusal_of(&world, method.clone(), path, None).await;
        assert_eq!((problem.status, problem.code.as_str()), (404, "lab_disabled"), "{method} {path}");
        assert!(problem.detail.contains("--lab"), "{}", problem.detail);
    }
}
