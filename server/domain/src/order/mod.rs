//! Orders, from the first item. While it is in progress, an order is the basket.

mod basket;
mod commands;
mod decide;
mod events;
mod evolve;
mod state;
#[cfg(test)]
mod tests;

pub use basket::{AppliedVoucher, Basket, LineNotice, OrderLine, discount_on};
pub use commands::{LineFacts, LineProblem, OrderCommand, OrderError};
pub use decide::{MAX_LINES, decide};
pub use events::{ItemFacts, OrderEvent};
pub use evolve::evolve;
pub use state::{CheckoutDetails, Order, Purchase, Shipment};
