//! Shipping and mail addresses: addresses of every country, mail addresses in every script, and the handling of wrong
//! ones.

use storefront_api::{Address, ChangeEmail, Checkout, Order, OrderStatus, ParkedQuery, PaymentMethod};
use storefront_client::IdempotencyKey;
use storefront_server::Secret;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use crate::world::{World, checkout, eventually};

/// What is wrong with a checkout: pointers and details.
async fn checkout_errors(world: &World, basket: &Order, change: impl FnOnce(&mut Checkout)) -> Vec<(String, String)> {
    let mut request = checkout(basket, PaymentMethod::None);
    change(&mut request);
    let refused = world.client.checkout(basket.id, &request, &IdempotencyKey::new()).await;
    let Err(error) = refused else { return Vec::new() };
    let problem = error.problem().expect("with a problem");
    assert_eq!((problem.status, problem.code.as_str()), (422, "invalid_values"));
    problem.errors.iter().map(|error| (error.pointer.clone(), error.detail.clone())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn goods_go_to_every_country_with_all_that_its_addresses_have_and_to_no_other() {
    let world = World::open().await;
    let product = world.product_with(50).await;
    let basket = world.a_basket(&product.id, 1).await;
    for (country, named) in [("XX", ""), ("UK", "; United Kingdom has GB"), ("Germany", "; Germany has DE")] {
        let wrong =
            checkout_errors(&world, &basket, |request| request.shipping_address.country = country.to_owned()).await;
        let detail = format!("must be a code of ISO 3166-1, two capital letters such as DE{named}");
        assert_eq!(wrong, [("/shipping_address/country".to_owned(), detail)], "{country}");
    }
    let no_code =
        checkout_errors(&world, &basket, |request| request.shipping_address.postal_code = String::new()).await;
    assert_eq!(no_code[0].1, "is needed for an address in United Kingdom");
    for hidden in ["\u{200b}\u{2060}", "Ada\u{202e}ecalevoL", "A\u{ad}da", "\u{3164}"] {
        let wrong = checkout_errors(&world, &basket, |request| request.shipping_address.name = hidden.to_owned()).await;
        assert_eq!(wrong[0].0, "/shipping_address/name", "{hidden:?}");
    }
    let address = Address {
        name: "陳大文".to_owned(),
        street: "1 Queen's Road Central".to_owned(),
        line2: Some("Flat 3B".to_owned()),
        city: "Central".to_owned(),
        state: Some("Hong Kong Island".to_owned()),
        country: "HK".to_owned(),
        phone: Some("+852 1234 5678".to_owned()),
        ..Address::default()
    };
    assert_eq!(checkout_errors(&world, &basket, |request| request.shipping_address = address.clone()).await, []);
    let order = world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
    assert_eq!(order.shipping_address.as_ref(), Some(&address));
    let invoice = world.client.invoice(order.invoice.as_ref().unwrap()).await.unwrap().unwrap();
    assert_eq!(invoice.address, address);
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_goes_to_addresses_in_every_script_and_what_no_server_takes_is_refused_at_the_checkout() {
    let world = World::open_with(|config| config.mail_from = "Laden <laden@müller.example>".to_owned()).await;
    let product = world.product_with(50).await;
    let basket = world.a_basket(&product.id, 1).await;
    for bad in ["a..b@example.com", ".a@example.com", "a@localhost", "\"a b\"@example.com", "a\u{200b}@example.com"] {
        let wrong = checkout_errors(&world, &basket, |request| request.email = bad.to_owned()).await;
        assert_eq!(wrong.len(), 1, "{bad}");
        assert_eq!(wrong[0].0, "/email", "{bad}");
    }
    let long = format!("a@{}.example", "b".repeat(64));
    assert_eq!(checkout_errors(&world, &basket, |request| request.email = long).await.len(), 1);
    for (email, mailbox) in [
        ("ada@żółw.pl", "ada@xn--w-uga1v8h.pl"),
        ("用户@例子.广告", "用户@xn--fsqu00a.xn--4rr70v"),
        ("o'brien+shop@example.com", "o'brien+shop@example.com"),
    ] {
        let basket = world.a_basket(&product.id, 1).await;
        assert_eq!(checkout_errors(&world, &basket, |request| request.email = email.to_owned()).await, [], "{email}");
        let order = world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
        assert_eq!(order.email.as_deref(), Some(email));
        let mail =
            eventually("the mail is there", || async { world.mocks.mailbox().messages_to(mailbox).into_iter().next() });
        let mail = mail.await;
        assert!(mail.message_id.ends_with("@xn--mller-kva.example"), "{}", mail.message_id);
        let html = mail.html.as_deref().unwrap_or_default();
        assert!(html.contains("Thank you!") && html.contains("<pre"), "{html}");
        assert!(mail.text.contains("Thank you!") && !mail.text.contains('<'), "{}", mail.text);
    }
}

/// A mail server that knows nobody of `gone.example` and takes every other mail. Answers to whom it took mails, a line each.
async fn start_selective_mail_server() -> (String, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let (tell, told) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let tell = tell.clone();
            tokio::spawn(async move {
                let (read, mut write) = socket.into_split();
                let mut lines = BufReader::new(read).lines();
                let _ = write.write_all(b"220 picky.example\r\n").await;
                let (mut in_mail, mut to) = (false, String::new());
                while let Ok(Some(line)) = lines.next_line().await {
                    let answer = match line.as_str() {
                        "." => {
                            in_mail = false;
                            let _ = tell.send(to.clone());
                            "250 taken\r\n"
                        }
                        _ if in_mail => "",
                        line if line.starts_with("RCPT") && line.contains("@gone.example") => "550 no such mailbox\r\n",
                        line if line.starts_with("RCPT") => {
                            to = line.to_owned();
                            "250 fine\r\n"
                        }
                        "DATA" => {
                            in_mail = true;
                            "354 go on\r\n"
                        }
                        line if line.starts_with("EHLO") => "250-picky.example\r\n250 8BITMIME\r\n",
                        _ => "250 fine\r\n",
                    };
                    if write.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (url, told)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_nobody_takes_is_parked_and_goes_out_once_its_address_is_corrected() {
    let (url, mut taken) = start_selective_mail_server().await;
    let world = World::open_with(|config| config.mail_url = Secret::new(url)).await;
    let product = world.product_with(5).await;
    let basket = world.a_basket(&product.id, 1).await;
    for unsuitable in ["a@example.com", "用户@例子.广告"] {
        let change = ChangeEmail { email: unsuitable.to_owned() };
        let refusal = world.client.change_email(basket.id, &change).await.unwrap_err();
        assert_eq!(refusal.problem().unwrap().code, "order_state", "nothing was bought yet");
    }
    assert_eq!(checkout_errors(&world, &basket, |request| request.email = "ada@gone.example".to_owned()).await, []);
    let parked = eventually("the mail is parked", || async {
        world.client.parked("mail", &ParkedQuery::default()).await.unwrap().items.into_iter().next()
    });
    let parked = parked.await;
    assert_eq!((parked.sequence, parked.error.as_str()), (basket.id.to_string(), "550 no such mailbox"));
    let ready = world.client.readiness().await.unwrap();
    assert!(ready.reasons.iter().any(|reason| reason.contains("parked in the process mail")), "{:?}", ready.reasons);

    let refusal = world.client.change_email(basket.id, &ChangeEmail { email: "a..b@c.example".to_owned() }).await;
    assert_eq!(refusal.unwrap_err().problem().unwrap().status, 422);
    let change = ChangeEmail { email: "ada@home.example".to_owned() };
    let order = world.client.change_email(basket.id, &change).await.unwrap().value;
    assert_eq!(order.email.as_deref(), Some("ada@home.example"));
    assert_eq!(taken.recv().await.unwrap(), "RCPT TO:<ada@home.example>");
    eventually("nothing is parked", || async {
        world.client.parked("mail", &ParkedQuery::default()).await.unwrap().items.is_empty().then_some(())
    })
    .await;
    world.wait_until_idle().await;
    assert!(taken.try_recv().is_err(), "it was sent once");
    let history = world.event_types(basket.id).await;
    assert!(history.contains(&"order.email_changed".to_owned()), "{history:?}");
}
