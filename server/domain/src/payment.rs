//! A payment: one attempt to pay for an order, with its refunds and disputes.

mod decide;
mod decide_refunds;
mod disputes;
mod evolve;
mod refund;
mod state;
#[cfg(test)]
mod tests;

pub use decide::decide;
pub use disputes::{Dispute, DisputeOutcome, DisputeState};
pub use evolve::evolve;
pub use refund::{Refund, RefundState};
pub use state::{Authentication, Payment, PaymentRequest};
use storefront_api::{Money, OrderId, PaymentMethod, RefundId, Timestamp};

/// An event of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaymentEvent {
    /// The checkout requests money. The gateway is called under an idempotency key derived from the id of this event.
    Requested { order_id: OrderId, amount: Money, method: PaymentMethod },
    /// The gateway has created an intent that is not confirmed yet; no money can move before it is.
    IntentCreated {
        /// Id of the payment at the gateway.
        reference: String,
    },
    /// The bank requires the cardholder to authenticate before any money moves.
    AuthenticationRequired {
        /// Id of the payment at the gateway.
        reference: String,
        /// URL of the page of the bank for the cardholder.
        url: String,
        /// Time until which the order waits for the authentication.
        expires_at: Timestamp,
    },
    Succeeded {
        /// Id of the payment at the gateway.
        reference: String,
    },
    /// A charge that the shop had not requested was found at the gateway. The payment begins with this event.
    Found {
        /// For which order, whether the shop has it or not.
        order_id: OrderId,
        amount: Money,
        /// Id of the payment at the gateway.
        reference: String,
    },
    /// The gateway declined the payment for good.
    Declined {
        /// Code of the reason, such as `insufficient_funds`.
        reason: String,
        message: String,
    },
    /// An attempt ended without a response; it is repeated under the same idempotency key.
    OutcomeUnknown {
        /// Number of the attempt, from 1.
        attempt: u32,
        detail: String,
        /// Due time of the next attempt.
        next_attempt_at: Timestamp,
    },
    /// The payment is no longer wanted, and no money is known to have moved. An intent at the gateway must be
    /// cancelled.
    Cancelled,
    /// A refund is requested. The gateway is called under an idempotency key derived from the id of this event.
    RefundRequested {
        /// Which refund; `None` in events written before refunds had ids: they are numbered by their place in the
        /// stream.
        refund_id: Option<RefundId>,
        amount: Money,
        reason: String,
    },
    /// The gateway processes the refund, which may take days.
    RefundPending {
        refund_id: RefundId,
        /// Id of the refund at the gateway.
        reference: String,
    },
    /// A refund that the shop had not requested was found at the gateway; its outcome follows in further events.
    RefundFound {
        /// The id that the shop gives it.
        refund_id: RefundId,
        /// Id of the refund at the gateway.
        reference: String,
        amount: Money,
    },
    Refunded {
        /// Which refund; `None` in events written before refunds had ids: the oldest open one.
        refund_id: Option<RefundId>,
        amount: Money,
        /// Id of the refund at the gateway.
        reference: String,
    },
    /// The refund failed, or the refunded money has returned: the money is with the shop, and an operator must act.
    RefundFailed {
        /// Which refund; `None` in events written before refunds had ids: the oldest open one.
        refund_id: Option<RefundId>,
        /// Id of the refund at the gateway, if there is one.
        reference: Option<String>,
        detail: String,
    },
    /// The cardholder disputes the payment at their bank.
    Disputed {
        /// Id of the dispute at the gateway.
        dispute: String,
        amount: Money,
        /// Machine-readable reason, in the words of the gateway.
        reason: String,
    },
    /// The bank holds the disputed money until the dispute is decided.
    DisputeFundsWithdrawn {
        /// Id of the dispute at the gateway.
        dispute: String,
    },
    /// A dispute is decided.
    DisputeClosed {
        /// Id of the dispute at the gateway.
        dispute: String,
        outcome: DisputeOutcome,
    },
}

/// A command to a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaymentCommand {
    /// Request the payment; a repeat changes nothing.
    Request { order_id: OrderId, amount: Money, method: PaymentMethod },
    /// Record the id of the intent before it is confirmed; a repeat changes nothing.
    RecordIntent {
        /// Id of the payment at the gateway.
        reference: String,
    },
    /// Record that the bank requires authentication; changes nothing once there is an outcome.
    RecordAuthenticationRequired {
        /// Id of the payment at the gateway.
        reference: String,
        /// URL of the page of the bank for the cardholder.
        url: String,
        /// Time until which the order waits for the authentication.
        expires_at: Timestamp,
    },
    /// Record that the payment succeeded; a repeat changes nothing.
    RecordSuccess {
        /// Id of the payment at the gateway.
        reference: String,
    },
    /// Record a charge that the shop had not requested; a repeat changes nothing.
    RecordFound {
        /// For which order, whether the shop has it or not.
        order_id: OrderId,
        amount: Money,
        /// Id of the payment at the gateway.
        reference: String,
    },
    /// Record that the payment was declined; a repeat changes nothing.
    RecordDecline {
        /// Code of the reason, such as `insufficient_funds`.
        reason: String,
        message: String,
    },
    /// Record an attempt without a response; changes nothing once there is an outcome.
    RecordUnknown {
        attempt: u32,
        detail: String,
        /// Due time of the next attempt.
        next_attempt_at: Timestamp,
    },
    /// Cancel the payment if it has no outcome yet.
    Cancel,
    /// Refund everything that was paid and not refunded; changes nothing if there is nothing left.
    RefundAll {
        /// The id of the new refund.
        refund_id: RefundId,
        reason: String,
    },
    /// Refund a part of what was paid, or all that is left.
    Refund {
        /// The id of the new refund.
        refund_id: RefundId,
        /// `None` for all that is left.
        amount: Option<Money>,
        reason: String,
    },
    /// Record that a refund succeeded; a repeat changes nothing.
    RecordRefund {
        refund_id: RefundId,
        /// Id of the refund at the gateway.
        reference: String,
    },
    /// Record that the gateway processes a refund; a repeat changes nothing.
    RecordRefundPending {
        refund_id: RefundId,
        /// Id of the refund at the gateway.
        reference: String,
    },
    /// Record that a refund failed, or that refunded money has returned; a repeat changes nothing.
    RecordRefundFailure {
        refund_id: RefundId,
        /// Id of the refund at the gateway, if there is one.
        reference: Option<String>,
        detail: String,
    },
    /// Record a refund from the list of the gateway, whoever requested it; a known state changes nothing.
    RecordGatewayRefund(GatewayRefund),
    /// Record a dispute from the list of the gateway; a known state changes nothing.
    RecordDispute {
        /// Id of the dispute at the gateway.
        dispute: String,
        amount: Money,
        /// Machine-readable reason, in the words of the gateway.
        reason: String,
        state: DisputeState,
    },
}

/// A refund as the gateway lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayRefund {
    /// The id under which the shop requested it, if the gateway stores one.
    pub refund_id: Option<RefundId>,
    /// The id that the shop gives it if it had not requested it.
    pub new_id: RefundId,
    /// Id of the refund at the gateway.
    pub reference: String,
    pub amount: Money,
    /// The reason that the shop gave, if the gateway stores one.
    pub reason: Option<String>,
    pub progress: RefundProgress,
}

/// The state of a refund at the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundProgress {
    /// The gateway processes it.
    Pending,
    /// The money went back.
    Succeeded,
    /// The money did not go back, or has returned.
    Failed { detail: String },
}

/// Why a command was refused. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PaymentError {
    #[error("there is no such payment")]
    NotFound,
    /// The outcome contradicts the recorded one.
    #[error("the payment has another outcome already")]
    OtherOutcome,
    /// The reported intent is not the one of this payment. Both are ids at the gateway.
    #[error("the gateway keeps {known} for the payment, and not {reported}")]
    OtherIntent { known: String, reported: String },
    #[error("the payment has not succeeded")]
    NotPaid,
    /// Nothing was paid, or all of it was refunded or is being refunded.
    #[error("there is nothing to give back")]
    NothingToRefund,
    /// The amount exceeds what can still be refunded, or is not positive.
    #[error("{amount} cannot be given back: {left} are left of what was paid")]
    RefundDoesNotFit {
        amount: Money,
        /// Amount that can still be refunded.
        left: Money,
    },
    /// The refund was never requested.
    #[error("no refund was requested")]
    NoRefundRequested,
}
