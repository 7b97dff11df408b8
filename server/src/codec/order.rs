//! Events of streams `order-{id}`.

use serde::{Deserialize, Serialize};
use storefront_api::{Currency, CustomerId, PaymentId, ProductId, Timestamp, VatRate, VoucherCode};
use storefront_domain::invoice::InvoiceNumber;
use storefront_domain::order::{ItemFacts, OrderEvent};
use storefront_domain::{OrderNumber, Quantity};

use super::shapes::{Address, Money, Nothing, PaymentMethod, ReopenReason, as_pieces, as_text};
use super::{CodecError, Encoded, encoded, parsed, unknown};

/// Every type.
pub(super) const KINDS: &[&str] = &[
    "order.started",
    "order.item_added",
    "order.item_quantity_changed",
    "order.item_removed",
    "order.price_changed_in_basket",
    "order.vat_rate_changed_in_basket",
    "order.product_withdrawn_from_basket",
    "order.product_relisted_in_basket",
    "order.voucher_applied",
    "order.voucher_removed",
    "order.checked_out",
    "order.reopened",
    "order.confirmed",
    "order.invoiced",
    "order.email_changed",
    "order.shipped",
    "order.delivered",
    "order.cancelled",
    "order.expired",
];

#[derive(Serialize, Deserialize)]
struct Started {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    customer_id: Option<CustomerId>,
    currency: Currency,
}

#[derive(Serialize, Deserialize)]
struct ItemAdded {
    product_id: ProductId,
    sku: String,
    name: String,
    unit_price: Money,
    vat_rate_percent: VatRate,
    #[serde(with = "as_pieces")]
    quantity: Quantity,
}

#[derive(Serialize, Deserialize)]
struct ItemQuantityChanged {
    product_id: ProductId,
    #[serde(with = "as_pieces")]
    quantity: Quantity,
}

#[derive(Serialize, Deserialize)]
struct OfProduct {
    product_id: ProductId,
}

#[derive(Serialize, Deserialize)]
struct PriceChangedInBasket {
    product_id: ProductId,
    old_price: Money,
    new_price: Money,
}

#[derive(Serialize, Deserialize)]
struct VatRateChangedInBasket {
    product_id: ProductId,
    old_rate_percent: VatRate,
    new_rate_percent: VatRate,
}

#[derive(Serialize, Deserialize)]
struct VoucherApplied {
    code: VoucherCode,
    amount: Money,
}

#[derive(Serialize, Deserialize)]
struct VoucherRemoved {
    code: VoucherCode,
}

#[derive(Serialize, Deserialize)]
struct CheckedOut {
    payment_id: PaymentId,
    total: Money,
    email: String,
    shipping_address: Address,
    payment: PaymentMethod,
}

#[derive(Serialize, Deserialize)]
struct Confirmed {
    #[serde(with = "as_text")]
    number: OrderNumber,
}

#[derive(Serialize, Deserialize)]
struct Invoiced {
    #[serde(with = "as_text")]
    number: InvoiceNumber,
}

#[derive(Serialize, Deserialize)]
struct EmailChanged {
    email: String,
}

#[derive(Serialize, Deserialize)]
struct Shipped {
    carrier: String,
    tracking_number: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    estimated_delivery: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
struct Delivered {
    recipient: String,
}

#[derive(Serialize, Deserialize)]
struct Cancelled {
    reason: String,
}

/// An event as it is stored now.
pub(crate) fn encode(event: &OrderEvent) -> Encoded {
    match event.clone() {
        OrderEvent::Started { customer_id, currency } => {
            encoded("order.started", 1, &Started { customer_id, currency })
        }
        OrderEvent::ItemAdded { item, quantity } => {
            let ItemFacts { product_id, sku, name, unit_price, vat_rate_percent } = item;
            let unit_price = unit_price.into();
            let shape = ItemAdded { product_id, sku, name, unit_price, vat_rate_percent, quantity };
            encoded("order.item_added", 2, &shape)
        }
        OrderEvent::ItemQuantityChanged { product_id, quantity } => {
            encoded("order.item_quantity_changed", 1, &ItemQuantityChanged { product_id, quantity })
        }
        OrderEvent::ItemRemoved { product_id } => encoded("order.item_removed", 1, &OfProduct { product_id }),
        OrderEvent::PriceChangedInBasket { product_id, old_price, new_price } => {
            let (old_price, new_price) = (old_price.into(), new_price.into());
            encoded("order.price_changed_in_basket", 1, &PriceChangedInBasket { product_id, old_price, new_price })
        }
        OrderEvent::VatRateChangedInBasket { product_id, old_rate, new_rate } => {
            let (old_rate_percent, new_rate_percent) = (old_rate, new_rate);
            let shape = VatRateChangedInBasket { product_id, old_rate_percent, new_rate_percent };
            encoded("order.vat_rate_changed_in_basket", 1, &shape)
        }
        OrderEvent::ProductWithdrawnFromBasket { product_id } => {
            encoded("order.product_withdrawn_from_basket", 1, &OfProduct { product_id })
        }
        OrderEvent::ProductRelistedInBasket { product_id } => {
            encoded("order.product_relisted_in_basket", 1, &OfProduct { product_id })
        }
        OrderEvent::VoucherApplied { code, amount } => {
            encoded("order.voucher_applied", 1, &VoucherApplied { code, amount: amount.into() })
        }
        OrderEvent::VoucherRemoved { code } => encoded("order.voucher_removed", 1, &VoucherRemoved { code }),
        OrderEvent::CheckedOut { payment_id, total, email, shipping_address, payment } => {
            let (total, shipping_address, payment) = (total.into(), shipping_address.into(), payment.into());
            encoded("order.checked_out", 2, &CheckedOut { payment_id, total, email, shipping_address, payment })
        }
        OrderEvent::Reopened { reason } => encoded("order.reopened", 1, &ReopenReason::from(reason)),
        OrderEvent::Confirmed { number } => encoded("order.confirmed", 1, &Confirmed { number }),
        OrderEvent::Invoiced { number } => encoded("order.invoiced", 1, &Invoiced { number }),
        OrderEvent::EmailChanged { email } => encoded("order.email_changed", 1, &EmailChanged { email }),
        OrderEvent::Shipped { carrier, tracking_number, estimated_delivery } => {
            encoded("order.shipped", 1, &Shipped { carrier, tracking_number, estimated_delivery })
        }
        OrderEvent::Delivered { recipient } => encoded("order.delivered", 1, &Delivered { recipient }),
        OrderEvent::Cancelled { reason } => encoded("order.cancelled", 1, &Cancelled { reason }),
        OrderEvent::Expired => encoded("order.expired", 1, &Nothing {}),
    }
}

/// A stored event in its present shape.
pub(crate) fn decode(kind: &str, schema_version: u16, data: &str) -> Result<OrderEvent, CodecError> {
    match (kind, schema_version) {
        ("order.started", 1) => {
            let Started { customer_id, currency } = parsed(kind, data)?;
            Ok(OrderEvent::Started { customer_id, currency })
        }
        ("order.item_added", 2) => {
            let ItemAdded { product_id, sku, name, unit_price, vat_rate_percent, quantity } = parsed(kind, data)?;
            let item = ItemFacts { product_id, sku, name, unit_price: unit_price.into(), vat_rate_percent };
            Ok(OrderEvent::ItemAdded { item, quantity })
        }
        ("order.item_quantity_changed", 1) => {
            let ItemQuantityChanged { product_id, quantity } = parsed(kind, data)?;
            Ok(OrderEvent::ItemQuantityChanged { product_id, quantity })
        }
        ("order.item_removed", 1) => {
            let OfProduct { product_id } = parsed(kind, data)?;
            Ok(OrderEvent::ItemRemoved { product_id })
        }
        ("order.price_changed_in_basket", 1) => {
            let PriceChangedInBasket { product_id, old_price, new_price } = parsed(kind, data)?;
            let (old_price, new_price) = (old_price.into(), new_price.into());
            Ok(OrderEvent::PriceChangedInBasket { product_id, old_price, new_price })
        }
        ("order.vat_rate_changed_in_basket", 1) => {
            let VatRateChangedInBasket { product_id, old_rate_percent, new_rate_percent } = parsed(kind, data)?;
            let (old_rate, new_rate) = (old_rate_percent, new_rate_percent);
            Ok(OrderEvent::VatRateChangedInBasket { product_id, old_rate, new_rate })
        }
        ("order.product_relisted_in_basket", 1) => {
            let OfProduct { product_id } = parsed(kind, data)?;
            Ok(OrderEvent::ProductRelistedInBasket { product_id })
        }
        ("order.product_withdrawn_from_basket", 1) => {
            let OfProduct { product_id } = parsed(kind, data)?;
            Ok(OrderEvent::ProductWithdrawnFromBasket { product_id })
        }
        ("order.voucher_applied", 1) => {
            let VoucherApplied { code, amount } = parsed(kind, data)?;
            Ok(OrderEvent::VoucherApplied { code, amount: amount.into() })
        }
        ("order.voucher_removed", 1) => {
            let VoucherRemoved { code } = parsed(kind, data)?;
            Ok(OrderEvent::VoucherRemoved { code })
        }
        ("order.checked_out", 2) => {
            let CheckedOut { payment_id, total, email, shipping_address, payment } = parsed(kind, data)?;
            let (total, shipping_address, payment) = (total.into(), shipping_address.into(), payment.into());
            Ok(OrderEvent::CheckedOut { payment_id, total, email, shipping_address, payment })
        }
        ("order.reopened", 1) => Ok(OrderEvent::Reopened { reason: parsed::<ReopenReason>(kind, data)?.into() }),
        ("order.confirmed", 1) => {
            let Confirmed { number } = parsed(kind, data)?;
            Ok(OrderEvent::Confirmed { number })
        }
        ("order.invoiced", 1) => {
            let Invoiced { number } = parsed(kind, data)?;
            Ok(OrderEvent::Invoiced { number })
        }
        ("order.email_changed", 1) => {
            let EmailChanged { email } = parsed(kind, data)?;
            Ok(OrderEvent::EmailChanged { email })
        }
        ("order.shipped", 1) => {
            let Shipped { carrier, tracking_number, estimated_delivery } = parsed(kind, data)?;
            Ok(OrderEvent::Shipped { carrier, tracking_number, estimated_delivery })
        }
        ("order.delivered", 1) => {
            let Delivered { recipient } = parsed(kind, data)?;
            Ok(OrderEvent::Delivered { recipient })
        }
        ("order.cancelled", 1) => {
            let Cancelled { reason } = parsed(kind, data)?;
            Ok(OrderEvent::Cancelled { reason })
        }
        ("order.expired", 1) => {
            let Nothing {} = parsed(kind, data)?;
            Ok(OrderEvent::Expired)
        }
        _ => Err(unknown("order", KINDS, kind, schema_version)),
    }
}
