//! Draws the checkout: first a form with a summary beside it, then the order's progress.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use storefront_api::{Order, OrderStatus};

use crate::keys::{Action, Context};
use crate::money;
use crate::state::{Field, Model, PAYMENTS, Payment, Phase, WALLET};
use crate::view::text::{put, put_all, put_right, rule, visible, width, wrap, wrap_into};
use crate::view::theme::Theme;
use crate::view::{below, instead, row, steps, timeline};

/// Width of the label column.
const LABEL_WIDTH: u16 = 13;

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    match model.checkout.phase {
        Phase::Watching(_) => {
            watch(model, theme, area, buffer);
            None
        }
        Phase::Form => form(model, theme, area, buffer),
    }
}

fn form(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let mut body = area;
    if let Some(notice) = &model.checkout.notice {
        let lines = wrap(notice, body.width);
        let shown = lines.len().min(if area.height >= 16 { 3 } else { 1 });
        for (line, text) in lines.iter().take(shown).enumerate() {
            let cut = line + 1 == shown && lines.len() > shown;
            let text = if cut { format!("{text} …") } else { text.clone() };
            put(buffer, body.x, row(body, line).y, &text, theme.bad, body.width);
        }
        body = below(body, u16::try_from(shown).unwrap_or(1));
        if let Some(open) = model.order.as_ref().filter(|open| open.id == model.basket.order_id && area.height >= 18) {
            steps::line(&open.steps, theme, row(body, 0), buffer);
            body = below(body, u16::from(!open.steps.is_empty()));
        }
        body = below(body, u16::from(area.height >= 16));
    }
    // The last row says what Enter does.
    let foot = row(body, usize::from(body.height.saturating_sub(1)));
    submit_line(model, theme, foot, buffer);
    body.height = body.height.saturating_sub(1 + u16::from(area.height >= 16));
    if body.width >= 84 {
        let side = Rect { x: body.right() - 36, width: 36, ..body };
        summary(model, theme, side, buffer);
        body.width -= 40;
    }
    fields(model, theme, body, buffer)
}

fn fields(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let checkout = &model.checkout;
    let spaced = area.height >= 15;
    let mut cursor = None;
    let mut y = area.y;
    // On a low screen only the fields around the focus fit.
    let mut shown = checkout.fields();
    if usize::from(area.height) < shown.len() + 2 {
        shown.retain(|field| *field == checkout.focus || !checkout.is_left_empty(*field));
    }
    let place = shown.iter().position(|field| *field == checkout.focus).unwrap_or(0);
    let room = usize::from(area.height).max(1);
    let first = if room >= shown.len() { 0 } else { (place + 1).saturating_sub(room) };
    for field in shown.into_iter().skip(first) {
        if y >= area.bottom() {
            break;
        }
        if field == Field::Payment {
            y += u16::from(spaced);
            payments(model, theme, Rect { y, height: area.bottom().saturating_sub(y), ..area }, buffer);
            continue;
        }
        let Some(input) = checkout.input(field) else { continue };
        let focused = checkout.focus == field;
        let error = checkout.errors.iter().find(|(wrong, _)| *wrong == field).map(|(_, text)| text.as_str());
        put(buffer, area.x, y, checkout.label(field), if focused { theme.accent } else { theme.dim }, LABEL_WIDTH - 1);
        let x = area.x + LABEL_WIDTH;
        let wide = area.width.saturating_sub(LABEL_WIDTH).min(34);
        // Without the focus, a long text is shown from its beginning.
        let (shown, at) = if focused { visible(input, wide) } else { (input.value().to_owned(), 0) };
        if focused {
            buffer.set_style(Rect { x, y, width: wide, height: 1 }, theme.field);
            cursor = Some(Position::new(x + at.min(wide), y));
        }
        put(buffer, x, y, &shown, if focused { theme.field } else { theme.text }, wide);
        if let Some(hint) = checkout.hint(field).filter(|_| error.is_none()) {
            let after = x + if focused { wide } else { width(&shown).min(wide) };
            let gap = u16::from(focused || !shown.is_empty());
            put(buffer, after + gap, y, hint, theme.dim, area.right().saturating_sub(after + gap));
        }
        if let Some(error) = error {
            let after = x + if focused { wide + 1 } else { width(&shown).min(wide) + 1 };
            let room = area.right().saturating_sub(after);
            if room >= 8 {
                put(buffer, after, y, &format!("! {error}"), theme.bad, room);
            } else {
                put(buffer, x - 2, y, "!", theme.bad, 1);
            }
        }
        y += 1;
    }
    cursor
}

/// Draws the payment choices: all where there is room, otherwise the selected one.
fn payments(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let checkout = &model.checkout;
    let focused = checkout.focus == Field::Payment;
    put(buffer, area.x, area.y, "Payment", if focused { theme.accent } else { theme.dim }, LABEL_WIDTH - 1);
    let x = area.x + LABEL_WIDTH;
    let room = area.width.saturating_sub(LABEL_WIDTH);
    // An obstacle is shown beside the choice before the order is submitted.
    let total = checkout.new_total.unwrap_or_else(|| model.basket.total());
    let error = checkout.errors.iter().find(|(field, _)| *field == Field::Payment).map(|(_, text)| text.clone());
    let error = error.or_else(|| model.wallet_refusal(total)).map(|text| format!("! {text}"));
    if usize::from(area.height) < PAYMENTS.len() {
        let name = payment_name(model, checkout.payment());
        let shown = if focused { format!("‹ {name} ›") } else { name };
        let end = put(buffer, x, area.y, &shown, if focused { theme.accent } else { theme.text }, room);
        if let Some(error) = error {
            // Below, where there is a row; otherwise in place of the balance.
            if area.height > 1 {
                put(buffer, x, area.y + 1, &error, theme.bad, room);
            } else {
                put(buffer, end + 1, area.y, &error, theme.bad, area.right().saturating_sub(end + 1));
            }
        }
        return;
    }
    for (place, payment) in PAYMENTS.iter().enumerate() {
        let y = row(area, place).y;
        let chosen = place == checkout.payment_index();
        let style = if chosen && focused {
            theme.accent
        } else if chosen {
            theme.strong
        } else {
            theme.dim
        };
        put(buffer, x, y, if chosen { "●" } else { "○" }, style, 1);
        let end = put(buffer, x + 2, y, &payment_name(model, payment), style, room.saturating_sub(2));
        if chosen && let Some(error) = &error {
            put(buffer, end + 1, y, error, theme.bad, area.right().saturating_sub(end + 1));
        }
    }
}

/// The name of a payment choice; the wallet with its balance.
fn payment_name(model: &Model, payment: &Payment) -> String {
    match model.account.balance() {
        Some(balance) if payment.token == WALLET => format!("{}, {} in it", payment.name, money::shown(balance)),
        Some(_) | None => payment.name.to_owned(),
    }
}

fn submit_line(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    if let Some(submission) = &model.checkout.submission {
        let text = if submission.tries.again == 0 {
            "↻ Sending the order …"
        } else {
            "… The shop does not answer. Your order is sent again by itself, and bought once."
        };
        put(buffer, area.x, area.y, text, theme.accent, area.width);
        return;
    }
    let total = money::shown(model.checkout.new_total.unwrap_or_else(|| model.basket.total()));
    let pieces = [("Enter", theme.accent), (" buys for ", theme.text), (total.as_str(), theme.strong)];
    put_all(buffer, area.x, area.y, &pieces, area.width);
}

/// Draws the summary of the order.
fn summary(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let lines = model.basket.lines();
    put(buffer, area.x, area.y, "Your order", theme.dim, area.width);
    let discount = model.basket.discount();
    let room = usize::from(area.height.saturating_sub(if discount.is_some() { 5 } else { 4 }));
    let shown = lines.len().min(room);
    for (place, line) in lines.iter().take(shown).enumerate() {
        let row = row(area, place + 1);
        let style = if line.notice.is_some() { theme.bad } else { theme.text };
        let right = put_right(buffer, row.right(), row.y, &money::shown(line.total()), style, 12);
        let mark = if line.notice.is_some() { "! " } else { "" };
        let name = format!("{mark}{} × {}", line.quantity, line.name);
        put(buffer, row.x, row.y, &name, style, right.saturating_sub(row.x + 1));
    }
    let mut at = shown + 1;
    if lines.len() > shown {
        let row = row(area, at);
        put(buffer, row.x, row.y, &format!("and {} more", lines.len() - shown), theme.dim, row.width);
        at += 1;
    }
    if let Some((code, discount)) = discount {
        let row = row(area, at);
        put(buffer, row.x, row.y, &format!("Voucher {code}"), theme.dim, row.width);
        put_right(buffer, row.right(), row.y, &format!("−{}", money::shown(discount)), theme.text, 12);
        at += 1;
    }
    let line = row(area, at);
    rule(buffer, line, line.y, theme.faint);
    let total = row(area, at + 1);
    put(buffer, total.x, total.y, "Total", theme.strong, total.width);
    put_right(buffer, total.right(), total.y, &money::shown(model.basket.total()), theme.strong, 16);
}

/// Draws the order's progress: what is done, what is running, what failed.
fn watch(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let Some((open, bought)) = model.order.as_ref().and_then(|open| Some((open, open.order.as_ref()?))) else {
        return instead(theme, area, "Looking for your order", "A moment, please.", buffer);
    };
    let airy = area.height >= 16;
    let (title, more) = status_texts(model, bought);
    let done = matches!(bought.status, OrderStatus::Confirmed | OrderStatus::Shipped | OrderStatus::Delivered);
    put(buffer, area.x, area.y, &title, if done { theme.good } else { theme.strong }, area.width);
    let mut body = below(area, 1);
    for text in &wrap_into(&more, body.width, if airy { 3 } else { 1 }) {
        put(buffer, body.x, body.y, text, theme.dim, body.width);
        body = below(body, 1);
    }
    body = below(body, u16::from(airy));
    if airy {
        steps::column(&open.steps, model.now, theme, body, buffer);
        body = below(body, u16::try_from(open.steps.len()).unwrap_or(0) + 1);
    } else {
        steps::line(&open.steps, theme, row(body, 0), buffer);
        body = below(body, 1);
    }
    timeline::draw(model, open, theme, body, buffer);
}

fn status_texts(model: &Model, order: &Order) -> (String, String) {
    let total = money::shown(order.total);
    let email = order.email.as_deref().unwrap_or("you");
    match order.status {
        OrderStatus::InProgress => ("The order is open again".to_owned(), "Nothing was charged.".to_owned()),
        OrderStatus::CheckedOut => match &order.payment_action {
            Some(action) => (
                format!("Your bank asks you to confirm {total}"),
                format!("Confirm at {} in a browser; the order then goes on by itself.", action.url),
            ),
            None => (
                format!("Your order over {total} is on its way through the checkout"),
                "You can leave; it goes on by itself.".to_owned(),
            ),
        },
        OrderStatus::Confirmed | OrderStatus::Shipped | OrderStatus::Delivered => {
            let number = order.number.as_deref().unwrap_or("Your order");
            let key = model.keys.label(Context::CheckoutProgress, Action::GoAccount);
            let mailbox = model.mailbox_url.as_ref().map(|_| format!(" {key} leads to this demo's mailbox."));
            let mailbox = mailbox.unwrap_or_default();
            (format!("✓ {number} is confirmed. Thank you!"), format!("{total} paid; a mail goes to {email}.{mailbox}"))
        }
        OrderStatus::Expired => ("The basket is over".to_owned(), "Nothing happened in it for too long.".to_owned()),
        OrderStatus::Cancelled => ("The order is cancelled".to_owned(), "Money and goods go back.".to_owned()),
    }
}
