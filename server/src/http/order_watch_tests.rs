//! Who waits for an order is woken by its events and by no others.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use storefront_eventlog::{Append, Expected, JsonText, NewEvent, StreamAppend, StreamName};
use uuid::Uuid;

use super::*;

const SOON: Duration = Duration::from_secs(20);

async fn happens(store: &Store, order: &str) {
    happens_in(store, &format!("order-{order}"), order).await;
}

async fn happens_in(store: &Store, stream: &str, order: &str) {
    let event = NewEvent {
        id: Uuid::now_v7(),
        kind: "order.started".to_owned(),
        schema_version: 1,
        time_ms: 0,
        correlation_id: order.to_owned(),
        causation_id: None,
        actor: "test".to_owned(),
        data: JsonText::of(&()).unwrap(),
    };
    let stream = StreamName::new(stream).unwrap();
    let streams = vec![StreamAppend { stream, expected: Expected::Any, events: vec![event] }];
    store.append(Append { streams, ..Append::default() }).await.unwrap();
}

fn correlation(id: &str) -> Watched {
    Watched::Correlation(id.to_owned())
}

#[tokio::test]
async fn who_waits_for_a_stream_sleeps_while_other_streams_of_its_order_move() {
    let store = crate::testing::a_log();
    let (watch, stop) = (OrderWatch::new(10, OrderOwners::default()), CancellationToken::new());
    let following = tokio::spawn(watch.clone().run(store.clone(), stop.clone()));
    let mut early = watch.watch(correlation("early")).unwrap();
    assert!(early.changed(Instant::now() + SOON).await);
    let mut of_stream = watch.watch(Watched::Stream("order-this".to_owned())).unwrap();
    let mut of_order = watch.watch(correlation("this")).unwrap();
    happens_in(&store, "payment-this", "this").await;
    assert!(of_order.changed(Instant::now() + SOON).await, "the timeline shows payments");
    let (_, changes) = of_stream.watched.as_ref().unwrap();
    assert!(!changes.has_changed().unwrap(), "the order itself did not move");
    happens_in(&store, "order-this", "this").await;
    assert!(of_stream.changed(Instant::now() + SOON).await);
    drop((early, of_stream, of_order));
    assert_eq!(watch.waiting().count, 0, "every place is given back");
    assert_eq!(watch.waiting().all().count(), 0);
    stop.cancel();
    following.await.unwrap();
}

#[tokio::test]
async fn who_waits_for_their_own_events_sleeps_while_orders_of_others_move() {
    use crate::store::streams;
    use crate::testing::{at_second, euro, order, write};
    use storefront_domain::order::OrderEvent;

    let store = crate::testing::a_log();
    let [ada, eve] = [7, 8].map(|number| storefront_api::CustomerId(Uuid::from_u128(number)));
    let begin = async |number, owner| {
        let started = OrderEvent::Started { customer_id: Some(owner), currency: euro(0).currency };
        write(&store, at_second(1), &order(number).to_string(), streams::order(order(number)), &[started]).await;
    };
    let (watch, stop) = (OrderWatch::new(10, OrderOwners::default()), CancellationToken::new());
    let following = tokio::spawn(watch.clone().run(store.clone(), stop.clone()));
    let mut early = watch.watch(correlation("early")).unwrap();
    assert!(early.changed(Instant::now() + SOON).await);
    let of = |owner: storefront_api::CustomerId| watch.watch(Watched::Owner(owner.to_string())).unwrap();
    let (mut of_ada, mut of_eve) = (of(ada), of(eve));
    begin(1, ada).await;
    happens_in(&store, "payment-1", &order(1).to_string()).await;
    begin(2, eve).await;
    assert!(of_eve.changed(Instant::now() + SOON).await);
    assert!(of_ada.changed(Instant::now() + SOON).await);
    let mut of_ada = of(ada);
    happens_in(&store, "payment-2", &order(2).to_string()).await;
    assert!(of_eve.changed(Instant::now() + SOON).await);
    let (_, changes) = of_ada.watched.as_ref().unwrap();
    assert!(!changes.has_changed().unwrap(), "nothing of hers has happened");
    happens_in(&store, &format!("wallet-{ada}"), "request:1").await;
    assert!(of_ada.changed(Instant::now() + SOON).await);
    stop.cancel();
    following.await.unwrap();
}

#[test]
fn a_filter_on_one_stream_or_one_correlation_is_watched_alone() {
    let streams =
        |streams: &[&str]| Filter { streams: streams.iter().map(ToString::to_string).collect(), ..Filter::default() };
    assert_eq!(Watched::of_filter(&streams(&["order-1"])), Some(Watched::Stream("order-1".to_owned())));
    assert_eq!(Watched::of_filter(&streams(&["order-*"])), None);
    assert_eq!(Watched::of_filter(&streams(&["order-1", "order-2"])), None);
    let of_correlation = Filter { correlation_id: Some("7".to_owned()), ..streams(&["order-*"]) };
    assert_eq!(Watched::of_filter(&of_correlation), Some(correlation("7")));
    assert_eq!(Watched::of_filter(&Filter::default()), None);
}

#[tokio::test]
async fn an_event_wakes_those_who_wait_for_its_order_and_nobody_else() {
    let store = crate::testing::a_log();
    let (watch, stop) = (OrderWatch::new(2000, OrderOwners::default()), CancellationToken::new());
    let following = tokio::spawn(watch.clone().run(store.clone(), stop.clone()));
    // Whoever waits before the start of the log is known is woken once for nothing.
    let mut early = watch.watch(correlation("early")).unwrap();
    assert!(early.changed(Instant::now() + SOON).await);
    drop(early);
    let woken = Arc::new(AtomicUsize::new(0));
    let far = Instant::now() + SOON;
    let others: Vec<_> = (0..1000)
        .map(|number| {
            let (mut place, woken) = (watch.watch(correlation(&format!("other-{number}"))).unwrap(), woken.clone());
            tokio::spawn(async move {
                if place.changed(far).await {
                    woken.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for _ in 0..20 {
        let mut both = [watch.watch(correlation("this")).unwrap(), watch.watch(correlation("this")).unwrap()];
        happens(&store, "this").await;
        let news = join_all(both.iter_mut().map(|place| place.changed(far))).await;
        assert_eq!(news, [true, true]);
    }
    assert_eq!(woken.load(Ordering::Relaxed), 0);
    happens(&store, "other-7").await;
    while woken.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(woken.load(Ordering::Relaxed), 1);
    others.iter().for_each(tokio::task::JoinHandle::abort);
    join_all(others).await;
    assert_eq!(watch.waiting().count, 0, "every place is given back");
    assert_eq!(watch.waiting().all().count(), 0);
    stop.cancel();
    following.await.unwrap();
}

#[tokio::test]
async fn there_are_only_so_many_places_and_one_that_is_left_is_free() {
    let watch = OrderWatch::new(2, OrderOwners::default());
    let (one, _two) = (watch.watch(correlation("a")).unwrap(), watch.reserve_slot().unwrap());
    assert!(watch.watch(correlation("b")).is_none() && watch.reserve_slot().is_none());
    drop(one);
    assert!(watch.watch(correlation("b")).is_some());
}
