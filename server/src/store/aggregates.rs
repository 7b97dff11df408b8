//! From domain events to stored events and back, and from a stream to the state that it adds up to.

use std::sync::Arc;

use storefront_api::Timestamp;
use storefront_domain::{
    category::{self, Categories, CategoryEvent},
    checkout::{self, Checkout, CheckoutEvent},
    customer::{self, Customer, CustomerEvent},
    email::{self, Email, EmailEvent},
    invoice::{self, InvoiceEvent, Issued},
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
    Append, Checkpoint, EventStore, Expected, NewEvent, Recorded, Snapshot, StoreError, StreamAppend, StreamName,
    TimerChange, Version,
};
use tracing::debug;

use crate::codec::{self, CodecError, Encoded, SnapshotCodec};
use crate::random;

/// The log, whichever database keeps it.
pub(crate) type Store = Arc<dyn EventStore>;

/// How many events one read of a stream fetches.
const PAGE: usize = 500;
/// What a stream adds up to is kept anew when more events than this have come since.
const EVENTS_BETWEEN_SNAPSHOTS: u64 = 500;
/// About the length of an event. What is kept waits for as many events as are as long as itself, so that keeping a large
/// sum does not cost more than it spares.
const BYTES_PER_EVENT: u64 = 256;

/// An event that is kept in the log, with the state that its stream adds up to.
pub(crate) trait AggregateEvent: Sized + Send {
    /// What the events of one stream add up to.
    type State: Default + Send;
    /// How that is kept beside the log; `None` where streams stay short.
    const SNAPSHOT: Option<SnapshotCodec<Self::State>>;

    fn encode(&self) -> Encoded;
    fn decode(kind: &str, schema_version: u16, data: &str) -> Result<Self, CodecError>;
    fn evolve(state: Self::State, event: &Self) -> Self::State;
}

macro_rules! stored {
    ($event:ty, $state:ty, $module:ident, $kept:expr) => {
        impl AggregateEvent for $event {
            type State = $state;
            const SNAPSHOT: Option<SnapshotCodec<$state>> = $kept;

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

stored!(OrderEvent, Order, order, None);
stored!(StockEvent, Stock, stock, Some(codec::stock_snapshot::STOCK));
stored!(PaymentEvent, Payment, payment, None);
stored!(CheckoutEvent, Checkout, checkout, None);
stored!(EmailEvent, Email, email, None);
stored!(ProductEvent, Product, product, None);
stored!(CategoryEvent, Categories, category, None);
stored!(ProcessEvent, Process, process, None);
stored!(WalletEvent, Wallet, wallet, None);
stored!(VoucherEvent, Voucher, voucher, None);
stored!(CustomerEvent, Customer, customer, None);
stored!(InvoiceEvent, Issued, invoice, None);
stored!(RegisterEvent, Register, register, None);
stored!(WithdrawalsEvent, Withdrawals, withdrawals, None);

/// Why a stream could not be read as what it should be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("event {position} cannot be read: {source}")]
    Codec { position: u64, source: CodecError },
}

/// Reads a recorded event as one of its context.
pub(crate) fn decode<E: AggregateEvent>(recorded: &Recorded) -> Result<E, LoadError> {
    E::decode(recorded.kind(), recorded.schema_version, recorded.data())
        .map_err(|source| LoadError::Codec { position: recorded.position.0, source })
}

/// What a stream adds up to, and its last version: what is kept of it, and the events since.
pub(crate) async fn load<E: AggregateEvent>(
    store: &Store,
    stream: &StreamName,
) -> Result<(E::State, Version), LoadError> {
    let Some(kept) = E::SNAPSHOT else { return fold::<E>(store, stream, E::State::default(), Version(0)).await };
    let (state, begun, bytes) = match store.snapshot(stream, kept.schema_version).await {
        Ok(snapshot) => snapshot
            .and_then(|Snapshot { version, data }| Some(((kept.decode)(&data)?, version, data.as_str().len() as u64)))
            .unwrap_or_default(),
        Err(error) => {
            debug!(%error, %stream, "a snapshot cannot be read; going on without");
            <_>::default()
        }
    };
    let (state, version) = fold::<E>(store, stream, state, begun).await?;
    if version.0 - begun.0 > EVENTS_BETWEEN_SNAPSHOTS.max(bytes / BYTES_PER_EVENT) {
        keep(store, stream, &kept, &state, version).await;
    }
    Ok((state, version))
}

/// Adds the events after a version to what the stream came to there.
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

/// Keeps what a stream adds up to. A failure only means that the next one reads more.
async fn keep<S>(store: &Store, stream: &StreamName, kept: &SnapshotCodec<S>, state: &S, version: Version) {
    let Some(data) = (kept.encode)(state) else { return };
    match store.save_snapshot(stream, version, kept.schema_version, &data).await {
        Ok(true) => {}
        Ok(false) => debug!(%stream, bytes = data.as_str().len(), "a snapshot is too large to be kept"),
        Err(error) => debug!(%error, %stream, "a snapshot could not be kept"),
    }
}

/// Hands every event of a stream to a function, oldest first, a page at a time.
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
        let page = store.read_stream(stream, from, PAGE).await?;
        for recorded in &page {
            each(recorded)?;
        }
        match page.last() {
            Some(last) if page.len() == PAGE => from = Version(last.version.0 + 1),
            _ => return Ok(()),
        }
    }
}

/// Why something is written, and on whose behalf.
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    pub(crate) correlation_id: String,
    pub(crate) causation_id: Option<String>,
    pub(crate) actor: String,
}

impl Cause {
    /// An event is the cause, and a process acts on it.
    pub(crate) fn event(recorded: &Recorded, process: &str) -> Self {
        Self {
            correlation_id: recorded.correlation_id().to_owned(),
            causation_id: Some(recorded.id.to_string()),
            actor: format!("process:{process}"),
        }
    }
}

/// Events on their way into one atomic append.
pub(crate) struct AppendBuilder {
    now: Timestamp,
    cause: Cause,
    append: Append,
}

impl AppendBuilder {
    pub(crate) fn new(now: Timestamp, cause: Cause) -> Self {
        Self { now, cause, append: Append::default() }
    }

    /// Adds events to a stream that must be at a version; nothing for no events.
    pub(crate) fn add<E: AggregateEvent>(&mut self, stream: StreamName, expected: Version, events: &[E]) {
        if events.is_empty() {
            return;
        }
        let events = events.iter().map(|event| self.sealed(event, &self.cause)).collect();
        self.append.streams.push(StreamAppend { stream, expected: Expected::Exactly(expected), events });
    }

    /// The same, each event with a cause of its own.
    pub(crate) fn add_each<E: AggregateEvent>(&mut self, stream: StreamName, expected: Version, events: &[(E, Cause)]) {
        if events.is_empty() {
            return;
        }
        let events = events.iter().map(|(event, cause)| self.sealed(event, cause)).collect();
        self.append.streams.push(StreamAppend { stream, expected: Expected::Exactly(expected), events });
    }

    /// Demands that a stream is at a version still, without writing to it.
    pub(crate) fn expect(&mut self, stream: StreamName, expected: Version) {
        self.append.streams.push(StreamAppend { stream, expected: Expected::Exactly(expected), events: vec![] });
    }

    /// Sets or clears a timer with the events.
    pub(crate) fn timer(&mut self, change: TimerChange) {
        self.append.timers.push(change);
    }

    /// Moves a consumer's checkpoint with the events.
    pub(crate) fn checkpoint(&mut self, checkpoint: Checkpoint) {
        self.append.checkpoints.push(checkpoint);
    }

    /// How many streams would be written.
    pub(crate) fn is_empty(&self) -> bool {
        self.append.streams.is_empty()
    }

    pub(crate) fn into_append(self) -> Append {
        self.append
    }

    fn sealed<E: AggregateEvent>(&self, event: &E, cause: &Cause) -> NewEvent {
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
