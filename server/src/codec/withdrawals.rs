//! Events of the stream `withdrawals-missing`.

use serde::{Deserialize, Serialize};
use storefront_domain::withdrawals::WithdrawalsEvent;

use super::shapes::Nothing;
use super::{CodecError, Encoded, encoded, parsed, unknown};

/// Every type.
pub(super) const KINDS: &[&str] = &["withdrawals.held", "withdrawals.confirmed", "withdrawals.cleared"];

#[derive(Serialize, Deserialize)]
struct Held {
    missing: u32,
    sold: u32,
}

#[derive(Serialize, Deserialize)]
struct Confirmed {
    withdrawn: u32,
}

/// An event as it is stored now.
pub(crate) fn encode(event: &WithdrawalsEvent) -> Encoded {
    match *event {
        WithdrawalsEvent::Held { missing, sold } => encoded("withdrawals.held", 1, &Held { missing, sold }),
        WithdrawalsEvent::Confirmed { withdrawn } => encoded("withdrawals.confirmed", 1, &Confirmed { withdrawn }),
        WithdrawalsEvent::Cleared => encoded("withdrawals.cleared", 1, &Nothing {}),
    }
}

/// A stored event in its present shape.
pub(crate) fn decode(kind: &str, schema_version: u16, data: &str) -> Result<WithdrawalsEvent, CodecError> {
    match (kind, schema_version) {
        ("withdrawals.held", 1) => {
            let Held { missing, sold } = parsed(kind, data)?;
            Ok(WithdrawalsEvent::Held { missing, sold })
        }
        ("withdrawals.confirmed", 1) => {
            let Confirmed { withdrawn } = parsed(kind, data)?;
            Ok(WithdrawalsEvent::Confirmed { withdrawn })
        }
        ("withdrawals.cleared", 1) => {
            let Nothing {} = parsed(kind, data)?;
            Ok(WithdrawalsEvent::Cleared)
        }
        _ => Err(unknown("withdrawals", KINDS, kind, schema_version)),
    }
}
