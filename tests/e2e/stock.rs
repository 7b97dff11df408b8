//! Stock, and the notices about low stock for operators.

use storefront_api::{Cancel, Event, EventQuery, OrderStatus, ProductId, ProductQuery, SetStock, Ship, StockQuery};
use storefront_client::IdempotencyKey;

use crate::world::{VISA, World, all_stock};

impl World {
    /// The alarms of a product so far, in order.
    async fn alarms(&self, product: &ProductId) -> Vec<String> {
        let kind = Some("stock.ran_low,stock.ran_out".to_owned());
        let query = EventQuery { kind, stream: Some(format!("stock-{product}")), ..EventQuery::default() };
        let events = self.client.events(&query).await.unwrap().events;
        events.into_iter().map(|event| event.kind).collect()
    }

    /// Everything that happened to the stock of a product.
    async fn stock_history(&self, product: &ProductId) -> Vec<Event> {
        let query = EventQuery { stream: Some(format!("stock-{product}")), ..EventQuery::default() };
        self.client.events(&query).await.unwrap().events
    }

    async fn is_listed_as_low(&self, product: &ProductId, min_position: Option<u64>) -> bool {
        let query = StockQuery { low: Some(true), limit: Some(100), min_position, ..StockQuery::default() };
        self.client.stock(&query).await.unwrap().items.iter().any(|item| item.product_id == *product)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_hears_once_that_stock_runs_low_and_once_that_it_is_out() {
    let world = World::open().await;
    let product = world.product_with(12).await.id;
    assert!(!world.is_listed_as_low(&product, None).await);
    for (quantity, alarms) in
        [(1, &[][..]), (1, &["stock.ran_low"]), (4, &["stock.ran_low"]), (6, &["stock.ran_low", "stock.ran_out"])]
    {
        let basket = world.a_basket(&product, quantity).await;
        world.buy(&basket, VISA).await.unwrap();
        world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
        assert_eq!(world.alarms(&product).await, alarms, "after {quantity} more were bought");
    }
    assert!(world.is_listed_as_low(&product, Some(world.head().await)).await);
    world.receive_stock(&product, 30).await;
    assert!(!world.is_listed_as_low(&product, Some(world.head().await)).await);

    let set = world.client.set_threshold(&product, 30).await.unwrap();
    assert_eq!((set.value.threshold, set.value.available), (30, 30));
    assert!(world.is_listed_as_low(&product, set.position).await);
    world.client.set_threshold(&product, 30).await.unwrap();
    assert_eq!(world.alarms(&product).await, ["stock.ran_low", "stock.ran_out", "stock.ran_low"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_is_listed_page_by_page_with_the_names_of_the_products() {
    let world = World::open().await;
    let product = world.product_with(12).await;
    let some = ProductQuery { limit: Some(25), ..ProductQuery::default() };
    for product in world.client.products(&some).await.unwrap().items {
        world.receive_stock(&product.id, 1).await;
    }
    let product = world.client.product(&product.id).await.unwrap().unwrap();
    let head = Some(world.head().await);
    let whole = all_stock(&world.client, head).await;
    assert!(whole.is_sorted_by_key(|item| &item.product_id), "by product");
    let mut query = StockQuery { limit: Some(7), min_position: head, ..StockQuery::default() };
    let mut joined = Vec::new();
    loop {
        let page = world.client.stock(&query).await.unwrap();
        assert_eq!(page.total, whole.len() as u64);
        assert!(page.items.len() == 7 || page.next_cursor.is_none(), "only the last page is short");
        joined.extend(page.items);
        query.cursor = page.next_cursor;
        if query.cursor.is_none() {
            break;
        }
    }
    assert_eq!(joined, whole);
    let listed = whole.iter().find(|item| item.product_id == product.id).unwrap();
    assert_eq!(listed.name.as_deref(), Some(product.name.as_str()));
    assert_eq!(world.client.stock_of(&product.id, head).await.unwrap().as_ref(), Some(listed));
    let usual = world.client.stock(&StockQuery::default()).await.unwrap();
    assert_eq!((usual.items.len(), usual.next_cursor.is_some()), (20, true));
    for (query, wrong) in [
        (StockQuery { limit: Some(0), ..StockQuery::default() }, "limit"),
        (StockQuery { limit: Some(101), ..StockQuery::default() }, "limit"),
        (StockQuery { cursor: Some("a b".to_owned()), ..StockQuery::default() }, "cursor"),
    ] {
        let refused = world.client.stock(&query).await.unwrap_err();
        let problem = refused.problem().unwrap();
        assert_eq!((problem.status, problem.code.as_str()), (422, "invalid_values"), "{query:?}");
        assert!(problem.detail.contains(wrong) || problem.errors.iter().any(|error| error.pointer.contains(wrong)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stock_forgets_an_order_that_was_sent_and_one_whose_pieces_are_back() {
    let world = World::open().await;
    for (ending, back) in [("order.shipped", &[][..]), ("order.cancelled", &["stock.returned"])] {
        let products = [world.product_with(20).await.id, world.product_with(20).await.id];
        let basket = world.a_basket(&products[0], 2).await;
        let basket = world.add(basket.id, &products[1], 1).await.unwrap();
        world.buy(&basket, VISA).await.unwrap();
        world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
        world.wait_until_idle().await;
        for product in &products {
            assert_eq!(world.stock_history(product).await.last().unwrap().kind, "stock.allocated", "it may come back");
        }
        let key = IdempotencyKey::new();
        if ending == "order.shipped" {
            let (carrier, tracking_number) = ("Snail Post".to_owned(), "SP-77".to_owned());
            let ship = Ship { carrier, tracking_number, estimated_delivery: None };
            world.client.ship(basket.id, &ship, &key).await.unwrap();
        } else {
            world.client.cancel(basket.id, &Cancel { reason: "too late".to_owned() }, &key).await.unwrap();
        }
        world.wait_until_idle().await;
        let timeline = world.timeline(basket.id).await.events;
        let cause = timeline.iter().find(|event| event.kind == ending).unwrap();
        for product in &products {
            let history = world.stock_history(product).await;
            let after_the_sale = history.iter().skip_while(|event| event.kind != "stock.allocated").skip(1);
            let kinds: Vec<_> = after_the_sale.map(|event| event.kind.as_str()).collect();
            assert_eq!(kinds, [back, &["stock.settled"]].concat(), "after {ending}");
            let settled = history.last().unwrap();
            assert_eq!(settled.data["order_id"], basket.id.to_string());
            assert_eq!(settled.causation_id, Some(cause.id.to_string()));
            assert!(timeline.contains(settled), "it belongs to the order");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_counted_number_is_set_and_its_event_says_by_how_much_the_books_were_off() {
    let world = World::open().await;
    let product = world.product_with(12).await.id;
    let counted = |on_hand| SetStock { on_hand, reason: "stocktaking".to_owned() };
    let set = world.client.set_stock(&product, &counted(9)).await.unwrap();
    assert_eq!((set.value.on_hand, set.value.available), (9, 9));
    let again = world.client.set_stock(&product, &counted(9)).await.unwrap();
    assert_eq!(again.value.version, set.value.version, "the number that the books have changes nothing");
    let found: Vec<_> =
        world.stock_history(&product).await.into_iter().filter(|event| event.kind == "stock.adjusted").collect();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].data, serde_json::json!({"change": -3, "reason": "stocktaking"}));

    // Never below what is promised, and the answer says so.
    let basket = world.a_basket(&product, 4).await;
    world.set_outage(storefront_mocks::Stub::Cards, true);
    world.buy(&basket, VISA).await.unwrap();
    crate::world::eventually("the pieces are promised", || async {
        (crate::world::current_stock(&world.client, &product).await.reserved == 4).then_some(())
    })
    .await;
    let refused = world.client.set_stock(&product, &counted(3)).await.unwrap_err();
    assert_eq!(refused.problem().map(|problem| (problem.status, problem.code.as_str())), Some((409, "stock_state")));
    assert_eq!(world.client.set_stock(&product, &counted(4)).await.unwrap().value.available, 0);
}
