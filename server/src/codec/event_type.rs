//! What each type of event is, for those who read the log from outside: its meaning, its writers, and the shape of each version.
//!
//! The shapes stand in `schemas/` as JSON Schema, beside the recorded examples in `golden/`. They say which fields there are and
//! of which types, and no limits: a log holds what was allowed when it was written. A test derives the schema of each present
//! version from its struct and compares.

use serde_json::Value;
#[cfg(test)]
use utoipa::ToSchema;
#[cfg(test)]
use utoipa::openapi::{RefOr, Schema};

use super::customer::PASSWORD_HASH;

/// A type of event.
#[derive(Debug)]
pub(crate) struct EventType {
    /// The type, such as `order.item_added`.
    pub(crate) kind: &'static str,
    /// What has happened, in a sentence without a full stop.
    pub(crate) meaning: &'static str,
    /// The streams with such events, such as `order-{id}`.
    pub(crate) stream: &'static str,
    /// Who writes it: a request as method and path, or an actor: `process:NAME`, `product-service`, or `shop` when it starts.
    pub(crate) written_by: &'static [&'static str],
    /// Every version, from 1 to the present one.
    pub(crate) versions: &'static [EventVersion],
    /// The shape of the present version.
    #[cfg(test)]
    pub(super) shape: fn() -> Shape,
}

/// A version of the data of an event.
#[derive(Debug)]
pub(crate) struct EventVersion {
    pub(crate) schema_version: u16,
    /// JSON Schema of the data as it is read over HTTP; see [`remove_secrets`].
    pub(crate) schema: &'static str,
    /// Data as it is stored.
    pub(crate) example: &'static str,
}

/// The schema of a type, and those of the types in it by name.
#[cfg(test)]
pub(super) type Shape = (RefOr<Schema>, Vec<(String, RefOr<Schema>)>);

#[cfg(test)]
pub(super) fn shape_of<T: ToSchema>() -> Shape {
    let mut parts = Vec::new();
    T::schemas(&mut parts);
    (T::schema(), parts)
}

/// Lists the event types of a context: their streams; and for each type its versions, the struct of the present one, what it
/// means and who writes it. Makes `KINDS` and `TYPES` of it.
macro_rules! event_types {
    (
        stream $stream:literal;
        $($kind:literal [$($version:literal),+] $shape:ty, $meaning:literal, by [$($writer:literal),*];)+
    ) => {
        /// All event types of this context.
        pub(crate) const KINDS: &[&str] = &[$($kind),+];

        /// What the event types of this context are.
        pub(crate) const TYPES: &[$crate::codec::event_type::EventType] = &[$($crate::codec::event_type::EventType {
            kind: $kind,
            meaning: $meaning,
            stream: $stream,
            written_by: &[$($writer),*],
            versions: &[$($crate::codec::event_type::EventVersion {
                schema_version: $version,
                schema: include_str!(concat!("schemas/", $kind, ".v", $version, ".json")),
                example: include_str!(concat!("golden/", $kind, ".v", $version, ".json")),
            }),+],
            #[cfg(test)]
            shape: $crate::codec::event_type::shape_of::<$shape>,
        }),+];
    };
}
pub(super) use event_types;

/// Removes from an event's data what does not leave the server over HTTP: hashes of passwords.
pub(crate) fn remove_secrets(kind: &str, data: &mut Value) {
    if kind.starts_with("customer.")
        && let Some(fields) = data.as_object_mut()
    {
        fields.remove(PASSWORD_HASH);
    }
}
