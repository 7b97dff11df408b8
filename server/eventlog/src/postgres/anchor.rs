//! Whether the database still has what this process has seen in it. After a restore, or when a replica that lacks the last
//! commits takes over, it has not: then what is remembered here is not true of it, and nothing may be built on that.

use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;
use tokio_postgres::Error;
use tracing::error;
use uuid::Uuid;

use super::session::{Session, signed, unsigned};
use crate::{Position, Recorded, StoreError};

const LOOK: &str = "SELECT (SELECT id FROM eventlog.events WHERE position = $1), (SELECT position FROM eventlog.head)";

/// The newest event that was seen, and whether it turned out to be gone.
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

    /// An event of the log was read.
    pub(super) fn saw(&self, event: Option<&Recorded>) {
        if let Some(event) = event {
            self.saw_at(event.position, event.id);
        }
    }

    /// An event was written.
    pub(super) fn saw_at(&self, position: Position, id: Uuid) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if newest.is_none_or(|(known, _)| known < position) {
            *newest = Some((position, id));
        }
    }

    /// Fails once the database was set back.
    pub(super) fn holds(&self) -> Result<(), StoreError> {
        match *self.set_back.borrow() {
            None => Ok(()),
            Some(SetBack { known, head }) => Err(StoreError::SetBack { known, head }),
        }
    }

    /// Waits until the database was set back.
    pub(super) async fn broke(&self) -> StoreError {
        let mut set_back = self.set_back.subscribe();
        let _never_closed = set_back.wait_for(Option::is_some).await;
        self.holds().err().unwrap_or(StoreError::Closed)
    }

    /// Looks whether the database has what was seen. To be done on each new connection before it is believed.
    pub(super) async fn look(&self, session: &Session) -> Result<(), Error> {
        let newest = *self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((known, id)) = newest else { return Ok(()) };
        let look = session.statement(LOOK).await?;
        let row = session.client.query_one(&look, &[&signed(known.0)]).await?;
        let (there, head): (Option<Uuid>, i64) = (row.try_get(0)?, row.try_get(1)?);
        if there != Some(id) && self.set_back.borrow().is_none() {
            let head = Position(unsigned(head));
            error!(%known, %head, "the database was set back to an earlier state; what was written since is gone");
            self.set_back.send_replace(Some(SetBack { known, head }));
        }
        Ok(())
    }
}
