//! The reading connections.
//!
//! Long queries run on blocking threads. A short query costs less than a switch to such a thread and back, so it runs on the
//! calling thread, on one connection reserved for that: at most one async thread waits for the disk at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::StoreError;

/// A bounded number of reading connections.
pub(super) struct Readers {
    /// One permit per connection; closed with the store.
    permits: Arc<Semaphore>,
    connections: Arc<Mutex<Connections>>,
    permit_count: u32,
    inline: InlineConnection,
}

/// The connection for short queries on the calling thread.
enum InlineConnection {
    /// `None` once closed.
    Own(Mutex<Option<Connection>>),
    Shared(Arc<Mutex<Connection>>),
    Unavailable,
}

enum Connections {
    /// One connection per permit.
    Own(Vec<Connection>),
    /// The single connection of a database in memory, or the connection of the writer.
    Shared(Arc<Mutex<Connection>>),
    Closed,
}

impl Readers {
    /// Readers with connections of their own: some for long queries, one for short ones.
    pub(super) fn dedicated(connections: Vec<Connection>, inline: Connection) -> Self {
        let count = u32::try_from(connections.len()).unwrap_or(1);
        Self::new(Connections::Own(connections), count, InlineConnection::Own(Mutex::new(Some(inline))))
    }

    /// Readers that share the connection of the writer of a database in memory.
    pub(super) fn shared(connection: Arc<Mutex<Connection>>) -> Self {
        Self::new(Connections::Shared(connection.clone()), 1, InlineConnection::Shared(connection))
    }

    /// Access to the connection of the writer of a file, for the few writes that are not appends.
    pub(super) fn shared_with_writer(connection: Arc<Mutex<Connection>>) -> Self {
        Self::new(Connections::Shared(connection), 1, InlineConnection::Unavailable)
    }

    fn new(connections: Connections, permit_count: u32, inline: InlineConnection) -> Self {
        let permits = Arc::new(Semaphore::new(permit_count as usize));
        Self { permits, connections: Arc::new(Mutex::new(connections)), permit_count, inline }
    }

    /// Runs a query of a few rows: on the calling thread, or as a long one when the inline connection is in use.
    pub(super) async fn read_short<T: Send + 'static, E: Into<StoreError>>(
        &self,
        query: impl Fn(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, StoreError> {
        match self.try_inline(&query) {
            Some(answer) => answer,
            None => self.read(query).await,
        }
    }

    /// Runs a query on the inline connection. Returns `None` when that is in use.
    fn try_inline<T, E: Into<StoreError>>(
        &self,
        query: impl Fn(&Connection) -> Result<T, E>,
    ) -> Option<Result<T, StoreError>> {
        if self.permits.is_closed() {
            return Some(Err(StoreError::Closed));
        }
        match &self.inline {
            InlineConnection::Own(connection) => {
                let connection = try_lock(connection)?;
                Some(connection.as_ref().map_or(Err(StoreError::Closed), |open| query(open).map_err(Into::into)))
            }
            InlineConnection::Shared(connection) => Some(query(&*try_lock(connection)?).map_err(Into::into)),
            InlineConnection::Unavailable => None,
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.permits.is_closed()
    }

    /// Whether two long queries can run at once.
    pub(super) fn has_two_free(&self) -> bool {
        self.permits.available_permits() >= 2
    }

    /// Runs a query on a blocking thread.
    pub(super) async fn read<T: Send + 'static, E: Into<StoreError>>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = self.permits.clone().acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let connections = self.connections.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let answer = with_connection(&connections, query);
            drop(permit);
            answer
        });
        reading.await.map_err(|error| StoreError::Database(Box::new(error)))?
    }

    /// Waits for running queries, then closes the connections; later queries fail.
    pub(super) async fn close(&self) {
        // An error means that it is closed already.
        let _all = self.permits.acquire_many(self.permit_count).await;
        self.close_now();
    }

    /// Closes the connections that are not in use.
    pub(super) fn close_now(&self) {
        self.permits.close();
        *lock(&self.connections) = Connections::Closed;
        if let InlineConnection::Own(connection) = &self.inline {
            lock(connection).take();
        }
    }
}

fn with_connection<T, E: Into<StoreError>>(
    connections: &Mutex<Connections>,
    query: impl FnOnce(&Connection) -> Result<T, E>,
) -> Result<T, StoreError> {
    enum BorrowedConnection {
        Own(Connection),
        Shared(Arc<Mutex<Connection>>),
    }
    let borrowed = match &mut *lock(connections) {
        Connections::Own(idle) => BorrowedConnection::Own(idle.pop().ok_or(StoreError::Closed)?),
        Connections::Shared(connection) => BorrowedConnection::Shared(connection.clone()),
        Connections::Closed => return Err(StoreError::Closed),
    };
    match borrowed {
        BorrowedConnection::Own(connection) => {
            let answer = query(&connection);
            if let Connections::Own(idle) = &mut *lock(connections) {
                idle.push(connection);
            }
            answer.map_err(Into::into)
        }
        BorrowedConnection::Shared(connection) => query(&lock(&connection)).map_err(Into::into),
    }
}

/// Locks a mutex, also a poisoned one: after a panic the connection is still valid, because SQLite rolls back what was not
/// committed.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}
