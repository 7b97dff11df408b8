//! Events of streams `wallet-{customer}`.

use serde::{Deserialize, Serialize};
use storefront_api::{OrderId, PaymentId};
use storefront_domain::wallet::WalletEvent;
use utoipa::ToSchema;

use super::shapes::Money;
use super::{CodecError, Encoded, encode_shape, event_types, parse, unknown_type};

event_types! {
    stream "wallet-{customer}";
    "wallet.opened" [1] Opened,
        "A customer has a wallet with this balance",
        by ["POST /v1/customers", "shop"];
    "wallet.topped_up" [1] ToppedUp,
        "An operator put money into the wallet",
        by ["POST /v1/wallets/{customer}/top-ups"];
    "wallet.charged" [1] Charged,
        "The wallet paid for an order",
        by ["process:wallets"];
    "wallet.credited" [1] Credited,
        "Money of an order came back into the wallet",
        by ["process:wallets"];
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Opened {
    balance: Money,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct ToppedUp {
    amount: Money,
    reason: String,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Charged {
    payment_id: PaymentId,
    order_id: OrderId,
    amount: Money,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Credited {
    payment_id: PaymentId,
    order_id: OrderId,
    amount: Money,
    reference: String,
}

/// Encodes an event in its current schema version.
pub(crate) fn encode(event: &WalletEvent) -> Encoded {
    match event.clone() {
        WalletEvent::Opened { balance } => encode_shape("wallet.opened", 1, &Opened { balance: balance.into() }),
        WalletEvent::ToppedUp { amount, reason } => {
            encode_shape("wallet.topped_up", 1, &ToppedUp { amount: amount.into(), reason })
        }
        WalletEvent::Charged { payment_id, order_id, amount } => {
            encode_shape("wallet.charged", 1, &Charged { payment_id, order_id, amount: amount.into() })
        }
        WalletEvent::Credited { payment_id, order_id, amount, reference } => {
            let amount = amount.into();
            encode_shape("wallet.credited", 1, &Credited { payment_id, order_id, amount, reference })
        }
    }
}

/// Decodes an event of the current schema version.
pub(crate) fn decode(kind: &str, schema_version: u16, data: &str) -> Result<WalletEvent, CodecError> {
    match (kind, schema_version) {
        ("wallet.opened", 1) => {
            let Opened { balance } = parse(kind, data)?;
            Ok(WalletEvent::Opened { balance: balance.into() })
        }
        ("wallet.topped_up", 1) => {
            let ToppedUp { amount, reason } = parse(kind, data)?;
            Ok(WalletEvent::ToppedUp { amount: amount.into(), reason })
        }
        ("wallet.charged", 1) => {
            let Charged { payment_id, order_id, amount } = parse(kind, data)?;
            Ok(WalletEvent::Charged { payment_id, order_id, amount: amount.into() })
        }
        ("wallet.credited", 1) => {
            let Credited { payment_id, order_id, amount, reference } = parse(kind, data)?;
            Ok(WalletEvent::Credited { payment_id, order_id, amount: amount.into(), reference })
        }
        _ => Err(unknown_type("wallet", KINDS, kind, schema_version)),
    }
}
