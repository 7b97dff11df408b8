//! Tests of waiting for events.

use futures_like::poll_once;
use storefront_eventlog::{Filter, Position};
use tokio::task::JoinSet;

use crate::world::*;

pub(crate) async fn waiting_for_what_is_there_answers_at_once(log: Log) {
    append_events(&log, "a", 3).await;
    assert_eq!(with_timeout("the answer", log.wait_for(Position(0))).await.unwrap(), Position(3));
    assert_eq!(with_timeout("the answer", log.wait_for(Position(2))).await.unwrap(), Position(3));
}

pub(crate) async fn an_append_wakes_all_who_wait(log: Log) {
    append_events(&log, "a", 1).await;
    let mut waiting = JoinSet::new();
    for _ in 0..50 {
        let log = log.clone();
        waiting.spawn(async move { log.wait_for(Position(1)).await.unwrap() });
    }
    append_events(&log, "a", 1).await;
    assert_eq!(with_timeout("waking", waiting.join_all()).await, [Position(2); 50]);
}

pub(crate) async fn a_refused_append_wakes_nobody(log: Log) {
    append_events(&log, "a", 1).await;
    let mut waiting = Box::pin(log.wait_for(Position(1)));
    assert!(poll_once(&mut waiting).await.is_none());
    log.append(empty_append().and(at_version("a", 0, new_events(1)))).await.unwrap_err();
    log.append(empty_append().with_checkpoint("mail", 1)).await.unwrap();
    assert!(poll_once(&mut waiting).await.is_none());
    append_events(&log, "a", 1).await;
    assert_eq!(with_timeout("waking", waiting).await.unwrap(), Position(2));
}

pub(crate) async fn who_is_woken_can_read_the_news(log: Log) {
    for turn in 1..=100 {
        let follower = tokio::spawn({
            let log = log.clone();
            async move {
                let reached = log.wait_for(Position(turn - 1)).await.unwrap();
                let slice = log.read_all(Position(turn - 1), 10, &Filter::default()).await.unwrap();
                assert!(slice.head >= reached);
                slice.events.len()
            }
        });
        append_events(&log, "a", 1).await;
        assert_eq!(with_timeout("waking", follower).await.unwrap(), 1);
    }
}

pub(crate) async fn following_the_log_loses_nothing(log: Log) {
    const WRITERS: usize = 4;
    const EVENTS_PER_WRITER: usize = 100;
    let mut followers = JoinSet::new();
    for _ in 0..4 {
        let log = log.clone();
        followers.spawn(async move {
            let mut seen = 0;
            while seen < WRITERS * EVENTS_PER_WRITER {
                with_timeout("news", log.wait_for(Position(seen as u64))).await.unwrap();
                let slice = log.read_all(Position(seen as u64), 50, &Filter::default()).await.unwrap();
                assert!(!slice.events.is_empty(), "woken for nothing at {seen}");
                seen += slice.events.len();
            }
            seen
        });
    }
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let log = log.clone();
        writers.spawn(async move {
            for _ in 0..EVENTS_PER_WRITER {
                append_events(&log, &format!("s-{writer}"), 1).await;
            }
        });
    }
    writers.join_all().await;
    assert_eq!(followers.join_all().await, [WRITERS * EVENTS_PER_WRITER; 4]);
}

pub(crate) async fn a_follower_gets_each_event_once_however_far_it_falls_behind(log: Log) {
    // More than any backend keeps in memory, written while the follower is at the end, behind and far behind.
    const BURSTS: [usize; 6] = [1, 5000, 5000, 9000, 1, 5000];
    let total = BURSTS.iter().sum::<usize>() as u64;
    let follower = tokio::spawn({
        let log = log.clone();
        async move {
            let mut seen = Position(0);
            while seen.0 < total {
                let page = with_timeout("news", log.follow(seen, 700, &Filter::default())).await.unwrap();
                for event in page.events {
                    assert_eq!(event.position.0, seen.0 + 1, "each once, and in order");
                    seen = event.position;
                }
                assert_eq!(page.next_after, seen);
            }
        }
    });
    for burst in BURSTS {
        append_events(&log, "a", burst).await;
    }
    follower.await.unwrap();
}

pub(crate) async fn a_follower_learns_the_position_of_what_its_filter_left_out(log: Log) {
    append_events(&log, "a", 2).await;
    let of_b = Filter { streams: vec!["b".to_owned()], ..Filter::default() };
    let page = with_timeout("the answer", log.follow(Position(0), 10, &of_b)).await.unwrap();
    assert_eq!((page.events.len(), page.next_after), (0, Position(2)));
    let mut waiting = Box::pin(log.follow(Position(2), 10, &of_b));
    assert!(poll_once(&mut waiting).await.is_none());
    append_events(&log, "b", 1).await;
    let page = with_timeout("waking", waiting).await.unwrap();
    assert_eq!((page.events.len(), page.next_after, page.head), (1, Position(3), Position(3)));
}

mod futures_like {
    //! Polls a future once.

    use std::pin::Pin;
    use std::task::Poll;

    /// Polls a future once; `None` while it is pending.
    pub(super) async fn poll_once<F: Future + ?Sized>(future: &mut Pin<Box<F>>) -> Option<F::Output> {
        std::future::poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => Poll::Ready(None),
        })
        .await
    }
}
