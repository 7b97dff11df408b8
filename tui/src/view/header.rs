//! The first line: where one can go, what is in the basket, whether the shop answers.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::keys::{Action, Context};
use crate::money;
use crate::state::{Connection, Model, Screen};
use crate::view::text::{put, put_right, width};
use crate::view::theme::Theme;
use crate::view::when;

/// What leads to each tab.
const TABS: [Action; 4] = [Action::GoShop, Action::GoBasket, Action::GoOrders, Action::GoLog];

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let roomy = area.width >= 72;
    let margin = if area.width >= 60 { 2 } else { 1 };
    if model.screen == Screen::Replay {
        let x = put(buffer, area.x + margin, area.y, "Storefront", theme.accent, area.width) + 3;
        put(buffer, x, area.y, "Replay, without a shop", theme.dim, area.right().saturating_sub(x));
        return;
    }
    let right = status(model, theme, area, margin, buffer);
    let mut x = area.x + margin;
    if roomy {
        x = put(buffer, x, area.y, "Storefront", theme.accent, right.saturating_sub(x)) + 3;
    }
    for (tab, action) in Screen::TABS.into_iter().zip(TABS) {
        let open = model.screen.tab() == tab;
        let room = right.saturating_sub(x + 1);
        let key = model.keys.label(Context::Shop, action);
        x = put(buffer, x, area.y, &key, if open { theme.accent } else { theme.dim }, room);
        if area.width >= 60 || open {
            let room = right.saturating_sub(x + 2);
            let style = if open { theme.tab } else { theme.text };
            x = put(buffer, x + 1, area.y, tab.name(), style, room);
        }
        x += if roomy { 3 } else { 2 };
    }
}

/// Basket and connection at the right; returns where they begin.
fn status(model: &Model, theme: &Theme, area: Rect, margin: u16, buffer: &mut Buffer) -> u16 {
    let right = area.right() - margin;
    let roomy = area.width >= 60;
    let (sign, word, style) = match &model.connection {
        Connection::Opening => ("◌", "opening".to_owned(), theme.dim),
        Connection::Live if roomy => ("●", "live".to_owned(), theme.good),
        Connection::Live => ("●", String::new(), theme.good),
        Connection::Offline { since, .. } => {
            ("◌", format!("{} old", when::age(model.now.unix_ms() - since.unix_ms())), theme.warn)
        }
    };
    let text = if word.is_empty() { sign.to_owned() } else { format!("{sign} {word}") };
    let x = put_right(buffer, right, area.y, &text, style, width(&text));
    let pieces = model.basket.pieces();
    if pieces == 0 {
        return x;
    }
    let waiting = if model.basket.pending.is_empty() { "" } else { "…" };
    let things = match (area.width >= 90, pieces) {
        (false, _) => format!("{pieces}"),
        (true, 1) => "1 piece".to_owned(),
        (true, _) => format!("{pieces} pieces"),
    };
    let basket = format!("{things} · {}{waiting}", money::shown(model.basket.total()));
    put_right(buffer, x - 2, area.y, &basket, theme.text, width(&basket))
}
