//! Tests of the events that follow from a description.

use proptest::prelude::*;

use super::*;
use crate::testing::{euro, yen};

fn socks() -> ProductFacts {
    ProductFacts {
        sku: "SOCKS-1".to_owned(),
        name: "Socks".to_owned(),
        description: "Warm and striped.".to_owned(),
        category: "Clothes".to_owned(),
        price: euro(500),
        compare_at_price: None,
        vat_rate_percent: VatRate::percent(19),
        attributes: BTreeMap::from([("colour".to_owned(), "red".to_owned())]),
        picture: None,
    }
}

fn seen(facts: ProductFacts) -> ObservedProduct {
    ObservedProduct { facts, active: true, reason: None }
}

fn known(facts: ProductFacts) -> Product {
    Product::Known { facts, active: true }
}

fn after(product: Product, events: &[ProductEvent]) -> Product {
    events.iter().fold(product, evolve)
}

#[test]
fn a_product_that_is_seen_for_the_first_time_is_listed() {
    let events = observe(&Product::Unknown, &seen(socks()));
    assert_eq!(events, [ProductEvent::Listed(socks())]);
    let product = after(Product::Unknown, &events);
    assert_eq!((product.facts(), product.active()), (Some(&socks()), true));
}

#[test]
fn a_product_that_is_first_seen_withdrawn_is_listed_and_withdrawn() {
    let events = observe(&Product::Unknown, &ObservedProduct { active: false, ..seen(socks()) });
    assert_eq!(events, [ProductEvent::Listed(socks()), ProductEvent::Withdrawn]);
    assert!(!after(Product::Unknown, &events).active());
}

#[test]
fn what_is_known_is_no_news() {
    assert_eq!(observe(&known(socks()), &seen(socks())), []);
    assert_eq!(observe(&known(socks()), &ObservedProduct { reason: Some("a whim".to_owned()), ..seen(socks()) }), []);
    let withdrawn = Product::Known { facts: socks(), active: false };
    assert_eq!(observe(&withdrawn, &ObservedProduct { active: false, ..seen(socks()) }), []);
}

#[test]
fn another_price_is_a_repricing_with_its_reason() {
    let cheaper = ObservedProduct {
        reason: Some("summer sale".to_owned()),
        ..seen(ProductFacts { price: euro(400), ..socks() })
    };
    let event =
        ProductEvent::Repriced { old_price: euro(500), new_price: euro(400), reason: Some("summer sale".to_owned()) };
    assert_eq!(evolve(known(socks()), &event).facts().unwrap().price, euro(400));
    assert_eq!(observe(&known(socks()), &cheaper), [event]);
}

#[test]
fn any_other_difference_is_a_change() {
    let different = [
        ProductFacts { sku: "SOCKS-2".to_owned(), ..socks() },
        ProductFacts { name: "Stockings".to_owned(), ..socks() },
        ProductFacts { description: "Warm.".to_owned(), ..socks() },
        ProductFacts { category: "Gifts".to_owned(), ..socks() },
        ProductFacts { compare_at_price: Some(euro(600)), ..socks() },
        ProductFacts { vat_rate_percent: VatRate::percent(7), ..socks() },
        ProductFacts { attributes: BTreeMap::new(), ..socks() },
        ProductFacts { picture: Some("/pictures/socks.png".to_owned()), ..socks() },
    ];
    for facts in different {
        assert_eq!(observe(&known(socks()), &seen(facts.clone())), [ProductEvent::Changed(facts)]);
    }
}

#[test]
fn a_product_comes_off_sale_and_on_sale_again() {
    let off = ObservedProduct { active: false, ..seen(socks()) };
    assert_eq!(observe(&known(socks()), &off), [ProductEvent::Withdrawn]);
    let withdrawn = evolve(known(socks()), &ProductEvent::Withdrawn);
    assert_eq!(observe(&withdrawn, &seen(socks())), [ProductEvent::Relisted]);
    assert!(evolve(withdrawn, &ProductEvent::Relisted).active());
}

#[test]
fn several_changes_at_once_become_one_event_each() {
    let facts = ProductFacts { price: euro(400), name: "Stockings".to_owned(), ..socks() };
    let events = observe(&known(socks()), &ObservedProduct { active: false, ..seen(facts.clone()) });
    let repriced = ProductEvent::Repriced { old_price: euro(500), new_price: euro(400), reason: None };
    assert_eq!(events, [repriced, ProductEvent::Changed(facts), ProductEvent::Withdrawn]);
}

#[test]
fn events_that_do_not_fit_leave_the_product_as_it_was() {
    let other = ProductFacts { name: "Stockings".to_owned(), ..socks() };
    assert_eq!(evolve(known(socks()), &ProductEvent::Listed(other.clone())), known(socks()));
    let repriced = ProductEvent::Repriced { old_price: euro(1), new_price: euro(2), reason: None };
    for event in [ProductEvent::Changed(other), repriced, ProductEvent::Withdrawn, ProductEvent::Relisted] {
        assert_eq!(evolve(Product::Unknown, &event), Product::Unknown);
    }
}

fn any_observation() -> impl Strategy<Value = ObservedProduct> {
    let price = prop_oneof![(1..4_i64).prop_map(euro), Just(yen(1))];
    (price, 0..3_u8, any::<bool>(), any::<bool>()).prop_map(|(price, vat_rate_percent, on_sale, active)| {
        let compare_at_price = on_sale.then_some(euro(9));
        let vat_rate_percent = VatRate::percent(vat_rate_percent);
        ObservedProduct { active, ..seen(ProductFacts { price, vat_rate_percent, compare_at_price, ..socks() }) }
    })
}

proptest! {
    #[test]
    fn after_what_was_learnt_the_product_is_as_it_was_seen_and_there_is_no_more_to_learn(
        observations in prop::collection::vec(any_observation(), 0..20)
    ) {
        let mut product = Product::default();
        for seen in observations {
            product = after(product.clone(), &observe(&product, &seen));
            prop_assert_eq!((product.facts(), product.active()), (Some(&seen.facts), seen.active));
            prop_assert_eq!(observe(&product, &seen), vec![]);
        }
    }
}
