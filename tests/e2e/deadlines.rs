//! Deadlines on the running shop: reservations and baskets expire by themselves.

use std::time::Duration;

use storefront_api::{OrderStatus, PaymentStatus, ReopenReason};
use storefront_client::{Client, ClientError};
use storefront_mocks::{Faults, Stub};
use storefront_server::Server;

use crate::world::{VISA, World, config, current_stock, eventually};

/// Long enough for a checkout to come to its payment, short enough to wait for.
const SHORT_RESERVATION: Duration = Duration::from_millis(700);

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_not_paid_in_time_is_open_again_and_is_never_charged() {
    let world = World::open_with(|config| config.reservation_life = SHORT_RESERVATION).await;
    let product = world.product_with(2).await;
    // The gateway's answers are lost.
    world.mocks.faults(Stub::Cards).set(Faults { lose_answers: true, ..Faults::default() });
    let basket = world.a_basket(&product.id, 2).await;
    world.buy(&basket, VISA).await.unwrap();
    let reopened = world.wait_for_status(basket.id, OrderStatus::InProgress).await;
    assert_eq!(reopened.reopened_because, Some(ReopenReason::ReservationExpired));
    let stock = current_stock(&world.client, &product.id).await;
    assert_eq!((stock.on_hand, stock.reserved), (2, 0));

    world.mocks.faults(Stub::Cards).clear();
    world.wait_until_idle().await;
    assert!(world.mocks.card_gateway().charges().iter().all(|charge| !charge.paid), "no money has moved");
    let history = world.event_types(basket.id).await;
    let count = |kind: &str| history.iter().filter(|found| *found == kind).count();
    assert_eq!((count("order.reopened"), count("order.confirmed"), count("payment.cancelled")), (1, 0, 1));

    let again = world.client.order(basket.id).await.unwrap().unwrap();
    world.buy(&again, VISA).await.unwrap();
    world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn money_that_is_captured_after_the_reservation_ran_out_goes_back_once() {
    let world = World::open_with(|config| config.reservation_life = SHORT_RESERVATION).await;
    let product = world.product_with(2).await;
    // The gateway takes the money, but its answer and its webhooks come when the reservation has long run out.
    world.mocks.faults(Stub::Cards).set(Faults { hold_answers: true, ..Faults::default() });
    let basket = world.a_basket(&product.id, 2).await;
    world.buy(&basket, VISA).await.unwrap();
    eventually("the gateway has the money", || async {
        world.mocks.card_gateway().charges().iter().any(|charge| charge.paid).then_some(())
    })
    .await;
    let reopened = world.wait_for_status(basket.id, OrderStatus::InProgress).await;
    assert_eq!(reopened.reopened_because, Some(ReopenReason::ReservationExpired));

    world.mocks.faults(Stub::Cards).clear();
    eventually("the money has gone back", || async {
        let order = world.client.order(basket.id).await.unwrap().unwrap();
        (order.payment_status == PaymentStatus::Refunded).then_some(())
    })
    .await;
    let history = world.event_types(basket.id).await;
    let count = |kind: &str| history.iter().filter(|found| *found == kind).count();
    assert_eq!((count("order.reopened"), count("order.confirmed"), count("payment.refunded")), (1, 0, 1));
    let stock = current_stock(&world.client, &product.id).await;
    assert_eq!((stock.on_hand, stock.reserved), (2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reservation_that_ran_out_while_the_shop_was_closed_is_given_back_once_when_it_opens() {
    let world = World::open_with(|config| config.reservation_life = SHORT_RESERVATION).await;
    let product = world.product_with(2).await;
    world.set_outage(Stub::Cards, true);
    let basket = world.a_basket(&product.id, 1).await;
    world.buy(&basket, VISA).await.unwrap();
    eventually("its stock is reserved", || async {
        let stock = current_stock(&world.client, &product.id).await;
        (stock.reserved == 1).then_some(())
    })
    .await;
    let World { mocks, server, folder, .. } = world;
    server.shutdown().await;
    let mut again = config(&mocks, &folder);
    again.reservation_life = SHORT_RESERVATION;
    let server = Server::start(again).await.unwrap();
    let client = Client::new(&server.url()).unwrap();
    let world = World { mocks, server, client, folder };
    let reopened = world.wait_for_status(basket.id, OrderStatus::InProgress).await;
    assert_eq!(reopened.reopened_because, Some(ReopenReason::ReservationExpired));
    let history = world.event_types(basket.id).await;
    assert_eq!(history.iter().filter(|kind| *kind == "stock.released").count(), 1, "{history:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_basket_in_which_nothing_happens_is_over_and_takes_nothing_more() {
    let world = World::open_with(|config| config.basket_life = SHORT_RESERVATION).await;
    let product = world.product_with(5).await;
    let basket = world.a_basket(&product.id, 1).await;
    let over = world.wait_for_status(basket.id, OrderStatus::Expired).await;
    assert_eq!(over.items.len(), 1, "what lay in it can still be seen");
    let refused = world.add(basket.id, &product.id, 1).await.unwrap_err();
    assert!(matches!(&refused, ClientError::Problem(problem) if problem.code == "order_state"), "{refused:?}");
    assert!(world.event_types(basket.id).await.contains(&"order.expired".to_owned()));
}
