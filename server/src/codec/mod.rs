//! The JSON of stored events: one file for each context, and a recorded example of every type and version in `golden/`.
//!
//! Stored events are not wire types. What stands in the log stays readable for ever, so a shape here never changes: a new
//! shape is a new schema version, beside the old one. Snapshots, which are made again at any time, only know their newest
//! shape. Nothing here knows the log, the wire or the rules of the shop.

pub(crate) mod checkout;
pub(crate) mod email;
pub(crate) mod order;
pub(crate) mod payment;
pub(crate) mod product;
mod shapes;
pub(crate) mod stock;
pub(crate) mod stock_snapshot;
#[cfg(test)]
mod tests;

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
pub(crate) struct Kept<S> {
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
    #[error("{kind} has no schema version {schema_version} that this program knows")]
    UnknownVersion { kind: String, schema_version: u16 },
    /// The data does not have the shape of the type and version.
    #[error("the data of {kind} does not fit: {detail}")]
    BadData { kind: String, detail: String },
}

#[expect(clippy::expect_used, reason = "the shapes hold texts and numbers under fixed names, which always are JSON")]
fn encoded(kind: &'static str, schema_version: u16, shape: &impl Serialize) -> Encoded {
    let data = JsonText::of(shape).expect("a shape of the codecs is JSON");
    Encoded { kind, schema_version, data }
}

fn parsed<T: DeserializeOwned>(kind: &str, data: &JsonText) -> Result<T, CodecError> {
    data.parse().map_err(|error| CodecError::BadData { kind: kind.to_owned(), detail: without_data(&error) })
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
        CodecError::UnknownVersion { kind: kind.to_owned(), schema_version }
    } else {
        CodecError::UnknownType { context, kind: kind.chars().take(100).collect() }
    }
}
