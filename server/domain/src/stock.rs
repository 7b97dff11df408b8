//! The stock of one product: what is on hand, and which of it is promised to which order.
//!
//! An order that has its pieces is remembered until nothing of it can come back any more: it was sent, or its pieces are
//! back. Then it is settled and forgotten, so that what sells well does not carry along every order of its life. Why nothing
//! happens twice after that:
//!
//! * `Return`, `Release` and `Settle` find nothing of the order, and do nothing; `Allocate` finds no promise, and is refused.
//! * `Reserve` would promise anew. It is asked for in one append with `checkout.started`, at the version of a stream that
//!   lets no attempt begin once the order was confirmed or given up. So a repeat finds that out, or conflicts and finds it out
//!   then, whichever server asks.
//! * An order that was sent cannot be given up, nor one that was given up be sent: its own stream decides. So the pieces of an
//!   order that was settled because it was sent are never asked back.
//! * Pieces leave the shelf in the append that confirms their order, and only a confirmed order can be sent. So settling never
//!   comes before them, even where it waits behind something that went wrong.
//!
//! An order that was given up before there was settling keeps its entry, and so does one that was sent before, unless the log
//! is read again from its beginning.

mod parts;
#[cfg(test)]
mod tests;

pub use parts::StockParts;

use std::collections::BTreeMap;

use storefront_api::{OrderId, Timestamp};

/// Something that happened to the stock of a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StockEvent {
    /// Goods came in.
    Received {
        /// How many.
        quantity: u32,
    },
    /// Somebody counted, or something broke.
    Adjusted {
        /// How many more, or fewer.
        change: i64,
        /// Why.
        reason: String,
    },
    /// Pieces were promised to an order that is checking out. Replaces an earlier promise to the same order.
    Reserved {
        /// The order.
        order_id: OrderId,
        /// How many it holds now.
        quantity: u32,
        /// Until when, if it is not paid.
        until: Timestamp,
    },
    /// A promise was taken back.
    Released {
        /// The order.
        order_id: OrderId,
        /// How many it held.
        quantity: u32,
        /// Why.
        reason: ReleaseReason,
    },
    /// A promise was kept: the pieces have left the shelf.
    Allocated {
        /// The order.
        order_id: OrderId,
        /// How many.
        quantity: u32,
    },
    /// Pieces of a cancelled order went back on the shelf.
    Returned {
        /// The order.
        order_id: OrderId,
        /// How many.
        quantity: u32,
    },
    /// Nothing of an order can come back any more: it was sent, or its pieces are back. It is forgotten.
    Settled {
        /// The order.
        order_id: OrderId,
    },
    /// Stock runs low at another number.
    ThresholdSet {
        /// At or below this many available.
        threshold: u32,
    },
    /// Available has come down to the threshold or below, and is not 0.
    RanLow {
        /// How many are available.
        available: u32,
    },
    /// Nothing is available any more.
    RanOut,
}

/// Why a promise was taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReleaseReason {
    /// The checkout failed.
    CheckoutFailed,
    /// The order was given up.
    OrderCancelled,
    /// It was not paid in time.
    Expired,
}

/// Something asked of the stock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StockCommand {
    /// Take goods in: 1 to 1,000,000.
    Receive {
        /// How many.
        quantity: u32,
    },
    /// Correct the books; on hand never goes below what is reserved.
    Adjust {
        /// How many more, or fewer; not 0.
        change: i64,
        /// Why.
        reason: String,
    },
    /// Bring the books to a number that somebody counted; never below what is reserved. The number that they have changes nothing.
    Count {
        /// How many there are.
        on_hand: u32,
        /// Why it was counted, or what came out.
        reason: String,
    },
    /// Promise pieces to an order; replaces what the order held. The same promise again changes nothing.
    Reserve {
        /// The order.
        order_id: OrderId,
        /// How many.
        quantity: u32,
        /// Until when.
        until: Timestamp,
    },
    /// Take a promise back; without one, nothing happens.
    Release {
        /// The order.
        order_id: OrderId,
        /// Why.
        reason: ReleaseReason,
    },
    /// Keep a promise; an order that has its pieces already gets no more.
    Allocate {
        /// The order.
        order_id: OrderId,
    },
    /// Put the pieces of a cancelled order back; once per order.
    Return {
        /// The order.
        order_id: OrderId,
    },
    /// Forget an order that was sent, or whose pieces are back; one that has no pieces is forgotten already.
    Settle {
        /// The order.
        order_id: OrderId,
    },
    /// Set the threshold, 0 to 1,000,000.
    SetThreshold {
        /// At or below this many available.
        threshold: u32,
    },
}

/// Why a command was refused. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StockError {
    /// Less is available than was asked for.
    #[error("only {available} are available")]
    NotAvailable {
        /// How many can be reserved.
        available: u32,
    },
    /// The order holds no promise to keep.
    #[error("the order holds no reservation")]
    NotReserved,
    /// On hand would go below what is reserved, or below zero.
    #[error("on hand would be {would_be}, with {reserved} reserved")]
    BelowReserved {
        /// What on hand would be.
        would_be: i64,
        /// What is promised.
        reserved: u32,
    },
    /// The number is outside what the command allows.
    #[error("the number is out of range")]
    OutOfRange,
}

/// The most pieces that one command can take in, and the highest threshold.
pub const MAX_QUANTITY: u32 = 1_000_000;
/// At or below this many available, stock runs low, unless an operator says otherwise.
pub const DEFAULT_THRESHOLD: u32 = 10;

/// The stock of one product, as its events add up. What is reserved is never more than what is on hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stock {
    on_hand: u32,
    threshold: u32,
    reservations: BTreeMap<OrderId, Reservation>,
    /// Orders that have their pieces, kept until they are settled so that each gets them once and gives them back once.
    allocations: BTreeMap<OrderId, Allocation>,
}

/// A promise to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// How many pieces.
    pub quantity: u32,
    /// Until when, if it is not paid.
    pub until: Timestamp,
}

/// Pieces that an order has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// How many pieces.
    pub quantity: u32,
    /// Whether they came back, because the order was cancelled.
    pub returned: bool,
}

impl Default for Stock {
    fn default() -> Self {
        Self { on_hand: 0, threshold: DEFAULT_THRESHOLD, reservations: BTreeMap::new(), allocations: BTreeMap::new() }
    }
}

impl Stock {
    /// How many are in the house.
    pub fn on_hand(&self) -> u32 {
        self.on_hand
    }

    /// How many of those are promised to orders that are checking out.
    pub fn reserved(&self) -> u32 {
        sum_of(self.reservations.values())
    }

    /// How many can still be promised: on hand less reserved.
    pub fn available(&self) -> u32 {
        self.on_hand.saturating_sub(self.reserved())
    }

    /// At or below this many available, stock runs low.
    pub fn threshold(&self) -> u32 {
        self.threshold
    }

    /// What is promised to an order now.
    pub fn reservation_of(&self, order_id: OrderId) -> Option<Reservation> {
        self.reservations.get(&order_id).copied()
    }

    /// How many could be promised to an order, whose own promise would be replaced.
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

/// At most what is on hand, so it always fits.
fn sum_of<'a>(reservations: impl Iterator<Item = &'a Reservation>) -> u32 {
    reservations.fold(0, |sum, reservation| sum.saturating_add(reservation.quantity))
}

/// How much is available; worse is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Enough,
    Low,
    Out,
}

/// The stock after an event. Never fails: an event that cannot be, because on hand would go below what is reserved or no
/// such promise was made, leaves the stock as it was.
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
        // The promise says how many: never more than are on hand.
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
        // Alerts follow from the numbers and change none.
        StockEvent::RanLow { .. } | StockEvent::RanOut => {}
    }
    stock
}

/// The events that a command leads to; none when everything is so already. When what is available comes down to the
/// threshold or to nothing, `RanLow` or `RanOut` follows the event that did it: once for each crossing, and again only after
/// the stock has been above in between.
///
/// # Errors
/// Says why the stock refuses. Nothing is to be written then.
pub fn decide(stock: &Stock, command: StockCommand) -> Result<Vec<StockEvent>, StockError> {
    let Some(event) = event_of(stock, command)? else { return Ok(vec![]) };
    let after = evolve(stock.clone(), &event);
    let alert = alert_between(stock, &after);
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

/// An order that has got its pieces already needs no promise. One that were made would never be kept or taken back.
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
