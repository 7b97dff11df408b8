//! The checkout process: from `order.checked_out` to a confirmed order, or back to a basket with the reason. An order that
//! is cancelled later is undone, and the goods of one that is sent are settled.
//!
//! `react` answers an event with intents; the executor in the server carries each out in one append, together with the
//! events that say so. The process's own stream keeps what it learnt.

mod react;
mod state;
#[cfg(test)]
mod tests;

pub use react::{holds_unpaid, react};
pub use state::{Attempt, Checkout, CheckoutStage, evolve};
use storefront_api::{Money, OrderId, PaymentId, PaymentMethod, ProductId, ReopenReason, VoucherCode};

use crate::OrderNumber;

/// What the process did and learnt; stream `checkout-{order}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckoutEvent {
    /// A checkout began.
    Started {
        /// The payment that it will ask for; also names this checkout among those of the same order.
        payment_id: PaymentId,
        lines: Vec<CheckoutLine>,
        /// Amount to pay.
        total: Money,
        /// How it is to be paid.
        method: PaymentMethod,
        /// Address for mail about the order.
        email: String,
    },
    /// The voucher is kept for the order.
    VoucherReserved { voucher: VoucherCode },
    /// The voucher cannot be used, such as because another order has it; nothing is reserved.
    VoucherRefused {
        voucher: VoucherCode,
        /// Text for people.
        detail: String,
    },
    /// Every line is reserved, and the voucher if there is one.
    StockReserved,
    /// These products had too few left; nothing is reserved.
    StockRefused { product_ids: Vec<ProductId> },
    /// The money is there.
    PaymentReceived { payment_id: PaymentId },
    /// The payment was refused.
    PaymentRefused {
        payment_id: PaymentId,
        /// Machine-readable reason.
        reason: String,
        /// Text for people.
        message: String,
    },
    /// The order is confirmed and its stock allocated.
    Completed {
        /// The order number that customers see.
        number: OrderNumber,
    },
    /// The checkout failed: what was reserved is given back, and the order is a basket again.
    Failed { reason: ReopenReason },
    /// The order was cancelled: what was reserved or allocated is given back, and so is the money.
    Cancelled,
    /// The order was sent and had cost enough for its customer to get a voucher; once for each order.
    VoucherIssued { voucher: VoucherCode },
}

/// One line to reserve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckoutLine {
    pub product_id: ProductId,
    pub quantity: u32,
}

/// What reaches the process from elsewhere in the log, and from its own stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckoutTrigger {
    /// `order.checked_out`.
    OrderCheckedOut {
        /// Id of the payment that this checkout will request.
        payment_id: PaymentId,
        lines: Vec<CheckoutLine>,
        total: Money,
        method: PaymentMethod,
        /// Address for mail about the order.
        email: String,
        /// The voucher that it is bought with.
        voucher: Option<VoucherCode>,
    },
    /// `checkout.stock_reserved`, from the process's own stream.
    StockReserved,
    /// `payment.succeeded`.
    PaymentSucceeded { payment_id: PaymentId },
    /// `payment.declined`.
    PaymentDeclined {
        payment_id: PaymentId,
        /// Machine-readable reason.
        reason: String,
        /// Text for people.
        message: String,
    },
    /// `checkout.completed`, from the process's own stream.
    Completed {
        /// The order number that customers see.
        number: OrderNumber,
        /// Whether an invoice is still to be written for it: then its mail waits.
        awaits_invoice: bool,
    },
    /// `order.invoiced`.
    OrderInvoiced,
    /// `order.cancelled`.
    OrderCancelled,
    /// `order.shipped`.
    OrderShipped,
}

/// What the executor is to do; each intent is one atomic append.
///
/// `Start`, `Complete`, `Fail` and `Undo` leave their trace in the process's own stream, and `react` never asks for them again
/// once it is there. `RequestPayment`, `Refund`, `SendMail` and `Settle` leave theirs elsewhere, in the payment's, the mail's
/// and the stock's stream. Those take each once, however often it is asked for: [`crate::payment::decide`] answers a second
/// request or refund with no events, [`crate::email::decide`] a second mail under the same id, and [`crate::stock::decide`] a
/// second settling. So after a crash in between, every trigger can simply be taken again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Record `Started`; then reserve the voucher and every line and record `VoucherReserved` and `StockReserved`, or
    /// else reserve nothing, record `StockRefused` or `VoucherRefused` and `Failed`, and reopen the order, or tell that it
    /// is cancelled if it has been meanwhile.
    Start {
        /// Id of the payment that this checkout will request.
        payment_id: PaymentId,
        lines: Vec<CheckoutLine>,
        total: Money,
        method: PaymentMethod,
        /// Address for mail about the order.
        email: String,
        voucher: Option<VoucherCode>,
    },
    /// Ask for the money.
    RequestPayment { payment_id: PaymentId, amount: Money, method: PaymentMethod },
    /// Record `PaymentReceived` and `Completed`, confirm the order, allocate its stock and redeem its voucher. When the order has been
    /// cancelled meanwhile, the same as `Undo`, and the mail that it is cancelled.
    Complete { payment_id: PaymentId, lines: Vec<CheckoutLine>, voucher: Option<VoucherCode> },
    /// Record `PaymentRefused` and `Failed`, release every line and the voucher, and reopen the order, or tell that it is
    /// cancelled if it has been meanwhile.
    Fail {
        payment_id: PaymentId,
        lines: Vec<CheckoutLine>,
        voucher: Option<VoucherCode>,
        /// Machine-readable reason.
        reason: String,
        /// Text for people.
        message: String,
    },
    /// Ask for a mail about the order.
    SendMail { to: String, kind: crate::email::MailKind },
    /// Record `Cancelled`, release every line or return and settle it, give the voucher back, used or not, cancel the payment if
    /// it has no outcome yet, and refund whatever was paid.
    Undo {
        /// The payment of the last checkout.
        payment_id: PaymentId,
        lines: Vec<CheckoutLine>,
        voucher: Option<VoucherCode>,
    },
    /// Settle every line: the order was sent, and nothing of it comes back.
    Settle { lines: Vec<CheckoutLine> },
    /// Refund a payment that came in after its checkout had ended otherwise.
    Refund { payment_id: PaymentId, reason: String },
}

/// Names the order whose checkout this is.
pub type CheckoutId = OrderId;
