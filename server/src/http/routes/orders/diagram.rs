//! The timeline of an order as a document to show and to keep: Markdown with a Mermaid sequence diagram
//! (mermaid.js.org/syntax/sequenceDiagram.html). Reading the order is the handler's; the document is a pure function.

use std::collections::HashMap;
use std::fmt::Write;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use storefront_api::{Event, Order, OrderId, Problem};

use super::read::everything_about;
use crate::http::error::ApiError;
use crate::http::event_body::wire;
use crate::http::extract::InPath;
use crate::http::state::Shop;
use crate::store::commands::Failure;
use crate::store::order_record;

/// Draw what happened to an order
///
/// Its timeline as Markdown: a Mermaid sequence diagram of what led to what, and a table of the events.
#[utoipa::path(
    get, path = "/v1/orders/{id}/diagram", tag = "orders",
    params(("id" = OrderId, Path, description = "The order")),
    responses(
        (status = 200, description = "Markdown with a Mermaid diagram", content_type = "text/markdown", body = String),
        (status = 404, description = "`order_not_found`", body = Problem),
    )
)]
pub(crate) async fn get_diagram(State(shop): State<Shop>, InPath(id): InPath<OrderId>) -> Result<Response, ApiError> {
    let (all, _) = everything_about(&shop, id).await?;
    let record = order_record::load(&shop.store, id).await.map_err(Failure::from)?;
    let payment = order_record::load_payment(&shop.store, &record.order).await.map_err(Failure::from)?;
    let order = record.body(id, payment.as_ref()).ok_or_else(ApiError::order_not_found)?;
    let events = all.iter().map(wire).collect::<Result<Vec<_>, _>>()?;
    Ok(([(CONTENT_TYPE, "text/markdown; charset=utf-8")], document(&order, &events)).into_response())
}

/// Who takes part, from left to right: a name, and the contexts of the streams that it stands for.
const LANES: [(&str, &[&str]); 6] = [
    ("Shopper", &[]),
    ("Order", &["order", "voucher"]),
    ("Checkout", &["checkout"]),
    ("Stock", &["stock"]),
    ("Payment", &["payment", "wallet", "invoice"]),
    ("Mail", &["email"]),
];
/// Who stands behind a command that no event led to.
const SHOPPER: usize = 0;
/// Where a stream of an unknown context is drawn.
const ORDER: usize = 1;
/// A pause from which on the diagram says so.
const PAUSE_MS: i64 = 60_000;

/// The whole document. `events` are everything about the order, oldest first.
fn document(order: &Order, events: &[Event]) -> String {
    let mut text = String::new();
    let name = order.number.clone().unwrap_or_else(|| order.id.to_string());
    // Writing to a string cannot fail.
    let _ = writeln!(text, "# Order {name}\n");
    let _ = writeln!(text, "{} events, {}.\n", events.len(), words(&wire_name(order.status)));
    text.push_str("```mermaid\nsequenceDiagram\n");
    diagram(&mut text, events);
    text.push_str("```\n\n| position | time | stream | event | caused by |\n|---:|---|---|---|---|\n");
    let positions: HashMap<String, u64> = events.iter().map(|event| (event.id.to_string(), event.position)).collect();
    for event in events {
        let cause = event.causation_id.as_ref();
        let cause = cause.and_then(|id| positions.get(id)).map_or_else(|| event.actor.clone(), ToString::to_string);
        let (stream, kind) = (cell(&event.stream), cell(&event.kind));
        let _ = writeln!(text, "| {} | {} | {stream} | {kind} | {} |", event.position, event.time, cell(&cause));
    }
    text
}

fn diagram(text: &mut String, events: &[Event]) {
    let lanes: HashMap<String, usize> = events.iter().map(|event| (event.id.to_string(), lane(event))).collect();
    let from =
        |event: &Event| event.causation_id.as_ref().and_then(|cause| lanes.get(cause)).copied().unwrap_or(SHOPPER);
    for (place, (name, _)) in LANES.iter().enumerate() {
        if events.iter().any(|event| lane(event) == place || from(event) == place) {
            let _ = writeln!(text, "    participant {name}");
        }
    }
    let mut before = None;
    for event in events {
        let at = event.time.unix_ms();
        let pause = before.map_or(0, |before| at - before);
        before = Some(at);
        let to = lane(event);
        if pause >= PAUSE_MS {
            let _ = writeln!(text, "    Note over {}: {} min later", LANES[to].0, pause / PAUSE_MS);
        }
        let what = event.kind.split_once('.').map_or(event.kind.as_str(), |(_, what)| what);
        let (from, to) = (LANES[from(event)].0, LANES[to].0);
        let _ = writeln!(text, "    {from}->>{to}: {} {}", event.position, label(what));
    }
}

fn lane(event: &Event) -> usize {
    let context = event.stream.split_once('-').map_or(event.stream.as_str(), |(context, _)| context);
    LANES.iter().position(|(_, contexts)| contexts.contains(&context)).unwrap_or(ORDER)
}

/// A text that Mermaid takes as it is: what it would act on is written as its entity.
fn label(text: &str) -> String {
    let mut label = String::new();
    for letter in words(text).chars().filter(|letter| !letter.is_control()) {
        match letter {
            '#' | ';' | '<' | '>' | '%' => {
                let _ = write!(label, "#{};", u32::from(letter));
            }
            letter => label.push(letter),
        }
    }
    label
}

/// A text in a cell of a Markdown table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").chars().filter(|letter| !letter.is_control()).collect()
}

fn words(text: &str) -> String {
    text.replace('_', " ")
}

/// The name of a value as the wire has it.
fn wire_name(value: impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use storefront_api::Timestamp;
    use uuid::Uuid;

    use super::*;

    fn event(position: u64, kind: &str, cause: Option<u64>, time_ms: i64) -> Event {
        let (context, _) = kind.split_once('.').unwrap();
        Event {
            position,
            id: Uuid::from_u128(position.into()),
            stream: format!("{context}-7"),
            version: 1,
            kind: kind.to_owned(),
            schema_version: 1,
            time: Timestamp::from_unix_ms(time_ms),
            correlation_id: "7".to_owned(),
            causation_id: cause.map(|cause| Uuid::from_u128(cause.into()).to_string()),
            actor: "guest".to_owned(),
            data: serde_json::Value::Null,
        }
    }

    fn drawn(events: &[Event]) -> String {
        let mut text = String::new();
        diagram(&mut text, events);
        text
    }

    #[test]
    fn an_arrow_goes_from_what_led_to_an_event_and_a_command_comes_from_the_shopper() {
        let events = [
            event(4, "order.checked_out", None, 0),
            event(5, "checkout.started", Some(4), 5),
            event(6, "email.requested", Some(5), 180_005),
        ];
        assert_eq!(
            drawn(&events),
            "    participant Shopper\n    participant Order\n    participant Checkout\n    participant Mail\n    \
             Shopper->>Order: 4 checked out\n    Order->>Checkout: 5 started\n    Note over Mail: 3 min later\n    \
             Checkout->>Mail: 6 requested\n"
        );
    }

    #[test]
    fn what_mermaid_and_markdown_would_act_on_is_taken_as_text() {
        let strange = [event(1, "order.a;b#c\nend", None, 0)];
        let text = drawn(&strange);
        assert!(text.ends_with("Shopper->>Order: 1 a#59;b#35;cend\n"), "{text}");
        assert_eq!(cell("a|b\nc"), "a\\|bc");
    }

    #[test]
    fn a_stream_that_is_not_known_here_is_drawn_all_the_same() {
        assert!(drawn(&[event(1, "parcel.lost", None, 0)]).contains("Shopper->>Order: 1 lost"));
        assert_eq!(drawn(&[]), "");
    }
}
