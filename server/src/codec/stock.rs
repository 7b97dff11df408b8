//! Events of streams `stock-{product}`.

use serde::{Deserialize, Serialize};
use storefront_api::{OrderId, Timestamp};
use storefront_domain::stock::{ReleaseReason as Reason, StockEvent};

use super::shapes::Nothing;
use super::{CodecError, Encoded, encoded, parsed, unknown};

/// Every type.
pub(super) const KINDS: &[&str] = &[
    "stock.received",
    "stock.adjusted",
    "stock.reserved",
    "stock.released",
    "stock.allocated",
    "stock.returned",
    "stock.settled",
    "stock.threshold_set",
    "stock.ran_low",
    "stock.ran_out",
];

#[derive(Serialize, Deserialize)]
struct Received {
    quantity: u32,
}

#[derive(Serialize, Deserialize)]
struct Adjusted {
    change: i64,
    reason: String,
}

#[derive(Serialize, Deserialize)]
struct Reserved {
    order_id: OrderId,
    quantity: u32,
    until: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Released {
    order_id: OrderId,
    quantity: u32,
    reason: ReleaseReason,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ReleaseReason {
    CheckoutFailed,
    OrderCancelled,
    Expired,
}

/// Pieces that an order took or gave back.
#[derive(Serialize, Deserialize)]
struct OfOrder {
    order_id: OrderId,
    quantity: u32,
}

#[derive(Serialize, Deserialize)]
struct Settled {
    order_id: OrderId,
}

#[derive(Serialize, Deserialize)]
struct ThresholdSet {
    threshold: u32,
}

#[derive(Serialize, Deserialize)]
struct RanLow {
    available: u32,
}

/// An event as it is stored now.
pub(crate) fn encode(event: &StockEvent) -> Encoded {
    match event.clone() {
        StockEvent::Received { quantity } => encoded("stock.received", 1, &Received { quantity }),
        StockEvent::Adjusted { change, reason } => encoded("stock.adjusted", 1, &Adjusted { change, reason }),
        StockEvent::Reserved { order_id, quantity, until } => {
            encoded("stock.reserved", 1, &Reserved { order_id, quantity, until })
        }
        StockEvent::Released { order_id, quantity, reason } => {
            let reason = match reason {
                Reason::CheckoutFailed => ReleaseReason::CheckoutFailed,
                Reason::OrderCancelled => ReleaseReason::OrderCancelled,
                Reason::Expired => ReleaseReason::Expired,
            };
            encoded("stock.released", 1, &Released { order_id, quantity, reason })
        }
        StockEvent::Allocated { order_id, quantity } => encoded("stock.allocated", 1, &OfOrder { order_id, quantity }),
        StockEvent::Returned { order_id, quantity } => encoded("stock.returned", 1, &OfOrder { order_id, quantity }),
        StockEvent::Settled { order_id } => encoded("stock.settled", 1, &Settled { order_id }),
        StockEvent::ThresholdSet { threshold } => encoded("stock.threshold_set", 1, &ThresholdSet { threshold }),
        StockEvent::RanLow { available } => encoded("stock.ran_low", 1, &RanLow { available }),
        StockEvent::RanOut => encoded("stock.ran_out", 1, &Nothing {}),
    }
}

/// A stored event in its present shape.
pub(crate) fn decode(kind: &str, schema_version: u16, data: &str) -> Result<StockEvent, CodecError> {
    match (kind, schema_version) {
        ("stock.received", 1) => {
            let Received { quantity } = parsed(kind, data)?;
            Ok(StockEvent::Received { quantity })
        }
        ("stock.adjusted", 1) => {
            let Adjusted { change, reason } = parsed(kind, data)?;
            Ok(StockEvent::Adjusted { change, reason })
        }
        ("stock.reserved", 1) => {
            let Reserved { order_id, quantity, until } = parsed(kind, data)?;
            Ok(StockEvent::Reserved { order_id, quantity, until })
        }
        ("stock.released", 1) => {
            let Released { order_id, quantity, reason } = parsed(kind, data)?;
            let reason = match reason {
                ReleaseReason::CheckoutFailed => Reason::CheckoutFailed,
                ReleaseReason::OrderCancelled => Reason::OrderCancelled,
                ReleaseReason::Expired => Reason::Expired,
            };
            Ok(StockEvent::Released { order_id, quantity, reason })
        }
        ("stock.allocated", 1) => {
            let OfOrder { order_id, quantity } = parsed(kind, data)?;
            Ok(StockEvent::Allocated { order_id, quantity })
        }
        ("stock.returned", 1) => {
            let OfOrder { order_id, quantity } = parsed(kind, data)?;
            Ok(StockEvent::Returned { order_id, quantity })
        }
        ("stock.settled", 1) => {
            let Settled { order_id } = parsed(kind, data)?;
            Ok(StockEvent::Settled { order_id })
        }
        ("stock.threshold_set", 1) => {
            let ThresholdSet { threshold } = parsed(kind, data)?;
            Ok(StockEvent::ThresholdSet { threshold })
        }
        ("stock.ran_low", 1) => {
            let RanLow { available } = parsed(kind, data)?;
            Ok(StockEvent::RanLow { available })
        }
        ("stock.ran_out", 1) => {
            let Nothing {} = parsed(kind, data)?;
            Ok(StockEvent::RanOut)
        }
        _ => Err(unknown("stock", KINDS, kind, schema_version)),
    }
}
