//! The checkout process on a real log in memory: each event is handled in order, and then once more.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use storefront_api::OrderStatus;
use storefront_domain::invoice::InvoiceNumber;
use storefront_domain::order::OrderEvent;
use storefront_domain::payment::{PaymentCommand, PaymentEvent};
use storefront_domain::process::ProcessEvent;
use storefront_eventlog::{Append, AppendError, Appended, EventStore, Filter, Position, SqliteStore, StoreLayer};

use super::*;
use crate::processes::issue_invoices_and_credit_notes;
use crate::store::aggregates::Cause;
use crate::testing::{added, at_second, checked_out, order, payment, product, started};

struct World {
    store: Store,
    handled: HashSet<Position>,
}

impl World {
    /// Some mugs are in stock, and order 1 buys some of them.
    async fn with_mugs(on_hand: u32, bought: u32) -> Self {
        Self::on(crate::testing::a_log(), on_hand, bought).await
    }

    async fn on(store: Store, on_hand: u32, bought: u32) -> Self {
        let world = Self { store, handled: HashSet::new() };
        world.write(streams::stock(&product("mug")), &[StockEvent::Received { quantity: on_hand }]).await;
        world.write(streams::order(order(1)), &[started(), added("mug", bought)]).await;
        world.write(streams::order(order(1)), &[checked_out(payment(1), 1000 * i64::from(bought))]).await;
        world
    }

    async fn write<E: aggregates::AggregateEvent>(&self, stream: storefront_eventlog::StreamName, events: &[E]) {
        crate::testing::write(&self.store, at_second(1), "order 1", stream, events).await;
    }

    async fn gateway_says(&self, outcome: PaymentCommand) {
        let stream = streams::payment(payment(1));
        let (state, _) = aggregates::load::<PaymentEvent>(&self.store, &stream).await.unwrap();
        self.write(stream, &payment::decide(&state, outcome).unwrap()).await;
    }

    /// Handles every event of the log, each twice.
    async fn settles(&mut self) {
        let filter =
            Filter { types: SUBSCRIPTION.types.iter().map(ToString::to_string).collect(), ..Filter::default() };
        loop {
            let slice = self.store.read_all(Position(0), 1000, &filter).await.unwrap();
            let Some(next) = slice.events.into_iter().find(|recorded| !self.handled.contains(&recorded.position))
            else {
                return;
            };
            self.handled.insert(next.position);
            self.handle(next.clone()).await;
            let head = self.store.head().await.unwrap();
            self.handle(next.clone()).await;
            assert_eq!(self.store.head().await.unwrap(), head, "{} had an effect twice", next.kind());
        }
    }

    /// Handles every event of the log again from the start, which must change nothing.
    async fn hears_it_all_again(&mut self) {
        let before = self.kinds().await;
        self.handled.clear();
        self.settles().await;
        assert_eq!(self.kinds().await, before);
    }

    async fn handle(&self, recorded: Arc<Recorded>) {
        let life = Duration::from_secs(900);
        handle(self.store.clone(), life, Delivery::first(recorded, SUBSCRIPTION.name)).await.unwrap();
    }

    async fn status(&self) -> OrderStatus {
        aggregates::load::<OrderEvent>(&self.store, &streams::order(order(1))).await.unwrap().0.order.status().unwrap()
    }

    /// Stock on hand, and how much of it is reserved.
    async fn mugs(&self) -> (u32, u32) {
        let stock = aggregates::load::<StockEvent>(&self.store, &streams::stock(&product("mug"))).await.unwrap().0;
        (stock.on_hand(), stock.reserved())
    }

    async fn kinds(&self) -> Vec<String> {
        self.kinds_in(&Filter::default()).await
    }

    /// The stock events after the allocation.
    async fn mugs_after_the_sale(&self) -> Vec<String> {
        let streams = vec![streams::stock(&product("mug")).as_str().to_owned()];
        let kinds = self.kinds_in(&Filter { streams, ..Filter::default() }).await;
        kinds.into_iter().skip_while(|kind| kind != "stock.allocated").skip(1).collect()
    }

    async fn kinds_in(&self, filter: &Filter) -> Vec<String> {
        let slice = self.store.read_all(Position(0), 1000, filter).await.unwrap();
        slice.events.iter().map(|recorded| recorded.kind().to_owned()).collect()
    }

    async fn count(&self, kind: &str) -> usize {
        self.kinds().await.iter().filter(|found| *found == kind).count()
    }
}

fn paid() -> PaymentCommand {
    PaymentCommand::RecordSuccess { reference: "pi_1".to_owned() }
}

fn shipped() -> OrderEvent {
    OrderEvent::Shipped { carrier: "Van".to_owned(), tracking_number: "1".to_owned(), estimated_delivery: None }
}

fn invoiced() -> OrderEvent {
    OrderEvent::Invoiced { number: InvoiceNumber { year: 2026, sequence: 1 } }
}

fn cancelled() -> OrderEvent {
    OrderEvent::Cancelled { reason: "changed my mind".to_owned() }
}

#[tokio::test]
async fn stock_is_reserved_and_the_money_asked_for_and_then_nothing_until_it_comes() {
    let mut world = World::with_mugs(5, 2).await;
    world.settles().await;
    assert_eq!((world.status().await, world.mugs().await), (OrderStatus::CheckedOut, (5, 2)));
    assert_eq!(world.count("payment.requested").await, 1);
}

/// A log in which the goods of order 1 are given back right before its payment is requested.
struct GoodsGoFirst {
    log: Arc<SqliteStore>,
    gone: AtomicBool,
}

impl StoreLayer for GoodsGoFirst {
    fn inner(&self) -> &dyn EventStore {
        &*self.log
    }

    async fn around_append(&self, append: Append) -> Result<Appended, AppendError> {
        let asks_for_money = append.streams.iter().any(|part| part.stream.as_str().starts_with("payment-"));
        if asks_for_money && !self.gone.swap(true, Ordering::Relaxed) {
            let stream = streams::checkout(order(1));
            let events = self.log.read_stream(&stream, Version(1), 100).await?;
            let cause = Cause { correlation_id: "order 1".to_owned(), causation_id: None, actor: "test".to_owned() };
            let mut batch = AppendBuilder::new(at_second(900), cause);
            let failed = CheckoutEvent::Failed { reason: ReopenReason::ReservationExpired };
            batch.add(stream, Version(events.len() as u64), &[failed]);
            self.log.append(batch.into_append()).await?;
        }
        self.log.append(append).await
    }
}

#[tokio::test]
async fn no_money_is_asked_for_once_the_goods_are_given_back() {
    let log = GoodsGoFirst { log: Arc::new(SqliteStore::in_memory().unwrap()), gone: AtomicBool::new(false) };
    let mut world = World::on(Store::shared(Arc::new(log)), 5, 2).await;
    world.settles().await;
    assert_eq!((world.count("checkout.failed").await, world.count("payment.requested").await), (1, 0));
}

#[tokio::test]
async fn paid_it_is_confirmed_its_pieces_leave_the_shelf_and_one_mail_is_asked_for_with_the_invoice() {
    let mut world = World::with_mugs(5, 2).await;
    world.settles().await;
    world.gateway_says(paid()).await;
    world.settles().await;
    assert_eq!((world.status().await, world.mugs().await), (OrderStatus::Confirmed, (3, 0)));
    assert_eq!(world.count("email.requested").await, 0, "it waits for the invoice");
    world.write(streams::order(order(1)), &[invoiced()]).await;
    world.settles().await;
    assert_eq!(world.count("email.requested").await, 1);
    world.hears_it_all_again().await;
}

#[tokio::test]
async fn an_order_confirmed_before_the_shop_wrote_invoices_gets_its_mail_without_one() {
    let mut world = World::with_mugs(5, 2).await;
    let introduced = ProcessEvent::Introduced { after: 1_000 };
    world.write(streams::process(issue_invoices_and_credit_notes::SUBSCRIPTION.name), &[introduced]).await;
    world.settles().await;
    world.gateway_says(paid()).await;
    world.settles().await;
    assert_eq!(world.count("email.requested").await, 1);
}

#[tokio::test]
async fn declined_it_is_a_basket_again_and_the_stock_is_free() {
    let mut world = World::with_mugs(5, 2).await;
    world.settles().await;
    let (reason, message) = ("generic_decline".to_owned(), "Declined.".to_owned());
    world.gateway_says(PaymentCommand::RecordDecline { reason, message }).await;
    world.settles().await;
    assert_eq!((world.status().await, world.mugs().await), (OrderStatus::InProgress, (5, 0)));
    assert_eq!(world.count("email.requested").await, 0);
}

#[tokio::test]
async fn with_too_few_on_the_shelf_nothing_is_reserved_and_no_money_asked_for() {
    let mut world = World::with_mugs(1, 2).await;
    world.settles().await;
    assert_eq!((world.status().await, world.mugs().await), (OrderStatus::InProgress, (1, 0)));
    assert_eq!(world.count("payment.requested").await, 0);
}

#[tokio::test]
async fn cancelled_before_the_money_comes_it_is_refunded_when_it_does() {
    let mut world = World::with_mugs(5, 2).await;
    world.settles().await;
    world.write(streams::order(order(1)), &[cancelled()]).await;
    world.settles().await;
    assert_eq!(world.mugs().await, (5, 0));
    assert_eq!(world.count("payment.refund_requested").await, 0, "there is nothing to give back yet");
    world.gateway_says(paid()).await;
    world.settles().await;
    assert_eq!(world.count("payment.refund_requested").await, 1);
    assert_eq!((world.status().await, world.mugs().await), (OrderStatus::Cancelled, (5, 0)));
    assert_eq!(world.count("email.requested").await, 1, "it says cancelled");
}

#[tokio::test]
async fn cancelled_after_it_was_confirmed_the_pieces_come_back_and_the_money_goes() {
    let mut world = World::with_mugs(5, 2).await;
    world.settles().await;
    world.gateway_says(paid()).await;
    world.settles().await;
    world.write(streams::order(order(1)), &[invoiced()]).await;
    world.settles().await;
    world.write(streams::order(order(1)), &[cancelled()]).await;
    world.settles().await;
    assert_eq!(world.mugs().await, (5, 0));
    assert_eq!(world.count("payment.refund_requested").await, 1);
    assert_eq!(world.count("email.requested").await, 2, "one says confirmed, one says cancelled");
    assert_eq!(world.mugs_after_the_sale().await, ["stock.returned", "stock.settled"]);
    world.hears_it_all_again().await;
    assert_eq!(world.mugs().await, (5, 0));
}

#[tokio::test]
async fn the_stock_of_a_sent_order_is_settled_and_repeated_events_change_nothing() {
    let mut world = World::with_mugs(5, 2).await;
    world.settles().await;
    world.gateway_says(paid()).await;
    world.settles().await;
    assert_eq!(world.mugs_after_the_sale().await, [""; 0], "it can be cancelled still");
    world.write(streams::order(order(1)), &[shipped()]).await;
    world.settles().await;
    assert_eq!(world.mugs_after_the_sale().await, ["stock.settled"]);
    world.hears_it_all_again().await;
    assert_eq!((world.status().await, world.mugs().await), (OrderStatus::Shipped, (3, 0)));
}

#[tokio::test]
async fn cancelled_before_it_had_its_pieces_there_is_nothing_to_settle() {
    let mut world = World::with_mugs(5, 2).await;
    world.settles().await;
    world.write(streams::order(order(1)), &[cancelled()]).await;
    world.settles().await;
    assert_eq!((world.count("stock.released").await, world.count("stock.settled").await), (1, 0));
}
