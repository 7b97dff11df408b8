//! A log around another log, such as one that observes the outcome of every call. A layer states what it changes; every other
//! call goes to the inner log.

use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use crate::{
    Append, AppendError, Appended, DataKey, EventPage, EventStore, Fence, Filter, HashTree, JsonText, LeaseOutcome,
    Position, Recorded, Snapshot, StoreError, StoredResponse, StreamName, Timer, Version,
};

/// What a call of an [`EventStore`] does, for layers that treat calls differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreCall {
    /// Reads events or stored data from the database.
    Read,
    /// Reads what may be in memory, so that its success says nothing about the database.
    ReadMemory,
    /// Reads the snapshot of a stream.
    ReadSnapshot,
    /// Waits for events after a position.
    Wait,
    /// Saves the snapshot of a stream.
    SaveSnapshot,
    /// Changes a lease, a key, the epoch or the mark of an import.
    Change,
}

/// A log around another one. Implementing this implements [`EventStore`].
pub trait StoreLayer: Send + Sync + 'static {
    /// The log that answers.
    fn inner(&self) -> &dyn EventStore;

    /// Passes an append to the inner log.
    fn around_append(&self, append: Append) -> impl Future<Output = Result<Appended, AppendError>> + Send {
        self.inner().append(append)
    }

    /// Passes on every other call: `result` is the call of the inner log, which has not begun.
    fn around<T: Send + 'static>(
        &self,
        _call: StoreCall,
        result: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> impl Future<Output = Result<T, StoreError>> + Send {
        result
    }

    /// What callers see of the events of a stream that were read.
    fn show_stream(&self, events: Vec<Recorded>) -> impl Future<Output = Result<Vec<Recorded>, StoreError>> + Send {
        std::future::ready(Ok(events))
    }

    /// What callers see of a page of the log that was read.
    fn show_page(&self, page: EventPage) -> impl Future<Output = Result<EventPage, StoreError>> + Send {
        std::future::ready(Ok(page))
    }
}

#[async_trait]
impl<L: StoreLayer> EventStore for L {
    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        self.around_append(append).await
    }

    async fn read_stream(&self, stream: &StreamName, from: Version, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        let events = self.around(StoreCall::Read, self.inner().read_stream(stream, from, limit)).await?;
        self.show_stream(events).await
    }

    async fn read_all(&self, after: Position, limit: usize, filter: &Filter) -> Result<EventPage, StoreError> {
        self.show_page(self.around(StoreCall::Read, self.inner().read_all(after, limit, filter)).await?).await
    }

    async fn follow(&self, after: Position, limit: usize, filter: &Filter) -> Result<EventPage, StoreError> {
        self.show_page(self.around(StoreCall::ReadMemory, self.inner().follow(after, limit, filter)).await?).await
    }

    async fn head(&self) -> Result<Position, StoreError> {
        self.around(StoreCall::Read, self.inner().head()).await
    }

    async fn wait_for(&self, after: Position) -> Result<Position, StoreError> {
        self.around(StoreCall::Wait, self.inner().wait_for(after)).await
    }

    async fn checkpoint(&self, consumer: &str) -> Result<Position, StoreError> {
        self.around(StoreCall::Read, self.inner().checkpoint(consumer)).await
    }

    async fn answer(&self, key: &str) -> Result<Option<(StoredResponse, Position)>, StoreError> {
        self.around(StoreCall::Read, self.inner().answer(key)).await
    }

    async fn acquire_lease(&self, lease: &str, holder: &str, ttl: Duration) -> Result<LeaseOutcome, StoreError> {
        self.around(StoreCall::Change, self.inner().acquire_lease(lease, holder, ttl)).await
    }

    async fn renew_lease(&self, fence: &Fence, ttl: Duration) -> Result<bool, StoreError> {
        self.around(StoreCall::Change, self.inner().renew_lease(fence, ttl)).await
    }

    async fn release_lease(&self, fence: &Fence) -> Result<(), StoreError> {
        self.around(StoreCall::Change, self.inner().release_lease(fence)).await
    }

    async fn now_ms(&self) -> Result<i64, StoreError> {
        self.around(StoreCall::Read, self.inner().now_ms()).await
    }

    async fn due_timers(&self, owner: &str, limit: usize) -> Result<Vec<Timer>, StoreError> {
        self.around(StoreCall::Read, self.inner().due_timers(owner, limit)).await
    }

    async fn next_due(&self, owner: &str) -> Result<Option<Duration>, StoreError> {
        self.around(StoreCall::Read, self.inner().next_due(owner)).await
    }

    async fn snapshot(&self, stream: &StreamName, schema_version: u16) -> Result<Option<Snapshot>, StoreError> {
        self.around(StoreCall::ReadSnapshot, self.inner().snapshot(stream, schema_version)).await
    }

    async fn save_snapshot(
        &self,
        stream: &StreamName,
        version: Version,
        schema_version: u16,
        data: &JsonText,
    ) -> Result<bool, StoreError> {
        self.around(StoreCall::SaveSnapshot, self.inner().save_snapshot(stream, version, schema_version, data)).await
    }

    async fn add_data_keys(&self, keys: &[DataKey]) -> Result<(), StoreError> {
        self.around(StoreCall::Change, self.inner().add_data_keys(keys)).await
    }

    async fn data_keys(&self, ids: &[Uuid]) -> Result<Vec<DataKey>, StoreError> {
        self.around(StoreCall::Read, self.inner().data_keys(ids)).await
    }

    async fn data_keys_after(&self, after: Uuid, limit: usize) -> Result<Vec<DataKey>, StoreError> {
        self.around(StoreCall::Read, self.inner().data_keys_after(after, limit)).await
    }

    async fn erase(&self, keys: &[Uuid], streams: &[StreamName]) -> Result<(), StoreError> {
        self.around(StoreCall::Change, self.inner().erase(keys, streams)).await
    }

    async fn epoch(&self) -> Result<Option<Uuid>, StoreError> {
        self.around(StoreCall::Read, self.inner().epoch()).await
    }

    async fn begin_epoch(&self, seen: Option<Uuid>) -> Result<(), StoreError> {
        self.around(StoreCall::Change, self.inner().begin_epoch(seen)).await
    }

    async fn mark_incomplete(&self, incomplete: bool) -> Result<(), StoreError> {
        self.around(StoreCall::Change, self.inner().mark_incomplete(incomplete)).await
    }

    async fn hash_tree(&self) -> Result<Option<HashTree>, StoreError> {
        self.around(StoreCall::ReadMemory, self.inner().hash_tree()).await
    }

    async fn checksums(&self, after: Position, limit: usize) -> Result<Vec<(Position, Option<i64>)>, StoreError> {
        self.around(StoreCall::Read, self.inner().checksums(after, limit)).await
    }

    async fn inconsistencies(&self) -> Result<Vec<String>, StoreError> {
        self.around(StoreCall::Read, self.inner().inconsistencies()).await
    }

    async fn close(&self) {
        self.inner().close().await;
    }
}
