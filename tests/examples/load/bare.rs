//! The baseline: one axum handler that appends events and answers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::json;
use storefront_eventlog::{
    Append, EventStore, Expected, JsonText, NewEvent, PostgresStore, SqliteStore, StreamAppend, StreamName,
};
use storefront_server::StoreChoice;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::Outcome;
use crate::figures::Figures;

pub(crate) type Log = Arc<dyn EventStore>;

/// As many as the shop takes for an order: add, add, checkout.
const REQUESTS: u64 = 3;

pub(crate) async fn open(store: &StoreChoice) -> Outcome<Log> {
    Ok(match store {
        StoreChoice::Memory => Arc::new(SqliteStore::in_memory()?),
        StoreChoice::File(path) => Arc::new(SqliteStore::open(path)?),
        StoreChoice::Postgres(url) => Arc::new(PostgresStore::connect(url.reveal()).await?),
    })
}

/// The same shoppers, requests and events, without a shop.
pub(crate) async fn measured(store: &StoreChoice, shoppers: u32, time: Duration, events: u64) -> Outcome<Figures> {
    let log = open(store).await?;
    let before = log.head().await?.0;
    let each = events.div_ceil(REQUESTS);
    let routes = Router::new().route("/{stream}/{events}", post(append)).with_state(log.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let serving = tokio::spawn(async move { axum::serve(listener, routes).await });
    let begin = Instant::now();
    let mut people = JoinSet::new();
    for _ in 0..shoppers {
        let (http, url) = (reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?, url.clone());
        people.spawn(async move {
            let mut times = Vec::new();
            while begin.elapsed() < time {
                let began = Instant::now();
                let stream = Uuid::now_v7();
                for _ in 0..REQUESTS {
                    http.post(format!("{url}/order-{stream}/{each}")).send().await?.error_for_status()?;
                }
                times.push(began.elapsed());
            }
            Ok::<_, reqwest::Error>(times)
        });
    }
    let mut times = Vec::new();
    while let Some(person) = people.join_next().await {
        times.extend(person??);
    }
    let taken = begin.elapsed();
    let events = log.head().await?.0 - before;
    serving.abort();
    log.close().await;
    let orders = times.len() as u64;
    let times = vec![("an order's three requests", times)];
    Ok(Figures { title: "A bare handler", orders, events, requests: orders * REQUESTS, time: taken, times })
}

async fn append(State(log): State<Log>, Path((stream, count)): Path<(String, usize)>) -> StatusCode {
    let event = || {
        Some(NewEvent {
            id: Uuid::now_v7(),
            kind: "order.item_added".to_owned(),
            schema_version: 1,
            time_ms: 0,
            correlation_id: stream.clone(),
            causation_id: None,
            actor: "guest".to_owned(),
            data: JsonText::of(&json!({"product_id": "mug-350", "sku": "MUG-350", "name": "Stoneware mug",
                "unit_price": {"amount": 2499, "currency": "EUR"}, "vat_rate_percent": 19, "quantity": 2}))
            .ok()?,
        })
    };
    let events = (0..count).map_while(|_| event()).collect();
    let Ok(name) = StreamName::new(stream.clone()) else { return StatusCode::BAD_REQUEST };
    let part = StreamAppend { stream: name, expected: Expected::Any, events };
    match log.append(Append { streams: vec![part], ..Append::default() }).await {
        Ok(_) => StatusCode::CREATED,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}
