//! `storefront events`: the log as lines.

use std::time::Duration;

use color_eyre::eyre::Result;
use storefront_api::{EventQuery, OrderId};
use storefront_client::{Client, ClientError};
use uuid::Uuid;

use crate::embedded::EmbeddedOptions;
use crate::line_mode::lines::{line, print};
use crate::line_mode::{close, open};
use crate::update::backoff_ms;

/// What to print.
#[derive(Clone, Copy, Debug)]
pub(crate) struct What {
    pub(crate) follow: bool,
    pub(crate) json: bool,
    pub(crate) order: Option<OrderId>,
}

/// How many events one answer has at most.
const LIMIT: u32 = 1_000;

/// Prints the log; with `follow`, until Ctrl-C.
///
/// # Errors
/// When the shop cannot be reached to begin with, or nobody reads the lines any more.
pub(crate) async fn events(server: Option<&str>, options: EmbeddedOptions, what: What) -> Result<()> {
    let (client, shop) = open(server, options).await?;
    let result = tokio::select! {
        result = print_all(&client, what) => result,
        ended = tokio::signal::ctrl_c() => ended.map_err(Into::into),
    };
    close(shop).await;
    result
}

async fn print_all(client: &Client, what: What) -> Result<()> {
    let correlation = what.order.map(|id| id.to_string());
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
            (after, wait, log) = (0, 0, None);
            continue;
        }
        log = page.log;
        for event in &page.events {
            print(&if what.json { serde_json::to_string(event)? } else { line(event, &time(event.time)) })?;
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

/// Whether the shop only has to be waited for.
fn comes_back(error: &ClientError) -> bool {
    error.is_unreachable() || error.problem().is_some_and(|problem| problem.status == 503)
}

/// The time of day in UTC, as in the log.
fn time(at: storefront_api::Timestamp) -> String {
    crate::view::when::time_of_day(at, &jiff::tz::TimeZone::UTC)
}
