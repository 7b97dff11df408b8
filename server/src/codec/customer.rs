//! Events of streams `customer-{id}`.

use serde::{Deserialize, Serialize};
use storefront_domain::customer::CustomerEvent;

use super::shapes::{Money, Nothing};
use super::{CodecError, Encoded, encoded, parsed, unknown};

/// Every type.
pub(super) const KINDS: &[&str] = &["customer.registered", "customer.limit_set"];

#[derive(Serialize, Deserialize)]
struct LimitSet {
    limit: Money,
}

/// An event as it is stored now.
pub(crate) fn encode(event: &CustomerEvent) -> Encoded {
    match event {
        CustomerEvent::Registered => encoded("customer.registered", 1, &Nothing {}),
        CustomerEvent::LimitSet { limit } => encoded("customer.limit_set", 1, &LimitSet { limit: (*limit).into() }),
    }
}

/// A stored event, of any version that was ever written.
pub(crate) fn decode(kind: &str, schema_version: u16, data: &str) -> Result<CustomerEvent, CodecError> {
    match (kind, schema_version) {
        ("customer.registered", 1) => {
            let Nothing {} = parsed(kind, data)?;
            Ok(CustomerEvent::Registered)
        }
        ("customer.limit_set", 1) => {
            let LimitSet { limit } = parsed(kind, data)?;
            Ok(CustomerEvent::LimitSet { limit: limit.into() })
        }
        _ => Err(unknown("customer", KINDS, kind, schema_version)),
    }
}
