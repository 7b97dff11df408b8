//! Draws the page of an order as its shopper sees it: how far it is, where it goes, what is in it, and its papers.

use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use storefront_api::{Order, OrderStatus, PaymentStatus, Shipment};

use crate::money;
use crate::state::{Model, OpenOrder, order_title};
use crate::view::labels::{order_status, payment_status};
use crate::view::order::facts;
use crate::view::surface::Surface;
use crate::view::text::{put_right, rule, width, wrap_into};
use crate::view::theme::Theme;
use crate::view::widgets::OneLine;
use crate::view::{basket, below, row, when};

/// The stages of a parcel.
const STAGES: [&str; 5] = ["bought", "paid", "packed", "on its way", "at your door"];
/// Minimum width for the address beside what is in the parcel.
const ADDRESS_MIN_WIDTH: u16 = 76;
/// Minimum width for day and time of the order; a narrower one has one of them.
const DATED_MIN_WIDTH: u16 = 90;
/// Rows of a line with a thumbnail.
const TALL: usize = 5;

pub(super) fn draw(
    model: &Model,
    open: &OpenOrder,
    order: &Order,
    theme: &Theme,
    area: Rect,
    surface: &mut Surface<'_>,
) {
    let area = Rect { width: area.width.min(110), ..area };
    let airy = area.height >= 16;
    let gap = Constraint::Length(u16::from(airy));
    let facts = wrapped_facts(open, order, area.width, if airy { 4 } else { 2 });
    let way = order.shipment.as_ref().map(|shipment| travelling(model, shipment));
    let way = way.or_else(|| order.cancelled_because.clone());
    let [title, about, _, progress, travel, _, papers, body] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        gap,
        Constraint::Length(1),
        Constraint::Length(u16::from(way.is_some())),
        gap,
        Constraint::Length(u16::try_from(facts.len()).unwrap_or(1) + u16::from(airy && !facts.is_empty())),
        Constraint::Fill(1),
    ])
    .areas(area);
    OneLine::new(Line::styled(title_of(order), theme.strong)).render(title, surface);
    summary(model, order, theme, about, surface);
    stages(order, theme, progress, surface);
    OneLine::new(Line::styled(way.unwrap_or_default(), theme.text)).render(travel, surface);
    for (row, text) in papers.rows().zip(facts) {
        OneLine::new(Line::styled(text, theme.dim)).render(row, surface);
    }
    let mut contents = body;
    if body.width >= ADDRESS_MIN_WIDTH {
        let [left, _, right] =
            Layout::horizontal([Constraint::Fill(1), Constraint::Length(4), Constraint::Length(28)]).areas(body);
        address(order, theme, right, surface);
        contents = left;
    }
    items(model, order, theme, contents, surface);
}

/// The title of an order: its first two things.
pub(super) fn title_of(order: &Order) -> String {
    let name = |place: usize| order.items.get(place).map(|item| item.name.as_str());
    order_title(name(0), name(1), order.items.len())
}

/// Number, day, status and payment; at the right what is to be paid.
fn summary(model: &Model, order: &Order, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let total = money::shown(order.total);
    let right = put_right(surface, area.right(), area.y, &total, theme.strong, 16);
    let (status, style) = order_status(order.status, theme);
    let at = if area.width >= DATED_MIN_WIDTH { when::day_and_time } else { when::day_or_time };
    let when = at(order.checked_out_at.unwrap_or(order.started_at), model.now, &model.zone);
    let bought = if order.checked_out_at.is_some() { "bought" } else { "begun" };
    let mut spans = Vec::new();
    spans.extend(order.number.as_ref().map(|number| Span::styled(format!("{number}  ·  "), theme.text)));
    spans.extend([Span::styled(format!("{bought} {when}  ·  "), theme.dim), Span::styled(status, style)]);
    let payment = payment_status(order.payment_status);
    if !payment.is_empty() {
        spans.push(Span::styled(format!("  ·  {payment}"), theme.dim));
    }
    let room = Rect { width: right.saturating_sub(area.x + 1), ..area };
    OneLine::new(spans).render(room, surface);
}

/// How many stages an order has behind it.
fn reached(order: &Order) -> usize {
    let paid = matches!(
        order.payment_status,
        PaymentStatus::Paid | PaymentStatus::Refunding | PaymentStatus::Refunded | PaymentStatus::Disputed
    );
    match order.status {
        OrderStatus::InProgress | OrderStatus::Expired | OrderStatus::Unknown => 0,
        OrderStatus::CheckedOut if paid => 2,
        OrderStatus::CheckedOut => 1,
        OrderStatus::Confirmed => 2,
        OrderStatus::Shipped => 3,
        OrderStatus::Delivered => STAGES.len(),
        OrderStatus::Cancelled => 1 + usize::from(paid),
    }
}

/// Draws `✓ bought ━ ✓ paid ━ ▸ packed ─ · on its way ─ · at your door`; where that does not fit, signs and the stage
/// that is under way.
fn stages(order: &Order, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let done = reached(order);
    let over = matches!(order.status, OrderStatus::Cancelled | OrderStatus::Expired);
    let sign = |stage: usize| match stage.cmp(&done) {
        std::cmp::Ordering::Less => ("✓", theme.good, theme.text),
        std::cmp::Ordering::Equal if over => ("✗", theme.bad, theme.dim),
        std::cmp::Ordering::Equal => ("▸", theme.accent, theme.strong),
        std::cmp::Ordering::Greater => ("·", theme.faint, theme.dim),
    };
    let needed: u16 = STAGES.iter().map(|name| width(name) + 2).sum::<u16>() + 3 * 4;
    let roomy = area.width >= needed;
    let mut spans = Vec::new();
    for (stage, name) in STAGES.into_iter().enumerate() {
        let (mark, mark_style, name_style) = sign(stage);
        if roomy && stage > 0 {
            let (line, style) = if stage <= done { (" ━ ", theme.good) } else { (" ─ ", theme.faint) };
            spans.push(Span::styled(line, style));
        }
        spans.push(Span::styled(mark, mark_style));
        if roomy {
            spans.push(Span::styled(format!(" {name}"), name_style));
        }
    }
    if !roomy {
        let here = STAGES.get(done).or(STAGES.last()).copied().unwrap_or_default();
        let word = if over { order_status(order.status, theme).0 } else { here };
        spans.push(Span::styled(format!(" {word}"), theme.strong));
    }
    OneLine::new(spans).render(area, surface);
}

/// Who carries it, under which number, and when.
fn travelling(model: &Model, shipment: &Shipment) -> String {
    let day = |at| when::day_or_time(at, model.now, &model.zone);
    let mut told = format!("{} {}  ·  sent {}", shipment.carrier, shipment.tracking_number, day(shipment.shipped_at));
    match (shipment.delivered_at, shipment.estimated_delivery) {
        (Some(at), _) => told.push_str(&format!("  ·  arrived {}", day(at))),
        (None, Some(at)) => told.push_str(&format!("  ·  should arrive {}", day(at))),
        (None, None) => {}
    }
    if let Some(recipient) = &shipment.recipient {
        told.push_str(&format!("  ·  taken by {recipient}"));
    }
    told
}

/// Its papers, refunds and vouchers in a few lines.
fn wrapped_facts(open: &OpenOrder, order: &Order, wide: u16, most: usize) -> Vec<String> {
    let facts = facts(open, order);
    if facts.is_empty() { Vec::new() } else { wrap_into(&facts, wide, most) }
}

/// Draws where it goes.
fn address(order: &Order, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let Some(address) = &order.shipping_address else { return };
    let lines = address.lines().into_iter().chain(address.phone.clone()).chain(order.email.clone());
    let lines =
        std::iter::once(Line::styled("Goes to", theme.dim)).chain(lines.map(|line| Line::styled(line, theme.text)));
    for (row, line) in area.rows().zip(lines) {
        OneLine::new(line).render(row, surface);
    }
}

/// Draws what is in it, with thumbnails where all of them fit.
fn items(model: &Model, order: &Order, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let sums = sums(order);
    let room = usize::from(area.height).saturating_sub(sums.len() + 1);
    let per_line = if order.items.len() * TALL <= room { TALL } else { 1 };
    let shown = if order.items.len() * per_line <= room { order.items.len() } else { room.saturating_sub(1) };
    for (place, item) in order.items.iter().take(shown).enumerate() {
        let mut words = row(area, place * per_line);
        if per_line == TALL {
            let image = Rect { width: basket::THUMBNAIL.0, height: basket::THUMBNAIL.1, ..words };
            basket::thumbnail(model, &item.product_id, theme, image, surface);
            let left = basket::THUMBNAIL.0 + 2;
            words = Rect { x: words.x + left, y: words.y + 1, width: words.width.saturating_sub(left), height: 1 };
        }
        let total = money::shown(item.line_total);
        let right = put_right(surface, words.right(), words.y, &total, theme.text, 14);
        let name = format!("{} × {}", item.quantity, item.name);
        let room = Rect { width: right.saturating_sub(words.x + 1), ..words };
        OneLine::new(Line::styled(name, theme.text)).render(room, surface);
    }
    let mut rest = below(area, u16::try_from(shown * per_line).unwrap_or(u16::MAX));
    if shown < order.items.len() {
        let more = format!("and {} more", order.items.len() - shown);
        OneLine::new(Line::styled(more, theme.dim)).render(row(rest, 0), surface);
        rest = below(rest, 1);
    }
    if rest.height < 2 {
        return;
    }
    rule(surface, rest, rest.y, theme.faint);
    let last = sums.len();
    for (place, (row, (label, amount))) in below(rest, 1).rows().zip(sums).enumerate() {
        let style = if place + 1 == last { theme.strong } else { theme.dim };
        OneLine::new(Line::styled(label, style)).render(row, surface);
        OneLine::right(Line::styled(amount, style)).render(row, surface);
    }
}

/// Subtotal and voucher where there is one, the VAT, and the total.
fn sums(order: &Order) -> Vec<(String, String)> {
    let mut sums = Vec::new();
    if let Some(code) = order.voucher.as_ref().filter(|_| order.discount.amount != 0) {
        sums.push(("Subtotal".to_owned(), money::shown(order.subtotal)));
        sums.push((format!("Voucher {code}"), format!("−{}", money::shown(order.discount))));
    }
    let vat = |tax: &storefront_api::TaxLine| format!("includes VAT {} %", tax.rate_percent);
    sums.extend(order.tax.iter().map(|tax| (vat(tax), money::shown(tax.amount))));
    sums.push(("Total".to_owned(), money::shown(order.total)));
    sums
}
