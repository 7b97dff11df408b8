//! Draws the profile: who the shopper is to the shop, and on this computer.

use ratatui::layout::Rect;

use crate::state::Model;
use crate::view::surface::Surface;
use crate::view::text::{put, wrap};
use crate::view::theme::Theme;
use crate::view::{below, row};

/// Width of the label column.
const LABEL_WIDTH: u16 = 13;

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let contact = model.checkout.contact();
    let number = model.account.customer.map_or_else(|| "guest".to_owned(), |customer| customer.to_string());
    let town = [contact.postal_code.as_str(), &contact.city, &contact.country].join(" ");
    let facts = [
        ("Customer", number.as_str()),
        ("Name", contact.name.as_str()),
        ("Email", contact.email.as_str()),
        ("Street", contact.street.as_str()),
        ("Town", town.trim()),
    ];
    for (line, (label, value)) in facts.into_iter().enumerate() {
        let row = row(area, line);
        put(surface, row.x, row.y, label, theme.dim, LABEL_WIDTH - 1);
        let (value, style) = if value.is_empty() { ("not known yet", theme.dim) } else { (value, theme.text) };
        put(surface, row.x + LABEL_WIDTH, row.y, value, style, row.width.saturating_sub(LABEL_WIDTH));
    }
    let body = below(area, u16::try_from(facts.len()).unwrap_or(0) + u16::from(area.height >= 10));
    let more = "Kept on this computer from your last checkout. Signing in with a password comes later; until then your number \
                says who you are.";
    let lines = wrap(more, body.width.min(78));
    let room = usize::from(body.height);
    for (line, text) in lines.iter().take(room).enumerate() {
        let text = if line + 1 == room && lines.len() > room { format!("{text} …") } else { text.clone() };
        put(surface, body.x, row(body, line).y, &text, theme.dim, body.width.min(78));
    }
}
