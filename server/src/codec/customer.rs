//! Events of streams `customer-{id}`.

use serde::{Deserialize, Serialize};
use storefront_domain::customer::CustomerEvent;

use super::shapes::{Money, NoData};
use super::{CodecError, Encoded, encode_shape, parse, unknown_type};

/// All event types of this context.
pub(crate) const KINDS: &[&str] = &["customer.registered", "customer.limit_set"];

#[derive(Serialize, Deserialize)]
struct LimitSet {
    limit: Money,
}

/// Encodes an event in its current schema version.
pub(crate) fn encode(event: &CustomerEvent) -> Encoded {
    match event {
        CustomerEvent::Registered => encode_shape("customer.registered", 1, &NoData {}),
        CustomerEvent::LimitSet { limit } => {
            encode_shape("customer.limit_set", 1, &LimitSet { limit: (*limit).into() })
        }
    }
}

/// Decodes an event of the current schema version.
pub(crate) fn decode(kind: &str, schema_version: u16, data: &str) -> Result<CustomerEvent, CodecError> {
    match (kind, schema_version) {
        ("customer.registered", 1) => {
            let NoData {} = parse(kind, data)?;
            Ok(CustomerEvent::Registered)
        }
        ("customer.limit_set", 1) => {
            let LimitSet { limit } = parse(kind, data)?;
            Ok(CustomerEvent::LimitSet { limit: limit.into() })
        }
        _ => Err(unknown_type("customer", KINDS, kind, schema_version)),
    }
}
