//! The mails word for word.

use storefront_api::{Currency, OrderStatus, TaxLine, Timestamp, VatRate};

use super::*;

fn eur(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

fn item(name: &str, quantity: u32, unit_price: i64) -> OrderItem {
    OrderItem {
        product_id: "some-thing".parse().unwrap(),
        sku: "S-1".to_owned(),
        name: name.to_owned(),
        unit_price: eur(unit_price),
        quantity,
        line_total: eur(unit_price * i64::from(quantity)),
        notice: None,
    }
}

fn an_order() -> Order {
    Order {
        id: "018f6f0e-0000-7000-8000-000000000001".parse().unwrap(),
        number: Some("7K3-Q9X-2".to_owned()),
        status: OrderStatus::Confirmed,
        payment_status: PaymentStatus::Paid,
        payment_action: None,
        payment_id: None,
        customer_id: None,
        version: 3,
        currency: Currency::EUR,
        items: vec![item("Enamel mug", 2, 1250), item("The Long Walk Home", 1, 900)],
        subtotal: eur(3400),
        discount: eur(0),
        voucher: None,
        total: eur(3400),
        tax: vec![
            TaxLine { rate_percent: VatRate::percent(7), amount: eur(59) },
            TaxLine { rate_percent: VatRate::percent(19), amount: eur(399) },
        ],
        email: Some("ada@example.org".to_owned()),
        shipping_address: Some(Address {
            name: "Ada Byron".to_owned(),
            street: "12 Mill Lane".to_owned(),
            postal_code: "10115".to_owned(),
            city: "Berlin".to_owned(),
            country: "DE".to_owned(),
            ..Address::default()
        }),
        shipment: None,
        invoice: None,
        reopened_because: None,
        started_at: Timestamp::from_unix_ms(0),
        checked_out_at: None,
        confirmed_at: None,
        cancelled_at: None,
        cancelled_because: None,
        refunds: Vec::new(),
        disputes: Vec::new(),
    }
}

#[test]
fn a_confirmation_has_the_lines_the_total_the_vat_and_the_address() {
    let (subject, body) = write(&MailKind::Confirmation, Some(&an_order()));
    assert_eq!(subject, "Your order 7K3-Q9X-2 is confirmed");
    assert_eq!(
        body,
        "\
Hello Ada Byron,

Thank you! Your order 7K3-Q9X-2 is confirmed, and we are packing it now.

  2 × Enamel mug, 12.50 EUR each                         25.00 EUR
  1 × The Long Walk Home                                  9.00 EUR
  ----------------------------------------------------------------
  Total                                                  34.00 EUR
    VAT 7 % in it                                         0.59 EUR
    VAT 19 % in it                                        3.99 EUR

Your invoice is being written. You find it with the order in the store in a moment.

We will send it to:
  Ada Byron
  12 Mill Lane
  10115 Berlin
  Germany

Your Storefront
"
    );
}

#[test]
fn a_discount_and_a_long_name_have_lines_of_their_own() {
    let long = "A folding workbench with two vices, a tray and a rather long name";
    let order = Order { items: vec![item(long, 3, 10_000)], subtotal: eur(30_000), discount: eur(500), ..an_order() };
    let (_, body) = write(&MailKind::Confirmation, Some(&Order { total: eur(29_500), ..order }));
    for line in [
        "  3 × A folding workbench with two vices, a tray\n",
        "  and a rather long name, 100.00 EUR each               300.00 EUR\n",
        "  Subtotal                                              300.00 EUR\n",
        "  Discount                                               -5.00 EUR\n",
        "  Total                                                 295.00 EUR\n",
    ] {
        assert!(body.contains(line), "{line:?} is missing in\n{body}");
    }
}

#[test]
fn a_parcel_on_its_way_can_be_followed() {
    let shipment = Shipment {
        carrier: "Swift Snail".to_owned(),
        tracking_number: "SN-1".to_owned(),
        estimated_delivery: Some("2026-03-04T10:00:00Z".parse().unwrap()),
        shipped_at: Timestamp::from_unix_ms(0),
        delivered_at: None,
        recipient: None,
    };
    let (subject, body) = write(&MailKind::Shipped, Some(&Order { shipment: Some(shipment), ..an_order() }));
    assert_eq!(subject, "Your order 7K3-Q9X-2 is on its way");
    assert!(body.contains(
        "Swift Snail brings it; the number of the parcel is SN-1. It should arrive around 2026-03-04.\n\n\
         In the parcel:\n  2 × Enamel mug\n  1 × The Long Walk Home\n"
    ));
}

#[test]
fn a_cancelled_order_says_why_and_where_the_money_is() {
    let cancelled = |payment_status, because: Option<&str>| {
        let order = Order { number: None, payment_status, cancelled_because: because.map(str::to_owned), ..an_order() };
        write(&MailKind::Cancelled, Some(&order))
    };
    let (subject, body) = cancelled(PaymentStatus::Refunding, Some("I changed my mind"));
    assert_eq!(subject, "Your order 018f6f0e is cancelled");
    assert!(body.contains("is cancelled: I changed my mind.\n\nYour 34.00 EUR are on their way back to you.\n"));
    for (status, words) in [
        (PaymentStatus::None, "You have not been charged."),
        (PaymentStatus::Declined, "You have not been charged."),
        (PaymentStatus::Pending, "If your payment still goes through, it will be sent back to you."),
        (PaymentStatus::Refunded, "Your 34.00 EUR have been sent back to you."),
    ] {
        assert!(cancelled(status, None).1.contains(words), "{status:?}");
    }
}

#[test]
fn a_confirmation_names_the_invoice_once_it_is_written() {
    let order = Order { invoice: Some("2026-000042".to_owned()), ..an_order() };
    let (_, body) = write(&MailKind::Confirmation, Some(&order));
    assert!(body.contains("\nYour invoice is 2026-000042. You find it with the order in the store.\n"), "{body}");
}

#[test]
fn a_refund_names_the_amount_and_the_credit_note() {
    let refund_that = |amount: Option<i64>, credit_note, is_whole| {
        let kind = MailKind::Refunded { amount: amount.map(eur), credit_note, is_whole };
        write(&kind, Some(&an_order()))
    };
    let refund = |amount, credit_note| refund_that(amount, credit_note, None);
    let (subject, body) = refund(Some(3400), Some(CreditNoteNumber { year: 2026, sequence: 7 }));
    assert_eq!(subject, "Your order 7K3-Q9X-2 has been refunded");
    assert!(body.contains("We have sent 34.00 EUR back to you for your order 7K3-Q9X-2, the same way as you paid."));
    assert!(body.contains("The credit note for it is CN-2026-000007."), "{body}");
    let (subject, body) = refund(Some(100), None);
    assert_eq!(subject, "Your order 7K3-Q9X-2 has been refunded in part");
    assert!(body.contains("We have sent 1.00 EUR back") && !body.contains("credit note"), "{body}");
    assert!(refund(None, None).1.contains("We have sent 34.00 EUR back"), "an early one did not say how much");
    let (subject, body) = refund_that(Some(100), None, Some(true));
    assert_eq!(subject, "Your order 7K3-Q9X-2 has been refunded", "the last part completes the sum");
    assert!(body.contains("all that you paid has gone back to you"), "{body}");
    assert_eq!(refund_that(Some(100), None, Some(false)).0, "Your order 7K3-Q9X-2 has been refunded in part");
}

#[test]
fn a_mail_about_a_returned_refund_has_what_cancels_its_credit_note() {
    let credit_note = Some(CreditNoteNumber { year: 2026, sequence: 8 });
    let (subject, body) = write(&MailKind::RefundFailed { amount: eur(100), credit_note }, Some(&an_order()));
    assert_eq!(subject, "Your order 7K3-Q9X-2 could not be refunded");
    assert!(body.contains("1.00 EUR") && body.contains("is cancelled by CN-2026-000008"), "{body}");
}

#[test]
fn a_voucher_comes_with_its_code_and_what_it_takes_off() {
    let kind = MailKind::Voucher { code: "ab12c".parse().unwrap(), amount: eur(500) };
    let (subject, body) = write(&kind, Some(&an_order()));
    assert_eq!(subject, "Your order 7K3-Q9X-2 brought you a voucher");
    assert_eq!(
        body,
        "\
Hello Ada Byron,

Your order 7K3-Q9X-2 was a large one, so here is a thank-you: a voucher over 5.00 EUR.

Its code:
  ab12c

Type it in when you check out; it works for one order.

Your Storefront
"
    );
}

#[test]
fn texts_from_elsewhere_cannot_break_the_layout() {
    let order = Order { items: vec![item("Mug\r\n.\r\nQUIT", 1, 1)], ..an_order() };
    let refunded = MailKind::Refunded { amount: None, credit_note: None, is_whole: None };
    for kind in [MailKind::Confirmation, MailKind::Shipped, MailKind::Cancelled, refunded] {
        let (subject, body) = write(&kind, Some(&order));
        assert!(!subject.contains(char::is_control) && !body.contains('\r') && !body.lines().any(|line| line == "."));
    }
}

#[test]
fn without_the_order_the_mail_has_the_news_alone() {
    let (subject, body) = write(&MailKind::Shipped, None);
    assert_eq!(subject, "Your order is on its way");
    assert_eq!(body, "Hello,\n\nYour order is on its way.\n\nYour Storefront\n");
}
