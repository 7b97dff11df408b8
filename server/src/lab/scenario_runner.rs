//! Where a story plays: hands to shop with, switches to throw, a voice, and the list of what must be put back at the end.

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

/// How long a story waits for something that must happen.
const STEP_TIMEOUT: Duration = Duration::from_secs(40);
/// How often it looks.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A card that works.
pub(super) const VISA: &str = "pm_card_visa";
/// A card that is declined.
pub(super) const DECLINED: &str = "pm_card_visa_chargeDeclined";

/// Why a story did not end as it should, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ScenarioFailed(pub(super) String);

impl From<StubsError> for ScenarioFailed {
    fn from(error: StubsError) -> Self {
        Self(error.to_string())
    }
}

/// The stage of one story.
pub(super) struct ScenarioRunner<'a> {
    pub(super) lab: &'a Lab,
    scenario: Scenario,
    orders: Vec<OrderId>,
    /// What was broken at the stubs before the story touched them.
    before: Mutex<BTreeMap<Stub, Faults>>,
    /// Pieces that were taken off the shelf.
    taken: Mutex<Vec<(Product, u32)>>,
    /// Whoever works in the shop by itself was killed and has not begun again.
    killed: AtomicBool,
}

impl<'a> ScenarioRunner<'a> {
    pub(super) fn new(lab: &'a Lab, scenario: Scenario, orders: Vec<OrderId>) -> Self {
        Self {
            lab,
            scenario,
            orders,
            before: Mutex::default(),
            taken: Mutex::default(),
            killed: AtomicBool::new(false),
        }
    }

    /// The orders of the story, by their place in it.
    pub(super) fn order(&self, place: usize) -> Result<OrderId, ScenarioFailed> {
        self.orders.get(place).copied().ok_or_else(|| ScenarioFailed("The story has too few orders.".to_owned()))
    }

    /// Tells the room what happens, and gives it time to look.
    pub(super) async fn tell(&self, text: impl Into<String>) {
        self.lab.tell(self.scenario, text.into());
        clock::sleep(self.lab.pause).await;
    }

    /// Products that can be bought in some number, the plentiful first.
    pub(super) async fn products(&self) -> Result<Vec<Product>, ScenarioFailed> {
        let page: Page<Product> = self.read("/v1/products?in_stock=true&limit=100").await?;
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

    /// Puts pieces of a product into an order's basket.
    pub(super) async fn add(&self, order: OrderId, product: &Product, quantity: u32) -> Result<Order, ScenarioFailed> {
        let body = json!({ "product_id": product.id, "quantity": quantity });
        taken(self.ask("POST", &format!("/v1/orders/{order}/items"), Some(&body)).await)
    }

    /// Has a shopper buy a basket as it is by card. Answers whatever the shop answers.
    pub(super) async fn check_out(
        &self,
        order: OrderId,
        shopper: &str,
        token: &str,
    ) -> Result<LocalResponse, ScenarioFailed> {
        let basket = self.see(order).await?;
        let body = json!({
            "expected_total": basket.total,
            "email": format!("{}@example.com", shopper.to_lowercase()),
            "shipping_address": {
                "name": format!("{shopper} Example"), "street": "Lindenweg 7", "postal_code": "10999", "city": "Berlin",
                "country": "DE",
            },
            "payment": { "method": "card", "token": token },
        });
        Ok(self.ask("POST", &format!("/v1/orders/{order}/checkout"), Some(&body)).await)
    }

    /// The same, when nothing stands in its way.
    pub(super) async fn buy(&self, order: OrderId, shopper: &str, token: &str) -> Result<Order, ScenarioFailed> {
        taken(self.check_out(order, shopper, token).await?)
    }

    /// An order as it is.
    pub(super) async fn see(&self, order: OrderId) -> Result<Order, ScenarioFailed> {
        self.read(&format!("/v1/orders/{order}")).await
    }

    /// Waits until an order is no longer on its way.
    pub(super) async fn settles(&self, order: OrderId) -> Result<Order, ScenarioFailed> {
        self.until("the checkout came to its end", || async {
            Ok(Some(self.see(order).await?).filter(|order| order.status != OrderStatus::CheckedOut))
        })
        .await
    }

    /// Waits until an order is confirmed.
    pub(super) async fn is_confirmed(&self, id: OrderId) -> Result<Order, ScenarioFailed> {
        let order = self.settles(id).await?;
        match order.status {
            OrderStatus::Confirmed => Ok(order),
            OrderStatus::InProgress
            | OrderStatus::CheckedOut
            | OrderStatus::Shipped
            | OrderStatus::Delivered
            | OrderStatus::Cancelled
            | OrderStatus::Expired => {
                Err(ScenarioFailed(format!("The order is {:?} instead of confirmed.", order.status)))
            }
        }
    }

    /// Everything that happened to an order.
    pub(super) async fn history(&self, order: OrderId) -> Result<Vec<Event>, ScenarioFailed> {
        Ok(self.read::<Timeline>(&format!("/v1/orders/{order}/timeline")).await?.events)
    }

    /// How often something happened to an order.
    pub(super) async fn count(&self, order: OrderId, kind: &str) -> Result<usize, ScenarioFailed> {
        Ok(self.history(order).await?.iter().filter(|event| event.kind == kind).count())
    }

    /// Waits until something has happened to an order.
    pub(super) async fn happens(&self, order: OrderId, kind: &str) -> Result<(), ScenarioFailed> {
        self.until(&format!("{kind} happened"), || async { Ok((self.count(order, kind).await? > 0).then_some(())) })
            .await
    }

    /// Waits until the shop says `live` or `stale` of the product service.
    pub(super) async fn product_service_is(&self, what: &str) -> Result<(), ScenarioFailed> {
        self.until(&format!("the product service was noticed to be {what}"), || async {
            let answer = self.ask("GET", "/health/ready", None).await;
            let health: Readiness =
                serde_json::from_value(answer.body).map_err(|error| ScenarioFailed(format!("{error}.")))?;
            Ok((health.product_service == what).then_some(()))
        })
        .await
    }

    /// Waits until a process has tried something of an order so often in vain, and tells how often it was.
    pub(super) async fn is_retried(&self, process: &str, order: OrderId, times: u32) -> Result<u32, ScenarioFailed> {
        let sequence = order.to_string();
        self.until(&format!("{process} tried again"), || async {
            let all: ProcessList = self.read("/v1/processes").await?;
            let of_process = all.items.into_iter().filter(|known| known.name == process);
            let mut retries = of_process.flat_map(|process| process.retries);
            Ok(retries.find(|retry| retry.sequence == sequence && retry.attempts >= times).map(|retry| retry.attempts))
        })
        .await
    }

    /// Breaks exactly this at a stub, until the end of the story at the latest.
    pub(super) async fn breaks(&self, stub: Stub, faults: Faults) -> Result<(), ScenarioFailed> {
        let known = locked(&self.before).contains_key(&stub);
        if !known {
            let before = self.lab.stubs.faults(stub).await?;
            locked(&self.before).insert(stub, before);
        }
        self.lab.stubs.set_faults(stub, &faults).await?;
        Ok(())
    }

    /// Has a stub be as it was before the story.
    pub(super) async fn mends(&self, stub: Stub) -> Result<(), ScenarioFailed> {
        let before = locked(&self.before).get(&stub).copied();
        if let Some(before) = before {
            self.lab.stubs.set_faults(stub, &before).await?;
            locked(&self.before).remove(&stub);
        }
        Ok(())
    }

    /// Leaves one piece of a product on the shelf, until the end of the story.
    pub(super) async fn leave_one(&self, product: &Product) -> Result<(), ScenarioFailed> {
        let surplus = product.available.saturating_sub(1);
        // Noted first: broken off in between, it is better put back than lost, and the note is taken back when it was refused.
        locked(&self.taken).push((product.clone(), surplus));
        let body = json!({ "change": -i64::from(surplus), "reason": "a story of the lab about the last piece" });
        let answer = self.ask("POST", &format!("/v1/stock/{}/adjust", product.id), Some(&body)).await;
        let position = answer.position;
        if let Err(refused) = taken::<Value>(answer) {
            locked(&self.taken).pop();
            return Err(refused);
        }
        let position = position.unwrap_or_default();
        self.read::<Product>(&format!("/v1/products/{}?min_position={position}", product.id)).await?;
        Ok(())
    }

    /// Ends whoever works in the shop by itself, as a crash would.
    pub(super) async fn kill(&self) {
        self.killed.store(true, Ordering::Relaxed);
        self.lab.workers.kill().await;
    }

    /// Has them begin again.
    pub(super) fn begin_again(&self) {
        if self.killed.swap(false, Ordering::Relaxed) {
            self.lab.workers.start();
        }
    }

    /// Puts back whatever the story has switched on or taken, and tries everything even when something fails.
    pub(super) async fn put_everything_back(&self) -> Result<(), ScenarioFailed> {
        let mut troubles = Vec::new();
        let broken: Vec<Stub> = locked(&self.before).keys().copied().collect();
        for stub in broken {
            if let Err(ScenarioFailed(why)) = self.mends(stub).await {
                troubles.push(why);
            }
        }
        self.begin_again();
        let taken_off = std::mem::take(&mut *locked(&self.taken));
        for (product, quantity) in taken_off.into_iter().filter(|(_, quantity)| *quantity > 0) {
            let path = format!("/v1/stock/{}/receive", product.id);
            let answer = self.ask("POST", &path, Some(&json!({ "quantity": quantity }))).await;
            if let Err(ScenarioFailed(why)) = taken::<Value>(answer) {
                troubles.push(format!("{quantity} × {}: {why}", product.name));
            }
        }
        if troubles.is_empty() { Ok(()) } else { Err(ScenarioFailed(troubles.join(" "))) }
    }

    /// What was paused meanwhile that the story needs, as a sentence; empty when nothing was.
    async fn paused(&self) -> String {
        let processes = paused_processes(&self.lab.store, self.scenario.needs_processes()).await.unwrap_or_default();
        if processes.is_empty() { String::new() } else { format!(" Paused meanwhile: {}.", processes.join(", ")) }
    }

    /// Looks until there is something; fails when that takes too long.
    pub(super) async fn until<T, F>(&self, what: &str, look: impl Fn() -> F) -> Result<T, ScenarioFailed>
    where
        F: Future<Output = Result<Option<T>, ScenarioFailed>>,
    {
        let deadline = Instant::now() + STEP_TIMEOUT;
        loop {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            if Instant::now() > deadline {
                let paused = self.paused().await;
                return Err(ScenarioFailed(format!(
                    "It took more than {} s until {what}.{paused}",
                    STEP_TIMEOUT.as_secs()
                )));
            }
            clock::sleep(POLL_INTERVAL).await;
        }
    }

    pub(super) async fn read<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<T, ScenarioFailed> {
        taken(self.ask("GET", path, None).await)
    }

    fn ask<'s>(&'s self, method: &'s str, path: &'s str, body: Option<&'s Value>) -> BoxFuture<'s, LocalResponse> {
        async move {
            match self.lab.shop.upgrade() {
                Some(shop) => shop.request(method, path, body).await,
                None => LocalResponse { status: 503, position: None, body: Value::Null },
            }
        }
        .boxed()
    }
}

/// Which of some processes are paused, as the log says.
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

/// What an answer says, if it is a success.
pub(super) fn taken<T: serde::de::DeserializeOwned>(answer: LocalResponse) -> Result<T, ScenarioFailed> {
    if !(200..300).contains(&answer.status) {
        let problem: Problem = serde_json::from_value(answer.body).unwrap_or_default();
        return Err(ScenarioFailed(format!("The shop refused: {} {}", problem.title, problem.detail)));
    }
    serde_json::from_value(answer.body)
        .map_err(|error| ScenarioFailed(format!("The shop's answer cannot be read: {error}.")))
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
