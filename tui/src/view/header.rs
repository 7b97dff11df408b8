//! Draws the first line: the tabs, the basket, and the connection.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::keys::{Action, Context};
use crate::money;
use crate::state::{Connection, Model, Part, Screen};
use crate::view::text::{put, put_right, width};
use crate::view::theme::Theme;
use crate::view::when;

/// The action of each tab.
const TABS: [Action; 8] = [
    Action::GoShop,
    Action::GoBasket,
    Action::GoOrders,
    Action::GoLog,
    Action::GoProcesses,
    Action::GoLab,
    Action::GoCounter,
    Action::GoAccount,
];

/// Minimum width at which the shop's name is shown before the tabs.
const NAME_MIN_WIDTH: u16 = 90;

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let margin = if area.width >= 60 { 2 } else { 1 };
    if model.screen == Screen::Replay {
        let x = put(buffer, area.x + margin, area.y, "Storefront", theme.accent, area.width) + 3;
        put(buffer, x, area.y, "Replay, without a shop", theme.dim, area.right().saturating_sub(x));
        return;
    }
    let mut keys = TABS.map(|action| model.keys.label(Context::Shop, action));
    if has_alarms(model) {
        keys[COUNTER].push('!');
    }
    let least = keys.iter().map(|key| width(key) + 1).sum::<u16>() + width(model.screen.tab().name()) + 2;
    let right = status(model, theme, area, (margin, margin + least), buffer);
    let mut x = area.x + margin;
    if right.saturating_sub(x) >= NAME_MIN_WIDTH {
        x = put(buffer, x, area.y, "Storefront", theme.accent, right.saturating_sub(x)) + 3;
    }
    tabs(model, theme, &keys, Rect { x, width: right.saturating_sub(x + 2), height: 1, ..area }, buffer);
}

/// Index of the counter among the tabs.
const COUNTER: usize = 6;

/// Whether there are alarms that the shopkeeper has not seen.
fn has_alarms(model: &Model) -> bool {
    let seen = model.screen == Screen::Counter && model.counter.part == Part::Stock;
    !seen && !model.counter.stock.alarms.is_empty()
}

/// Draws every tab with its key, the open one with its name, and the names of as many others, from the first, as fit.
fn tabs(model: &Model, theme: &Theme, keys: &[String; 8], area: Rect, buffer: &mut Buffer) {
    let open = model.screen.tab();
    let named = |tab: Screen| width(tab.name()) + 1;
    let bare: u16 = keys.iter().map(|key| width(key)).sum();
    let gaps = u16::try_from(TABS.len() - 1).unwrap_or(0);
    let all: u16 = Screen::TABS.into_iter().map(named).sum();
    let gap = [3, 2, 1].into_iter().find(|gap| bare + all + gap * gaps <= area.width).unwrap_or(1);
    let mut room = area.width.saturating_sub(bare + gap * gaps + named(open));
    let mut x = area.x;
    for (tab, key) in Screen::TABS.into_iter().zip(keys) {
        let left = area.right().saturating_sub(x);
        let style = if tab == Screen::Counter && has_alarms(model) {
            theme.warn
        } else if tab == open {
            theme.accent
        } else {
            theme.dim
        };
        x = put(buffer, x, area.y, key, style, left);
        let fits = tab != open && named(tab) <= room;
        if fits {
            room -= named(tab);
        }
        if fits || tab == open {
            let style = if tab == open { theme.tab } else { theme.text };
            x = put(buffer, x + 1, area.y, tab.name(), style, area.right().saturating_sub(x + 1));
        }
        x += gap;
    }
}

/// Draws active faults and what is paused, in as much detail as fits between the tabs and `right`, but never nothing;
/// returns where it begins.
fn draw_troubles(model: &Model, theme: &Theme, area: Rect, (taken, right): (u16, u16), buffer: &mut Buffer) -> u16 {
    let (broken, paused) = (model.lab.broken(), paused(model));
    if broken.is_empty() && paused.is_empty() {
        return right;
    }
    let told: Vec<String> = broken.iter().map(|(stub, what)| format!("{}: {what}", stub.name())).collect();
    let stubs: Vec<String> = broken.iter().map(|(stub, _)| stub.name().to_owned()).collect();
    let room = right.saturating_sub(area.x + taken + 2);
    let texts = [
        both(&joined(BROKEN, &told, " · "), &joined(PAUSED, &paused, ", ")),
        both(&joined(BROKEN, &stubs, ", "), &joined(PAUSED, &paused, ", ")),
        both(&joined(BROKEN, &stubs, ", "), &counted(PAUSED, &paused)),
        both(&counted(BROKEN, &stubs), &joined(PAUSED, &paused, ", ")),
        both(&counted(BROKEN, &stubs), &counted(PAUSED, &paused)),
    ];
    let bare = || both(if broken.is_empty() { "" } else { BROKEN }, if paused.is_empty() { "" } else { PAUSED });
    let text = texts.into_iter().find(|text| width(text) <= room).unwrap_or_else(bare);
    put_right(buffer, right - 2, area.y, &text, theme.warn, width(&text))
}

/// Signs before active faults and before what is paused.
const BROKEN: &str = "⚡";
const PAUSED: &str = "‖";

/// The names of paused processes and read models.
fn paused(model: &Model) -> Vec<String> {
    let processes = model.paused.processes.iter().cloned();
    processes.chain(model.paused.views.iter().map(|view| format!("list {}", view.name))).collect()
}

fn joined(sign: &str, names: &[String], between: &str) -> String {
    if names.is_empty() { String::new() } else { format!("{sign} {}", names.join(between)) }
}

fn counted(sign: &str, names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!("{sign}{}", names.len()) }
}

fn both(one: &str, other: &str) -> String {
    [one, other].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Draws basket and connection at the right, as short as necessary to leave room for the tabs; returns where they
/// begin.
fn status(model: &Model, theme: &Theme, area: Rect, (margin, taken): (u16, u16), buffer: &mut Buffer) -> u16 {
    let right = area.right() - margin;
    let roomy = area.width >= 60;
    let (sign, word, style) = match &model.connection {
        Connection::Opening => ("◌", "opening".to_owned(), theme.dim),
        Connection::Live if !model.unfit.is_empty() => {
            ("!", if roomy { "unfit".to_owned() } else { String::new() }, theme.warn)
        }
        Connection::Live if roomy => ("●", "live".to_owned(), theme.good),
        Connection::Live => ("●", String::new(), theme.good),
        Connection::Offline { since, .. } => {
            let age = when::age(model.now.unix_ms() - since.unix_ms());
            ("◌", if roomy { format!("{age} old") } else { age }, theme.warn)
        }
    };
    let text = if word.is_empty() { sign.to_owned() } else { format!("{sign} {word}") };
    let x = put_right(buffer, right, area.y, &text, style, width(&text));
    let pieces = model.basket.pieces();
    let least = if pieces == 0 { 0 } else { width(&pieces.to_string()) + 3 };
    let x = draw_troubles(model, theme, area, (taken + least, x), buffer);
    if pieces == 0 {
        return x;
    }
    let waiting = if model.basket.pending.is_empty() { "" } else { "…" };
    let things = match (area.width >= 90, pieces) {
        (false, _) => format!("{pieces}"),
        (true, 1) => "1 piece".to_owned(),
        (true, _) => format!("{pieces} pieces"),
    };
    let total = money::shown(model.basket.total());
    let basket = [format!("{things} · {total}{waiting}"), format!("{things}{waiting}")]
        .into_iter()
        .find(|basket| area.x + taken + width(basket) + 2 <= x)
        .unwrap_or_default();
    put_right(buffer, x - 2, area.y, &basket, theme.text, width(&basket))
}
