//! Sends the requests to the shop and returns its responses. Decides nothing, not even whether to retry.

mod account;
mod counter;
mod processes;

use storefront_api::{
    AddItem, Cancel, DiffQuery, Order, OrderId, OrderListQuery, OrderNumber, OrderSummary, Page, ProductQuery,
    RegisterCustomer, StubFaults, TimelineQuery,
};
use storefront_client::{Client, ClientError, IdempotencyKey, WriteResponse};

use crate::driver::png;
use crate::driver::wire::{failure, idempotency_key};
use crate::state::{Accepted, Change, Failure, FormRequest, Found};
use crate::update::{FileKind, Request, Response};

/// Reason that is sent with a cancellation; the shop requires one.
const CANCEL_REASON: &str = "cancelled by the shopper";

/// Number of products and of orders to find by words.
const FIND_LIMIT: u32 = 8;

/// Sends a request, and returns the answer for the model, also when it fails.
#[expect(clippy::too_many_lines, reason = "a table with an arm for each request")]
pub(super) async fn send(client: &Client, request: Request) -> Response {
    match request {
        Request::Products { ask, query } => {
            Response::Products { ask, result: client.products(&query).await.map_err(failure) }
        }
        Request::Categories => Response::Categories { result: client.categories().await.map_err(failure) },
        Request::Picture { id } => {
            let picture = client.picture(&id).await.map_err(failure);
            let decode = |bytes: Vec<u8>| png::decode(&bytes).map_err(Failure::Unexpected);
            Response::Picture { id, result: picture.and_then(|bytes| bytes.map(decode).transpose()) }
        }
        Request::Find { sequence, words } => {
            Response::Found { sequence, result: find(client, words).await.map_err(failure) }
        }
        Request::FindOrder { number } => {
            Response::OrderFound { number, result: find_order(client, number).await.map_err(failure) }
        }
        Request::Basket { id } => Response::Basket { id, result: client.order(id).await.map_err(failure) },
        Request::Change { order_id, key, change } => {
            let result = send_change(client, order_id, &key, change).await.map_err(failure);
            Response::Changed { key, result }
        }
        Request::CheckOut { order_id, key, request } => {
            let result = client.checkout(order_id, &request, &idempotency_key(&key)).await.map(value).map_err(failure);
            Response::CheckedOut { key, result }
        }
        Request::Submit { key, request } => {
            let result = submit(client, *request, &idempotency_key(&key)).await.map_err(failure);
            Response::Submitted { key, result }
        }
        Request::Orders { ask, query } => {
            Response::Orders { ask, result: client.orders(&query).await.map_err(failure) }
        }
        Request::Timeline { id, after } => {
            let query = TimelineQuery { after: Some(after), wait: None };
            Response::Timeline { id, result: client.timeline(id, &query).await.map_err(failure) }
        }
        Request::Cancel { id, key } => {
            let cancel = Cancel { reason: CANCEL_REASON.to_owned() };
            let result = client.cancel(id, &cancel, &idempotency_key(&key)).await.map(value).map_err(failure);
            Response::Cancelled { key, result }
        }
        Request::Diff { id, position } => {
            let query = DiffQuery { position: Some(position), ..DiffQuery::default() };
            Response::Diff { id, position, result: client.order_diff(id, &query).await.map_err(failure) }
        }
        Request::Diagram { id, copy } => {
            Response::Diagram { id, copy, result: client.order_diagram(id).await.map_err(failure) }
        }
        Request::OrderDocuments { order, invoice } => {
            let result = account::documents(client, order, invoice).await.map_err(failure);
            Response::OrderDocuments { order, result }
        }
        Request::Register { customer, key } => {
            let register = RegisterCustomer { id: Some(customer), ..RegisterCustomer::default() };
            let result = client.register(&register, &idempotency_key(&key)).await.map(value).map_err(failure);
            Response::Registered { key, result }
        }
        Request::BeginAsGuest => {
            Response::Guest { result: client.without_token().begin_as_guest().await.map_err(failure) }
        }
        Request::Renew { key } => {
            let result = client.renew_session(&idempotency_key(&key)).await.map(value).map_err(failure);
            Response::Renewed { key, result }
        }
        Request::Me { customer } => Response::Me { customer, result: client.me().await.map_err(failure) },
        Request::Sessions { ask } => {
            let list = client.sessions().await.map_err(failure);
            Response::Sessions { ask, result: list.map(|list| whole(list.items)) }
        }
        Request::Addresses { ask } => {
            let list = client.addresses().await.map_err(failure);
            Response::Addresses { ask, result: list.map(|list| whole(list.items)) }
        }
        Request::Wallet { customer } => Response::Wallet { customer, result: client.wallet().await.map_err(failure) },
        Request::Movements { ask, query } => {
            Response::Movements { ask, result: client.movements(&query).await.map_err(failure) }
        }
        Request::Vouchers { ask, min_position } => {
            let list = client.vouchers_as_of(min_position).await.map_err(failure);
            Response::Vouchers { ask, result: list.map(|list| whole(list.items)) }
        }
        Request::Invoices { ask, query } => {
            Response::Invoices { ask, result: client.invoices(&query).await.map_err(failure) }
        }
        Request::Mails { ask, url, after } => {
            Response::Mails { ask, result: account::mails(&url, after).await.map_err(failure) }
        }
        Request::DocumentText { number } => {
            let text = client.document_text(&number).await.map_err(failure);
            Response::DocumentText { result: text.and_then(|text| account::found(text, &number)), number }
        }
        Request::DocumentFile { number, kind } => {
            let file = match kind {
                FileKind::Pdf => client.document_pdf(&number).await,
                FileKind::Text => client.document_text(&number).await.map(|text| text.map(String::into_bytes)),
            };
            let result = file.map_err(failure).and_then(|file| account::found(file, &number));
            Response::DocumentFile { number, kind, result }
        }
        Request::Processes => Response::Processes { result: processes::fetch(client).await.map_err(failure) },
        Request::Parked { process, query } => {
            let result = client.parked(&process, &query).await.map_err(failure);
            Response::Parked { process, result }
        }
        Request::Control { key, command } => {
            let result = processes::control(client, &idempotency_key(&key), command).await.map_err(failure);
            Response::Controlled { key, result }
        }
        Request::Scenarios => Response::Scenarios { result: client.scenarios().await.map_err(failure) },
        Request::Faults => Response::Faults { result: client.faults().await.map_err(failure) },
        Request::Play { name } => {
            let result = client.play_scenario(&name).await.map_err(failure);
            Response::Played { name, result }
        }
        Request::Break { stub, faults } => {
            Response::Broken { stub, result: client.set_faults(stub, &faults).await.map_err(failure) }
        }
        Request::Reset => Response::Reset { result: client.reset_shop().await.map_err(failure) },
        Request::Stock { sequence, min_position } => {
            Response::Stock { sequence, result: counter::stock(client, min_position).await.map_err(failure) }
        }
        Request::CounterProducts { ask, query } => {
            let result = client.products(&query).await.map(Page::from).map_err(failure);
            // An older server has no such endpoint; the products are shown all the same.
            let service = if ask.anew { client.product_service().await.ok() } else { None };
            Response::CounterProducts { ask, result, service }
        }
        Request::CounterOrders { ask, query } => {
            Response::CounterOrders { ask, result: client.orders(&query).await.map_err(failure) }
        }
        Request::Sales { sequence, min_position } => {
            Response::Sales { sequence, result: counter::figures(client, min_position).await.map_err(failure) }
        }
        Request::Charges { sequence } => {
            Response::Charges { sequence, result: client.unmatched_charges().await.map_err(failure) }
        }
    }
}

/// A list that the shop sends whole, as its only page.
fn whole<T>(items: Vec<T>) -> Page<T> {
    Page { total: items.len() as u64, items, next_cursor: None }
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
async fn submit(client: &Client, request: FormRequest, key: &IdempotencyKey) -> Result<Accepted, ClientError> {
    match request {
        FormRequest::Counter(request) => counter::submit(client, request, key).await.map(Accepted::Counter),
        FormRequest::Account(request) => account::submit(client, request, key).await.map(Accepted::Account),
        // Idempotent by itself, so it needs no key.
        FormRequest::Lab(StubFaults { stub, faults }) => {
            client.set_faults(stub, &faults).await.map(|faults| Accepted::Lab(StubFaults { stub, faults }))
        }
        // Idempotent by itself, so it needs no key.
        FormRequest::UseVoucher { order_id, code } => {
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
    .map(value)
}

fn value<T>(written: WriteResponse<T>) -> T {
    written.value
}
