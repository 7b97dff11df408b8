//! Updates open baskets when a product in them changes its price or VAT rate, is withdrawn, or is listed again.

use std::sync::Arc;

use storefront_api::{OrderId, ProductId};
use storefront_domain::order::{self, OrderCommand, OrderError, OrderEvent};
use storefront_domain::product::ProductEvent;
use storefront_eventlog::Recorded;

use crate::catalogue::basket_lookup::BasketLookup;
use crate::clock;
use crate::processes::engine::runner::{Delivery, Subscription};
use crate::store::aggregates;
use crate::store::aggregates::{AppendBuilder, Cause, Store};
use crate::store::commands::{Failure, retry_on_conflict};
use crate::store::streams;

pub(crate) const SUBSCRIPTION: Subscription = Subscription {
    name: "open_baskets",
    types: &["product.changed", "product.repriced", "product.withdrawn", "product.relisted"],
};

pub(crate) async fn handle(
    store: Store,
    basket_lookup: Arc<dyn BasketLookup>,
    delivery: Delivery,
) -> Result<(), Failure> {
    let recorded = &delivery.recorded;
    let Some(product_id) = streams::id_in::<ProductId>("product", recorded.stream()) else { return Ok(()) };
    // The current state: a change that was reverted since needs no notice.
    let (product, _) = aggregates::load::<ProductEvent>(&store, &streams::product(&product_id)).await?;
    let notice = match (aggregates::decode::<ProductEvent>(recorded)?, product.facts()) {
        (ProductEvent::Repriced { new_price, .. }, _) => {
            OrderCommand::NoticePrice { product_id: product_id.clone(), new_price }
        }
        (ProductEvent::Changed(_), Some(facts)) => {
            OrderCommand::NoticeVatRate { product_id: product_id.clone(), new_rate: facts.vat_rate_percent }
        }
        (ProductEvent::Withdrawn, _) if !product.active() => {
            OrderCommand::NoticeWithdrawal { product_id: product_id.clone() }
        }
        (ProductEvent::Relisted, _) if product.active() => {
            OrderCommand::NoticeRelisting { product_id: product_id.clone() }
        }
        (ProductEvent::Listed(_) | ProductEvent::Changed(_) | ProductEvent::Withdrawn | ProductEvent::Relisted, _) => {
            return Ok(());
        }
    };
    // A basket that was filled after this event has the new price already.
    for order_id in basket_lookup.baskets_with(&product_id, recorded.position).await? {
        retry_on_conflict(|| notify_basket(&store, recorded, order_id, &notice)).await?;
    }
    Ok(())
}

async fn notify_basket(
    store: &Store,
    recorded: &Recorded,
    order_id: OrderId,
    notice: &OrderCommand,
) -> Result<(), Failure> {
    let stream = streams::order(order_id);
    let (order, version) = aggregates::load::<OrderEvent>(store, &stream).await?;
    let events = match order::decide(&order, notice.clone()) {
        Ok(events) => events,
        // No longer a basket, or the line was removed: no notice is needed.
        Err(OrderError::WrongState { .. } | OrderError::NoSuchLine(_)) => return Ok(()),
        Err(other) => return Err(other.into()),
    };
    let cause = Cause { correlation_id: order_id.to_string(), ..Cause::event(recorded, SUBSCRIPTION.name) };
    let mut batch = AppendBuilder::new(clock::now(), cause);
    batch.add(stream, version, &events);
    if !batch.is_empty() {
        store.append(batch.into_append()).await.map_err(Failure::Append)?;
    }
    Ok(())
}
