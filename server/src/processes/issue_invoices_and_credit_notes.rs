//! An order that is confirmed gets one invoice, also when it is cancelled right afterwards; money that goes back after that, or
//! is lost in a dispute, gets a credit note. A refund that fails after it had succeeded gets another credit note over the same
//! amounts below zero, which cancels the first: documents are corrected by documents, never edited. What the gateway or a
//! bank took before the order was confirmed gets its credit note right after the invoice.
//!
//! The number of a document is its place in the register of its year. The entry there, the document and the note in the
//! order are one append: so a number is never taken twice and never skipped, whoever dies when. That the order has its
//! invoice, and the invoice its credit note for the refund, makes a second time change nothing.

use std::collections::HashMap;
use std::sync::Arc;

use storefront_api::{Money, OrderId, PaymentId, PaymentMethod, Seller, Timestamp};
use storefront_domain::invoice::{
    self, CreditNoteNumber, Invoice, InvoiceCommand, InvoiceEvent, InvoiceLine, InvoiceNumber, InvoiceWithCredits,
};
use storefront_domain::order::{self, Order, OrderCommand, OrderEvent};
use storefront_domain::payment::{DisputeOutcome, Payment, PaymentEvent};
use storefront_domain::register::{RegisterEvent, year_of};
use storefront_eventlog::{AppendError, Checkpoint, Recorded, StreamName, Version};
use tokio::sync::Mutex;

use crate::clock;
use crate::payments::refunds;
use crate::processes::engine::runner::{Delivery, Subscription};
use crate::store::aggregates;
use crate::store::aggregates::{AppendBuilder, Cause, Store};
use crate::store::commands::{Failure, retrying};
use crate::store::order_record;
use crate::store::streams;

/// What the invoices listen to.
pub(crate) const SUBSCRIPTION: Subscription = Subscription {
    name: "invoices",
    types: &["order.confirmed", "payment.refunded", "payment.refund_failed", "payment.dispute_closed"],
};

/// How many documents each register is known to have. Whoever enters one holds the lock, so that one server does not race
/// with itself for numbers; against other servers the log decides.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registers(Arc<Mutex<HashMap<StreamName, u64>>>);

/// Handles one event.
pub(crate) async fn handle(
    store: Store,
    registers: Registers,
    seller: Arc<Seller>,
    delivery: Delivery,
) -> Result<(), Failure> {
    at(&store, &registers, &seller, &delivery, clock::now).await
}

async fn at(
    store: &Store,
    registers: &Registers,
    seller: &Seller,
    delivery: &Delivery,
    now: fn() -> Timestamp,
) -> Result<(), Failure> {
    let stream = delivery.recorded.stream();
    if let Some(order_id) = streams::id_in::<OrderId>("order", stream) {
        let earlier = moved_before(store, &delivery.recorded, order_id).await?;
        // The event is done only when the last of its documents is there.
        let checkpoint = Some(&delivery.checkpoint).filter(|_| earlier.is_empty());
        retrying(|| issue(store, registers, seller, &delivery.recorded, checkpoint, order_id, now())).await?;
        for recorded in &earlier {
            retrying(|| credit(store, registers, recorded, None, now())).await?;
        }
        return Ok(());
    }
    retrying(|| credit(store, registers, &delivery.recorded, Some(&delivery.checkpoint), now())).await
}

/// What happened to the money of an order before it was confirmed: there was no invoice then that it could be credited to.
async fn moved_before(store: &Store, confirmed: &Recorded, order_id: OrderId) -> Result<Vec<Recorded>, Failure> {
    let mut earlier = Vec::new();
    let order = order_record::load(store, order_id).await?.order;
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
    registers: &Registers,
    seller: &Seller,
    confirmed: &Recorded,
    checkpoint: Option<&Checkpoint>,
    order_id: OrderId,
    now: Timestamp,
) -> Result<(), Failure> {
    let register = streams::invoices(year_of(now));
    let mut known = registers.0.lock().await;
    let entries = known.entry(register.clone()).or_default();
    let record = order_record::load(store, order_id).await?;
    let payment = order_record::load_payment(store, &record.order).await?;
    let number = InvoiceNumber { year: year_of(now), sequence: *entries + 1 };
    let supplied_at = Timestamp::from_unix_ms(confirmed.time_ms);
    let Some(mut invoice) = invoice_of(number, order_id, &record.order, payment.as_ref(), now) else { return Ok(()) };
    (invoice.seller, invoice.supplied_at) = (Some(seller.clone()), Some(supplied_at));
    let noted = order::decide(&record.order, OrderCommand::NoteInvoice { number })?;
    if noted.is_empty() {
        return Ok(());
    }
    let mut batch = AppendBuilder::new(now, Cause::event(confirmed, SUBSCRIPTION.name));
    let issued = invoice::decide(&None, InvoiceCommand::Issue(Box::new(invoice)))?;
    batch.add(streams::invoice(number), Version(0), &issued);
    batch.add::<OrderEvent>(streams::order(order_id), record.version, &noted);
    dispatch(store, entries, register, number.to_string(), order_id, checkpoint, batch).await
}

async fn credit(
    store: &Store,
    registers: &Registers,
    recorded: &Recorded,
    checkpoint: Option<&Checkpoint>,
    now: Timestamp,
) -> Result<(), Failure> {
    let Some(payment_id) = streams::id_in::<PaymentId>("payment", recorded.stream()) else { return Ok(()) };
    let Some(moved) = moved(store, recorded).await? else { return Ok(()) };
    let register = streams::credit_notes(year_of(now));
    let mut known = registers.0.lock().await;
    let entries = known.entry(register.clone()).or_default();
    let (payment, _) = aggregates::load::<PaymentEvent>(store, &streams::payment(payment_id)).await?;
    let Some(order_id) = payment.request().map(|request| request.order_id) else { return Ok(()) };
    let order = order_record::load(store, order_id).await?.order;
    // Money that came too late for its order goes back without ever having been on an invoice.
    let Some(invoice) = order.invoice().filter(|_| order.payment_id() == Some(payment_id)) else { return Ok(()) };
    let stream = streams::invoice(invoice);
    let (state, version) = aggregates::load::<InvoiceEvent>(store, &stream).await?;
    let number = CreditNoteNumber { year: year_of(now), sequence: *entries + 1 };
    let command = match moved {
        Moved::Away { amount, refund_reference } => {
            // A bank may take what goes back as well; then more has gone than is left of the invoice.
            let left = state.as_ref().map_or(amount, InvoiceWithCredits::left);
            let amount = if amount.amount > left.amount { left } else { amount };
            if amount.amount <= 0 {
                return Ok(());
            }
            InvoiceCommand::Credit { number, issued_at: now, amount, refund_reference }
        }
        Moved::Returned { refund_reference } => {
            InvoiceCommand::CancelCredit { number, issued_at: now, refund_reference }
        }
    };
    let credited = invoice::decide(&state, command)?;
    if credited.is_empty() {
        return Ok(());
    }
    let mut batch = AppendBuilder::new(now, Cause::event(recorded, SUBSCRIPTION.name));
    batch.add(stream, version, &credited);
    dispatch(store, entries, register, number.to_string(), order_id, checkpoint, batch).await
}

/// How money moved after it was on an invoice.
enum Moved {
    /// It went back, or was lost in a dispute.
    Away { amount: Money, refund_reference: String },
    /// A refund that failed after it had succeeded.
    Returned { refund_reference: String },
}

/// What an event of a payment says about money on an invoice; `None` when nothing.
async fn moved(store: &Store, recorded: &Recorded) -> Result<Option<Moved>, Failure> {
    Ok(match aggregates::decode::<PaymentEvent>(recorded)? {
        PaymentEvent::Refunded { amount, reference, .. } => Some(Moved::Away { amount, refund_reference: reference }),
        PaymentEvent::RefundFailed { refund_id: Some(refund_id), .. } => {
            let before = refunds::before(store, recorded).await?;
            let done = before.refund(refund_id).filter(|refund| refund.is_done());
            let reference = done.and_then(|refund| refund.reference().cloned());
            reference.map(|refund_reference| Moved::Returned { refund_reference })
        }
        PaymentEvent::DisputeClosed { dispute, outcome: DisputeOutcome::Lost } => {
            let at = refunds::at(store, recorded).await?;
            let lost = at.disputes().iter().find(|known| known.dispute == dispute);
            lost.map(|lost| Moved::Away { amount: lost.amount, refund_reference: dispute.clone() })
        }
        PaymentEvent::Requested { .. }
        | PaymentEvent::IntentCreated { .. }
        | PaymentEvent::AuthenticationRequired { .. }
        | PaymentEvent::Succeeded { .. }
        | PaymentEvent::Declined { .. }
        | PaymentEvent::Found { .. }
        | PaymentEvent::OutcomeUnknown { .. }
        | PaymentEvent::Cancelled
        | PaymentEvent::RefundRequested { .. }
        | PaymentEvent::RefundPending { .. }
        | PaymentEvent::RefundFound { .. }
        | PaymentEvent::RefundFailed { refund_id: None, .. }
        | PaymentEvent::Disputed { .. }
        | PaymentEvent::DisputeFundsWithdrawn { .. }
        | PaymentEvent::DisputeClosed { outcome: DisputeOutcome::Won, .. } => None,
    })
}

/// Appends a document together with its entry at the next place of its register. When another server was faster, the
/// conflict tells how far the register is.
async fn dispatch(
    store: &Store,
    entries: &mut u64,
    register: StreamName,
    document: String,
    order_id: OrderId,
    checkpoint: Option<&Checkpoint>,
    mut batch: AppendBuilder,
) -> Result<(), Failure> {
    batch.add(register.clone(), Version(*entries), &[RegisterEvent::Entered { document, order_id }]);
    if let Some(checkpoint) = checkpoint {
        batch.checkpoint(checkpoint.clone());
    }
    match store.append(batch.into_append()).await {
        Ok(_) => *entries += 1,
        Err(conflict) => {
            if let AppendError::Conflict { stream, actual, .. } = &conflict {
                // The stream of the invoice with the number that was guessed is taken too, and may be named instead.
                *entries =
                    if *stream == register { actual.0 } else { register_end(store, &register, *entries).await? };
            }
            return Err(Failure::Append(conflict));
        }
    }
    Ok(())
}

/// How many documents a register has, of which it is known that it has so many at least.
async fn register_end(store: &Store, register: &StreamName, mut entries: u64) -> Result<u64, Failure> {
    loop {
        let page = store.read_stream(register, Version(entries + 1), 500).await?;
        match page.last() {
            Some(last) => entries = last.version.0,
            None => return Ok(entries),
        }
    }
}

/// What the invoice of an order says; `None` while there is nothing to say it about.
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
        payment_reference: paid_by(&purchase.details.payment, payment.and_then(Payment::reference)),
    })
}

fn paid_by(method: &PaymentMethod, reference: Option<&str>) -> String {
    match method {
        PaymentMethod::Card { token: _ } => format!("card {}", reference.unwrap_or_default()).trim_end().to_owned(),
        PaymentMethod::Wallet => "wallet".to_owned(),
        PaymentMethod::None => "without money".to_owned(),
    }
}

#[cfg(test)]
#[path = "issue_invoices_and_credit_notes_tests.rs"]
mod tests;
