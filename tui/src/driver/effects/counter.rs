//! Runs the requests of the screen Counter against the shop. Decides nothing.

use std::collections::BTreeMap;

use storefront_api::{OrderListQuery, Page, StockItem, StockQuery};
use storefront_client::{Client, ClientError, IdempotencyKey};

use crate::driver::wire::failure;
use crate::state::counter::{Accepted, Figures, Request, STATES};
use crate::update::counter::{CounterRequest, CounterResponse};

/// Runs a read request.
pub(super) async fn run(client: &Client, request: CounterRequest) -> CounterResponse {
    match request {
        CounterRequest::Stock { sequence, min_position } => {
            CounterResponse::Stock { sequence, result: stock(client, min_position).await.map_err(failure) }
        }
        CounterRequest::Products { ask, query } => {
            let result = client.products(&query).await.map(Page::from).map_err(failure);
            // An older server has no such endpoint; the products are shown all the same.
            let service = if ask.anew { client.product_service().await.ok() } else { None };
            CounterResponse::Products { ask, result, service }
        }
        CounterRequest::Orders { ask, query } => {
            CounterResponse::Orders { ask, result: client.orders(&query).await.map_err(failure) }
        }
        CounterRequest::Sales { sequence, min_position } => CounterResponse::Sales {
            sequence,
            result: figures(client, min_position).await.map(Box::new).map_err(failure),
        },
        CounterRequest::Charges { sequence } => {
            CounterResponse::Charges { sequence, result: client.unmatched_charges().await.map_err(failure) }
        }
    }
}

/// Maximum number of stock pages per fetch, of 100 products each.
const MAX_STOCK_PAGES: usize = 20;

/// Fetches the stock of all products as one page. With more than the maximum number of pages, fetches the first ones
/// and whatever has run low.
async fn stock(client: &Client, min_position: Option<u64>) -> Result<Page<StockItem>, ClientError> {
    let (mut items, mut total) = (BTreeMap::new(), 0);
    for low in [None, Some(true)] {
        let mut query = StockQuery { low, limit: Some(100), cursor: None, min_position };
        for _ in 0..MAX_STOCK_PAGES {
            let page = client.stock(&query).await?;
            if low.is_none() {
                total = page.total;
            }
            items.extend(page.items.into_iter().map(|item| (item.product_id.clone(), item)));
            query.cursor = page.next_cursor;
            if query.cursor.is_none() {
                break;
            }
        }
        if query.cursor.is_none() {
            break;
        }
    }
    Ok(Page { items: items.into_values().collect(), next_cursor: None, total })
}

/// Fetches the statistics and the number of orders in each state.
async fn figures(client: &Client, min_position: Option<u64>) -> Result<Figures, ClientError> {
    let statistics = client.statistics(min_position).await?;
    let mut states = [0; STATES.len()];
    for (count, status) in states.iter_mut().zip(STATES) {
        let query = OrderListQuery { status: Some(status), limit: Some(1), min_position, ..OrderListQuery::default() };
        *count = client.orders(&query).await?.total;
    }
    Ok(Figures { statistics, states })
}

/// Sends the request of a form.
pub(super) async fn submit(client: &Client, request: Request, key: &IdempotencyKey) -> Result<Accepted, ClientError> {
    Ok(match request {
        Request::Receive(id, receive) => Accepted::Stock(client.receive_stock(&id, &receive, key).await?.value),
        Request::Adjust(id, adjust) => Accepted::Stock(client.adjust_stock(&id, &adjust, key).await?.value),
        // These requests are idempotent by themselves, so they need no key.
        Request::Count(id, set) => Accepted::Stock(client.set_stock(&id, &set).await?.value),
        Request::SetThreshold(id, threshold) => Accepted::Stock(client.set_threshold(&id, threshold).await?.value),
        Request::Describe(id, change) => Accepted::Product(Box::new(client.change_product(&id, &change).await?.value)),
        Request::Reprice(id, reprice) => {
            Accepted::Product(Box::new(client.reprice_product(&id, &reprice, key).await?.value))
        }
        Request::Withdraw(id) => Accepted::Product(Box::new(client.withdraw_product(&id, key).await?.value)),
        Request::Relist(id) => Accepted::Product(Box::new(client.relist_product(&id, key).await?.value)),
        Request::Create(product) => Accepted::Product(Box::new(client.create_product(&product, key).await?.value)),
        Request::ConfirmWithdrawals => Accepted::Withdrawals(client.confirm_withdrawals(key).await?.value.withdrawn),
        Request::Ship(id, ship) => Accepted::Order(Box::new(client.ship(id, &ship, key).await?.value)),
        Request::ChangeEmail(id, change) => Accepted::Order(Box::new(client.change_email(id, &change).await?.value)),
        Request::Deliver(id, deliver) => Accepted::Order(Box::new(client.deliver(id, &deliver, key).await?.value)),
        Request::RefundCharge(reference) => {
            Accepted::Payment(Box::new(client.refund_unmatched(&reference, key).await?.value))
        }
        Request::Refund(id, refund) => Accepted::Order(Box::new(client.refund(id, &refund, key).await?.value)),
    })
}
