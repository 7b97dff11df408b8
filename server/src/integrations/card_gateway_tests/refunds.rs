//! Refunds and disputes.

use super::*;

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
