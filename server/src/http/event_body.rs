//! Conversion of a stored event to its wire form, and the id of the log.

use serde_json::Value;
use storefront_api::{Event, Timestamp};
use storefront_eventlog::{Filter, Position, Recorded};
use uuid::Uuid;

use crate::codec::event_type::remove_secrets;
use crate::http::error::ApiError;
use crate::http::state::Shop;
use crate::store::commands::Failure;

/// Converts a stored event to its wire form, which has no hash of a password.
pub(crate) fn wire_event(recorded: &Recorded) -> Result<Event, ApiError> {
    let mut data: Value =
        serde_json::from_str(recorded.data()).map_err(|error| ApiError::from(Failure::Json(error)))?;
    remove_secrets(recorded.kind(), &mut data);
    Ok(Event {
        position: recorded.position.0,
        id: recorded.id,
        stream: recorded.stream().to_owned(),
        version: recorded.version.0,
        kind: recorded.kind().to_owned(),
        schema_version: recorded.schema_version,
        time: Timestamp::from_unix_ms(recorded.time_ms),
        correlation_id: recorded.correlation_id().to_owned(),
        causation_id: recorded.causation_id().map(str::to_owned),
        actor: recorded.actor().to_owned(),
        data,
    })
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
