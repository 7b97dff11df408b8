//! The sessions that were ended and whose tokens have not expired yet. They follow the log, so that each server refuses a
//! session which another one has ended.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use storefront_api::SessionId;
use tokio::sync::watch;

use super::tokens::TOKEN_LIFE;
use crate::clock;

/// For how long a session is remembered after its end: 10 minutes longer than its tokens, because clocks of servers differ.
pub(crate) const REMEMBERED_FOR: Duration = Duration::from_secs(TOKEN_LIFE.as_secs() + 10 * 60);
/// After so many new entries, those whose tokens have expired are forgotten.
const ENTRIES_BETWEEN_SWEEPS: usize = 1000;

/// The ended sessions. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct EndedSessions(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    ended: RwLock<Ended>,
    /// Changes with each session that ends.
    changes: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Ended {
    /// When each is forgotten, in milliseconds since 1970.
    forget_at_ms: HashMap<SessionId, i64>,
    /// The number of entries at which the next sweep is due.
    sweep_at: usize,
}

impl EndedSessions {
    pub(crate) fn contains(&self, id: SessionId) -> bool {
        self.0.ended.read().unwrap_or_else(PoisonError::into_inner).forget_at_ms.contains_key(&id)
    }

    /// Adds a session that ended at a time.
    pub(crate) fn add(&self, id: SessionId, ended_at_ms: i64) {
        let mut ended = self.0.ended.write().unwrap_or_else(PoisonError::into_inner);
        let forget_at_ms = ended_at_ms.saturating_add(clock::as_ms(REMEMBERED_FOR));
        ended.forget_at_ms.insert(id, forget_at_ms);
        if ended.forget_at_ms.len() > ended.sweep_at {
            let now_ms = clock::now().unix_ms();
            ended.forget_at_ms.retain(|_, forget_at_ms| *forget_at_ms > now_ms);
            ended.sweep_at = ended.forget_at_ms.len() + ENTRIES_BETWEEN_SWEEPS;
        }
        drop(ended);
        self.0.changes.send_replace(());
    }

    /// Changes with each session that ends from now on.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.0.changes.subscribe()
    }
}
