//! Whose personal data is erased, and when.

use async_trait::async_trait;
use storefront_api::{Currency, ProductId};
use storefront_domain::OrderNumber;
use storefront_domain::customer::{Account, PasswordHash};
use storefront_domain::erased::{ERASED, ERASED_EMAIL};
use storefront_domain::order::OrderEvent;
use storefront_eventlog::{Filter, Position, SqliteStore};

use uuid::Uuid;

use super::*;
use crate::testing::{added, at_second, checked_out, order, payment};
use crate::views::ProductField;

fn a_customer(number: u128) -> CustomerId {
    CustomerId(Uuid::from_u128(number))
}

/// Everybody has these orders.
struct Orders(Vec<OrderId>);

#[async_trait]
impl BasketLookup for Orders {
    async fn baskets_with(&self, _: &ProductId, _: Position) -> Result<Vec<OrderId>, Failure> {
        Ok(Vec::new())
    }

    async fn orders_of(&self, _: CustomerId, _: Position) -> Result<Vec<OrderId>, Failure> {
        Ok(self.0.clone())
    }

    async fn products_for_sale(&self, _: Position) -> Result<Vec<ProductId>, Failure> {
        Ok(Vec::new())
    }

    async fn product_with_sku_or_name(
        &self,
        _: Position,
        _: Option<&str>,
        _: Option<&str>,
        _: Option<&ProductId>,
    ) -> Result<Option<(ProductId, ProductField)>, Failure> {
        Ok(None)
    }
}

struct World {
    log: ProtectedLog,
    store: Store,
}

impl World {
    fn new() -> Self {
        let log = ProtectedLog::new(Arc::new(SqliteStore::in_memory().unwrap()));
        Self { store: Store::protected(&log, true), log }
    }

    async fn write_order(&self, number: u128, events: &[OrderEvent]) {
        let id = order(number);
        crate::testing::write(&self.store, at_second(1), &id.to_string(), streams::order(id), events).await;
    }

    async fn write_customer(&self, events: &[CustomerEvent]) {
        let stream = streams::customer(a_customer(1));
        crate::testing::write(&self.store, at_second(1), "request", stream, events).await;
    }

    /// Delivers every event of the log to the process, twice.
    async fn handle_all(&self, orders: &[OrderId]) {
        let all = self.store.read_all(Position(0), 1000, &Filter::default()).await.unwrap();
        let delivered = all.events.iter().filter(|recorded| SUBSCRIPTION.types.contains(&recorded.kind()));
        for recorded in delivered.clone().chain(delivered) {
            let delivery = Delivery::first(recorded.clone(), SUBSCRIPTION.name);
            let orders = Arc::new(Orders(orders.to_vec()));
            handle(self.store.clone(), self.log.clone(), orders, delivery).await.unwrap();
        }
    }

    async fn email_of(&self, number: u128) -> String {
        let record = order_record::load(&self.store, order(number)).await.unwrap();
        record.order.email().unwrap().to_owned()
    }

    async fn count(&self, kind: &str) -> usize {
        let filter = Filter { types: vec![kind.to_owned()], ..Filter::default() };
        self.store.read_all(Position(0), 1000, &filter).await.unwrap().events.len()
    }
}

fn registered() -> CustomerEvent {
    let account = Account {
        email: "ada@example.com".to_owned(),
        name: "Ada".to_owned(),
        password: PasswordHash("hash".to_owned()),
        must_change: false,
        role: storefront_api::Role::Customer,
    };
    CustomerEvent::Registered { account: Some(account) }
}

/// An order of the customer that is confirmed.
fn confirmed(number: u128) -> Vec<OrderEvent> {
    let started = OrderEvent::Started { customer_id: Some(a_customer(1)), currency: Currency::EUR };
    let confirmed = OrderEvent::Confirmed { number: OrderNumber::from_position(7) };
    vec![started, added("mug", 2), checked_out(payment(number), 1_000), confirmed]
}

fn shipped_and_delivered() -> [OrderEvent; 2] {
    let shipped =
        OrderEvent::Shipped { carrier: "Post".to_owned(), tracking_number: "1".to_owned(), estimated_delivery: None };
    [shipped, OrderEvent::Delivered { recipient: "Ada".to_owned() }]
}

#[tokio::test]
async fn a_deleted_customer_is_erased_with_the_orders_that_are_finished_and_the_others_follow() {
    let world = World::new();
    let own = [order(1), order(2)];
    world.write_customer(&[registered()]).await;
    world.write_order(1, &confirmed(1)).await;
    world.write_order(1, &shipped_and_delivered()).await;
    world.write_order(2, &confirmed(2)).await;
    let email = world.email_of(1).await;
    world.handle_all(&own).await;
    assert_eq!(world.email_of(1).await, email, "who has an account is not erased");

    world.write_customer(&[CustomerEvent::Deleted]).await;
    world.handle_all(&own).await;
    assert_eq!((world.email_of(1).await, world.email_of(2).await), (ERASED_EMAIL.to_owned(), email));
    let stream = world.store.read_stream(&streams::customer(a_customer(1)), storefront_eventlog::Version(1), 10).await;
    let CustomerEvent::Registered { account: Some(account) } = aggregates::decode(&stream.unwrap()[0]).unwrap() else {
        panic!("it is the registration");
    };
    assert_eq!((account.email.as_str(), account.name.as_str()), (ERASED_EMAIL, ERASED));
    assert_eq!((world.count("order.erased").await, world.count("customer.erased").await), (1, 1));

    world.write_order(2, &shipped_and_delivered()).await;
    world.handle_all(&own).await;
    assert_eq!(world.email_of(2).await, ERASED_EMAIL);
    assert_eq!((world.count("order.erased").await, world.count("customer.erased").await), (2, 1));
}

#[tokio::test]
async fn a_guest_who_is_erased_by_an_operator_needs_no_account() {
    let world = World::new();
    world.write_order(1, &confirmed(1)).await;
    world.write_order(1, &shipped_and_delivered()).await;
    let guest = customer::evolve(Customer::Unknown, &CustomerEvent::Deleted);
    assert_eq!(guest, Customer::Deleted);
    world.write_customer(&[CustomerEvent::Deleted]).await;
    world.handle_all(&[order(1)]).await;
    assert_eq!(world.email_of(1).await, ERASED_EMAIL);
}

#[tokio::test]
async fn orders_of_others_stay() {
    let world = World::new();
    world.write_order(1, &confirmed(1)).await;
    world.write_order(1, &shipped_and_delivered()).await;
    let stream = streams::customer(a_customer(2));
    crate::testing::write(&world.store, at_second(1), "request", stream, &[CustomerEvent::Deleted]).await;
    world.handle_all(&[]).await;
    assert_ne!(world.email_of(1).await, ERASED_EMAIL);
}
