//! What is recorded of what a product service reports, against a stand-in server.

use mockito::{Matcher, Mock, Server, ServerGuard};
use storefront_api::Currency;
use storefront_domain::product::ProductEvent;
use storefront_domain::withdrawals::{Withdrawals, WithdrawalsError};
use storefront_eventlog::{Filter, Version};
use tokio_util::sync::CancellationToken;

use super::operator_changes::ChangeError;
use super::*;
use crate::integrations::product_service::ProductService;
use crate::integrations::product_writes::{ProductWrite, WriteError};
use crate::store::aggregates;
use crate::store::aggregates::AppendBuilder;
use crate::store::commands::{Condition, Context, Reply};
use crate::store::streams;
use crate::testing::{listed, product};
use crate::views::{Views, engine};

fn mug(price: i64) -> String {
    format!(
        r#"{{"id": "mug", "sku": "KIT-1", "name": "Mug", "description": "Holds tea.", "category": "Kitchen",
            "price": {price}, "currency": "EUR", "vat_rate_percent": 19, "attributes": {{}}, "active": true}}"#
    )
}

fn change(sequence: u64, price: i64) -> String {
    let mug = mug(price);
    format!(r#"{{"sequence": {sequence}, "product_id": "mug", "kind": "repriced", "product": {mug}, "reason": "r"}}"#)
}

/// A shop that sells a pot, and a product service with prepared answers.
struct World {
    service: ServerGuard,
    catalogue_sync: CatalogueSync,
    store: Store,
}

impl World {
    async fn new() -> Self {
        let mut service = Server::new_async().await;
        service.mock("GET", "/v1/categories").with_status(404).create_async().await;
        let store = crate::testing::a_log();
        let mut known = AppendBuilder::new(clock::now(), feed_cause());
        known.add(streams::product(&product("pot")), Version(0), &[listed("Pot", "Kitchen", 3500)]);
        store.append(known.into_append()).await.unwrap();
        let catalogue_sync = over(&store, &service);
        Self { service, catalogue_sync, store }
    }

    async fn has_no_feed(&mut self) {
        self.service.mock("GET", Matcher::Regex("^/v1/changes".to_owned())).with_status(404).create_async().await;
    }

    /// The shop after a restart.
    fn restarted(&mut self) {
        self.catalogue_sync = over(&self.store, &self.service);
    }

    async fn lists(&mut self, listing: &str) -> Mock {
        self.service.mock("GET", "/v1/product").with_body(listing).create_async().await
    }

    /// The feed returns these changes for a position. The newest such mock counts.
    async fn feeds(&mut self, after: &str, changes: &[String], head: u64) -> Mock {
        let body = format!(r#"{{"changes": [{}], "next_after": {head}, "head": {head}}}"#, changes.join(","));
        let path = Matcher::Regex(format!("^/v1/changes\\?after={after}&wait="));
        self.service.mock("GET", path).with_body(body).create_async().await
    }

    /// The recorded events of the mug, as types and prices.
    async fn history(&self) -> Vec<String> {
        let events = self.store.read_all(Position(0), 1000, &Filter::default()).await.unwrap().events;
        let mug = events.iter().filter(|recorded| recorded.stream() == streams::product(&product("mug")).as_str());
        let kinds = mug.map(|recorded| match aggregates::decode::<ProductEvent>(recorded).unwrap() {
            ProductEvent::Listed(facts) => format!("listed {}", facts.price.amount),
            ProductEvent::Changed(_) => "changed".to_owned(),
            ProductEvent::Repriced { old_price, new_price, reason } => {
                format!("{} to {} {}", old_price.amount, new_price.amount, reason.unwrap_or_default())
            }
            ProductEvent::Withdrawn => "withdrawn".to_owned(),
            ProductEvent::Relisted => "relisted".to_owned(),
        });
        kinds.collect()
    }

    /// Records that a product was listed earlier.
    async fn list_earlier(&self, id: &str) {
        let mut known = AppendBuilder::new(clock::now(), feed_cause());
        known.add(streams::product(&product(id)), Version(0), &[listed(id, "Kitchen", 3500)]);
        self.store.append(known.into_append()).await.unwrap();
    }

    /// An operator confirms the withdrawals; returns the number of withdrawn products.
    async fn confirm(&self) -> Result<u32, ChangeError> {
        let context = Context { cause: feed_cause(), customer_id: None, idempotency: None, condition: Condition::Any };
        let reply = |withdrawn: u32| {
            Ok(Reply { status: 200, location: None, version: None, body: serde_json::to_value(withdrawn)? })
        };
        let done = self.catalogue_sync.confirm_withdrawals(&context, reply).await?;
        Ok(serde_json::from_value(done.reply.body).unwrap())
    }

    async fn is_sold(&self, id: &str) -> bool {
        aggregates::load::<ProductEvent>(&self.store, &streams::product(&product(id))).await.unwrap().0.active()
    }
}

fn over(store: &Store, service: &ServerGuard) -> CatalogueSync {
    let views = Views::for_tests(store.clone());
    tokio::spawn(engine::run(views.clone(), CancellationToken::new()));
    let service = Arc::new(
        ProductService::new(&service.url(), Currency::EUR, Some(storefront_api::VatRate::percent(19))).unwrap(),
    );
    CatalogueSync::new(store.clone(), service, Arc::new(Freshness::new(Duration::ZERO)), Arc::new(views))
}

const FAR_BEYOND: &str = "9223372036854775807";

#[tokio::test]
async fn what_a_complete_list_no_longer_has_is_withdrawn() {
    let mut world = World::new().await;
    world.lists(&format!(r#"{{"products": [{}]}}"#, mug(1200))).await;
    world.has_no_feed().await;
    assert!(!world.catalogue_sync.synchronise().await.unwrap(), "it has no feed");
    assert!(world.is_sold("mug").await);
    assert!(!world.is_sold("pot").await);
    assert!(!world.catalogue_sync.freshness.is_stale());
}

#[tokio::test]
async fn what_makes_no_sense_in_a_list_is_there_and_keeps_nothing_else_from_being_withdrawn() {
    let mut world = World::new().await;
    world.list_earlier("jar").await;
    world.lists(&format!(r#"{{"products": [{}, {{"id": "pot", "price": "a lot"}}, {{}}]}}"#, mug(1200))).await;
    world.has_no_feed().await;
    world.catalogue_sync.synchronise().await.unwrap();
    assert!(world.is_sold("mug").await);
    assert!(world.is_sold("pot").await, "as it was known before");
    assert!(!world.is_sold("jar").await);
}

#[tokio::test]
async fn an_empty_list_withdraws_nothing_until_an_operator_confirms_it() {
    let mut world = World::new().await;
    world.has_no_feed().await;
    let empty = world.lists(r#"{"products": []}"#).await;
    world.catalogue_sync.synchronise().await.unwrap();
    assert!(world.is_sold("pot").await && world.catalogue_sync.holds_withdrawals());
    world.catalogue_sync.synchronise_listing().await.unwrap();
    let held = Withdrawals::Held { missing: 1, sold: 1 };
    assert_eq!(world.catalogue_sync.withdrawals().await.unwrap(), (held, Version(1)), "told once");
    world.restarted();
    assert_eq!(world.catalogue_sync.withdrawals().await.unwrap().0, held, "a restart does not forget it");

    let confirmed = world.confirm().await.unwrap();
    assert_eq!(confirmed, 1);
    assert!(!world.is_sold("pot").await);
    assert_eq!(world.catalogue_sync.withdrawals().await.unwrap().0, Withdrawals::Usual);
    assert!(matches!(world.confirm().await, Err(ChangeError::Withdrawals(WithdrawalsError::NothingHeld))));
    world.catalogue_sync.synchronise_listing().await.unwrap();
    assert!(!world.catalogue_sync.holds_withdrawals());
    empty.remove_async().await;
}

#[tokio::test]
async fn what_was_missing_and_is_back_needs_no_operator_and_more_that_is_missing_needs_another_look() {
    let mut world = World::new().await;
    world.has_no_feed().await;
    for number in 0..11 {
        world.list_earlier(&format!("jar-{number}")).await;
    }
    let (pot, some) = (mug(1).replace("\"mug\"", "\"pot\""), mug(1).replace("\"mug\"", "\"jar-1\""));
    let two = world.lists(&format!(r#"{{"products": [{pot}, {some}]}}"#)).await;
    world.catalogue_sync.synchronise_listing().await.unwrap();
    assert_eq!(world.catalogue_sync.withdrawals().await.unwrap().0, Withdrawals::Held { missing: 10, sold: 12 });
    two.remove_async().await;
    let one = world.lists(&format!(r#"{{"products": [{pot}]}}"#)).await;
    let refused = world.confirm().await;
    assert!(matches!(refused, Err(ChangeError::Withdrawals(WithdrawalsError::MoreMissing { missing: 11, seen: 10 }))));
    one.remove_async().await;
    let all: Vec<_> = (0..11).map(|number| mug(1).replace("\"mug\"", &format!("\"jar-{number}\""))).collect();
    world.lists(&format!(r#"{{"products": [{}]}}"#, all.join(","))).await;
    world.catalogue_sync.synchronise_listing().await.unwrap();
    assert_eq!(world.catalogue_sync.withdrawals().await.unwrap().0, Withdrawals::Usual);
    assert!(world.is_sold("jar-10").await && !world.is_sold("pot").await, "one that is missing is withdrawn as usual");
}

#[tokio::test]
async fn a_change_that_says_that_a_product_is_gone_withdraws_it_whatever_else_it_says() {
    let mut world = World::new().await;
    let pot = mug(1).replace("\"mug\"", "\"pot\"");
    world.lists(&format!(r#"{{"products": [{pot}]}}"#)).await;
    world.feeds(FAR_BEYOND, &[], 7).await;
    world.feeds("7", &[], 7).await;
    world.catalogue_sync.synchronise().await.unwrap();
    world.feeds("7", &[r#"{"sequence": 8, "product_id": "pot", "kind": "deleted"}"#.to_owned()], 8).await;
    world.catalogue_sync.follow_changes(0).await.unwrap();
    assert!(!world.is_sold("pot").await);
}

#[tokio::test]
async fn a_bare_service_without_a_feed_is_compared_again_and_again() {
    let mut world = World::new().await;
    for price in ["1.5", "1.5", "2"] {
        world.lists(&format!(r#"[{{"id": "mug", "name": "Mug", "price": {price}}}]"#)).await;
        world.catalogue_sync.synchronise_listing().await.unwrap();
    }
    assert_eq!(world.history().await, ["listed 150", "150 to 200 "]);
}

#[tokio::test]
async fn every_change_is_applied_once_and_in_order_however_often_it_is_delivered() {
    let mut world = World::new().await;
    world.lists(&format!(r#"{{"products": [{}]}}"#, mug(100))).await;
    world.feeds(FAR_BEYOND, &[], 7).await;
    world.feeds("7", &[], 7).await;
    assert!(world.catalogue_sync.synchronise().await.unwrap());
    world.feeds("7", &[change(8, 200), change(9, 100), change(10, 300)], 10).await;
    let FeedPosition::After(7) = *world.catalogue_sync.feed_position.lock().await else { panic!("it stands at 7") };
    // Both requests are sent before either response is applied.
    let told_twice = [
        world.catalogue_sync.service.changes(7, 0).await.unwrap(),
        world.catalogue_sync.service.changes(7, 0).await.unwrap(),
    ];
    for news in told_twice {
        let mut position = world.catalogue_sync.feed_position.lock().await;
        world.catalogue_sync.apply_changes(&mut position, 7, news, &feed_cause()).await.unwrap();
    }
    assert_eq!(world.history().await, ["listed 100", "100 to 200 r", "200 to 100 r", "100 to 300 r"]);
    assert_eq!(*world.catalogue_sync.feed_position.lock().await, FeedPosition::After(10));
}

#[tokio::test]
async fn what_happened_while_the_shop_was_down_is_recorded_change_by_change_with_its_reasons() {
    let mut world = World::new().await;
    world.lists(&format!(r#"{{"products": [{}]}}"#, mug(100))).await;
    world.feeds(FAR_BEYOND, &[], 7).await;
    world.feeds("7", &[], 7).await;
    world.catalogue_sync.synchronise().await.unwrap();

    world.restarted();
    world.lists(&format!(r#"{{"products": [{}]}}"#, mug(300))).await;
    world.feeds(FAR_BEYOND, &[], 9).await;
    world.feeds("7", &[change(8, 200), change(9, 300)], 9).await;
    world.feeds("9", &[], 9).await;
    world.catalogue_sync.synchronise().await.unwrap();
    assert_eq!(world.history().await, ["listed 100", "100 to 200 r", "200 to 300 r"]);
}

#[tokio::test]
async fn a_change_that_the_list_has_already_is_not_taken_back_for_a_moment() {
    let mut world = World::new().await;
    world.lists(&format!(r#"{{"products": [{}]}}"#, mug(300))).await;
    world.feeds(FAR_BEYOND, &[], 7).await;
    world.feeds("7", &[change(8, 200), change(9, 300)], 9).await;
    world.catalogue_sync.synchronise().await.unwrap();
    assert_eq!(world.history().await, ["listed 300"]);
}

#[tokio::test]
async fn a_feed_that_began_anew_is_noticed_and_everything_is_compared() {
    let mut world = World::new().await;
    world.lists(&format!(r#"{{"products": [{}]}}"#, mug(100))).await;
    world.feeds(FAR_BEYOND, &[], 7).await;
    world.feeds("7", &[], 7).await;
    world.catalogue_sync.synchronise().await.unwrap();

    let pot = mug(100).replace("\"mug\"", "\"pot\"");
    world.lists(&format!(r#"{{"products": [{pot}]}}"#)).await;
    world.feeds(FAR_BEYOND, &[], 2).await;
    world.feeds("7", &[change(1, 900), change(2, 950)], 2).await;
    world.feeds("2", &[], 2).await;
    assert!(matches!(world.catalogue_sync.follow_changes(0).await, Err(SyncError::FeedRestarted)));
    world.catalogue_sync.synchronise().await.unwrap();
    assert_eq!(world.history().await, ["listed 100", "withdrawn"], "old changes of another life are no changes");
}

#[tokio::test]
async fn an_operators_change_is_in_the_log_when_it_is_answered_and_names_its_cause() {
    let mut world = World::new().await;
    world.lists(&format!(r#"{{"products": [{}]}}"#, mug(100))).await;
    world.feeds(FAR_BEYOND, &[], 7).await;
    world.feeds("7", &[], 7).await;
    let _guard = world.catalogue_sync.start_following();
    world.catalogue_sync.synchronise().await.unwrap();
    world.feeds("7", &[change(8, 200)], 8).await;
    let patch =
        world.service.mock("PATCH", "/v1/product/mug").match_header("idempotency-key", "key").with_body(mug(200));
    let patch = patch.expect(1).create_async().await;
    let cause = Cause { correlation_id: "request".to_owned(), causation_id: None, actor: "operator".to_owned() };
    let write = ProductWrite::Change(product("mug"), serde_json::json!({ "price": 200 }));
    world.catalogue_sync.make_change(&write, "key", &cause, &Condition::Any).await.unwrap();
    patch.assert_async().await;
    assert_eq!(world.history().await, ["listed 100", "100 to 200 r"]);
    let last = world.store.read_stream(&streams::product(&product("mug")), Version(2), 1).await.unwrap().remove(0);
    assert_eq!((last.correlation_id(), last.actor()), ("request", "operator"));
}

#[tokio::test]
async fn an_operators_change_that_the_feed_does_not_tell_is_looked_up() {
    let mut world = World::new().await;
    world.lists(r#"{"products": []}"#).await;
    world.feeds(FAR_BEYOND, &[], 7).await;
    world.feeds("7", &[], 7).await;
    let _guard = world.catalogue_sync.start_following();
    world.catalogue_sync.synchronise().await.unwrap();
    world.service.mock("GET", Matcher::Regex("^/v1/changes".to_owned())).with_status(400).create_async().await;
    world.service.mock("POST", "/v1/product").with_status(201).with_body(mug(100)).create_async().await;
    world.service.mock("GET", "/v1/product/mug").with_body(mug(250)).create_async().await;
    let write = ProductWrite::Create(serde_json::json!({}));
    assert_eq!(
        world.catalogue_sync.make_change(&write, "key", &feed_cause(), &Condition::Any).await.unwrap(),
        Some(product("mug"))
    );
    assert_eq!(world.history().await, ["listed 250"], "as it is now, not as it was when it was created first");
    assert_eq!(*world.catalogue_sync.feed_position.lock().await, FeedPosition::Unknown, "everything is compared next");
}

#[tokio::test]
async fn an_operators_change_where_another_server_follows_by_now_is_looked_up_and_nothing_old_is_learnt_again() {
    let mut world = World::new().await;
    world.lists(&format!(r#"{{"products": [{}]}}"#, mug(100))).await;
    world.feeds(FAR_BEYOND, &[], 7).await;
    world.feeds("7", &[], 7).await;
    let guard = world.catalogue_sync.start_following();
    world.catalogue_sync.synchronise().await.unwrap();
    drop(guard);
    // The events that the following server has recorded since.
    let other = over(&world.store, &world.service);
    for price in [150, 120] {
        let (_, seen) = (other.feed_position.lock().await, mug(price));
        let mock = world.service.mock("GET", "/v1/product/mug").with_body(seen).create_async().await;
        other
            .record_products(
                world.catalogue_sync.service.get(&product("mug")).await.unwrap().as_slice(),
                &feed_cause(),
                None,
            )
            .await
            .unwrap();
        mock.remove_async().await;
    }
    world.feeds("7", &[change(8, 150), change(9, 120), change(10, 200)], 10).await;
    world.service.mock("PATCH", "/v1/product/mug").with_body(mug(200)).create_async().await;
    world.service.mock("GET", "/v1/product/mug").with_body(mug(200)).create_async().await;
    let write = ProductWrite::Change(product("mug"), serde_json::json!({ "price": 200 }));
    world.catalogue_sync.make_change(&write, "key", &feed_cause(), &Condition::Any).await.unwrap();
    let history = world.history().await;
    let history: Vec<&str> = history.iter().map(|feed_cause| feed_cause.trim_end()).collect();
    assert_eq!(history, ["listed 100", "100 to 150", "150 to 120", "120 to 200"]);
}

#[tokio::test]
async fn what_is_refused_or_not_answered_writes_nothing_and_is_sent_once() {
    let mut world = World::new().await;
    let head = world.store.head().await.unwrap();
    for (status, body, expected) in [
        (
            409,
            r#"{"error": "taken", "detail": "The SKU is taken."}"#,
            WriteError::Taken("The SKU is taken.".to_owned()),
        ),
        (422, r#"{"error": "invalid", "detail": "No."}"#, WriteError::Invalid("No.".to_owned())),
        (422, r#"{"error": "unknown_category", "detail": "No."}"#, WriteError::UnknownCategory("No.".to_owned())),
        (404, "nothing here", WriteError::Unsupported),
        (405, "", WriteError::Unsupported),
        (400, "<html>", WriteError::Invalid("The product service refuses it with status 400.".to_owned())),
        (503, "", WriteError::Service(ServiceError::Unavailable { detail: "status 503".to_owned() })),
    ] {
        let mock = world.service.mock("POST", "/v1/product").with_status(status).with_body(body).expect(1);
        let mock = mock.create_async().await;
        let refused = world
            .catalogue_sync
            .make_change(&ProductWrite::Create(serde_json::json!({})), "key", &feed_cause(), &Condition::Any)
            .await;
        match refused {
            Err(ChangeError::Write(error)) => assert_eq!(error, expected),
            other => panic!("{status}: {other:?}"),
        }
        mock.assert_async().await;
    }
    assert_eq!(world.store.head().await.unwrap(), head);
}
