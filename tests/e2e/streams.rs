//! What programs of others need of the feed and of answers: events without names, another log noticed, media types by weight,
//! compressed bodies.

use reqwest::Client;
use serde_json::Value;
use storefront_api::EventQuery;

use crate::log::read_until;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_may_receive_each_event_as_a_message_without_knowing_its_type() {
    let world = World::open().await;
    let product = world.product_with(1).await.id;
    let url = format!("{}/v1/events?events=message&after={}", world.server.url(), world.head().await);
    let mut stream = Client::new().get(url).header("accept", "text/event-stream").send().await.unwrap();
    world.a_basket(&product, 1).await;
    let text = read_until(&mut stream, "order.item_added").await;
    assert!(!text.contains("event:") && text.contains("\"type\":\"order.started\""), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_knows_another_log_learns_it_though_this_one_has_come_as_far() {
    let world = World::open().await;
    let url = world.server.url();
    let (http, other) = (Client::new(), uuid::Uuid::from_u128(7));
    let page = world.client.events(&EventQuery { after: Some(1), ..EventQuery::default() }).await.unwrap();
    let log = page.log.unwrap();

    let known = EventQuery { after: Some(1), log: Some(log), ..EventQuery::default() };
    assert_eq!(world.client.events(&known).await.unwrap().events, page.events);
    let unknown = EventQuery { log: Some(other), wait: Some(30), ..known };
    let reset = world.client.events(&unknown).await.unwrap();
    assert!(reset.reset && reset.events.is_empty());
    assert_eq!((reset.next_after, reset.log), (0, Some(log)));

    let stream = http.get(format!("{url}/v1/events?log={other}")).header("accept", "text/event-stream");
    let mut stream = stream.header("last-event-id", 1).send().await.unwrap();
    let text = read_until(&mut stream, "id: 2\n").await;
    assert!(text.contains(&format!("event: reset\ndata: {{\"log\":\"{log}\"")), "{text}");
    assert!(text.find("event: reset").unwrap() < text.find("id: 1\n").unwrap(), "{text}");
    let stream = http.get(format!("{url}/v1/events?log={log}")).header("accept", "text/event-stream");
    let mut stream = stream.header("last-event-id", 1).send().await.unwrap();
    let text = read_until(&mut stream, "id: 3\n").await;
    assert!(!text.contains("reset") && !text.contains("id: 1\n"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_of_the_feed_is_the_one_that_is_preferred() {
    let world = World::open().await;
    let http = Client::new();
    for (accept, wanted) in [
        ("application/json, text/event-stream;q=0.5", "application/json"),
        ("text/event-stream;q=0, application/cloudevents-batch+json;q=0.1", "application/cloudevents-batch+json"),
        ("text/html, */*;q=0.8", "application/json"),
        ("text/*", "text/event-stream"),
        ("image/png", "application/json"),
    ] {
        let answer = http.get(format!("{}/v1/events?limit=1", world.server.url())).header("accept", accept);
        let answer = answer.send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], wanted, "{accept}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn long_answers_are_compressed_for_those_who_ask_and_streams_are_not() {
    let world = World::open().await;
    let (http, url) = (Client::new(), world.server.url());
    let ask = |path: &str, accept: &str| {
        http.get(format!("{url}{path}")).header("accept-encoding", "gzip").header("accept", accept).send()
    };
    let plain = http.get(format!("{url}/openapi.json")).send().await.unwrap();
    assert!(!plain.headers().contains_key("content-encoding"));
    let etag = plain.headers()["etag"].to_str().unwrap().to_owned();
    let plain = plain.bytes().await.unwrap();
    let answer = ask("/openapi.json", "*/*").await.unwrap();
    assert_eq!(answer.headers()["content-encoding"], "gzip");
    assert_eq!(answer.headers()["vary"], "accept-encoding");
    assert_eq!(answer.headers()["etag"].to_str().unwrap(), format!("W/{etag}"));
    let length = answer.headers()["content-length"].to_str().unwrap().parse::<usize>().unwrap();
    let compressed = answer.bytes().await.unwrap();
    assert_eq!(compressed.len(), length);
    assert!(length < plain.len() / 4 && compressed.starts_with(&[0x1f, 0x8b]), "{length} of {}", plain.len());
    let known = http.get(format!("{url}/openapi.json")).header("if-none-match", format!("W/{etag}"));
    assert_eq!(known.send().await.unwrap().status(), 304);

    let short = ask("/health/live", "*/*").await.unwrap();
    assert!(!short.headers().contains_key("content-encoding"));
    let mut stream = ask("/v1/events", "text/event-stream").await.unwrap();
    assert!(!stream.headers().contains_key("content-encoding"));
    read_until(&mut stream, "id: 1\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_numbers_under_a_key_are_the_same_body() {
    let world = World::open().await;
    let product = world.product_with(9).await.id;
    let url = format!("{}/v1/orders/{}/items", world.server.url(), crate::world::an_order());
    for (quantity, replayed) in [("2", false), ("2.0", true), ("2e0", true)] {
        let body = format!("{{\"product_id\":\"{product}\",\"quantity\":{quantity}}}");
        let request =
            Client::new().post(&url).header("content-type", "application/json").header("idempotency-key", "k");
        let answer = request.body(body).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.headers().contains_key("idempotent-replayed")), (201, replayed));
        assert_eq!(answer.json::<Value>().await.unwrap()["items"][0]["quantity"], 2);
    }
}
