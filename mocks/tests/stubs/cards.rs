//! The card gateway: keys, cards, the life of a payment, refunds.

use reqwest::StatusCode;
use serde_json::{Value, json};
use storefront_mocks::IntentStatus;

use crate::support::{http, merchant, merchant_with_key, payment, send, stubs};

#[tokio::test]
async fn without_the_right_key_nothing_is_answered() {
    let mocks = stubs().await;
    let (status, body) = merchant_with_key(&mocks, "sk_test_oops").charge("pm_card_visa").await;
    assert_eq!((status, &body["error"]["type"]), (StatusCode::UNAUTHORIZED, &json!("invalid_request_error")));
    assert!(!body.to_string().contains("sk_test_oops"));
    let response = http().get(format!("{}/v1/charges", mocks.card_gateway_url())).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(mocks.card_gateway().intents(), []);
}

#[tokio::test]
async fn the_key_may_also_come_as_the_user_of_basic_credentials() {
    let mocks = stubs().await;
    let url = format!("{}/v1/charges", mocks.card_gateway_url());
    let response = http().get(url).basic_auth("sk_test_storefront", Some("")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_publishable_key_exchanges_cards_and_does_nothing_else() {
    let mocks = stubs().await;
    let browser = merchant_with_key(&mocks, "pk_test_storefront");
    let card = [("type", "card"), ("card[number]", "4242 4242 4242 4242"), ("card[cvc]", "123")];
    let (status, method) = browser.post("/v1/payment_methods", &card).await;
    assert_eq!((status, &method["card"]["last4"]), (StatusCode::OK, &json!("4242")));
    assert_eq!(browser.charge("pm_card_visa").await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_good_card_pays_at_once() {
    let mocks = stubs().await;
    let (status, intent) = merchant(&mocks).charge("pm_card_visa").await;
    assert_eq!((status, &intent["status"]), (StatusCode::OK, &json!("succeeded")));
    assert_eq!(intent["object"], "payment_intent");
    assert_eq!(intent["amount_received"], 2499);
    assert_eq!(intent["currency"], "eur");
    assert_eq!(intent["metadata"]["order_id"], "order-1");
    let [charge] = mocks.card_gateway().charges().try_into().unwrap();
    assert_eq!((charge.amount, charge.paid, charge.status.as_str()), (2499, true, "succeeded"));
    assert_eq!(json!(charge.id), intent["latest_charge"]);
    assert_eq!(mocks.card_gateway().paid_charges_with("order_id", "order-1").len(), 1);
}

#[tokio::test]
async fn all_cards_that_work_work() {
    let mocks = stubs().await;
    for card in ["pm_card_visa", "pm_card_mastercard", "pm_card_amex", "tok_visa", "pm_card_slow"] {
        let (status, intent) = merchant(&mocks).charge(card).await;
        assert_eq!((status, &intent["status"]), (StatusCode::OK, &json!("succeeded")), "{card}");
    }
}

#[tokio::test]
async fn a_decline_is_402_and_leaves_the_payment_open() {
    let mocks = stubs().await;
    for (card, code, decline_code) in [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("tok_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
    ] {
        let (status, body) = merchant(&mocks).charge(card).await;
        let error = &body["error"];
        assert_eq!(status, StatusCode::PAYMENT_REQUIRED, "{card}");
        assert_eq!((&error["type"], &error["code"]), (&json!("card_error"), &json!(code)), "{card}");
        assert_eq!(error["decline_code"], decline_code, "{card}");
        let intent = &error["payment_intent"];
        assert_eq!(intent["status"], "requires_payment_method", "{card}");
        assert_eq!(intent["last_payment_error"]["decline_code"], decline_code, "{card}");
        assert_eq!(intent["payment_method"], Value::Null, "{card}");
    }
    assert!(mocks.card_gateway().charges().iter().all(|charge| !charge.paid && charge.status == "failed"));
}

#[tokio::test]
async fn a_declined_payment_can_be_confirmed_with_another_card() {
    let mocks = stubs().await;
    let merchant = merchant(&mocks);
    let (_, body) = merchant.charge("pm_card_visa_chargeDeclined").await;
    let id = body["error"]["payment_intent"]["id"].as_str().unwrap();
    let confirm = format!("/v1/payment_intents/{id}/confirm");
    let (status, intent) = merchant.post(&confirm, &[("payment_method", "pm_card_mastercard")]).await;
    assert_eq!((status, &intent["status"]), (StatusCode::OK, &json!("succeeded")));
    assert_eq!(intent["last_payment_error"], Value::Null);
    let (status, body) = merchant.post(&confirm, &[("payment_method", "pm_card_visa")]).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(body["error"]["code"], "payment_intent_unexpected_state");
}

#[tokio::test]
async fn an_intent_waits_for_its_card_and_its_confirmation() {
    let mocks = stubs().await;
    let merchant = merchant(&mocks);
    let (_, bare) = merchant.post("/v1/payment_intents", &[("amount", "2499"), ("currency", "EUR")]).await;
    assert_eq!(bare["status"], "requires_payment_method");
    let (status, _) =
        merchant.post(&format!("/v1/payment_intents/{}/confirm", bare["id"].as_str().unwrap()), &[]).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let with_card = [("amount", "2499"), ("currency", "eur"), ("payment_method", "pm_card_visa")];
    let (_, intent) = merchant.post("/v1/payment_intents", &with_card).await;
    assert_eq!(intent["status"], "requires_confirmation");
    let path = format!("/v1/payment_intents/{}", intent["id"].as_str().unwrap());
    let (_, confirmed) = merchant.post(&format!("{path}/confirm"), &[]).await;
    assert_eq!(confirmed["status"], "succeeded");
    assert_eq!(merchant.get(&path).await, (StatusCode::OK, confirmed));
}

#[tokio::test]
async fn a_card_that_asks_for_its_owner_pays_after_the_owner_said_yes() {
    let mocks = stubs().await;
    let (status, intent) = merchant(&mocks).charge("pm_card_authenticationRequired").await;
    assert_eq!((status, &intent["status"]), (StatusCode::OK, &json!("requires_action")));
    let page = intent["next_action"]["use_stripe_sdk"]["stripe_js"].as_str().unwrap();
    assert!(http().get(page).send().await.unwrap().text().await.unwrap().contains("24.99 EUR"));
    assert_eq!(mocks.card_gateway().charges(), []);
    http().post(page).form(&[("outcome", "passed")]).send().await.unwrap().error_for_status().unwrap();
    assert_eq!(mocks.card_gateway().intents()[0].status, IntentStatus::Succeeded);
    let again = http().post(page).form(&[("outcome", "passed")]).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::BAD_REQUEST);
    assert_eq!(mocks.card_gateway().charges().len(), 1);
}

#[tokio::test]
async fn a_card_that_asks_for_its_owner_does_not_pay_after_a_no_or_without_one() {
    let mocks = stubs().await;
    let (_, intent) = merchant(&mocks)
        .post(
            "/v1/payment_intents",
            &[&payment("pm_card_authenticationRequired")[..], &[("return_url", "https://shop.example")]].concat(),
        )
        .await;
    let page = intent["next_action"]["redirect_to_url"]["url"].as_str().unwrap();
    // A browser is sent back to the merchant; others are told what became of it.
    let stays = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let answered = stays.post(page).header("accept", "text/html").form(&[("outcome", "failed")]).send().await.unwrap();
    assert_eq!(answered.status(), StatusCode::SEE_OTHER);
    let id = intent["id"].as_str().unwrap();
    let back = format!("https://shop.example?payment_intent={id}&redirect_status=failed");
    assert_eq!(answered.headers()["location"], back.as_str());
    assert_eq!(mocks.card_gateway().intents()[0].status, IntentStatus::RequiresPaymentMethod);
    let over = http().get(page).send().await.unwrap().text().await.unwrap();
    assert!(over.contains("There is nothing to answer"), "{over}");
    let off_session = [&payment("pm_card_authenticationRequired")[..], &[("off_session", "true")]].concat();
    let (status, body) = merchant(&mocks).post("/v1/payment_intents", &off_session).await;
    assert_eq!((status, &body["error"]["code"]), (StatusCode::PAYMENT_REQUIRED, &json!("authentication_required")));
    assert!(mocks.card_gateway().charges().iter().all(|charge| !charge.paid));
}

#[tokio::test]
async fn money_can_be_held_and_taken_later() {
    let mocks = stubs().await;
    let merchant = merchant(&mocks);
    let hold = [&payment("pm_card_visa")[..], &[("capture_method", "manual")]].concat();
    let (_, intent) = merchant.post("/v1/payment_intents", &hold).await;
    assert_eq!((&intent["status"], &intent["amount_capturable"]), (&json!("requires_capture"), &json!(2499)));
    let path = format!("/v1/payment_intents/{}/capture", intent["id"].as_str().unwrap());
    let (status, _) = merchant.post(&path, &[("amount_to_capture", "2500")]).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let (_, captured) = merchant.post(&path, &[("amount_to_capture", "2000")]).await;
    assert_eq!((&captured["status"], &captured["amount_received"]), (&json!("succeeded"), &json!(2000)));
    assert_eq!(merchant.post(&path, &[]).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(mocks.card_gateway().charges()[0].amount_captured, 2000);
}

#[tokio::test]
async fn an_open_payment_can_be_called_off_and_a_finished_one_cannot() {
    let mocks = stubs().await;
    let merchant = merchant(&mocks);
    let (_, body) = merchant.charge("pm_card_visa_chargeDeclined").await;
    let open = body["error"]["payment_intent"]["id"].as_str().unwrap();
    let reason = [("cancellation_reason", "abandoned")];
    let (status, intent) = merchant.post(&format!("/v1/payment_intents/{open}/cancel"), &reason).await;
    assert_eq!((status, &intent["status"]), (StatusCode::OK, &json!("canceled")));
    assert_eq!(intent["cancellation_reason"], "abandoned");
    for finished in [open, &merchant.pay().await] {
        let (status, body) = merchant.post(&format!("/v1/payment_intents/{finished}/cancel"), &[]).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(body["error"]["code"], "payment_intent_unexpected_state");
        assert!(body["error"]["payment_intent"]["id"].is_string());
    }
}

#[tokio::test]
async fn refunds_go_up_to_what_was_paid_and_no_further() {
    let mocks = stubs().await;
    let merchant = merchant(&mocks);
    let id = merchant.pay().await;
    let of = |amount: &'static str| [("payment_intent", id.clone()), ("amount", amount.to_owned())];
    let refund = async |form: &[(&str, String)]| {
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        merchant.post("/v1/refunds", &form).await
    };
    let (status, part) = refund(&of("1000")).await;
    assert_eq!((status, &part["status"], &part["amount"]), (StatusCode::OK, &json!("succeeded"), &json!(1000)));
    let (status, body) = refund(&of("1500")).await;
    assert_eq!((status, &body["error"]["param"]), (StatusCode::BAD_REQUEST, &json!("amount")));
    assert_eq!(refund(&of("0")).await.0, StatusCode::BAD_REQUEST);
    let (_, rest) = refund(&[("payment_intent", id.clone())]).await;
    assert_eq!(rest["amount"], 1499);
    let (_, body) = refund(&of("1")).await;
    assert_eq!(body["error"]["code"], "charge_already_refunded");
    let charge = &mocks.card_gateway().charges()[0];
    assert_eq!((charge.amount_refunded, charge.refunded), (2499, true));
    assert_eq!(mocks.card_gateway().refunds().iter().map(|refund| refund.amount).sum::<i64>(), 2499);
    let shown = merchant.get(&format!("/v1/refunds/{}", part["id"].as_str().unwrap())).await;
    assert_eq!(shown, (StatusCode::OK, part));
}

#[tokio::test]
async fn a_refund_can_pend_fail_and_fail_after_it_succeeded() {
    let mocks = stubs().await;
    let merchant = merchant(&mocks);
    let refunded = |gateway: &storefront_mocks::CardGateway| {
        gateway.charges().iter().map(|charge| charge.amount_refunded).collect::<Vec<_>>()
    };
    for (card, begins, ends) in [
        ("pm_card_pendingRefund", "pending", "succeeded"),
        ("pm_card_pendingRefund", "pending", "canceled"),
        ("pm_card_refundFail", "succeeded", "failed"),
    ] {
        let (_, intent) = merchant.charge(card).await;
        let id = intent["id"].as_str().unwrap();
        let (_, refund) = merchant.post("/v1/refunds", &[("payment_intent", id), ("amount", "500")]).await;
        assert_eq!((&refund["status"], refunded(mocks.card_gateway()).pop()), (&json!(begins), Some(500)));
        let path = format!("/dashboard/refunds/{}", refund["id"].as_str().unwrap());
        let (status, refund) = merchant.post(&path, &[("status", ends)]).await;
        assert_eq!((status, &refund["status"]), (StatusCode::OK, &json!(ends)));
        let gone = if ends == "succeeded" { 500 } else { 0 };
        assert_eq!(refunded(mocks.card_gateway()).pop(), Some(gone), "{card} {ends}");
    }
    let (_, intent) = merchant.charge("pm_card_refundFailsAtOnce").await;
    let (_, refund) = merchant.post("/v1/refunds", &[("payment_intent", intent["id"].as_str().unwrap())]).await;
    assert_eq!((&refund["status"], refunded(mocks.card_gateway()).pop()), (&json!("failed"), Some(0)));
}

#[tokio::test]
async fn a_dispute_takes_the_money_and_gives_it_back_when_it_is_won() {
    let mocks = stubs().await;
    let merchant = merchant(&mocks);
    let (_, intent) = merchant.charge("pm_card_visa").await;
    let id = intent["id"].as_str().unwrap();
    let (_, dispute) = merchant.post("/dashboard/disputes", &[("payment_intent", id)]).await;
    assert_eq!((&dispute["status"], &dispute["amount"]), (&json!("needs_response"), &json!(2499)));
    let (_, refused) = merchant.post("/v1/refunds", &[("payment_intent", id)]).await;
    assert_eq!(refused["error"]["code"], "charge_disputed");
    let (_, listed) = merchant.get(&format!("/v1/disputes?payment_intent={id}")).await;
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(mocks.card_gateway().disputes()[0].withdrawn(), 2499);
    let path = format!("/dashboard/disputes/{}", dispute["id"].as_str().unwrap());
    let (_, dispute) = merchant.post(&path, &[("status", "won")]).await;
    assert_eq!((&dispute["status"], mocks.card_gateway().disputes()[0].withdrawn()), (&json!("won"), 0));
    assert_eq!(merchant.post(&path, &[("status", "lost")]).await.0, StatusCode::BAD_REQUEST);
    let (_, intent) = merchant.charge("pm_card_createDispute").await;
    let (_, listed) = merchant.get(&format!("/v1/disputes?payment_intent={}", intent["id"].as_str().unwrap())).await;
    assert_eq!(listed["data"][0]["reason"], "fraudulent");
}

#[tokio::test]
async fn only_a_payment_that_succeeded_can_be_refunded() {
    let mocks = stubs().await;
    let merchant = merchant(&mocks);
    let (_, body) = merchant.charge("pm_card_visa_chargeDeclined").await;
    let declined = body["error"]["payment_intent"]["id"].as_str().unwrap();
    for form in [[("payment_intent", declined)], [("payment_intent", "pi_nobody")], [("reason", "because")]] {
        assert_eq!(merchant.post("/v1/refunds", &form).await.0, StatusCode::BAD_REQUEST, "{form:?}");
    }
    assert_eq!(mocks.card_gateway().refunds(), []);
}

#[tokio::test]
async fn a_card_number_becomes_a_token_that_behaves_like_the_card() {
    let mocks = stubs().await;
    let merchant = merchant(&mocks);
    for (number, status) in [("4242424242424242", StatusCode::OK), ("4000000000009995", StatusCode::PAYMENT_REQUIRED)] {
        let card = [("type", "card"), ("card[number]", number), ("card[exp_month]", "8"), ("card[exp_year]", "34")];
        let (_, method) = merchant.post("/v1/payment_methods", &card).await;
        assert!(!method.to_string().contains(number));
        let token = method["id"].as_str().unwrap();
        assert_eq!(method["card"]["exp_year"], 2034);
        assert_eq!(merchant.get(&format!("/v1/payment_methods/{token}")).await, (StatusCode::OK, method.clone()));
        assert_eq!(merchant.charge(token).await.0, status);
    }
}

#[tokio::test]
async fn cards_that_cannot_be_are_refused() {
    let mocks = stubs().await;
    for (form, code) in [
        (vec![("card[number]", "4242424242424241")], "incorrect_number"),
        (vec![("card[number]", "4111111111111111")], "card_declined"),
        (vec![("card[number]", "4242424242424242"), ("card[exp_month]", "13")], "invalid_expiry_month"),
        (vec![("card[number]", "4242424242424242"), ("card[exp_year]", "2019")], "invalid_expiry_year"),
    ] {
        let form = [&[("type", "card")], form.as_slice()].concat();
        let (status, body) = merchant(&mocks).post("/v1/payment_methods", &form).await;
        assert_eq!((status, &body["error"]["code"]), (StatusCode::PAYMENT_REQUIRED, &json!(code)), "{form:?}");
    }
    let (status, body) = merchant(&mocks).post("/v1/payment_methods", &[("type", "card")]).await;
    assert_eq!((status, &body["error"]["param"]), (StatusCode::BAD_REQUEST, &json!("card[number]")));
}

#[tokio::test]
async fn parameters_that_make_no_sense_are_reported() {
    let mocks = stubs().await;
    for (form, param, code) in [
        (vec![("currency", "eur")], "amount", json!("parameter_missing")),
        (vec![("amount", "2499")], "currency", json!("parameter_missing")),
        (vec![("amount", "24.99"), ("currency", "eur")], "amount", json!("parameter_invalid_integer")),
        (vec![("amount", "49"), ("currency", "eur")], "amount", json!("amount_too_small")),
        (vec![("amount", "100000000"), ("currency", "eur")], "amount", json!("amount_too_large")),
        (vec![("amount", "2499"), ("currency", "euro")], "currency", Value::Null),
        (vec![("amount", "2499"), ("currency", "eur"), ("colour", "red")], "colour", json!("parameter_unknown")),
        (vec![("amount", "2499"), ("currency", "eur"), ("confirm", "yes")], "confirm", Value::Null),
        (
            vec![("amount", "2499"), ("currency", "eur"), ("payment_method", "pm_nobody")],
            "payment_method",
            json!("resource_missing"),
        ),
    ] {
        let (status, body) = merchant(&mocks).post("/v1/payment_intents", &form).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{form:?}");
        assert_eq!((&body["error"]["param"], &body["error"]["code"]), (&json!(param), &code), "{form:?}");
    }
    assert_eq!(mocks.card_gateway().intents(), []);
}

#[tokio::test]
async fn amounts_are_multiples_of_the_smallest_step_of_their_currency() {
    let mocks = stubs().await;
    for (amount, currency, taken) in [
        ("5120", "kwd", true),
        ("5124", "kwd", false),
        ("500", "isk", true),
        ("505", "isk", false),
        ("1050", "ugx", false),
        ("501", "jpy", true),
        ("501", "mga", true),
    ] {
        let (status, body) =
            merchant(&mocks).post("/v1/payment_intents", &[("amount", amount), ("currency", currency)]).await;
        assert_eq!(status.is_success(), taken, "{amount} {currency}: {body}");
        assert!(taken || body["error"]["param"] == "amount", "{body}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_404_in_the_gateways_own_form() {
    let mocks = stubs().await;
    for path in ["/v1/payment_intents/pi_x", "/v1/refunds/re_x", "/v1/charges/ch_x", "/v1/payment_methods/pm_x"] {
        let (status, body) = merchant(&mocks).get(path).await;
        assert_eq!((status, &body["error"]["code"]), (StatusCode::NOT_FOUND, &json!("resource_missing")), "{path}");
    }
    let (status, body) = merchant(&mocks).get("/v1/customers").await;
    assert_eq!((status, &body["error"]["type"]), (StatusCode::NOT_FOUND, &json!("invalid_request_error")));
    let (status, _) = merchant(&mocks).post("/v1/payment_intents/pi_x/confirm", &[]).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn json_is_not_spoken_here() {
    let mocks = stubs().await;
    let url = format!("{}/v1/payment_intents", mocks.card_gateway_url());
    let request = http().post(url).bearer_auth("sk_test_storefront").json(&json!({ "amount": 2499 }));
    assert_eq!(request.send().await.unwrap().status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn lists_are_newest_first_in_pages_and_count_everything() {
    let mocks = stubs().await;
    let merchant = merchant(&mocks);
    let ids = [merchant.pay().await, merchant.pay().await, merchant.pay().await];
    let (_, page) = merchant.get("/v1/payment_intents?limit=2").await;
    assert_eq!((&page["data"][0]["id"], &page["data"][1]["id"]), (&json!(ids[2]), &json!(ids[1])));
    assert_eq!((&page["has_more"], &page["total_count"]), (&json!(true), &json!(3)));
    let (_, next) = merchant.get(&format!("/v1/payment_intents?limit=2&starting_after={}", ids[1])).await;
    assert_eq!((&next["data"][0]["id"], &next["has_more"]), (&json!(ids[0]), &json!(false)));
    let (_, of_one) = merchant.get(&format!("/v1/charges?payment_intent={}", ids[0])).await;
    assert_eq!(of_one["total_count"], 1);
    assert_eq!(merchant.get("/v1/charges?limit=0").await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_front_page_says_what_is_where() {
    let mocks = stubs().await;
    let (status, page) = send(reqwest::Method::GET, &format!("http://{}/", mocks.http_addr()), "").await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.as_str().unwrap().contains("/card-gateway/v1/payment_intents"));
}
