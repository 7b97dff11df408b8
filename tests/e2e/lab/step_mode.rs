//! L3: a view is paused and stepped.

use storefront_api::{OrderListQuery, ProductQuery};
use storefront_client::IdempotencyKey;

use super::{a_lab, code, view};

#[tokio::test(flavor = "multi_thread")]
async fn l3_a_view_is_paused_stepped_and_resumed_and_says_what_comes_next() {
    let world = a_lab().await;
    assert_eq!(code(world.client.step_view("orders").await.unwrap_err()), "view_not_paused");
    assert_eq!(code(world.client.pause_view("nothing").await.unwrap_err()), "view_not_found");
    let paused = world.client.pause_view("orders").await.unwrap();
    assert!(paused.paused && paused.next.is_empty(), "{paused:?}");
    let product = world.product_with_stock().await;
    let basket = world.a_basket(&product, 1).await;
    let head = world.head().await;

    let orders = view(&world.client, "orders").await;
    let next: Vec<&str> = orders.next.iter().map(|next| next.kind.as_str()).collect();
    assert_eq!(next, ["order.started", "order.item_added"]);
    assert_eq!((orders.position, orders.lag), (paused.position, head - paused.position));
    assert!(orders.next.iter().all(|next| next.sequence == basket.id.to_string()));
    assert!(!view(&world.client, "stock").await.paused);
    let ready = world.client.readiness().await.unwrap();
    assert!(
        ready.ready && ready.reasons.iter().any(|reason| reason.contains("The view orders is paused")),
        "{ready:?}"
    );

    // What it has is answered; what it has not is refused at once, and other views go on.
    let all = OrderListQuery::default();
    let at_head = OrderListQuery { min_position: Some(head), ..OrderListQuery::default() };
    assert_eq!(world.client.orders(&all).await.unwrap().total, 0);
    assert_eq!(code(world.client.orders(&at_head).await.unwrap_err()), "view_paused");
    world.client.statistics(Some(head)).await.unwrap();

    for left in [1, 0] {
        let expected = view(&world.client, "orders").await.next[0].position;
        let stepped = world.client.step_view("orders").await.unwrap();
        assert_eq!((stepped.position, stepped.next.len(), stepped.paused), (expected, left, true));
    }
    assert_eq!(world.client.orders(&all).await.unwrap().total, 1);
    let other = world.a_basket(&product, 2).await;
    let resumed = world.client.resume_view("orders").await.unwrap();
    assert!(!resumed.paused, "{resumed:?}");
    let head = world.head().await;
    let at_head = OrderListQuery { min_position: Some(head), ..OrderListQuery::default() };
    let listed = world.client.orders(&at_head).await.unwrap();
    assert_eq!(listed.items.iter().map(|order| order.id).collect::<Vec<_>>(), [other.id, basket.id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn l3_a_view_in_memory_stands_still_while_it_is_paused_and_knows_everything_afterwards() {
    let world = a_lab().await;
    let product = world.product_with_stock().await;
    // The list is of the view; one product is read from its streams.
    let available = async || {
        let query = ProductQuery { limit: Some(100), ..ProductQuery::default() };
        let page = world.client.products(&query).await.unwrap();
        page.items.iter().find(|listed| listed.id == product).unwrap().available
    };
    let before = available().await;
    world.client.pause_view("stock").await.unwrap();
    let receive = storefront_api::ReceiveStock { quantity: 5 };
    for _ in 0..2 {
        let written = world.client.receive_stock(&product, &receive, &IdempotencyKey::new()).await.unwrap();
        // The others have come that far, so this one would have too.
        world.client.statistics(written.position).await.unwrap();
    }
    assert_eq!(available().await, before);
    assert_eq!(world.client.product(&product).await.unwrap().unwrap().available, before + 10);
    world.client.step_view("stock").await.unwrap();
    assert_eq!(available().await, before + 5);
    world.client.resume_view("stock").await.unwrap();
    assert_eq!(available().await, before + 10);
}
