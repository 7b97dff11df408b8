//! Events of streams `voucher-{code}`.

use serde::{Deserialize, Serialize};
use storefront_api::{CustomerId, OrderId};
use storefront_domain::voucher::VoucherEvent;
use utoipa::ToSchema;

use super::shapes::Money;
use super::{CodecError, Encoded, encode_shape, event_types, parse, unknown_type};

event_types! {
    stream "voucher-{code}";
    "voucher.issued" [1] Issued,
        "An order brought a voucher",
        by ["process:vouchers"];
    "voucher.reserved" [1] OrderRef,
        "The voucher is reserved for the checkout of an order",
        by ["process:checkout"];
    "voucher.released" [1] OrderRef,
        "The voucher can be used again",
        by ["process:checkout", "process:reservations", "process:voucher-returns"];
    "voucher.redeemed" [1] OrderRef,
        "The voucher was used for an order",
        by ["process:checkout"];
    "voucher.revoked" [1] Revoked,
        "An operator took the voucher back",
        by ["POST /v1/vouchers/{code}/revoke"];
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Issued {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    customer_id: Option<CustomerId>,
    order_id: OrderId,
    amount: Money,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct OrderRef {
    order_id: OrderId,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Revoked {
    reason: String,
}

/// Encodes an event in its current schema version.
pub(crate) fn encode(event: &VoucherEvent) -> Encoded {
    match event.clone() {
        VoucherEvent::Issued { customer_id, order_id, amount } => {
            encode_shape("voucher.issued", 1, &Issued { customer_id, order_id, amount: amount.into() })
        }
        VoucherEvent::Reserved { order_id } => encode_shape("voucher.reserved", 1, &OrderRef { order_id }),
        VoucherEvent::Released { order_id } => encode_shape("voucher.released", 1, &OrderRef { order_id }),
        VoucherEvent::Redeemed { order_id } => encode_shape("voucher.redeemed", 1, &OrderRef { order_id }),
        VoucherEvent::Revoked { reason } => encode_shape("voucher.revoked", 1, &Revoked { reason }),
    }
}

/// Decodes an event of the current schema version.
pub(crate) fn decode(kind: &str, schema_version: u16, data: &str) -> Result<VoucherEvent, CodecError> {
    match (kind, schema_version) {
        ("voucher.issued", 1) => {
            let Issued { customer_id, order_id, amount } = parse(kind, data)?;
            Ok(VoucherEvent::Issued { customer_id, order_id, amount: amount.into() })
        }
        ("voucher.reserved", 1) => {
            let OrderRef { order_id } = parse(kind, data)?;
            Ok(VoucherEvent::Reserved { order_id })
        }
        ("voucher.released", 1) => {
            let OrderRef { order_id } = parse(kind, data)?;
            Ok(VoucherEvent::Released { order_id })
        }
        ("voucher.redeemed", 1) => {
            let OrderRef { order_id } = parse(kind, data)?;
            Ok(VoucherEvent::Redeemed { order_id })
        }
        ("voucher.revoked", 1) => {
            let Revoked { reason } = parse(kind, data)?;
            Ok(VoucherEvent::Revoked { reason })
        }
        _ => Err(unknown_type("voucher", KINDS, kind, schema_version)),
    }
}
