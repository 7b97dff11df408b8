//! Tests of the movements of a wallet.

use proptest::prelude::*;

use super::*;
use crate::testing::{Aggregate, Given, euro, fold_events, order, payment, yen};

fn given(history: impl IntoIterator<Item = WalletEvent>) -> Given<Wallet> {
    crate::testing::given(history)
}

fn opened(balance: i64) -> WalletEvent {
    WalletEvent::Opened { balance: euro(balance) }
}

fn topped_up(amount: i64) -> WalletEvent {
    WalletEvent::ToppedUp { amount: euro(amount), reason: "a present".to_owned() }
}

fn charged(number: u128, amount: i64) -> WalletEvent {
    WalletEvent::Charged { payment_id: payment(number), order_id: order(number), amount: euro(amount) }
}

fn credited(number: u128, amount: i64, reference: &str) -> WalletEvent {
    let (payment_id, order_id) = (payment(number), order(number));
    WalletEvent::Credited { payment_id, order_id, amount: euro(amount), reference: reference.to_owned() }
}

fn open(balance: i64) -> WalletCommand {
    WalletCommand::Open { balance: euro(balance) }
}

fn top_up(amount: Money) -> WalletCommand {
    WalletCommand::TopUp { amount, reason: "a present".to_owned() }
}

fn charge(number: u128, amount: i64) -> WalletCommand {
    WalletCommand::Charge { payment_id: payment(number), order_id: order(number), amount: euro(amount) }
}

fn credit(number: u128, amount: i64, reference: &str) -> WalletCommand {
    let (payment_id, order_id) = (payment(number), order(number));
    WalletCommand::Credit { payment_id, order_id, amount: euro(amount), reference: reference.to_owned() }
}

#[test]
fn a_wallet_is_opened_once_with_its_opening_balance() {
    let wallet = given([]).when(open(500)).then([opened(500)]);
    assert_eq!(wallet.balance(), Some(euro(500)));
    given([opened(0)]).when(open(500)).then_nothing();
    given([]).when(open(-1)).then_refused(WalletError::BadAmount);
    assert_eq!(Wallet::default().balance(), None);
}

#[test]
fn money_is_put_in() {
    let wallet = given([opened(100)]).when(top_up(euro(250))).then([topped_up(250)]);
    assert_eq!(wallet.balance(), Some(euro(350)));
}

#[test]
fn what_is_no_amount_or_does_not_fit_is_not_put_in() {
    for amount in [euro(0), euro(-5), yen(5)] {
        given([opened(100)]).when(top_up(amount)).then_refused(WalletError::BadAmount);
    }
    given([opened(1)]).when(top_up(euro(i64::MAX))).then_refused(WalletError::BalanceTooLarge);
}

#[test]
fn a_balance_that_is_just_enough_pays_and_a_cent_less_is_refused() {
    let wallet = given([opened(500)]).when(charge(1, 500)).then([charged(1, 500)]);
    assert_eq!(wallet.balance(), Some(euro(0)));
    let refusal = WalletError::TooLittle { balance: euro(499), amount: euro(500) };
    given([opened(499)]).when(charge(1, 500)).then_refused(refusal);
    given([opened(499)]).when(charge(1, 0)).then_refused(WalletError::BadAmount);
}

#[test]
fn a_payment_charges_once() {
    given([opened(500), charged(1, 200)]).when(charge(1, 200)).then_nothing();
    given([opened(200), charged(1, 200)]).when(charge(1, 200)).then_nothing();
}

#[test]
fn money_comes_back_once_for_each_refund_and_never_more_than_was_paid() {
    let history = || [opened(500), charged(1, 300)];
    let wallet = given(history()).when(credit(1, 100, "a")).then([credited(1, 100, "a")]);
    assert_eq!(wallet.balance(), Some(euro(300)));
    let partly = || [opened(500), charged(1, 300), credited(1, 100, "a")];
    given(partly()).when(credit(1, 100, "a")).then_nothing();
    given(partly()).when(credit(1, 201, "b")).then_refused(WalletError::MoreThanPaid);
    let wallet = given(partly()).when(credit(1, 200, "b")).then([credited(1, 200, "b")]);
    assert_eq!(wallet.balance(), Some(euro(500)));
    given(history()).when(credit(2, 1, "a")).then_refused(WalletError::MoreThanPaid);
    given(history()).when(credit(1, 0, "a")).then_refused(WalletError::BadAmount);
}

#[test]
fn a_wallet_that_is_not_there_moves_nothing() {
    for command in [top_up(euro(5)), charge(1, 5), credit(1, 5, "a")] {
        given([]).when(command).then_refused(WalletError::NotFound);
    }
    assert_eq!(fold_events(Wallet::default(), [topped_up(5), charged(1, 5), credited(1, 5, "a")]), Wallet::Unknown);
}

#[test]
fn history_that_cannot_be_is_passed_over() {
    let wallet = fold_events(Wallet::default(), [opened(100), charged(1, 101), credited(1, 5, "a"), opened(900)]);
    assert_eq!(wallet.balance(), Some(euro(100)));
    let wallet = fold_events(wallet, [charged(1, 60), charged(1, 40), credited(1, 61, "a"), topped_up(i64::MAX)]);
    assert_eq!(wallet.balance(), Some(euro(40)));
}

fn any_command() -> impl Strategy<Value = WalletCommand> {
    let reference = || prop::sample::select(vec!["a", "b", "c"]);
    prop_oneof![
        1 => (0..200_i64).prop_map(open),
        2 => (-5..500_i64).prop_map(|amount| top_up(euro(amount))),
        3 => (1..4_u128, -5..300_i64).prop_map(|(number, amount)| charge(number, amount)),
        3 => (1..4_u128, -5..300_i64, reference()).prop_map(|(number, amount, of)| credit(number, amount, of)),
    ]
}

proptest! {
    #[test]
    fn the_balance_is_what_came_in_less_what_went_out_and_never_negative(
        commands in prop::collection::vec(any_command(), 0..60)
    ) {
        let mut wallet = Wallet::default();
        let mut by_hand = 0;
        let (mut paid, mut back) = (BTreeMap::<PaymentId, i64>::new(), BTreeMap::<PaymentId, i64>::new());
        for command in commands {
            for event in decide(&wallet, command).unwrap_or_default() {
                let before = wallet.clone();
                wallet = wallet.evolve(&event);
                prop_assert_ne!(&before, &wallet, "{:?} has no effect", event);
                match event {
                    WalletEvent::Opened { balance } => by_hand += balance.amount,
                    WalletEvent::ToppedUp { amount, .. } => by_hand += amount.amount,
                    WalletEvent::Charged { payment_id, amount, .. } => {
                        by_hand -= amount.amount;
                        prop_assert_eq!(paid.insert(payment_id, amount.amount), None, "a payment charges once");
                    }
                    WalletEvent::Credited { payment_id, amount, .. } => {
                        by_hand += amount.amount;
                        *back.entry(payment_id).or_default() += amount.amount;
                        prop_assert!(back[&payment_id] <= paid[&payment_id], "money from nowhere");
                    }
                }
            }
            let balance = wallet.balance().map_or(0, |balance| balance.amount);
            prop_assert!(balance >= 0);
            prop_assert_eq!(balance, by_hand);
        }
    }
}

#[test]
fn no_top_up_takes_the_room_of_a_refund() {
    let paid = given([opened(i64::MAX), charged(1, 700)]);
    paid.when(top_up(euro(1))).then_refused(WalletError::BalanceTooLarge);
    given([opened(i64::MAX), charged(1, 700)]).when(credit(1, 700, "all")).then([credited(1, 700, "all")]);
    given([opened(i64::MAX - 5), charged(1, 700)]).when(top_up(euro(5))).then([topped_up(5)]);
    given([opened(i64::MAX - 5), charged(1, 700), topped_up(5)])
        .when(credit(1, 700, "all"))
        .then([credited(1, 700, "all")]);
}
