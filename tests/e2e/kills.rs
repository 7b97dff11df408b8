//! The real server is killed at random moments while people shop, and is started again each time on the same file: in the
//! end the books balance, as they do in the simulated shop (promises P1, P4 and P8).
//!
//! 20 kills; `KILLS=500` makes more.

pub(crate) mod books;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use storefront_api::{AddItem, Cancel, Deliver, Order, OrderId, OrderStatus, ProductId, ReceiveStock, Ship};
use storefront_client::{Client, ClientError, IdempotencyKey, WriteResponse};
use storefront_mocks::{Faults, Mocks, MocksConfig, Stub, WebhookTarget};
use tokio::task::JoinSet;
use uuid::Uuid;

use self::books::Books;
use crate::crash::a_product_with_plenty;
use crate::programs::ServerProcess;
use crate::world::{DECLINED, VISA, WEBHOOK_SECRET, an_order, card, checkout, eventually};

const KILLS: u64 = 20;
const SHOPPERS: usize = 4;
/// The server is killed when the log has grown by fewer events than this since it was started.
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
    let news = WebhookTarget { url: format!("{url}/v1/webhooks/card-gateway"), secret };
    mocks.card_gateway().send_webhooks_to(Some(news));
    let client = Client::new(&url).unwrap();
    let street = Arc::new(Street {
        client: client.clone(),
        product: a_product_with_plenty(&client).await.id,
        closed: AtomicBool::new(false),
        acknowledged: Mutex::default(),
    });
    let mut people: JoinSet<()> = (0..SHOPPERS).map(|_| street.clone().shops()).collect();

    for kill in 0..kills {
        mocks.faults(Stub::Cards).set(trouble(kill));
        grows_by(&client, random(EVENTS_BETWEEN_KILLS)).await;
        server.kill();
        server = ServerProcess::start_at(listen, &mocks, &store);
    }
    mocks.faults(Stub::Cards).clear();
    street.closed.store(true, Ordering::Relaxed);
    while let Some(person) = people.join_next().await {
        person.unwrap();
    }
    balances(&client, &mocks).await;
    street.nothing_acknowledged_is_lost().await;
    server.kill();
}

/// Now the gateway's answers get lost, now its news come twice and in the wrong order, now it refuses to answer.
fn trouble(kill: u64) -> Faults {
    match kill % 4 {
        0 => Faults { lose_answers: true, ..Faults::default() },
        1 => Faults { duplicate: true, reorder: true, latency_ms: 20, ..Faults::default() },
        2 => Faults { error_rate: 0.3, ..Faults::default() },
        _ => Faults::default(),
    }
}

/// Waits until the log has so many events more than now.
async fn grows_by(client: &Client, events: u64) {
    let head = || async { client.readiness().await.ok().map(|ready| ready.head) };
    let begin = eventually("the server answers", head).await;
    eventually("the log has grown", || async { head().await.filter(|head| *head >= begin + events) }).await;
}

/// When nobody has anything left to do, everything is as it must be.
async fn balances(client: &Client, mocks: &Mocks) {
    let processes = format!("{}/v1/processes", client.base_url());
    eventually("every process has dealt with the whole log", || async {
        let head = client.readiness().await.unwrap().head;
        let list: Value = reqwest::get(&processes).await.unwrap().json().await.unwrap();
        let done = |process: &Value| process["position"].as_u64() >= Some(head);
        // What they did last may have left them something to do.
        let is_over = client.readiness().await.unwrap().head == head;
        (is_over && list["items"].as_array().unwrap().iter().all(done)).then_some(())
    })
    .await;
    let books = Books::of(client, mocks).await;
    assert_eq!(books.complaints(), [""; 0]);
    assert!(books.sold() > 0, "nothing was sold, which proves little");
    assert!(books.refunded() > 0, "nothing was refunded, which proves little");
}

/// Where everybody shops.
struct Street {
    client: Client,
    product: ProductId,
    closed: AtomicBool,
    /// Orders, and the versions that the shop has acknowledged.
    acknowledged: Mutex<Vec<(OrderId, u64)>>,
}

impl Street {
    /// Buys one thing after another until the street is closed.
    async fn shops(self: Arc<Self>) {
        while !self.closed.load(Ordering::Relaxed) {
            let id = an_order();
            let (shop, add) = (&self.client, &AddItem { product_id: self.product.clone(), quantity: 1 });
            if !self.asks(|key| async move { shop.add_item(id, add, &key).await }).await {
                // Sold out: the operator brings more.
                self.restocks().await;
                continue;
            }
            self.buys(id).await;
        }
    }

    async fn buys(&self, id: OrderId) {
        for token in [if random(4) == 0 { DECLINED } else { VISA }, VISA] {
            let Some(basket) = self.looks_until(id, |status| status == OrderStatus::InProgress).await else { return };
            let (shop, body) = (&self.client, &checkout(&basket, card(token)));
            let bought = self.asks(|key| async move { shop.checkout(id, body, &key).await }).await;
            if bought && random(5) == 0 {
                self.cancels(id).await;
            }
            let Some(order) = self.looks_until(id, |status| status != OrderStatus::CheckedOut).await else { return };
            if order.status != OrderStatus::InProgress {
                break;
            }
        }
        match random(4) {
            0 => self.cancels(id).await,
            1 => self.sends(id).await,
            _ => {}
        }
    }

    async fn cancels(&self, id: OrderId) {
        let (shop, cancel) = (&self.client, &Cancel { reason: "changed my mind".to_owned() });
        self.asks(|key| async move { shop.cancel(id, cancel, &key).await }).await;
    }

    async fn sends(&self, id: OrderId) {
        let (carrier, tracking_number) = ("Van".to_owned(), "1".to_owned());
        let ship = &Ship { carrier, tracking_number, estimated_delivery: None };
        let deliver = &Deliver { recipient: "Ada".to_owned() };
        let shop = &self.client;
        self.asks(|key| async move { shop.ship(id, ship, &key).await }).await;
        self.asks(|key| async move { shop.deliver(id, deliver, &key).await }).await;
    }

    async fn restocks(&self) {
        let (shop, product, receive) = (&self.client, &self.product, &ReceiveStock { quantity: 50 });
        let received = self.patiently(|key| async move { shop.receive_stock(product, receive, &key).await });
        received.await.expect("goods can always come in");
    }

    /// Looks at an order until it is in such a state; `None` when it comes to another end.
    async fn looks_until(&self, id: OrderId, wanted: impl Fn(OrderStatus) -> bool) -> Option<Order> {
        eventually(&format!("order {id} gets on"), || async {
            let order = self.client.order(id).await.ok()??;
            let ended = matches!(order.status, OrderStatus::Cancelled | OrderStatus::Delivered);
            match (wanted(order.status), ended) {
                (true, _) => Some(Some(order)),
                (false, true) => Some(None),
                (false, false) => None,
            }
        })
        .await
    }

    /// Asks something of an order, and keeps what the shop acknowledges; `false` when it is refused.
    async fn asks<F>(&self, send: impl Fn(IdempotencyKey) -> F) -> bool
    where
        F: Future<Output = Result<WriteResponse<Order>, ClientError>>,
    {
        let order = self.patiently(send).await;
        self.acknowledged.lock().unwrap().extend(order.iter().map(|order| (order.id, order.version)));
        order.is_some()
    }

    /// Sends a command under one key until there is a definite answer; `None` when it is refused.
    async fn patiently<T, F>(&self, send: impl Fn(IdempotencyKey) -> F) -> Option<T>
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

    async fn nothing_acknowledged_is_lost(&self) {
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
