//! Runs effects against the shop: one request each, whose response becomes a message. Decides nothing, not even whether
//! to retry.

mod counter;

use storefront_api::{
    AddItem, Cancel, DiffQuery, Order, OrderId, OrderListQuery, OrderNumber, OrderSummary, ProductQuery, StubFaults,
    TimelineQuery,
};
use storefront_client::{Client, ClientError, IdempotencyKey, WriteResponse};

use crate::driver::wire::{failure, idempotency_key};
use crate::driver::{account, lab, png, processes};
use crate::state::{Accepted, Change, Failure, Found, Request};
use crate::update::{Effect, Msg};

/// Reason that is sent with a cancellation; the shop requires one.
const CANCEL_REASON: &str = "cancelled by the shopper";

/// Number of products and of orders to find by words.
const FIND_LIMIT: u32 = 8;

/// Runs an effect. Returns `None` for effects that do not concern the shop.
pub(crate) async fn run(client: &Client, effect: Effect) -> Option<Msg> {
    Some(match effect {
        Effect::FetchProducts { ask, query } => {
            Msg::Products { ask, result: client.products(&query).await.map_err(failure) }
        }
        Effect::FetchCategories => Msg::Categories(client.categories().await.map_err(failure)),
        Effect::FetchPicture(id) => {
            let result = match client.picture(&id).await {
                Ok(bytes) => bytes.map(|bytes| png::decode(&bytes).map_err(Failure::Unexpected)).transpose(),
                Err(error) => Err(failure(error)),
            };
            Msg::Picture { id, result }
        }
        Effect::FetchBasket(id) => Msg::Basket { id, result: client.order(id).await.map_err(failure) },
        Effect::SendChange { order_id, key, change } => {
            let result = send_change(client, order_id, &key, change).await.map_err(failure);
            Msg::Changed { key, result }
        }
        Effect::CheckOut { order_id, key, request } => {
            let result = client.checkout(order_id, &request, &idempotency_key(&key)).await;
            Msg::CheckedOut { key, result: result.map(order).map_err(failure) }
        }
        Effect::FetchOrders { ask, query } => Msg::Orders { ask, result: client.orders(&query).await.map_err(failure) },
        Effect::FetchTimeline { id, after } => {
            let query = TimelineQuery { after: Some(after), wait: None };
            Msg::Timeline { id, result: client.timeline(id, &query).await.map_err(failure) }
        }
        Effect::CancelOrder { id, key } => {
            let cancel = Cancel { reason: CANCEL_REASON.to_owned() };
            let result = client.cancel(id, &cancel, &idempotency_key(&key)).await;
            Msg::Cancelled { key, result: result.map(order).map_err(failure) }
        }
        Effect::FetchDiff { id, position } => {
            let query = DiffQuery { position: Some(position), ..DiffQuery::default() };
            Msg::Diff { id, position, result: client.order_diff(id, &query).await.map_err(failure) }
        }
        Effect::FetchDiagram { id, copy } => {
            Msg::Diagram { id, copy, result: client.order_diagram(id).await.map_err(failure) }
        }
        Effect::FindOrder(number) => {
            Msg::OrderFound { result: find_order(client, number).await.map_err(failure), number }
        }
        Effect::Find { sequence, words } => Msg::Found { sequence, result: find(client, words).await.map_err(failure) },
        Effect::Counter(request) => Msg::Counter(counter::run(client, request).await),
        Effect::Submit { key, request } => {
            let result = submit(client, *request, &idempotency_key(&key)).await.map_err(failure);
            Msg::Submitted { key, result }
        }
        Effect::Processes(request) => Msg::Processes(processes::run(client, request).await),
        Effect::Account(request) => Msg::Account(account::run(client, request).await),
        Effect::Lab(request) => Msg::Lab(lab::run(client, request).await),
        Effect::Copy(_)
        | Effect::Save { .. }
        | Effect::Keep(_)
        | Effect::Configure(_)
        | Effect::FollowAnew
        | Effect::Examine
        | Effect::Suspend
        | Effect::Redraw
        | Effect::Quit => return None,
    })
}

/// Finds an order by its number. Reads the list again at the head of the log when the first read does not have it.
pub(crate) async fn find_order(client: &Client, number: OrderNumber) -> Result<Option<OrderId>, ClientError> {
    let number = number.to_string();
    let find = async |min_position| {
        let query =
            OrderListQuery { q: Some(number.clone()), limit: Some(100), min_position, ..OrderListQuery::default() };
        let found = client.orders(&query).await?.items.into_iter();
        let is_it = |order: &OrderSummary| order.number.as_deref() == Some(&number);
        Ok::<_, ClientError>(found.filter(is_it).map(|order| order.id).next())
    };
    match find(None).await? {
        Some(id) => Ok(Some(id)),
        // The list may be behind the log.
        None => find(Some(client.readiness().await?.head)).await,
    }
}

/// Finds products and orders by words, the best matches.
async fn find(client: &Client, words: String) -> Result<Found, ClientError> {
    let (q, limit) = (Some(words), Some(FIND_LIMIT));
    let products = ProductQuery { q: q.clone(), limit, ..ProductQuery::default() };
    let orders = OrderListQuery { q, limit, ..OrderListQuery::default() };
    let (products, orders) = tokio::try_join!(client.products(&products), client.orders(&orders))?;
    Ok(Found { products: products.items, orders: orders.items })
}

/// Sends the request of a form.
async fn submit(client: &Client, request: Request, key: &IdempotencyKey) -> Result<Accepted, ClientError> {
    match request {
        Request::Counter(request) => counter::submit(client, request, key).await.map(Accepted::Counter),
        // Idempotent by itself, so it needs no key.
        Request::Lab(StubFaults { stub, faults }) => {
            client.set_faults(stub, &faults).await.map(|faults| Accepted::Lab(StubFaults { stub, faults }))
        }
        // Idempotent by itself, so it needs no key.
        Request::UseVoucher { order_id, code } => {
            let written = client.apply_voucher(order_id, &code).await?;
            Ok(Accepted::Voucher(Box::new(written.value)))
        }
    }
}

async fn send_change(client: &Client, id: OrderId, key: &str, change: Change) -> Result<Order, ClientError> {
    match change {
        Change::Add { line } => {
            let item = AddItem { product_id: line.product_id, quantity: line.quantity };
            client.add_item(id, &item, &idempotency_key(key)).await
        }
        Change::Set { product_id, quantity } => client.change_quantity(id, &product_id, quantity).await,
        Change::Remove { product_id } => client.remove_item(id, &product_id).await,
        Change::Empty => client.clear(id).await,
        Change::UseVoucher { code } => client.apply_voucher(id, &code).await,
        Change::DropVoucher => client.remove_voucher(id).await,
    }
    .map(order)
}

fn order(written: WriteResponse<Order>) -> Order {
    written.value
}
