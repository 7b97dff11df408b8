//! Events, streams, positions, and the filter of a reader.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Identifies one event for ever. A UUIDv7, so that ids grow with time.
pub type EventId = Uuid;

/// A place in the whole log. The first event has position 1; 0 means "before the first".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position(pub u64);

/// A place in one stream. The first event has version 1; 0 means "the stream has no event".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u64);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The name of a stream: 1 to 200 visible ASCII characters, by custom `context-id`, such as `order-7f…`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamName(String);

/// A text that is not a stream name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stream name has 1 to 200 visible ASCII characters, not {0:?}")]
pub struct BadStreamName(String);

impl StreamName {
    /// Creates a name from valid text.
    ///
    /// # Errors
    /// When it is empty, longer than 200 bytes, or has anything but visible ASCII.
    pub fn new(name: impl Into<String>) -> Result<Self, BadStreamName> {
        let name = name.into();
        if name.is_empty() || name.len() > 200 || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(BadStreamName(name));
        }
        Ok(Self(name))
    }

    /// Creates a name without checking it, because it was read from a log.
    pub(crate) fn trusted(name: String) -> Self {
        Self(name)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// JSON kept as the text that was written, so that what is read back is the same byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonText(String);

impl JsonText {
    /// Serialises a value as JSON.
    ///
    /// # Errors
    /// When the value cannot be JSON, such as a map with keys that are no strings.
    pub fn of(value: &impl Serialize) -> Result<Self, serde_json::Error> {
        serde_json::to_string(value).map(Self)
    }

    /// Wraps text without checking it, because it was read from a log.
    pub(crate) fn trusted(text: String) -> Self {
        Self(text)
    }

    /// The JSON as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Deserialises the JSON.
    ///
    /// # Errors
    /// When the JSON does not match the type.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.0)
    }
}

/// An event that is not in the log yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// Made by the caller, so that an append can be repeated safely.
    pub id: EventId,
    /// The type's name, such as `order.item_added`.
    pub kind: String,
    /// Schema version of `data`, from 1.
    pub schema_version: u16,
    /// Time of the event in milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
    /// The order or request that it belongs to.
    pub correlation_id: String,
    /// The event or command that led to it.
    pub causation_id: Option<String>,
    /// The user or process that caused it.
    pub actor: String,
    /// The content of the event as JSON; its fields depend on type and schema version.
    pub data: JsonText,
}

/// An event in the log. All of its text is in one allocation, so that reading many is fast.
#[derive(Clone)]
pub struct Recorded {
    /// Its position in the log.
    pub position: Position,
    /// Its version in its stream.
    pub version: Version,
    /// Identifies it for ever.
    pub id: EventId,
    /// Schema version of its data, from 1.
    pub schema_version: u16,
    /// When it happened, in milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
    has_cause: bool,
    /// End of each text but the last within `text`, in bytes.
    ends: [usize; 5],
    /// Stream, type, correlation, cause, actor and data.
    text: Box<str>,
    /// What the first reader that decoded the event made of it.
    decoded: OnceLock<Arc<dyn Any + Send + Sync>>,
}

/// The text fields of an event, borrowed from a row or a line.
pub(crate) struct Texts<'a> {
    pub(crate) stream: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) correlation_id: &'a str,
    pub(crate) causation_id: Option<&'a str>,
    pub(crate) actor: &'a str,
    pub(crate) data: &'a str,
}

impl Recorded {
    /// The recorded form of an event at a position and version.
    pub fn new(position: Position, stream: &StreamName, version: Version, event: &NewEvent) -> Self {
        let NewEvent { id, kind, schema_version, time_ms, correlation_id, causation_id, actor, data } = event;
        let texts = Texts {
            stream: stream.as_str(),
            kind,
            correlation_id,
            causation_id: causation_id.as_deref(),
            actor,
            data: data.as_str(),
        };
        let numbers = (*schema_version, *time_ms);
        Self::read(position, version, *id, numbers, &texts, &mut String::new())
    }

    /// An event as it was read, with its schema version and time; `scratch` is a buffer that callers reuse.
    pub(crate) fn read(
        position: Position,
        version: Version,
        id: EventId,
        (schema_version, time_ms): (u16, i64),
        texts: &Texts<'_>,
        scratch: &mut String,
    ) -> Self {
        let Texts { stream, kind, correlation_id, causation_id, actor, data } = *texts;
        scratch.clear();
        let ends = [stream, kind, correlation_id, causation_id.unwrap_or_default(), actor].map(|text| {
            scratch.push_str(text);
            scratch.len()
        });
        scratch.push_str(data);
        let has_cause = causation_id.is_some();
        Self {
            position,
            version,
            id,
            schema_version,
            time_ms,
            has_cause,
            ends,
            text: scratch.as_str().into(),
            decoded: OnceLock::new(),
        }
    }

    /// The name of its stream.
    pub fn stream(&self) -> &str {
        &self.text[..self.ends[0]]
    }

    /// The type's name, such as `order.item_added`.
    pub fn kind(&self) -> &str {
        &self.text[self.ends[0]..self.ends[1]]
    }

    /// The order or request that it belongs to.
    pub fn correlation_id(&self) -> &str {
        &self.text[self.ends[1]..self.ends[2]]
    }

    /// The event or command that led to it.
    pub fn causation_id(&self) -> Option<&str> {
        self.has_cause.then(|| &self.text[self.ends[2]..self.ends[3]])
    }

    /// The user or process that caused it.
    pub fn actor(&self) -> &str {
        &self.text[self.ends[3]..self.ends[4]]
    }

    /// The payload as JSON.
    pub fn data(&self) -> &str {
        &self.text[self.ends[4]..]
    }

    /// Size of its texts, in bytes.
    pub(crate) fn text_len(&self) -> usize {
        self.text.len()
    }

    /// What `decode` makes of the event. All who share the event share what the first of them got.
    ///
    /// # Errors
    /// Those of `decode`, which is then asked again next time.
    pub fn decoded<T: Any + Send + Sync, E>(&self, decode: impl FnOnce(&Self) -> Result<T, E>) -> Result<Arc<T>, E> {
        if let Some(known) = self.decoded.get()
            && let Ok(known) = known.clone().downcast::<T>()
        {
            return Ok(known);
        }
        let decoded = Arc::new(decode(self)?);
        // Somebody else may have been faster.
        let _known = self.decoded.set(decoded.clone());
        Ok(decoded)
    }

    /// The name of its stream, owned.
    pub fn stream_name(&self) -> StreamName {
        StreamName::trusted(self.stream().to_owned())
    }

    /// The event as it was appended.
    pub fn to_new(&self) -> NewEvent {
        NewEvent {
            id: self.id,
            kind: self.kind().to_owned(),
            schema_version: self.schema_version,
            time_ms: self.time_ms,
            correlation_id: self.correlation_id().to_owned(),
            causation_id: self.causation_id().map(str::to_owned),
            actor: self.actor().to_owned(),
            data: JsonText::trusted(self.data().to_owned()),
        }
    }
}

/// What was decoded follows from the rest.
impl PartialEq for Recorded {
    fn eq(&self, other: &Self) -> bool {
        let Self { position, version, id, schema_version, time_ms, has_cause, ends, text, decoded: _ } = self;
        (*position, *version, *id, *schema_version, *time_ms, *has_cause)
            == (other.position, other.version, other.id, other.schema_version, other.time_ms, other.has_cause)
            && *ends == other.ends
            && *text == other.text
    }
}

impl Eq for Recorded {}

impl fmt::Debug for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorded")
            .field("position", &self.position)
            .field("stream", &self.stream())
            .field("version", &self.version)
            .field("event", &self.to_new())
            .finish()
    }
}

/// Selects events of the whole log. Empty lists and `None` match everything; all given conditions must hold. A type or
/// stream pattern that ends in `*` matches by prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only these types, such as `payment.succeeded` or `payment.*`.
    pub types: Vec<String>,
    /// Only these streams, such as `order-7f…` or `stock-*`.
    pub streams: Vec<String>,
    /// Only events with this correlation id.
    pub correlation_id: Option<String>,
}

impl Filter {
    /// Whether no event can match, because a pattern contains NUL. Such text must not reach PostgreSQL, which rejects
    /// it.
    pub(crate) fn matches_nothing(&self) -> bool {
        let cannot_be = |pattern: &String| pattern.contains('\0');
        let none_of = |patterns: &[String]| !patterns.is_empty() && patterns.iter().all(cannot_be);
        none_of(&self.types) || none_of(&self.streams) || self.correlation_id.as_ref().is_some_and(cannot_be)
    }

    /// Whether an event of this type, in this stream and with this correlation id, matches.
    pub fn matches(&self, kind: &str, stream: &str, correlation_id: &str) -> bool {
        matches_any(&self.types, kind)
            && matches_any(&self.streams, stream)
            && self.correlation_id.as_deref().is_none_or(|wanted| wanted == correlation_id)
    }
}

fn matches_any(patterns: &[String], text: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| matches_pattern(pattern, text))
}

fn matches_pattern(pattern: &str, text: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == text, |prefix| text.starts_with(prefix))
}
