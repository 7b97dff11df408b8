//! Events of streams `checkout-{order}`.

use serde::{Deserialize, Serialize};
use storefront_api::{PaymentId, ProductId, VoucherCode};
use storefront_domain::OrderNumber;
use storefront_domain::checkout::{self, CheckoutEvent};

use super::shapes::{Money, NoData, PaymentMethod, ReopenReason, as_text};
use super::{CodecError, Encoded, encode_shape, parse, unknown_type};

/// All event types of this context.
pub(crate) const KINDS: &[&str] = &[
    "checkout.started",
    "checkout.voucher_reserved",
    "checkout.voucher_refused",
    "checkout.stock_reserved",
    "checkout.stock_refused",
    "checkout.payment_received",
    "checkout.payment_refused",
    "checkout.completed",
    "checkout.failed",
    "checkout.cancelled",
    "checkout.voucher_issued",
];

#[derive(Serialize, Deserialize)]
struct Started {
    payment_id: PaymentId,
    lines: Vec<Line>,
    total: Money,
    payment: PaymentMethod,
    email: String,
}

#[derive(Serialize, Deserialize)]
struct Line {
    product_id: ProductId,
    quantity: u32,
}

#[derive(Serialize, Deserialize)]
struct VoucherRef {
    voucher: VoucherCode,
}

#[derive(Serialize, Deserialize)]
struct VoucherRefused {
    voucher: VoucherCode,
    detail: String,
}

#[derive(Serialize, Deserialize)]
struct StockRefused {
    product_ids: Vec<ProductId>,
}

#[derive(Serialize, Deserialize)]
struct PaymentReceived {
    payment_id: PaymentId,
}

#[derive(Serialize, Deserialize)]
struct PaymentRefused {
    payment_id: PaymentId,
    reason: String,
    message: String,
}

#[derive(Serialize, Deserialize)]
struct Completed {
    #[serde(with = "as_text")]
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
