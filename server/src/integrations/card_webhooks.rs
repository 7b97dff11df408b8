//! Webhooks of the card gateway: verification of the signature, and parsing.
//!
//! Signature: Stripe's published scheme ("Verify webhook signatures manually"): the header `Stripe-Signature` has
//! `t=<unix seconds>` and one or more `v1=<hex>`; each is HMAC-SHA256 of `<t>.<payload>` under the endpoint's secret.
//! Webhooks record outcomes and never cause a charge. They may arrive repeatedly and in any order.

use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::Sha256;
use storefront_api::PaymentId;

use super::card_json::{IntentStanding, PaymentIntent};

/// The header that carries the signature.
pub(crate) const SIGNATURE_HEADER: &str = "stripe-signature";
/// Default maximum difference between signing time and now, in seconds; the default of the scheme.
pub(crate) const DEFAULT_TOLERANCE_S: i64 = 300;

/// Why a webhook's signature was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadSignature {
    /// The header is not of the form `t=…,v1=…`.
    #[error("the signature header cannot be read")]
    Malformed,
    /// No signature matches our secret.
    #[error("the signature does not match")]
    Mismatch,
    /// Signed too long ago or in the future: possibly a replay.
    #[error("the signature is too old or too new")]
    OutsideTolerance,
}

/// A parsed webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Webhook {
    /// The gateway's id of the event; repeated deliveries have the same one.
    pub(crate) id: String,
    /// When it happened, in seconds since 1970-01-01 UTC.
    pub(crate) created_unix_s: i64,
    /// Our payment id from the metadata, if there is one.
    pub(crate) payment_id: Option<PaymentId>,
    /// The event itself.
    pub(crate) news: GatewayEvent,
}

/// An event at the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GatewayEvent {
    /// An intent was created; no money has moved.
    Created {
        /// The gateway's id of the intent.
        reference: String,
    },
    /// The money was taken.
    Succeeded {
        /// The gateway's id of the intent.
        reference: String,
        /// The amount received, in the gateway's units.
        amount: i64,
        /// The currency code, as the gateway writes it.
        currency: String,
    },
    /// An attempt was declined.
    Declined {
        /// The gateway's id of the intent.
        reference: String,
        /// Machine-readable reason.
        reason: String,
        /// Message for people.
        message: String,
    },
    /// The intent was cancelled; no money has moved.
    Cancelled {
        /// The gateway's id of the intent.
        reference: String,
    },
    /// Refunds or disputes of a payment changed; their state must be read from the gateway's lists.
    AfterPayment {
        /// The gateway's id of the intent.
        reference: String,
    },
    /// An event that the shop does not handle.
    Other {
        /// The gateway's event type.
        kind: String,
    },
}

/// Verifies that the gateway signed this payload with `secret`, at most `tolerance_s` seconds from `now_unix_s`.
///
/// # Errors
/// See [`BadSignature`].
pub(crate) fn verify_webhook(
    payload: &[u8],
    signature_header: &str,
    secret: &str,
    now_unix_s: i64,
    tolerance_s: i64,
) -> Result<(), BadSignature> {
    let parts = || signature_header.split(',').filter_map(|part| part.trim().split_once('='));
    let signed_at = parts().find(|(name, _)| *name == "t").map(|(_, value)| value).ok_or(BadSignature::Malformed)?;
    let signed_at_unix_s: i64 = signed_at.parse().map_err(|_| BadSignature::Malformed)?;
    let mut signatures = parts().filter(|(name, _)| *name == "v1").peekable();
    signatures.peek().ok_or(BadSignature::Malformed)?;

    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map_err(|_| BadSignature::Malformed)?;
    mac.update(signed_at.as_bytes());
    mac.update(b".");
    mac.update(payload);
    // `verify_slice` compares in constant time.
    let genuine =
        signatures.any(|(_, hex)| from_hex(hex).is_some_and(|signature| mac.clone().verify_slice(&signature).is_ok()));
    if !genuine {
        return Err(BadSignature::Mismatch);
    }
    let distance_s = now_unix_s.abs_diff(signed_at_unix_s);
    if distance_s <= tolerance_s.unsigned_abs() { Ok(()) } else { Err(BadSignature::OutsideTolerance) }
}

/// Parses a webhook whose signature has been verified. The gateway also sends events about things other than this shop's, and
/// of future types: only events that can concern the shop are parsed in detail.
///
/// # Errors
/// When it cannot be parsed; another delivery would not help.
pub(crate) fn parse_webhook(payload: &[u8]) -> Result<Webhook, String> {
    #[derive(Deserialize)]
    struct EventJson {
        id: String,
        #[serde(rename = "type")]
        kind: String,
        #[serde(default)]
        created: Value,
        #[serde(default)]
        data: Value,
    }
    let event: EventJson = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
    let EventJson { id, kind, created, mut data } = event;
    let object = data.get_mut("object").map(Value::take).unwrap_or_default();
    let (news, payment_id) = match kind.as_str() {
        "payment_intent.created"
        | "payment_intent.succeeded"
        | "payment_intent.payment_failed"
        | "payment_intent.canceled" => {
            let intent: PaymentIntent = read(object)?;
            let payment_id = intent.metadata.get("payment_id").cloned();
            (about_intent(&kind, intent), payment_id)
        }
        known if AFTER_PAYMENT.contains(&known) => after_payment(kind, &object),
        _ => (GatewayEvent::Other { kind }, None),
    };
    let payment_id = payment_id.and_then(|id| id.parse().ok());
    Ok(Webhook { id, created_unix_s: created.as_i64().unwrap_or(0), payment_id, news })
}

/// Event types about refunds and disputes of a payment.
const AFTER_PAYMENT: &[&str] = &[
    "charge.refunded",
    "charge.refund.updated",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
];

/// Finds the payment of a refund, a dispute or a refunded charge. An object without an intent is not ours.
fn after_payment(kind: String, object: &Value) -> (GatewayEvent, Option<String>) {
    let intent = &object["payment_intent"];
    // The field is the intent's id, or the expanded intent.
    let reference = intent.as_str().or_else(|| intent["id"].as_str());
    let payment_id = object["metadata"]["payment_id"].as_str().map(str::to_owned);
    match reference {
        Some(reference) => (GatewayEvent::AfterPayment { reference: reference.to_owned() }, payment_id),
        None => (GatewayEvent::Other { kind }, None),
    }
}

fn about_intent(kind: &str, intent: PaymentIntent) -> GatewayEvent {
    let standing = intent.standing();
    let (amount, currency) = intent.received();
    let reference = intent.id;
    match (kind, standing) {
        ("payment_intent.created", _) => GatewayEvent::Created { reference },
        ("payment_intent.succeeded", _) => GatewayEvent::Succeeded { reference, amount, currency },
        ("payment_intent.canceled", _) => GatewayEvent::Cancelled { reference },
        (_, IntentStanding::Declined { reason, message }) => GatewayEvent::Declined { reference, reason, message },
        (kind, _) => GatewayEvent::Other { kind: kind.to_owned() },
    }
}

fn read<T: DeserializeOwned>(object: Value) -> Result<T, String> {
    serde_json::from_value(object).map_err(|error| error.to_string())
}

/// Decodes a SHA-256 in hexadecimal.
fn from_hex(hex: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| (byte as char).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = [0; 32];
    if hex.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SECRET: &str = "whsec_test";
    const PAYLOAD: &[u8] = br#"{"id":"evt_1"}"#;
    const SIGNED_AT: i64 = 1_772_366_400;
    /// `printf '1772366400.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_test`
    const SIGNATURE: &str = "423eaca490dc90f990738fb794aeaf13bc5ebdb56ba71a34ff498d8927382f0c";

    fn verify(header: &str, now_unix_s: i64) -> Result<(), BadSignature> {
        verify_webhook(PAYLOAD, header, SECRET, now_unix_s, DEFAULT_TOLERANCE_S)
    }

    #[test]
    fn a_genuine_signature_passes_also_among_others() {
        let genuine = format!("t={SIGNED_AT},v1={SIGNATURE}");
        assert_eq!(verify(&genuine, SIGNED_AT), Ok(()));
        let among = format!("t={SIGNED_AT}, v1={}, v0=whatever, v1={}", "0".repeat(64), SIGNATURE.to_uppercase());
        assert_eq!(verify(&among, SIGNED_AT), Ok(()));
    }

    #[test]
    fn anything_changed_is_a_mismatch() {
        let header = format!("t={SIGNED_AT},v1={SIGNATURE}");
        let with = |payload: &[u8], header: &str, secret: &str| verify_webhook(payload, header, secret, SIGNED_AT, 300);
        assert_eq!(with(b"{}", &header, SECRET), Err(BadSignature::Mismatch));
        assert_eq!(with(PAYLOAD, &header, "whsec_other"), Err(BadSignature::Mismatch));
        let later = format!("t={},v1={SIGNATURE}", SIGNED_AT + 1);
        assert_eq!(with(PAYLOAD, &later, SECRET), Err(BadSignature::Mismatch));
        for v1 in ["", "00", "zz", &"0".repeat(64), &SIGNATURE[..62]] {
            assert_eq!(with(PAYLOAD, &format!("t={SIGNED_AT},v1={v1}"), SECRET), Err(BadSignature::Mismatch), "{v1}");
        }
    }

    #[test]
    fn news_from_another_time_are_refused() {
        let header = format!("t={SIGNED_AT},v1={SIGNATURE}");
        for (now, verdict) in [
            (SIGNED_AT + 300, Ok(())),
            (SIGNED_AT - 300, Ok(())),
            (SIGNED_AT + 301, Err(BadSignature::OutsideTolerance)),
            (SIGNED_AT - 301, Err(BadSignature::OutsideTolerance)),
            (i64::MIN, Err(BadSignature::OutsideTolerance)),
        ] {
            assert_eq!(verify(&header, now), verdict, "{now}");
        }
    }

    #[test]
    fn a_header_of_another_form_is_malformed() {
        let no_time = format!("v1={SIGNATURE}");
        let no_number = format!("t=now,v1={SIGNATURE}");
        for header in ["", "t=1", "t=1,v0=00", "nonsense", &no_time, &no_number] {
            assert_eq!(verify(header, SIGNED_AT), Err(BadSignature::Malformed), "{header}");
        }
    }

    fn news(kind: &str, object: Value) -> Result<Webhook, String> {
        let event = json!({"id": "evt_1", "object": "event", "type": kind, "created": 7, "data": {"object": object}});
        parse_webhook(event.to_string().as_bytes())
    }

    fn an_intent(status: &str) -> Value {
        json!({"id": "pi_1", "object": "payment_intent", "status": status, "amount": 1000, "currency": "eur",
               "last_payment_error": null,
               "metadata": {"payment_id": "018f6f0e-0000-7000-8000-000000000001"}})
    }

    #[test]
    fn news_of_a_payment_name_it_as_we_and_as_the_gateway_do() {
        let webhook = news("payment_intent.succeeded", an_intent("succeeded")).unwrap();
        assert_eq!(
            webhook,
            Webhook {
                id: "evt_1".to_owned(),
                created_unix_s: 7,
                payment_id: Some("018f6f0e-0000-7000-8000-000000000001".parse().unwrap()),
                news: GatewayEvent::Succeeded {
                    reference: "pi_1".to_owned(),
                    amount: 1000,
                    currency: "eur".to_owned()
                },
            }
        );
        let cancelled = news("payment_intent.canceled", an_intent("canceled")).unwrap().news;
        assert_eq!(cancelled, GatewayEvent::Cancelled { reference: "pi_1".to_owned() });
    }

    #[test]
    fn a_failed_payment_says_why() {
        let mut intent = an_intent("requires_payment_method");
        intent["last_payment_error"] = json!({"type": "card_error", "code": "card_declined",
            "decline_code": "insufficient_funds", "message": "Your card has insufficient funds."});
        assert_eq!(
            news("payment_intent.payment_failed", intent).unwrap().news,
            GatewayEvent::Declined {
                reference: "pi_1".to_owned(),
                reason: "insufficient_funds".to_owned(),
                message: "Your card has insufficient funds.".to_owned(),
            }
        );
    }

    #[test]
    fn what_happens_after_a_payment_names_the_payment_and_nothing_else_is_believed() {
        let after = |reference: &str| GatewayEvent::AfterPayment { reference: reference.to_owned() };
        let charge = json!({"id": "ch_1", "payment_intent": "pi_1", "amount_refunded": 400, "currency": "eur",
            "metadata": {"payment_id": "018f6f0e-0000-7000-8000-000000000001"}});
        let webhook = news("charge.refunded", charge).unwrap();
        assert_eq!((webhook.payment_id.is_some(), webhook.news), (true, after("pi_1")));
        for kind in AFTER_PAYMENT {
            let webhook =
                news(kind, json!({"id": "re_1", "payment_intent": {"id": "pi_2"}, "metadata": null})).unwrap();
            assert_eq!((webhook.payment_id, webhook.news), (None, after("pi_2")), "{kind}");
            let webhook = news(kind, json!({"id": "re_1", "payment_intent": null})).unwrap();
            assert_eq!(webhook.news, GatewayEvent::Other { kind: (*kind).to_owned() });
        }
    }

    #[test]
    fn what_is_not_ours_is_recognised_as_such_whatever_its_shape() {
        let other = |kind: &str| GatewayEvent::Other { kind: kind.to_owned() };
        for (kind, object) in [
            ("customer.created", json!({})),
            ("customer.created", Value::Null),
            ("invoice.paid", json!("in_1")),
            ("payment_intent.requires_action", json!({"id": "pi_1"})),
            ("payment_intent.processing", json!({"id": "pi_1"})),
            (
                "charge.refunded",
                json!({"amount_refunded": 1, "currency": "eur", "payment_intent": null, "metadata": null}),
            ),
        ] {
            assert_eq!(news(kind, object).unwrap().news, other(kind));
        }
        let mut foreign = an_intent("succeeded");
        foreign["metadata"] = Value::Null;
        assert_eq!(news("payment_intent.succeeded", foreign).unwrap().payment_id, None);
    }

    #[test]
    fn a_thin_event_has_no_object_and_another_idea_of_time() {
        let thin = json!({"id": "evt_1", "object": "v2.core.event", "type": "v2.core.account.updated",
            "created": "2026-03-01T12:00:00.000Z", "related_object": {"id": "acct_1"}});
        let webhook = parse_webhook(thin.to_string().as_bytes()).unwrap();
        assert_eq!(webhook.news, GatewayEvent::Other { kind: "v2.core.account.updated".to_owned() });
    }

    #[test]
    fn nonsense_is_not_taken_for_news() {
        assert!(news("payment_intent.succeeded", json!({"id": "pi_1"})).is_err());
        for payload in ["{}", "", "null", "[]", "{\"id\": 1}", "nonsense"] {
            assert!(parse_webhook(payload.as_bytes()).is_err(), "{payload}");
        }
    }
}
