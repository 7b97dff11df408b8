//! Updates open baskets when a product in them changes its price or VAT rate, is withdrawn, or is listed again.

use std::sync::Arc;

use storefront_api::ProductId;
use storefront_domain::order::{self, OrderCommand, OrderError};
use storefront_domain::product::ProductEvent;

use crate::catalogue::basket_lookup::BasketLookup;
use crate::processes::engine::runner::{Delivery, Subscription};
use crate::store::aggregates;
use crate::store::aggregates::{Cause, Store};
use crate::store::commands::{Failure, execute};
use crate::store::order_record::OrderRecord;
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
        let cause = Cause { correlation_id: order_id.to_string(), ..Cause::event(recorded, SUBSCRIPTION.name) };
        let decide = |record: &OrderRecord| match order::decide(&record.order, notice.clone()) {
            // No longer a basket, or the line was removed: no notice is needed.
            Err(OrderError::WrongState { .. } | OrderError::NoSuchLine(_)) => Ok(vec![]),
            decided => decided,
        };
        execute(&store, &streams::order(order_id), &cause, None, decide).await?;
    }
    Ok(())
}
