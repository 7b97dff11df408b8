//! The limit of open files and sockets of this process.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::debug;

/// Highest limit that is requested: each open file costs the system some memory.
const MAX_OPEN_FILES: u64 = 65_536;

/// Raises the limit as far as the process may, and returns the limit that holds then.
pub(crate) fn raise_limit() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // `None` means unlimited.
    let now = current.unwrap_or(MAX_OPEN_FILES);
    let wanted = maximum.unwrap_or(MAX_OPEN_FILES).min(MAX_OPEN_FILES).max(now);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum });
    let limit = match raised {
        Ok(()) => wanted,
        Err(error) => {
            debug!(%error, "cannot raise the limit of open files");
            now
        }
    };
    usize::try_from(limit).unwrap_or(usize::MAX)
}
