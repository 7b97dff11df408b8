//! Runs one scenario: sends its requests, injects its faults, narrates its steps, and reverts everything at the end.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use storefront_api::{
    Event, Faults, Order, OrderId, OrderStatus, Page, Problem, ProcessList, Product, Readiness, Stub, Timeline,
};

use storefront_domain::process::ProcessEvent;

use super::{Lab, Scenario};
use crate::clock;
use crate::integrations::lab_stubs::StubsError;
use crate::lab::LocalResponse;
use crate::store::aggregates;
use crate::store::aggregates::{LoadError, Store};
use crate::store::streams;

/// Maximum wait for one step of a scenario.
const STEP_TIMEOUT: Duration = Duration::from_secs(40);
/// Pause between two polls.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The token of a card that works.
pub(super) const WORKING_CARD: &str = "pm_card_visa";
/// The token of a card that is declined.
pub(super) const DECLINED_CARD: &str = "pm_card_visa_chargeDeclined";

/// Why a scenario failed, as a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ScenarioFailed(pub(super) String);

impl From<StubsError> for ScenarioFailed {
    fn from(error: StubsError) -> Self {
        Self(error.to_string())
    }
}

/// One run of a scenario.
pub(super) struct ScenarioRunner<'a> {
    pub(super) lab: &'a Lab,
    scenario: Scenario,
    orders: Vec<OrderId>,
    /// The faults of each stub before the scenario changed them.
    faults_before: Mutex<BTreeMap<Stub, Faults>>,
    /// Products and quantities taken out of stock.
    taken: Mutex<Vec<(Product, u32)>>,
    /// The processes are killed and not restarted.
    killed: AtomicBool,
}

impl<'a> ScenarioRunner<'a> {
    pub(super) fn new(lab: &'a Lab, scenario: Scenario, orders: Vec<OrderId>) -> Self {
        Self {
            lab,
            scenario,
            orders,
            faults_before: Mutex::default(),
            taken: Mutex::default(),
            killed: AtomicBool::new(false),
        }
    }

    /// Returns the id of the order with an index.
    pub(super) fn order(&self, index: usize) -> Result<OrderId, ScenarioFailed> {
        self.orders.get(index).copied().ok_or_else(|| ScenarioFailed("The story has too few orders.".to_owned()))
    }

    /// Adds a step to the narration, and pauses so that the audience can look.
    pub(super) async fn narrate(&self, text: impl Into<String>) {
        self.lab.add_step(self.scenario, text.into());
        clock::sleep(self.lab.pause).await;
    }

    /// Returns products with at least 3 pieces in stock, largest stock first.
    pub(super) async fn products(&self) -> Result<Vec<Product>, ScenarioFailed> {
        let page: Page<Product> = self.get("/v1/products?in_stock=true&limit=100").await?;
        let mut products = page.items;
        products.retain(|product| product.active && product.available >= 3);
        products.sort_by_key(|product| std::cmp::Reverse(product.available));
        if products.len() < 2 {
            return Err(ScenarioFailed(
                "The shop has too little in stock for a story: take goods in first.".to_owned(),
            ));
        }
        Ok(products)
    }

    /// Adds a product to a basket.
    pub(super) async fn add(&self, order: OrderId, product: &Product, quantity: u32) -> Result<Order, ScenarioFailed> {
        let body = json!({ "product_id": product.id, "quantity": quantity });
        parse_success(self.request("POST", &format!("/v1/orders/{order}/items"), Some(&body)).await)
    }

    /// Checks out a basket with a card. Returns whatever the shop responds.
    pub(super) async fn check_out(
        &self,
        order: OrderId,
        shopper: &str,
        token: &str,
    ) -> Result<LocalResponse, ScenarioFailed> {
        let basket = self.get_order(order).await?;
        let body = json!({
            "expected_total": basket.total,
            "email": format!("{}@example.com", shopper.to_lowercase()),
            "shipping_address": {
                "name": format!("{shopper} Example"), "street": "Lindenweg 7", "postal_code": "10999", "city": "Berlin",
                "country": "DE",
            },
            "payment": { "method": "card", "token": token },
        });
        Ok(self.request("POST", &format!("/v1/orders/{order}/checkout"), Some(&body)).await)
    }

    /// Checks out a basket with a card; fails unless the shop accepts.
    pub(super) async fn buy(&self, order: OrderId, shopper: &str, token: &str) -> Result<Order, ScenarioFailed> {
        parse_success(self.check_out(order, shopper, token).await?)
    }

    pub(super) async fn get_order(&self, order: OrderId) -> Result<Order, ScenarioFailed> {
        self.get(&format!("/v1/orders/{order}")).await
    }

    /// Waits until the checkout of an order has ended.
    pub(super) async fn wait_until_settled(&self, order: OrderId) -> Result<Order, ScenarioFailed> {
        self.wait_until("the checkout came to its end", || async {
            Ok(Some(self.get_order(order).await?).filter(|order| order.status != OrderStatus::CheckedOut))
        })
        .await
    }

    /// Waits until the checkout of an order has ended; fails unless it is confirmed.
    pub(super) async fn wait_until_confirmed(&self, id: OrderId) -> Result<Order, ScenarioFailed> {
        let order = self.wait_until_settled(id).await?;
        match order.status {
            OrderStatus::Confirmed => Ok(order),
            OrderStatus::InProgress
            | OrderStatus::CheckedOut
            | OrderStatus::Shipped
            | OrderStatus::Delivered
            | OrderStatus::Cancelled
            | OrderStatus::Expired
            | OrderStatus::Unknown => {
                Err(ScenarioFailed(format!("The order is {:?} instead of confirmed.", order.status)))
            }
        }
    }

    /// Returns all events of an order.
    pub(super) async fn history(&self, order: OrderId) -> Result<Vec<Event>, ScenarioFailed> {
        Ok(self.get::<Timeline>(&format!("/v1/orders/{order}/timeline")).await?.events)
    }

    /// Counts the events of a type in an order's timeline.
    pub(super) async fn count(&self, order: OrderId, kind: &str) -> Result<usize, ScenarioFailed> {
        Ok(self.history(order).await?.iter().filter(|event| event.kind == kind).count())
    }

    /// Waits until an event of a type is in an order's timeline.
    pub(super) async fn wait_for_event(&self, order: OrderId, kind: &str) -> Result<(), ScenarioFailed> {
        self.wait_until(&format!("{kind} happened"), || async {
            Ok((self.count(order, kind).await? > 0).then_some(()))
        })
        .await
    }

    /// Waits until the shop reports `live` or `stale` for the product service.
    pub(super) async fn wait_for_product_service(&self, state: &str) -> Result<(), ScenarioFailed> {
        self.wait_until(&format!("the product service was noticed to be {state}"), || async {
            let answer = self.request("GET", "/health/ready", None).await;
            let health: Readiness =
                serde_json::from_value(answer.body).map_err(|error| ScenarioFailed(format!("{error}.")))?;
            Ok((health.product_service == state).then_some(()))
        })
        .await
    }

    /// Waits until a process has tried an event of an order at least `times` times; returns the number of attempts.
    pub(super) async fn wait_for_retries(
        &self,
        process: &str,
        order: OrderId,
        times: u32,
    ) -> Result<u32, ScenarioFailed> {
        let sequence = order.to_string();
        self.wait_until(&format!("{process} tried again"), || async {
            let all: ProcessList = self.get("/v1/processes").await?;
            let of_process = all.items.into_iter().filter(|known| known.name == process);
            let mut retries = of_process.flat_map(|process| process.retries);
            Ok(retries.find(|retry| retry.sequence == sequence && retry.attempts >= times).map(|retry| retry.attempts))
        })
        .await
    }

    /// Sets the faults of a stub, until the end of the scenario at the latest.
    pub(super) async fn set_faults(&self, stub: Stub, faults: Faults) -> Result<(), ScenarioFailed> {
        let known = lock(&self.faults_before).contains_key(&stub);
        if !known {
            let faults_before = self.lab.stubs.faults(stub).await?;
            lock(&self.faults_before).insert(stub, faults_before);
        }
        self.lab.stubs.set_faults(stub, &faults).await?;
        Ok(())
    }

    /// Restores the faults that a stub had before the scenario.
    pub(super) async fn restore_faults(&self, stub: Stub) -> Result<(), ScenarioFailed> {
        let faults_before = lock(&self.faults_before).get(&stub).copied();
        if let Some(faults_before) = faults_before {
            self.lab.stubs.set_faults(stub, &faults_before).await?;
            lock(&self.faults_before).remove(&stub);
        }
        Ok(())
    }

    /// Reduces the stock of a product to one piece, until the end of the scenario.
    pub(super) async fn leave_one_in_stock(&self, product: &Product) -> Result<(), ScenarioFailed> {
        let surplus = product.available.saturating_sub(1);
        // Recorded first: if the run is interrupted in between, too much stock is better than lost stock. The entry
        // is removed when the request is refused.
        lock(&self.taken).push((product.clone(), surplus));
        let body = json!({ "change": -i64::from(surplus), "reason": "a story of the lab about the last piece" });
        let answer = self.request("POST", &format!("/v1/stock/{}/adjust", product.id), Some(&body)).await;
        let position = answer.position;
        if let Err(refused) = parse_success::<Value>(answer) {
            lock(&self.taken).pop();
            return Err(refused);
        }
        let position = position.unwrap_or_default();
        self.get::<Product>(&format!("/v1/products/{}?min_position={position}", product.id)).await?;
        Ok(())
    }

    /// Kills all processes, as a crash would.
    pub(super) async fn kill_workers(&self) {
        self.killed.store(true, Ordering::Relaxed);
        self.lab.workers.kill().await;
    }

    /// Restarts the processes if they are killed.
    pub(super) fn restart_workers(&self) {
        if self.killed.swap(false, Ordering::Relaxed) {
            self.lab.workers.start();
        }
    }

    /// Reverts every fault and stock change, and continues when one of them fails.
    pub(super) async fn restore_all(&self) -> Result<(), ScenarioFailed> {
        let mut failures = Vec::new();
        let broken: Vec<Stub> = lock(&self.faults_before).keys().copied().collect();
        for stub in broken {
            if let Err(ScenarioFailed(why)) = self.restore_faults(stub).await {
                failures.push(why);
            }
        }
        self.restart_workers();
        let taken_off = std::mem::take(&mut *lock(&self.taken));
        for (product, quantity) in taken_off.into_iter().filter(|(_, quantity)| *quantity > 0) {
            let path = format!("/v1/stock/{}/receive", product.id);
            let answer = self.request("POST", &path, Some(&json!({ "quantity": quantity }))).await;
            if let Err(ScenarioFailed(why)) = parse_success::<Value>(answer) {
                failures.push(format!("{quantity} × {}: {why}", product.name));
            }
        }
        if failures.is_empty() { Ok(()) } else { Err(ScenarioFailed(failures.join(" "))) }
    }

    /// Returns a sentence that names the paused processes that the scenario needs; empty when there are none.
    async fn paused_sentence(&self) -> String {
        let processes = paused_processes(&self.lab.store, self.scenario.needs_processes()).await.unwrap_or_default();
        if processes.is_empty() { String::new() } else { format!(" Paused meanwhile: {}.", processes.join(", ")) }
    }

    /// Polls until `look` returns something; fails after [`STEP_TIMEOUT`].
    pub(super) async fn wait_until<T, F>(&self, what: &str, look: impl Fn() -> F) -> Result<T, ScenarioFailed>
    where
        F: Future<Output = Result<Option<T>, ScenarioFailed>>,
    {
        let deadline = Instant::now() + STEP_TIMEOUT;
        loop {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            if Instant::now() > deadline {
                let paused = self.paused_sentence().await;
                return Err(ScenarioFailed(format!(
                    "It took more than {} s until {what}.{paused}",
                    STEP_TIMEOUT.as_secs()
                )));
            }
            clock::sleep(POLL_INTERVAL).await;
        }
    }

    pub(super) async fn get<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<T, ScenarioFailed> {
        parse_success(self.request("GET", path, None).await)
    }

    fn request<'s>(&'s self, method: &'s str, path: &'s str, body: Option<&'s Value>) -> BoxFuture<'s, LocalResponse> {
        async move {
            match self.lab.shop.upgrade() {
                Some(shop) => shop.request(method, path, body).await,
                None => LocalResponse { status: 503, position: None, body: Value::Null },
            }
        }
        .boxed()
    }
}

/// Returns which of some processes are paused, as the log says.
pub(crate) async fn paused_processes(store: &Store, of: &[&'static str]) -> Result<Vec<String>, LoadError> {
    let mut paused = Vec::new();
    for name in of {
        let (process, _) = aggregates::load::<ProcessEvent>(store, &streams::process(name)).await?;
        if process.paused() {
            paused.push((*name).to_owned());
        }
    }
    Ok(paused)
}

/// Parses the body of a successful response; fails for any other.
pub(super) fn parse_success<T: serde::de::DeserializeOwned>(answer: LocalResponse) -> Result<T, ScenarioFailed> {
    if !(200..300).contains(&answer.status) {
        let problem: Problem = serde_json::from_value(answer.body).unwrap_or_default();
        return Err(ScenarioFailed(format!("The shop refused: {} {}", problem.title, problem.detail)));
    }
    serde_json::from_value(answer.body)
        .map_err(|error| ScenarioFailed(format!("The shop's answer cannot be read: {error}.")))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
