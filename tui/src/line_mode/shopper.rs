//! A scripted shopper with one basket and one card.

use std::time::Duration;

use color_eyre::eyre::{Result, eyre};
use storefront_api::{AddItem, Address, Checkout, Order, OrderId, PaymentMethod, Product, ProductQuery};
use storefront_client::{Client, ClientError, IdempotencyKey};
use uuid::Uuid;

/// A shopper with a basket.
#[derive(Clone, Debug)]
pub(super) struct Shopper {
    client: Client,
    pub(super) order_id: OrderId,
    name: &'static str,
}

impl Shopper {
    pub(super) fn new(client: &Client, name: &'static str) -> Self {
        Self { client: client.clone(), order_id: OrderId(Uuid::now_v7()), name }
    }

    /// Puts so many of a product into the basket.
    pub(super) async fn add(&self, product: &Product, quantity: u32) -> Result<Order, ClientError> {
        let item = AddItem { product_id: product.id.clone(), quantity };
        Ok(self.client.add_item(self.order_id, &item, &IdempotencyKey::new()).await?.value)
    }

    /// Buys the basket as it is.
    pub(super) async fn check_out(&self, payment: PaymentMethod) -> Result<Order, ClientError> {
        let order = self.client.order(self.order_id).await?;
        let Some(order) = order else {
            return Err(ClientError::Unexpected("The basket is empty.".to_owned()));
        };
        let checkout = Checkout {
            expected_total: order.total,
            email: format!("{}@example.com", self.name.to_lowercase()),
            shipping_address: Address {
                name: format!("{} Example", self.name),
                street: "Lindenweg 7".to_owned(),
                postal_code: "10999".to_owned(),
                city: "Berlin".to_owned(),
                country: "DE".to_owned(),
                ..Address::default()
            },
            payment,
        };
        Ok(self.client.checkout(self.order_id, &checkout, &IdempotencyKey::new()).await?.value)
    }
}

/// Maximum number of polls for stock in a shop that has just opened, and the interval between two.
const MAX_STOCK_POLLS: u32 = 50;
const STOCK_POLL_INTERVAL_MS: u64 = 100;

/// Products with enough stock, the best stocked first. Waits some seconds for a shop that has just opened and is still
/// filling its shelves.
pub(super) async fn plentiful(client: &Client) -> Result<Vec<Product>> {
    let query = ProductQuery { in_stock: Some(true), limit: Some(100), ..ProductQuery::default() };
    for _ in 0..MAX_STOCK_POLLS {
        let mut products = client.products(&query).await?.items;
        products.retain(|product| product.active && product.available >= 3);
        products.sort_by_key(|product| std::cmp::Reverse(product.available));
        if products.len() >= 2 {
            return Ok(products);
        }
        tokio::time::sleep(Duration::from_millis(STOCK_POLL_INTERVAL_MS)).await;
    }
    Err(eyre!("The shop has too little in stock for a demo."))
}
