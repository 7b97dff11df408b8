//! Follows the log for what decides whom a server lets in: the sessions that ended and the API keys. Each server follows for
//! itself, so that it refuses what was ended or revoked on another one.

use std::time::Duration;

use storefront_domain::api_key::{ApiKeyEvent, ApiKeys as KeysOfLog};
use storefront_domain::customer::CustomerEvent;
use storefront_eventlog::{Filter, Position, Recorded, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::api_keys::ApiKeys;
use super::ended_sessions::{EndedSessions, REMEMBERED_FOR};
use crate::clock;
use crate::store::aggregates::{self, LoadError, Store};
use crate::store::streams;

/// Maximum number of events per read.
const EVENTS_PER_READ: usize = 1000;
/// Pause before the log is read again after a failure.
const RETRY_DELAY: Duration = Duration::from_millis(200);

const SESSION_ENDED: &str = "customer.session_ended";
const API_KEYS: &str = "api_key.*";

/// What follows the log.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogFollower {
    pub(crate) ended: EndedSessions,
    pub(crate) api_keys: ApiKeys,
}

impl LogFollower {
    /// Reads the API keys, and the sessions that ended within the life of a token. Returns the position that was reached, from
    /// which [`LogFollower::follow`] goes on.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub(crate) async fn load(&self, store: &Store) -> Result<Position, LoadError> {
        let (keys, _) = aggregates::load::<ApiKeyEvent>(store, &streams::api_keys()).await?;
        let KeysOfLog(keys) = &*keys;
        keys.iter().for_each(|known| self.api_keys.apply(&ApiKeyEvent::Created(known.key.clone())));
        let since_ms = clock::now().unix_ms() - clock::as_ms(REMEMBERED_FOR);
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
                        warn!(error = %failure, "cannot read the log for ended sessions and API keys; trying again");
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

    /// Takes what was written after a position. Returns the position that was reached, and the head of the log.
    async fn read(&self, store: &Store, after: Position) -> Result<(Position, Position), StoreError> {
        let types = vec![SESSION_ENDED.to_owned(), API_KEYS.to_owned()];
        let page = store.read_all(after, EVENTS_PER_READ, &Filter { types, ..Filter::default() }).await?;
        page.events.iter().for_each(|recorded| self.take(recorded));
        Ok((page.next_after, page.head))
    }

    fn take(&self, recorded: &Recorded) {
        if recorded.kind() == SESSION_ENDED {
            match aggregates::decode::<CustomerEvent>(recorded) {
                Ok(CustomerEvent::SessionEnded { session_id }) => self.ended.add(session_id, recorded.time_ms),
                Ok(_) => {}
                Err(failure) => error!(error = %failure, "cannot read which session ended"),
            }
        } else {
            match aggregates::decode::<ApiKeyEvent>(recorded) {
                Ok(event) => self.api_keys.apply(&event),
                Err(failure) => error!(error = %failure, "cannot read what became of an API key"),
            }
        }
    }
}

/// A position before which all events are older than a time, found by halving. Times of events may be out of order by as
/// much as clocks of servers differ, for which [`REMEMBERED_FOR`] has room.
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
