//! Draws charges that no payment of the shop matches: amount, age and the reason.

use ratatui::layout::Rect;
use ratatui::style::Style;
use storefront_api::{UnmatchedCharge, UnmatchedReason};

use crate::money;
use crate::state::{Load, Model};
use crate::view::surface::Surface;
use crate::view::text::{put, put_right};
use crate::view::theme::Theme;
use crate::view::{below, failed, instead, row, when};

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let charges = &model.counter.charges;
    match &charges.load {
        Load::Loading => return instead(theme, area, "Asking the card gateway", "A moment, please.", surface),
        Load::Failed(failure) => return failed(theme, area, "The charges", failure, surface),
        Load::Ready if charges.items.is_empty() => {
            return instead(theme, area, "Nothing to give back", "Every charge belongs to a payment here.", surface);
        }
        Load::Ready => {}
    }
    let count = match (charges.items.len(), charges.complete) {
        (1, true) => "1 charge without a payment here".to_owned(),
        (count, true) => format!("{count} charges without a payment here"),
        (count, false) => format!("{count} charges without a payment here, and perhaps more"),
    };
    let head = row(area, 0);
    put(surface, head.x, head.y, &count, theme.warn, head.width);
    let body = below(area, if area.height >= 14 { 2 } else { 1 });
    for (place, row, chosen) in surface.list(theme, body, charges.list.cursor, charges.items.len()) {
        let Some(charge) = charges.items.get(place) else { continue };
        draw_row(model, charge, theme, row, chosen, surface);
    }
}

fn draw_row(
    model: &Model,
    charge: &UnmatchedCharge,
    theme: &Theme,
    row: Rect,
    chosen: bool,
    surface: &mut Surface<'_>,
) {
    let on_row = |style: Style| if chosen { style.patch(theme.selected) } else { style };
    let mut right = row.right().saturating_sub(1);
    put_right(surface, right, row.y, &money::shown(charge.left), on_row(theme.strong), 12);
    right = right.saturating_sub(14);
    if row.width >= 60 {
        let at = when::day_or_time(charge.charged_at, model.now, &model.zone);
        put_right(surface, right, row.y, &at, on_row(theme.dim), 10);
        right = right.saturating_sub(12);
    }
    if row.width >= 90 {
        put_right(surface, right, row.y, &charge.reference, on_row(theme.dim), 36);
        right = right.saturating_sub(38);
    }
    let order = charge.order_id.map(|id| id.to_string());
    let order = order.as_ref().map(|id| format!(" {}", &id[id.len().saturating_sub(12)..])).unwrap_or_default();
    let why = match charge.reason {
        UnmatchedReason::NoOrder if order.is_empty() => "names no order".to_owned(),
        UnmatchedReason::NoOrder => format!("no order{order}"),
        UnmatchedReason::NoPayment => format!("no payment of{order}"),
        UnmatchedReason::OtherAmount => format!("another amount for{order}"),
    };
    let x = row.x + 2;
    put(surface, x, row.y, &why, on_row(theme.text), right.saturating_sub(x));
}
