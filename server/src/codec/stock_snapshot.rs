//! Snapshots of the state of streams `stock-{product}`.
//!
//! Unlike an event, a snapshot need not stay readable: one of another schema version is recreated from the events. So the
//! version must increase with every change of the shape or of the fold of events.

use serde::{Deserialize, Serialize};
use storefront_api::{OrderId, Timestamp};
use storefront_domain::stock::{Allocation, Reservation, Stock, StockParts};
use storefront_eventlog::JsonText;

use super::SnapshotCodec;

/// The snapshot codec of stock.
pub(crate) const STOCK: SnapshotCodec<Stock> = SnapshotCodec { schema_version: 1, encode, decode };

/// Orders are stored as arrays without field names, because there are many of them.
#[derive(Serialize, Deserialize)]
struct Shape {
    on_hand: u32,
    threshold: u32,
    /// Order, number of pieces, and expiry.
    reservations: Vec<(OrderId, u32, Timestamp)>,
    /// Order, number of pieces, and whether they were returned.
    allocations: Vec<(OrderId, u32, bool)>,
}

fn encode(stock: &Stock) -> Option<JsonText> {
    let StockParts { on_hand, threshold, reservations, allocations } = stock.to_parts();
    let reservations = reservations
        .into_iter()
        .map(|(order_id, Reservation { quantity, until })| (order_id, quantity, until))
        .collect();
    let allocations = allocations
        .into_iter()
        .map(|(order_id, Allocation { quantity, returned })| (order_id, quantity, returned))
        .collect();
    JsonText::of(&Shape { on_hand, threshold, reservations, allocations }).ok()
}

fn decode(data: &JsonText) -> Option<Stock> {
    let Shape { on_hand, threshold, reservations, allocations } = data.parse().ok()?;
    let reservations = reservations
        .into_iter()
        .map(|(order_id, quantity, until)| (order_id, Reservation { quantity, until }))
        .collect();
    let allocations = allocations
        .into_iter()
        .map(|(order_id, quantity, returned)| (order_id, Allocation { quantity, returned }))
        .collect();
    Stock::from_parts(StockParts { on_hand, threshold, reservations, allocations })
}
