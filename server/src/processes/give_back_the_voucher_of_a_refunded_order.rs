//! An order of which all money has gone back gives back the voucher that it was bought with, so that it can be used again.
//! (That of a cancelled order goes back with its goods: see `check_out_orders`.) The gateway can give money back by itself
//! before the order is confirmed, and the voucher is used only then: so the confirmation is listened to as well.

use storefront_api::PaymentStatus;
use storefront_api::{OrderId, PaymentId};
use storefront_domain::payment::PaymentEvent;
use storefront_domain::voucher::{self, VoucherCommand, VoucherEvent};

use crate::clock;
use crate::processes::engine::runner::{Delivery, Subscription};
use crate::store::aggregates;
use crate::store::aggregates::{AppendBuilder, Cause, Store};
use crate::store::commands::{Failure, retrying};
use crate::store::order_record;
use crate::store::streams;

/// What the vouchers of refunded orders listen to.
pub(crate) const SUBSCRIPTION: Subscription =
    Subscription { name: "voucher-returns", types: &["payment.refunded", "payment.dispute_closed", "order.confirmed"] };

/// Handles one event.
pub(crate) async fn handle(store: Store, delivery: Delivery) -> Result<(), Failure> {
    let payment_id = match streams::id_in::<OrderId>("order", delivery.recorded.stream()) {
        Some(order_id) => order_record::load(&store, order_id).await?.order.payment_id(),
        None => streams::id_in::<PaymentId>("payment", delivery.recorded.stream()),
    };
    let Some(payment_id) = payment_id else { return Ok(()) };
    retrying(|| give_back(&store, &delivery, payment_id)).await
}

async fn give_back(store: &Store, delivery: &Delivery, payment_id: PaymentId) -> Result<(), Failure> {
    let (payment, _) = aggregates::load::<PaymentEvent>(store, &streams::payment(payment_id)).await?;
    let Some(order_id) = payment.request().map(|request| request.order_id) else { return Ok(()) };
    if payment.status() != PaymentStatus::Refunded {
        return Ok(());
    }
    let order = order_record::load(store, order_id).await?.order;
    // Money that came too late for its order bought nothing with the voucher.
    let is_its = order.payment_id() == Some(payment_id) && order.number().is_some();
    let Some(held) = order.voucher().filter(|_| is_its) else { return Ok(()) };
    let stream = streams::voucher(&held.code);
    let (voucher, version) = aggregates::load::<VoucherEvent>(store, &stream).await?;
    let mut batch = AppendBuilder::new(clock::now(), Cause::event(&delivery.recorded, SUBSCRIPTION.name));
    batch.add(stream, version, &voucher::decide(&voucher, VoucherCommand::Release { order_id })?);
    if batch.is_empty() {
        return Ok(());
    }
    batch.checkpoint(delivery.checkpoint.clone());
    store.append(batch.into_append()).await.map_err(Failure::Append)?;
    Ok(())
}

#[cfg(test)]
#[path = "give_back_the_voucher_of_a_refunded_order_tests.rs"]
mod tests;
