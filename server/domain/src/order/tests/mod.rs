//! Shared helpers of the tests of orders: products, histories, events and commands.

mod basket;
mod checkout;
mod lifecycle;
mod properties;
mod voucher;

use storefront_api::{Address, Currency, CustomerId, Money, PaymentMethod, ReopenReason, VatRate, VoucherCode};
use uuid::Uuid;

use super::*;
use crate::testing::{Given, at_minute, euro, payment, product};
use crate::{OrderNumber, Quantity};

/// More than any line can need.
const AMPLE_STOCK: u32 = 1_000;

fn given(history: impl IntoIterator<Item = OrderEvent>) -> Given<Order> {
    crate::testing::given(history)
}

/// A product: socks for 5.00, a mug for 12.50, and anything else for 1.00, all at 19 % VAT.
fn item(name: &str) -> ItemFacts {
    let price = match name {
        "socks" => 500,
        "mug" => 1_250,
        _ => 100,
    };
    item_at(name, price)
}

fn item_at(name: &str, price: i64) -> ItemFacts {
    ItemFacts {
        product_id: product(name),
        sku: name.to_uppercase(),
        name: format!("A pair of {name}"),
        unit_price: euro(price),
        vat_rate_percent: VatRate::percent(19),
    }
}

fn pieces(count: u32) -> Quantity {
    count.try_into().unwrap()
}

/// The history of an order, built event by event.
#[derive(Clone)]
struct History(Vec<OrderEvent>);

/// A started order without items.
fn an_order() -> History {
    History(vec![started()])
}

impl History {
    fn and(mut self, event: OrderEvent) -> Self {
        self.0.push(event);
        self
    }

    fn with(self, name: &str, quantity: u32) -> Self {
        self.and(added(name, quantity))
    }

    fn repriced(self, name: &str, old: i64, new: i64) -> Self {
        self.and(repriced(name, old, new))
    }

    fn withdrawn(self, name: &str) -> Self {
        self.and(OrderEvent::ProductWithdrawnFromBasket { product_id: product(name) })
    }

    fn checked_out(self) -> Self {
        let total = self.clone().order().total();
        self.and(checked_out(payment(1), total))
    }

    fn reopened(self) -> Self {
        self.checked_out().and(OrderEvent::Reopened { reason: declined() })
    }

    fn confirmed(self) -> Self {
        self.checked_out().and(OrderEvent::Confirmed { number: number() })
    }

    fn shipped(self) -> Self {
        self.confirmed().and(shipped())
    }

    fn delivered(self) -> Self {
        self.shipped().and(OrderEvent::Delivered { recipient: "A neighbour".to_owned() })
    }

    fn cancelled(self) -> Self {
        self.confirmed().and(cancelled())
    }

    fn order(self) -> Order {
        crate::testing::fold_events(Order::New, self.0)
    }

    fn when(self, command: OrderCommand) -> crate::testing::When<Order> {
        given(self.0).when(command)
    }
}

fn started() -> OrderEvent {
    OrderEvent::Started { customer_id: Some(customer()), currency: Currency::EUR }
}

fn added(name: &str, quantity: u32) -> OrderEvent {
    OrderEvent::ItemAdded { item: item(name), quantity: pieces(quantity) }
}

fn removed(name: &str) -> OrderEvent {
    OrderEvent::ItemRemoved { product_id: product(name) }
}

fn changed(name: &str, quantity: u32) -> OrderEvent {
    OrderEvent::ItemQuantityChanged { product_id: product(name), quantity: pieces(quantity) }
}

fn repriced(name: &str, old: i64, new: i64) -> OrderEvent {
    OrderEvent::PriceChangedInBasket { product_id: product(name), old_price: euro(old), new_price: euro(new) }
}

fn checked_out(payment_id: storefront_api::PaymentId, total: Money) -> OrderEvent {
    OrderEvent::CheckedOut { payment_id, total, email: email(), shipping_address: address(), payment: card() }
}

fn code(text: &str) -> VoucherCode {
    text.parse().unwrap()
}

fn voucher_applied(text: &str, amount: i64) -> OrderEvent {
    OrderEvent::VoucherApplied { code: code(text), amount: euro(amount) }
}

fn voucher_removed(text: &str) -> OrderEvent {
    OrderEvent::VoucherRemoved { code: code(text) }
}

fn apply_voucher(text: &str, amount: i64) -> OrderCommand {
    OrderCommand::ApplyVoucher { code: code(text), amount: euro(amount) }
}

fn shipped() -> OrderEvent {
    OrderEvent::Shipped {
        carrier: "Snail Post".to_owned(),
        tracking_number: "SP-1".to_owned(),
        estimated_delivery: Some(at_minute(90)),
    }
}

fn cancelled() -> OrderEvent {
    OrderEvent::Cancelled { reason: "changed my mind".to_owned() }
}

fn add(name: &str, quantity: u32) -> OrderCommand {
    add_with_available(name, quantity, AMPLE_STOCK)
}

fn add_with_available(name: &str, quantity: u32, available: u32) -> OrderCommand {
    let (item, quantity) = (item(name), pieces(quantity));
    OrderCommand::AddItem { customer_id: Some(customer()), item, quantity, available, spending_limit: None }
}

fn add_item_facts(item: ItemFacts, quantity: u32) -> OrderCommand {
    let quantity = pieces(quantity);
    OrderCommand::AddItem { customer_id: None, item, quantity, available: AMPLE_STOCK, spending_limit: None }
}

fn change_quantity(name: &str, quantity: u32) -> OrderCommand {
    change_with_available(name, quantity, AMPLE_STOCK)
}

fn change_with_available(name: &str, quantity: u32, available: u32) -> OrderCommand {
    OrderCommand::ChangeQuantity { product_id: product(name), quantity: pieces(quantity), available }
}

fn remove(name: &str) -> OrderCommand {
    OrderCommand::RemoveItem { product_id: product(name) }
}

fn notice_price(name: &str, new_price: Money) -> OrderCommand {
    OrderCommand::NoticePrice { product_id: product(name), new_price }
}

fn notice_withdrawal(name: &str) -> OrderCommand {
    OrderCommand::NoticeWithdrawal { product_id: product(name) }
}

/// Checks out with the payment 1.
fn check_out(expected_total: i64, facts: impl IntoIterator<Item = LineFacts>) -> OrderCommand {
    check_out_with(1, expected_total, facts)
}

fn check_out_with(
    payment_number: u128,
    expected_total: i64,
    facts: impl IntoIterator<Item = LineFacts>,
) -> OrderCommand {
    OrderCommand::CheckOut {
        expected_total: euro(expected_total),
        facts: facts.into_iter().collect(),
        spending_limit: None,
        payment_id: payment(payment_number),
        email: email(),
        shipping_address: address(),
        payment: card(),
    }
}

/// A product is for sale at a price, with plenty in stock.
fn on_sale(name: &str, price: i64) -> LineFacts {
    LineFacts {
        product_id: product(name),
        price: euro(price),
        vat_rate_percent: VatRate::percent(19),
        active: true,
        available: AMPLE_STOCK,
    }
}

fn notice_vat_rate(name: &str, percent: u8) -> OrderCommand {
    OrderCommand::NoticeVatRate { product_id: product(name), new_rate: VatRate::percent(percent) }
}

fn notice_relisting(name: &str) -> OrderCommand {
    OrderCommand::NoticeRelisting { product_id: product(name) }
}

fn vat_rate_changed(name: &str, old: u8, new: u8) -> OrderEvent {
    let (old_rate, new_rate) = (VatRate::percent(old), VatRate::percent(new));
    OrderEvent::VatRateChangedInBasket { product_id: product(name), old_rate, new_rate }
}

fn relisted(name: &str) -> OrderEvent {
    OrderEvent::ProductRelistedInBasket { product_id: product(name) }
}

fn reopen(payment_number: u128) -> OrderCommand {
    OrderCommand::Reopen { payment_id: payment(payment_number), reason: declined() }
}

fn confirm(payment_number: u128) -> OrderCommand {
    OrderCommand::Confirm { payment_id: payment(payment_number), number: number() }
}

fn ship() -> OrderCommand {
    OrderCommand::Ship {
        carrier: "Snail Post".to_owned(),
        tracking_number: "SP-1".to_owned(),
        estimated_delivery: Some(at_minute(90)),
    }
}

fn deliver() -> OrderCommand {
    OrderCommand::Deliver { recipient: "A neighbour".to_owned() }
}

fn cancel() -> OrderCommand {
    OrderCommand::Cancel { reason: "changed my mind".to_owned() }
}

fn declined() -> ReopenReason {
    ReopenReason::PaymentDeclined {
        reason: "insufficient_funds".to_owned(),
        message: "The card has too little money.".to_owned(),
    }
}

fn number() -> OrderNumber {
    OrderNumber::from_position(7)
}

fn customer() -> CustomerId {
    CustomerId(Uuid::from_u128(77))
}

fn email() -> String {
    "ada@example.com".to_owned()
}

fn card() -> PaymentMethod {
    PaymentMethod::Card { token: "tok_visa".to_owned() }
}

fn address() -> Address {
    Address {
        name: "Ada Example".to_owned(),
        street: "Long Lane 1".to_owned(),
        postal_code: "12345".to_owned(),
        city: "Sampleton".to_owned(),
        country: "DE".to_owned(),
        ..Address::default()
    }
}
