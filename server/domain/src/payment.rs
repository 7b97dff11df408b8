//! One attempt to pay for an order, and what became of it.

mod decide;
mod state;
#[cfg(test)]
mod tests;

pub use decide::decide;
pub use state::{Authentication, Payment, Refund, RefundState, Request, evolve};
use storefront_api::{Money, OrderId, PaymentMethod, Timestamp};

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
        /// How much.
        amount: Money,
        /// Why.
        reason: String,
    },
    /// Money went back.
    Refunded {
        /// How much.
        amount: Money,
        /// The gateway's name for the refund.
        reference: String,
    },
    /// The gateway refused to give money back; somebody must look.
    RefundFailed {
        /// Why.
        detail: String,
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
        /// Why.
        reason: String,
    },
    /// Give back some of what was paid, or all that is left of it.
    Refund {
        /// How much; `None` for all that is left.
        amount: Option<Money>,
        /// Why.
        reason: String,
    },
    /// Record that money went back; a second time changes nothing.
    RecordRefund {
        /// The gateway's name for the refund.
        reference: String,
    },
    /// Record that the gateway refused to give money back.
    RecordRefundFailure {
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
