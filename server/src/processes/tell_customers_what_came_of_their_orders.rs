//! Requests the mails that tell a customer about shipping, refunds and vouchers, as
//! `storefront_domain::customer_mail::react` decides.
//!
//! The id of a mail is the id of the event that it reports, so one event never requests two mails.
//!
//! When an order gets another address, its parked mail is retried: the next attempt goes there.

use storefront_api::{EmailId, Money, OrderId, PaymentId};
use storefront_domain::checkout::CheckoutEvent;
use storefront_domain::customer_mail::{self, MailTrigger};
use storefront_domain::email::{self, Email, EmailCommand};
use storefront_domain::invoice::{CreditNote, InvoiceEvent, InvoiceNumber};
use storefront_domain::order::OrderEvent;
use storefront_domain::payment::PaymentEvent;
use storefront_domain::process::ProcessEvent;
use storefront_domain::voucher::{Voucher, VoucherEvent};
use storefront_eventlog::{Position, Recorded};

use crate::payments::refunds;
use crate::processes::engine::runner::{Delivery, Subscription};
use crate::processes::engine::start_positions;
use crate::processes::engine::start_positions::InvoiceStatus;
use crate::processes::send_mail;
use crate::store::aggregates;
use crate::store::aggregates::{Cause, Store};
use crate::store::commands::{Failure, execute, retry_if_parked};
use crate::store::order_record;
use crate::store::streams;

pub(crate) const SUBSCRIPTION: Subscription = Subscription {
    name: "notices",
    types: &[
        "order.checked_out",
        "order.email_changed",
        "order.shipped",
        "payment.refunded",
        "payment.refund_failed",
        "invoice.credited",
        "checkout.voucher_issued",
    ],
};

pub(crate) async fn handle(store: Store, delivery: Delivery) -> Result<(), Failure> {
    if ["order.checked_out", "order.email_changed"].contains(&delivery.recorded.kind()) {
        return retry_mail_parked_before(&store, &delivery.recorded).await;
    }
    let Some((order_id, trigger)) = trigger(&store, &delivery.recorded).await? else { return Ok(()) };
    let record = order_record::load(&store, order_id).await?;
    let stream = streams::email(EmailId(delivery.recorded.id));
    let cause = Cause::event(&delivery.recorded, SUBSCRIPTION.name);
    for notice in customer_mail::react(record.order.email(), &trigger) {
        let request = EmailCommand::Request { order_id, kind: notice.kind, to: notice.to };
        let decide = |mail: &Email| email::decide(mail, request.clone());
        execute(&store, &stream, &cause, Some(&delivery.checkpoint), decide).await?;
    }
    Ok(())
}

/// Retries the mail of an order that was parked before the order got another address. An event that is delivered again
/// retries nothing that was parked since.
async fn retry_mail_parked_before(store: &Store, recorded: &Recorded) -> Result<(), Failure> {
    let (mail, sequence) = (send_mail::SUBSCRIPTION.name, recorded.correlation_id());
    let (process, _) = aggregates::load::<ProcessEvent>(store, &streams::process(mail)).await?;
    let parked = process.parked().get(sequence).is_some_and(|parked| parked.position < recorded.position.0);
    if parked {
        let cause = Cause::event(recorded, SUBSCRIPTION.name);
        retry_if_parked(store, mail, sequence, &cause).await?;
    }
    Ok(())
}

/// Returns the order of an event and what the event reports; `None` when it concerns no customer.
async fn trigger(store: &Store, recorded: &Recorded) -> Result<Option<(OrderId, MailTrigger)>, Failure> {
    let stream = recorded.stream();
    if let Some(order_id) = streams::id_in::<OrderId>("order", stream) {
        let shipped = matches!(aggregates::decode::<OrderEvent>(recorded)?, OrderEvent::Shipped { .. });
        return Ok(shipped.then_some((order_id, MailTrigger::Shipped)));
    }
    if let Some(payment_id) = streams::id_in::<PaymentId>("payment", stream) {
        return payment_trigger(store, recorded, payment_id).await;
    }
    if streams::id_in::<InvoiceNumber>("invoice", stream).is_some() {
        let InvoiceEvent::Credited(credit) = aggregates::decode(recorded)? else { return Ok(None) };
        let CreditNote { amount, number, cancels, .. } = credit;
        let is_earlier = |earlier: &Recorded| earlier.version <= recorded.version;
        let issued = aggregates::load_where::<InvoiceEvent>(store, &recorded.stream_name(), is_earlier).await?;
        let Some(issued) = issued else { return Ok(None) };
        if was_mailed_before_invoice(store, issued.invoice.order_id, recorded).await? {
            return Ok(None);
        }
        let trigger = match cancels {
            Some(_) => MailTrigger::CreditCancelled { amount: Money::new(-amount.amount, amount.currency), number },
            None => MailTrigger::Credited { amount, number, is_whole: issued.left().amount <= 0 },
        };
        return Ok(Some((issued.invoice.order_id, trigger)));
    }
    let Some(order_id) = streams::id_in::<OrderId>("checkout", stream) else { return Ok(None) };
    let CheckoutEvent::VoucherIssued { voucher: code } = aggregates::decode(recorded)? else { return Ok(None) };
    let (voucher, _) = aggregates::load::<VoucherEvent>(store, &streams::voucher(&code)).await?;
    let Voucher::Issued { terms, stage: _ } = &*voucher else { return Ok(None) };
    Ok(Some((order_id, MailTrigger::VoucherIssued { code, amount: terms.amount })))
}

/// Returns what an event of a payment reports: money was refunded, or a refund was returned to the shop.
async fn payment_trigger(
    store: &Store,
    recorded: &Recorded,
    payment_id: PaymentId,
) -> Result<Option<(OrderId, MailTrigger)>, Failure> {
    let event = aggregates::decode::<PaymentEvent>(recorded)?;
    let payment = refunds::payment_after(store, recorded).await?;
    let Some(order_id) = payment.request().map(|request| request.order_id) else { return Ok(None) };
    let is_credited = is_on_an_invoice(store, order_id, payment_id, recorded.position).await?;
    let trigger = match event {
        PaymentEvent::Refunded { amount, .. } => {
            MailTrigger::Refunded { amount, is_credited, is_whole: payment.kept() <= 0 }
        }
        PaymentEvent::RefundFailed { refund_id: Some(refund_id), .. } => {
            let before = refunds::payment_before(store, recorded).await?;
            let Some(refund) = before.refund(refund_id).filter(|refund| refund.is_done()) else { return Ok(None) };
            MailTrigger::RefundReturned { amount: refund.amount, is_credited }
        }
        _ => return Ok(None),
    };
    Ok(Some((order_id, trigger)))
}

/// Returns whether the payment was on an invoice at a position of the log, or on one that was still to be written.
/// `false` for a payment that arrived too late for its order, for an order that was confirmed before the shop wrote
/// invoices, and for every position before the confirmation.
async fn is_on_an_invoice(
    store: &Store,
    order_id: OrderId,
    payment_id: PaymentId,
    at: Position,
) -> Result<bool, Failure> {
    let invoice = start_positions::invoice_status(store, order_id).await?;
    let is_confirmed = invoice.confirmed_at.is_some_and(|confirmed_at| confirmed_at < at);
    Ok(is_confirmed && invoice.will_be_written && invoice.payment_id == Some(payment_id))
}

/// Returns whether the refund behind a credit note was mailed when it happened, because the order was not confirmed
/// by then.
async fn was_mailed_before_invoice(store: &Store, order_id: OrderId, credited: &Recorded) -> Result<bool, Failure> {
    let InvoiceStatus { payment_id: Some(payment_id), confirmed_at: Some(confirmed_at), .. } =
        start_positions::invoice_status(store, order_id).await?
    else {
        return Ok(false);
    };
    let mut was_mailed = false;
    aggregates::for_each(store, &streams::payment(payment_id), |recorded| {
        let is_its_cause = credited.causation_id() == Some(recorded.id.to_string().as_str());
        // Money lost in a dispute is reported by its credit note only.
        let is_mailed = SUBSCRIPTION.types.contains(&recorded.kind());
        was_mailed |= is_its_cause && is_mailed && recorded.position < confirmed_at;
        Ok(())
    })
    .await?;
    Ok(was_mailed)
}

#[cfg(test)]
#[path = "tell_customers_what_came_of_their_orders_tests.rs"]
mod tests;
