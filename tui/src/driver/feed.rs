//! Follows the shop's log with one parked request and tells what is new, and whether the shop answers at all. Knows
//! nothing of what the news mean.

use std::time::{Duration, Instant};

use storefront_api::{Event, EventPage, EventQuery};
use storefront_client::{Client, ClientError};
use tokio::sync::mpsc::Sender;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use crate::update::{Feed, Msg, backoff_ms};

/// How many events are fetched to begin with.
const FIRST_EVENTS: u64 = 500;
/// How many events one answer has at most.
const LIMIT: u32 = 1_000;
/// How long to pause when an empty answer came at once, from something that does not hold answers back.
const PAUSE: Duration = Duration::from_millis(100);
/// How long the shop may hold an answer back.
const WAIT_SECONDS: u32 = 20;

/// Follows the log until the handle is dropped, which also gives the parked request up.
pub(crate) fn follow(client: Client, news: Sender<Msg>) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        // The channel closes when the client ends; then there is nobody to tell.
        let _ = run(&client, &news).await;
    }))
}

type Gone = tokio::sync::mpsc::error::SendError<Msg>;

async fn run(client: &Client, news: &Sender<Msg>) -> Result<(), Gone> {
    let mut follower = Follower { cursor: None, log: None, failures: 0 };
    loop {
        match follower.step(client).await {
            Ok(Some(feed)) => news.send(Msg::Feed(feed)).await?,
            Ok(None) => {}
            Err(error) => {
                if follower.failures == 0 || follower.failures.is_multiple_of(8) {
                    tracing::warn!(%error, "the log cannot be followed");
                }
                news.send(Msg::Feed(Feed::Offline(reason(&error)))).await?;
                let delay_ms = backoff_ms(follower.failures, Uuid::new_v4().as_u128());
                follower.failures = follower.failures.saturating_add(1);
                tokio::time::sleep(Duration::from_millis(delay_ms.unsigned_abs())).await;
            }
        }
    }
}

fn reason(error: &ClientError) -> String {
    error.to_string()
}

struct Follower {
    /// The last position that was told; `None` before the first.
    cursor: Option<u64>,
    /// Which log that is a position of; `None` while it was empty.
    log: Option<Uuid>,
    /// How often in a row the shop did not answer.
    failures: u32,
}

impl Follower {
    /// One request, and what is to be told of its answer.
    async fn step(&mut self, client: &Client) -> Result<Option<Feed>, ClientError> {
        let Some(cursor) = self.cursor else {
            let EventPage { events, log, .. } = newest(client).await?;
            self.cursor = Some(events.last().map_or(0, |event| event.position));
            self.log = log;
            self.failures = 0;
            return Ok(Some(Feed::Loaded { events }));
        };
        // After a failure, find out at once whether the shop is back, rather than park.
        let wait = if self.failures > 0 { 0 } else { WAIT_SECONDS };
        let query = EventQuery { after: Some(cursor), limit: Some(LIMIT), wait: Some(wait), ..EventQuery::default() };
        let asked = Instant::now();
        let page = client.events(&query).await?;
        if page.events.is_empty() && asked.elapsed() < PAUSE && self.failures == 0 {
            tokio::time::sleep(PAUSE).await;
        }
        let other = self.log.is_some() && page.log != self.log;
        if other || page.head < cursor || has_gap(cursor, &page.events) {
            tracing::warn!(cursor, head = page.head, "the log is another one or has a gap; starting over");
            self.cursor = None;
            return Ok(None);
        }
        self.log = page.log;
        let back = std::mem::take(&mut self.failures) > 0;
        self.cursor = Some(page.next_after.max(cursor));
        Ok(match (page.events.is_empty(), back) {
            (true, true) => Some(Feed::Online),
            (true, false) => None,
            (false, false) => Some(Feed::News { events: page.events }),
            (false, true) => {
                // Everything on screen is fetched anew, and the events are told with the next answer.
                self.cursor = Some(cursor);
                Some(Feed::Online)
            }
        })
    }
}

/// The newest events, oldest first.
async fn newest(client: &Client) -> Result<EventPage, ClientError> {
    let head = client.readiness().await?.head;
    let after = head.saturating_sub(FIRST_EVENTS);
    let query = EventQuery { after: Some(after), limit: Some(LIMIT), wait: Some(0), ..EventQuery::default() };
    client.events(&query).await
}

/// Positions are dense, so the first event must follow the cursor and each the one before.
fn has_gap(cursor: u64, events: &[Event]) -> bool {
    events.iter().zip(cursor + 1..).any(|(event, expected)| event.position != expected)
}

#[cfg(test)]
mod tests {
    use mockito::{Matcher, Server};
    use serde_json::json;

    use super::*;

    /// The shop answers that its log is this one and has come to 9.
    async fn ask_of(follower: &mut Follower, log: Option<Uuid>) {
        let mut server = Server::new_async().await;
        let page = json!({"events": [], "next_after": 9, "head": 9, "log": log});
        let mock = server.mock("GET", Matcher::Regex("^/v1/events".to_owned())).with_body(page.to_string());
        mock.create_async().await;
        follower.step(&Client::new(&server.url()).unwrap()).await.unwrap();
    }

    #[tokio::test]
    async fn a_shop_that_was_started_over_is_read_anew_even_when_its_log_has_grown_past_the_cursor() {
        let (old, new) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut follower = Follower { cursor: Some(5), log: Some(old), failures: 1 };
        ask_of(&mut follower, Some(old)).await;
        assert_eq!((follower.cursor, follower.log), (Some(9), Some(old)));
        ask_of(&mut follower, Some(new)).await;
        assert_eq!(follower.cursor, None, "it is another log");
        // One that was empty before has got its first event.
        let mut first = Follower { cursor: Some(0), log: None, failures: 0 };
        ask_of(&mut first, Some(new)).await;
        assert_eq!((first.cursor, first.log), (Some(9), Some(new)));
    }
}
