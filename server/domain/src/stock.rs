//! The stock of one product: the pieces on hand, and the reservations and allocations of orders.
//!
//! An allocation is kept until no piece of the order can come back: the order was shipped, or its pieces were returned. Then
//! it is settled and removed, so that the state of a product that sells well does not grow with every order. Repeated
//! commands are still harmless after that:
//!
//! * `Return`, `Release` and `Settle` find no entry of the order, and change nothing; `Allocate` finds no reservation, and is
//!   refused.
//! * `Reserve` would reserve again. It is appended together with `checkout.started`, at the expected version of a stream that
//!   allows no attempt once the order was confirmed or cancelled. A repeat therefore sees that, or conflicts and sees it
//!   then, on whichever server.
//! * A shipped order cannot be cancelled, nor a cancelled one be shipped: the stream of the order decides. The pieces of an
//!   order that was settled because it was shipped are therefore never returned.
//! * Pieces are allocated in the append that confirms the order, and only a confirmed order can be shipped. Settling therefore
//!   never comes before the allocation, even when it is delayed by a failure.
//!
//! An order that was cancelled or shipped before settling existed keeps its entry, unless the processes read the log again
//! from its beginning.

mod parts;
#[cfg(test)]
mod tests;

pub use parts::StockParts;

use std::collections::BTreeMap;

use storefront_api::{OrderId, Timestamp};

/// An event of the stock of a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StockEvent {
    Received {
        quantity: u32,
    },
    /// The number on hand was corrected, such as after a count or a breakage.
    Adjusted {
        /// Difference in pieces; negative for fewer.
        change: i64,
        reason: String,
    },
    /// Pieces were reserved for an order in checkout. Replaces an earlier reservation of the same order.
    Reserved {
        order_id: OrderId,
        /// Pieces that the order has reserved now.
        quantity: u32,
        /// End of the reservation if the order is not paid.
        until: Timestamp,
    },
    /// A reservation was released.
    Released {
        order_id: OrderId,
        /// Quantity that was reserved.
        quantity: u32,
        reason: ReleaseReason,
    },
    /// The reserved pieces were allocated to the order, and are no longer on hand.
    Allocated {
        order_id: OrderId,
        quantity: u32,
    },
    /// The pieces of a cancelled order are on hand again.
    Returned {
        order_id: OrderId,
        quantity: u32,
    },
    /// The order was shipped, or its pieces were returned; its entry is removed.
    Settled {
        order_id: OrderId,
    },
    /// The threshold for low stock has changed.
    ThresholdSet {
        /// Available pieces at or below which stock is low.
        threshold: u32,
    },
    /// The available pieces have fallen to the threshold or below, but not to 0.
    RanLow {
        available: u32,
    },
    /// The available pieces have fallen to 0.
    RanOut,
}

/// Why a reservation was released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReleaseReason {
    CheckoutFailed,
    OrderCancelled,
    /// The order was not paid in time.
    Expired,
}

/// A command to the stock of a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StockCommand {
    /// Add received goods: 1 to 1,000,000 pieces.
    Receive { quantity: u32 },
    /// Correct the number on hand; never below what is reserved.
    Adjust {
        /// Difference in pieces; not 0.
        change: i64,
        reason: String,
    },
    /// Set the number on hand to a counted number; never below what is reserved. An equal number changes nothing.
    Count {
        on_hand: u32,
        /// Reason or result of the count.
        reason: String,
    },
    /// Reserve pieces for an order, in place of its present reservation. An equal reservation changes nothing.
    Reserve {
        order_id: OrderId,
        quantity: u32,
        /// End of the reservation if the order is not paid.
        until: Timestamp,
    },
    /// Release the reservation of an order; changes nothing without one.
    Release { order_id: OrderId, reason: ReleaseReason },
    /// Allocate the reserved pieces; changes nothing for an order that has its pieces already.
    Allocate { order_id: OrderId },
    /// Return the pieces of a cancelled order; once per order.
    Return { order_id: OrderId },
    /// Remove the entry of an order that was shipped or whose pieces were returned; changes nothing without an entry.
    Settle { order_id: OrderId },
    /// Set the threshold, 0 to 1,000,000.
    SetThreshold {
        /// Available pieces at or below which stock is low.
        threshold: u32,
    },
}

/// Why a command was refused. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StockError {
    /// Fewer pieces are available than requested.
    #[error("only {available} are available")]
    NotAvailable {
        /// Quantity that can be reserved.
        available: u32,
    },
    #[error("the order holds no reservation")]
    NotReserved,
    /// On hand would go below what is reserved, or below zero.
    #[error("on hand would be {would_be}, with {reserved} reserved")]
    BelowReserved {
        /// The resulting number on hand.
        would_be: i64,
        /// Total of all reservations.
        reserved: u32,
    },
    /// The number is outside what the command allows.
    #[error("the number is out of range")]
    OutOfRange,
}

/// Maximum number of pieces per receipt, and maximum threshold.
pub const MAX_QUANTITY: u32 = 1_000_000;
/// Available pieces at or below which stock is low, unless an operator sets another threshold.
pub const DEFAULT_THRESHOLD: u32 = 10;

/// The stock of one product. Reservations never exceed the pieces on hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stock {
    on_hand: u32,
    threshold: u32,
    reservations: BTreeMap<OrderId, Reservation>,
    /// Allocations until they are settled, so that each order gets its pieces once and returns them once.
    allocations: BTreeMap<OrderId, Allocation>,
}

/// Pieces that are reserved for an order in checkout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reservation {
    pub quantity: u32,
    /// Until when, if it is not paid.
    pub until: Timestamp,
}

/// Pieces that are allocated to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allocation {
    pub quantity: u32,
    /// Whether they were returned, because the order was cancelled.
    pub returned: bool,
}

impl Default for Stock {
    fn default() -> Self {
        Self { on_hand: 0, threshold: DEFAULT_THRESHOLD, reservations: BTreeMap::new(), allocations: BTreeMap::new() }
    }
}

impl Stock {
    pub fn on_hand(&self) -> u32 {
        self.on_hand
    }

    /// Number of pieces that are reserved for orders in checkout.
    pub fn reserved(&self) -> u32 {
        sum_of(self.reservations.values())
    }

    /// Number of pieces that can still be reserved: on hand less reserved.
    pub fn available(&self) -> u32 {
        self.on_hand.saturating_sub(self.reserved())
    }

    /// Available pieces at or below which stock is low.
    pub fn threshold(&self) -> u32 {
        self.threshold
    }

    /// The reservation of an order.
    pub fn reservation_of(&self, order_id: OrderId) -> Option<Reservation> {
        self.reservations.get(&order_id).copied()
    }

    /// Number of pieces that an order can reserve, in place of its present reservation.
    pub fn available_to(&self, order_id: OrderId) -> u32 {
        let others = self.reservations.iter().filter(|(holder, _)| **holder != order_id);
        self.on_hand.saturating_sub(sum_of(others.map(|(_, reservation)| reservation)))
    }

    fn level(&self) -> Level {
        match self.available() {
            0 => Level::Out,
            available if available <= self.threshold => Level::Low,
            _ => Level::Enough,
        }
    }
}

/// The sum of reservations, which is at most the number on hand, so it always fits.
fn sum_of<'a>(reservations: impl Iterator<Item = &'a Reservation>) -> u32 {
    reservations.fold(0, |sum, reservation| sum.saturating_add(reservation.quantity))
}

/// The level of the available pieces; a worse level is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Enough,
    Low,
    Out,
}

/// The stock after an event. Never fails: an impossible event, such as one that brings the number on hand below the
/// reservations, changes nothing.
pub fn evolve(mut stock: Stock, event: &StockEvent) -> Stock {
    match event {
        StockEvent::Received { quantity } => {
            stock.on_hand = stock.on_hand.checked_add(*quantity).unwrap_or(stock.on_hand);
        }
        StockEvent::Adjusted { change, reason: _ } => {
            let on_hand = i64::from(stock.on_hand).checked_add(*change).and_then(|on_hand| u32::try_from(on_hand).ok());
            stock.on_hand = on_hand.filter(|on_hand| *on_hand >= stock.reserved()).unwrap_or(stock.on_hand);
        }
        StockEvent::Reserved { order_id, quantity, until } => {
            if *quantity <= stock.available_to(*order_id) {
                stock.reservations.insert(*order_id, Reservation { quantity: *quantity, until: *until });
            }
        }
        StockEvent::Released { order_id, quantity: _, reason: _ } => {
            stock.reservations.remove(order_id);
        }
        // The reservation has the quantity, which is never more than the number on hand.
        StockEvent::Allocated { order_id, quantity: _ } => {
            if let Some(Reservation { quantity, .. }) = stock.reservations.remove(order_id) {
                stock.on_hand = stock.on_hand.saturating_sub(quantity);
                stock.allocations.insert(*order_id, Allocation { quantity, returned: false });
            }
        }
        StockEvent::Returned { order_id, quantity: _ } => {
            if let Some(allocation) = stock.allocations.get_mut(order_id).filter(|allocation| !allocation.returned)
                && let Some(on_hand) = stock.on_hand.checked_add(allocation.quantity)
            {
                allocation.returned = true;
                stock.on_hand = on_hand;
            }
        }
        StockEvent::Settled { order_id } => {
            stock.allocations.remove(order_id);
        }
        StockEvent::ThresholdSet { threshold } => stock.threshold = *threshold,
        // Alerts follow from the numbers and change nothing.
        StockEvent::RanLow { .. } | StockEvent::RanOut => {}
    }
    stock
}

/// The events of a command; none when it changes nothing. When the available pieces fall to the threshold or to 0, `RanLow` or
/// `RanOut` follows the event that caused it: once per crossing, and again only after the stock has been above in between.
///
/// # Errors
/// Why the stock refuses the command; nothing is written then.
pub fn decide(stock: &Stock, command: StockCommand) -> Result<Vec<StockEvent>, StockError> {
    let Some(event) = event_of(stock, command)? else { return Ok(vec![]) };
    // An alert follows from the pieces on hand and the reservations. Allocations, of which there may be many, are left out.
    let Stock { on_hand, threshold, ref reservations, allocations: _ } = *stock;
    let before = Stock { on_hand, threshold, reservations: reservations.clone(), allocations: BTreeMap::new() };
    let alert = alert_between(stock, &evolve(before, &event));
    Ok(std::iter::once(event).chain(alert).collect())
}

fn event_of(stock: &Stock, command: StockCommand) -> Result<Option<StockEvent>, StockError> {
    match command {
        StockCommand::Receive { quantity } => {
            if !(1..=MAX_QUANTITY).contains(&quantity) {
                return Err(StockError::OutOfRange);
            }
            stock.on_hand.checked_add(quantity).ok_or(StockError::OutOfRange)?;
            Ok(Some(StockEvent::Received { quantity }))
        }
        StockCommand::Adjust { change, reason } => adjust(stock, change, reason).map(Some),
        StockCommand::Count { on_hand, reason } => {
            let change = i64::from(on_hand) - i64::from(stock.on_hand);
            if change == 0 { Ok(None) } else { adjust(stock, change, reason).map(Some) }
        }
        StockCommand::Reserve { order_id, quantity, until } => {
            reserve(stock, order_id, Reservation { quantity, until })
        }
        StockCommand::Release { order_id, reason } => Ok(stock
            .reservation_of(order_id)
            .map(|Reservation { quantity, .. }| StockEvent::Released { order_id, quantity, reason })),
        StockCommand::Allocate { order_id } => allocate(stock, order_id),
        StockCommand::Return { order_id } => match stock.allocations.get(&order_id) {
            Some(Allocation { quantity, returned: false }) => {
                stock.on_hand.checked_add(*quantity).ok_or(StockError::OutOfRange)?;
                Ok(Some(StockEvent::Returned { order_id, quantity: *quantity }))
            }
            Some(Allocation { returned: true, .. }) | None => Ok(None),
        },
        StockCommand::Settle { order_id } => {
            Ok(stock.allocations.contains_key(&order_id).then_some(StockEvent::Settled { order_id }))
        }
        StockCommand::SetThreshold { threshold } => {
            if threshold > MAX_QUANTITY {
                return Err(StockError::OutOfRange);
            }
            Ok((threshold != stock.threshold).then_some(StockEvent::ThresholdSet { threshold }))
        }
    }
}

fn adjust(stock: &Stock, change: i64, reason: String) -> Result<StockEvent, StockError> {
    let would_be = i64::from(stock.on_hand).checked_add(change).ok_or(StockError::OutOfRange)?;
    let reserved = stock.reserved();
    if would_be < i64::from(reserved) {
        return Err(StockError::BelowReserved { would_be, reserved });
    }
    if change == 0 || would_be > i64::from(u32::MAX) {
        return Err(StockError::OutOfRange);
    }
    Ok(StockEvent::Adjusted { change, reason })
}

/// An order that has its pieces gets no reservation, which would never be allocated or released.
fn reserve(stock: &Stock, order_id: OrderId, wanted: Reservation) -> Result<Option<StockEvent>, StockError> {
    let Reservation { quantity, until } = wanted;
    if quantity == 0 {
        return Err(StockError::OutOfRange);
    }
    if stock.allocations.contains_key(&order_id) || stock.reservation_of(order_id) == Some(wanted) {
        return Ok(None);
    }
    let available = stock.available_to(order_id);
    if quantity > available {
        return Err(StockError::NotAvailable { available });
    }
    Ok(Some(StockEvent::Reserved { order_id, quantity, until }))
}

fn allocate(stock: &Stock, order_id: OrderId) -> Result<Option<StockEvent>, StockError> {
    if stock.allocations.contains_key(&order_id) {
        return Ok(None);
    }
    let Reservation { quantity, .. } = stock.reservation_of(order_id).ok_or(StockError::NotReserved)?;
    Ok(Some(StockEvent::Allocated { order_id, quantity }))
}

fn alert_between(before: &Stock, after: &Stock) -> Option<StockEvent> {
    if after.level() <= before.level() {
        return None;
    }
    match after.level() {
        Level::Enough => None,
        Level::Low => Some(StockEvent::RanLow { available: after.available() }),
        Level::Out => Some(StockEvent::RanOut),
    }
}
