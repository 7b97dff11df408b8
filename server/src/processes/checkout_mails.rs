//! The mails of a checkout (confirmed or cancelled), and the reopening of its order.
//!
//! The id of each mail is the id of the event that it reports, whichever event requests it; so it is requested once,
//! in whatever order events arrive. `storefront_domain::checkout` decides which mails are requested.

use storefront_api::{EmailId, OrderId, OrderStatus, PaymentId, ReopenReason};
use storefront_domain::email::{self, Email, EmailCommand, MailKind};
use storefront_domain::order::{self, Order, OrderCommand, OrderError};
use storefront_eventlog::StreamName;

use crate::store::aggregates;
use crate::store::aggregates::{AppendBuilder, Store};
use crate::store::commands::Failure;
use crate::store::order_record;
use crate::store::streams;

/// Adds the request for a mail about a checkout to the append, unless it was requested before.
pub(super) async fn request(
    store: &Store,
    batch: &mut AppendBuilder,
    order_id: OrderId,
    kind: MailKind,
    to: String,
) -> Result<(), Failure> {
    let reported = match kind {
        MailKind::Confirmation => last_event_id(store, &streams::checkout(order_id), "checkout.completed").await?,
        MailKind::Cancelled => last_event_id(store, &streams::order(order_id), "order.cancelled").await?,
        _ => None,
    };
    let Some(id) = reported else { return Ok(()) };
    let request = |mail: &Email| email::decide(mail, EmailCommand::Request { order_id, kind, to });
    batch.decide(store, streams::email(id), request).await
}

/// Adds the reopening of an order to the append. For an order that was cancelled meanwhile, which cannot be reopened, adds
/// the request for its mail.
pub(super) async fn reopen(
    store: &Store,
    batch: &mut AppendBuilder,
    order_id: OrderId,
    payment_id: PaymentId,
    reason: ReopenReason,
) -> Result<(), Failure> {
    let record = order_record::load(store, order_id).await?;
    match order::decide(&record.order, OrderCommand::Reopen { payment_id, reason }) {
        Ok(events) => batch.add(streams::order(order_id), record.version, &events),
        Err(OrderError::WrongState { .. }) => request_cancellation(store, batch, order_id, &record.order).await?,
        Err(other) => return Err(other.into()),
    }
    Ok(())
}

/// Adds the request for the mail about a cancelled order, if the order is cancelled.
pub(super) async fn request_cancellation(
    store: &Store,
    batch: &mut AppendBuilder,
    order_id: OrderId,
    order: &Order,
) -> Result<(), Failure> {
    let is_cancelled = order.status() == Some(OrderStatus::Cancelled);
    let Some(to) = order.email().filter(|_| is_cancelled) else { return Ok(()) };
    request(store, batch, order_id, MailKind::Cancelled, to.to_owned()).await
}

/// Returns the id of the last event of a type in a stream, as the id of its mail.
async fn last_event_id(store: &Store, stream: &StreamName, kind: &str) -> Result<Option<EmailId>, Failure> {
    let mut last = None;
    aggregates::for_each(store, stream, |recorded| {
        if recorded.kind() == kind {
            last = Some(EmailId(recorded.id));
        }
        Ok(())
    })
    .await?;
    Ok(last)
}
