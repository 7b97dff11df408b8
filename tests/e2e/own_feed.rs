//! The feed of a shopper in a secured shop: the events of their own orders, and nothing of anybody else, in every form and
//! from every cursor; and that no request outlives the session under which it waits.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;
use storefront_api::{AddItem, Event, EventQuery, Order};
use storefront_client::{Client, ClientError, IdempotencyKey};

use crate::secured::{Secured, Shopper};
use crate::world::eventually;

/// Somebody with a confirmed order and a basket.
struct Buyer {
    shopper: Shopper,
    order: Order,
    basket: Order,
}

impl Buyer {
    async fn new(shop: &Secured, shopper: Shopper) -> Self {
        let order = shop.a_confirmed_order(&shopper).await;
        let basket = shop.a_basket(&shopper, 1).await;
        Self { shopper, order, basket }
    }

    /// Texts that stand in the events of this buyer and of nobody else.
    fn marks(&self) -> Vec<String> {
        let payment = self.order.payment_id.unwrap().to_string();
        let texts = [self.shopper.id.clone(), self.order.id.to_string(), self.basket.id.to_string(), payment];
        texts.into_iter().chain(self.order.invoice.clone()).collect()
    }

    fn owns(&self, event: &Event) -> bool {
        let correlations = [self.order.id.to_string(), self.basket.id.to_string()];
        let streams = ["customer", "wallet"].map(|kind| format!("{kind}-{}", self.shopper.id));
        correlations.contains(&event.correlation_id) || streams.contains(&event.stream)
    }
}

/// Two customers and a guest, and all events as the operator sees them.
async fn three(shop: &Secured) -> ([Buyer; 3], Vec<Event>) {
    let (ada, eve) = (shop.customer("ada@example.com").await, shop.customer("eve@example.com").await);
    let guest = shop.guest().await;
    let buyers = [Buyer::new(shop, ada).await, Buyer::new(shop, eve).await, Buyer::new(shop, guest).await];
    // The mails of the orders are the last that happens.
    let all = eventually("everything has happened", || async {
        let all = read(&shop.operator, &EventQuery::default()).await;
        (all.iter().filter(|event| event.kind == "email.sent").count() == 3).then_some(all)
    })
    .await;
    (buyers, all)
}

/// Reads a feed from its beginning to the head, in pages.
async fn read(client: &Client, query: &EventQuery) -> Vec<Event> {
    let (mut events, mut after) = (Vec::new(), 0);
    loop {
        let query = EventQuery { after: Some(after), limit: query.limit.or(Some(1000)), ..query.clone() };
        let page = client.events(&query).await.unwrap();
        assert!(page.next_after > after || page.next_after == page.head, "it moves on");
        events.extend(page.events);
        after = page.next_after;
        if after == page.head {
            return events;
        }
    }
}

fn positions(events: &[Event]) -> Vec<u64> {
    events.iter().map(|event| event.position).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shopper_gets_the_events_of_their_own_orders_and_nothing_of_others() {
    let shop = Secured::open().await;
    let (buyers, all) = three(&shop).await;
    for buyer in &buyers {
        let (client, foreign) =
            (&buyer.shopper.client, buyers.iter().filter(|other| other.shopper.id != buyer.shopper.id));
        let foreign: Vec<&Buyer> = foreign.collect();
        let expected: Vec<u64> = positions(&all.iter().filter(|event| buyer.owns(event)).cloned().collect::<Vec<_>>());
        let seen = read(client, &EventQuery { limit: Some(7), ..EventQuery::default() }).await;
        assert_eq!(positions(&seen), expected, "all of their own, and nothing else");
        let kinds: BTreeSet<&str> = seen.iter().map(|event| event.kind.split('.').next().unwrap()).collect();
        for kind in ["order", "payment", "stock", "invoice", "email", "checkout"] {
            assert!(kinds.contains(kind), "{kinds:?}");
        }
        let text = serde_json::to_string(&seen).unwrap();
        assert!(!text.contains("argon2"), "no hash of a password");
        for mark in foreign.iter().flat_map(|other| other.marks()) {
            assert!(!text.contains(&mark), "{mark} of somebody else");
        }
        // Neither a filter nor the cursor of somebody else gives more.
        for other in &foreign {
            for query in [
                EventQuery { correlation: Some(other.order.id.to_string()), ..EventQuery::default() },
                EventQuery { stream: Some(format!("customer-{}", other.shopper.id)), ..EventQuery::default() },
                EventQuery { stream: Some(format!("order-{}", other.order.id)), ..EventQuery::default() },
            ] {
                assert_eq!(positions(&read(client, &query).await), [] as [u64; 0]);
            }
            let theirs = all.iter().find(|event| other.owns(event)).unwrap().position;
            let page = EventQuery { after: Some(theirs - 1), limit: Some(1000), ..EventQuery::default() };
            let page = client.events(&page).await.unwrap();
            assert!(page.own && page.events.iter().all(|event| buyer.owns(event)));
        }
        let query = EventQuery { kind: Some("order.confirmed".to_owned()), ..EventQuery::default() };
        assert_eq!(read(client, &query).await.len(), 1);
    }
    assert!(!shop.operator.events(&EventQuery::default()).await.unwrap().own);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_and_cloud_events_of_a_shopper_have_nothing_of_others_either() {
    let shop = Secured::open().await;
    let (buyers, all) = three(&shop).await;
    let url = format!("{}/v1/events?limit=1000", shop.world.server.url());
    for buyer in &buyers {
        let ask = |accept: &'static str| {
            reqwest::Client::new().get(&url).bearer_auth(&buyer.shopper.token).header("accept", accept).send()
        };
        let own: Vec<u64> = all.iter().filter(|event| buyer.owns(event)).map(|event| event.position).collect();
        let batch: Vec<Value> = ask("application/cloudevents-batch+json").await.unwrap().json().await.unwrap();
        let told: Vec<u64> = batch.iter().map(|event| event["position"].as_str().unwrap().parse().unwrap()).collect();
        assert_eq!(told, own);

        let mut stream = ask("text/event-stream").await.unwrap();
        let mut text = String::new();
        // One more event at the end shows that those before have come.
        let add = AddItem { product_id: buyer.basket.items[0].product_id.clone(), quantity: 1 };
        buyer.shopper.client.add_item(buyer.basket.id, &add, &IdempotencyKey::new()).await.unwrap();
        while !text.contains("event: order.item_added") || ids(&text).len() <= own.len() {
            text.push_str(std::str::from_utf8(&stream.chunk().await.unwrap().unwrap()).unwrap());
        }
        assert_eq!(ids(&text)[..own.len()], own);
        for mark in buyers.iter().filter(|other| other.shopper.id != buyer.shopper.id).flat_map(Buyer::marks) {
            assert!(!text.contains(&mark), "{mark} of somebody else");
        }
    }
}

/// The ids of the events of a stream of server-sent events that have come whole.
fn ids(text: &str) -> Vec<u64> {
    let whole = text.rsplit_once("\n\n").map_or("", |(whole, _)| whole);
    whole.lines().filter_map(|line| line.strip_prefix("id: ")?.parse().ok()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_shopper_is_woken_by_their_own_events_and_passes_those_of_others() {
    let shop = Secured::open().await;
    let (ada, eve) = (shop.customer("ada@example.com").await, shop.guest().await);
    let own = shop.a_basket(&ada, 1).await;
    let head = shop.world.head().await;
    let waiting = {
        let client = ada.client.clone();
        let query = EventQuery { after: Some(head), wait: Some(20), ..EventQuery::default() };
        tokio::spawn(async move { client.events(&query).await.unwrap() })
    };
    let foreign = shop.a_basket(&eve, 2).await;
    let add = AddItem { product_id: own.items[0].product_id.clone(), quantity: 1 };
    ada.client.add_item(own.id, &add, &IdempotencyKey::new()).await.unwrap();
    let page = waiting.await.unwrap();
    assert!(page.events.iter().all(|event| event.correlation_id == own.id.to_string()), "{:?}", page.events);
    assert_eq!(page.events.len(), 1);
    // What happened to others alone ends the wait at its end only, and is passed.
    let query = EventQuery { after: Some(page.next_after), wait: Some(1), ..EventQuery::default() };
    let add = AddItem { product_id: foreign.items[0].product_id.clone(), quantity: 1 };
    eve.client.add_item(foreign.id, &add, &IdempotencyKey::new()).await.unwrap();
    let page = ada.client.events(&query).await.unwrap();
    assert_eq!((page.events.len(), page.next_after), (0, page.head));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_waits_is_refused_once_its_session_has_ended() {
    let shop = Secured::open().await;
    let guest = shop.guest().await;
    let basket = shop.a_basket(&guest, 1).await;
    let head = shop.world.head().await;
    let url = |path: &str| format!("{}{path}", shop.world.server.url());
    let http = reqwest::Client::new();
    let ask = |path: String| http.get(url(&path)).bearer_auth(&guest.token);
    let order = format!("/v1/orders/{}", basket.id);
    let known = format!("\"{}\"", basket.version);
    let waiting = [
        ask(format!("/v1/events?after={head}&wait=30&type=order.*")),
        ask(format!("{order}?wait=30")).header("if-none-match", known),
        ask(format!("{order}/timeline?after={head}&wait=30")),
    ];
    let waiting = waiting.map(|request| tokio::spawn(async move { request.send().await.unwrap() }));
    let mut stream =
        ask(format!("/v1/events?after={head}")).header("accept", "text/event-stream").send().await.unwrap();
    assert_eq!(stream.status(), StatusCode::OK);
    // What takes many requests leaves time for these to begin to wait.
    let eve = shop.customer("eve@example.com").await;
    shop.a_basket(&eve, 1).await;
    guest.client.sign_out().await.unwrap();
    for answer in waiting {
        let answer = tokio::time::timeout(Duration::from_secs(10), answer).await.expect("it ends").unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(answer.json::<Value>().await.unwrap()["code"], "session_invalid");
    }
    while tokio::time::timeout(Duration::from_secs(10), stream.chunk()).await.expect("it ends").unwrap().is_some() {}
    assert!(matches!(guest.client.events(&EventQuery::default()).await, Err(ClientError::Problem(_))));
}
