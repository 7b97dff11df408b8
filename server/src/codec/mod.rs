//! The JSON of stored events: one file for each context, and a recorded example of every type and version in `golden/`.
//!
//! Stored events are not wire types. What stands in the log stays readable for ever: a new shape is a new schema version,
//! and a step in [`upcast`] lifts the old one to it. So each context reads and writes the present shapes alone. Snapshots,
//! which are made again at any time, only know their newest shape. Nothing here knows the log, the wire or the rules of the
//! shop.
//!
//! To change the shape of an event: change it in its context's file with the next version number in `encode` and `decode`,
//! write the step from the version before, name it in `upcast::steps`, and record the new shape beside the old one in
//! `golden/`. A released shape, step or recorded example is never changed.

pub(crate) mod category;
pub(crate) mod checkout;
pub(crate) mod customer;
pub(crate) mod email;
mod fields;
pub(crate) mod invoice;
pub(crate) mod order;
pub(crate) mod payment;
pub(crate) mod process;
pub(crate) mod product;
pub(crate) mod register;
mod shapes;
pub(crate) mod stock;
pub(crate) mod stock_snapshot;
#[cfg(test)]
mod tests;
mod upcast;
pub(crate) mod voucher;
pub(crate) mod wallet;
pub(crate) mod withdrawals;

use serde::Serialize;
use serde::de::DeserializeOwned;
use storefront_eventlog::JsonText;

/// An event as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Encoded {
    /// The type's name, such as `order.item_added`.
    pub(crate) kind: &'static str,
    /// Which shape `data` has.
    pub(crate) schema_version: u16,
    /// What happened.
    pub(crate) data: JsonText,
}

/// How what a stream adds up to is kept beside the log.
#[derive(Clone, Copy)]
pub(crate) struct SnapshotCodec<S> {
    /// Which shape the data has, and which rules the events were added up by.
    pub(crate) schema_version: u16,
    /// `None` for what cannot be kept.
    pub(crate) encode: fn(&S) -> Option<JsonText>,
    /// `None` for what cannot be.
    pub(crate) decode: fn(&JsonText) -> Option<S>,
}

/// Why a stored event cannot be read. The text never repeats the event's data, which may be about a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CodecError {
    /// The type does not belong into the stream, or a later version of the program wrote it.
    #[error("{context} events have no type {kind:?}")]
    UnknownType { context: &'static str, kind: String },
    /// A later version of the program wrote it.
    #[error(
        "{kind} has schema version {schema_version}, and this program knows up to {known}: a newer version of the \
         program wrote it, and can read it"
    )]
    UnknownVersion { kind: String, schema_version: u16, known: u16 },
    /// No context has such streams.
    #[error("no events of this program stand in streams {prefix}-…")]
    UnknownStream { prefix: String },
    /// The data does not have the shape of the type and version.
    #[error("the data of {kind} does not fit: {detail}")]
    BadData { kind: String, detail: String },
}

/// How a context reads one of its events in its present shape.
type Decode<E> = fn(&str, u16, &str) -> Result<E, CodecError>;

/// Reads an event of any version that was ever written, with what its context reads present shapes with.
pub(crate) fn read<E>(kind: &str, schema_version: u16, data: &str, decode: Decode<E>) -> Result<E, CodecError> {
    let (schema_version, data) = upcast::lifted(kind, schema_version, data)?;
    decode(kind, schema_version, &data)
}

/// A context, as far as its events look the same from outside.
struct Context {
    /// Its streams are `name-…`, its types `name.…`.
    name: &'static str,
    #[cfg_attr(not(test), expect(dead_code, reason = "the tests hold recorded examples against it"))]
    kinds: &'static [&'static str],
    readable: Decode<()>,
}

macro_rules! context {
    ($module:ident) => {
        Context {
            name: stringify!($module),
            kinds: $module::KINDS,
            readable: |kind, schema_version, data| read(kind, schema_version, data, $module::decode).map(drop),
        }
    };
}

/// Every context.
const CONTEXTS: &[Context] = &[
    context!(order),
    context!(stock),
    context!(payment),
    context!(checkout),
    context!(email),
    context!(product),
    context!(category),
    context!(process),
    context!(wallet),
    context!(voucher),
    context!(customer),
    context!(invoice),
    context!(register),
    context!(withdrawals),
];

/// Whether an event of any context can be read, and stands in a stream of its context.
pub(crate) fn check(stream: &str, kind: &str, schema_version: u16, data: &str) -> Result<(), CodecError> {
    let prefix = stream.split_once('-').map_or(stream, |(prefix, _)| prefix);
    let context = CONTEXTS.iter().find(|context| context.name == prefix);
    let context = context.ok_or_else(|| CodecError::UnknownStream { prefix: prefix.chars().take(100).collect() })?;
    (context.readable)(kind, schema_version, data)
}

#[expect(clippy::expect_used, reason = "the shapes hold texts and numbers under fixed names, which always are JSON")]
fn encoded(kind: &'static str, schema_version: u16, shape: &impl Serialize) -> Encoded {
    let data = JsonText::of(shape).expect("a shape of the codecs is JSON");
    Encoded { kind, schema_version, data }
}

fn parsed<T: DeserializeOwned>(kind: &str, data: &str) -> Result<T, CodecError> {
    serde_json::from_str(data).map_err(|error| bad_data(kind, &error))
}

fn bad_data(kind: &str, error: &serde_json::Error) -> CodecError {
    CodecError::BadData { kind: kind.to_owned(), detail: without_data(error) }
}

/// What is wrong, without the value that is: the names of missing fields are ours, all else may be anybody's.
fn without_data(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.split_once(" at line ") {
        Some((missing, _)) if missing.starts_with("missing field `") => missing.to_owned(),
        _ if error.is_data() => format!("a value is not as it should be, at column {}", error.column()),
        _ => format!("it is not JSON, at column {}", error.column()),
    }
}

/// Nothing in `kinds` has this type and version.
fn unknown(context: &'static str, kinds: &[&str], kind: &str, schema_version: u16) -> CodecError {
    if kinds.contains(&kind) {
        let known = upcast::present_version(kind);
        CodecError::UnknownVersion { kind: kind.to_owned(), schema_version, known }
    } else {
        CodecError::UnknownType { context, kind: kind.chars().take(100).collect() }
    }
}
