//! Gives a product without any stock event some demo stock, so that a new shop has something to sell.

use storefront_api::ProductId;
use storefront_domain::stock::{self, StockCommand, StockEvent};

use crate::processes::engine::runner::{Delivery, Subscription};
use crate::store::aggregates;
use crate::store::aggregates::{AppendBuilder, Store};
use crate::store::commands::{Failure, retry_on_conflict};
use crate::store::streams;

pub(crate) const SUBSCRIPTION: Subscription = Subscription { name: "demo_stock", types: &["product.listed"] };

pub(crate) async fn handle(store: Store, delivery: Delivery) -> Result<(), Failure> {
    let recorded = &delivery.recorded;
    let Some(id) = streams::id_in::<ProductId>("product", recorded.stream()) else { return Ok(()) };
    let quantity = demo_quantity(&id);
    let stream = streams::stock(&id);
    retry_on_conflict(|| async {
        let (stock, version) = aggregates::load::<StockEvent>(&store, &stream).await?;
        if version.0 > 0 || quantity == 0 {
            return Ok(());
        }
        let mut batch = AppendBuilder::because_of(recorded, SUBSCRIPTION.name);
        batch.add(stream.clone(), version, &stock::decide(&stock, StockCommand::Receive { quantity })?);
        batch.append_if_any(&store, Some(&delivery.checkpoint)).await.map(drop)
    })
    .await
}

/// Returns a quantity that depends only on the product id: mostly large, sometimes small or zero.
fn demo_quantity(id: &ProductId) -> u32 {
    let hash = id.as_str().bytes().fold(7_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)));
    match hash % 16 {
        0 => 0,
        1 => 1,
        2 => 3,
        3 => 7,
        _ => 15 + hash % 45,
    }
}
