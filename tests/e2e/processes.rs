//! Failing processes, and their retry and skip by operators (promise P5).

use storefront_api::{
    AddItem, Cancel, Order, OrderId, OrderStatus, Page, ParkedQuery, ParkedSequence, ParkedState, Process,
    ProcessState, StepState,
};
use storefront_client::{Client, ClientError, IdempotencyKey};
use storefront_eventlog::{Append, EventStore, Expected, JsonText, NewEvent, SqliteStore, StreamAppend, StreamName};
use storefront_mocks::{Faults, Mocks, MocksConfig, Stub};
use storefront_server::Server;
use uuid::Uuid;

use crate::crash::product_in_stock;
use crate::programs::ServerProcess;
use crate::world::{VISA, World, an_order, card, checkout, config, eventually};

async fn process(client: &Client, name: &str) -> Process {
    let all = client.processes().await.unwrap();
    all.items.into_iter().find(|process| process.name == name).expect("there is such a process")
}

async fn parked(client: &Client, name: &str) -> Page<ParkedSequence> {
    client.parked(name, &ParkedQuery::default()).await.unwrap()
}

async fn wait_until_parked(client: &Client, name: &str, order: OrderId) -> ParkedSequence {
    eventually(&format!("{order} is parked in {name}"), || async {
        let stands = |found: &ParkedSequence| found.sequence == order.to_string() && found.state == ParkedState::Parked;
        parked(client, name).await.items.into_iter().find(stands)
    })
    .await
}

async fn wait_until_none_parked(client: &Client, name: &str) {
    eventually(&format!("nothing is parked in {name}"), || async {
        (parked(client, name).await.total == 0 && process(client, name).await.parked == 0).then_some(())
    })
    .await;
}

async fn kinds(client: &Client, order: OrderId) -> Vec<String> {
    let timeline = client.timeline(order, &Default::default()).await.unwrap();
    timeline.events.into_iter().map(|event| event.kind).collect()
}

fn count(kinds: &[String], kind: &str) -> usize {
    kinds.iter().filter(|found| *found == kind).count()
}

/// Mails that name an order.
fn mails_about(mocks: &Mocks, order: &Order) -> Vec<String> {
    let number = order.number.as_deref().expect("it is confirmed");
    let mails = mocks.mailbox().messages().into_iter();
    mails.filter(|mail| mail.subject.contains(number) || mail.text.contains(number)).map(|mail| mail.subject).collect()
}

/// Writes an event about an order that no program can read, as a later version of the shop might have written it.
pub(crate) async fn append_unreadable_event(store: &SqliteStore, order: OrderId) {
    let event = NewEvent {
        id: Uuid::now_v7(),
        kind: "email.requested".to_owned(),
        schema_version: 1,
        time_ms: 1_772_366_400_000,
        correlation_id: order.to_string(),
        causation_id: None,
        actor: "test".to_owned(),
        data: JsonText::of(&serde_json::json!({"order_id": order, "kind": "singing_telegram"})).unwrap(),
    };
    let stream = StreamName::new(format!("email-{}", event.id)).unwrap();
    let streams = vec![StreamAppend { stream, expected: Expected::Any, events: vec![event] }];
    store.append(Append { streams, ..Append::default() }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poison_event_stops_only_its_own_order_and_can_be_retried_and_skipped() {
    let world = World::open().await;
    let product = world.product_with(5).await;
    let struck = world.a_basket(&product.id, 1).await;
    world.buy(&struck, VISA).await.unwrap();
    let struck = world.wait_for_status(struck.id, OrderStatus::Confirmed).await;
    eventually("its mail is there", || async { (mails_about(&world.mocks, &struck).len() == 1).then_some(()) }).await;
    let World { mocks, server, folder, .. } = world;
    server.shutdown().await;
    let log = SqliteStore::open(&folder.path().join("shop.db")).unwrap();
    append_unreadable_event(&log, struck.id).await;
    log.close().await;
    let server = Server::start(config(&mocks, &folder)).await.unwrap();
    let client = Client::new(&server.url()).unwrap();
    let world = World { mocks, server, client, folder };
    world.wait_for_catalogue().await;
    let found = wait_until_parked(&world.client, "mail", struck.id).await;
    assert_eq!((found.attempts, found.kind.as_str(), found.waiting), (1, "email.requested", 0));
    assert!(found.error.contains("email.requested does not fit"), "{}", found.error);

    // Others get their mail; what follows of the struck order waits behind.
    let other = world.a_basket(&product.id, 1).await;
    world.buy(&other, VISA).await.unwrap();
    let other = world.wait_for_status(other.id, OrderStatus::Confirmed).await;
    let cancel = Cancel { reason: "it takes too long".to_owned() };
    world.client.cancel(struck.id, &cancel, &IdempotencyKey::new()).await.unwrap();
    eventually("the other has its mail", || async { (mails_about(&world.mocks, &other).len() == 1).then_some(()) })
        .await;
    // One says that it is cancelled, one that the money is back.
    eventually("the next two mails wait behind", || async {
        (parked(&world.client, "mail").await.items[0].waiting == 2).then_some(())
    })
    .await;
    assert_eq!(mails_about(&world.mocks, &struck).len(), 1);

    // Everybody can see it.
    assert!(world.event_types(struck.id).await.contains(&"process.sequence_parked".to_owned()));
    let ready = world.client.readiness().await.unwrap();
    assert!(
        ready.ready && ready.reasons.iter().any(|reason| reason.contains("parked in the process mail")),
        "{ready:?}"
    );
    assert_eq!(process(&world.client, "mail").await.parked, 1);

    // Nothing was mended, so it stands there again.
    let retried = world.client.retry_parked("mail", &found.sequence, &IdempotencyKey::new()).await.unwrap().value;
    assert_eq!((retried.position, retried.skipped), (found.position, false));
    eventually("it is parked once more", || async {
        let history = world.event_types(struck.id).await;
        (count(&history, "process.sequence_parked") == 2).then_some(())
    })
    .await;
    let again = wait_until_parked(&world.client, "mail", struck.id).await;
    assert_eq!(again.position, found.position);

    // Without it the next mails go out, once each.
    let key = IdempotencyKey::new();
    let skipped = world.client.skip_parked("mail", &found.sequence, &key).await.unwrap();
    assert!(skipped.value.skipped);
    let repeated = world.client.skip_parked("mail", &found.sequence, &key).await.unwrap();
    assert!(repeated.replayed);
    wait_until_none_parked(&world.client, "mail").await;
    assert_eq!(mails_about(&world.mocks, &struck).len(), 3);
    let history = world.event_types(struck.id).await;
    assert_eq!((count(&history, "email.sent"), count(&history, "process.sequence_skipped")), (3, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_is_parked_survives_the_kill_and_a_retry_sends_it_once() {
    let mocks = Mocks::start(MocksConfig::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", folder.path().join("shop.db").display());
    let start = || ServerProcess::start_with(&mocks, &store, &["--mail-attempts", "3"]);
    let server = start();
    let client = Client::new(&server.url).unwrap();
    let product = product_in_stock(&client).await;
    mocks.faults(Stub::Mail).set(Faults { outage: true, ..Faults::default() });
    let add = AddItem { product_id: product.id.clone(), quantity: 1 };
    let basket = client.add_item(an_order(), &add, &IdempotencyKey::new()).await.unwrap().value;
    client.checkout(basket.id, &checkout(&basket, card(VISA)), &IdempotencyKey::new()).await.unwrap();
    let found = wait_until_parked(&client, "mail", basket.id).await;
    assert_eq!(found.attempts, 3);
    let timeline = client.timeline(basket.id, &Default::default()).await.unwrap();
    assert_eq!(timeline.order.status, OrderStatus::Confirmed, "the order does not wait for its mail");
    let mail = timeline.steps.iter().find(|step| step.name == "mail").unwrap();
    assert!(mail.state == StepState::Failed && mail.detail.as_deref().unwrap().starts_with("parked: "), "{mail:?}");

    server.kill();
    mocks.faults(Stub::Mail).clear();
    let server = start();
    let client = Client::new(&server.url).unwrap();
    product_in_stock(&client).await;
    assert_eq!(wait_until_parked(&client, "mail", basket.id).await, found);
    eventually("the mail has caught up", || async { (process(&client, "mail").await.lag == 0).then_some(()) }).await;
    let order = timeline.order;
    assert_eq!(mails_about(&mocks, &order).len(), 0, "a parked mail waits for somebody to look");

    client.retry_parked("mail", &found.sequence, &IdempotencyKey::new()).await.unwrap();
    wait_until_none_parked(&client, "mail").await;
    assert_eq!(mails_about(&mocks, &order).len(), 1);
    assert_eq!(count(&kinds(&client, order.id).await, "email.sent"), 1);
    server.kill();
    let server = start();
    let client = Client::new(&server.url).unwrap();
    eventually("the mail has caught up", || async { (process(&client, "mail").await.lag == 0).then_some(()) }).await;
    assert_eq!(mails_about(&mocks, &order).len(), 1, "a restart repeats nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn step_mode_walks_a_checkout_one_event_at_a_time_and_survives_a_restart() {
    let world = World::open().await;
    let product = world.product_with(2).await;
    world.client.pause_process("checkout", &IdempotencyKey::new()).await.unwrap();
    let basket = world.a_basket(&product.id, 1).await;
    world.buy(&basket, VISA).await.unwrap();
    wait_for_next_event(&world.client, "order.checked_out", basket.id).await;
    let World { mocks, server, folder, .. } = world;
    server.shutdown().await;
    let server = Server::start(config(&mocks, &folder)).await.unwrap();
    let client = Client::new(&server.url()).unwrap();
    eventually("readiness tells the pause", || async {
        let ready = client.readiness().await.unwrap();
        ready.reasons.iter().any(|reason| reason.contains("The process checkout is paused")).then_some(())
    })
    .await;

    for (next, leads_to) in [
        ("order.checked_out", "checkout.stock_reserved"),
        ("checkout.stock_reserved", "payment.requested"),
        ("payment.succeeded", "order.confirmed"),
        ("checkout.completed", "email.requested"),
    ] {
        // A confirmation waits for the invoice, which is not held up here.
        if next == "checkout.completed" {
            eventually("there is an invoice", || async {
                kinds(&client, basket.id).await.contains(&"order.invoiced".to_owned()).then_some(())
            })
            .await;
        }
        wait_for_next_event(&client, next, basket.id).await;
        assert_eq!(count(&kinds(&client, basket.id).await, leads_to), 0, "{next} waits for its step");
        client.step_process("checkout", &IdempotencyKey::new()).await.unwrap();
        eventually(&format!("a step leads to {leads_to}"), || async {
            kinds(&client, basket.id).await.contains(&leads_to.to_owned()).then_some(())
        })
        .await;
    }
    assert_eq!(process(&client, "checkout").await.state, ProcessState::Paused);
    let resumed = client.resume_process("checkout", &IdempotencyKey::new()).await.unwrap().value;
    assert!(!resumed.paused);
    eventually("it is at rest", || async {
        (process(&client, "checkout").await.state == ProcessState::Idle).then_some(())
    })
    .await;
    let refused = client.step_process("checkout", &IdempotencyKey::new()).await.unwrap_err();
    assert!(matches!(refused, ClientError::Problem(problem) if problem.code == "process_not_paused"));
}

/// Waits until an event of an order is the next one in the paused checkout.
async fn wait_for_next_event(client: &Client, kind: &str, order: OrderId) {
    eventually(&format!("{kind} is next"), || async {
        let checkout = process(client, "checkout").await;
        let next = checkout.next.first()?;
        (next.kind == kind && next.sequence == order.to_string() && checkout.in_flight == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_1500_orders_parked_a_healthy_one_is_confirmed_and_readiness_reports_them() {
    const PARKED_ORDERS: usize = 1_500;
    let World { mocks, server, folder, .. } = World::open().await;
    server.shutdown().await;
    let log = SqliteStore::open(&folder.path().join("shop.db")).unwrap();
    for _ in 0..PARKED_ORDERS {
        append_unreadable_event(&log, an_order()).await;
    }
    log.close().await;
    let server = Server::start(config(&mocks, &folder)).await.unwrap();
    let client = Client::new(&server.url()).unwrap();
    let world = World { mocks, server, client, folder };
    world.wait_for_catalogue().await;
    let basket = world.a_basket(&world.product_with(1).await.id, 1).await;
    world.buy(&basket, VISA).await.unwrap();
    let order = world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
    eventually("its mail is there", || async { (mails_about(&world.mocks, &order).len() == 1).then_some(()) }).await;
    eventually("all the others are parked, and readiness says so", || async {
        let reasons = world.client.readiness().await.unwrap().reasons;
        reasons.iter().any(|reason| reason.starts_with("1500 parked in the process mail")).then_some(())
    })
    .await;
    assert_eq!(parked(&world.client, "mail").await.total, PARKED_ORDERS as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_process_has_a_title_on_the_screen() {
    let world = World::open_lab().await;
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../tui/src/state/processes.rs");
    let titles = std::fs::read_to_string(source).unwrap();
    let names = world.client.processes().await.unwrap().items.into_iter().map(|process| process.name);
    let untitled: Vec<String> = names.filter(|name| !titles.contains(&format!("(\"{name}\", "))).collect();
    assert_eq!(untitled, Vec::<String>::new());
}
