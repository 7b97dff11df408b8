//! The log as server-sent events (WHATWG HTML, 9.2): `id` is the position, `event` the type, `data` the event as JSON.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use storefront_eventlog::{Filter, Position, Recorded};
use tracing::warn;

use super::log::wire;
use crate::shop::Shop;

/// So many events are read at once.
const PAGE: usize = 100;
/// A comment so often keeps proxies from closing an idle connection.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Streams the log after a position until the client goes, the log fails or the server stops.
pub(crate) fn stream(shop: Shop, after: Position, filter: Filter) -> Response {
    let follower = Follower { shop, after, filter, waiting: VecDeque::new() };
    let events = stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Some((Ok::<_, Infallible>(event), follower))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response()
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
        let recorded = stop.run_until_cancelled(self.recorded()).await??;
        let event = wire(&recorded).ok()?;
        Event::default().id(event.position.to_string()).event(&event.kind).json_data(&event).ok()
    }

    async fn recorded(&mut self) -> Option<Recorded> {
        loop {
            if let Some(recorded) = self.waiting.pop_front() {
                return Some(recorded);
            }
            let read = self.shop.store.read_all(self.after, PAGE, &self.filter).await;
            let slice = read.inspect_err(|failure| warn!(error = %failure, "a stream of events ends")).ok()?;
            self.after = slice.next_after;
            self.waiting.extend(slice.events);
            if self.waiting.is_empty() && slice.next_after >= slice.head {
                self.shop.store.wait_for(slice.head).await.ok()?;
            }
        }
    }
}
