//! Shopping from the first item to the delivery, with the refusals on the way.

use storefront_api::{Cancel, OrderListQuery, OrderStatus, PaymentStatus, ReopenReason, StepState};
use storefront_client::IdempotencyKey;
use storefront_mocks::{Faults, Stub};

use crate::world::{DECLINED, VISA, WAIT_TIMEOUT, World, an_order, card, checkout, current_stock, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_basket_becomes_a_confirmed_order_with_one_charge_and_one_mail() {
    let world = World::open().await;
    let product = world.product_with(10).await;
    let basket = world.a_basket(&product.id, 2).await;
    assert_eq!(basket.total.amount, product.price.amount * 2);

    let accepted = world.buy(&basket, VISA).await.unwrap();
    assert_eq!(accepted.status, OrderStatus::CheckedOut);
    let order = world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
    let number = order.number.clone().expect("a confirmed order has a number");
    assert_eq!(order.payment_status, PaymentStatus::Paid);

    let mails = world.mocks.mailbox().wait_for(|mails| !mails.is_empty(), WAIT_TIMEOUT).await;
    assert_eq!(mails.len(), 1);
    assert!(mails[0].subject.contains(&number) || mails[0].text.contains(&number), "{:?}", mails[0]);
    let charges = world.mocks.card_gateway().charges();
    assert_eq!(charges.len(), 1);
    assert_eq!(charges[0].amount, order.total.amount);

    eventually("the mail is noted", || async {
        world.event_types(basket.id).await.contains(&"email.sent".to_owned()).then_some(())
    })
    .await;
    eventually("the invoice is written", || async {
        world.event_types(basket.id).await.contains(&"invoice.issued".to_owned()).then_some(())
    })
    .await;
    // The invoice comes after the confirmation, beside what else follows.
    let beside = ["invoice.issued", "order.invoiced", "register.entered"];
    let history = world.event_types(basket.id).await;
    let (invoice, history): (Vec<_>, Vec<_>) = history.into_iter().partition(|kind| beside.contains(&kind.as_str()));
    assert_eq!(invoice, beside);
    assert_eq!(
        history,
        [
            "order.started",
            "order.item_added",
            "order.checked_out",
            "stock.reserved",
            "checkout.started",
            "checkout.stock_reserved",
            "payment.requested",
            "payment.intent_created",
            "payment.succeeded",
            "order.confirmed",
            "stock.allocated",
            "checkout.payment_received",
            "checkout.completed",
            "email.requested",
            "email.sent",
        ]
    );
    let steps = world.timeline(basket.id).await.steps;
    assert!(steps.iter().all(|step| step.state == StepState::Done), "{steps:?}");

    let stock = current_stock(&world.client, &product.id).await;
    assert_eq!((stock.on_hand, stock.reserved), (product.available - 2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_of_an_order_names_its_cause() {
    let world = World::open().await;
    let basket = world.a_basket(&world.product_with(1).await.id, 1).await;
    world.buy(&basket, VISA).await.unwrap();
    world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
    let events = world.timeline(basket.id).await.events;
    let commands = ["order.started", "order.item_added", "order.checked_out"];
    for event in &events {
        let cause = event.causation_id.as_deref().expect("there is always a cause");
        let earlier = events.iter().find(|other| other.id.to_string() == cause);
        if commands.contains(&event.kind.as_str()) {
            assert!(earlier.is_none(), "{} was asked for by a request", event.kind);
        } else {
            assert!(earlier.is_some_and(|earlier| earlier.position < event.position), "{} has no cause", event.kind);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_card_reopens_the_basket_and_another_card_pays() {
    let world = World::open().await;
    let product = world.product_with(5).await;
    let basket = world.a_basket(&product.id, 3).await;
    world.buy(&basket, DECLINED).await.unwrap();
    let reopened = world.wait_for_status(basket.id, OrderStatus::InProgress).await;
    assert!(matches!(reopened.reopened_because, Some(ReopenReason::PaymentDeclined { .. })), "{reopened:?}");
    assert_eq!(reopened.items, basket.items);
    let stock = current_stock(&world.client, &product.id).await;
    assert_eq!((stock.on_hand, stock.reserved), (product.available, 0));
    let steps = world.timeline(basket.id).await.steps;
    assert_eq!((steps[0].state, steps[1].state), (StepState::Undone, StepState::Failed), "{steps:?}");

    world.buy(&reopened, VISA).await.unwrap();
    let order = world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
    assert_eq!(order.payment_status, PaymentStatus::Paid);
    let paid = world.mocks.card_gateway().charges().into_iter().filter(|charge| charge.paid).count();
    assert_eq!(paid, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_shoppers_and_one_unit_one_gets_it() {
    let world = World::open().await;
    let product = world.product_with(1).await;
    assert_eq!(product.available, 1);
    let (one, two) = (world.a_basket(&product.id, 1).await, world.a_basket(&product.id, 1).await);
    let (bought_one, bought_two) = tokio::join!(world.buy(&one, VISA), world.buy(&two, VISA));
    let mut ends = Vec::new();
    for (basket, bought) in [(one, bought_one), (two, bought_two)] {
        ends.push(match bought {
            Err(refusal) => {
                assert_eq!(refusal.problem().map(|problem| problem.code.as_str()), Some("lines_not_buyable"));
                OrderStatus::InProgress
            }
            Ok(_) => {
                eventually("the checkout has ended", || async {
                    let order = world.client.order(basket.id).await.unwrap().unwrap();
                    (order.status != OrderStatus::CheckedOut).then_some(order.status)
                })
                .await
            }
        });
    }
    ends.sort_by_key(|status| *status == OrderStatus::Confirmed);
    assert_eq!(ends, [OrderStatus::InProgress, OrderStatus::Confirmed]);
    let stock = current_stock(&world.client, &product.id).await;
    assert_eq!((stock.on_hand, stock.reserved), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_there_is_cannot_be_put_in() {
    let world = World::open().await;
    let product = world.product_with(1).await;
    let refusal = world.add(an_order(), &product.id, 2).await.unwrap_err();
    assert_eq!(refusal.problem().unwrap().code, "out_of_stock");
    assert_eq!(refusal.problem().unwrap().product_ids, [product.id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_that_went_while_the_basket_waited_is_reported_at_checkout() {
    let world = World::open().await;
    let product = world.product_with(1).await;
    let basket = world.a_basket(&product.id, 1).await;
    let other = world.a_basket(&product.id, 1).await;
    world.buy(&other, VISA).await.unwrap();
    world.wait_for_status(other.id, OrderStatus::Confirmed).await;
    eventually("the shelf is empty", || async {
        let product = world.client.product(&product.id).await.unwrap().unwrap();
        (product.available == 0).then_some(())
    })
    .await;
    let refusal = world.buy(&basket, VISA).await.unwrap_err();
    let problem = refusal.problem().unwrap();
    assert_eq!((problem.status, problem.code.as_str()), (409, "lines_not_buyable"));
    assert_eq!(problem.product_ids, [product.id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_order_gives_back_goods_and_money_once() {
    let world = World::open().await;
    let product = world.product_with(4).await;
    let basket = world.a_basket(&product.id, 4).await;
    world.buy(&basket, VISA).await.unwrap();
    world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
    let cancel = Cancel { reason: "changed my mind".to_owned() };
    world.client.cancel(basket.id, &cancel, &IdempotencyKey::new()).await.unwrap();
    eventually("the money is back", || async {
        let order = world.client.order(basket.id).await.unwrap().unwrap();
        (order.payment_status == PaymentStatus::Refunded).then_some(())
    })
    .await;
    let refunds = world.mocks.card_gateway().refunds();
    assert_eq!(refunds.iter().map(|refund| refund.amount).sum::<i64>(), basket.total.amount);
    assert_eq!(refunds.len(), 1);
    let stock = current_stock(&world.client, &product.id).await;
    assert_eq!((stock.on_hand, stock.reserved), (product.available, 0));
    let again = world.client.cancel(basket.id, &cancel, &IdempotencyKey::new()).await.unwrap_err();
    assert_eq!(again.problem().unwrap().status, 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_cancelled_while_its_card_is_slow_ends_refunded() {
    let world = World::open().await;
    let product = world.product_with(1).await;
    let basket = world.a_basket(&product.id, 1).await;
    world.buy(&basket, "pm_card_slow").await.unwrap();
    eventually("the card is being charged", || async {
        world.event_types(basket.id).await.contains(&"payment.intent_created".to_owned()).then_some(())
    })
    .await;
    let cancel = Cancel { reason: "too slow".to_owned() };
    world.client.cancel(basket.id, &cancel, &IdempotencyKey::new()).await.unwrap();
    eventually("the money is back", || async {
        let order = world.client.order(basket.id).await.unwrap().unwrap();
        (order.payment_status == PaymentStatus::Refunded).then_some(())
    })
    .await;
    let order = world.client.order(basket.id).await.unwrap().unwrap();
    assert_eq!(order.status, OrderStatus::Cancelled);
    let stock = current_stock(&world.client, &product.id).await;
    assert_eq!((stock.on_hand, stock.reserved), (product.available, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_of_the_gateway_is_asked_again_and_charges_once() {
    let world = World::open_with(|config| config.card_gateway_timeout = std::time::Duration::from_millis(500)).await;
    let basket = world.a_basket(&world.product_with(1).await.id, 1).await;
    world.mocks.faults(Stub::Cards).set(Faults { lose_answers: true, ..Faults::default() });
    world.buy(&basket, VISA).await.unwrap();
    eventually("the lost answer is noted", || async {
        world.event_types(basket.id).await.contains(&"payment.outcome_unknown".to_owned()).then_some(())
    })
    .await;
    assert_eq!(world.client.order(basket.id).await.unwrap().unwrap().payment_status, PaymentStatus::Pending);
    world.mocks.faults(Stub::Cards).clear();
    world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
    assert_eq!(world.mocks.card_gateway().charges().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_confirm_while_the_mail_server_is_down_and_the_mail_comes_later() {
    let world = World::open().await;
    world.set_outage(Stub::Mail, true);
    let basket = world.a_basket(&world.product_with(1).await.id, 1).await;
    world.buy(&basket, VISA).await.unwrap();
    world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
    world.set_outage(Stub::Mail, false);
    let mails = world.mocks.mailbox().wait_for(|mails| !mails.is_empty(), WAIT_TIMEOUT).await;
    assert_eq!(mails.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_total_that_the_shopper_did_not_see_is_not_charged() {
    let world = World::open().await;
    let product = world.product_with(1).await;
    let basket = world.a_basket(&product.id, 1).await;
    let mut wrong = checkout(&basket, card(VISA));
    wrong.expected_total.amount -= 1;
    let refusal = world.client.checkout(basket.id, &wrong, &IdempotencyKey::new()).await.unwrap_err();
    let problem = refusal.problem().unwrap();
    assert_eq!((problem.status, problem.code.as_str()), (409, "total_changed"));
    assert_eq!(problem.new_total, Some(basket.total));
    assert_eq!(world.client.order(basket.id).await.unwrap().unwrap().version, basket.version);
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_are_listed_newest_first_page_by_page() {
    let world = World::open().await;
    let product = world.product_with(10).await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(world.a_basket(&product.id, 1).await.id);
    }
    made.reverse();
    let head = world.head().await;
    let mut listed = Vec::new();
    let mut cursor = None;
    loop {
        let query = OrderListQuery { limit: Some(2), cursor, min_position: Some(head), ..OrderListQuery::default() };
        let page = world.client.orders(&query).await.unwrap();
        assert_eq!(page.total, 5);
        listed.extend(page.items.into_iter().map(|order| order.id));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(listed, made);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_that_was_closed_in_order_opens_where_it_was() {
    let world = World::open().await;
    let basket = world.a_basket(&world.product_with(3).await.id, 3).await;
    let head = world.head().await;
    let World { mocks, server, folder, .. } = world;
    server.shutdown().await;
    let server = storefront_server::Server::start(crate::world::config(&mocks, &folder)).await.unwrap();
    let client = storefront_client::Client::new(&server.url()).unwrap();
    assert_eq!(client.order(basket.id).await.unwrap().unwrap().items, basket.items);
    assert_eq!(client.readiness().await.unwrap().head, head);
}
