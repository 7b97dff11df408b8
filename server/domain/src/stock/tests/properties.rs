//! Invariants of stock under any commands in any order.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn any_command() -> impl Strategy<Value = StockCommand> {
    let an_order = || 1..5_u128;
    prop_oneof![
        2 => (0..30_u32).prop_map(|quantity| StockCommand::Receive { quantity }),
        1 => (-20..20_i64).prop_map(adjust),
        4 => (an_order(), 0..15_u32).prop_map(|(order, quantity)| reserve(order, quantity)),
        2 => an_order().prop_map(release),
        2 => an_order().prop_map(allocate),
        2 => an_order().prop_map(return_pieces),
        2 => an_order().prop_map(settle),
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
        an_order().prop_map(settled),
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
        | StockEvent::Settled { .. }
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
            stock = fold_events(stock, events);
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
        let mut log: Vec<StockEvent> = Vec::new();
        for command in commands {
            // Nobody checks an order out that is over.
            if matches!(command, StockCommand::Reserve { order_id, .. } if log.contains(&StockEvent::Settled { order_id })) {
                continue;
            }
            let events = decide(&stock, command).unwrap_or_default();
            log.extend(events.clone());
            stock = fold_events(stock, events);
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
    fn a_stock_holds_the_orders_that_are_open_and_no_others(commands in prop::collection::vec(any_command(), 0..80)) {
        let (mut stock, mut promised, mut sold) = (Stock::default(), BTreeSet::new(), BTreeSet::new());
        let the_end = (1..5).flat_map(|number| [release(number), return_pieces(number), settle(number)]);
        for command in commands.into_iter().chain(the_end) {
            for event in decide(&stock, command).unwrap_or_default() {
                match &event {
                    StockEvent::Reserved { order_id, .. } => drop(promised.insert(*order_id)),
                    StockEvent::Released { order_id, .. } => drop(promised.remove(order_id)),
                    StockEvent::Allocated { order_id, .. } => drop((promised.remove(order_id), sold.insert(*order_id))),
                    StockEvent::Settled { order_id } => prop_assert!(sold.remove(order_id), "it was over already"),
                    StockEvent::Received { .. }
                    | StockEvent::Adjusted { .. }
                    | StockEvent::Returned { .. }
                    | StockEvent::ThresholdSet { .. }
                    | StockEvent::RanLow { .. }
                    | StockEvent::RanOut => {}
                }
                stock = evolve(stock, &event);
            }
            prop_assert!(stock.reservations.keys().eq(&promised) && stock.allocations.keys().eq(&sold));
        }
        prop_assert!(promised.is_empty() && sold.is_empty(), "every order is over");
    }

    #[test]
    fn alarms_come_with_each_crossing_and_only_then(commands in prop::collection::vec(any_command(), 0..80)) {
        let mut stock = Stock::default();
        for command in commands {
            let before = stock.clone();
            let events = decide(&stock, command).unwrap_or_default();
            stock = fold_events(stock, events.clone());
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
            for command in [
                reserve(1, 3),
                release(1),
                allocate(1),
                return_pieces(1),
                settle(1),
                adjust(-1),
                adjust(i64::MAX),
            ] {
                let _ = decide(&stock, command);
            }
        }
    }
}
