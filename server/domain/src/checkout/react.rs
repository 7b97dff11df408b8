//! What the process does when something happens.

use storefront_api::PaymentId;

use super::{Attempt, Checkout, CheckoutStage, CheckoutTrigger, Intent};
use crate::email::MailKind;

/// What is to be done about a trigger, in this order. Nothing for a repeat of one that was dealt with, and nothing for what
/// concerns an attempt that is over; but money never stays by mistake: a payment that succeeds after its attempt has
/// failed or its order was cancelled is refunded.
pub fn react(state: &Checkout, trigger: &CheckoutTrigger) -> Vec<Intent> {
    match trigger {
        CheckoutTrigger::OrderCheckedOut { payment_id, lines, total, method, email, voucher } => {
            if !may_start(state, *payment_id) {
                return vec![];
            }
            vec![Intent::Start {
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
            confirmed(state)
        }
        CheckoutTrigger::OrderCancelled => order_cancelled(state),
        CheckoutTrigger::OrderShipped => order_shipped(state),
    }
}

/// Whether the goods of an attempt are kept for a payment that has no outcome: then they are given back when their time is
/// over, and the attempt has failed. The attempt, or `None` when it is another one's turn or this one has come further.
pub fn holds_unpaid(state: &Checkout, payment_id: PaymentId) -> Option<&Attempt> {
    let (attempt, stage) = state.current()?;
    (attempt.payment_id == payment_id && stage == CheckoutStage::StockReserved).then_some(attempt)
}

/// The first attempt may, and one after a failure, if its payment is new.
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

fn stock_reserved(state: &Checkout) -> Vec<Intent> {
    let Some((attempt, CheckoutStage::StockReserved)) = state.current() else { return vec![] };
    let Attempt { payment_id, total, method, .. } = attempt;
    vec![Intent::RequestPayment { payment_id: *payment_id, amount: *total, method: method.clone() }]
}

fn payment_succeeded(state: &Checkout, payment_id: PaymentId) -> Vec<Intent> {
    let refund = |reason: &str| vec![Intent::Refund { payment_id, reason: reason.to_owned() }];
    match (state.stage_of(payment_id), state.attempt()) {
        (Some(CheckoutStage::StockReserved), Some(attempt)) => {
            let Attempt { lines, voucher, .. } = attempt.clone();
            vec![Intent::Complete { payment_id, lines, voucher }]
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
        // Nothing is asked for before the stock is reserved, and what was received needs no second look.
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

fn payment_declined(state: &Checkout, payment_id: PaymentId, reason: &str, message: &str) -> Vec<Intent> {
    match state.current() {
        Some((attempt, CheckoutStage::StockReserved)) if attempt.payment_id == payment_id => vec![Intent::Fail {
            payment_id,
            lines: attempt.lines.clone(),
            voucher: attempt.voucher.clone(),
            reason: reason.to_owned(),
            message: message.to_owned(),
        }],
        Some(_) | None => vec![],
    }
}

/// The mail names the invoice, and so waits for it. One that is asked for again is the same mail.
fn confirmed(state: &Checkout) -> Vec<Intent> {
    match state.current() {
        Some((attempt, CheckoutStage::Completed(_))) => vec![mail(attempt, MailKind::Confirmation)],
        Some(_) | None => vec![],
    }
}

/// Whoever bought something is told that it is cancelled, confirmed or not. The mail goes first: `Undo` leaves the trace that
/// silences a repeat, and must not silence a mail that was not asked for yet. Where an attempt has ended, what ended it found
/// the order cancelled and has told so.
fn order_cancelled(state: &Checkout) -> Vec<Intent> {
    let Some((attempt, stage)) = state.current() else { return vec![] };
    let Attempt { payment_id, lines, voucher, .. } = attempt.clone();
    let undo = Intent::Undo { payment_id, lines, voucher };
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

fn order_shipped(state: &Checkout) -> Vec<Intent> {
    match state.current() {
        Some((attempt, CheckoutStage::Completed(_))) => vec![Intent::Settle { lines: attempt.lines.clone() }],
        Some(_) | None => vec![],
    }
}

fn mail(attempt: &Attempt, kind: MailKind) -> Intent {
    Intent::SendMail { to: attempt.email.clone(), kind }
}
