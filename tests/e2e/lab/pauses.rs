//! L3: pauses are visible to clients that follow the log, a step is never kept, and pauses of processes and views
//! survive a restart.

use storefront_api::{EventQuery, OrderListQuery, OrderStatus, Paused, PausedView};
use storefront_client::{Client, IdempotencyKey};
use storefront_server::{Server, StoreChoice};

use super::{a_lab, code, view, with_lab};
use crate::world::{VISA, World, eventually};

/// What is paused, as a client that follows the log is told; at once when `known` is not what it is.
async fn paused(client: &Client, known: Option<&str>) -> Paused {
    let head = client.readiness().await.unwrap().head;
    let query = EventQuery {
        after: Some(head),
        wait: known.map(|_| 30),
        paused: known.map(str::to_owned),
        ..EventQuery::default()
    };
    client.events(&query).await.unwrap().paused.expect("the shop tells")
}

async fn pause_process(client: &Client, process: &str) {
    client.pause_process(process, &IdempotencyKey::new()).await.unwrap();
}

async fn step_process(client: &Client, process: &str) -> Result<(), String> {
    client.step_process(process, &IdempotencyKey::new()).await.map(drop).map_err(code)
}

#[tokio::test(flavor = "multi_thread")]
async fn l3_a_step_for_which_nothing_waits_is_refused_and_lets_nothing_run_ahead() {
    let world = a_lab().await;
    pause_process(&world.client, "checkout").await;
    world.client.pause_view("orders").await.unwrap();
    let before = world.head().await;
    for _ in 0..3 {
        assert_eq!(step_process(&world.client, "checkout").await, Err("nothing_to_step".to_owned()));
        assert_eq!(code(world.client.step_view("orders").await.unwrap_err()), "nothing_to_step");
    }
    assert_eq!(world.head().await, before, "what is refused writes nothing");

    let product = world.product_with_stock().await;
    let basket = world.a_basket(&product, 1).await;
    world.buy(&basket, VISA).await.unwrap();
    eventually("the purchase waits", || async {
        let all = world.client.processes().await.unwrap().items;
        let checkout = all.into_iter().find(|process| process.name == "checkout").unwrap();
        (checkout.next.len() == 1 && checkout.unfinished == 1).then_some(())
    })
    .await;
    let kinds = world.event_types(basket.id).await;
    assert!(!kinds.iter().any(|kind| kind.starts_with("checkout.")), "{kinds:?}");
    assert_eq!(world.client.orders(&OrderListQuery::default()).await.unwrap().total, 0);

    step_process(&world.client, "checkout").await.unwrap();
    let kinds = eventually("the step has taken one event", || async {
        Some(world.event_types(basket.id).await).filter(|kinds| kinds.contains(&"checkout.stock_reserved".to_owned()))
    })
    .await;
    assert!(!kinds.contains(&"payment.requested".to_owned()), "{kinds:?}");
    world.client.step_view("orders").await.unwrap();
    assert_eq!(world.client.orders(&OrderListQuery::default()).await.unwrap().total, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn l3_whoever_follows_the_log_learns_at_once_what_is_paused_and_where_it_stands() {
    let world = a_lab().await;
    let none = paused(&world.client, None).await;
    assert_eq!(none, Paused::default());
    let waits = tokio::spawn({
        let client = world.client.clone();
        async move { paused(&client, Some("")).await }
    });
    pause_process(&world.client, "mail").await;
    let paused_now = waits.await.unwrap();
    let paused_now =
        if paused_now.processes.is_empty() { paused(&world.client, Some(&paused_now.mark)).await } else { paused_now };
    assert_eq!((paused_now.processes.as_slice(), paused_now.views.len()), (["mail".to_owned()].as_slice(), 0));

    let at = world.client.pause_view("orders").await.unwrap().position;
    let paused_now = paused(&world.client, Some(&paused_now.mark)).await;
    assert_eq!(paused_now.views, [PausedView { name: "orders".to_owned(), position: at }]);
    let product = world.product_with_stock().await;
    world.a_basket(&product, 1).await;
    let stepped = world.client.step_view("orders").await.unwrap().position;
    let moved = paused(&world.client, Some(&paused_now.mark)).await;
    assert_eq!(moved.views[0].position, stepped);
    assert!(stepped > at && moved.mark != paused_now.mark);

    world.client.resume_view("orders").await.unwrap();
    world.client.resume_process("mail", &IdempotencyKey::new()).await.unwrap();
    let none = eventually("nothing is paused", || async {
        Some(paused(&world.client, None).await).filter(|paused_now| paused_now.mark.is_empty())
    })
    .await;
    assert_eq!(none, Paused::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn l3_pauses_of_both_kinds_survive_a_restart_alike() {
    let world = a_lab().await;
    pause_process(&world.client, "mail").await;
    let at = world.client.pause_view("orders").await.unwrap().position;
    let product = world.product_with_stock().await;
    let basket = world.a_basket(&product, 1).await;
    let World { mocks, server, folder, .. } = world;
    server.shutdown().await;

    let server = Server::start(with_lab(&mocks, &folder)).await.unwrap();
    let client = Client::new(&server.url()).unwrap();
    let paused_now = eventually("both pauses are told", || async {
        Some(paused(&client, None).await)
            .filter(|paused_now| !paused_now.processes.is_empty() && !paused_now.views.is_empty())
    })
    .await;
    assert_eq!(paused_now.processes, ["mail"]);
    assert_eq!(paused_now.views, [PausedView { name: "orders".to_owned(), position: at }]);
    // It answers as it is, although the shop was opened further on; a position that it has not come to is refused at once.
    assert_eq!(client.orders(&OrderListQuery::default()).await.unwrap().total, 0);
    let at_head = OrderListQuery { min_position: Some(at + 1), ..OrderListQuery::default() };
    assert_eq!(code(client.orders(&at_head).await.unwrap_err()), "view_paused");
    assert_eq!(client.readiness().await.unwrap().reasons.iter().filter(|why| why.contains("is paused")).count(), 2);
    client.step_view("orders").await.unwrap();
    server.shutdown().await;

    // What was stepped stays taken in.
    let server = Server::start(with_lab(&mocks, &folder)).await.unwrap();
    let client = Client::new(&server.url()).unwrap();
    assert_eq!(client.orders(&OrderListQuery::default()).await.unwrap().total, 1);
    assert!(view(&client, "orders").await.paused);
    assert!(!client.resume_view("orders").await.unwrap().paused);
    let listed = client.orders(&OrderListQuery::default()).await.unwrap();
    assert_eq!(listed.items[0].total, basket.total);
    server.shutdown().await;
    let server = Server::start(with_lab(&mocks, &folder)).await.unwrap();
    let client = Client::new(&server.url()).unwrap();
    assert!(!view(&client, "orders").await.paused, "resumed is resumed");
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l3_the_rebuild_of_a_paused_view_ends_where_the_view_stands() {
    let world = a_lab().await;
    let product = world.product_with_stock().await;
    let before = world.a_basket(&product, 1).await;
    let head = world.head().await;
    world.client.orders(&OrderListQuery { min_position: Some(head), ..OrderListQuery::default() }).await.unwrap();
    let at = world.client.pause_view("orders").await.unwrap().position;
    world.a_basket(&product, 2).await;
    let is_rebuilt = async || {
        world.client.rebuild_view("orders").await.unwrap();
        eventually("it is rebuilt", || async {
            Some(view(&world.client, "orders").await).filter(|view| view.rebuilding.is_none())
        })
        .await
    };
    let rebuilt = is_rebuilt().await;
    assert_eq!((rebuilt.position, rebuilt.paused), (at, true));
    let listed = world.client.orders(&OrderListQuery::default()).await.unwrap();
    assert_eq!(listed.items.iter().map(|order| order.id).collect::<Vec<_>>(), [before.id]);
    // Stepped, rebuilt again, resumed: never past what is held, and nothing is lost.
    let stepped = world.client.step_view("orders").await.unwrap().position;
    assert_eq!(is_rebuilt().await.position, stepped);
    assert_eq!(world.client.orders(&OrderListQuery::default()).await.unwrap().total, 2);
    world.client.resume_view("orders").await.unwrap();
    let head = world.head().await;
    let at_head = OrderListQuery { min_position: Some(head), ..OrderListQuery::default() };
    assert_eq!(world.client.orders(&at_head).await.unwrap().total, 2);
    // Offline too.
    world.client.pause_view("orders").await.unwrap();
    let at = view(&world.client, "orders").await.position;
    world.a_basket(&product, 3).await;
    let World { mocks, server, folder, .. } = world;
    server.shutdown().await;
    let store = StoreChoice::File(folder.path().join("shop.db"));
    assert_eq!(storefront_server::rebuild_view(&store, "orders").await.unwrap(), at);
    let server = Server::start(with_lab(&mocks, &folder)).await.unwrap();
    let client = Client::new(&server.url()).unwrap();
    assert_eq!(client.orders(&OrderListQuery::default()).await.unwrap().total, 2);
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_a_scenario_under_a_pause_names_at_once_what_is_paused() {
    let world = a_lab().await;
    pause_process(&world.client, "payments").await;
    pause_process(&world.client, "mail").await;
    world.client.pause_view("stock").await.unwrap();
    let refused = world.client.play_scenario("happy-path").await.unwrap_err();
    let problem = refused.problem().expect("it says why").clone();
    assert_eq!((problem.status, problem.code.as_str()), (409, "scenario_paused"));
    assert_eq!(problem.paused_processes, ["payments", "mail"]);
    assert_eq!(problem.paused_views, ["stock"]);
    assert!(["process payments", "process mail", "view stock"].iter().all(|name| problem.detail.contains(name)));
    // What does not concern it does not stand in its way.
    let declined = world.client.play_scenario("card-declined").await.unwrap_err();
    assert_eq!(declined.problem().unwrap().paused_processes, ["payments"]);
    world.client.resume_view("stock").await.unwrap();
    world.client.resume_process("payments", &IdempotencyKey::new()).await.unwrap();
    super::play_scenario(&world, "card-declined").await;
    world.client.resume_process("mail", &IdempotencyKey::new()).await.unwrap();
    super::play_scenario(&world, "happy-path").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_that_come_twice_retries_and_replays_are_counted_and_shown() {
    let world = a_lab().await;
    let before = world.client.repeats().await.unwrap();
    assert_eq!((before.webhooks.received, before.replayed_answers), (0, 0));
    super::play_scenario(&world, "duplicate-and-out-of-order-webhooks").await;
    let shown = eventually("a repeated webhook is counted", || async {
        Some(world.client.repeats().await.unwrap()).filter(|shown| shown.webhooks.repeated + shown.webhooks.ignored > 0)
    })
    .await;
    let counts = shown.webhooks;
    assert!(counts.received >= 2 && counts.applied >= 1, "{counts:?}");
    assert_eq!(counts.received, counts.applied + counts.repeated + counts.ignored + counts.refused);
    assert!(shown.recent.iter().all(|repeat| repeat.about.len() < 200), "{shown:?}");

    let forged = reqwest::Client::new().post(format!("{}/v1/webhooks/card-gateway", world.server.url())).body("{}");
    assert_eq!(forged.send().await.unwrap().status(), 400);
    let product = world.product_with_stock().await;
    let basket = world.a_basket(&product, 1).await;
    let (checkout, key) = (crate::world::checkout(&basket, crate::world::card(VISA)), IdempotencyKey::new());
    for replayed in [false, true] {
        let answer = world.client.checkout(basket.id, &checkout, &key).await.unwrap();
        assert_eq!(answer.replayed, replayed);
    }
    // Everybody at once wants the same stream.
    let mut receiving = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (client, product) = (world.client.clone(), product.clone());
        let receive = storefront_api::ReceiveStock { quantity: 1 };
        receiving
            .spawn(async move { client.receive_stock(&product, &receive, &IdempotencyKey::new()).await.map(drop) });
    }
    for received in receiving.join_all().await {
        received.unwrap();
    }
    let shown = world.client.repeats().await.unwrap();
    assert!(shown.webhooks.refused >= 1 && shown.replayed_answers == 1, "{shown:?}");
    let replayed = shown.recent.iter().find(|repeat| repeat.position.is_some()).expect("it is among the latest");
    assert_eq!(replayed.correlation_id, Some(basket.id.to_string()));
    let metrics = reqwest::get(format!("{}/metrics", world.server.url())).await.unwrap().text().await.unwrap();
    assert!(metrics.contains("storefront_answers_replayed_total 1\n"), "{metrics}");
    assert!(
        metrics.lines().any(|line| line.starts_with("storefront_webhooks_total{outcome=\"refused\"} ")),
        "{metrics}"
    );
    if let Some(retried) = shown.recent.iter().find(|repeat| repeat.stream.is_some()) {
        assert!(retried.expected_version < retried.actual_version, "{retried:?}");
    }
    world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_given_actor_name_shows_as_the_actor_of_events() {
    let world = a_lab().await;
    let named = world.client.acting_as("Paar 3 – Łódź".parse().unwrap());
    let product = world.product_with_stock().await;
    let add = storefront_api::AddItem { product_id: product.clone(), quantity: 1 };
    let id = crate::world::an_order();
    let key = IdempotencyKey::new();
    named.add_item(id, &add, &key).await.unwrap();
    // The key is the shopper's own, whatever they call themselves.
    assert!(world.client.add_item(id, &add, &key).await.unwrap().replayed);
    world.add(id, &product, 1).await.unwrap();
    let actors: Vec<String> = world.timeline(id).await.events.into_iter().map(|event| event.actor).collect();
    assert_eq!(actors, ["Paar 3 – Łódź", "Paar 3 – Łódź", "guest"]);
    let url = format!("{}/v1/orders/{id}/items", world.server.url());
    for wrong in ["process:mail", "", &"x".repeat(51)] {
        let request = reqwest::Client::new().post(&url).header("Storefront-Actor", wrong).json(&add);
        let problem: storefront_api::Problem = request.send().await.unwrap().json().await.unwrap();
        assert_eq!((problem.status, problem.code.as_str()), (400, "invalid_actor"), "{wrong:?}");
    }
    assert_eq!(world.timeline(id).await.events.len(), 3, "what is refused writes nothing");
}
