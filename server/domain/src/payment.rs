//! One attempt to pay for an order, and what became of it.

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
pub use state::{Authentication, Payment, Request};
use storefront_api::{Money, OrderId, PaymentMethod, RefundId, Timestamp};

/// Something that happened to a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaymentEvent {
    /// The checkout wants money: an intent, carried out once under a key made from this event's id.
    Requested {
        /// For which order.
        order_id: OrderId,
        /// How much.
        amount: Money,
        /// How.
        method: PaymentMethod,
    },
    /// The gateway keeps an intent for it, which is not confirmed yet: no money can move before it is.
    IntentCreated {
        /// The gateway's name for the payment.
        reference: String,
    },
    /// The card's bank wants to hear from its owner before any money moves.
    AuthenticationRequired {
        /// The gateway's name for the payment.
        reference: String,
        /// The page on which the owner answers the bank.
        url: String,
        /// Until when the order waits for it.
        expires_at: Timestamp,
    },
    /// The money is there.
    Succeeded {
        /// The gateway's name for the payment.
        reference: String,
    },
    /// Money that nobody here had asked for was found at the gateway. The payment begins with it.
    Found {
        /// For which order, whether the shop has it or not.
        order_id: OrderId,
        /// How much.
        amount: Money,
        /// The gateway's name for the payment.
        reference: String,
    },
    /// The payment was refused for good.
    Declined {
        /// Why, for programs.
        reason: String,
        /// Why, for people.
        message: String,
    },
    /// An attempt ended without an answer: it is asked again, under the same key.
    OutcomeUnknown {
        /// Which attempt this was, from 1.
        attempt: u32,
        /// What went wrong.
        detail: String,
        /// When the next attempt is due.
        next_attempt_at: Timestamp,
    },
    /// It is no longer wanted, and as far as is known no money has moved: whatever the gateway keeps for it is to be
    /// cancelled there.
    Cancelled,
    /// Money is to go back: an intent, carried out once under a key made from this event's id.
    RefundRequested {
        /// Which refund; `None` in events written before refunds had ids: they are numbered by their place in the stream.
        refund_id: Option<RefundId>,
        /// How much.
        amount: Money,
        /// Why.
        reason: String,
    },
    /// The gateway has the refund and works on it, for days perhaps.
    RefundPending {
        /// Which refund.
        refund_id: RefundId,
        /// The gateway's name for the refund.
        reference: String,
    },
    /// A refund that the shop did not ask for was found at the gateway; what becomes of it follows.
    RefundFound {
        /// The id that the shop gives it.
        refund_id: RefundId,
        /// The gateway's name for the refund.
        reference: String,
        /// How much.
        amount: Money,
    },
    /// Money went back.
    Refunded {
        /// Which refund; `None` in events written before refunds had ids: the oldest open one.
        refund_id: Option<RefundId>,
        /// How much.
        amount: Money,
        /// The gateway's name for the refund.
        reference: String,
    },
    /// A refund did not happen, or what had gone back has returned: the money is with the shop, and somebody must look.
    RefundFailed {
        /// Which refund; `None` in events written before refunds had ids: the oldest open one.
        refund_id: Option<RefundId>,
        /// The gateway's name for the refund, if it made one.
        reference: Option<String>,
        /// Why.
        detail: String,
    },
    /// The cardholder disputes the payment at their bank.
    Disputed {
        /// The gateway's name for the dispute.
        dispute: String,
        /// How much of the payment.
        amount: Money,
        /// Why, for programs: the gateway's word.
        reason: String,
    },
    /// The bank has taken the disputed money until the dispute is decided.
    DisputeFundsWithdrawn {
        /// The gateway's name for the dispute.
        dispute: String,
    },
    /// A dispute is decided.
    DisputeClosed {
        /// The gateway's name for the dispute.
        dispute: String,
        /// For whom.
        outcome: DisputeOutcome,
    },
}

/// Something asked of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaymentCommand {
    /// Ask for money; a second time changes nothing.
    Request {
        /// For which order.
        order_id: OrderId,
        /// How much.
        amount: Money,
        /// How.
        method: PaymentMethod,
    },
    /// Record the gateway's name for it before anything is confirmed; a second time changes nothing.
    RecordIntent {
        /// The gateway's name for the payment.
        reference: String,
    },
    /// Record that the card's bank wants to hear from its owner; once there is an outcome, nothing happens.
    RecordAuthenticationRequired {
        /// The gateway's name for the payment.
        reference: String,
        /// The page on which the owner answers the bank.
        url: String,
        /// Until when the order waits for it.
        expires_at: Timestamp,
    },
    /// Record that the money is there; a second time changes nothing.
    RecordSuccess {
        /// The gateway's name for the payment.
        reference: String,
    },
    /// Record money at the gateway that nobody here had asked for; a second time changes nothing.
    RecordFound {
        /// For which order, whether the shop has it or not.
        order_id: OrderId,
        /// How much.
        amount: Money,
        /// The gateway's name for the payment.
        reference: String,
    },
    /// Record that it was refused; a second time changes nothing.
    RecordDecline {
        /// Why, for programs.
        reason: String,
        /// Why, for people.
        message: String,
    },
    /// Record an attempt without an answer; once there is an outcome, nothing happens.
    RecordUnknown {
        /// Which attempt this was.
        attempt: u32,
        /// What went wrong.
        detail: String,
        /// When the next attempt is due.
        next_attempt_at: Timestamp,
    },
    /// It is no longer wanted: if it has no outcome yet, it is not to be charged any more.
    Cancel,
    /// Give back all that was paid and not refunded yet; nothing happens where there is none.
    RefundAll {
        /// The id of the new refund.
        refund_id: RefundId,
        /// Why.
        reason: String,
    },
    /// Give back some of what was paid, or all that is left of it.
    Refund {
        /// The id of the new refund.
        refund_id: RefundId,
        /// How much; `None` for all that is left.
        amount: Option<Money>,
        /// Why.
        reason: String,
    },
    /// Record that money went back; a second time changes nothing.
    RecordRefund {
        /// Which refund.
        refund_id: RefundId,
        /// The gateway's name for the refund.
        reference: String,
    },
    /// Record that the gateway works on a refund; a second time changes nothing.
    RecordRefundPending {
        /// Which refund.
        refund_id: RefundId,
        /// The gateway's name for the refund.
        reference: String,
    },
    /// Record that a refund did not happen, or that what had gone back has returned; a second time changes nothing.
    RecordRefundFailure {
        /// Which refund.
        refund_id: RefundId,
        /// The gateway's name for the refund, if it made one.
        reference: Option<String>,
        /// Why.
        detail: String,
    },
    /// Record a refund as the gateway lists it, whoever asked for it; what is known already changes nothing.
    RecordGatewayRefund(GatewayRefund),
    /// Record a dispute as the gateway lists it; what is known already changes nothing.
    RecordDispute {
        /// The gateway's name for the dispute.
        dispute: String,
        /// How much of the payment.
        amount: Money,
        /// Why, for programs: the gateway's word.
        reason: String,
        /// How far it has come.
        state: DisputeState,
    },
}

/// A refund as the gateway lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayRefund {
    /// The id under which the shop asked for it, if the gateway keeps one.
    pub refund_id: Option<RefundId>,
    /// The id that the shop gives it if nobody here has asked for it.
    pub new_id: RefundId,
    /// The gateway's name for the refund.
    pub reference: String,
    /// How much.
    pub amount: Money,
    /// The reason that the shop gave, if the gateway keeps one.
    pub reason: Option<String>,
    /// How far it has come.
    pub progress: RefundProgress,
}

/// How far a refund has come at the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundProgress {
    /// The gateway works on it.
    Pending,
    /// The money went back.
    Succeeded,
    /// The money did not go back, or has returned.
    Failed {
        /// Why.
        detail: String,
    },
}

/// Why a command was refused. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PaymentError {
    /// Nobody asked for this payment.
    #[error("there is no such payment")]
    NotFound,
    /// The outcome contradicts the one that is recorded.
    #[error("the payment has another outcome already")]
    OtherOutcome,
    /// What is told is about another intent than the one that the gateway keeps for this payment.
    #[error("the gateway keeps {known} for the payment, and not {told}")]
    OtherIntent {
        /// The gateway's name for the payment.
        known: String,
        /// The name that was told.
        told: String,
    },
    /// No money has come in.
    #[error("the payment has not succeeded")]
    NotPaid,
    /// Nothing was paid, or all of it has gone back or is on its way.
    #[error("there is nothing to give back")]
    NothingToRefund,
    /// More than is left, or not even a cent.
    #[error("{amount} cannot be given back: {left} are left of what was paid")]
    RefundDoesNotFit {
        /// What was asked for.
        amount: Money,
        /// What has neither gone back nor is on its way.
        left: Money,
    },
    /// There is no refund to record.
    #[error("no refund was requested")]
    NoRefundRequested,
}
