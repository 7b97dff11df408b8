//! A client in a small shop of its own: it answers the client's effects as the server would, without any I/O.

pub(crate) mod account;
mod answers;
mod checkout;
mod counter;

use std::collections::BTreeMap;

use serde_json::json;
use storefront_api::{
    Category, CategoryList, Currency, Event, FieldChange, Money, Order, OrderDiff, OrderId, OrderItem, OrderStatus,
    OrderSummary, Page, PaymentStatus, Problem, Product, ProductPage, StepState, TaxLine, Timeline, Timestamp, VatRate,
};
use uuid::Uuid;

pub(crate) use answers::failed;
pub(crate) use checkout::{a_checkout, steps};
pub(crate) use counter::two_charges;

use super::backstage::Backstage;
use super::laboratory::Laboratory;
use crate::keys::{Code, Key};
use crate::settings::{Contact, Settings};
use crate::state::{Accepted, Change, Failure, FormRequest, Found, Model};
use crate::update::{Effect, Feed, Msg, Request, Response, update};

/// When tests take place: 2026-03-01T12:00:00Z.
pub(crate) const START: i64 = 1_772_366_400_000;

pub(crate) fn eur(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

pub(crate) fn a_product(id: &str, price: i64, available: u32) -> Product {
    let name = format!("{}{}", id[..1].to_uppercase(), id[1..].replace('-', " "));
    Product {
        id: id.parse().unwrap(),
        sku: format!("SKU-{id}"),
        description: format!("{name}, well made, for every day and for years."),
        name,
        category: "Kitchen".into(),
        price: eur(price),
        compare_at_price: None,
        vat_rate_percent: VatRate::percent(19),
        attributes: BTreeMap::from([("colour".to_owned(), "blue".to_owned())]),
        active: true,
        available,
        in_baskets: 0,
        has_picture: false,
        stale: false,
        listed_at: Timestamp::from_unix_ms(START),
    }
}

pub(crate) fn a_shelf() -> Vec<Product> {
    let mut products = vec![
        a_product("apron", 4_450, 40),
        a_product("bread-knife", 3_450, 3),
        a_product("casserole", 10_000, 0),
        a_product("dutch-oven", 18_900, 12),
        a_product("enamel-mug", 950, 80),
    ];
    products[3].compare_at_price = Some(eur(21_900));
    products
}

/// An order with lines, in progress at a version.
pub(crate) fn an_order(version: u64, lines: &[(&Product, u32)]) -> Order {
    let items: Vec<OrderItem> = lines
        .iter()
        .map(|(product, quantity)| OrderItem {
            product_id: product.id.clone(),
            sku: product.sku.clone(),
            name: product.name.clone(),
            unit_price: product.price,
            quantity: *quantity,
            line_total: product.price.times(*quantity).unwrap(),
            notice: None,
        })
        .collect();
    let mut order = Order {
        id: OrderId(Uuid::from_u128(1)),
        number: None,
        status: OrderStatus::InProgress,
        payment_status: PaymentStatus::None,
        payment_action: None,
        payment_id: None,
        customer_id: None,
        version,
        currency: Currency::EUR,
        items,
        subtotal: eur(0),
        discount: eur(0),
        voucher: None,
        total: eur(0),
        tax: Vec::new(),
        email: None,
        shipping_address: None,
        shipment: None,
        invoice: None,
        reopened_because: None,
        started_at: Timestamp::from_unix_ms(START),
        checked_out_at: None,
        confirmed_at: None,
        cancelled_at: None,
        cancelled_because: None,
        refunds: Vec::new(),
        disputes: Vec::new(),
    };
    add_up(&mut order);
    order
}

fn add_up(order: &mut Order) {
    for item in &mut order.items {
        item.line_total = item.unit_price.times(item.quantity).unwrap();
    }
    let sum = order.items.iter().map(|item| item.line_total.amount).sum();
    order.subtotal = eur(sum);
    let off = if order.voucher.is_some() { sum.min(500) } else { 0 };
    (order.discount, order.total) = (eur(off), eur(sum - off));
    let sum = sum - off;
    order.tax = vec![TaxLine { rate_percent: VatRate::percent(19), amount: eur(sum * 19 / 119) }];
}

pub(crate) fn an_event(position: u64, kind: &str, correlation: &str) -> Event {
    let (context, _) = kind.split_once('.').unwrap();
    Event {
        position,
        id: Uuid::from_u128(position.into()),
        stream: format!("{context}-{correlation}"),
        version: position,
        kind: kind.into(),
        schema_version: 1,
        time: Timestamp::from_unix_ms(START + i64::try_from(position).unwrap() * 250),
        correlation_id: correlation.into(),
        causation_id: None,
        actor: "shopper".into(),
        data: json!({"quantity": 2, "name": "Enamel mug", "product_id": "enamel-mug"}),
    }
}

/// Ids that are the same in every run of a test.
fn next_id() -> Uuid {
    thread_local!(static LAST: std::cell::Cell<u128> = const { std::cell::Cell::new(0xa0) });
    Uuid::from_u128(LAST.with(|last| last.replace(last.get() + 1)))
}

/// A client, what it has asked for and not been answered, and the shop behind it.
pub(crate) struct Client {
    pub(crate) model: Model,
    pub(crate) asked: Vec<Request>,
    pub(crate) orders: Vec<Order>,
    pub(crate) head: u64,
    pub(crate) refuse_with: Option<Problem>,
    /// What is behind the screen Counter.
    pub(crate) counter: counter::Shopkeeping,
    pub(crate) backstage: Backstage,
    pub(crate) laboratory: Laboratory,
    pub(crate) accounts: account::Accounts,
    now: i64,
}

impl Client {
    /// Just started; nothing is known.
    pub(crate) fn new() -> Self {
        let settings = Settings { contact: Contact::demo(), ..Settings::default() };
        let model = Model::new(&settings, Timestamp::from_unix_ms(START), next_id);
        Self {
            model,
            asked: Vec::new(),
            orders: Vec::new(),
            head: 0,
            refuse_with: None,
            counter: counter::Shopkeeping::default(),
            backstage: Backstage::default(),
            laboratory: Laboratory::default(),
            accounts: account::Accounts::default(),
            now: START,
        }
    }

    /// Live, with everything fetched.
    pub(crate) fn in_a_full_shop() -> Self {
        let mut client = Self::new();
        client.take(Msg::ShopFound {
            url: "http://127.0.0.1:7070".into(),
            mailbox_url: None,
            embedded: false,
            first_run: false,
        });
        client.take(Msg::Feed(Feed::Loaded { events: Vec::new() }));
        client.answer_all();
        client
    }

    /// The same, with a lab in it.
    pub(crate) fn in_a_shop_with_a_lab() -> Self {
        let mut client = Self::in_a_full_shop();
        client.laboratory.enabled = true;
        client.take(Msg::Feed(Feed::Online));
        client.answer_all();
        client
    }

    pub(crate) fn take(&mut self, msg: Msg) -> Vec<Effect> {
        let effects = update(&mut self.model, Timestamp::from_unix_ms(self.now), msg);
        self.asked.extend(effects.iter().filter_map(|effect| match effect {
            Effect::Request(request) => Some(request.clone()),
            _ => None,
        }));
        effects
    }

    pub(crate) fn key(&mut self, key: Key) -> Vec<Effect> {
        self.take(Msg::Key(key))
    }

    /// Presses keys as they are written: `jj<Enter>`.
    pub(crate) fn press(&mut self, keys: &str) -> Vec<Effect> {
        crate::screenshot::parse(keys).unwrap().into_iter().flat_map(|key| self.key(key)).collect()
    }

    pub(crate) fn type_text(&mut self, text: &str) {
        for letter in text.chars() {
            self.key(Key::plain(Code::Char(letter)));
        }
    }

    /// Lets time pass, with a tick whenever the client wants one.
    pub(crate) fn wait_ms(&mut self, ms: i64) {
        self.now += ms;
        self.take(Msg::Tick);
    }

    /// Answers everything that was asked, and what is asked because of that.
    pub(crate) fn answer_all(&mut self) {
        for _ in 0..50 {
            let asked = std::mem::take(&mut self.asked);
            if asked.is_empty() {
                return;
            }
            for request in asked {
                let answer = self.answer(request);
                self.take(answer);
            }
        }
        panic!("the client never stops asking: {:?}", self.asked);
    }

    /// On the timeline of an order that went through [`a_checkout`].
    pub(crate) fn at_a_bought_order() -> Self {
        let mut client = Self::in_a_full_shop();
        client.press("a");
        client.answer_all();
        let id = client.model.basket.order_id;
        let order = client.order_mut(id);
        (order.status, order.payment_status) = (OrderStatus::Confirmed, PaymentStatus::Paid);
        order.number = Some("MM2X-33BA".into());
        let order = order.clone();
        client.press("3");
        client.answer_all();
        client.press("<Enter><Tab>");
        client.asked.clear();
        let events = a_checkout(&id.to_string());
        let steps = steps([StepState::Done; 4]);
        client.head = 12;
        client.take(Msg::Response(Response::Timeline {
            id,
            result: Ok(Timeline { events, next_after: 12, head: 12, steps, order, reset: false }),
        }));
        client.answer_all();
        client.wait_ms(10_000);
        client
    }

    /// Nothing that was asked is answered.
    pub(crate) fn fail_all(&mut self) {
        for request in std::mem::take(&mut self.asked) {
            let response = failed(request, Failure::Unreachable("The shop is gone.".into()));
            self.take(Msg::Response(response));
        }
    }

    /// Events about the basket and the open order arrive.
    pub(crate) fn news(&mut self, count: u64) {
        let about = self.model.order.as_ref().map_or(self.model.basket.order_id, |open| open.id).to_string();
        let events = (0..count).map(|step| an_event(self.head + 1 + step, "order.item_added", &about)).collect();
        self.head += count;
        self.take(Msg::Feed(Feed::NewEvents { events }));
    }

    pub(crate) fn basket_order(&self) -> Option<&Order> {
        self.orders.iter().find(|order| order.id == self.model.basket.order_id)
    }

    pub(crate) fn order_mut(&mut self, id: OrderId) -> &mut Order {
        if let Some(place) = self.orders.iter().position(|order| order.id == id) {
            return &mut self.orders[place];
        }
        self.orders.push(Order { id, ..an_order(0, &[]) });
        self.orders.last_mut().unwrap()
    }
}

pub(crate) fn summary(order: &Order) -> OrderSummary {
    OrderSummary {
        id: order.id,
        number: order.number.clone(),
        status: order.status,
        payment_status: order.payment_status,
        pieces: order.items.iter().map(|item| item.quantity).sum(),
        first_item: order.items.first().map(|item| item.name.clone()),
        second_item: order.items.get(1).map(|item| item.name.clone()),
        lines: u32::try_from(order.items.len()).unwrap(),
        total: order.total,
        started_at: order.started_at,
        changed_at: order.started_at,
    }
}
