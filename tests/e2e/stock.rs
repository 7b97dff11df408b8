//! What is on the shelf, and what an operator hears of it.

use storefront_api::{EventQuery, OrderStatus, ProductId, StockQuery};

use crate::world::{VISA, World};

impl World {
    /// The alarms of a product so far, in order.
    async fn alarms(&self, product: &ProductId) -> Vec<String> {
        let kind = Some("stock.ran_low,stock.ran_out".to_owned());
        let query = EventQuery { kind, stream: Some(format!("stock-{product}")), ..EventQuery::default() };
        let events = self.client.events(&query).await.unwrap().events;
        events.into_iter().map(|event| event.kind).collect()
    }

    async fn is_listed_as_low(&self, product: &ProductId, min_position: Option<u64>) -> bool {
        let query = StockQuery { low: Some(true), min_position };
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
