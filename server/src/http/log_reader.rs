//! What of the log a request may read: everything, or in secured mode the events of one shopper.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use storefront_api::CustomerId;
use storefront_eventlog::{EventPage, Filter, Position};

use crate::http::error::ApiError;
use crate::http::identity::OnlyOf;
use crate::http::order_watch::Watched;
use crate::http::state::Shop;
use crate::store::commands::Failure;
use crate::store::order_owners::Belonging;

/// Maximum number of events that are looked at per read for a shopper.
const EVENTS_PER_READ: usize = 1000;
/// Maximum number of owners of orders that are looked up per read.
const LOOKUPS_PER_READ: usize = 300;

/// Reads the log for one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogReader {
    /// The shopper whose events are read; `None` for all.
    pub(crate) own: Option<CustomerId>,
}

impl FromRequestParts<Shop> for LogReader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, shop: &Shop) -> Result<Self, ApiError> {
        let OnlyOf(own) = OnlyOf::from_request_parts(parts, shop).await?;
        Ok(Self { own })
    }
}

impl LogReader {
    /// What to watch while there is nothing to read; `None` when that may be events of many streams.
    pub(crate) fn watched(self, filter: &Filter) -> Option<Watched> {
        match self.own {
            Some(own) => Some(Watched::Owner(own.to_string())),
            None => Watched::of_filter(filter),
        }
    }

    /// Returns the events after a position that the filter lets through and the request may read. `next_after` is past those
    /// that it may not read.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub(crate) async fn read(
        self,
        shop: &Shop,
        after: Position,
        limit: usize,
        filter: &Filter,
    ) -> Result<EventPage, Failure> {
        let Some(own) = self.own else { return Ok(shop.store.read_all(after, limit, filter).await?) };
        let mut page = shop.store.read_all(after, EVENTS_PER_READ, filter).await?;
        let (mut events, mut lookups, mut at) = (Vec::new(), 0, after);
        for recorded in std::mem::take(&mut page.events) {
            let is_own = match shop.order_owners.known(&recorded) {
                Belonging::To(owner) => owner == own,
                Belonging::Nobody => false,
                Belonging::OwnerOf(_) if lookups == LOOKUPS_PER_READ => {
                    page.next_after = at;
                    break;
                }
                Belonging::OwnerOf(id) => {
                    lookups += 1;
                    shop.order_owners.look_up(&shop.store, id).await? == Some(own)
                }
            };
            at = recorded.position;
            if is_own {
                events.push(recorded);
            }
            if events.len() == limit {
                page.next_after = at;
                break;
            }
        }
        page.events = events;
        Ok(page)
    }
}
