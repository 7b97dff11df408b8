//! Wallets, spending limits and vouchers.

use reqwest::Method;
use serde_json::{Value, json};
use storefront_api::{
    AddItem, Cancel, Currency, CustomerId, Money, MovementKind, MovementsQuery, Order, OrderId, OrderStatus,
    PaymentMethod, PaymentStatus, Product, ProductQuery, RegisterCustomer, ReopenReason, RevokeVoucher, Ship, TopUp,
    Voucher, VoucherStatus,
};
use storefront_client::{Client, ClientError, IdempotencyKey};
use uuid::Uuid;

use crate::world::{DECLINED, VISA, World, an_order, card, checkout, eventually};

fn euro(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

fn key() -> IdempotencyKey {
    IdempotencyKey::new()
}

/// Registers a customer, and puts so much into their wallet.
pub(crate) async fn a_customer(client: &Client, money: i64) -> (Client, CustomerId) {
    let id = client.register(&RegisterCustomer::default(), &key()).await.unwrap().value.id;
    if money > 0 {
        let top_up = TopUp { amount: euro(money), reason: "savings".to_owned() };
        client.top_up(id, &top_up, &key()).await.unwrap();
    }
    (client.of_customer(id), id)
}

pub(crate) async fn balance(client: &Client) -> i64 {
    client.wallet().await.unwrap().expect("there is a wallet").balance.amount
}

/// Starts an order on behalf of whoever the client is.
async fn a_basket(client: &Client, product: &Product, quantity: u32) -> Order {
    let add = AddItem { product_id: product.id.clone(), quantity };
    client.add_item(an_order(), &add, &key()).await.unwrap().value
}

async fn buy(client: &Client, basket: &Order, method: PaymentMethod) -> Result<Order, ClientError> {
    client.checkout(basket.id, &checkout(basket, method), &key()).await.map(|written| written.value)
}

fn refusal(error: &ClientError) -> (u16, &str) {
    let problem = error.problem().expect("it is refused");
    (problem.status, problem.code.as_str())
}

impl World {
    /// A product that costs so much, with plenty on the shelf.
    pub(crate) async fn product_at(&self, price: i64) -> Product {
        let (price_min, price_max) = (Some(price), Some(price));
        let query = ProductQuery { price_min, price_max, limit: Some(1), ..ProductQuery::default() };
        let product = self.client.products(&query).await.unwrap().items.remove(0);
        self.receive_stock(&product.id, 50).await;
        product
    }

    /// Buys a product of this price for whoever the client is, and sends it.
    async fn shipped(&self, client: &Client, price: i64) -> OrderId {
        let basket = a_basket(client, &self.product_at(price).await, 1).await;
        buy(client, &basket, PaymentMethod::None).await.unwrap();
        self.wait_for_status(basket.id, OrderStatus::Confirmed).await;
        let ship =
            Ship { carrier: "Snail Post".to_owned(), tracking_number: "SP-1".to_owned(), estimated_delivery: None };
        client.ship(basket.id, &ship, &key()).await.unwrap();
        basket.id
    }

    /// The voucher that an order of 100.01 brings.
    pub(crate) async fn a_voucher(&self, client: &Client) -> Voucher {
        let order = self.shipped(client, 10_001).await;
        eventually("the voucher is issued", || async { client.voucher_issued(order).await.unwrap() }).await
    }

    async fn voucher_status(&self, voucher: &Voucher) -> VoucherStatus {
        self.client.voucher_issued(voucher.issued_for).await.unwrap().unwrap().status
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn registering_opens_exactly_one_wallet_however_often_it_is_sent() {
    let world = World::open_with(|config| config.terms.opening_balance = 777).await;
    let register = RegisterCustomer { id: Some(CustomerId(Uuid::now_v7())), ..RegisterCustomer::default() };
    let once = key();
    let first = world.client.register(&register, &once).await.unwrap();
    let again = world.client.register(&register, &once).await.unwrap();
    assert_eq!((again.replayed, again.value.id), (true, first.value.id));
    let refused = world.client.register(&register, &key()).await.unwrap_err();
    assert_eq!(refusal(&refused), (409, "customer_exists"));
    let client = world.client.of_customer(first.value.id);
    assert_eq!(client.wallet().await.unwrap().map(|wallet| (wallet.balance, wallet.version)), Some((euro(777), 1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_with_just_enough_pays_and_one_with_a_cent_less_is_left_alone() {
    let world = World::open().await;
    let product = world.product_at(10_001).await;
    let (ada, _) = a_customer(&world.client, 10_001).await;
    let basket = a_basket(&ada, &product, 1).await;
    buy(&ada, &basket, PaymentMethod::Wallet).await.unwrap();
    let order = world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
    assert_eq!((order.payment_status, balance(&ada).await), (PaymentStatus::Paid, 0));
    let history = world.event_types(basket.id).await;
    assert_eq!(history.iter().filter(|kind| *kind == "wallet.charged").count(), 1, "{history:?}");
    assert_eq!(world.mocks.card_gateway().charges().len(), 0);

    let (bob, _) = a_customer(&world.client, 10_000).await;
    let basket = a_basket(&bob, &product, 1).await;
    buy(&bob, &basket, PaymentMethod::Wallet).await.unwrap();
    let order = world.wait_for_status(basket.id, OrderStatus::InProgress).await;
    let Some(ReopenReason::PaymentDeclined { reason, message }) = order.reopened_because else { panic!("{order:?}") };
    assert_eq!(reason, "insufficient_funds");
    assert!(message.contains("100.00 EUR"), "{message}");
    assert_eq!(balance(&bob).await, 10_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_order_credits_its_payer_once_and_the_movements_tell() {
    let world = World::open().await;
    let (ada, _) = a_customer(&world.client, 20_000).await;
    let basket = a_basket(&ada, &world.product_at(10_000).await, 1).await;
    buy(&ada, &basket, PaymentMethod::Wallet).await.unwrap();
    world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
    let cancel = Cancel { reason: "changed my mind".to_owned() };
    ada.cancel(basket.id, &cancel, &key()).await.unwrap();
    eventually("the money is back", || async { (balance(&ada).await == 20_000).then_some(()) }).await;
    assert_eq!(refusal(&ada.cancel(basket.id, &cancel, &key()).await.unwrap_err()), (409, "order_state"));
    let order = world.client.order(basket.id).await.unwrap().unwrap();
    assert_eq!((order.status, order.payment_status), (OrderStatus::Cancelled, PaymentStatus::Refunded));

    let page = ada.movements(&MovementsQuery { limit: Some(3), cursor: None }).await.unwrap();
    let told: Vec<_> = page.items.iter().map(|item| (item.kind, item.amount.amount, item.balance.amount)).collect();
    let newest = [
        (MovementKind::Credited, 10_000, 20_000),
        (MovementKind::Charged, -10_000, 10_000),
        (MovementKind::ToppedUp, 20_000, 20_000),
    ];
    assert_eq!((told.as_slice(), page.total), (newest.as_slice(), 4));
    assert_eq!(page.items[0].order_id, Some(basket.id));
    let rest = ada.movements(&MovementsQuery { limit: Some(3), cursor: page.next_cursor }).await.unwrap();
    assert_eq!((rest.items[0].kind, rest.items.len(), rest.next_cursor), (MovementKind::Opened, 1, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_top_up_repeated_with_its_key_puts_the_money_in_once() {
    let world = World::open().await;
    let (ada, id) = a_customer(&world.client, 0).await;
    let top_up = TopUp { amount: euro(500), reason: "a present".to_owned() };
    let once = key();
    for replayed in [false, true, true] {
        let written = world.client.top_up(id, &top_up, &once).await.unwrap();
        assert_eq!((written.replayed, written.value.balance), (replayed, euro(500)));
    }
    assert_eq!(balance(&ada).await, 500);
    let too_much = TopUp { amount: euro(i64::MAX), ..top_up };
    assert_eq!(refusal(&world.client.top_up(id, &too_much, &key()).await.unwrap_err()), (409, "balance_too_large"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_costs_more_than_the_spending_limit_is_hidden_and_refused_at_add_and_at_checkout() {
    let world = World::open_with(|config| config.terms.spending_limit = 10_000).await;
    let (dear, fair) = (world.product_at(10_001).await, world.product_at(10_000).await);
    let (ada, id) = a_customer(&world.client, 0).await;
    let seen = |client: Client| async move {
        let query = ProductQuery { price_min: Some(10_000), price_max: Some(10_001), ..ProductQuery::default() };
        client.products(&query).await.unwrap().items.into_iter().map(|product| product.id).collect::<Vec<_>>()
    };
    let (of_guest, of_ada) = (seen(world.client.clone()).await, seen(ada.clone()).await);
    assert!(of_guest.contains(&dear.id) && of_guest.contains(&fair.id), "a guest sees everything");
    assert!(!of_ada.contains(&dear.id) && of_ada.contains(&fair.id), "{of_ada:?}");

    let add = AddItem { product_id: dear.id.clone(), quantity: 1 };
    let refused = ada.add_item(an_order(), &add, &key()).await.unwrap_err();
    assert_eq!(refusal(&refused), (409, "over_spending_limit"));
    assert_eq!(refused.problem().unwrap().product_ids, [dear.id]);

    let basket = a_basket(&ada, &fair, 1).await;
    assert_eq!(world.client.set_limit(id, euro(9_999)).await.unwrap().value.spending_limit, euro(9_999));
    let refused = buy(&ada, &basket, card(VISA)).await.unwrap_err();
    assert_eq!(refusal(&refused), (409, "lines_not_buyable"));
    assert_eq!(refused.problem().unwrap().product_ids, [fair.id]);
    world.client.set_limit(id, euro(10_000)).await.unwrap();
    buy(&ada, &basket, card(VISA)).await.unwrap();
    world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_of_100_01_brings_its_customer_one_voucher_and_one_of_100_00_none() {
    let world = World::open().await;
    let (ada, id) = a_customer(&world.client, 0).await;
    let none = world.shipped(&ada, 10_000).await;
    let voucher = world.a_voucher(&ada).await;
    assert_eq!((voucher.amount, voucher.customer_id), (euro(500), Some(id)));
    // Events are taken in order: what was sent before was dealt with before.
    let shipped_at = world.head().await;
    eventually("the vouchers have caught up", || async {
        let url = format!("{}/v1/processes", world.server.url());
        let all: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
        let of_vouchers =
            all["items"].as_array().unwrap().iter().find(|process| process["name"] == "vouchers").cloned();
        (of_vouchers.unwrap()["position"].as_u64().unwrap() >= shipped_at).then_some(())
    })
    .await;
    assert_eq!(ada.voucher_issued(none).await.unwrap(), None);
    let listed = eventually("the list has it", || async {
        Some(ada.vouchers().await.unwrap().items).filter(|items| !items.is_empty())
    })
    .await;
    assert_eq!(listed, std::slice::from_ref(&voucher));
    let history = world.event_types(voucher.issued_for).await;
    assert_eq!(history.iter().filter(|kind| *kind == "voucher.issued").count(), 1, "{history:?}");
    let (bob, _) = a_customer(&world.client, 0).await;
    assert_eq!(bob.vouchers().await.unwrap().items, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_finds_the_voucher_by_the_order_and_a_total_of_nothing_needs_no_gateway() {
    let world = World::open().await;
    let voucher = world.a_voucher(&world.client).await;
    assert_eq!(voucher.customer_id, None);
    let basket = a_basket(&world.client, &world.product_at(250).await, 2).await;
    let basket = world.client.apply_voucher(basket.id, &voucher.code).await.unwrap().value;
    assert_eq!((basket.subtotal, basket.discount, basket.total), (euro(500), euro(500), euro(0)));
    assert!(basket.tax.iter().all(|tax| tax.amount == euro(0)), "{:?}", basket.tax);
    assert_eq!(basket.voucher, Some(voucher.code.clone()));
    buy(&world.client, &basket, card(DECLINED)).await.unwrap();
    let order = world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
    assert_eq!((order.total, order.payment_status), (euro(0), PaymentStatus::Paid));
    assert_eq!(world.mocks.card_gateway().charges().len(), 0, "nobody was asked for nothing");
    assert_eq!(world.voucher_status(&voucher).await, VoucherStatus::Redeemed);
    let history = world.event_types(basket.id).await;
    for kind in ["order.voucher_applied", "voucher.reserved", "checkout.voucher_reserved", "voucher.redeemed"] {
        assert_eq!(history.iter().filter(|found| *found == kind).count(), 1, "{kind} in {history:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_orders_with_one_voucher_at_once_one_gets_it_and_the_other_comes_back_with_the_reason() {
    let world = World::open().await;
    let (ada, _) = a_customer(&world.client, 0).await;
    let voucher = world.a_voucher(&ada).await;
    let product = world.product_at(10_000).await;
    let mut baskets = Vec::new();
    for _ in 0..2 {
        let basket = a_basket(&ada, &product, 1).await;
        baskets.push(ada.apply_voucher(basket.id, &voucher.code).await.unwrap().value);
    }
    let (one, two) = tokio::join!(buy(&ada, &baskets[0], card(VISA)), buy(&ada, &baskets[1], card(VISA)));
    let mut ends = Vec::new();
    for accepted in [one.unwrap(), two.unwrap()] {
        ends.push(
            eventually("the checkout has ended", || async {
                let order = ada.order(accepted.id).await.unwrap().unwrap();
                (order.status != OrderStatus::CheckedOut).then_some(order)
            })
            .await,
        );
    }
    ends.sort_by_key(|order| order.status == OrderStatus::Confirmed);
    let [lost, won] = ends.as_slice() else { panic!("{ends:?}") };
    assert_eq!((won.status, won.total), (OrderStatus::Confirmed, euro(9_500)));
    assert_eq!((lost.status, lost.total, lost.voucher.as_ref()), (OrderStatus::InProgress, euro(10_000), None));
    let reason = ReopenReason::VoucherUnavailable { voucher: voucher.code.clone() };
    assert_eq!(lost.reopened_because, Some(reason));
    let paid: Vec<_> = world.mocks.card_gateway().charges().iter().map(|charge| charge.amount).collect();
    assert_eq!(paid, [9_500]);
    assert_eq!(world.voucher_status(&voucher).await, VoucherStatus::Redeemed);
    let again = ada.apply_voucher(lost.id, &voucher.code).await.unwrap_err();
    assert_eq!(refusal(&again), (409, "voucher_not_usable"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_card_and_a_cancel_before_confirmation_release_the_voucher() {
    let world = World::open().await;
    let (ada, _) = a_customer(&world.client, 0).await;
    let voucher = world.a_voucher(&ada).await;
    let basket = a_basket(&ada, &world.product_at(10_000).await, 1).await;
    let basket = ada.apply_voucher(basket.id, &voucher.code).await.unwrap().value;
    buy(&ada, &basket, card(DECLINED)).await.unwrap();
    let reopened = world.wait_for_status(basket.id, OrderStatus::InProgress).await;
    assert_eq!(world.voucher_status(&voucher).await, VoucherStatus::Issued);
    assert_eq!(reopened.total, euro(9_500), "the basket still wants it");

    buy(&ada, &reopened, card("pm_card_slow")).await.unwrap();
    eventually("the voucher is kept for the order", || async {
        (world.voucher_status(&voucher).await == VoucherStatus::Reserved).then_some(())
    })
    .await;
    ada.cancel(basket.id, &Cancel { reason: "too slow".to_owned() }, &key()).await.unwrap();
    eventually("the voucher is free again", || async {
        (world.voucher_status(&voucher).await == VoucherStatus::Issued).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voucher_works_for_its_owner_only_and_can_be_taken_off_again() {
    let world = World::open().await;
    let (ada, _) = a_customer(&world.client, 0).await;
    let (bob, _) = a_customer(&world.client, 0).await;
    let voucher = world.a_voucher(&ada).await;
    let product = world.product_at(10_000).await;
    for stranger in [&bob, &world.client] {
        let basket = a_basket(stranger, &product, 1).await;
        let refused = stranger.apply_voucher(basket.id, &voucher.code).await.unwrap_err();
        assert_eq!(refusal(&refused), (404, "voucher_not_found"));
        assert_eq!(stranger.order(basket.id).await.unwrap().unwrap().version, basket.version);
    }
    let basket = a_basket(&ada, &product, 1).await;
    assert_eq!(ada.apply_voucher(basket.id, &voucher.code).await.unwrap().value.total, euro(9_500));
    let without = ada.remove_voucher(basket.id).await.unwrap().value;
    assert_eq!((without.total, without.voucher), (euro(10_000), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voucher_that_was_taken_back_is_listed_as_such_and_can_no_longer_be_used() {
    let world = World::open().await;
    let (ada, _) = a_customer(&world.client, 0).await;
    let (voucher, product) = (world.a_voucher(&ada).await, world.product_at(10_000).await);
    let applied = a_basket(&ada, &product, 1).await;
    let applied = ada.apply_voucher(applied.id, &voucher.code).await.unwrap().value;
    world.wait_until_idle().await;
    let revoke = RevokeVoucher { reason: "printed by mistake".to_owned() };
    let once = key();
    for replayed in [false, true] {
        let written = world.client.revoke_voucher(&voucher.code, &revoke, &once).await.unwrap();
        assert_eq!((written.replayed, written.value.status), (replayed, VoucherStatus::Revoked));
    }
    let head = world.head().await;
    let again = world.client.revoke_voucher(&voucher.code, &revoke, &key()).await.unwrap().value;
    assert_eq!((again.status, again.used_by), (VoucherStatus::Revoked, None));
    assert_eq!(world.head().await, head, "a second time changes nothing");
    let listed = eventually("the list says so", || async {
        let items = ada.vouchers().await.unwrap().items;
        items.into_iter().find(|item| item.status == VoucherStatus::Revoked)
    })
    .await;
    assert_eq!(listed.code, voucher.code);
    assert_eq!(world.voucher_status(&voucher).await, VoucherStatus::Revoked);
    let told = world.event_types(voucher.issued_for).await;
    assert_eq!(told.last().map(String::as_str), Some("voucher.revoked"), "{told:?}");

    let other = a_basket(&ada, &product, 1).await;
    let refused = ada.apply_voucher(other.id, &voucher.code).await.unwrap_err();
    assert_eq!(refusal(&refused), (409, "voucher_not_usable"));
    assert_eq!(refused.problem().unwrap().detail, "The voucher is no longer valid.");
    buy(&ada, &applied, card(VISA)).await.unwrap();
    let back = world.wait_for_status(applied.id, OrderStatus::InProgress).await;
    assert_eq!(back.reopened_because, Some(ReopenReason::VoucherUnavailable { voucher: voucher.code.clone() }));
    assert_eq!((back.total, back.voucher), (euro(10_000), None));
    assert_eq!(world.mocks.card_gateway().charges().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voucher_that_was_used_or_never_was_cannot_be_taken_back() {
    let world = World::open().await;
    let voucher = world.a_voucher(&world.client).await;
    let basket = a_basket(&world.client, &world.product_at(10_000).await, 1).await;
    let basket = world.client.apply_voucher(basket.id, &voucher.code).await.unwrap().value;
    buy(&world.client, &basket, card(VISA)).await.unwrap();
    world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
    let revoke = |reason: &str| RevokeVoucher { reason: reason.to_owned() };
    let used = world.client.revoke_voucher(&voucher.code, &revoke("too late"), &key()).await.unwrap_err();
    assert_eq!(refusal(&used), (409, "voucher_not_usable"));
    assert_eq!(used.problem().unwrap().detail, "The voucher was used.");
    let unknown = world.client.revoke_voucher(&"zzzzz".parse().unwrap(), &revoke("x"), &key()).await.unwrap_err();
    assert_eq!(refusal(&unknown), (404, "voucher_not_found"));
    let silent = world.client.revoke_voucher(&voucher.code, &revoke(" "), &key()).await.unwrap_err();
    assert_eq!(refusal(&silent), (422, "invalid_values"));
    assert_eq!(world.voucher_status(&voucher).await, VoucherStatus::Redeemed);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_about_money_gets_the_exact_problem_and_writes_nothing() {
    let world = World::open().await;
    let (_, id) = a_customer(&world.client, 0).await;
    let product = world.product_at(10_000).await;
    let of_guest = a_basket(&world.client, &product, 1).await;
    let (nobody, order) = (Uuid::now_v7(), of_guest.id);
    let top_up =
        |amount: i64, currency: &str| json!({"amount": {"amount": amount, "currency": currency}, "reason": "x"});
    let limit = |amount: i64, currency: &str| json!({"spending_limit": {"amount": amount, "currency": currency}});
    let by_wallet = serde_json::to_value(checkout(&of_guest, PaymentMethod::Wallet)).unwrap();
    let add = json!({"product_id": product.id, "quantity": 1});
    let (post, put, get) = (Method::POST, Method::PUT, Method::GET);
    let top_ups = format!("/v1/wallets/{id}/top-ups");
    let none = Value::Null;
    let nobodys = Some(nobody.to_string());
    let wrongs = [
        (&post, top_ups.clone(), None, top_up(0, "EUR"), 422, "invalid_values"),
        (&post, top_ups.clone(), None, top_up(-5, "EUR"), 422, "invalid_values"),
        (&post, top_ups.clone(), None, top_up(5, "JPY"), 422, "invalid_values"),
        (&post, format!("/v1/wallets/{nobody}/top-ups"), None, top_up(5, "EUR"), 404, "wallet_not_found"),
        (&put, format!("/v1/customers/{id}/limit"), None, limit(-1, "EUR"), 422, "invalid_values"),
        (&put, format!("/v1/customers/{id}/limit"), None, limit(5, "JPY"), 422, "invalid_values"),
        (&put, format!("/v1/customers/{nobody}/limit"), None, limit(5, "EUR"), 404, "customer_not_found"),
        (&post, "/v1/customers".to_owned(), None, json!({"id": "ada"}), 422, "invalid_values"),
        (&put, format!("/v1/orders/{order}/voucher"), None, json!({"code": "no!"}), 422, "invalid_values"),
        (&put, format!("/v1/orders/{order}/voucher"), None, json!({"code": "zzzzz"}), 404, "voucher_not_found"),
        (&post, format!("/v1/orders/{order}/checkout"), None, by_wallet, 422, "invalid_values"),
        (&post, format!("/v1/orders/{}/items", an_order()), nobodys.clone(), add.clone(), 404, "customer_not_found"),
        (&post, format!("/v1/orders/{order}/items"), Some("ada".to_owned()), add, 400, "invalid_customer"),
        (&get, "/v1/products".to_owned(), nobodys.clone(), none.clone(), 404, "customer_not_found"),
        (&get, "/v1/wallet".to_owned(), None, none.clone(), 400, "customer_required"),
        (&get, "/v1/wallet".to_owned(), nobodys.clone(), none.clone(), 404, "wallet_not_found"),
        (&get, "/v1/wallet/movements".to_owned(), nobodys, none.clone(), 404, "wallet_not_found"),
        (&get, "/v1/wallet/movements?cursor=x".to_owned(), Some(id.to_string()), none.clone(), 422, "invalid_values"),
        (&get, "/v1/vouchers".to_owned(), None, none.clone(), 400, "customer_required"),
        (&get, format!("/v1/orders/{order}/voucher-issued"), None, none, 404, "voucher_not_found"),
    ];
    let head = world.head().await;
    let http = reqwest::Client::new();
    for (method, path, customer, body, status, code) in wrongs {
        let mut request = http.request(method.clone(), format!("{}{path}", world.server.url()));
        request = request.header("idempotency-key", key().to_string());
        if let Some(customer) = customer {
            request = request.header("storefront-customer", customer);
        }
        if !body.is_null() {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let got = answer.status().as_u16();
        let problem: Value = answer.json().await.unwrap();
        assert_eq!((got, problem["code"].as_str()), (status, Some(code)), "{method} {path} {body}: {problem}");
    }
    let keyless = http.post(format!("{}{top_ups}", world.server.url())).json(&top_up(5, "EUR")).send().await.unwrap();
    assert_eq!(keyless.json::<Value>().await.unwrap()["code"], "idempotency_key_required");
    assert_eq!(world.head().await, head, "something was written");
}
