//! Draws the screen Order: the order, the steps of its checkout, and its timeline.

use ratatui::layout::Rect;
use storefront_api::{Dispute, DisputeState, Order, Refund, RefundState};

use crate::keys::{Action, Context};
use crate::money;
use crate::state::{Load, Model, OpenOrder, TimelineView};
use crate::view::labels::{order_status, payment_status, short_id};
use crate::view::surface::Surface;
use crate::view::text::{put, put_all, put_right, wrap_into};
use crate::view::theme::Theme;
use crate::view::{below, failed, instead, parcel, row, steps, timeline};

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let Some(open) = &model.order else {
        let key = model.keys.label(Context::Order, Action::GoOrders);
        return instead(theme, area, "No order is open", &format!("{key} leads to the list of orders."), surface);
    };
    let Some(order) = &open.order else {
        return match &open.load {
            Load::Failed(failure) => failed(theme, area, "The order", failure, surface),
            Load::Loading | Load::Ready => instead(theme, area, "Fetching the order", "A moment, please.", surface),
        };
    };
    if !open.turned {
        return parcel::draw(model, open, order, theme, area, surface);
    }
    let airy = area.height >= 16;
    title(order, theme, row(area, 0), surface);
    steps::line(&open.steps, theme, row(area, 1), surface);
    let facts = facts(open, order);
    let facts = wrap_into(&facts, area.width, if airy { 2 } else { 1 });
    for (line, text) in facts.iter().enumerate() {
        put(surface, area.x, row(area, 2 + line).y, text, theme.dim, area.width);
    }
    let mut body = below(area, 2 + u16::try_from(facts.len()).unwrap_or(0) + u16::from(airy));
    // The other views need the room.
    if airy && open.view == TimelineView::List {
        let height = items(order, theme, body, surface);
        body = below(body, height + 1);
    }
    timeline::draw(model, open, theme, body, surface);
}

fn title(order: &Order, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let name = order.number.clone().unwrap_or_else(|| format!("Order {}", short_id(&order.id.to_string())));
    let (status, style) = order_status(order.status, theme);
    let total = money::shown(order.total);
    let right = put_right(surface, area.right(), area.y, &total, theme.strong, 16);
    let pieces = [
        (name.as_str(), theme.strong),
        ("   ", theme.dim),
        (status, style),
        ("   ", theme.dim),
        (payment_status(order.payment_status), theme.dim),
    ];
    put_all(surface, area.x, area.y, &pieces, right.saturating_sub(area.x + 1));
}

/// The facts of an order: the open confirmation of its payment, invoice, credit notes, refunds and disputes, the
/// voucher it was paid with and the one it earned.
pub(super) fn facts(open: &OpenOrder, order: &Order) -> String {
    let mut facts = Vec::new();
    // It is first, because the payment waits for it.
    facts.extend(order.payment_action.as_ref().map(|action| format!("answer your bank at {}", action.url)));
    facts.extend(order.invoice.as_ref().map(|number| format!("invoice {number}")));
    if order.discount.amount != 0
        && let Some(code) = &order.voucher
    {
        facts.push(format!("voucher {code} −{}", money::shown(order.discount)));
    }
    let credits = open.papers.invoice.iter().flat_map(|invoice| &invoice.credit_notes);
    facts.extend(credits.map(|credit| match &credit.cancels {
        None => format!("credit note {} −{}", credit.number, money::shown(credit.amount)),
        Some(cancelled) => format!("{} cancels {cancelled}", credit.number),
    }));
    facts.extend(order.refunds.iter().filter_map(refund));
    facts.extend(order.disputes.iter().map(dispute));
    let brought = open.papers.voucher.as_ref();
    facts
        .extend(brought.map(|voucher| format!("brought voucher {} of {}", voucher.code, money::shown(voucher.amount))));
    facts.join(" · ")
}

/// The text of a refund that is not simply done; a done one is shown by its credit note.
fn refund(refund: &Refund) -> Option<String> {
    let amount = money::shown(refund.amount);
    match refund.state {
        RefundState::Open => Some(format!("refund of {amount} on its way")),
        RefundState::Pending => Some(format!("refund of {amount} pending at the bank")),
        RefundState::Failed => Some(format!("refund of {amount} failed")),
        RefundState::Unknown => Some(format!("refund of {amount} in an unknown state")),
        RefundState::Done if refund.made_at_gateway => Some(format!("{amount} given back at the card gateway")),
        RefundState::Done => None,
    }
}

fn dispute(dispute: &Dispute) -> String {
    let amount = money::shown(dispute.amount);
    match dispute.state {
        DisputeState::Open => format!("the bank asks about {amount}"),
        DisputeState::Withdrawn => format!("{amount} disputed, held by the bank"),
        DisputeState::Won => format!("dispute of {amount} won"),
        DisputeState::Lost => format!("dispute of {amount} lost"),
        DisputeState::Unknown => format!("{amount} disputed, in an unknown state"),
    }
}

/// Draws the lines and the address of the order; returns the number of rows.
fn items(order: &Order, theme: &Theme, area: Rect, surface: &mut Surface<'_>) -> u16 {
    const MOST: usize = 4;
    let address = order.shipping_address.as_ref().filter(|_| area.width >= 86);
    let width = if address.is_some() { area.width - 34 } else { area.width.min(80) };
    let shown = order.items.len().min(MOST);
    for (line, item) in order.items.iter().take(shown).enumerate() {
        let row = row(Rect { width, ..area }, line);
        let left = order.items.len() - shown;
        put_right(surface, row.x + 3, row.y, &item.quantity.to_string(), theme.dim, 3);
        put(surface, row.x + 4, row.y, "×", theme.dim, 1);
        let right = put_right(surface, row.right(), row.y, &money::shown(item.line_total), theme.text, 14);
        let name =
            if left > 0 && line + 1 == shown { format!("{}, and {left} more", item.name) } else { item.name.clone() };
        put(surface, row.x + 6, row.y, &name, theme.text, right.saturating_sub(row.x + 7));
    }
    let mut height = shown;
    if let Some(address) = address {
        let lines = address.lines().into_iter().chain(address.phone.clone()).chain(order.email.clone());
        for (line, text) in lines.enumerate() {
            let row = row(area, line);
            put(surface, area.right() - 30, row.y, &text, theme.dim, 30);
            height = height.max(line + 1);
        }
    }
    u16::try_from(height).unwrap_or(4)
}
