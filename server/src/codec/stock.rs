//! Events of streams `stock-{product}`.

use serde::{Deserialize, Serialize};
use storefront_api::{OrderId, Timestamp};
use storefront_domain::stock::{ReleaseReason as Reason, StockEvent};
use utoipa::ToSchema;

use super::shapes::NoData;
use super::{CodecError, Encoded, encode_shape, event_types, parse, unknown_type};

event_types! {
    stream "stock-{product}";
    "stock.received" [1] Received,
        "Pieces came onto the shelf",
        by ["POST /v1/stock/{product_id}/receive", "process:demo_stock"];
    "stock.adjusted" [1] Adjusted,
        "The number on the shelf was corrected by this",
        by ["POST /v1/stock/{product_id}/adjust", "PUT /v1/stock/{product_id}"];
    "stock.reserved" [1] Reserved,
        "Pieces are reserved for an order until this time",
        by ["process:checkout"];
    "stock.released" [1] Released,
        "The reservation of an order ended without a sale",
        by ["process:checkout", "process:reservations"];
    "stock.allocated" [1] OrderQuantity,
        "Pieces were taken off the shelf for a confirmed order",
        by ["process:checkout"];
    "stock.returned" [1] OrderQuantity,
        "Pieces of a cancelled order are on the shelf again",
        by ["process:checkout"];
    "stock.settled" [1] Settled,
        "The order concerns this stock no more",
        by ["process:checkout"];
    "stock.threshold_set" [1] ThresholdSet,
        "Stock counts as low from this number of pieces down",
        by ["PUT /v1/stock/{product_id}/threshold"];
    "stock.ran_low" [1] RanLow,
        "Stock has become low",
        by ["process:checkout", "POST /v1/stock/{product_id}/adjust", "PUT /v1/stock/{product_id}",
            "PUT /v1/stock/{product_id}/threshold"];
    "stock.ran_out" [1] NoData,
        "Nothing is left to sell",
        by ["process:checkout", "POST /v1/stock/{product_id}/adjust", "PUT /v1/stock/{product_id}"];
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Received {
    quantity: u32,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Adjusted {
    change: i64,
    reason: String,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Reserved {
    order_id: OrderId,
    quantity: u32,
    until: Timestamp,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Released {
    order_id: OrderId,
    quantity: u32,
    reason: ReleaseReason,
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ReleaseReason {
    CheckoutFailed,
    OrderCancelled,
    Expired,
}

/// Pieces that were allocated to an order or returned from it.
#[derive(Serialize, Deserialize, ToSchema)]
struct OrderQuantity {
    order_id: OrderId,
    quantity: u32,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Settled {
    order_id: OrderId,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct ThresholdSet {
    threshold: u32,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct RanLow {
    available: u32,
}

/// Encodes an event in its current schema version.
pub(crate) fn encode(event: &StockEvent) -> Encoded {
    match event.clone() {
        StockEvent::Received { quantity } => encode_shape("stock.received", 1, &Received { quantity }),
        StockEvent::Adjusted { change, reason } => encode_shape("stock.adjusted", 1, &Adjusted { change, reason }),
        StockEvent::Reserved { order_id, quantity, until } => {
            encode_shape("stock.reserved", 1, &Reserved { order_id, quantity, until })
        }
        StockEvent::Released { order_id, quantity, reason } => {
            let reason = match reason {
                Reason::CheckoutFailed => ReleaseReason::CheckoutFailed,
                Reason::OrderCancelled => ReleaseReason::OrderCancelled,
                Reason::Expired => ReleaseReason::Expired,
            };
            encode_shape("stock.released", 1, &Released { order_id, quantity, reason })
        }
        StockEvent::Allocated { order_id, quantity } => {
            encode_shape("stock.allocated", 1, &OrderQuantity { order_id, quantity })
        }
        StockEvent::Returned { order_id, quantity } => {
            encode_shape("stock.returned", 1, &OrderQuantity { order_id, quantity })
        }
        StockEvent::Settled { order_id } => encode_shape("stock.settled", 1, &Settled { order_id }),
        StockEvent::ThresholdSet { threshold } => encode_shape("stock.threshold_set", 1, &ThresholdSet { threshold }),
        StockEvent::RanLow { available } => encode_shape("stock.ran_low", 1, &RanLow { available }),
        StockEvent::RanOut => encode_shape("stock.ran_out", 1, &NoData {}),
    }
}

/// Decodes an event of the current schema version.
pub(crate) fn decode(kind: &str, schema_version: u16, data: &str) -> Result<StockEvent, CodecError> {
    match (kind, schema_version) {
        ("stock.received", 1) => {
            let Received { quantity } = parse(kind, data)?;
            Ok(StockEvent::Received { quantity })
        }
        ("stock.adjusted", 1) => {
            let Adjusted { change, reason } = parse(kind, data)?;
            Ok(StockEvent::Adjusted { change, reason })
        }
        ("stock.reserved", 1) => {
            let Reserved { order_id, quantity, until } = parse(kind, data)?;
            Ok(StockEvent::Reserved { order_id, quantity, until })
        }
        ("stock.released", 1) => {
            let Released { order_id, quantity, reason } = parse(kind, data)?;
            let reason = match reason {
                ReleaseReason::CheckoutFailed => Reason::CheckoutFailed,
                ReleaseReason::OrderCancelled => Reason::OrderCancelled,
                ReleaseReason::Expired => Reason::Expired,
            };
            Ok(StockEvent::Released { order_id, quantity, reason })
        }
        ("stock.allocated", 1) => {
            let OrderQuantity { order_id, quantity } = parse(kind, data)?;
            Ok(StockEvent::Allocated { order_id, quantity })
        }
        ("stock.returned", 1) => {
            let OrderQuantity { order_id, quantity } = parse(kind, data)?;
            Ok(StockEvent::Returned { order_id, quantity })
        }
        ("stock.settled", 1) => {
            let Settled { order_id } = parse(kind, data)?;
            Ok(StockEvent::Settled { order_id })
        }
        ("stock.threshold_set", 1) => {
            let ThresholdSet { threshold } = parse(kind, data)?;
            Ok(StockEvent::ThresholdSet { threshold })
        }
        ("stock.ran_low", 1) => {
            let RanLow { available } = parse(kind, data)?;
            Ok(StockEvent::RanLow { available })
        }
        ("stock.ran_out", 1) => {
            let NoData {} = parse(kind, data)?;
            Ok(StockEvent::RanOut)
        }
        _ => Err(unknown_type("stock", KINDS, kind, schema_version)),
    }
}
