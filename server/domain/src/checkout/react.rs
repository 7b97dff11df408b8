//! What the process does when something happens.

use storefront_api::PaymentId;

use super::{Attempt, Checkout, Intent, Stage, Trigger};
use crate::email::MailKind;

/// What is to be done about a trigger, in this order. Nothing for a repeat of one that was dealt with, and nothing for what
/// concerns an attempt that is over; but money never stays by mistake: a payment that succeeds after its attempt has
/// failed or its order was cancelled is refunded.
pub fn react(state: &Checkout, trigger: &Trigger) -> Vec<Intent> {
    match trigger {
        Trigger::OrderCheckedOut { payment_id, lines, total, method, email, voucher } => {
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
        Trigger::StockReserved => stock_reserved(state),
        Trigger::PaymentSucceeded { payment_id } => payment_succeeded(state, *payment_id),
        Trigger::PaymentDeclined { payment_id, reason, message } => {
            payment_declined(state, *payment_id, reason, message)
        }
        Trigger::Completed { number: _, awaits_invoice: true } => vec![],
        Trigger::Completed { number: _, awaits_invoice: false } | Trigger::OrderInvoiced => confirmed(state),
        Trigger::OrderCancelled => order_cancelled(state),
        Trigger::OrderShipped => order_shipped(state),
    }
}

/// Whether the goods of an attempt are kept for a payment that has no outcome: then they are given back when their time is
/// over, and the attempt has failed. The attempt, or `None` when it is another one's turn or this one has come further.
pub fn holds_unpaid(state: &Checkout, payment_id: PaymentId) -> Option<&Attempt> {
    let (attempt, stage) = state.current()?;
    (attempt.payment_id == payment_id && stage == Stage::StockReserved).then_some(attempt)
}

/// The first attempt may, and one after a failure, if its payment is new.
fn may_start(state: &Checkout, payment_id: PaymentId) -> bool {
    match state.stage() {
        None => true,
        Some(Stage::Failed) => state.stage_of(payment_id).is_none(),
        Some(
            Stage::Started
            | Stage::StockReserved
            | Stage::StockRefused
            | Stage::VoucherRefused
            | Stage::PaymentReceived
            | Stage::PaymentRefused
            | Stage::Completed(_)
            | Stage::Cancelled,
        ) => false,
    }
}

fn stock_reserved(state: &Checkout) -> Vec<Intent> {
    let Some((attempt, Stage::StockReserved)) = state.current() else { return vec![] };
    let Attempt { payment_id, total, method, .. } = attempt;
    vec![Intent::RequestPayment { payment_id: *payment_id, amount: *total, method: method.clone() }]
}

fn payment_succeeded(state: &Checkout, payment_id: PaymentId) -> Vec<Intent> {
    let refund = |reason: &str| vec![Intent::Refund { payment_id, reason: reason.to_owned() }];
    match (state.stage_of(payment_id), state.attempt()) {
        (Some(Stage::StockReserved), Some(attempt)) => {
            let Attempt { lines, voucher, .. } = attempt.clone();
            vec![Intent::Complete { payment_id, lines, voucher }]
        }
        (Some(Stage::StockRefused | Stage::VoucherRefused | Stage::PaymentRefused | Stage::Failed), _) => {
            refund("the checkout had failed")
        }
        (Some(Stage::Cancelled), _) => refund("the order was cancelled"),
        // Nothing is asked for before the stock is reserved, and what was received needs no second look.
        (Some(Stage::Started | Stage::StockReserved | Stage::PaymentReceived | Stage::Completed(_)) | None, _) => {
            vec![]
        }
    }
}

fn payment_declined(state: &Checkout, payment_id: PaymentId, reason: &str, message: &str) -> Vec<Intent> {
    match state.current() {
        Some((attempt, Stage::StockReserved)) if attempt.payment_id == payment_id => vec![Intent::Fail {
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
        Some((attempt, Stage::Completed(_))) => vec![mail(attempt, MailKind::Confirmation)],
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
        Stage::Completed(_) | Stage::Started | Stage::StockReserved | Stage::PaymentReceived => {
            vec![mail(attempt, MailKind::Cancelled), undo]
        }
        Stage::StockRefused | Stage::VoucherRefused | Stage::PaymentRefused | Stage::Failed | Stage::Cancelled => {
            vec![]
        }
    }
}

fn order_shipped(state: &Checkout) -> Vec<Intent> {
    match state.current() {
        Some((attempt, Stage::Completed(_))) => vec![Intent::Settle { lines: attempt.lines.clone() }],
        Some(_) | None => vec![],
    }
}

fn mail(attempt: &Attempt, kind: MailKind) -> Intent {
    Intent::SendMail { to: attempt.email.clone(), kind }
}
