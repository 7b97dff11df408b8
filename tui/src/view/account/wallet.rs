//! Draws the wallet: its balance and movements.

use ratatui::layout::Rect;
use ratatui::style::Style;
use storefront_api::{Movement, MovementKind};

use crate::money;
use crate::state::Model;
use crate::view::labels::short_id;
use crate::view::surface::Surface;
use crate::view::text::{put, put_all, put_right};
use crate::view::theme::Theme;
use crate::view::{below, row, when};

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let account = &model.account;
    let balance = account.balance().map_or_else(|| "…".to_owned(), money::shown);
    let head = row(area, 0);
    let pieces = [(balance.as_str(), theme.strong), (" in your wallet", theme.dim)];
    let area = Rect { width: area.width.min(100), ..area };
    put_all(surface, head.x, head.y, &pieces, head.width);
    let body = below(area, if area.height >= 12 { 2 } else { 1 });
    let nothing = ("Nothing has moved yet", "What you pay and what comes back shows up here.");
    super::list(
        &account.movements,
        ("the movements", nothing),
        theme,
        body,
        surface,
        |movement, row, on_row, surface| {
            draw_row(model, movement, theme, row, on_row, surface);
        },
    );
}

fn draw_row(
    model: &Model,
    movement: &Movement,
    theme: &Theme,
    row: Rect,
    on_row: &dyn Fn(Style) -> Style,
    surface: &mut Surface<'_>,
) {
    let mut right = row.right();
    if row.width >= 50 {
        put_right(surface, right, row.y, &money::shown(movement.balance), on_row(theme.dim), 14);
        right = right.saturating_sub(15);
    }
    let narrow = row.width < 50;
    let amounts = if narrow { 12 } else { 15 };
    let comes = movement.amount.amount >= 0;
    // A sign, so that not only the colour distinguishes in from out.
    let amount = if comes { format!("+{}", money::shown(movement.amount)) } else { money::shown(movement.amount) };
    let style = if comes { theme.good } else { theme.text };
    right = put_right(surface, right, row.y, &amount, on_row(style), amounts).min(right.saturating_sub(amounts));
    let time = when::day_or_time(movement.time, model.now, &model.zone);
    put(surface, row.x, row.y, &time, on_row(theme.dim), 6);
    let x = row.x + 8;
    put(surface, x, row.y, &reason_text(movement, narrow), on_row(theme.text), right.saturating_sub(x + 1));
}

/// Why money moved.
fn reason_text(movement: &Movement, narrow: bool) -> String {
    let order = movement.order_id.map(|id| format!(" order {}", short_id(&id.to_string()))).unwrap_or_default();
    let why = match movement.kind {
        MovementKind::Opened => "wallet opened".to_owned(),
        MovementKind::ToppedUp => "put in by the shop".to_owned(),
        MovementKind::Charged => format!("paid for{order}"),
        MovementKind::Credited => format!("back for{order}"),
        MovementKind::Unknown => "moved for an unknown reason".to_owned(),
    };
    if narrow {
        let words = match movement.kind {
            MovementKind::Opened => "opened",
            MovementKind::ToppedUp => "put in",
            MovementKind::Charged => "paid",
            MovementKind::Credited => "came back",
            MovementKind::Unknown => "moved",
        };
        return words.to_owned();
    }
    match &movement.reason {
        Some(reason) => format!("{why}: {reason}"),
        None => why,
    }
}
