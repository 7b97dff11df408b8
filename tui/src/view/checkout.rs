//! Draws the checkout: first a form with a summary beside it, then the order's progress.

use std::cmp::Ordering;

use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use storefront_api::{Country, Order, OrderStatus};

use crate::keys::{Action, Context};
use crate::money;
use crate::settings::Contact;
use crate::state::{Field, Model, PAYMENTS, Payment, Phase, Step, USUAL_PAYMENTS, WALLET};
use crate::view::surface::Surface;
use crate::view::text::{first_line, put, wrap, wrap_into};
use crate::view::theme::Theme;
use crate::view::widgets::OneLine;
use crate::view::{basket, below, fields, instead, row, steps, timeline};

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) -> Option<Position> {
    match model.checkout.phase {
        Phase::Watching(_) => {
            watch(model, theme, area, surface);
            None
        }
        Phase::Form => form(model, theme, area, surface),
    }
}

fn form(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) -> Option<Position> {
    // A wider one would tear form and receipt apart.
    let area = Rect { width: area.width.min(110), ..area };
    let airy = area.height >= 16;
    let gap = Constraint::Length(u16::from(airy));
    let notice = notice(model, area);
    // How far the last attempt came.
    let attempt = model.order.as_ref().filter(|open| {
        open.id == model.basket.order_id && area.height >= 18 && !notice.is_empty() && !open.steps.is_empty()
    });
    let rows = notice.len() + usize::from(attempt.is_some()) + usize::from(airy && !notice.is_empty());
    let notice_height = Constraint::Length(u16::try_from(rows).unwrap_or(1));
    let [head, _, told, body, _, foot] =
        Layout::vertical([Constraint::Length(1), gap, notice_height, Constraint::Fill(1), gap, Constraint::Length(1)])
            .areas(area);
    way(model.checkout.focus.step(), theme, head, surface);
    for (row, text) in told.rows().zip(&notice) {
        OneLine::new(Line::styled(text.as_str(), theme.bad)).render(row, surface);
    }
    if let Some(open) = attempt {
        steps::line(&open.steps, theme, row(told, usize::from(told.height.saturating_sub(2))), surface);
    }
    submit_line(model, theme, foot, surface);
    let mut left = body;
    if body.width >= RECEIPT_MIN_WIDTH {
        let wide = match body.width {
            100.. => 46,
            86.. => 40,
            _ => 30,
        };
        let [rest, _, right] =
            Layout::horizontal([Constraint::Fill(1), Constraint::Length(3), Constraint::Length(wide)]).areas(body);
        basket::receipt(model, theme, right, surface);
        left = Rect { width: rest.width.min(64), ..rest };
    }
    match model.checkout.focus.step() {
        Step::Where | Step::Basket => address(model, theme, left, surface),
        Step::How => {
            payments(model, theme, left, surface);
            None
        }
        Step::Review => {
            review(model, theme, left, body.width < RECEIPT_MIN_WIDTH, surface);
            None
        }
    }
}

/// Minimum width for the receipt beside the form.
const RECEIPT_MIN_WIDTH: u16 = 70;

/// Why the last attempt failed, and how far it came.
fn notice(model: &Model, area: Rect) -> Vec<String> {
    let Some(notice) = &model.checkout.notice else { return Vec::new() };
    let mut lines = wrap(notice, area.width);
    let most = if area.height >= 16 { 3 } else { 1 };
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            last.push_str(" …");
        }
    }
    lines
}

/// Draws `basket › where › how › review`.
fn way(here: Step, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let mut spans = Vec::new();
    for (step, name) in Step::ALL {
        if !spans.is_empty() {
            spans.push(Span::styled(" › ", theme.dim));
        }
        let style = match step.cmp(&here) {
            Ordering::Less => theme.text,
            Ordering::Equal => theme.tab,
            Ordering::Greater => theme.dim,
        };
        spans.push(Span::styled(name, style));
    }
    OneLine::new(spans).render(area, surface);
}

/// Draws where the goods go, field by field.
fn address(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) -> Option<Position> {
    let checkout = &model.checkout;
    // On a low screen, what is left empty gives way.
    let mut shown = checkout.fields();
    if usize::from(area.height) < shown.len() + 2 {
        shown.retain(|field| *field == checkout.focus || !checkout.is_left_empty(*field));
    }
    let error = |field: Field| checkout.errors.iter().find(|(wrong, _)| *wrong == field).map(|(_, text)| text.as_str());
    let fields: Vec<fields::Field<'_>> = shown
        .into_iter()
        .filter_map(|field| {
            let (label, input) = (checkout.label(field), checkout.input(field)?);
            let focused = field == checkout.focus;
            Some(fields::Field { label, input, focused, error: error(field), hint: checkout.hint(field) })
        })
        .collect();
    fields::draw(&fields, theme, area, surface)
}

/// Draws the ways to pay as tiles; the test cards for what can go wrong have a heading of their own.
fn payments(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let checkout = &model.checkout;
    // An obstacle is shown beside the choice before the order is submitted.
    let total = checkout.new_total.unwrap_or_else(|| model.basket.total());
    let error = checkout.errors.iter().find(|(field, _)| *field == Field::Payment).map(|(_, text)| text.clone());
    let error = error.or_else(|| model.wallet_refusal(total)).map(|text| format!("! {text}"));
    let mut rows: Vec<Result<usize, Line<'_>>> = vec![Err(Line::styled("Pay with", theme.strong))];
    for place in 0..PAYMENTS.len() {
        if place == USUAL_PAYMENTS {
            if area.height >= 14 {
                rows.push(Err(Line::default()));
            }
            rows.push(Err(Line::styled("Test cards, to see what happens then", theme.dim)));
        }
        rows.push(Ok(place));
        if place == checkout.payment_index() {
            let lines = error.iter().flat_map(|text| wrap_into(text, area.width.saturating_sub(4), 2));
            rows.extend(lines.map(|text| Err(Line::styled(format!("    {text}"), theme.bad))));
        }
    }
    let cursor = rows.iter().position(|row| *row == Ok(checkout.payment_index())).unwrap_or(0);
    let first = first_line(cursor, rows.len(), area.height);
    for (row, line) in area.rows().zip(rows.into_iter().skip(first)) {
        match line {
            Err(line) => OneLine::new(line).render(row, surface),
            Ok(place) => {
                let chosen = surface.line(theme, row, place, checkout.payment_index());
                let style = if chosen { theme.accent.patch(theme.selected) } else { theme.text };
                let sign = if chosen { "●" } else { "○" };
                let words = format!("{sign} {}", payment_name(model, &PAYMENTS[place]));
                let inside = Rect { x: row.x + 2, width: row.width.saturating_sub(2), ..row };
                OneLine::new(Line::styled(words, style)).render(inside, surface);
            }
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

/// Draws everything once more: where it goes, how it is paid, and without a receipt beside it what it is.
fn review(model: &Model, theme: &Theme, area: Rect, with_lines: bool, surface: &mut Surface<'_>) {
    let Contact { name, street, line2, postal_code, city, state, country, phone, email } = model.checkout.contact();
    let place = [postal_code, city, state].map(|part| part + " ").concat();
    let country = Country::meant_by(&country).map_or(country, |country| country.name.to_owned());
    let mut groups = vec![
        ("To", [name, street, line2, place, country].to_vec()),
        ("Mail", vec![email]),
        ("Phone", vec![phone]),
        ("Pay with", vec![payment_name(model, model.checkout.payment())]),
    ];
    if with_lines {
        let lines = model.basket.lines();
        groups.push(("Order", lines.iter().map(|line| format!("{} × {}", line.quantity, line.name)).collect()));
    }
    let airy = area.height >= 13;
    let mut rows = area.rows();
    for (label, texts) in groups {
        let texts: Vec<String> = texts.into_iter().filter(|text| !text.trim().is_empty()).collect();
        let drawn = texts.len();
        for (at, text) in texts.into_iter().enumerate() {
            let Some(row) = rows.next() else { return };
            let label = if at == 0 { label } else { "" };
            let words =
                [Span::styled(format!("{label:<11}"), theme.dim), Span::styled(text.trim().to_owned(), theme.text)];
            OneLine::new(Line::from_iter(words)).render(row, surface);
        }
        if airy && drawn > 0 && rows.next().is_none() {
            return;
        }
    }
}

fn submit_line(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    if let Some(submission) = &model.checkout.submission {
        let text = if submission.tries.again == 0 {
            "↻ Sending the order …"
        } else {
            "… The shop does not answer. Your order is sent again by itself, and bought once."
        };
        OneLine::new(Line::styled(text, theme.accent)).render(area, surface);
        return;
    }
    let total = money::shown(model.checkout.new_total.unwrap_or_else(|| model.basket.total()));
    let (action, words) = match model.checkout.focus {
        Field::Review => (Action::Buy, " buys for "),
        Field::Payment => (Action::Submit, " goes on to the review of "),
        Field::Email => (Action::Submit, " goes on to how to pay"),
        _ => (Action::Submit, " goes on to the next field"),
    };
    let key = Span::styled(model.key(action), theme.accent);
    let mut spans = vec![key, Span::styled(words, theme.text)];
    if model.checkout.focus.step() != Step::Where {
        spans.push(Span::styled(total, theme.strong));
    }
    OneLine::new(spans).render(area, surface);
    surface.button(area, action);
}

/// Draws the order's progress: what is done, what is running, what failed.
fn watch(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let Some((open, bought)) = model.order.as_ref().and_then(|open| Some((open, open.order.as_ref()?))) else {
        return instead(theme, area, "Looking for your order", "A moment, please.", surface);
    };
    let airy = area.height >= 16;
    let (title, more) = status_texts(model, bought);
    let done = matches!(bought.status, OrderStatus::Confirmed | OrderStatus::Shipped | OrderStatus::Delivered);
    put(surface, area.x, area.y, &title, if done { theme.good } else { theme.strong }, area.width);
    let mut body = below(area, 1);
    for text in &wrap_into(&more, body.width, if airy { 3 } else { 1 }) {
        put(surface, body.x, body.y, text, theme.dim, body.width);
        body = below(body, 1);
    }
    body = below(body, u16::from(airy));
    if airy {
        // With reduced motion, nothing counts down.
        let now = (!model.reduced_motion).then_some(model.now);
        steps::column(&open.steps, now, theme, body, surface);
        body = below(body, u16::try_from(open.steps.len()).unwrap_or(0) + 1);
    } else {
        steps::line(&open.steps, theme, row(body, 0), surface);
        body = below(body, 1);
    }
    timeline::draw(model, open, theme, body, surface);
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
        OrderStatus::Unknown => ("The order goes on".to_owned(), "This client does not know its state.".to_owned()),
        OrderStatus::Cancelled => ("The order is cancelled".to_owned(), "Money and goods go back.".to_owned()),
    }
}
