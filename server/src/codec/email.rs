//! Events of streams `email-{id}`.

use serde::{Deserialize, Serialize};
use storefront_api::OrderId;
use storefront_domain::email::{EmailEvent, MailKind as Kind};
use storefront_eventlog::JsonText;

use super::{CodecError, Encoded, encoded, parsed, unknown};

/// Every type.
pub(super) const KINDS: &[&str] = &["email.requested", "email.sent", "email.failed"];

#[derive(Serialize, Deserialize)]
struct Requested {
    order_id: OrderId,
    kind: MailKind,
    to: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum MailKind {
    Confirmation,
    Shipped,
    Cancelled,
    Refunded,
}

#[derive(Serialize, Deserialize)]
struct Sent {
    attempts: u32,
}

#[derive(Serialize, Deserialize)]
struct Failed {
    attempts: u32,
    detail: String,
}

/// An event as it is stored now.
pub(crate) fn encode(event: &EmailEvent) -> Encoded {
    match event.clone() {
        EmailEvent::Requested { order_id, kind, to } => {
            let kind = match kind {
                Kind::Confirmation => MailKind::Confirmation,
                Kind::Shipped => MailKind::Shipped,
                Kind::Cancelled => MailKind::Cancelled,
                Kind::Refunded => MailKind::Refunded,
            };
            encoded("email.requested", 1, &Requested { order_id, kind, to })
        }
        EmailEvent::Sent { attempts } => encoded("email.sent", 1, &Sent { attempts }),
        EmailEvent::Failed { attempts, detail } => encoded("email.failed", 1, &Failed { attempts, detail }),
    }
}

/// A stored event in its present shape.
pub(crate) fn decode(kind: &str, schema_version: u16, data: &JsonText) -> Result<EmailEvent, CodecError> {
    match (kind, schema_version) {
        ("email.requested", 1) => {
            let Requested { order_id, kind, to } = parsed(kind, data)?;
            let kind = match kind {
                MailKind::Confirmation => Kind::Confirmation,
                MailKind::Shipped => Kind::Shipped,
                MailKind::Cancelled => Kind::Cancelled,
                MailKind::Refunded => Kind::Refunded,
            };
            Ok(EmailEvent::Requested { order_id, kind, to })
        }
        ("email.sent", 1) => {
            let Sent { attempts } = parsed(kind, data)?;
            Ok(EmailEvent::Sent { attempts })
        }
        ("email.failed", 1) => {
            let Failed { attempts, detail } = parsed(kind, data)?;
            Ok(EmailEvent::Failed { attempts, detail })
        }
        _ => Err(unknown("email", KINDS, kind, schema_version)),
    }
}
