//! Draws the screen Account: the names of its parts, and the open one.

mod addresses;
mod invoices;
mod mailbox;
mod profile;
mod sessions;
mod vouchers;
mod wallet;

use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::keys::{Action, Context};
use crate::state::account::Part;
use crate::state::{Load, Model, PagedList};
use crate::view::labels::short_id;
use crate::view::surface::Surface;
use crate::view::text::{put_right, width};
use crate::view::theme::Theme;
use crate::view::{below, failed, instead, parts, row};

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    head(model, theme, row(area, 0), surface);
    let body = below(area, if area.height >= 14 { 2 } else { 1 });
    match model.account.part {
        Part::Wallet | Part::Vouchers if model.account.registered().is_none() => no_wallet(model, theme, body, surface),
        Part::Wallet => wallet::draw(model, theme, body, surface),
        Part::Vouchers => vouchers::draw(model, theme, body, surface),
        Part::Invoices => invoices::draw(model, theme, body, surface),
        Part::Mailbox => mailbox::draw(model, theme, body, surface),
        Part::Profile => profile::draw(model, theme, body, surface),
        Part::Addresses => addresses::draw(model, theme, body, surface),
        Part::Sessions => sessions::draw(model, theme, body, surface),
    }
}

/// Draws the names of the parts, and at the right, where there is room, the customer.
fn head(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let account = &model.account;
    let who = match (&account.session, account.me.as_ref().and_then(|me| me.name.clone()), account.customer) {
        (Some(_), Some(name), _) => name,
        (_, _, Some(customer)) if account.registered().is_some() => {
            format!("customer {}", short_id(&customer.to_string()))
        }
        (..) => "guest".to_owned(),
    };
    let [before, next] =
        [Action::PreviousPart, Action::NextPart].map(|action| model.keys.label(Context::Account, action));
    let open = model.account.part as usize;
    let x = parts::draw(&Part::ALL.map(Part::name), open, &format!("{before}{next}"), theme, area, surface) + 2;
    let room = area.right().saturating_sub(x);
    if width(&who) <= room {
        put_right(surface, area.right(), area.y, &who, theme.dim, room);
    }
}

/// Draws the notice where a wallet is needed.
fn no_wallet(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    if let Some(registration) = &model.account.registration {
        let more = match registration.tries.again {
            0 => "A moment, please.",
            _ => "The shop does not answer. It is asked again by itself, and you get one wallet.",
        };
        return instead(theme, area, "Opening your wallet", more, surface);
    }
    let [open, sign_in, register] = [Action::OpenWallet, Action::SignIn, Action::CreateAccount]
        .map(|action| model.keys.label(Context::NoWallet, action));
    if model.secured {
        let more = format!(
            "You are a guest. {register} creates an account, and what you have bought here is then yours on every computer; {sign_in} signs \
             in to one, and the basket comes with you. A wallet comes with the account.{}",
            first_operator(model)
        );
        return instead(theme, area, "You have no wallet yet", &more, surface);
    }
    let more = format!(
        "{sign_in} signs in, {register} creates an account: orders, vouchers and wallet are yours on every computer. {open} opens \
         a wallet without an account, known by a number that stays on this computer. Without either you go on as a guest."
    );
    instead(theme, area, "You have no wallet yet", &more, surface);
}

/// Tells who runs the embedded shop how to sign in as its operator; nothing where somebody has.
pub(crate) fn first_operator(model: &Model) -> String {
    model.first_operator.as_ref().map_or_else(String::new, |first| {
        format!(
            " The operator of this shop is {}; the password {} is good for one sign-in.",
            first.email, first.password.0
        )
    })
}

/// Draws a list, or why there is none. `draw_item` draws a line; its last but one argument adapts a style to that line.
fn list<T>(
    roll: &PagedList<T>,
    (what, nothing): (&str, (&str, &str)),
    theme: &Theme,
    area: Rect,
    surface: &mut Surface<'_>,
    draw_item: impl Fn(&T, Rect, &dyn Fn(Style) -> Style, &mut Surface<'_>),
) {
    match &roll.load {
        Load::Loading => return instead(theme, area, &format!("Fetching {what}"), "A moment, please.", surface),
        Load::Failed(failure) => {
            let mut what = what.to_owned();
            what[..1].make_ascii_uppercase();
            return failed(theme, area, &what, failure, surface);
        }
        Load::Ready => {}
    }
    if roll.total == 0 {
        return instead(theme, area, nothing.0, nothing.1, surface);
    }
    for (place, row, chosen) in surface.list(theme, area, roll.list.cursor, roll.total) {
        let on_row = |style: Style| if chosen { style.patch(theme.selected) } else { style };
        if let Some(item) = roll.items.get(place) {
            draw_item(item, Rect { x: row.x + 2, width: row.width.saturating_sub(3), ..row }, &on_row, surface);
        }
    }
}
