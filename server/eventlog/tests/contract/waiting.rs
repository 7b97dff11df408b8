//! Waiting for news.

use futures_like::poll_once;
use storefront_eventlog::{Filter, Position};
use tokio::task::JoinSet;

use crate::world::*;

pub(crate) async fn waiting_for_what_is_there_answers_at_once(log: Log) {
    write(&log, "a", 3).await;
    assert_eq!(soon("the answer", log.wait_for(Position(0))).await.unwrap(), Position(3));
    assert_eq!(soon("the answer", log.wait_for(Position(2))).await.unwrap(), Position(3));
}

pub(crate) async fn an_append_wakes_all_who_wait(log: Log) {
    write(&log, "a", 1).await;
    let mut waiting = JoinSet::new();
    for _ in 0..50 {
        let log = log.clone();
        waiting.spawn(async move { log.wait_for(Position(1)).await.unwrap() });
    }
    write(&log, "a", 1).await;
    assert_eq!(soon("waking", waiting.join_all()).await, [Position(2); 50]);
}

pub(crate) async fn a_refused_append_wakes_nobody(log: Log) {
    write(&log, "a", 1).await;
    let mut waiting = Box::pin(log.wait_for(Position(1)));
    assert!(poll_once(&mut waiting).await.is_none());
    log.append(nothing().and(to("a", 0, some_events(1)))).await.unwrap_err();
    log.append(nothing().with_checkpoint("mail", 1)).await.unwrap();
    assert!(poll_once(&mut waiting).await.is_none());
    write(&log, "a", 1).await;
    assert_eq!(soon("waking", waiting).await.unwrap(), Position(2));
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
        write(&log, "a", 1).await;
        assert_eq!(soon("waking", follower).await.unwrap(), 1);
    }
}

pub(crate) async fn following_the_log_loses_nothing(log: Log) {
    const WRITERS: usize = 4;
    const EACH: usize = 100;
    let mut followers = JoinSet::new();
    for _ in 0..4 {
        let log = log.clone();
        followers.spawn(async move {
            let mut seen = 0;
            while seen < WRITERS * EACH {
                soon("news", log.wait_for(Position(seen as u64))).await.unwrap();
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
            for _ in 0..EACH {
                write(&log, &format!("s-{writer}"), 1).await;
            }
        });
    }
    writers.join_all().await;
    assert_eq!(followers.join_all().await, [WRITERS * EACH; 4]);
}

mod futures_like {
    //! The one thing of `futures` that these stories need.

    use std::pin::Pin;
    use std::task::Poll;

    /// What a future answers if it is asked now.
    pub(super) async fn poll_once<F: Future + ?Sized>(future: &mut Pin<Box<F>>) -> Option<F::Output> {
        std::future::poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => Poll::Ready(None),
        })
        .await
    }
}
