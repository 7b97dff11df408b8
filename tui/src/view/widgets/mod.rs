//! The client's own widgets, beside those of ratatui.

mod card;
mod cells;
mod one_line;
mod sprite;
mod stock_gauge;

pub(super) use card::Card;
pub(super) use cells::Cells;
pub(super) use one_line::OneLine;
pub(super) use sprite::Sprite;
pub(super) use stock_gauge::StockGauge;
