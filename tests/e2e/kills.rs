//! The server is killed at random moments while people shop, and restarted on the same file each time: in the end, the
//! ledger balances (promises P1, P4 and P8).
//!
//! 20 kills; `KILLS=500` makes more.

pub(crate) mod ledger;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use storefront_api::{AddItem, Cancel, Deliver, Order, OrderId, OrderStatus, ProductId, ReceiveStock, Ship};
use storefront_client::{Client, ClientError, IdempotencyKey, WriteResponse};
use storefront_mocks::{Faults, Mocks, MocksConfig, Stub, WebhookTarget};
use tokio::task::JoinSet;
use uuid::Uuid;

use self::ledger::Ledger;
use crate::crash::product_in_stock;
use crate::programs::ServerProcess;
use crate::world::{DECLINED, VISA, WEBHOOK_SECRET, an_order, card, checkout, eventually};

const KILLS: u64 = 20;
const SHOPPER_COUNT: usize = 4;
/// Upper bound of the number of events between a start of the server and its kill.
const EVENTS_BETWEEN_KILLS: u64 = 60;

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments_while_people_shop_the_books_balance() {
    let kills = std::env::var("KILLS").map_or(KILLS, |text| text.parse().expect("KILLS is a number"));
    let mocks = Mocks::start(MocksConfig { slow_card_ms: 300, ..MocksConfig::default() }).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("shop.db");
    let mut server = ServerProcess::start(&mocks, &store);
    let url = server.url.clone();
    let listen = url.strip_prefix("http://").unwrap();
    let secret = WEBHOOK_SECRET.to_owned();
    let webhook = WebhookTarget { url: format!("{url}/v1/webhooks/card-gateway"), secret };
    mocks.card_gateway().send_webhooks_to(Some(webhook));
    let client = Client::new(&url).unwrap();
    let shoppers = Arc::new(Shoppers {
        client: client.clone(),
        product: product_in_stock(&client).await.id,
        closed: AtomicBool::new(false),
        acknowledged: Mutex::default(),
    });
    let mut tasks: JoinSet<()> = (0..SHOPPER_COUNT).map(|_| shoppers.clone().shop_until_closed()).collect();

    for kill in 0..kills {
        mocks.faults(Stub::Cards).set(gateway_faults(kill));
        wait_for_log_growth(&client, random(EVENTS_BETWEEN_KILLS)).await;
        server.kill();
        server = ServerProcess::start_at(listen, &mocks, &store);
    }
    mocks.faults(Stub::Cards).clear();
    shoppers.closed.store(true, Ordering::Relaxed);
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    assert_balanced(&client, &mocks).await;
    shoppers.assert_nothing_lost().await;
    server.kill();
}

/// Faults of the gateway in turn: lost responses, duplicate and reordered webhooks, errors, none.
fn gateway_faults(kill: u64) -> Faults {
    match kill % 4 {
        0 => Faults { lose_answers: true, ..Faults::default() },
        1 => Faults { duplicate: true, reorder: true, latency_ms: 20, ..Faults::default() },
        2 => Faults { error_rate: 0.3, ..Faults::default() },
        _ => Faults::default(),
    }
}

/// Waits until the log has this many more events.
async fn wait_for_log_growth(client: &Client, events: u64) {
    let head = || async { client.readiness().await.ok().map(|ready| ready.head) };
    let begin = eventually("the server answers", head).await;
    eventually("the log has grown", || async { head().await.filter(|head| *head >= begin + events) }).await;
}

/// Waits until every process is idle, and asserts that the ledger balances.
async fn assert_balanced(client: &Client, mocks: &Mocks) {
    let processes = format!("{}/v1/processes", client.base_url());
    eventually("every process has dealt with the whole log", || async {
        let head = client.readiness().await.unwrap().head;
        let list: Value = reqwest::get(&processes).await.unwrap().json().await.unwrap();
        let done = |process: &Value| process["position"].as_u64() >= Some(head);
        // The events that they appended last are to be handled too.
        let is_over = client.readiness().await.unwrap().head == head;
        (is_over && list["items"].as_array().unwrap().iter().all(done)).then_some(())
    })
    .await;
    let ledger = Ledger::read(client, mocks).await;
    assert_eq!(ledger.violations(), [""; 0]);
    assert!(ledger.sold_orders() > 0, "nothing was sold, which proves little");
    assert!(ledger.refund_count() > 0, "nothing was refunded, which proves little");
}

/// What all shoppers share.
struct Shoppers {
    client: Client,
    product: ProductId,
    closed: AtomicBool,
    /// Orders with their acknowledged versions.
    acknowledged: Mutex<Vec<(OrderId, u64)>>,
}

impl Shoppers {
    /// Places orders until `closed` is set.
    async fn shop_until_closed(self: Arc<Self>) {
        while !self.closed.load(Ordering::Relaxed) {
            let id = an_order();
            let (shop, add) = (&self.client, &AddItem { product_id: self.product.clone(), quantity: 1 });
            if !self.send_to_order(|key| async move { shop.add_item(id, add, &key).await }).await {
                // Sold out.
                self.restock().await;
                continue;
            }
            self.buy(id).await;
        }
    }

    async fn buy(&self, id: OrderId) {
        for token in [if random(4) == 0 { DECLINED } else { VISA }, VISA] {
            let Some(basket) = self.wait_for_order(id, |status| status == OrderStatus::InProgress).await else {
                return;
            };
            let (shop, body) = (&self.client, &checkout(&basket, card(token)));
            let bought = self.send_to_order(|key| async move { shop.checkout(id, body, &key).await }).await;
            if bought && random(5) == 0 {
                self.cancel_order(id).await;
            }
            let Some(order) = self.wait_for_order(id, |status| status != OrderStatus::CheckedOut).await else { return };
            if order.status != OrderStatus::InProgress {
                break;
            }
        }
        match random(4) {
            0 => self.cancel_order(id).await,
            1 => self.ship_and_deliver(id).await,
            _ => {}
        }
    }

    async fn cancel_order(&self, id: OrderId) {
        let (shop, cancel) = (&self.client, &Cancel { reason: "changed my mind".to_owned() });
        self.send_to_order(|key| async move { shop.cancel(id, cancel, &key).await }).await;
    }

    async fn ship_and_deliver(&self, id: OrderId) {
        let (carrier, tracking_number) = ("Van".to_owned(), "1".to_owned());
        let ship = &Ship { carrier, tracking_number, estimated_delivery: None };
        let deliver = &Deliver { recipient: "Ada".to_owned() };
        let shop = &self.client;
        self.send_to_order(|key| async move { shop.ship(id, ship, &key).await }).await;
        self.send_to_order(|key| async move { shop.deliver(id, deliver, &key).await }).await;
    }

    async fn restock(&self) {
        let (shop, product, receive) = (&self.client, &self.product, &ReceiveStock { quantity: 50 });
        let received = self.send_until_answered(|key| async move { shop.receive_stock(product, receive, &key).await });
        received.await.expect("goods can always come in");
    }

    /// Waits until an order has a wanted status; `None` when it ends with another one.
    async fn wait_for_order(&self, id: OrderId, is_done: impl Fn(OrderStatus) -> bool) -> Option<Order> {
        eventually(&format!("order {id} gets on"), || async {
            let order = self.client.order(id).await.ok()??;
            let ended = matches!(order.status, OrderStatus::Cancelled | OrderStatus::Delivered);
            match (is_done(order.status), ended) {
                (true, _) => Some(Some(order)),
                (false, true) => Some(None),
                (false, false) => None,
            }
        })
        .await
    }

    /// Sends a command to an order, and records an acknowledgement; `false` when it is refused.
    async fn send_to_order<F>(&self, send: impl Fn(IdempotencyKey) -> F) -> bool
    where
        F: Future<Output = Result<WriteResponse<Order>, ClientError>>,
    {
        let order = self.send_until_answered(send).await;
        self.acknowledged.lock().unwrap().extend(order.iter().map(|order| (order.id, order.version)));
        order.is_some()
    }

    /// Sends a command with one key until there is a definite response; `None` when it is refused.
    async fn send_until_answered<T, F>(&self, send: impl Fn(IdempotencyKey) -> F) -> Option<T>
    where
        F: Future<Output = Result<WriteResponse<T>, ClientError>>,
    {
        let key = IdempotencyKey::new();
        eventually("the shop answers", || async {
            match send(key.clone()).await {
                Ok(written) => Some(Some(written.value)),
                Err(ClientError::Problem(problem)) => match problem.status {
                    409 if problem.code != "request_in_progress" => Some(None),
                    409 | 503 => None,
                    _ => panic!("{problem:?}"),
                },
                Err(ClientError::Unreachable(_)) => None,
                Err(ClientError::Unexpected(what)) => panic!("{what}"),
            }
        })
        .await
    }

    async fn assert_nothing_lost(&self) {
        let acknowledged = self.acknowledged.lock().unwrap().clone();
        for (id, version) in acknowledged {
            let found = self.client.order(id).await.unwrap().expect("an acknowledged order is there");
            assert!(found.version >= version, "order {id} went back from {version} to {}", found.version);
        }
    }
}

/// From 0 to less than this.
fn random(below: u64) -> u64 {
    Uuid::new_v4().as_u64_pair().1 % below
}
