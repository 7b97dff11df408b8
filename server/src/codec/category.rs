//! Events of the stream `category-list`.

use serde::{Deserialize, Serialize};
use storefront_domain::category::CategoryEvent;
use utoipa::ToSchema;

use super::{CodecError, Encoded, encode_shape, event_types, parse, unknown_type};

event_types! {
    stream "category-list";
    "category.created" [1] Created,
        "There is a category",
        by ["product-service", "POST /v1/categories"];
}

#[derive(Serialize, Deserialize, ToSchema)]
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
