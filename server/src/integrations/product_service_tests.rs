//! What the product service is asked and what is made of its answers, against a stand-in server.

use mockito::{Mock, Server, ServerGuard};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use super::*;

const MUG: &str = r#"{"id": "mug", "name": "Mug", "price": 1250, "currency": "EUR"}"#;
const AN_HOUR: Duration = Duration::from_secs(3600);

/// As in earnest, but without pauses, and resting only after very many failures.
const PATIENT: Limits =
    Limits { pauses: Backoff::new(Duration::ZERO, Duration::ZERO), failures_to_open: 1000, ..LIMITS };

const DEFAULTS: Defaults = Defaults { currency: Currency::EUR, vat_rate: Some(VatRate::percent(19)) };

struct World {
    server: ServerGuard,
    service: ProductService,
}

async fn a_service(limits: Limits) -> World {
    let server = Server::new_async().await;
    let service = ProductService::with_limits(&server.url(), DEFAULTS, limits).unwrap();
    World { server, service }
}

impl World {
    async fn answers(&mut self, path: &str, status: usize, body: impl AsRef<[u8]>, times: usize) -> Mock {
        let mock = self.server.mock("GET", path).with_status(status).with_body(body).expect(times);
        mock.create_async().await
    }
}

fn mug() -> ProductId {
    "mug".parse().unwrap()
}

fn unavailable(detail: &str) -> ServiceError {
    ServiceError::Unavailable { detail: detail.to_owned() }
}

#[tokio::test]
async fn products_are_listed_and_looked_up() {
    let mut world = a_service(LIMITS).await;
    world.answers("/v1/product", 200, format!(r#"{{"products": [{MUG}, {{"id": "?"}}]}}"#), 1).await;
    world.answers("/v1/product/mug", 200, MUG, 1).await;
    world.answers("/v1/product/cup", 404, "", 1).await;

    let Listing { products: listed, unreadable } = world.service.list().await.unwrap();
    assert_eq!((listed.len(), unreadable.len()), (1, 1), "what makes no sense is there all the same");
    assert_eq!(world.service.get(&mug()).await, Ok(listed.into_iter().next()));
    assert_eq!(world.service.get(&"cup".parse().unwrap()).await, Ok(None));
}

#[tokio::test]
async fn a_failure_that_passes_is_not_noticed() {
    let mut world = a_service(PATIENT).await;
    let failures = world.answers("/v1/product/mug", 500, "oh", 1).await;
    let busy = world.answers("/v1/product/mug", 429, "", 1).await;
    let success = world.answers("/v1/product/mug", 200, MUG, 1).await;
    assert!(world.service.get(&mug()).await.unwrap().is_some());
    failures.assert_async().await;
    busy.assert_async().await;
    success.assert_async().await;
}

#[tokio::test]
async fn a_failure_that_stays_is_reported_after_three_attempts() {
    let mut world = a_service(PATIENT).await;
    let failures = world.answers("/v1/product/mug", 503, "", 3).await;
    assert_eq!(world.service.get(&mug()).await, Err(unavailable("status 503")));
    failures.assert_async().await;
}

#[tokio::test]
async fn after_failures_in_a_row_it_is_left_alone() {
    let mut world = a_service(Limits { failures_to_open: 2, rest: AN_HOUR, ..PATIENT }).await;
    let failures = world.answers("/v1/product/mug", 500, "", 2).await;
    // The second attempt opens the breaker, so there is no third.
    assert!(matches!(world.service.get(&mug()).await, Err(ServiceError::Resting { .. })));
    assert!(matches!(world.service.list().await, Err(ServiceError::Resting { retry_in }) if retry_in <= AN_HOUR));
    failures.assert_async().await;
}

#[tokio::test]
async fn after_its_rest_one_good_answer_brings_it_back() {
    let mut world = a_service(Limits { failures_to_open: 1, rest: Duration::ZERO, attempts: 1, ..PATIENT }).await;
    world.answers("/v1/product/mug", 500, "", 1).await;
    world.answers("/v1/product/mug", 200, MUG, 2).await;
    assert_eq!(world.service.get(&mug()).await, Err(unavailable("status 500")));
    assert!(world.service.get(&mug()).await.unwrap().is_some());
    assert!(world.service.get(&mug()).await.unwrap().is_some());
}

#[tokio::test]
async fn a_probe_of_the_feed_does_not_wait_for_news() {
    let mut world = a_service(Limits { failures_to_open: 1, rest: Duration::ZERO, ..PATIENT }).await;
    let news = r#"{"changes": [], "next_after": 7, "head": 7}"#;
    world.answers("/v1/changes?after=7&wait=20", 500, "", 1).await;
    let probe = world.answers("/v1/changes?after=7&wait=0", 200, news, 1).await;
    assert_eq!(world.service.changes(7, 20).await, Err(unavailable("status 500")));
    assert!(world.service.changes(7, 20).await.is_ok());
    probe.assert_async().await;
}

#[tokio::test]
async fn changes_are_followed_from_a_position() {
    let mut world = a_service(LIMITS).await;
    let change = format!(r#"{{"sequence": 8, "product_id": "mug", "kind": "created", "product": {MUG}}}"#);
    let feed = format!(r#"{{"changes": [{change}], "next_after": 8, "head": 8}}"#);
    world.answers("/v1/changes?after=7&wait=20", 200, feed, 1).await;
    let changes = world.service.changes(7, 20).await.unwrap();
    assert_eq!((changes.changes[0].sequence, changes.next_after, changes.head), (8, 8, 8));
    assert_eq!((&changes.changes[0].product_id, changes.changes[0].product.is_some()), (&mug(), true));
}

#[tokio::test]
async fn a_service_without_a_feed_is_recognised() {
    let mut world = a_service(LIMITS).await;
    world.answers("/v1/changes?after=0&wait=0", 404, "Not Found", 1).await;
    assert_eq!(world.service.changes(0, 0).await, Err(ServiceError::ChangesUnsupported));
}

#[tokio::test]
async fn a_picture_is_a_png_or_none() {
    let mut world = a_service(LIMITS).await;
    let png = [PNG_SIGNATURE, b"rest"].concat();
    world.answers("/v1/product/mug/picture", 200, &png, 1).await;
    world.answers("/v1/product/cup/picture", 404, "", 1).await;
    world.answers("/v1/product/jug/picture", 200, "<html>", 1).await;
    assert_eq!(world.service.picture(&mug(), None).await, Ok(SeenPicture::New { png, etag: None }));
    assert_eq!(world.service.picture(&"cup".parse().unwrap(), None).await, Ok(SeenPicture::None));
    let jug = world.service.picture(&"jug".parse().unwrap(), None).await;
    assert_eq!(jug, Err(ServiceError::unreadable("it is not a PNG")));
}

#[tokio::test]
async fn a_picture_that_is_known_is_asked_for_by_its_entity_tag() {
    let mut world = a_service(LIMITS).await;
    let unchanged = world.server.mock("GET", "/v1/product/mug/picture").match_header("if-none-match", "\"a\"");
    let unchanged = unchanged.with_status(304).create_async().await;
    assert_eq!(world.service.picture(&mug(), Some("\"a\"")).await, Ok(SeenPicture::Known));
    unchanged.assert_async().await;
}

#[tokio::test]
async fn a_service_may_tell_its_categories_or_not() {
    let mut world = a_service(LIMITS).await;
    world
        .answers("/v1/categories", 200, r#"{"categories": [{"name": "Tea"}, {"name": " "}, {"name": "Books"}]}"#, 1)
        .await;
    world.answers("/v1/categories", 404, "", 1).await;
    assert_eq!(world.service.categories().await, Ok(Some(vec!["Tea".to_owned(), "Books".to_owned()])));
    assert_eq!(world.service.categories().await, Ok(None));
}

#[tokio::test]
async fn answers_that_make_no_sense_are_asked_for_once() {
    let mut world = a_service(Limits { picture_bytes: 10, ..PATIENT }).await;
    world.answers("/v1/product", 200, "<html>", 1).await;
    world.answers("/v1/product/mug", 200, MUG.replace("mug", "cup"), 1).await;
    world.answers("/v1/product/mug/picture", 200, "x".repeat(11), 1).await;
    world.answers("/v1/product/cup", 302, "", 1).await;
    assert!(matches!(world.service.list().await, Err(ServiceError::Unreadable { .. })));
    assert_eq!(
        world.service.get(&mug()).await.unwrap_err().to_string(),
        "the product service's answer cannot be read: asked for mug, it answered cup"
    );
    assert_eq!(
        world.service.picture(&mug(), None).await,
        Err(ServiceError::unreadable("the answer has more than 10 bytes"))
    );
    assert_eq!(world.service.get(&"cup".parse().unwrap()).await, Err(ServiceError::unreadable("status 302")));
}

#[tokio::test]
async fn a_closed_port_a_silent_server_and_a_hang_up_are_all_unavailable() {
    let limits = Limits { answer: Duration::from_millis(50), attempts: 2, ..PATIENT };
    let at = |listener: &TcpListener| {
        let url = format!("http://{}", listener.local_addr().unwrap());
        ProductService::with_limits(&url, DEFAULTS, limits).unwrap()
    };

    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    assert_eq!(at(&silent).list().await, Err(unavailable("no answer in time")));

    let closed = at(&silent);
    drop(silent);
    assert_eq!(closed.list().await, Err(unavailable("connection refused")));

    let rude = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let service = at(&rude);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = rude.accept().await {
            let _ = socket.read(&mut [0; 1024]).await;
        }
    });
    assert!(matches!(service.list().await, Err(ServiceError::Unavailable { .. })));
}
