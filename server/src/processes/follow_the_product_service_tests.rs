//! Two servers on one log, each with its own product service.

use mockito::{Matcher, Mock, ServerGuard};
use storefront_api::Currency;

use super::*;
use crate::integrations::product_service::ProductService;
use crate::views::{Views, engine};

/// A server and the requests to its product service.
struct Side {
    freshness: Arc<Freshness>,
    stop: CancellationToken,
    listed: Mock,
    _service: ServerGuard,
}

impl Side {
    /// A server whose product service has no products and no feed.
    async fn starts(holder: &str, store: &Store) -> Self {
        let mut service = mockito::Server::new_async().await;
        for path in ["^/v1/changes", "^/v1/categories"] {
            service.mock("GET", Matcher::Regex(path.to_owned())).with_status(404).create_async().await;
        }
        let listed = service.mock("GET", "/v1/product").with_body(r#"{"products": []}"#).create_async().await;
        let freshness = Arc::new(Freshness::new(Duration::from_secs(300)));
        let stop = CancellationToken::new();
        let views = Views::for_tests(store.clone());
        tokio::spawn(engine::run(views.clone(), stop.clone()));
        let products = Arc::new(
            ProductService::new(&service.url(), Currency::EUR, Some(storefront_api::VatRate::percent(19))).unwrap(),
        );
        let catalogue_sync = CatalogueSync::new(store.clone(), products, freshness.clone(), Arc::new(views));
        let lease_config = LeaseConfig { holder: holder.to_owned(), lease_ttl: Duration::from_millis(400) };
        tokio::spawn(run(store.clone(), lease_config, Arc::new(catalogue_sync), freshness.clone(), stop.clone()));
        let side = Self { freshness, stop, listed, _service: service };
        side.until("it has heard of the product service", |side| !side.freshness.is_stale()).await;
        side
    }

    async fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let wait = async {
            while !is_so(self) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait).await.unwrap_or_else(|_| panic!("waited in vain: {what}"));
    }
}

#[tokio::test]
async fn one_server_follows_and_another_only_listens_until_the_first_has_gone() {
    let store = crate::testing::a_log();
    let first = Side::starts("first", &store).await;
    assert!(first.listed.matched_async().await, "the first to come follows");
    let second = Side::starts("second", &store).await;
    assert!(!second.listed.matched_async().await, "the other hears that prices are good, and asks no more");
    first.stop.cancel();
    second.until("the other takes over", |second| second.listed.matched()).await;
}

#[tokio::test]
async fn what_a_server_that_lost_its_lease_still_learns_is_not_written() {
    let store = crate::testing::a_log();
    let lease_config = LeaseConfig { holder: "late".to_owned(), lease_ttl: Duration::from_secs(5) };
    let stop = CancellationToken::new();
    let (told, mut news) = tokio::sync::mpsc::channel(1);
    let keeping = tokio::spawn({
        let (store, stop) = (store.clone(), stop.clone());
        async move {
            let work = |log: Store| {
                let told = told.clone();
                async move {
                    told.send(log).await.unwrap();
                    std::future::pending::<String>().await
                }
            };
            lease_config.run_under_lease(&store, FOLLOWER_LEASE, &stop, work, || async {}).await;
        }
    });
    let fenced = news.recv().await.unwrap();
    stop.cancel();
    keeping.await.unwrap();
    store.acquire_lease(FOLLOWER_LEASE, "another", Duration::from_secs(60)).await.unwrap();
    let mut service = mockito::Server::new_async().await;
    service.mock("GET", Matcher::Regex("^/v1/changes".to_owned())).with_status(404).create_async().await;
    let categories = r#"{"categories": [{"name": "Kitchen"}]}"#;
    service.mock("GET", "/v1/categories").with_body(categories).create_async().await;
    service.mock("GET", "/v1/product").with_body(r#"{"products": []}"#).create_async().await;
    let products = Arc::new(
        ProductService::new(&service.url(), Currency::EUR, Some(storefront_api::VatRate::percent(19))).unwrap(),
    );
    let freshness = Arc::new(Freshness::new(Duration::from_secs(300)));
    let views = Arc::new(Views::for_tests(store.clone()));
    let catalogue_sync = CatalogueSync::new(store.clone(), products, freshness, views).with_store(fenced);
    let Err(refused) = catalogue_sync.synchronise().await else { panic!("it writes on") };
    assert!(refused.to_string().contains("lease"), "{refused}");
    assert_eq!(store.head().await.unwrap().0, 0, "nothing was written");
}
