//! An example of the body of each request that has one, by the type of the body. Every example is of its schema, and a shop that
//! has what it names takes it.

use serde_json::{Value, json};
use utoipa::openapi::path::Operation;
use utoipa::openapi::{Content, RefOr};

/// Adds the example of its body to an operation.
pub(super) fn complete(operation: &mut Operation) {
    let Some(RefOr::T(body)) = &mut operation.request_body else { return };
    for content in body.content.values_mut() {
        if let RefOr::T(content) = content {
            content.example = type_name(content).and_then(example);
        }
    }
}

/// The name of the type of a body.
fn type_name(content: &Content) -> Option<&str> {
    match content.schema.as_ref()? {
        RefOr::Ref(reference) => reference.ref_location.rsplit('/').next(),
        RefOr::T(_) => None,
    }
}

/// The example of a type.
fn example(type_name: &str) -> Option<Value> {
    let money = |amount: i64| json!({ "amount": amount, "currency": "EUR" });
    let example = match type_name {
        "AddItem" => json!({ "product_id": "enamel-mug", "quantity": 2 }),
        "AdjustStock" => json!({ "change": -2, "reason": "Broken in the warehouse" }),
        "ApplyVoucher" => json!({ "code": "k3v9q" }),
        "Cancel" => json!({ "reason": "Ordered by mistake" }),
        "CardGatewayEvent" => json!({
            "id": "evt_1",
            "type": "payment_intent.succeeded",
            "data": { "object": { "id": "pi_1", "object": "payment_intent" } },
        }),
        "ChangeEmail" => json!({ "email": "ada@example.com" }),
        "ChangePassword" => {
            json!({ "current_password": "tea at four o'clock", "new_password": "tea at five o'clock" })
        }
        "ChangeProduct" => json!({ "description": "White enamel, blue rim.", "compare_at_price": null }),
        "ChangeProfile" => json!({ "name": "Ada Lovelace" }),
        "ChangeQuantity" => json!({ "quantity": 3 }),
        "Checkout" => json!({
            "expected_total": money(1900),
            "email": "ada@example.com",
            "shipping_address": {
                "name": "Ada Lovelace",
                "street": "12 St James's Square",
                "postal_code": "SW1Y 4JH",
                "city": "London",
                "country": "GB",
            },
            "payment": { "method": "card", "token": "pm_card_visa" },
        }),
        "ChangeWebhookEndpoint" => json!({ "enabled": true }),
        "CreateApiKey" => json!({ "name": "Warehouse", "scopes": ["orders:read", "stock:write"] }),
        "CreateWebhookEndpoint" => json!({ "url": "https://example.com/hooks", "event_types": ["order.*"] }),
        "DeleteAccount" => json!({ "current_password": "tea at four o'clock" }),
        "Deliver" => json!({ "recipient": "Ada Lovelace" }),
        "Faults" => json!({ "error_rate": 0.25, "latency_ms": 500 }),
        "NewCategory" => json!({ "name": "Lamps" }),
        "NewProduct" => json!({
            "id": "desk-lamp",
            "sku": "LAM-0001",
            "name": "Desk lamp",
            "description": "Stands on three legs.",
            "category": "Kitchen",
            "price": money(4900),
            "vat_rate_percent": 19,
            "attributes": { "height": "40 cm" },
        }),
        "ReceiveStock" => json!({ "quantity": 24 }),
        "RefundOrder" => json!({ "amount": money(950), "reason": "One mug came broken" }),
        "RegisterCustomer" => {
            json!({ "email": "ada@example.com", "password": "tea at four o'clock", "name": "Ada Lovelace" })
        }
        "RepriceProduct" => json!({ "price": money(990), "reason": "Enamel costs more" }),
        "RevokeVoucher" => json!({ "reason": "Sent to the wrong customer" }),
        "SaveAddress" => json!({
            "label": "Home",
            "address": {
                "name": "Ada Lovelace",
                "street": "12 St James's Square",
                "postal_code": "SW1Y 4JH",
                "city": "London",
                "country": "GB",
            },
        }),
        "SetLimit" => json!({ "spending_limit": money(100_000) }),
        "SetStock" => json!({ "on_hand": 40, "reason": "Counted in spring" }),
        "SetThreshold" => json!({ "threshold": 5 }),
        "Ship" => json!({ "carrier": "Parcel Post", "tracking_number": "PP-0042" }),
        "SignIn" => json!({ "email": "ada@example.com", "password": "tea at four o'clock" }),
        "TopUp" => json!({ "amount": money(5000), "reason": "A gift" }),
        _ => return None,
    };
    Some(example)
}

#[cfg(test)]
mod tests {
    use boon::{Compiler, Schemas};
    use serde_json::Value;

    #[test]
    fn every_body_of_json_has_an_example_that_is_of_its_schema() {
        const URL: &str = "https://shop.example/openapi.json";
        let document = serde_json::to_value(crate::http::document()).unwrap();
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.enable_format_assertions();
        compiler.add_resource(URL, document.clone()).unwrap();
        let (mut examples, mut without) = (0, Vec::new());
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let body = &operation["requestBody"]["content"]["application/json"];
                let Some(reference) = body["schema"]["$ref"].as_str() else { continue };
                if body["example"] == Value::Null {
                    without.push(format!("{method} {path}: {reference}"));
                    continue;
                }
                let index = compiler.compile(&format!("{URL}{reference}"), &mut schemas).unwrap();
                let error = schemas.validate(&body["example"], index).err().map(|error| error.to_string());
                assert_eq!(error, None, "{method} {path}: {}", body["example"]);
                examples += 1;
            }
        }
        assert!(without.is_empty(), "bodies without an example in openapi_examples.rs:\n{}", without.join("\n"));
        assert!(examples > 20, "{examples}");
    }
}
