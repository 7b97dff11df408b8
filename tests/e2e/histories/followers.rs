//! Who follows the log from its beginning: by long polls, or by a stream of events that is resumed where it ended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Response;
use storefront_api::{Event, EventPage};
use tokio::sync::watch;

use super::chance::Chance;
use super::record::Feed;
use super::workload::RunContext;

/// How long a stream of events is listened to before it is resumed.
const STREAM_TIMEOUT: Duration = Duration::from_secs(6);
/// How long after the run a follower gives up, wherever it is.
const GIVE_UP_AFTER: Duration = Duration::from_secs(180);

/// A follower, and what it was told so far.
pub(super) struct Follower {
    run: Arc<RunContext>,
    chance: Chance,
    feed: Feed,
    /// The last position of the log, once nothing more comes.
    end: watch::Receiver<Option<u64>>,
}

impl Follower {
    pub(super) fn new(run: &Arc<RunContext>, seed: u64, name: &str, end: watch::Receiver<Option<u64>>) -> Self {
        let feed = Feed { follower: name.to_owned(), ..Feed::default() };
        Self { run: run.clone(), chance: Chance::of(seed, name), feed, end }
    }

    /// Asks for what comes next, each time at any server.
    pub(super) async fn run_long_poll(mut self) -> Feed {
        while self.has_more().await {
            let url = self.some_url();
            let query = [("after", self.after()), ("wait", 2), ("limit", 1 + self.chance.below(200))];
            let answer = self.run.http.get(url).query(&query).send().await;
            let page = match answer.ok().filter(|answer| answer.status().is_success()) {
                Some(answer) => answer.json::<EventPage>().await.ok(),
                None => None,
            };
            if let Some(page) = page {
                self.feed.resets += usize::from(page.reset);
                self.feed.events.extend(page.events);
            }
        }
        self.feed
    }

    /// Listens to a stream of events, and resumes it at any server when it ends.
    pub(super) async fn run_event_stream(mut self) -> Feed {
        while self.has_more().await {
            let url = self.some_url();
            let request = self.run.http.get(url).header("accept", "text/event-stream").timeout(STREAM_TIMEOUT);
            let answer = request.header("last-event-id", self.after()).send().await;
            if let Some(answer) = answer.ok().filter(|answer| answer.status().is_success()) {
                self.take_messages(answer).await;
            }
        }
        self.feed
    }

    /// Takes in whole messages until the stream ends; what comes of the last one by halves is dropped.
    async fn take_messages(&mut self, mut answer: Response) {
        let mut bytes = Vec::new();
        while let Ok(Some(chunk)) = answer.chunk().await {
            bytes.extend_from_slice(&chunk);
            while let Some(end) = bytes.windows(2).position(|pair| pair == b"\n\n") {
                let message: Vec<u8> = bytes.drain(..end + 2).collect();
                self.take_message(&String::from_utf8(message).unwrap());
            }
            if self.is_at_the_end() {
                return;
            }
        }
    }

    fn take_message(&mut self, message: &str) {
        let field = |name: &str| message.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        match (field("event"), field("data")) {
            (Some("reset"), _) => self.feed.resets += 1,
            (Some(_), Some(data)) => self.feed.events.push(serde_json::from_str::<Event>(data).unwrap()),
            // A comment.
            (None, _) | (_, None) => {}
        }
    }

    fn some_url(&mut self) -> String {
        self.feed.resumed += 1;
        let server = self.chance.index(self.run.urls.len());
        format!("{}/v1/events", self.run.urls[server])
    }

    fn after(&self) -> u64 {
        self.feed.events.last().map_or(0, |event| event.position)
    }

    fn is_at_the_end(&self) -> bool {
        self.end.borrow().is_some_and(|end| self.after() >= end)
    }

    /// Whether there is more to come; pauses a moment, so that a server that refuses is not asked without end.
    async fn has_more(&mut self) -> bool {
        tokio::time::sleep(Duration::from_millis(10 + self.chance.below(40))).await;
        let late = Instant::now() > self.run.until + GIVE_UP_AFTER;
        !self.is_at_the_end() && !late
    }
}
