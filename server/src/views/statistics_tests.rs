use storefront_api::RefundId;
use storefront_domain::OrderNumber;
use storefront_eventlog::StreamName;
use uuid::Uuid;

use super::*;
use crate::testing::{Log, card, checked_out, euro, listed, order, payment, product};
use crate::views::rows::tests::filled;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A log that is written on one day after another.
#[derive(Default)]
struct Days(Log);

impl Days {
    fn on<E: aggregates::AggregateEvent>(&mut self, day: i64, stream: &StreamName, event: &E) {
        self.about(day, stream, event, "test");
    }

    fn about<E: aggregates::AggregateEvent>(&mut self, day: i64, stream: &StreamName, event: &E, correlation_id: &str) {
        self.0.write_about(stream, event, correlation_id);
        self.0.events.last_mut().unwrap().time_ms = day * DAY_MS + 1;
    }

    /// Something that happened to the payment of an order.
    fn paid(&mut self, day: i64, number: u128, event: &PaymentEvent) {
        self.about(day, &streams::payment(payment(number)), event, &order(number).to_string());
    }

    fn sold(&mut self, day: i64, number: u128, id: &str, pieces: u32, amount: i64) {
        self.on(day, &streams::order(order(number)), &checked_out(payment(number), amount));
        self.paid(
            day,
            number,
            &PaymentEvent::Requested { order_id: order(number), amount: euro(amount), method: card() },
        );
        self.paid(day, number, &PaymentEvent::Succeeded { reference: "pi".to_owned() });
        let confirmed = OrderEvent::Confirmed { number: OrderNumber::from_position(number.try_into().unwrap()) };
        self.on(day, &streams::order(order(number)), &confirmed);
        let allocated = StockEvent::Allocated { order_id: order(number), quantity: pieces };
        self.on(day, &streams::stock(&product(id)), &allocated);
    }

    fn refunded(&mut self, day: i64, number: u128, refund: u128, amount: i64) {
        let (refund_id, amount) = (Some(RefundId(Uuid::from_u128(u128::MAX - refund))), euro(amount));
        self.paid(day, number, &PaymentEvent::RefundRequested { refund_id, amount, reason: "no".to_owned() });
        self.paid(day, number, &PaymentEvent::Refunded { refund_id, amount, reference: format!("re_{refund}") });
    }

    fn cancelled(&mut self, day: i64, number: u128, id: &str, pieces: u32, amount: i64) {
        self.on(day, &streams::order(order(number)), &OrderEvent::Cancelled { reason: "no".to_owned() });
        self.refunded(day, number, 1, amount);
        let returned = StockEvent::Returned { order_id: order(number), quantity: pieces };
        self.on(day, &streams::stock(&product(id)), &returned);
    }

    /// How many pieces of each product were sold.
    async fn pieces(&self) -> Vec<(String, u64)> {
        self.read().await.top_products.into_iter().map(|sales| (sales.name, sales.pieces)).collect()
    }

    async fn read(&self) -> Statistics {
        read(&filled(&StatisticsView, &self.0.events).await, Currency::EUR).await.unwrap()
    }
}

#[tokio::test]
async fn a_shop_that_has_sold_nothing_has_earned_nothing() {
    let statistics = Days::default().read().await;
    assert_eq!((statistics.orders, statistics.revenue, statistics.average_order), (0, euro(0), euro(0)));
    assert!(statistics.days.is_empty() && statistics.top_products.is_empty());
}

#[tokio::test]
async fn amounts_beyond_all_reason_stop_at_the_end_of_the_range_and_lose_no_event() {
    let mut days = Days::default();
    for number in 1..=3 {
        days.sold(20_000, number, "mug", u32::MAX, i64::MAX);
    }
    days.cancelled(20_001, 1, "mug", u32::MAX, i64::MAX);
    days.sold(20_001, 4, "mug", 1, 999);
    let statistics = days.read().await;
    assert_eq!((statistics.orders, statistics.cancelled, statistics.refunded), (3, 1, euro(i64::MAX)));
}

#[tokio::test]
async fn refunds_are_taken_off_on_the_day_on_which_they_are_given_back() {
    let mut days = Days::default();
    days.on(20_000, &streams::product(&product("mug")), &listed("Enamel Mug", "Kitchen", 999));
    days.sold(20_000, 1, "mug", 1, 999);
    days.sold(20_000, 2, "mug", 3, 2998);
    days.sold(20_001, 3, "pot", 2, 5000);
    days.cancelled(20_002, 2, "mug", 3, 2998);
    let statistics = days.read().await;
    assert_eq!((statistics.orders, statistics.cancelled), (2, 1));
    assert_eq!((statistics.revenue, statistics.refunded), (euro(5999), euro(2998)));
    assert_eq!(statistics.average_order, euro(3000), "2999.5, rounded half up");
    let by_day = statistics.days.iter().map(|day| (day.day.as_str(), day.orders, day.revenue.amount));
    assert_eq!(
        by_day.collect::<Vec<_>>(),
        [("2024-10-06", 0, -2998), ("2024-10-05", 1, 5000), ("2024-10-04", 2, 3997)]
    );
    let best = statistics.top_products.iter().map(|sales| (sales.name.as_str(), sales.pieces));
    assert_eq!(best.collect::<Vec<_>>(), [("pot", 2), ("Enamel Mug", 1)]);
}

#[tokio::test]
async fn an_order_of_which_everything_went_back_has_sold_nothing_and_a_part_leaves_its_pieces() {
    let mut days = Days::default();
    days.sold(20_000, 1, "mug", 1, 1000);
    days.sold(20_000, 2, "mug", 3, 3000);
    days.refunded(20_001, 2, 1, 1000);
    let sold = |pieces| vec![("mug".to_owned(), pieces)];
    let statistics = days.read().await;
    assert_eq!((statistics.revenue, statistics.refunded_orders, days.pieces().await), (euro(3000), 0, sold(4)));
    assert_eq!(statistics.average_order, euro(1500));
    days.refunded(20_002, 2, 2, 2000);
    let statistics = days.read().await;
    assert_eq!((statistics.revenue, statistics.refunded, days.pieces().await), (euro(1000), euro(3000), sold(1)));
    assert_eq!((statistics.orders, statistics.refunded_orders, statistics.average_order), (2, 1, euro(1000)));
    // The second refund fails after all: the money is with the shop, and the goods are sold.
    let refund_id = Some(RefundId(Uuid::from_u128(u128::MAX - 2)));
    let failed = PaymentEvent::RefundFailed { refund_id, reference: Some("re_2".to_owned()), detail: "no".to_owned() };
    days.paid(20_003, 2, &failed);
    let statistics = days.read().await;
    assert_eq!((statistics.revenue, statistics.refunded_orders, days.pieces().await), (euro(3000), 0, sold(4)));
    let by_day = statistics.days.iter().map(|day| day.revenue.amount);
    assert_eq!(by_day.collect::<Vec<_>>(), [2000, -2000, -1000, 4000]);
    // A cancellation after a full refund takes the goods off once.
    days.refunded(20_004, 1, 3, 1000);
    days.on(20_004, &streams::order(order(1)), &OrderEvent::Cancelled { reason: "no".to_owned() });
    let returned = StockEvent::Returned { order_id: order(1), quantity: 1 };
    days.on(20_004, &streams::stock(&product("mug")), &returned);
    let statistics = days.read().await;
    assert_eq!((statistics.orders, statistics.refunded_orders, days.pieces().await), (1, 0, sold(3)));
}

#[tokio::test]
async fn an_order_that_is_given_up_before_it_is_confirmed_does_not_count() {
    let mut days = Days::default();
    days.on(1, &streams::order(order(1)), &OrderEvent::Cancelled { reason: "no".to_owned() });
    let statistics = days.read().await;
    assert_eq!((statistics.orders, statistics.cancelled), (0, 0));
}

#[test]
fn money_of_another_currency_is_reported_and_nothing_changes() {
    let mut days = Days::default();
    days.sold(1, 1, "mug", 1, 999);
    let yen = Money::new(1, "JPY".parse().unwrap());
    let requested = PaymentEvent::Requested { order_id: order(2), amount: yen, method: card() };
    days.paid(1, 2, &requested);
    let rows = crate::views::engine::view::folded(&StatisticsView, &days.0.events);
    let mut more = Days(days.0);
    more.on(1, &streams::payment(payment(2)), &PaymentEvent::Succeeded { reference: "pi".to_owned() });
    assert!(StatisticsView.project(&rows, more.0.events.last().unwrap()).is_err());
}
