//! A file that follows a value: written in the background when that changes, and one last time at the end.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::driver::outbox::Outbox;
use crate::update::Msg;

/// Minimum time between two writes of a file.
const WRITE_INTERVAL: Duration = Duration::from_millis(300);
/// Maximum time for the last write of a file, which may be a pipe or on a disk that does not answer.
const LAST_WRITE_TIMEOUT: Duration = Duration::from_secs(2);

/// A file and the latest value to be written to it.
pub(crate) struct KeptFile<T> {
    path: PathBuf,
    latest: watch::Sender<T>,
    writer: Writer<T>,
    _keeper: AbortOnDropHandle<()>,
}

impl<T: Clone + Send + Sync + 'static> KeptFile<T> {
    /// A file that has `value`; `write` writes it.
    pub(crate) fn new(
        path: PathBuf,
        value: T,
        write: impl Fn(&T) -> Result<(), String> + Send + Sync + 'static,
        outbox: Outbox,
    ) -> Self {
        let (latest, changes) = watch::channel(value);
        let writer = Writer { write: Arc::new(write), is_closed: Arc::default() };
        let keeper = AbortOnDropHandle::new(tokio::spawn(keep(writer.clone(), changes, outbox)));
        Self { path, latest, writer, _keeper: keeper }
    }

    /// Writes a value soon.
    pub(crate) fn set(&self, value: T) {
        self.latest.send_replace(value);
    }

    /// Writes the last value. A write that hangs is given up.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) async fn close(self, value: T) -> Result<(), String> {
        let Self { path, writer, .. } = self;
        let write = tokio::task::spawn_blocking(move || writer.write_last(&value));
        match tokio::time::timeout(LAST_WRITE_TIMEOUT, write).await {
            Ok(written) => written.unwrap_or_else(|_| Err(format!("{} could not be written.", path.display()))),
            Err(_) => {
                Err(format!("{} could not be written within {} s.", path.display(), LAST_WRITE_TIMEOUT.as_secs()))
            }
        }
    }
}

type Write<T> = dyn Fn(&T) -> Result<(), String> + Send + Sync;

/// Writes a file: one write at a time, and none after the last one.
struct Writer<T> {
    write: Arc<Write<T>>,
    is_closed: Arc<Mutex<bool>>,
}

impl<T> Clone for Writer<T> {
    fn clone(&self) -> Self {
        Self { write: self.write.clone(), is_closed: self.is_closed.clone() }
    }
}

impl<T> Writer<T> {
    fn write(&self, value: &T) -> Result<(), String> {
        let is_closed = self.is_closed.lock().unwrap_or_else(PoisonError::into_inner);
        if *is_closed { Ok(()) } else { (self.write)(value) }
    }

    fn write_last(&self, value: &T) -> Result<(), String> {
        let mut is_closed = self.is_closed.lock().unwrap_or_else(PoisonError::into_inner);
        *is_closed = true;
        (self.write)(value)
    }
}

/// Writes the latest value when it changes, at most once per interval. Reports the first of several failures in a row.
async fn keep<T: Clone + Send + Sync + 'static>(writer: Writer<T>, mut changes: watch::Receiver<T>, outbox: Outbox) {
    let mut failing = false;
    while changes.changed().await.is_ok() {
        let (value, writer) = (changes.borrow_and_update().clone(), writer.clone());
        let written = tokio::task::spawn_blocking(move || writer.write(&value)).await.unwrap_or(Ok(()));
        let failed_before = std::mem::replace(&mut failing, written.is_err());
        if let Err(why) = written
            && !failed_before
        {
            // A send fails only when the client ends.
            let _ = outbox.send(Msg::NotKept(why)).await;
        }
        tokio::time::sleep(WRITE_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn the_last_value_is_written_after_a_write_that_is_under_way_and_nothing_after_it() {
        let (began, begun) = mpsc::channel();
        let (go_on, may_go_on) = mpsc::channel();
        let (written, may_go_on) = (Arc::new(Mutex::new(Vec::new())), Mutex::new(may_go_on));
        let seen = written.clone();
        let write = move |value: &u32| {
            began.send(*value).unwrap();
            may_go_on.lock().unwrap().recv().unwrap();
            seen.lock().unwrap().push(*value);
            Ok(())
        };
        let writer = Writer { write: Arc::new(write), is_closed: Arc::default() };
        let [first, late] = [writer.clone(), writer.clone()];
        let first = tokio::task::spawn_blocking(move || first.write(&1));
        assert_eq!(begun.recv(), Ok(1));
        let last = tokio::task::spawn_blocking(move || writer.write_last(&2));
        // Each of the two writes waits for one of these.
        go_on.send(()).unwrap();
        go_on.send(()).unwrap();
        first.await.unwrap().unwrap();
        last.await.unwrap().unwrap();
        late.write(&3).unwrap();
        assert_eq!(*written.lock().unwrap(), [1, 2]);
    }
}
