//! Draws the screen Orders.

use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::Widget;
use storefront_api::OrderSummary;

use crate::keys::{Action, Context};
use crate::money;
use crate::state::{Load, Model, summary_title};
use crate::view::labels::order_status;
use crate::view::surface::Surface;
use crate::view::theme::Theme;
use crate::view::widgets::OneLine;
use crate::view::{below, failed, instead, list_head, row, when};

/// Draws the screen; returns the cursor of the search that is being typed.
pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) -> Option<Position> {
    // What belongs together stays together on a wide screen.
    let area = Rect { width: area.width.min(MAX_WIDTH), ..area };
    let orders = &model.orders;
    let count = match orders.list.total {
        1 => "1 order".to_owned(),
        total => format!("{total} orders"),
    };
    let filter = orders.status.map_or("All orders", |wanted| order_status(wanted, theme).0);
    let cursor = list_head::draw(filter, (&orders.search, orders.typing), &count, theme, row(area, 0), surface);
    let body = below(area, if area.height >= 16 { 2 } else { 1 });
    match &orders.list.load {
        Load::Loading => instead(theme, body, "Fetching the orders", "A moment, please.", surface),
        Load::Failed(failure) => failed(theme, body, "The orders", failure, surface),
        Load::Ready if orders.list.total == 0 => instead(theme, body, "No orders", &nothing(model), surface),
        Load::Ready => lines(model, theme, body, surface),
    }
    cursor
}

/// What leads on where no order is listed.
fn nothing(model: &Model) -> String {
    let key = |action| model.keys.label(Context::Orders, action);
    match (model.orders.search.value().is_empty(), model.orders.status) {
        (false, _) => format!("{} takes the search off.", key(Action::ShowAll)),
        (true, Some(_)) => format!("{} shows those in another state.", key(Action::NextStatus)),
        (true, None) => "What you buy shows up here.".to_owned(),
    }
}

fn lines(model: &Model, theme: &Theme, body: Rect, surface: &mut Surface<'_>) {
    let list = &model.orders.list;
    for (place, row, chosen) in surface.list(theme, body, list.list.cursor, list.total) {
        if let Some(order) = list.items.get(place) {
            draw_row(model, order, theme, row, (chosen, true), surface);
        }
    }
}

/// Maximum width of the list.
const MAX_WIDTH: u16 = 120;
/// Width of a line from which it has its day and the time; a shorter one has one of them.
const DATED_MIN_WIDTH: u16 = 70;

/// Draws a line of a list of orders, with or without its status: what it is, its number, status, day and total.
pub(super) fn draw_row(
    model: &Model,
    order: &OrderSummary,
    theme: &Theme,
    row: Rect,
    (chosen, with_state): (bool, bool),
    surface: &mut Surface<'_>,
) {
    let on_row = |style: Style| if chosen { style.patch(theme.selected) } else { style };
    let number = order.number.as_deref().unwrap_or_default();
    let inside = Rect { x: row.x + 2, width: row.width.saturating_sub(3), ..row };
    let roomy = row.width >= 60;
    let [what, name, status, day, total] = Layout::horizontal([
        Constraint::Fill(1),
        Constraint::Length(if roomy || !with_state { 11 } else { 0 }),
        Constraint::Length(if with_state { 13 } else { 0 }),
        Constraint::Length(match row.width {
            DATED_MIN_WIDTH.. => 14,
            50.. => 8,
            _ => 0,
        }),
        Constraint::Length(if row.width >= 50 { 13 } else { 10 }),
    ])
    .areas(inside);
    let what = Rect { width: what.width.saturating_sub(1), ..what };
    OneLine::new(Line::styled(summary_title(order), on_row(theme.text))).render(what, surface);
    OneLine::new(Line::styled(number, on_row(theme.dim))).render(name, surface);
    let (word, style) = order_status(order.status, theme);
    OneLine::new(Line::styled(word, on_row(style))).render(status, surface);
    let at = if row.width >= DATED_MIN_WIDTH { when::day_and_time } else { when::day_or_time };
    let when = at(order.started_at, model.now, &model.zone);
    OneLine::right(Line::styled(when, on_row(theme.dim))).render(day, surface);
    OneLine::right(Line::styled(money::shown(order.total), on_row(theme.text))).render(total, surface);
}
