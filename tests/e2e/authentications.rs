//! Payments with delays: cards that require authentication, and orders that are cancelled before they are paid.
//! Whatever the card gateway captures belongs to an order in the end, and no intent is left open.

use std::time::Duration;

use storefront_api::{Cancel, Order, OrderStatus, PaymentStatus, ReopenReason};
use storefront_client::IdempotencyKey;
use storefront_mocks::{IntentStatus, Stub};

use crate::money::{a_customer, balance};
use crate::world::{VISA, World, checkout, current_stock, eventually};

/// A card whose bank wants to hear from its owner.
const AUTHENTICATION_CARD: &str = "pm_card_authenticationRequired";

impl World {
    /// Buys with a card whose bank asks, and waits until it does.
    async fn check_out_with_authentication(&self, basket: &Order) -> Order {
        self.buy(basket, AUTHENTICATION_CARD).await.unwrap();
        eventually("the bank asks", || async {
            let order = self.client.order(basket.id).await.unwrap().unwrap();
            (order.payment_status == PaymentStatus::AuthenticationRequired).then_some(order)
        })
        .await
    }

    /// The card's owner answers on the page of the bank.
    async fn authenticate(&self, order: &Order, outcome: &str) -> reqwest::StatusCode {
        let page = &order.payment_action.as_ref().expect("the order says where").url;
        let asked = reqwest::get(page).await.unwrap();
        assert!(asked.status().is_success());
        let answer = reqwest::Client::new().post(page).header("accept", "text/html").form(&[("outcome", outcome)]);
        answer.send().await.unwrap().status()
    }

    /// Waits until the gateway has as many intents as said, none of them open.
    async fn wait_for_closed_intents(&self, paid: usize, cancelled: usize) {
        eventually("every intent has ended", || async {
            let intents = self.mocks.card_gateway().intents();
            let are = |status| intents.iter().filter(|intent| intent.status == status).count();
            let ended = (are(IntentStatus::Succeeded), are(IntentStatus::Canceled)) == (paid, cancelled);
            (ended && intents.len() == paid + cancelled).then_some(())
        })
        .await;
    }

    async fn gives_up(&self, order: &Order) {
        let cancel = Cancel { reason: "changed my mind".to_owned() };
        self.client.cancel(order.id, &cancel, &IdempotencyKey::new()).await.unwrap();
        self.wait_for_status(order.id, OrderStatus::Cancelled).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_waits_for_its_cards_owner_and_goes_on_by_itself_when_the_bank_is_content() {
    for told_by_the_gateway in [true, false] {
        let world = World::open().await;
        if told_by_the_gateway {
            world.enable_webhooks();
        }
        let product = world.product_with(1).await;
        let basket = world.a_basket(&product.id, 1).await;
        let waits = world.check_out_with_authentication(&basket).await;
        assert_eq!(waits.status, OrderStatus::CheckedOut);
        let action = waits.payment_action.clone().unwrap();
        let waited_for = action.expires_at.unix_ms() - waits.checked_out_at.unwrap().unix_ms();
        assert!((800_000..=960_000).contains(&waited_for), "as long as its goods are kept: {waited_for} ms");
        assert_eq!(current_stock(&world.client, &product.id).await.reserved, 1);
        let steps = world.timeline(basket.id).await.steps;
        let payment = steps.iter().find(|step| step.name == "payment").unwrap();
        assert!(payment.detail.as_ref().unwrap().contains(&action.url), "{payment:?}");
        assert_eq!(world.mocks.card_gateway().charges(), []);

        // The browser comes back to a page of the shop.
        assert!(world.authenticate(&waits, "passed").await.is_success());
        let confirmed = world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
        assert_eq!((confirmed.payment_status, confirmed.payment_action), (PaymentStatus::Paid, None));
        assert_eq!(world.mocks.card_gateway().charges().len(), 1);
        world.wait_for_closed_intents(1, 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_authentication_is_a_decline_and_leaves_no_intent_open() {
    let world = World::open().await;
    let product = world.product_with(1).await;
    let basket = world.a_basket(&product.id, 1).await;
    let waits = world.check_out_with_authentication(&basket).await;
    world.authenticate(&waits, "failed").await;
    let reopened = world.wait_for_status(basket.id, OrderStatus::InProgress).await;
    let Some(ReopenReason::PaymentDeclined { reason, .. }) = &reopened.reopened_because else { panic!("{reopened:?}") };
    assert_eq!(reason, "authentication_required");
    assert_eq!(current_stock(&world.client, &product.id).await.reserved, 0);
    world.wait_for_closed_intents(0, 1).await;
    // Another card pays once.
    world.buy(&reopened, VISA).await.unwrap();
    world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
    assert_eq!(world.mocks.card_gateway().paid_charges_with("order_id", &basket.id.to_string()).len(), 1);
    world.wait_for_closed_intents(1, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authentication_that_is_given_up_can_not_be_passed_any_more() {
    let world = World::open().await;
    let basket = world.a_basket(&world.product_with(1).await.id, 1).await;
    let waits = world.check_out_with_authentication(&basket).await;
    world.gives_up(&waits).await;
    world.wait_for_closed_intents(0, 1).await;
    assert_eq!(world.authenticate(&waits, "passed").await, 400);
    assert_eq!(world.mocks.card_gateway().charges(), []);
    let order = world.client.order(basket.id).await.unwrap().unwrap();
    assert_eq!((order.payment_status, order.payment_action), (PaymentStatus::None, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authentication_that_takes_too_long_gives_the_goods_back_and_ends_the_intent() {
    let world = World::open_with(|config| config.reservation_life = Duration::from_secs(1)).await;
    let product = world.product_with(1).await;
    let basket = world.a_basket(&product.id, 1).await;
    let waits = world.check_out_with_authentication(&basket).await;
    let reopened = world.wait_for_status(basket.id, OrderStatus::InProgress).await;
    assert_eq!(reopened.reopened_because, Some(ReopenReason::ReservationExpired));
    world.wait_for_closed_intents(0, 1).await;
    assert_eq!(world.authenticate(&waits, "passed").await, 400);
    assert_eq!(current_stock(&world.client, &product.id).await.reserved, 0);
    assert_eq!(world.mocks.card_gateway().charges(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cancelled_before_it_is_charged_never_is() {
    let world = World::open().await;
    let product = world.product_with(3).await;
    let key = IdempotencyKey::new;

    // While nobody takes payments.
    let paused = world.a_basket(&product.id, 1).await;
    world.client.pause_process("payments", &key()).await.unwrap();
    let checked_out = world.buy(&paused, VISA).await.unwrap();
    eventually("the payment is asked for", || async {
        world.event_types(paused.id).await.contains(&"payment.requested".to_owned()).then_some(())
    })
    .await;
    world.gives_up(&checked_out).await;
    eventually("the payment is cancelled", || async {
        world.event_types(paused.id).await.contains(&"payment.cancelled".to_owned()).then_some(())
    })
    .await;
    world.client.resume_process("payments", &key()).await.unwrap();
    world.wait_for_closed_intents(0, 1).await;

    // While the gateway is away.
    world.set_outage(Stub::Cards, true);
    let away = world.a_basket(&product.id, 1).await;
    let checked_out = world.buy(&away, VISA).await.unwrap();
    eventually("the gateway does not answer", || async {
        world.event_types(away.id).await.contains(&"payment.outcome_unknown".to_owned()).then_some(())
    })
    .await;
    world.gives_up(&checked_out).await;
    world.set_outage(Stub::Cards, false);
    world.wait_for_closed_intents(0, 2).await;

    world.wait_until_idle().await;
    assert_eq!(world.mocks.card_gateway().charges(), []);
    for id in [paused.id, away.id] {
        let history = world.event_types(id).await;
        let money = ["payment.succeeded", "payment.refund_requested", "payment.refunded"];
        assert!(!history.iter().any(|kind| money.contains(&kind.as_str())), "{history:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_does_not_pay_for_what_is_cancelled_before() {
    let world = World::open().await;
    let product = world.product_with(1).await;
    let (ada, _) = a_customer(&world.client, 100_000).await;
    let add = storefront_api::AddItem { product_id: product.id.clone(), quantity: 1 };
    let basket = ada.add_item(crate::world::an_order(), &add, &IdempotencyKey::new()).await.unwrap().value;
    world.client.pause_process("wallets", &IdempotencyKey::new()).await.unwrap();
    let buy = checkout(&basket, storefront_api::PaymentMethod::Wallet);
    let checked_out = ada.checkout(basket.id, &buy, &IdempotencyKey::new()).await.unwrap().value;
    eventually("the payment is asked for", || async {
        world.event_types(basket.id).await.contains(&"payment.requested".to_owned()).then_some(())
    })
    .await;
    world.gives_up(&checked_out).await;
    eventually("the payment is cancelled", || async {
        world.event_types(basket.id).await.contains(&"payment.cancelled".to_owned()).then_some(())
    })
    .await;
    world.client.resume_process("wallets", &IdempotencyKey::new()).await.unwrap();
    world.wait_until_idle().await;
    assert_eq!(balance(&ada).await, 100_000);
    let history = world.event_types(basket.id).await;
    assert!(!history.iter().any(|kind| kind.starts_with("wallet.c")), "{history:?}");
}
