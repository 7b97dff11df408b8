//! Start positions: which processes ignore the events from before they existed. A process that is new in a release
//! must not issue invoices, vouchers and mails for orders of long ago.
//!
//! Before a shop does anything, each of these processes records in its own stream the position after which it acts
//! (`process.introduced`), once for the life of the log. In an empty log that is position 0. In a log that has events
//! and nothing recorded for the process, it is the end of the log. Because the position is in the log itself,
//!
//! * a shop that is opened for the first time loses no event, whenever it is killed: the positions are written before
//!   the first order;
//! * a log that was exported and imported, and so has no checkpoints any more, is processed from the same positions;
//! * a log of an older release that records no position stays as it is.
//!
//! A process with a checkpoint and no recorded position is older than this rule and acts from position 0. All other
//! processes act on the whole log, and see from their streams what is done.

use storefront_api::{OrderId, PaymentId};
use storefront_domain::process::{self, Process, ProcessCommand, ProcessEvent};
use storefront_eventlog::Position;

use crate::clock;
use crate::processes::{
    give_back_the_voucher_of_a_refunded_order as voucher_returns, issue_a_voucher_when_a_large_order_ships as vouchers,
    issue_invoices_and_credit_notes as invoices, tell_customers_what_came_of_their_orders as notices,
    tell_operators_of_money_that_needs_a_look as money_alarms,
};
use crate::store::aggregates;
use crate::store::aggregates::{AppendBuilder, Cause, Store};
use crate::store::commands::{Failure, retry_on_conflict};
use crate::store::order_record::OrderRecord;
use crate::store::streams;

/// The processes that record a start position.
pub(crate) const PROCESSES_WITH_START_POSITION: [&str; 5] = [
    invoices::SUBSCRIPTION.name,
    vouchers::SUBSCRIPTION.name,
    notices::SUBSCRIPTION.name,
    voucher_returns::SUBSCRIPTION.name,
    money_alarms::SUBSCRIPTION.name,
];

/// Records the start position of each of these processes that has none, all in one append. Must run before anything
/// else writes to the log.
///
/// # Errors
/// When the log cannot be read or written.
pub(crate) async fn record_start_positions(store: &Store) -> Result<(), Failure> {
    retry_on_conflict(|| record_missing(store)).await
}

async fn record_missing(store: &Store) -> Result<(), Failure> {
    let head = store.head().await?;
    let cause = Cause { correlation_id: "opening".to_owned(), causation_id: None, actor: "shop".to_owned() };
    let mut batch = AppendBuilder::new(clock::now(), cause);
    for name in PROCESSES_WITH_START_POSITION {
        let has_checkpoint = store.checkpoint(name).await? > Position(0);
        let introduce = ProcessCommand::Introduce { after: if has_checkpoint { 0 } else { head.0 } };
        batch.decide(store, streams::process(name), |process: &Process| process::decide(process, introduce)).await?;
    }
    batch.append_if_any(store, None).await.map(drop)
}

/// Returns the recorded start position of a process; 0 when none is recorded.
pub(crate) async fn start_position(store: &Store, name: &'static str) -> Result<Position, Failure> {
    let (state, _) = aggregates::load::<ProcessEvent>(store, &streams::process(name)).await?;
    Ok(Position(state.introduced().unwrap_or(0)))
}

/// The invoice of an order, as far as the log shows.
pub(crate) struct InvoiceStatus {
    /// Whether the invoice is written.
    pub(crate) is_written: bool,
    /// It is written or will be. `false` for an order that was confirmed before the shop wrote invoices.
    pub(crate) will_be_written: bool,
    /// The payment of the latest checkout.
    pub(crate) payment_id: Option<PaymentId>,
    /// The position at which the order was confirmed.
    pub(crate) confirmed_at: Option<Position>,
}

/// Returns whether an order has its invoice, or will get one.
pub(crate) async fn invoice_status(store: &Store, order_id: OrderId) -> Result<InvoiceStatus, Failure> {
    let mut record = OrderRecord::default();
    let mut confirmed_at = None;
    aggregates::for_each(store, &streams::order(order_id), |recorded| {
        if recorded.kind() == "order.confirmed" {
            confirmed_at = Some(recorded.position);
        }
        record.apply_recorded(recorded)
    })
    .await?;
    let invoices_start = start_position(store, invoices::SUBSCRIPTION.name).await?;
    let is_written = record.order.invoice().is_some();
    let will_be_written = confirmed_at.is_some_and(|at: Position| is_written || at > invoices_start);
    Ok(InvoiceStatus { is_written, will_be_written, payment_id: record.order.payment_id(), confirmed_at })
}

#[cfg(test)]
#[path = "start_positions_tests.rs"]
mod tests;
