//! What is behind the screen Counter in the small shop of the tests.

use storefront_api::{
    DayStatistics, OrderId, OrderStatus, Page, PaidBy, Payment, PaymentId, PaymentStatus, Product, ProductId,
    ProductSales, Statistics, StockItem, Timestamp, UnmatchedCharge, UnmatchedCharges, UnmatchedReason,
};

use super::{Client, START, a_product, a_shelf, an_event, eur, summary};
use crate::state::counter::{Accepted, CounterRequest, Figures, STATES};
use crate::update::{Feed, Msg, Request, Response};

/// The shopkeeper's side of the shop.
pub(crate) struct Shopkeeping {
    pub(crate) stock: Vec<StockItem>,
    /// How many products have stock, when that is more than are listed.
    pub(crate) stock_total: Option<u64>,
    pub(crate) products: Vec<Product>,
    pub(crate) statistics: Statistics,
    /// What the shop says of the product service; nothing where it does not know the question.
    pub(crate) service: Option<storefront_api::ProductServiceState>,
    /// Charges at the card gateway that are not in the books.
    pub(crate) charges: Vec<UnmatchedCharge>,
}

impl Default for Shopkeeping {
    fn default() -> Self {
        let stock = a_shelf().into_iter().map(|product| StockItem {
            product_id: product.id,
            name: Some(product.name),
            on_hand: product.available,
            reserved: 0,
            available: product.available,
            threshold: 10,
            version: 1,
        });
        Self {
            stock: stock.collect(),
            stock_total: None,
            products: a_shelf(),
            statistics: statistics(),
            service: None,
            charges: Vec::new(),
        }
    }
}

/// A shop that has sold for three days, with a day in between on which more went back than came in.
fn statistics() -> Statistics {
    let day = |day: &str, orders, revenue, refunded| DayStatistics {
        day: day.into(),
        orders,
        revenue: eur(revenue),
        refunded: eur(refunded),
    };
    let sold =
        |id: &str, pieces| ProductSales { product_id: id.parse().unwrap(), name: a_product(id, 1, 1).name, pieces };
    Statistics {
        refunded_orders: 0,
        orders: 12,
        cancelled: 2,
        revenue: eur(61_350),
        refunded: eur(4_450),
        average_order: eur(5_113),
        days: vec![
            day("2026-03-01", 7, 40_000, 0),
            day("2026-02-27", 0, -4_450, 4_450),
            day("2026-02-26", 5, 25_800, 0),
        ],
        top_products: vec![sold("enamel-mug", 21), sold("apron", 8), sold("bread-knife", 1)],
    }
}

/// A charge for an order that the shop does not have, and one of which a part has gone back and which names no order.
pub(crate) fn two_charges() -> Vec<UnmatchedCharge> {
    let charged_at = Timestamp::from_unix_ms(START - 3_600_000);
    let lost = UnmatchedCharge {
        reference: "pi_1".into(),
        amount: eur(3_590),
        left: eur(3_590),
        order_id: Some(OrderId(uuid::Uuid::from_u128(0x0195_500d_0000_7000_8000_0000_0000_00a1))),
        charged_at,
        reason: UnmatchedReason::NoOrder,
    };
    let bare = UnmatchedCharge {
        reference: "pi_2".into(),
        amount: eur(2_500),
        left: eur(2_000),
        order_id: None,
        ..lost.clone()
    };
    vec![lost, bare]
}

impl Shopkeeping {
    fn product(&mut self, id: &ProductId) -> &mut Product {
        self.products.iter_mut().find(|product| product.id == *id).unwrap()
    }

    fn change(&mut self, id: &ProductId, by: impl FnOnce(&mut StockItem)) -> Accepted {
        let item = self.stock.iter_mut().find(|item| item.product_id == *id).unwrap();
        by(item);
        item.available = item.on_hand - item.reserved;
        item.version += 1;
        Accepted::Stock(item.clone())
    }

    fn change_product(&mut self, id: &ProductId, by: impl FnOnce(&mut Product)) -> Accepted {
        let product = self.product(id);
        by(product);
        Accepted::Product(Box::new(product.clone()))
    }
}

impl Client {
    /// Something happens to the stock of a product.
    pub(crate) fn stock_news(&mut self, kind: &str, product: &str) {
        self.head += 1;
        let events = vec![an_event(self.head, kind, product)];
        self.take(Msg::Feed(Feed::NewEvents { events }));
    }

    pub(super) fn fetch(&self, request: Request) -> Response {
        match request {
            Request::Stock { sequence, .. } => {
                let items = self.counter.stock.clone();
                let total = self.counter.stock_total.unwrap_or(items.len() as u64);
                Response::Stock { sequence, result: Ok(Page { items, next_cursor: None, total }) }
            }
            Request::CounterProducts { ask, query } => {
                let words = query.q.unwrap_or_default().to_lowercase();
                let on_it = query.withdrawn != Some(true);
                let products = self.counter.products.iter();
                let found =
                    |product: &&Product| product.active == on_it && product.name.to_lowercase().contains(&words);
                let items: Vec<Product> = products.filter(found).cloned().collect();
                let total = items.len() as u64;
                Response::CounterProducts {
                    ask,
                    result: Ok(Page { items, next_cursor: None, total }),
                    service: self.counter.service.clone(),
                }
            }
            Request::CounterOrders { ask, query } => {
                let has_status =
                    |order: &&storefront_api::Order| query.status.is_none_or(|status| order.status == status);
                let items: Vec<_> = self.orders.iter().filter(has_status).map(summary).collect();
                let total = items.len() as u64;
                Response::CounterOrders { ask, result: Ok(Page { items, next_cursor: None, total }) }
            }
            Request::Sales { sequence, .. } => {
                let statistics = self.counter.statistics.clone();
                let states = std::array::from_fn(|place| {
                    [4, 1, 6, 3, 9, 2, 0].get(place).copied().filter(|_| place < STATES.len()).unwrap_or(0)
                });
                Response::Sales { sequence, result: Ok(Figures { statistics, states }) }
            }
            Request::Charges { sequence } => {
                let items = self.counter.charges.clone();
                Response::Charges { sequence, result: Ok(UnmatchedCharges { items, complete: true }) }
            }
            other => panic!("{other:?} is not about the counter"),
        }
    }

    /// Does what a form of the counter asks for.
    pub(super) fn keep_shop(&mut self, request: CounterRequest) -> Accepted {
        let shop = &mut self.counter;
        match request {
            CounterRequest::Receive(id, receive) => shop.change(&id, |item| item.on_hand += receive.quantity),
            CounterRequest::Adjust(id, adjust) => shop.change(&id, |item| {
                let on_hand = i64::from(item.on_hand).saturating_add(adjust.change);
                item.on_hand = u32::try_from(on_hand.max(item.reserved.into())).unwrap_or(u32::MAX);
            }),
            CounterRequest::Count(id, set) => shop.change(&id, |item| item.on_hand = set.on_hand.max(item.reserved)),
            CounterRequest::SetThreshold(id, threshold) => shop.change(&id, |item| item.threshold = threshold),
            CounterRequest::Reprice(id, reprice) => shop.change_product(&id, |product| product.price = reprice.price),
            CounterRequest::Withdraw(id) => shop.change_product(&id, |product| product.active = false),
            CounterRequest::Relist(id) => shop.change_product(&id, |product| product.active = true),
            CounterRequest::Describe(id, change) => shop.change_product(&id, |product| {
                product.name = change.name.unwrap_or_else(|| product.name.clone());
                product.compare_at_price = change.compare_at_price.unwrap_or(product.compare_at_price);
            }),
            CounterRequest::Create(new) => {
                let id = new.name.to_lowercase().replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
                let id = if id.is_empty() { "x".to_owned() } else { id };
                let product = Product { name: new.name, price: new.price, ..a_product(&id, 1, 0) };
                shop.products.push(product.clone());
                Accepted::Product(Box::new(product))
            }
            CounterRequest::ConfirmWithdrawals => {
                let held = shop.service.as_mut().and_then(|service| service.held_withdrawals.take());
                Accepted::Withdrawals(held.map_or(0, |held| held.missing))
            }
            CounterRequest::RefundCharge(reference) => {
                let place = shop.charges.iter().position(|charge| charge.reference == reference).unwrap();
                let UnmatchedCharge { left: amount, order_id, .. } = shop.charges.remove(place);
                Accepted::Payment(Box::new(Payment {
                    id: PaymentId(uuid::Uuid::from_u128(9)),
                    order_id: order_id.unwrap_or(OrderId(uuid::Uuid::from_u128(9))),
                    amount,
                    method: PaidBy::Card,
                    status: PaymentStatus::Refunding,
                    reference: Some(reference),
                    left: None,
                    refunds: Vec::new(),
                    disputes: Vec::new(),
                }))
            }
            CounterRequest::Ship(id, _) => self.set_status(id, OrderStatus::Shipped),
            CounterRequest::ChangeEmail(id, _) => self.set_status(id, OrderStatus::Confirmed),
            CounterRequest::Deliver(id, _) => self.set_status(id, OrderStatus::Delivered),
            CounterRequest::Refund(id, _) => Accepted::Order(Box::new(self.order_mut(id).clone())),
        }
    }

    fn set_status(&mut self, id: storefront_api::OrderId, status: OrderStatus) -> Accepted {
        let order = self.order_mut(id);
        order.status = status;
        Accepted::Order(Box::new(order.clone()))
    }
}
