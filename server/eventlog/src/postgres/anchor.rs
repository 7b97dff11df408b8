//! Detects that the database was set back: after a restore, or when a replica without the last commits takes over, it lacks
//! events that this process has seen. Caches and reads of this process are invalid then.

use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;
use tokio_postgres::Error;
use tracing::error;
use uuid::Uuid;

use super::session::{Session, signed, unsigned};
use crate::{Position, Recorded, StoreError};

const CHECK_ANCHOR: &str =
    "SELECT (SELECT id FROM eventlog.events WHERE position = $1), (SELECT position FROM eventlog.head)";

/// The newest event that this process has seen, and whether the database was found to lack it.
pub(super) struct Anchor {
    newest: Mutex<Option<(Position, Uuid)>>,
    set_back: watch::Sender<Option<SetBack>>,
}

/// How far the database was set back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SetBack {
    known: Position,
    head: Position,
}

impl Anchor {
    pub(super) fn new() -> Self {
        Self { newest: Mutex::new(None), set_back: watch::Sender::new(None) }
    }

    /// Records an event that was read.
    pub(super) fn record_read(&self, event: Option<&Recorded>) {
        if let Some(event) = event {
            self.record(event.position, event.id);
        }
    }

    /// Records an event that was read or written.
    pub(super) fn record(&self, position: Position, id: Uuid) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if newest.is_none_or(|(known, _)| known < position) {
            *newest = Some((position, id));
        }
    }

    /// Returns [`StoreError::SetBack`] once the database was found to be set back.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match *self.set_back.borrow() {
            None => Ok(()),
            Some(SetBack { known, head }) => Err(StoreError::SetBack { known, head }),
        }
    }

    /// Waits until the database is found to be set back.
    pub(super) async fn wait_until_set_back(&self) -> StoreError {
        let mut set_back = self.set_back.subscribe();
        let _never_closed = set_back.wait_for(Option::is_some).await;
        self.check().err().unwrap_or(StoreError::Closed)
    }

    /// Checks that the database has the newest seen event. Must run on each new connection before anything else.
    pub(super) async fn verify(&self, session: &Session) -> Result<(), Error> {
        let newest = *self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((known, id)) = newest else { return Ok(()) };
        let verify = session.statement(CHECK_ANCHOR).await?;
        let row = session.client.query_one(&verify, &[&signed(known.0)]).await?;
        let (stored_id, head): (Option<Uuid>, i64) = (row.try_get(0)?, row.try_get(1)?);
        if stored_id != Some(id) && self.set_back.borrow().is_none() {
            let head = Position(unsigned(head));
            error!(%known, %head, "the database was set back to an earlier state; what was written since is gone");
            self.set_back.send_replace(Some(SetBack { known, head }));
        }
        Ok(())
    }
}
