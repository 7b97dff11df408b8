//! Draws the sessions of who is signed in: which program, since when, until when.

use ratatui::layout::Rect;
use ratatui::style::Style;
use storefront_api::Session;

use crate::keys::{Action, Context};
use crate::state::Model;
use crate::view::surface::Surface;
use crate::view::text::{put, put_right};
use crate::view::theme::Theme;
use crate::view::{instead, when};

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    if !model.account.is_signed_in() {
        let key = model.keys.label(Context::Profile, Action::SignIn);
        let more = format!("{key} signs in. Then this lists the sessions of your account, and ends them.");
        return instead(theme, area, "You are not signed in", &more, surface);
    }
    let area = Rect { width: area.width.min(100), ..area };
    let nothing = ("No sessions", "Each device on which you sign in has one.");
    let sessions = &model.account.sessions;
    super::list(sessions, ("the sessions", nothing), theme, area, surface, |session, row, on_row, surface| {
        draw_row(model, session, theme, row, on_row, surface);
    });
}

fn draw_row(
    model: &Model,
    session: &Session,
    theme: &Theme,
    row: Rect,
    on_row: &dyn Fn(Style) -> Style,
    surface: &mut Surface<'_>,
) {
    let since = format!("since {}", when::day_or_time(session.started_at, model.now, &model.zone));
    let mut right = put_right(surface, row.right(), row.y, &since, on_row(theme.dim), 14);
    if session.current {
        right = put_right(surface, right.saturating_sub(2), row.y, "this one", on_row(theme.good), 8);
    }
    let program = session.user_agent.as_deref().unwrap_or("unknown program");
    put(surface, row.x, row.y, program, on_row(theme.strong), right.saturating_sub(row.x + 1));
}
