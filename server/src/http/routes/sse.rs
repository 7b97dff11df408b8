//! The log as server-sent events (WHATWG HTML, 9.2): `id` is the position, `event` the type, `data` the event as JSON.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderName, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt as _, stream};
use serde_json::json;
use storefront_eventlog::{Filter, Position, Recorded};
use tracing::warn;

use crate::http::event_body::{which_log, wire};
use crate::http::state::Shop;

/// Maximum number of events that are read at once.
const PAGE: usize = 16;
/// Maximum size of the events that are held for a client that does not read, beside the first; the rest of a page is read
/// again in its turn. A client that takes nothing for long is cut off by its connection.
const MAX_HELD_BYTES: usize = 16 * 1024;
/// A comment so often keeps proxies from closing an idle connection.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Proxies are told by it not to keep an answer back until there is more of it.
const NO_PROXY_BUFFER: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
const NO_CACHE: (HeaderName, HeaderValue) = (CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));

/// Streams the log after a position until the client goes, the log fails or the server stops. Where the log does not reach to
/// that position, it is not the one that the client knows: a `reset` says so, and the log follows from its beginning.
pub(crate) fn stream(shop: Shop, after: Position, filter: Filter) -> Response {
    let follower = Follower { shop, after, filter, waiting: VecDeque::new() };
    // At once, so that everybody on the way sees that the stream is open.
    let opening = stream::once(async { Ok(Event::default().comment("open")) });
    let events = stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Some((Ok::<_, Infallible>(event), follower))
    });
    let events = Sse::new(opening.chain(events)).keep_alive(KeepAlive::new().interval(HEARTBEAT));
    ([NO_PROXY_BUFFER, NO_CACHE], events).into_response()
}

/// What comes next on a stream.
enum Next {
    Recorded(Recorded),
    /// The log ends before the position that was asked for.
    Reset {
        head: Position,
    },
}

struct Follower {
    shop: Shop,
    after: Position,
    filter: Filter,
    waiting: VecDeque<Recorded>,
}

impl Follower {
    async fn next(&mut self) -> Option<Event> {
        let stop = self.shop.stop.clone();
        match stop.run_until_cancelled(self.news()).await?? {
            Next::Recorded(recorded) => {
                let event = wire(&recorded).ok()?;
                Event::default().id(event.position.to_string()).event(&event.kind).json_data(&event).ok()
            }
            Next::Reset { head } => {
                let log = which_log(&self.shop).await.ok()?;
                let reset = json!({ "log": log, "head": head.0 });
                Event::default().id("0").event("reset").json_data(&reset).ok()
            }
        }
    }

    async fn news(&mut self) -> Option<Next> {
        loop {
            if let Some(recorded) = self.waiting.pop_front() {
                return Some(Next::Recorded(recorded));
            }
            let read = self.shop.store.read_all(self.after, PAGE, &self.filter).await;
            let slice = read.inspect_err(|failure| warn!(error = %failure, "a stream of events ends")).ok()?;
            if slice.head < self.after {
                self.after = Position(0);
                return Some(Next::Reset { head: slice.head });
            }
            self.after = slice.next_after;
            let mut bytes = 0;
            for recorded in slice.events {
                bytes += recorded.data().len();
                if let Some(last) = self.waiting.back().filter(|_| bytes > MAX_HELD_BYTES) {
                    self.after = last.position;
                    break;
                }
                self.waiting.push_back(recorded);
            }
            if self.waiting.is_empty() && slice.next_after >= slice.head {
                self.shop.store.wait_for(slice.head).await.ok()?;
            }
        }
    }
}
