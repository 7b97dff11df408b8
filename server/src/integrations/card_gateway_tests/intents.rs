//! Payment intents: created, confirmed, found and cancelled.

use super::*;

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
async fn an_intent_that_was_created_and_confirmed_in_one_call_is_returned_by_that_call_again() {
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
