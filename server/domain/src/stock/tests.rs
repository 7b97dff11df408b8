//! What can be done with stock, what is refused, and what holds whatever is asked.

use proptest::prelude::*;

use super::*;
use crate::testing::{Given, When, at_minute, folded, order};

fn given(history: impl IntoIterator<Item = StockEvent>) -> Given<Stock> {
    crate::testing::given(history)
}

/// Plenty, with an alarm only when nothing is left.
fn a_shelf_with(quantity: u32) -> Vec<StockEvent> {
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
        folded(Stock::default(), self)
    }
}

fn received(quantity: u32) -> StockEvent {
    StockEvent::Received { quantity }
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

fn give_back(order_number: u128) -> StockCommand {
    StockCommand::Return { order_id: order(order_number) }
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
    after_an_allocation.when(give_back(1)).then_refused(StockError::OutOfRange);
}

#[test]
fn the_books_can_be_corrected_both_ways() {
    assert_eq!(a_shelf_with(20).when(adjust(5)).then([adjusted(5)]).on_hand(), 25);
    assert_eq!(a_shelf_with(20).when(adjust(-5)).then([adjusted(-5)]).on_hand(), 15);
}

#[test]
fn a_correction_by_nothing_is_refused() {
    a_shelf_with(20).when(adjust(0)).then_refused(StockError::OutOfRange);
}

#[test]
fn on_hand_never_goes_below_zero_or_below_what_is_reserved() {
    let refused = |would_be, reserved| StockError::BelowReserved { would_be, reserved };
    a_shelf_with(20).when(adjust(-21)).then_refused(refused(-1, 0));
    a_shelf_with(20).when(adjust(i64::MIN)).then_refused(refused(i64::MIN + 20, 0));
    a_shelf_with(20).and(reserved(1, 15)).when(adjust(-6)).then_refused(refused(14, 15));
    a_shelf_with(20).and(reserved(1, 15)).when(adjust(-5)).then([adjusted(-5), StockEvent::RanOut]);
}

#[test]
fn of_n_pieces_the_one_after_the_last_is_refused() {
    let shelf = (1..=3).fold(a_shelf_with(3), |shelf, number| shelf.and(reserved(number, 1)));
    shelf.when(reserve(4, 1)).then_refused(StockError::NotAvailable { available: 0 });
    a_shelf_with(3).when(reserve(1, 4)).then_refused(StockError::NotAvailable { available: 3 });
    let stock = a_shelf_with(3).and(reserved(1, 1)).when(reserve(2, 1)).then([reserved(2, 1)]);
    assert_eq!(levels(&stock), (3, 2, 1));
}

#[test]
fn a_promise_of_nothing_is_refused() {
    a_shelf_with(3).when(reserve(1, 0)).then_refused(StockError::OutOfRange);
}

#[test]
fn a_second_reservation_of_an_order_replaces_the_first() {
    let shelf = || a_shelf_with(10).and(reserved(1, 6)).and(reserved(2, 1));
    assert_eq!(levels(&shelf().when(reserve(1, 8)).then([reserved(1, 8)])), (10, 9, 1));
    assert_eq!(levels(&shelf().when(reserve(1, 2)).then([reserved(1, 2)])), (10, 3, 7));
    shelf().when(reserve(1, 10)).then_refused(StockError::NotAvailable { available: 9 });
}

#[test]
fn the_same_reservation_again_changes_nothing() {
    a_shelf_with(10).and(reserved(1, 6)).when(reserve(1, 6)).then_nothing();
}

#[test]
fn a_reservation_can_be_prolonged() {
    let longer = StockCommand::Reserve { order_id: order(1), quantity: 6, until: at_minute(30) };
    let event = StockEvent::Reserved { order_id: order(1), quantity: 6, until: at_minute(30) };
    let stock = a_shelf_with(10).and(reserved(1, 6)).when(longer).then([event]);
    assert_eq!(stock.reservation_of(order(1)), Some(Reservation { quantity: 6, until: at_minute(30) }));
}

#[test]
fn a_released_reservation_is_available_again_once() {
    let stock = a_shelf_with(10).and(reserved(1, 6)).when(release(1)).then([released(1, 6)]);
    assert_eq!(levels(&stock), (10, 0, 10));
    a_shelf_with(10).and(reserved(1, 6)).and(released(1, 6)).when(release(1)).then_nothing();
    a_shelf_with(10).when(release(1)).then_nothing();
    a_shelf_with(10).and(reserved(1, 6)).and(allocated(1, 6)).when(release(1)).then_nothing();
}

#[test]
fn an_allocation_takes_the_reserved_pieces_off_the_shelf_once() {
    let shelf = || a_shelf_with(10).and(reserved(1, 6)).and(reserved(2, 1));
    let stock = shelf().when(allocate(1)).then([allocated(1, 6)]);
    assert_eq!(levels(&stock), (4, 1, 3));
    shelf().and(allocated(1, 6)).when(allocate(1)).then_nothing();
    shelf().and(allocated(1, 6)).and(returned(1, 6)).when(allocate(1)).then_nothing();
}

#[test]
fn nothing_is_allocated_without_a_reservation() {
    a_shelf_with(10).when(allocate(1)).then_refused(StockError::NotReserved);
    a_shelf_with(10).and(reserved(1, 6)).and(released(1, 6)).when(allocate(1)).then_refused(StockError::NotReserved);
}

#[test]
fn the_pieces_of_a_cancelled_order_go_back_on_the_shelf_once() {
    let sold = || a_shelf_with(10).and(reserved(1, 6)).and(allocated(1, 6));
    let stock = sold().when(give_back(1)).then([returned(1, 6)]);
    assert_eq!(levels(&stock), (10, 0, 10));
    sold().and(returned(1, 6)).when(give_back(1)).then_nothing();
    a_shelf_with(10).when(give_back(1)).then_nothing();
    a_shelf_with(10).and(reserved(1, 6)).when(give_back(1)).then_nothing();
}

#[test]
fn an_order_that_has_its_pieces_reserves_no_more() {
    a_shelf_with(10).and(reserved(1, 6)).and(allocated(1, 6)).when(reserve(1, 2)).then_nothing();
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
    let before = a_shelf_with(10).and(reserved(1, 6)).and(reserved(2, 1)).and(allocated(2, 1)).stock();
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
        StockEvent::RanOut,
        StockEvent::RanLow { available: 3 },
    ] {
        assert_eq!(evolve(before.clone(), &event), before, "{event:?}");
    }
}

fn any_command() -> impl Strategy<Value = StockCommand> {
    let an_order = || 1..5_u128;
    prop_oneof![
        2 => (0..30_u32).prop_map(|quantity| StockCommand::Receive { quantity }),
        1 => (-20..20_i64).prop_map(adjust),
        4 => (an_order(), 0..15_u32).prop_map(|(order, quantity)| reserve(order, quantity)),
        2 => an_order().prop_map(release),
        2 => an_order().prop_map(allocate),
        2 => an_order().prop_map(give_back),
        1 => (0..15_u32).prop_map(|threshold| StockCommand::SetThreshold { threshold }),
    ]
}

fn any_event() -> impl Strategy<Value = StockEvent> {
    let an_order = || 1..5_u128;
    let quantity = || prop_oneof![0..30_u32, Just(u32::MAX)];
    prop_oneof![
        quantity().prop_map(received),
        prop_oneof![-30..30_i64, Just(i64::MIN), Just(i64::MAX)].prop_map(adjusted),
        (an_order(), quantity()).prop_map(|(order, quantity)| reserved(order, quantity)),
        (an_order(), quantity()).prop_map(|(order, quantity)| released(order, quantity)),
        (an_order(), quantity()).prop_map(|(order, quantity)| allocated(order, quantity)),
        (an_order(), quantity()).prop_map(|(order, quantity)| returned(order, quantity)),
        quantity().prop_map(|threshold| StockEvent::ThresholdSet { threshold }),
        quantity().prop_map(|available| StockEvent::RanLow { available }),
        Just(StockEvent::RanOut),
    ]
}

/// What an event moves onto or off the shelf.
fn moved(event: &StockEvent) -> i64 {
    match event {
        StockEvent::Received { quantity } | StockEvent::Returned { quantity, .. } => i64::from(*quantity),
        StockEvent::Adjusted { change, .. } => *change,
        StockEvent::Allocated { quantity, .. } => -i64::from(*quantity),
        StockEvent::Reserved { .. }
        | StockEvent::Released { .. }
        | StockEvent::ThresholdSet { .. }
        | StockEvent::RanLow { .. }
        | StockEvent::RanOut => 0,
    }
}

proptest! {
    #[test]
    fn whatever_is_asked_stock_is_never_negative_and_no_piece_is_made_or_lost(
        commands in prop::collection::vec(any_command(), 0..80)
    ) {
        let mut stock = Stock::default();
        let mut by_hand = 0_i64;
        for command in commands {
            let events = decide(&stock, command).unwrap_or_default();
            by_hand += events.iter().map(moved).sum::<i64>();
            stock = folded(stock, events);
            prop_assert_eq!(i64::from(stock.on_hand()), by_hand);
            prop_assert!(stock.reserved() <= stock.on_hand());
            prop_assert_eq!(stock.available(), stock.on_hand() - stock.reserved());
        }
    }

    #[test]
    fn an_order_gets_its_pieces_once_and_gives_them_back_once(
        commands in prop::collection::vec(any_command(), 0..80)
    ) {
        let mut stock = Stock::default();
        let mut log = Vec::new();
        for command in commands {
            let events = decide(&stock, command).unwrap_or_default();
            log.extend(events.clone());
            stock = folded(stock, events);
        }
        for number in 1..5 {
            let of_order = |event: &StockEvent| matches!(event,
                StockEvent::Allocated { order_id, .. } if *order_id == order(number));
            let back = |event: &StockEvent| matches!(event,
                StockEvent::Returned { order_id, .. } if *order_id == order(number));
            let (got, gave) = (log.iter().filter(|event| of_order(event)), log.iter().filter(|event| back(event)));
            let (got, gave): (Vec<_>, Vec<_>) = (got.map(moved).collect(), gave.map(moved).collect());
            prop_assert!(got.len() <= 1 && gave.len() <= got.len());
            prop_assert!(gave.iter().zip(&got).all(|(gave, got)| *gave == -got));
        }
    }

    #[test]
    fn alarms_come_with_each_crossing_and_only_then(commands in prop::collection::vec(any_command(), 0..80)) {
        let mut stock = Stock::default();
        for command in commands {
            let before = stock.clone();
            let events = decide(&stock, command).unwrap_or_default();
            stock = folded(stock, events.clone());
            let low = |stock: &Stock| stock.available() <= stock.threshold();
            let alarm = match stock.available() {
                0 if before.available() > 0 => Some(StockEvent::RanOut),
                available if available > 0 && low(&stock) && !low(&before) => Some(StockEvent::RanLow { available }),
                _ => None,
            };
            let is_alarm = |event: &&StockEvent| matches!(event, StockEvent::RanLow { .. } | StockEvent::RanOut);
            prop_assert_eq!(events.iter().find(is_alarm), alarm.as_ref());
        }
    }

    #[test]
    fn no_event_in_any_state_panics_or_promises_more_than_there_is(
        events in prop::collection::vec(any_event(), 0..80)
    ) {
        let mut stock = Stock::default();
        for event in events {
            stock = evolve(stock, &event);
            prop_assert!(stock.reserved() <= stock.on_hand());
            for command in [reserve(1, 3), release(1), allocate(1), give_back(1), adjust(-1), adjust(i64::MAX)] {
                let _ = decide(&stock, command);
            }
        }
    }
}
