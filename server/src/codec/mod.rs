//! The JSON of stored events: one file per context, and a recorded example of every type and version in `golden/`.
//!
//! Stored events are not wire types. They stay readable for ever: a new shape is a new schema version, and a step in
//! [`upcast`] converts the old shape to it. So each context reads and writes current shapes only. Snapshots can be recreated
//! at any time, so they have only their newest shape. Nothing here knows the log, the wire or the business rules.
//!
//! To change the shape of an event: change it in its context's file, with the next version number in `encode` and `decode`;
//! write the step from the previous version and list it in `upcast::steps`; and record the new shape beside the old one in
//! `golden/`, with its schema in `schemas/`. A released shape, step or recorded example never changes.

pub(crate) mod api_key;
pub(crate) mod category;
pub(crate) mod checkout;
pub(crate) mod customer;
pub(crate) mod email;
pub(crate) mod event_type;
mod fields;
pub(crate) mod invoice;
pub(crate) mod login;
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
pub(crate) mod webhook;
pub(crate) mod withdrawals;

use serde::Serialize;
use serde::de::DeserializeOwned;
use storefront_eventlog::JsonText;

use self::event_type::event_types;

/// An event as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Encoded {
    /// The event type, such as `order.item_added`.
    pub(crate) kind: &'static str,
    /// The version of the shape of `data`.
    pub(crate) schema_version: u16,
    pub(crate) data: JsonText,
}

/// The codec for snapshots of a stream's state.
#[derive(Clone, Copy)]
pub(crate) struct SnapshotCodec<S> {
    /// Version of the shape, and of the rules by which events are folded.
    pub(crate) schema_version: u16,
    /// Returns `None` for a state that cannot be stored.
    pub(crate) encode: fn(&S) -> Option<JsonText>,
    /// Returns `None` for data that is not a valid state.
    pub(crate) decode: fn(&JsonText) -> Option<S>,
}

/// Why a stored event cannot be read. The text never contains the event's data, which may be personal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CodecError {
    /// The type does not belong to the context, or a newer version of the program wrote it.
    #[error("{context} events have no type {kind:?}")]
    UnknownType { context: &'static str, kind: String },
    /// A newer version of the program wrote the event.
    #[error(
        "{kind} has schema version {schema_version}, and this program knows up to {known}: a newer version of the \
         program wrote it, and can read it"
    )]
    UnknownVersion { kind: String, schema_version: u16, known: u16 },
    /// No context has such streams.
    #[error("no events of this program stand in streams {prefix}-…")]
    UnknownStream { prefix: String },
    /// The data does not match the type and version.
    #[error("the data of {kind} does not fit: {detail}")]
    BadData { kind: String, detail: String },
}

/// Decodes an event of a context in its current shape, from type, schema version and data.
pub(crate) type Decode<E> = fn(&str, u16, &str) -> Result<E, CodecError>;

/// Reads an event of any released version: upcasts it, then decodes its current shape with the context's `decode`.
pub(crate) fn read<E>(kind: &str, schema_version: u16, data: &str, decode: Decode<E>) -> Result<E, CodecError> {
    let (schema_version, data) = upcast::to_present(kind, schema_version, data)?;
    decode(kind, schema_version, &data)
}

#[expect(clippy::expect_used, reason = "the shapes hold texts and numbers under fixed names, which always are JSON")]
fn encode_shape(kind: &'static str, schema_version: u16, shape: &impl Serialize) -> Encoded {
    let data = JsonText::of(shape).expect("a shape of the codecs is JSON");
    Encoded { kind, schema_version, data }
}

fn parse<T: DeserializeOwned>(kind: &str, data: &str) -> Result<T, CodecError> {
    serde_json::from_str(data).map_err(|error| bad_data(kind, &error))
}

fn bad_data(kind: &str, error: &serde_json::Error) -> CodecError {
    CodecError::BadData { kind: kind.to_owned(), detail: without_data(error) }
}

/// Describes a parse error without the value, which may be personal data; names of missing fields are not.
fn without_data(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.split_once(" at line ") {
        Some((missing, _)) if missing.starts_with("missing field `") => missing.to_owned(),
        _ if error.is_data() => format!("a value is not as it should be, at column {}", error.column()),
        _ => format!("it is not JSON, at column {}", error.column()),
    }
}

/// The error for a type or version that no arm of a `decode` matches.
fn unknown_type(context: &'static str, kinds: &[&str], kind: &str, schema_version: u16) -> CodecError {
    if kinds.contains(&kind) {
        let known = upcast::present_version(kind);
        CodecError::UnknownVersion { kind: kind.to_owned(), schema_version, known }
    } else {
        CodecError::UnknownType { context, kind: kind.chars().take(100).collect() }
    }
}
