//! Events of the stream `category-list`.

use serde::{Deserialize, Serialize};
use storefront_domain::category::CategoryEvent;

use super::{CodecError, Encoded, encoded, parsed, unknown};

/// Every type.
pub(super) const KINDS: &[&str] = &["category.created"];

#[derive(Serialize, Deserialize)]
struct Created {
    name: String,
}

/// An event as it is stored now.
pub(crate) fn encode(event: &CategoryEvent) -> Encoded {
    match event.clone() {
        CategoryEvent::Created { name } => encoded("category.created", 1, &Created { name }),
    }
}

/// A stored event, of any version that was ever written.
pub(crate) fn decode(kind: &str, schema_version: u16, data: &str) -> Result<CategoryEvent, CodecError> {
    match (kind, schema_version) {
        ("category.created", 1) => {
            let Created { name } = parsed(kind, data)?;
            Ok(CategoryEvent::Created { name })
        }
        _ => Err(unknown("category", KINDS, kind, schema_version)),
    }
}
