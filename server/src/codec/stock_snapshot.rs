//! What a stream `stock-{product}` adds up to, as it is kept beside the log.
//!
//! Unlike an event, a snapshot need not stay readable: one of another schema version is made again from the events. So
//! the version goes up with every change of the shape, and with every change of what events add up to.

use serde::{Deserialize, Serialize};
use storefront_api::{OrderId, Timestamp};
use storefront_domain::stock::{Allocation, Reservation, Stock, StockParts};
use storefront_eventlog::JsonText;

use super::SnapshotCodec;

/// How stock is kept.
pub(crate) const STOCK: SnapshotCodec<Stock> = SnapshotCodec { schema_version: 1, encode, decode };

/// Orders stand in lists and without names, because there are many of them.
#[derive(Serialize, Deserialize)]
struct Shape {
    on_hand: u32,
    threshold: u32,
    /// The order, how many, and until when.
    reservations: Vec<(OrderId, u32, Timestamp)>,
    /// The order, how many, and whether they came back.
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
