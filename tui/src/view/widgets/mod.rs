//! The client's own widgets, beside those of ratatui.

mod card;
mod one_line;
mod sprite;

pub(super) use card::Card;
pub(super) use one_line::OneLine;
pub(super) use sprite::Sprite;
