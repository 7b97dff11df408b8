//! Draws the first line: name, the screens of the section, what is broken or paused, basket and connection, each in a
//! slot of its own that stays where it is.

use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use crate::keys::{Action, Context};
use crate::money;
use crate::state::{Connection, Model, Part, Screen};
use crate::view::surface::Surface;
use crate::view::text::width;
use crate::view::theme::Theme;
use crate::view::when;
use crate::view::widgets::OneLine;

/// Width from which tabs have their names.
const NAMED_TABS_MIN_WIDTH: u16 = 76;
/// Width from which the shop's name and every word is shown.
const ALL_WORDS_MIN_WIDTH: u16 = 100;

/// How much there is room for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Room {
    Narrow,
    Medium,
    Wide,
}

impl Room {
    const fn of(width: u16) -> Self {
        match width {
            ALL_WORDS_MIN_WIDTH.. => Self::Wide,
            NAMED_TABS_MIN_WIDTH.. => Self::Medium,
            _ => Self::Narrow,
        }
    }

    /// The slots from left to right; what is left over goes to what is broken or paused.
    fn slots(self) -> Layout {
        let widths = match self {
            Self::Wide => [12, 38, 0, 21, 12],
            Self::Medium => [0, 38, 0, 17, 12],
            Self::Narrow => [0, 18, 0, 6, 8],
        };
        let [name, tabs, _, basket, connection] = widths.map(Constraint::Length);
        Layout::horizontal([name, tabs, Constraint::Fill(1), basket, connection])
    }
}

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let margin = if area.width >= 60 { 2 } else { 1 };
    let inside = Rect { x: area.x + margin, width: area.width.saturating_sub(2 * margin), ..area };
    if model.screen == Screen::Replay {
        let words = [Span::styled("Storefront   ", theme.accent), Span::styled("Replay, without a shop", theme.dim)];
        OneLine::new(Line::from_iter(words)).render(inside, surface);
        return;
    }
    let room = Room::of(area.width);
    let [name, tabs, mut trouble, mut basket, connection] = room.slots().areas(inside);
    // A cell apart from what follows.
    trouble.width = trouble.width.saturating_sub(1);
    basket.width = basket.width.saturating_sub(1);
    OneLine::new(Span::styled("Storefront", theme.accent)).render(name, surface);
    draw_tabs(model, theme, room, tabs, surface);
    OneLine::right(Span::styled(trouble_text(model, trouble.width), theme.warn)).render(trouble, surface);
    OneLine::right(Span::styled(basket_text(model, room, basket.width), theme.text)).render(basket, surface);
    surface.button(basket, Action::GoBasket);
    OneLine::right(connection_text(model, room, theme)).render(connection, surface);
}

/// Whether there are alarms that the shopkeeper has not seen.
fn has_alarms(model: &Model) -> bool {
    let seen = model.screen == Screen::Counter && model.counter.part == Part::Stock;
    !seen && !model.counter.stock.alarms.is_empty()
}

/// Draws the screens of the section: with their names, or with their keys and the name of the open one.
fn draw_tabs(model: &Model, theme: &Theme, room: Room, area: Rect, surface: &mut Surface<'_>) {
    let open = model.tab();
    let mut x = area.x;
    let gap = if room == Room::Narrow { 1 } else { 2 };
    let mut draw = |spans: Vec<Span<'static>>, action: Action, surface: &mut Surface<'_>| {
        let wide = spans.iter().map(|span| width(&span.content)).sum::<u16>().min(area.right().saturating_sub(x));
        let slot = Rect { x, width: wide, ..area };
        OneLine::new(spans).render(slot, surface);
        surface.button(slot, action);
        x += wide + gap;
    };
    for screen in model.section().tabs() {
        let action = screen.opened_by();
        let alarm = screen == Screen::Counter && has_alarms(model);
        let sign = if alarm { "!" } else { "" };
        let key = format!("{}{sign}", model.keys.label(Context::Shop, action));
        let style = match (alarm, screen == open) {
            (true, _) => theme.warn,
            (false, true) => theme.accent,
            (false, false) => theme.dim,
        };
        let mut spans = vec![Span::styled(key, style)];
        if room != Room::Narrow {
            spans.push(Span::styled(" ", theme.text));
            spans.push(Span::styled(screen.name(), if screen == open { theme.tab } else { theme.text }));
        }
        draw(spans, action, surface);
    }
    if room == Room::Narrow {
        draw(vec![Span::styled(open.name(), theme.tab)], open.opened_by(), surface);
    }
}

/// Signs before active faults and before what is paused.
const BROKEN: &str = "⚡";
const PAUSED: &str = "‖";

/// Active faults and what is paused, in as much detail as fits, but never nothing.
fn trouble_text(model: &Model, room: u16) -> String {
    let (broken, paused) = (model.lab.broken(), paused(model));
    if broken.is_empty() && paused.is_empty() {
        return String::new();
    }
    let told: Vec<String> = broken.iter().map(|(stub, what)| format!("{}: {what}", stub.name())).collect();
    let stubs: Vec<String> = broken.iter().map(|(stub, _)| stub.name().to_owned()).collect();
    let texts = [
        both(&joined(BROKEN, &told, " · "), &joined(PAUSED, &paused, ", ")),
        both(&joined(BROKEN, &stubs, ", "), &joined(PAUSED, &paused, ", ")),
        both(&joined(BROKEN, &stubs, ", "), &counted(PAUSED, &paused)),
        both(&counted(BROKEN, &stubs), &joined(PAUSED, &paused, ", ")),
        both(&counted(BROKEN, &stubs), &counted(PAUSED, &paused)),
    ];
    let bare = || both(if broken.is_empty() { "" } else { BROKEN }, if paused.is_empty() { "" } else { PAUSED });
    texts.into_iter().find(|text| width(text) <= room).unwrap_or_else(bare)
}

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

/// Pieces and total; dots while the shop has not agreed to a change.
fn basket_text(model: &Model, room: Room, slot: u16) -> String {
    let pieces = model.basket.pieces();
    if pieces == 0 {
        return String::new();
    }
    let waiting = if model.basket.pending.is_empty() { "" } else { "…" };
    let things = match (room, pieces) {
        (Room::Narrow | Room::Medium, _) => format!("{pieces}"),
        (Room::Wide, 1) => "1 piece".to_owned(),
        (Room::Wide, _) => format!("{pieces} pieces"),
    };
    let total = money::shown(model.basket.total());
    let texts = [format!("{things} · {total}{waiting}"), format!("{things}{waiting}")];
    texts
        .into_iter()
        .find(|text| width(text) <= slot && (room != Room::Narrow || !text.contains('·')))
        .unwrap_or_default()
}

fn connection_text<'a>(model: &Model, room: Room, theme: &Theme) -> Span<'a> {
    let narrow = room == Room::Narrow;
    match &model.connection {
        Connection::Opening => Span::styled(if narrow { "◌" } else { "◌ opening" }, theme.dim),
        Connection::Live if model.disk_is_full() => {
            Span::styled(if narrow { "! disk" } else { "! disk full" }, theme.bad)
        }
        Connection::Live if !model.unfit.is_empty() => Span::styled(if narrow { "!" } else { "! unfit" }, theme.warn),
        Connection::Live => Span::styled(if narrow { "●" } else { "● live" }, theme.good),
        Connection::Offline { since, .. } => {
            let age = when::age_of(model, *since);
            Span::styled(if narrow { format!("◌ {age}") } else { format!("◌ {age} old") }, theme.warn)
        }
    }
}
