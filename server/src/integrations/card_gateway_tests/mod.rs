//! Tests of the card gateway's client against a mock server: the requests sent, and the outcomes of its answers.

mod intents;
mod lost_answers;
mod refunds;

use std::fmt;
use std::time::Duration;

use mockito::{Matcher, Mock, Server, ServerGuard};
use serde_json::{Value, json};
use storefront_api::{Currency, Money};

use super::card_gateway::{CardGateway, GatewayError};
use super::card_intents::{CancelOutcome, CardIntent, Charge, CreateOutcome, IntentStatus, Refusal};
use super::card_refunds::{Refund, RefundOutcome};

/// Long enough that no test comes near it.
const PATIENT: Duration = Duration::from_secs(10);
const KEY: &str = "storefront-0190";
const SECRET: &str = "sk_test_very_secret";
const INTENTS: &str = "/v1/payment_intents";
const CONFIRM: &str = "/v1/payment_intents/pi_1/confirm";
const RETURN: &str = "http://shop.example/back";

struct World {
    server: ServerGuard,
    gateway: CardGateway,
}

async fn a_gateway() -> World {
    let server = Server::new_async().await;
    let gateway = CardGateway::new(&server.url(), SECRET, PATIENT, RETURN).unwrap();
    World { server, gateway }
}

impl World {
    fn mock(&mut self, method: &str, path: &str, status: usize, body: &Value) -> Mock {
        self.server.mock(method, path).with_status(status).with_body(body.to_string())
    }

    async fn answers(&mut self, method: &str, path: &str, status: usize, body: Value) {
        self.mock(method, path, status, &body).create_async().await;
    }

    /// Has an intent created, against one answer.
    async fn created(status: usize, body: Value) -> Result<CreateOutcome, GatewayError> {
        let mut world = a_gateway().await;
        world.answers("POST", INTENTS, status, body).await;
        world.gateway.create(&a_charge()).await
    }

    /// Confirms an intent, against one answer.
    async fn confirmed(status: usize, body: Value) -> Result<IntentStatus, GatewayError> {
        let mut world = a_gateway().await;
        world.answers("POST", CONFIRM, status, body).await;
        world.confirms().await
    }

    async fn confirms(&self) -> Result<IntentStatus, GatewayError> {
        let intent = self.gateway.confirm("pi_1", a_charge().amount, KEY).await?;
        assert_eq!(intent.reference, "pi_1");
        Ok(intent.status)
    }

    /// Refunds against one answer.
    async fn refunded(status: usize, body: Value) -> Result<RefundOutcome, GatewayError> {
        let mut world = a_gateway().await;
        world.answers("POST", "/v1/refunds", status, body).await;
        world.gateway.refund(&a_refund()).await
    }

    /// Cancels against one answer.
    async fn cancelled(status: usize, body: Value) -> Result<CancelOutcome, GatewayError> {
        let mut world = a_gateway().await;
        world.answers("POST", "/v1/payment_intents/pi_1/cancel", status, body).await;
        world.gateway.cancel("pi_1").await
    }
}

fn a_charge() -> Charge {
    Charge {
        amount: Money::new(2499, Currency::EUR),
        token: "pm_card_visa".to_owned(),
        order_id: "018f6f0e-0000-7000-8000-000000000001".parse().unwrap(),
        payment_id: "018f6f0e-0000-7000-8000-000000000002".parse().unwrap(),
        key: KEY.to_owned(),
    }
}

fn a_refund() -> Refund {
    Refund {
        ids: None,
        reference: "pi_1".to_owned(),
        amount: Money::new(2499, Currency::EUR),
        key: KEY.to_owned(),
        reason: "order cancelled".to_owned(),
    }
}

fn a_refund_object(status: &str) -> Value {
    json!({"id": "re_1", "object": "refund", "status": status, "amount": 2499, "currency": "eur"})
}

fn with(mut object: Value, name: &str, value: &str) -> Value {
    object[name] = value.into();
    object
}

fn an_intent(status: &str) -> Value {
    json!({"id": "pi_1", "object": "payment_intent", "status": status, "amount": 2499, "currency": "eur"})
}

fn an_error(error: Value) -> Value {
    json!({ "error": error })
}

fn invalid_request(code: &str, param: &str) -> Value {
    an_error(json!({"type": "invalid_request_error", "code": code, "param": param, "message": "No such thing."}))
}

fn refusal(reason: &str, message: &str) -> Refusal {
    Refusal { reason: reason.to_owned(), message: message.to_owned() }
}

fn an_intent_at(status: IntentStatus) -> CardIntent {
    CardIntent { reference: "pi_1".to_owned(), status }
}

fn created<E>(status: IntentStatus) -> Result<CreateOutcome, E> {
    Ok(CreateOutcome::Created(an_intent_at(status)))
}

fn refused<E>(reason: &str, message: &str) -> Result<CreateOutcome, E> {
    Ok(CreateOutcome::Refused(refusal(reason, message)))
}

fn detail<T: fmt::Debug>(result: Result<T, GatewayError>) -> String {
    let GatewayError::Unknown { detail } = result.unwrap_err() else { panic!("that is known") };
    detail
}

fn form(pairs: &[(&str, &str)]) -> Matcher {
    Matcher::AllOf(
        pairs.iter().map(|(name, value)| Matcher::UrlEncoded((*name).to_owned(), (*value).to_owned())).collect(),
    )
}
