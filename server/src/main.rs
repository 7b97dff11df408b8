//! `storefront-server`: the command line of the shop's server. Reads options and the environment, and runs one command.

mod secret_args;
mod serve_args;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use color_eyre::eyre::{Result, WrapErr};
use storefront_eventlog::Hash;
use storefront_server::Server;
use storefront_server::maintenance::{self, FileOrStdio, ToolError};
use tracing_subscriber::EnvFilter;

use self::secret_args::StoreArgs;
use self::serve_args::{ServeArgs, to_config};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The shop's server: an event log, an HTTP interface, and the processes between them.
#[derive(Parser)]
#[command(name = "storefront-server", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Open the shop; until Ctrl-C or SIGTERM.
    ///
    /// `storefront-mocks` starts stand-ins for the product service, the card gateway and the mail server.
    Serve(Box<ServeArgs>),
    /// Rebuild a view (categories, customers, invoices, orders, products, statistics, stock or vouchers) from the log, while no
    /// server runs.
    ///
    /// A running server rebuilds one at POST /v1/views/VIEW/rebuild, and answers meanwhile.
    Rebuild {
        #[command(flatten)]
        log: StoreArgs,
        /// Name of the view
        #[arg(value_name = "VIEW")]
        view: String,
    },
    /// Print the description of the HTTP interface (OpenAPI 3.1).
    Openapi,
    /// Write the whole log as lines of JSON, an event a line, oldest first.
    ///
    /// The lines are the log: `import` makes the same log of them, on SQLite or PostgreSQL, and its export is the same
    /// byte for byte. A server may have the log open and answers the same at GET /v1/export; later events are left out.
    Export {
        #[command(flatten)]
        log: StoreArgs,
        /// The file to write, which must not be there yet; - for the standard output.
        #[arg(long, default_value = "-", value_name = "FILE")]
        out: FileOrStdio,
    },
    /// Make a log of the lines that `export` wrote: the same positions, ids and times.
    ///
    /// The log must be empty, or not there yet, and no server may have it open. Where consumers stood and answers that
    /// are kept under idempotency keys are not part of an export: at the next start the processes look at every event
    /// again, and find by its order that it is dealt with.
    Import {
        #[command(flatten)]
        log: StoreArgs,
        /// The file to read; - for the standard input.
        #[arg(value_name = "FILE")]
        from: FileOrStdio,
    },
    /// Read the whole log and say what is wrong with it.
    ///
    /// Checks: SQLite's integrity check of the file, positions and versions without gaps, ids that are unique, whether
    /// every event is as it was written (by its checksum, and all together by the hash of the log), and whether this
    /// program can read it. A server may have the log open. Exit code 1 says that something is wrong. A damaged log is
    /// best replaced by a backup.
    Check {
        #[command(flatten)]
        log: StoreArgs,
    },
    /// Go on with a SQLite log that was copied without its write-ahead log (PATH-wal), or lost it.
    ///
    /// Such a log is refused, because its newest events are missing. This takes it as it is.
    AcceptLoss {
        #[command(flatten)]
        log: StoreArgs,
    },
    /// Prove that an event stands in the log, as JSON for `verify-proof`.
    ///
    /// The proof has the event, the hash of the log at this moment, and the hashes between them: about 2 kB more.
    Prove {
        #[command(flatten)]
        log: StoreArgs,
        /// The event's id, or its position.
        #[arg(value_name = "EVENT")]
        event: String,
    },
    /// Check a proof that `prove` wrote; needs no log and no server.
    ///
    /// Exit code 1 says that it proves nothing.
    VerifyProof {
        /// The file with the proof.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The hash of the log as it was noted at the time of the proof, from GET /v1/events or GET /health/ready:
        /// without it the proof is only known to fit the hash that it brings along.
        #[arg(long, value_name = "HASH")]
        hash: Option<Hash>,
    },
    /// Copy a SQLite log into a new file, also while a server writes to it.
    ///
    /// The copy is the log of one moment, with everything that belongs to it; `--store sqlite:TO` opens it. For
    /// PostgreSQL use pg_dump, or `export`.
    Backup {
        #[command(flatten)]
        log: StoreArgs,
        /// The file to make, which must not be there yet.
        #[arg(value_name = "TO")]
        to: PathBuf,
    },
}

fn main() -> ExitCode {
    // Logs, views, backups and exports contain personal data: only the owner may read the files.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let cli = Cli::parse();
    let stderr = std::io::stderr();
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_env("STOREFRONT_LOG").unwrap_or_else(|_| EnvFilter::new("info")))
        .with_ansi(stderr.is_terminal() && !plain)
        .with_writer(std::io::stderr)
        .init();
    match run(cli.command) {
        Ok(code) => code,
        Err(failure) => {
            // Printed whatever STOREFRONT_LOG filters out.
            let _ = writeln!(stderr.lock(), "storefront-server: {failure:#}");
            match failure.downcast_ref::<ToolError>() {
                Some(ToolError::Usage(_)) => ExitCode::from(2),
                Some(_) | None => ExitCode::FAILURE,
            }
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match command {
        Command::Serve(args) => runtime.block_on(serve(*args))?,
        Command::Openapi => print_line(&storefront_server::openapi_json()?)?,
        Command::Export { log, out } => {
            let count = runtime.block_on(maintenance::export(&log.store()?, &out))?;
            if out != FileOrStdio::Stdio {
                print_line(&format!("{count} events exported"))?;
            }
        }
        Command::Import { log, from } => {
            let count = runtime.block_on(maintenance::import(&log.store()?, &from))?;
            print_line(&format!("{count} events imported"))?;
        }
        Command::Check { log } => {
            let checked = runtime.block_on(maintenance::check(&log.store()?))?;
            print_line(checked.report.trim_end())?;
            if !checked.is_sound {
                return Ok(ExitCode::FAILURE);
            }
        }
        Command::AcceptLoss { log } => {
            let position = maintenance::accept_loss(&log.store()?)?;
            print_line(&format!("the log goes on after position {position}"))?;
        }
        Command::Prove { log, event } => print_line(&runtime.block_on(maintenance::prove(&log.store()?, &event))?)?,
        Command::VerifyProof { file, hash } => print_line(&maintenance::verify_proof(&file, hash)?)?,
        Command::Backup { log, to } => {
            runtime.block_on(maintenance::backup(&log.store()?, &to))?;
            print_line(&format!("backed up to {}", to.display()))?;
        }
        Command::Rebuild { log, view } => {
            let position = runtime.block_on(storefront_server::rebuild_view(&log.store()?, &view))?;
            print_line(&format!("{view} is rebuilt up to position {position}"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print_line(text: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{text}").wrap_err("cannot print")
}

async fn serve(args: ServeArgs) -> Result<()> {
    let open = args.open_to_network || (args.secured && !args.listen.ip().is_loopback());
    let server = Server::start(to_config(args)?).await?;
    print_line(&server.url())?;
    if open {
        print_line(&format!("Others join with: storefront --server {}", server.join_url()))?;
    }
    if let Some(first) = server.first_operator() {
        print_line(&format!("First operator: {}, one-time password {}", first.email, first.password.0))?;
    }
    wait_for_stop_signal().await?;
    // A second signal ends the wait for requests in flight. Acknowledged writes are already on disk.
    tokio::select! {
        () = server.shutdown() => Ok(()),
        again = wait_for_stop_signal() => again,
    }
}

/// Waits for Ctrl-C or SIGTERM.
async fn wait_for_stop_signal() -> Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.wrap_err("cannot listen for Ctrl-C"),
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::any::TypeId;

    use clap::CommandFactory;
    use storefront_server::Secret;

    use super::*;

    /// Every option of a command and of its subcommands, with the command's other options.
    fn options(command: &clap::Command) -> Vec<(clap::Command, clap::Arg)> {
        let own = command.get_opts().map(|option| (command.clone(), option.clone()));
        own.chain(command.get_subcommands().flat_map(options)).collect()
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_secret_is_also_read_from_a_file_and_no_default_and_no_help_shows_one() {
        let mut secrets = 0;
        for (command, option) in options(&Cli::command()) {
            let name = option.get_long().unwrap_or_default().to_owned();
            let variable = option.get_env().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if option.get_value_parser().type_id() != TypeId::of::<Secret>() {
                let sounds_secret = ["key", "secret", "password", "token"].iter().any(|word| name.contains(word));
                assert!(!sounds_secret || name.ends_with("-file") || name == "tls-key", "--{name} is no Secret");
                continue;
            }
            secrets += 1;
            let file = command.get_opts().find(|other| other.get_long() == Some(&format!("{name}-file")));
            let file = file.unwrap_or_else(|| panic!("--{name} has no --{name}-file"));
            let file_variable = file.get_env().map(|name| name.to_string_lossy().into_owned());
            assert_eq!(file_variable, Some(format!("{variable}_FILE")), "--{name}");
            assert!(option.is_hide_env_values_set() && option.get_default_values().is_empty(), "--{name}");
        }
        assert!(secrets >= 4, "only {secrets} were found");
    }
}
