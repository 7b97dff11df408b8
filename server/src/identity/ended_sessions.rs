//! The sessions that were ended and whose tokens have not expired yet. They follow the log, so that each server refuses a
//! session which another one has ended.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use storefront_api::SessionId;
use storefront_domain::customer::CustomerEvent;
use storefront_eventlog::{Filter, Position, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::tokens::TOKEN_LIFE;
use crate::clock;
use crate::store::aggregates::{self, Store};

/// Maximum number of events per read.
const EVENTS_PER_READ: usize = 1000;
/// Pause before the log is read again after a failure.
const RETRY_DELAY: Duration = Duration::from_millis(200);
/// How much longer than its tokens a session is remembered, because clocks of servers differ.
const SPARE: Duration = Duration::from_secs(10 * 60);
/// After so many new entries, those whose tokens have expired are forgotten.
const ENTRIES_BETWEEN_SWEEPS: usize = 1000;

/// The ended sessions. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct EndedSessions(Arc<RwLock<Ended>>);

#[derive(Debug, Default)]
struct Ended {
    /// When each is forgotten, in milliseconds since 1970.
    forget_at_ms: HashMap<SessionId, i64>,
    /// The number of entries at which the next sweep is due.
    sweep_at: usize,
}

impl EndedSessions {
    pub(crate) fn contains(&self, id: SessionId) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).forget_at_ms.contains_key(&id)
    }

    /// Adds a session that ended at a time.
    pub(crate) fn add(&self, id: SessionId, ended_at_ms: i64) {
        let mut ended = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let forget_at_ms = ended_at_ms.saturating_add(clock::as_ms(TOKEN_LIFE + SPARE));
        ended.forget_at_ms.insert(id, forget_at_ms);
        if ended.forget_at_ms.len() > ended.sweep_at {
            let now_ms = clock::now().unix_ms();
            ended.forget_at_ms.retain(|_, forget_at_ms| *forget_at_ms > now_ms);
            ended.sweep_at = ended.forget_at_ms.len() + ENTRIES_BETWEEN_SWEEPS;
        }
    }

    /// Reads from the log what ended within the life of a token. Returns the position that was reached, from which
    /// [`EndedSessions::follow`] goes on.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub(crate) async fn load(&self, store: &Store) -> Result<Position, StoreError> {
        let since_ms = clock::now().unix_ms() - clock::as_ms(TOKEN_LIFE + SPARE);
        let mut at = last_before(store, since_ms).await?;
        loop {
            let page = self.read(store, at).await?;
            at = page.0;
            if at >= page.1 {
                return Ok(at);
            }
        }
    }

    /// Follows the log from a position until `stop`.
    pub(crate) async fn follow(self, store: Store, from: Position, stop: CancellationToken) {
        let following = async {
            let mut at = from;
            loop {
                match self.advance(&store, at).await {
                    Ok(next) => at = next,
                    Err(StoreError::Closed) => return,
                    Err(failure) => {
                        warn!(error = %failure, "cannot read the log for ended sessions; trying again");
                        clock::sleep(RETRY_DELAY).await;
                    }
                }
            }
        };
        let _stopped = stop.run_until_cancelled(following).await;
    }

    async fn advance(&self, store: &Store, at: Position) -> Result<Position, StoreError> {
        let (next, head) = self.read(store, at).await?;
        if next >= head {
            store.wait_for(next).await?;
        }
        Ok(next)
    }

    /// Adds what ended after a position. Returns the position that was reached, and the head of the log.
    async fn read(&self, store: &Store, after: Position) -> Result<(Position, Position), StoreError> {
        let filter = Filter { types: vec!["customer.session_ended".to_owned()], ..Filter::default() };
        let page = store.read_all(after, EVENTS_PER_READ, &filter).await?;
        for recorded in &page.events {
            match aggregates::decode::<CustomerEvent>(recorded) {
                Ok(CustomerEvent::SessionEnded { session_id }) => self.add(session_id, recorded.time_ms),
                Ok(_) => {}
                Err(failure) => error!(error = %failure, "cannot read which session ended"),
            }
        }
        Ok((page.next_after, page.head))
    }
}

/// A position before which all events are older than a time, found by halving. Times of events may be out of order by as
/// much as clocks of servers differ, for which [`SPARE`] has room.
async fn last_before(store: &Store, time_ms: i64) -> Result<Position, StoreError> {
    let (mut low, mut high) = (0, store.head().await?.0);
    while low < high {
        let middle = low + (high - low) / 2;
        let page = store.read_all(Position(middle), 1, &Filter::default()).await?;
        let is_older = page.events.first().is_some_and(|recorded| recorded.time_ms < time_ms);
        if is_older {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(Position(low))
}
