//! The commands to stock and their refusals. `properties` has the invariants under any commands.

mod properties;

use super::*;
use crate::testing::{Given, When, at_minute, fold_events, order};

fn given(history: impl IntoIterator<Item = StockEvent>) -> Given<Stock> {
    crate::testing::given(history)
}

/// A stock with a threshold of 0.
fn stock_with(quantity: u32) -> Vec<StockEvent> {
    vec![received(quantity), StockEvent::ThresholdSet { threshold: 0 }]
}

trait History: Sized {
    fn and(self, event: StockEvent) -> Self;
    fn when(self, command: StockCommand) -> When<Stock>;
    fn stock(self) -> Stock;
}

impl History for Vec<StockEvent> {
    fn and(mut self, event: StockEvent) -> Self {
        self.push(event);
        self
    }

    fn when(self, command: StockCommand) -> When<Stock> {
        given(self).when(command)
    }

    fn stock(self) -> Stock {
        fold_events(Stock::default(), self)
    }
}

fn received(quantity: u32) -> StockEvent {
    StockEvent::Received { quantity }
}

fn count(on_hand: u32) -> StockCommand {
    StockCommand::Count { on_hand, reason: "counted".to_owned() }
}

fn adjusted(change: i64) -> StockEvent {
    StockEvent::Adjusted { change, reason: "counted".to_owned() }
}

fn reserved(order_number: u128, quantity: u32) -> StockEvent {
    StockEvent::Reserved { order_id: order(order_number), quantity, until: at_minute(15) }
}

fn released(order_number: u128, quantity: u32) -> StockEvent {
    StockEvent::Released { order_id: order(order_number), quantity, reason: ReleaseReason::CheckoutFailed }
}

fn allocated(order_number: u128, quantity: u32) -> StockEvent {
    StockEvent::Allocated { order_id: order(order_number), quantity }
}

fn returned(order_number: u128, quantity: u32) -> StockEvent {
    StockEvent::Returned { order_id: order(order_number), quantity }
}

fn settled(order_number: u128) -> StockEvent {
    StockEvent::Settled { order_id: order(order_number) }
}

fn adjust(change: i64) -> StockCommand {
    StockCommand::Adjust { change, reason: "counted".to_owned() }
}

fn reserve(order_number: u128, quantity: u32) -> StockCommand {
    StockCommand::Reserve { order_id: order(order_number), quantity, until: at_minute(15) }
}

fn release(order_number: u128) -> StockCommand {
    StockCommand::Release { order_id: order(order_number), reason: ReleaseReason::CheckoutFailed }
}

fn allocate(order_number: u128) -> StockCommand {
    StockCommand::Allocate { order_id: order(order_number) }
}

fn return_pieces(order_number: u128) -> StockCommand {
    StockCommand::Return { order_id: order(order_number) }
}

fn settle(order_number: u128) -> StockCommand {
    StockCommand::Settle { order_id: order(order_number) }
}

fn levels(stock: &Stock) -> (u32, u32, u32) {
    (stock.on_hand(), stock.reserved(), stock.available())
}

#[test]
fn a_new_shelf_is_empty_and_runs_low_at_ten() {
    let stock = Stock::default();
    assert_eq!((levels(&stock), stock.threshold()), ((0, 0, 0), 10));
}

#[test]
fn goods_come_in() {
    let stock = given([received(3)]).when(StockCommand::Receive { quantity: 4 }).then([received(4)]);
    assert_eq!(levels(&stock), (7, 0, 7));
}

#[test]
fn goods_come_in_one_to_a_million_at_a_time() {
    given([]).when(StockCommand::Receive { quantity: 1_000_000 }).then([received(1_000_000)]);
    for quantity in [0, 1_000_001] {
        given([]).when(StockCommand::Receive { quantity }).then_refused(StockError::OutOfRange);
    }
}

#[test]
fn more_than_can_be_counted_is_refused() {
    let full = || vec![received(u32::MAX)];
    full().when(StockCommand::Receive { quantity: 1 }).then_refused(StockError::OutOfRange);
    full().when(adjust(1)).then_refused(StockError::OutOfRange);
    full().when(adjust(i64::MAX)).then_refused(StockError::OutOfRange);
    let after_an_allocation = vec![received(1), reserved(1, 1), allocated(1, 1), received(u32::MAX)];
    after_an_allocation.when(return_pieces(1)).then_refused(StockError::OutOfRange);
}

#[test]
fn the_books_can_be_corrected_both_ways() {
    assert_eq!(stock_with(20).when(adjust(5)).then([adjusted(5)]).on_hand(), 25);
    assert_eq!(stock_with(20).when(adjust(-5)).then([adjusted(-5)]).on_hand(), 15);
}

#[test]
fn a_correction_by_nothing_is_refused() {
    stock_with(20).when(adjust(0)).then_refused(StockError::OutOfRange);
}

#[test]
fn on_hand_never_goes_below_zero_or_below_what_is_reserved() {
    let refused = |would_be, reserved| StockError::BelowReserved { would_be, reserved };
    stock_with(20).when(adjust(-21)).then_refused(refused(-1, 0));
    stock_with(20).when(adjust(i64::MIN)).then_refused(refused(i64::MIN + 20, 0));
    stock_with(20).and(reserved(1, 15)).when(adjust(-6)).then_refused(refused(14, 15));
    stock_with(20).and(reserved(1, 15)).when(adjust(-5)).then([adjusted(-5), StockEvent::RanOut]);
}

#[test]
fn of_n_pieces_the_one_after_the_last_is_refused() {
    let shelf = (1..=3).fold(stock_with(3), |shelf, number| shelf.and(reserved(number, 1)));
    shelf.when(reserve(4, 1)).then_refused(StockError::NotAvailable { available: 0 });
    stock_with(3).when(reserve(1, 4)).then_refused(StockError::NotAvailable { available: 3 });
    let stock = stock_with(3).and(reserved(1, 1)).when(reserve(2, 1)).then([reserved(2, 1)]);
    assert_eq!(levels(&stock), (3, 2, 1));
}

#[test]
fn a_promise_of_nothing_is_refused() {
    stock_with(3).when(reserve(1, 0)).then_refused(StockError::OutOfRange);
}

#[test]
fn a_second_reservation_of_an_order_replaces_the_first() {
    let shelf = || stock_with(10).and(reserved(1, 6)).and(reserved(2, 1));
    assert_eq!(levels(&shelf().when(reserve(1, 8)).then([reserved(1, 8)])), (10, 9, 1));
    assert_eq!(levels(&shelf().when(reserve(1, 2)).then([reserved(1, 2)])), (10, 3, 7));
    shelf().when(reserve(1, 10)).then_refused(StockError::NotAvailable { available: 9 });
}

#[test]
fn the_same_reservation_again_changes_nothing() {
    stock_with(10).and(reserved(1, 6)).when(reserve(1, 6)).then_nothing();
}

#[test]
fn a_reservation_can_be_prolonged() {
    let longer = StockCommand::Reserve { order_id: order(1), quantity: 6, until: at_minute(30) };
    let event = StockEvent::Reserved { order_id: order(1), quantity: 6, until: at_minute(30) };
    let stock = stock_with(10).and(reserved(1, 6)).when(longer).then([event]);
    assert_eq!(stock.reservation_of(order(1)), Some(Reservation { quantity: 6, until: at_minute(30) }));
}

#[test]
fn a_released_reservation_is_available_again_once() {
    let stock = stock_with(10).and(reserved(1, 6)).when(release(1)).then([released(1, 6)]);
    assert_eq!(levels(&stock), (10, 0, 10));
    stock_with(10).and(reserved(1, 6)).and(released(1, 6)).when(release(1)).then_nothing();
    stock_with(10).when(release(1)).then_nothing();
    stock_with(10).and(reserved(1, 6)).and(allocated(1, 6)).when(release(1)).then_nothing();
}

#[test]
fn an_allocation_takes_the_reserved_pieces_off_the_shelf_once() {
    let shelf = || stock_with(10).and(reserved(1, 6)).and(reserved(2, 1));
    let stock = shelf().when(allocate(1)).then([allocated(1, 6)]);
    assert_eq!(levels(&stock), (4, 1, 3));
    shelf().and(allocated(1, 6)).when(allocate(1)).then_nothing();
    shelf().and(allocated(1, 6)).and(returned(1, 6)).when(allocate(1)).then_nothing();
}

#[test]
fn nothing_is_allocated_without_a_reservation() {
    stock_with(10).when(allocate(1)).then_refused(StockError::NotReserved);
    stock_with(10).and(reserved(1, 6)).and(released(1, 6)).when(allocate(1)).then_refused(StockError::NotReserved);
}

#[test]
fn the_pieces_of_a_cancelled_order_go_back_on_the_shelf_once() {
    let sold = || stock_with(10).and(reserved(1, 6)).and(allocated(1, 6));
    let stock = sold().when(return_pieces(1)).then([returned(1, 6)]);
    assert_eq!(levels(&stock), (10, 0, 10));
    sold().and(returned(1, 6)).when(return_pieces(1)).then_nothing();
    stock_with(10).when(return_pieces(1)).then_nothing();
    stock_with(10).and(reserved(1, 6)).when(return_pieces(1)).then_nothing();
}

#[test]
fn an_order_that_has_its_pieces_reserves_no_more() {
    stock_with(10).and(reserved(1, 6)).and(allocated(1, 6)).when(reserve(1, 2)).then_nothing();
}

#[test]
fn a_settled_order_is_forgotten_and_its_pieces_stay_where_they_are() {
    let sold = || stock_with(10).and(reserved(1, 6)).and(allocated(1, 6)).and(reserved(2, 1)).and(allocated(2, 1));
    let stock = sold().when(settle(1)).then([settled(1)]);
    assert_eq!((levels(&stock), stock.allocations.keys().copied().collect()), ((3, 0, 3), vec![order(2)]));
    let stock = sold().and(returned(1, 6)).when(settle(1)).then([settled(1)]);
    assert_eq!((levels(&stock), stock.allocations.keys().copied().collect()), ((9, 0, 9), vec![order(2)]));
}

#[test]
fn after_it_was_settled_an_order_neither_gets_pieces_nor_gives_any_back() {
    let sent = || stock_with(10).and(reserved(1, 6)).and(allocated(1, 6)).and(settled(1));
    let back = || stock_with(10).and(reserved(1, 6)).and(allocated(1, 6)).and(returned(1, 6)).and(settled(1));
    for over in [sent, back] {
        for late in [settle(1), return_pieces(1), release(1)] {
            over().when(late).then_nothing();
        }
        over().when(allocate(1)).then_refused(StockError::NotReserved);
    }
}

#[test]
fn only_an_order_that_has_pieces_is_settled() {
    stock_with(10).when(settle(1)).then_nothing();
    stock_with(10).and(reserved(1, 6)).when(settle(1)).then_nothing();
    stock_with(10).and(reserved(1, 6)).and(released(1, 6)).when(settle(1)).then_nothing();
}

#[test]
fn the_threshold_is_zero_to_a_million() {
    let set = |threshold| StockCommand::SetThreshold { threshold };
    let event = |threshold| StockEvent::ThresholdSet { threshold };
    assert_eq!(given([received(20)]).when(set(5)).then([event(5)]).threshold(), 5);
    given([]).when(set(1_000_000)).then([event(1_000_000)]);
    given([]).when(set(1_000_001)).then_refused(StockError::OutOfRange);
    given([event(5)]).when(set(5)).then_nothing();
}

#[test]
fn stock_runs_low_once_when_it_comes_down_to_the_threshold() {
    let low = |available| StockEvent::RanLow { available };
    given([received(13)]).when(reserve(1, 2)).then([reserved(1, 2)]);
    given([received(13)]).when(reserve(1, 3)).then([reserved(1, 3), low(10)]);
    let is_low = || vec![received(13), reserved(1, 3), low(10)];
    is_low().when(reserve(2, 1)).then([reserved(2, 1)]);
    is_low().when(allocate(1)).then([allocated(1, 3)]);
    given([received(20)]).when(adjust(-11)).then([adjusted(-11), low(9)]);
}

#[test]
fn stock_runs_out_once_when_nothing_is_available() {
    given([received(2)]).when(reserve(1, 2)).then([reserved(1, 2), StockEvent::RanOut]);
    let is_out = || vec![received(2), reserved(1, 2), StockEvent::RanOut];
    is_out().when(allocate(1)).then([allocated(1, 2)]);
    given([received(20)]).when(reserve(1, 20)).then([reserved(1, 20), StockEvent::RanOut]);
}

#[test]
fn going_up_is_no_alarm_and_arms_it_again() {
    let low = |available| StockEvent::RanLow { available };
    let is_out = || vec![received(12), reserved(1, 12), StockEvent::RanOut];
    is_out().when(release(1)).then([released(1, 12)]);
    is_out().and(released(1, 12)).when(reserve(2, 2)).then([reserved(2, 2), low(10)]);
    is_out().when(reserve(1, 11)).then([reserved(1, 11)]);
    is_out().and(reserved(1, 11)).when(reserve(2, 1)).then([reserved(2, 1), StockEvent::RanOut]);
    given([]).when(StockCommand::Receive { quantity: 5 }).then([received(5)]);
}

#[test]
fn a_higher_threshold_can_make_stock_low() {
    let event = StockEvent::ThresholdSet { threshold: 20 };
    given([received(20)])
        .when(StockCommand::SetThreshold { threshold: 20 })
        .then([event, StockEvent::RanLow { available: 20 }]);
}

#[test]
fn events_that_cannot_be_leave_the_stock_as_it_was() {
    let before = stock_with(10).and(reserved(1, 6)).and(reserved(2, 1)).and(allocated(2, 1)).stock();
    for event in [
        received(u32::MAX),
        adjusted(-4),
        adjusted(i64::MIN),
        adjusted(i64::MAX),
        reserved(3, 4),
        released(3, 4),
        allocated(3, 4),
        returned(1, 6),
        returned(3, 4),
        settled(1),
        settled(3),
        StockEvent::RanOut,
        StockEvent::RanLow { available: 3 },
    ] {
        assert_eq!(evolve(before.clone(), &event), before, "{event:?}");
    }
}

#[test]
fn a_counted_number_is_set_and_the_event_says_by_how_much_the_books_were_off() {
    stock_with(10).when(count(7)).then([adjusted(-3)]);
    stock_with(10).when(count(25)).then([adjusted(15)]);
    stock_with(10).when(count(10)).then_nothing();
    stock_with(3).when(count(0)).then([adjusted(-3), StockEvent::RanOut]);
    stock_with(10).and(reserved(1, 4)).when(count(4)).then([adjusted(-6), StockEvent::RanOut]);
    stock_with(10)
        .and(reserved(1, 4))
        .when(count(3))
        .then_refused(StockError::BelowReserved { would_be: 3, reserved: 4 });
    given([]).when(count(u32::MAX)).then([adjusted(i64::from(u32::MAX))]);
}
