//! What the screen Counter asks of the shop.

use storefront_api::StockQuery;
use storefront_client::{Client, ClientError, IdempotencyKey};

use super::failure;
use crate::state::counter::{Agreed, Request};
use crate::update::counter::{Errand, News};

/// Fetches something.
pub(super) async fn run(client: &Client, errand: Errand) -> News {
    match errand {
        Errand::Stock { sequence, min_position } => {
            let query = StockQuery { low: None, min_position };
            News::Stock { sequence, result: client.stock(&query).await.map_err(failure) }
        }
    }
}

/// Does what a form asks for.
pub(super) async fn submit(client: &Client, request: Request, key: &IdempotencyKey) -> Result<Agreed, ClientError> {
    Ok(match request {
        Request::Receive(id, receive) => Agreed::Stock(client.receive_stock(&id, &receive, key).await?.value),
        Request::Adjust(id, adjust) => Agreed::Stock(client.adjust_stock(&id, &adjust, key).await?.value),
        // Setting it again does no harm, so it goes without the key.
        Request::SetThreshold(id, threshold) => Agreed::Stock(client.set_threshold(&id, threshold).await?.value),
    })
}
