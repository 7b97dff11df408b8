//! The OpenAPI document matches the server: every route exists, and every answer is described.

use serde_json::Value;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn every_route_of_the_description_is_there_and_answers_what_the_description_says() {
    let world = World::open().await;
    let product = world.product_with(1).await.id;
    let order = world.a_basket(&product, 1).await.id;
    let http = reqwest::Client::new();
    let document: Value =
        http.get(format!("{}/openapi.json", world.server.url())).send().await.unwrap().json().await.unwrap();
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let customer = "0195500d-0000-7000-8000-000000000003";
            let id = match path.as_str() {
                orders if orders.starts_with("/v1/orders") => order.to_string(),
                customers if customers.starts_with("/v1/customers") => customer.to_owned(),
                sessions if sessions.starts_with("/v1/sessions") => customer.to_owned(),
                payments if payments.starts_with("/v1/payments") => customer.to_owned(),
                webhooks if webhooks.starts_with("/v1/webhook-endpoints") => customer.to_owned(),
                _ => product.to_string(),
            };
            let real = path
                .replace("{id}", &id)
                .replace("{product_id}", product.as_str())
                .replace("/views/{name}", "/views/orders")
                .replace("{name}", "mail")
                .replace("{stub}", "mail")
                .replace("{number}", "2026-000042")
                .replace("{sequence}", &order.to_string())
                .replace("{customer}", customer)
                .replace("{code}", "ab12c")
                .replace("{reference}", "pi_none")
                .replace("{type}", "order.started")
                .replace("{version}", "1")
                .replace("{stream}", &format!("order-{order}"));
            assert!(!real.contains('{'), "{path} has a parameter that this test does not know");
            let method: reqwest::Method = method.to_uppercase().parse().unwrap();
            let url = format!("{}{real}", world.server.url());
            let answer = http.request(method.clone(), url).send().await.unwrap();
            let status = answer.status().as_u16();
            let described = &operation["responses"][status.to_string()];
            assert!(described.is_object(), "{method} {path} answers {status}, which is not described");
            let content_type = answer.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
            let text = answer.text().await.unwrap();
            if let Some(content_type) = content_type.and_then(|text| text.split(';').next().map(str::to_owned)) {
                let described = &described["content"][&content_type];
                assert!(described.is_object(), "{method} {path} answers {status} as {content_type}: not described");
                if content_type == "application/problem+json" {
                    let code = serde_json::from_str::<Value>(&text).unwrap()["code"].clone();
                    assert!(
                        !["route_not_found", "method_not_allowed"].contains(&code.as_str().unwrap()),
                        "{method} {path}"
                    );
                    let description = operation["responses"][status.to_string()]["description"].as_str().unwrap();
                    assert!(description.contains(code.as_str().unwrap()), "{method} {path}: {code} is not described");
                }
            }
            asked += 1;
        }
    }
    assert!(asked > 20, "{asked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_can_read_the_description_too_and_heads_are_answered() {
    let world = World::open().await;
    let http = reqwest::Client::new();
    let docs = http.get(format!("{}/docs", world.server.url())).send().await.unwrap();
    assert_eq!(docs.headers()["content-type"], "text/html; charset=utf-8");
    assert!(docs.text().await.unwrap().contains("openapi.json"));
    for path in ["/v1/products", "/health/ready", "/openapi.json"] {
        let head = http.head(format!("{}{path}", world.server.url())).send().await.unwrap();
        assert_eq!(head.status(), 200, "{path}");
        assert!(head.headers()["content-length"].to_str().unwrap().parse::<u64>().unwrap() > 0, "{path}");
        assert_eq!(head.bytes().await.unwrap().len(), 0, "{path}");
    }
    let document = format!("{}/openapi.json", world.server.url());
    let etag = http.get(&document).send().await.unwrap().headers()["etag"].clone();
    let known = http.get(&document).header("if-none-match", etag).send().await.unwrap();
    assert_eq!((known.status().as_u16(), known.bytes().await.unwrap().len()), (304, 0));
    let options = http.request(reqwest::Method::OPTIONS, format!("{}/v1/products", world.server.url()));
    let options = options.send().await.unwrap();
    assert_eq!((options.status().as_u16(), options.headers()["allow"].to_str().unwrap()), (204, "GET,HEAD,POST"));
    let refused = http.patch(format!("{}/v1/products", world.server.url())).send().await.unwrap();
    assert_eq!((refused.status().as_u16(), refused.headers()["allow"].to_str().unwrap()), (405, "GET,HEAD,POST"));
}
