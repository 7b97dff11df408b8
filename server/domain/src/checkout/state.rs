//! The state of the checkout process: the current attempt to buy the order, and its stage.

use storefront_api::{Money, PaymentId, PaymentMethod, ReopenReason, VoucherCode};

use super::{CheckoutEvent, CheckoutLine};
use crate::OrderNumber;

/// The state of the checkout process of one order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkout {
    current: Option<(Attempt, CheckoutStage)>,
    /// Payments of attempts that failed before the current one.
    earlier: Vec<PaymentId>,
    voucher_issued: Option<VoucherCode>,
}

/// One attempt to buy the order. Each checkout of a reopened order is a new attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The payment that it requests; no two attempts have the same.
    pub payment_id: PaymentId,
    pub lines: Vec<CheckoutLine>,
    pub total: Money,
    pub method: PaymentMethod,
    /// Address for mail about the order.
    pub email: String,
    pub voucher: Option<VoucherCode>,
}

/// The stage of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckoutStage {
    /// Nothing is reserved yet.
    Started,
    /// Every line is reserved, and the payment is requested.
    StockReserved,
    /// Too few pieces of a line were available; nothing is reserved.
    StockRefused,
    /// The voucher could not be used; nothing is reserved.
    VoucherRefused,
    /// The lines are still reserved.
    PaymentReceived,
    /// The payment was refused; the lines are still reserved.
    PaymentRefused,
    /// The order is confirmed and its stock allocated.
    Completed(OrderNumber),
    /// The reservations are released, and the order is a basket again.
    Failed,
    /// The reservations are released, or the allocated stock is returned.
    Cancelled,
}

impl Checkout {
    /// The latest attempt; `None` before the first.
    pub fn attempt(&self) -> Option<&Attempt> {
        self.current.as_ref().map(|(attempt, _)| attempt)
    }

    /// The stage of the latest attempt; `None` before the first.
    pub fn stage(&self) -> Option<CheckoutStage> {
        self.current.as_ref().map(|(_, stage)| *stage)
    }

    /// The voucher that was issued for the order.
    pub fn voucher_issued(&self) -> Option<&VoucherCode> {
        self.voucher_issued.as_ref()
    }

    /// The latest attempt and its stage.
    pub(super) fn current(&self) -> Option<(&Attempt, CheckoutStage)> {
        self.current.as_ref().map(|(attempt, stage)| (attempt, *stage))
    }

    /// The stage of the attempt with a payment; `None` when no attempt has it.
    pub(super) fn stage_of(&self, payment_id: PaymentId) -> Option<CheckoutStage> {
        match &self.current {
            Some((attempt, stage)) if attempt.payment_id == payment_id => Some(*stage),
            Some(_) | None => self.earlier.contains(&payment_id).then_some(CheckoutStage::Failed),
        }
    }
}

/// The process after an event of its own stream. Never fails: an event that does not fit leaves it as it was.
pub fn evolve(checkout: Checkout, event: &CheckoutEvent) -> Checkout {
    let Checkout { current, mut earlier, voucher_issued } = checkout;
    let current = match (event, current) {
        (CheckoutEvent::Started { payment_id, lines, total, method, email }, current) => {
            match current {
                Some((last, CheckoutStage::Failed)) if last.payment_id != *payment_id => earlier.push(last.payment_id),
                None => {}
                // An attempt is running, or the order is completed or cancelled.
                other @ Some(_) => return Checkout { current: other, earlier, voucher_issued },
            }
            let attempt = Attempt {
                payment_id: *payment_id,
                lines: lines.clone(),
                total: *total,
                method: method.clone(),
                email: email.clone(),
                voucher: None,
            };
            Some((attempt, CheckoutStage::Started))
        }
        (CheckoutEvent::VoucherIssued { voucher }, current) => {
            let fits = matches!(current, Some((_, CheckoutStage::Completed(_)))) && voucher_issued.is_none();
            let voucher_issued = if fits { Some(voucher.clone()) } else { voucher_issued };
            return Checkout { current, earlier, voucher_issued };
        }
        (_, None) => None,
        (CheckoutEvent::VoucherReserved { voucher }, Some((attempt, CheckoutStage::Started))) => {
            Some((Attempt { voucher: Some(voucher.clone()), ..attempt }, CheckoutStage::Started))
        }
        (event, Some((attempt, stage))) => {
            let next = stage_after(&attempt, stage, event).unwrap_or(stage);
            Some((attempt, next))
        }
    };
    Checkout { current, earlier, voucher_issued }
}

/// `None` where the event does not fit.
fn stage_after(attempt: &Attempt, stage: CheckoutStage, event: &CheckoutEvent) -> Option<CheckoutStage> {
    match event {
        // These do not change the stage.
        CheckoutEvent::Started { .. } | CheckoutEvent::VoucherReserved { .. } | CheckoutEvent::VoucherIssued { .. } => {
            None
        }
        CheckoutEvent::VoucherRefused { .. } => {
            (stage == CheckoutStage::Started).then_some(CheckoutStage::VoucherRefused)
        }
        CheckoutEvent::StockReserved => (stage == CheckoutStage::Started).then_some(CheckoutStage::StockReserved),
        CheckoutEvent::StockRefused { product_ids: _ } => {
            (stage == CheckoutStage::Started).then_some(CheckoutStage::StockRefused)
        }
        CheckoutEvent::PaymentReceived { payment_id } => (stage == CheckoutStage::StockReserved
            && attempt.payment_id == *payment_id)
            .then_some(CheckoutStage::PaymentReceived),
        CheckoutEvent::PaymentRefused { payment_id, .. } => (stage == CheckoutStage::StockReserved
            && attempt.payment_id == *payment_id)
            .then_some(CheckoutStage::PaymentRefused),
        CheckoutEvent::Completed { number } => {
            (stage == CheckoutStage::PaymentReceived).then_some(CheckoutStage::Completed(*number))
        }
        CheckoutEvent::Failed { reason: ReopenReason::ReservationExpired } => {
            (stage == CheckoutStage::StockReserved).then_some(CheckoutStage::Failed)
        }
        CheckoutEvent::Failed {
            reason:
                ReopenReason::OutOfStock { .. }
                | ReopenReason::PaymentDeclined { .. }
                | ReopenReason::VoucherUnavailable { .. },
        } => {
            matches!(stage, CheckoutStage::StockRefused | CheckoutStage::VoucherRefused | CheckoutStage::PaymentRefused)
                .then_some(CheckoutStage::Failed)
        }
        CheckoutEvent::Cancelled => matches!(
            stage,
            CheckoutStage::Started
                | CheckoutStage::StockReserved
                | CheckoutStage::PaymentReceived
                | CheckoutStage::Completed(_)
        )
        .then_some(CheckoutStage::Cancelled),
    }
}
