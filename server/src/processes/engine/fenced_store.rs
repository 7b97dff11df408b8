//! The log as a process under a lease sees it: every append carries the lease's fence and fails once another server
//! holds the lease. A server that wakes up late therefore changes nothing, and no handler has to check.

use std::time::Duration;

use async_trait::async_trait;
use storefront_eventlog::{
    Append, AppendError, Appended, EventPage, EventStore, Fence, Filter, JsonText, LeaseOutcome, Position, Recorded,
    Snapshot, StoreError, StoredResponse, StreamName, Timer, Version,
};

use crate::store::aggregates::Store;

/// A log whose appends carry a fence.
pub(crate) struct FencedStore {
    store: Store,
    fence: Fence,
}

impl FencedStore {
    /// Fences every append to `store`.
    pub(crate) fn new(store: Store, fence: Fence) -> Self {
        Self { store, fence }
    }
}

#[async_trait]
impl EventStore for FencedStore {
    async fn append(&self, mut append: Append) -> Result<Appended, AppendError> {
        append.fences.push(self.fence.clone());
        self.store.append(append).await
    }

    async fn read_stream(&self, stream: &StreamName, from: Version, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        self.store.read_stream(stream, from, limit).await
    }

    async fn read_all(&self, after: Position, limit: usize, filter: &Filter) -> Result<EventPage, StoreError> {
        self.store.read_all(after, limit, filter).await
    }

    async fn head(&self) -> Result<Position, StoreError> {
        self.store.head().await
    }

    async fn wait_for(&self, after: Position) -> Result<Position, StoreError> {
        self.store.wait_for(after).await
    }

    async fn checkpoint(&self, consumer: &str) -> Result<Position, StoreError> {
        self.store.checkpoint(consumer).await
    }

    async fn answer(&self, key: &str) -> Result<Option<(StoredResponse, Position)>, StoreError> {
        self.store.answer(key).await
    }

    async fn acquire_lease(&self, lease: &str, holder: &str, ttl: Duration) -> Result<LeaseOutcome, StoreError> {
        self.store.acquire_lease(lease, holder, ttl).await
    }

    async fn renew_lease(&self, fence: &Fence, ttl: Duration) -> Result<bool, StoreError> {
        self.store.renew_lease(fence, ttl).await
    }

    async fn release_lease(&self, fence: &Fence) -> Result<(), StoreError> {
        self.store.release_lease(fence).await
    }

    async fn now_ms(&self) -> Result<i64, StoreError> {
        self.store.now_ms().await
    }

    async fn due_timers(&self, owner: &str, limit: usize) -> Result<Vec<Timer>, StoreError> {
        self.store.due_timers(owner, limit).await
    }

    async fn next_due(&self, owner: &str) -> Result<Option<Duration>, StoreError> {
        self.store.next_due(owner).await
    }

    async fn snapshot(&self, stream: &StreamName, schema_version: u16) -> Result<Option<Snapshot>, StoreError> {
        self.store.snapshot(stream, schema_version).await
    }

    async fn save_snapshot(
        &self,
        stream: &StreamName,
        version: Version,
        schema_version: u16,
        data: &JsonText,
    ) -> Result<bool, StoreError> {
        self.store.save_snapshot(stream, version, schema_version, data).await
    }

    async fn epoch(&self) -> Result<Option<uuid::Uuid>, StoreError> {
        self.store.epoch().await
    }

    async fn inconsistencies(&self) -> Result<Vec<String>, StoreError> {
        self.store.inconsistencies().await
    }

    async fn close(&self) {
        self.store.close().await;
    }
}
