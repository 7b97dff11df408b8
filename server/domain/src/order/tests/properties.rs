//! Invariants of an order under any commands and events.

use proptest::prelude::*;

use super::*;

const CODES: [&str; 2] = ["k3v9q", "aaaa1"];
const NAMES: [&str; 4] = ["socks", "mug", "lamp", "chair"];

/// Something that may be asked of an order; prices, amounts and stock are small, so that they meet.
fn any_command() -> impl Strategy<Value = OrderCommand> {
    let name = || prop::sample::select(&NAMES[..]);
    let price = || 1..2_000_i64;
    prop_oneof![
        4 => (name(), price(), 1..=99_u32, 0..200_u32).prop_map(|(name, price, quantity, available)| {
            OrderCommand::AddItem {
                customer_id: None,
                item: item_at(name, price),
                quantity: pieces(quantity),
                available,
                spending_limit: None,
            }
        }),
        2 => (name(), 1..=99_u32, 0..200_u32).prop_map(|(name, quantity, available)| change_with_available(name, quantity, available)),
        1 => name().prop_map(remove),
        1 => Just(OrderCommand::Clear),
        1 => (name(), price()).prop_map(|(name, price)| notice_price(name, euro(price))),
        1 => name().prop_map(notice_withdrawal),
        1 => any_checkout(),
        1 => (prop::sample::select(&CODES[..]), 1..3_000_i64).prop_map(|(code, amount)| apply_voucher(code, amount)),
        1 => Just(OrderCommand::RemoveVoucher),
        1 => (1..4_u128).prop_map(reopen),
        1 => (1..4_u128).prop_map(confirm),
        1 => prop::sample::select(vec![ship(), deliver(), cancel()]),
    ]
}

fn any_checkout() -> impl Strategy<Value = OrderCommand> {
    (1..4_u128, 0..5_000_i64, prop::array::uniform4((1..2_000_i64, prop::bool::weighted(0.9), 0..200_u32))).prop_map(
        |(payment_number, expected_total, of_names)| {
            let facts = NAMES.iter().zip(of_names).map(|(name, (price, active, available))| LineFacts {
                product_id: product(name),
                price: euro(price),
                vat_rate_percent: VatRate::percent(if price % 2 == 0 { 19 } else { 7 }),
                active,
                available,
            });
            check_out_with(payment_number, expected_total, facts)
        },
    )
}

fn any_event() -> impl Strategy<Value = OrderEvent> {
    let name = || prop::sample::select(&NAMES[..]);
    let amount = || prop_oneof![Just(i64::MAX), Just(i64::MIN), -5..5_000_i64];
    let currency = || prop::sample::select(vec![Currency::EUR, "JPY".parse().unwrap()]);
    let price = (amount(), currency()).prop_map(|(amount, currency)| Money::new(amount, currency));
    prop_oneof![
        currency().prop_map(|currency| OrderEvent::Started { customer_id: None, currency }),
        (name(), price.clone(), 1..=99_u32).prop_map(|(name, unit_price, quantity)| OrderEvent::ItemAdded {
            item: ItemFacts { unit_price, ..item(name) },
            quantity: pieces(quantity),
        }),
        (name(), 1..=99_u32).prop_map(|(name, quantity)| changed(name, quantity)),
        name().prop_map(removed),
        (name(), price.clone()).prop_map(|(name, new_price)| OrderEvent::PriceChangedInBasket {
            product_id: product(name),
            old_price: euro(1),
            new_price,
        }),
        (name(), 0..=25_u8).prop_map(|(name, percent)| vat_rate_changed(name, 19, percent)),
        name().prop_map(|name| OrderEvent::ProductWithdrawnFromBasket { product_id: product(name) }),
        name().prop_map(|name| OrderEvent::ProductRelistedInBasket { product_id: product(name) }),
        (prop::sample::select(&CODES[..]), price.clone())
            .prop_map(|(text, amount)| OrderEvent::VoucherApplied { code: code(text), amount }),
        prop::sample::select(&CODES[..]).prop_map(voucher_removed),
        (1..4_u128, price).prop_map(|(number, total)| checked_out(payment(number), total)),
        Just(OrderEvent::Reopened { reason: declined() }),
        Just(OrderEvent::Confirmed { number: number() }),
        Just(shipped()),
        Just(OrderEvent::Delivered { recipient: "A neighbour".to_owned() }),
        Just(cancelled()),
    ]
}

/// Answers a command, and hands out the order after it and what was written.
fn after(order: Order, command: OrderCommand) -> (Order, Vec<OrderEvent>) {
    let events = decide(&order, command).unwrap_or_default();
    (crate::testing::fold_events(order, events.clone()), events)
}

/// A checkout of just what the basket is, so that random histories come further than the basket.
fn fitting_checkout(order: &Order, payment_number: u128) -> OrderCommand {
    let facts = order.lines().iter().map(|line| LineFacts {
        product_id: line.item.product_id.clone(),
        price: line.item.unit_price,
        vat_rate_percent: line.item.vat_rate_percent,
        active: true,
        available: AMPLE_STOCK,
    });
    check_out_with(payment_number, order.total().amount, facts)
}

proptest! {
    #[test]
    fn whatever_is_asked_the_totals_are_right(
        steps in prop::collection::vec((any_command(), prop::bool::weighted(0.2)), 0..60)
    ) {
        let mut order = Order::New;
        for (index, (command, buy)) in steps.into_iter().enumerate() {
            let before = order.clone();
            let command = if buy { fitting_checkout(&order, index as u128 + 10) } else { command };
            let (next, events) = after(order, command);
            order = next;
            let by_hand: i64 = order
                .lines()
                .iter()
                .map(|line| line.item.unit_price.amount * i64::from(line.quantity.get()))
                .sum();
            prop_assert_eq!(order.subtotal(), euro(by_hand));
            let off = order.voucher().map_or(0, |voucher| voucher.amount.amount.min(by_hand));
            // No rest that is too small for a card is left.
            let off = if (1..50).contains(&(by_hand - off)) { (by_hand - 50).max(0) } else { off };
            prop_assert_eq!(order.total(), euro(by_hand - off), "the agreed total is that of the lines");
            let gross: i64 = order.tax().iter().map(|tax| tax.gross.amount).sum();
            prop_assert_eq!(gross, by_hand - off);
            prop_assert!(order.lines().len() <= MAX_LINES);
            let mut products: Vec<_> = order.lines().iter().map(|line| &line.item.product_id).collect();
            products.sort_unstable();
            products.dedup();
            prop_assert_eq!(products.len(), order.lines().len(), "one line for each product");
            prop_assert_eq!(before == order, events.is_empty(), "every event changes something: {:?}", events);
        }
    }

    #[test]
    fn every_event_that_is_decided_on_fits_the_order(
        steps in prop::collection::vec((any_command(), prop::bool::weighted(0.3)), 0..60)
    ) {
        let mut order = Order::New;
        for (index, (command, buy)) in steps.into_iter().enumerate() {
            let command = if buy { fitting_checkout(&order, index as u128 + 10) } else { command };
            for event in decide(&order, command).unwrap_or_default() {
                let after = evolve(order.clone(), &event);
                prop_assert_ne!(&after, &order, "{:?} has no effect", event);
                order = after;
            }
        }
    }

    #[test]
    fn a_repeated_command_never_breaks_the_order(commands in prop::collection::vec(any_command(), 0..40)) {
        let mut order = Order::New;
        for command in commands {
            let (once, _) = after(order, command.clone());
            let twice = after(once, command).0;
            prop_assert!(twice.lines().iter().all(|line| line.quantity.get() <= Quantity::MAX));
            order = twice;
        }
    }

    #[test]
    fn no_event_in_any_state_panics(events in prop::collection::vec(any_event(), 0..60)) {
        let mut order = Order::New;
        for event in events {
            order = evolve(order, &event);
            let _ = (order.status(), order.total(), order.tax(), order.number(), order.shipment());
            let _ = decide(&order, fitting_checkout(&order, 99));
            let _ = decide(&order, add("socks", 1));
        }
    }
}
