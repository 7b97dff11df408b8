//! Draws the address book of who is signed in.

use ratatui::layout::Rect;
use ratatui::style::Style;
use storefront_api::SavedAddress;

use crate::keys::{Action, Context};
use crate::state::Model;
use crate::view::instead;
use crate::view::surface::Surface;
use crate::view::text::{put, put_right};
use crate::view::theme::Theme;

/// Width of the labels.
const LABEL_WIDTH: u16 = 16;

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    if !model.account.is_signed_in() {
        let key = model.keys.label(Context::Profile, Action::SignIn);
        let more = format!("{key} signs in. Then this lists the addresses that you have saved.");
        return instead(theme, area, "You are not signed in", &more, surface);
    }
    let area = Rect { width: area.width.min(100), ..area };
    let key = model.keys.label(Context::Addresses, Action::AddAddress);
    let more = format!("{key} saves one, which you find on every computer that you sign in on.");
    let nothing = ("No saved addresses", more.as_str());
    let addresses = &model.account.addresses;
    super::list(addresses, ("the addresses", nothing), theme, area, surface, |saved, row, on_row, surface| {
        draw_row(saved, theme, row, on_row, surface);
    });
}

fn draw_row(
    saved: &SavedAddress,
    theme: &Theme,
    row: Rect,
    on_row: &dyn Fn(Style) -> Style,
    surface: &mut Surface<'_>,
) {
    let mut right = row.right();
    if saved.default {
        right = put_right(surface, right, row.y, "default", on_row(theme.good), 7).saturating_sub(1);
    }
    let label_width = LABEL_WIDTH.min(row.width / 3);
    put(surface, row.x, row.y, &saved.label, on_row(theme.strong), label_width);
    let x = row.x + label_width + 1;
    put(surface, x, row.y, &saved.address.lines().join(", "), on_row(theme.text), right.saturating_sub(x));
}
