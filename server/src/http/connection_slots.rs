//! The slots of open connections, up to a limit. A connection without a request makes room for another one: first the
//! connection whose handshake has taken longest, then the one that has been idle longest.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// Number of extra connections beyond the limit, for health and metrics only.
pub(super) const HEALTH_CONNECTIONS: usize = 16;
/// Maximum number of TLS handshakes that are under way; with more, the one that began first is given up.
const MAX_HANDSHAKES: usize = 256;
/// Minimum interval between warnings about the connection limit.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// The open connections, up to a limit.
#[derive(Debug)]
pub(super) struct Connections {
    limit: usize,
    open: Mutex<OpenConnections>,
    ended: Notify,
}

#[derive(Debug, Default)]
struct OpenConnections {
    count: usize,
    /// Connections with a handshake under way, in the order in which they came, with the token that closes each.
    handshakes: BTreeMap<u64, CancellationToken>,
    /// Connections without a request, in the order in which they became idle, with the token that closes each.
    idle: BTreeMap<u64, CancellationToken>,
    next: u64,
    counts: Counts,
    last_warning: Option<Instant>,
}

/// Counts since the last warning.
#[derive(Debug, Default)]
struct Counts {
    evicted: u64,
    refused: u64,
}

impl Connections {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, open: Mutex::default(), ended: Notify::new() }
    }

    /// Waits until one more connection may be open.
    pub(super) async fn wait_for_room(&self) {
        loop {
            // Register for the notification before checking.
            let ended = self.ended.notified();
            if self.open().count < self.limit + HEALTH_CONNECTIONS {
                return;
            }
            ended.await;
        }
    }

    /// Gives a new connection a slot. When all slots are taken, a connection without a request is evicted; when every
    /// connection has one, the new connection can only read health and metrics.
    pub(super) fn admit(self: &Arc<Self>) -> ConnectionSlot {
        let mut open = self.open();
        let full = open.count >= self.limit;
        let for_health_only = full && open.idle.is_empty() && open.handshakes.is_empty();
        if full {
            open.evict();
            open.warn(self.limit, "as many connections are open as may be");
        }
        open.count += 1;
        drop(open);
        let slot = ConnectionSlot {
            connections: self.clone(),
            for_health_only,
            evicted: CancellationToken::new(),
            number: Mutex::new(None),
        };
        slot.mark_idle();
        slot
    }

    /// Evicts a connection without a request, because the system refused another one.
    pub(super) fn make_room(&self, why: &str) {
        let mut open = self.open();
        open.evict();
        open.warn(self.limit, why);
    }

    /// Closes all connections without a complete request head.
    pub(super) fn close_idle(&self) {
        let open = self.open();
        open.idle.values().chain(open.handshakes.values()).for_each(CancellationToken::cancel);
    }

    fn count_refused(&self) {
        let mut open = self.open();
        open.counts.refused += 1;
        open.warn(self.limit, "as many connections are open as may be");
    }

    fn open(&self) -> std::sync::MutexGuard<'_, OpenConnections> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenConnections {
    fn next_number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn evict(&mut self) {
        if let Some((_, longest)) = self.handshakes.pop_first().or_else(|| self.idle.pop_first()) {
            longest.cancel();
            self.counts.evicted += 1;
        }
    }

    fn warn(&mut self, limit: usize, why: &str) {
        if self.last_warning.is_some_and(|last| last.elapsed() < WARNING_INTERVAL) {
            return;
        }
        self.last_warning = Some(Instant::now());
        let Counts { evicted, refused } = std::mem::take(&mut self.counts);
        warn!(
            limit,
            open = self.count,
            closed_without_request = evicted,
            refused,
            "{why}; see --max-connections and the limit of open files (ulimit -n)"
        );
    }
}

/// The slot of an open connection; freed on drop.
#[derive(Debug)]
pub(super) struct ConnectionSlot {
    connections: Arc<Connections>,
    pub(super) for_health_only: bool,
    /// Cancelled to close the connection.
    pub(super) evicted: CancellationToken,
    /// Key in `OpenConnections` while the connection has no request.
    number: Mutex<Option<u64>>,
}

impl ConnectionSlot {
    /// Registers the connection as idle: it may be evicted.
    pub(super) fn mark_idle(&self) {
        self.mark_busy();
        let mut open = self.connections.open();
        let number = open.next_number();
        open.idle.insert(number, self.evicted.clone());
        *self.number() = Some(number);
    }

    /// Registers that the connection begins with a handshake: it may be evicted, sooner than an idle one.
    pub(super) fn mark_handshake(&self) {
        self.mark_busy();
        let mut open = self.connections.open();
        if open.handshakes.len() >= MAX_HANDSHAKES {
            open.evict();
            open.warn(self.connections.limit, "as many TLS handshakes are under way as may be");
        }
        let number = open.next_number();
        open.handshakes.insert(number, self.evicted.clone());
        *self.number() = Some(number);
    }

    /// Registers that the connection has a request, and must not be evicted.
    fn mark_busy(&self) {
        let number = self.number().take();
        if let Some(number) = number {
            let mut open = self.connections.open();
            open.idle.remove(&number);
            open.handshakes.remove(&number);
        }
    }

    /// Counts a request that was refused because the connection is for health only.
    pub(super) fn count_refused(&self) {
        self.connections.count_refused();
    }

    fn number(&self) -> std::sync::MutexGuard<'_, Option<u64>> {
        self.number.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.mark_busy();
        self.connections.open().count -= 1;
        self.connections.ended.notify_one();
    }
}

/// Marks a connection as busy, which protects it from eviction, until dropped.
pub(super) struct BusyGuard(Arc<ConnectionSlot>);

impl BusyGuard {
    pub(super) fn begin(slot: &Arc<ConnectionSlot>) -> Self {
        slot.mark_busy();
        Self(slot.clone())
    }
}

impl Drop for BusyGuard {
    fn drop(&mut self) {
        self.0.mark_idle();
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    fn a_slot(connections: &Arc<Connections>) -> Arc<ConnectionSlot> {
        Arc::new(connections.admit())
    }

    #[test]
    fn whoever_waited_longest_without_a_request_makes_room() {
        let connections = Arc::new(Connections::new(2));
        let (first, second) = (a_slot(&connections), a_slot(&connections));
        let busy = BusyGuard::begin(&first);
        let third = a_slot(&connections);
        assert!(!third.for_health_only);
        assert!(second.evicted.is_cancelled() && !first.evicted.is_cancelled() && !third.evicted.is_cancelled());
        drop((second, busy));
        assert_eq!(connections.open().count, 2);
        let fourth = a_slot(&connections);
        assert!(third.evicted.is_cancelled() && !first.evicted.is_cancelled(), "the first has waited for less time");
        drop((first, third, fourth));
        let left = connections.open();
        assert_eq!((left.count, left.idle.len()), (0, 0));
    }

    #[tokio::test]
    async fn when_all_are_busy_some_places_are_left_for_health_and_then_one_waits() {
        let connections = Arc::new(Connections::new(1));
        let busy = BusyGuard::begin(&a_slot(&connections));
        let mut crowd = Vec::new();
        for _ in 0..HEALTH_CONNECTIONS {
            connections.wait_for_room().await;
            let slot = a_slot(&connections);
            assert!(slot.for_health_only);
            crowd.push(BusyGuard::begin(&slot));
        }
        let mut room = pin!(connections.wait_for_room());
        assert!(futures_util::poll!(room.as_mut()).is_pending());
        drop(crowd.pop());
        room.await;
        drop((crowd, busy));
        assert!(!a_slot(&connections).for_health_only);
    }

    #[test]
    fn handshakes_make_room_before_idle_connections_and_only_so_many_are_under_way() {
        let connections = Arc::new(Connections::new(3));
        let (idle, shaking) = (a_slot(&connections), a_slot(&connections));
        shaking.mark_handshake();
        let later = a_slot(&connections);
        later.mark_handshake();
        let _next = a_slot(&connections);
        assert!(shaking.evicted.is_cancelled(), "the handshake that began first");
        assert!(!idle.evicted.is_cancelled() && !later.evicted.is_cancelled());
        let many = Arc::new(Connections::new(MAX_HANDSHAKES * 2));
        let slots: Vec<_> = (0..=MAX_HANDSHAKES).map(|_| a_slot(&many)).collect();
        slots.iter().for_each(|slot| slot.mark_handshake());
        assert_eq!(slots.iter().filter(|slot| slot.evicted.is_cancelled()).count(), 1);
        assert!(slots[0].evicted.is_cancelled());
        slots[1].mark_idle();
        assert_eq!(many.open().handshakes.len(), MAX_HANDSHAKES - 1);
        drop(slots);
        let left = many.open();
        assert_eq!((left.count, left.idle.len(), left.handshakes.len()), (0, 0, 0));
    }
}
