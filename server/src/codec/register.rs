//! Events of streams `register-invoices-{year}` and `register-credit-notes-{year}`.

use serde::{Deserialize, Serialize};
use storefront_api::OrderId;
use storefront_domain::document_register::RegisterEvent;
use utoipa::ToSchema;

use super::{CodecError, Encoded, encode_shape, event_types, parse, unknown_type};

event_types! {
    stream "register-{series}-{year}";
    "register.entered" [1] Entered,
        "A document took the next number of its year",
        by ["process:invoices"];
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Entered {
    document: String,
    order_id: OrderId,
}

/// Encodes an event in its current schema version.
pub(crate) fn encode(event: &RegisterEvent) -> Encoded {
    match event.clone() {
        RegisterEvent::Entered { document, order_id } => {
            encode_shape("register.entered", 1, &Entered { document, order_id })
        }
    }
}

/// Decodes an event of the current schema version.
pub(crate) fn decode(kind: &str, schema_version: u16, data: &str) -> Result<RegisterEvent, CodecError> {
    match (kind, schema_version) {
        ("register.entered", 1) => {
            let Entered { document, order_id } = parse(kind, data)?;
            Ok(RegisterEvent::Entered { document, order_id })
        }
        _ => Err(unknown_type("register", KINDS, kind, schema_version)),
    }
}
