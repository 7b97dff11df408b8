//! What the screen Counter asks of the shop.

use std::collections::BTreeMap;

use storefront_api::{OrderListQuery, Page, StockItem, StockQuery};
use storefront_client::{Client, ClientError, IdempotencyKey};

use crate::driver::wire::failure;
use crate::state::counter::{Agreed, Figures, Request, STATES};
use crate::update::counter::{CounterRequest, CounterResponse};

/// Fetches something.
pub(super) async fn run(client: &Client, errand: CounterRequest) -> CounterResponse {
    match errand {
        CounterRequest::Stock { sequence, min_position } => {
            CounterResponse::Stock { sequence, result: stock(client, min_position).await.map_err(failure) }
        }
        CounterRequest::Products { ask, query } => {
            let result = client.products(&query).await.map(Page::from).map_err(failure);
            // An older server does not know this question, which is no reason to show no products.
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

/// So many pages of the stock are fetched, of a hundred products each.
const MOST_PAGES: usize = 20;

/// The stock by product, in one page; of very many products the first, and whatever has run low.
async fn stock(client: &Client, min_position: Option<u64>) -> Result<Page<StockItem>, ClientError> {
    let (mut items, mut total) = (BTreeMap::new(), 0);
    for low in [None, Some(true)] {
        let mut query = StockQuery { low, limit: Some(100), cursor: None, min_position };
        for _ in 0..MOST_PAGES {
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

/// The statistics, and how many orders are in each state.
async fn figures(client: &Client, min_position: Option<u64>) -> Result<Figures, ClientError> {
    let statistics = client.statistics(min_position).await?;
    let mut states = [0; STATES.len()];
    for (count, status) in states.iter_mut().zip(STATES) {
        let query = OrderListQuery { status: Some(status), limit: Some(1), min_position, ..OrderListQuery::default() };
        *count = client.orders(&query).await?.total;
    }
    Ok(Figures { statistics, states })
}

/// Does what a form asks for.
pub(super) async fn submit(client: &Client, request: Request, key: &IdempotencyKey) -> Result<Agreed, ClientError> {
    Ok(match request {
        Request::Receive(id, receive) => Agreed::Stock(client.receive_stock(&id, &receive, key).await?.value),
        Request::Adjust(id, adjust) => Agreed::Stock(client.adjust_stock(&id, &adjust, key).await?.value),
        // Counting, setting and describing again does no harm, so they go without the key.
        Request::Count(id, set) => Agreed::Stock(client.set_stock(&id, &set).await?.value),
        Request::SetThreshold(id, threshold) => Agreed::Stock(client.set_threshold(&id, threshold).await?.value),
        Request::Describe(id, change) => Agreed::Product(Box::new(client.change_product(&id, &change).await?.value)),
        Request::Reprice(id, reprice) => {
            Agreed::Product(Box::new(client.reprice_product(&id, &reprice, key).await?.value))
        }
        Request::Withdraw(id) => Agreed::Product(Box::new(client.withdraw_product(&id, key).await?.value)),
        Request::Relist(id) => Agreed::Product(Box::new(client.relist_product(&id, key).await?.value)),
        Request::Create(product) => Agreed::Product(Box::new(client.create_product(&product, key).await?.value)),
        Request::ConfirmWithdrawals => Agreed::Withdrawals(client.confirm_withdrawals(key).await?.value.withdrawn),
        Request::Ship(id, ship) => Agreed::Order(Box::new(client.ship(id, &ship, key).await?.value)),
        Request::ChangeEmail(id, change) => Agreed::Order(Box::new(client.change_email(id, &change).await?.value)),
        Request::Deliver(id, deliver) => Agreed::Order(Box::new(client.deliver(id, &deliver, key).await?.value)),
        Request::RefundCharge(reference) => {
            Agreed::Payment(Box::new(client.refund_unmatched(&reference, key).await?.value))
        }
        Request::Refund(id, refund) => Agreed::Order(Box::new(client.refund(id, &refund, key).await?.value)),
    })
}
