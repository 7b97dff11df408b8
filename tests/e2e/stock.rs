//! What is on the shelf, and what an operator hears of it.

use storefront_api::{EventQuery, OrderStatus, ProductId, ProductQuery, StockQuery};

use crate::world::{VISA, World, all_stock};

impl World {
    /// The alarms of a product so far, in order.
    async fn alarms(&self, product: &ProductId) -> Vec<String> {
        let kind = Some("stock.ran_low,stock.ran_out".to_owned());
        let query = EventQuery { kind, stream: Some(format!("stock-{product}")), ..EventQuery::default() };
        let events = self.client.events(&query).await.unwrap().events;
        events.into_iter().map(|event| event.kind).collect()
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
        world.reaches(basket.id, OrderStatus::Confirmed).await;
        assert_eq!(world.alarms(&product).await, alarms, "after {quantity} more were bought");
    }
    assert!(world.is_listed_as_low(&product, Some(world.head().await)).await);
    world.receive(&product, 30).await;
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
        world.receive(&product.id, 1).await;
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
