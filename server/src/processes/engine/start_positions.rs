//! Processes that must not act on the past: what they do is new in a release, and nobody wants invoices, vouchers and mails
//! for what was sold long before.
//!
//! The rule: before a shop does anything, each of them says in its own stream after which position it acts, once for the
//! life of the log. In a log that is empty that is position 0; in one that has events and no word of the process, it is the
//! end of the log, and all that stands there is past. The word stands in the log itself, so
//!
//! * a shop that is opened for the first time loses nothing, whenever it is killed: the word comes before the first order;
//! * a log that was exported and imported, and has no checkpoints any more, is acted on from the same place;
//! * a log of an older release says nothing of the process, and stays as it is.
//!
//! A process that has a checkpoint and no word was there before there was this rule, and began at the beginning.
//! Every other process acts on all that is in the log, and notices by its streams what is done.

use storefront_api::{OrderId, PaymentId};
use storefront_domain::process::{self, ProcessCommand, ProcessEvent};
use storefront_eventlog::Position;

use crate::clock;
use crate::processes::{
    give_back_the_voucher_of_a_refunded_order as voucher_returns, issue_a_voucher_when_a_large_order_ships as vouchers,
    issue_invoices_and_credit_notes as invoices, tell_customers_what_came_of_their_orders as notices,
    tell_operators_of_money_that_needs_a_look as money_alarms,
};
use crate::store::aggregates;
use crate::store::aggregates::{AppendBuilder, Cause, Store};
use crate::store::commands::{Failure, retrying};
use crate::store::order_record::OrderRecord;
use crate::store::streams;

/// The processes that say so.
pub(crate) const NEWCOMERS: [&str; 5] = [
    invoices::SUBSCRIPTION.name,
    vouchers::SUBSCRIPTION.name,
    notices::SUBSCRIPTION.name,
    voucher_returns::SUBSCRIPTION.name,
    money_alarms::SUBSCRIPTION.name,
];

/// Has each of them say after which position it acts, unless it has; all in one append. To be done before anything else
/// happens in the shop.
///
/// # Errors
/// When the log cannot be read or written.
pub(crate) async fn introduce(store: &Store) -> Result<(), Failure> {
    retrying(|| introduce_once(store)).await
}

async fn introduce_once(store: &Store) -> Result<(), Failure> {
    let head = store.head().await?;
    let cause = Cause { correlation_id: "opening".to_owned(), causation_id: None, actor: "shop".to_owned() };
    let mut batch = AppendBuilder::new(clock::now(), cause);
    for name in NEWCOMERS {
        let stream = streams::process(name);
        let (state, version) = aggregates::load::<ProcessEvent>(store, &stream).await?;
        let was_there = store.checkpoint(name).await? > Position(0);
        let after = if was_there { 0 } else { head.0 };
        batch.add(stream, version, &process::decide(&state, ProcessCommand::Introduce { after })?);
    }
    if !batch.is_empty() {
        store.append(batch.into_append()).await.map_err(Failure::Append)?;
    }
    Ok(())
}

/// After which position a process acts, as far as the log says.
pub(crate) async fn acts_after(store: &Store, name: &'static str) -> Result<Position, Failure> {
    let (state, _) = aggregates::load::<ProcessEvent>(store, &streams::process(name)).await?;
    Ok(Position(state.introduced().unwrap_or(0)))
}

/// What becomes of the invoice of an order.
pub(crate) struct Invoicing {
    /// It is there.
    pub(crate) is_written: bool,
    /// It is there, or will be as soon as somebody writes it: not of an order that was confirmed before the shop wrote any.
    pub(crate) will_be_written: bool,
    /// The payment of the latest checkout.
    pub(crate) payment_id: Option<PaymentId>,
    /// Where in the log the order was confirmed.
    pub(crate) confirmed_at: Option<Position>,
}

/// What becomes of the invoice of an order, as far as the log says.
pub(crate) async fn invoicing(store: &Store, order_id: OrderId) -> Result<Invoicing, Failure> {
    let mut record = OrderRecord::default();
    let mut confirmed_at = None;
    aggregates::for_each(store, &streams::order(order_id), |recorded| {
        if recorded.kind() == "order.confirmed" {
            confirmed_at = Some(recorded.position);
        }
        record.apply_recorded(recorded)
    })
    .await?;
    let before_invoices = acts_after(store, invoices::SUBSCRIPTION.name).await?;
    let is_written = record.order.invoice().is_some();
    let will_be_written = confirmed_at.is_some_and(|at: Position| is_written || at > before_invoices);
    Ok(Invoicing { is_written, will_be_written, payment_id: record.order.payment_id(), confirmed_at })
}

#[cfg(test)]
#[path = "start_positions_tests.rs"]
mod tests;
