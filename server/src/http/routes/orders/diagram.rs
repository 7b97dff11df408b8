//! The timeline of an order as Markdown with a Mermaid sequence diagram (mermaid.js.org/syntax/sequenceDiagram.html).
//! The handler loads the order; the document is a pure function of it.

use std::collections::HashMap;
use std::fmt::Write;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use storefront_api::{Event, Order, OrderId, Problem};

use super::read::load_order_events;
use crate::http::error::ApiError;
use crate::http::event_body::wire_event;
use crate::http::extract::PathParams;
use crate::http::state::Shop;
use crate::store::commands::Failure;
use crate::store::order_record;

/// Read the timeline of an order as a document
///
/// Markdown with a Mermaid sequence diagram of causes and effects, and a table of the events.
#[utoipa::path(
    get, path = "/v1/orders/{id}/diagram", tag = "orders",
    params(("id" = OrderId, Path, description = "The order")),
    responses(
        (status = 200, description = "Markdown with a Mermaid diagram", content_type = "text/markdown", body = String),
        (status = 404, description = "`order_not_found`", body = Problem),
    )
)]
pub(crate) async fn get_diagram(
    State(shop): State<Shop>,
    PathParams(id): PathParams<OrderId>,
) -> Result<Response, ApiError> {
    let (all, _) = load_order_events(&shop, id).await?;
    let record = order_record::load(&shop.store, id).await.map_err(Failure::from)?;
    let payment = order_record::load_payment(&shop.store, &record.order).await.map_err(Failure::from)?;
    let order = record.body(id, payment.as_deref()).ok_or_else(ApiError::order_not_found)?;
    let events = all.iter().map(|recorded| wire_event(recorded)).collect::<Result<Vec<_>, _>>()?;
    Ok(([(CONTENT_TYPE, "text/markdown; charset=utf-8")], markdown(&order, &events)).into_response())
}

/// Participants from left to right: a name, and the contexts of the streams that it represents.
const LANES: [(&str, &[&str]); 6] = [
    ("Shopper", &[]),
    ("Order", &["order", "voucher"]),
    ("Checkout", &["checkout"]),
    ("Stock", &["stock"]),
    ("Payment", &["payment", "wallet", "invoice"]),
    ("Mail", &["email"]),
];
/// Lane of the sender of a command that no event caused.
const SHOPPER_LANE: usize = 0;
/// Lane of streams of an unknown context.
const ORDER_LANE: usize = 1;
/// Minimum pause between events that the diagram shows.
const MIN_PAUSE_MS: i64 = 60_000;

/// Renders the document. `events` are all events of the order, oldest first.
fn markdown(order: &Order, events: &[Event]) -> String {
    let mut text = String::new();
    let name = order.number.clone().unwrap_or_else(|| order.id.to_string());
    // Writing to a string cannot fail.
    let _ = writeln!(text, "# Order {name}\n");
    let _ = writeln!(text, "{} events, {}.\n", events.len(), with_spaces(&wire_name(order.status)));
    text.push_str("```mermaid\nsequenceDiagram\n");
    write_diagram(&mut text, events);
    text.push_str("```\n\n| position | time | stream | event | caused by |\n|---:|---|---|---|---|\n");
    let positions: HashMap<String, u64> = events.iter().map(|event| (event.id.to_string(), event.position)).collect();
    for event in events {
        let cause = event.causation_id.as_ref();
        let cause = cause.and_then(|id| positions.get(id)).map_or_else(|| event.actor.clone(), ToString::to_string);
        let (stream, kind) = (escaped_cell(&event.stream), escaped_cell(&event.kind));
        let _ =
            writeln!(text, "| {} | {} | {stream} | {kind} | {} |", event.position, event.time, escaped_cell(&cause));
    }
    text
}

fn write_diagram(text: &mut String, events: &[Event]) {
    let lanes: HashMap<String, usize> = events.iter().map(|event| (event.id.to_string(), lane(event))).collect();
    let from =
        |event: &Event| event.causation_id.as_ref().and_then(|cause| lanes.get(cause)).copied().unwrap_or(SHOPPER_LANE);
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
        if pause >= MIN_PAUSE_MS {
            let _ = writeln!(text, "    Note over {}: {} min later", LANES[to].0, pause / MIN_PAUSE_MS);
        }
        let what = event.kind.split_once('.').map_or(event.kind.as_str(), |(_, what)| what);
        let (from, to) = (LANES[from(event)].0, LANES[to].0);
        let _ = writeln!(text, "    {from}->>{to}: {} {}", event.position, escaped_label(what));
    }
}

fn lane(event: &Event) -> usize {
    let context = event.stream.split_once('-').map_or(event.stream.as_str(), |(context, _)| context);
    LANES.iter().position(|(_, contexts)| contexts.contains(&context)).unwrap_or(ORDER_LANE)
}

/// Escapes a text for Mermaid: characters with a meaning become entities.
fn escaped_label(text: &str) -> String {
    let mut label = String::new();
    for letter in with_spaces(text).chars().filter(|letter| !letter.is_control()) {
        match letter {
            '#' | ';' | '<' | '>' | '%' => {
                let _ = write!(label, "#{};", u32::from(letter));
            }
            letter => label.push(letter),
        }
    }
    label
}

/// Escapes a text for a cell of a Markdown table.
fn escaped_cell(text: &str) -> String {
    text.replace('|', "\\|").chars().filter(|letter| !letter.is_control()).collect()
}

fn with_spaces(text: &str) -> String {
    text.replace('_', " ")
}

/// The wire name of an enum value.
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
        write_diagram(&mut text, events);
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
        assert_eq!(escaped_cell("a|b\nc"), "a\\|bc");
    }

    #[test]
    fn a_stream_that_is_not_known_here_is_drawn_all_the_same() {
        assert!(drawn(&[event(1, "parcel.lost", None, 0)]).contains("Shopper->>Order: 1 lost"));
        assert_eq!(drawn(&[]), "");
    }
}
