//! Helpers shared by the unit tests: domain values by short names, recorded events, and a fake card gateway.

use proptest::prelude::*;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use storefront_api::{Address, Currency, Money, OrderId, PaymentId, PaymentMethod, ProductId, Timestamp, VatRate};
use storefront_domain::Quantity;
use storefront_domain::order::{ItemFacts, OrderEvent};
use storefront_domain::product::{ProductEvent, ProductFacts};
use storefront_eventlog::{NewEvent, Position, Recorded, SqliteStore, StreamName, Version};
use uuid::Uuid;

use crate::clock;
use crate::integrations::card_gateway::GatewayError;
use crate::integrations::card_intents::{CancelOutcome, CardIntent, Charge, CreateOutcome};
use crate::integrations::card_refunds::{Refund, RefundOutcome};
use crate::integrations::gateway_lists::{ListedCharge, ListedCharges, ListedDispute, ListedRefund};
use crate::integrations::mailer::{Mail, MailError};
use crate::integrations::ports::{MailSender, PaymentGateway};
use crate::store::aggregates::{self, AggregateEvent, AppendBuilder, Cause, Store};

/// A log on a database in memory.
pub(crate) fn a_log() -> Store {
    Store::sole(Arc::new(SqliteStore::in_memory().unwrap()))
}

/// A log whose clock, and that of this test, stand at `start_ms` until the test moves them.
pub(crate) fn a_log_with_clock(start_ms: i64) -> (Store, Arc<AtomicI64>) {
    let now_ms = Arc::new(AtomicI64::new(start_ms));
    clock::tests::follow(Arc::clone(&now_ms));
    let reading = Arc::clone(&now_ms);
    let log = SqliteStore::in_memory().unwrap().with_clock(Arc::new(move || reading.load(Ordering::Relaxed)));
    (Store::sole(Arc::new(log)), now_ms)
}

/// Appends events to a stream, whatever its version.
pub(crate) async fn write<E: AggregateEvent>(
    store: &Store,
    at: Timestamp,
    correlation_id: &str,
    stream: StreamName,
    events: &[E],
) {
    let (_, version) = aggregates::load::<E>(store, &stream).await.unwrap();
    let cause = Cause { correlation_id: correlation_id.to_owned(), causation_id: None, actor: "test".to_owned() };
    let mut batch = AppendBuilder::new(at, cause);
    batch.add(stream, version, events);
    batch.append_to(store).await.unwrap();
}

/// An event log in memory: each event gets the next position and the next version of its stream.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) events: Vec<Recorded>,
}

impl Log {
    /// Appends an event, one second after the previous one.
    pub(crate) fn write<E: AggregateEvent>(&mut self, stream: &StreamName, event: &E) -> Recorded {
        self.write_about(stream, event, "test")
    }

    /// Appends an event with a correlation id, one second after the previous one.
    pub(crate) fn write_about<E: AggregateEvent>(
        &mut self,
        stream: &StreamName,
        event: &E,
        correlation_id: &str,
    ) -> Recorded {
        let position = self.events.len() as u64 + 1;
        let version = self.events.iter().filter(|earlier| earlier.stream() == stream.as_str()).count() as u64 + 1;
        let encoded = event.encode();
        let event = NewEvent {
            id: Uuid::from_u128(u128::from(position)),
            kind: encoded.kind.to_owned(),
            schema_version: encoded.schema_version,
            time_ms: i64::try_from(position).unwrap() * 1000,
            correlation_id: correlation_id.to_owned(),
            causation_id: None,
            actor: "test".to_owned(),
            data: encoded.data,
        };
        let recorded = Recorded::new(Position(position), stream, Version(version), &event);
        self.events.push(recorded.clone());
        recorded
    }
}

pub(crate) fn euro(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

pub(crate) fn product(id: &str) -> ProductId {
    id.parse().unwrap()
}

pub(crate) fn order(number: u128) -> OrderId {
    OrderId(Uuid::from_u128(number))
}

pub(crate) fn payment(number: u128) -> PaymentId {
    PaymentId(Uuid::from_u128(number))
}

pub(crate) fn pieces(count: u32) -> Quantity {
    Quantity::try_from(count).unwrap()
}

pub(crate) fn at_second(second: i64) -> Timestamp {
    Timestamp::from_unix_ms(second * 1000)
}

/// The facts of a product that costs 10.00.
pub(crate) fn facts(name: &str, category: &str) -> ProductFacts {
    ProductFacts {
        sku: format!("SKU-{}", name.replace(' ', "-")),
        name: name.to_owned(),
        description: format!("A fine {}.", name.to_lowercase()),
        category: category.to_owned(),
        price: euro(1000),
        compare_at_price: None,
        vat_rate_percent: VatRate::percent(19),
        attributes: std::collections::BTreeMap::new(),
        picture: None,
    }
}

pub(crate) fn listed(name: &str, category: &str, price: i64) -> ProductEvent {
    ProductEvent::Listed(ProductFacts { price: euro(price), ..facts(name, category) })
}

pub(crate) fn started() -> OrderEvent {
    OrderEvent::Started { customer_id: None, currency: Currency::EUR }
}

pub(crate) fn added(id: &str, quantity: u32) -> OrderEvent {
    let item = ItemFacts {
        product_id: product(id),
        sku: "SKU".to_owned(),
        name: id.to_owned(),
        unit_price: euro(1000),
        vat_rate_percent: VatRate::percent(19),
    };
    OrderEvent::ItemAdded { item, quantity: pieces(quantity) }
}

pub(crate) fn card() -> PaymentMethod {
    PaymentMethod::Card { token: "pm_card_visa".to_owned() }
}

pub(crate) fn checked_out(payment_id: PaymentId, total: i64) -> OrderEvent {
    OrderEvent::CheckedOut {
        payment_id,
        total: euro(total),
        email: "ada@example.com".to_owned(),
        shipping_address: address(),
        payment: card(),
    }
}

pub(crate) fn address() -> Address {
    Address {
        name: "Ada".to_owned(),
        street: "1 Street".to_owned(),
        postal_code: "1".to_owned(),
        city: "Town".to_owned(),
        country: "GB".to_owned(),
        ..Address::default()
    }
}

/// A mail server that gives each mail the last of its answers, and takes it when there is none left.
#[derive(Default)]
pub(crate) struct Mailbox {
    pub(crate) answers: Mutex<Vec<Result<(), MailError>>>,
    pub(crate) sent: Mutex<Vec<Mail>>,
}

#[async_trait]
impl MailSender for Mailbox {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        self.sent.lock().unwrap().push(mail.clone());
        self.answers.lock().unwrap().pop().unwrap_or(Ok(()))
    }
}

/// A card gateway with prepared answers; without one it does not answer.
#[derive(Default)]
pub(crate) struct FakeCards {
    /// The outcomes of the next refunds, in order.
    pub(crate) refunds: Mutex<VecDeque<RefundOutcome>>,
    /// The refunds that it lists (newest first) and finds; `None`: no answer.
    pub(crate) listed: Mutex<Option<Vec<ListedRefund>>>,
    /// The idempotency keys of the refunds that were requested.
    pub(crate) requested_keys: Mutex<Vec<String>>,
    /// The payment of each intent, by the gateway's name for it; empty: no answer.
    pub(crate) intents: Mutex<Vec<(String, PaymentId)>>,
    /// The charges that it lists (newest first) and finds.
    pub(crate) charges: Mutex<Vec<ListedCharge>>,
}

fn no_answer() -> GatewayError {
    GatewayError::Unknown { detail: "no answer".to_owned() }
}

#[async_trait]
impl PaymentGateway for FakeCards {
    async fn create(&self, _charge: &Charge) -> Result<CreateOutcome, GatewayError> {
        Err(no_answer())
    }

    async fn confirm(&self, _reference: &str, _amount: Money, _key: &str) -> Result<CardIntent, GatewayError> {
        Err(no_answer())
    }

    async fn find(&self, _reference: &str, _amount: Money) -> Result<Option<CardIntent>, GatewayError> {
        Err(no_answer())
    }

    async fn cancel(&self, _reference: &str) -> Result<CancelOutcome, GatewayError> {
        Err(no_answer())
    }

    async fn refund(&self, refund: &Refund) -> Result<RefundOutcome, GatewayError> {
        self.requested_keys.lock().unwrap().push(refund.key.clone());
        self.refunds.lock().unwrap().pop_front().ok_or_else(no_answer)
    }

    async fn find_refund(&self, reference: &str) -> Result<Option<ListedRefund>, GatewayError> {
        let listed = self.listed.lock().unwrap().clone().ok_or_else(no_answer)?;
        Ok(listed.into_iter().find(|refund| refund.reference == reference))
    }

    async fn list_refunds(&self, _payment_reference: &str) -> Result<Vec<ListedRefund>, GatewayError> {
        self.listed.lock().unwrap().clone().ok_or_else(no_answer)
    }

    async fn list_disputes(&self, _payment_reference: &str) -> Result<Vec<ListedDispute>, GatewayError> {
        Ok(Vec::new())
    }

    async fn list_charges(&self, _since: Timestamp) -> Result<ListedCharges, GatewayError> {
        Ok(ListedCharges { charges: self.charges.lock().unwrap().clone(), is_complete: true })
    }

    async fn find_charge(&self, payment_reference: &str) -> Result<Option<ListedCharge>, GatewayError> {
        let charges = self.charges.lock().unwrap();
        Ok(charges.iter().find(|charge| charge.reference == payment_reference).cloned())
    }

    async fn payment_of(&self, reference: &str) -> Result<Option<PaymentId>, GatewayError> {
        let intents = self.intents.lock().unwrap();
        let found = intents.iter().find(|(name, _)| name == reference).map(|(_, payment_id)| *payment_id);
        if intents.is_empty() { Err(no_answer()) } else { Ok(found) }
    }
}

/// Bytes that somebody may send in place of a secret: the secret with a few bytes replaced, inserted, removed or swapped, cut,
/// in other case, repeated until it is far too long, and bytes that have nothing to do with it. Sometimes the secret itself.
pub(crate) fn almost(secret: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    let secret = secret.as_bytes().to_vec();
    let len = secret.len();
    let edits = proptest::collection::vec((0..8_u8, 0..=len, 0..=len, any::<u8>()), 0..4);
    let edited = edits.prop_map(move |edits| {
        let mut bytes = secret.clone();
        for (kind, at, other, byte) in edits {
            let (at, other) = (at.min(bytes.len()), other.min(bytes.len()));
            match kind {
                0 => bytes.insert(at, byte),
                1 => bytes.insert(at, b"A.-_= \t\"~"[usize::from(byte) % 9]),
                2 => bytes.truncate(at),
                3 => drop(bytes.drain(at.min(other)..at.max(other))),
                4 => bytes = bytes.repeat(usize::from(byte % 20)),
                5 if at < bytes.len() && other < bytes.len() => bytes.swap(at, other),
                6 if at < bytes.len() => bytes[at] ^= 1 << (byte % 8),
                7 if at < bytes.len() => bytes[at] = bytes[at].to_ascii_uppercase(),
                _ => {}
            }
        }
        bytes
    });
    prop_oneof![4 => edited, 1 => proptest::collection::vec(any::<u8>(), 0..600)]
}
