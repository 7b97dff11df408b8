//! Draws the invoices and credit notes.

use ratatui::layout::Rect;
use ratatui::style::Style;
use storefront_api::{DocumentKind, DocumentSummary};

use crate::money;
use crate::state::Model;
use crate::view::surface::Surface;
use crate::view::text::{put, put_right};
use crate::view::theme::Theme;
use crate::view::when;

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let area = Rect { width: area.width.min(100), ..area };
    let nothing = ("No invoices yet", "Each order gets one when it is confirmed.");
    super::list(
        &model.account.invoices,
        ("the invoices", nothing),
        theme,
        area,
        surface,
        |document, row, on_row, surface| {
            draw_row(model, document, theme, row, on_row, surface);
        },
    );
}

fn draw_row(
    model: &Model,
    document: &DocumentSummary,
    theme: &Theme,
    row: Rect,
    on_row: &dyn Fn(Style) -> Style,
    surface: &mut Surface<'_>,
) {
    let mut right = row.right();
    let narrow = row.width < 50;
    if !narrow {
        let when = when::day_or_time(document.issued_at, model.now, &model.zone);
        put_right(surface, right, row.y, &when, on_row(theme.dim), 6);
        right = right.saturating_sub(8);
    }
    let back = document.kind == DocumentKind::CreditNote;
    let amount = if back { format!("−{}", money::shown(document.amount)) } else { money::shown(document.amount) };
    let end = right;
    right = put_right(surface, right, row.y, &amount, on_row(theme.text), 14);
    right = right.min(end.saturating_sub(if narrow { 9 } else { 12 }));
    let mut x = put(surface, row.x, row.y, &document.number, on_row(theme.strong), right.saturating_sub(row.x + 1));
    x = x.max(row.x + if narrow { 11 } else { 14 }) + 2;
    let about = match document.kind {
        DocumentKind::CreditNote => {
            let invoice = document.invoice.as_ref().map(|number| format!(" of {number}")).unwrap_or_default();
            format!("{}{invoice}", if narrow { "credit" } else { "credit note" })
        }
        DocumentKind::Invoice => {
            let credited = document.credited.filter(|credited| credited.amount > 0);
            let credited = credited.map(|credited| format!(", {} credited", money::shown(credited)));
            let order = if narrow { "" } else { "order " };
            format!("{order}{}{}", document.order_number, credited.unwrap_or_default())
        }
    };
    put(surface, x, row.y, &about, on_row(theme.dim), right.saturating_sub(x + 1));
}
