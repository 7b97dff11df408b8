//! Records histories of clients that write, read, follow and shop at several servers, while servers, links to the database
//! and the database itself fail. A checker asserts that one shop with one log could have shown each history (promises P1 to
//! P4 and P8).
//!
//! `HISTORIES_SECONDS` is the duration of all runs, `HISTORIES_SEED` repeats the choices of operations and faults. Their
//! interleaving is not repeated, because it depends on threads and the network.

mod checker;
mod faults;
mod followers;
mod planted;
mod record;
pub(crate) mod seeded_rng;
mod servers;
mod workload;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use storefront_api::{Event, EventQuery, ProductQuery, StockQuery};
use storefront_client::Client;
use storefront_mocks::{Mailbox, Mocks, MocksConfig, WebhookTarget};
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

use self::checker::violations;
use self::followers::Follower;
use self::record::{History, Outcome};
use self::servers::Servers;
use self::workload::{RunContext, WorkloadClient};
use crate::crash::product_in_stock;
use crate::world::{WEBHOOK_SECRET, all_stock};

/// Duration of the runs in seconds: a third of it on SQLite, the rest on PostgreSQL.
const DEFAULT_SECONDS: u64 = 75;
/// Timeout for all processes to become idle after a run.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(90);
/// Maximum number of violations in a failure message.
const MAX_SHOWN_VIOLATIONS: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_history_of_one_server_on_sqlite_that_is_killed_and_frozen_is_that_of_one_shop() {
    let servers = Servers::on_sqlite(stubs().await);
    assert_history_is_consistent(servers, "sqlite", seconds() / 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_of_three_servers_on_a_postgres_that_crashes_is_that_of_one_shop() {
    let servers = Servers::on_postgres(stubs().await, 3).await;
    assert_history_is_consistent(servers, "postgres", seconds() * 2 / 3).await;
}

fn seconds() -> u64 {
    std::env::var("HISTORIES_SECONDS")
        .map_or(DEFAULT_SECONDS, |text| text.parse().expect("HISTORIES_SECONDS is a number"))
}

async fn stubs() -> Mocks {
    Mocks::start(MocksConfig { slow_card_ms: 300, ..MocksConfig::default() }).await.unwrap()
}

async fn assert_history_is_consistent(mut servers: Servers, name: &str, seconds: u64) {
    let seed = std::env::var("HISTORIES_SEED")
        .map_or_else(|_| Uuid::new_v4().as_u64_pair().0, |text| text.parse().expect("HISTORIES_SEED is a number"));
    let urls = servers.urls();
    let secret = WEBHOOK_SECRET.to_owned();
    let webhook = WebhookTarget { url: format!("{}/v1/webhooks/card-gateway", urls[0]), secret };
    servers.mocks.card_gateway().send_webhooks_to(Some(webhook));
    let client = Client::new(&urls[0]).unwrap();
    let products = products(&client).await;

    let end_of_run = Instant::now() + Duration::from_secs(seconds);
    let run = Arc::new(RunContext::new(urls, products, end_of_run));
    let (end, seen_end) = watch::channel(None);
    let mut clients = JoinSet::new();
    for writer in 1..=2 {
        clients.spawn(WorkloadClient::new(&run, seed, format!("{name}-writer-{writer}")).run_writer());
    }
    for shopper in 1..=2 {
        clients.spawn(WorkloadClient::new(&run, seed, format!("{name}-shopper-{shopper}")).run_shopper());
    }
    clients.spawn(WorkloadClient::new(&run, seed, format!("{name}-reader")).run_reader());
    let mut followers = JoinSet::new();
    followers.spawn(Follower::new(&run, seed, "the first poll", seen_end.clone()).run_long_poll());
    followers.spawn(Follower::new(&run, seed, "the second poll", seen_end.clone()).run_long_poll());
    followers.spawn(Follower::new(&run, seed, "the stream", seen_end.clone()).run_event_stream());
    let mails = tokio::spawn(collect_mails(servers.mocks.mailbox().clone(), seen_end));

    let injected = faults::inject_until(&mut servers, seed, end_of_run).await;
    join_all(clients).await;
    settle(&run.urls).await;
    let log = whole_log(&client).await;
    end.send_replace(Some(log.len() as u64));
    let (feeds, mails) = (join_all(followers).await, mails.await.unwrap().into_iter().collect());
    let (attempts, reads) = run.recorder.records();
    let final_stock = all_stock(&client, Some(log.len() as u64)).await;
    let final_stock =
        final_stock.into_iter().map(|item| (format!("stock-{}", item.product_id), item.on_hand.into())).collect();
    let charges = charges(&servers.mocks);
    let history = History { attempts, reads, feeds, log, charges, mails, final_stock };

    let summary = summary(&history, &injected);
    eprintln!("HISTORIES_SEED={seed} {name}, {seconds} s: {summary}");
    let wrong: Vec<String> = violations(&history).iter().map(ToString::to_string).collect();
    let shown = wrong.iter().take(MAX_SHOWN_VIOLATIONS).cloned().collect::<Vec<_>>().join("\n");
    assert!(wrong.is_empty(), "{} violations; HISTORIES_SEED={seed}, {summary}:\n{shown}", wrong.len());
    assert!(history.log.iter().any(|event| event.kind == "order.confirmed"), "nothing was sold, which proves little");
    assert!(!injected.is_empty(), "nothing failed, which proves little");
}

/// Three products with enough stock.
async fn products(client: &Client) -> Vec<String> {
    product_in_stock(client).await;
    let query = ProductQuery { limit: Some(100), ..ProductQuery::default() };
    let page = client.products(&query).await.unwrap();
    let plenty = page.items.into_iter().filter(|product| product.available >= 20);
    plenty.take(3).map(|product| product.id.to_string()).collect()
}

/// Waits for all tasks.
async fn join_all<T: 'static>(mut tasks: JoinSet<T>) -> Vec<T> {
    let mut done = Vec::new();
    while let Some(task) = tasks.join_next().await {
        done.push(task.unwrap());
    }
    done
}

/// Waits until every process has handled the whole log without adding to it, and all views show it.
async fn settle(urls: &[String]) {
    let clients: Vec<Client> = urls.iter().map(|url| Client::new(url).unwrap()).collect();
    let deadline = Instant::now() + SETTLE_TIMEOUT;
    while let Err(why) = is_settled(&clients).await {
        assert!(Instant::now() < deadline, "it does not settle: {why}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn is_settled(clients: &[Client]) -> Result<(), String> {
    let mut positions = BTreeMap::<String, u64>::new();
    let head = head(&clients[0]).await?;
    for client in clients {
        let processes = client.processes().await.map_err(|error| error.to_string())?;
        for process in processes.items {
            let position = positions.entry(process.name).or_default();
            *position = process.position.max(*position);
        }
    }
    match positions.into_iter().find(|(_, position)| *position < head) {
        Some((process, position)) => return Err(format!("{process} is at {position} of {head}")),
        None if self::head(&clients[0]).await? > head => return Err(format!("more came after {head}")),
        None => {}
    }
    let query = StockQuery { limit: Some(1), min_position: Some(head), ..StockQuery::default() };
    for client in clients {
        client.stock(&query).await.map_err(|error| error.to_string())?;
    }
    Ok(())
}

async fn head(client: &Client) -> Result<u64, String> {
    client.readiness().await.map(|ready| ready.head).map_err(|error| error.to_string())
}

async fn whole_log(client: &Client) -> Vec<Event> {
    let mut log: Vec<Event> = Vec::new();
    loop {
        let after = log.last().map_or(0, |event| event.position);
        let query = EventQuery { after: Some(after), limit: Some(1000), ..EventQuery::default() };
        let page = client.events(&query).await.unwrap();
        if page.events.is_empty() {
            return log;
        }
        log.extend(page.events);
    }
}

/// Collects the message ids of all mails until the end, because the mailbox drops the oldest.
async fn collect_mails(mailbox: Mailbox, mut end: watch::Receiver<Option<u64>>) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    loop {
        let is_over = end.borrow().is_some();
        ids.extend(mailbox.messages().into_iter().map(|mail| mail.message_id));
        if is_over {
            return ids;
        }
        // The end comes at once; until then the mailbox is looked at twice a second.
        let _waited = tokio::time::timeout(Duration::from_millis(500), end.changed()).await;
    }
}

fn charges(mocks: &Mocks) -> BTreeMap<String, Vec<(i64, i64)>> {
    let mut charges = BTreeMap::<String, Vec<(i64, i64)>>::new();
    for charge in mocks.card_gateway().charges().into_iter().filter(|charge| charge.paid) {
        let order = charge.metadata.get("order_id").cloned().unwrap_or_default();
        charges.entry(order).or_default().push((charge.amount_captured, charge.amount_refunded));
    }
    charges
}

/// Counts of operations, outcomes and faults.
fn summary(history: &History, injected: &BTreeMap<&'static str, u64>) -> String {
    let count =
        |wanted: fn(&Outcome) -> bool| history.attempts.iter().filter(|attempt| wanted(&attempt.outcome)).count();
    let acknowledged = count(|outcome| matches!(outcome, Outcome::Acknowledged { .. }));
    let replayed = count(|outcome| matches!(outcome, Outcome::Acknowledged { replayed: true, .. }));
    let refused = count(|outcome| matches!(outcome, Outcome::Refused { .. }));
    let unknown = count(|outcome| matches!(outcome, Outcome::Unknown { .. }));
    let seen = history.reads.iter().filter(|read| read.seen.is_some()).count();
    let resumed: Vec<usize> = history.feeds.iter().map(|feed| feed.resumed).collect();
    format!(
        "{} events, {acknowledged} writes acknowledged ({replayed} replayed), {refused} refused, {unknown} unknown, {seen} of {} \
         reads answered, {} charges, {} mails, feeds resumed {resumed:?}, faults {injected:?}",
        history.log.len(),
        history.reads.len(),
        history.charges.len(),
        history.mails.len(),
    )
}
