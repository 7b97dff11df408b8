//! What the list of orders knows of one order, and how events change it.
//!
//! The order itself is read from its stream; this has what a list shows and is searched by. `decide` has judged every event
//! before it was written, so they are taken as they are.

use serde::{Deserialize, Serialize};
use storefront_api::{
    Currency, CustomerId, Money, OrderId, OrderStatus, OrderSummary, PaymentId, PaymentStatus, ProductId, Timestamp,
    VoucherCode,
};
use storefront_domain::order::{ItemFacts, OrderEvent, discount_on};
use storefront_domain::payment::PaymentEvent;
use storefront_eventlog::Position;

use super::payment_row::PaymentRow;
use crate::store::streams;

/// An order in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OrderRow {
    id: OrderId,
    /// `None` for an order of a guest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) customer_id: Option<CustomerId>,
    pub(super) status: OrderStatus,
    pub(super) number: Option<String>,
    pub(super) email: Option<String>,
    pub(super) lines: Vec<Line>,
    currency: Currency,
    voucher: Option<VoucherRow>,
    /// What was agreed at checkout, in minor units; until then it is the sum of the lines less the voucher.
    agreed: Option<i64>,
    payment: Option<LatestPayment>,
    /// The position of its first event, by which the list is sorted.
    pub(super) started: i64,
    started_ms: i64,
    changed_ms: i64,
}

/// One product in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) product_id: ProductId,
    pub(super) name: String,
    /// Minor units.
    unit_price: i64,
    quantity: u32,
}

/// The voucher that is to be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct VoucherRow {
    code: VoucherCode,
    /// Minor units.
    amount: i64,
}

/// The payment of the latest checkout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct LatestPayment {
    id: PaymentId,
    payment: PaymentRow,
}

impl OrderRow {
    /// A new order; `None` for an event that begins none.
    pub(super) fn started(id: OrderId, event: &OrderEvent, position: Position, time: Timestamp) -> Option<Self> {
        let OrderEvent::Started { customer_id, currency } = event else { return None };
        Some(Self {
            id,
            customer_id: *customer_id,
            status: OrderStatus::InProgress,
            number: None,
            email: None,
            lines: Vec::new(),
            currency: *currency,
            voucher: None,
            agreed: None,
            payment: None,
            started: i64::try_from(position.0).unwrap_or(i64::MAX),
            started_ms: time.unix_ms(),
            changed_ms: time.unix_ms(),
        })
    }

    pub(super) fn id(&self) -> OrderId {
        self.id
    }

    /// The order after an event of its stream.
    pub(super) fn after(mut self, event: &OrderEvent, time: Timestamp) -> Self {
        self.changed_ms = time.unix_ms();
        match event {
            OrderEvent::Started { .. } => {}
            OrderEvent::ItemAdded { item, quantity } => self.add(item, quantity.get()),
            OrderEvent::ItemQuantityChanged { product_id, quantity } => {
                self.change(product_id, |line| line.quantity = quantity.get());
            }
            OrderEvent::ItemRemoved { product_id } => self.lines.retain(|line| line.product_id != *product_id),
            OrderEvent::PriceChangedInBasket { product_id, old_price: _, new_price } => {
                self.change(product_id, |line| line.unit_price = new_price.amount);
            }
            OrderEvent::VatRateChangedInBasket { .. }
            | OrderEvent::ProductWithdrawnFromBasket { .. }
            | OrderEvent::ProductRelistedInBasket { .. }
            | OrderEvent::Invoiced { .. } => {}
            OrderEvent::EmailChanged { email } => self.email = Some(email.clone()),
            OrderEvent::VoucherApplied { code, amount } => {
                self.voucher = Some(VoucherRow { code: code.clone(), amount: amount.amount });
            }
            OrderEvent::VoucherRemoved { code } => {
                self.voucher = self.voucher.filter(|voucher| voucher.code != *code);
            }
            OrderEvent::CheckedOut { payment_id, total, email, shipping_address: _, payment: _ } => {
                self.status = OrderStatus::CheckedOut;
                self.agreed = Some(total.amount);
                self.email = Some(email.clone());
                self.payment = Some(LatestPayment { id: *payment_id, payment: PaymentRow::default() });
            }
            OrderEvent::Reopened { reason: _ } => {
                self.status = OrderStatus::InProgress;
                self.agreed = None;
            }
            OrderEvent::Confirmed { number } => {
                self.status = OrderStatus::Confirmed;
                self.number = Some(number.to_string());
            }
            OrderEvent::Shipped { .. } => self.status = OrderStatus::Shipped,
            OrderEvent::Delivered { .. } => self.status = OrderStatus::Delivered,
            OrderEvent::Cancelled { reason: _ } => self.status = OrderStatus::Cancelled,
            OrderEvent::Expired => self.status = OrderStatus::Expired,
            OrderEvent::Erased => self.email = None,
        }
        self
    }

    /// The order after an event of a payment; those of an earlier checkout's payment change nothing.
    pub(super) fn after_payment(mut self, stream: &str, event: &PaymentEvent) -> Self {
        let id = streams::id_in::<PaymentId>("payment", stream);
        if let Some(latest) = self.payment.as_mut().filter(|latest| Some(latest.id) == id) {
            latest.payment = std::mem::take(&mut latest.payment).after(event);
        }
        self
    }

    /// The order as a list shows it.
    pub(super) fn summary(&self) -> OrderSummary {
        OrderSummary {
            id: self.id,
            number: self.number.clone(),
            status: self.status,
            payment_status: self.payment_status(),
            pieces: self.lines.iter().map(|line| line.quantity).sum(),
            first_item: self.lines.first().map(|line| line.name.clone()),
            second_item: self.lines.get(1).map(|line| line.name.clone()),
            lines: u32::try_from(self.lines.len()).unwrap_or(u32::MAX),
            total: Money::new(self.agreed.unwrap_or_else(|| self.sum()), self.currency),
            started_at: Timestamp::from_unix_ms(self.started_ms),
            changed_at: Timestamp::from_unix_ms(self.changed_ms),
        }
    }

    /// `decide` lets no sum through that does not fit.
    fn sum(&self) -> i64 {
        let totals = self.lines.iter().map(|line| line.unit_price.saturating_mul(i64::from(line.quantity)));
        let sum = totals.fold(0, i64::saturating_add);
        let voucher = Money::new(self.voucher.as_ref().map_or(0, |voucher| voucher.amount), self.currency);
        sum - discount_on(Money::new(sum, self.currency), voucher).amount
    }

    fn payment_status(&self) -> PaymentStatus {
        let status = |latest: &LatestPayment| latest.payment.payment().status();
        match (self.payment.as_ref().map_or(PaymentStatus::None, status), self.status) {
            (PaymentStatus::None, OrderStatus::CheckedOut) => PaymentStatus::Pending,
            (status, _) => status,
        }
    }

    /// Adds up with the line of the same product, and brings it to the price and name of now.
    fn add(&mut self, item: &ItemFacts, quantity: u32) {
        let already = self.lines.iter().find(|line| line.product_id == item.product_id).map_or(0, |line| line.quantity);
        let line = Line {
            product_id: item.product_id.clone(),
            name: item.name.clone(),
            unit_price: item.unit_price.amount,
            quantity: already.saturating_add(quantity),
        };
        match self.lines.iter_mut().find(|known| known.product_id == item.product_id) {
            Some(known) => *known = line,
            None => self.lines.push(line),
        }
    }

    fn change(&mut self, product_id: &ProductId, change: impl FnOnce(&mut Line)) {
        if let Some(line) = self.lines.iter_mut().find(|line| line.product_id == *product_id) {
            change(line);
        }
    }
}
