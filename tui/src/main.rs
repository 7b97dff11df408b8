//! The `storefront` program. See the library for what it does.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Logs, exports and what is kept of the client have personal data in them: nobody else may read them.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    storefront::run()
}
