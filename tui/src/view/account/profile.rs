//! Draws the profile: who the shopper is to the shop, and on this computer.

use ratatui::layout::Rect;

use crate::keys::{Action, Context};
use crate::state::Model;
use crate::view::surface::Surface;
use crate::view::text::{put, wrap};
use crate::view::theme::Theme;
use crate::view::{below, row};

/// Width of the label column.
const LABEL_WIDTH: u16 = 13;

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let contact = model.checkout.contact();
    let account = &model.account;
    let number = account.registered().map_or_else(|| "guest".to_owned(), |customer| customer.to_string());
    let me = account.me.as_ref();
    let name = me.and_then(|me| me.name.as_ref()).unwrap_or(&contact.name);
    let email = me.and_then(|me| me.email.as_ref()).unwrap_or(&contact.email);
    let town = [contact.postal_code.as_str(), &contact.city, &contact.country].join(" ");
    let facts = [
        ("Customer", number.as_str()),
        ("Name", name.as_str()),
        ("Email", email.as_str()),
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
    let more = text(model);
    let lines = wrap(&more, body.width.min(78));
    let room = usize::from(body.height);
    for (line, text) in lines.iter().take(room).enumerate() {
        let text = if line + 1 == room && lines.len() > room { format!("{text} …") } else { text.clone() };
        put(surface, body.x, row(body, line).y, &text, theme.dim, body.width.min(78));
    }
}

/// What the keys do, and what of this is kept where.
fn text(model: &Model) -> String {
    if model.account.is_signed_in() {
        let [name, password, out, delete] =
            [Action::ChangeName, Action::ChangePassword, Action::SignOut, Action::DeleteAccount]
                .map(|action| model.keys.label(Context::SignedIn, action));
        return format!(
            "You are signed in. {name} changes the name, {password} the password, {out} signs out, {delete} deletes the account. \
             Street and town are kept on this computer from your last checkout."
        );
    }
    let [sign_in, register] =
        [Action::SignIn, Action::CreateAccount].map(|action| model.keys.label(Context::Profile, action));
    format!(
        "You are not signed in. {sign_in} signs in, {register} creates an account. Until then what stands here is kept on this \
         computer from your last checkout."
    )
}
