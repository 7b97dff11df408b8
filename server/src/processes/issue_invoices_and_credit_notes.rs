//! Issues one invoice per confirmed order, also when the order is cancelled right afterwards. Money that is refunded
//! after that, or lost in a dispute, gets a credit note. A refund that fails after it had succeeded gets another
//! credit note over the same amounts with the opposite sign, which cancels the first: documents are corrected by
//! documents, never edited. Money that the gateway or a bank took before the confirmation gets its credit note right
//! after the invoice.
//!
//! The number of a document is its position in the register of its year. The register entry, the document and its
//! event in the order are one append, so a number is never used twice and never skipped, whenever a server dies. The
//! order has one invoice and the invoice has one credit note per refund, so handling an event again changes nothing.

use std::sync::Arc;

use storefront_api::{Money, OrderId, PaymentId, PaymentMethod, Seller, Timestamp};
use storefront_domain::document_register::year_of;
use storefront_domain::invoice::{
    self, CreditNoteNumber, Invoice, InvoiceCommand, InvoiceEvent, InvoiceLine, InvoiceNumber, InvoiceWithCredits,
};
use storefront_domain::order::{self, Order, OrderCommand, OrderEvent};
use storefront_domain::payment::{DisputeOutcome, Payment, PaymentEvent};
use storefront_eventlog::{Checkpoint, Recorded, Version};

use crate::clock;
use crate::payments::refunds;
use crate::processes::engine::runner::{Delivery, Subscription};
use crate::store::aggregates;
use crate::store::aggregates::{AppendBuilder, Cause, Store};
use crate::store::commands::{Failure, retry_on_conflict};
use crate::store::document_numbers::DocumentNumbers;
use crate::store::order_record;
use crate::store::streams;

pub(crate) const SUBSCRIPTION: Subscription = Subscription {
    name: "invoices",
    types: &["order.confirmed", "payment.refunded", "payment.refund_failed", "payment.dispute_closed"],
};

pub(crate) async fn handle(
    store: Store,
    numbers: DocumentNumbers,
    seller: Arc<Seller>,
    delivery: Delivery,
) -> Result<(), Failure> {
    handle_at(&store, &numbers, &seller, &delivery, clock::now).await
}

async fn handle_at(
    store: &Store,
    numbers: &DocumentNumbers,
    seller: &Seller,
    delivery: &Delivery,
    now: fn() -> Timestamp,
) -> Result<(), Failure> {
    let stream = delivery.recorded.stream();
    if let Some(order_id) = streams::id_in::<OrderId>("order", stream) {
        let earlier = money_events_before(store, &delivery.recorded, order_id).await?;
        // The event is handled only when the last of its documents is written.
        let checkpoint = Some(&delivery.checkpoint).filter(|_| earlier.is_empty());
        retry_on_conflict(|| issue(store, numbers, seller, &delivery.recorded, checkpoint, order_id, now())).await?;
        for recorded in &earlier {
            retry_on_conflict(|| credit(store, numbers, recorded, None, now())).await?;
        }
        return Ok(());
    }
    retry_on_conflict(|| credit(store, numbers, &delivery.recorded, Some(&delivery.checkpoint), now())).await
}

/// Returns the events that moved the money of an order before it was confirmed, when no invoice existed to credit.
async fn money_events_before(store: &Store, confirmed: &Recorded, order_id: OrderId) -> Result<Vec<Recorded>, Failure> {
    let mut earlier = Vec::new();
    let order = &order_record::load(store, order_id).await?.order;
    let Some(payment_id) = order.payment_id() else { return Ok(earlier) };
    aggregates::for_each(store, &streams::payment(payment_id), |recorded| {
        if recorded.position < confirmed.position && SUBSCRIPTION.types.contains(&recorded.kind()) {
            earlier.push(recorded.clone());
        }
        Ok(())
    })
    .await?;
    Ok(earlier)
}

async fn issue(
    store: &Store,
    numbers: &DocumentNumbers,
    seller: &Seller,
    confirmed: &Recorded,
    checkpoint: Option<&Checkpoint>,
    order_id: OrderId,
    now: Timestamp,
) -> Result<(), Failure> {
    let record = order_record::load(store, order_id).await?;
    let payment = order_record::load_payment(store, &record.order).await?;
    let supplied_at = Timestamp::from_unix_ms(confirmed.time_ms);
    let write = |sequence| {
        let number = InvoiceNumber { year: year_of(now), sequence };
        let invoice = invoice_of(number, order_id, &record.order, payment.as_deref(), now);
        let Some(mut invoice) = invoice else { return Ok(None) };
        (invoice.seller, invoice.supplied_at) = (Some(seller.clone()), Some(supplied_at));
        let invoiced = order::decide(&record.order, OrderCommand::NoteInvoice { number })?;
        if invoiced.is_empty() {
            return Ok(None);
        }
        let mut batch = AppendBuilder::new(now, Cause::event(confirmed, SUBSCRIPTION.name));
        let issued = invoice::decide(&None, InvoiceCommand::Issue(Box::new(invoice)))?;
        batch.add(streams::invoice(number), Version(0), &issued);
        batch.add::<OrderEvent>(streams::order(order_id), record.version, &invoiced);
        Ok(Some((number.to_string(), batch)))
    };
    numbers.append_next(store, streams::invoices(year_of(now)), order_id, checkpoint, write).await
}

async fn credit(
    store: &Store,
    numbers: &DocumentNumbers,
    recorded: &Recorded,
    checkpoint: Option<&Checkpoint>,
    now: Timestamp,
) -> Result<(), Failure> {
    let Some(payment_id) = streams::id_in::<PaymentId>("payment", recorded.stream()) else { return Ok(()) };
    let Some(movement) = money_movement(store, recorded).await? else { return Ok(()) };
    let (payment, _) = aggregates::load::<PaymentEvent>(store, &streams::payment(payment_id)).await?;
    let Some(order_id) = payment.request().map(|request| request.order_id) else { return Ok(()) };
    let order = &order_record::load(store, order_id).await?.order;
    // A payment that arrived too late for its order is refunded without having been on an invoice.
    let Some(invoice) = order.invoice().filter(|_| order.payment_id() == Some(payment_id)) else { return Ok(()) };
    let stream = streams::invoice(invoice);
    let (state, version) = aggregates::load::<InvoiceEvent>(store, &stream).await?;
    let write = |sequence| {
        let number = CreditNoteNumber { year: year_of(now), sequence };
        let command = match &movement {
            MoneyMovement::Away { amount, refund_reference } => {
                // A refund and a dispute can together exceed the invoice; the credit note is limited to the rest.
                let left = (*state).as_ref().map_or(*amount, InvoiceWithCredits::left);
                let amount = if amount.amount > left.amount { left } else { *amount };
                if amount.amount <= 0 {
                    return Ok(None);
                }
                let refund_reference = refund_reference.clone();
                InvoiceCommand::Credit { number, issued_at: now, amount, refund_reference }
            }
            MoneyMovement::Returned { refund_reference } => {
                let refund_reference = refund_reference.clone();
                InvoiceCommand::CancelCredit { number, issued_at: now, refund_reference }
            }
        };
        let credited = invoice::decide(&state, command)?;
        if credited.is_empty() {
            return Ok(None);
        }
        let mut batch = AppendBuilder::new(now, Cause::event(recorded, SUBSCRIPTION.name));
        batch.add(stream, version, &credited);
        Ok(Some((number.to_string(), batch)))
    };
    numbers.append_next(store, streams::credit_notes(year_of(now)), order_id, checkpoint, write).await
}

/// A movement of money that was on an invoice.
enum MoneyMovement {
    /// It was refunded, or lost in a dispute.
    Away { amount: Money, refund_reference: String },
    /// A refund failed after it had succeeded.
    Returned { refund_reference: String },
}

/// Returns how an event of a payment moved money that was on an invoice; `None` when it did not.
async fn money_movement(store: &Store, recorded: &Recorded) -> Result<Option<MoneyMovement>, Failure> {
    Ok(match aggregates::decode::<PaymentEvent>(recorded)? {
        PaymentEvent::Refunded { amount, reference, .. } => {
            Some(MoneyMovement::Away { amount, refund_reference: reference })
        }
        PaymentEvent::RefundFailed { refund_id: Some(refund_id), .. } => {
            let before = refunds::payment_before(store, recorded).await?;
            let done = before.refund(refund_id).filter(|refund| refund.is_done());
            let reference = done.and_then(|refund| refund.reference().cloned());
            reference.map(|refund_reference| MoneyMovement::Returned { refund_reference })
        }
        PaymentEvent::DisputeClosed { dispute, outcome: DisputeOutcome::Lost } => {
            let payment = refunds::payment_after(store, recorded).await?;
            let lost = payment.disputes().iter().find(|known| known.dispute == dispute);
            lost.map(|lost| MoneyMovement::Away { amount: lost.amount, refund_reference: dispute.clone() })
        }
        _ => None,
    })
}

/// Builds the invoice of an order; `None` while the order is not confirmed.
fn invoice_of(
    number: InvoiceNumber,
    order_id: OrderId,
    order: &Order,
    payment: Option<&Payment>,
    issued_at: Timestamp,
) -> Option<Invoice> {
    let purchase = order.purchase()?;
    let lines = purchase.lines.iter().map(|line| InvoiceLine {
        product_id: line.item.product_id.clone(),
        sku: line.item.sku.clone(),
        name: line.item.name.clone(),
        quantity: line.quantity.get(),
        unit_price: line.item.unit_price,
        total: line.total(),
        vat_rate_percent: line.item.vat_rate_percent,
    });
    Some(Invoice {
        number,
        order_id,
        order_number: order.number()?,
        customer_id: purchase.customer_id,
        email: purchase.details.email.clone(),
        address: purchase.details.shipping_address.clone(),
        seller: None,
        issued_at,
        supplied_at: None,
        lines: lines.collect(),
        discount: order.discount(),
        tax: order.tax(),
        total: order.total(),
        payment_reference: payment_reference(&purchase.details.payment, payment.and_then(Payment::reference)),
    })
}

fn payment_reference(method: &PaymentMethod, reference: Option<&str>) -> String {
    match method {
        PaymentMethod::Card { token: _ } => format!("card {}", reference.unwrap_or_default()).trim_end().to_owned(),
        PaymentMethod::Wallet => "wallet".to_owned(),
        PaymentMethod::None => "without money".to_owned(),
    }
}

#[cfg(test)]
#[path = "issue_invoices_and_credit_notes_tests.rs"]
mod tests;
