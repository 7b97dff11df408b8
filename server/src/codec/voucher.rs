//! Events of streams `voucher-{code}`.

use serde::{Deserialize, Serialize};
use storefront_api::{CustomerId, OrderId};
use storefront_domain::voucher::VoucherEvent;

use super::shapes::Money;
use super::{CodecError, Encoded, encoded, parsed, unknown};

/// Every type.
pub(super) const KINDS: &[&str] =
    &["voucher.issued", "voucher.reserved", "voucher.released", "voucher.redeemed", "voucher.revoked"];

#[derive(Serialize, Deserialize)]
struct Issued {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    customer_id: Option<CustomerId>,
    order_id: OrderId,
    amount: Money,
}

#[derive(Serialize, Deserialize)]
struct OfOrder {
    order_id: OrderId,
}

#[derive(Serialize, Deserialize)]
struct Revoked {
    reason: String,
}

/// An event as it is stored now.
pub(crate) fn encode(event: &VoucherEvent) -> Encoded {
    match event.clone() {
        VoucherEvent::Issued { customer_id, order_id, amount } => {
            encoded("voucher.issued", 1, &Issued { customer_id, order_id, amount: amount.into() })
        }
        VoucherEvent::Reserved { order_id } => encoded("voucher.reserved", 1, &OfOrder { order_id }),
        VoucherEvent::Released { order_id } => encoded("voucher.released", 1, &OfOrder { order_id }),
        VoucherEvent::Redeemed { order_id } => encoded("voucher.redeemed", 1, &OfOrder { order_id }),
        VoucherEvent::Revoked { reason } => encoded("voucher.revoked", 1, &Revoked { reason }),
    }
}

/// A stored event, of any version that was ever written.
pub(crate) fn decode(kind: &str, schema_version: u16, data: &str) -> Result<VoucherEvent, CodecError> {
    match (kind, schema_version) {
        ("voucher.issued", 1) => {
            let Issued { customer_id, order_id, amount } = parsed(kind, data)?;
            Ok(VoucherEvent::Issued { customer_id, order_id, amount: amount.into() })
        }
        ("voucher.reserved", 1) => {
            let OfOrder { order_id } = parsed(kind, data)?;
            Ok(VoucherEvent::Reserved { order_id })
        }
        ("voucher.released", 1) => {
            let OfOrder { order_id } = parsed(kind, data)?;
            Ok(VoucherEvent::Released { order_id })
        }
        ("voucher.redeemed", 1) => {
            let OfOrder { order_id } = parsed(kind, data)?;
            Ok(VoucherEvent::Redeemed { order_id })
        }
        ("voucher.revoked", 1) => {
            let Revoked { reason } = parsed(kind, data)?;
            Ok(VoucherEvent::Revoked { reason })
        }
        _ => Err(unknown("voucher", KINDS, kind, schema_version)),
    }
}
