//! How far the latest checkout of an order is, from the events of its timeline.

use std::borrow::Borrow;

use storefront_api::{ReopenReason, Step, StepState};
use storefront_domain::checkout::CheckoutEvent;
use storefront_domain::email::{EmailEvent, MailKind};
use storefront_domain::invoice::{CreditNote, InvoiceEvent};
use storefront_domain::order::OrderEvent;
use storefront_domain::payment::{DisputeOutcome, PaymentEvent};
use storefront_domain::process::ProcessEvent;
use storefront_eventlog::{Position, Recorded, StreamName};

use crate::store::aggregates;
use crate::store::aggregates::LoadError;
use crate::store::streams;

/// The steps `stock`, `payment`, `confirm`, `invoice` and `mail` of the latest checkout; empty before the first.
///
/// What was confirmed up to `before_invoices` gets no invoice: the shop wrote none then. `events` are all events about the order, oldest first. One that cannot be read says nothing: it is the process's part to
/// stumble over it, and people look here to see that it did.
pub(crate) fn steps(events: &[impl Borrow<Recorded>], before_invoices: Position) -> Vec<Step> {
    let mut so_far = SoFar { before_invoices, ..SoFar::default() };
    for recorded in events {
        let _unreadable = so_far.take_in(recorded.borrow());
    }
    so_far.steps
}

#[derive(Default)]
struct SoFar {
    before_invoices: Position,
    steps: Vec<Step>,
    payment: Option<StreamName>,
    mail: Option<StreamName>,
}

impl SoFar {
    fn take_in(&mut self, recorded: &Recorded) -> Result<(), LoadError> {
        let Self { before_invoices, steps, payment, mail } = self;
        match recorded.kind().split_once('.') {
            Some(("order", "checked_out")) => {
                if let OrderEvent::CheckedOut { payment_id, .. } = aggregates::decode(recorded)? {
                    *steps = fresh();
                    (*payment, *mail) = (Some(streams::payment(payment_id)), None);
                }
            }
            _ if steps.is_empty() => {}
            Some(("order", "invoiced")) => {
                if let OrderEvent::Invoiced { number } = aggregates::decode(recorded)? {
                    set(steps, INVOICE, StepState::Done, Some(number.to_string()));
                }
            }
            Some(("invoice", "credited")) => {
                if let InvoiceEvent::Credited(credit) = aggregates::decode(recorded)? {
                    on_credit_note(steps, &credit);
                }
            }
            Some(("checkout", _)) => {
                on_checkout(steps, &aggregates::decode(recorded)?);
                if steps[INVOICE].state == StepState::Running && recorded.position <= *before_invoices {
                    steps[INVOICE] = Step { detail: Some(OLDER.to_owned()), ..step("invoice", StepState::Pending, 0) };
                }
            }
            // A late word about the payment of an earlier checkout says nothing about this one.
            Some(("payment", _)) if payment.as_ref().is_some_and(|payment| payment.as_str() == recorded.stream()) => {
                on_payment(steps, &aggregates::decode(recorded)?);
            }
            Some(("email", _)) => {
                let event = aggregates::decode(recorded)?;
                // Only the confirmation is a step of the checkout; later mails are about later things.
                if matches!(event, EmailEvent::Requested { kind: MailKind::Confirmation, .. }) {
                    *mail = Some(recorded.stream_name());
                }
                if mail.as_ref().is_some_and(|mail| mail.as_str() == recorded.stream()) {
                    on_email(steps, &event);
                }
            }
            Some(("process", _)) => on_process(steps, recorded.stream(), &aggregates::decode(recorded)?),
            _ => {}
        }
        Ok(())
    }
}

const STOCK: usize = 0;
const PAYMENT: usize = 1;
const CONFIRM: usize = 2;
const INVOICE: usize = 3;
const MAIL: usize = 4;

/// What is said where no invoice will come.
const OLDER: &str = "the order is older than the shop's invoices";

fn step(name: &str, state: StepState, attempt: u32) -> Step {
    Step { name: name.to_owned(), state, attempt, detail: None, next_attempt_at: None }
}

fn fresh() -> Vec<Step> {
    vec![
        step("stock", StepState::Running, 1),
        step("payment", StepState::Pending, 0),
        step("confirm", StepState::Pending, 0),
        step("invoice", StepState::Pending, 0),
        step("mail", StepState::Pending, 0),
    ]
}

fn on_checkout(steps: &mut [Step], event: &CheckoutEvent) {
    match event {
        CheckoutEvent::Started { .. }
        | CheckoutEvent::VoucherReserved { .. }
        | CheckoutEvent::VoucherIssued { .. }
        | CheckoutEvent::Failed { reason: ReopenReason::OutOfStock { .. } } => {}
        CheckoutEvent::VoucherRefused { voucher, detail } => {
            set(steps, PAYMENT, StepState::Failed, Some(format!("voucher {voucher}: {detail}")));
        }
        CheckoutEvent::StockReserved => set(steps, STOCK, StepState::Done, None),
        CheckoutEvent::StockRefused { product_ids } => {
            let names: Vec<String> = product_ids.iter().map(ToString::to_string).collect();
            set(steps, STOCK, StepState::Failed, Some(format!("too few left: {}", names.join(", "))));
        }
        CheckoutEvent::PaymentReceived { .. } => {
            set(steps, PAYMENT, StepState::Done, None);
            set(steps, CONFIRM, StepState::Running, None);
        }
        CheckoutEvent::PaymentRefused { message, .. } => set(steps, PAYMENT, StepState::Failed, Some(message.clone())),
        CheckoutEvent::Completed { number } => {
            set(steps, CONFIRM, StepState::Done, Some(number.to_string()));
            // Both are to follow the confirmation; the mail waits for the invoice, which it names.
            set(steps, INVOICE, StepState::Running, None);
            set(steps, MAIL, StepState::Running, None);
        }
        CheckoutEvent::Failed { reason: ReopenReason::PaymentDeclined { .. } } => {
            set(steps, STOCK, StepState::Undone, Some("given back".to_owned()));
        }
        CheckoutEvent::Failed { reason: ReopenReason::VoucherUnavailable { .. } } => {
            set(steps, STOCK, StepState::Undone, Some("nothing is reserved".to_owned()));
        }
        CheckoutEvent::Failed { reason: ReopenReason::ReservationExpired } => {
            set(steps, STOCK, StepState::Undone, Some("given back".to_owned()));
            set(steps, PAYMENT, StepState::Failed, Some("no outcome in time".to_owned()));
        }
        CheckoutEvent::Cancelled => {
            set(steps, STOCK, StepState::Undone, Some("given back".to_owned()));
            if steps[CONFIRM].state == StepState::Done {
                set(steps, CONFIRM, StepState::Undone, Some("cancelled".to_owned()));
            }
        }
    }
}

fn on_payment(steps: &mut [Step], event: &PaymentEvent) {
    match event {
        PaymentEvent::Requested { .. } => set(steps, PAYMENT, StepState::Running, None),
        PaymentEvent::IntentCreated { .. } => {}
        PaymentEvent::AuthenticationRequired { url, .. } => {
            set(steps, PAYMENT, StepState::Waiting, Some(format!("the card's bank asks its owner: {url}")));
        }
        PaymentEvent::Succeeded { .. } => set(steps, PAYMENT, StepState::Done, None),
        PaymentEvent::Found { .. } => {
            set(steps, PAYMENT, StepState::Done, Some("found at the gateway".to_owned()));
        }
        PaymentEvent::Declined { message, .. } => set(steps, PAYMENT, StepState::Failed, Some(message.clone())),
        PaymentEvent::OutcomeUnknown { attempt, detail, next_attempt_at } => {
            set(steps, PAYMENT, StepState::Waiting, Some(detail.clone()));
            steps[PAYMENT].attempt = *attempt;
            steps[PAYMENT].next_attempt_at = Some(*next_attempt_at);
        }
        PaymentEvent::Cancelled => set(steps, PAYMENT, StepState::Undone, Some("cancelled".to_owned())),
        PaymentEvent::RefundRequested { .. } | PaymentEvent::RefundFound { .. } => {
            set(steps, PAYMENT, StepState::Running, Some("refunding".to_owned()));
        }
        PaymentEvent::RefundPending { reference, .. } => {
            set(steps, PAYMENT, StepState::Running, Some(format!("refunding; the gateway works on {reference}")));
        }
        PaymentEvent::Refunded { amount, .. } => {
            set(steps, PAYMENT, StepState::Undone, Some(format!("{amount} refunded")));
        }
        PaymentEvent::RefundFailed { detail, .. } => {
            set(steps, PAYMENT, StepState::Failed, Some(format!("refund refused: {detail}")));
        }
        PaymentEvent::Disputed { amount, reason, .. } => {
            set(steps, PAYMENT, StepState::Waiting, Some(format!("{amount} disputed: {reason}")));
        }
        PaymentEvent::DisputeFundsWithdrawn { .. } => {
            set(steps, PAYMENT, StepState::Waiting, Some("disputed; the bank has taken the money".to_owned()));
        }
        PaymentEvent::DisputeClosed { outcome: DisputeOutcome::Won, .. } => {
            set(steps, PAYMENT, StepState::Done, Some("the dispute was won".to_owned()));
        }
        PaymentEvent::DisputeClosed { outcome: DisputeOutcome::Lost, .. } => {
            set(steps, PAYMENT, StepState::Undone, Some("the dispute was lost".to_owned()));
        }
    }
}

fn on_email(steps: &mut [Step], event: &EmailEvent) {
    match event {
        EmailEvent::Requested { .. } => set(steps, MAIL, StepState::Running, None),
        EmailEvent::Sent { attempts } => {
            set(steps, MAIL, StepState::Done, None);
            steps[MAIL].attempt = *attempts;
        }
        EmailEvent::Failed { attempts, detail } => {
            set(steps, MAIL, StepState::Failed, Some(detail.clone()));
            steps[MAIL].attempt = *attempts;
        }
    }
}

/// An invoice stays what it is; what went back of it is told beside its number.
fn on_credit_note(steps: &mut [Step], credit: &CreditNote) {
    let invoice = steps[INVOICE].detail.take().unwrap_or_default();
    let detail = if invoice.is_empty() { credit.number.to_string() } else { format!("{invoice}, {}", credit.number) };
    set(steps, INVOICE, StepState::Done, Some(detail));
}

/// The process at work on a step could not handle an event, or was told to go on.
fn on_process(steps: &mut [Step], process: &str, event: &ProcessEvent) {
    match event {
        ProcessEvent::SequenceParked { attempts, error, .. } => {
            let is_open = |which: &usize| matches!(steps[*which].state, StepState::Running | StepState::Waiting);
            // Invoice and mail are under way at once; before them there is one step at a time.
            let which = match process {
                "process-invoices" => Some(INVOICE).filter(is_open),
                "process-mail" => Some(MAIL).filter(is_open),
                _ => (0..steps.len()).find(is_open),
            };
            if let Some(which) = which {
                set(steps, which, StepState::Failed, Some(format!("{PARKED}{error}")));
                steps[which].attempt = *attempts;
            }
        }
        ProcessEvent::SequenceRetried { .. } | ProcessEvent::SequenceSkipped { .. } => {
            let is_parked = |step: &Step| step.detail.as_ref().is_some_and(|detail| detail.starts_with(PARKED));
            let of_process = match process {
                "process-invoices" => INVOICE..MAIL,
                "process-mail" => MAIL..steps.len(),
                _ => 0..steps.len(),
            };
            if let Some(which) = of_process.into_iter().find(|which| is_parked(&steps[*which])) {
                let skipped = matches!(event, ProcessEvent::SequenceSkipped { .. });
                let state = if skipped { StepState::Failed } else { StepState::Running };
                set(steps, which, state, skipped.then(|| "skipped".to_owned()));
            }
        }
        _ => {}
    }
}

/// How the detail of a step begins whose event waits for somebody to look.
const PARKED: &str = "parked: ";

fn set(steps: &mut [Step], which: usize, state: StepState, detail: Option<String>) {
    let step = &mut steps[which];
    step.state = state;
    step.detail = detail;
    step.next_attempt_at = None;
    step.attempt = step.attempt.max(1);
}

#[cfg(test)]
#[path = "steps_tests.rs"]
mod tests;
