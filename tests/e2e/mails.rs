//! Mails to customers: one for each cause, and none twice.

use storefront_api::{AddItem, Cancel, Currency, Deliver, Money, Order, OrderStatus, PaymentMethod, RefundOrder, Ship};
use storefront_client::IdempotencyKey;

use crate::world::{World, an_order, checkout, eventually};

fn key() -> IdempotencyKey {
    IdempotencyKey::new()
}

impl World {
    /// Buys one piece of what costs so much, without money; waits for the invoice.
    async fn buy_at_price(&self, price: i64) -> Order {
        let add = AddItem { product_id: self.product_at(price).await.id, quantity: 1 };
        let basket = self.client.add_item(an_order(), &add, &key()).await.unwrap().value;
        self.client.checkout(basket.id, &checkout(&basket, PaymentMethod::None), &key()).await.unwrap();
        self.wait_for_status(basket.id, OrderStatus::Confirmed).await
    }

    /// The mails about an order, by what their subject says after its number, each with its text. Nothing more is to come.
    async fn mails_about(&self, order: &Order) -> Vec<(String, String)> {
        self.wait_until_settled().await;
        let subject = format!("Your order {} ", order.number.as_ref().unwrap());
        let all = self.mocks.mailbox().messages();
        let about = all.into_iter().filter_map(|mail| {
            assert_eq!(mail.to, ["ada@example.com"]);
            Some((mail.subject.strip_prefix(&subject)?.to_owned(), mail.text))
        });
        let mut about: Vec<_> = about.collect();
        about.sort();
        about
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_order_brings_mails_when_it_is_confirmed_when_it_is_sent_and_when_it_brings_a_voucher() {
    let world = World::open().await;
    let order = world.buy_at_price(10_001).await;
    let ship = Ship {
        carrier: "Snail Post".to_owned(),
        tracking_number: "SP-77".to_owned(),
        estimated_delivery: Some("2030-05-04T10:00:00Z".parse().unwrap()),
    };
    let sent = world.client.ship(order.id, &ship, &key()).await.unwrap().value;
    let shipment = sent.shipment.unwrap();
    assert_eq!((shipment.carrier, shipment.tracking_number), (ship.carrier.clone(), ship.tracking_number.clone()));
    assert_eq!((sent.status, shipment.estimated_delivery), (OrderStatus::Shipped, ship.estimated_delivery));
    let voucher =
        eventually("the voucher is issued", || async { world.client.voucher_issued(order.id).await.unwrap() });
    let voucher = voucher.await;
    let deliver = Deliver { recipient: "Charles".to_owned() };
    let delivered = world.client.deliver(order.id, &deliver, &key()).await.unwrap().value;
    assert_eq!(delivered.shipment.unwrap().recipient.as_deref(), Some("Charles"));

    let mails = world.mails_about(&order).await;
    let [(voucher_news, voucher_text), (confirmed, confirmed_text), (shipped, shipped_text)] = mails.as_slice() else {
        panic!("{mails:?}")
    };
    assert_eq!([voucher_news, confirmed, shipped], ["brought you a voucher", "is confirmed", "is on its way"]);
    assert!(confirmed_text.contains("Your invoice is "), "{confirmed_text}");
    assert!(shipped_text.contains("Snail Post brings it; the number of the parcel is SP-77."), "{shipped_text}");
    assert!(shipped_text.contains("It should arrive around 2030-05-04."), "{shipped_text}");
    assert!(voucher_text.contains(voucher.code.as_str()) && voucher_text.contains("5.00 EUR"), "{voucher_text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refund_brings_one_mail_with_its_amount_and_its_credit_note() {
    let world = World::open().await;
    let order = world.buy_at_price(10_000).await;
    let refund = RefundOrder { amount: Some(Money::new(100, Currency::EUR)), reason: "a scratch".to_owned() };
    let once = key();
    for _ in 0..2 {
        world.client.refund(order.id, &refund, &once).await.unwrap();
    }
    let written = async |notes: usize| {
        eventually("the credit notes are written", || async {
            let invoice = world.client.invoice(order.invoice.as_ref().unwrap()).await.unwrap().unwrap();
            Some(invoice.credit_notes).filter(|written| written.len() == notes)
        })
        .await
    };
    written(1).await;
    let cancel = Cancel { reason: "changed my mind".to_owned() };
    world.client.cancel(order.id, &cancel, &key()).await.unwrap();
    let notes = written(2).await;

    let mails = world.mails_about(&order).await;
    let news: Vec<&str> = mails.iter().map(|(news, _)| news.as_str()).collect();
    let in_part = "has been refunded in part";
    assert_eq!(news, ["has been refunded", in_part, "is cancelled", "is confirmed"], "the last part completes the sum");
    for (note, amount) in notes.iter().zip(["1.00 EUR", "99.00 EUR"]) {
        let text = format!("We have sent {amount} back to you");
        let about = mails.iter().filter(|(_, mail)| mail.contains(&text) && mail.contains(&note.number));
        assert_eq!(about.count(), 1, "{} over {amount} in {mails:?}", note.number);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn money_that_came_too_late_goes_back_with_a_mail_and_no_invoice() {
    let world = World::open().await;
    let basket = world.a_basket(&world.product_at(10_000).await.id, 1).await;
    world.buy(&basket, "pm_card_slow").await.unwrap();
    eventually("the card is being charged", || async {
        world.event_types(basket.id).await.contains(&"payment.intent_created".to_owned()).then_some(())
    })
    .await;
    world.client.cancel(basket.id, &Cancel { reason: "too slow".to_owned() }, &key()).await.unwrap();
    let mail = eventually("the refund is told of", || async {
        world.mocks.mailbox().messages().into_iter().find(|mail| mail.subject.ends_with("has been refunded"))
    })
    .await;
    assert!(mail.text.contains("We have sent 100.00 EUR back to you"), "{}", mail.text);
    assert!(!mail.text.contains("credit note"), "there was no invoice: {}", mail.text);
    world.wait_until_settled().await;
    let order = world.client.order(basket.id).await.unwrap().unwrap();
    assert_eq!((order.status, order.invoice), (OrderStatus::Cancelled, None));
    let history = world.event_types(basket.id).await;
    assert!(!history.iter().any(|kind| kind.starts_with("invoice.")), "{history:?}");
    let mails = world.mocks.mailbox().messages();
    let mails_about = |news: &str| mails.iter().filter(|mail| mail.subject.ends_with(news)).count();
    assert_eq!(
        (mails.len(), mails_about("is cancelled"), mails_about("has been refunded")),
        (2, 1, 1),
        "and not that it is confirmed"
    );
    let back: i64 = world.mocks.card_gateway().refunds().iter().map(|refund| refund.amount).sum();
    assert_eq!(back, 10_000);
}
