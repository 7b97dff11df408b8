//! The address book of a customer.

use storefront_api::{Address, AddressId, SaveAddress};
use storefront_client::{ClientError, IdempotencyKey};

use crate::people::{register, sign_in};
use crate::world::World;

fn key() -> IdempotencyKey {
    IdempotencyKey::new()
}

/// An address to save under a label.
pub(crate) fn an_address(label: &str) -> SaveAddress {
    let address = Address {
        name: "Ada Lovelace".to_owned(),
        street: "Long Lane 1".to_owned(),
        postal_code: "12345".to_owned(),
        city: "Town".to_owned(),
        country: "DE".to_owned(),
        phone: Some("+49 30 1234567890".to_owned()),
        ..Address::default()
    };
    SaveAddress { label: label.to_owned(), address }
}

fn code(outcome: Result<impl std::fmt::Debug, ClientError>) -> String {
    match outcome {
        Err(ClientError::Problem(problem)) => problem.code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_are_saved_changed_removed_and_one_is_the_default_on_every_device() {
    let world = World::open().await;
    register(&world.client, "ada@example.com").await;
    let (ada, _) = sign_in(&world.client, "ada@example.com").await;
    assert_eq!(ada.addresses().await.unwrap().items, []);
    let home = ada.add_address(&an_address("Home"), &key()).await.unwrap().value;
    let work = ada.add_address(&an_address("Work"), &key()).await.unwrap().value;
    assert_eq!((home.label.as_str(), &home.address, home.default), ("Home", &an_address("").address, false));
    assert!(ada.set_default_address(work.id).await.unwrap().value.default);
    assert!(ada.set_default_address(home.id).await.unwrap().value.default);
    let office = ada.change_address(work.id, &an_address("Office")).await.unwrap().value;
    assert_eq!((office.id, office.label.as_str(), office.default), (work.id, "Office", false));

    let (phone, _) = sign_in(&world.client, "ada@example.com").await;
    let listed = phone.addresses().await.unwrap().items;
    let listed: Vec<_> = listed.iter().map(|saved| (saved.label.as_str(), saved.default)).collect();
    assert_eq!(listed, [("Home", true), ("Office", false)]);
    let removed = phone.remove_address(home.id).await.unwrap().value;
    assert_eq!((removed.id, removed.default), (home.id, true));
    assert_eq!(ada.addresses().await.unwrap().items, [office]);
    assert_eq!(code(ada.remove_address(home.id).await), "address_not_found");
    assert_eq!(code(ada.set_default_address(home.id).await), "address_not_found");
    let nothing = AddressId(uuid::Uuid::now_v7());
    assert_eq!(code(ada.change_address(nothing, &an_address("Home")).await), "address_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_book_has_twenty_good_addresses_at_most_and_is_its_owners() {
    let world = World::open().await;
    for email in ["ada@example.com", "eve@example.com"] {
        register(&world.client, email).await;
    }
    let (ada, _) = sign_in(&world.client, "ada@example.com").await;
    let (eve, _) = sign_in(&world.client, "eve@example.com").await;
    let bad = Address { country: "Germany".to_owned(), city: String::new(), ..an_address("").address };
    let refused = ada.add_address(&SaveAddress { label: " ".to_owned(), address: bad }, &key()).await.unwrap_err();
    let pointers: Vec<_> = refused.problem().unwrap().errors.iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(pointers, ["/label", "/address/city", "/address/country"]);
    let card = Address { street: "4242 4242 4242 4242".to_owned(), ..an_address("").address };
    assert!(ada.add_address(&SaveAddress { label: "Home".to_owned(), address: card }, &key()).await.is_err());

    for number in 0..20 {
        ada.add_address(&an_address(&format!("Place {number}")), &key()).await.unwrap();
    }
    assert_eq!(code(ada.add_address(&an_address("Home"), &key()).await), "too_many_addresses");
    let saved = ada.addresses().await.unwrap().items;
    assert_eq!(eve.addresses().await.unwrap().items, []);
    assert_eq!(code(eve.change_address(saved[0].id, &an_address("Eve's")).await), "address_not_found");
    assert_eq!(code(eve.remove_address(saved[0].id).await), "address_not_found");
    assert_eq!(ada.addresses().await.unwrap().items, saved);
    let guest = world.client.begin_as_guest().await.unwrap();
    assert_eq!(code(world.client.with_token(guest.token).addresses().await), "account_required");
    assert_eq!(code(world.client.addresses().await), "session_required");
}
