//! The sessions for everything but appends: a fixed number, opened on demand, each shared by many concurrent queries.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Mutex;
use tokio_postgres::Error;

use super::anchor::Anchor;
use super::encryption::PostgresAddress;
use super::session::{Session, is_lost};
use crate::StoreError;

/// A query that runs on a connection of a reader.
pub(super) type QueryFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

pub(super) struct Readers {
    config: PostgresAddress,
    /// Refuses reads after the database was set back, because they do not fit earlier ones.
    anchor: Arc<Anchor>,
    sessions: Vec<Mutex<Option<Arc<Session>>>>,
    next_slot: AtomicUsize,
    closed: AtomicBool,
}

impl Readers {
    pub(super) fn new(config: PostgresAddress, sessions: usize, anchor: Arc<Anchor>) -> Self {
        let sessions = (0..sessions).map(|_| Mutex::new(None)).collect();
        Self { config, anchor, sessions, next_slot: AtomicUsize::new(0), closed: AtomicBool::new(false) }
    }

    /// Runs a query with arguments, and repeats it once on a new connection when the old one is lost.
    pub(super) async fn read<A: Sync, T>(
        &self,
        args: A,
        query: impl for<'a> Fn(&'a Session, &'a A) -> QueryFuture<'a, T> + Send + Sync,
    ) -> Result<T, StoreError> {
        self.anchor.check()?;
        let next_slot = self.next_slot.fetch_add(1, Ordering::Relaxed) % self.sessions.len().max(1);
        let Some(slot) = self.sessions.get(next_slot) else { return Err(StoreError::Closed) };
        let session = self.session(slot).await?;
        match query(&session, &args).await {
            Err(error) if is_lost(&error) => {
                discard(slot, &session).await;
                Ok(query(&*self.session(slot).await?, &args).await?)
            }
            answer => Ok(answer?),
        }
    }

    /// Closes the sessions; later queries fail.
    pub(super) async fn close(&self) {
        self.closed.store(true, Ordering::Release);
        for slot in &self.sessions {
            slot.lock().await.take();
        }
    }

    async fn session(&self, slot: &Mutex<Option<Arc<Session>>>) -> Result<Arc<Session>, StoreError> {
        let mut session = slot.lock().await;
        if self.closed.load(Ordering::Acquire) {
            return Err(StoreError::Closed);
        }
        if let Some(open) = session.as_ref().filter(|open| !open.client.is_closed()) {
            return Ok(open.clone());
        }
        let opened = Arc::new(Session::open(&self.config).await?);
        self.anchor.verify(&opened).await?;
        self.anchor.check()?;
        *session = Some(opened.clone());
        Ok(opened)
    }
}

async fn discard(slot: &Mutex<Option<Arc<Session>>>, lost: &Arc<Session>) {
    let mut session = slot.lock().await;
    if session.as_ref().is_some_and(|there| Arc::ptr_eq(there, lost)) {
        session.take();
    }
}
