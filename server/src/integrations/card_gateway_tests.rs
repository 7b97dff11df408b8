//! What the card gateway is sent and what is made of its answers, against a stand-in server.

use mockito::{Matcher, Mock, Server, ServerGuard};
use serde_json::{Value, json};
use storefront_api::Currency;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

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

fn an_intent_at(status: IntentStatus) -> Intent {
    Intent { reference: "pi_1".to_owned(), status }
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

#[tokio::test]
async fn an_intent_is_created_as_the_gateway_documents_it_and_moves_no_money() {
    let mut world = a_gateway().await;
    let form = form(&[
        ("amount", "2499"),
        ("currency", "eur"),
        ("payment_method", "pm_card_visa"),
        ("payment_method_types[0]", "card"),
        ("metadata[order_id]", "018f6f0e-0000-7000-8000-000000000001"),
        ("metadata[payment_id]", "018f6f0e-0000-7000-8000-000000000002"),
    ]);
    let mock = world
        .mock("POST", INTENTS, 200, &an_intent("requires_confirmation"))
        .match_header("authorization", format!("Bearer {SECRET}").as_str())
        .match_header("idempotency-key", KEY)
        .match_header("content-type", "application/x-www-form-urlencoded")
        .match_request(|request| !request.utf8_lossy_body().unwrap().contains("confirm"))
        .match_body(form)
        .create_async()
        .await;
    let outcome = world.gateway.create(&a_charge()).await;
    mock.assert_async().await;
    assert_eq!(outcome, created(IntentStatus::RequiresConfirmation));
}

#[tokio::test]
async fn an_intent_is_confirmed_with_the_page_to_which_its_owner_comes_back() {
    let mut world = a_gateway().await;
    let mock = world
        .mock("POST", CONFIRM, 200, &an_intent("succeeded"))
        .match_header("idempotency-key", KEY)
        .match_body(form(&[("return_url", RETURN)]))
        .create_async()
        .await;
    assert_eq!(world.confirms().await, Ok(IntentStatus::Succeeded));
    mock.assert_async().await;
}

#[tokio::test]
async fn amounts_are_sent_and_compared_as_the_gateway_counts_them() {
    for (ours, currency, theirs) in [(5, "ISK", 500), (5, "UGX", 500), (50_000, "MGA", 500), (5124, "KWD", 5120)] {
        let mut world = a_gateway().await;
        let (amount, currency) = (Money::new(ours, currency.parse().unwrap()), currency.to_lowercase());
        let mut kept = an_intent("requires_confirmation");
        (kept["amount"], kept["currency"]) = (json!(theirs), json!(currency));
        let mock = world
            .mock("POST", INTENTS, 200, &kept)
            .match_body(form(&[("amount", &theirs.to_string()), ("currency", &currency)]))
            .create_async()
            .await;
        let outcome = world.gateway.create(&Charge { amount, ..a_charge() }).await;
        mock.assert_async().await;
        assert_eq!(outcome, created(IntentStatus::RequiresConfirmation), "{amount}");
        let mut given_back = a_refund_object("succeeded");
        (given_back["amount"], given_back["currency"]) = (json!(theirs), json!(currency));
        let back = world
            .mock("POST", "/v1/refunds", 200, &given_back)
            .match_body(form(&[("amount", &theirs.to_string())]))
            .create_async()
            .await;
        world.gateway.refund(&Refund { amount, ..a_refund() }).await.unwrap();
        back.assert_async().await;
    }
}

#[tokio::test]
async fn refunds_and_disputes_are_listed_with_our_amounts() {
    for (theirs, currency, ours) in
        [(2499, "EUR", 2499), (500, "JPY", 500), (500, "UGX", 5), (500, "MGA", 50_000), (5120, "KWD", 5120)]
    {
        let mut world = a_gateway().await;
        let amount = Money::new(ours, currency.parse().unwrap());
        let (theirs, currency) = (json!(theirs), json!(currency.to_lowercase()));
        let mut refund = a_refund_object("succeeded");
        (refund["amount"], refund["currency"]) = (theirs.clone(), currency.clone());
        let dispute = json!({"id": "dp_1", "status": "lost", "amount": theirs, "currency": currency});
        world.answers("GET", "/v1/refunds/re_1", 200, refund.clone()).await;
        world.answers("GET", "/v1/refunds?payment_intent=pi_1&limit=100", 200, json!({ "data": [refund] })).await;
        world.answers("GET", "/v1/disputes?payment_intent=pi_1&limit=100", 200, json!({ "data": [dispute] })).await;
        assert_eq!(world.gateway.find_refund("re_1").await.unwrap().unwrap().amount, amount);
        assert_eq!(world.gateway.list_refunds("pi_1").await.unwrap()[0].amount, amount);
        assert_eq!(world.gateway.list_disputes("pi_1").await.unwrap()[0].amount, amount);
    }
}

#[tokio::test]
async fn an_amount_too_large_to_count_here_is_not_believed() {
    let mut world = a_gateway().await;
    let mut refund = a_refund_object("succeeded");
    (refund["amount"], refund["currency"]) = (json!(i64::MAX), json!("mga"));
    world.answers("GET", "/v1/refunds/re_1", 200, refund).await;
    let told = detail(world.gateway.find_refund("re_1").await);
    assert!(told.ends_with("of the gateway are too much"), "{told}");
}

#[tokio::test]
async fn an_intent_that_was_created_and_confirmed_in_one_call_is_told_by_that_call_again() {
    let mut world = a_gateway().await;
    let other = an_error(json!({"type": "idempotency_error", "message": "Keys for idempotent requests can only …"}));
    world
        .mock("POST", INTENTS, 400, &other)
        .match_body(form(&[("payment_method_types[0]", "card")]))
        .create_async()
        .await;
    let in_one = form(&[
        ("amount", "2499"),
        ("currency", "eur"),
        ("payment_method", "pm_card_visa"),
        ("confirm", "true"),
        ("automatic_payment_methods[enabled]", "true"),
        ("automatic_payment_methods[allow_redirects]", "never"),
        ("metadata[order_id]", "018f6f0e-0000-7000-8000-000000000001"),
        ("metadata[payment_id]", "018f6f0e-0000-7000-8000-000000000002"),
    ]);
    let mock = world
        .mock("POST", INTENTS, 200, &an_intent("succeeded"))
        .match_header("idempotency-key", KEY)
        .match_body(in_one)
        .create_async()
        .await;
    assert_eq!(world.gateway.create(&a_charge()).await, created(IntentStatus::Succeeded));
    mock.assert_async().await;
    // As a decline was answered then: with the intent that is to be ended.
    let declined = an_error(json!({"type": "card_error", "code": "card_declined", "decline_code": "lost_card",
        "message": "No.", "payment_intent": an_intent("requires_payment_method")}));
    let outcome = World::created(402, declined).await;
    assert_eq!(outcome, created(IntentStatus::Declined(refusal("lost_card", "No."))));
}

#[tokio::test]
async fn a_declined_card_says_why() {
    let card_error = |extra: Value| {
        let mut error = json!({"type": "card_error", "message": "Your card was declined."});
        error.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        World::confirmed(402, an_error(error))
    };
    let declined = |reason: &str, message: &str| Ok(IntentStatus::Declined(refusal(reason, message)));
    let generic = card_error(json!({"code": "card_declined", "decline_code": "generic_decline"})).await;
    assert_eq!(generic, declined("generic_decline", "Your card was declined."));
    let poor = json!({"code": "card_declined", "decline_code": "insufficient_funds", "message": "Too little."});
    assert_eq!(card_error(poor).await, declined("insufficient_funds", "Too little."));
    let processing = card_error(json!({"code": "processing_error"})).await;
    assert_eq!(processing, declined("processing_error", "Your card was declined."));

    let mut intent = an_intent("requires_payment_method");
    intent["last_payment_error"] = json!({"type": "card_error", "code": "expired_card", "message": "It has expired."});
    assert_eq!(World::confirmed(200, intent).await, declined("expired_card", "It has expired."));
    assert_eq!(World::confirmed(200, an_intent("canceled")).await, Ok(IntentStatus::Cancelled));
}

#[tokio::test]
async fn a_card_whose_bank_asks_its_owner_says_where() {
    let asks = |action: Value| {
        let mut intent = an_intent("requires_action");
        intent["next_action"] = action;
        World::confirmed(200, intent)
    };
    let page = |url: &str| json!({"type": "redirect_to_url", "redirect_to_url": {"url": url, "return_url": RETURN}});
    let url = "https://hooks.gateway.example/3d_secure?key=1".to_owned();
    assert_eq!(asks(page(&url)).await, Ok(IntentStatus::RequiresAction { url }));
    // Nothing that a person could open.
    for action in [
        Value::Null,
        json!({"type": "use_stripe_sdk", "use_stripe_sdk": {}}),
        page("javascript:alert(1)"),
        page("https://gateway.example/\u{1b}[2J"),
        page(&format!("https://{}", "a".repeat(2000))),
    ] {
        let answer = asks(action.clone()).await;
        assert!(
            matches!(&answer, Ok(IntentStatus::Declined(refusal)) if refusal.reason == "authentication_required"),
            "{action}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn a_token_that_the_gateway_does_not_take_is_refused() {
    for (status, code, param) in [
        (400, "resource_missing", "payment_method"),
        (404, "resource_missing", "payment_method"),
        (400, "token_already_used", ""),
    ] {
        let outcome = World::created(status, invalid_request(code, param)).await;
        assert_eq!(outcome, refused("invalid_token", "The card could not be used: its token is not valid."), "{code}");
    }
}

#[tokio::test]
async fn without_a_token_the_gateway_is_not_even_asked() {
    let world = a_gateway().await;
    let charge = Charge { token: " ".to_owned(), ..a_charge() };
    let outcome = world.gateway.create(&charge).await;
    assert_eq!(outcome, refused("invalid_token", "The card could not be used: its token is not valid."));
}

#[tokio::test]
async fn an_amount_or_a_currency_that_the_gateway_never_takes_is_refused() {
    for (code, param) in [
        ("amount_too_small", "amount"),
        ("amount_too_large", "amount"),
        ("parameter_invalid_integer", "amount"),
        ("parameter_invalid", "currency"),
    ] {
        let outcome = World::created(400, invalid_request(code, param)).await;
        assert_eq!(outcome, refused(code, "No such thing."));
    }
}

#[tokio::test]
async fn everything_else_leaves_the_outcome_unknown() {
    for (status, body) in [
        (500, json!({})),
        (502, json!("<html>")),
        (500, an_error(json!({"type": "api_error", "message": "Oh."}))),
        (429, an_error(json!({"type": "invalid_request_error", "code": "rate_limit", "param": "payment_method"}))),
        (409, an_error(json!({"type": "invalid_request_error", "code": "idempotency_key_in_use", "param": "token"}))),
        (409, an_error(json!({"type": "card_error", "code": "lock_timeout"}))),
        (400, an_error(json!({"type": "idempotency_error", "message": "Other parameters."}))),
        (400, invalid_request("parameter_unknown", "amount")),
        (400, json!({})),
        (402, json!({})),
        (302, json!({})),
        (200, json!({})),
        (200, json!([])),
        (200, an_intent("something_new")),
    ] {
        let outcome = World::created(status, body.clone()).await;
        assert!(matches!(outcome, Err(GatewayError::Unknown { .. })), "{status} {body}: {outcome:?}");
        let outcome = World::confirmed(status, body.clone()).await;
        assert!(matches!(outcome, Err(GatewayError::Unknown { .. })), "{status} {body}: {outcome:?}");
    }
}

#[tokio::test]
async fn another_amount_than_was_asked_for_is_never_taken_for_the_payment() {
    for (field, value) in [("amount", json!(2498)), ("currency", json!("usd")), ("amount_received", json!(1))] {
        let mut intent = an_intent("succeeded");
        intent[field] = value;
        let detail = "the gateway has another amount for pi_1 than 24.99 EUR: nothing is booked".to_owned();
        let contradiction = GatewayError::Contradiction { detail };
        assert_eq!(World::created(200, intent.clone()).await, Err(contradiction.clone()));
        assert_eq!(World::confirmed(200, intent).await, Err(contradiction));
    }
}

#[tokio::test]
async fn a_payment_that_takes_its_time_or_is_past_being_confirmed_is_looked_up() {
    let past = an_error(json!({"type": "invalid_request_error", "code": "payment_intent_unexpected_state",
        "message": "Too late.", "payment_intent": an_intent("succeeded")}));
    // Another server said go, with another page to come back to.
    let elsewhere = an_error(json!({"type": "idempotency_error", "message": "Other parameters."}));
    for (status, answer) in [(200, an_intent("processing")), (400, past), (400, elsewhere)] {
        let mut world = a_gateway().await;
        world.answers("POST", CONFIRM, status, answer).await;
        let first =
            world.mock("GET", "/v1/payment_intents/pi_1", 200, &an_intent("processing")).expect(1).create_async().await;
        assert_eq!(world.confirms().await, Ok(IntentStatus::Processing));
        first.remove_async().await;
        world.answers("GET", "/v1/payment_intents/pi_1", 200, an_intent("succeeded")).await;
        assert_eq!(world.confirms().await, Ok(IntentStatus::Succeeded));
    }
}

#[tokio::test]
async fn a_wrong_secret_key_is_told_to_the_operator_and_never_shown() {
    for status in [401, 403] {
        let message = format!("Invalid API Key provided: {SECRET}");
        let error = an_error(json!({"type": "invalid_request_error", "message": message}));
        let detail = detail(World::created(status, error).await);
        assert!(detail.contains("does not accept our secret key"), "{detail}");
        assert!(!detail.contains("sk_test"), "{detail}");
    }
    let world = a_gateway().await;
    assert!(!format!("{:?}", world.gateway).contains(SECRET));
    assert_eq!(CardGateway::new("http://127.0.0.1:1", "a\nb", PATIENT, RETURN).err(), Some(InvalidGateway::Key));
    assert!(matches!(CardGateway::new("gateway", SECRET, PATIENT, RETURN), Err(InvalidGateway::Address(_))));
}

/// A gateway that reads a request, answers `bytes` and hangs up, or says nothing at all for `None`.
async fn a_gateway_that_answers(bytes: Option<&'static str>) -> CardGateway {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let timeout = if bytes.is_some() { PATIENT } else { Duration::from_millis(50) };
    tokio::spawn(async move {
        let mut silent = Vec::new();
        while let Ok((mut socket, _)) = listener.accept().await {
            match bytes {
                Some(bytes) => {
                    let _ = socket.read(&mut [0; 4096]).await;
                    let _ = socket.write_all(bytes.as_bytes()).await;
                }
                None => silent.push(socket),
            }
        }
    });
    CardGateway::new(&url, SECRET, timeout, RETURN).unwrap()
}

#[tokio::test]
async fn a_lost_answer_leaves_the_outcome_unknown() {
    let silent = a_gateway_that_answers(None).await;
    assert_eq!(detail(silent.create(&a_charge()).await), "no answer in time");
    let lost = [
        "",
        "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"id\": \"pi_1\", \"status\": \"succ",
        "HTTP/1.1 402 Payment Required\r\ncontent-length: 500\r\n\r\n{\"error\": {\"type\": \"card_error\"}}",
        "HTTP/1.1 200 OK\r\ncontent-length: 2000000\r\n\r\n",
    ];
    for bytes in lost {
        let gateway = a_gateway_that_answers(Some(bytes)).await;
        assert!(gateway.create(&a_charge()).await.is_err(), "{bytes}");
        assert!(gateway.confirm("pi_1", a_charge().amount, KEY).await.is_err(), "{bytes}");
        assert!(gateway.refund(&a_refund()).await.is_err(), "{bytes}");
        assert!(gateway.cancel("pi_1").await.is_err(), "{bytes}");
        assert!(gateway.find("pi_1", a_charge().amount).await.is_err(), "{bytes}");
    }
}

#[tokio::test]
async fn a_closed_port_leaves_the_outcome_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let gateway = CardGateway::new(&url, SECRET, PATIENT, RETURN).unwrap();
    assert_eq!(detail(gateway.create(&a_charge()).await), "connection refused");
}

#[tokio::test]
async fn a_refund_is_sent_as_the_gateway_documents_it() {
    let mut world = a_gateway().await;
    let form = [
        ("payment_intent", "pi_1"),
        ("amount", "2499"),
        ("reason", "requested_by_customer"),
        ("metadata[reason]", "order cancelled"),
    ];
    let form = form.map(|(name, value)| Matcher::UrlEncoded(name.to_owned(), value.to_owned())).to_vec();
    let mock = world
        .mock("POST", "/v1/refunds", 200, &a_refund_object("succeeded"))
        .match_header("idempotency-key", KEY)
        .match_body(Matcher::AllOf(form))
        .create_async()
        .await;
    let outcome = world.gateway.refund(&a_refund()).await;
    mock.assert_async().await;
    assert_eq!(outcome, Ok(RefundOutcome::Succeeded { reference: "re_1".to_owned() }));
}

#[tokio::test]
async fn a_refused_refund_says_why_and_an_unclear_one_is_unknown() {
    let refused = |detail: &str| Ok(RefundOutcome::Refused { detail: detail.to_owned() });
    let twice = World::refunded(400, invalid_request("charge_already_refunded", "")).await;
    assert_eq!(twice, refused("charge_already_refunded: No such thing."));
    let missing = World::refunded(404, invalid_request("resource_missing", "payment_intent")).await;
    assert_eq!(missing, refused("resource_missing: No such thing."));
    let failed = with(a_refund_object("failed"), "failure_reason", "lost_or_stolen_card");
    let (reference, detail) = ("re_1".to_owned(), "re_1 failed: lost_or_stolen_card".to_owned());
    assert_eq!(World::refunded(200, failed).await, Ok(RefundOutcome::Failed { reference, detail }));

    for (status, body) in [
        (500, json!({})),
        (401, an_error(json!({"type": "invalid_request_error"}))),
        (409, invalid_request("idempotency_key_in_use", "")),
        (200, a_refund_object("unheard_of")),
        (200, json!({})),
    ] {
        let outcome = World::refunded(status, body.clone()).await;
        assert!(outcome.is_err(), "{status} {body}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_refund_that_takes_its_time_is_looked_at_again() {
    let mut world = a_gateway().await;
    world.answers("POST", "/v1/refunds", 200, a_refund_object("pending")).await;
    world.answers("GET", "/v1/refunds/re_1", 200, a_refund_object("succeeded")).await;
    let outcome = world.gateway.refund(&a_refund()).await;
    assert_eq!(outcome, Ok(RefundOutcome::Succeeded { reference: "re_1".to_owned() }));
}

#[tokio::test]
async fn a_payment_is_found_as_it_is() {
    for (status, found) in [
        ("succeeded", IntentStatus::Succeeded),
        ("processing", IntentStatus::Processing),
        ("requires_confirmation", IntentStatus::RequiresConfirmation),
        ("canceled", IntentStatus::Cancelled),
    ] {
        let found = an_intent_at(found);
        let mut world = a_gateway().await;
        world.answers("GET", "/v1/payment_intents/pi_1", 200, an_intent(status)).await;
        assert_eq!(world.gateway.find("pi_1", a_charge().amount).await, Ok(Some(found)));
    }
    let mut world = a_gateway().await;
    world.answers("GET", "/v1/payment_intents/pi_2", 404, invalid_request("resource_missing", "intent")).await;
    world.answers("GET", "/v1/payment_intents/pi_3", 404, json!("a page of some proxy")).await;
    assert_eq!(world.gateway.find("pi_2", a_charge().amount).await, Ok(None));
    assert!(world.gateway.find("pi_3", a_charge().amount).await.is_err());
}

#[tokio::test]
async fn giving_a_payment_up_says_whether_it_was_in_time() {
    assert_eq!(World::cancelled(200, an_intent("canceled")).await, Ok(CancelOutcome::Cancelled));
    let too_late = |status: &str| {
        let intent = an_intent(status);
        an_error(json!({"type": "invalid_request_error", "code": "payment_intent_unexpected_state",
                        "message": "Too late.", "payment_intent": intent}))
    };
    assert_eq!(World::cancelled(400, too_late("succeeded")).await, Ok(CancelOutcome::AlreadySucceeded));
    assert_eq!(World::cancelled(400, too_late("canceled")).await, Ok(CancelOutcome::Cancelled));
    let missing = invalid_request("resource_missing", "intent");
    assert_eq!(World::cancelled(404, missing).await, Ok(CancelOutcome::NotFound));
    for (status, body) in [(400, too_late("processing")), (500, json!({})), (400, json!({})), (200, json!({}))] {
        assert!(World::cancelled(status, body.clone()).await.is_err(), "{status} {body}");
    }
}
