//! Draws the sales: figures, revenue per day, orders by state, best sellers. Bars are scaled in whole numbers; money is
//! never divided.

use jiff::civil::Date;
use ratatui::layout::Rect;
use ratatui::style::Style;
use storefront_api::Money;

use crate::money;
use crate::state::counter::{Bar, Figures, STATES};
use crate::state::{Load, Model};
use crate::view::counter::scaled;
use crate::view::labels::order_status;
use crate::view::surface::Surface;
use crate::view::text::{put, put_right, width};
use crate::view::theme::Theme;
use crate::view::{below, failed, instead, more_below, row};

/// Maximum number of days in the statistics.
const MAX_DAYS: u16 = 31;
/// Cells that are filled from below by eighths.
const EIGHTHS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let sales = &model.counter.sales;
    let Some(figures) = &sales.figures else {
        return match &sales.load {
            Load::Failed(failure) => failed(theme, area, "The sales", failure, surface),
            Load::Loading | Load::Ready => instead(theme, area, "Adding up", "A moment, please.", surface),
        };
    };
    if area.width >= 70 && area.height >= 15 {
        side_by_side(model, figures, theme, area, surface);
    } else {
        one_below_the_other(model, figures, theme, area, surface);
    }
}

/// Today in UTC, by which the shop counts days.
fn today(model: &Model) -> Date {
    let now = jiff::Timestamp::from_millisecond(model.now.unix_ms()).unwrap_or_default();
    now.to_zoned(jiff::tz::TimeZone::UTC).date()
}

fn figure_texts(figures: &Figures) -> [(&'static str, String); 4] {
    let statistics = &figures.statistics;
    let orders = match statistics.cancelled {
        0 => statistics.orders.to_string(),
        cancelled => format!("{}, {cancelled} cancelled", statistics.orders),
    };
    [
        ("Revenue", money::shown(statistics.revenue)),
        ("Orders", orders),
        ("Average order", money::shown(statistics.average_order)),
        ("Given back", money::shown(statistics.refunded)),
    ]
}

fn side_by_side(model: &Model, figures: &Figures, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let column = (area.width / 4).min(32);
    for (place, (name, value)) in (0..).zip(figure_texts(figures)) {
        let x = area.x + place * column;
        put(surface, x, area.y, name, theme.dim, column - 2);
        let style = if place == 0 { theme.strong } else { theme.text };
        put(surface, x, area.y + 1, &value, style, column - 2);
    }
    let most = u16::try_from(STATES.len().max(figures.statistics.top_products.len()) + 1).unwrap_or(11);
    let lower = most.min(area.height / 2);
    let chart = Rect { y: area.y + 3, height: (area.height - 4 - lower).min(24), ..area };
    days(model, theme, chart, surface);
    let lists = below(area, chart.bottom() + 1 - area.y);
    let half = (lists.width - 4) / 2;
    put(surface, lists.x, lists.y, "Orders by state", theme.dim, half);
    let (states, products) = (states(figures, theme), products(figures, theme));
    let left = Rect { width: half.min(60), ..below(lists, 1) };
    bars(&states, theme, left, surface);
    let right = Rect { x: lists.x + half + 4, width: half.min(80), ..lists };
    put(surface, right.x, right.y, "Sold most", theme.dim, right.width);
    if products.is_empty() {
        put(surface, right.x, right.y + 1, "Nothing yet.", theme.dim, right.width);
    }
    bars(&products, theme, below(right, 1), surface);
}

/// A line of a bar chart: its name, how many, and the style of its bar.
type Count<'a> = (&'a str, u64, Style);

fn states<'a>(figures: &Figures, theme: &Theme) -> Vec<Count<'a>> {
    let named = STATES.into_iter().map(|state| order_status(state, theme));
    named.zip(figures.states).map(|((name, style), count)| (name, count, style)).collect()
}

fn products<'a>(figures: &'a Figures, theme: &Theme) -> Vec<Count<'a>> {
    let top = figures.statistics.top_products.iter();
    top.map(|product| (product.name.as_str(), product.pieces, theme.accent)).collect()
}

fn bars(counts: &[Count<'_>], theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let most = counts.iter().map(|(_, count, _)| *count).max().unwrap_or(0);
    let names = counts.iter().map(|(name, ..)| width(name)).max().unwrap_or(0).min(area.width / 2);
    for (line, count) in counts.iter().enumerate().take(usize::from(area.height)) {
        bar(*count, most, names, theme, row(area, line), surface);
    }
}

fn bar((name, count, style): Count<'_>, most: u64, names: u16, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    put(surface, area.x, area.y, name, theme.text, names);
    let number = count.to_string();
    let x = area.x + names + 2;
    let digits = width(&most.to_string());
    put_right(surface, x + digits, area.y, &number, theme.strong, digits);
    let x = x + digits + 1;
    let cells = scaled(count, most, area.right().saturating_sub(x));
    put(surface, x, area.y, &"█".repeat(usize::from(cells)), style, cells);
}

/// Draws the revenue per day, the latest at the right.
fn days(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let count = (area.width / 3).min(MAX_DAYS);
    let wide = (area.width / count.max(1)).clamp(3, 6) - 1;
    let bars = model.counter.sales.bars(usize::from(count), today(model));
    put(surface, area.x, area.y, "Revenue per day", theme.dim, area.width);
    let best = bars.iter().max_by_key(|bar| bar.revenue.amount).filter(|bar| bar.revenue.amount > 0);
    if let Some(Bar { day, revenue }) = best {
        let best = format!("most on {}: {}", day.strftime("%-d %b"), money::shown(*revenue));
        put_right(surface, area.x + count * (wide + 1) - 1, area.y, &best, theme.dim, 40);
    }
    let most = best.map_or(0, |bar| bar.revenue.amount);
    let (base, rows) = (area.bottom().saturating_sub(2), area.height.saturating_sub(2));
    for (place, Bar { day, revenue }) in (0..).zip(bars) {
        let x = area.x + place * (wide + 1);
        let label = if day.day() == 1 { theme.strong } else { theme.dim };
        put(surface, x, base + 1, &day.strftime("%d").to_string(), label, wide);
        column(revenue, most, theme, Rect { x, y: base + 1 - rows, width: wide, height: rows }, surface);
    }
}

/// Draws a bar from below, in eighths of a cell; days without revenue and days with more refunded than paid have a sign
/// of their own.
fn column(revenue: Money, most: i64, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let wide = usize::from(area.width);
    let base = area.bottom().saturating_sub(1);
    match revenue.amount {
        0 => _ = put(surface, area.x, base, &"·".repeat(wide), theme.faint, area.width),
        ..0 => _ = put(surface, area.x, base, &"−".repeat(wide), theme.bad, area.width),
        paid => {
            let filled = eighths(paid, most, area.height);
            for at in 0..area.height {
                let here = usize::from(filled.saturating_sub(at * 8).min(8));
                put(surface, area.x, base - at, &EIGHTHS[here].repeat(wide), theme.accent, area.width);
            }
        }
    }
}

/// Scales `paid` of `most` to eighths of `rows` cells; at least one.
fn eighths(paid: i64, most: i64, rows: u16) -> u16 {
    let part = |amount: i64| u64::try_from(amount).unwrap_or(0);
    scaled(part(paid), part(most), rows.saturating_mul(8))
}

fn one_below_the_other(model: &Model, figures: &Figures, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let (states, products) = (states(figures, theme), products(figures, theme));
    let lines = model.counter.sales.lines();
    let first = model.counter.sales.scroll.min(lines.saturating_sub(usize::from(area.height)));
    let at = |line: usize| (first..first + usize::from(area.height)).contains(&line).then(|| row(area, line - first));
    for (line, (name, value)) in figure_texts(figures).into_iter().enumerate() {
        if let Some(row) = at(line) {
            put(surface, row.x, row.y, name, theme.dim, 16);
            put_right(surface, row.right(), row.y, &value, theme.strong, row.width.saturating_sub(16));
        }
    }
    if let Some(row) = at(5) {
        put(surface, row.x, row.y, "Revenue per day", theme.dim, row.width);
    }
    if let Some(row) = at(6) {
        let bars = model.counter.sales.bars(usize::from(MAX_DAYS), today(model));
        let most = bars.iter().map(|bar| bar.revenue.amount).max().unwrap_or(0);
        for (x, bar) in (row.x..row.right()).zip(bars) {
            column(bar.revenue, most, theme, Rect { x, width: 1, ..row }, surface);
        }
    }
    let mut line = 8;
    for (title, counts) in [("Orders by state", &states), ("Sold most", &products)] {
        if let Some(row) = at(line) {
            put(surface, row.x, row.y, title, theme.dim, row.width);
        }
        let most = counts.iter().map(|(_, count, _)| *count).max().unwrap_or(0);
        let names = counts.iter().map(|(name, ..)| width(name)).max().unwrap_or(0).min(area.width / 2);
        for count in counts {
            line += 1;
            if let Some(row) = at(line) {
                bar(*count, most, names, theme, row, surface);
            }
        }
        line += 2;
    }
    more_below(
        theme,
        row(area, usize::from(area.height) - 1),
        lines.saturating_sub(first + usize::from(area.height)),
        surface,
    );
}
