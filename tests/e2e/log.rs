//! The log for clients: one order, dense positions, long polls, event streams, earlier states (promise P2).

use std::time::Duration;

use storefront_api::{EventQuery, Faults, OrderStatus, PaymentStatus, StreamQuery, Stub, TimelineQuery};

use crate::world::{VISA, WAIT_TIMEOUT, World, an_order};

#[tokio::test(flavor = "multi_thread")]
async fn positions_are_dense_and_pages_join() {
    let world = World::open().await;
    let head = world.head().await;
    let mut positions = Vec::new();
    let mut after = 0;
    while after < head {
        let page = world
            .client
            .events(&EventQuery { after: Some(after), limit: Some(37), ..Default::default() })
            .await
            .unwrap();
        positions.extend(page.events.iter().map(|event| event.position));
        after = page.next_after;
    }
    assert_eq!(positions, (1..=head).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_poll_answers_as_soon_as_there_is_news() {
    let world = World::open().await;
    let product = world.product_with(1).await.id;
    let head = world.head().await;
    let client = world.client.clone();
    let poll = tokio::spawn(async move {
        client.events(&EventQuery { after: Some(head), wait: Some(30), ..Default::default() }).await.unwrap()
    });
    world.a_basket(&product, 1).await;
    let page = tokio::time::timeout(WAIT_TIMEOUT, poll).await.expect("long before the wait is over").unwrap();
    assert_eq!(page.events[0].kind, "order.started");
    assert_eq!(page.events[0].position, head + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_poll_is_deaf_to_what_it_filters_out_but_moves_past_it() {
    let world = World::open().await;
    let product = world.product_with(1).await.id;
    let head = world.head().await;
    let basket = world.a_basket(&product, 1).await;
    let query = EventQuery { after: Some(head), kind: Some("payment.*,email.*".to_owned()), ..Default::default() };
    let page = world.client.events(&query).await.unwrap();
    assert_eq!(page.events, []);
    assert_eq!(page.next_after, world.head().await);
    let query = EventQuery { stream: Some(format!("order-{}", basket.id)), ..Default::default() };
    assert_eq!(world.client.events(&query).await.unwrap().events.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_poll_that_knows_the_switches_of_the_lab_answers_when_one_is_thrown_and_others_wait_on() {
    let world = World::open_lab().await;
    world.wait_until_idle().await;
    let head = world.head().await;
    let known = world.client.events(&EventQuery::default()).await.unwrap().switches;
    assert!(known.is_some());
    let poll = |switches| {
        let client = world.client.clone();
        let query = EventQuery { after: Some(head), wait: Some(30), switches, ..EventQuery::default() };
        tokio::spawn(async move { client.events(&query).await.unwrap() })
    };
    let (knows, deaf) = (poll(known), poll(None));
    let outage = Faults { outage: true, ..Faults::default() };
    world.client.set_faults(Stub::Mail, &outage).await.unwrap();
    let response = tokio::time::timeout(WAIT_TIMEOUT, knows).await.expect("long before the wait is over").unwrap();
    assert_eq!((response.events.len(), response.next_after), (0, head));
    assert!(response.switches.is_some() && response.switches != known);
    // Who knows only of the switches as they were is told at once, even when nothing happens any more.
    let late = tokio::time::timeout(WAIT_TIMEOUT, poll(known)).await.expect("long before the wait is over").unwrap();
    assert_eq!(late.switches, response.switches);
    assert!(!deaf.is_finished(), "nobody asked it to look at switches");
    world.client.set_faults(Stub::Mail, &Faults::default()).await.unwrap();
    world.product_with(1).await;
    let heard = tokio::time::timeout(WAIT_TIMEOUT, deaf).await.expect("long before the wait is over").unwrap();
    assert!(!heard.events.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_comes_as_server_sent_events_and_resumes() {
    let world = World::open().await;
    let product = world.product_with(1).await.id;
    let head = world.head().await;
    let url = format!("{}/v1/events?after={head}", world.server.url());
    let http = reqwest::Client::new();
    let mut stream = http.get(&url).header("accept", "text/event-stream").send().await.unwrap();
    let basket = world.a_basket(&product, 1).await;
    let text = read_until(&mut stream, "order.item_added").await;
    assert!(text.contains(&format!("id: {}", head + 1)) && text.contains("event: order.started"), "{text}");
    assert!(text.contains(&basket.id.to_string()));

    let mut resumed =
        http.get(&url).header("accept", "text/event-stream").header("last-event-id", head + 1).send().await.unwrap();
    let text = read_until(&mut resumed, "order.item_added").await;
    assert!(!text.contains("order.started"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_events_is_seen_to_be_open_at_once_and_no_proxy_keeps_it_back() {
    let world = World::open().await;
    let url = format!("{}/v1/events?after={}", world.server.url(), world.head().await);
    let mut stream = reqwest::Client::new().get(&url).header("accept", "text/event-stream").send().await.unwrap();
    assert_eq!(stream.headers()["x-accel-buffering"], "no");
    assert_eq!(stream.headers()["cache-control"], "no-cache, no-transform");
    assert_eq!(read_until(&mut stream, "\n\n").await, ": open\n\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_what_comes_after_the_end_of_the_log_learns_that_it_is_another_log() {
    let world = World::open().await;
    let product = world.product_with(1).await.id;
    let order = world.a_basket(&product, 1).await.id;
    world.wait_until_idle().await;
    let head = world.head().await;
    let beyond = head + 1000;
    let url = world.server.url();

    let query = EventQuery { after: Some(beyond), wait: Some(30), ..EventQuery::default() };
    let page =
        tokio::time::timeout(WAIT_TIMEOUT, world.client.events(&query)).await.expect("it answers at once").unwrap();
    assert!(page.reset && page.events.is_empty() && page.log.is_some());
    assert_eq!((page.next_after, page.head), (0, head));
    let at_the_end = EventQuery { after: Some(head), ..EventQuery::default() };
    assert!(!world.client.events(&at_the_end).await.unwrap().reset);

    let http = reqwest::Client::new();
    let batch = http.get(format!("{url}/v1/events?after={beyond}&wait=30"));
    let batch = batch.header("accept", "application/cloudevents-batch+json").send().await.unwrap();
    assert_eq!(
        (&batch.headers()["storefront-reset"], &batch.headers()["storefront-next-after"]),
        (&"true".parse().unwrap(), &"0".parse().unwrap())
    );

    let stream = http.get(format!("{url}/v1/events")).header("accept", "text/event-stream");
    let mut stream = stream.header("last-event-id", beyond).send().await.unwrap();
    let text = read_until(&mut stream, "id: 2\n").await;
    let reset = format!("event: reset\ndata: {{\"log\":\"{}\",\"head\":{head}}}\n", page.log.unwrap());
    assert!(text.contains(&reset) && text.contains("id: 0\n"), "{text}");
    assert!(text.find("event: reset").unwrap() < text.find("id: 1\n").unwrap(), "the log follows from its beginning");

    let query = TimelineQuery { after: Some(beyond), wait: Some(30) };
    let timeline = tokio::time::timeout(WAIT_TIMEOUT, world.client.timeline(order, &query)).await.unwrap().unwrap();
    assert!(timeline.reset && timeline.next_after == head);
    assert_eq!(timeline.events, world.timeline(order).await.events);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_comes_as_cloudevents() {
    let world = World::open().await;
    let url = format!("{}/v1/events?limit=1", world.server.url());
    let answer =
        reqwest::Client::new().get(url).header("accept", "application/cloudevents-batch+json").send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/cloudevents-batch+json");
    let batch: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(batch[0]["specversion"], "1.0");
    for required in ["id", "source", "type"] {
        assert!(batch[0][required].as_str().is_some_and(|text| !text.is_empty()), "{required}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_can_be_read_as_it_was_at_a_version_and_at_a_time() {
    let world = World::open().await;
    let product = world.product_with(9).await.id;
    let order = an_order();
    for quantity in 1..=3 {
        world.add(order, &product, quantity).await.unwrap();
    }
    let then = world.client.order_at_version(order, 3).await.unwrap().unwrap();
    assert_eq!((then.version, then.items[0].quantity), (3, 3));
    assert_eq!(world.client.order(order).await.unwrap().unwrap().items[0].quantity, 6);
    let missing = world.client.order_at_version(order, 99).await;
    assert!(missing.is_err() || missing.is_ok_and(|order| order.is_none()));

    let url = format!("{}/v1/orders/{order}?at=2000-01-01T00:00:00Z", world.server.url());
    assert_eq!(reqwest::get(url).await.unwrap().status(), 404);
    let url = format!("{}/v1/orders/{order}?at=2999-01-01T00:00:00Z", world.server.url());
    assert_eq!(reqwest::get(url).await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_payment_of_a_past_version_is_as_it_was_then() {
    let world = World::open().await;
    let basket = world.a_basket(&world.product_with(1).await.id, 1).await;
    world.buy(&basket, VISA).await.unwrap();
    world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
    let cancel = storefront_api::Cancel { reason: "changed my mind".to_owned() };
    world.client.cancel(basket.id, &cancel, &storefront_client::IdempotencyKey::new()).await.unwrap();
    crate::world::eventually("the money is back", || async {
        let order = world.client.order(basket.id).await.unwrap().unwrap();
        (order.payment_status == PaymentStatus::Refunded).then_some(())
    })
    .await;
    let mut statuses = Vec::new();
    // Put in, checked out, confirmed.
    for version in 2..=4 {
        let then = world.client.order_at_version(basket.id, version).await.unwrap().unwrap();
        statuses.push((then.status, then.payment_status));
    }
    assert_eq!(
        statuses,
        [
            (OrderStatus::InProgress, PaymentStatus::None),
            (OrderStatus::CheckedOut, PaymentStatus::Paid),
            (OrderStatus::Confirmed, PaymentStatus::Paid),
        ],
        "each as it was when it ended"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_read_page_by_page() {
    let world = World::open().await;
    let product = world.product_with(9).await.id;
    let order = an_order();
    for _ in 0..4 {
        world.add(order, &product, 1).await.unwrap();
    }
    let stream = format!("order-{order}");
    let first = world.client.stream_events(&stream, &StreamQuery { from: None, limit: Some(3) }).await.unwrap();
    let rest =
        world.client.stream_events(&stream, &StreamQuery { from: first.next_from, limit: Some(3) }).await.unwrap();
    let versions: Vec<u64> = first.events.iter().chain(&rest.events).map(|event| event.version).collect();
    assert_eq!(versions, [1, 2, 3, 4, 5]);
    assert_eq!(rest.next_from, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_an_order_answers_its_next_change() {
    let world = World::open().await;
    let product = world.product_with(9).await.id;
    let basket = world.a_basket(&product, 1).await;
    let url = format!("{}/v1/orders/{}?wait=30", world.server.url(), basket.id);
    let request = reqwest::Client::new().get(url).header("if-none-match", format!("\"{}\"", basket.version));
    let waiting = tokio::spawn(async move { request.send().await.unwrap().json::<serde_json::Value>().await.unwrap() });
    world.add(basket.id, &product, 1).await.unwrap();
    let changed = tokio::time::timeout(WAIT_TIMEOUT, waiting).await.expect("long before the wait is over").unwrap();
    assert_eq!(changed["version"], basket.version + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_asked_to_stop_answers_its_parked_requests() {
    let world = World::open().await;
    let basket = world.a_basket(&world.product_with(1).await.id, 1).await;
    world.buy(&basket, VISA).await.unwrap();
    world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
    let head = world.head().await + 100;
    let client = world.client.clone();
    let poll = tokio::spawn(async move {
        client.events(&EventQuery { after: Some(head), wait: Some(30), ..Default::default() }).await
    });
    tokio::task::yield_now().await;
    tokio::time::timeout(Duration::from_secs(20), world.server.shutdown()).await.expect("it stops in time");
    let _ = tokio::time::timeout(WAIT_TIMEOUT, poll).await.expect("the poll ends").unwrap();
}

pub(crate) async fn read_until(stream: &mut reqwest::Response, word: &str) -> String {
    let mut text = String::new();
    let read = async {
        while !text.contains(word) {
            let chunk = stream.chunk().await.unwrap().expect("the stream goes on");
            text.push_str(&String::from_utf8_lossy(&chunk));
        }
    };
    tokio::time::timeout(WAIT_TIMEOUT, read).await.expect("the event comes soon");
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_an_order_is_woken_by_it_and_one_too_many_is_asked_to_retry() {
    let world = World::open_with(|config| config.waiting_requests = 2).await;
    let product = world.product_with(5).await.id;
    let (one, other) = (world.a_basket(&product, 1).await, world.a_basket(&product, 1).await);
    let after = world.head().await;
    let url = |order: storefront_api::OrderId| {
        format!("{}/v1/orders/{order}/timeline?after={after}&wait=30", world.server.url())
    };
    let waits = |order| {
        let request = reqwest::Client::new().get(url(order)).send();
        tokio::spawn(async move { request.await.unwrap() })
    };
    let waiting = [waits(one.id), waits(other.id)];
    let (url_of_one, http) = (url(one.id), reqwest::Client::new());
    let refused = crate::world::eventually("a third is told to come again", || async {
        let asked = http.get(&url_of_one).timeout(std::time::Duration::from_millis(300)).send().await;
        asked.ok().filter(|answer| answer.status() == 503)
    })
    .await;
    assert!(refused.headers().contains_key("retry-after"));
    let problem: serde_json::Value = refused.json().await.unwrap();
    assert_eq!(problem["code"], "too_many_connections");

    world.add(one.id, &product, 1).await.unwrap();
    let [woken, asleep] = waiting;
    let response: serde_json::Value = tokio::time::timeout(WAIT_TIMEOUT, woken)
        .await
        .expect("long before the wait is over")
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(response["events"][0]["type"], "order.item_added");
    assert!(!asleep.is_finished(), "nothing happened to the other order");
    let known = world.client.order(one.id).await.unwrap().unwrap().version;
    let order_url = format!("{}/v1/orders/{}?wait=30", world.server.url(), one.id);
    let next = http.get(order_url).header("if-none-match", format!("\"{known}\"")).send();
    let next = tokio::spawn(async move { next.await.unwrap() });
    world.add(one.id, &product, 1).await.unwrap();
    let changed = tokio::time::timeout(WAIT_TIMEOUT, next).await.expect("long before the wait is over").unwrap();
    assert_eq!(changed.headers()["etag"], format!("\"{}\"", known + 1).as_str());
    asleep.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_that_never_occurs_is_looked_for_a_stretch_at_a_time() {
    const EVENTS: u64 = 45_000;
    let World { mocks, server, folder, .. } = World::open().await;
    server.shutdown().await;
    let log = storefront_eventlog::SqliteStore::open(&folder.path().join("shop.db")).unwrap();
    let event = |_| storefront_eventlog::NewEvent {
        id: uuid::Uuid::now_v7(),
        kind: "weather.changed".to_owned(),
        schema_version: 1,
        time_ms: 1_772_366_400_000,
        correlation_id: "weather".to_owned(),
        causation_id: None,
        actor: "test".to_owned(),
        data: storefront_eventlog::JsonText::of(&1).unwrap(),
    };
    for number in 0..EVENTS / 9_000 {
        let streams = vec![storefront_eventlog::StreamAppend {
            stream: storefront_eventlog::StreamName::new(format!("weather-{number}")).unwrap(),
            expected: storefront_eventlog::Expected::Any,
            events: (0..9_000).map(event).collect(),
        }];
        let append = storefront_eventlog::Append { streams, ..Default::default() };
        storefront_eventlog::EventStore::append(&log, append).await.unwrap();
    }
    storefront_eventlog::EventStore::close(&log).await;
    let server = storefront_server::Server::start(crate::world::config(&mocks, &folder)).await.unwrap();
    let client = storefront_client::Client::new(&server.url()).unwrap();
    let (mut after, mut pages) = (0, 0);
    loop {
        let query = EventQuery { kind: Some("storm.broke".to_owned()), after: Some(after), ..EventQuery::default() };
        let page = client.events(&query).await.unwrap();
        assert!(page.events.is_empty());
        assert!(page.next_after > after || page.next_after >= page.head, "it goes on");
        assert!(page.next_after - after <= 30_000, "one request looks at a bounded stretch");
        (after, pages) = (page.next_after, pages + 1);
        if page.next_after >= page.head {
            break;
        }
    }
    assert!(after >= EVENTS && pages >= 2, "{after} in {pages}");
}
