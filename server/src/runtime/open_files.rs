//! How many files and sockets the system lets this process have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::debug;

/// More than this is not asked for: each is a little memory of the system's.
const WANTED: u64 = 65_536;

/// Raises the limit as far as the process may by itself, and tells what it is then.
pub(crate) fn raise_limit() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // None is without limit.
    let now = current.unwrap_or(WANTED);
    let wanted = maximum.unwrap_or(WANTED).min(WANTED).max(now);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum });
    let limit = match raised {
        Ok(()) => wanted,
        Err(error) => {
            debug!(%error, "the limit of open files stays as it is");
            now
        }
    };
    usize::try_from(limit).unwrap_or(usize::MAX)
}
