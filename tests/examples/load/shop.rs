//! The shop under load, and the shoppers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use storefront_api::{
    AddItem, Address, Checkout, Order, OrderId, OrderListQuery, OrderStatus, PaymentMethod, ProductId, ProductQuery,
    ReceiveStock,
};
use storefront_client::{Client, ClientError, IdempotencyKey};
use storefront_mocks::{Mocks, MocksConfig};
use storefront_server::{Config, Server, StoreChoice};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::Outcome;
use crate::figures::{Figures, milliseconds};

/// An order that is not confirmed by then never will be.
const PATIENCE: Duration = Duration::from_secs(60);
/// A shop that is not open by then never will be.
const OPENING: Duration = Duration::from_secs(600);
/// The unit of processor times under /proc.
const TICK: Duration = Duration::from_millis(10);
/// How often a question is asked to be timed.
const QUESTIONS: usize = 50;

/// A shop with everything on the shelf.
pub(crate) struct Street {
    /// What runs in this process.
    own: Option<(Server, Mocks)>,
    /// One for each server.
    clients: Vec<Client>,
    products: Arc<Vec<ProductId>>,
}

/// How long the parts of one order took.
struct Times {
    add: [Duration; 2],
    checkout: Duration,
    confirmed: Duration,
    whole: Duration,
}

impl Street {
    pub(crate) async fn open(store: StoreChoice) -> Outcome<Self> {
        let mocks = Mocks::start(MocksConfig::default()).await?;
        let mail = format!("smtp://{}", mocks.smtp_addr());
        let config = Config {
            store,
            demo_stock: false,
            ..Config::in_memory(mocks.products_url(), mocks.card_gateway_url(), mail)
        };
        let begin = Instant::now();
        let server = Server::start(config).await?;
        let wanted = mocks.products().list().len() as u64;
        let clients = vec![Client::new(&server.url())?];
        let products = Self::prepare(&clients[0], begin, wanted).await?;
        Ok(Self { own: Some((server, mocks)), clients, products })
    }

    /// Servers of one shop in other processes.
    pub(crate) async fn elsewhere(urls: &[String]) -> Outcome<Self> {
        let clients = urls.iter().map(|url| Client::new(url)).collect::<Result<Vec<_>, _>>()?;
        let products = Self::prepare(&clients[0], Instant::now(), 1).await?;
        Ok(Self { own: None, clients, products })
    }

    /// From now on, everybody buys one and the same product.
    pub(crate) fn keep_one_product(&mut self) {
        self.products = Arc::new(self.products.iter().take(1).cloned().collect());
    }

    /// Waits until the shop has at least so many products, and puts plenty of each on the shelf.
    async fn prepare(client: &Client, begin: Instant, wanted: u64) -> Outcome<Arc<Vec<ProductId>>> {
        let page = loop {
            let query = ProductQuery { limit: Some(100), ..ProductQuery::default() };
            match client.products(&query).await {
                Ok(page) if page.total >= wanted && client.readiness().await?.product_service == "live" => break page,
                // A long log is still being read.
                Ok(_) | Err(ClientError::Problem(_)) => {}
                Err(other) => return Err(other.into()),
            }
            if begin.elapsed() > OPENING {
                return Err("the shop never knows its products".into());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        println!("the shop is ready after {:.2} s", begin.elapsed().as_secs_f64());
        let products: Vec<ProductId> = page.items.into_iter().map(|product| product.id).collect();
        let mut seen = None;
        for product in &products {
            let receive = ReceiveStock { quantity: 1_000_000 };
            seen = client.receive_stock(product, &receive, &IdempotencyKey::new()).await?.position;
        }
        let query = ProductQuery { min_position: seen, ..ProductQuery::default() };
        while let Err(failure) = client.products(&query).await {
            if failure.problem().is_none() || begin.elapsed() > OPENING {
                return Err(failure.into());
            }
        }
        println!("its lists have caught up after {:.2} s", begin.elapsed().as_secs_f64());
        while client.processes().await?.items.iter().any(|process| process.lag > 0 || process.unfinished > 0) {
            if begin.elapsed() > OPENING {
                return Err("the processes never come to the end of the log".into());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        println!("its processes have read the log after {:.2} s", begin.elapsed().as_secs_f64());
        Ok(Arc::new(products))
    }

    /// Times what an operator asks for.
    pub(crate) async fn times_questions(&self) -> Outcome<()> {
        println!("\n  {:<38} {:>9} {:>9} {:>9}", "ms", "median", "most", "found");
        let list = OrderListQuery { limit: Some(20), ..OrderListQuery::default() };
        for (what, query) in [
            ("newest orders", list.clone()),
            ("confirmed orders", OrderListQuery { status: Some(OrderStatus::Confirmed), ..list.clone() }),
            ("search for one address", OrderListQuery { q: Some("shopper4711@".to_owned()), ..list.clone() }),
            ("search for a product", OrderListQuery { q: Some("teapot".to_owned()), ..list.clone() }),
            ("beginning of every address", OrderListQuery { q: Some("shopper".to_owned()), ..list.clone() }),
            ("one letter", OrderListQuery { q: Some("s".to_owned()), ..list.clone() }),
            ("two beginnings", OrderListQuery { q: Some("shopper4 te".to_owned()), ..list.clone() }),
            (
                "beginning of every address, delivered",
                OrderListQuery { q: Some("shopper".to_owned()), status: Some(OrderStatus::Delivered), ..list },
            ),
        ] {
            let mut times = Vec::new();
            let mut found = 0;
            for _ in 0..QUESTIONS {
                let begin = Instant::now();
                found = self.clients[0].orders(&query).await?.total;
                times.push(begin.elapsed());
            }
            print_times(what, times, &found.to_string());
        }
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
        let mut times = Vec::new();
        for _ in 0..QUESTIONS {
            let begin = Instant::now();
            let answer = http.get(format!("{}/v1/statistics", self.clients[0].base_url())).send().await?;
            if !answer.status().is_success() {
                println!("  statistics: not in this shop ({})", answer.status());
                return Ok(());
            }
            answer.bytes().await?;
            times.push(begin.elapsed());
        }
        print_times("statistics", times, "");
        Ok(())
    }

    /// So many shoppers buy for so long; then the shop closes.
    pub(crate) async fn sells(self, shoppers: u32, time: Duration) -> Outcome<Figures> {
        let before = self.clients[0].readiness().await?.head;
        let times_before = processor_times();
        let begin = Instant::now();
        let mut people = JoinSet::new();
        for client in self.clients.iter().cycle().take(usize::try_from(shoppers)?) {
            // Each on a connection of their own.
            let (client, products) = (Client::new(client.base_url())?, self.products.clone());
            people.spawn(async move {
                let mut bought = Vec::new();
                while begin.elapsed() < time {
                    bought.push(buys(&client, &products).await?);
                }
                Outcome::Ok(bought)
            });
        }
        let mut bought: Vec<Times> = Vec::new();
        while let Some(person) = people.join_next().await {
            bought.extend(person??);
        }
        let taken = begin.elapsed();
        let events = self.clients[0].readiness().await?.head - before;
        tell_processor_times(&times_before, bought.len());
        if let Some((server, mocks)) = self.own {
            server.shutdown().await;
            mocks.shutdown().await;
        }
        let of = |part: fn(&Times) -> Duration| bought.iter().map(part).collect::<Vec<_>>();
        let times = vec![
            ("add to the basket", bought.iter().flat_map(|times| times.add).collect()),
            ("checkout, answered", of(|times| times.checkout)),
            ("checkout, until confirmed", of(|times| times.confirmed)),
            ("the whole order", of(|times| times.whole)),
        ];
        let orders = bought.len() as u64;
        Ok(Figures { title: "The shop", orders, events, requests: orders * 4, time: taken, times })
    }
}

/// The processor time of this process by the names of its threads, in ticks; empty where the system does not tell it.
fn processor_times() -> BTreeMap<String, u64> {
    let mut ticks = BTreeMap::new();
    for task in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let Ok(stat) = std::fs::read_to_string(task.path().join("stat")) else { continue };
        // The name is in brackets; user and system time are fields 14 and 15.
        let Some((name, fields)) = stat.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')')) else { continue };
        let times = fields.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok());
        *ticks.entry(name.to_owned()).or_default() += times.sum::<u64>();
    }
    ticks
}

/// Prints the processor time of an order: of the thread that writes the log, and of the others, on which shop, stand-ins
/// and shoppers run.
fn tell_processor_times(before: &BTreeMap<String, u64>, orders: usize) {
    for (name, ticks) in processor_times() {
        let ticks = ticks.saturating_sub(before.get(&name).copied().unwrap_or_default());
        let (ticks, orders) = (u32::try_from(ticks), u32::try_from(orders.max(1)));
        let (Ok(ticks), Ok(orders)) = (ticks, orders) else { continue };
        let each = TICK * ticks / orders;
        if !each.is_zero() {
            println!("  processor time of an order in {name:<20} {:>9} ms", milliseconds(Some(&each)));
        }
    }
}

fn print_times(what: &str, mut times: Vec<Duration>, found: &str) {
    times.sort_unstable();
    let (median, most) = (milliseconds(times.get(times.len() / 2)), milliseconds(times.last()));
    println!("  {what:<38} {median:>9} {most:>9} {found:>9}");
}

/// One order, from the first product to its number.
async fn buys(client: &Client, products: &[ProductId]) -> Outcome<Times> {
    let id = OrderId(Uuid::now_v7());
    let begin = Instant::now();
    let (_, first) = adds(client, id, products).await?;
    let (basket, second) = adds(client, id, products).await?;
    let checkout = Checkout {
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
        payment: PaymentMethod::Card { token: "pm_card_visa".to_owned() },
    };
    let asked = Instant::now();
    let mut order = client.checkout(id, &checkout, &IdempotencyKey::new()).await?.value;
    let answered = asked.elapsed();
    while order.status != OrderStatus::Confirmed {
        if order.status != OrderStatus::CheckedOut || asked.elapsed() > PATIENCE {
            return Err(format!("order {id} is {:?} and not confirmed", order.status).into());
        }
        if let Some(news) = client.order_after_version(id, order.version, 10).await? {
            order = news;
        }
    }
    Ok(Times { add: [first, second], checkout: answered, confirmed: asked.elapsed(), whole: begin.elapsed() })
}

async fn adds(client: &Client, id: OrderId, products: &[ProductId]) -> Outcome<(Order, Duration)> {
    let chosen = Uuid::new_v4().as_u64_pair().1 % products.len() as u64;
    let add = AddItem { product_id: products[usize::try_from(chosen)?].clone(), quantity: 1 };
    let begin = Instant::now();
    let written = client.add_item(id, &add, &IdempotencyKey::new()).await?;
    Ok((written.value, begin.elapsed()))
}
