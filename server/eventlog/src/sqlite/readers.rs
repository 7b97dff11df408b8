//! The connections that read.
//!
//! Long questions go to threads that may block. A short one costs less than the way to such a thread and back, so it is
//! answered where it is asked, on one connection kept for that: whatever the disk does, at most one async thread waits
//! for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::StoreError;

/// A bounded number of reading connections.
pub(super) struct Readers {
    /// One permit for each connection; closed with the store.
    permits: Arc<Semaphore>,
    connections: Arc<Mutex<Connections>>,
    permit_count: u32,
    at_hand: IdleReaders,
}

/// The connection for short questions.
enum IdleReaders {
    /// `None` once closed.
    Own(Mutex<Option<Connection>>),
    Shared(Arc<Mutex<Connection>>),
    Nothing,
}

enum Connections {
    /// One for each permit.
    Own(Vec<Connection>),
    /// A database in memory has a single connection, which the writer uses too.
    Shared(Arc<Mutex<Connection>>),
    Closed,
}

impl Readers {
    /// Readers that have these connections to themselves: some for long questions, one for short ones.
    pub(super) fn own(connections: Vec<Connection>, at_hand: Connection) -> Self {
        let count = u32::try_from(connections.len()).unwrap_or(1);
        Self::new(Connections::Own(connections), count, IdleReaders::Own(Mutex::new(Some(at_hand))))
    }

    /// Readers that take turns with the writer.
    pub(super) fn shared(connection: Arc<Mutex<Connection>>) -> Self {
        Self::new(Connections::Shared(connection.clone()), 1, IdleReaders::Shared(connection))
    }

    /// Turns at the connection of the writer of a file, for the little that is written beside appends.
    pub(super) fn beside_the_writer(connection: Arc<Mutex<Connection>>) -> Self {
        Self::new(Connections::Shared(connection), 1, IdleReaders::Nothing)
    }

    fn new(connections: Connections, permit_count: u32, at_hand: IdleReaders) -> Self {
        let permits = Arc::new(Semaphore::new(permit_count as usize));
        Self { permits, connections: Arc::new(Mutex::new(connections)), permit_count, at_hand }
    }

    /// Answers a question that looks at a few rows: here and now, or like a long one when the connection at hand is in
    /// use.
    pub(super) async fn read_short<T: Send + 'static, E: Into<StoreError>>(
        &self,
        question: impl Fn(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, StoreError> {
        match self.try_at_hand(&question) {
            Some(answer) => answer,
            None => self.read(question).await,
        }
    }

    /// `None` when the connection at hand is in use.
    fn try_at_hand<T, E: Into<StoreError>>(
        &self,
        question: impl Fn(&Connection) -> Result<T, E>,
    ) -> Option<Result<T, StoreError>> {
        if self.permits.is_closed() {
            return Some(Err(StoreError::Closed));
        }
        match &self.at_hand {
            IdleReaders::Own(connection) => {
                let connection = try_lock(connection)?;
                Some(connection.as_ref().map_or(Err(StoreError::Closed), |open| question(open).map_err(Into::into)))
            }
            IdleReaders::Shared(connection) => Some(question(&*try_lock(connection)?).map_err(Into::into)),
            IdleReaders::Nothing => None,
        }
    }

    /// Whether two long questions would be answered at once.
    pub(super) fn can_answer_two(&self) -> bool {
        self.permits.available_permits() >= 2
    }

    /// Runs a question on a thread that may block.
    pub(super) async fn read<T: Send + 'static, E: Into<StoreError>>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = self.permits.clone().acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let connections = self.connections.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let answer = with_connection(&connections, question);
            drop(permit);
            answer
        });
        reading.await.map_err(|error| StoreError::Database(Box::new(error)))?
    }

    /// Waits for those who read, then lets go of the connections; later questions fail.
    pub(super) async fn close(&self) {
        // Fails when it is closed already, and then there is nothing to wait for.
        let _all = self.permits.acquire_many(self.permit_count).await;
        self.close_now();
    }

    /// Lets go of the connections that nobody uses.
    pub(super) fn close_now(&self) {
        self.permits.close();
        *lock(&self.connections) = Connections::Closed;
        if let IdleReaders::Own(connection) = &self.at_hand {
            lock(connection).take();
        }
    }
}

fn with_connection<T, E: Into<StoreError>>(
    connections: &Mutex<Connections>,
    question: impl FnOnce(&Connection) -> Result<T, E>,
) -> Result<T, StoreError> {
    enum BorrowedReader {
        Own(Connection),
        Shared(Arc<Mutex<Connection>>),
    }
    let taken = match &mut *lock(connections) {
        Connections::Own(idle) => BorrowedReader::Own(idle.pop().ok_or(StoreError::Closed)?),
        Connections::Shared(connection) => BorrowedReader::Shared(connection.clone()),
        Connections::Closed => return Err(StoreError::Closed),
    };
    match taken {
        BorrowedReader::Own(connection) => {
            let answer = question(&connection);
            if let Connections::Own(idle) = &mut *lock(connections) {
                idle.push(connection);
            }
            answer.map_err(Into::into)
        }
        BorrowedReader::Shared(connection) => question(&lock(&connection)).map_err(Into::into),
    }
}

/// A panic while the lock was held leaves a connection that is still good: SQLite undoes what was not committed.
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
