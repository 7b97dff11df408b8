//! The checkout process: from `order.checked_out` to a confirmed order, or back to a basket with the reason. It also
//! undoes an order that is cancelled later, and settles the goods of an order that is shipped.
//!
//! `react` turns a trigger into intents. The executor in the server carries out each intent in one append, together
//! with the events that record it in the stream of the process.

mod react;
mod state;
#[cfg(test)]
mod tests;

pub use react::{attempt_awaiting_payment, react};
pub use state::{Attempt, Checkout, CheckoutStage, evolve};
use storefront_api::{Money, PaymentId, PaymentMethod, ProductId, ReopenReason, VoucherCode};

use crate::OrderNumber;

/// An event of the checkout process; stream `checkout-{order}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckoutEvent {
    Started {
        /// The payment that it will request; also identifies this attempt among those of the same order.
        payment_id: PaymentId,
        lines: Vec<CheckoutLine>,
        total: Money,
        method: PaymentMethod,
        /// Address for mail about the order.
        email: String,
    },
    /// The voucher is reserved for the order.
    VoucherReserved {
        voucher: VoucherCode,
    },
    /// The voucher cannot be used, for example because another order has it; nothing is reserved.
    VoucherRefused {
        voucher: VoucherCode,
        detail: String,
    },
    /// Every line is reserved, and the voucher if there is one.
    StockReserved,
    /// Too few pieces of these products are available; nothing is reserved.
    StockRefused {
        product_ids: Vec<ProductId>,
    },
    PaymentReceived {
        payment_id: PaymentId,
    },
    PaymentRefused {
        payment_id: PaymentId,
        /// Code of the reason, such as `insufficient_funds`.
        reason: String,
        message: String,
    },
    /// The order is confirmed and its stock allocated.
    Completed {
        /// The order number that customers see.
        number: OrderNumber,
    },
    /// The checkout failed: reservations are released, and the order is a basket again.
    Failed {
        reason: ReopenReason,
    },
    /// The order was cancelled: reservations are released, allocated stock is returned, and the payment is refunded.
    Cancelled,
    /// The order was shipped, and its total earned the customer a voucher; at most once per order.
    VoucherIssued {
        voucher: VoucherCode,
    },
}

/// One line to reserve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckoutLine {
    pub product_id: ProductId,
    pub quantity: u32,
}

/// An event that the process reacts to, from other streams and from its own.
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
        voucher: Option<VoucherCode>,
    },
    /// `checkout.stock_reserved`, from the process's own stream.
    StockReserved,
    /// `payment.succeeded`.
    PaymentSucceeded { payment_id: PaymentId },
    /// `payment.declined`.
    PaymentDeclined {
        payment_id: PaymentId,
        /// Code of the reason, such as `insufficient_funds`.
        reason: String,
        message: String,
    },
    /// `checkout.completed`, from the process's own stream.
    Completed {
        /// The order number that customers see.
        number: OrderNumber,
        /// Whether an invoice will follow; the confirmation mail waits for it.
        awaits_invoice: bool,
    },
    /// `order.invoiced`.
    OrderInvoiced,
    /// `order.cancelled`.
    OrderCancelled,
    /// `order.shipped`.
    OrderShipped,
}

/// An action for the executor; each intent is one atomic append.
///
/// After a crash, a trigger can be handled again, because every intent takes effect once:
/// - `Start`, `Complete`, `Fail` and `Undo` are recorded in the stream of the process, and `react` does not repeat them.
/// - `RequestPayment`, `Refund`, `SendMail` and `Settle` are recorded in the streams of the payment, the mail and the stock.
///   A repeat leads to no events there: see [`crate::payment::decide`], [`crate::email::decide`] and
///   [`crate::stock::decide`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckoutIntent {
    /// Record `Started`; then reserve the voucher and every line and record `VoucherReserved` and `StockReserved`.
    /// Otherwise reserve nothing, record `StockRefused` or `VoucherRefused` and `Failed`, and reopen the order, or send
    /// the cancellation mail if it has been cancelled meanwhile.
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
    RequestPayment {
        payment_id: PaymentId,
        amount: Money,
        method: PaymentMethod,
    },
    /// Record `PaymentReceived` and `Completed`, confirm the order, allocate its stock and redeem its voucher. If the
    /// order has been cancelled meanwhile, do the same as `Undo`, and send the cancellation mail.
    Complete {
        payment_id: PaymentId,
        lines: Vec<CheckoutLine>,
        voucher: Option<VoucherCode>,
    },
    /// Record `PaymentRefused` and `Failed`, release every line and the voucher, and reopen the order, or send the
    /// cancellation mail if it has been cancelled meanwhile.
    Fail {
        payment_id: PaymentId,
        lines: Vec<CheckoutLine>,
        voucher: Option<VoucherCode>,
        /// Code of the reason, such as `insufficient_funds`.
        reason: String,
        message: String,
    },
    /// Request a mail about the order.
    SendMail {
        to: String,
        kind: crate::email::MailKind,
    },
    /// Record `Cancelled`, release every line or return and settle it, release the voucher, used or not, cancel the
    /// payment if it has no outcome yet, and refund what was paid.
    Undo {
        /// The payment of the last checkout.
        payment_id: PaymentId,
        lines: Vec<CheckoutLine>,
        voucher: Option<VoucherCode>,
    },
    /// Settle every line of a shipped order.
    Settle {
        lines: Vec<CheckoutLine>,
    },
    /// Refund a payment that succeeded after its checkout had ended otherwise.
    Refund {
        payment_id: PaymentId,
        reason: String,
    },
}
