//! The `storefront` program. See the library for what it does.

use std::process::ExitCode;

fn main() -> ExitCode {
    storefront::run()
}
