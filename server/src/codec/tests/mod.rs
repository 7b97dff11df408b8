//! Every version of every type of event has a recorded example and is read from it; the present one is still written exactly so.

mod event_types;
mod examples;
mod values;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::PathBuf;

use storefront_api::{Currency, Money, OrderId, PaymentMethod, ReopenReason};
use storefront_domain::category::CategoryEvent;
use storefront_domain::checkout::CheckoutEvent;
use storefront_domain::customer::CustomerEvent;
use storefront_domain::document_register::RegisterEvent;
use storefront_domain::email::{EmailEvent, MailKind};
use storefront_domain::invoice::CreditNoteNumber;
use storefront_domain::order::OrderEvent;
use storefront_domain::payment::PaymentEvent;
use storefront_domain::product::ProductEvent;
use storefront_domain::stock::{self as domain_stock, ReleaseReason, Stock, StockEvent};
use storefront_domain::voucher::VoucherEvent;
use storefront_domain::withdrawals::WithdrawalsEvent;

use super::*;
use crate::store::aggregate_list::{CONTEXTS, check, event_types};

/// Every type of every context.
fn all_kinds() -> impl Iterator<Item = &'static str> {
    event_types().map(|event_type| event_type.kind)
}

fn golden_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/codec/golden")
}

/// The recorded example of a type in one of its versions.
fn golden(kind: &str, schema_version: u16) -> JsonText {
    let file = golden_folder().join(format!("{kind}.v{schema_version}.json"));
    let text = std::fs::read_to_string(&file)
        .unwrap_or_else(|error| panic!("{kind} has no recorded example of version {schema_version}: {error}"));
    stored(text.strip_suffix('\n').expect("an example is a line"))
}

/// The examples cover all kinds of their context; each is written as its recorded example of the present version says, and
/// is read from that of every version.
fn assert_recorded<E: Debug + PartialEq>(
    kinds: &[&str],
    examples: Vec<E>,
    encode: fn(&E) -> Encoded,
    decode: Decode<E>,
) {
    let mut covered = Vec::new();
    for event in examples {
        let written = encode(&event);
        let kind = written.kind;
        let present = upcast::present_version(kind);
        assert_eq!(written.schema_version, present, "{kind} is written in the version to which its steps lead");
        assert_eq!(written.data, golden(kind, present), "{kind} is written as it always was");
        assert_eq!(decode(kind, present, written.data.as_str()).as_ref(), Ok(&event));
        for old in 1..present {
            let recorded = golden(kind, old);
            let (version, lifted) = upcast::to_present(kind, old, recorded.as_str()).unwrap();
            assert_eq!(version, present, "{kind}: the steps from version {old} end early");
            let read = decode(kind, present, &lifted);
            let read = read.unwrap_or_else(|error| panic!("{kind}: version {old} does not become readable: {error}"));
            assert_eq!(
                encode(&read).data.as_str(),
                lifted,
                "{kind}: version {old} becomes the present shape, and only that"
            );
        }
        covered.push(kind);
    }
    assert_eq!(covered, kinds);
}

/// Text as it comes out of the log.
fn stored(text: &str) -> JsonText {
    JsonText::of(&serde_json::value::RawValue::from_string(text.to_owned()).unwrap()).unwrap()
}

#[test]
fn order_events_are_stored_as_recorded() {
    assert_recorded(order::KINDS, examples::order(), order::encode, order::decode);
}

#[test]
fn stock_events_are_stored_as_recorded() {
    assert_recorded(stock::KINDS, examples::stock(), stock::encode, stock::decode);
}

#[test]
fn payment_events_are_stored_as_recorded() {
    assert_recorded(payment::KINDS, examples::payment(), payment::encode, payment::decode);
}

#[test]
fn checkout_events_are_stored_as_recorded() {
    assert_recorded(checkout::KINDS, examples::checkout(), checkout::encode, checkout::decode);
}

#[test]
fn email_events_are_stored_as_recorded() {
    assert_recorded(email::KINDS, examples::email(), email::encode, email::decode);
}

#[test]
fn product_events_are_stored_as_recorded() {
    assert_recorded(product::KINDS, examples::product(), product::encode, product::decode);
}

#[test]
fn category_events_are_stored_as_recorded() {
    let examples = vec![CategoryEvent::Created { name: "Tea & Coffee".to_owned() }];
    assert_recorded(category::KINDS, examples, category::encode, category::decode);
}

#[test]
fn process_events_are_stored_as_recorded() {
    assert_recorded(process::KINDS, examples::process(), process::encode, process::decode);
}

#[test]
fn wallet_events_are_stored_as_recorded() {
    assert_recorded(wallet::KINDS, examples::wallet(), wallet::encode, wallet::decode);
}

#[test]
fn invoice_events_are_stored_as_recorded() {
    assert_recorded(invoice::KINDS, examples::invoice(), invoice::encode, invoice::decode);
}

#[test]
fn register_events_are_stored_as_recorded() {
    let order_id: OrderId = "0195500d-0000-7000-8000-000000000001".parse().unwrap();
    let examples = vec![RegisterEvent::Entered { document: "2026-000042".to_owned(), order_id }];
    assert_recorded(register::KINDS, examples, register::encode, register::decode);
}

#[test]
fn withdrawals_events_are_stored_as_recorded() {
    let examples = vec![
        WithdrawalsEvent::Held { missing: 60, sold: 66 },
        WithdrawalsEvent::Confirmed { withdrawn: 60 },
        WithdrawalsEvent::Cleared,
    ];
    assert_recorded(withdrawals::KINDS, examples, withdrawals::encode, withdrawals::decode);
}

#[test]
fn voucher_events_are_stored_as_recorded() {
    assert_recorded(voucher::KINDS, examples::voucher(), voucher::encode, voucher::decode);
}

#[test]
fn customer_events_are_stored_as_recorded() {
    assert_recorded(customer::KINDS, examples::customer(), customer::encode, customer::decode);
}

#[test]
fn webhook_events_are_stored_as_recorded() {
    assert_recorded(webhook::KINDS, examples::webhook(), webhook::encode, webhook::decode);
}

#[test]
fn api_key_events_are_stored_as_recorded() {
    assert_recorded(api_key::KINDS, examples::api_key(), api_key::encode, api_key::decode);
}

#[test]
fn login_events_are_stored_as_recorded() {
    assert_recorded(login::KINDS, examples::login(), login::encode, login::decode);
}

#[test]
fn an_account_is_whole_or_not_there() {
    let without_password = r#"{"email":"ada@example.com","name":"Ada","role":"customer"}"#;
    let refused = customer::decode("customer.registered", 2, without_password).unwrap_err();
    assert!(!refused.to_string().contains("ada"), "{refused}");
    let none = customer::decode("customer.registered", 2, "{}").unwrap();
    assert_eq!(none, CustomerEvent::Registered { account: None });
    assert_eq!(customer::encode(&none).data.as_str(), "{}");
}

#[test]
fn there_is_a_recorded_example_of_every_type_and_version_and_of_nothing_else() {
    let files = std::fs::read_dir(golden_folder()).unwrap().map(|file| file.unwrap().file_name());
    let files: BTreeSet<_> = files.map(|name| name.into_string().unwrap()).collect();
    let versions = all_kinds().flat_map(|kind| (1..=upcast::present_version(kind)).map(move |version| (kind, version)));
    let events = versions.map(|(kind, version)| format!("{kind}.v{version}.json"));
    assert_eq!(files, events.chain([recorded_stock_snapshot()]).collect());
}

/// A snapshot has one recorded example: of the present shape.
fn recorded_stock_snapshot() -> String {
    format!("stock.snapshot.v{}.json", stock_snapshot::STOCK.schema_version)
}

#[test]
fn what_stock_adds_up_to_is_kept_as_recorded_or_else_has_a_new_schema_version() {
    let until = "2026-03-01T12:00:00.000Z".parse().unwrap();
    let order = |number| OrderId(uuid::Uuid::from_u128(number));
    let reserved = |number| StockEvent::Reserved { order_id: order(number), quantity: 2, until };
    let allocated = |number| StockEvent::Allocated { order_id: order(number), quantity: 2 };
    let returned = StockEvent::Returned { order_id: order(1), quantity: 2 };
    let more = [reserved(1), reserved(2), allocated(1), allocated(2), returned, reserved(3)];
    let stock: Stock = examples::stock()
        .into_iter()
        .chain(more)
        .fold(Stock::default(), |stock, event| domain_stock::evolve(stock, &event));

    let recorded = std::fs::read_to_string(golden_folder().join(recorded_stock_snapshot())).unwrap();
    let kept = (stock_snapshot::STOCK.encode)(&stock).unwrap();
    assert_eq!(format!("{}\n", kept.as_str()), recorded, "another sum or shape needs another schema version");
    assert_eq!((stock_snapshot::STOCK.decode)(&kept), Some(stock));
}

#[test]
fn a_snapshot_that_cannot_be_is_none() {
    for text in [
        r#""garbage""#,
        "{}",
        r#"{"on_hand":-1,"threshold":0,"reservations":[],"allocations":[]}"#,
        r#"{"on_hand":1,"threshold":0,"allocations":[],
            "reservations":[["0195500d-0000-7000-8000-000000000001",2,"2026-03-01T12:00:00.000Z"]]}"#,
    ] {
        assert_eq!((stock_snapshot::STOCK.decode)(&stored(text)), None, "{text}");
    }
}

fn assert_reads_back<E: Debug + PartialEq>(event: E, encode: fn(&E) -> Encoded, decode: Decode<E>) -> String {
    let Encoded { kind, schema_version, data } = encode(&event);
    assert_eq!(decode(kind, schema_version, data.as_str()), Ok(event));
    data.as_str().to_owned()
}

#[test]
fn what_is_not_known_is_left_out_and_reads_back_as_not_known() {
    let guest = OrderEvent::Started { customer_id: None, currency: Currency::EUR };
    assert_eq!(assert_reads_back(guest, order::encode, order::decode), r#"{"currency":"EUR"}"#);
    let shipped = OrderEvent::Shipped {
        carrier: "Snail Post".to_owned(),
        tracking_number: "SP-1".to_owned(),
        estimated_delivery: None,
    };
    assert_reads_back(shipped, order::encode, order::decode);
    let (order_id, amount) = (OrderId(uuid::Uuid::nil()), Money::new(500, Currency::EUR));
    let of_a_guest = VoucherEvent::Issued { customer_id: None, order_id, amount };
    assert_reads_back(of_a_guest, voucher::encode, voucher::decode);
    let price = Money::new(1, Currency::EUR);
    let repriced = ProductEvent::Repriced { old_price: price, new_price: price, reason: None };
    assert_reads_back(repriced, product::encode, product::decode);
    for event in examples::product() {
        if let ProductEvent::Listed(mut facts) = event {
            (facts.compare_at_price, facts.picture) = (None, None);
            facts.attributes.clear();
            assert_reads_back(ProductEvent::Listed(facts), product::encode, product::decode);
        }
    }
}

#[test]
fn every_way_to_pay_reads_back() {
    let order_id = OrderId(uuid::Uuid::nil());
    let amount = Money::new(2_499, Currency::EUR);
    let written =
        [PaymentMethod::Card { token: "tok_1".to_owned() }, PaymentMethod::Wallet, PaymentMethod::None].map(|method| {
            let event = PaymentEvent::Requested { order_id, amount, method };
            let written = assert_reads_back(event, payment::encode, payment::decode);
            written.split_once(r#""payment":"#).unwrap().1.to_owned()
        });
    assert_eq!(written, [r#"{"method":"card","token":"tok_1"}}"#, r#"{"method":"wallet"}}"#, r#"{"method":"none"}}"#]);
}

#[test]
fn every_reason_reads_back() {
    let declined = || ReopenReason::PaymentDeclined { reason: "lost_card".to_owned(), message: "Refused.".to_owned() };
    let out_of_stock = || ReopenReason::OutOfStock { product_ids: vec!["mug".parse().unwrap()] };
    let voucher_gone = ReopenReason::VoucherUnavailable { voucher: "k3v9q".parse().unwrap() };
    for reason in [declined(), out_of_stock(), voucher_gone, ReopenReason::ReservationExpired] {
        assert_reads_back(OrderEvent::Reopened { reason: reason.clone() }, order::encode, order::decode);
        assert_reads_back(CheckoutEvent::Failed { reason }, checkout::encode, checkout::decode);
    }
    for reason in [ReleaseReason::CheckoutFailed, ReleaseReason::OrderCancelled, ReleaseReason::Expired] {
        let event = StockEvent::Released { order_id: OrderId(uuid::Uuid::nil()), quantity: 1, reason };
        assert_reads_back(event, stock::encode, stock::decode);
    }
    let amount = Money::new(500, Currency::EUR);
    let credit_note = Some(CreditNoteNumber { year: 2026, sequence: 7 });
    for kind in [
        MailKind::Confirmation,
        MailKind::Shipped,
        MailKind::Cancelled,
        MailKind::Refunded { amount: Some(amount), credit_note, is_whole: Some(true) },
        MailKind::Refunded { amount: Some(amount), credit_note: None, is_whole: None },
        MailKind::RefundFailed { amount, credit_note },
        MailKind::RefundFailed { amount, credit_note: None },
        MailKind::Refunded { amount: None, credit_note: None, is_whole: None },
        MailKind::Voucher { code: "ab12c".parse().unwrap(), amount },
    ] {
        let event = EmailEvent::Requested { order_id: OrderId(uuid::Uuid::nil()), kind, to: "a@b.example".to_owned() };
        assert_reads_back(event, email::encode, email::decode);
    }
}

#[test]
fn a_mail_about_a_refund_from_before_it_had_the_amount_is_read() {
    let data = r#"{"order_id":"0195500d-0000-7000-8000-000000000001","kind":"refunded","to":"ada@example.com"}"#;
    let event = read("email.requested", 1, stored(data).as_str(), email::decode).unwrap();
    let EmailEvent::Requested { kind, .. } = &event else { panic!("{event:?}") };
    assert_eq!(*kind, MailKind::Refunded { amount: None, credit_note: None, is_whole: None });
    assert_eq!(email::encode(&event).data, stored(data));
    let nothing = data.replace("refunded", "voucher");
    let refused = read("email.requested", 1, stored(&nothing).as_str(), email::decode).unwrap_err();
    assert_eq!(refused.to_string(), "the data of email.requested does not fit: missing field `voucher`");
}

#[test]
fn unknown_types_and_unknown_versions_are_different_errors() {
    let data = stored("{}");
    let refused = order::decode("order.teleported", 1, data.as_str()).unwrap_err();
    assert_eq!(refused.to_string(), "order events have no type \"order.teleported\"");
    let refused = order::decode("stock.received", 1, data.as_str()).unwrap_err();
    assert_eq!(refused.to_string(), "order events have no type \"stock.received\"");
    for kind in all_kinds() {
        let known = upcast::present_version(kind);
        for schema_version in [0, known + 1, u16::MAX] {
            let told = CodecError::UnknownVersion { kind: kind.to_owned(), schema_version, known };
            let answers = CONTEXTS.iter().map(|context| (context.readable)(kind, schema_version, data.as_str()));
            assert_eq!(answers.filter(|answer| *answer == Err(told.clone())).count(), 1, "{kind} {schema_version}");
        }
    }
    let refused = check("payment-1", "payment.requested", 9, data.as_str()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "payment.requested has schema version 9, and this program knows up to 2: a newer version of the program wrote it, \
         and can read it"
    );
}

#[test]
fn a_payment_that_was_requested_in_the_first_shape_is_the_same_payment() {
    let read =
        |version| read("payment.requested", version, golden("payment.requested", version).as_str(), payment::decode);
    assert_eq!(read(1), read(2));
    let wallet =
        stored(&golden("payment.requested", 1).as_str().replace(r#""card","token":"pm_card_visa""#, r#""wallet""#));
    let lifted = upcast::to_present("payment.requested", 1, wallet.as_str()).unwrap().1.into_owned();
    assert!(lifted.as_str().ends_with(r#","payment":{"method":"wallet"}}"#), "{}", lifted.as_str());
}

#[test]
fn old_data_that_does_not_fit_is_reported_without_repeating_it() {
    for (text, why) in [
        (r#"{"amount":{"amount":1,"currency":"EUR"},"method":"card","token":"Ada"}"#, "missing field `order_id`"),
        (r#"["Ada"]"#, "a value is not as it should be, at column 0"),
        (r#"{"method":"Ada"}"#, "a value is not as it should be, at column 26"),
    ] {
        let told = read("payment.requested", 1, stored(text).as_str(), payment::decode).unwrap_err().to_string();
        assert_eq!(told, format!("the data of payment.requested does not fit: {why}"));
    }
}

#[test]
fn an_event_in_a_stream_of_another_context_is_reported() {
    let data = golden("stock.received", 1);
    assert_eq!(check("stock-mug", "stock.received", 1, data.as_str()), Ok(()));
    let error = |stream| check(stream, "stock.received", 1, data.as_str()).unwrap_err().to_string();
    assert_eq!(error("order-mug"), "order events have no type \"stock.received\"");
    assert_eq!(error("stick-mug"), "no events of this program stand in streams stick-…");
}

#[test]
fn data_that_does_not_fit_is_reported_without_repeating_it() {
    let error =
        |kind, text| order::decode(kind, upcast::present_version(kind), stored(text).as_str()).unwrap_err().to_string();
    assert_eq!(
        error("order.cancelled", r#"{"because":"of Ada"}"#),
        "the data of order.cancelled does not fit: missing field `reason`"
    );
    assert_eq!(
        error("order.started", r#"{"currency":"Ada lives here"}"#),
        "the data of order.started does not fit: a value is not as it should be, at column 29"
    );
    for (kind, text) in [
        ("order.cancelled", r#""Ada""#),
        ("order.cancelled", r#"{"reason":{"Ada":1}}"#),
        ("order.item_removed", r#"{"product_id":"Ada Example"}"#),
        ("order.item_quantity_changed", r#"{"product_id":"ada","quantity":100}"#),
        ("order.item_quantity_changed", r#"{"product_id":"ada","quantity":0}"#),
        ("order.confirmed", r#"{"number":"ADAA-ADAA"}"#),
        ("order.reopened", r#"{"code":"Ada"}"#),
        ("order.checked_out", r#"{"payment_id":"Ada"}"#),
    ] {
        let error = error(kind, text);
        assert!(error.starts_with(&format!("the data of {kind} does not fit: ")), "{error}");
        assert!(!error.to_lowercase().contains("ada"), "{error}");
    }
}

#[test]
fn a_field_that_nobody_knows_does_no_harm() {
    let event = stock::decode("stock.received", 1, stored(r#"{"quantity":3,"shelf":"B"}"#).as_str());
    assert_eq!(event, Ok(StockEvent::Received { quantity: 3 }));
}
