//! A load generator: shoppers who each buy one order after another, as fast as the shop lets them.
//!
//! `cargo run -p storefront-tests --release --example load -- --shoppers 16 --seconds 10 --store sqlite`
//!
//! An order is the full flow: two products into the basket, checkout, confirmed (stock reserved, paid by card, number given,
//! mail asked for). Shop, stand-ins and shoppers run in this one process and speak HTTP over loopback; the stand-ins answer
//! without latency. Beside it stands a bare axum handler on a log of the same kind: as many shoppers, as many writing
//! requests and as many events for each order, and nothing else. `--fill 100000` writes that many finished orders first, and times
//! lists, searches and statistics over them.
//!
//! What is measured depends on the machine; the ratio less so.
#![expect(clippy::print_stdout, reason = "a program for a person at a terminal")]

mod bare;
mod figures;
mod fill;
mod shop;

use std::path::Path;
use std::time::Duration;

use clap::Parser;
use storefront_server::{Secret, StoreChoice};

/// As in the programs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Whatever goes wrong ends the program with a sentence.
type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Measures how many orders a second the shop takes, and how long they take.
#[derive(Debug, Parser)]
#[command(max_term_width = 100)]
struct Options {
    /// How many shoppers buy at the same time.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1000))]
    shoppers: u32,
    /// For how many seconds.
    #[arg(long, visible_alias = "duration", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// Where the log is kept: sqlite (a file in a temporary folder), memory, or postgres://… of an empty database that
    /// may be thrown away.
    #[arg(long, default_value = "sqlite", value_name = "sqlite|memory|postgres://…")]
    store: String,
    /// Write so many finished orders first, and time lists, searches and statistics over them.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=10_000_000))]
    fill: u64,
    /// Every shopper buys the same product.
    #[arg(long)]
    one_product: bool,
    /// A shop in another process, instead of one in this process; several times for servers of one shop. Its products get
    /// stock, and orders stay there.
    #[arg(long, value_name = "URL", conflicts_with = "fill")]
    server: Vec<String>,
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let options = Options::parse();
    let folder = tempfile::tempdir()?;
    let (shoppers, time) = (options.shoppers, Duration::from_secs(options.seconds));
    let at = if options.server.is_empty() { "log on" } else { "shop in another process; bare log on" };
    println!("{shoppers} shoppers, {} s, {at} {}", options.seconds, kind(&options.store));

    let store = store(&options.store, folder.path(), "shop.db")?;
    if options.fill > 0 {
        fill::fill(&store, options.fill).await?;
    }
    let mut shop = match options.server.as_slice() {
        [] => shop::Street::open(store.clone()).await?,
        urls => shop::Street::elsewhere(urls).await?,
    };
    if options.one_product {
        shop.keep_one_product();
    }
    if options.fill > 0 {
        shop.times_questions().await?;
    }
    let measured = shop.sells(shoppers, time).await?;
    println!("\n{measured}");

    let bare_store = match store {
        StoreChoice::Postgres(_) => store,
        StoreChoice::Memory | StoreChoice::File(_) => self::store(&options.store, folder.path(), "bare.db")?,
    };
    let bare = bare::measured(&bare_store, shoppers, time, measured.events_per_order()).await?;
    println!("{bare}");
    println!("The shop does {:.2} of what the bare handler does.", measured.per_second() / bare.per_second());
    Ok(())
}

fn store(wish: &str, folder: &Path, file: &str) -> Outcome<StoreChoice> {
    match wish {
        "sqlite" => Ok(StoreChoice::File(folder.join(file))),
        "memory" => Ok(StoreChoice::Memory),
        url if url.starts_with("postgres") => Ok(StoreChoice::Postgres(Secret::new(url))),
        other => Err(format!("--store is sqlite, memory or postgres://…, not {other:?}").into()),
    }
}

/// What to call a store; an address may hold a password.
fn kind(wish: &str) -> &str {
    if wish.starts_with("postgres") { "PostgreSQL" } else { wish }
}
