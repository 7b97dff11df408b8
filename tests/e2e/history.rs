//! The history of one order: differences between two states, and its timeline as a document.

use serde_json::json;
use storefront_api::{DiffQuery, FieldChange, OrderDiff, OrderId, OrderStatus, PaymentStatus};
use storefront_client::ClientError;

use crate::world::{DECLINED, VISA, World, an_order};

async fn between(world: &World, id: OrderId, from: u64, to: u64) -> Result<OrderDiff, ClientError> {
    world.client.order_diff(id, &DiffQuery { from: Some(from), to: Some(to), position: None }).await
}

async fn by(world: &World, id: OrderId, position: u64) -> Result<OrderDiff, ClientError> {
    world.client.order_diff(id, &DiffQuery { position: Some(position), ..DiffQuery::default() }).await
}

fn change<'a>(diff: &'a OrderDiff, path: &str) -> Option<&'a FieldChange> {
    diff.changes.iter().find(|change| change.path == path)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_versions_of_an_order_differ_in_what_was_changed_between_them() {
    let world = World::open().await;
    let (mug, pot) = (world.product_with(9).await.id, world.product_with(9).await.id);
    let order = an_order();
    world.add(order, &mug, 2).await.unwrap();
    world.add(order, &pot, 1).await.unwrap();
    world.add(order, &mug, 3).await.unwrap();

    let diff = between(&world, order, 2, 4).await.unwrap();
    assert_eq!((diff.from, diff.to, diff.order.as_ref().map(|order| order.version)), (2, 4, Some(4)));
    let quantity = change(&diff, &format!("/items/{mug}/quantity")).expect("the quantity changed");
    assert_eq!((&quantity.before, &quantity.after), (&Some(json!(2)), &Some(json!(5))));
    let line = change(&diff, &format!("/items/{pot}")).expect("a line came");
    assert!(line.before.is_none() && line.after.is_some());
    assert!(change(&diff, "/status").is_none() && change(&diff, "/version").is_none());

    let back = between(&world, order, 4, 2).await.unwrap();
    let quantity = change(&back, &format!("/items/{mug}/quantity")).expect("backwards too");
    assert_eq!((&quantity.before, &quantity.after), (&Some(json!(5)), &Some(json!(2))));
    assert_eq!(between(&world, order, 3, 3).await.unwrap().changes, []);
    let nothing = between(&world, order, 4, 0).await.unwrap();
    assert_eq!(nothing.order, None, "before it began there is no order");
    assert_eq!(change(&nothing, "/status").and_then(|change| change.after.clone()), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_of_a_timeline_shows_what_it_changed_and_the_order_as_it_was_then() {
    let world = World::open().await;
    let basket = world.a_basket(&world.product_with(1).await.id, 1).await;
    world.buy(&basket, VISA).await.unwrap();
    world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
    let mut found = Vec::new();
    for event in world.timeline(basket.id).await.events {
        let diff = by(&world, basket.id, event.position).await.unwrap();
        let order = diff.order.expect("it has begun");
        if ["order.checked_out", "payment.succeeded", "order.confirmed"].contains(&event.kind.as_str()) {
            let paths: Vec<String> = diff.changes.iter().map(|change| change.path.clone()).collect();
            found.push((event.kind, order.status, order.payment_status, paths.contains(&"/status".to_owned())));
        } else if event.kind.starts_with("stock.") || event.kind.starts_with("email.") {
            assert_eq!(
                (diff.from, diff.changes),
                (diff.to, Vec::new()),
                "{} is not about the order itself",
                event.kind
            );
        }
    }
    assert_eq!(
        found,
        [
            ("order.checked_out".to_owned(), OrderStatus::CheckedOut, PaymentStatus::Pending, true),
            ("payment.succeeded".to_owned(), OrderStatus::CheckedOut, PaymentStatus::Paid, false),
            ("order.confirmed".to_owned(), OrderStatus::Confirmed, PaymentStatus::Paid, true),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_or_a_position_that_never_was_is_refused() {
    let world = World::open().await;
    let basket = world.a_basket(&world.product_with(1).await.id, 1).await;
    let head = world.head().await;
    for answer in [
        between(&world, basket.id, 1, 99).await,
        between(&world, basket.id, 99, 1).await,
        by(&world, basket.id, head + 1).await,
    ] {
        let error = answer.unwrap_err();
        assert_eq!(error.problem().map(|problem| problem.code.as_str()), Some("version_not_found"), "{error}");
    }
    let early = by(&world, basket.id, 1).await.unwrap();
    assert_eq!((early.from, early.to, early.order), (0, 0, None), "long before the order began");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_diagram_shows_what_led_to_what() {
    let world = World::open().await;
    let basket = world.a_basket(&world.product_with(1).await.id, 1).await;
    world.buy(&basket, DECLINED).await.unwrap();
    crate::world::eventually("the order is open again", || async {
        world.event_types(basket.id).await.contains(&"order.reopened".to_owned()).then_some(())
    })
    .await;
    let diagram = world.client.order_diagram(basket.id).await.unwrap();
    assert!(diagram.contains("```mermaid\nsequenceDiagram\n"), "{diagram}");
    for arrow in ["Shopper->>Order: ", "Order->>Checkout: ", "Checkout->>Payment: ", "Payment->>Checkout: "] {
        assert!(diagram.contains(arrow), "{arrow} is missing in:\n{diagram}");
    }
    let events = world.timeline(basket.id).await.events;
    let rows = diagram.lines().filter(|line| line.starts_with("| ") && line.contains(" | ")).count();
    assert_eq!(rows, events.len() + 1, "one row for each event and the heading:\n{diagram}");
}
