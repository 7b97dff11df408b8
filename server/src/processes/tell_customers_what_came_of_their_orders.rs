//! A customer is told by mail when an order is sent, when money goes back, and when the order brought a voucher: carries out
//! what `storefront_domain::notice::react` asks for.
//!
//! The mail is named after the event that it tells of, so that one event never asks for two mails.

use storefront_api::{EmailId, OrderId, PaymentId};
use storefront_domain::checkout::CheckoutEvent;
use storefront_domain::email::{self, EmailCommand, EmailEvent};
use storefront_domain::invoice::{InvoiceEvent, InvoiceNumber};
use storefront_domain::notice::{self, Trigger};
use storefront_domain::order::OrderEvent;
use storefront_domain::payment::PaymentEvent;
use storefront_domain::voucher::{Voucher, VoucherEvent};
use storefront_eventlog::{Position, Recorded};

use super::issue_invoices_and_credit_notes as invoices;
use super::newcomers;
use super::runner::{Listener, Turn};
use crate::clock;
use crate::commands::{Failure, retrying};
use crate::order_record::{self, OrderRecord};
use crate::stored::{self, Batch, Cause, Store};
use crate::streams;

/// What the notices listen to.
pub(crate) const LISTENER: Listener = Listener {
    name: "notices",
    types: &["order.shipped", "payment.refunded", "invoice.credited", "checkout.voucher_issued"],
};

/// Handles one event.
pub(crate) async fn handle(store: Store, turn: Turn) -> Result<(), Failure> {
    let Some((order_id, trigger)) = trigger(&store, &turn.recorded).await? else { return Ok(()) };
    let order = order_record::load(&store, order_id).await?.order;
    for notice in notice::react(order.email(), &trigger) {
        let request = EmailCommand::Request { order_id, kind: notice.kind, to: notice.to };
        retrying(|| ask(&store, &turn, request.clone())).await?;
    }
    Ok(())
}

async fn ask(store: &Store, turn: &Turn, request: EmailCommand) -> Result<(), Failure> {
    let stream = streams::email(EmailId(turn.recorded.id));
    let (mail, version) = stored::load::<EmailEvent>(store, &stream).await?;
    let mut batch = Batch::new(clock::now(), Cause::event(&turn.recorded, LISTENER.name));
    batch.add(stream, version, &email::decide(&mail, request)?);
    if batch.is_empty() {
        return Ok(());
    }
    batch.checkpoint(turn.checkpoint.clone());
    store.append(batch.into_append()).await.map_err(Failure::Append)?;
    Ok(())
}

/// What an event tells, and of which order; `None` when it tells a customer nothing.
async fn trigger(store: &Store, recorded: &Recorded) -> Result<Option<(OrderId, Trigger)>, Failure> {
    let stream = recorded.stream();
    if let Some(order_id) = streams::id_in::<OrderId>("order", stream) {
        let shipped = matches!(stored::decode::<OrderEvent>(recorded)?, OrderEvent::Shipped { .. });
        return Ok(shipped.then_some((order_id, Trigger::Shipped)));
    }
    if let Some(payment_id) = streams::id_in::<PaymentId>("payment", stream) {
        let PaymentEvent::Refunded { amount, reference: _ } = stored::decode(recorded)? else { return Ok(None) };
        let (payment, _) = stored::load::<PaymentEvent>(store, &recorded.stream_name()).await?;
        let Some(order_id) = payment.request().map(|request| request.order_id) else { return Ok(None) };
        let is_credited = is_on_an_invoice(store, order_id, payment_id).await?;
        return Ok(Some((order_id, Trigger::Refunded { amount, is_credited })));
    }
    if streams::id_in::<InvoiceNumber>("invoice", stream).is_some() {
        let InvoiceEvent::Credited(credit) = stored::decode(recorded)? else { return Ok(None) };
        let (issued, _) = stored::load::<InvoiceEvent>(store, &recorded.stream_name()).await?;
        let trigger = Trigger::Credited { amount: credit.amount, number: credit.number };
        return Ok(issued.map(|issued| (issued.invoice.order_id, trigger)));
    }
    let Some(order_id) = streams::id_in::<OrderId>("checkout", stream) else { return Ok(None) };
    let CheckoutEvent::VoucherIssued { voucher: code } = stored::decode(recorded)? else { return Ok(None) };
    let (voucher, _) = stored::load::<VoucherEvent>(store, &streams::voucher(&code)).await?;
    let Voucher::Issued { terms, stage: _ } = voucher else { return Ok(None) };
    Ok(Some((order_id, Trigger::VoucherIssued { code, amount: terms.amount })))
}

/// Whether what was paid is on an invoice, or will be as soon as that is written: not what came too late for its order, and
/// not what was confirmed before the shop wrote invoices.
async fn is_on_an_invoice(store: &Store, order_id: OrderId, payment_id: PaymentId) -> Result<bool, Failure> {
    let mut record = OrderRecord::default();
    let mut confirmed_at = None;
    stored::for_each(store, &streams::order(order_id), |recorded| {
        if recorded.kind() == "order.confirmed" {
            confirmed_at = Some(recorded.position);
        }
        record.apply_recorded(recorded)
    })
    .await?;
    let before_invoices = newcomers::acts_after(store, invoices::LISTENER.name).await?;
    let has_one_or_will = |confirmed_at: Position| record.order.invoice().is_some() || confirmed_at > before_invoices;
    Ok(record.order.payment_id() == Some(payment_id) && confirmed_at.is_some_and(has_one_or_will))
}

#[cfg(test)]
#[path = "tell_customers_what_came_of_their_orders_tests.rs"]
mod tests;
