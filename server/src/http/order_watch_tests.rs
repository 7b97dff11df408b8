//! Who waits for an order is woken by its events and by no others.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use storefront_eventlog::{Append, Expected, JsonText, NewEvent, StreamAppend, StreamName};
use uuid::Uuid;

use super::*;

const SOON: Duration = Duration::from_secs(20);

async fn happens(store: &Store, order: &str) {
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
    let stream = StreamName::new(format!("order-{order}")).unwrap();
    let streams = vec![StreamAppend { stream, expected: Expected::Any, events: vec![event] }];
    store.append(Append { streams, ..Append::default() }).await.unwrap();
}

#[tokio::test]
async fn an_event_wakes_those_who_wait_for_its_order_and_nobody_else() {
    let store = crate::testing::a_log();
    let (watch, stop) = (OrderWatch::new(2000), CancellationToken::new());
    let following = tokio::spawn(watch.clone().run(store.clone(), stop.clone()));
    // Whoever waits before the start of the log is known is woken once for nothing.
    let mut early = watch.watch_order("early").unwrap();
    assert!(early.changed(Instant::now() + SOON).await);
    drop(early);
    let woken = Arc::new(AtomicUsize::new(0));
    let far = Instant::now() + SOON;
    let others: Vec<_> = (0..1000)
        .map(|number| {
            let (mut place, woken) = (watch.watch_order(&format!("other-{number}")).unwrap(), woken.clone());
            tokio::spawn(async move {
                if place.changed(far).await {
                    woken.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for _ in 0..20 {
        let mut both = [watch.watch_order("this").unwrap(), watch.watch_order("this").unwrap()];
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
    assert!(watch.waiting().by_correlation.is_empty());
    stop.cancel();
    following.await.unwrap();
}

#[tokio::test]
async fn there_are_only_so_many_places_and_one_that_is_left_is_free() {
    let watch = OrderWatch::new(2);
    let (one, _two) = (watch.watch_order("a").unwrap(), watch.reserve_slot().unwrap());
    assert!(watch.watch_order("b").is_none() && watch.reserve_slot().is_none());
    drop(one);
    assert!(watch.watch_order("b").is_some());
}
