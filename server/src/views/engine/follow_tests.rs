//! What is in memory while the rows are read anew: when the database came back after a cut, or new rows have become live.

use storefront_api::ProductQuery;
use storefront_domain::category::CategoryEvent;
use storefront_domain::product::ProductEvent;
use storefront_domain::stock::StockEvent;

use super::*;
use crate::store::aggregates::{AggregateEvent, AppendBuilder, Cause};
use crate::store::streams;
use crate::testing::{at_second, listed, product};
use crate::views::rows::tests::unhurried;

/// More than are read at once.
const PRODUCTS: u64 = 2500;

fn id(number: u64) -> storefront_api::ProductId {
    product(&format!("product-{number:04}"))
}

async fn write<E: AggregateEvent>(
    log: &Store,
    events: impl IntoIterator<Item = (storefront_eventlog::StreamName, u64, E)>,
) {
    let cause = Cause { correlation_id: "test".to_owned(), causation_id: None, actor: "test".to_owned() };
    let mut batch = AppendBuilder::new(at_second(1), cause);
    for (stream, version, event) in events {
        batch.add(stream, storefront_eventlog::Version(version), &[event]);
    }
    log.append(batch.into_append()).await.unwrap();
}

/// A shop with many products, of which the first is on the shelf, and the views as they know it.
async fn a_shop() -> Views {
    let log = crate::testing::a_log();
    let products = |from: u64, to| (from..to).map(|number| (streams::product(&id(number)), 0, listed("Mug", "Tea", 9)));
    for from in (0..PRODUCTS).step_by(100) {
        write(&log, products(from, from + 100)).await;
    }
    write(&log, [(streams::stock(&id(0)), 0, StockEvent::Received { quantity: 3 })]).await;
    write(&log, [(streams::categories(), 0, CategoryEvent::Created { name: "Garden".to_owned() })]).await;
    let views = Views::for_tests_in(log.clone(), unhurried());
    prepare(&log, &views.inner.store).await.unwrap();
    follows(&views).await;
    views
}

/// Takes in all that is in the log.
async fn follows(views: &Views) {
    let mut follower = Follower::new(views);
    follower.refresh_heads().await.unwrap();
    loop {
        let slice = views.inner.log.read_all(follower.seen, MAX_BATCH_EVENTS, &Filter::default()).await.unwrap();
        if slice.events.is_empty() {
            return;
        }
        follower.take_in(&slice).await.unwrap();
    }
}

async fn live_heads(views: &Views) -> Vec<(&'static dyn View, Head)> {
    let heads = views.inner.store.heads().await.unwrap();
    let in_memory = VIEWS.iter().filter(|view| view.in_memory());
    in_memory.map(|view| (*view, heads.iter().find(|head| head.view == view.name()).unwrap().clone())).collect()
}

/// How many products are for sale, how many of those are on the shelf, how many have stock at all, and how many categories
/// there are.
fn known(views: &Views) -> (u64, u64, usize, usize) {
    views.read(|memory| {
        let total = |in_stock| {
            let query = ProductQuery { in_stock, ..ProductQuery::default() };
            memory.catalogue.page(&query, 1, &memory.stock, false).unwrap().total
        };
        (total(None), total(Some(true)), memory.stock.iter().count(), memory.catalogue.categories().len())
    })
}

#[tokio::test]
async fn when_the_database_is_lost_while_rows_are_read_anew_the_shop_still_knows_its_products() {
    let views = a_shop().await;
    let heads = live_heads(&views).await;
    views.close().await;
    for (view, head) in &heads {
        assert!(load(&views, *view, head).await.is_err(), "the rows of {} cannot be read", view.name());
    }
    assert_eq!(known(&views), (PRODUCTS, 1, 1, 2));
}

#[tokio::test]
async fn while_rows_are_read_anew_all_of_them_are_known_at_every_moment() {
    let views = a_shop().await;
    for (view, head) in &live_heads(&views).await {
        let mut moments = 0;
        let mut loading = std::pin::pin!(load(&views, *view, head));
        loop {
            tokio::select! {
                biased;
                done = &mut loading => break done.unwrap(),
                () = tokio::task::yield_now() => {}
            }
            assert_eq!(known(&views), (PRODUCTS, 1, 1, 2), "while {} is read", view.name());
            moments += 1;
        }
        assert_eq!(known(&views), (PRODUCTS, 1, 1, 2), "after {} was read", view.name());
        assert!(moments > 0, "nobody has looked while {} was read", view.name());
    }
}

#[tokio::test]
async fn what_another_server_wrote_in_the_moment_in_which_it_was_to_be_written_here_is_known_too() {
    let views = a_shop().await;
    let mut follower = Follower::new(&views);
    follower.refresh_heads().await.unwrap();
    follower.seen = views.inner.log.head().await.unwrap();
    write(&views.inner.log, [(streams::product(&id(0)), 1, ProductEvent::Withdrawn)]).await;
    let slice = views.inner.log.read_all(follower.seen, MAX_BATCH_EVENTS, &Filter::default()).await.unwrap();
    // The other one's rows are there before this one looks at them, and then there is nothing left to change.
    follows(&Views::new(views.inner.log.clone(), views.inner.store.clone(), views.inner.pace)).await;
    follower.take_in(&slice).await.unwrap();
    assert_eq!(known(&views), (PRODUCTS - 1, 0, 1, 2));
}

#[tokio::test]
async fn what_is_not_in_the_rows_that_were_read_anew_is_known_no_more() {
    let views = a_shop().await;
    // As another server would do it: this one's memory hears nothing of it.
    let other = Views::new(views.inner.log.clone(), views.inner.store.clone(), views.inner.pace);
    write(&views.inner.log, [(streams::product(&id(0)), 1, ProductEvent::Withdrawn)]).await;
    write(&views.inner.log, [(streams::stock(&id(1)), 0, StockEvent::Received { quantity: 1 })]).await;
    write(
        &views.inner.log,
        [(streams::stock(&id(0)), 1, StockEvent::Adjusted { change: -3, reason: "broken".to_owned() })],
    )
    .await;
    follows(&other).await;
    assert_eq!(known(&views), (PRODUCTS, 1, 1, 2), "as before");
    for (view, head) in &live_heads(&views).await {
        load(&views, *view, head).await.unwrap();
    }
    assert_eq!(known(&views), (PRODUCTS - 1, 1, 2, 2));
    for (view, head) in &live_heads(&views).await {
        let of_no_rows = Head { generation: head.generation + 1, ..head.clone() };
        load(&views, *view, &of_no_rows).await.unwrap();
    }
    assert_eq!(known(&views), (0, 0, 0, 0));
}

#[test]
fn events_gather_while_there_are_many_and_not_while_there_are_few_or_the_log_is_far_ahead() {
    let ms = Duration::from_millis;
    let mut pace = Pace::default();
    pace.count(ms(1000), EVENTS_AT_ONCE - 1, true);
    assert_eq!(pace.rest(ms(1001)), Duration::ZERO);
    pace.count(ms(1003), 1, true);
    assert_eq!(pace.rest(ms(1004)), INTERVAL - ms(4), "until the end of the interval");
    pace.count(ms(1000) + INTERVAL, EVENTS_AT_ONCE - 1, true);
    assert_eq!(pace.rest(ms(1001) + INTERVAL), Duration::ZERO, "another interval");
    pace.count(ms(1002) + INTERVAL, 10_000, false);
    assert_eq!(pace.rest(ms(1002) + INTERVAL), Duration::ZERO, "there is more to read");
}

#[tokio::test]
async fn nothing_gathers_while_somebody_waits_for_a_position() {
    let views = a_shop().await;
    let hour = Duration::from_secs(3600);
    let mut resting = std::pin::pin!(rest(&views, hour));
    assert!(futures_util::poll!(&mut resting).is_pending());
    {
        let mut reached = std::pin::pin!(views.reach(&[], Position(1_000_000), hour));
        assert!(futures_util::poll!(&mut reached).is_pending());
        assert!(futures_util::poll!(&mut resting).is_ready());
    }
    let mut resting = std::pin::pin!(rest(&views, hour));
    assert!(futures_util::poll!(&mut resting).is_pending(), "the one who waited has gone");
}
