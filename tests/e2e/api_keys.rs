//! API keys of programs: where each is let in, what is kept of it, and its end.

use serde_json::Value;
use storefront_api::{CreateApiKey, CreatedApiKey, EventQuery, ProductId, ReceiveStock, Scope, Timestamp, Token};
use storefront_client::{Client, ClientError, IdempotencyKey};
use storefront_server::Server;

use crate::secured::{Secured, filled, ids_of};
use crate::world::{World, config};

fn key() -> IdempotencyKey {
    IdempotencyKey::new()
}

/// An operator makes a key.
pub(crate) async fn make(operator: &Client, scopes: &[Scope]) -> CreatedApiKey {
    let create = CreateApiKey { name: "Till".to_owned(), scopes: scopes.to_vec(), expires_at: None };
    operator.create_api_key(&create, &key()).await.unwrap().value
}

/// The token that a program sends.
pub(crate) fn token(created: &CreatedApiKey) -> Token {
    Token(created.key.clone().unwrap().0)
}

fn code(outcome: Result<impl std::fmt::Debug, ClientError>) -> String {
    match outcome {
        Err(ClientError::Problem(problem)) => problem.code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_let_in_on_the_routes_that_declare_its_scope_and_on_no_other() {
    let shop = Secured::open().await;
    let ada = shop.customer("ada@example.com").await;
    let order = shop.a_basket(&ada, 1).await;
    let ids = ids_of(&shop.world, &ada, &order, None).await;
    let http = reqwest::Client::new();
    let url = shop.world.server.url();
    let document: Value = http.get(format!("{url}/openapi.json")).send().await.unwrap().json().await.unwrap();
    let mut let_in = [0; Scope::ALL.len()];
    for (at, scope) in Scope::ALL.into_iter().enumerate() {
        let token = token(&make(&shop.operator, &[scope]).await).0;
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let security = operation["security"].as_array().map_or(&[][..], Vec::as_slice);
                let declared = security.iter().find_map(|one| one["api_key"][0].as_str());
                let is_public = operation["x-access"] == "public";
                assert_eq!(is_public, security.is_empty(), "{method} {path}");
                let method: reqwest::Method = method.to_uppercase().parse().unwrap();
                let request = http.request(method.clone(), format!("{url}{}", filled(path, &ids)));
                let answer = request.bearer_auth(&token).send().await.unwrap();
                let status = answer.status().as_u16();
                let problem: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default();
                let what = format!("{method} {path} with {}: {status} {problem}", scope.text());
                if path == "/v1/sessions/renew" {
                    // It wants the token that is to be renewed.
                    assert_eq!(problem["code"], "session_required", "{what}");
                } else if is_public || declared.is_some_and(|name| name == scope.text() || scope == Scope::Operate) {
                    assert!(![401, 403].contains(&status), "{what}");
                    let_in[at] += u32::from(!is_public);
                } else {
                    assert_eq!((status, problem["code"].as_str()), (403, Some("scope_missing")), "{what}");
                    let named = problem["detail"].as_str().unwrap();
                    assert!(declared.is_none_or(|name| named.contains(name)), "{what}");
                }
            }
        }
    }
    assert!(let_in.iter().all(|count| *count >= 3), "{let_in:?}");
    // No key reaches an account, or other keys.
    for path in ["/v1/customers/me", "/v1/sessions", "/v1/api-keys"] {
        assert!(document["paths"][path]["get"]["security"].to_string().contains("session"), "{path}");
        assert!(!document["paths"][path]["get"]["security"].to_string().contains("api_key"), "{path}");
    }
}

async fn a_product(world: &World) -> ProductId {
    world.wait_for_catalogue().await;
    world.client.products(&storefront_api::ProductQuery::default()).await.unwrap().items.remove(0).id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_shown_once_is_the_actor_of_what_it_does_and_over_when_it_is_revoked_also_after_a_restart() {
    let shop = Secured::open().await;
    let product = a_product(&shop.world).await;
    let (first, second) = (
        make(&shop.operator, &[Scope::StockWrite, Scope::StockWrite]).await,
        make(&shop.operator, &[Scope::StockWrite, Scope::EventsRead]).await,
    );
    assert_eq!(first.scopes, [Scope::StockWrite]);
    let [till, scanner] = [&first, &second].map(|created| shop.world.client.with_token(token(created)));

    // Each principal has idempotency keys of its own.
    let (once, receive) = (key(), ReceiveStock { quantity: 3 });
    let mut on_hand = Vec::new();
    for client in [&till, &scanner, &shop.operator, &till] {
        on_hand.push(client.receive_stock(&product, &receive, &once).await.unwrap().value.on_hand);
    }
    assert_eq!(on_hand, [on_hand[0], on_hand[0] + 3, on_hand[0] + 6, on_hand[0]]);

    let query = EventQuery { limit: Some(1000), ..EventQuery::default() };
    let events = scanner.events(&query).await.unwrap().events;
    let received: Vec<&str> =
        events.iter().filter(|event| event.kind == "stock.received").map(|event| event.actor.as_str()).collect();
    let actors = [&first, &second].map(|created| format!("key:{}", created.id));
    assert_eq!(received[..2], actors);
    let secret = first.key.clone().unwrap().0;
    let texts = [
        serde_json::to_string(&events).unwrap(),
        serde_json::to_string(&shop.operator.api_keys().await.unwrap()).unwrap(),
    ];
    for text in &texts {
        assert!(text.contains(&first.id.to_string()) && !text.contains(&secret));
    }
    let listed = shop.operator.api_keys().await.unwrap().items;
    assert_eq!(listed.iter().map(|known| known.id).collect::<Vec<_>>(), [second.id, first.id]);
    assert!(listed.iter().all(|known| known.last_used_at.is_some()), "{listed:?}");

    // An answer that is lost cannot be had again.
    let create = CreateApiKey { name: "Lost".to_owned(), scopes: vec![Scope::Operate], expires_at: None };
    let lost = shop.operator.create_api_key(&create, &once).await;
    assert_eq!(code(lost), "idempotency_key_reused");
    let once = key();
    let lost = shop.operator.create_api_key(&create, &once).await.unwrap();
    let again = shop.operator.create_api_key(&create, &once).await.unwrap();
    assert_eq!((again.replayed, again.value.id, again.value.key), (true, lost.value.id, None));

    for wrong in [
        CreateApiKey { name: String::new(), ..create.clone() },
        CreateApiKey { scopes: vec![], ..create.clone() },
        CreateApiKey { expires_at: Some(Timestamp::from_unix_ms(0)), ..create.clone() },
    ] {
        assert_eq!(code(shop.operator.create_api_key(&wrong, &key()).await), "invalid_values", "{wrong:?}");
    }

    assert_eq!(shop.operator.revoke_api_key(first.id).await.unwrap().value.id, first.id);
    assert_eq!(code(till.receive_stock(&product, &receive, &key()).await), "api_key_invalid");
    assert_eq!(code(shop.operator.revoke_api_key(first.id).await), "api_key_not_found");
    let World { mocks, server, folder, .. } = shop.world;
    server.shutdown().await;
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "the key is in a file");
    }
    let mut config = config(&mocks, &folder);
    config.secured = true;
    let server = Server::start(config).await.unwrap();
    let client = Client::new(&server.url()).unwrap();
    client.with_token(token(&second)).events(&query).await.unwrap();
    let revoked = client.with_token(token(&first)).receive_stock(&product, &receive, &key()).await;
    assert_eq!(code(revoked), "api_key_invalid", "known before the first request");
}
