//! The command line.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use storefront_api::{ActorName, OrderId, OrderNumber, Token};

use crate::embedded::{HostName, WebOrigin, listen_address, parse_life, parse_switch};
use crate::state::{REAL_TIME, SPEED_RANGE};

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
  storefront serve --open-to-network          the same for a room: prints what others type to join
  storefront demo --scenario declined         watch a card being declined, line by line
  storefront events --follow                  watch everything that happens
  storefront events --server https://shop.example --api-key-file key
                                              the same in a shop where everybody needs a session
  storefront events --json --order 95EG-YSMH > it   keep the timeline of an order …
  storefront replay it                              … and play it again, anywhere";

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub(crate) struct Common {
    /// Be a client of the shop at this address instead of running one inside [env: STOREFRONT_SERVER]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// With --server: read the mail of that demo shop in the mailbox at this address, which its `serve` prints
    /// [env: STOREFRONT_MAILBOX]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) mailbox: Option<String>,
    /// With --server and `demo` or `events`: act with the API key in this file, where everybody needs a session; the key
    /// itself can stand in STOREFRONT_API_KEY [env: STOREFRONT_API_KEY_FILE]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) api_key_file: Option<PathBuf>,
    /// The API key of the environment.
    #[arg(skip)]
    pub(crate) api_key: Option<Token>,
    /// Keep nothing: the shop lives in memory and ends with this process
    #[arg(long, global = true, conflicts_with = "server")]
    pub(crate) ephemeral: bool,
    /// Let other machines join: listen on every address of this one, although everyone who comes may do everything
    #[arg(long, global = true, conflicts_with = "server")]
    pub(crate) open_to_network: bool,
    /// Let people in who sign in, or come as guests: all but the catalogue, health, signing in and the description of the
    /// interface needs a session. The first start of `serve` prints a one-time password of the operator; the screen
    /// Account shows it [env: STOREFRONT_SECURED]
    #[arg(long, global = true, conflicts_with = "server")]
    pub(crate) secured: bool,
    /// Read the shop out in plain lines, for a screen reader: no pictures, no drawing, every change told once
    /// [env: STOREFRONT_SCREEN_READER]
    #[arg(long, global = true)]
    pub(crate) screen_reader: bool,
    /// Nothing on the screen counts or moves by itself, only what happens in the shop [env: STOREFRONT_REDUCED_MOTION]
    #[arg(long, global = true)]
    pub(crate) reduced_motion: bool,
    /// Act under this name, such as "Pair 3": it stands as the actor of the events that you cause
    /// [env: STOREFRONT_AS]
    #[arg(long = "as", global = true, value_name = "NAME")]
    pub(crate) acting_as: Option<ActorName>,
    /// Where the log, the baskets and the settings are kept [default: your data folder] [env: STOREFRONT_DATA]
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
    /// Take keys, theme and colours from this file [default: storefront/config.toml in your configuration folder]
    /// [env: STOREFRONT_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// For how long the shop inside promises stock to an order that is not paid, such as 90 (seconds) or 1h
    /// [default: 15m] [env: STOREFRONT_RESERVATION_LIFE]
    #[arg(long, global = true, value_name = "TIME", value_parser = parse_life, conflicts_with = "server")]
    pub(crate) reservation_life: Option<Duration>,
    /// After how long without a change a basket of the shop inside is over, such as 12h or 7d
    /// [default: 24h] [env: STOREFRONT_BASKET_LIFE]
    #[arg(long, global = true, value_name = "TIME", value_parser = parse_life, conflicts_with = "server")]
    pub(crate) basket_life: Option<Duration>,
    /// Who sells: the name on every invoice of the shop inside [default: plainly a demo]
    #[arg(long, global = true, value_name = "NAME", env = "STOREFRONT_SELLER_NAME", hide_env_values = true)]
    pub(crate) seller_name: Option<String>,
    /// The seller's address on every invoice, with semicolons between its lines
    #[arg(long, global = true, value_name = "LINES", env = "STOREFRONT_SELLER_ADDRESS", hide_env_values = true)]
    pub(crate) seller_address: Option<String>,
    /// The seller's VAT identification number on every invoice; empty where there is none
    #[arg(long, global = true, value_name = "ID", env = "STOREFRONT_SELLER_VAT_ID", hide_env_values = true)]
    pub(crate) seller_vat_id: Option<String>,
    /// Write what happens inside to storefront.log in the data folder
    #[arg(long, global = true)]
    pub(crate) debug: bool,
}

impl Cli {
    /// Takes from the environment what the command line leaves open. A variable that is empty says nothing, and one that does
    /// not concern the command is not looked at: a shop elsewhere is none of the business of one that is run here.
    ///
    /// # Errors
    /// One sentence with the variable that cannot be used.
    pub(crate) fn with_environment(mut self, variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, String> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let text = |name: &str| match set(name).map(OsString::into_string) {
            Some(Ok(text)) => Ok(Some(text)),
            Some(Err(_)) => Err(format!("{name} is not text in UTF-8.")),
            None => Ok(None),
        };
        let common = &mut self.common;
        let acts = matches!(&self.command, None | Some(Command::Demo { .. }));
        let may_be_elsewhere = acts || matches!(&self.command, Some(Command::Events { .. }));
        if may_be_elsewhere && common.server.is_none() && !common.ephemeral && !common.open_to_network {
            common.server = text("STOREFRONT_SERVER")?;
        }
        if may_be_elsewhere && common.server.is_some() && common.mailbox.is_none() {
            common.mailbox = text("STOREFRONT_MAILBOX")?;
        }
        let is_program = matches!(&self.command, Some(Command::Demo { .. } | Command::Events { .. }));
        if is_program && common.server.is_some() && common.api_key_file.is_none() {
            common.api_key = text("STOREFRONT_API_KEY")?.map(Token);
            if common.api_key.is_none() {
                common.api_key_file = set("STOREFRONT_API_KEY_FILE").map(PathBuf::from);
            }
        }
        if acts && common.acting_as.is_none() {
            let name = text("STOREFRONT_AS")?.map(|name| name.parse());
            common.acting_as = name.transpose().map_err(|wrong| format!("STOREFRONT_AS: {wrong}."))?;
        }
        let may_be_secured = matches!(&self.command, Some(Command::Serve { .. }) | None);
        if may_be_secured && common.server.is_none() {
            let switch = text("STOREFRONT_SECURED")?.map_or(Ok(false), |switch| parse_switch(&switch));
            common.secured |= switch.map_err(|wrong| format!("STOREFRONT_SECURED: {wrong}."))?;
        }
        if matches!(&self.command, None | Some(Command::Replay { .. })) {
            let is_on = |name: &str| {
                let switch = text(name)?.map_or(Ok(false), |switch| parse_switch(&switch));
                switch.map_err(|wrong| format!("{name}: {wrong}."))
            };
            common.screen_reader |= is_on("STOREFRONT_SCREEN_READER")?;
            common.reduced_motion |= is_on("STOREFRONT_REDUCED_MOTION")?;
        }
        if common.server.is_none() {
            let life = |name: &str| {
                let life = text(name)?.map(|life| parse_life(&life)).transpose();
                life.map_err(|wrong| format!("{name}: {wrong}."))
            };
            if common.reservation_life.is_none() {
                common.reservation_life = life("STOREFRONT_RESERVATION_LIFE")?;
            }
            if common.basket_life.is_none() {
                common.basket_life = life("STOREFRONT_BASKET_LIFE")?;
            }
        }
        common.data = common.data.take().or_else(|| set("STOREFRONT_DATA").map(PathBuf::from));
        common.config = common.config.take().or_else(|| set("STOREFRONT_CONFIG").map(PathBuf::from));
        Ok(self)
    }
}

/// What to do instead of opening the shop.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the shop without a screen and print its address; Ctrl-C ends it
    Serve {
        /// Where to listen; localhost:PORT, :PORT and PORT are this machine alone
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7070", value_parser = listen_address)]
        listen: SocketAddr,
        /// Encrypt connections with the certificate in this file (PEM); it is read again when it changes
        #[arg(long, value_name = "PATH", env = "STOREFRONT_TLS_CERT", hide_env_values = true, requires = "tls_key")]
        tls_cert: Option<PathBuf>,
        /// The file with the private key of that certificate (PEM)
        #[arg(long, value_name = "PATH", env = "STOREFRONT_TLS_KEY", hide_env_values = true, requires = "tls_cert")]
        tls_key: Option<PathBuf>,
        /// A name under which the shop is asked, beside its address and localhost; may be given several times
        #[arg(long = "host", value_name = "NAME[:PORT]")]
        hosts: Vec<HostName>,
        /// An origin whose web pages may do everything here, such as http://localhost:3000; may be given several times
        #[arg(long = "allow-origin", value_name = "ORIGIN")]
        allow_origins: Vec<WebOrigin>,
        /// With --secured: also send webhooks to private networks and without encryption
        #[arg(long)]
        webhook_allow_private: bool,
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
        /// Only what belongs to this order: its number, as everyone sees it, or its id
        #[arg(long, value_name = "NUMBER|ID")]
        order: Option<OrderName>,
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

/// An order as people name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OrderName {
    Id(OrderId),
    Number(OrderNumber),
}

impl FromStr for OrderName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text.trim().parse(), text.parse()) {
            (Ok(id), _) => Ok(Self::Id(id)),
            (Err(_), Ok(number)) => Ok(Self::Number(number)),
            (Err(_), Err(wrong)) => Err(format!("{wrong}; its id, a UUID, does as well")),
        }
    }
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
    if (SPEED_RANGE.0..=SPEED_RANGE.1).contains(&speed) { Ok(speed) } else { Err(wrong()) }
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
    /// The bank asks for authentication, which nobody gives; the order is cancelled and never charged
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
    fn lives_of_the_shop_inside_are_taken_by_every_way_to_open_it() {
        for line in [
            "storefront --basket-life 7d --reservation-life 90",
            "storefront serve --reservation-life=90 --basket-life 7d",
        ] {
            let common = Cli::try_parse_from(line.split(' ')).unwrap().common;
            assert_eq!(common.reservation_life, Some(Duration::from_secs(90)), "{line}");
            assert_eq!(common.basket_life, Some(Duration::from_hours(7 * 24)), "{line}");
        }
        assert!(Cli::try_parse_from(["storefront", "--basket-life", "soon"]).is_err());
        let basket_life =
            |life: &'static str| move |name: &str| (name == "STOREFRONT_BASKET_LIFE").then(|| OsString::from(life));
        let cli = |line: &str| Cli::try_parse_from(line.split(' ')).unwrap();
        let common = cli("storefront serve").with_environment(basket_life("12h")).unwrap().common;
        assert_eq!(common.basket_life, Some(Duration::from_hours(12)));
        let common = cli("storefront --basket-life 7d").with_environment(basket_life("12h")).unwrap().common;
        assert_eq!(common.basket_life, Some(Duration::from_hours(7 * 24)), "what is said here counts");
        assert!(
            cli("storefront")
                .with_environment(basket_life("soon"))
                .unwrap_err()
                .starts_with("STOREFRONT_BASKET_LIFE: ")
        );
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

    #[test]
    fn the_environment_fills_in_what_is_open_and_only_where_it_matters() {
        let variables = |name: &str| match name {
            "STOREFRONT_SERVER" => Some(OsString::from("http://x")),
            "STOREFRONT_AS" => Some("Pair 3".into()),
            "STOREFRONT_DATA" => Some("".into()),
            _ => None,
        };
        let of = |line: &str| {
            let cli = Cli::try_parse_from(line.split(' ')).unwrap();
            cli.with_environment(variables).unwrap().common
        };
        for line in ["storefront", "storefront demo", "storefront events"] {
            assert_eq!(of(line).server.as_deref(), Some("http://x"), "{line}");
        }
        for line in ["storefront serve", "storefront --ephemeral", "storefront --open-to-network", "storefront config"]
        {
            assert_eq!(of(line).server, None, "{line}");
        }
        assert_eq!(of("storefront --server http://y").server.as_deref(), Some("http://y"));
        assert_eq!(of("storefront").acting_as.unwrap().as_str(), "Pair 3");
        assert_eq!(of("storefront").data, None, "an empty variable says nothing");
        let wrong = |name: &str| (name == "STOREFRONT_AS").then(|| OsString::from("guest"));
        let cli = |line: &str| Cli::try_parse_from(line.split(' ')).unwrap();
        assert!(cli("storefront").with_environment(wrong).unwrap_err().starts_with("STOREFRONT_AS: "));
        assert!(cli("storefront config").with_environment(wrong).is_ok());
    }

    #[test]
    fn a_switch_in_the_environment_is_read_in_any_case_and_anything_else_is_refused() {
        let with = |value: &'static str| {
            let cli = Cli::try_parse_from(["storefront"]).unwrap();
            cli.with_environment(|name| {
                let is_switch = matches!(name, "STOREFRONT_REDUCED_MOTION" | "STOREFRONT_SCREEN_READER");
                is_switch.then(|| OsString::from(value))
            })
        };
        for (value, is_on) in [("OFF", false), ("False", false), ("0", false), ("", false), ("1", true), ("Yes", true)]
        {
            let common = with(value).unwrap().common;
            assert_eq!((common.reduced_motion, common.screen_reader), (is_on, is_on), "{value:?}");
        }
        assert!(with("perhaps").unwrap_err().starts_with("STOREFRONT_SCREEN_READER: use 1, "));
    }

    #[test]
    fn an_order_is_identified_by_its_number_or_its_id() {
        let number = OrderName::Number("MJVS-JTAY".parse().unwrap());
        for text in ["MJVS-JTAY", "mjvsjtay", " MJVS-jtay "] {
            assert_eq!(text.parse(), Ok(number), "{text}");
        }
        let id = "018f6f0e-0000-7000-8000-000000000001";
        assert_eq!(id.parse(), Ok(OrderName::Id(id.parse().unwrap())));
        for wrong in ["MJVS-JTAX", "seven", ""] {
            assert!(wrong.parse::<OrderName>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn who_acts_has_a_name_that_can_be_seen() {
        let name = |text: &str| Cli::try_parse_from(["storefront", "--as", text]).map(|cli| cli.common.acting_as);
        assert_eq!(name("Pair 3").unwrap().unwrap().as_str(), "Pair 3");
        assert!(name("").is_err() && name("a\u{1b}b").is_err() && name("guest").is_err());
    }
}
