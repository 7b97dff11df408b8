//! Gap-free numbers of documents: a document is appended together with its entry at the next position of its register.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use storefront_api::OrderId;
use storefront_domain::document_register::RegisterEvent;
use storefront_eventlog::{AppendError, Checkpoint, StreamName, Version};

use crate::store::aggregates::{AppendBuilder, Store};
use crate::store::commands::Failure;

/// Number of documents known to be in each register, so that one server does not compete with itself for numbers; against
/// other servers the log decides.
#[derive(Clone, Debug, Default)]
pub(crate) struct DocumentNumbers(Arc<Mutex<HashMap<StreamName, Entries>>>);

/// Number of documents in a register.
#[derive(Debug, Default)]
struct Entries {
    /// As far as the log has confirmed them.
    written: u64,
    /// With those whose appends are on their way.
    assigned: u64,
    /// Number of times that assigned numbers were taken back because an append failed.
    round: u64,
}

impl DocumentNumbers {
    /// Appends a document together with its entry at the next position of its register. `write` makes the document of that
    /// number, and `None` when there is none to be written.
    ///
    /// The append is queued when the next number is given, so documents do not wait for each other's commit. When one
    /// fails, those behind it have wrong numbers and fail with a conflict; they are then written under other numbers.
    pub(crate) async fn append_next(
        &self,
        store: &Store,
        register: StreamName,
        order_id: OrderId,
        checkpoint: Option<&Checkpoint>,
        write: impl FnOnce(u64) -> Result<Option<(String, AppendBuilder)>, Failure>,
    ) -> Result<(), Failure> {
        let (append, queued, number, round) = {
            let mut registers = self.lock();
            let entries = registers.entry(register.clone()).or_default();
            let number = entries.assigned + 1;
            let Some((document, mut batch)) = write(number)? else { return Ok(()) };
            let entered = RegisterEvent::Entered { document, order_id };
            batch.add(register.clone(), Version(entries.assigned), &[entered]);
            if let Some(checkpoint) = checkpoint {
                batch.checkpoint(checkpoint.clone());
            }
            // The log writes appends in the order in which they are queued, which is done by the first poll.
            let mut append = Box::pin(store.append(batch.into_append()));
            let queued = append.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            entries.assigned = number;
            (append, queued, number, entries.round)
        };
        let outcome = match queued {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => append.await,
        };
        let written = match &outcome {
            Ok(_) => number,
            Err(AppendError::Conflict { stream, actual, .. }) if *stream == register => actual.0,
            // It may name the stream of the document with the guessed number instead.
            Err(AppendError::Conflict { .. }) => {
                let known = self.lock().get(&register).map_or(0, |entries| entries.written);
                register_length(store, &register, known).await?
            }
            Err(_) => 0,
        };
        let mut registers = self.lock();
        let entries = registers.entry(register).or_default();
        entries.written = entries.written.max(written);
        if outcome.is_err() && entries.round == round {
            entries.round += 1;
            entries.assigned = 0;
        }
        entries.assigned = entries.assigned.max(entries.written);
        drop(registers);
        outcome.map(drop).map_err(Failure::Append)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<StreamName, Entries>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the number of documents in a register, which is at least `entries`.
async fn register_length(store: &Store, register: &StreamName, mut entries: u64) -> Result<u64, Failure> {
    loop {
        let page = store.read_stream(register, Version(entries + 1), 500).await?;
        match page.last() {
            Some(last) => entries = last.version.0,
            None => return Ok(entries),
        }
    }
}
