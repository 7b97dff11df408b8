//! Logs that earlier versions of the code wrote, cut off anywhere: the code of today must go on from there.
//!
//! `SIMULATION_SEED=17 SIMULATION_RECORD=FILE cargo test -p storefront-server simulation` writes the log of a run to a
//! file. Record one before a change of what processes write, and keep the old ones as they are.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use storefront_api::{OrderId, PaymentId, ProductId};
use storefront_domain::email::{EmailEvent, MailKind};
use storefront_domain::payment::PaymentEvent;
use storefront_domain::product::{self, Product, ProductEvent};
use storefront_eventlog::{
    Append, EventId, Expected, JsonText, NewEvent, Position, Recorded, StreamAppend, StreamName, Version,
};

use super::coverage::Coverage;
use super::intents::{Charged, IntentState};
use super::rng_clock;
use super::world::World;
use crate::integrations::mailer::Mail;
use crate::integrations::product_service::SeenProduct;
use crate::store::{aggregates, streams};

/// Every history on record.
const RECORDED: [&str; 2] =
    [include_str!("histories/cards_and_mail_1.jsonl"), include_str!("histories/cards_and_mail_2.jsonl")];

/// One event, as an export has it.
#[derive(Deserialize)]
struct Line {
    position: u64,
    id: EventId,
    stream: String,
    version: u64,
    #[serde(rename = "type")]
    kind: String,
    schema_version: u16,
    time_ms: i64,
    correlation_id: String,
    causation_id: Option<String>,
    actor: String,
    data: Value,
}

/// Sets the world to the state after a recorded history: the log up to a random point, and the external systems as they
/// were then.
pub(super) fn start_from_history(world: &World) {
    let history: Vec<Recorded> = rng_clock::pick(&RECORDED).lines().map(read).collect();
    let cut = rng_clock::pick(&ends_of_appends(&history));
    rng_clock::mark(Coverage::OldHistory);
    rng_clock::trace(|| format!("a shop of old goes on from {cut} of {}", history.len()));
    for recorded in history.iter().filter(|recorded| recorded.position <= cut) {
        let expected = Expected::Exactly(Version(recorded.version.0 - 1));
        let part = StreamAppend { stream: recorded.stream_name(), expected, events: vec![recorded.to_new()] };
        world.log.append(&Append { streams: vec![part], ..Append::default() }).expect("it was a log");
    }
    remember_payments(world, &history, cut);
    remember_mails(world, &history, cut);
    remember_products(world, &history, cut);
}

/// Where a log may end: what was written together was written whole. It has one cause, one author and one time.
fn ends_of_appends(history: &[Recorded]) -> Vec<Position> {
    let written = |recorded: &Recorded| {
        (recorded.causation_id().map(str::to_owned), recorded.actor().to_owned(), recorded.time_ms)
    };
    let ends = history.windows(2).filter(|pair| written(&pair[0]) != written(&pair[1]));
    ends.map(|pair| pair[0].position).chain(history.last().map(|last| last.position)).collect()
}

fn read(line: &str) -> Recorded {
    let line: Line = serde_json::from_str(line).expect("it is a line of an export");
    let stream = StreamName::new(line.stream).expect("it is a stream");
    let event = NewEvent {
        id: line.id,
        kind: line.kind,
        schema_version: line.schema_version,
        time_ms: line.time_ms,
        correlation_id: line.correlation_id,
        causation_id: line.causation_id,
        actor: line.actor,
        data: JsonText::of(&line.data).expect("it was JSON"),
    };
    Recorded::new(Position(line.position), &stream, Version(line.version), &event)
}

/// Restores the gateway, which may have done more than the log shows.
fn remember_payments(world: &World, history: &[Recorded], cut: Position) {
    let mut requests = BTreeMap::<PaymentId, (String, Charged)>::new();
    let mut refunds = BTreeMap::<PaymentId, String>::new();
    for recorded in history {
        let Some(payment_id) = streams::id_in::<PaymentId>("payment", recorded.stream()) else { continue };
        let key = format!("storefront-{}", recorded.id);
        let told = recorded.position <= cut;
        match aggregates::decode::<PaymentEvent>(recorded).expect("an old event can be read") {
            PaymentEvent::Requested { order_id, amount, .. } if told => {
                let (reference, token, state) = (String::new(), String::new(), IntentState::Processing);
                let charged = Charged { reference, order_id, payment_id, amount, token, state, confirmed: true };
                requests.insert(payment_id, (key, charged));
            }
            PaymentEvent::Succeeded { reference } if reference != "none" => {
                // Done, perhaps without an event: the crash was between effect and event.
                if (told || rng_clock::random_below(2) == 0)
                    && let Some((key, charged)) = requests.get(&payment_id)
                {
                    world
                        .gateway()
                        .record_charge(key, Charged { reference, state: IntentState::Paid, ..charged.clone() });
                }
            }
            PaymentEvent::Declined { .. } if told => {
                if let Some((key, charged)) = requests.get(&payment_id) {
                    let reference = format!("pi_of_old_{}", recorded.position);
                    world
                        .gateway()
                        .record_charge(key, Charged { reference, state: IntentState::Refused, ..charged.clone() });
                }
            }
            PaymentEvent::RefundRequested { .. } => drop(refunds.insert(payment_id, key)),
            PaymentEvent::Refunded { amount, reference, .. } if told && reference != "none" => {
                world.gateway().record_refund(&refunds[&payment_id], payment_id, amount, reference);
            }
            PaymentEvent::Requested { .. }
            | PaymentEvent::IntentCreated { .. }
            | PaymentEvent::AuthenticationRequired { .. }
            | PaymentEvent::Succeeded { .. }
            | PaymentEvent::Declined { .. }
            | PaymentEvent::Found { .. }
            | PaymentEvent::OutcomeUnknown { .. }
            | PaymentEvent::Cancelled
            | PaymentEvent::RefundPending { .. }
            | PaymentEvent::RefundFound { .. }
            | PaymentEvent::Refunded { .. }
            | PaymentEvent::RefundFailed { .. }
            | PaymentEvent::Disputed { .. }
            | PaymentEvent::DisputeFundsWithdrawn { .. }
            | PaymentEvent::DisputeClosed { .. } => {}
        }
    }
}

fn remember_mails(world: &World, history: &[Recorded], cut: Position) {
    let mut asked = BTreeMap::<&str, (EventId, OrderId, MailKind, String)>::new();
    for recorded in history.iter().filter(|recorded| recorded.stream().starts_with("email-")) {
        match aggregates::decode::<EmailEvent>(recorded).expect("an old event can be read") {
            EmailEvent::Requested { order_id, kind, to } => {
                asked.insert(recorded.stream(), (recorded.id, order_id, kind, to));
            }
            EmailEvent::Sent { .. } if recorded.position <= cut => {
                let (id, _, kind, to) = asked[recorded.stream()].clone();
                let (message_id, subject) = (id.to_string(), format!("{kind:?}"));
                world.receive_mail(Mail { message_id, to, subject, body: String::new() });
            }
            EmailEvent::Sent { .. } | EmailEvent::Failed { .. } => {}
        }
    }
}

fn remember_products(world: &World, history: &[Recorded], cut: Position) {
    let mut products = BTreeMap::<ProductId, Product>::new();
    for recorded in history.iter().filter(|recorded| recorded.position <= cut) {
        let Some(id) = streams::id_in::<ProductId>("product", recorded.stream()) else { continue };
        let event = aggregates::decode::<ProductEvent>(recorded).expect("an old event can be read");
        let state = products.entry(id).or_default();
        *state = product::evolve(std::mem::take(state), &event);
    }
    for (id, state) in products {
        let facts = state.facts().expect("it was listed").clone();
        world.catalogue().set(SeenProduct { id, facts, active: state.active(), reason: None, has_own_vat_rate: true });
    }
}
