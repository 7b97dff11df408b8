//! Events of streams `checkout-{order}`.

use serde::{Deserialize, Serialize};
use storefront_api::{PaymentId, ProductId, VoucherCode};
use storefront_domain::OrderNumber;
use storefront_domain::checkout::{self, CheckoutEvent};
use utoipa::ToSchema;

use super::shapes::{Money, NoData, PaymentMethod, ReopenReason, as_text};
use super::{CodecError, Encoded, encode_shape, event_types, parse, unknown_type};

event_types! {
    stream "checkout-{order}";
    "checkout.started" [1] Started,
        "The checkout of an order has begun, with what is to be reserved and paid",
        by ["process:checkout"];
    "checkout.voucher_reserved" [1] VoucherRef,
        "The voucher is reserved for the order",
        by ["process:checkout"];
    "checkout.voucher_refused" [1] VoucherRefused,
        "The voucher cannot be used, and the checkout fails",
        by ["process:checkout"];
    "checkout.stock_reserved" [1] NoData,
        "The stock of every line is reserved; payment is next",
        by ["process:checkout"];
    "checkout.stock_refused" [1] StockRefused,
        "Stock of these products is missing, and nothing is reserved",
        by ["process:checkout"];
    "checkout.payment_received" [1] PaymentReceived,
        "The order is paid",
        by ["process:checkout"];
    "checkout.payment_refused" [1] PaymentRefused,
        "The payment was declined",
        by ["process:checkout"];
    "checkout.completed" [1] Completed,
        "The checkout has ended with a confirmed order",
        by ["process:checkout"];
    "checkout.failed" [1] ReopenReason,
        "The checkout has ended for this reason, and what was reserved is free again",
        by ["process:checkout", "process:reservations"];
    "checkout.cancelled" [1] NoData,
        "The order was cancelled while its checkout ran, or afterwards",
        by ["process:checkout"];
    "checkout.voucher_issued" [1] VoucherRef,
        "The order was large enough to bring its customer a voucher",
        by ["process:vouchers"];
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Started {
    payment_id: PaymentId,
    lines: Vec<Line>,
    total: Money,
    payment: PaymentMethod,
    email: String,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Line {
    product_id: ProductId,
    quantity: u32,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct VoucherRef {
    voucher: VoucherCode,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct VoucherRefused {
    voucher: VoucherCode,
    detail: String,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct StockRefused {
    product_ids: Vec<ProductId>,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct PaymentReceived {
    payment_id: PaymentId,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct PaymentRefused {
    payment_id: PaymentId,
    reason: String,
    message: String,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Completed {
    #[serde(with = "as_text")]
    #[schema(value_type = String)]
    number: OrderNumber,
}

/// Encodes an event in its current schema version.
pub(crate) fn encode(event: &CheckoutEvent) -> Encoded {
    match event.clone() {
        CheckoutEvent::Started { payment_id, lines, total, method, email } => {
            let lines = lines.into_iter().map(|line| Line { product_id: line.product_id, quantity: line.quantity });
            let (lines, total, payment) = (lines.collect(), total.into(), method.into());
            encode_shape("checkout.started", 1, &Started { payment_id, lines, total, payment, email })
        }
        CheckoutEvent::VoucherReserved { voucher } => {
            encode_shape("checkout.voucher_reserved", 1, &VoucherRef { voucher })
        }
        CheckoutEvent::VoucherRefused { voucher, detail } => {
            encode_shape("checkout.voucher_refused", 1, &VoucherRefused { voucher, detail })
        }
        CheckoutEvent::StockReserved => encode_shape("checkout.stock_reserved", 1, &NoData {}),
        CheckoutEvent::StockRefused { product_ids } => {
            encode_shape("checkout.stock_refused", 1, &StockRefused { product_ids })
        }
        CheckoutEvent::PaymentReceived { payment_id } => {
            encode_shape("checkout.payment_received", 1, &PaymentReceived { payment_id })
        }
        CheckoutEvent::PaymentRefused { payment_id, reason, message } => {
            encode_shape("checkout.payment_refused", 1, &PaymentRefused { payment_id, reason, message })
        }
        CheckoutEvent::Completed { number } => encode_shape("checkout.completed", 1, &Completed { number }),
        CheckoutEvent::Failed { reason } => encode_shape("checkout.failed", 1, &ReopenReason::from(reason)),
        CheckoutEvent::Cancelled => encode_shape("checkout.cancelled", 1, &NoData {}),
        CheckoutEvent::VoucherIssued { voucher } => encode_shape("checkout.voucher_issued", 1, &VoucherRef { voucher }),
    }
}

/// Decodes an event of the current schema version.
pub(crate) fn decode(kind: &str, schema_version: u16, data: &str) -> Result<CheckoutEvent, CodecError> {
    match (kind, schema_version) {
        ("checkout.started", 1) => {
            let Started { payment_id, lines, total, payment, email } = parse(kind, data)?;
            let lines =
                lines.into_iter().map(|Line { product_id, quantity }| checkout::CheckoutLine { product_id, quantity });
            let (lines, total, method) = (lines.collect(), total.into(), payment.into());
            Ok(CheckoutEvent::Started { payment_id, lines, total, method, email })
        }
        ("checkout.voucher_reserved", 1) => {
            let VoucherRef { voucher } = parse(kind, data)?;
            Ok(CheckoutEvent::VoucherReserved { voucher })
        }
        ("checkout.voucher_refused", 1) => {
            let VoucherRefused { voucher, detail } = parse(kind, data)?;
            Ok(CheckoutEvent::VoucherRefused { voucher, detail })
        }
        ("checkout.voucher_issued", 1) => {
            let VoucherRef { voucher } = parse(kind, data)?;
            Ok(CheckoutEvent::VoucherIssued { voucher })
        }
        ("checkout.stock_reserved", 1) => {
            let NoData {} = parse(kind, data)?;
            Ok(CheckoutEvent::StockReserved)
        }
        ("checkout.stock_refused", 1) => {
            let StockRefused { product_ids } = parse(kind, data)?;
            Ok(CheckoutEvent::StockRefused { product_ids })
        }
        ("checkout.payment_received", 1) => {
            let PaymentReceived { payment_id } = parse(kind, data)?;
            Ok(CheckoutEvent::PaymentReceived { payment_id })
        }
        ("checkout.payment_refused", 1) => {
            let PaymentRefused { payment_id, reason, message } = parse(kind, data)?;
            Ok(CheckoutEvent::PaymentRefused { payment_id, reason, message })
        }
        ("checkout.completed", 1) => {
            let Completed { number } = parse(kind, data)?;
            Ok(CheckoutEvent::Completed { number })
        }
        ("checkout.failed", 1) => Ok(CheckoutEvent::Failed { reason: parse::<ReopenReason>(kind, data)?.into() }),
        ("checkout.cancelled", 1) => {
            let NoData {} = parse(kind, data)?;
            Ok(CheckoutEvent::Cancelled)
        }
        _ => Err(unknown_type("checkout", KINDS, kind, schema_version)),
    }
}
