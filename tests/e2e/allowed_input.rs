//! Whatever the description allows is not refused for its form, and each answer is one that the description declares: values
//! that are made of its schemas, at their limits too, are sent to every operation.

mod generator;
mod schemas;

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Method, RequestBuilder, Response, Url};
use serde_json::{Value, json};
use storefront_api::OrderStatus;
use storefront_mocks::Stub;

use self::generator::Generator;
use self::schemas::DocumentSchemas;
use crate::histories::seeded_rng::SeededRng;
use crate::people::PASSWORD;
use crate::world::{VISA, World};

/// How often each operation is sent.
const ROUNDS: u64 = 8;

/// The seed of the requests; `ALLOWED_INPUT_SEED` names another.
const SEED: u64 = 7;

/// Timeout of each answer: more than the longest waiting of a command.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// Operations that are not sent: they have a signature, start the shop over, or play for long.
const NOT_SENT: [&str; 3] = ["/v1/webhooks/card-gateway", "/v1/lab/reset", "/v1/lab/scenarios/{name}"];

/// Codes of refusals that are about the form of a request.
const FORM_CODES: [&str; 11] = [
    "invalid_path",
    "invalid_query",
    "invalid_values",
    "invalid_if_match",
    "invalid_idempotency_key",
    "idempotency_key_required",
    "invalid_customer",
    "invalid_actor",
    "malformed_json",
    "body_too_large",
    "unsupported_media_type",
];

const KNOWN_PROCESSES: [&str; 2] = ["mail", "checkout"];
const KNOWN_VIEWS: [&str; 2] = ["orders", "products"];

/// Types of bodies that are one JSON value.
const JSON_TYPES: [&str; 3] = ["application/json", "application/problem+json", "application/schema+json"];

/// What no schema can say: the beginning of a path, the pointer of an error (empty for one without), and the reason.
const BEYOND_SCHEMAS: &[(&str, &str, &str)] = &[
    ("/v1/", "cursor", "is one of an earlier answer"),
    ("/v1/orders/lookup", "number", "has a check character"),
    ("/v1/orders/{id}", "at", "goes without version"),
    ("/v1/orders/{id}/diff", "from", "goes with to"),
    ("/v1/orders/{id}/diff", "to", "goes with from"),
    ("/v1/orders/{id}/diff", "position", "goes without from and to"),
    ("/v1/orders/{id}/diff", "", "has an end"),
    ("/v1/orders/{id}/checkout", "/payment/method", "a guest has no wallet"),
    ("/v1/orders/{id}/checkout", "/shipping_address/postal_code", "depends on the country"),
    ("/v1/orders/{id}/checkout", "/shipping_address/state", "depends on the country"),
    ("/v1/products", "/compare_at_price", "is above the price"),
    ("/v1/products", "", "an id is made of a name with letters"),
    ("/v1/stock/{product_id}/adjust", "", "is not 0, and the stock that results has a limit"),
    ("/v1/customers", "/email", "is there where an account is made"),
    ("/v1/customers", "/password", "is there where an account is made, and none of the most common"),
    ("/v1/customers", "/name", "is there where an account is made"),
    ("/v1/customers/me", "/current_password", "is the password"),
    ("/v1/customers/me/password", "/new_password", "is none of the most common, and another than before"),
    ("/v1/api-keys", "/expires_at", "is in the future"),
    ("/v1/webhook-endpoints", "/url", "is an address of the web"),
    ("/v1/webhook-endpoints", "/event_types", "are types that there are"),
    ("/v1/webhook-endpoints", "/after", "is a position of the log"),
    ("/v1/lab/faults/", "", "some faults are of one stub"),
];

/// An operation of the description.
struct Operation<'a> {
    method: &'a str,
    path: &'a str,
    description: &'a Value,
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_description_allows_is_not_refused_for_its_form_and_each_answer_is_declared() {
    let seed = std::env::var("ALLOWED_INPUT_SEED").map_or(SEED, |seed| seed.parse().unwrap());
    let world = World::open_lab_with(|_| {}).await;
    let http = Client::new();
    let url = world.server.url();
    let document: Value = http.get(format!("{url}/openapi.json")).send().await.unwrap().json().await.unwrap();
    let paths = document["paths"].as_object().unwrap().clone();
    let operations: Vec<Operation<'_>> = paths
        .iter()
        .filter(|(path, _)| !NOT_SENT.contains(&path.as_str()))
        .flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().iter();
            methods.map(move |(method, description)| Operation { method, path, description })
        })
        .collect();
    let mut generator = Generator {
        rng: SeededRng::new(seed, "allowed input"),
        schemas: DocumentSchemas::new(&document),
        document,
        known: BTreeMap::new(),
    };
    let (mut sent, mut taken, mut faults) = (0, 0, Vec::new());
    for round in 0..ROUNDS {
        let token = prepare(&world, &http, &mut generator).await;
        let mut left: Vec<&Operation<'_>> = operations.iter().collect();
        while !left.is_empty() {
            let operation = left.swap_remove(generator.rng.index(left.len()));
            // Examples are at their place in more states than values at random.
            let with_example = round == 0 || generator.rng.one_in(4);
            let (request, about) = request(&mut generator, &http, &url, operation, with_example);
            let request = if generator.rng.one_in(3) { request.bearer_auth(&token) } else { request };
            let answer = request.timeout(ANSWER_TIMEOUT).send().await;
            let answer = answer.unwrap_or_else(|error| panic!("{about}: {error:?}"));
            sent += 1;
            taken += u64::from(answer.status().is_success());
            if let Some(fault) = fault_of(&mut generator.schemas, operation, answer).await {
                faults.push(format!("{about}: {fault}"));
            }
            undo(&world, &http, operation).await;
        }
    }
    println!("{taken} of {sent} requests are taken");
    assert!(sent > 500 && taken > sent / 4, "{taken} of {sent}");
    assert!(faults.is_empty(), "with seed {seed}, {} of {sent}:\n{}", faults.len(), faults.join("\n"));
}

/// Makes a basket, a confirmed order and an account, and notes what the shop knows.
/// Returns the token of the account's session.
async fn prepare(world: &World, http: &Client, generator: &mut Generator) -> String {
    let url = world.server.url();
    let product = world.product_with(50).await.id;
    let basket = world.a_basket(&product, 1).await;
    let bought = world.a_basket(&product, 2).await;
    world.buy(&bought, VISA).await.unwrap();
    let bought = world.wait_for_status(bought.id, OrderStatus::Confirmed).await;
    let streams = world.timeline(bought.id).await.events.into_iter().map(|event| event.stream);
    let payment = streams.filter_map(|stream| stream.strip_prefix("payment-").map(str::to_owned)).next().unwrap();
    let email = format!("{basket}@example.com", basket = basket.id);
    let account = json!({ "email": email, "password": PASSWORD, "name": "Ada Lovelace" });
    let post = async |path: &str, body: Value| -> Value {
        http.post(format!("{url}{path}")).json(&body).send().await.unwrap().json().await.unwrap()
    };
    let customer = post("/v1/customers", account).await;
    let session = post("/v1/sessions", json!({ "email": email, "password": PASSWORD })).await;
    for (schema, value) in [
        ("ProductId", product.to_string()),
        ("OrderId", basket.id.to_string()),
        ("OrderId", bought.id.to_string()),
        ("PaymentId", payment),
        ("CustomerId", customer["id"].as_str().unwrap().to_owned()),
        ("invoice", bought.invoice.unwrap()),
    ] {
        generator.known.entry(schema).or_default().push(value);
    }
    session["token"].as_str().unwrap().to_owned()
}

/// Ends what a request may have paused or broken, so that the others are answered in time.
async fn undo(world: &World, http: &Client, operation: &Operation<'_>) {
    for stub in Stub::ALL.into_iter().filter(|_| operation.path.starts_with("/v1/lab/")) {
        world.set_outage(stub, false);
    }
    for name in KNOWN_PROCESSES.iter().filter(|_| operation.path.starts_with("/v1/processes/")) {
        http.post(format!("{}/v1/processes/{name}/resume", world.server.url())).send().await.unwrap();
    }
    for name in KNOWN_VIEWS.iter().filter(|_| operation.path.starts_with("/v1/views/")) {
        http.post(format!("{}/v1/views/{name}/resume", world.server.url())).send().await.unwrap();
    }
}

/// A request of an operation, with the example of its body or one at random, and a text about it.
fn request(
    generator: &mut Generator,
    http: &Client,
    url: &str,
    operation: &Operation<'_>,
    with_example: bool,
) -> (RequestBuilder, String) {
    let mut path = operation.path.to_owned();
    let (mut query, mut headers) = (Vec::new(), Vec::new());
    for parameter in operation.description["parameters"].as_array().into_iter().flatten() {
        let (place, name) = (parameter["in"].as_str().unwrap(), parameter["name"].as_str().unwrap());
        if parameter["required"] != true && generator.rng.one_in(2) {
            continue;
        }
        let schema = &parameter["schema"];
        match (place, name) {
            ("path", _) => {
                let value = path_value(generator, operation.path, name, schema);
                path = path.replace(&format!("{{{name}}}"), &percent_encoded(&value));
            }
            // These wait for what does not come.
            ("query", "wait" | "min_position") => query.push((name, "0".to_owned())),
            ("query", _) => query.extend(as_text(generator.value(schema)).map(|value| (name, value))),
            // A stream never ends.
            ("header", "Accept") => {}
            ("header", _) => headers.extend(header_value(generator, schema).map(|value| (name, value))),
            other => panic!("a parameter {other:?}"),
        }
    }
    let mut about = format!("{} {path} {query:?} {headers:?}", operation.method);
    let method: Method = operation.method.to_uppercase().parse().unwrap();
    let mut request = http.request(method, Url::parse(&format!("{url}{path}")).unwrap()).query(&query);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let content = &operation.description["requestBody"]["content"];
    if let Some(json) = content.get("application/json") {
        let body = if with_example { json["example"].clone() } else { generator.value(&json["schema"]) };
        let keys = ["paths", operation.path, operation.method, "requestBody", "content", "application/json", "schema"];
        let error = generator.schemas.error_at(&keys, &body);
        assert_eq!(error, None, "{about} {body} was made of its schema");
        about = format!("{about} {body}");
        request = request.json(&body);
    } else if content.get("image/png").is_some() {
        let picture = [b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".as_slice(), &[0, 0, 0, 1, 0, 0, 0, 1], &[0; 20]].concat();
        request = request.header(CONTENT_TYPE, "image/png").body(picture);
    }
    (request, about)
}

/// A value for a part of a path: half of the time one that the shop knows.
fn path_value(generator: &mut Generator, path: &str, name: &str, schema: &Value) -> String {
    let known: &[&str] = match (path.split('/').nth(2).unwrap_or_default(), name) {
        ("processes", "name") => &KNOWN_PROCESSES,
        ("views", "name") => &KNOWN_VIEWS,
        ("lab", "stub") => &["mail", "cards", "products"],
        ("event-types", "type") => &["order.started", "stock.received"],
        ("streams", "stream") => &["stock-enamel-mug"],
        _ => &[],
    };
    let mut known: Vec<String> = known.iter().map(|value| (*value).to_owned()).collect();
    if name == "number" {
        known.extend(generator.known.get("invoice").cloned().unwrap_or_default());
    }
    if !known.is_empty() && generator.rng.one_in(2) {
        return known.swap_remove(generator.rng.index(known.len()));
    }
    loop {
        // An empty part, and one of dots, is another path.
        let value = as_text(generator.value(schema)).unwrap_or_default();
        if !["", ".", ".."].contains(&value.as_str()) {
            return value;
        }
    }
}

fn header_value(generator: &mut Generator, schema: &Value) -> Option<String> {
    if schema["type"] == "string" { Some(generator.text(schema, true)) } else { as_text(generator.value(schema)) }
}

/// A value as it stands in an address or a header; `None` for one that is left out.
fn as_text(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        // `2.0` is an integer in JSON alone.
        Value::Number(number) => {
            Some(number.as_f64().filter(|_| number.is_f64()).map_or(number.to_string(), |float| float.to_string()))
        }
        other => Some(other.to_string()),
    }
}

fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// What is wrong with an answer; `None` when it is declared, and no refusal of the form.
async fn fault_of(schemas: &mut DocumentSchemas, operation: &Operation<'_>, answer: Response) -> Option<String> {
    let status = answer.status().as_u16().to_string();
    let declared = &operation.description["responses"][&status];
    let content_type = answer.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let content_type = content_type.map(|text| text.split(';').next().unwrap_or_default().to_owned());
    let Ok(body) = answer.text().await else { return Some(format!("{status} has no end")) };
    if !declared.is_object() || status == "500" {
        return Some(format!("{status} is not declared: {body}"));
    }
    let Some(content_type) = content_type else {
        return (!body.is_empty()).then(|| format!("{status} has a body without a type"));
    };
    if !declared["content"][&content_type].is_object() {
        return Some(format!("{status} as {content_type} is not declared"));
    }
    if !JSON_TYPES.contains(&content_type.as_str()) {
        return None;
    }
    let Ok(value) = serde_json::from_str::<Value>(&body) else {
        return Some(format!("{status} is not JSON: {body}"));
    };
    let keys = ["paths", operation.path, operation.method, "responses", &status, "content", &content_type, "schema"];
    if let Some(error) = schemas.error_at(&keys, &value) {
        return Some(format!("{status} is not of its schema: {error}: {body}"));
    }
    let code = value["code"].as_str().filter(|_| content_type == "application/problem+json")?;
    if !declared["description"].as_str().unwrap_or_default().contains(&format!("`{code}`")) {
        return Some(format!("the code {code} of {status} is not declared: {body}"));
    }
    let is_about_form = FORM_CODES.contains(&code) && !is_beyond_schemas(operation.path, &value["errors"]);
    is_about_form.then(|| format!("{status} {code}: {}", value["detail"]))
}

/// Whether an answer refuses only what no schema can say.
fn is_beyond_schemas(path: &str, errors: &Value) -> bool {
    let is_known =
        |pointer: &str| BEYOND_SCHEMAS.iter().any(|(start, known, _)| path.starts_with(start) && pointer == *known);
    match errors.as_array().map(Vec::as_slice) {
        None | Some([]) => is_known(""),
        Some(errors) => errors.iter().all(|error| error["pointer"].as_str().is_some_and(is_known)),
    }
}
