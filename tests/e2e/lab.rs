//! The workshop lab (part L of the requirements).

mod faults;
mod pauses;
mod scenarios;
mod starting_over;
mod step_mode;

use std::collections::BTreeMap;

use reqwest::{Method, StatusCode};
use serde_json::Value;
use storefront_api::{Problem, ProductId, ProductQuery, ScenarioRun, ScenarioState, View};
use storefront_client::{Client, ClientError};
use storefront_mocks::{Mocks, Stub as MockStub};

use crate::kills::ledger::Ledger;
use crate::world::{World, all_stock, config, eventually};

/// A shop with a lab, goods on its shelves, and a gateway that tells its news.
pub(crate) async fn a_lab() -> World {
    let world = World::open_lab().await;
    world.enable_webhooks();
    eventually("the shelves are full", || async { is_stocked(&world.client).await.then_some(()) }).await;
    world
}

/// Whether every product is known and nobody has anything left to do.
async fn is_stocked(client: &Client) -> bool {
    let ready = client.readiness().await.unwrap();
    let products = client.products(&ProductQuery::default()).await.unwrap().total;
    let processes = client.processes().await.unwrap().items;
    products > 50
        && ready.product_service == "live"
        && processes.iter().all(|process| process.lag == 0 && process.position >= ready.head)
}

/// What is on hand of each product, and reserved.
async fn on_hand(client: &Client) -> BTreeMap<ProductId, (u32, u32)> {
    let head = client.readiness().await.unwrap().head;
    let items = all_stock(client, Some(head)).await;
    items.into_iter().map(|item| (item.product_id, (item.on_hand, item.reserved))).collect()
}

async fn run_of(client: &Client, name: &str) -> ScenarioRun {
    client.scenario(name).await.unwrap().unwrap().last_run.expect("it was played")
}

async fn wait_for_end(client: &Client, name: &str) -> ScenarioRun {
    eventually(&format!("{name} has ended"), || async {
        Some(run_of(client, name).await).filter(|run| run.state != ScenarioState::Running)
    })
    .await
}

pub(crate) async fn play_scenario(world: &World, name: &str) -> ScenarioRun {
    let begun = world.client.play_scenario(name).await.unwrap();
    assert_eq!((begun.state, begun.name.as_str()), (ScenarioState::Running, name));
    let run = wait_for_end(&world.client, name).await;
    assert_eq!((run.state, &run.orders), (ScenarioState::Finished, &begun.orders), "{run:?}");
    assert!(run.finished_at.is_some() && !run.steps.is_empty(), "{run:?}");
    assert_no_faults(&world.mocks);
    run
}

fn assert_no_faults(mocks: &Mocks) {
    for stub in MockStub::ALL {
        assert!(mocks.faults(stub).get().is_none(), "{stub} was left broken");
    }
}

async fn assert_balanced(world: &World) {
    eventually("the books balance", || async {
        Ledger::read(&world.client, &world.mocks).await.violations().is_empty().then_some(())
    })
    .await;
}

impl World {
    /// A product that the shop has plenty of.
    async fn product_with_stock(&self) -> ProductId {
        let query = storefront_api::ProductQuery { in_stock: Some(true), limit: Some(1), ..Default::default() };
        self.client.products(&query).await.unwrap().items.remove(0).id
    }
}

fn with_lab(mocks: &Mocks, folder: &tempfile::TempDir) -> storefront_server::Config {
    let lab = Some(mocks.base_url());
    storefront_server::Config { lab, lab_pause: std::time::Duration::ZERO, demo_stock: true, ..config(mocks, folder) }
}

async fn view(client: &Client, name: &str) -> View {
    client.views().await.unwrap().items.into_iter().find(|view| view.name == name).expect("there is such a view")
}

fn code(error: ClientError) -> String {
    error.problem().map_or_else(|| panic!("no problem: {error}"), |problem| problem.code.clone())
}

/// Asks something of the lab that it refuses.
async fn refusal_of(world: &World, method: Method, path: &str, body: Option<Value>) -> Problem {
    let http = reqwest::Client::new();
    let request = http.request(method, format!("{}/v1/lab/{path}", world.server.url()));
    let request = if let Some(body) = body { request.json(&body) } else { request };
    let answer = request.send().await.unwrap();
    assert!(answer.status() >= StatusCode::BAD_REQUEST, "{path}");
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    answer.json().await.unwrap()
}
