//! Draws charges that no payment of the shop matches: amount, age and the reason.

use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;
use ratatui::widgets::Widget;
use storefront_api::{UnmatchedCharge, UnmatchedReason};

use crate::money;
use crate::state::{Load, Model};
use crate::view::surface::Surface;
use crate::view::text::put;
use crate::view::theme::Theme;
use crate::view::widgets::Cells;
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
    let order = charge.order_id.map(|id| id.to_string());
    let order = order.as_ref().map(|id| format!(" {}", &id[id.len().saturating_sub(12)..])).unwrap_or_default();
    let why = match charge.reason {
        UnmatchedReason::NoOrder if order.is_empty() => "names no order".to_owned(),
        UnmatchedReason::NoOrder => format!("no order{order}"),
        UnmatchedReason::NoPayment => format!("no payment of{order}"),
        UnmatchedReason::OtherAmount => format!("another amount for{order}"),
    };
    let at = when::day_or_time(charge.charged_at, model.now, &model.zone);
    let cells = Cells::new(2)
        .fill(Span::styled(why, on_row(theme.text)))
        .when(row.width >= 90, |cells| cells.right(36, Span::styled(charge.reference.as_str(), on_row(theme.dim))))
        .when(row.width >= 60, |cells| cells.right(10, Span::styled(at, on_row(theme.dim))))
        .right(12, Span::styled(money::shown(charge.left), on_row(theme.strong)));
    cells.render(Rect { x: row.x + 2, width: row.width.saturating_sub(3), ..row }, surface);
}
