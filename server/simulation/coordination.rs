//! Leases, timers and snapshots of the simulated log, by the simulated clock.

use std::collections::BTreeMap;
use std::time::Duration;

use storefront_eventlog::{
    Append, AppendError, DataKey, Epoch, EventId, Fence, JsonText, LeaseOutcome, Snapshot, StreamName, Timer,
    TimerChange, Version,
};

use uuid::Uuid;

use crate::random;

/// Leases, timers and snapshots.
#[derive(Default)]
pub(super) struct Coordination {
    leases: BTreeMap<String, Lease>,
    timers: BTreeMap<(String, String), Timer>,
    snapshots: BTreeMap<StreamName, (u16, EventId, Snapshot)>,
    data_keys: BTreeMap<Uuid, DataKey>,
}

struct Lease {
    holder: String,
    epoch: Epoch,
    /// 0 when it was released.
    until_ms: i64,
    ttl_ms: i64,
}

impl Coordination {
    /// The reason to refuse an append: first a stale lease, then a timer that is gone.
    pub(super) fn refusal(&self, append: &Append) -> Result<(), AppendError> {
        for Fence { lease, epoch } in &append.fences {
            let current = self.leases.get(lease).map_or(Epoch(0), |lease| lease.epoch);
            if current != *epoch {
                return Err(AppendError::Fenced { lease: lease.clone(), epoch: *epoch, current });
            }
        }
        for change in &append.timers {
            let (TimerChange::Set { owner, timer, as_read, .. } | TimerChange::Clear { owner, timer, as_read }) =
                change;
            let there = self.timers.get(&(owner.clone(), timer.clone())).map(|timer| timer.revision);
            if as_read.is_some() && there != *as_read {
                return Err(AppendError::TimerGone { owner: owner.clone(), timer: timer.clone() });
            }
        }
        Ok(())
    }

    pub(super) fn change_timer(&mut self, change: &TimerChange) {
        match change.clone() {
            TimerChange::Set { owner, timer: name, due_ms, note, as_read: _ } => {
                let key = (owner.clone(), name.clone());
                self.timers.insert(key, Timer { owner, name, due_ms, note, revision: random::id() });
            }
            TimerChange::Clear { owner, timer, as_read: _ } => {
                self.timers.remove(&(owner, timer));
            }
        }
    }

    pub(super) fn acquire_lease(&mut self, name: &str, holder: &str, ttl: Duration, now_ms: i64) -> LeaseOutcome {
        let ttl_ms = as_ms(ttl);
        let until_ms = now_ms + ttl_ms;
        match self.leases.get_mut(name) {
            Some(lease) if lease.until_ms > now_ms && lease.holder != holder => {
                // It has more left only when the clock was set back.
                lease.until_ms = lease.until_ms.min(now_ms + lease.ttl_ms);
                let left = u64::try_from(lease.until_ms - now_ms).unwrap_or_default();
                return LeaseOutcome::HeldElsewhere { holder: lease.holder.clone(), left: Duration::from_millis(left) };
            }
            Some(lease) => {
                lease.epoch.0 += u64::from(lease.holder != holder || lease.until_ms <= now_ms);
                *lease = Lease { holder: holder.to_owned(), epoch: lease.epoch, until_ms, ttl_ms };
            }
            None => {
                let lease = Lease { holder: holder.to_owned(), epoch: Epoch(1), until_ms, ttl_ms };
                self.leases.insert(name.to_owned(), lease);
            }
        }
        LeaseOutcome::Acquired(Fence { lease: name.to_owned(), epoch: self.leases[name].epoch })
    }

    pub(super) fn renew_lease(&mut self, fence: &Fence, ttl: Duration, now_ms: i64) -> bool {
        let lease = self.leases.get_mut(&fence.lease);
        let ours = lease.filter(|lease| lease.epoch == fence.epoch && lease.until_ms > 0);
        let ttl_ms = as_ms(ttl);
        ours.map(|lease| (lease.until_ms, lease.ttl_ms) = (now_ms + ttl_ms, ttl_ms)).is_some()
    }

    pub(super) fn release_lease(&mut self, fence: &Fence) {
        if let Some(lease) = self.leases.get_mut(&fence.lease).filter(|lease| lease.epoch == fence.epoch) {
            lease.until_ms = 0;
        }
    }

    pub(super) fn due_timers(&self, owner: &str, limit: usize, now_ms: i64) -> Vec<Timer> {
        let of_owner = self.timers.values().filter(|timer| timer.owner == owner && timer.due_ms <= now_ms);
        let mut due: Vec<Timer> = of_owner.cloned().collect();
        due.sort_by(|one, other| (one.due_ms, &one.name).cmp(&(other.due_ms, &other.name)));
        due.truncate(limit);
        due
    }

    pub(super) fn next_due(&self, owner: &str, now_ms: i64) -> Option<Duration> {
        let next_ms = self.timers.values().filter(|timer| timer.owner == owner).map(|timer| timer.due_ms).min()?;
        Some(Duration::from_millis(u64::try_from(next_ms - now_ms).unwrap_or_default()))
    }

    pub(super) fn snapshot(&self, stream: &StreamName, schema_version: u16) -> Option<Snapshot> {
        let (kept, _, snapshot) = self.snapshots.get(stream)?;
        (*kept == schema_version).then(|| snapshot.clone())
    }

    pub(super) fn save_snapshot(
        &mut self,
        stream: &StreamName,
        event: EventId,
        version: Version,
        schema_version: u16,
        data: &JsonText,
    ) {
        let snapshot = Snapshot { version, data: data.clone() };
        self.snapshots.insert(stream.clone(), (schema_version, event, snapshot));
    }

    pub(super) fn add_data_keys(&mut self, keys: &[DataKey]) {
        for key in keys {
            self.data_keys.entry(key.id).or_insert_with(|| key.clone());
        }
    }

    pub(super) fn data_keys(&self, ids: &[Uuid]) -> Vec<DataKey> {
        ids.iter().filter_map(|id| self.data_keys.get(id)).cloned().collect()
    }

    pub(super) fn data_keys_after(&self, after: Uuid, limit: usize) -> Vec<DataKey> {
        self.data_keys.range(after..).filter(|(id, _)| **id > after).take(limit).map(|(_, key)| key.clone()).collect()
    }

    pub(super) fn erase(&mut self, keys: &[Uuid], streams: &[StreamName]) {
        self.data_keys.retain(|id, _| !keys.contains(id));
        self.snapshots.retain(|stream, _| !streams.contains(stream));
    }
}

fn as_ms(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
