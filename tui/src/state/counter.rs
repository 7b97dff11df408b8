//! State of the screen Counter: the shopkeeper's work in five parts.

mod charges;
mod sales;
mod stock;

use storefront_api::{
    AdjustStock, ChangeEmail, ChangeProduct, Currency, Deliver, HeldWithdrawals, NewProduct, Order, OrderId,
    OrderListQuery, OrderStatus, OrderSummary, Payment, Product, ProductId, ProductQuery, ProductServiceState,
    ReceiveStock, RefundOrder, RepriceProduct, SetStock, Ship, StockItem, Timestamp,
};
use tui_input::Input;

pub(crate) use charges::Charges;
pub(crate) use sales::{Bar, Figures, STATES, Sales};
pub(crate) use stock::{Level, Stock, name_of};

use crate::state::{PAGE, PagedList};

/// A part of the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Part {
    #[default]
    Stock,
    Products,
    Orders,
    Sales,
    Charges,
}

impl Part {
    pub(crate) const ALL: [Self; 5] = [Self::Stock, Self::Products, Self::Orders, Self::Sales, Self::Charges];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Stock => "Stock",
            Self::Products => "Products",
            Self::Orders => "Orders",
            Self::Sales => "Sales",
            Self::Charges => "Charges",
        }
    }

    /// The part `by` places further, wrapping around.
    pub(crate) fn step(self, by: isize) -> Self {
        let here = Self::ALL.iter().position(|part| *part == self).unwrap_or(0);
        Self::ALL[(here + Self::ALL.len()).saturating_add_signed(by) % Self::ALL.len()]
    }
}

/// The purpose of a form of this screen.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum CounterForm {
    Receive(ProductId),
    Adjust(ProductId),
    Count(ProductId),
    SetThreshold(ProductId),
    Reprice(ProductId, Currency),
    Withdraw(ProductId),
    Relist(ProductId),
    /// The product as it was when the form was opened.
    Describe(Box<Product>),
    Create(Currency),
    Ship(OrderId),
    Deliver(OrderId),
    ChangeEmail(OrderId),
    Refund(OrderId, Currency),
    /// The id of the charge at the card gateway.
    RefundCharge(String),
    ConfirmWithdrawals,
}

/// The request of a form.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum CounterRequest {
    Receive(ProductId, ReceiveStock),
    Adjust(ProductId, AdjustStock),
    Count(ProductId, SetStock),
    SetThreshold(ProductId, u32),
    Reprice(ProductId, RepriceProduct),
    Withdraw(ProductId),
    Relist(ProductId),
    Describe(ProductId, ChangeProduct),
    Create(NewProduct),
    Ship(OrderId, Ship),
    Deliver(OrderId, Deliver),
    ChangeEmail(OrderId, ChangeEmail),
    Refund(OrderId, RefundOrder),
    RefundCharge(String),
    ConfirmWithdrawals,
}

/// The shop's response to a form.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Accepted {
    Stock(StockItem),
    Product(Box<Product>),
    Order(Box<Order>),
    /// Number of products that were withdrawn.
    Withdrawals(u32),
    /// The payment under which the unmatched charge is refunded.
    Payment(Box<Payment>),
}

/// The part Products.
#[derive(Debug, Default)]
pub(crate) struct Products {
    pub(crate) list: PagedList<Product>,
    pub(crate) search: Input,
    /// Shows withdrawn products instead of the others.
    pub(crate) withdrawn: bool,
    /// State of the product service, as far as it is known.
    pub(crate) service: Option<ProductServiceState>,
}

impl Products {
    /// Withdrawals that wait for an operator because most of the range is missing.
    pub(crate) fn held_withdrawals(&self) -> Option<&HeldWithdrawals> {
        self.service.as_ref()?.held_withdrawals.as_ref()
    }

    /// The query without its page.
    pub(crate) fn query(&self, cursor: Option<String>, min_position: Option<u64>) -> ProductQuery {
        ProductQuery {
            q: words(&self.search),
            withdrawn: self.withdrawn.then_some(true),
            limit: u32::try_from(PAGE).ok(),
            cursor,
            min_position,
            ..ProductQuery::default()
        }
    }
}

/// The part Orders.
#[derive(Debug)]
pub(crate) struct Dispatch {
    pub(crate) list: PagedList<OrderSummary>,
    pub(crate) search: Input,
    /// `None`: all.
    pub(crate) status: Option<OrderStatus>,
}

impl Default for Dispatch {
    /// Starts with the orders to ship.
    fn default() -> Self {
        Self { list: PagedList::default(), search: Input::default(), status: Self::STATUSES[0] }
    }
}

impl Dispatch {
    const STATUSES: [Option<OrderStatus>; 4] =
        [Some(OrderStatus::Confirmed), Some(OrderStatus::Shipped), Some(OrderStatus::Delivered), None];

    /// Steps through: to ship, shipped, delivered, all.
    pub(crate) fn next_status(&mut self) {
        let here = Self::STATUSES.iter().position(|status| *status == self.status).unwrap_or(0);
        self.status = Self::STATUSES[(here + 1) % Self::STATUSES.len()];
    }

    /// The query without its page.
    pub(crate) fn query(&self, cursor: Option<String>, min_position: Option<u64>) -> OrderListQuery {
        let limit = u32::try_from(PAGE).ok();
        OrderListQuery { customer: None, status: self.status, q: words(&self.search), limit, cursor, min_position }
    }
}

fn words(search: &Input) -> Option<String> {
    Some(search.value().trim().to_owned()).filter(|words| !words.is_empty())
}

/// The screen Counter.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    pub(crate) part: Part,
    pub(crate) stock: Stock,
    pub(crate) products: Products,
    pub(crate) orders: Dispatch,
    pub(crate) sales: Sales,
    pub(crate) charges: Charges,
    /// Whether a search is being typed.
    pub(crate) typing: bool,
    /// When to fetch again after a change or typing.
    pub(crate) refresh_at: Option<Timestamp>,
}

impl Counter {
    /// The search input of the part.
    pub(crate) const fn search(&self) -> Option<&Input> {
        match self.part {
            Part::Products => Some(&self.products.search),
            Part::Orders => Some(&self.orders.search),
            Part::Stock | Part::Sales | Part::Charges => None,
        }
    }

    pub(crate) const fn search_mut(&mut self) -> Option<&mut Input> {
        match self.part {
            Part::Products => Some(&mut self.products.search),
            Part::Orders => Some(&mut self.orders.search),
            Part::Stock | Part::Sales | Part::Charges => None,
        }
    }

    /// The part's cursor and the length of its list.
    pub(crate) fn place(&self) -> (usize, usize) {
        match self.part {
            Part::Stock => (self.stock.list.cursor, self.stock.shown().len()),
            Part::Products => (self.products.list.list.cursor, self.products.list.total),
            Part::Orders => (self.orders.list.list.cursor, self.orders.list.total),
            Part::Sales => (self.sales.scroll, self.sales.lines()),
            Part::Charges => (self.charges.list.cursor, self.charges.items.len()),
        }
    }
}
