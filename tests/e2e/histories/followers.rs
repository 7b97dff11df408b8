//! Followers of the log from its beginning: by long polls, or by an event stream that is resumed where it ended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Response;
use storefront_api::{Event, EventPage};
use tokio::sync::watch;

use super::record::Feed;
use super::seeded_rng::SeededRng;
use super::workload::RunContext;

/// Duration of an event stream before it is resumed.
const STREAM_TIMEOUT: Duration = Duration::from_secs(6);
/// Time after the run at which a follower gives up.
const FOLLOW_TIMEOUT: Duration = Duration::from_secs(180);

/// A follower and its events so far.
pub(super) struct Follower {
    run: Arc<RunContext>,
    rng: SeededRng,
    feed: Feed,
    /// The last position of the log, once it is final.
    end: watch::Receiver<Option<u64>>,
}

impl Follower {
    pub(super) fn new(run: &Arc<RunContext>, seed: u64, name: &str, end: watch::Receiver<Option<u64>>) -> Self {
        let feed = Feed { follower: name.to_owned(), ..Feed::default() };
        Self { run: run.clone(), rng: SeededRng::new(seed, name), feed, end }
    }

    /// Polls for events, each time at any server.
    pub(super) async fn run_long_poll(mut self) -> Feed {
        while self.has_more().await {
            let url = self.choose_url();
            let query = [("after", self.after()), ("wait", 2), ("limit", 1 + self.rng.below(200))];
            let response = self.run.http.get(url).query(&query).send().await;
            let page = match response.ok().filter(|response| response.status().is_success()) {
                Some(response) => response.json::<EventPage>().await.ok(),
                None => None,
            };
            if let Some(page) = page {
                self.feed.resets += usize::from(page.reset);
                self.feed.events.extend(page.events);
            }
        }
        self.feed
    }

    /// Reads an event stream, and resumes it at any server when it ends.
    pub(super) async fn run_event_stream(mut self) -> Feed {
        while self.has_more().await {
            let url = self.choose_url();
            let request = self.run.http.get(url).header("accept", "text/event-stream").timeout(STREAM_TIMEOUT);
            let response = request.header("last-event-id", self.after()).send().await;
            if let Some(response) = response.ok().filter(|response| response.status().is_success()) {
                self.read_messages(response).await;
            }
        }
        self.feed
    }

    /// Reads whole messages until the stream ends, and drops an incomplete one.
    async fn read_messages(&mut self, mut response: Response) {
        let mut bytes = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            bytes.extend_from_slice(&chunk);
            while let Some(end) = bytes.windows(2).position(|pair| pair == b"\n\n") {
                let message: Vec<u8> = bytes.drain(..end + 2).collect();
                self.read_message(&String::from_utf8(message).unwrap());
            }
            if self.is_at_the_end() {
                return;
            }
        }
    }

    fn read_message(&mut self, message: &str) {
        let field = |name: &str| message.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        match (field("event"), field("data")) {
            (Some("reset"), _) => self.feed.resets += 1,
            (Some(_), Some(data)) => self.feed.events.push(serde_json::from_str::<Event>(data).unwrap()),
            // A comment.
            (None, _) | (_, None) => {}
        }
    }

    fn choose_url(&mut self) -> String {
        self.feed.resumed += 1;
        let server = self.rng.index(self.run.urls.len());
        format!("{}/v1/events", self.run.urls[server])
    }

    fn after(&self) -> u64 {
        self.feed.events.last().map_or(0, |event| event.position)
    }

    fn is_at_the_end(&self) -> bool {
        self.end.borrow().is_some_and(|end| self.after() >= end)
    }

    /// Whether there is more to read; pauses first, so that a failing server is not polled in a tight loop.
    async fn has_more(&mut self) -> bool {
        tokio::time::sleep(Duration::from_millis(10 + self.rng.below(40))).await;
        let late = Instant::now() > self.run.until + FOLLOW_TIMEOUT;
        !self.is_at_the_end() && !late
    }
}
