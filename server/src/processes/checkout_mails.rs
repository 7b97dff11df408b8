//! The mails that belong to a checkout: it is confirmed, or cancelled.
//!
//! Each is named after the event that it tells of, whatever event asks for it: so it is asked for once, by whom ever and in
//! whatever order. Nothing here decides whether to tell; see `storefront_domain::checkout`.

use storefront_api::{EmailId, OrderId, OrderStatus};
use storefront_domain::email::{self, EmailCommand, EmailEvent, MailKind};
use storefront_domain::order::Order;
use storefront_eventlog::StreamName;

use crate::store::aggregates;
use crate::store::aggregates::{AppendBuilder, Store};
use crate::store::commands::Failure;
use crate::store::streams;

/// Adds a mail about a checkout to a batch, unless it has been asked for.
pub(super) async fn ask(
    store: &Store,
    batch: &mut AppendBuilder,
    order_id: OrderId,
    kind: MailKind,
    to: String,
) -> Result<(), Failure> {
    let told_of = match kind {
        MailKind::Confirmation => last(store, &streams::checkout(order_id), "checkout.completed").await?,
        MailKind::Cancelled => last(store, &streams::order(order_id), "order.cancelled").await?,
        MailKind::Shipped | MailKind::Refunded { .. } | MailKind::RefundFailed { .. } | MailKind::Voucher { .. } => {
            None
        }
    };
    let Some(id) = told_of else { return Ok(()) };
    let stream = streams::email(id);
    let (mail, version) = aggregates::load::<EmailEvent>(store, &stream).await?;
    batch.add(stream, version, &email::decide(&mail, EmailCommand::Request { order_id, kind, to })?);
    Ok(())
}

/// Tells whoever bought an order that it is cancelled, if it is.
pub(super) async fn tell_of_cancellation(
    store: &Store,
    batch: &mut AppendBuilder,
    order_id: OrderId,
    order: &Order,
) -> Result<(), Failure> {
    let is_cancelled = order.status() == Some(OrderStatus::Cancelled);
    let Some(to) = order.email().filter(|_| is_cancelled) else { return Ok(()) };
    ask(store, batch, order_id, MailKind::Cancelled, to.to_owned()).await
}

/// The last event of a type in a stream, as what a mail is named after.
async fn last(store: &Store, stream: &StreamName, kind: &str) -> Result<Option<EmailId>, Failure> {
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
