//! Webhooks that the shop sends: what receivers get, how they verify it, and what happens when they fail.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use storefront_api::{
    ChangeWebhookEndpoint, CreateWebhookEndpoint, EventQuery, WebhookEndpointId, WebhookEndpointWithSecret,
};
use storefront_client::{Client, ClientError, IdempotencyKey};
use storefront_server::Server;

use crate::secured::Secured;
use crate::world::{World, config, eventually};

fn key() -> IdempotencyKey {
    IdempotencyKey::new()
}

/// A webhook that a receiver got.
#[derive(Clone, Debug)]
struct Received {
    id: String,
    timestamp: String,
    signatures: String,
    body: String,
    status: u16,
}

impl Received {
    fn event(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Whether one of the signatures is that of a secret, as the specification says.
    fn is_signed_with(&self, secret: &str) -> bool {
        let secret = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        assert_eq!(secret.len(), 32);
        let mac = Hmac::<Sha256>::new_from_slice(&secret).unwrap();
        let code = mac.chain_update(format!("{}.{}.{}", self.id, self.timestamp, self.body)).finalize().into_bytes();
        let expected = format!("v1,{}", STANDARD.encode(code));
        self.signatures.split(' ').any(|signature| signature == expected)
    }
}

type Answer = Box<dyn Fn(&str, usize) -> u16 + Send>;

/// A program that receives webhooks. Its answer is made of the id and how often that came before.
#[derive(Clone)]
struct Receiver {
    url: String,
    received: Arc<Mutex<Vec<Received>>>,
    answer: Arc<Mutex<Answer>>,
}

impl Receiver {
    async fn start(answer: impl Fn(&str, usize) -> u16 + Send + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks", listener.local_addr().unwrap());
        let receiver = Self { url, received: Arc::default(), answer: Arc::new(Mutex::new(Box::new(answer))) };
        let routes = Router::new().route("/hooks", post(receive)).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        receiver
    }

    fn answer_with(&self, answer: impl Fn(&str, usize) -> u16 + Send + 'static) {
        *self.answer.lock().unwrap() = Box::new(answer);
    }

    fn all(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Those that were acknowledged.
    fn taken(&self) -> Vec<Received> {
        self.all().into_iter().filter(|received| received.status == 200).collect()
    }

    async fn wait_for(&self, count: usize) -> Vec<Received> {
        eventually("the webhooks came", || async { Some(self.taken()).filter(|taken| taken.len() >= count) }).await
    }
}

async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: String) -> StatusCode {
    let text = |name: &str| headers[name].to_str().unwrap().to_owned();
    assert_eq!(text("content-type"), "application/cloudevents+json");
    let id = text("webhook-id");
    let mut received = receiver.received.lock().unwrap();
    let before = received.iter().filter(|known| known.id == id).count();
    let status = (receiver.answer.lock().unwrap())(&id, before);
    let (timestamp, signatures) = (text("webhook-timestamp"), text("webhook-signature"));
    received.push(Received { id, timestamp, signatures, body, status });
    StatusCode::from_u16(status).unwrap()
}

async fn endpoint(client: &Client, url: &str, types: &[&str]) -> (WebhookEndpointId, String) {
    let create = create(url, types);
    let WebhookEndpointWithSecret { endpoint, secret } =
        client.create_webhook_endpoint(&create, &key()).await.unwrap().value;
    assert!(endpoint.enabled);
    (endpoint.id, secret.unwrap().0)
}

fn create(url: &str, types: &[&str]) -> CreateWebhookEndpoint {
    let event_types = types.iter().map(|kind| (*kind).to_owned()).collect();
    CreateWebhookEndpoint { url: url.to_owned(), event_types, description: None, after: None }
}

fn code(outcome: Result<impl std::fmt::Debug, ClientError>) -> String {
    match outcome {
        Err(ClientError::Problem(problem)) => problem.code,
        other => panic!("{other:?}"),
    }
}

/// The ids of the events of some types, as the feed has them.
async fn ids_in_log(client: &Client, kind: &str, after: u64) -> Vec<String> {
    let query =
        EventQuery { kind: Some(kind.to_owned()), after: Some(after), limit: Some(1000), ..EventQuery::default() };
    client.events(&query).await.unwrap().events.into_iter().map(|event| event.id.to_string()).collect()
}

fn ids_of(received: &[Received]) -> Vec<String> {
    received.iter().map(|received| received.id.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_the_wanted_types_are_sent_signed_as_the_feed_shows_them_and_those_of_one_order_in_order() {
    let world = World::open().await;
    let product = world.product_with(20).await.id;
    let receiver = Receiver::start(|_, _| 200).await;
    let (_, secret) = endpoint(&world.client, &receiver.url, &["order.*"]).await;
    let after = world.head().await;
    let baskets = [world.a_basket(&product, 1).await, world.a_basket(&product, 1).await];
    for _ in 0..3 {
        for basket in &baskets {
            world.add(basket.id, &product, 1).await.unwrap();
        }
    }
    let expected = ids_in_log(&world.client, "order.*", after).await;
    let received = receiver.wait_for(expected.len()).await;
    let mut ids = ids_of(&received);
    ids.sort();
    assert_eq!(ids, {
        let mut sorted = expected.clone();
        sorted.sort();
        sorted
    });
    let mut positions: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for received in &received {
        assert!(received.is_signed_with(&secret), "{received:?}");
        let event = received.event();
        assert_eq!((event["specversion"].as_str(), event["id"].as_str()), (Some("1.0"), Some(received.id.as_str())));
        let position = event["position"].as_str().unwrap().parse().unwrap();
        positions.entry(event["subject"].as_str().unwrap().to_owned()).or_default().push(position);
    }
    assert_eq!(positions.len(), 2);
    assert!(positions.values().all(|positions| positions.is_sorted()), "{positions:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_receiver_refuses_comes_again_and_holds_back_its_own_order_only() {
    let world = World::open().await;
    let product = world.product_with(20).await.id;
    let receiver = Receiver::start(|_, _| 200).await;
    endpoint(&world.client, &receiver.url, &["order.*"]).await;
    let after = world.head().await;
    // The first event that comes is refused once.
    let refused: Arc<Mutex<Option<String>>> = Arc::default();
    let known = refused.clone();
    receiver.answer_with(move |id, before| {
        let mut refused = known.lock().unwrap();
        if before == 0 && refused.get_or_insert_with(|| id.to_owned()) == id { 500 } else { 200 }
    });
    let slow = world.a_basket(&product, 1).await;
    eventually("the first is refused", || async { refused.lock().unwrap().clone() }).await;
    world.add(slow.id, &product, 1).await.unwrap();
    let other = world.a_basket(&product, 1).await;
    let stream = format!("order-{}", other.id);
    let is_of_other = |received: &Received| received.event()["subject"] == stream.as_str();
    eventually("the other order goes on", || async { receiver.taken().iter().any(is_of_other).then_some(()) }).await;
    assert!(receiver.taken().iter().all(is_of_other), "the order of the refused event waits");
    let expected = ids_in_log(&world.client, "order.*", after).await;
    let taken = receiver.wait_for(expected.len()).await;
    assert_eq!(taken.len(), expected.len());
    let of_slow: Vec<_> =
        taken.iter().filter(|received| !is_of_other(received)).map(|received| received.id.clone()).collect();
    let slow_events = world.timeline(slow.id).await.events;
    let in_log: Vec<_> =
        slow_events.iter().map(|event| event.id.to_string()).filter(|id| expected.contains(id)).collect();
    assert_eq!(of_slow, in_log);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_was_away_over_a_restart_gets_all_in_order_and_nothing_that_it_took_before() {
    let world = World::open().await;
    let product = world.product_with(20).await.id;
    let receiver = Receiver::start(|_, _| 200).await;
    endpoint(&world.client, &receiver.url, &["order.*"]).await;
    let basket = world.a_basket(&product, 1).await;
    let before = world.timeline(basket.id).await.events.len();
    receiver.wait_for(before).await;
    world.wait_until_idle().await;
    receiver.answer_with(|_, _| 503);
    for _ in 0..5 {
        world.add(basket.id, &product, 1).await.unwrap();
    }
    eventually("it is refused", || async { (receiver.all().len() > before).then_some(()) }).await;
    let expected: Vec<_> = world.timeline(basket.id).await.events.iter().map(|event| event.id.to_string()).collect();
    let World { mocks, server, folder, .. } = world;
    server.shutdown().await;
    receiver.answer_with(|_, _| 200);
    let _server = Server::start(config(&mocks, &folder)).await.unwrap();
    let taken = receiver.wait_for(expected.len()).await;
    assert_eq!(ids_of(&taken), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_gone_is_disabled_and_gets_what_it_missed_when_it_is_enabled() {
    let world = World::open().await;
    let product = world.product_with(20).await.id;
    let receiver = Receiver::start(|_, _| 410).await;
    let (id, _) = endpoint(&world.client, &receiver.url, &["stock.received"]).await;
    let after = world.head().await;
    world.receive_stock(&product, 1).await;
    let disabled = eventually("it is disabled", || async {
        let endpoint = world.client.webhook_endpoint(id).await.unwrap();
        (!endpoint.enabled).then_some(endpoint)
    })
    .await;
    assert_eq!(disabled.disabled_reason.as_deref(), Some("it answered 410 Gone"));
    let reasons = world.client.readiness().await.unwrap().reasons;
    assert!(reasons.iter().any(|reason| reason.contains(&id.to_string()) && reason.contains("410")), "{reasons:?}");
    world.receive_stock(&product, 1).await;
    let asked = receiver.all().len();
    receiver.answer_with(|_, _| 200);
    let enable = ChangeWebhookEndpoint { enabled: Some(true), ..ChangeWebhookEndpoint::default() };
    world.client.change_webhook_endpoint(id, &enable).await.unwrap();
    let taken = receiver.wait_for(2).await;
    assert_eq!(asked, 1, "nothing was sent while it was disabled");
    let mut ids = ids_of(&taken);
    ids.sort();
    assert_eq!(ids, ids_in_log(&world.client, "stock.received", after).await);
    world.client.delete_webhook_endpoint(id).await.unwrap();
    assert_eq!(code(world.client.webhook_endpoint(id).await), "webhook_endpoint_not_found");
    assert_eq!(world.client.webhook_endpoints().await.unwrap().items, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_never_answers_holds_no_other_endpoint_up() {
    let world = World::open().await;
    let product = world.product_with(20).await.id;
    // It takes connections and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    endpoint(&world.client, &format!("http://{}/", silent.local_addr().unwrap()), &["stock.received"]).await;
    let receiver = Receiver::start(|_, _| 200).await;
    endpoint(&world.client, &receiver.url, &["stock.received"]).await;
    for _ in 0..12 {
        world.receive_stock(&product, 1).await;
    }
    receiver.wait_for(12).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_shown_once_is_in_no_export_and_signs_for_a_day_beside_the_one_that_follows() {
    let world = World::open().await;
    let product = world.product_with(20).await.id;
    let receiver = Receiver::start(|_, _| 200).await;
    let once = key();
    let create = create(&receiver.url, &["stock.received"]);
    let first = world.client.create_webhook_endpoint(&create, &once).await.unwrap();
    let again = world.client.create_webhook_endpoint(&create, &once).await.unwrap();
    assert_eq!((again.replayed, &again.value.endpoint, &again.value.secret), (true, &first.value.endpoint, &None));
    let (id, old) = (first.value.endpoint.id, first.value.secret.unwrap().0);
    let once = key();
    let new = world.client.rotate_webhook_secret(id, &once).await.unwrap().value.secret.unwrap().0;
    assert_eq!(world.client.rotate_webhook_secret(id, &once).await.unwrap().value.secret, None);
    assert_ne!(old, new);
    world.receive_stock(&product, 1).await;
    let received = receiver.wait_for(1).await.remove(0);
    assert!(received.is_signed_with(&old) && received.is_signed_with(&new), "{}", received.signatures);

    let export = reqwest::get(format!("{}/v1/export", world.server.url())).await.unwrap().text().await.unwrap();
    let listed = serde_json::to_string(&world.client.webhook_endpoints().await.unwrap()).unwrap();
    assert!(export.contains("webhook.secret_rotated"));
    for secret in [&old, &new] {
        let bytes = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        for text in [&export, &listed] {
            assert!(!text.contains(secret.as_str()) && !text.contains(&digits));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secured_shop_sends_to_no_private_network_and_nothing_without_encryption() {
    let shop = Secured::open().await;
    for url in [
        "https://127.0.0.1/",
        "https://localhost/",
        "https://[::ffff:10.0.0.1]/",
        "http://8.8.8.8/",
        "https://a@8.8.8.8/",
    ] {
        let refused = shop.operator.create_webhook_endpoint(&create(url, &[]), &key()).await;
        assert_eq!(code(refused), "invalid_values", "{url}");
    }
    assert_eq!(shop.operator.webhook_endpoints().await.unwrap().items, []);
    let (id, _) = endpoint(&shop.operator, "https://8.8.8.8/", &["order.expired"]).await;
    let change =
        ChangeWebhookEndpoint { url: Some("https://10.0.0.1/".to_owned()), ..ChangeWebhookEndpoint::default() };
    assert_eq!(code(shop.operator.change_webhook_endpoint(id, &change).await), "invalid_values");
    let unknown = shop.operator.create_webhook_endpoint(&create("https://8.8.8.8/", &["order.none"]), &key()).await;
    assert_eq!(code(unknown), "invalid_values");
}
