//! Commands on orders: their decisions need the facts of products, and their replies show the payment.

use std::sync::Arc;

use storefront_api::OrderId;
use storefront_domain::order::{LineFacts, Order, OrderError, OrderEvent};
use storefront_domain::payment::{self, Payment, PaymentCommand};

use crate::store::aggregates::Store;
use crate::store::commands::{
    Change, Condition, Context, Done, Failure, Reply, append_with_reply, decide_change, retry_on_conflict,
};
use crate::store::order_record;
use crate::store::order_record::OrderRecord;
use crate::store::product_facts;
use crate::store::streams;

/// Changes an order. `reply` receives the order before and after the change, and its payment.
pub(crate) async fn change_order(
    store: &Store,
    id: OrderId,
    context: &Context,
    decide: impl Fn(&Order) -> Result<Vec<OrderEvent>, OrderError> + Send + Sync,
    reply: impl Fn(&OrderRecord, &OrderRecord, Option<&Payment>) -> Result<Reply, serde_json::Error> + Send + Sync,
) -> Result<Done, Failure> {
    retry_on_conflict(|| async {
        let before = order_record::load(store, id).await?;
        context.condition.check(before.version)?;
        let events = decide(&before.order)?;
        write_order(store, id, context, before, events, &reply).await
    })
    .await
}

/// Changes an order by a decision that needs the current facts about its lines; they are read again for every
/// attempt.
pub(crate) async fn change_order_with_line_facts(
    store: &Store,
    id: OrderId,
    context: &Context,
    decide: impl Fn(&Order, Vec<LineFacts>) -> Result<Vec<OrderEvent>, OrderError> + Send + Sync,
    reply: impl Fn(&OrderRecord, &OrderRecord, Option<&Payment>) -> Result<Reply, serde_json::Error> + Send + Sync,
) -> Result<Done, Failure> {
    retry_on_conflict(|| async {
        let before = order_record::load(store, id).await?;
        context.condition.check(before.version)?;
        let facts = product_facts::line_facts(store, id, &before.order).await?;
        let events = decide(&before.order, facts)?;
        write_order(store, id, context, before, events, &reply).await
    })
    .await
}

async fn write_order(
    store: &Store,
    id: OrderId,
    context: &Context,
    before: Arc<OrderRecord>,
    events: Vec<OrderEvent>,
    reply: &(impl Fn(&OrderRecord, &OrderRecord, Option<&Payment>) -> Result<Reply, serde_json::Error> + Send + Sync),
) -> Result<Done, Failure> {
    let version = before.version;
    let change = Change::new(streams::order(id), before, version, events, &context.cause);
    let after = change.after();
    let payment = order_record::load_payment(store, &after.order).await?;
    let reply = reply(&change.before, &after, payment.as_deref())?;
    append_with_reply(store, change.batch, context, reply).await
}

/// Requests the refund of part of an order's payment, or of all that is left. `reply` receives the order, and the
/// payment after the request.
pub(crate) async fn refund_order(
    store: &Store,
    id: OrderId,
    context: &Context,
    command: &PaymentCommand,
    reply: impl Fn(&OrderRecord, &Payment) -> Result<Reply, serde_json::Error> + Send + Sync,
) -> Result<Done, Failure> {
    retry_on_conflict(|| async {
        let record = order_record::load(store, id).await?;
        context.condition.check(record.version)?;
        let status = record.order.status().ok_or(OrderError::NotFound)?;
        let payment_id = record.order.payment_id().filter(|_| record.order.number().is_some());
        // Before the confirmation, the checkout refunds by itself.
        let payment_id = payment_id.ok_or(OrderError::WrongState { status, attempted: "refunded" })?;
        let decide = |payment: &Payment| payment::decide(payment, command.clone());
        let stream = streams::payment(payment_id);
        let change = decide_change(store, &stream, &Condition::Any, &context.cause, decide).await?;
        let reply = reply(&record, &change.after())?;
        append_with_reply(store, change.batch, context, reply).await
    })
    .await
}
