//! The intents that follow from a trigger.

use storefront_api::PaymentId;

use super::{Attempt, Checkout, CheckoutIntent, CheckoutStage, CheckoutTrigger};
use crate::email::MailKind;

/// The intents of a trigger, in order. A repeated trigger, and one of an attempt that has ended, lead to none; except that a
/// payment that succeeds after its attempt has failed or its order was cancelled is refunded.
pub fn react(state: &Checkout, trigger: &CheckoutTrigger) -> Vec<CheckoutIntent> {
    match trigger {
        CheckoutTrigger::OrderCheckedOut { payment_id, lines, total, method, email, voucher } => {
            if !may_start(state, *payment_id) {
                return vec![];
            }
            vec![CheckoutIntent::Start {
                payment_id: *payment_id,
                lines: lines.clone(),
                total: *total,
                method: method.clone(),
                email: email.clone(),
                voucher: voucher.clone(),
            }]
        }
        CheckoutTrigger::StockReserved => stock_reserved(state),
        CheckoutTrigger::PaymentSucceeded { payment_id } => payment_succeeded(state, *payment_id),
        CheckoutTrigger::PaymentDeclined { payment_id, reason, message } => {
            payment_declined(state, *payment_id, reason, message)
        }
        CheckoutTrigger::Completed { number: _, awaits_invoice: true } => vec![],
        CheckoutTrigger::Completed { number: _, awaits_invoice: false } | CheckoutTrigger::OrderInvoiced => {
            confirmation_mail(state)
        }
        CheckoutTrigger::OrderCancelled => order_cancelled(state),
        CheckoutTrigger::OrderShipped => order_shipped(state),
    }
}

/// The attempt with a payment, if it has reserved stock and its payment has no outcome. Such an attempt fails when its
/// reservation expires. `None` for an attempt that is not the current one or has come further.
pub fn attempt_awaiting_payment(state: &Checkout, payment_id: PaymentId) -> Option<&Attempt> {
    let (attempt, stage) = state.current()?;
    (attempt.payment_id == payment_id && stage == CheckoutStage::StockReserved).then_some(attempt)
}

/// The first attempt may start, and one after a failure if its payment is new.
fn may_start(state: &Checkout, payment_id: PaymentId) -> bool {
    match state.stage() {
        None => true,
        Some(CheckoutStage::Failed) => state.stage_of(payment_id).is_none(),
        Some(
            CheckoutStage::Started
            | CheckoutStage::StockReserved
            | CheckoutStage::StockRefused
            | CheckoutStage::VoucherRefused
            | CheckoutStage::PaymentReceived
            | CheckoutStage::PaymentRefused
            | CheckoutStage::Completed(_)
            | CheckoutStage::Cancelled,
        ) => false,
    }
}

fn stock_reserved(state: &Checkout) -> Vec<CheckoutIntent> {
    let Some((attempt, CheckoutStage::StockReserved)) = state.current() else { return vec![] };
    let Attempt { payment_id, total, method, .. } = attempt;
    vec![CheckoutIntent::RequestPayment { payment_id: *payment_id, amount: *total, method: method.clone() }]
}

fn payment_succeeded(state: &Checkout, payment_id: PaymentId) -> Vec<CheckoutIntent> {
    let refund = |reason: &str| vec![CheckoutIntent::Refund { payment_id, reason: reason.to_owned() }];
    match (state.stage_of(payment_id), state.attempt()) {
        (Some(CheckoutStage::StockReserved), Some(attempt)) => {
            let Attempt { lines, voucher, .. } = attempt.clone();
            vec![CheckoutIntent::Complete { payment_id, lines, voucher }]
        }
        (
            Some(
                CheckoutStage::StockRefused
                | CheckoutStage::VoucherRefused
                | CheckoutStage::PaymentRefused
                | CheckoutStage::Failed,
            ),
            _,
        ) => refund("the checkout had failed"),
        (Some(CheckoutStage::Cancelled), _) => refund("the order was cancelled"),
        // A payment is requested only after the stock is reserved, and a received one is a repeat.
        (
            Some(
                CheckoutStage::Started
                | CheckoutStage::StockReserved
                | CheckoutStage::PaymentReceived
                | CheckoutStage::Completed(_),
            )
            | None,
            _,
        ) => {
            vec![]
        }
    }
}

fn payment_declined(state: &Checkout, payment_id: PaymentId, reason: &str, message: &str) -> Vec<CheckoutIntent> {
    match state.current() {
        Some((attempt, CheckoutStage::StockReserved)) if attempt.payment_id == payment_id => {
            vec![CheckoutIntent::Fail {
                payment_id,
                lines: attempt.lines.clone(),
                voucher: attempt.voucher.clone(),
                reason: reason.to_owned(),
                message: message.to_owned(),
            }]
        }
        Some(_) | None => vec![],
    }
}

/// The mail contains the invoice number, so it waits for the invoice. A repeated request is the same mail.
fn confirmation_mail(state: &Checkout) -> Vec<CheckoutIntent> {
    match state.current() {
        Some((attempt, CheckoutStage::Completed(_))) => vec![mail(attempt, MailKind::Confirmation)],
        Some(_) | None => vec![],
    }
}

/// The mail precedes `Undo`, because a repeated trigger has no effect once `Undo` is recorded. An attempt that has ended
/// found the order cancelled, and requested the mail then.
fn order_cancelled(state: &Checkout) -> Vec<CheckoutIntent> {
    let Some((attempt, stage)) = state.current() else { return vec![] };
    let Attempt { payment_id, lines, voucher, .. } = attempt.clone();
    let undo = CheckoutIntent::Undo { payment_id, lines, voucher };
    match stage {
        CheckoutStage::Completed(_)
        | CheckoutStage::Started
        | CheckoutStage::StockReserved
        | CheckoutStage::PaymentReceived => {
            vec![mail(attempt, MailKind::Cancelled), undo]
        }
        CheckoutStage::StockRefused
        | CheckoutStage::VoucherRefused
        | CheckoutStage::PaymentRefused
        | CheckoutStage::Failed
        | CheckoutStage::Cancelled => {
            vec![]
        }
    }
}

fn order_shipped(state: &Checkout) -> Vec<CheckoutIntent> {
    match state.current() {
        Some((attempt, CheckoutStage::Completed(_))) => vec![CheckoutIntent::Settle { lines: attempt.lines.clone() }],
        Some(_) | None => vec![],
    }
}

fn mail(attempt: &Attempt, kind: MailKind) -> CheckoutIntent {
    CheckoutIntent::SendMail { to: attempt.email.clone(), kind }
}
