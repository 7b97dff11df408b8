//! L4: the shop is reset, and its previous log is kept.

use storefront_api::{EventQuery, Faults, OrderListQuery, OrderStatus, Stub};
use storefront_client::Client;
use storefront_eventlog::{EventStore, SqliteStore};
use storefront_server::{Server, StoreChoice};

use super::{a_lab, assert_balanced, assert_no_faults, code, is_stocked, play_scenario, with_lab};
use crate::postgres::postgres_url;
use crate::postgres_server;
use crate::world::{World, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn l4_a_reset_shop_is_as_on_its_first_day_and_its_old_log_is_kept() {
    let world = a_lab().await;
    let bought = play_scenario(&world, "happy-path").await.orders[0];
    let head = world.head().await;
    let old = world.client.events(&EventQuery::default()).await.unwrap().log.expect("it has a first event");
    let parked = tokio::spawn({
        let client = world.client.clone();
        async move { client.events(&EventQuery { after: Some(head), wait: Some(30), ..EventQuery::default() }).await }
    });
    let decline = Faults { decline: true, ..Faults::default() };
    world.client.set_faults(Stub::Cards, &decline).await.unwrap();

    let kept = world.client.reset_shop().await.unwrap().kept_as.expect("it was in a file");
    assert!(kept.starts_with("shop-until-") && kept.ends_with(".db"), "{kept}");
    // Whoever waited is answered, by the old shop or by the closed door.
    let answered = parked.await.unwrap();
    assert!(answered.is_ok() || !answered.unwrap_err().is_unreachable());

    eventually("the shelves are full", || async { is_stocked(&world.client).await.then_some(()) }).await;
    assert_eq!(world.client.order(bought).await.unwrap(), None);
    assert_eq!(world.client.orders(&OrderListQuery::default()).await.unwrap().total, 0);
    let new = world.client.events(&EventQuery::default()).await.unwrap().log.expect("it has a first event");
    assert_ne!(new, old, "it is another log");
    assert!(world.mocks.mailbox().messages().is_empty() && world.mocks.card_gateway().charges().is_empty());
    assert_no_faults(&world.mocks);
    play_scenario(&world, "happy-path").await;
    assert_balanced(&world).await;

    // Nothing that was acknowledged is lost.
    let log = SqliteStore::open_to_read(&world.folder.path().join(&kept)).unwrap();
    assert!(log.head().await.unwrap().0 >= head);
    log.close().await;
    let again = world.client.reset_shop().await.unwrap().kept_as.expect("it was in a file");
    assert_ne!(again, kept);
    assert!(world.folder.path().join(&kept).exists() && world.folder.path().join(&again).exists());

    // What came after it is still there when the server is started again.
    eventually("the shelves are full", || async { is_stocked(&world.client).await.then_some(()) }).await;
    let bought = play_scenario(&world, "happy-path").await.orders[0];
    let World { mocks, server, folder, .. } = world;
    server.shutdown().await;
    let server = Server::start(with_lab(&mocks, &folder)).await.unwrap();
    let client = Client::new(&server.url()).unwrap();
    assert_eq!(client.order(bought).await.unwrap().unwrap().status, OrderStatus::Confirmed);
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l4_a_log_that_others_may_use_is_not_put_away() {
    let store: StoreChoice = postgres_url(&postgres_server::create_database().await).parse().unwrap();
    let mut world = World::open_lab().await;
    let World { mocks, server, folder, .. } = world;
    server.shutdown().await;
    let mut shared = with_lab(&mocks, &folder);
    shared.store = store;
    let server = Server::start(shared).await.unwrap();
    let client = Client::new(&server.url()).unwrap();
    world = World { mocks, server, client, folder };
    let refused = world.client.reset_shop().await.unwrap_err();
    assert_eq!(refused.problem().unwrap().status, 409);
    assert_eq!(code(refused), "reset_refused");
    assert_eq!(code(world.client.pause_view("orders").await.unwrap_err()), "view_shared");
    world.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l4_a_log_that_another_program_reads_is_not_put_away_under_it() {
    let world = a_lab().await;
    let head = world.head().await;
    let reader = SqliteStore::open_to_read(&world.folder.path().join("shop.db")).unwrap();
    reader.head().await.unwrap();
    assert_eq!(code(world.client.reset_shop().await.unwrap_err()), "reset_refused");
    assert!(world.head().await >= head, "the shop is as it was");
    reader.close().await;
    world.client.reset_shop().await.unwrap();
    eventually("the shelves are full", || async { is_stocked(&world.client).await.then_some(()) }).await;
}
