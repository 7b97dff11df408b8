//! Events of streams `email-{id}`.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use storefront_api::{OrderId, VoucherCode};
use storefront_domain::email::{EmailEvent, MailKind as Kind};
use storefront_domain::invoice::CreditNoteNumber;
use utoipa::ToSchema;

use super::fields::Fields;
use super::shapes::{Money, as_text};
use super::{CodecError, Encoded, encode_shape, event_types, parse, unknown_type};

event_types! {
    stream "email-{id}";
    "email.requested" [1, 2] Requested,
        "An intent: a mail of this kind is to be sent. A process does it under a message id made from the id of this event",
        by ["process:notices", "process:checkout", "process:reservations"];
    "email.sent" [1] Sent,
        "The mail server has taken the mail",
        by ["process:mail"];
    "email.failed" [1] Failed,
        "The mail was not sent, because its recipient was erased; versions of before also wrote it when they gave up",
        by ["process:mail"];
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Requested {
    order_id: OrderId,
    kind: MailKind,
    to: String,
    /// Details of a refund; absent in the oldest events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refund: Option<Refund>,
    /// Details of a voucher.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    voucher: Option<Voucher>,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Refund {
    amount: Money,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    credit_note: Option<Number>,
    /// Whether the whole payment is refunded with it; null in events of version 1, which did not store it.
    is_whole: Option<bool>,
}

/// `email.requested`, from version 1 to 2: adds `is_whole` as null, as version 1 did not store it.
pub(super) fn add_is_whole(mut fields: Fields) -> Fields {
    if let Some(Value::Object(refund)) = fields.get_mut("refund") {
        refund.insert("is_whole".to_owned(), Value::Null);
    }
    fields
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String)]
struct Number(#[serde(with = "as_text")] CreditNoteNumber);

#[derive(Serialize, Deserialize, ToSchema)]
struct Voucher {
    code: VoucherCode,
    amount: Money,
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum MailKind {
    Confirmation,
    Shipped,
    Cancelled,
    Refunded,
    RefundFailed,
    Voucher,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Sent {
    attempts: u32,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Failed {
    attempts: u32,
    detail: String,
}

/// Encodes an event in its current schema version.
pub(crate) fn encode(event: &EmailEvent) -> Encoded {
    match event.clone() {
        EmailEvent::Requested { order_id, kind, to } => {
            let plain = |kind| Requested { order_id, kind, to, refund: None, voucher: None };
            let shape = match kind {
                Kind::Confirmation => plain(MailKind::Confirmation),
                Kind::Shipped => plain(MailKind::Shipped),
                Kind::Cancelled => plain(MailKind::Cancelled),
                Kind::Refunded { amount, credit_note, is_whole } => {
                    let credit_note = credit_note.map(Number);
                    let refund = amount.map(|amount| Refund { amount: amount.into(), credit_note, is_whole });
                    Requested { refund, ..plain(MailKind::Refunded) }
                }
                Kind::RefundFailed { amount, credit_note } => {
                    let credit_note = credit_note.map(Number);
                    let refund = Some(Refund { amount: amount.into(), credit_note, is_whole: None });
                    Requested { refund, ..plain(MailKind::RefundFailed) }
                }
                Kind::Voucher { code, amount } => {
                    let voucher = Some(Voucher { code, amount: amount.into() });
                    Requested { voucher, ..plain(MailKind::Voucher) }
                }
            };
            encode_shape("email.requested", 2, &shape)
        }
        EmailEvent::Sent { attempts } => encode_shape("email.sent", 1, &Sent { attempts }),
        EmailEvent::Failed { attempts, detail } => encode_shape("email.failed", 1, &Failed { attempts, detail }),
    }
}

/// Decodes an event of the current schema version.
pub(crate) fn decode(kind: &str, schema_version: u16, data: &str) -> Result<EmailEvent, CodecError> {
    match (kind, schema_version) {
        ("email.requested", 2) => {
            let Requested { order_id, kind: mail, to, refund, voucher } = parse(kind, data)?;
            let mail = match mail {
                MailKind::Confirmation => Kind::Confirmation,
                MailKind::Shipped => Kind::Shipped,
                MailKind::Cancelled => Kind::Cancelled,
                MailKind::Refunded => {
                    let is_whole = refund.as_ref().and_then(|refund| refund.is_whole);
                    let (amount, credit_note) = refund.map(|refund| (refund.amount, refund.credit_note)).unzip();
                    let credit_note = credit_note.flatten().map(|Number(number)| number);
                    Kind::Refunded { amount: amount.map(Into::into), credit_note, is_whole }
                }
                MailKind::RefundFailed => {
                    let missing =
                        || CodecError::BadData { kind: kind.to_owned(), detail: "missing field `refund`".to_owned() };
                    let Refund { amount, credit_note, is_whole: _ } = refund.ok_or_else(missing)?;
                    let credit_note = credit_note.map(|Number(number)| number);
                    Kind::RefundFailed { amount: amount.into(), credit_note }
                }
                MailKind::Voucher => {
                    let missing =
                        || CodecError::BadData { kind: kind.to_owned(), detail: "missing field `voucher`".to_owned() };
                    let Voucher { code, amount } = voucher.ok_or_else(missing)?;
                    Kind::Voucher { code, amount: amount.into() }
                }
            };
            Ok(EmailEvent::Requested { order_id, kind: mail, to })
        }
        ("email.sent", 1) => {
            let Sent { attempts } = parse(kind, data)?;
            Ok(EmailEvent::Sent { attempts })
        }
        ("email.failed", 1) => {
            let Failed { attempts, detail } = parse(kind, data)?;
            Ok(EmailEvent::Failed { attempts, detail })
        }
        _ => Err(unknown_type("email", KINDS, kind, schema_version)),
    }
}
