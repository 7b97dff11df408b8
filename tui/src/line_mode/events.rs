//! `storefront events`: the log as lines.

use std::io::{self, Write};
use std::time::Duration;

use color_eyre::eyre::{Result, eyre};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use storefront_api::{EventQuery, OrderId};
use storefront_client::{Client, ClientError};
use uuid::Uuid;

use crate::cli::OrderName;
use crate::driver::find_order;
use crate::embedded::EmbeddedOptions;
use crate::line_mode::lines::{line, print, print_json};
use crate::line_mode::{Which, close};
use crate::update::backoff_ms;

/// What to print.
#[derive(Clone, Copy, Debug)]
pub(crate) struct What {
    pub(crate) follow: bool,
    pub(crate) json: bool,
    pub(crate) order: Option<OrderName>,
}

/// How long to wait for the reader of our output to go away before looking again whether anybody still waits for that.
const READER_LOOK: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };
/// How many events one answer has at most.
const LIMIT: u32 = 1_000;

/// Prints the log; with `follow`, until Ctrl-C.
///
/// # Errors
/// When the shop cannot be reached to begin with, or nobody reads the lines any more.
pub(crate) async fn events(which: Which, options: EmbeddedOptions, what: What) -> Result<()> {
    let (client, shop) = which.open(options).await?;
    let result = tokio::select! {
        result = print_all(&client, what) => result,
        ended = tokio::signal::ctrl_c() => ended.map_err(Into::into),
        () = reader_gone(), if what.follow => Ok(()),
    };
    close(shop).await;
    result
}

async fn print_all(client: &Client, what: What) -> Result<()> {
    let correlation = match what.order {
        Some(name) => Some(id_of(client, name).await?.to_string()),
        None => None,
    };
    let (mut after, mut wait, mut failures, mut log) = (0, 0, 0, None);
    loop {
        let query = EventQuery {
            after: Some(after),
            limit: Some(LIMIT),
            wait: Some(wait),
            correlation: correlation.clone(),
            ..EventQuery::default()
        };
        let page = match client.events(&query).await {
            Ok(page) => page,
            // Once it was there, a shop that follows is waited for.
            Err(error) if what.follow && after > 0 && comes_back(&error) => {
                let delay_ms = backoff_ms(failures, Uuid::new_v4().as_u128());
                failures += 1;
                tokio::time::sleep(Duration::from_millis(delay_ms.unsigned_abs())).await;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        failures = 0;
        // The shop was started over: its new log is read from the beginning.
        if (log.is_some() && page.log != log) || page.head < after {
            // Not among the lines: they may be for a program.
            let _ = writeln!(
                io::stderr(),
                "storefront: the shop was started over; its new log is read from the beginning."
            );
            (after, wait, log) = (0, 0, None);
            continue;
        }
        log = page.log;
        for event in &page.events {
            if what.json {
                print_json(&serde_json::to_string(event)?)?;
            } else {
                print(&line(event, &time(event.time)))?;
            }
        }
        after = page.next_after;
        if after >= page.head {
            if !what.follow {
                return Ok(());
            }
            wait = 20;
        }
    }
}

/// The order that somebody named.
async fn id_of(client: &Client, name: OrderName) -> Result<OrderId> {
    match name {
        OrderName::Id(id) => Ok(id),
        OrderName::Number(number) => {
            let found = find_order(client, number).await?;
            found.ok_or_else(|| eyre!("There is no order {number} in this shop."))
        }
    }
}

/// Waits until nobody reads our output any more: with nothing to print, writing would not tell.
async fn reader_gone() {
    loop {
        let closed = tokio::task::spawn_blocking(|| {
            let stdout = io::stdout();
            let mut polled = [PollFd::new(&stdout, PollFlags::empty())];
            let gone = PollFlags::ERR | PollFlags::NVAL;
            poll(&mut polled, Some(&READER_LOOK)).is_ok() && polled[0].revents().intersects(gone)
        });
        if closed.await.unwrap_or(false) {
            return;
        }
    }
}

/// Whether the shop only has to be waited for.
fn comes_back(error: &ClientError) -> bool {
    error.is_unreachable() || error.problem().is_some_and(|problem| problem.status == 503)
}

/// The time of day in UTC, as in the log.
fn time(at: storefront_api::Timestamp) -> String {
    crate::view::when::time_of_day(at, &jiff::tz::TimeZone::UTC)
}
