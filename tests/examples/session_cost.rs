//! Measures what sessions cost: a request with a token beside one without, sign-ins that fail for different reasons, and
//! other requests while many sign in. It asserts nothing.
//!
//! `cargo run --release -p storefront-tests --example session_cost -- --tries 1000`
//!
//! Shop, stand-ins and clients run in this one process and speak HTTP over loopback. Processor times are those of all threads
//! but the client's, as Linux tells them; elsewhere they are 0.
#![expect(clippy::print_stdout, reason = "a program for a person at a terminal")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use storefront_api::{
    ChangePassword, CreateApiKey, CustomerId, Password, ProductId, ProductQuery, RegisterCustomer, Scope, SignIn,
};
use storefront_client::{Client, ClientError, IdempotencyKey};
use storefront_mocks::{Mocks, MocksConfig};
use storefront_server::{Config, Quota, Server};

/// As in the programs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Whatever goes wrong ends the program with a sentence.
type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The thread of the client, whose processor time is not the shop's.
const CLIENT_THREAD: &str = "client";
const PASSWORD: &str = "tea at five o'clock";
/// The kinds of request take turns, so that what else the machine does meets all of them.
const TURNS: u32 = 20;
const REQUESTS_IN_A_TURN: u32 = 1000;
/// How long other requests are timed without sign-ins, and with them.
const FLOOD: Duration = Duration::from_secs(10);

/// Measures what sessions cost.
#[derive(Debug, Parser)]
#[command(max_term_width = 100)]
struct Options {
    /// How many sign-ins fail for each reason.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    tries: u32,
    /// How many sign in at once.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1000))]
    sign_ins: u32,
}

/// A shop in secured mode, with one customer.
struct Fixture {
    url: String,
    product: ProductId,
    client: Client,
    operator: Client,
    customer: CustomerId,
    token: String,
    key: String,
}

fn main() -> Outcome<()> {
    let options = Options::parse();
    let shop = tokio::runtime::Runtime::new()?;
    let (server, mocks) = shop.block_on(open())?;
    let (url, product, first) = (server.url(), a_product(&mocks)?, server.first_operator().cloned());
    let first = first.ok_or("the shop has no first operator")?;
    let measuring = std::thread::Builder::new().name(CLIENT_THREAD.to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let fixture = Fixture::prepare(url, product, &first.email, first.password).await?;
            fixture.compare_tokens().await?;
            fixture.compare_refusals(options.tries).await?;
            fixture.flood(options.sign_ins).await
        })
    })?;
    let outcome = measuring.join().map_err(|_| "the client has panicked")?;
    shop.block_on(async {
        server.shutdown().await;
        mocks.shutdown().await;
    });
    outcome
}

async fn open() -> Outcome<(Server, Mocks)> {
    let mocks = Mocks::start(MocksConfig::default()).await?;
    let mail = format!("smtp://{}", mocks.smtp_addr());
    // The requests of an account are counted, as they are in a shop.
    let config = Config {
        secured: true,
        rate_limit: Some(Quota { requests: 1_000_000, window: Duration::from_mins(1) }),
        ..Config::in_memory(mocks.products_url(), mocks.card_gateway_url(), mail)
    };
    Ok((Server::start(config).await?, mocks))
}

fn a_product(mocks: &Mocks) -> Outcome<ProductId> {
    Ok(mocks.products().list().first().ok_or("there are no products")?.id.parse()?)
}

impl Fixture {
    async fn prepare(url: String, product: ProductId, email: &str, password: Password) -> Outcome<Self> {
        let client = Client::new(&url)?;
        while client.products(&ProductQuery::default()).await.is_ok_and(|page| page.total == 0) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let operator = signed_in(&client, email, &password).await?.0;
        let change =
            ChangePassword { current_password: password, new_password: Password("the shop is mine".to_owned()) };
        let changed = operator.change_password(&change).await?.value;
        let operator = client.with_token(changed.token);
        let create = CreateApiKey { name: "benchmark".to_owned(), scopes: vec![Scope::OrdersRead], expires_at: None };
        let key = operator.create_api_key(&create, &IdempotencyKey::new()).await?.value.key;
        let register = RegisterCustomer {
            id: None,
            email: Some("ada@example.com".to_owned()),
            password: Some(Password(PASSWORD.to_owned())),
            name: Some("Ada Lovelace".to_owned()),
        };
        client.register_account(&register, &IdempotencyKey::new()).await?;
        let (ada, token) = signed_in(&client, "ada@example.com", &Password(PASSWORD.to_owned())).await?;
        let customer = ada.me().await?.id;
        let key = key.ok_or("the answer has no key")?.0;
        Ok(Self { url, product, client, operator, customer, token, key })
    }

    /// Reads one product, and then a page of them, again and again: without a session, with the token of one, and with an API
    /// key.
    async fn compare_tokens(&self) -> Outcome<()> {
        let product = format!("{}/v1/products/{}", self.url, self.product);
        self.compare("Reading a product", &product).await?;
        println!();
        self.compare("Reading a page of products", &format!("{}/v1/products", self.url)).await
    }

    async fn compare(&self, title: &str, url: &str) -> Outcome<()> {
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
        let kinds = [("without", None), ("with a token", Some(&self.token)), ("with an API key", Some(&self.key))];
        let mut spent = [Duration::ZERO; 3];
        for _ in 0..TURNS {
            for ((_, bearer), spent) in kinds.iter().zip(&mut spent) {
                let before = processor_time();
                for _ in 0..REQUESTS_IN_A_TURN {
                    let request = http.get(url);
                    let request =
                        bearer.map_or(request.try_clone().ok_or("not repeatable")?, |token| request.bearer_auth(token));
                    request.send().await?.error_for_status()?.bytes().await?;
                }
                *spent += processor_time().saturating_sub(before);
            }
        }
        println!("{title}, processor time of a request");
        for ((what, _), time) in kinds.iter().zip(spent) {
            let each = time / (TURNS * REQUESTS_IN_A_TURN);
            let ratio = time.as_secs_f64() / spent[0].as_secs_f64().max(f64::MIN_POSITIVE);
            println!("  {what:<24} {:>9.1} µs {ratio:>9.3}", each.as_secs_f64() * 1e6);
        }
        Ok(())
    }

    /// Signs in with an unknown address, with a wrong password, and to an account that was deactivated.
    async fn compare_refusals(&self, tries: u32) -> Outcome<()> {
        let register = RegisterCustomer {
            id: None,
            email: Some("gone@example.com".to_owned()),
            password: Some(Password(PASSWORD.to_owned())),
            name: Some("Gone".to_owned()),
        };
        self.client.register_account(&register, &IdempotencyKey::new()).await?;
        let (gone, _) = signed_in(&self.client, "gone@example.com", &Password(PASSWORD.to_owned())).await?;
        self.operator.deactivate(gone.me().await?.id, &IdempotencyKey::new()).await?;
        let kinds = [
            ("unknown address", "nobody@example.com", PASSWORD),
            ("wrong password", "ada@example.com", "coffee at five o'clock"),
            ("deactivated account", "gone@example.com", PASSWORD),
        ];
        let mut times = kinds.map(|_| Vec::new());
        for _ in 0..tries {
            for ((what, email, password), times) in kinds.iter().zip(&mut times) {
                let begin = Instant::now();
                match signed_in(&self.client, email, &Password((*password).to_owned())).await {
                    Err(ClientError::Problem(problem)) if problem.code == "sign_in_refused" => {}
                    Err(other) => return Err(other.into()),
                    Ok(_) => return Err(format!("{what}: let in").into()),
                }
                times.push(begin.elapsed());
            }
        }
        println!("\nSign-ins that fail, {tries} of each kind");
        print_head();
        for ((what, ..), times) in kinds.iter().zip(&mut times) {
            print_times(what, times);
        }
        let limit = 1.63 * (2.0 / f64::from(tries)).sqrt();
        println!(
            "  the largest distance of two distributions (Kolmogorov-Smirnov; equal ones exceed {limit:.3} in 1 % of runs)"
        );
        for (one, other) in [(0, 1), (0, 2), (1, 2)] {
            println!("  {} and {}: {:.3}", kinds[one].0, kinds[other].0, distance(&times[one], &times[other]));
        }
        Ok(())
    }

    /// Times other requests without sign-ins, and while so many sign in at once, again and again.
    async fn flood(&self, sign_ins: u32) -> Outcome<()> {
        println!("\nReading one's account while {sign_ins} sign in at once");
        print_head();
        let over = Arc::new(AtomicBool::new(false));
        let mut quiet = self.time_reads().await?;
        print_times("nobody signs in", &mut quiet);
        // Somebody else, because older sessions end when one account has many.
        let register = RegisterCustomer {
            id: None,
            email: Some("crowd@example.com".to_owned()),
            password: Some(Password(PASSWORD.to_owned())),
            name: Some("Crowd".to_owned()),
        };
        self.client.register_account(&register, &IdempotencyKey::new()).await?;
        // On a thread of its own, so that the reads do not wait for the clients that sign in.
        let (url, end) = (self.url.clone(), over.clone());
        let crowd = std::thread::Builder::new()
            .name(CLIENT_THREAD.to_owned())
            .spawn(move || sign_in_again_and_again(&url, sign_ins, &end))?;
        let mut busy = self.time_reads().await?;
        over.store(true, Ordering::Relaxed);
        print_times("sign-ins at full blast", &mut busy);
        let (done, refused) = crowd.join().map_err(|_| "the crowd has panicked")??;
        println!("  {done} signed in, {refused} were refused because others were before them");
        Ok(())
    }

    async fn time_reads(&self) -> Outcome<Vec<Duration>> {
        let client = self.client.with_token(storefront_api::Token(self.token.clone()));
        let (begin, mut times) = (Instant::now(), Vec::new());
        while begin.elapsed() < FLOOD {
            let asked = Instant::now();
            if client.me().await?.id != self.customer {
                return Err("the account is somebody else's".into());
            }
            times.push(asked.elapsed());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(times)
    }
}

/// So many clients sign in until the end: how often it was done, and how often refused.
fn sign_in_again_and_again(url: &str, clients: u32, end: &Arc<AtomicBool>) -> Outcome<(u64, u64)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut signing_in = tokio::task::JoinSet::new();
        for _ in 0..clients {
            let (client, end) = (Client::new(url)?, end.clone());
            signing_in.spawn(async move {
                let (mut done, mut refused) = (0_u64, 0_u64);
                while !end.load(Ordering::Relaxed) {
                    match signed_in(&client, "crowd@example.com", &Password(PASSWORD.to_owned())).await {
                        Ok(_) => done += 1,
                        Err(_) => refused += 1,
                    }
                }
                (done, refused)
            });
        }
        let (mut done, mut refused) = (0, 0);
        while let Some(counts) = signing_in.join_next().await {
            let (more_done, more_refused) = counts?;
            done += more_done;
            refused += more_refused;
        }
        Ok((done, refused))
    })
}

async fn signed_in(client: &Client, email: &str, password: &Password) -> Result<(Client, String), ClientError> {
    let sign_in = SignIn { email: email.to_owned(), password: password.clone() };
    let token = client.sign_in(&sign_in, &IdempotencyKey::new()).await?.value.token;
    Ok((client.with_token(token.clone()), token.0))
}

/// The processor time of this process without that of the client.
fn processor_time() -> Duration {
    let mut nanoseconds = 0;
    for task in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let read = |file: &str| std::fs::read_to_string(task.path().join(file)).unwrap_or_default();
        if read("comm").trim() != CLIENT_THREAD {
            // The time on a processor is the first field.
            nanoseconds += read("schedstat").split(' ').next().and_then(|time| time.parse::<u64>().ok()).unwrap_or(0);
        }
    }
    Duration::from_nanos(nanoseconds)
}

/// The largest difference between the shares of both that are below any time; both are sorted and have the same length.
fn distance(one: &[Duration], other: &[Duration]) -> f64 {
    let share = |times: &[Duration], time: Duration| {
        let below = times.partition_point(|each| *each <= time);
        f64::from(u32::try_from(below).unwrap_or(u32::MAX)) / f64::from(u32::try_from(times.len()).unwrap_or(u32::MAX))
    };
    one.iter().chain(other).map(|time| (share(one, *time) - share(other, *time)).abs()).fold(0.0, f64::max)
}

fn print_head() {
    println!("  {:<34} {:>9} {:>9} {:>9} {:>9}", "ms", "median", "95 %", "99 %", "most");
}

/// Sorts the times, and prints them.
fn print_times(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let at = |percent: usize| {
        let place = (times.len() * percent / 100).min(times.len().saturating_sub(1));
        times.get(place).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
    };
    println!("  {what:<34} {:>9.2} {:>9.2} {:>9.2} {:>9.2}", at(50), at(95), at(99), at(100));
}
