//! Draws the customer's vouchers.

use ratatui::layout::Rect;
use ratatui::style::Style;
use storefront_api::{Voucher, VoucherStatus};

use crate::money;
use crate::state::Model;
use crate::view::labels::short_id;
use crate::view::surface::Surface;
use crate::view::text::{put, put_right};
use crate::view::theme::Theme;
use crate::view::when;

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let area = Rect { width: area.width.min(100), ..area };
    let nothing = ("No vouchers yet", "A large order brings one when it is sent.");
    super::list(
        &model.account.vouchers,
        ("the vouchers", nothing),
        theme,
        area,
        surface,
        |voucher, row, on_row, surface| {
            draw_row(model, voucher, theme, row, on_row, surface);
        },
    );
}

fn draw_row(
    model: &Model,
    voucher: &Voucher,
    theme: &Theme,
    row: Rect,
    on_row: &dyn Fn(Style) -> Style,
    surface: &mut Surface<'_>,
) {
    let mut right = row.right();
    if row.width >= 44 {
        let when = when::day_or_time(voucher.issued_at, model.now, &model.zone);
        put_right(surface, right, row.y, &when, on_row(theme.dim), 6);
        right = right.saturating_sub(8);
    }
    let can_be_used = voucher.status == VoucherStatus::Issued;
    let style = if can_be_used { theme.strong } else { theme.dim };
    let mut x = put(surface, row.x, row.y, voucher.code.as_str(), on_row(style), 5);
    put_right(surface, x + 12, row.y, &money::shown(voucher.amount), on_row(style), 11);
    x += 15;
    let (word, style) = match voucher.status {
        VoucherStatus::Issued => ("✓ ready", theme.good),
        VoucherStatus::Reserved => ("… in a checkout", theme.accent),
        VoucherStatus::Redeemed => ("· used", theme.dim),
        VoucherStatus::Revoked => ("✗ taken back", theme.bad),
        VoucherStatus::Unknown => ("? unknown", theme.warn),
    };
    x = put(surface, x, row.y, word, on_row(style), right.saturating_sub(x));
    let order = match voucher.used_by {
        Some(order) => format!("for order {}", short_id(&order.to_string())),
        None => format!("from order {}", short_id(&voucher.issued_for.to_string())),
    };
    if row.width >= 60 {
        put(surface, x + 3, row.y, &order, on_row(theme.dim), right.saturating_sub(x + 4));
    }
}
