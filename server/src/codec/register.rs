//! Events of streams `register-invoices-{year}` and `register-credit-notes-{year}`.

use serde::{Deserialize, Serialize};
use storefront_api::OrderId;
use storefront_domain::register::RegisterEvent;

use super::{CodecError, Encoded, encoded, parsed, unknown};

/// Every type.
pub(super) const KINDS: &[&str] = &["register.entered"];

#[derive(Serialize, Deserialize)]
struct Entered {
    document: String,
    order_id: OrderId,
}

/// An event as it is stored now.
pub(crate) fn encode(event: &RegisterEvent) -> Encoded {
    match event.clone() {
        RegisterEvent::Entered { document, order_id } => {
            encoded("register.entered", 1, &Entered { document, order_id })
        }
    }
}

/// A stored event in its present shape.
pub(crate) fn decode(kind: &str, schema_version: u16, data: &str) -> Result<RegisterEvent, CodecError> {
    match (kind, schema_version) {
        ("register.entered", 1) => {
            let Entered { document, order_id } = parsed(kind, data)?;
            Ok(RegisterEvent::Entered { document, order_id })
        }
        _ => Err(unknown("register", KINDS, kind, schema_version)),
    }
}
