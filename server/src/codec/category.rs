//! Events of the stream `category-list`.

use serde::{Deserialize, Serialize};
use storefront_domain::category::CategoryEvent;

use super::{CodecError, Encoded, encode_shape, parse, unknown_type};

/// All event types of this context.
pub(crate) const KINDS: &[&str] = &["category.created"];

#[derive(Serialize, Deserialize)]
struct Created {
    name: String,
}

/// Encodes an event in its current schema version.
pub(crate) fn encode(event: &CategoryEvent) -> Encoded {
    match event.clone() {
        CategoryEvent::Created { name } => encode_shape("category.created", 1, &Created { name }),
    }
}

/// Decodes an event of the current schema version.
pub(crate) fn decode(kind: &str, schema_version: u16, data: &str) -> Result<CategoryEvent, CodecError> {
    match (kind, schema_version) {
        ("category.created", 1) => {
            let Created { name } = parse(kind, data)?;
            Ok(CategoryEvent::Created { name })
        }
        _ => Err(unknown_type("category", KINDS, kind, schema_version)),
    }
}
