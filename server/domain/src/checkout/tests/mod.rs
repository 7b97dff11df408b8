//! The intents of each trigger at each stage, and the stage after each event.

mod outcomes;
mod world;

use storefront_api::PaymentMethod;

use super::*;
use crate::email::MailKind;
use crate::testing::{euro, payment, product};

fn lines() -> Vec<CheckoutLine> {
    vec![
        CheckoutLine { product_id: product("socks"), quantity: 2 },
        CheckoutLine { product_id: product("mug"), quantity: 1 },
    ]
}

fn card() -> PaymentMethod {
    PaymentMethod::Card { token: "tok_visa".to_owned() }
}

fn email() -> String {
    "ada@example.com".to_owned()
}

fn number() -> OrderNumber {
    OrderNumber::from_position(7)
}

fn reason() -> ReopenReason {
    ReopenReason::OutOfStock { product_ids: vec![product("mug")] }
}

fn voucher() -> VoucherCode {
    "k3v9q".parse().unwrap()
}

fn voucher_reserved() -> CheckoutEvent {
    CheckoutEvent::VoucherReserved { voucher: voucher() }
}

fn voucher_refused() -> CheckoutEvent {
    CheckoutEvent::VoucherRefused { voucher: voucher(), detail: "another order has the voucher".to_owned() }
}

fn started(payment_number: u128) -> CheckoutEvent {
    CheckoutEvent::Started {
        payment_id: payment(payment_number),
        lines: lines(),
        total: euro(2_250),
        method: card(),
        email: email(),
    }
}

fn stock_refused() -> CheckoutEvent {
    CheckoutEvent::StockRefused { product_ids: vec![product("mug")] }
}

fn payment_received(payment_number: u128) -> CheckoutEvent {
    CheckoutEvent::PaymentReceived { payment_id: payment(payment_number) }
}

fn payment_refused(payment_number: u128) -> CheckoutEvent {
    CheckoutEvent::PaymentRefused {
        payment_id: payment(payment_number),
        reason: "lost_card".to_owned(),
        message: "The card was refused.".to_owned(),
    }
}

fn failed() -> CheckoutEvent {
    CheckoutEvent::Failed { reason: reason() }
}

fn order_checked_out(payment_number: u128) -> CheckoutTrigger {
    CheckoutTrigger::OrderCheckedOut {
        payment_id: payment(payment_number),
        lines: lines(),
        total: euro(2_250),
        method: card(),
        email: email(),
        voucher: Some(voucher()),
    }
}

fn payment_succeeded(payment_number: u128) -> CheckoutTrigger {
    CheckoutTrigger::PaymentSucceeded { payment_id: payment(payment_number) }
}

fn payment_declined(payment_number: u128) -> CheckoutTrigger {
    CheckoutTrigger::PaymentDeclined {
        payment_id: payment(payment_number),
        reason: "lost_card".to_owned(),
        message: "The card was refused.".to_owned(),
    }
}

fn start(payment_number: u128) -> CheckoutIntent {
    CheckoutIntent::Start {
        payment_id: payment(payment_number),
        lines: lines(),
        total: euro(2_250),
        method: card(),
        email: email(),
        voucher: Some(voucher()),
    }
}

fn request_payment(payment_number: u128) -> CheckoutIntent {
    CheckoutIntent::RequestPayment { payment_id: payment(payment_number), amount: euro(2_250), method: card() }
}

fn complete(payment_number: u128) -> CheckoutIntent {
    CheckoutIntent::Complete { payment_id: payment(payment_number), lines: lines(), voucher: Some(voucher()) }
}

fn fail(payment_number: u128) -> CheckoutIntent {
    CheckoutIntent::Fail {
        payment_id: payment(payment_number),
        lines: lines(),
        voucher: Some(voucher()),
        reason: "lost_card".to_owned(),
        message: "The card was refused.".to_owned(),
    }
}

fn undo(payment_number: u128) -> CheckoutIntent {
    CheckoutIntent::Undo { payment_id: payment(payment_number), lines: lines(), voucher: Some(voucher()) }
}

fn refund(payment_number: u128, reason: &str) -> CheckoutIntent {
    CheckoutIntent::Refund { payment_id: payment(payment_number), reason: reason.to_owned() }
}

fn mail(kind: MailKind) -> CheckoutIntent {
    CheckoutIntent::SendMail { to: email(), kind }
}

/// A checkout process at a named stage, folded from a history.
fn checkout_at(stage: &str) -> Checkout {
    let history = match stage {
        "the beginning" => vec![],
        "started" => vec![started(1)],
        "voucher kept" => vec![started(1), voucher_reserved()],
        "voucher gone" => vec![started(1), voucher_refused()],
        "without the voucher" => vec![started(1), voucher_refused(), failed()],
        "reserved" => vec![started(1), voucher_reserved(), CheckoutEvent::StockReserved],
        "refused" => vec![started(1), stock_refused()],
        "out of stock" => vec![started(1), stock_refused(), failed()],
        "paid" => vec![started(1), voucher_reserved(), CheckoutEvent::StockReserved, payment_received(1)],
        "not paid" => vec![started(1), voucher_reserved(), CheckoutEvent::StockReserved, payment_refused(1)],
        "declined" => vec![started(1), voucher_reserved(), CheckoutEvent::StockReserved, payment_refused(1), failed()],
        "completed" => vec![
            started(1),
            voucher_reserved(),
            CheckoutEvent::StockReserved,
            payment_received(1),
            CheckoutEvent::Completed { number: number() },
        ],
        "cancelled" => vec![started(1), voucher_reserved(), CheckoutEvent::StockReserved, CheckoutEvent::Cancelled],
        "given back" => vec![
            started(1),
            voucher_reserved(),
            CheckoutEvent::StockReserved,
            payment_received(1),
            CheckoutEvent::Completed { number: number() },
            CheckoutEvent::Cancelled,
        ],
        "second attempt" => vec![
            started(1),
            voucher_reserved(),
            CheckoutEvent::StockReserved,
            payment_refused(1),
            failed(),
            started(2),
            voucher_reserved(),
            CheckoutEvent::StockReserved,
        ],
        other => panic!("no stage {other:?}"),
    };
    history.iter().fold(Checkout::default(), evolve)
}

const STAGES: [&str; 15] = [
    "the beginning",
    "started",
    "voucher kept",
    "voucher gone",
    "without the voucher",
    "reserved",
    "refused",
    "out of stock",
    "paid",
    "not paid",
    "declined",
    "completed",
    "cancelled",
    "given back",
    "second attempt",
];

/// Asserts the intents of a trigger at the listed stages, and that it leads to none at all other stages.
#[track_caller]
fn assert_intents(trigger: &CheckoutTrigger, expected: &[(&str, &[CheckoutIntent])]) {
    for stage in STAGES {
        let intents = expected.iter().find(|(at, _)| *at == stage).map_or(&[][..], |(_, intents)| intents);
        assert_eq!(react(&checkout_at(stage), trigger), intents, "{stage}");
    }
}

#[test]
fn a_bought_order_starts_the_checkout_once() {
    assert_intents(&order_checked_out(1), &[("the beginning", &[start(1)])]);
}

#[test]
fn an_order_that_is_bought_again_after_a_failure_starts_afresh() {
    let afresh = [start(3)];
    assert_intents(
        &order_checked_out(3),
        &[
            ("the beginning", &afresh),
            ("without the voucher", &afresh),
            ("out of stock", &afresh),
            ("declined", &afresh),
        ],
    );
    let second = checkout_at("second attempt");
    assert_eq!(
        (second.stage(), second.attempt().unwrap().payment_id),
        (Some(CheckoutStage::StockReserved), payment(2))
    );
}

#[test]
fn reserved_stock_asks_for_the_money() {
    assert_intents(
        &CheckoutTrigger::StockReserved,
        &[("reserved", &[request_payment(1)]), ("second attempt", &[request_payment(2)])],
    );
}

#[test]
fn money_completes_the_checkout_and_goes_back_where_that_is_over() {
    let had_failed = [refund(1, "the checkout had failed")];
    let was_cancelled = [refund(1, "the order was cancelled")];
    assert_intents(
        &payment_succeeded(1),
        &[
            ("reserved", &[complete(1)]),
            ("voucher gone", &had_failed),
            ("without the voucher", &had_failed),
            ("refused", &had_failed),
            ("out of stock", &had_failed),
            ("not paid", &had_failed),
            ("declined", &had_failed),
            ("second attempt", &had_failed),
            ("cancelled", &was_cancelled),
            ("given back", &was_cancelled),
        ],
    );
    assert_intents(&payment_succeeded(2), &[("second attempt", &[complete(2)])]);
    assert_intents(&payment_succeeded(9), &[]);
}

#[test]
fn a_refused_payment_fails_the_checkout_that_it_belongs_to() {
    assert_intents(&payment_declined(1), &[("reserved", &[fail(1)])]);
    assert_intents(&payment_declined(2), &[("second attempt", &[fail(2)])]);
    assert_intents(&payment_declined(9), &[]);
}

#[test]
fn a_completed_checkout_is_confirmed_by_mail_as_soon_as_its_invoice_is_there() {
    let completed = |awaits_invoice| CheckoutTrigger::Completed { number: number(), awaits_invoice };
    assert_intents(&completed(true), &[]);
    assert_intents(&CheckoutTrigger::OrderInvoiced, &[("completed", &[mail(MailKind::Confirmation)])]);
    // No invoice will come, or it has come already.
    assert_intents(&completed(false), &[("completed", &[mail(MailKind::Confirmation)])]);
}

#[test]
fn a_cancelled_order_is_undone_and_whoever_bought_it_hears_of_that_confirmed_or_not() {
    let cancellation = || mail(MailKind::Cancelled);
    assert_intents(
        &CheckoutTrigger::OrderCancelled,
        &[
            (
                "started",
                &[cancellation(), CheckoutIntent::Undo { payment_id: payment(1), lines: lines(), voucher: None }],
            ),
            ("voucher kept", &[cancellation(), undo(1)]),
            ("reserved", &[cancellation(), undo(1)]),
            ("paid", &[cancellation(), undo(1)]),
            ("completed", &[cancellation(), undo(1)]),
            ("second attempt", &[cancellation(), undo(2)]),
        ],
    );
}

#[test]
fn the_goods_of_a_sent_order_are_settled() {
    assert_intents(&CheckoutTrigger::OrderShipped, &[("completed", &[CheckoutIntent::Settle { lines: lines() }])]);
}

#[test]
fn every_event_moves_on_only_the_stages_that_it_can_follow() {
    let completed = CheckoutEvent::Completed { number: number() };
    let issued = CheckoutEvent::VoucherIssued { voucher: voucher() };
    let events: [(CheckoutEvent, &[&str]); 12] = [
        (started(1), &["the beginning"]),
        (started(3), &["the beginning", "without the voucher", "out of stock", "declined"]),
        (voucher_reserved(), &["started"]),
        (voucher_refused(), &["started", "voucher kept"]),
        (issued, &["completed"]),
        (CheckoutEvent::StockReserved, &["started", "voucher kept"]),
        (stock_refused(), &["started", "voucher kept"]),
        (payment_received(1), &["reserved"]),
        (payment_refused(1), &["reserved"]),
        (completed, &["paid"]),
        (failed(), &["voucher gone", "refused", "not paid"]),
        (CheckoutEvent::Cancelled, &["started", "voucher kept", "reserved", "paid", "completed", "second attempt"]),
    ];
    for (event, follows) in events {
        for stage in STAGES {
            let before = checkout_at(stage);
            assert_eq!(evolve(before.clone(), &event) != before, follows.contains(&stage), "{event:?} at {stage}");
        }
    }
}

#[test]
fn the_stage_is_derived_from_the_events() {
    let stages = ["the beginning", "started", "reserved", "paid", "completed", "declined", "given back"];
    assert_eq!(
        stages.map(|stage| checkout_at(stage).stage()),
        [
            None,
            Some(CheckoutStage::Started),
            Some(CheckoutStage::StockReserved),
            Some(CheckoutStage::PaymentReceived),
            Some(CheckoutStage::Completed(number())),
            Some(CheckoutStage::Failed),
            Some(CheckoutStage::Cancelled),
        ]
    );
}

#[test]
fn a_voucher_that_was_issued_for_the_order_stays_the_one() {
    let first = CheckoutEvent::VoucherIssued { voucher: voucher() };
    let second = CheckoutEvent::VoucherIssued { voucher: "other".parse().unwrap() };
    let after = [first, second].iter().fold(checkout_at("completed"), evolve);
    assert_eq!(after.voucher_issued(), Some(&voucher()));
    assert_eq!(checkout_at("completed").voucher_issued(), None);
}
