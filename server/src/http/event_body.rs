//! Conversion of a stored event to its wire form, and the id of the log.

use storefront_api::Event;
use storefront_eventlog::{Filter, Position, Recorded};
use uuid::Uuid;

use crate::http::error::ApiError;
use crate::http::state::Shop;
use crate::store::commands::Failure;
use crate::store::wire_event;

/// Converts a stored event to its wire form, which has no hash of a password.
pub(crate) fn wire_event(recorded: &Recorded) -> Result<Event, ApiError> {
    wire_event::wire_event(recorded).map_err(|error| Failure::Json(error).into())
}

/// Returns the id by which clients recognize the log: that of its first event, or its epoch once it was restored to an earlier
/// state. `None` for an empty log.
pub(crate) async fn current_log_id(shop: &Shop) -> Result<Option<Uuid>, ApiError> {
    if shop.epoch.is_some() {
        return Ok(shop.epoch);
    }
    if let Some(known) = shop.log_id.get() {
        return Ok(Some(*known));
    }
    let slice = shop.store.read_all(Position(0), 1, &Filter::default()).await.map_err(Failure::from)?;
    Ok(slice.events.first().map(|first| *shop.log_id.get_or_init(|| first.id)))
}
