//! Events of the stream `withdrawals-missing`.

use serde::{Deserialize, Serialize};
use storefront_domain::withdrawals::WithdrawalsEvent;
use utoipa::ToSchema;

use super::shapes::NoData;
use super::{CodecError, Encoded, encode_shape, event_types, parse, unknown_type};

event_types! {
    stream "withdrawals-missing";
    "withdrawals.held" [1] Held,
        "The product service suddenly lists so little that withdrawals wait for an operator",
        by ["product-service"];
    "withdrawals.confirmed" [1] Confirmed,
        "An operator confirmed that the products are gone",
        by ["POST /v1/product-service/withdrawals/confirm"];
    "withdrawals.cleared" [1] NoData,
        "The missing products are listed again, and nothing waits",
        by ["product-service"];
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Held {
    missing: u32,
    sold: u32,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Confirmed {
    withdrawn: u32,
}

/// Encodes an event in its current schema version.
pub(crate) fn encode(event: &WithdrawalsEvent) -> Encoded {
    match *event {
        WithdrawalsEvent::Held { missing, sold } => encode_shape("withdrawals.held", 1, &Held { missing, sold }),
        WithdrawalsEvent::Confirmed { withdrawn } => encode_shape("withdrawals.confirmed", 1, &Confirmed { withdrawn }),
        WithdrawalsEvent::Cleared => encode_shape("withdrawals.cleared", 1, &NoData {}),
    }
}

/// Decodes an event of the current schema version.
pub(crate) fn decode(kind: &str, schema_version: u16, data: &str) -> Result<WithdrawalsEvent, CodecError> {
    match (kind, schema_version) {
        ("withdrawals.held", 1) => {
            let Held { missing, sold } = parse(kind, data)?;
            Ok(WithdrawalsEvent::Held { missing, sold })
        }
        ("withdrawals.confirmed", 1) => {
            let Confirmed { withdrawn } = parse(kind, data)?;
            Ok(WithdrawalsEvent::Confirmed { withdrawn })
        }
        ("withdrawals.cleared", 1) => {
            let NoData {} = parse(kind, data)?;
            Ok(WithdrawalsEvent::Cleared)
        }
        _ => Err(unknown_type("withdrawals", KINDS, kind, schema_version)),
    }
}
