//! Reads of views that wait until those have reached a position of the log.

use std::time::Duration;

use serde::Deserialize;
use storefront_eventlog::Position;
use utoipa::IntoParams;

use crate::http::error::ApiError;
use crate::http::error_code::ErrorCode;
use crate::http::state::Shop;

/// Maximum time for which a request waits until the views reach its `min_position`.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(5);

/// Which state of the views to see.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MinPosition {
    /// See at least this log position.
    #[serde(default)]
    pub(crate) min_position: Option<u64>,
}

/// Waits until `views` have reached `min_position` and the head that the log had when the shop was opened, so that no client
/// sees views that are still being built. Does not wait for a paused view.
///
/// # Errors
/// `view_paused` when a paused view has not reached `min_position`; `views_behind` after [`CATCH_UP_TIMEOUT`].
pub(crate) async fn wait_for_position(shop: &Shop, min_position: Option<u64>, views: &[&str]) -> Result<(), ApiError> {
    let asked = Position(min_position.unwrap_or(0));
    let wanted = asked.max(shop.opened_at);
    if let Some(view) = shop.views.paused_before(views, asked) {
        let detail = format!(
            "The view {view} is paused and has not come to the position that was asked for. POST /v1/views/{view}/resume \
             lets it go on; without min_position it answers as it is."
        );
        return Err(ApiError::new(ErrorCode::ViewPaused, detail));
    }
    // Positions reached already are answered even while the server stops.
    let reached = shop.views.reach_but_for_pauses(views, wanted, asked, CATCH_UP_TIMEOUT);
    if shop.views.position() >= wanted || shop.stop.run_until_cancelled(reached).await == Some(true) {
        return Ok(());
    }
    let at = shop.views.position();
    let detail = if at < shop.opened_at {
        format!("The lists are being built: {at} of {} events. Try again shortly.", shop.opened_at)
    } else {
        format!("The lists have come to position {at}, not yet to {wanted}. Try again shortly.")
    };
    Err(ApiError::new(ErrorCode::ViewsBehind, detail))
}
