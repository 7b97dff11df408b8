//! Follows the shop's log with one long-poll request and reports new events and whether the shop responds. Does not
//! interpret the events.

use std::sync::Arc;
use std::time::{Duration, Instant};

use storefront_api::{Event, EventPage, EventQuery, Paused, Readiness, Token};
use storefront_client::{Client, ClientError};
use tokio::sync::{Notify, watch};
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use crate::driver::outbox::{ClientClosed, Outbox};
use crate::plain;
use crate::update::{Feed, Msg, backoff_ms};

/// Number of recent events to fetch first.
const INITIAL_EVENTS: u64 = 500;
/// Maximum number of events per page.
const MAX_EVENTS_PER_PAGE: u32 = 1_000;
/// Delay after an empty page that came at once, from a server that does not hold requests back.
const EMPTY_PAGE_DELAY: Duration = Duration::from_millis(100);
/// Long-poll timeout in seconds.
const WAIT_SECONDS: u32 = 20;

/// Time after which the log is asked for again with the token that was refused.
const SESSION_DELAY: Duration = Duration::from_secs(2);
/// The same before the shop has said that it can do its work.
const EXAMINATION_SECONDS: u32 = 2;

/// Follows the log until the handle is dropped, which also aborts the open request.
/// `examine` has it ask at once whether the shop can do its work.
/// `reader` has the token to read with, where the shop wants one.
pub(crate) fn follow(
    client: Client,
    reader: watch::Receiver<Option<Token>>,
    outbox: Outbox,
    examine: Arc<Notify>,
) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        // A send fails only when the client ends.
        let _ = run(&client, reader, &outbox, &examine).await;
    }))
}

async fn run(
    client: &Client,
    mut reader: watch::Receiver<Option<Token>>,
    outbox: &Outbox,
    examine: &Notify,
) -> Result<(), ClientClosed> {
    let mut follower = Follower {
        cursor: None,
        log: None,
        switches: None,
        paused: None,
        examined: true,
        unfit: Vec::new(),
        failures: 0,
    };
    loop {
        let token = reader.borrow_and_update().clone();
        let had_token = token.is_some();
        let client = token.map_or_else(|| client.clone(), |token| client.with_token(token));
        match follower.step(&client, examine).await {
            Ok(feeds) => {
                for feed in feeds {
                    outbox.send(Msg::Feed(feed)).await?;
                }
            }
            Err(error) if wants_session(&error) => {
                outbox.send(Msg::Feed(Feed::SessionWanted { refused: had_token })).await?;
                // Another token comes, or this one is tried again.
                let _other = tokio::time::timeout(SESSION_DELAY, reader.changed()).await;
            }
            Err(error) => {
                if follower.failures == 0 || follower.failures.is_multiple_of(8) {
                    tracing::warn!(%error, "the log cannot be followed");
                }
                outbox.send(Msg::Feed(Feed::Offline(reason(&error)))).await?;
                let delay_ms = backoff_ms(follower.failures, Uuid::new_v4().as_u128());
                follower.failures = follower.failures.saturating_add(1);
                tokio::time::sleep(Duration::from_millis(delay_ms.unsigned_abs())).await;
            }
        }
    }
}

/// Whether the shop does not show its log with this token, or without one.
fn wants_session(error: &ClientError) -> bool {
    matches!(error, ClientError::Problem(problem) if matches!(problem.status, 401 | 403))
}

fn reason(error: &ClientError) -> String {
    plain::reason(&error.to_string())
}

struct Follower {
    /// The last position that was reported; `None` before the first.
    cursor: Option<u64>,
    /// The log that the position belongs to; `None` while the log is empty.
    log: Option<Uuid>,
    /// The version of the lab's switches in the last page.
    switches: Option<Uuid>,
    /// What was paused in the last page; `None` for a shop that does not report it.
    paused: Option<Paused>,
    /// Whether the shop has said whether it can do its work, and why not.
    examined: bool,
    unfit: Vec<String>,
    /// Number of consecutive failed requests.
    failures: u32,
}

impl Follower {
    /// Sends one request and returns what its page means to the model.
    async fn step(&mut self, client: &Client, examine: &Notify) -> Result<Vec<Feed>, ClientError> {
        let Some(cursor) = self.cursor else {
            let EventPage { events, log, switches, paused, next_after, own, .. } = newest(client).await?;
            self.examined = false;
            self.cursor = Some(if own { next_after } else { events.last().map_or(0, |event| event.position) });
            (self.log, self.switches, self.paused) = (log, switches, paused.clone());
            self.failures = 0;
            let shop = Feed::Shop { log, lab: switches.is_some() };
            return Ok(vec![shop, Feed::Loaded { events }, Feed::Paused(paused.unwrap_or_default())]);
        };
        // After a failure, do not wait for events: find out at once whether the shop is back.
        let wait = match self.failures {
            0 if self.examined && self.unfit.is_empty() => WAIT_SECONDS,
            0 => EXAMINATION_SECONDS,
            _ => 0,
        };
        let switches = self.switches;
        let paused = self.paused.as_ref().map(|paused| paused.mark.clone());
        let (after, limit, wait) = (Some(cursor), Some(MAX_EVENTS_PER_PAGE), Some(wait));
        let query = EventQuery { after, limit, wait, switches, paused, ..EventQuery::default() };
        let asked = Instant::now();
        let page = tokio::select! {
            biased;
            () = examine.notified() => {
                // Whatever it answers is told.
                self.unfit = vec![String::new()];
                return Ok(self.examine(client).await.into_iter().collect());
            }
            page = client.events(&query) => page?,
        };
        let thrown = page.switches != self.switches;
        let paused = (page.paused != self.paused).then(|| Feed::Paused(page.paused.clone().unwrap_or_default()));
        if page.events.is_empty()
            && !thrown
            && paused.is_none()
            && asked.elapsed() < EMPTY_PAGE_DELAY
            && self.failures == 0
        {
            tokio::time::sleep(EMPTY_PAGE_DELAY).await;
        }
        // The shop was started over, or its database was restored from an older copy.
        let other = page.reset || (self.log.is_some() && page.log != self.log);
        if other || page.head < cursor || (!page.own && has_gap(cursor, &page.events)) {
            tracing::warn!(cursor, head = page.head, "the log is another one or has a gap; starting over");
            self.cursor = None;
            return Ok(if other { vec![Feed::StartedOver] } else { Vec::new() });
        }
        // An empty log has no id; its first event gives it one.
        let named = (self.log.is_none() && page.log.is_some())
            .then_some(Feed::Shop { log: page.log, lab: page.switches.is_some() });
        (self.log, self.switches, self.paused) = (page.log, page.switches, page.paused);
        let back = std::mem::take(&mut self.failures) > 0;
        self.cursor = Some(page.next_after.max(cursor));
        if back {
            // Everything on screen is fetched again; the events follow with the next page.
            if !page.events.is_empty() {
                self.cursor = Some(cursor);
            }
            return Ok(named.into_iter().chain([Feed::Online]).chain(paused).collect());
        }
        let outbox = (!page.events.is_empty()).then_some(Feed::NewEvents { events: page.events });
        let thrown = thrown.then_some(Feed::SwitchThrown);
        let unfit = if outbox.is_none() && thrown.is_none() { self.examine(client).await } else { None };
        Ok([named, thrown, paused, unfit, outbox].into_iter().flatten().collect())
    }

    /// Asks a shop in which nothing happens whether it can do its work. A shop that cannot write answers all reads.
    async fn examine(&mut self, client: &Client) -> Option<Feed> {
        let unfit = reasons(&client.readiness().await.ok()?);
        self.examined = true;
        (unfit != self.unfit).then(|| {
            self.unfit.clone_from(&unfit);
            Feed::Unfit(unfit)
        })
    }
}

/// Why the shop cannot do its work; nothing while it can.
fn reasons(readiness: &Readiness) -> Vec<String> {
    if readiness.ready { Vec::new() } else { readiness.reasons.clone() }
}

/// Fetches the newest events, oldest first.
async fn newest(client: &Client) -> Result<EventPage, ClientError> {
    let head = client.readiness().await?.head;
    let after = head.saturating_sub(INITIAL_EVENTS);
    let query =
        EventQuery { after: Some(after), limit: Some(MAX_EVENTS_PER_PAGE), wait: Some(0), ..EventQuery::default() };
    client.events(&query).await
}

/// Whether events are missing. Positions are dense: the first event must follow the cursor, and each event the one
/// before it.
fn has_gap(cursor: u64, events: &[Event]) -> bool {
    events.iter().zip(cursor + 1..).any(|(event, expected)| event.position != expected)
}

#[cfg(test)]
mod tests {
    use mockito::{Matcher, Server};
    use serde_json::json;

    use super::*;
    use crate::update::tests::world::an_event;

    /// The shop answers that its log is this one and has come to 9.
    async fn ask_of(follower: &mut Follower, log: Option<Uuid>) -> Vec<Feed> {
        let mut server = Server::new_async().await;
        let page = json!({"events": [], "next_after": 9, "head": 9, "log": log});
        let mock = server.mock("GET", Matcher::Regex("^/v1/events".to_owned())).with_body(page.to_string());
        mock.create_async().await;
        follower.step(&Client::new(&server.url()).unwrap(), &Notify::new()).await.unwrap()
    }

    #[tokio::test]
    async fn a_switch_that_was_thrown_is_reported_once_and_the_request_says_what_is_known() {
        let (old, new) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut server = Server::new_async().await;
        for (known, now) in [(old, new), (new, new)] {
            let page = json!({"events": [], "next_after": 5, "head": 5, "switches": now});
            let path = Matcher::Regex(format!("^/v1/events.*switches={known}"));
            server.mock("GET", path).with_body(page.to_string()).create_async().await;
        }
        let mut follower = Follower {
            cursor: Some(5),
            log: None,
            switches: Some(old),
            paused: None,
            examined: true,
            unfit: Vec::new(),
            failures: 0,
        };
        let client = Client::new(&server.url()).unwrap();
        assert!(matches!(follower.step(&client, &Notify::new()).await.unwrap()[..], [Feed::SwitchThrown]));
        assert!(follower.step(&client, &Notify::new()).await.unwrap().is_empty(), "it is known now");
    }

    #[tokio::test]
    async fn what_is_paused_is_reported_when_it_is_other_than_known_and_the_request_says_what_is_known() {
        let mut server = Server::new_async().await;
        let known = Paused { mark: "mail".to_owned(), processes: vec!["mail".to_owned()], views: Vec::new() };
        let none = json!({"mark": "", "processes": [], "views": []});
        let page = json!({"events": [], "next_after": 5, "head": 5, "paused": none});
        let path = Matcher::Regex("^/v1/events.*paused=mail".to_owned());
        server.mock("GET", path).with_body(page.to_string()).create_async().await;
        let mut follower = Follower {
            cursor: Some(5),
            log: None,
            switches: None,
            paused: Some(known),
            examined: true,
            unfit: Vec::new(),
            failures: 0,
        };
        let told = follower.step(&Client::new(&server.url()).unwrap(), &Notify::new()).await.unwrap();
        assert!(matches!(&told[..], [Feed::Paused(paused)] if paused.mark.is_empty()), "{told:?}");
        assert_eq!(follower.paused, Some(Paused::default()));
    }

    #[tokio::test]
    async fn what_happened_while_the_shop_was_gone_is_reported_after_its_return() {
        let mut server = Server::new_async().await;
        let page = json!({"events": [an_event(6, "order.started", "7f")], "next_after": 6, "head": 6});
        server.mock("GET", Matcher::Regex("^/v1/events".to_owned())).with_body(page.to_string()).create_async().await;
        let mut follower = Follower {
            cursor: Some(5),
            log: None,
            switches: None,
            paused: None,
            examined: true,
            unfit: Vec::new(),
            failures: 3,
        };
        let client = Client::new(&server.url()).unwrap();
        assert!(matches!(follower.step(&client, &Notify::new()).await.unwrap()[..], [Feed::Online]));
        let told = follower.step(&client, &Notify::new()).await.unwrap();
        assert!(matches!(&told[..], [Feed::NewEvents { events }] if events[0].position == 6), "{told:?}");
        assert_eq!(follower.cursor, Some(6));
    }

    #[tokio::test]
    async fn a_shop_that_was_started_over_is_read_anew_even_when_its_log_has_grown_past_the_cursor() {
        let (old, new) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut follower = Follower {
            cursor: Some(5),
            log: Some(old),
            switches: None,
            paused: None,
            examined: true,
            unfit: Vec::new(),
            failures: 1,
        };
        ask_of(&mut follower, Some(old)).await;
        assert_eq!((follower.cursor, follower.log), (Some(9), Some(old)));
        let told = ask_of(&mut follower, Some(new)).await;
        assert_eq!(follower.cursor, None, "it is another log");
        assert!(matches!(told[..], [Feed::StartedOver]), "and that is told: {told:?}");
        // One that was empty before has got its first event.
        let mut first = Follower {
            cursor: Some(0),
            log: None,
            switches: None,
            paused: None,
            examined: true,
            unfit: Vec::new(),
            failures: 0,
        };
        ask_of(&mut first, Some(new)).await;
        assert_eq!((first.cursor, first.log), (Some(9), Some(new)));
    }

    #[tokio::test]
    async fn a_shop_that_answers_and_cannot_do_its_work_says_why_and_when_it_can_again() {
        let mut follower = Follower {
            cursor: Some(5),
            log: None,
            switches: None,
            paused: None,
            examined: false,
            unfit: Vec::new(),
            failures: 0,
        };
        for (ready, reasons) in
            [(true, vec![]), (false, vec!["There is no room left on its disk.".to_owned()]), (true, vec![])]
        {
            let mut server = Server::new_async().await;
            let page = json!({"events": [], "next_after": 5, "head": 5});
            server
                .mock("GET", Matcher::Regex("^/v1/events".to_owned()))
                .with_body(page.to_string())
                .create_async()
                .await;
            let body = json!({"ready": ready, "reasons": reasons, "head": 5, "product_service": "live"}).to_string();
            let status = if ready { 200 } else { 503 };
            server.mock("GET", "/health/ready").with_status(status).with_body(body).create_async().await;
            let known = follower.unfit.clone();
            let told = follower.step(&Client::new(&server.url()).unwrap(), &Notify::new()).await.unwrap();
            if known == reasons {
                assert!(told.is_empty(), "{told:?}");
            } else {
                assert!(matches!(&told[..], [Feed::Unfit(told)] if *told == reasons), "{told:?}");
            }
            assert!(follower.examined);
        }
    }

    #[tokio::test]
    async fn a_shop_that_is_suspected_is_asked_at_once_and_whatever_it_answers_is_reported() {
        let mut server = Server::new_async().await;
        let body = json!({"ready": true, "reasons": [], "head": 5, "product_service": "live"}).to_string();
        server.mock("GET", "/health/ready").with_body(body).create_async().await;
        let mut follower = Follower {
            cursor: Some(5),
            log: None,
            switches: None,
            paused: None,
            examined: true,
            unfit: Vec::new(),
            failures: 0,
        };
        let examine = Notify::new();
        examine.notify_one();
        // No events are asked for: the server would refuse.
        let told = follower.step(&Client::new(&server.url()).unwrap(), &examine).await.unwrap();
        assert!(matches!(&told[..], [Feed::Unfit(reasons)] if reasons.is_empty()), "{told:?}");
        assert_eq!(follower.cursor, Some(5));
    }
}
