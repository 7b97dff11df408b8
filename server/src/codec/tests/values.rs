//! The values that stand in the recorded examples.

use storefront_api::{
    Address, AddressId, Currency, CustomerId, Money, OrderId, PaymentId, PaymentMethod, ProductId, RefundId,
    ReopenReason, Role, SessionId, Timestamp, VatRate, VoucherCode,
};
use storefront_domain::customer::{Account, PasswordHash, SavedAddress};
use storefront_domain::invoice::InvoiceNumber;
use storefront_domain::order::ItemFacts;
use storefront_domain::product::ProductFacts;
use storefront_domain::{OrderNumber, Quantity};
use uuid::Uuid;

pub(super) fn item() -> ItemFacts {
    let ProductFacts { sku, name, price, vat_rate_percent, .. } = facts();
    ItemFacts { product_id: mug(), sku, name, unit_price: price, vat_rate_percent }
}

pub(super) fn facts() -> ProductFacts {
    ProductFacts {
        sku: "MUG-350".to_owned(),
        name: "Stoneware mug".to_owned(),
        description: "Holds 350 ml and keeps them warm.".to_owned(),
        category: "Kitchen".to_owned(),
        price: euro(2_499),
        compare_at_price: Some(euro(2_999)),
        vat_rate_percent: rate(),
        attributes: [("colour", "blue"), ("material", "stoneware")].map(|(name, is)| (name.into(), is.into())).into(),
        picture: Some("/v1/product/mug-350/picture".to_owned()),
    }
}

pub(super) fn rate() -> VatRate {
    "5.5".parse().unwrap()
}

pub(super) fn mug() -> ProductId {
    "mug-350".parse().unwrap()
}

pub(super) fn pieces(count: u32) -> Quantity {
    count.try_into().unwrap()
}

pub(super) fn euro(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

pub(super) fn number() -> OrderNumber {
    OrderNumber::from_position(7)
}

pub(super) fn moment() -> Timestamp {
    "2026-03-01T12:00:00.000Z".parse().unwrap()
}

pub(super) fn order_id() -> OrderId {
    OrderId(uuid("0195500d-0000-7000-8000-000000000001"))
}

pub(super) fn payment_id() -> PaymentId {
    PaymentId(uuid("0195500d-0000-7000-8000-000000000002"))
}

pub(super) fn voucher_code() -> VoucherCode {
    "k3v9q".parse().unwrap()
}

pub(super) fn customer_id() -> CustomerId {
    CustomerId(uuid("0195500d-0000-7000-8000-000000000003"))
}

pub(super) fn uuid(text: &str) -> Uuid {
    text.parse().unwrap()
}

pub(super) fn card() -> PaymentMethod {
    PaymentMethod::Card { token: "pm_card_visa".to_owned() }
}

pub(super) fn out_of_stock() -> ReopenReason {
    ReopenReason::OutOfStock { product_ids: vec![mug()] }
}

pub(super) fn email_address() -> String {
    "ada@example.com".to_owned()
}

pub(super) fn address() -> Address {
    Address {
        name: "Ada Example".to_owned(),
        street: "Long Lane 1".to_owned(),
        line2: Some("Flat 3".to_owned()),
        postal_code: "12345".to_owned(),
        city: "Sampleton".to_owned(),
        state: Some("Berlin".to_owned()),
        country: "DE".to_owned(),
        phone: Some("+49 30 1234567".to_owned()),
    }
}

pub(super) fn refund_id() -> RefundId {
    "0195500d-0000-7000-8000-0000000000e1".parse().unwrap()
}

pub(super) fn session_id() -> SessionId {
    SessionId(uuid("0195500d-0000-7000-8000-000000000004"))
}

pub(super) fn account() -> Account {
    Account {
        email: email_address(),
        name: "Ada Lovelace".to_owned(),
        password: PasswordHash(
            "$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$w+1ZxRWWQcWwg5pQ9nHqeS6gmsNMhs+RtMSeAThmpxI"
                .to_owned(),
        ),
        must_change: false,
        role: Role::Customer,
    }
}

pub(super) fn invoice_number() -> InvoiceNumber {
    InvoiceNumber { year: 2026, sequence: 42 }
}

pub(super) fn saved_address(label: &str) -> SavedAddress {
    let id = AddressId(uuid("0195500d-0000-7000-8000-000000000006"));
    SavedAddress { id, label: label.to_owned(), address: address() }
}
