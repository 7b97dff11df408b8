//! `storefront events`: prints the log, one event per line.

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
use crate::line_mode::{ShopTarget, close, explain_session_required};
use crate::update::backoff_ms;

/// Options of `storefront events`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EventsOptions {
    pub(crate) follow: bool,
    pub(crate) json: bool,
    pub(crate) order: Option<OrderName>,
}

/// Interval between two checks whether anything still waits for the reader to close the pipe.
const READER_CHECK_INTERVAL: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };
/// Maximum number of events per page.
const MAX_EVENTS_PER_PAGE: u32 = 1_000;

/// Prints the log; with `follow`, until Ctrl-C.
///
/// # Errors
/// When the shop cannot be reached at the start, or the output is closed.
pub(crate) async fn events(which: ShopTarget, options: EmbeddedOptions, what: EventsOptions) -> Result<()> {
    let (client, shop) = which.open(options).await?;
    let result = tokio::select! {
        result = print_all(&client, what) => result,
        ended = tokio::signal::ctrl_c() => ended.map_err(Into::into),
        () = reader_gone(), if what.follow => Ok(()),
    };
    close(shop).await;
    result.map_err(explain_session_required)
}

async fn print_all(client: &Client, what: EventsOptions) -> Result<()> {
    let correlation = match what.order {
        Some(name) => Some(id_of(client, name).await?.to_string()),
        None => None,
    };
    let (mut after, mut wait, mut failures, mut log) = (0, 0, 0, None);
    loop {
        let query = EventQuery {
            after: Some(after),
            limit: Some(MAX_EVENTS_PER_PAGE),
            wait: Some(wait),
            correlation: correlation.clone(),
            ..EventQuery::default()
        };
        let page = match client.events(&query).await {
            Ok(page) => page,
            // Once it has responded, a shop that goes away is waited for.
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
            // On standard error, because a program may read the lines.
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
                print_json(&serde_json::to_string(event)?).await?;
            } else {
                print(&line(event, &time(event.time))).await?;
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

/// Resolves an order's number or id to its id.
async fn id_of(client: &Client, name: OrderName) -> Result<OrderId> {
    match name {
        OrderName::Id(id) => Ok(id),
        OrderName::Number(number) => {
            let found = find_order(client, number).await?;
            found.ok_or_else(|| eyre!("There is no order {number} in this shop."))
        }
    }
}

/// Waits until the output is closed. With nothing to print, no write would report that.
async fn reader_gone() {
    loop {
        let closed = tokio::task::spawn_blocking(|| {
            let stdout = io::stdout();
            let mut polled = [PollFd::new(&stdout, PollFlags::empty())];
            let gone = PollFlags::ERR | PollFlags::NVAL;
            poll(&mut polled, Some(&READER_CHECK_INTERVAL)).is_ok() && polled[0].revents().intersects(gone)
        });
        if closed.await.unwrap_or(false) {
            return;
        }
    }
}

/// Whether the error is temporary.
fn comes_back(error: &ClientError) -> bool {
    error.is_unreachable() || error.problem().is_some_and(|problem| problem.status == 503)
}

/// Formats the time of day in UTC.
fn time(at: storefront_api::Timestamp) -> String {
    crate::view::when::time_of_day(at, &jiff::tz::TimeZone::UTC)
}
