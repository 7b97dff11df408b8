//! The checkout: carries out the intents of `storefront_domain::checkout::react`, all intents of one event in one
//! atomic append.

use std::collections::BTreeMap;
use std::time::Duration;

use storefront_api::{
    Money, OrderId, PaymentId, PaymentMethod, ProductId, RefundId, ReopenReason, Timestamp, VoucherCode,
};
use storefront_domain::{
    OrderNumber,
    checkout::{self, CheckoutEvent, CheckoutIntent, CheckoutLine, CheckoutTrigger},
    order::{self, OrderCommand, OrderError, OrderEvent, OrderLine},
    payment::{self, Payment, PaymentCommand, PaymentEvent},
    stock::{self, ReleaseReason, Stock, StockCommand, StockError, StockEvent},
    voucher::{self, Voucher, VoucherCommand, VoucherEvent},
};
use storefront_eventlog::{Checkpoint, Recorded, StreamName, Version};

use super::checkout_mails;
use crate::processes::engine::runner::{Delivery, Subscription};
use crate::processes::engine::start_positions;
use crate::store::aggregates;
use crate::store::aggregates::{AppendBuilder, LoadError, Store};
use crate::store::commands::{Failure, decide_all, retry_on_conflict};
use crate::store::order_record;
use crate::store::streams;
use crate::{clock, random};

pub(crate) const SUBSCRIPTION: Subscription = Subscription {
    name: "checkout",
    types: &[
        "order.checked_out",
        "order.cancelled",
        "order.shipped",
        "order.invoiced",
        "checkout.stock_reserved",
        "checkout.completed",
        "payment.succeeded",
        "payment.declined",
    ],
};

pub(crate) async fn handle(store: Store, reservation_life: Duration, delivery: Delivery) -> Result<(), Failure> {
    let recorded = &delivery.recorded;
    let Some((order_id, trigger)) = trigger(&store, recorded).await? else { return Ok(()) };
    let run = CheckoutRun { store: &store, recorded, order_id, reservation_life };
    retry_on_conflict(|| run.append_once(&trigger, &delivery.checkpoint)).await
}

/// Returns the order of an event and what the event means to its checkout; `None` when it means nothing.
async fn trigger(store: &Store, recorded: &Recorded) -> Result<Option<(OrderId, CheckoutTrigger)>, Failure> {
    let stream = recorded.stream();
    if let Some(order_id) = streams::id_in::<OrderId>("order", stream) {
        let trigger = match aggregates::decode::<OrderEvent>(recorded)? {
            OrderEvent::CheckedOut { payment_id, total, email, payment, .. } => {
                let (lines, voucher) = lines_at_checkout(store, order_id, recorded.version).await?;
                CheckoutTrigger::OrderCheckedOut { payment_id, lines, total, method: payment, email, voucher }
            }
            OrderEvent::Cancelled { .. } => CheckoutTrigger::OrderCancelled,
            OrderEvent::Shipped { .. } => CheckoutTrigger::OrderShipped,
            OrderEvent::Invoiced { .. } => CheckoutTrigger::OrderInvoiced,
            _ => return Ok(None),
        };
        return Ok(Some((order_id, trigger)));
    }
    if let Some(order_id) = streams::id_in::<OrderId>("checkout", stream) {
        let trigger = match aggregates::decode::<CheckoutEvent>(recorded)? {
            CheckoutEvent::StockReserved => CheckoutTrigger::StockReserved,
            CheckoutEvent::Completed { number } => {
                let awaits_invoice = awaits_invoice(store, order_id).await?;
                CheckoutTrigger::Completed { number, awaits_invoice }
            }
            _ => return Ok(None),
        };
        return Ok(Some((order_id, trigger)));
    }
    let Some(payment_id) = streams::id_in::<PaymentId>("payment", stream) else { return Ok(None) };
    let (payment, _) = aggregates::load::<PaymentEvent>(store, &recorded.stream_name()).await?;
    let Some(order_id) = payment.request().map(|request| request.order_id) else { return Ok(None) };
    let trigger = match aggregates::decode::<PaymentEvent>(recorded)? {
        PaymentEvent::Succeeded { .. } => CheckoutTrigger::PaymentSucceeded { payment_id },
        PaymentEvent::Declined { reason, message } => CheckoutTrigger::PaymentDeclined { payment_id, reason, message },
        _ => return Ok(None),
    };
    Ok(Some((order_id, trigger)))
}

/// Returns whether the invoice of a confirmed order is still to be written. `false` also for an order that was
/// confirmed before the shop wrote invoices.
async fn awaits_invoice(store: &Store, order_id: OrderId) -> Result<bool, Failure> {
    let invoice = start_positions::invoice_status(store, order_id).await?;
    Ok(!invoice.is_written && invoice.will_be_written)
}

/// Returns the lines and the voucher of the order at its checkout, which is the event of this version.
async fn lines_at_checkout(
    store: &Store,
    id: OrderId,
    version: Version,
) -> Result<(Vec<CheckoutLine>, Option<VoucherCode>), LoadError> {
    let order = order_record::load_until(store, id, version).await?;
    let order = &order.order;
    let line =
        |line: &OrderLine| CheckoutLine { product_id: line.item.product_id.clone(), quantity: line.quantity.get() };
    Ok((order.lines().iter().map(line).collect(), order.voucher().map(|voucher| voucher.code.clone())))
}

/// One event of the checkout of one order.
struct CheckoutRun<'a> {
    store: &'a Store,
    recorded: &'a Recorded,
    order_id: OrderId,
    reservation_life: Duration,
}

impl CheckoutRun<'_> {
    /// Loads, reacts and appends once. Fails with a conflict when a stream has changed meanwhile.
    async fn append_once(&self, trigger: &CheckoutTrigger, checkpoint: &Checkpoint) -> Result<(), Failure> {
        let (state, version) = aggregates::load::<CheckoutEvent>(self.store, &streams::checkout(self.order_id)).await?;
        let intents = checkout::react(&state, trigger);
        let requests_payment = intents.iter().any(|intent| matches!(intent, CheckoutIntent::RequestPayment { .. }));
        let mut batch = AppendBuilder::because_of(self.recorded, SUBSCRIPTION.name);
        let mut events = Vec::new();
        for intent in intents {
            events.extend(self.carry_out(&mut batch, intent).await?);
        }
        if requests_payment && events.is_empty() && !batch.is_empty() {
            // The payment's own stream does not know that the goods are given back meanwhile.
            batch.expect(streams::checkout(self.order_id), version);
        }
        batch.add(streams::checkout(self.order_id), version, &events);
        batch.append_if_any(self.store, Some(checkpoint)).await.map(drop)
    }

    /// Adds the events of one intent to the append; returns the events of the checkout's own stream.
    async fn carry_out(
        &self,
        batch: &mut AppendBuilder,
        intent: CheckoutIntent,
    ) -> Result<Vec<CheckoutEvent>, Failure> {
        match intent {
            CheckoutIntent::Start { payment_id, lines, total, method, email, voucher } => {
                let reserved = self.reserve(batch, payment_id, &lines, voucher).await?;
                let started = CheckoutEvent::Started { payment_id, lines, total, method, email };
                Ok([started].into_iter().chain(reserved).collect())
            }
            CheckoutIntent::RequestPayment { payment_id, amount, method } => {
                self.request_payment(batch, payment_id, amount, method).await?;
                Ok(vec![])
            }
            CheckoutIntent::Complete { payment_id, lines, voucher } => {
                self.complete(batch, payment_id, &lines, voucher).await
            }
            CheckoutIntent::Fail { payment_id, lines, voucher, reason, message } => {
                self.release_goods(batch, &lines, voucher, ReleaseReason::CheckoutFailed).await?;
                let why = ReopenReason::PaymentDeclined { reason: reason.clone(), message: message.clone() };
                checkout_mails::reopen(self.store, batch, self.order_id, payment_id, why.clone()).await?;
                let refused = CheckoutEvent::PaymentRefused { payment_id, reason, message };
                Ok(vec![refused, CheckoutEvent::Failed { reason: why }])
            }
            CheckoutIntent::SendMail { to, kind } => {
                checkout_mails::request(self.store, batch, self.order_id, kind, to).await?;
                Ok(vec![])
            }
            CheckoutIntent::Undo { payment_id, lines, voucher } => {
                self.undo(batch, payment_id, &lines, voucher).await?;
                Ok(vec![CheckoutEvent::Cancelled])
            }
            CheckoutIntent::Settle { lines } => {
                for (product_id, _) in quantities_by_product(&lines) {
                    self.apply_to_stock(batch, &product_id, [StockCommand::Settle { order_id: self.order_id }]).await?;
                }
                Ok(vec![])
            }
            CheckoutIntent::Refund { payment_id, reason } => {
                let refund = PaymentCommand::RefundAll { refund_id: RefundId(random::id()), reason };
                self.apply_to_payment(batch, payment_id, [refund]).await?;
                Ok(vec![])
            }
        }
    }

    /// Reserves the voucher and every line, or reserves nothing and reopens the order. Returns the events of the
    /// checkout's own stream.
    async fn reserve(
        &self,
        batch: &mut AppendBuilder,
        payment_id: PaymentId,
        lines: &[CheckoutLine],
        voucher: Option<VoucherCode>,
    ) -> Result<Vec<CheckoutEvent>, Failure> {
        let until = Timestamp::from_unix_ms(clock::now().unix_ms() + clock::as_ms(self.reservation_life));
        let mut refused = Vec::new();
        let mut reserved = Vec::new();
        for (product_id, quantity) in quantities_by_product(lines) {
            let stream = streams::stock(&product_id);
            self.take_turn(batch, &stream).await;
            let (stock, version) = aggregates::load::<StockEvent>(self.store, &stream).await?;
            let reserve = StockCommand::Reserve { order_id: self.order_id, quantity, until };
            match stock::decide(&stock, reserve) {
                Ok(events) => reserved.push((stream, version, events)),
                Err(StockError::NotAvailable { .. }) => refused.push(product_id),
                Err(other) => return Err(other.into()),
            }
        }
        if !refused.is_empty() {
            let reason = ReopenReason::OutOfStock { product_ids: refused.clone() };
            checkout_mails::reopen(self.store, batch, self.order_id, payment_id, reason.clone()).await?;
            return Ok(vec![CheckoutEvent::StockRefused { product_ids: refused }, CheckoutEvent::Failed { reason }]);
        }
        let mut events = Vec::new();
        if let Some(voucher) = voucher {
            if let Some(detail) = self.reserve_voucher(batch, &voucher).await? {
                let reason = ReopenReason::VoucherUnavailable { voucher: voucher.clone() };
                checkout_mails::reopen(self.store, batch, self.order_id, payment_id, reason.clone()).await?;
                return Ok(vec![CheckoutEvent::VoucherRefused { voucher, detail }, CheckoutEvent::Failed { reason }]);
            }
            events.push(CheckoutEvent::VoucherReserved { voucher });
        }
        for (stream, version, events) in reserved {
            batch.add(stream, version, &events);
        }
        events.push(CheckoutEvent::StockReserved);
        Ok(events)
    }

    /// Reserves a voucher; returns the reason when it cannot be reserved, and adds nothing then.
    async fn reserve_voucher(&self, batch: &mut AppendBuilder, code: &VoucherCode) -> Result<Option<String>, Failure> {
        let stream = streams::voucher(code);
        let (voucher, version) = aggregates::load::<VoucherEvent>(self.store, &stream).await?;
        let customer_id = order_record::owner(self.store, self.order_id, None).await?;
        match voucher::decide(&voucher, VoucherCommand::Reserve { order_id: self.order_id, customer_id }) {
            Ok(events) => {
                batch.add(stream, version, &events);
                Ok(None)
            }
            Err(refusal) => Ok(Some(refusal.to_string())),
        }
    }

    /// Confirms the order and allocates its goods; undoes everything if the order was cancelled meanwhile.
    async fn complete(
        &self,
        batch: &mut AppendBuilder,
        payment_id: PaymentId,
        lines: &[CheckoutLine],
        voucher: Option<VoucherCode>,
    ) -> Result<Vec<CheckoutEvent>, Failure> {
        let stream = streams::order(self.order_id);
        let (record, version) = aggregates::load::<OrderEvent>(self.store, &stream).await?;
        let order = &record.order;
        // The position of the event that caused all this is unique, except in a log that was set back.
        let position = self.recorded.position.0;
        let number = match self.store.epoch().await? {
            None => OrderNumber::from_position(position),
            Some(epoch) => OrderNumber::after_set_back(position, epoch),
        };
        match order::decide(order, OrderCommand::Confirm { payment_id, number }) {
            Ok(events) => batch.add(stream, version, &events),
            Err(OrderError::WrongState { .. }) => {
                checkout_mails::request_cancellation(self.store, batch, self.order_id, order).await?;
                self.undo(batch, payment_id, lines, voucher).await?;
                return Ok(vec![CheckoutEvent::Cancelled]);
            }
            Err(other) => return Err(other.into()),
        }
        for (product_id, _) in quantities_by_product(lines) {
            self.apply_to_stock(batch, &product_id, [StockCommand::Allocate { order_id: self.order_id }]).await?;
        }
        self.apply_to_voucher(batch, voucher, VoucherCommand::Redeem { order_id: self.order_id }).await?;
        Ok(vec![CheckoutEvent::PaymentReceived { payment_id }, CheckoutEvent::Completed { number }])
    }

    async fn undo(
        &self,
        batch: &mut AppendBuilder,
        payment_id: PaymentId,
        lines: &[CheckoutLine],
        voucher: Option<VoucherCode>,
    ) -> Result<(), Failure> {
        self.release_goods(batch, lines, voucher, ReleaseReason::OrderCancelled).await?;
        let (refund_id, reason) = (RefundId(random::id()), "order cancelled".to_owned());
        // A payment that is not charged yet is cancelled; money that arrived is refunded.
        let refund = PaymentCommand::RefundAll { refund_id, reason };
        self.apply_to_payment(batch, payment_id, [PaymentCommand::Cancel, refund]).await
    }

    /// Releases reserved stock, and returns and settles allocated stock. The voucher is released too, used or not.
    async fn release_goods(
        &self,
        batch: &mut AppendBuilder,
        lines: &[CheckoutLine],
        voucher: Option<VoucherCode>,
        reason: ReleaseReason,
    ) -> Result<(), Failure> {
        for (product_id, _) in quantities_by_product(lines) {
            let commands = [
                StockCommand::Release { order_id: self.order_id, reason },
                StockCommand::Return { order_id: self.order_id },
                StockCommand::Settle { order_id: self.order_id },
            ];
            self.apply_to_stock(batch, &product_id, commands).await?;
        }
        self.apply_to_voucher(batch, voucher, VoucherCommand::Release { order_id: self.order_id }).await
    }

    /// Waits for this order's turn on the stock of a product: all shoppers may want the same product. Products come in the
    /// order of their ids, in every append.
    async fn take_turn(&self, batch: &mut AppendBuilder, stream: &StreamName) {
        batch.hold(self.store.turns().take(stream).await);
    }

    async fn apply_to_stock(
        &self,
        batch: &mut AppendBuilder,
        product_id: &ProductId,
        commands: impl IntoIterator<Item = StockCommand> + Send,
    ) -> Result<(), Failure> {
        let stream = streams::stock(product_id);
        self.take_turn(batch, &stream).await;
        let decide = |stock: &Stock| decide_all(stock, commands, stock::decide, stock::evolve);
        batch.decide(self.store, stream, decide).await
    }

    async fn apply_to_voucher(
        &self,
        batch: &mut AppendBuilder,
        code: Option<VoucherCode>,
        command: VoucherCommand,
    ) -> Result<(), Failure> {
        let Some(code) = code else { return Ok(()) };
        let decide = |voucher: &Voucher| voucher::decide(voucher, command);
        batch.decide(self.store, streams::voucher(&code), decide).await
    }

    /// Asks for a payment, once. The event has the id of the payment, and the key at the card gateway is made from the event's
    /// id: where a log that was set back has lost the event, it asks under the same key, and moves the money no second time.
    async fn request_payment(
        &self,
        batch: &mut AppendBuilder,
        id: PaymentId,
        amount: Money,
        method: PaymentMethod,
    ) -> Result<(), Failure> {
        let stream = streams::payment(id);
        let (payment, version) = aggregates::load::<PaymentEvent>(self.store, &stream).await?;
        let request = PaymentCommand::Request { order_id: self.order_id, amount, method };
        if let Some(requested) = payment::decide(&payment, request)?.first() {
            batch.add_as(id.0, stream, version, requested);
        }
        Ok(())
    }

    async fn apply_to_payment(
        &self,
        batch: &mut AppendBuilder,
        id: PaymentId,
        commands: impl IntoIterator<Item = PaymentCommand> + Send,
    ) -> Result<(), Failure> {
        let decide = |payment: &Payment| decide_all(payment, commands, payment::decide, payment::evolve);
        batch.decide(self.store, streams::payment(id), decide).await
    }
}

/// Adds up the quantities of each product: an append may contain a stream only once.
fn quantities_by_product(lines: &[CheckoutLine]) -> BTreeMap<ProductId, u32> {
    let mut quantities = BTreeMap::new();
    for line in lines {
        *quantities.entry(line.product_id.clone()).or_default() += line.quantity;
    }
    quantities
}

#[cfg(test)]
#[path = "check_out_orders_tests.rs"]
mod tests;
