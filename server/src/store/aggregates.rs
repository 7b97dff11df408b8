//! Encodes and decodes domain events, loads the state of a stream, and builds appends.

use std::sync::Arc;

use storefront_api::Timestamp;
use storefront_domain::{
    category::{self, Categories, CategoryEvent},
    checkout::{self, Checkout, CheckoutEvent},
    customer::{self, Customer, CustomerEvent},
    email::{self, Email, EmailEvent},
    invoice::{self, InvoiceEvent, InvoiceState},
    order::{self, Order, OrderEvent},
    payment::{self, Payment, PaymentEvent},
    process::{self, Process, ProcessEvent},
    product::{self, Product, ProductEvent},
    register::{self, Register, RegisterEvent},
    stock::{self, Stock, StockEvent},
    voucher::{self, Voucher, VoucherEvent},
    wallet::{self, Wallet, WalletEvent},
    withdrawals::{self, Withdrawals, WithdrawalsEvent},
};
use storefront_eventlog::{
    Append, Checkpoint, EventId, EventStore, Expected, NewEvent, Recorded, Snapshot, StoreError, StreamAppend,
    StreamName, TimerChange, Version,
};
use tracing::debug;

use crate::codec::{self, CodecError, Encoded, SnapshotCodec};
use crate::random;

/// The event log, independent of its database.
pub(crate) type Store = Arc<dyn EventStore>;

/// Number of events per read of a stream.
const EVENTS_PER_READ: usize = 500;
/// A new snapshot is saved after more than this many events.
const EVENTS_BETWEEN_SNAPSHOTS: u64 = 500;
/// Approximate size of an event. A snapshot is renewed only after as many events as are about its own size, so that a
/// large snapshot does not cost more than it saves.
const BYTES_PER_EVENT: u64 = 256;

/// A domain event that is stored in the log, and the state that its stream folds to.
pub(crate) trait AggregateEvent: Sized + Send {
    /// The state of one stream.
    type State: Default + Send;
    /// The codec of the state's snapshots; `None` where streams stay short.
    const SNAPSHOT: Option<SnapshotCodec<Self::State>>;

    fn encode(&self) -> Encoded;
    fn decode(kind: &str, schema_version: u16, data: &str) -> Result<Self, CodecError>;
    fn evolve(state: Self::State, event: &Self) -> Self::State;
}

macro_rules! aggregate_event {
    ($event:ty, $state:ty, $module:ident, $snapshot:expr) => {
        impl AggregateEvent for $event {
            type State = $state;
            const SNAPSHOT: Option<SnapshotCodec<$state>> = $snapshot;

            fn encode(&self) -> Encoded {
                codec::$module::encode(self)
            }

            fn decode(kind: &str, schema_version: u16, data: &str) -> Result<Self, CodecError> {
                codec::read(kind, schema_version, data, codec::$module::decode)
            }

            fn evolve(state: $state, event: &Self) -> $state {
                $module::evolve(state, event)
            }
        }
    };
}

aggregate_event!(OrderEvent, Order, order, None);
aggregate_event!(StockEvent, Stock, stock, Some(codec::stock_snapshot::STOCK));
aggregate_event!(PaymentEvent, Payment, payment, None);
aggregate_event!(CheckoutEvent, Checkout, checkout, None);
aggregate_event!(EmailEvent, Email, email, None);
aggregate_event!(ProductEvent, Product, product, None);
aggregate_event!(CategoryEvent, Categories, category, None);
aggregate_event!(ProcessEvent, Process, process, None);
aggregate_event!(WalletEvent, Wallet, wallet, None);
aggregate_event!(VoucherEvent, Voucher, voucher, None);
aggregate_event!(CustomerEvent, Customer, customer, None);
aggregate_event!(InvoiceEvent, InvoiceState, invoice, None);
aggregate_event!(RegisterEvent, Register, register, None);
aggregate_event!(WithdrawalsEvent, Withdrawals, withdrawals, None);

/// Why a stream could not be loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("event {position} cannot be read: {source}")]
    Codec { position: u64, source: CodecError },
}

/// Decodes a recorded event.
pub(crate) fn decode<E: AggregateEvent>(recorded: &Recorded) -> Result<E, LoadError> {
    E::decode(recorded.kind(), recorded.schema_version, recorded.data())
        .map_err(|source| LoadError::Codec { position: recorded.position.0, source })
}

/// Loads the state of a stream and its last version, from a snapshot where there is one and the events since.
pub(crate) async fn load<E: AggregateEvent>(
    store: &Store,
    stream: &StreamName,
) -> Result<(E::State, Version), LoadError> {
    let Some(codec) = E::SNAPSHOT else { return fold::<E>(store, stream, E::State::default(), Version(0)).await };
    let (state, snapshot_version, bytes) = match store.snapshot(stream, codec.schema_version).await {
        Ok(snapshot) => snapshot
            .and_then(|Snapshot { version, data }| Some(((codec.decode)(&data)?, version, data.as_str().len() as u64)))
            .unwrap_or_default(),
        Err(error) => {
            debug!(%error, %stream, "cannot read a snapshot; reading all events");
            <_>::default()
        }
    };
    let (state, version) = fold::<E>(store, stream, state, snapshot_version).await?;
    if version.0 - snapshot_version.0 > EVENTS_BETWEEN_SNAPSHOTS.max(bytes / BYTES_PER_EVENT) {
        save_snapshot(store, stream, &codec, &state, version).await;
    }
    Ok((state, version))
}

/// Applies the events after a version to a state.
async fn fold<E: AggregateEvent>(
    store: &Store,
    stream: &StreamName,
    mut state: E::State,
    mut version: Version,
) -> Result<(E::State, Version), LoadError> {
    for_each_after(store, stream, version, |recorded| {
        version = recorded.version;
        let event = decode::<E>(recorded)?;
        state = E::evolve(std::mem::take(&mut state), &event);
        Ok(())
    })
    .await?;
    Ok((state, version))
}

/// Saves a snapshot. A failure only means that the next load reads more events.
async fn save_snapshot<S>(store: &Store, stream: &StreamName, codec: &SnapshotCodec<S>, state: &S, version: Version) {
    let Some(data) = (codec.encode)(state) else { return };
    match store.save_snapshot(stream, version, codec.schema_version, &data).await {
        Ok(true) => {}
        Ok(false) => debug!(%stream, bytes = data.as_str().len(), "a snapshot is too large to be saved"),
        Err(error) => debug!(%error, %stream, "cannot save a snapshot"),
    }
}

/// Calls `each` with every event of a stream, oldest first, reading page by page.
pub(crate) async fn for_each(
    store: &Store,
    stream: &StreamName,
    each: impl FnMut(&Recorded) -> Result<(), LoadError> + Send,
) -> Result<(), LoadError> {
    for_each_after(store, stream, Version(0), each).await
}

async fn for_each_after(
    store: &Store,
    stream: &StreamName,
    after: Version,
    mut each: impl FnMut(&Recorded) -> Result<(), LoadError> + Send,
) -> Result<(), LoadError> {
    let mut from = Version(after.0 + 1);
    loop {
        let page = store.read_stream(stream, from, EVENTS_PER_READ).await?;
        for recorded in &page {
            each(recorded)?;
        }
        match page.last() {
            Some(last) if page.len() == EVENTS_PER_READ => from = Version(last.version.0 + 1),
            _ => return Ok(()),
        }
    }
}

/// Why something is appended, and on whose behalf.
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    pub(crate) correlation_id: String,
    pub(crate) causation_id: Option<String>,
    pub(crate) actor: String,
}

impl Cause {
    /// The cause of what a process appends because of an event.
    pub(crate) fn event(recorded: &Recorded, process: &str) -> Self {
        Self {
            correlation_id: recorded.correlation_id().to_owned(),
            causation_id: Some(recorded.id.to_string()),
            actor: format!("process:{process}"),
        }
    }
}

/// Builds one atomic append.
pub(crate) struct AppendBuilder {
    now: Timestamp,
    cause: Cause,
    append: Append,
}

impl AppendBuilder {
    pub(crate) fn new(now: Timestamp, cause: Cause) -> Self {
        Self { now, cause, append: Append::default() }
    }

    /// Adds events to a stream that must be at version `expected`; does nothing without events.
    pub(crate) fn add<E: AggregateEvent>(&mut self, stream: StreamName, expected: Version, events: &[E]) {
        if events.is_empty() {
            return;
        }
        let events = events.iter().map(|event| self.new_event(event, &self.cause)).collect();
        self.append.streams.push(StreamAppend { stream, expected: Expected::Exactly(expected), events });
    }

    /// Adds one event under a given id, which the event must have again when it is written anew after its log was set back.
    pub(crate) fn add_as<E: AggregateEvent>(&mut self, id: EventId, stream: StreamName, expected: Version, event: &E) {
        let events = vec![NewEvent { id, ..self.new_event(event, &self.cause) }];
        self.append.streams.push(StreamAppend { stream, expected: Expected::Exactly(expected), events });
    }

    /// As [`AppendBuilder::add`], with a cause for each event.
    pub(crate) fn add_each<E: AggregateEvent>(&mut self, stream: StreamName, expected: Version, events: &[(E, Cause)]) {
        if events.is_empty() {
            return;
        }
        let events = events.iter().map(|(event, cause)| self.new_event(event, cause)).collect();
        self.append.streams.push(StreamAppend { stream, expected: Expected::Exactly(expected), events });
    }

    /// Requires that a stream is still at a version, without appending to it.
    pub(crate) fn expect(&mut self, stream: StreamName, expected: Version) {
        self.append.streams.push(StreamAppend { stream, expected: Expected::Exactly(expected), events: vec![] });
    }

    /// Sets or clears a timer in the same append.
    pub(crate) fn timer(&mut self, change: TimerChange) {
        self.append.timers.push(change);
    }

    /// Moves a consumer's checkpoint in the same append.
    pub(crate) fn checkpoint(&mut self, checkpoint: Checkpoint) {
        self.append.checkpoints.push(checkpoint);
    }

    /// Returns whether no stream would be written or checked.
    pub(crate) fn is_empty(&self) -> bool {
        self.append.streams.is_empty()
    }

    pub(crate) fn into_append(self) -> Append {
        self.append
    }

    fn new_event<E: AggregateEvent>(&self, event: &E, cause: &Cause) -> NewEvent {
        let Encoded { kind, schema_version, data } = event.encode();
        NewEvent {
            id: random::id(),
            kind: kind.to_owned(),
            schema_version,
            time_ms: self.now.unix_ms(),
            correlation_id: cause.correlation_id.clone(),
            causation_id: cause.causation_id.clone(),
            actor: cause.actor.clone(),
            data,
        }
    }
}

#[cfg(test)]
#[path = "aggregates_tests.rs"]
mod tests;
