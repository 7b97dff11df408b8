//! What the screen Counter asks that takes more than a call of the client.

use std::collections::BTreeMap;

use storefront_api::{OrderListQuery, Page, StockItem, StockQuery};
use storefront_client::{Client, ClientError, IdempotencyKey};

use crate::state::counter::{Accepted, CounterRequest, Figures, STATES};

/// Maximum number of stock pages per fetch, of 100 products each.
const MAX_STOCK_PAGES: usize = 20;

/// Fetches the stock of all products as one page. With more than the maximum number of pages, fetches the first ones
/// and whatever has run low.
pub(super) async fn stock(client: &Client, min_position: Option<u64>) -> Result<Page<StockItem>, ClientError> {
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
pub(super) async fn figures(client: &Client, min_position: Option<u64>) -> Result<Figures, ClientError> {
    let statistics = client.statistics(min_position).await?;
    let mut states = [0; STATES.len()];
    for (count, status) in states.iter_mut().zip(STATES) {
        let query = OrderListQuery { status: Some(status), limit: Some(1), min_position, ..OrderListQuery::default() };
        *count = client.orders(&query).await?.total;
    }
    Ok(Figures { statistics, states })
}

/// Sends the request of a form.
pub(super) async fn submit(
    client: &Client,
    request: CounterRequest,
    key: &IdempotencyKey,
) -> Result<Accepted, ClientError> {
    Ok(match request {
        CounterRequest::Receive(id, receive) => Accepted::Stock(client.receive_stock(&id, &receive, key).await?.value),
        CounterRequest::Adjust(id, adjust) => Accepted::Stock(client.adjust_stock(&id, &adjust, key).await?.value),
        // These requests are idempotent by themselves, so they need no key.
        CounterRequest::Count(id, set) => Accepted::Stock(client.set_stock(&id, &set).await?.value),
        CounterRequest::SetThreshold(id, threshold) => {
            Accepted::Stock(client.set_threshold(&id, threshold).await?.value)
        }
        CounterRequest::Describe(id, change) => {
            Accepted::Product(Box::new(client.change_product(&id, &change).await?.value))
        }
        CounterRequest::Reprice(id, reprice) => {
            Accepted::Product(Box::new(client.reprice_product(&id, &reprice, key).await?.value))
        }
        CounterRequest::Withdraw(id) => Accepted::Product(Box::new(client.withdraw_product(&id, key).await?.value)),
        CounterRequest::Relist(id) => Accepted::Product(Box::new(client.relist_product(&id, key).await?.value)),
        CounterRequest::Create(product) => {
            Accepted::Product(Box::new(client.create_product(&product, key).await?.value))
        }
        CounterRequest::ConfirmWithdrawals => {
            Accepted::Withdrawals(client.confirm_withdrawals(key).await?.value.withdrawn)
        }
        CounterRequest::Ship(id, ship) => Accepted::Order(Box::new(client.ship(id, &ship, key).await?.value)),
        CounterRequest::ChangeEmail(id, change) => {
            Accepted::Order(Box::new(client.change_email(id, &change).await?.value))
        }
        CounterRequest::Deliver(id, deliver) => {
            Accepted::Order(Box::new(client.deliver(id, &deliver, key).await?.value))
        }
        CounterRequest::RefundCharge(reference) => {
            Accepted::Payment(Box::new(client.refund_unmatched(&reference, key).await?.value))
        }
        CounterRequest::Refund(id, refund) => Accepted::Order(Box::new(client.refund(id, &refund, key).await?.value)),
    })
}
