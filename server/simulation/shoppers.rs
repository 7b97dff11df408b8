//! Simulated shoppers and operators: random commands, which are repeated under the same key when there is no answer.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use storefront_api::{
    Address, Currency, CustomerId, Money, OrderId, OrderStatus, PaymentId, PaymentMethod, ProductId, RefundId,
};
use storefront_domain::Quantity;
use storefront_domain::order::{self, ItemFacts, LineFacts, Order, OrderCommand, OrderError, OrderEvent};
use storefront_domain::payment::PaymentCommand;
use storefront_domain::product::{ProductEvent, ProductFacts};
use storefront_domain::stock::{StockCommand, StockEvent};
use storefront_eventlog::AppendError;

use super::coverage::Coverage;
use super::intents::{DECLINED, GOOD, NEEDS_AUTHENTICATION, SLOW};
use super::mailbox::NOBODY;
use super::rng_clock;
use super::wallets::{self, ADA};
use super::world::World;
use crate::store::aggregates;
use crate::store::aggregates::{Cause, LoadError, Store};
use crate::store::commands;
use crate::store::commands::{Condition, Context, Done, Failure, Idempotency, Reply};
use crate::store::order_commands;
use crate::store::order_record::OrderRecord;
use crate::store::streams;
use crate::{clock, random};

/// Time to wait for an answer of the shop.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum number of attempts of a command.
const ATTEMPTS: u32 = 400;

/// The products of the shop.
pub(super) const RANGE: [&str; 3] = ["mug", "kettle", "tray"];

/// Runs one shopper, who buys several orders one after another.
pub(super) async fn shop(world: Arc<World>) {
    for _ in 0..rng_clock::between(1..3) {
        let order_id = OrderId(random::id());
        let customer_id = (rng_clock::random_below(2) == 0).then_some(ADA);
        let shopper = Shopper { world: world.clone(), order_id, customer_id };
        for _ in 0..rng_clock::between(4..14) {
            pause().await;
            let order = shopper.load().await;
            let act = match random_refund(&order) {
                Some(refund) => Some(Act::Refund(refund)),
                None => shopper.choose_command(&order).await.map(Act::Order),
            };
            if let Some(act) = act {
                shopper.perform(act).await;
            }
        }
    }
}

/// Sometimes a refund of a confirmed order, in part or in full.
fn random_refund(order: &Order) -> Option<PaymentCommand> {
    if order.number().is_none() || rng_clock::random_below(6) > 0 {
        return None;
    }
    let some = i64::try_from(rng_clock::between(1..1500)).unwrap_or(1);
    let amount = (rng_clock::random_below(4) > 0).then(|| Money::new(some, Currency::EUR));
    Some(PaymentCommand::Refund { refund_id: RefundId(random::id()), amount, reason: "it was broken".to_owned() })
}

async fn pause() {
    let long = rng_clock::random_below(30) == 0;
    rng_clock::sleep(Duration::from_millis(if long {
        rng_clock::between(0..240_000)
    } else {
        rng_clock::between(0..2500)
    }))
    .await;
}

pub(super) async fn receive_stock(world: &World, product: &ProductId, quantity: u32) {
    let key = random::id().to_string();
    let done = retry(world, |store| {
        let context = context("operator", product.to_string(), &key);
        let command = StockCommand::Receive { quantity };
        let product = product.clone();
        async move {
            let reply = |_: &_, _| Ok(a_reply(None));
            with_idempotency(&store, &context, commands::change_stock(&store, &product, &context, &command, reply))
                .await
        }
    });
    done.await.expect("goods can always come in");
}

/// A command to the shop.
#[derive(Clone, Debug)]
pub(super) enum Act {
    Order(OrderCommand),
    Refund(PaymentCommand),
}

pub(super) struct Shopper {
    pub(super) world: Arc<World>,
    pub(super) order_id: OrderId,
    pub(super) customer_id: Option<CustomerId>,
}

impl Shopper {
    pub(super) async fn load(&self) -> Order {
        let stream = streams::order(self.order_id);
        let found = retry(&self.world, |store| {
            let stream = stream.clone();
            async move { Ok(aggregates::load::<OrderEvent>(&store, &stream).await?.0.order.clone()) }
        });
        found.await.expect("an order can be read")
    }

    /// A random command of a shopper or operator for an order in this state.
    async fn choose_command(&self, order: &Order) -> Option<OrderCommand> {
        let reason = || "changed my mind".to_owned();
        match order.status() {
            None => self.add_random_item().await,
            Some(OrderStatus::InProgress) => match rng_clock::random_below(10) {
                0..4 => self.add_random_item().await,
                4 => Some(self.change_quantity(order).await?),
                5 if rng_clock::random_below(6) == 0 => Some(OrderCommand::RemoveItem { product_id: a_product() }),
                6 if rng_clock::random_below(20) == 0 => Some(OrderCommand::Clear),
                6 | 7 if order.voucher().is_none() => self.apply_voucher().await,
                6 if rng_clock::random_below(8) == 0 => Some(OrderCommand::RemoveVoucher),
                _ => Some(self.random_check_out(order).await),
            },
            // Usually the shopper waits.
            Some(OrderStatus::CheckedOut) => match rng_clock::random_below(6) {
                0 => Some(OrderCommand::Cancel { reason: reason() }),
                1 => Some(ship()),
                _ => None,
            },
            Some(OrderStatus::Confirmed) => match rng_clock::random_below(6) {
                0 => Some(OrderCommand::Cancel { reason: reason() }),
                1 | 2 => Some(ship()),
                _ => None,
            },
            Some(OrderStatus::Shipped) => match rng_clock::random_below(3) {
                0 => Some(OrderCommand::Deliver { recipient: "Ada".to_owned() }),
                1 => Some(OrderCommand::Cancel { reason: reason() }),
                _ => None,
            },
            Some(OrderStatus::Delivered | OrderStatus::Cancelled | OrderStatus::Expired | OrderStatus::Unknown) => {
                match rng_clock::random_below(4) {
                    0 => Some(OrderCommand::Cancel { reason: reason() }),
                    1 => Some(ship()),
                    _ => None,
                }
            }
        }
    }

    async fn add_random_item(&self) -> Option<OrderCommand> {
        self.add_item(a_product(), some_pieces()).await
    }

    /// The command to add a product; `None` when it is not for sale.
    pub(super) async fn add_item(&self, product_id: ProductId, quantity: Quantity) -> Option<OrderCommand> {
        let (product, available) = self.product_facts(&product_id).await?;
        let item = ItemFacts {
            product_id: product_id.clone(),
            sku: product_id.to_string(),
            name: product_id.to_string(),
            unit_price: product.price,
            vat_rate_percent: product.vat_rate_percent,
        };
        product.active.then_some(OrderCommand::AddItem {
            customer_id: self.customer_id,
            spending_limit: None,
            item,
            quantity,
            available,
        })
    }

    async fn apply_voucher(&self) -> Option<OrderCommand> {
        let found = retry(&self.world, |store| wallets::voucher_for(store, self.order_id));
        let (code, amount) = found.await.expect("a voucher can be read")?;
        Some(OrderCommand::ApplyVoucher { code, amount })
    }

    async fn change_quantity(&self, order: &Order) -> Option<OrderCommand> {
        let product_id = order.lines().first()?.item.product_id.clone();
        let (_, available) = self.product_facts(&product_id).await?;
        Some(OrderCommand::ChangeQuantity { product_id, quantity: some_pieces(), available })
    }

    async fn random_check_out(&self, order: &Order) -> OrderCommand {
        let payment = match rng_clock::random_below(12) {
            0 | 1 => PaymentMethod::Card { token: DECLINED.to_owned() },
            10 | 11 => PaymentMethod::Card { token: NEEDS_AUTHENTICATION.to_owned() },
            2 | 3 => PaymentMethod::Card { token: SLOW.to_owned() },
            4 => PaymentMethod::None,
            5..=7 if self.customer_id.is_some() => PaymentMethod::Wallet,
            _ => PaymentMethod::Card { token: GOOD.to_owned() },
        };
        let email = if rng_clock::random_below(20) == 0 { NOBODY } else { "ada@example.com" };
        self.check_out(order, payment, email).await
    }

    /// The command to check out at the present prices.
    pub(super) async fn check_out(&self, order: &Order, payment: PaymentMethod, email: &str) -> OrderCommand {
        let mut facts = Vec::new();
        for line in order.lines() {
            facts.extend(self.product_facts(&line.item.product_id).await.map(|(facts, _)| facts));
        }
        OrderCommand::CheckOut {
            expected_total: order.total(),
            facts,
            spending_limit: None,
            payment_id: PaymentId(random::id()),
            email: email.to_owned(),
            shipping_address: an_address(),
            payment,
        }
    }

    /// Price and available stock of a product; `None` when it is not for sale.
    async fn product_facts(&self, product_id: &ProductId) -> Option<(LineFacts, u32)> {
        let server = self.world.server().await;
        if !server.freshness.prices_are_valid(clock::now()) {
            return None;
        }
        let found = retry(&self.world, |store| {
            let product_id = product_id.clone();
            async move {
                let (product, _) = aggregates::load::<ProductEvent>(&store, &streams::product(&product_id)).await?;
                let (stock, _) = aggregates::load::<StockEvent>(&store, &streams::stock(&product_id)).await?;
                Ok((product, stock.available()))
            }
        });
        let (product, available) = found.await.ok()?;
        let (product_id, active) = (product_id.clone(), product.active());
        let ProductFacts { price, vat_rate_percent, .. } = *product.facts()?;
        Some((LineFacts { product_id, price, vat_rate_percent, active, available }, available))
    }

    /// Sends a command until there is an answer; sometimes repeats it afterwards.
    pub(super) async fn perform(&self, command: Act) {
        let key = random::id().to_string();
        let answer = self.send(&command, &key).await;
        match &answer {
            Ok(done) => {
                rng_clock::trace(|| format!("{}: {command:?} is done at {}", self.order_id, done.position));
                if matches!(command, Act::Refund(_)) {
                    self.world.refund_was_acknowledged(self.order_id);
                }
                if rng_clock::random_below(5) == 0 {
                    let again = self.send(&command, &key).await.expect("what was done is answered again");
                    assert!(again.replayed, "{command:?} was done twice under one key");
                    assert_eq!(again.position, done.position, "{command:?} got another answer under its key");
                    rng_clock::mark(Coverage::CommandRepeatedUnderItsKey);
                    if let Act::Refund(PaymentCommand::Refund { amount: Some(_), .. }) = command {
                        rng_clock::mark(Coverage::PartialRefundRepeated);
                    }
                }
            }
            Err(Failure::Order(OrderError::TotalChanged { .. })) => {
                rng_clock::mark(Coverage::PriceChangedSinceTheBasket)
            }
            Err(Failure::Order(_) | Failure::Payment(_)) => {}
            Err(other) => panic!("{command:?} failed: {other}"),
        }
        if let Err(refusal) = &answer {
            rng_clock::trace(|| format!("{}: {command:?} is refused: {refusal}", self.order_id));
        }
    }

    async fn send(&self, command: &Act, key: &str) -> Result<Done, Failure> {
        let id = self.order_id;
        retry(&self.world, |store| {
            let (context, command) = (context("guest", id.to_string(), key), command.clone());
            async move {
                match command {
                    Act::Order(command) => {
                        let decide = |order: &Order| order::decide(order, command.clone());
                        let reply =
                            |_: &OrderRecord, after: &OrderRecord, _: Option<&_>| Ok(a_reply(Some(after.version.0)));
                        with_idempotency(
                            &store,
                            &context,
                            order_commands::change_order(&store, id, &context, decide, reply),
                        )
                        .await
                    }
                    Act::Refund(command) => {
                        let reply = |_: &OrderRecord, _: &_| Ok(a_reply(None));
                        with_idempotency(
                            &store,
                            &context,
                            order_commands::refund_order(&store, id, &context, &command, reply),
                        )
                        .await
                    }
                }
            }
        })
        .await
    }
}

/// Calls a running server until there is a definite answer.
async fn retry<T, F>(world: &World, ask: impl Fn(Store) -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    for _ in 0..ATTEMPTS {
        let server = world.server().await;
        match clock::timeout(ANSWER_TIMEOUT, ask(server.store())).await {
            Some(Err(failure)) if is_transient(&failure) => {}
            Some(answer) => return answer,
            None => {}
        }
        rng_clock::sleep(Duration::from_millis(rng_clock::between(10..3000))).await;
    }
    panic!("the shop never answers");
}

/// Whether a failure is one of the server, not of the command.
fn is_transient(failure: &Failure) -> bool {
    matches!(
        failure,
        Failure::Busy | Failure::Append(AppendError::Store(_) | AppendError::Busy) | Failure::Load(LoadError::Store(_))
    )
}

/// Runs a command under its key as the HTTP interface does: the stored answer is looked up before and after.
async fn with_idempotency(
    store: &Store,
    context: &Context,
    work: impl Future<Output = Result<Done, Failure>>,
) -> Result<Done, Failure> {
    let idempotency = context.idempotency.as_ref().expect("every command here has a key");
    if let Some(done) = commands::stored_reply(store, idempotency).await? {
        return Ok(done);
    }
    match work.await {
        Ok(done) => Ok(done),
        Err(refusal) => Ok(commands::stored_reply(store, idempotency).await?.ok_or(refusal)?),
    }
}

fn context(actor: &str, correlation_id: String, key: &str) -> Context {
    Context {
        cause: Cause { correlation_id, causation_id: Some(format!("request-{key}")), actor: actor.to_owned() },
        idempotency: Some(Idempotency {
            key: format!("{actor}:{key}"),
            fingerprint: "the same each time".to_owned(),
            fingerprint_of_bytes: "the same each time".to_owned(),
        }),
        condition: Condition::Any,
        customer_id: None,
    }
}

fn a_reply(version: Option<u64>) -> Reply {
    Reply { status: 200, location: None, version, body: serde_json::Value::Null }
}

fn a_product() -> ProductId {
    rng_clock::pick(&RANGE).parse().expect("it is an id")
}

fn some_pieces() -> Quantity {
    Quantity::try_from(u32::try_from(rng_clock::between(1..4)).unwrap_or(1)).expect("it is small")
}

fn ship() -> OrderCommand {
    let (carrier, tracking_number) = ("Van".to_owned(), "1".to_owned());
    OrderCommand::Ship { carrier, tracking_number, estimated_delivery: None }
}

fn an_address() -> Address {
    Address {
        name: "Ada".to_owned(),
        street: "1 Street".to_owned(),
        postal_code: "1".to_owned(),
        city: "Town".to_owned(),
        country: "GB".to_owned(),
        ..Address::default()
    }
}
