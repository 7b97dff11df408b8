//! The world of a test: a server in a fresh folder, the stubs around it, and helpers that act as a shopper.

use std::future::Future;
use std::time::Duration;

use storefront_api::{
    AddItem, Address, Checkout, Order, OrderId, OrderStatus, PaymentMethod, Product, ProductId, ProductQuery,
    ReceiveStock, StockItem, StockQuery, Timeline, TimelineQuery,
};
use storefront_client::{Client, ClientError, IdempotencyKey};
use storefront_mocks::{Faults, Mocks, MocksConfig, Stub};
use storefront_server::{Config, Secret, Server, StoreChoice};
use tempfile::TempDir;
use tokio::time::Instant;
use uuid::Uuid;

/// Timeout of every wait for something that must happen.
pub(crate) const WAIT_TIMEOUT: Duration = Duration::from_secs(20);

pub(crate) const VISA: &str = "pm_card_visa";
pub(crate) const DECLINED: &str = "pm_card_visa_chargeDeclined";

/// The secret with which the card gateway signs its webhooks.
pub(crate) const WEBHOOK_SECRET: &str = "whsec_of_these_tests";

/// A running server, its stubs, a client and its folder.
pub(crate) struct World {
    pub(crate) mocks: Mocks,
    pub(crate) server: Server,
    pub(crate) client: Client,
    pub(crate) folder: TempDir,
}

impl World {
    /// Starts a shop with the demo range and without stock.
    pub(crate) async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    /// Like [`World::open`], with a changed configuration.
    pub(crate) async fn open_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::open_around(|config, _| change(config)).await
    }

    /// Like [`World::open`], with a workshop lab without pauses between its steps, and with demo stock.
    pub(crate) async fn open_lab() -> Self {
        Self::open_lab_with(|config| config.demo_stock = true).await
    }

    /// Like [`World::open_lab`], without stock and with a changed configuration.
    pub(crate) async fn open_lab_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::open_around(|config, mocks| {
            (config.lab, config.lab_pause) = (Some(mocks.base_url()), Duration::ZERO);
            change(config);
        })
        .await
    }

    async fn open_around(change: impl FnOnce(&mut Config, &Mocks)) -> Self {
        let mocks = Mocks::start(MocksConfig { slow_card_ms: 400, ..MocksConfig::default() }).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(&mocks, &folder);
        change(&mut config, &mocks);
        let server = Server::start(config).await.unwrap();
        let client = Client::new(&server.url()).unwrap();
        let world = Self { mocks, server, client, folder };
        world.wait_for_catalogue().await;
        world
    }

    /// Waits until the catalogue has every product of the product service.
    pub(crate) async fn wait_for_catalogue(&self) {
        let wanted = self.mocks.products().list().len() as u64;
        eventually("the catalogue is complete", || async {
            let page = self.client.products(&ProductQuery::default()).await.unwrap();
            let ready = self.client.readiness().await.unwrap();
            (page.total == wanted && ready.product_service == "live").then_some(())
        })
        .await;
    }

    /// A product with exactly this stock; another one at each call.
    pub(crate) async fn product_with(&self, available: u32) -> Product {
        let query = ProductQuery { in_stock: Some(false), limit: Some(1), ..ProductQuery::default() };
        let product = self.client.products(&query).await.unwrap().items.remove(0);
        if available > 0 {
            self.receive_stock(&product.id, available).await;
        }
        self.client.product(&product.id).await.unwrap().expect("it is still there")
    }

    /// Adds stock of a product, and waits until lists show it.
    pub(crate) async fn receive_stock(&self, product: &ProductId, quantity: u32) {
        let receive = ReceiveStock { quantity };
        let written = self.client.receive_stock(product, &receive, &IdempotencyKey::new()).await.unwrap();
        let query = ProductQuery { min_position: written.position, ..ProductQuery::default() };
        self.client.products(&query).await.unwrap();
    }

    /// Adds pieces of a product to a basket.
    pub(crate) async fn add(&self, order: OrderId, product: &ProductId, quantity: u32) -> Result<Order, ClientError> {
        let add = AddItem { product_id: product.clone(), quantity };
        self.client.add_item(order, &add, &IdempotencyKey::new()).await.map(|written| written.value)
    }

    /// Creates a basket with pieces of a product.
    pub(crate) async fn a_basket(&self, product: &ProductId, quantity: u32) -> Order {
        self.add(an_order(), product, quantity).await.unwrap()
    }

    /// Checks out a basket by card.
    pub(crate) async fn buy(&self, basket: &Order, token: &str) -> Result<Order, ClientError> {
        let checkout = checkout(basket, card(token));
        self.client.checkout(basket.id, &checkout, &IdempotencyKey::new()).await.map(|written| written.value)
    }

    /// Waits until the order has a status, and a confirmed order also its invoice.
    pub(crate) async fn wait_for_status(&self, id: OrderId, status: OrderStatus) -> Order {
        let has_status =
            |order: &Order| order.status == status && (status != OrderStatus::Confirmed || order.invoice.is_some());
        eventually(&format!("the order is {status:?}"), || async {
            self.client.order(id).await.unwrap().filter(has_status)
        })
        .await
    }

    /// Waits until every process has handled the whole log, and added nothing to it.
    pub(crate) async fn wait_until_idle(&self) {
        eventually("everything is dealt with", || async {
            let before = self.head().await;
            let processes = self.client.processes().await.unwrap().items;
            let all_done = processes.iter().all(|process| process.position >= before);
            (all_done && self.head().await == before).then_some(())
        })
        .await;
    }

    /// The timeline of an order.
    pub(crate) async fn timeline(&self, id: OrderId) -> Timeline {
        self.client.timeline(id, &TimelineQuery::default()).await.unwrap()
    }

    /// The types of the events of an order, in order.
    pub(crate) async fn event_types(&self, id: OrderId) -> Vec<String> {
        self.timeline(id).await.events.into_iter().map(|event| event.kind).collect()
    }

    /// The last position of the log.
    pub(crate) async fn head(&self) -> u64 {
        self.client.readiness().await.unwrap().head
    }

    /// Starts or ends an outage of a stub.
    pub(crate) fn set_outage(&self, stub: Stub, outage: bool) {
        self.mocks.faults(stub).set(Faults { outage, ..Faults::default() });
    }
}

/// The configuration of a server with its log in a folder, and with these stubs.
pub(crate) fn config(mocks: &Mocks, folder: &TempDir) -> Config {
    let mail = format!("smtp://{}", mocks.smtp_addr());
    Config {
        store: StoreChoice::File(folder.path().join("shop.db")),
        demo_stock: false,
        card_webhook_secret: Some(Secret::new(WEBHOOK_SECRET)),
        ..Config::in_memory(mocks.products_url(), mocks.card_gateway_url(), mail)
    }
}

/// Creates the id of an order.
pub(crate) fn an_order() -> OrderId {
    OrderId(Uuid::now_v7())
}

pub(crate) fn card(token: &str) -> PaymentMethod {
    PaymentMethod::Card { token: token.to_owned() }
}

/// The checkout request for a basket at its present total.
pub(crate) fn checkout(basket: &Order, payment: PaymentMethod) -> Checkout {
    Checkout {
        expected_total: basket.total,
        email: "ada@example.com".to_owned(),
        shipping_address: Address {
            name: "Ada Lovelace".to_owned(),
            street: "12 St James's Square".to_owned(),
            postal_code: "SW1Y 4JH".to_owned(),
            city: "London".to_owned(),
            country: "GB".to_owned(),
            ..Address::default()
        },
        payment,
    }
}

/// The stock of a product at the end of the log.
pub(crate) async fn current_stock(client: &Client, id: &ProductId) -> StockItem {
    let head = client.readiness().await.unwrap().head;
    client.stock_of(id, Some(head)).await.unwrap().expect("it has stock")
}

/// The stock of every product, page by page.
pub(crate) async fn all_stock(client: &Client, min_position: Option<u64>) -> Vec<StockItem> {
    let mut query = StockQuery { limit: Some(100), min_position, ..StockQuery::default() };
    let mut items = Vec::new();
    loop {
        let page = client.stock(&query).await.unwrap();
        items.extend(page.items);
        query.cursor = page.next_cursor;
        if query.cursor.is_none() {
            return items;
        }
    }
}

/// Calls `ask` until it returns a value. Panics with `what` after [`WAIT_TIMEOUT`].
pub(crate) async fn eventually<T, F>(what: &str, mut ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + WAIT_TIMEOUT;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
}
