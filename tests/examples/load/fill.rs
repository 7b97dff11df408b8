//! Fills a log with finished orders, without the shop, to time lists and searches over many.

use std::time::Instant;

use serde_json::{Value, json};
use storefront_domain::OrderNumber;
use storefront_eventlog::{Append, Expected, JsonText, NewEvent, StreamAppend, StreamName, Version};
use storefront_server::StoreChoice;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::Outcome;
use crate::bare;

/// So many orders in one append.
const PAGE: u64 = 200;
/// So many appends under way.
const AT_ONCE: usize = 8;
const THINGS: [&str; 8] = ["mug", "kettle", "tray", "teapot", "cup", "saucer", "spoon", "tin"];
const BEGIN_MS: u64 = 1_767_225_600_000;

/// Writes so many orders: most delivered or confirmed, some cancelled, some still baskets.
pub(crate) async fn fill(store: &StoreChoice, orders: u64) -> Outcome<()> {
    let log = bare::open(store).await?;
    let begin = Instant::now();
    let mut under_way = JoinSet::new();
    for first in (0..orders).step_by(usize::try_from(PAGE)?) {
        if under_way.len() == AT_ONCE
            && let Some(done) = under_way.join_next().await
        {
            done??;
        }
        let streams = (first..orders.min(first + PAGE)).map(an_order).collect::<Outcome<Vec<_>>>()?;
        let log = log.clone();
        let append = Append { streams: streams.concat(), ..Append::default() };
        under_way.spawn(async move { log.append(append).await });
    }
    while let Some(done) = under_way.join_next().await {
        done??;
    }
    let head = log.head().await?;
    log.close().await;
    println!("filled with {orders} orders, {head} events, in {:.1} s", begin.elapsed().as_secs_f64());
    Ok(())
}

fn an_order(number: u64) -> Outcome<Vec<StreamAppend>> {
    let (order, payment) = (Uuid::now_v7(), Uuid::now_v7());
    let thing = THINGS[usize::try_from(number)? % THINGS.len()];
    let amount = 500 + i64::try_from(number % 5000)?;
    let total = json!({"amount": amount, "currency": "EUR"});
    let card = json!({"method": "card", "token": "pm_card_visa"});
    let mut of_order = vec![
        ("order.started", json!({"currency": "EUR"})),
        (
            "order.item_added",
            json!({"product_id": thing, "sku": thing, "name": format!("A {thing} of kind {}", number % 97),
                "unit_price": total, "vat_rate_percent": 19, "quantity": 1}),
        ),
    ];
    let mut of_payment = Vec::new();
    if !number.is_multiple_of(10) {
        let address = json!({"name": "Ada", "street": "1 Street", "postal_code": "1", "city": "Town", "country": "GB"});
        of_order.push((
            "order.checked_out",
            json!({"payment_id": payment, "total": total, "email": format!("shopper{number}@example.com"),
                "shipping_address": address, "payment": card}),
        ));
        of_payment.push((
            "payment.requested",
            json!({"order_id": order, "amount": total, "method": "card", "token": "pm_card_visa"}),
        ));
        of_payment.push(("payment.succeeded", json!({"reference": format!("pi_{number}")})));
        let number_for_people = OrderNumber::from_position(number + 1).to_string();
        of_order.push(("order.confirmed", json!({"number": number_for_people})));
        match number % 10 {
            1 => of_order.push(("order.cancelled", json!({"reason": "changed my mind"}))),
            2..6 => {
                of_order.push(("order.shipped", json!({"carrier": "Van", "tracking_number": format!("T{number}")})));
                of_order.push(("order.delivered", json!({"recipient": "Ada"})));
            }
            _ => {}
        }
    }
    let part = |stream: String, events: Vec<(&str, Value)>| {
        let events = events.into_iter().map(|(kind, data)| an_event(number, order, kind, &data));
        let events = events.collect::<Outcome<Vec<_>>>()?;
        Outcome::Ok(StreamAppend { stream: StreamName::new(stream)?, expected: Expected::Exactly(Version(0)), events })
    };
    Ok(vec![part(format!("order-{order}"), of_order)?, part(format!("payment-{payment}"), of_payment)?])
}

fn an_event(number: u64, order: Uuid, kind: &str, data: &Value) -> Outcome<NewEvent> {
    Ok(NewEvent {
        id: Uuid::now_v7(),
        kind: kind.to_owned(),
        schema_version: 1,
        // A year's business, however many orders there are.
        time_ms: i64::try_from(BEGIN_MS + number * 317 % (365 * 24 * 3600) * 1000)?,
        correlation_id: order.to_string(),
        causation_id: None,
        actor: "load".to_owned(),
        data: JsonText::of(data)?,
    })
}
