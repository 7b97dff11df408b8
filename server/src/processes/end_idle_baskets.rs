//! Ends baskets that were not changed for a day (`basket_life`).
//!
//! Each basket has one durable timer, set when it starts or is reopened; see [`crate::processes::engine::timers`]. If
//! the basket was changed since, the due timer is set again, so that changing a basket costs no timer.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use storefront_api::OrderId;
use storefront_domain::order::{self, OrderCommand};
use storefront_eventlog::{JsonText, Timer};
use uuid::Uuid;

use crate::clock;
use crate::processes::engine::runner::{Delivery, Subscription};
use crate::processes::engine::timers::{Timers, append_for_timer};
use crate::store::aggregates::{AppendBuilder, Store};
use crate::store::commands::Failure;
use crate::store::order_record;
use crate::store::streams;

pub(crate) const SUBSCRIPTION: Subscription =
    Subscription { name: "idle_baskets", types: &["order.started", "order.reopened"] };

/// The data stored with a timer, as JSON.
#[derive(Serialize, Deserialize)]
struct TimerNote {
    order_id: OrderId,
    /// The event that set the timer.
    cause: Uuid,
}

/// Handles one event: sets the timer of a basket.
pub(crate) async fn handle(store: Store, life: Duration, timers: Timers, delivery: Delivery) -> Result<(), Failure> {
    let recorded = &delivery.recorded;
    let Some(order_id) = streams::id_in::<OrderId>("order", recorded.stream()) else { return Ok(()) };
    let note = JsonText::of(&TimerNote { order_id, cause: recorded.id })?;
    timers.set(&store, &delivery, order_id.to_string(), recorded.time_ms.saturating_add(clock::as_ms(life)), note).await
}

/// Handles a due timer: ends the basket, or sets the timer again.
pub(crate) async fn handle_timer(store: Store, life: Duration, timer: Timer) -> Result<AppendBuilder, Failure> {
    let TimerNote { order_id, cause } = timer.note.parse()?;
    let record = order_record::load(&store, order_id).await?;
    let mut batch = append_for_timer(&timer, Some(cause));
    let expires_at_ms = record.changed_at.unix_ms().saturating_add(clock::as_ms(life));
    if record.order.basket().is_some() && clock::store_ms() < expires_at_ms {
        batch.timer(timer.fired_and_set_again(expires_at_ms, timer.note.clone()));
        return Ok(batch);
    }
    batch.add(streams::order(order_id), record.version, &order::decide(&record.order, OrderCommand::Expire)?);
    batch.timer(timer.fired());
    Ok(batch)
}

#[cfg(test)]
#[path = "end_idle_baskets_tests.rs"]
mod tests;
