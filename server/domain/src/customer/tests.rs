//! Tests of the registration and the spending limit.

use super::*;
use crate::testing::{Given, euro, fold_events};

fn given(history: impl IntoIterator<Item = CustomerEvent>) -> Given<Customer> {
    crate::testing::given(history)
}

fn limit_set(limit: i64) -> CustomerEvent {
    CustomerEvent::LimitSet { limit: euro(limit) }
}

fn set_limit(limit: i64) -> CustomerCommand {
    CustomerCommand::SetLimit { limit: euro(limit) }
}

#[test]
fn an_id_is_registered_once() {
    let customer = given([]).when(CustomerCommand::Register).then([CustomerEvent::Registered]);
    assert_eq!(customer, Customer::Registered { limit: None });
    given([CustomerEvent::Registered]).when(CustomerCommand::Register).then_refused(CustomerError::Exists);
}

#[test]
fn the_limit_of_a_customer_can_be_set_and_set_again() {
    let history = || [CustomerEvent::Registered, limit_set(500)];
    given([CustomerEvent::Registered]).when(set_limit(500)).then([limit_set(500)]);
    given(history()).when(set_limit(500)).then_nothing();
    let customer = given(history()).when(set_limit(0)).then([limit_set(0)]);
    assert_eq!(customer, Customer::Registered { limit: Some(euro(0)) });
    given(history()).when(set_limit(-1)).then_refused(CustomerError::BadLimit);
}

#[test]
fn nobody_has_no_limit() {
    given([]).when(set_limit(500)).then_refused(CustomerError::NotFound);
    assert_eq!(fold_events(Customer::default(), [limit_set(500)]), Customer::Unknown);
    let twice = fold_events(Customer::default(), [CustomerEvent::Registered, limit_set(5), CustomerEvent::Registered]);
    assert_eq!(twice, Customer::Registered { limit: Some(euro(5)) });
}
