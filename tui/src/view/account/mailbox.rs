//! Draws the demo's mailbox: the list of mails, with the selected one beside it where there is room.

use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::state::{Mail, Model};
use crate::view::surface::Surface;
use crate::view::text::{put, put_right};
use crate::view::theme::Theme;
use crate::view::{below, instead, row, when};
use crate::wrap::fitted;

/// Width of the list when a mail is shown beside it.
const LIST_WIDTH: u16 = 46;
/// Width of the shop's mails, indentation included.
const MAIL_WIDTH: u16 = 66;

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    if model.mailbox_url.is_none() {
        let more = "The mail of this shop goes where it sends it. Of a demo shop it can be read here: start the client with \
                    --mailbox and the address that `storefront serve` prints.";
        return instead(theme, area, "No mailbox to look into", more, surface);
    }
    let mails = &model.account.mails;
    let beside = mails.selected().filter(|_| area.width >= LIST_WIDTH + 3 + MAIL_WIDTH);
    let width = if beside.is_some() { LIST_WIDTH } else { area.width.min(100) };
    let nothing = ("No mail yet", "What the shop writes to its shoppers shows up here.");
    let list = Rect { width, ..area };
    super::list(mails, ("the mail", nothing), theme, list, surface, |mail, row, on_row, surface| {
        draw_row(model, mail, theme, row, on_row, surface);
    });
    if let Some(mail) = beside {
        let room = Rect { x: area.x + LIST_WIDTH + 3, width: (area.width - LIST_WIDTH - 3).min(78), ..area };
        read(mail, theme, room, surface);
    }
}

fn draw_row(
    model: &Model,
    mail: &Mail,
    theme: &Theme,
    row: Rect,
    on_row: &dyn Fn(Style) -> Style,
    surface: &mut Surface<'_>,
) {
    let time = when::day_or_time(mail.received_at, model.now, &model.zone);
    put(surface, row.x, row.y, &time, on_row(theme.dim), 6);
    let x = row.x + 8;
    let mut right = row.right();
    if row.width >= 70 {
        put_right(surface, right, row.y, &mail.to, on_row(theme.dim), 28);
        right = right.saturating_sub(29);
    }
    put(surface, x, row.y, &mail.subject, on_row(theme.text), right.saturating_sub(x));
}

fn read(mail: &Mail, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    put(surface, area.x, area.y, &mail.subject, theme.strong, area.width);
    put(surface, area.x, row(area, 1).y, &format!("to {}", mail.to), theme.dim, area.width);
    let body = below(area, 3);
    let lines: Vec<String> = mail.text.lines().flat_map(|line| fitted(line, body.width)).collect();
    let room = usize::from(body.height);
    for (place, line) in lines.iter().take(room).enumerate() {
        let cut = place + 1 == room && lines.len() > room;
        let line = if cut { "…" } else { line.as_str() };
        put(surface, body.x, row(body, place).y, line, theme.text, body.width);
    }
}
