//! The screen Counter: what the shopkeeper does.

mod stock;

use storefront_api::{AdjustStock, ProductId, ReceiveStock, StockItem, Timestamp};

pub(crate) use stock::{Level, Stock};

/// What a form of this screen is for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Work {
    Receive(ProductId),
    Adjust(ProductId),
    SetThreshold(ProductId),
}

/// What a filled-in form asks of the shop.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Request {
    Receive(ProductId, ReceiveStock),
    Adjust(ProductId, AdjustStock),
    SetThreshold(ProductId, u32),
}

/// What the shop has as the answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Agreed {
    Stock(StockItem),
}

/// The screen Counter.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    pub(crate) stock: Stock,
    /// When to look again because something changed.
    pub(crate) refresh_at: Option<Timestamp>,
}
