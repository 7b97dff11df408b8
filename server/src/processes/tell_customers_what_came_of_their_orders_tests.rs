//! Requesting mails on a real log in memory: each event is handled, and then once more.

use std::sync::Arc;

use storefront_api::RefundId;
use storefront_domain::OrderNumber;
use storefront_domain::email::{EmailEvent, MailKind};
use storefront_domain::invoice::{CreditNote, CreditNoteNumber, Invoice};
use storefront_eventlog::{Filter, StreamName};

use super::*;
use crate::clock;
use crate::processes::issue_invoices_and_credit_notes;
use crate::store::document_numbers::DocumentNumbers;
use crate::testing::{added, address, at_second, card, checked_out, euro, order, payment, started};

const CREDIT: CreditNoteNumber = CreditNoteNumber { year: 2026, sequence: 1 };

struct World {
    store: Store,
}

impl World {
    /// Order 1 was bought by card with payment 1, and confirmed.
    async fn confirmed() -> Self {
        let world = Self { store: crate::testing::a_log() };
        let confirmed = OrderEvent::Confirmed { number: OrderNumber::from_position(7) };
        let history = [started(), added("mug", 2), checked_out(payment(1), 2000), confirmed];
        world.write(streams::order(order(1)), &history).await;
        world.paid(1).await;
        world
    }

    async fn paid(&self, number: u128) {
        let paid = [
            PaymentEvent::Requested { order_id: order(1), amount: euro(2000), method: card() },
            PaymentEvent::Succeeded { reference: format!("pi_{number}") },
        ];
        self.write(streams::payment(payment(number)), &paid).await;
    }

    async fn refunded(&self, number: u128, amount: i64) {
        let refund_id = Some(refund_id());
        let refund = [
            PaymentEvent::RefundRequested { refund_id, amount: euro(amount), reason: "too small".to_owned() },
            PaymentEvent::Refunded { refund_id, amount: euro(amount), reference: format!("re_{number}") },
        ];
        self.write(streams::payment(payment(number)), &refund).await;
    }

    async fn write<E: aggregates::AggregateEvent>(&self, stream: StreamName, events: &[E]) {
        crate::testing::write(&self.store, at_second(1), "order", stream, events).await;
    }

    /// Lets the invoice process handle the whole log.
    async fn invoices_are_written(&self) {
        let types = issue_invoices_and_credit_notes::SUBSCRIPTION.types;
        let filter = Filter { types: types.iter().map(ToString::to_string).collect(), ..Filter::default() };
        let numbers = DocumentNumbers::default();
        for recorded in self.store.read_all(Position(0), 100, &filter).await.unwrap().events {
            let (numbers, seller) = (numbers.clone(), Arc::new(crate::config::demo_seller()));
            let delivery = Delivery::first(recorded, issue_invoices_and_credit_notes::SUBSCRIPTION.name);
            issue_invoices_and_credit_notes::handle(self.store.clone(), numbers, seller, delivery).await.unwrap();
        }
    }

    /// Handles the whole log, each event twice; returns the requested mails.
    async fn requested_mails(&self) -> Vec<MailKind> {
        let filter =
            Filter { types: SUBSCRIPTION.types.iter().map(ToString::to_string).collect(), ..Filter::default() };
        for recorded in self.store.read_all(Position(0), 100, &filter).await.unwrap().events {
            for _ in 0..2 {
                handle(self.store.clone(), Delivery::first(recorded.clone(), SUBSCRIPTION.name)).await.unwrap();
            }
        }
        let filter = Filter { types: vec!["email.requested".to_owned()], ..Filter::default() };
        let asked = self.store.read_all(Position(0), 100, &filter).await.unwrap().events;
        let kind = |recorded: &Arc<Recorded>| match aggregates::decode::<EmailEvent>(recorded).unwrap() {
            EmailEvent::Requested { kind, to, order_id } => {
                assert_eq!((to.as_str(), order_id), ("ada@example.com", order(1)));
                kind
            }
            other => panic!("{other:?}"),
        };
        asked.iter().map(kind).collect()
    }
}

fn refund_id() -> RefundId {
    RefundId(uuid::Uuid::from_u128(u128::MAX))
}

fn refunded(amount: i64, credit_note: Option<CreditNoteNumber>, is_whole: bool) -> MailKind {
    let is_whole = Some(is_whole);
    MailKind::Refunded { amount: Some(euro(amount)), credit_note, is_whole }
}

#[tokio::test]
async fn an_order_that_is_sent_and_its_voucher_get_one_mail_each() {
    let world = World::confirmed().await;
    let shipped = OrderEvent::Shipped {
        carrier: "Snail Post".to_owned(),
        tracking_number: "SP-1".to_owned(),
        estimated_delivery: None,
    };
    world.write(streams::order(order(1)), &[shipped]).await;
    let code: storefront_api::VoucherCode = "ab12c".parse().unwrap();
    let issued = VoucherEvent::Issued { customer_id: None, order_id: order(1), amount: euro(500) };
    world.write(streams::voucher(&code), &[issued]).await;
    let noted = CheckoutEvent::VoucherIssued { voucher: code.clone() };
    world.write(streams::checkout(order(1)), &[noted]).await;
    assert_eq!(world.requested_mails().await, [MailKind::Shipped, MailKind::Voucher { code, amount: euro(500) }]);
}

#[tokio::test]
async fn a_refund_of_what_is_on_an_invoice_is_announced_with_its_credit_note_and_not_before() {
    let world = World::confirmed().await;
    world.refunded(1, 500).await;
    assert_eq!(world.requested_mails().await, [], "the invoice and its credit note are still to come");
    let number = InvoiceNumber { year: 2026, sequence: 1 };
    let invoice = Invoice {
        number,
        order_id: order(1),
        order_number: OrderNumber::from_position(7),
        customer_id: None,
        email: "ada@example.com".to_owned(),
        address: address(),
        seller: None,
        supplied_at: None,
        issued_at: at_second(1),
        lines: Vec::new(),
        discount: euro(0),
        tax: Vec::new(),
        total: euro(2000),
        payment_reference: "card pi_1".to_owned(),
    };
    let credit = CreditNote {
        number: CREDIT,
        issued_at: at_second(1),
        amount: euro(500),
        tax: Vec::new(),
        refund_reference: "re_1".to_owned(),
        cancels: None,
    };
    let rest_number = CreditNoteNumber { sequence: CREDIT.sequence + 1, ..CREDIT };
    let cancel_number = CreditNoteNumber { sequence: CREDIT.sequence + 2, ..CREDIT };
    let rest =
        CreditNote { number: rest_number, amount: euro(1500), refund_reference: "re_2".to_owned(), ..credit.clone() };
    let cancelling =
        CreditNote { number: cancel_number, amount: euro(-1500), cancels: Some(rest_number), ..rest.clone() };
    let credits = [credit, rest, cancelling].map(InvoiceEvent::Credited);
    let written = [&[InvoiceEvent::Issued(Box::new(invoice))], &credits[..]].concat();
    world.write(streams::invoice(number), &written).await;
    world.write(streams::order(order(1)), &[OrderEvent::Invoiced { number }]).await;
    let returned = MailKind::RefundFailed { amount: euro(1500), credit_note: Some(cancel_number) };
    let told = [refunded(500, Some(CREDIT), false), refunded(1500, Some(rest_number), true), returned];
    assert_eq!(world.requested_mails().await, told, "the last one says that all has gone back");
}

#[tokio::test]
async fn money_that_was_never_on_an_invoice_is_announced_when_it_goes_back() {
    let world = World::confirmed().await;
    world.paid(2).await;
    world.refunded(2, 2000).await;
    assert_eq!(
        world.requested_mails().await,
        [refunded(2000, None, true)],
        "another payment than the one that bought the order"
    );
    let world = World::confirmed().await;
    let head = world.store.head().await.unwrap().0;
    world
        .write(
            streams::process(issue_invoices_and_credit_notes::SUBSCRIPTION.name),
            &[ProcessEvent::Introduced { after: head }],
        )
        .await;
    world.refunded(1, 700).await;
    assert_eq!(
        world.requested_mails().await,
        [refunded(700, None, false)],
        "it was confirmed before the shop wrote invoices"
    );
    let (refund_id, reference) = (Some(refund_id()), Some("re_1".to_owned()));
    let failed = PaymentEvent::RefundFailed { refund_id, reference, detail: "the account is closed".to_owned() };
    world.write(streams::payment(payment(1)), &[failed]).await;
    let returned = MailKind::RefundFailed { amount: euro(700), credit_note: None };
    assert_eq!(world.requested_mails().await, [refunded(700, None, false), returned], "the money has returned");
}

#[tokio::test]
async fn a_refund_before_the_order_was_confirmed_is_announced_at_once_and_not_again_with_its_credit_note() {
    let world = World { store: crate::testing::a_log() };
    world.write(streams::order(order(1)), &[started(), added("mug", 2), checked_out(payment(1), 2000)]).await;
    world.paid(1).await;
    world.refunded(1, 700).await;
    let (dispute, reason) = ("dp_1".to_owned(), "fraudulent".to_owned());
    let lost = [
        PaymentEvent::Disputed { dispute: dispute.clone(), amount: euro(300), reason },
        PaymentEvent::DisputeClosed { dispute, outcome: storefront_domain::payment::DisputeOutcome::Lost },
    ];
    world.write(streams::payment(payment(1)), &lost).await;
    assert_eq!(world.requested_mails().await, [refunded(700, None, false)]);
    let confirmed = OrderEvent::Confirmed { number: OrderNumber::from_position(7) };
    world.write(streams::order(order(1)), &[confirmed]).await;
    assert_eq!(world.requested_mails().await, [refunded(700, None, false)], "it is the same word, whenever it is said");
    world.invoices_are_written().await;
    let second = CreditNoteNumber { sequence: CREDIT.sequence + 1, ..CREDIT };
    let year = storefront_domain::document_register::year_of(clock::now());
    let told = [refunded(700, None, false), refunded(300, Some(CreditNoteNumber { year, ..second }), false)];
    assert_eq!(world.requested_mails().await, told, "what was lost is told of by its credit note");
}

#[tokio::test]
async fn parked_mail_is_retried_once_when_the_order_gets_another_address_afterwards() {
    let another_address = || OrderEvent::EmailChanged { email: "ada@example.org".to_owned() };
    // The address of a later checkout counts too. What was parked after the event waits for an operator.
    for (event, parked_at, is_retried) in
        [(another_address(), 4, true), (checked_out(payment(2), 2000), 4, true), (another_address(), 99, false)]
    {
        let world = World::confirmed().await;
        let (sequence, error) = ("order".to_owned(), "no such mailbox".to_owned());
        let parked = ProcessEvent::SequenceParked { sequence, position: parked_at, attempts: 1, error };
        let mail = streams::process(send_mail::SUBSCRIPTION.name);
        world.write(mail.clone(), &[parked]).await;
        world.write(streams::order(order(1)), &[event]).await;
        let events = world.store.read_all(Position(0), 100, &Filter::default()).await.unwrap().events;
        let last = events.into_iter().last().unwrap();
        for _ in 0..2 {
            handle(world.store.clone(), Delivery::first(last.clone(), SUBSCRIPTION.name)).await.unwrap();
        }
        let events = world.store.read_stream(&mail, storefront_eventlog::Version(1), 10).await.unwrap();
        let retried = events.iter().filter(|recorded| recorded.kind() == "process.sequence_retried").count();
        assert_eq!(retried, usize::from(is_retried));
    }
}
