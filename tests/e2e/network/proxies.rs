//! Reverse proxies: what a trusted one says of a request is believed, and what others say is not.

use std::net::{IpAddr, Ipv4Addr};

use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use storefront_server::Server;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::world::{World, an_order};

fn get(world: &World, path: &str) -> RequestBuilder {
    reqwest::Client::new().get(format!("{}{path}", world.server.url()))
}

async fn servers(request: RequestBuilder) -> Value {
    request.send().await.unwrap().json::<Value>().await.unwrap()["servers"].clone()
}

/// The `Location` of a new order.
async fn location_of_a_new_order(world: &World, below: &str, headers: &[(&str, &str)]) -> String {
    let product = world.product_with(5).await.id;
    let url = format!("{}{below}/v1/orders/{}/items", world.server.url(), an_order());
    let request = reqwest::Client::new().post(url).json(&json!({"product_id": product, "quantity": 1}));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let made = request.send().await.unwrap();
    assert_eq!(made.status(), StatusCode::CREATED);
    made.headers()["location"].to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_below_a_path_shows_it_in_locations_and_in_its_description() {
    let world = World::open_with(|config| config.path_prefix = Some("/shop".to_owned())).await;
    for below in ["/shop", ""] {
        assert_eq!(get(&world, &format!("{below}/health/live")).send().await.unwrap().status(), StatusCode::OK);
        assert_eq!(servers(get(&world, &format!("{below}/openapi.json"))).await, json!([{"url": "/shop"}]));
        let location = location_of_a_new_order(&world, below, &[]).await;
        assert!(location.starts_with("/shop/v1/orders/"), "{location}");
        let docs = get(&world, &format!("{below}/docs")).send().await.unwrap().text().await.unwrap();
        assert!(docs.contains("fetch(\"openapi.json\")"), "the page asks beside itself");
    }
    assert_eq!(get(&world, "/shopping/health/live").send().await.unwrap().status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_says_path_and_host_and_nobody_else_does() {
    let proxy = World::open_with(|config| config.trusted_proxies = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]).await;
    let headers = [("x-forwarded-prefix", "/eu/shop"), ("host", "upstream"), ("x-forwarded-host", "shop.example")];
    let location = location_of_a_new_order(&proxy, "", &headers).await;
    assert!(location.starts_with("/eu/shop/v1/orders/"), "{location}");
    let described = get(&proxy, "/openapi.json").header("x-forwarded-prefix", "/eu/shop");
    assert_eq!(servers(described).await, json!([{"url": "/eu/shop"}]));
    let hostile = get(&proxy, "/openapi.json").header("x-forwarded-prefix", "//evil.test/");
    assert_eq!(servers(hostile).await[0]["url"], "/");
    let direct = World::open().await;
    let location = location_of_a_new_order(&direct, "", &headers[..1]).await;
    assert!(location.starts_with("/v1/orders/"), "{location}");
    let foreign = get(&direct, "/v1/products").header("host", "upstream").header("forwarded", "host=localhost");
    assert_eq!(foreign.send().await.unwrap().status(), StatusCode::FORBIDDEN);
}

async fn first_line(server: &Server, request: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_of_http_1_1_names_one_host() {
    let world = World::open().await;
    for (head, line) in [
        ("GET /health/live HTTP/1.1\r\n", "HTTP/1.1 400 Bad Request"),
        ("GET /health/live HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n", "HTTP/1.1 400 Bad Request"),
        ("GET /health/live HTTP/1.1\r\nHost: user@localhost\r\n", "HTTP/1.1 400 Bad Request"),
        ("GET http://localhost/health/live HTTP/1.1\r\n", "HTTP/1.1 400 Bad Request"),
        ("GET /health/live HTTP/1.1\r\nHost: evil.test\r\n", "HTTP/1.1 403 Forbidden"),
        ("GET /health/live HTTP/1.1\r\nHost: localhost\r\n", "HTTP/1.1 200 OK"),
        ("GET /health/live HTTP/1.0\r\n", "HTTP/1.0 200 OK"),
    ] {
        let answer = first_line(&world.server, &format!("{head}Connection: close\r\n\r\n")).await;
        assert_eq!(answer, line, "{head:?}");
    }
}
