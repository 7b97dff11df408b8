//! Accounts and sessions: registering, signing in and out, what ends sessions, and what is kept of passwords and tokens.

use std::os::unix::fs::PermissionsExt as _;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use storefront_api::{
    ChangePassword, ChangeProfile, Customer, DeleteAccount, Password, RegisterCustomer, Role, SignIn, SignedIn, Token,
};
use storefront_client::{Client, ClientError, IdempotencyKey};
use storefront_server::Server;

use crate::world::{World, config, eventually};

pub(crate) const PASSWORD: &str = "tea at five o'clock";

fn key() -> IdempotencyKey {
    IdempotencyKey::new()
}

fn password(text: &str) -> Password {
    Password(text.to_owned())
}

fn ada_lovelace(email: &str) -> RegisterCustomer {
    RegisterCustomer {
        id: None,
        email: Some(email.to_owned()),
        password: Some(password(PASSWORD)),
        name: Some("Ada Lovelace".to_owned()),
    }
}

/// Registers somebody with [`PASSWORD`], in open mode.
pub(crate) async fn register(client: &Client, email: &str) -> Customer {
    client.register(&ada_lovelace(email), &key()).await.unwrap().value
}

/// Registers somebody with [`PASSWORD`], in either mode.
pub(crate) async fn register_account(client: &Client, email: &str) {
    client.register_account(&ada_lovelace(email), &key()).await.unwrap();
}

async fn try_sign_in(client: &Client, email: &str, text: &str) -> Result<SignedIn, ClientError> {
    let sign_in = SignIn { email: email.to_owned(), password: password(text) };
    client.sign_in(&sign_in, &key()).await.map(|written| written.value)
}

/// Signs somebody in with [`PASSWORD`].
pub(crate) async fn sign_in(client: &Client, email: &str) -> (Client, SignedIn) {
    let signed_in = try_sign_in(client, email, PASSWORD).await.unwrap();
    (client.with_token(signed_in.token.clone()), signed_in)
}

fn code(outcome: Result<impl std::fmt::Debug, ClientError>) -> String {
    match outcome {
        Err(ClientError::Problem(problem)) => problem.code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_registers_signs_in_renews_and_signs_out() {
    let world = World::open().await;
    let registered = register(&world.client, "ada@example.com").await;
    assert_eq!((registered.email.as_deref(), registered.role), (Some("ada@example.com"), Some(Role::Customer)));
    let (ada, signed_in) = sign_in(&world.client, "Ada@EXAMPLE.com").await;
    assert_eq!((signed_in.customer_id, signed_in.role), (registered.id, Role::Customer));
    let me = ada.me().await.unwrap();
    assert_eq!((me.id, me.name.as_deref()), (registered.id, Some("Ada Lovelace")));
    assert_eq!(ada.wallet().await.unwrap().unwrap().customer_id, registered.id, "the token names the customer");
    let change = ChangeProfile { name: "Countess Ada".to_owned() };
    assert_eq!(ada.change_profile(&change).await.unwrap().value.name.as_deref(), Some("Countess Ada"));

    let renewed = ada.renew_session(&key()).await.unwrap().value;
    assert_eq!(renewed.session_id, signed_in.session_id);
    assert!(renewed.expires_at >= signed_in.expires_at);
    let again = world.client.with_token(renewed.token);
    assert_eq!(again.me().await.unwrap().id, registered.id);
    assert_eq!(again.sign_out().await.unwrap().value.ended, 1);
    for client in [&ada, &again] {
        assert_eq!(code(client.me().await), "session_invalid", "every token of the session is refused at once");
        assert_eq!(code(client.renew_session(&key()).await), "session_invalid");
        assert_eq!(code(client.wallet().await), "session_invalid", "and never taken for a guest");
    }
    assert_eq!(code(world.client.me().await), "session_required");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_registered_once_and_a_wallet_opened_once_under_any_concurrency() {
    let world = World::open().await;
    let registering = (0..6).map(|number| {
        let client = world.client.clone();
        // The same address in another case.
        let email = if number % 2 == 0 { "bob@example.com" } else { "BOB@example.com" };
        let register = RegisterCustomer {
            id: None,
            email: Some(email.to_owned()),
            password: Some(password(PASSWORD)),
            name: Some("Bob".to_owned()),
        };
        tokio::spawn(async move { client.register(&register, &key()).await })
    });
    let mut registered = Vec::new();
    for outcome in registering.collect::<Vec<_>>() {
        match outcome.await.unwrap() {
            Ok(written) => registered.push(written.value.id),
            refused => assert_eq!(code(refused), "email_taken"),
        }
    }
    assert_eq!(registered.len(), 1);
    let events = world.client.of_customer(registered[0]);
    assert_eq!(events.wallet().await.unwrap().unwrap().version, 1, "one opening");
    let log = reqwest::get(format!("{}/v1/events?type=wallet.*,login.*&limit=100", world.server.url())).await.unwrap();
    let log: Value = log.json().await.unwrap();
    let kinds: Vec<&str> =
        log["events"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["wallet.opened", "login.claimed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_sign_in_gets_one_answer_and_costs_as_much_work() {
    let world = World::open().await;
    let off = register(&world.client, "off@example.com").await.id;
    register(&world.client, "ada@example.com").await;
    let deactivated = world.client.deactivate(off, &key()).await.unwrap().value;
    assert!(deactivated.deactivated);
    assert_eq!(world.client.customer(off).await.unwrap(), Some(deactivated));
    let url = format!("{}/v1/sessions", world.server.url());
    let http = reqwest::Client::new();
    let mut answers = Vec::new();
    for (email, text) in [
        ("ada@example.com", "tea at six o'clock"),
        ("nobody@example.com", PASSWORD),
        ("off@example.com", PASSWORD),
        ("no address", PASSWORD),
    ] {
        let before = hashings(&world).await;
        let answer = http.post(&url).json(&json!({"email": email, "password": text})).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{email}");
        assert_eq!(answer.headers()["www-authenticate"], "Bearer");
        let mut answer: Value = answer.json().await.unwrap();
        // The id of the request.
        answer.as_object_mut().unwrap().remove("instance");
        answers.push(answer);
        assert_eq!(hashings(&world).await, before + 1, "{email}");
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    world.client.reactivate(off, &key()).await.unwrap();
    sign_in(&world.client, "off@example.com").await;
}

/// Number of passwords that the server has hashed.
async fn hashings(world: &World) -> u64 {
    let text = reqwest::get(format!("{}/metrics", world.server.url())).await.unwrap().text().await.unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("storefront_password_hashings_total "));
    line.unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_short_or_common_is_refused_and_so_is_half_an_account() {
    let world = World::open().await;
    let refused = async |register: RegisterCustomer| match world.client.register(&register, &key()).await {
        Err(ClientError::Problem(problem)) => {
            assert_eq!(problem.status, 422);
            problem.errors.into_iter().map(|error| error.pointer).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    let with = |text: &str| RegisterCustomer {
        id: None,
        email: Some("ada@example.com".to_owned()),
        password: Some(password(text)),
        name: Some("Ada".to_owned()),
    };
    assert_eq!(refused(with("seven c")).await, ["/password"]);
    assert_eq!(refused(with("iloveyou")).await, ["/password"]);
    assert_eq!(
        refused(RegisterCustomer { email: Some("ada".to_owned()), ..with("seven c") }).await,
        ["/email", "/password"]
    );
    let email_alone = RegisterCustomer { email: Some("ada@example.com".to_owned()), ..RegisterCustomer::default() };
    assert_eq!(refused(email_alone).await, ["/password", "/name"]);
    world.client.register(&with("  王 and ünïcode  "), &key()).await.unwrap();
    try_sign_in(&world.client, "ada@example.com", "  王 and ünïcode  ").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_listed_and_ended_one_by_one_or_all_but_this() {
    let world = World::open().await;
    register(&world.client, "ada@example.com").await;
    let (first, _) = sign_in(&world.client, "ada@example.com").await;
    let (second, second_session) = sign_in(&world.client, "ada@example.com").await;
    let (third, _) = sign_in(&world.client, "ada@example.com").await;
    let listed = first.sessions().await.unwrap().items;
    assert_eq!(listed.iter().map(|session| session.current).collect::<Vec<_>>(), [false, false, true], "newest first");
    first.end_session(second_session.session_id).await.unwrap();
    assert_eq!(code(second.me().await), "session_invalid");
    assert_eq!(code(first.end_session(second_session.session_id).await), "session_not_found");
    register(&world.client, "eve@example.com").await;
    let (eve, _) = sign_in(&world.client, "eve@example.com").await;
    let ada_s = listed[0].id;
    assert_eq!(code(eve.end_session(ada_s).await), "session_not_found", "only one's own");
    assert_eq!(first.end_other_sessions().await.unwrap().value.ended, 1);
    assert_eq!(code(third.me().await), "session_invalid");
    first.me().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_needs_the_old_one_and_ends_the_other_sessions() {
    let world = World::open().await;
    register(&world.client, "ada@example.com").await;
    let (here, _) = sign_in(&world.client, "ada@example.com").await;
    let (elsewhere, _) = sign_in(&world.client, "ada@example.com").await;
    let change =
        |current: &str, new: &str| ChangePassword { current_password: password(current), new_password: password(new) };
    assert_eq!(code(here.change_password(&change("a wrong guess", "coffee at nine")).await), "invalid_values");
    assert_eq!(code(here.change_password(&change(PASSWORD, PASSWORD)).await), "invalid_values", "it is the same");
    elsewhere.me().await.unwrap();
    let changed = here.change_password(&change(PASSWORD, "coffee at nine")).await.unwrap().value;
    assert_eq!(code(elsewhere.me().await), "session_invalid");
    world.client.with_token(changed.token).me().await.unwrap();
    assert_eq!(code(try_sign_in(&world.client, "ada@example.com", PASSWORD).await), "sign_in_refused");
    try_sign_in(&world.client, "ada@example.com", "coffee at nine").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn deactivation_and_deletion_end_every_session_and_a_deleted_address_is_free() {
    let world = World::open().await;
    let ada = register(&world.client, "ada@example.com").await.id;
    let (client, _) = sign_in(&world.client, "ada@example.com").await;
    world.client.deactivate(ada, &key()).await.unwrap();
    assert_eq!(code(client.me().await), "session_invalid");
    world.client.reactivate(ada, &key()).await.unwrap();
    assert_eq!(code(client.me().await), "session_invalid", "it stays ended");

    let (client, _) = sign_in(&world.client, "ada@example.com").await;
    let delete = |text: &str| DeleteAccount { current_password: password(text) };
    assert_eq!(code(client.delete_account(&delete("a wrong guess")).await), "invalid_values");
    assert_eq!(client.delete_account(&delete(PASSWORD)).await.unwrap().value.ended, 1);
    assert_eq!(code(client.me().await), "session_invalid");
    assert_eq!(code(try_sign_in(&world.client, "ada@example.com", PASSWORD).await), "sign_in_refused");
    assert_eq!(world.client.customer(ada).await.unwrap(), None);
    assert_ne!(register(&world.client, "ada@example.com").await.id, ada);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_with_a_changed_byte_is_refused_on_every_route() {
    let world = World::open().await;
    register(&world.client, "ada@example.com").await;
    let (_, signed_in) = sign_in(&world.client, "ada@example.com").await;
    let token = signed_in.token.0;
    for at in [4, token.len() / 3, token.len() / 2, token.len() - 20, token.len() - 2] {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = world.client.with_token(Token(String::from_utf8(bytes).unwrap()));
        assert_eq!(code(changed.me().await), "session_invalid", "byte {at}");
        assert_eq!(code(changed.wallet().await), "session_invalid", "byte {at}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_outlive_a_restart_and_so_do_their_ends() {
    let world = World::open().await;
    register(&world.client, "ada@example.com").await;
    let (stays, _) = sign_in(&world.client, "ada@example.com").await;
    let (ended, _) = sign_in(&world.client, "ada@example.com").await;
    ended.sign_out().await.unwrap();
    let tokens =
        [stays, ended].map(|client| async move { client.renew_session(&key()).await.map(|new| new.value.token) });
    let [stays, ended] = tokens;
    let token = stays.await.unwrap();
    assert_eq!(code(ended.await), "session_invalid");
    let (_, other) = sign_in(&world.client, "ada@example.com").await;
    world.client.with_token(other.token.clone()).sign_out().await.unwrap();
    let World { mocks, server, folder, .. } = world;
    server.shutdown().await;
    let keys = folder.path().join("shop.db-keys");
    assert_eq!(std::fs::metadata(&keys).unwrap().permissions().mode() & 0o777, 0o600);
    let server = Server::start(config(&mocks, &folder)).await.unwrap();
    let client = Client::new(&server.url()).unwrap();
    client.with_token(token).me().await.unwrap();
    assert_eq!(code(client.with_token(other.token).me().await), "session_invalid", "known before the first request");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_file_and_no_event_has_a_password_or_a_token_in_it() {
    let world = World::open().await;
    let http = reqwest::Client::new();
    let url = |path: &str| format!("{}{path}", world.server.url());
    let body = json!({"email": "ada@example.com", "password": PASSWORD, "name": "Ada"});
    for _ in 0..2 {
        let registered = http.post(url("/v1/customers")).header("idempotency-key", "register").json(&body).send();
        assert_eq!(registered.await.unwrap().status(), StatusCode::CREATED);
    }
    let body = json!({"email": "ada@example.com", "password": PASSWORD});
    let mut tokens = Vec::new();
    for replayed in [false, true] {
        let answer = http.post(url("/v1/sessions")).header("idempotency-key", "sign-in").json(&body).send();
        let answer = answer.await.unwrap();
        assert_eq!(answer.headers().contains_key("idempotent-replayed"), replayed);
        assert_eq!(answer.headers()["cache-control"], "no-store");
        tokens.push(answer.json::<Value>().await.unwrap()["token"].as_str().unwrap().to_owned());
    }
    assert_eq!(tokens[0], tokens[1], "the same answer");
    let other = json!({"email": "ada@example.com", "password": "a wrong guess"});
    let other = http.post(url("/v1/sessions")).header("idempotency-key", "sign-in").json(&other).send().await.unwrap();
    assert_eq!(other.status(), StatusCode::UNAUTHORIZED, "the key gives no token to another password");
    let change = json!({"current_password": PASSWORD, "new_password": "coffee at nine"});
    let change = http.request(Method::PUT, url("/v1/customers/me/password")).bearer_auth(&tokens[0]).json(&change);
    assert_eq!(change.send().await.unwrap().status(), StatusCode::OK);
    let before = hashings(&world).await;
    let again = http.post(url("/v1/sessions")).header("idempotency-key", "sign-in").json(&body).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::UNAUTHORIZED, "nor to one that was changed meanwhile");
    assert_eq!(hashings(&world).await, before + 1);

    let feed = http.get(url("/v1/events?limit=1000")).send().await.unwrap().text().await.unwrap();
    assert!(feed.contains("customer.password_changed") && !feed.contains("argon2id"), "no hash on the wire");
    let code = tokens[0].rsplit('.').next().unwrap();
    let plain_fingerprint = fingerprint(&json!({"email": "ada@example.com", "password": PASSWORD}));
    let World { server, folder, .. } = world;
    server.shutdown().await;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        for secret in [PASSWORD, "coffee at nine", code, &plain_fingerprint] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{} has {secret}", path.display());
        }
    }
}

/// The fingerprint of a sign-in as it is stored for requests without secrets; it could be compared with guesses.
fn fingerprint(body: &Value) -> String {
    use sha2::{Digest as _, Sha256};
    let mut body = body.clone();
    body.sort_all_objects();
    let mut hash = Sha256::new();
    for part in [b"POST".as_slice(), b"/v1/sessions", &serde_json::to_vec(&body).unwrap()] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_sign_ins_is_bounded_and_the_shop_goes_on() {
    let world = World::open().await;
    register(&world.client, "ada@example.com").await;
    let attempts = (0..120).map(|_| {
        let client = world.client.clone();
        tokio::spawn(async move { code(try_sign_in(&client, "nobody@example.com", PASSWORD).await) })
    });
    let attempts: Vec<_> = attempts.collect();
    world.product_with(1).await;
    let mut codes = Vec::new();
    for attempt in attempts {
        codes.push(attempt.await.unwrap());
    }
    assert!(codes.iter().any(|code| code == "sign_ins_busy"), "{codes:?}");
    assert!(codes.iter().all(|code| ["sign_ins_busy", "sign_in_refused"].contains(&code.as_str())), "{codes:?}");
    eventually("somebody signs in", || async { try_sign_in(&world.client, "ada@example.com", PASSWORD).await.ok() })
        .await;
}
