//! Selects the mode from the command line and maps its outcome to an exit code: 0 success, 1 failure, 2 usage error.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;

use clap::{CommandFactory, Parser};
use color_eyre::eyre::{Result, WrapErr, eyre};
use storefront_client::{Client, Mailbox};

use crate::cli::{Cli, Command, Common};
use crate::config::{self, Config};
use crate::driver::{self, Shop, StartOptions};
use crate::embedded::{self, DataPlace, EmbeddedOptions, TlsFiles};
use crate::line_mode;
use crate::preferences::Preferences;
use crate::session_file::SessionFile;
use crate::settings::{Settings, SettingsFile};
use crate::state::Replay;
use crate::{environment, plain, terminal};

/// Default listen address of a shop that lets other machines join; a free port is used where it is taken.
const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7070);

/// Parses the command line and runs the command.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            return match error.print().and_then(|()| io::stdout().flush()) {
                Err(failure) if failure.kind() != io::ErrorKind::BrokenPipe && !error.use_stderr() => {
                    print_error(&format!("The help could not be written: {failure}."));
                    ExitCode::FAILURE
                }
                // A closed stderr leaves nothing to report to.
                Ok(()) | Err(_) => ExitCode::from(if error.use_stderr() { 2 } else { 0 }),
            };
        }
    };
    let cli = match cli.with_environment(environment::variable) {
        Ok(cli) => cli,
        Err(wrong) => {
            print_error(&wrong);
            return ExitCode::from(2);
        }
    };
    if let Some(usage) = usage_error(&cli) {
        print_error(&usage);
        return ExitCode::from(2);
    }
    let config = match read_config(&cli) {
        Ok(config) => config,
        Err(wrong) => {
            print_error(&wrong);
            return ExitCode::from(2);
        }
    };
    match run_command(cli, config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if line_mode::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            print_error(&error_line(&error));
            ExitCode::FAILURE
        }
    }
}

/// Returns usage errors that the command line parser does not find.
fn usage_error(cli: &Cli) -> Option<String> {
    if let Some(url) = &cli.common.server
        && let Err(error) = Client::new(url)
    {
        return Some(error.to_string());
    }
    if let Some(url) = &cli.common.mailbox
        && Mailbox::new(url).is_err()
    {
        return Some(
            "--mailbox is not the address of a mailbox: give the one that `storefront serve` prints.".to_owned(),
        );
    }
    if cli.common.mailbox.is_some() && cli.common.server.is_none() {
        return Some("--mailbox belongs to a shop elsewhere: name that too, with --server URL.".to_owned());
    }
    if let Some(wrong) = api_key_error(cli) {
        return Some(wrong.to_owned());
    }
    match &cli.command {
        None if !(io::stdin().is_terminal() && io::stdout().is_terminal()) => Some(
            "This is not a terminal. Try `storefront demo` for a scripted tour, or `storefront serve` to run the shop without a screen."
                .to_owned(),
        ),
        None | Some(Command::Replay { .. })
            if environment::is_dumb() && io::stdout().is_terminal() && !cli.common.screen_reader =>
        {
            Some(
            "This terminal cannot show a screen: TERM is dumb. Try `storefront --screen-reader` for the shop in plain lines, or `storefront demo` for a scripted tour."
                    .to_owned(),
            )
        }
        Some(Command::Serve { .. }) if cli.common.server.is_some() => {
            Some("`serve` runs a shop and --server names another one: leave one of them out.".to_owned())
        }
        Some(
            Command::Demo { .. }
            | Command::Events { .. }
            | Command::Replay { .. }
            | Command::Config
            | Command::Completions { .. }
            | Command::Man,
        ) if cli.common.open_to_network => {
            Some("--open-to-network is for `storefront serve` and for the shop on the screen.".to_owned())
        }
        Some(command) if cli.common.secured && !matches!(command, Command::Serve { .. }) => {
            Some("--secured is for `storefront serve` and for the shop on the screen.".to_owned())
        }
        None | Some(_) => None,
    }
}

fn api_key_error(cli: &Cli) -> Option<&'static str> {
    cli.common.api_key_file.as_ref()?;
    match &cli.command {
        None => Some("--api-key-file is for `storefront demo` and `storefront events`; on the screen people sign in."),
        Some(Command::Demo { .. } | Command::Events { .. }) if cli.common.server.is_some() => None,
        Some(Command::Demo { .. } | Command::Events { .. }) => {
            Some("--api-key-file belongs to a shop elsewhere: name that too, with --server URL.")
        }
        Some(_) => Some("--api-key-file is for `storefront demo` and `storefront events`."),
    }
}

/// Reads the configuration file for commands that open a screen.
fn read_config(cli: &Cli) -> Result<Config, String> {
    match (&cli.command, &cli.common.config) {
        (None | Some(Command::Replay { .. }), Some(path)) => Config::read(path, true),
        (None | Some(Command::Replay { .. }), None) => {
            config_file(&cli.common).map_or_else(|| Ok(Config::default()), |path| Config::read(&path, false))
        }
        (Some(_), _) => Ok(Config::default()),
    }
}

/// Path of the configuration file.
fn config_file(common: &Common) -> Option<PathBuf> {
    common.config.clone().or_else(environment::config_file)
}

/// The preferences of the command line, and otherwise of the configuration file.
fn preferences(common: &Common, config: &Config) -> Preferences {
    let said = Preferences { reduced_motion: common.reduced_motion.then_some(true), ..Preferences::default() };
    said.or(config.preferences)
}

fn run_command(cli: Cli, config: Config) -> Result<()> {
    color_eyre::config::HookBuilder::default().display_env_section(false).display_location_section(false).install()?;
    terminal::install_panic_hook();
    let common = cli.common;
    let data = match &common.data {
        Some(folder) => Some(folder.clone()),
        None => environment::data_folder(),
    };
    start_log(&common, data.as_deref(), cli.command.is_some())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(async {
        match cli.command {
            None => on_screen(&common, data, config).await,
            Some(Command::Serve { listen, tls_cert, tls_key, hosts, allow_origins, webhook_allow_private }) => {
                let usual = embedded_options(&common, data_place(&common, data)?);
                let tls = tls_cert.zip(tls_key).map(|(certificate, key)| TlsFiles { certificate, key });
                let mut options = EmbeddedOptions { tls, hosts, allow_origins, webhook_allow_private, ..usual };
                options.listen_on(listen, common.open_to_network);
                options.secured = common.secured;
                line_mode::serve(options).await
            }
            Some(Command::Demo { scenario }) => {
                let memory = embedded_options(&common, DataPlace::Memory);
                line_mode::demo(line_mode::ShopTarget::from_options(&common), memory, scenario).await
            }
            Some(Command::Events { follow, json, order }) => {
                let options = match common.server {
                    Some(_) => embedded_options(&common, DataPlace::Memory),
                    None => embedded_options(&common, data_place(&common, data)?),
                };
                let what = line_mode::EventsOptions { follow, json, order };
                line_mode::events(line_mode::ShopTarget::from_options(&common), options, what).await
            }
            Some(Command::Replay { file, speed }) => replay(&file, speed, &common, config).await,
            Some(Command::Config) => print_whole(config::documented().as_bytes()),
            Some(Command::Completions { shell }) => {
                // Into memory first: the generator panics when a write fails.
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Cli::command(), "storefront", &mut script);
                print_whole(&script)
            }
            Some(Command::Man) => {
                let mut page = Vec::new();
                clap_mangen::Man::new(Cli::command()).render(&mut page)?;
                // The generator names a page of its own for each command; this is the only one.
                let page = String::from_utf8_lossy(&page);
                let command = Cli::command();
                let names = command.get_subcommands().map(clap::Command::get_name).chain(["help"]);
                let page = names.fold(page.into_owned(), |page, name| {
                    page.replace(&format!("storefront\\-{name}(1)"), &format!("storefront {name}"))
                });
                print_whole(page.as_bytes())
            }
        }
    });
    // The thread that reads the terminal blocks, and must not delay the exit.
    runtime.shutdown_background();
    result
}

/// Prints all bytes, or returns the error.
fn print_whole(bytes: &[u8]) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    Ok(out.flush()?)
}

/// Replays a timeline: on the screen, or as lines without a terminal.
async fn replay(file: &Path, speed: u32, common: &Common, config: Config) -> Result<()> {
    let events = line_mode::read_replay(file)?;
    if !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
        return line_mode::replay(&events, speed).await;
    }
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let settings = Settings { theme: Some(environment::theme()), ..Settings::default() };
    let shop = Shop::Nowhere(Replay::new(name, events, speed));
    let depth = environment::colour_depth();
    let has_clipboard = environment::has_clipboard();
    let start = StartOptions {
        shop,
        settings,
        file: None,
        session_file: None,
        first_run: false,
        depth,
        has_clipboard,
        screen_reader: common.screen_reader,
        preferences: preferences(common, &config),
        config_file: config_file(common),
        config,
        actor: None,
    };
    driver::run(start).await
}

async fn on_screen(common: &Common, data: Option<PathBuf>, config: Config) -> Result<()> {
    let kept = data.as_deref().map(|data| SettingsFile::new(data, common.server.as_deref()));
    let read = kept.as_ref().and_then(SettingsFile::read);
    let session_file = data.as_deref().map(|data| SessionFile::new(data, common.server.as_deref()));
    let first_run = read.is_none();
    let mut settings = read.unwrap_or_default();
    settings.theme = settings.theme.or_else(|| Some(environment::theme()));
    if common.ephemeral {
        // A new shop has no basket to return to and knows no customer.
        settings = Settings { basket: None, checking_out: None, customer: None, ..settings };
    }
    let depth = environment::colour_depth();
    let shop = match &common.server {
        Some(url) => Shop::At { client: Client::new(url)?, mailbox_url: common.mailbox.clone() },
        None => {
            let mut options = embedded_options(common, data_place(common, data)?);
            if common.open_to_network {
                options.listen_on(DEFAULT_LISTEN, true);
            }
            options.secured = common.secured;
            Shop::Inside(options)
        }
    };
    let file = if common.ephemeral { None } else { kept };
    let start = StartOptions {
        shop,
        settings,
        file,
        session_file: session_file.filter(|_| !common.ephemeral),
        first_run,
        depth,
        has_clipboard: environment::has_clipboard(),
        screen_reader: common.screen_reader,
        preferences: preferences(common, &config),
        config_file: config_file(common).filter(|_| !common.ephemeral),
        config,
        actor: common.acting_as.clone(),
    };
    driver::run(start).await
}

/// Options of the embedded shop from the command line.
fn embedded_options(common: &Common, data: DataPlace) -> EmbeddedOptions {
    let usual = EmbeddedOptions::new(data);
    let Common { seller_name, seller_address, seller_vat_id, .. } = common.clone();
    EmbeddedOptions {
        seller: embedded::seller(seller_name, seller_address.as_deref(), seller_vat_id),
        reservation_life: common.reservation_life.unwrap_or(usual.reservation_life),
        basket_life: common.basket_life.unwrap_or(usual.basket_life),
        ..usual
    }
}

fn data_place(common: &Common, data: Option<PathBuf>) -> Result<DataPlace> {
    if common.ephemeral {
        return Ok(DataPlace::Memory);
    }
    data.map(DataPlace::Folder)
        .ok_or_else(|| eyre!("There is no place to keep data: set HOME, or use --data FOLDER or --ephemeral."))
}

/// Starts logging: with --debug everything to a file; without a screen, warnings to standard error.
fn start_log(common: &Common, data: Option<&Path>, has_stderr: bool) -> Result<()> {
    use tracing_subscriber::EnvFilter;
    let filter = |usual: &str| EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(usual));
    if common.debug {
        let folder = data.ok_or_else(|| eyre!("There is no place for the log file: use --data FOLDER."))?;
        let path = folder.join("storefront.log");
        std::fs::create_dir_all(folder).wrap_err_with(|| format!("{} cannot be created", folder.display()))?;
        let file = File::options().create(true).append(true).open(&path);
        let file = file.wrap_err_with(|| format!("{} cannot be written", path.display()))?;
        tracing_subscriber::fmt()
            .with_env_filter(filter("debug,hyper=info,reqwest=info"))
            .with_ansi(false)
            .with_writer(Mutex::new(file))
            .init();
    } else if has_stderr {
        let coloured = environment::may_colour(io::stderr().is_terminal());
        tracing_subscriber::fmt().with_env_filter(filter("warn")).with_ansi(coloured).with_writer(io::stderr).init();
    }
    Ok(())
}

/// Formats an error and its causes in one line.
fn error_line(error: &color_eyre::Report) -> String {
    let mut texts: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = plain::reason(cause.to_string().trim_end_matches('.'));
        if texts.last().is_none_or(|last| !last.contains(&text)) {
            texts.push(text);
        }
    }
    format!("{}.", texts.join(": "))
}

fn print_error(text: &str) {
    // A closed stderr leaves nothing to report to.
    let _ = writeln!(io::stderr(), "storefront: {}", plain::line(text));
}
