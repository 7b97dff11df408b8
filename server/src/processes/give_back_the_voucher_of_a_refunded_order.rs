//! Releases the voucher of an order whose money has all been refunded, so that it can be used again. (The voucher of
//! a cancelled order is released with its goods: see `check_out_orders`.) The gateway can refund money by itself
//! before the order is confirmed, and the voucher is redeemed only on confirmation; therefore this process also
//! receives the confirmation.

use storefront_api::PaymentStatus;
use storefront_api::{OrderId, PaymentId};
use storefront_domain::payment::PaymentEvent;
use storefront_domain::voucher::{self, Voucher, VoucherCommand};

use crate::processes::engine::runner::{Delivery, Subscription};
use crate::store::aggregates;
use crate::store::aggregates::{AppendBuilder, Store};
use crate::store::commands::{Failure, retry_on_conflict};
use crate::store::order_record;
use crate::store::streams;

pub(crate) const SUBSCRIPTION: Subscription =
    Subscription { name: "voucher-returns", types: &["payment.refunded", "payment.dispute_closed", "order.confirmed"] };

pub(crate) async fn handle(store: Store, delivery: Delivery) -> Result<(), Failure> {
    let payment_id = match streams::id_in::<OrderId>("order", delivery.recorded.stream()) {
        Some(order_id) => order_record::load(&store, order_id).await?.order.payment_id(),
        None => streams::id_in::<PaymentId>("payment", delivery.recorded.stream()),
    };
    let Some(payment_id) = payment_id else { return Ok(()) };
    retry_on_conflict(|| release_voucher(&store, &delivery, payment_id)).await
}

async fn release_voucher(store: &Store, delivery: &Delivery, payment_id: PaymentId) -> Result<(), Failure> {
    let (payment, _) = aggregates::load::<PaymentEvent>(store, &streams::payment(payment_id)).await?;
    let Some(order_id) = payment.request().map(|request| request.order_id) else { return Ok(()) };
    if payment.status() != PaymentStatus::Refunded {
        return Ok(());
    }
    let order = &order_record::load(store, order_id).await?.order;
    // A payment that arrived too late for its order did not redeem the voucher.
    let paid_this_order = order.payment_id() == Some(payment_id) && order.number().is_some();
    let Some(applied) = order.voucher().filter(|_| paid_this_order) else { return Ok(()) };
    let release = |voucher: &Voucher| voucher::decide(voucher, VoucherCommand::Release { order_id });
    let mut batch = AppendBuilder::because_of(&delivery.recorded, SUBSCRIPTION.name);
    batch.decide(store, streams::voucher(&applied.code), release).await?;
    batch.append_if_any(store, Some(&delivery.checkpoint)).await.map(drop)
}

#[cfg(test)]
#[path = "give_back_the_voucher_of_a_refunded_order_tests.rs"]
mod tests;
