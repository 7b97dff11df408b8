//! What is behind the screen Counter in the small shop of the tests.

use storefront_api::{ProductId, StockItem, StockList};

use super::{Client, a_shelf, an_event};
use crate::state::Failure;
use crate::state::counter::{Agreed, Request};
use crate::update::counter::{Errand, News};
use crate::update::{Feed, Msg};

/// The shopkeeper's side of the shop.
pub(crate) struct Shopkeeping {
    pub(crate) stock: Vec<StockItem>,
}

impl Default for Shopkeeping {
    fn default() -> Self {
        let stock = a_shelf().into_iter().map(|product| StockItem {
            product_id: product.id,
            on_hand: product.available,
            reserved: 0,
            available: product.available,
            threshold: 10,
            version: 1,
        });
        Self { stock: stock.collect() }
    }
}

impl Shopkeeping {
    pub(super) fn answer(&self, errand: Errand) -> Msg {
        Msg::Counter(match errand {
            Errand::Stock { sequence, .. } => {
                News::Stock { sequence, result: Ok(StockList { items: self.stock.clone() }) }
            }
        })
    }

    pub(super) fn agree(&mut self, request: Request) -> Agreed {
        match request {
            Request::Receive(id, receive) => self.change(&id, |item| item.on_hand += receive.quantity),
            Request::Adjust(id, adjust) => self.change(&id, |item| {
                item.on_hand = u32::try_from(i64::from(item.on_hand) + adjust.change).unwrap();
            }),
            Request::SetThreshold(id, threshold) => self.change(&id, |item| item.threshold = threshold),
        }
    }

    fn change(&mut self, id: &ProductId, by: impl FnOnce(&mut StockItem)) -> Agreed {
        let item = self.stock.iter_mut().find(|item| item.product_id == *id).unwrap();
        by(item);
        item.available = item.on_hand - item.reserved;
        item.version += 1;
        Agreed::Stock(item.clone())
    }
}

impl Client {
    /// Something happens to the stock of a product.
    pub(crate) fn stock_news(&mut self, kind: &str, product: &str) {
        self.head += 1;
        let events = vec![an_event(self.head, kind, product)];
        self.take(Msg::Feed(Feed::News { events }));
    }
}

pub(super) fn failed(errand: Errand, failure: Failure) -> Msg {
    Msg::Counter(match errand {
        Errand::Stock { sequence, .. } => News::Stock { sequence, result: Err(failure) },
    })
}
