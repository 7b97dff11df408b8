//! A database that goes back in time under running servers, and clocks that differ from its clock.

use std::collections::BTreeSet;

use storefront_api::{
    EventQuery, InvoiceListQuery, OrderId, OrderNumber, OrderStatus, PaymentStatus, TimelineQuery, UnmatchedReason,
};
use storefront_client::{Client, IdempotencyKey};
use storefront_mocks::{Mocks, MocksConfig, Stub};
use tokio_postgres::NoTls;

use crate::crash::{a_checkout, assert_confirmed_once, assert_dense_positions, product_in_stock, wait_for_event};
use crate::database_copy::DatabaseCopy;
use crate::postgres::postgres_url;
use crate::postgres_server;
use crate::programs::{ServerProcess, run};
use crate::world::eventually;

async fn log_of(client: &Client) -> Option<uuid::Uuid> {
    client.events(&EventQuery { limit: Some(1), ..EventQuery::default() }).await.ok()?.log
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_replica_that_lacks_the_last_commits_takes_over_nobody_is_stuck_and_the_register_has_no_hole() {
    let mocks = Mocks::start(MocksConfig::default()).await.unwrap();
    let address = postgres_server::create_database().await;
    let store = postgres_url(&address);
    let servers = [(); 2].map(|()| ServerProcess::start_with(&mocks, &store, &["--lease-ms", "900"]));
    let clients: Vec<Client> = servers.iter().map(|server| Client::new(&server.url).unwrap()).collect();
    let product = product_in_stock(&clients[0]).await;
    let mut kept = Vec::new();
    for client in &clients {
        kept.push(a_checkout(client, &product).await);
    }
    for order in &kept {
        assert_confirmed_once(&clients[0], &mocks, *order, "before the copy").await;
    }
    let log = log_of(&clients[0]).await.unwrap();

    let copy = DatabaseCopy::create(&address).await;
    let mut lost = Vec::new();
    for turn in 0..6 {
        lost.push(a_checkout(&clients[turn % 2], &product).await);
    }
    for order in &lost {
        wait_for_event(&clients[1], *order, "invoice.issued").await;
    }
    let beyond = clients[0].readiness().await.unwrap().head;
    copy.take_over().await;

    let mut reported = Vec::new();
    for client in &clients {
        let now = eventually("the server has noticed, and is open again", || async {
            let readiness = client.readiness().await.ok()?;
            let noticed = readiness.reasons.iter().any(|reason| reason.contains("The database was set back at"));
            (noticed && readiness.ready).then_some(log_of(client).await?)
        })
        .await;
        assert_ne!(now, log, "pollers are told that it is another log");
        reported.push(now);
    }
    assert_eq!(reported[0], reported[1], "both servers tell the same");
    let after = EventQuery { after: Some(beyond + 1000), wait: Some(20), ..EventQuery::default() };
    let page = clients[0].events(&after).await.unwrap();
    assert!(page.reset && page.events.is_empty() && page.next_after == 0, "{page:?}");

    for order in &lost {
        assert_eq!(clients[0].order(*order).await.unwrap(), None, "it is gone");
    }
    charges_without_an_order_go_back_once(&clients, &mocks, &lost).await;
    for order in &kept {
        assert_confirmed_once(&clients[1], &mocks, *order, "after the copy took over").await;
    }
    let mut orders = Vec::new();
    for turn in 0..6 {
        orders.push(a_checkout(&clients[turn % 2], &product).await);
    }
    for order in &orders {
        assert_confirmed_once(&clients[1], &mocks, *order, "after the copy took over").await;
    }
    orders.extend(kept);
    for order in &orders {
        assert_eq!(clients[0].order(*order).await.unwrap().unwrap().status, OrderStatus::Confirmed);
    }
    assert_dense_positions(&clients[0]).await;
    let min_position = Some(clients[0].readiness().await.unwrap().head);
    let query = InvoiceListQuery { limit: Some(100), min_position, ..InvoiceListQuery::default() };
    let mut numbers: Vec<String> =
        clients[0].invoices(&query).await.unwrap().items.into_iter().map(|item| item.number).collect();
    numbers.sort();
    let year = numbers[0][..4].to_owned();
    assert_eq!(numbers, (1..=orders.len()).map(|number| format!("{year}-{number:06}")).collect::<Vec<_>>());
    let checked =
        tokio::task::spawn_blocking(move || run("storefront-server", ["check", "--store", &store])).await.unwrap();
    let printed = String::from_utf8(checked.stdout).unwrap();
    assert!(checked.status.success() && printed.contains("all sound"), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_is_asked_for_again_moves_the_money_once_and_its_order_gets_a_number_that_nobody_had() {
    let mocks = Mocks::start(MocksConfig::default()).await.unwrap();
    let address = postgres_server::create_database().await;
    let server = ServerProcess::start_with(&mocks, &postgres_url(&address), &["--lease-ms", "900"]);
    let client = Client::new(&server.url).unwrap();
    let product = product_in_stock(&client).await;
    client.pause_process("checkout", &IdempotencyKey::new()).await.unwrap();
    let order = a_checkout(&client, &product).await;
    // There is nothing to step until the process has met the order. A second step would ask for the payment.
    eventually("the checkout has begun its first step", || async {
        client.step_process("checkout", &IdempotencyKey::new()).await.ok()
    })
    .await;
    wait_for_event(&client, order, "checkout.stock_reserved").await;
    let before = client.timeline(order, &TimelineQuery::default()).await.unwrap().events;
    assert!(before.iter().all(|event| event.kind != "payment.requested"), "{before:?}");
    let log = log_of(&client).await.unwrap();
    // The copy has the checkout, and lacks the payment that it is about to ask for.
    let copy = DatabaseCopy::create(&address).await;
    resume_checkout(&client).await;
    assert_confirmed_once(&client, &mocks, order, "before the copy took over").await;
    let lost = client.order(order).await.unwrap().unwrap().number;

    copy.take_over().await;
    eventually("the server has noticed, and is open again", || async {
        let readiness = client.readiness().await.ok()?;
        (log_of(&client).await? != log && readiness.ready).then_some(())
    })
    .await;
    resume_checkout(&client).await;
    assert_confirmed_once(&client, &mocks, order, "after the copy took over").await;
    assert_eq!(client.unmatched_charges().await.unwrap().items, [], "the first charge is the one in the books");
    let number = client.order(order).await.unwrap().unwrap().number;
    assert_ne!(number, lost, "mails and papers of the order before it name another one");
    // Another order may have had the number that is made from this position alone.
    let events = client.timeline(order, &TimelineQuery::default()).await.unwrap().events;
    let confirmed = events.iter().find(|event| event.kind == "order.confirmed").unwrap();
    let paid = events.iter().find(|event| Some(event.id.to_string()) == confirmed.causation_id).unwrap();
    assert_ne!(number, Some(OrderNumber::from_position(paid.position).to_string()));
}

/// Lets the checkout go on, also while the database that was copied cuts connections.
async fn resume_checkout(client: &Client) {
    let key = IdempotencyKey::new();
    eventually("the checkout goes on", || async { client.resume_process("checkout", &key).await.ok() }).await;
}

/// What was paid for orders that are gone is named everywhere, and goes back once, whoever asks for it and how often.
async fn charges_without_an_order_go_back_once(clients: &[Client], mocks: &Mocks, lost: &[OrderId]) {
    let tells_of = async |client: &Client| {
        let reasons = client.readiness().await.unwrap().reasons;
        reasons.into_iter().find(|reason| reason.contains("charges at the card gateway are not in the books"))
    };
    for client in clients {
        let reported = eventually("the charges are told of", async || tells_of(client).await).await;
        assert!(reported.starts_with(&format!("{} charges", lost.len())), "{reported}");
    }
    let named = clients[1].unmatched_charges().await.unwrap();
    assert!(named.complete && named.items.iter().all(|charge| charge.left == charge.amount), "{named:?}");
    assert!(named.items.iter().all(|charge| charge.reason == UnmatchedReason::NoOrder), "{named:?}");
    let orders: BTreeSet<_> = named.items.iter().filter_map(|charge| charge.order_id).collect();
    assert_eq!((named.items.len(), orders), (lost.len(), lost.iter().copied().collect()));

    for charge in &named.items {
        let key = IdempotencyKey::new();
        let first = clients[0].refund_unmatched(&charge.reference, &key).await.unwrap();
        let again = clients[1].refund_unmatched(&charge.reference, &key).await.unwrap();
        assert_eq!((again.replayed, &again.value), (true, &first.value));
        let other = clients[1].refund_unmatched(&charge.reference, &IdempotencyKey::new()).await.unwrap_err();
        assert_eq!(other.problem().map(|problem| problem.code.as_str()), Some("charge_in_books"));
        eventually("the money is back", || async {
            let payment = clients[1].payment(first.value.id).await.unwrap().unwrap();
            (payment.status == PaymentStatus::Refunded && payment.order_id == charge.order_id.unwrap()).then_some(())
        })
        .await;
    }
    let mut refunds: Vec<_> = mocks.card_gateway().refunds();
    refunds.retain(|refund| named.items.iter().any(|charge| charge.reference == refund.payment_intent));
    let went_back: i64 = refunds.iter().map(|refund| refund.amount).sum();
    let charged: i64 = named.items.iter().map(|charge| charge.amount.amount).sum();
    assert_eq!((refunds.len(), went_back), (named.items.len(), charged), "{refunds:?}");
    for client in clients {
        assert_eq!(client.unmatched_charges().await.unwrap().items, []);
        assert_eq!(tells_of(client).await, None);
        let processes = client.processes().await.unwrap().items;
        assert!(processes.iter().all(|process| process.parked == 0), "{processes:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_clock_is_an_hour_behind_the_database_goes_by_the_database() {
    let mocks = Mocks::start(MocksConfig::default()).await.unwrap();
    let address = postgres_server::create_database().await;
    let (client, connection) = tokio_postgres::connect(&address, NoTls).await.unwrap();
    tokio::spawn(connection);
    // What the database's clock shows to this server: an hour more than that of the machine.
    let ahead = "CREATE SCHEMA ahead; CREATE FUNCTION ahead.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
        AS $$ SELECT pg_catalog.clock_timestamp() + interval '1 hour' $$";
    client.batch_execute(ahead).await.unwrap();
    let store = format!("{}&options=-c%20search_path%3Dahead,pg_catalog,public", postgres_url(&address));
    let server = ServerProcess::start_with(&mocks, &store, &[]);
    let shop = Client::new(&server.url).unwrap();
    let product = product_in_stock(&shop).await;
    mocks.faults(Stub::Cards).set(storefront_mocks::Faults { outage: true, ..Default::default() });
    let order = a_checkout(&shop, &product).await;
    let left_ms = eventually("the reservation has its timer", || async {
        let left = "SELECT due_ms - (extract(epoch FROM ahead.clock_timestamp()) * 1000)::bigint FROM eventlog.timers
            WHERE owner = 'reservations'";
        client.query_opt(left, &[]).await.unwrap().map(|row| row.get::<_, i64>(0))
    })
    .await;
    assert!(left_ms > 60_000, "its goods are given back in {left_ms} ms");
    let reasons = shop.readiness().await.unwrap().reasons;
    let reported = reasons.iter().any(|reason| reason.contains("behind that of the log, by which deadlines go"));
    assert!(reported, "{reasons:?}");
    mocks.faults(Stub::Cards).clear();
    assert_confirmed_once(&shop, &mocks, order, "a clock that is behind").await;
}
