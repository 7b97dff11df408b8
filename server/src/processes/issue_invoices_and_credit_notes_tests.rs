//! Issuing invoices and credit notes on a real log in memory, at times that the tests choose.

use storefront_domain::OrderNumber;
use storefront_domain::document_register::RegisterEvent;
use storefront_domain::invoice::InvoiceState;
use storefront_eventlog::{AppendError, Filter, LeaseOutcome, Position, StreamName};

use super::*;
use crate::config::demo_seller;
use crate::testing::{added, card, checked_out, euro, order, payment, started};

/// Half a second before the start of 2027, and its start.
const LAST_OF_2026: Timestamp = Timestamp::from_unix_ms(1_798_761_599_500);
const FIRST_OF_2027: Timestamp = Timestamp::from_unix_ms(1_798_761_600_000);

struct World {
    store: Store,
    numbers: DocumentNumbers,
}

impl World {
    fn new() -> Self {
        Self { store: crate::testing::a_log(), numbers: DocumentNumbers::default() }
    }

    /// Order `number`: two mugs at 10.00, paid by card and confirmed.
    async fn confirmed(&self, number: u128) -> Arc<Recorded> {
        let number_for_people = OrderNumber::from_position(u64::try_from(number).unwrap());
        let history = [
            started(),
            added("mug", 2),
            checked_out(payment(number), 2000),
            OrderEvent::Confirmed { number: number_for_people },
        ];
        self.write(streams::order(order(number)), &history).await;
        let paid = [
            PaymentEvent::Requested { order_id: order(number), amount: euro(2000), method: card() },
            PaymentEvent::Succeeded { reference: format!("pi_{number}") },
        ];
        self.write(streams::payment(payment(number)), &paid).await;
        self.last("order.confirmed").await
    }

    /// Records a refund of part of payment `number`.
    async fn refunded(&self, number: u128, amount: i64, reference: &str) -> Arc<Recorded> {
        let refund = [
            PaymentEvent::RefundRequested { refund_id: None, amount: euro(amount), reason: "too small".to_owned() },
            PaymentEvent::Refunded { refund_id: None, amount: euro(amount), reference: reference.to_owned() },
        ];
        self.write(streams::payment(payment(number)), &refund).await;
        self.last("payment.refunded").await
    }

    async fn write<E: aggregates::AggregateEvent>(&self, stream: StreamName, events: &[E]) {
        crate::testing::write(&self.store, LAST_OF_2026, "order", stream, events).await;
    }

    async fn last(&self, kind: &str) -> Arc<Recorded> {
        let filter = Filter { types: vec![kind.to_owned()], ..Filter::default() };
        self.store.read_all(Position(0), 100, &filter).await.unwrap().events.pop().unwrap()
    }

    async fn handle(&self, recorded: &Recorded) {
        self.handle_at(recorded, || LAST_OF_2026).await;
    }

    async fn handle_at(&self, recorded: &Recorded, now: fn() -> Timestamp) {
        let delivery = Delivery::first(recorded.clone(), SUBSCRIPTION.name);
        super::handle_at(&self.store, &self.numbers, &demo_seller(), &delivery, now).await.unwrap();
    }

    /// The numbers of the documents of a register.
    async fn entered(&self, register: StreamName) -> Vec<String> {
        let events = self.store.read_stream(&register, Version(1), 100).await.unwrap();
        let document = |recorded: &Recorded| match aggregates::decode::<RegisterEvent>(recorded).unwrap() {
            RegisterEvent::Entered { document, order_id: _ } => document,
        };
        events.iter().map(document).collect()
    }

    async fn invoice(&self, number: &str) -> InvoiceState {
        let stream = streams::invoice(number.parse().unwrap());
        InvoiceState::clone(&aggregates::load::<InvoiceEvent>(&self.store, &stream).await.unwrap().0)
    }
}

#[tokio::test]
async fn a_confirmed_order_gets_one_invoice_however_often_the_event_comes() {
    let world = World::new();
    let confirmed = world.confirmed(1).await;
    for _ in 0..3 {
        world.handle(&confirmed).await;
    }
    assert_eq!(world.entered(streams::invoices(2026)).await, ["2026-000001"]);
    let invoice = world.invoice("2026-000001").await.unwrap().invoice;
    assert_eq!((invoice.total, invoice.discount, invoice.order_id), (euro(2000), euro(0), order(1)));
    assert_eq!(invoice.payment_reference, "card pi_1");
    assert_eq!(invoice.lines.iter().map(|line| (line.quantity, line.total)).collect::<Vec<_>>(), [(2, euro(2000))]);
    let rates: Vec<_> = invoice.tax.iter().map(|rate| (rate.rate_percent, rate.gross, rate.amount)).collect();
    assert_eq!(rates, [(storefront_api::VatRate::percent(19), euro(2000), euro(319))]);
    let order = &order_record::load(&world.store, order(1)).await.unwrap().order;
    assert_eq!(order.invoice(), Some(invoice.number));
}

#[tokio::test]
async fn an_order_that_was_cancelled_right_afterwards_gets_its_invoice_too() {
    let world = World::new();
    let confirmed = world.confirmed(1).await;
    let cancelled = OrderEvent::Cancelled { reason: "changed my mind".to_owned() };
    world.write(streams::order(order(1)), &[cancelled]).await;
    world.handle(&confirmed).await;
    assert_eq!(world.entered(streams::invoices(2026)).await, ["2026-000001"]);
}

#[tokio::test]
async fn two_servers_take_numbers_without_gap_or_repeat() {
    let world = World::new();
    let other = World { store: world.store.clone(), numbers: DocumentNumbers::default() };
    for number in 1..=6 {
        let confirmed = world.confirmed(number).await;
        if number % 2 == 0 { &world } else { &other }.handle(&confirmed).await;
    }
    let numbers: Vec<String> = (1..=6).map(|number| format!("2026-{number:06}")).collect();
    assert_eq!(world.entered(streams::invoices(2026)).await, numbers);
}

#[tokio::test]
async fn many_at_once_take_numbers_without_gap_or_repeat() {
    let world = World::new();
    let mut confirmed = Vec::new();
    for number in 1..=12 {
        confirmed.push(world.confirmed(number).await);
    }
    let other = World { store: world.store.clone(), numbers: DocumentNumbers::default() };
    let turns = confirmed.iter().enumerate();
    let work = turns.map(|(index, event)| if index % 2 == 0 { world.handle(event) } else { other.handle(event) });
    futures_util::future::join_all(work).await;
    let numbers: Vec<String> = (1..=12).map(|number| format!("2026-{number:06}")).collect();
    assert_eq!(world.entered(streams::invoices(2026)).await, numbers);
}

#[tokio::test]
async fn when_one_of_many_fails_those_behind_it_take_the_numbers_that_are_free() {
    let world = World::new();
    let mut confirmed = Vec::new();
    for number in 1..=12 {
        confirmed.push(world.confirmed(number).await);
    }
    // Two of the same order: one of them has a conflict, and what was queued behind it has wrong numbers.
    let twice = confirmed.iter().flat_map(|event| [event, event]);
    futures_util::future::join_all(twice.map(|event| world.handle(event))).await;
    let numbers: Vec<String> = (1..=12).map(|number| format!("2026-{number:06}")).collect();
    assert_eq!(world.entered(streams::invoices(2026)).await, numbers);
}

#[tokio::test]
async fn a_process_that_lost_its_lease_while_many_documents_are_queued_enters_none() {
    let world = World::new();
    let mut confirmed = Vec::new();
    for number in 1..=6 {
        confirmed.push(world.confirmed(number).await);
    }
    let acquire = async |holder| {
        let acquired = world.store.acquire_lease("invoices", holder, std::time::Duration::from_secs(60)).await.unwrap();
        let LeaseOutcome::Acquired(fence) = acquired else { panic!("it is free: {acquired:?}") };
        fence
    };
    let late = acquire("late").await;
    let numbers = DocumentNumbers::default();
    let holder = World { store: world.store.fenced(late.clone()), numbers };
    holder.handle(&confirmed[0]).await;
    world.store.release_lease(&late).await.unwrap();
    acquire("next").await;
    let seller = demo_seller();
    let deliveries: Vec<Delivery> =
        confirmed[1..].iter().map(|event| Delivery::first(event.clone(), SUBSCRIPTION.name)).collect();
    let queued = deliveries
        .iter()
        .map(|delivery| super::handle_at(&holder.store, &holder.numbers, &seller, delivery, || LAST_OF_2026));
    for outcome in futures_util::future::join_all(queued).await {
        let failure = outcome.unwrap_err();
        assert!(matches!(failure, Failure::Append(AppendError::Fenced { .. })), "{failure}");
    }
    assert_eq!(world.entered(streams::invoices(2026)).await, ["2026-000001"]);
    assert_eq!(world.store.checkpoint(SUBSCRIPTION.name).await.unwrap(), confirmed[0].position);
    let next = World { store: world.store.clone(), numbers: holder.numbers };
    next.handle(&confirmed[1]).await;
    assert_eq!(world.entered(streams::invoices(2026)).await.len(), 2, "their numbers are free again");
}

#[tokio::test]
async fn a_new_year_begins_at_one() {
    let world = World::new();
    let (old, new) = (world.confirmed(1).await, world.confirmed(2).await);
    world.handle(&old).await;
    world.handle_at(&new, || FIRST_OF_2027).await;
    assert_eq!(world.entered(streams::invoices(2026)).await, ["2026-000001"]);
    assert_eq!(world.entered(streams::invoices(2027)).await, ["2027-000001"]);
}

#[tokio::test]
async fn each_refund_of_an_invoiced_order_brings_one_credit_note_and_leaves_the_invoice_as_it_is() {
    let world = World::new();
    let confirmed = world.confirmed(1).await;
    world.handle(&confirmed).await;
    let before = world.invoice("2026-000001").await.unwrap().invoice;
    for (amount, reference) in [(500, "re_1"), (1500, "re_2")] {
        let refunded = world.refunded(1, amount, reference).await;
        world.handle(&refunded).await;
        world.handle(&refunded).await;
    }
    assert_eq!(world.entered(streams::credit_notes(2026)).await, ["CN-2026-000001", "CN-2026-000002"]);
    let after = world.invoice("2026-000001").await.unwrap();
    assert_eq!(after.invoice, before);
    assert_eq!(after.credits.iter().map(|credit| credit.amount).collect::<Vec<_>>(), [euro(500), euro(1500)]);
    assert_eq!(after.left(), euro(0));
}

#[tokio::test]
async fn what_a_bank_took_before_the_order_was_confirmed_is_credited_right_after_the_invoice() {
    let world = World::new();
    world.write(streams::order(order(1)), &[started(), added("mug", 2), checked_out(payment(1), 2000)]).await;
    let (dispute, reason) = ("dp_1".to_owned(), "fraudulent".to_owned());
    let lost = [
        PaymentEvent::Requested { order_id: order(1), amount: euro(2000), method: card() },
        PaymentEvent::Succeeded { reference: "pi_1".to_owned() },
        PaymentEvent::Disputed { dispute: dispute.clone(), amount: euro(1500), reason },
        PaymentEvent::DisputeClosed { dispute, outcome: DisputeOutcome::Lost },
    ];
    world.write(streams::payment(payment(1)), &lost).await;
    let closed = world.last("payment.dispute_closed").await;
    world.handle(&closed).await;
    assert!(world.entered(streams::credit_notes(2026)).await.is_empty(), "there is nothing to credit yet");
    let confirmed = OrderEvent::Confirmed { number: OrderNumber::from_position(1) };
    world.write(streams::order(order(1)), &[confirmed]).await;
    let confirmed = world.last("order.confirmed").await;
    for _ in 0..2 {
        world.handle(&confirmed).await;
    }
    assert_eq!(world.entered(streams::credit_notes(2026)).await, ["CN-2026-000001"]);
    let invoice = world.invoice("2026-000001").await.unwrap();
    assert_eq!(invoice.credits.iter().map(|credit| credit.amount).collect::<Vec<_>>(), [euro(1500)]);
    assert_eq!(invoice.credits[0].refund_reference, "dp_1");
    // A later refund is credited because of its own event.
    let refunded = world.refunded(1, 500, "re_1").await;
    world.handle(&confirmed).await;
    assert_eq!(world.entered(streams::credit_notes(2026)).await.len(), 1);
    world.handle(&refunded).await;
    assert_eq!(world.invoice("2026-000001").await.unwrap().left(), euro(0));
}

#[tokio::test]
async fn money_that_goes_back_without_an_invoice_brings_no_credit_note() {
    let world = World::new();
    world.confirmed(1).await;
    let refunded = world.refunded(1, 2000, "re_1").await;
    world.handle(&refunded).await;
    assert!(world.entered(streams::credit_notes(2026)).await.is_empty());
}
