//! Erases who a customer was, once the account is deleted: the keys of the personal data of the customer and of each order
//! that is finished. An order that is still to be paid, sent or delivered keeps its address until then. What is left are events
//! without a person; invoices keep their copy.

use std::sync::Arc;

use storefront_api::{CustomerId, OrderId};
use storefront_domain::customer::{self, Customer, CustomerCommand, CustomerEvent};
use storefront_domain::order::{self, OrderCommand};

use crate::catalogue::basket_lookup::BasketLookup;
use crate::processes::engine::runner::{Delivery, Subscription};
use crate::store::aggregates;
use crate::store::aggregates::{Cause, Store};
use crate::store::commands::{Failure, execute};
use crate::store::order_record::{self, OrderRecord};
use crate::store::personal_data::ProtectedLog;
use crate::store::streams;

pub(crate) const SUBSCRIPTION: Subscription = Subscription {
    name: "erasures",
    types: &["customer.deleted", "order.delivered", "order.cancelled", "order.expired"],
};

pub(crate) async fn handle(
    store: Store,
    log: ProtectedLog,
    orders: Arc<dyn BasketLookup>,
    delivery: Delivery,
) -> Result<(), Failure> {
    let recorded = &delivery.recorded;
    if let Some(customer_id) = streams::id_in::<CustomerId>("customer", recorded.stream()) {
        for order_id in orders.orders_of(customer_id, recorded.position).await? {
            erase_order(&store, &log, &delivery, order_id).await?;
        }
        return erase_customer(&store, &log, &delivery, customer_id).await;
    }
    let Some(order_id) = streams::id_in::<OrderId>("order", recorded.stream()) else { return Ok(()) };
    let Some(owner) = order_record::load(&store, order_id).await?.order.customer_id() else { return Ok(()) };
    let (owner, _) = aggregates::load::<CustomerEvent>(&store, &streams::customer(owner)).await?;
    if matches!(*owner, Customer::Deleted | Customer::Erased) {
        erase_order(&store, &log, &delivery, order_id).await?;
    }
    Ok(())
}

/// Erases an order that is finished. The keys go first: whoever meets the event forgets what was read with them.
async fn erase_order(store: &Store, log: &ProtectedLog, delivery: &Delivery, order_id: OrderId) -> Result<(), Failure> {
    if !order_record::load(store, order_id).await?.order.is_finished() {
        return Ok(());
    }
    log.erase(&[], &[order_id.to_string()]).await?;
    let cause = Cause { correlation_id: order_id.to_string(), ..Cause::event(&delivery.recorded, SUBSCRIPTION.name) };
    let decide = |record: &OrderRecord| order::decide(&record.order, OrderCommand::Erase);
    execute(store, &streams::order(order_id), &cause, None, decide).await.map(drop)
}

async fn erase_customer(
    store: &Store,
    log: &ProtectedLog,
    delivery: &Delivery,
    customer_id: CustomerId,
) -> Result<(), Failure> {
    let stream = streams::customer(customer_id);
    log.erase(std::slice::from_ref(&stream), &[]).await?;
    let cause = Cause::event(&delivery.recorded, SUBSCRIPTION.name);
    let decide = |customer: &Customer| customer::decide(customer, CustomerCommand::RecordErasure);
    execute(store, &stream, &cause, Some(&delivery.checkpoint), decide).await.map(drop)
}

#[cfg(test)]
#[path = "erase_personal_data_tests.rs"]
mod tests;
