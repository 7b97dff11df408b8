//! Tests of closing a log.

use std::time::Duration;

use storefront_eventlog::{AppendError, Epoch, Fence, Filter, JsonText, Position, StoreError, Version};
use tokio::task::JoinSet;

use crate::world::*;

pub(crate) async fn a_closed_log_refuses_everything(log: Log) {
    append_events(&log, "a", 1).await;
    log.close().await;
    assert!(matches!(log.append(empty_append()).await, Err(AppendError::Store(StoreError::Closed))));
    assert!(matches!(log.read_stream(&stream("a"), Version(1), 1).await, Err(StoreError::Closed)));
    assert!(matches!(log.read_all(Position(0), 1, &Filter::default()).await, Err(StoreError::Closed)));
    assert!(matches!(log.head().await, Err(StoreError::Closed)));
    assert!(matches!(log.wait_for(Position(0)).await, Err(StoreError::Closed)));
    assert!(matches!(log.checkpoint("mail").await, Err(StoreError::Closed)));
    assert!(matches!(log.answer("key").await, Err(StoreError::Closed)));
    let fence = Fence { lease: "mail".to_owned(), epoch: Epoch(1) };
    assert!(matches!(log.acquire_lease("mail", "here", Duration::from_secs(1)).await, Err(StoreError::Closed)));
    assert!(matches!(log.renew_lease(&fence, Duration::from_secs(1)).await, Err(StoreError::Closed)));
    assert!(matches!(log.release_lease(&fence).await, Err(StoreError::Closed)));
    assert!(matches!(log.now_ms().await, Err(StoreError::Closed)));
    assert!(matches!(log.due_timers("mail", 1).await, Err(StoreError::Closed)));
    assert!(matches!(log.next_due("mail").await, Err(StoreError::Closed)));
    assert!(matches!(log.snapshot(&stream("a"), 1).await, Err(StoreError::Closed)));
    let data = JsonText::of(&1).unwrap();
    assert!(matches!(log.save_snapshot(&stream("a"), Version(1), 1, &data).await, Err(StoreError::Closed)));
    assert!(matches!(log.inconsistencies().await, Err(StoreError::Closed)));
}

pub(crate) async fn closing_wakes_those_who_wait(log: Log) {
    let waiting = tokio::spawn({
        let log = log.clone();
        async move { log.wait_for(Position(0)).await }
    });
    log.close().await;
    assert!(matches!(with_timeout("waking", waiting).await.unwrap(), Err(StoreError::Closed)));
}

pub(crate) async fn closing_twice_is_fine(log: Log) {
    let mut closers = JoinSet::new();
    for _ in 0..4 {
        let log = log.clone();
        closers.spawn(async move { log.close().await });
    }
    with_timeout("closing", closers.join_all()).await;
    with_timeout("closing", log.close()).await;
}

pub(crate) async fn what_was_queued_is_finished_before_the_log_closes(log: Log) {
    let mut callers = JoinSet::new();
    for caller in 0..100 {
        let log = log.clone();
        callers.spawn(async move {
            log.append(empty_append().and(at_version(&format!("s-{caller}"), 0, new_events(1)))).await
        });
    }
    // Some callers have been answered, some wait, some come too late.
    log.wait_for(Position(1)).await.unwrap();
    log.close().await;
    for outcome in with_timeout("an answer", callers.join_all()).await {
        assert!(matches!(outcome, Ok(_) | Err(AppendError::Store(StoreError::Closed))), "{outcome:?}");
    }
}
