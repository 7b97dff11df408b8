//! Events of streams `order-{id}`.

use serde::{Deserialize, Serialize};
use storefront_api::{Currency, CustomerId, PaymentId, ProductId, Timestamp, VatRate, VoucherCode};
use storefront_domain::invoice::InvoiceNumber;
use storefront_domain::order::{ItemFacts, OrderEvent};
use storefront_domain::{OrderNumber, Quantity};
use utoipa::ToSchema;

use super::shapes::{Address, Money, NoData, PaymentMethod, ReopenReason, as_pieces, as_text};
use super::{CodecError, Encoded, encode_shape, event_types, parse, unknown_type};

event_types! {
    stream "order-{id}";
    "order.started" [1] Started,
        "An order has begun; its first item follows",
        by ["POST /v1/orders/{id}/items"];
    "order.item_added" [1, 2] ItemAdded,
        "Pieces of a product came into the basket, at this price and VAT rate",
        by ["POST /v1/orders/{id}/items"];
    "order.item_quantity_changed" [1] ItemQuantityChanged,
        "The line of a product has another quantity",
        by ["PUT /v1/orders/{id}/items/{product_id}"];
    "order.item_removed" [1] ProductRef,
        "The line of a product left the basket",
        by ["DELETE /v1/orders/{id}/items/{product_id}", "DELETE /v1/orders/{id}/items"];
    "order.price_changed_in_basket" [1] PriceChangedInBasket,
        "A line has the new price of its product",
        by ["process:open_baskets", "POST /v1/orders/{id}/items", "PUT /v1/orders/{id}/items/{product_id}",
            "POST /v1/orders/{id}/checkout"];
    "order.vat_rate_changed_in_basket" [1] VatRateChangedInBasket,
        "A line has the new VAT rate of its product",
        by ["process:open_baskets", "POST /v1/orders/{id}/items", "PUT /v1/orders/{id}/items/{product_id}",
            "POST /v1/orders/{id}/checkout"];
    "order.product_withdrawn_from_basket" [1] ProductRef,
        "The product of a line is no longer sold; the order cannot be checked out with it",
        by ["process:open_baskets", "POST /v1/orders/{id}/checkout"];
    "order.product_relisted_in_basket" [1] ProductRef,
        "The product of a line is sold again",
        by ["process:open_baskets", "POST /v1/orders/{id}/items", "PUT /v1/orders/{id}/items/{product_id}",
            "POST /v1/orders/{id}/checkout"];
    "order.voucher_applied" [1] VoucherApplied,
        "A voucher takes its amount off the total",
        by ["PUT /v1/orders/{id}/voucher"];
    "order.voucher_removed" [1] VoucherRemoved,
        "The order has no voucher any more",
        by ["DELETE /v1/orders/{id}/voucher", "process:checkout", "process:reservations"];
    "order.checked_out" [1, 2] CheckedOut,
        "The shopper has ordered: the checkout begins, and the basket is closed",
        by ["POST /v1/orders/{id}/checkout"];
    "order.reopened" [1] ReopenReason,
        "The checkout failed for this reason, and the order is a basket again",
        by ["process:checkout", "process:reservations"];
    "order.confirmed" [1] Confirmed,
        "The order is paid and has its number",
        by ["process:checkout"];
    "order.invoiced" [1] Invoiced,
        "The order has its invoice",
        by ["process:invoices"];
    "order.email_changed" [1] EmailChanged,
        "Mail about the order goes to another address",
        by ["PUT /v1/orders/{id}/email"];
    "order.shipped" [1] Shipped,
        "The parcel is on its way",
        by ["POST /v1/orders/{id}/ship"];
    "order.delivered" [1] Delivered,
        "The parcel has arrived",
        by ["POST /v1/orders/{id}/deliver"];
    "order.cancelled" [1] Cancelled,
        "The order ends; money, stock and voucher go back",
        by ["POST /v1/orders/{id}/cancel"];
    "order.expired" [1] NoData,
        "The basket was left alone for too long and has ended",
        by ["process:idle_baskets"];
    "order.erased" [1] NoData,
        "Name and addresses of the buyer can no longer be read",
        by ["process:erasures"];
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Started {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    customer_id: Option<CustomerId>,
    currency: Currency,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct ItemAdded {
    product_id: ProductId,
    sku: String,
    name: String,
    unit_price: Money,
    vat_rate_percent: VatRate,
    #[serde(with = "as_pieces")]
    #[schema(value_type = u32)]
    quantity: Quantity,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct ItemQuantityChanged {
    product_id: ProductId,
    #[serde(with = "as_pieces")]
    #[schema(value_type = u32)]
    quantity: Quantity,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct ProductRef {
    product_id: ProductId,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct PriceChangedInBasket {
    product_id: ProductId,
    old_price: Money,
    new_price: Money,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct VatRateChangedInBasket {
    product_id: ProductId,
    old_rate_percent: VatRate,
    new_rate_percent: VatRate,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct VoucherApplied {
    code: VoucherCode,
    amount: Money,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct VoucherRemoved {
    code: VoucherCode,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct CheckedOut {
    payment_id: PaymentId,
    total: Money,
    email: String,
    shipping_address: Address,
    payment: PaymentMethod,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Confirmed {
    #[serde(with = "as_text")]
    #[schema(value_type = String)]
    number: OrderNumber,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Invoiced {
    #[serde(with = "as_text")]
    #[schema(value_type = String)]
    number: InvoiceNumber,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct EmailChanged {
    email: String,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Shipped {
    carrier: String,
    tracking_number: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    estimated_delivery: Option<Timestamp>,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Delivered {
    recipient: String,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Cancelled {
    reason: String,
}

/// Encodes an event in its current schema version.
pub(crate) fn encode(event: &OrderEvent) -> Encoded {
    match event.clone() {
        OrderEvent::Started { customer_id, currency } => {
            encode_shape("order.started", 1, &Started { customer_id, currency })
        }
        OrderEvent::ItemAdded { item, quantity } => {
            let ItemFacts { product_id, sku, name, unit_price, vat_rate_percent } = item;
            let unit_price = unit_price.into();
            let shape = ItemAdded { product_id, sku, name, unit_price, vat_rate_percent, quantity };
            encode_shape("order.item_added", 2, &shape)
        }
        OrderEvent::ItemQuantityChanged { product_id, quantity } => {
            encode_shape("order.item_quantity_changed", 1, &ItemQuantityChanged { product_id, quantity })
        }
        OrderEvent::ItemRemoved { product_id } => encode_shape("order.item_removed", 1, &ProductRef { product_id }),
        OrderEvent::PriceChangedInBasket { product_id, old_price, new_price } => {
            let (old_price, new_price) = (old_price.into(), new_price.into());
            encode_shape("order.price_changed_in_basket", 1, &PriceChangedInBasket { product_id, old_price, new_price })
        }
        OrderEvent::VatRateChangedInBasket { product_id, old_rate, new_rate } => {
            let (old_rate_percent, new_rate_percent) = (old_rate, new_rate);
            let shape = VatRateChangedInBasket { product_id, old_rate_percent, new_rate_percent };
            encode_shape("order.vat_rate_changed_in_basket", 1, &shape)
        }
        OrderEvent::ProductWithdrawnFromBasket { product_id } => {
            encode_shape("order.product_withdrawn_from_basket", 1, &ProductRef { product_id })
        }
        OrderEvent::ProductRelistedInBasket { product_id } => {
            encode_shape("order.product_relisted_in_basket", 1, &ProductRef { product_id })
        }
        OrderEvent::VoucherApplied { code, amount } => {
            encode_shape("order.voucher_applied", 1, &VoucherApplied { code, amount: amount.into() })
        }
        OrderEvent::VoucherRemoved { code } => encode_shape("order.voucher_removed", 1, &VoucherRemoved { code }),
        OrderEvent::CheckedOut { payment_id, total, email, shipping_address, payment } => {
            let (total, shipping_address, payment) = (total.into(), shipping_address.into(), payment.into());
            encode_shape("order.checked_out", 2, &CheckedOut { payment_id, total, email, shipping_address, payment })
        }
        OrderEvent::Reopened { reason } => encode_shape("order.reopened", 1, &ReopenReason::from(reason)),
        OrderEvent::Confirmed { number } => encode_shape("order.confirmed", 1, &Confirmed { number }),
        OrderEvent::Invoiced { number } => encode_shape("order.invoiced", 1, &Invoiced { number }),
        OrderEvent::EmailChanged { email } => encode_shape("order.email_changed", 1, &EmailChanged { email }),
        OrderEvent::Shipped { carrier, tracking_number, estimated_delivery } => {
            encode_shape("order.shipped", 1, &Shipped { carrier, tracking_number, estimated_delivery })
        }
        OrderEvent::Delivered { recipient } => encode_shape("order.delivered", 1, &Delivered { recipient }),
        OrderEvent::Cancelled { reason } => encode_shape("order.cancelled", 1, &Cancelled { reason }),
        OrderEvent::Expired => encode_shape("order.expired", 1, &NoData {}),
        OrderEvent::Erased => encode_shape("order.erased", 1, &NoData {}),
    }
}

/// Decodes an event of the current schema version.
pub(crate) fn decode(kind: &str, schema_version: u16, data: &str) -> Result<OrderEvent, CodecError> {
    match (kind, schema_version) {
        ("order.started", 1) => {
            let Started { customer_id, currency } = parse(kind, data)?;
            Ok(OrderEvent::Started { customer_id, currency })
        }
        ("order.item_added", 2) => {
            let ItemAdded { product_id, sku, name, unit_price, vat_rate_percent, quantity } = parse(kind, data)?;
            let item = ItemFacts { product_id, sku, name, unit_price: unit_price.into(), vat_rate_percent };
            Ok(OrderEvent::ItemAdded { item, quantity })
        }
        ("order.item_quantity_changed", 1) => {
            let ItemQuantityChanged { product_id, quantity } = parse(kind, data)?;
            Ok(OrderEvent::ItemQuantityChanged { product_id, quantity })
        }
        ("order.item_removed", 1) => {
            let ProductRef { product_id } = parse(kind, data)?;
            Ok(OrderEvent::ItemRemoved { product_id })
        }
        ("order.price_changed_in_basket", 1) => {
            let PriceChangedInBasket { product_id, old_price, new_price } = parse(kind, data)?;
            let (old_price, new_price) = (old_price.into(), new_price.into());
            Ok(OrderEvent::PriceChangedInBasket { product_id, old_price, new_price })
        }
        ("order.vat_rate_changed_in_basket", 1) => {
            let VatRateChangedInBasket { product_id, old_rate_percent, new_rate_percent } = parse(kind, data)?;
            let (old_rate, new_rate) = (old_rate_percent, new_rate_percent);
            Ok(OrderEvent::VatRateChangedInBasket { product_id, old_rate, new_rate })
        }
        ("order.product_relisted_in_basket", 1) => {
            let ProductRef { product_id } = parse(kind, data)?;
            Ok(OrderEvent::ProductRelistedInBasket { product_id })
        }
        ("order.product_withdrawn_from_basket", 1) => {
            let ProductRef { product_id } = parse(kind, data)?;
            Ok(OrderEvent::ProductWithdrawnFromBasket { product_id })
        }
        ("order.voucher_applied", 1) => {
            let VoucherApplied { code, amount } = parse(kind, data)?;
            Ok(OrderEvent::VoucherApplied { code, amount: amount.into() })
        }
        ("order.voucher_removed", 1) => {
            let VoucherRemoved { code } = parse(kind, data)?;
            Ok(OrderEvent::VoucherRemoved { code })
        }
        ("order.checked_out", 2) => {
            let CheckedOut { payment_id, total, email, shipping_address, payment } = parse(kind, data)?;
            let (total, shipping_address, payment) = (total.into(), shipping_address.into(), payment.into());
            Ok(OrderEvent::CheckedOut { payment_id, total, email, shipping_address, payment })
        }
        ("order.reopened", 1) => Ok(OrderEvent::Reopened { reason: parse::<ReopenReason>(kind, data)?.into() }),
        ("order.confirmed", 1) => {
            let Confirmed { number } = parse(kind, data)?;
            Ok(OrderEvent::Confirmed { number })
        }
        ("order.invoiced", 1) => {
            let Invoiced { number } = parse(kind, data)?;
            Ok(OrderEvent::Invoiced { number })
        }
        ("order.email_changed", 1) => {
            let EmailChanged { email } = parse(kind, data)?;
            Ok(OrderEvent::EmailChanged { email })
        }
        ("order.shipped", 1) => {
            let Shipped { carrier, tracking_number, estimated_delivery } = parse(kind, data)?;
            Ok(OrderEvent::Shipped { carrier, tracking_number, estimated_delivery })
        }
        ("order.delivered", 1) => {
            let Delivered { recipient } = parse(kind, data)?;
            Ok(OrderEvent::Delivered { recipient })
        }
        ("order.cancelled", 1) => {
            let Cancelled { reason } = parse(kind, data)?;
            Ok(OrderEvent::Cancelled { reason })
        }
        ("order.expired", 1) => {
            let NoData {} = parse(kind, data)?;
            Ok(OrderEvent::Expired)
        }
        ("order.erased", 1) => {
            let NoData {} = parse(kind, data)?;
            Ok(OrderEvent::Erased)
        }
        _ => Err(unknown_type("order", KINDS, kind, schema_version)),
    }
}
