//! A product service that answers less, or other, than it should.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::{Value, json};
use storefront_api::{OrderStatus, ProductId, ProductQuery, ReceiveStock};
use storefront_client::{Client, IdempotencyKey};
use storefront_server::Server;

use crate::world::{VISA, World, eventually};

/// A product service that answers what a test says, without a feed.
#[derive(Clone, Default)]
struct Service(Arc<Mutex<Vec<Value>>>);

impl Service {
    async fn open(&self) -> String {
        async fn list(State(service): State<Service>) -> impl IntoResponse {
            axum::Json(json!({ "products": *service.0.lock().unwrap() }))
        }
        let routes = Router::new().route("/v1/product", get(list)).fallback(|| async { StatusCode::NOT_FOUND });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = axum::serve(listener, routes.with_state(self.clone()));
        tokio::spawn(async move { serving.await.unwrap() });
        format!("http://{address}")
    }

    fn lists(&self, products: impl IntoIterator<Item = Value>) {
        *self.0.lock().unwrap() = products.into_iter().collect();
    }
}

fn plain(id: &str) -> Value {
    json!({ "id": id, "name": format!("The {id}"), "price": 12.5, "vat_rate_percent": 19 })
}

/// A shop whose products come from such a service; the server compares its list anew whenever it is started.
struct Shop {
    world: World,
    service: Service,
    url: String,
}

impl Shop {
    async fn open(products: impl IntoIterator<Item = Value>) -> Self {
        let (world, service) = (World::open().await, Service::default());
        service.lists(products);
        let url = service.open().await;
        let shop = Self { world, service, url };
        shop.restarted().await
    }

    /// Starts the server anew on a log of its own.
    async fn restarted(self) -> Self {
        let Self { mut world, service, url } = self;
        world.server.shutdown().await;
        let mut config = crate::world::config(&world.mocks, &world.folder);
        config.store = storefront_server::StoreChoice::File(world.folder.path().join("other.db"));
        config.products_url = url.clone();
        world.server = Server::start(config).await.unwrap();
        world.client = Client::new(&world.server.url()).unwrap();
        eventually("the product service is heard", || async {
            (world.client.readiness().await.unwrap().product_service == "live").then_some(())
        })
        .await;
        Self { world, service, url }
    }

    async fn sold(&self) -> u64 {
        let head = self.world.head().await;
        let query = ProductQuery { min_position: Some(head), ..ProductQuery::default() };
        self.world.client.products(&query).await.unwrap().total
    }

    async fn reasons(&self) -> String {
        self.world.client.readiness().await.unwrap().reasons.join("\n")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_list_is_an_alarm_that_an_operator_confirms_and_no_command() {
    let shop = Shop::open((0..12).map(|number| plain(&format!("p{number}")))).await;
    assert_eq!(shop.sold().await, 12);
    let id: ProductId = "p3".parse().unwrap();
    shop.world.client.receive_stock(&id, &ReceiveStock { quantity: 5 }, &IdempotencyKey::new()).await.unwrap();
    let basket = shop.world.a_basket(&id, 1).await;

    shop.service.lists([]);
    let shop = shop.restarted().await;
    assert_eq!(shop.sold().await, 12, "the last known range stays");
    assert!(shop.reasons().await.contains("12 of 12 products are missing"), "{}", shop.reasons().await);
    let state = shop.world.client.product_service().await.unwrap();
    assert_eq!(state.held_withdrawals.map(|held| (held.missing, held.sold)), Some((12, 12)));
    let untouched = shop.world.client.order(basket.id).await.unwrap().unwrap();
    assert_eq!(untouched.items[0].notice, None);
    shop.world.buy(&untouched, VISA).await.unwrap();
    shop.world.wait_for_status(basket.id, OrderStatus::Confirmed).await;

    let basket = shop.world.a_basket(&id, 1).await;
    let key = IdempotencyKey::new();
    let confirmed = shop.world.client.confirm_withdrawals(&key).await.unwrap();
    assert_eq!(confirmed.value.withdrawn, 12);
    assert_eq!(shop.sold().await, 0);
    assert!(!shop.reasons().await.contains("missing"), "{}", shop.reasons().await);
    let again = shop.world.client.confirm_withdrawals(&key).await.unwrap();
    assert_eq!(again.value.withdrawn, 12, "the same answer under the same key");
    let refused = shop.world.client.confirm_withdrawals(&IdempotencyKey::new()).await.unwrap_err();
    assert_eq!(refused.problem().map(|problem| problem.code.as_str()), Some("withdrawals_state"));

    // Back again, open baskets hear of that too.
    let marked = eventually("the basket knows that it is gone", || async {
        shop.world.client.order(basket.id).await.unwrap().filter(|order| order.items[0].notice.is_some())
    });
    marked.await;
    shop.service.lists((0..12).map(|number| plain(&format!("p{number}"))));
    let shop = shop.restarted().await;
    let back = eventually("the basket knows that it is back", || async {
        shop.world.client.order(basket.id).await.unwrap().filter(|order| order.items[0].notice.is_none())
    });
    let back = back.await;
    shop.world.buy(&back, VISA).await.unwrap();
    shop.world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_is_answered_while_the_view_of_products_is_paused() {
    let world = World::open().await;
    world.client.pause_view("products").await.unwrap();
    let product = "enamel-mug".parse().unwrap();
    world.client.receive_stock(&product, &ReceiveStock { quantity: 2 }, &IdempotencyKey::new()).await.unwrap();
    let code = async || {
        let refused = world.client.confirm_withdrawals(&IdempotencyKey::new()).await.unwrap_err();
        refused.problem().map(|problem| problem.code.clone())
    };
    assert_eq!(code().await.as_deref(), Some("busy"));
    world.client.resume_view("products").await.unwrap();
    assert_eq!(code().await.as_deref(), Some("withdrawals_state"), "nothing waits to be withdrawn");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_product_is_reported_and_the_others_are_handled_as_usual() {
    let shop = Shop::open(["a", "b", "c", "d"].map(plain)).await;
    assert_eq!(shop.sold().await, 4);
    shop.service.lists([plain("a"), json!({ "id": "b", "name": "B" }), plain("d")]);
    let shop = shop.restarted().await;
    assert_eq!(shop.sold().await, 3, "b is as it was known before");
    let gone = shop.world.client.product(&"c".parse().unwrap()).await.unwrap().unwrap();
    assert!(!gone.active, "what is missing is withdrawn as usual");
    assert!(shop.reasons().await.contains("product b cannot be read: it has no price"), "{}", shop.reasons().await);
    let state = shop.world.client.product_service().await.unwrap();
    assert_eq!(state.unreadable.len(), 1);
    assert_eq!(state.unreadable[0].service_id.as_deref(), Some("b"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_simpler_services_send_is_taken_or_reported() {
    let odd = json!({
        "id": "tea/gr\u{fc}n=1", "sku": 4711, "name": "Tea", "price": 950, "currency": "eur", "active": 1,
        "attributes": [], "vat_rate_percent": "5.5",
    });
    let bare = json!({ "id": 7, "name": "Seven", "price": "3.50" });
    let absurd = json!({ "id": "moon", "name": "Moon", "price": 99_999_999_999_i64, "currency": "EUR" });
    let shop = Shop::open([odd, bare, absurd]).await;
    assert_eq!(shop.sold().await, 2);
    let id: ProductId = "tea~2Fgr~C3~BCn~3D1".parse().unwrap();
    let tea = shop.world.client.product(&id).await.unwrap().expect("by its id here");
    assert_eq!((tea.sku.as_str(), tea.price.amount, tea.vat_rate_percent.to_string()), ("4711", 950, "5.5".to_owned()));
    let seven = shop.world.client.product(&"7".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((seven.price.amount, seven.vat_rate_percent.to_string()), (350, "19".to_owned()));
    let reasons = shop.reasons().await;
    assert!(reasons.contains("product moon cannot be read: its price is 999999999.99 EUR"), "{reasons}");
    assert!(reasons.contains("sold at the default of 19 %: 7."), "{reasons}");

    shop.world.client.receive_stock(&id, &ReceiveStock { quantity: 2 }, &IdempotencyKey::new()).await.unwrap();
    let basket = shop.world.a_basket(&id, 2).await;
    shop.world.buy(&basket, VISA).await.unwrap();
    let order = shop.world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
    assert_eq!(order.tax[0].rate_percent.to_string(), "5.5");
}
