//! The terminal as a device: reads and writes that never block the caller, whatever the other end does. It is opened
//! anew, because the mode "non-blocking" belongs to an open file and the ones that the shell gave us are shared with it.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::termios::{QueueSelector, tcflush, tcgetwinsize, ttyname};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// One direction of the terminal.
#[derive(Clone, Debug)]
pub(crate) struct Device(Arc<File>);

impl Device {
    /// The terminal's input.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn input() -> io::Result<Self> {
        Self::open(io::stdin(), OpenOptions::new().read(true))
    }

    /// The terminal's output.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn output() -> io::Result<Self> {
        Self::open(io::stdout(), OpenOptions::new().write(true))
    }

    fn open(standard: impl AsFd, options: &mut OpenOptions) -> io::Result<Self> {
        let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
        let options = options.custom_flags(flags);
        let by_name = ttyname(standard.as_fd(), Vec::new()).map_err(io::Error::from);
        let opened = by_name.and_then(|name| options.open(Path::new(std::ffi::OsStr::from_bytes(name.as_bytes()))));
        let file = match opened.or_else(|_| options.open("/dev/tty")) {
            Ok(file) => file,
            // As in a container without names of terminals: reads and writes wait for readiness, and may still block.
            Err(_) => File::from(standard.as_fd().try_clone_to_owned()?),
        };
        Ok(Self(Arc::new(file)))
    }

    /// Registers the device with the runtime, to wait until it can be read or written.
    ///
    /// # Errors
    /// When the system does not allow it.
    #[expect(
        deprecated,
        reason = "the way to register without `unsafe`; the file stays open as long as it is registered"
    )]
    pub(crate) fn watched(&self, interest: Interest) -> io::Result<AsyncFd<Arc<File>>> {
        AsyncFd::with_interest(self.0.clone(), interest)
    }

    pub(crate) fn file(&self) -> &File {
        &self.0
    }

    /// Columns and rows; `None` where the terminal does not know.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(crate) fn size(&self) -> io::Result<Option<(u16, u16)>> {
        let size = tcgetwinsize(&*self.0)?;
        Ok((size.ws_col > 0 && size.ws_row > 0).then_some((size.ws_col, size.ws_row)))
    }

    /// Reads what is there. `None`: nothing is there now.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(crate) fn read_now(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        if !self.is_ready(PollFlags::IN, Duration::ZERO)? {
            return Ok(None);
        }
        match (&*self.0).read(buffer) {
            // The other end is closed.
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(read) => Ok(Some(read)),
            Err(error) if waits(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes as much as fits now; returns how much.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(crate) fn write_now(&self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() || !self.is_ready(PollFlags::OUT, Duration::ZERO)? {
            return Ok(0);
        }
        match (&*self.0).write(bytes) {
            Err(error) if waits(&error) => Ok(0),
            written => written,
        }
    }

    /// Writes all bytes, as long as the other end takes some within `patience`; returns whether it took them all.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(crate) fn write_within(&self, mut bytes: &[u8], patience: Duration) -> io::Result<bool> {
        // Also one that takes a byte now and then ends the wait.
        let deadline = Instant::now() + 4 * patience;
        while !bytes.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now()).min(patience);
            let asked = Instant::now();
            if self.is_ready(PollFlags::OUT, left)? {
                bytes = &bytes[self.write_now(bytes)?..];
            } else if asked.elapsed() >= left {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Forgets what was written and has not been taken by the other end.
    pub(crate) fn forget_output(&self) {
        // A terminal that is gone has forgotten it already.
        let _ = tcflush(&*self.0, QueueSelector::OFlush);
    }

    fn is_ready(&self, what: PollFlags, patience: Duration) -> io::Result<bool> {
        let patience = Timespec {
            tv_sec: i64::try_from(patience.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: patience.subsec_nanos().into(),
        };
        let mut polled = [PollFd::new(&*self.0, what)];
        match poll(&mut polled, Some(&patience)) {
            // A terminal that is gone is ready: reading or writing reports it.
            Ok(ready) => Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether the device has no bytes or no room now.
fn waits(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
