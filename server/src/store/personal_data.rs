//! Personal data in events: who people are, where they live, what they typed. It stands encrypted in the log, under keys that
//! stand beside it. To erase a person, the keys are deleted: events never change, and nobody can read those texts any more.
//!
//! [`ProtectedLog`] is a layer around the log. It encrypts what is appended and decrypts what is read; nothing above it knows of
//! it. [`personal_texts`] says which texts of which events are personal. Texts of a program that did not encrypt are read as
//! they are.
//!
//! Each order, and each customer, has a key of its own: see [`subject`]. Invoices are not encrypted: they are kept as long
//! as the law says, with the name and address of their buyer.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use quick_cache::sync::Cache;
use serde_json::Value;
use storefront_domain::erased::{ERASED, ERASED_EMAIL};
use storefront_eventlog::{
    Append, AppendError, Appended, DataKey, EventPage, EventStore, Filter, JsonText, NewEvent, Position, Recorded,
    StoreError, StoreLayer, StreamName, Version,
};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::random;
use crate::store::field_cipher::{self, Encrypted};

/// The events after which the keys of an order or of a customer are gone.
const ERASURES: [&str; 2] = ["customer.erased", "order.erased"];

/// Number of keys that are made at once, so that not every order waits for a key to be written.
const KEYS_PER_WRITE: usize = 64;
/// Number of keys that are kept in memory.
const CACHED_KEYS: usize = 50_000;
/// Number of events per read when the keys of an order are looked for.
const EVENTS_PER_READ: usize = 500;

/// The places of personal texts in the data of an event, as JSON pointers (RFC 6901). A place may be absent.
fn personal_texts(kind: &str) -> &'static [&'static str] {
    match kind {
        "customer.registered" => &["/email", "/name", "/password_hash"],
        "customer.name_changed" => &["/name"],
        "customer.password_changed" | "customer.one_time_password_set" => &["/password_hash"],
        "customer.address_added" | "customer.address_changed" => &[
            "/label",
            "/address/name",
            "/address/street",
            "/address/line2",
            "/address/postal_code",
            "/address/city",
            "/address/state",
            "/address/phone",
        ],
        "customer.session_started" => &["/user_agent"],
        "order.checked_out" => &[
            "/email",
            "/shipping_address/name",
            "/shipping_address/street",
            "/shipping_address/line2",
            "/shipping_address/postal_code",
            "/shipping_address/city",
            "/shipping_address/state",
            "/shipping_address/phone",
        ],
        "order.email_changed" | "checkout.started" => &["/email"],
        "order.delivered" => &["/recipient"],
        "order.cancelled" | "payment.refund_requested" => &["/reason"],
        "email.requested" => &["/to"],
        "email.failed" => &["/detail"],
        _ => &[],
    }
}

/// Whose key an event is encrypted under: the customer's in streams of a customer, otherwise that of the order, whose id all its
/// events have as correlation id.
fn subject<'a>(stream: &'a str, correlation_id: &'a str) -> &'a str {
    if stream.starts_with("customer-") { stream } else { correlation_id }
}

/// A log whose personal data is encrypted. Clones share their keys.
#[derive(Clone)]
pub(crate) struct ProtectedLog {
    log: Arc<dyn EventStore>,
    keys: Arc<Keys>,
}

struct Keys {
    /// Keys by id, as far as they were used of late.
    secrets: Cache<Uuid, [u8; 32]>,
    /// The keys under which the data of a subject is encrypted now.
    of_subjects: Cache<String, Arc<DataKey>>,
    /// Written and not yet used.
    unused: Mutex<Vec<DataKey>>,
    /// Position of the latest erasure that was read.
    last_erasure: AtomicU64,
    erasures: Erasures,
}

/// How often somebody was erased, for those who keep decrypted events.
#[derive(Clone, Debug, Default)]
pub(crate) struct Erasures(Arc<AtomicU64>);

impl Erasures {
    pub(crate) fn count(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// The keys and the decrypted form of an encrypted event, kept with the stored one for all its readers.
struct DecryptedEvent {
    key_ids: BTreeSet<Uuid>,
    /// The event as it is read for as long as its keys are there; set by the first reader.
    event: OnceLock<Arc<Recorded>>,
}

impl ProtectedLog {
    pub(crate) fn new(log: Arc<dyn EventStore>) -> Self {
        let keys = Keys {
            secrets: Cache::new(CACHED_KEYS),
            of_subjects: Cache::new(CACHED_KEYS),
            unused: Mutex::default(),
            last_erasure: AtomicU64::new(0),
            erasures: Erasures::default(),
        };
        Self { log, keys: Arc::new(keys) }
    }

    /// The log as it is stored, for exports.
    pub(crate) fn stored(&self) -> &Arc<dyn EventStore> {
        &self.log
    }

    pub(crate) fn erasures(&self) -> Erasures {
        self.keys.erasures.clone()
    }

    /// Makes the personal data of these streams, and of all events with these correlation ids, unreadable for good. May be
    /// repeated.
    ///
    /// # Errors
    /// When the log fails; then some may be left.
    pub(crate) async fn erase(&self, streams: &[StreamName], correlation_ids: &[String]) -> Result<(), StoreError> {
        let mut key_ids = BTreeSet::new();
        let mut found: BTreeSet<StreamName> = streams.iter().cloned().collect();
        for stream in streams {
            let mut from = Version(1);
            loop {
                let events = self.log.read_stream(stream, from, EVENTS_PER_READ).await?;
                key_ids.extend(events.iter().flat_map(keys_of));
                let Some(last) = events.last() else { break };
                from = Version(last.version.0 + 1);
            }
        }
        for correlation_id in correlation_ids {
            let filter = Filter { correlation_id: Some(correlation_id.clone()), ..Filter::default() };
            let (mut after, head) = (Position(0), self.log.head().await?);
            while after < head {
                let page = self.log.read_all(after, EVENTS_PER_READ, &filter).await?;
                key_ids.extend(page.events.iter().flat_map(|recorded| keys_of(recorded)));
                found.extend(page.events.iter().map(|recorded| recorded.stream_name()));
                after = page.next_after;
            }
        }
        let (key_ids, found): (Vec<_>, Vec<_>) = (key_ids.into_iter().collect(), found.into_iter().collect());
        self.log.erase(&key_ids, &found).await?;
        self.forget();
        Ok(())
    }

    /// Forgets everything that was decrypted, and the keys.
    fn forget(&self) {
        self.keys.secrets.clear();
        self.keys.of_subjects.clear();
        self.keys.erasures.0.fetch_add(1, Ordering::AcqRel);
    }

    async fn encrypt(&self, append: &mut Append) -> Result<(), StoreError> {
        for part in &mut append.streams {
            for event in &mut part.events {
                let places = personal_texts(&event.kind);
                if !places.is_empty() {
                    let key = self.key_of(subject(part.stream.as_str(), &event.correlation_id)).await?;
                    encrypt(event, places, &key)?;
                }
            }
        }
        Ok(())
    }

    async fn key_of(&self, subject: &str) -> Result<Arc<DataKey>, StoreError> {
        if let Some(key) = self.keys.of_subjects.get(subject) {
            return Ok(key);
        }
        let mut unused = self.keys.unused.lock().await;
        // Somebody else may have waited for the same.
        if let Some(key) = self.keys.of_subjects.get(subject) {
            return Ok(key);
        }
        if unused.is_empty() {
            let new: Vec<_> =
                (0..KEYS_PER_WRITE).map(|_| DataKey { id: random::id(), secret: random::secret() }).collect();
            self.log.add_data_keys(&new).await?;
            *unused = new;
        }
        let Some(key) = unused.pop() else { return Err(no_key()) };
        self.keys.secrets.insert(key.id, key.secret);
        let key = Arc::new(key);
        self.keys.of_subjects.insert(subject.to_owned(), key.clone());
        Ok(key)
    }

    /// The keys of these ids that are not erased.
    async fn secrets(&self, ids: BTreeSet<Uuid>) -> Result<HashMap<Uuid, [u8; 32]>, StoreError> {
        let mut known = HashMap::new();
        let mut missing = Vec::new();
        for id in ids {
            match self.keys.secrets.get(&id) {
                Some(secret) => drop(known.insert(id, secret)),
                None => missing.push(id),
            }
        }
        if !missing.is_empty() {
            for DataKey { id, secret } in self.log.data_keys(&missing).await? {
                self.keys.secrets.insert(id, secret);
                known.insert(id, secret);
            }
        }
        Ok(known)
    }

    fn notice(&self, recorded: &Recorded) {
        if ERASURES.contains(&recorded.kind())
            && self.keys.last_erasure.fetch_max(recorded.position.0, Ordering::AcqRel) < recorded.position.0
        {
            self.forget();
        }
    }
}

impl StoreLayer for ProtectedLog {
    fn inner(&self) -> &dyn EventStore {
        &*self.log
    }

    async fn around_append(&self, mut append: Append) -> Result<Appended, AppendError> {
        self.encrypt(&mut append).await?;
        self.log.append(append).await
    }

    async fn show_stream(&self, mut events: Vec<Recorded>) -> Result<Vec<Recorded>, StoreError> {
        events.iter().for_each(|recorded| self.notice(recorded));
        let key_ids: BTreeSet<Uuid> = events.iter().flat_map(keys_of).collect();
        if !key_ids.is_empty() {
            let secrets = self.secrets(key_ids).await?;
            for recorded in events.iter_mut().filter(|recorded| is_encrypted(recorded)) {
                *recorded = decrypted(recorded, &secrets)?;
            }
        }
        Ok(events)
    }

    async fn show_page(&self, mut page: EventPage) -> Result<EventPage, StoreError> {
        page.events.iter().for_each(|recorded| self.notice(recorded));
        if !page.events.iter().any(|recorded| is_encrypted(recorded)) {
            return Ok(page);
        }
        let mut encrypted = Vec::new();
        let mut key_ids = BTreeSet::new();
        for recorded in page.events.iter_mut().filter(|recorded| is_encrypted(recorded)) {
            let kept = recorded.decoded(|stored| {
                Ok::<_, StoreError>(DecryptedEvent { key_ids: keys_of(stored), event: OnceLock::new() })
            })?;
            key_ids.extend(kept.key_ids.iter().copied());
            encrypted.push((recorded, kept));
        }
        let secrets = self.secrets(key_ids).await?;
        for (recorded, kept) in encrypted {
            if kept.key_ids.iter().all(|id| secrets.contains_key(id)) {
                let event = match kept.event.get() {
                    Some(event) => event.clone(),
                    None => Arc::new(decrypted(recorded, &secrets)?),
                };
                *recorded = kept.event.get_or_init(|| event).clone();
            } else {
                *recorded = Arc::new(decrypted(recorded, &secrets)?);
            }
        }
        Ok(page)
    }
}

fn is_encrypted(recorded: &Recorded) -> bool {
    !personal_texts(recorded.kind()).is_empty() && recorded.data().contains(field_cipher::MARK)
}

/// Whether an event has personal data that is not encrypted.
pub(crate) fn is_unprotected(recorded: &Recorded) -> bool {
    let places = personal_texts(recorded.kind());
    if places.is_empty() {
        return false;
    }
    let Ok(data) = serde_json::from_str::<Value>(recorded.data()) else { return false };
    let mut texts = places.iter().filter_map(|place| data.pointer(place)?.as_str());
    texts.any(|text| Encrypted::parse(text).is_none())
}

/// The ids of the keys under which texts of an event are encrypted.
fn keys_of(recorded: &Recorded) -> BTreeSet<Uuid> {
    if !is_encrypted(recorded) {
        return BTreeSet::new();
    }
    let Ok(data) = serde_json::from_str::<Value>(recorded.data()) else { return BTreeSet::new() };
    let texts = personal_texts(recorded.kind()).iter().filter_map(|place| data.pointer(place)?.as_str());
    texts.filter_map(Encrypted::parse).map(|encrypted| encrypted.key_id).collect()
}

fn encrypt(event: &mut NewEvent, places: &[&str], key: &DataKey) -> Result<(), StoreError> {
    let mut data: Value = event.data.parse().map_err(not_json)?;
    for place in places {
        if let Some(Value::String(text)) = data.pointer_mut(place) {
            *text = field_cipher::encrypt(text, key, event.id, place).ok_or_else(no_key)?;
        }
    }
    event.data = JsonText::of(&data).map_err(not_json)?;
    Ok(())
}

/// The event with its texts decrypted; those whose key is gone are [`ERASED`].
fn decrypted(recorded: &Recorded, secrets: &HashMap<Uuid, [u8; 32]>) -> Result<Recorded, StoreError> {
    let mut event = recorded.to_new();
    let mut data: Value = event.data.parse().map_err(not_json)?;
    for place in personal_texts(recorded.kind()) {
        if let Some(Value::String(text)) = data.pointer_mut(place)
            && let Some(encrypted) = Encrypted::parse(text)
        {
            let secret = secrets.get(&encrypted.key_id);
            let plain = secret.and_then(|secret| encrypted.decrypt(secret, event.id, place));
            *text = plain.unwrap_or_else(|| erased(place).to_owned());
        }
    }
    event.data = JsonText::of(&data).map_err(not_json)?;
    Ok(Recorded::new(recorded.position, &recorded.stream_name(), recorded.version, &event))
}

fn erased(place: &str) -> &'static str {
    if matches!(place, "/email" | "/to") { ERASED_EMAIL } else { ERASED }
}

fn not_json(error: serde_json::Error) -> StoreError {
    StoreError::Invalid(format!("the data of an event is not JSON: {error}"))
}

fn no_key() -> StoreError {
    StoreError::Invalid("personal data cannot be encrypted".to_owned())
}

#[cfg(test)]
#[path = "personal_data_tests.rs"]
mod tests;
