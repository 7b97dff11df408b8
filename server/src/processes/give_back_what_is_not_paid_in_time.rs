//! Releases the goods of an order that is not paid in time, and reopens the order with the reason.
//!
//! Each reservation sets a durable timer, which commits with the checkpoint; see
//! [`crate::processes::engine::timers`].
//!
//! Expiry and payment race on the versions of two streams: the checkout's, which both outcomes write, and the
//! payment's, which must not have an outcome since it was read. The payment is cancelled so that it is not charged
//! any more; money that arrives all the same is refunded.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use storefront_api::{OrderId, PaymentId, ReopenReason};
use storefront_domain::checkout::{self, Attempt, CheckoutEvent};
use storefront_domain::payment::{self, Payment, PaymentCommand, PaymentEvent};
use storefront_domain::stock::{self, ReleaseReason, Stock, StockCommand};
use storefront_domain::voucher::{self, Voucher, VoucherCommand};
use storefront_eventlog::{JsonText, Timer};
use tracing::info;
use uuid::Uuid;

use super::checkout_mails;
use crate::clock;
use crate::processes::engine::runner::{Delivery, Subscription};
use crate::processes::engine::timers::{Timers, append_for_timer, postpone};
use crate::store::aggregates;
use crate::store::aggregates::{AppendBuilder, Store};
use crate::store::commands::Failure;
use crate::store::streams;

pub(crate) const SUBSCRIPTION: Subscription =
    Subscription { name: "reservations", types: &["checkout.stock_reserved"] };

/// The data stored with a timer, as JSON.
#[derive(Serialize, Deserialize)]
struct TimerNote {
    order_id: OrderId,
    payment_id: PaymentId,
    /// The event that set the timer.
    cause: Uuid,
}

/// Handles one event: sets the timer of a reservation.
pub(crate) async fn handle(store: Store, life: Duration, timers: Timers, delivery: Delivery) -> Result<(), Failure> {
    let recorded = &delivery.recorded;
    let Some(order_id) = streams::id_in::<OrderId>("checkout", recorded.stream()) else { return Ok(()) };
    let (checkout, _) = aggregates::load::<CheckoutEvent>(&store, &recorded.stream_name()).await?;
    let Some(attempt) = checkout.attempt() else { return Ok(()) };
    let payment_id = attempt.payment_id;
    if checkout::attempt_awaiting_payment(&checkout, payment_id).is_none() {
        return Ok(());
    }
    let due_ms = recorded.time_ms.saturating_add(clock::as_ms(life));
    let note = JsonText::of(&TimerNote { order_id, payment_id, cause: recorded.id })?;
    timers.set(&store, &delivery, order_id.to_string(), due_ms, note).await
}

/// Handles a due timer: releases the goods and reopens the order if it is still unpaid.
pub(crate) async fn handle_timer(store: Store, timer: Timer) -> Result<AppendBuilder, Failure> {
    let store = &store;
    let TimerNote { order_id, payment_id, cause } = timer.note.parse()?;
    let (mut batch, stream) = (append_for_timer(&timer, Some(cause)), streams::checkout(order_id));
    let (checkout, version) = aggregates::load::<CheckoutEvent>(store, &stream).await?;
    if let Some(attempt) = checkout::attempt_awaiting_payment(&checkout, payment_id) {
        let payment_stream = streams::payment(payment_id);
        let (payment, payment_version) = aggregates::load::<PaymentEvent>(store, &payment_stream).await?;
        match &*payment {
            // The checkout receives no event about a payment that is unknown or cancelled already.
            Payment::Unknown | Payment::Cancelled { .. } => batch.expect(payment_stream, payment_version),
            Payment::Requested { .. } | Payment::AuthenticationRequired { .. } => {
                batch.add(payment_stream, payment_version, &payment::decide(&payment, PaymentCommand::Cancel)?);
            }
            // The checkout receives the outcome in a moment and decides.
            Payment::Succeeded { .. } | Payment::Declined { .. } => {
                batch.timer(postpone(&timer));
                return Ok(batch);
            }
        }
        release_goods(store, &mut batch, order_id, attempt).await?;
        let reason = ReopenReason::ReservationExpired;
        checkout_mails::reopen(store, &mut batch, order_id, payment_id, reason.clone()).await?;
        batch.add(stream, version, &[CheckoutEvent::Failed { reason }]);
        info!(%order_id, "an order was not paid in time; releasing its goods");
    }
    batch.timer(timer.fired());
    Ok(batch)
}

async fn release_goods(
    store: &Store,
    batch: &mut AppendBuilder,
    order_id: OrderId,
    attempt: &Attempt,
) -> Result<(), Failure> {
    let mut products: Vec<_> = attempt.lines.iter().map(|line| line.product_id.clone()).collect();
    products.sort();
    products.dedup();
    for product_id in products {
        let release = StockCommand::Release { order_id, reason: ReleaseReason::Expired };
        batch.decide(store, streams::stock(&product_id), |stock: &Stock| stock::decide(stock, release)).await?;
    }
    if let Some(code) = &attempt.voucher {
        let release = |voucher: &Voucher| voucher::decide(voucher, VoucherCommand::Release { order_id });
        batch.decide(store, streams::voucher(code), release).await?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "give_back_what_is_not_paid_in_time_tests.rs"]
mod tests;
