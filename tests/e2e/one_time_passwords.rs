//! An operator resets a customer's password: the one-time password goes to the customer by mail, and nowhere else.

use storefront_api::{ChangePassword, CustomerId, EventQuery, Password, SignIn, SignedIn};
use storefront_client::{Client, ClientError, IdempotencyKey};
use storefront_mocks::{Faults, Mocks, Stub};
use storefront_server::Server;

use crate::people::{PASSWORD, register, sign_in};
use crate::secured::{Secured, Shopper, ask};
use crate::world::{World, config, eventually};

const EMAIL: &str = "ada@example.com";

fn key() -> IdempotencyKey {
    IdempotencyKey::new()
}

/// The one-time passwords in the mails to [`EMAIL`], in order.
fn mailed(mocks: &Mocks) -> Vec<Password> {
    let mails = mocks.mailbox().messages_to(EMAIL).into_iter();
    let mails = mails.filter(|mail| mail.subject == "Your one-time password");
    mails.map(|mail| Password(mail.text.lines().nth(4).unwrap().trim().to_owned())).collect()
}

async fn try_sign_in(client: &Client, password: &Password) -> Result<SignedIn, ClientError> {
    let sign_in = SignIn { email: EMAIL.to_owned(), password: password.clone() };
    client.sign_in(&sign_in, &key()).await.map(|written| written.value)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_one_time_password_reaches_its_customer_alone_and_is_good_until_it_is_changed() {
    let shop = Secured::open().await;
    let Shopper { client: ada, token, id } = shop.customer(EMAIL).await;
    let id: CustomerId = id.parse().unwrap();
    let once = key();
    let reset = shop.operator.reset_password(id, &once).await.unwrap();
    assert_eq!(reset.value.ended, 1);
    assert_eq!(ask(&shop.world, Some(&token), "get", "/v1/orders", None).await.1, "session_invalid", "at once");
    let old = Password(PASSWORD.to_owned());
    assert!(try_sign_in(&shop.world.client, &old).await.is_err(), "the password of before is refused at once");
    let mocks = &shop.world.mocks;
    let password = eventually("the mail is there", || async { mailed(mocks).pop() }).await;
    let client = &shop.world.client;
    let signed_in = eventually("the password is good", || async { try_sign_in(client, &password).await.ok() }).await;
    assert!(signed_in.must_change_password);
    let token = &signed_in.token.0;
    for path in ["/v1/orders", "/v1/sessions", "/v1/wallet"] {
        let answer = ask(&shop.world, Some(token), "get", path, None).await;
        assert_eq!(answer, (403, "password_change_required".to_owned()), "{path}");
    }
    let change = ChangePassword { current_password: password.clone(), new_password: Password("own again".to_owned()) };
    let changed = client.with_token(signed_in.token).change_password(&change).await.unwrap().value;
    client.with_token(changed.token).sessions().await.unwrap();
    for refused in [&password, &old] {
        assert!(try_sign_in(client, refused).await.is_err());
    }
    try_sign_in(client, &Password("own again".to_owned())).await.unwrap();
    assert!(ada.me().await.is_err());

    let again = shop.operator.reset_password(id, &once).await.unwrap();
    assert_eq!((again.replayed, again.value), (true, reset.value));
    let kind = Some("customer.password_reset".to_owned());
    let resets = shop.operator.events(&EventQuery { kind, ..EventQuery::default() }).await.unwrap().events;
    assert_eq!(resets.len(), 1, "a repeat of the request resets nothing");
    assert_eq!(ask(&shop.world, None, "post", &format!("/v1/customers/{id}/one-time-password"), None).await.0, 401);

    let World { server, folder, .. } = shop.world;
    server.shutdown().await;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let found = bytes.windows(password.0.len()).any(|window| window == password.0.as_bytes());
        assert!(!found, "{} has the one-time password", path.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_one_time_password_whose_mail_waits_for_the_mail_server_comes_after_a_restart() {
    let world = World::open().await;
    let id = register(&world.client, EMAIL).await.id;
    sign_in(&world.client, EMAIL).await;
    world.set_outage(Stub::Mail, true);
    world.client.reset_password(id, &key()).await.unwrap();
    eventually("the mail is tried", || async {
        let processes = world.client.processes().await.unwrap().items;
        processes.into_iter().any(|process| process.name == "mail" && process.retrying > 0).then_some(())
    })
    .await;
    assert!(try_sign_in(&world.client, &Password(PASSWORD.to_owned())).await.is_err());
    let World { mocks, server, folder, .. } = world;
    server.shutdown().await;
    let server = Server::start(config(&mocks, &folder)).await.unwrap();
    mocks.mailbox().clear();
    mocks.faults(Stub::Mail).set(Faults::default());
    let client = Client::new(&server.url()).unwrap();
    let password = eventually("the mail is there", || async { mailed(&mocks).pop() }).await;
    let signed_in = eventually("it is good", || async { try_sign_in(&client, &password).await.ok() }).await;
    assert!(signed_in.must_change_password);
    server.shutdown().await;
}
