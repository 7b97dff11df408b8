//! Issuing vouchers on a real log in memory, with codes that the tests choose.

use std::collections::{HashSet, VecDeque};
use std::sync::Mutex;

use storefront_api::{CustomerId, RefundId};
use storefront_domain::OrderNumber;
use storefront_domain::order::OrderEvent;
use storefront_domain::payment::PaymentEvent;
use storefront_domain::voucher::VoucherEvent;
use storefront_eventlog::{Filter, Position, Recorded, StreamName};

use uuid::Uuid;

use super::*;
use crate::testing::{added, at_second, card, checked_out, euro, order, payment};

fn code(text: &str) -> VoucherCode {
    text.parse().unwrap()
}

/// Returns these codes in order; panics when more are drawn.
fn fixed_codes(codes: &[&str]) -> CodeSource {
    let left: Mutex<VecDeque<VoucherCode>> = Mutex::new(codes.iter().map(|text| code(text)).collect());
    Arc::new(move || left.lock().unwrap().pop_front().expect("no more codes were to be drawn"))
}

struct World {
    store: Store,
    shipped: Arc<Recorded>,
}

impl World {
    /// Order 1 of customer 77, with a total, is shipped.
    async fn shipped(total: i64, customer: bool) -> Self {
        let store = crate::testing::a_log();
        let customer_id = customer.then(|| CustomerId(Uuid::from_u128(77)));
        let number = OrderNumber::from_position(7);
        let started = OrderEvent::Started { customer_id, currency: storefront_api::Currency::EUR };
        let shipped = OrderEvent::Shipped {
            carrier: "Snail Post".to_owned(),
            tracking_number: "1".to_owned(),
            estimated_delivery: None,
        };
        let history =
            [started, added("mug", 11), checked_out(payment(1), total), OrderEvent::Confirmed { number }, shipped];
        write(&store, streams::order(order(1)), &history).await;
        let process = [
            CheckoutEvent::Started {
                payment_id: payment(1),
                lines: vec![],
                total: euro(total),
                method: card(),
                email: "ada@example.com".to_owned(),
            },
            CheckoutEvent::StockReserved,
            CheckoutEvent::PaymentReceived { payment_id: payment(1) },
            CheckoutEvent::Completed { number },
        ];
        write(&store, streams::checkout(order(1)), &process).await;
        let filter = Filter { types: vec!["order.shipped".to_owned()], ..Filter::default() };
        let shipped = store.read_all(Position(0), 10, &filter).await.unwrap().events.remove(0);
        Self { store, shipped }
    }

    async fn handle(&self, terms: Terms, new_code: &CodeSource) {
        let delivery = Delivery::first(self.shipped.clone(), SUBSCRIPTION.name);
        handle(self.store.clone(), terms, new_code.clone(), delivery).await.unwrap();
    }

    /// The streams that have an issued voucher.
    async fn issued(&self) -> Vec<String> {
        let filter = Filter { types: vec!["voucher.issued".to_owned()], ..Filter::default() };
        let slice = self.store.read_all(Position(0), 10, &filter).await.unwrap();
        slice.events.iter().map(|recorded| recorded.stream().to_owned()).collect()
    }
}

async fn write<E: aggregates::AggregateEvent>(store: &Store, stream: StreamName, events: &[E]) {
    crate::testing::write(store, at_second(1), "order 1", stream, events).await;
}

fn terms() -> Terms {
    Terms { threshold: euro(10_000), amount: euro(500) }
}

#[tokio::test]
async fn a_cent_over_the_threshold_brings_one_voucher_however_often_the_event_comes() {
    let world = World::shipped(10_001, true).await;
    let new_code = fixed_codes(&["k3v9q"]);
    for _ in 0..3 {
        world.handle(terms(), &new_code).await;
    }
    assert_eq!(world.issued().await, ["voucher-k3v9q"]);
    let (voucher, _) = aggregates::load::<VoucherEvent>(&world.store, &streams::voucher(&code("k3v9q"))).await.unwrap();
    let Voucher::Issued { terms, .. } = &*voucher else { panic!("it is not issued") };
    assert_eq!(terms.amount, euro(500));
    assert_eq!((terms.customer_id, terms.order_id), (Some(CustomerId(Uuid::from_u128(77))), order(1)));
}

#[tokio::test]
async fn the_threshold_itself_brings_none() {
    let world = World::shipped(10_000, true).await;
    world.handle(terms(), &fixed_codes(&[])).await;
    assert_eq!(world.issued().await, [""; 0]);
}

#[tokio::test]
async fn what_went_back_before_it_was_sent_was_not_spent_and_what_goes_back_later_was() {
    for (amount, before, issued) in [(100, true, 1), (101, true, 0), (101, false, 1)] {
        let mut world = World::shipped(10_101, true).await;
        let asked = PaymentEvent::Requested { order_id: order(1), amount: euro(10_101), method: card() };
        let paid = [asked, PaymentEvent::Succeeded { reference: "pi_1".to_owned() }];
        let refund = PaymentEvent::RefundRequested {
            refund_id: Some(RefundId(Uuid::from_u128(u128::MAX))),
            amount: euro(amount),
            reason: "too late".to_owned(),
        };
        let position = |recorded: &Recorded| recorded.position;
        write(&world.store, streams::payment(payment(1)), &[&paid[..], &[refund]].concat()).await;
        let filter = Filter {
            types: vec!["payment.succeeded".to_owned(), "payment.refund_requested".to_owned()],
            ..Filter::default()
        };
        let later = world.store.read_all(Position(0), 10, &filter).await.unwrap().events;
        // As if the order had shipped just then.
        Arc::make_mut(&mut world.shipped).position = position(&later[usize::from(before)]);
        let new_code: CodeSource = Arc::new(|| code("k3v9q"));
        world.handle(terms(), &new_code).await;
        assert_eq!(world.issued().await.len(), issued, "{amount} back, before: {before}");
    }
}

#[tokio::test]
async fn a_shop_without_vouchers_issues_none() {
    let world = World::shipped(99_999, true).await;
    world.handle(Terms { amount: euro(0), ..terms() }, &fixed_codes(&[])).await;
    assert_eq!(world.issued().await, [""; 0]);
}

#[tokio::test]
async fn a_code_that_is_taken_is_left_alone_and_another_is_drawn() {
    let world = World::shipped(10_001, false).await;
    let taken = VoucherEvent::Issued { customer_id: None, order_id: order(9), amount: euro(700) };
    write(&world.store, streams::voucher(&code("aaaaa")), &[taken]).await;
    world.handle(terms(), &fixed_codes(&["aaaaa", "aaaaa", "bbbbb"])).await;
    assert_eq!(world.issued().await, ["voucher-aaaaa", "voucher-bbbbb"]);
    let (checkout, _) = aggregates::load::<CheckoutEvent>(&world.store, &streams::checkout(order(1))).await.unwrap();
    assert_eq!(checkout.voucher_issued(), Some(&code("bbbbb")), "the guest finds it by the order");
}

#[test]
fn codes_are_drawn_from_all_characters_and_hardly_ever_twice() {
    let codes: Vec<_> = (0..2_000).map(|_| random_code()).collect();
    let characters: HashSet<char> = codes.iter().flat_map(|code| code.as_str().chars()).collect();
    assert_eq!(characters.len(), 36);
    let different: HashSet<_> = codes.iter().collect();
    // Among 2,000 of 60 million codes, one pair is equal in one run of 30; three pairs in one of about 150,000.
    assert!(different.len() >= 1_998, "{}", different.len());
}
