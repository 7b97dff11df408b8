use proptest::prelude::*;

use super::*;
use crate::included_tax;
use crate::testing::{euro, given, order};

fn number() -> InvoiceNumber {
    InvoiceNumber { year: 2026, sequence: 42 }
}

/// An invoice over lines of these totals and rates.
fn an_invoice(lines: &[(i64, u8)]) -> Invoice {
    let line = |&(total, vat_rate_percent): &(i64, u8)| InvoiceLine {
        product_id: "mug".parse().unwrap(),
        sku: "MUG-1".to_owned(),
        name: "Mug".to_owned(),
        quantity: 1,
        unit_price: euro(total),
        total: euro(total),
        vat_rate_percent: VatRate::percent(vat_rate_percent),
    };
    Invoice {
        number: number(),
        order_id: order(1),
        order_number: OrderNumber::from_position(7),
        customer_id: None,
        email: "ada@example.org".to_owned(),
        address: Address {
            name: "Ada".to_owned(),
            street: "Loom Street 1".to_owned(),
            postal_code: "10115".to_owned(),
            city: "Berlin".to_owned(),
            country: "DE".to_owned(),
            ..Address::default()
        },
        seller: None,
        supplied_at: None,
        issued_at: Timestamp::from_unix_ms(1_780_000_000_000),
        lines: lines.iter().map(line).collect(),
        discount: euro(0),
        tax: included_tax(lines.iter().map(|&(total, rate)| (euro(total), VatRate::percent(rate))), euro(0)),
        total: euro(lines.iter().map(|line| line.0).sum()),
        payment_reference: "card pi_1".to_owned(),
    }
}

fn issued(lines: &[(i64, u8)]) -> InvoiceEvent {
    InvoiceEvent::Issued(Box::new(an_invoice(lines)))
}

fn credit(amount: i64, refund: &str) -> InvoiceCommand {
    InvoiceCommand::Credit {
        number: CreditNoteNumber { year: 2026, sequence: 1 },
        issued_at: Timestamp::from_unix_ms(1_780_000_001_000),
        amount: euro(amount),
        refund_reference: refund.to_owned(),
    }
}

fn credited(amount: i64, tax: &[(u8, i64, i64)], refund: &str) -> InvoiceEvent {
    let of_rate = |&(rate_percent, gross, amount): &(u8, i64, i64)| TaxOfRate {
        rate_percent: VatRate::percent(rate_percent),
        gross: euro(gross),
        amount: euro(amount),
    };
    InvoiceEvent::Credited(CreditNote {
        number: CreditNoteNumber { year: 2026, sequence: 1 },
        issued_at: Timestamp::from_unix_ms(1_780_000_001_000),
        amount: euro(amount),
        tax: tax.iter().map(of_rate).collect(),
        refund_reference: refund.to_owned(),
        cancels: None,
    })
}

#[test]
fn an_invoice_is_written_once() {
    let issue = || InvoiceCommand::Issue(Box::new(an_invoice(&[(11900, 19)])));
    given::<InvoiceState>([]).when(issue()).then([issued(&[(11900, 19)])]);
    given::<InvoiceState>([issued(&[(11900, 19)])]).when(issue()).then_nothing();
}

#[test]
fn the_number_of_another_orders_invoice_is_refused() {
    let other = Invoice { order_id: order(2), ..an_invoice(&[(500, 7)]) };
    given::<InvoiceState>([issued(&[(11900, 19)])])
        .when(InvoiceCommand::Issue(Box::new(other)))
        .then_refused(InvoiceError::NumberTaken);
}

#[test]
fn a_refund_in_full_credits_all_of_the_vat() {
    given::<InvoiceState>([issued(&[(11900, 19), (10700, 7)])]).when(credit(22600, "re_1")).then([credited(
        22600,
        &[(7, 10700, 700), (19, 11900, 1900)],
        "re_1",
    )]);
}

#[test]
fn a_refund_in_part_is_spread_over_the_rates() {
    given::<InvoiceState>([issued(&[(10000, 25), (10000, 0)])]).when(credit(5000, "re_1")).then([credited(
        5000,
        &[(0, 2500, 0), (25, 2500, 500)],
        "re_1",
    )]);
}

#[test]
fn a_credit_note_whose_refund_failed_later_is_cancelled_once_and_its_amount_can_be_credited_anew() {
    let cancel = || InvoiceCommand::CancelCredit {
        number: CreditNoteNumber { year: 2026, sequence: 2 },
        issued_at: Timestamp::from_unix_ms(1_780_000_002_000),
        refund_reference: "re_1".to_owned(),
    };
    let first = credited(5000, &[(0, 2500, 0), (25, 2500, 500)], "re_1");
    let InvoiceEvent::Credited(note) = credited(-5000, &[(0, -2500, 0), (25, -2500, -500)], "re_1") else { panic!() };
    let cancelling = InvoiceEvent::Credited(CreditNote {
        number: CreditNoteNumber { year: 2026, sequence: 2 },
        issued_at: Timestamp::from_unix_ms(1_780_000_002_000),
        cancels: Some(CreditNoteNumber { year: 2026, sequence: 1 }),
        ..note
    });
    let history = [issued(&[(10000, 25), (10000, 0)]), first];
    let after = given::<InvoiceState>(history).when(cancel()).then([cancelling]);
    assert_eq!(after.as_ref().map(InvoiceWithCredits::left), Some(euro(20000)));
    crate::testing::Given(after.clone()).when(cancel()).then_nothing();
    crate::testing::Given(after).when(credit(20000, "re_2")).then([credited(
        20000,
        &[(0, 10000, 0), (25, 10000, 2000)],
        "re_2",
    )]);
    given::<InvoiceState>([issued(&[(10000, 25)])]).when(cancel()).then_nothing();
    given::<InvoiceState>([]).when(cancel()).then_refused(InvoiceError::NotFound);
}

#[test]
fn the_last_credit_note_takes_exactly_what_is_left() {
    let history = [issued(&[(3, 19), (7, 7)]), credited(1, &[(19, 1, 0)], "re_1")];
    // Of 0.03 at 19 % the VAT is 0.00, of 0.07 at 7 % it is 0.00; gross is what counts here.
    given::<InvoiceState>(history.clone()).when(credit(9, "re_2")).then([credited(
        9,
        &[(7, 7, 0), (19, 2, 0)],
        "re_2",
    )]);
}

#[test]
fn a_refund_is_credited_once() {
    let history = [issued(&[(11900, 19)]), credited(100, &[(19, 100, 16)], "re_1")];
    given::<InvoiceState>(history.clone()).when(credit(100, "re_1")).then_nothing();
}

#[test]
fn more_than_what_is_left_or_nothing_is_refused() {
    let history = [issued(&[(11900, 19)]), credited(100, &[(19, 100, 16)], "re_1")];
    for amount in [11801, 0, -1] {
        let refused = InvoiceError::TooMuch { amount: euro(amount), left: euro(11800) };
        given::<InvoiceState>(history.clone()).when(credit(amount, "re_2")).then_refused(refused);
    }
}

#[test]
fn an_invoice_that_nobody_wrote_cannot_be_credited() {
    given::<InvoiceState>([]).when(credit(100, "re_1")).then_refused(InvoiceError::NotFound);
}

#[test]
fn events_that_do_not_fit_change_nothing() {
    let other = InvoiceEvent::Issued(Box::new(Invoice { order_id: order(2), ..an_invoice(&[(500, 7)]) }));
    let first = issued(&[(11900, 19)]);
    let once = evolve(None, &first);
    assert_eq!(evolve(once.clone(), &other), once);
    assert_eq!(evolve(None, &credited(1, &[], "re_1")), None);
    let credited_once = evolve(once, &credited(1, &[(19, 1, 0)], "re_1"));
    assert_eq!(evolve(credited_once.clone(), &credited(1, &[(19, 1, 0)], "re_1")), credited_once);
}

#[test]
fn numbers_have_one_form() {
    assert_eq!(number().to_string(), "2026-000042");
    assert_eq!("2026-000042".parse(), Ok(number()));
    assert_eq!(
        "CN-2026-1000000".parse(),
        Ok(CreditNoteNumber { year: 2026, sequence: 1_000_000 }),
        "more than six digits are no reason to stop"
    );
    for bad in ["", "2026", "2026-42", "2026-000000", "CN-2026-000042", "2026-0000042", "26-000042", "2026-00004x"] {
        assert!(bad.parse::<InvoiceNumber>().is_err(), "{bad:?}");
    }
}

proptest! {
    #[test]
    fn credit_notes_never_credit_more_than_was_sold_and_all_of_it_in_the_end(
        lines in prop::collection::vec((0..100_000_i64, 0..=25_u8), 1..6),
        parts in prop::collection::vec(1..50_000_i64, 0..8),
    ) {
        let mut state = evolve(None, &issued(&lines));
        let refund = |state: &InvoiceState, amount: i64, name: String| {
            let mut next = state.clone();
            for event in decide(state, credit(amount, &name)).into_iter().flatten() {
                next = evolve(next, &event);
            }
            next
        };
        for (index, part) in parts.into_iter().enumerate() {
            state = refund(&state, part, format!("re_{index}"));
        }
        let left = state.as_ref().map_or(0, |issued| issued.left().amount);
        state = refund(&state, left, "the rest".to_owned());
        let issued = state.unwrap();
        prop_assert_eq!(issued.left(), euro(0));
        for credit in &issued.credits {
            prop_assert_eq!(credit.tax.iter().map(|rate| rate.gross.amount).sum::<i64>(), credit.amount.amount);
            prop_assert!(credit.tax.iter().all(|rate| (0..=rate.gross.amount).contains(&rate.amount.amount)));
        }
        for rate in issued.tax_left() {
            prop_assert_eq!((rate.gross, rate.amount), (euro(0), euro(0)));
        }
    }
}
