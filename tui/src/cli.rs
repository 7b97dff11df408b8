//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use storefront_api::OrderId;

use crate::embedded::listen_address;
use crate::state::{REAL_TIME, SPEEDS};

/// A shop in a terminal whose every state change is an event that anyone can watch.
///
/// Without a command, opens the shop on this terminal, with everything it needs running inside this one process: the
/// server, its event log and stand-ins for the product service, the card gateway and the mailbox. Your basket, your
/// orders and the log are kept in your data folder.
#[derive(Debug, Parser)]
#[command(name = "storefront", version, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

const EXAMPLES: &str = "\
Examples:
  storefront                                  open the shop; ? lists the keys
  storefront --ephemeral                      the same, and forget everything afterwards
  storefront --server http://127.0.0.1:7070   be a client of a shop that runs elsewhere
  storefront serve                            run the shop without a screen, for other clients
  storefront demo --scenario declined         watch a card being declined, line by line
  storefront events --follow                  watch everything that happens
  storefront events --json --order ID > it    keep the timeline of an order …
  storefront replay it                        … and play it again, anywhere";

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub(crate) struct Common {
    /// Be a client of the shop at this address instead of running one inside
    #[arg(long, global = true, value_name = "URL", env = "STOREFRONT_SERVER", hide_env_values = true)]
    pub(crate) server: Option<String>,
    /// With --server: read the mail of that demo shop in the mailbox at this address, which its `serve` prints
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "STOREFRONT_MAILBOX",
        hide_env_values = true,
        requires = "server"
    )]
    pub(crate) mailbox: Option<String>,
    /// Keep nothing: the shop lives in memory and ends with this process
    #[arg(long, global = true, conflicts_with = "server")]
    pub(crate) ephemeral: bool,
    /// Where the log, the baskets and the settings are kept [default: your data folder]
    #[arg(long, global = true, value_name = "FOLDER", env = "STOREFRONT_DATA", hide_env_values = true)]
    pub(crate) data: Option<PathBuf>,
    /// Take keys, theme and colours from this file [default: storefront/config.toml in your configuration folder]
    #[arg(long, global = true, value_name = "FILE", env = "STOREFRONT_CONFIG", hide_env_values = true)]
    pub(crate) config: Option<PathBuf>,
    /// Write what happens inside to storefront.log in the data folder
    #[arg(long, global = true)]
    pub(crate) debug: bool,
}

/// What to do instead of opening the shop.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the shop without a screen and print its address; Ctrl-C ends it
    Serve {
        /// Where to listen; localhost:PORT, :PORT and PORT are this machine alone
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7070", value_parser = listen_address)]
        listen: SocketAddr,
    },
    /// Shop by script and print the order's timeline as it happens; needs no terminal
    ///
    /// Runs in a shop of its own in memory, unless --server names one; that needs a lab for some scenarios, and says so. Exit
    /// code 0: the order ended as the scenario says.
    Demo {
        /// What is to happen
        #[arg(long, value_enum, default_value_t = Scenario::Happy)]
        scenario: Scenario,
    },
    /// Print the log, one event a line
    Events {
        /// Keep printing what happens until Ctrl-C
        #[arg(long)]
        follow: bool,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
        /// Only what belongs to this order
        #[arg(long, value_name = "ID")]
        order: Option<OrderId>,
    },
    /// Play a timeline from a file again, without any shop: on the screen, or as lines without a terminal
    ///
    /// The file has a JSON object a line, as `storefront events --json --order ID` prints them. On the screen, Space pauses,
    /// the arrows step, + and - change the speed. Between two events at least 0.15 s and at most 3 s pass at speed 1.
    Replay {
        /// The file
        file: PathBuf,
        /// How many times as fast as it happened, 0.01 to 1000
        #[arg(long, value_name = "N", default_value = "1", value_parser = speed)]
        speed: u32,
    },
    /// Print the configuration as it is by default, with every key and what it does
    Config,
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// A speed in thousandths of real time.
fn speed(text: &str) -> Result<u32, String> {
    let wrong = || "must be a number from 0.01 to 1000".to_owned();
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 3 || (whole.is_empty() && part.is_empty()) || whole.len() > 4 {
        return Err(wrong());
    }
    let whole: u32 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| wrong())? };
    let part: u32 = format!("{part:0<3}").parse().map_err(|_| wrong())?;
    let speed = whole * REAL_TIME + part;
    if (SPEEDS.0..=SPEEDS.1).contains(&speed) { Ok(speed) } else { Err(wrong()) }
}

/// What happens in a demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// Two products, a card that works, a confirmed order
    Happy,
    /// The card is declined, the order is open again
    Declined,
    /// The card has insufficient funds, the order is open again
    InsufficientFunds,
    /// The bank asks for authentication, which nobody gives; the order is open again
    Authentication,
    /// The card processor has an error; the order is open again
    ProcessingError,
    /// The card takes 3 seconds, the order is confirmed
    Slow,
    /// Declined at first, then paid with another card
    SecondTry,
    /// No payment at all, the order is confirmed
    NoPayment,
    /// Two shoppers race for the last piece; one gets it (played by the shop's lab, like those below)
    LastPiece,
    /// The last piece is sold while it is in somebody else's basket
    OutOfStock,
    /// The product service is unplugged, and the order does not notice
    ProductServiceDown,
    /// The mail server is unplugged; the mail arrives when it is back
    MailDown,
    /// The card gateway loses its answers, and tells its news twice and in the wrong order
    Webhooks,
    /// What works in the shop is killed between a charge and its outcome; the card is charged once
    ServerKilled,
    /// An event that nobody can read stops one order's mail and nothing else
    PoisonEvent,
    /// The confirmed order is cancelled and refunded
    Cancelled,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn options_may_stand_before_and_after_the_command() {
        for line in ["storefront --server http://x demo", "storefront demo --server http://x"] {
            let cli = Cli::try_parse_from(line.split(' ')).unwrap();
            assert_eq!(cli.common.server.as_deref(), Some("http://x"));
        }
    }

    #[test]
    fn a_speed_is_a_number_with_at_most_three_places() {
        assert_eq!(["1", "0.25", ".5", "1000", "0.01"].map(speed), [1_000, 250, 500, 1_000_000, 10].map(Ok));
        for wrong in ["", ".", "0", "0.001", "1001", "-1", "fast", "1.2345", "1e3"] {
            assert!(speed(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_shop_elsewhere_cannot_be_in_memory() {
        assert!(Cli::try_parse_from(["storefront", "--server", "http://x", "--ephemeral"]).is_err());
        assert!(Cli::try_parse_from(["storefront", "events", "--order", "seven"]).is_err());
    }
}
