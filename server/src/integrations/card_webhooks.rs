//! Webhooks of the card gateway, parsed.
//!
//! Webhooks record outcomes and never cause a charge. They may arrive repeatedly and in any order.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use storefront_api::PaymentId;

use super::card_json::{IntentStanding, PaymentIntent};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Webhook {
    /// The gateway's id of the event; repeated deliveries have the same one.
    pub(crate) id: String,
    /// When it happened, in seconds since 1970-01-01 UTC.
    pub(crate) created_unix_s: i64,
    /// Our payment id from the metadata, if there is one.
    pub(crate) payment_id: Option<PaymentId>,
    pub(crate) event: GatewayEvent,
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
        /// Decline code of the gateway.
        reason: String,
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

/// Parses a webhook whose signature has been verified. The gateway also sends events about things other than this
/// shop's, and of future types: only events that can concern the shop are parsed in detail.
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
    let (event, payment_id) = match kind.as_str() {
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
    Ok(Webhook { id, created_unix_s: created.as_i64().unwrap_or(0), payment_id, event })
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(kind: &str, object: Value) -> Result<Webhook, String> {
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
        let webhook = parsed("payment_intent.succeeded", an_intent("succeeded")).unwrap();
        assert_eq!(
            webhook,
            Webhook {
                id: "evt_1".to_owned(),
                created_unix_s: 7,
                payment_id: Some("018f6f0e-0000-7000-8000-000000000001".parse().unwrap()),
                event: GatewayEvent::Succeeded {
                    reference: "pi_1".to_owned(),
                    amount: 1000,
                    currency: "eur".to_owned()
                },
            }
        );
        let cancelled = parsed("payment_intent.canceled", an_intent("canceled")).unwrap().event;
        assert_eq!(cancelled, GatewayEvent::Cancelled { reference: "pi_1".to_owned() });
    }

    #[test]
    fn a_failed_payment_says_why() {
        let mut intent = an_intent("requires_payment_method");
        intent["last_payment_error"] = json!({"type": "card_error", "code": "card_declined",
            "decline_code": "insufficient_funds", "message": "Your card has insufficient funds."});
        assert_eq!(
            parsed("payment_intent.payment_failed", intent).unwrap().event,
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
        let webhook = parsed("charge.refunded", charge).unwrap();
        assert_eq!((webhook.payment_id.is_some(), webhook.event), (true, after("pi_1")));
        for kind in AFTER_PAYMENT {
            let webhook =
                parsed(kind, json!({"id": "re_1", "payment_intent": {"id": "pi_2"}, "metadata": null})).unwrap();
            assert_eq!((webhook.payment_id, webhook.event), (None, after("pi_2")), "{kind}");
            let webhook = parsed(kind, json!({"id": "re_1", "payment_intent": null})).unwrap();
            assert_eq!(webhook.event, GatewayEvent::Other { kind: (*kind).to_owned() });
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
            assert_eq!(parsed(kind, object).unwrap().event, other(kind));
        }
        let mut foreign = an_intent("succeeded");
        foreign["metadata"] = Value::Null;
        assert_eq!(parsed("payment_intent.succeeded", foreign).unwrap().payment_id, None);
    }

    #[test]
    fn a_thin_event_has_no_object_and_another_idea_of_time() {
        let thin = json!({"id": "evt_1", "object": "v2.core.event", "type": "v2.core.account.updated",
            "created": "2026-03-01T12:00:00.000Z", "related_object": {"id": "acct_1"}});
        let webhook = parse_webhook(thin.to_string().as_bytes()).unwrap();
        assert_eq!(webhook.event, GatewayEvent::Other { kind: "v2.core.account.updated".to_owned() });
    }

    #[test]
    fn nonsense_is_not_taken_for_news() {
        assert!(parsed("payment_intent.succeeded", json!({"id": "pi_1"})).is_err());
        for payload in ["{}", "", "null", "[]", "{\"id\": 1}", "nonsense"] {
            assert!(parse_webhook(payload.as_bytes()).is_err(), "{payload}");
        }
    }
}
