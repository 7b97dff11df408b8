//! An order with the times of its events: the state of an order's stream, ready to be shown by the API.

use std::sync::Arc;

use storefront_api::{self as api, CustomerId, OrderId, OrderStatus, PaymentStatus, Timestamp};
use storefront_domain::{
    order::{self, Order, OrderEvent},
    payment::{self, Authentication, DisputeOutcome, DisputeState, Payment, PaymentEvent, RefundState},
};
use storefront_eventlog::{Position, Recorded, Version};

use crate::store::aggregates;
use crate::store::aggregates::{LoadError, Store};
use crate::store::streams;

/// An order, and when its events happened.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct OrderRecord {
    pub(crate) order: Order,
    pub(crate) version: Version,
    pub(crate) started_at: Timestamp,
    pub(crate) changed_at: Timestamp,
    checked_out_at: Option<Timestamp>,
    confirmed_at: Option<Timestamp>,
    shipped_at: Option<Timestamp>,
    delivered_at: Option<Timestamp>,
    cancelled_at: Option<Timestamp>,
    /// Position of the first event that was left out, when the record ends at an earlier moment.
    cut_at: Option<Position>,
}

impl OrderRecord {
    /// Returns the record after the next event of the order's stream.
    pub(crate) fn evolve(mut self, event: &OrderEvent, time: Timestamp) -> Self {
        self.apply(event, time);
        self
    }

    /// Applies the next event of the order's stream.
    pub(crate) fn apply(&mut self, event: &OrderEvent, time: Timestamp) {
        self.order = order::evolve(std::mem::take(&mut self.order), event);
        self.version = Version(self.version.0 + 1);
        self.changed_at = time;
        match event {
            OrderEvent::Started { .. } => self.started_at = time,
            OrderEvent::CheckedOut { .. } => self.checked_out_at = Some(time),
            OrderEvent::Reopened { .. } => self.checked_out_at = None,
            OrderEvent::Confirmed { .. } => self.confirmed_at = Some(time),
            OrderEvent::Shipped { .. } => self.shipped_at = Some(time),
            OrderEvent::Delivered { .. } => self.delivered_at = Some(time),
            OrderEvent::Cancelled { .. } => self.cancelled_at = Some(time),
            OrderEvent::ItemAdded { .. }
            | OrderEvent::ItemQuantityChanged { .. }
            | OrderEvent::ItemRemoved { .. }
            | OrderEvent::PriceChangedInBasket { .. }
            | OrderEvent::VatRateChangedInBasket { .. }
            | OrderEvent::ProductWithdrawnFromBasket { .. }
            | OrderEvent::ProductRelistedInBasket { .. }
            | OrderEvent::VoucherApplied { .. }
            | OrderEvent::VoucherRemoved { .. }
            | OrderEvent::Invoiced { .. }
            | OrderEvent::EmailChanged { .. }
            | OrderEvent::Expired
            | OrderEvent::Erased => {}
        }
    }

    /// Decodes and applies the next event of the order's stream.
    pub(crate) fn apply_recorded(&mut self, recorded: &Recorded) -> Result<(), LoadError> {
        let event = aggregates::decode::<OrderEvent>(recorded)?;
        self.apply(&event, Timestamp::from_unix_ms(recorded.time_ms));
        Ok(())
    }

    /// Returns the order as the API shows it; `None` for one that was never started.
    pub(crate) fn body(&self, id: OrderId, payment: Option<&Payment>) -> Option<api::Order> {
        let order = &self.order;
        let status = order.status()?;
        let subtotal = order.subtotal();
        let items = order.lines().iter().map(item).collect();
        let tax = order.tax().into_iter();
        Some(api::Order {
            id,
            number: order.number().map(|number| number.to_string()),
            status,
            payment_status: payment_status(status, payment),
            payment_action: payment.and_then(Payment::authentication).map(action),
            payment_id: order.payment_id(),
            customer_id: order.customer_id(),
            version: self.version.0,
            currency: order.currency(),
            items,
            subtotal,
            discount: order.discount(),
            total: order.total(),
            tax: tax.map(|tax| api::TaxLine { rate_percent: tax.rate_percent, amount: tax.amount }).collect(),
            voucher: order.voucher().map(|voucher| voucher.code.clone()),
            email: order.email().map(str::to_owned),
            shipping_address: order.shipping_address().cloned(),
            shipment: self.shipment(),
            invoice: order.invoice().map(|number| number.to_string()),
            reopened_because: order.reopened_because().cloned(),
            started_at: self.started_at,
            checked_out_at: self.checked_out_at,
            confirmed_at: self.confirmed_at,
            cancelled_at: self.cancelled_at,
            cancelled_because: order.cancelled_because().map(str::to_owned),
            refunds: payment.map(refunds).unwrap_or_default(),
            disputes: payment.map(disputes).unwrap_or_default(),
        })
    }

    /// Returns the order as a list shows it; `None` for one that was never started.
    #[cfg(test)]
    pub(crate) fn summary(&self, id: OrderId, payment: Option<&Payment>) -> Option<api::OrderSummary> {
        let status = self.order.status()?;
        let lines = self.order.lines();
        Some(api::OrderSummary {
            id,
            number: self.order.number().map(|number| number.to_string()),
            status,
            payment_status: payment_status(status, payment),
            pieces: lines.iter().map(|line| line.quantity.get()).sum(),
            first_item: lines.first().map(|line| line.item.name.clone()),
            second_item: lines.get(1).map(|line| line.item.name.clone()),
            lines: u32::try_from(lines.len()).unwrap_or(u32::MAX),
            total: self.order.total(),
            started_at: self.started_at,
            changed_at: self.changed_at,
        })
    }

    fn shipment(&self) -> Option<api::Shipment> {
        let shipment = self.order.shipment()?;
        Some(api::Shipment {
            carrier: shipment.carrier.clone(),
            tracking_number: shipment.tracking_number.clone(),
            estimated_delivery: shipment.estimated_delivery,
            shipped_at: self.shipped_at?,
            delivered_at: self.delivered_at,
            recipient: shipment.recipient.clone(),
        })
    }
}

/// Loads an order from its stream.
pub(crate) async fn load(store: &Store, id: OrderId) -> Result<Arc<OrderRecord>, LoadError> {
    Ok(aggregates::load::<OrderEvent>(store, &streams::order(id)).await?.0)
}

/// Returns the customer of an order (`None`: a guest); `new_owner` when the order is not started.
pub(crate) async fn owner(
    store: &Store,
    id: OrderId,
    new_owner: Option<CustomerId>,
) -> Result<Option<CustomerId>, LoadError> {
    let record = load(store, id).await?;
    Ok(if record.order.status().is_some() { record.order.customer_id() } else { new_owner })
}

/// Loads an order as it was at a version.
pub(crate) async fn load_until(store: &Store, id: OrderId, version: Version) -> Result<Arc<OrderRecord>, LoadError> {
    let record = load(store, id).await?;
    if record.version <= version {
        return Ok(record);
    }
    Ok(Arc::new(load_while(store, id, |recorded| recorded.version <= version).await?))
}

/// Loads an order from its stream, up to the first event that is not `wanted`.
pub(crate) async fn load_while(
    store: &Store,
    id: OrderId,
    predicate: impl Fn(&Recorded) -> bool + Send + Sync,
) -> Result<OrderRecord, LoadError> {
    let mut record = OrderRecord::default();
    aggregates::for_each(store, &streams::order(id), |recorded| {
        if record.cut_at.is_none() && predicate(recorded) {
            record.apply_recorded(recorded)?;
        } else {
            record.cut_at.get_or_insert(recorded.position);
        }
        Ok(())
    })
    .await?;
    Ok(record)
}

/// Loads the payment of the order's latest checkout, if there is one.
pub(crate) async fn load_payment(store: &Store, order: &Order) -> Result<Option<Arc<Payment>>, LoadError> {
    match order.payment_id() {
        Some(id) => Ok(Some(aggregates::load::<PaymentEvent>(store, &streams::payment(id)).await?.0)),
        None => Ok(None),
    }
}

/// Loads the payment as it was when the order was as `record` has it, from the events that are `wanted`.
pub(crate) async fn load_payment_at(
    store: &Store,
    record: &OrderRecord,
    predicate: impl Fn(&Recorded) -> bool + Send + Sync,
) -> Result<Option<Payment>, LoadError> {
    let Some(id) = record.order.payment_id() else { return Ok(None) };
    let is_then = |recorded: &Recorded| record.cut_at.is_none_or(|cut_at| recorded.position < cut_at);
    let stream = streams::payment(id);
    let payment =
        aggregates::load_where::<PaymentEvent>(store, &stream, |recorded| predicate(recorded) && is_then(recorded));
    payment.await.map(Some)
}

/// Returns the refunds of a payment as the API shows them.
pub(crate) fn refunds(payment: &Payment) -> Vec<api::Refund> {
    let refund = |refund: &payment::Refund| {
        let (state, detail) = match &refund.state {
            RefundState::Open => (api::RefundState::Open, None),
            RefundState::Pending { .. } => (api::RefundState::Pending, None),
            RefundState::Done { .. } => (api::RefundState::Done, None),
            RefundState::Failed { reference: _, detail } => (api::RefundState::Failed, Some(detail.clone())),
        };
        api::Refund {
            id: refund.id,
            amount: refund.amount,
            state,
            reference: refund.reference().cloned(),
            reason: (!refund.reason.is_empty()).then(|| refund.reason.clone()),
            detail,
            made_at_gateway: refund.is_found,
        }
    };
    payment.refunds().iter().map(refund).collect()
}

/// Returns the disputes of a payment as the API shows them.
pub(crate) fn disputes(payment: &Payment) -> Vec<api::Dispute> {
    let dispute = |dispute: &payment::Dispute| api::Dispute {
        reference: dispute.dispute.clone(),
        amount: dispute.amount,
        reason: dispute.reason.clone(),
        state: match dispute.state {
            DisputeState::Open => api::DisputeState::Open,
            DisputeState::Withdrawn => api::DisputeState::Withdrawn,
            DisputeState::Closed(DisputeOutcome::Won) => api::DisputeState::Won,
            DisputeState::Closed(DisputeOutcome::Lost) => api::DisputeState::Lost,
        },
    };
    payment.disputes().iter().map(dispute).collect()
}

fn action(authentication: &Authentication) -> api::PaymentAction {
    api::PaymentAction { url: authentication.url.clone(), expires_at: authentication.expires_at }
}

fn item(line: &order::OrderLine) -> api::OrderItem {
    api::OrderItem {
        product_id: line.item.product_id.clone(),
        sku: line.item.sku.clone(),
        name: line.item.name.clone(),
        unit_price: line.item.unit_price,
        quantity: line.quantity.get(),
        line_total: line.total(),
        notice: line.notice.as_ref().map(ToString::to_string),
    }
}

/// Returns the payment status of an order. A payment that the order names and that is not requested yet is pending.
fn payment_status(status: OrderStatus, payment: Option<&Payment>) -> PaymentStatus {
    match (payment.map(Payment::status), status) {
        (Some(PaymentStatus::None) | None, OrderStatus::CheckedOut) => PaymentStatus::Pending,
        (None, _) => PaymentStatus::None,
        (Some(status), _) => status,
    }
}
