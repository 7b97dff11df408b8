//! The log as server-sent events (WHATWG HTML, 9.2): `id` is the position, `event` the type, `data` the event as JSON.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt as _, stream};
use serde_json::json;
use storefront_eventlog::{Filter, Position, Recorded};
use tokio::time::Instant;
use tracing::warn;

use crate::http::event_body::{current_log_id, wire_event};
use crate::http::extract::header_text;
use crate::http::log_reader::LogReader;
use crate::http::order_watch::WatchSlot;
use crate::http::principal::Principal;
use crate::http::state::Shop;

/// Maximum number of events that are read at once.
const EVENTS_PER_READ: usize = 16;
/// Maximum size of the events that are held for a client that does not read, beside the first; the rest of a page is read
/// again in its turn. A client that takes nothing for long is cut off by its connection.
const MAX_HELD_BYTES: usize = 16 * 1024;
/// After this time a shopper's stream reads the log without being woken.
const MAX_SLEEP: Duration = Duration::from_secs(60);
/// Interval between comments that keep proxies from closing an idle connection.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(15);

/// Asks proxies not to buffer the response.
const NO_PROXY_BUFFER: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
const NO_CACHE: (HeaderName, HeaderValue) = (CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));

/// The position in `Last-Event-ID`, which a client sends to resume a stream; `None` when the header is absent or not a position.
pub(crate) fn last_event_id(headers: &HeaderMap) -> Option<Position> {
    let id = header_text(headers, &HeaderName::from_static("last-event-id"))?;
    id.trim().parse().ok().map(Position)
}

/// Where a stream starts.
pub(crate) struct Start {
    /// The position after which it starts.
    pub(crate) after: Position,
    /// The client knows another log: the stream starts from the beginning, with a `reset`.
    pub(crate) is_other_log: bool,
}

/// Streams the log after a position until the client disconnects, its session ends or its token expires, a read fails or the
/// server stops. When the log ends before that position, it is not the log that the client knows: the stream sends a `reset`
/// and starts from the beginning. Events that are not `are_named` arrive as messages, which browsers receive without knowing
/// the names of types.
pub(crate) fn stream(
    shop: Shop,
    principal: Principal,
    reader: LogReader,
    start: Start,
    filter: Filter,
    are_named: bool,
) -> Response {
    let follower = Follower { shop, principal, reader, slot: None, start, filter, are_named, waiting: VecDeque::new() };
    // Sent at once, so that the client and proxies see that the stream is open.
    let opening = stream::once(async { Ok(Event::default().comment("open")) });
    let events = stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Some((Ok::<_, Infallible>(event), follower))
    });
    let events = Sse::new(opening.chain(events)).keep_alive(KeepAlive::new().interval(HEARTBEAT_INTERVAL));
    ([NO_PROXY_BUFFER, NO_CACHE], events).into_response()
}

/// The next item of a stream.
enum StreamItem {
    Recorded(Arc<Recorded>),
    /// The log ends before the requested position.
    Reset {
        head: Position,
    },
}

struct Follower {
    shop: Shop,
    principal: Principal,
    reader: LogReader,
    /// What wakes the stream of a shopper.
    slot: Option<WatchSlot>,
    start: Start,
    filter: Filter,
    are_named: bool,
    waiting: VecDeque<Arc<Recorded>>,
}

impl Follower {
    async fn next(&mut self) -> Option<Event> {
        let (shop, principal) = (self.shop.clone(), self.principal);
        let item = tokio::select! {
            biased;
            () = shop.stop.cancelled() => return None,
            () = principal.until_over(&shop.identity) => return None,
            item = self.next_item() => item?,
        };
        if !principal.is_still_good(&shop.identity) {
            return None;
        }
        match item {
            StreamItem::Recorded(recorded) => {
                let event = wire_event(&recorded).ok()?;
                let sent = Event::default().id(event.position.to_string());
                let sent = if self.are_named { sent.event(&event.kind) } else { sent };
                sent.json_data(&event).ok()
            }
            StreamItem::Reset { head } => {
                let log = current_log_id(&self.shop).await.ok()?;
                let reset = json!({ "log": log, "head": head.0 });
                Event::default().id("0").event("reset").json_data(&reset).ok()
            }
        }
    }

    async fn next_item(&mut self) -> Option<StreamItem> {
        loop {
            if let Some(recorded) = self.waiting.pop_front() {
                return Some(StreamItem::Recorded(recorded));
            }
            let read = self.reader.read(&self.shop, self.start.after, EVENTS_PER_READ, &self.filter).await;
            let slice = read
                .inspect_err(
                    |failure| warn!(error = %failure, "cannot read the log for an event stream; the stream ends"),
                )
                .ok()?;
            if slice.head < self.start.after || self.start.is_other_log {
                self.start = Start { after: Position(0), is_other_log: false };
                return Some(StreamItem::Reset { head: slice.head });
            }
            self.start.after = slice.next_after;
            let mut bytes = 0;
            for recorded in slice.events {
                bytes += recorded.data().len();
                if let Some(last) = self.waiting.back().filter(|_| bytes > MAX_HELD_BYTES) {
                    self.start.after = last.position;
                    break;
                }
                self.waiting.push_back(recorded);
            }
            if self.waiting.is_empty() && slice.next_after >= slice.head {
                self.wait(slice.head).await?;
            }
        }
    }

    /// Waits for what may be an event of the stream; `None` when there is no room to wait, or the log is closed.
    async fn wait(&mut self, head: Position) -> Option<()> {
        match (&mut self.slot, self.reader.own) {
            (_, None) => {
                self.shop.store.wait_for(head).await.ok()?;
            }
            (Some(slot), Some(_)) => {
                slot.changed(Instant::now() + MAX_SLEEP).await;
            }
            // The log is read once more, because the slot knows nothing of before.
            (None, Some(_)) => {
                let watched = self.reader.watched(&self.filter)?;
                self.slot = Some(self.shop.order_watch.watch(watched)?);
            }
        }
        Some(())
    }
}
