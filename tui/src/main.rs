//! The `storefront` program. See the library for what it does.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Logs, exports and settings contain personal data: files are created for their owner only.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    storefront::run()
}
