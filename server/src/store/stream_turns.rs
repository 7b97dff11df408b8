//! Turns to decide on a stream, so that a server does not compete with itself where many change one stream at once, as the
//! stock of a product that everybody buys. Against other servers the expected version of the append decides.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use storefront_eventlog::StreamName;
use tokio::sync::OwnedMutexGuard;

/// Number of streams at which those without a holder are removed.
const STREAMS_BEFORE_CLEANUP: usize = 1000;

/// The turns of all streams.
#[derive(Default)]
pub(crate) struct StreamTurns(Mutex<HashMap<StreamName, Weak<tokio::sync::Mutex<()>>>>);

/// The turn on one stream, until it is dropped.
pub(crate) struct StreamTurn(#[expect(dead_code, reason = "held, never read")] OwnedMutexGuard<()>);

impl StreamTurns {
    /// Waits for the turn on a stream. Whoever holds several turns has taken them in the order of the names.
    pub(crate) async fn take(&self, stream: &StreamName) -> StreamTurn {
        let turn = self.of(stream);
        StreamTurn(turn.lock_owned().await)
    }

    fn of(&self, stream: &StreamName) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(stream).and_then(Weak::upgrade) {
            return turn;
        }
        if turns.len() >= STREAMS_BEFORE_CLEANUP {
            turns.retain(|_, turn| turn.strong_count() > 0);
        }
        let turn = Arc::default();
        turns.insert(stream.clone(), Arc::downgrade(&turn));
        turn
    }
}

#[cfg(test)]
mod tests {
    use storefront_domain::stock::StockEvent;
    use storefront_eventlog::AppendError;
    use tokio::task::JoinSet;

    use super::*;
    use crate::store::aggregates::{AppendBuilder, Cause, load};
    use crate::store::streams;
    use crate::testing::{a_log, at_second, product};

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn who_takes_turns_on_one_stream_has_no_conflict() {
        let store = a_log();
        let mut shoppers = JoinSet::new();
        for _ in 0..64 {
            let store = store.clone();
            shoppers.spawn(async move {
                let stream = streams::stock(&product("mug"));
                let cause = Cause { correlation_id: "test".to_owned(), causation_id: None, actor: "test".to_owned() };
                let mut batch = AppendBuilder::new(at_second(1), cause);
                batch.hold(store.turns().take(&stream).await);
                let (_, version) = load::<StockEvent>(&store, &stream).await.unwrap();
                batch.add(stream, version, &[StockEvent::Received { quantity: 1 }]);
                Ok::<_, AppendError>(batch.append_to(&store).await?.versions[0])
            });
        }
        let mut versions: Vec<u64> = shoppers.join_all().await.into_iter().map(|version| version.unwrap().0).collect();
        versions.sort_unstable();
        assert_eq!(versions, (1..=64).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn turns_that_nobody_holds_are_removed() {
        let turns = StreamTurns::default();
        let stream = |number: usize| streams::stock(&product(&format!("p{number}")));
        let held = turns.take(&stream(0)).await;
        for number in 1..3 * STREAMS_BEFORE_CLEANUP {
            drop(turns.take(&stream(number)).await);
        }
        let known = turns.0.lock().unwrap().len();
        assert!(known <= STREAMS_BEFORE_CLEANUP, "{known}");
        assert!(turns.of(&stream(0)).try_lock().is_err(), "it is held");
        drop(held);
    }
}
