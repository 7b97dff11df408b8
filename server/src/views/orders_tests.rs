use storefront_api::{Money, OrderSummary, PaymentStatus};
use storefront_domain::OrderNumber;
use storefront_domain::order::ItemFacts;
use storefront_domain::payment::{self, Payment};
use storefront_eventlog::{NewEvent, Recorded};

use super::*;
use crate::store::order_record::OrderRecord;
use crate::testing::{Log, added, at_second, card, checked_out, euro, order, payment, pieces, product, started};
use crate::views::engine::view::folded;

/// A log in which everything is correlated by its order, as the shop writes it.
#[derive(Default)]
struct Shop(Log);

impl Shop {
    fn order(&mut self, number: u128, event: &OrderEvent) {
        self.0.write(&streams::order(order(number)), event);
    }

    fn payment(&mut self, of: u128, number: u128, event: &PaymentEvent) {
        self.0.write(&streams::payment(payment(number)), event);
        let written = self.0.events.pop().unwrap();
        let event = NewEvent { correlation_id: order(of).to_string(), ..written.to_new() };
        self.0.events.push(Recorded::new(written.position, &written.stream_name(), written.version, &event));
    }

    /// What the view says of an order, and what its streams say.
    fn both(&self, number: u128, payment_number: u128) -> (OrderSummary, OrderSummary) {
        let row = folded(&Orders, &self.0.events).get::<OrderRow>(&order(number).to_string()).unwrap();
        let mut record = OrderRecord::default();
        let mut paid = Payment::default();
        for recorded in &self.0.events {
            if recorded.stream() == streams::order(order(number)).as_str() {
                record.apply_recorded(recorded).unwrap();
            } else if recorded.stream() == streams::payment(payment(payment_number)).as_str() {
                paid = payment::evolve(paid, &aggregates::decode(recorded).unwrap());
            }
        }
        let paid = record.order.payment_id().map(|_| paid);
        (row.expect("it was started").summary(), record.summary(order(number), paid.as_ref()).unwrap())
    }
}

fn requested(of: u128) -> PaymentEvent {
    PaymentEvent::Requested { order_id: order(of), amount: euro(2000), method: card() }
}

fn voucher(code: &str, amount: i64) -> OrderEvent {
    OrderEvent::VoucherApplied { code: code.parse().unwrap(), amount: euro(amount) }
}

fn succeeded() -> PaymentEvent {
    PaymentEvent::Succeeded { reference: "pi_1".to_owned() }
}

#[test]
fn at_every_moment_of_its_life_the_list_says_of_an_order_what_its_streams_say() {
    let mut shop = Shop::default();
    let refund =
        |amount| PaymentEvent::RefundRequested { refund_id: None, amount: euro(amount), reason: "late".to_owned() };
    let refunded =
        |amount| PaymentEvent::Refunded { refund_id: None, amount: euro(amount), reference: "re_1".to_owned() };
    let declined = || PaymentEvent::Declined { reason: "no".to_owned(), message: "No.".to_owned() };
    type Step = Box<dyn Fn(&mut Shop)>;
    let of_order = |event: OrderEvent| -> Step { Box::new(move |shop| shop.order(1, &event)) };
    let of_payment = |number, event: PaymentEvent| -> Step { Box::new(move |shop| shop.payment(1, number, &event)) };
    let steps: Vec<(u128, Step)> = vec![
        (0, of_order(started())),
        (0, of_order(added("mug", 2))),
        (0, of_order(added("pot", 1))),
        (0, of_order(added("mug", 1))),
        (0, of_order(OrderEvent::ItemQuantityChanged { product_id: product("pot"), quantity: pieces(4) })),
        (
            0,
            of_order(OrderEvent::PriceChangedInBasket {
                product_id: product("pot"),
                old_price: euro(1000),
                new_price: euro(750),
            }),
        ),
        (0, of_order(OrderEvent::ProductWithdrawnFromBasket { product_id: product("pot") })),
        (0, of_order(OrderEvent::ItemRemoved { product_id: product("pot") })),
        (0, of_order(voucher("aaaaa", 9999))),
        (0, of_order(voucher("bbbbb", 500))),
        (0, of_order(OrderEvent::VoucherRemoved { code: "aaaaa".parse().unwrap() })),
        (8, of_order(checked_out(payment(8), 2500))),
        (8, of_payment(8, requested(1))),
        (8, of_payment(8, declined())),
        (
            8,
            of_order(OrderEvent::Reopened { reason: storefront_api::ReopenReason::OutOfStock { product_ids: vec![] } }),
        ),
        (8, of_order(OrderEvent::VoucherRemoved { code: "bbbbb".parse().unwrap() })),
        (9, of_order(checked_out(payment(9), 2000))),
        (9, of_payment(9, requested(1))),
        (
            9,
            of_payment(
                9,
                PaymentEvent::OutcomeUnknown { attempt: 1, detail: "lost".to_owned(), next_attempt_at: at_second(99) },
            ),
        ),
        (9, of_payment(9, succeeded())),
        (9, of_order(OrderEvent::Confirmed { number: OrderNumber::from_position(7) })),
        (9, of_payment(9, refund(500))),
        (9, of_payment(9, PaymentEvent::RefundFailed { refund_id: None, reference: None, detail: "no".to_owned() })),
        (9, of_payment(9, refund(500))),
        (9, of_payment(9, refunded(500))),
        (9, of_order(OrderEvent::Cancelled { reason: "changed my mind".to_owned() })),
        (9, of_payment(9, refund(1500))),
        (9, of_payment(9, refunded(1500))),
    ];
    for (at, (payment, step)) in steps.iter().enumerate() {
        step(&mut shop);
        let (listed, read) = shop.both(1, *payment);
        assert_eq!(listed, read, "after step {at}");
    }
    assert_eq!(shop.both(1, 9).0.payment_status, PaymentStatus::Refunded);
}

#[test]
fn an_order_goes_on_to_its_door() {
    let mut shop = Shop::default();
    for event in [
        started(),
        added("mug", 2),
        checked_out(payment(9), 2000),
        OrderEvent::Confirmed { number: OrderNumber::from_position(7) },
        OrderEvent::Shipped { carrier: "Post".to_owned(), tracking_number: "1".to_owned(), estimated_delivery: None },
        OrderEvent::Delivered { recipient: "Ada".to_owned() },
    ] {
        shop.order(1, &event);
        let (listed, read) = shop.both(1, 9);
        assert_eq!(listed, read, "after {event:?}");
    }
    assert_eq!(shop.both(1, 9).0.status, OrderStatus::Delivered);
}

/// Baskets 1 to 5, each with one mug; the third is checked out and paid.
async fn a_shop() -> ViewStore {
    let mut shop = Shop::default();
    for number in 1..=5 {
        shop.order(number, &started());
        shop.order(number, &added("mug", 2));
    }
    shop.order(3, &checked_out(payment(7), 2000));
    shop.payment(3, 7, &requested(3));
    shop.payment(3, 7, &succeeded());
    crate::views::rows::tests::filled(&Orders, &shop.0.events).await
}

async fn found(query: &OrderListQuery, before: Option<u64>, limit: usize) -> (Vec<u128>, Option<String>, u64) {
    let page = page(&a_shop().await, query, before.map(Position), limit).await.unwrap();
    (page.items.iter().map(|item| item.id.0.as_u128()).collect(), page.next_cursor, page.total)
}

#[tokio::test]
async fn orders_come_newest_first_and_pages_join() {
    let all = OrderListQuery::default();
    let mut listed = Vec::new();
    let mut before = None;
    loop {
        let (items, next, total) = found(&all, before, 2).await;
        assert_eq!(total, 5);
        listed.extend(items);
        let Some(next) = next else { break };
        before = Some(next.parse().unwrap());
    }
    assert_eq!(listed, [5, 4, 3, 2, 1]);
    assert_eq!(found(&all, None, 5).await.1, None, "a page that is just full is the last");
}

#[tokio::test]
async fn orders_are_found_by_status_and_by_the_beginnings_of_the_words_in_them() {
    let by = async |status, q: Option<&str>| {
        let query = OrderListQuery { status, q: q.map(str::to_owned), ..OrderListQuery::default() };
        let (ids, _, total) = found(&query, None, 9).await;
        assert_eq!(total, ids.len() as u64, "the total of {query:?}");
        ids
    };
    assert_eq!(by(Some(OrderStatus::CheckedOut), None).await, [3]);
    assert_eq!(by(None, Some("ADA@")).await, [3]);
    assert_eq!(by(None, Some("example")).await, [3]);
    assert_eq!(by(None, Some("mu")).await, [5, 4, 3, 2, 1]);
    assert_eq!(by(None, Some("mug ada")).await, [3]);
    assert_eq!(by(Some(OrderStatus::InProgress), Some("mug")).await, [5, 4, 2, 1]);
    assert_eq!(by(Some(OrderStatus::InProgress), Some("mug ada")).await, [0; 0]);
    assert_eq!(by(None, Some(&order(4).to_string())).await, [4]);
    assert_eq!(by(None, Some(" ")).await.len(), 5);
    assert_eq!(by(None, Some("ada")).await, [3]);
    for nothing in ["teapot", "%", "_", "'"] {
        assert_eq!(by(None, Some(nothing)).await, [0; 0], "{nothing}");
    }
}

#[tokio::test]
async fn orders_are_found_whatever_the_case_accents_and_hyphens_of_what_is_typed() {
    let mut shop = Shop::default();
    let number = OrderNumber::from_position(7);
    let OrderEvent::ItemAdded { item, quantity } = added("mug", 2) else { panic!() };
    let item_added =
        |name: &str| OrderEvent::ItemAdded { item: ItemFacts { name: name.to_owned(), ..item.clone() }, quantity };
    for event in [
        started(),
        item_added("Crème Brûlée in 北欧白橡木桌子"),
        checked_out(payment(7), 2000),
        OrderEvent::Confirmed { number },
    ] {
        shop.order(1, &event);
    }
    let store = crate::views::rows::tests::filled(&Orders, &shop.0.events).await;
    let (hyphen, id) = (number.to_string(), order(1).to_string());
    let bare = hyphen.replace('-', "");
    let typed = [
        hyphen.clone(),
        bare.clone(),
        hyphen.to_lowercase(),
        bare.to_lowercase(),
        hyphen.replace('-', " "),
        id.replace('-', ""),
    ];
    let others = ["creme brulee", "CRE\u{300}ME", "橡木", "桌子", "ADA@EXAMPLE.COM"];
    for q in typed.iter().map(String::as_str).chain(others) {
        let query = OrderListQuery { q: Some(q.to_owned()), ..OrderListQuery::default() };
        assert_eq!(page(&store, &query, None, 9).await.unwrap().total, 1, "{q}");
    }
    for q in ["😀", "%", "-", "木橡", "lait"] {
        let query = OrderListQuery { q: Some(q.to_owned()), ..OrderListQuery::default() };
        assert_eq!(page(&store, &query, None, 9).await.unwrap().total, 0, "{q}");
    }
}

#[tokio::test]
async fn only_open_baskets_hear_of_a_product() {
    let store = a_shop().await;
    let baskets = baskets_with(&store, &product("mug")).await.unwrap();
    assert_eq!(baskets, [order(1), order(2), order(4), order(5)]);
    assert_eq!(baskets_with(&store, &product("pot")).await.unwrap(), []);
}

#[tokio::test]
async fn a_summary_has_pieces_total_and_payment_status() {
    let bought = OrderListQuery { status: Some(OrderStatus::CheckedOut), ..OrderListQuery::default() };
    let item = page(&a_shop().await, &bought, None, 1).await.unwrap().items.remove(0);
    assert_eq!(
        (item.pieces, item.total, item.payment_status),
        (2, Money::new(2000, euro(0).currency), PaymentStatus::Paid)
    );
    assert_eq!((item.first_item.as_deref(), item.second_item, item.lines), (Some("mug"), None, 1));
    assert!(item.changed_at > item.started_at);
}

/// Baskets 1 and 2 with mugs, and a pot in the second, then these events; how many hold a product.
async fn count_after(events: &[(u128, OrderEvent)], id: &str, but_not: Option<u128>) -> u32 {
    let mut shop = Shop::default();
    let two_mugs_and_a_pot = [
        (1, started()),
        (1, added("mug", 2)),
        (2, started()),
        (2, added("mug", 1)),
        (2, added("mug", 1)),
        (2, added("pot", 1)),
    ];
    for (number, event) in two_mugs_and_a_pot.iter().chain(events) {
        shop.order(*number, event);
    }
    let store = crate::views::rows::tests::filled(&Orders, &shop.0.events).await;
    in_baskets(&store, &[&product(id)], but_not.map(order)).await.unwrap()[0]
}

#[tokio::test]
async fn each_basket_counts_once_and_the_own_one_can_be_left_out() {
    assert_eq!(count_after(&[], "mug", None).await, 2);
    assert_eq!(count_after(&[], "mug", Some(1)).await, 1);
    assert_eq!(count_after(&[], "mug", Some(9)).await, 2, "an order without it is nobody's own");
    assert_eq!(count_after(&[], "pot", Some(1)).await, 1);
    assert_eq!(count_after(&[], "cup", None).await, 0);
}

#[tokio::test]
async fn what_is_taken_out_or_bought_is_in_no_basket_until_the_checkout_fails() {
    let removed = (1, OrderEvent::ItemRemoved { product_id: product("mug") });
    assert_eq!(count_after(std::slice::from_ref(&removed), "mug", None).await, 1);
    let bought = (2, checked_out(payment(7), 3000));
    assert_eq!(count_after(&[removed.clone(), bought.clone()], "mug", None).await, 0);
    let reason = storefront_api::ReopenReason::OutOfStock { product_ids: vec![product("pot")] };
    let failed = (2, OrderEvent::Reopened { reason });
    let events = [bought, failed];
    assert_eq!((count_after(&events, "mug", None).await, count_after(&events, "pot", None).await), (2, 1));
}

#[test]
fn a_word_is_kept_whole_and_by_its_later_parts_for_the_first_is_how_it_begins() {
    let kept = words_and_parts("Tea-Pot ada@example.com");
    assert_eq!(kept, ["pot", "tea-pot", "teapot", "example", "com", "ada@example.com"]);
    assert_eq!(words_and_parts("a-a @home mug"), ["a-a", "aa", "home", "@home", "mug"]);
}
