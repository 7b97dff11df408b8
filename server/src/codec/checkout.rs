//! Events of streams `checkout-{order}`.

use serde::{Deserialize, Serialize};
use storefront_api::{PaymentId, ProductId, VoucherCode};
use storefront_domain::OrderNumber;
use storefront_domain::checkout::{self, CheckoutEvent};

use super::shapes::{Money, Nothing, PaymentMethod, ReopenReason, as_text};
use super::{CodecError, Encoded, encoded, parsed, unknown};

/// Every type.
pub(super) const KINDS: &[&str] = &[
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
struct OfVoucher {
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

/// An event as it is stored now.
pub(crate) fn encode(event: &CheckoutEvent) -> Encoded {
    match event.clone() {
        CheckoutEvent::Started { payment_id, lines, total, method, email } => {
            let lines = lines.into_iter().map(|line| Line { product_id: line.product_id, quantity: line.quantity });
            let (lines, total, payment) = (lines.collect(), total.into(), method.into());
            encoded("checkout.started", 1, &Started { payment_id, lines, total, payment, email })
        }
        CheckoutEvent::VoucherReserved { voucher } => encoded("checkout.voucher_reserved", 1, &OfVoucher { voucher }),
        CheckoutEvent::VoucherRefused { voucher, detail } => {
            encoded("checkout.voucher_refused", 1, &VoucherRefused { voucher, detail })
        }
        CheckoutEvent::StockReserved => encoded("checkout.stock_reserved", 1, &Nothing {}),
        CheckoutEvent::StockRefused { product_ids } => {
            encoded("checkout.stock_refused", 1, &StockRefused { product_ids })
        }
        CheckoutEvent::PaymentReceived { payment_id } => {
            encoded("checkout.payment_received", 1, &PaymentReceived { payment_id })
        }
        CheckoutEvent::PaymentRefused { payment_id, reason, message } => {
            encoded("checkout.payment_refused", 1, &PaymentRefused { payment_id, reason, message })
        }
        CheckoutEvent::Completed { number } => encoded("checkout.completed", 1, &Completed { number }),
        CheckoutEvent::Failed { reason } => encoded("checkout.failed", 1, &ReopenReason::from(reason)),
        CheckoutEvent::Cancelled => encoded("checkout.cancelled", 1, &Nothing {}),
        CheckoutEvent::VoucherIssued { voucher } => encoded("checkout.voucher_issued", 1, &OfVoucher { voucher }),
    }
}

/// A stored event in its present shape.
pub(crate) fn decode(kind: &str, schema_version: u16, data: &str) -> Result<CheckoutEvent, CodecError> {
    match (kind, schema_version) {
        ("checkout.started", 1) => {
            let Started { payment_id, lines, total, payment, email } = parsed(kind, data)?;
            let lines = lines.into_iter().map(|Line { product_id, quantity }| checkout::Line { product_id, quantity });
            let (lines, total, method) = (lines.collect(), total.into(), payment.into());
            Ok(CheckoutEvent::Started { payment_id, lines, total, method, email })
        }
        ("checkout.voucher_reserved", 1) => {
            let OfVoucher { voucher } = parsed(kind, data)?;
            Ok(CheckoutEvent::VoucherReserved { voucher })
        }
        ("checkout.voucher_refused", 1) => {
            let VoucherRefused { voucher, detail } = parsed(kind, data)?;
            Ok(CheckoutEvent::VoucherRefused { voucher, detail })
        }
        ("checkout.voucher_issued", 1) => {
            let OfVoucher { voucher } = parsed(kind, data)?;
            Ok(CheckoutEvent::VoucherIssued { voucher })
        }
        ("checkout.stock_reserved", 1) => {
            let Nothing {} = parsed(kind, data)?;
            Ok(CheckoutEvent::StockReserved)
        }
        ("checkout.stock_refused", 1) => {
            let StockRefused { product_ids } = parsed(kind, data)?;
            Ok(CheckoutEvent::StockRefused { product_ids })
        }
        ("checkout.payment_received", 1) => {
            let PaymentReceived { payment_id } = parsed(kind, data)?;
            Ok(CheckoutEvent::PaymentReceived { payment_id })
        }
        ("checkout.payment_refused", 1) => {
            let PaymentRefused { payment_id, reason, message } = parsed(kind, data)?;
            Ok(CheckoutEvent::PaymentRefused { payment_id, reason, message })
        }
        ("checkout.completed", 1) => {
            let Completed { number } = parsed(kind, data)?;
            Ok(CheckoutEvent::Completed { number })
        }
        ("checkout.failed", 1) => Ok(CheckoutEvent::Failed { reason: parsed::<ReopenReason>(kind, data)?.into() }),
        ("checkout.cancelled", 1) => {
            let Nothing {} = parsed(kind, data)?;
            Ok(CheckoutEvent::Cancelled)
        }
        _ => Err(unknown("checkout", KINDS, kind, schema_version)),
    }
}
