//! The stock of a product as a gauge: what is available, what is reserved, and where it runs low.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::Widget;
use storefront_api::StockItem;

use crate::view::counter::scaled;
use crate::view::text::put;

/// The gauge, on the scale of the largest stock. An amount above 0 takes at least one cell.
pub(in crate::view) struct StockGauge<'a> {
    pub(in crate::view) item: &'a StockItem,
    /// The largest stock of the list.
    pub(in crate::view) most: u32,
    /// Styles of what is available, of what is reserved, and of the rest.
    pub(in crate::view) styles: [Style; 3],
}

impl Widget for &StockGauge<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let (item, [full, reserved, rest]) = (self.item, self.styles);
        let scale = self.most.max(item.threshold).max(1);
        let cells = |count: u32| scaled(count.into(), scale.into(), area.width);
        let available = cells(item.available);
        let on_hand = cells(item.on_hand).max(available + u16::from(item.reserved > 0)).min(area.width);
        let mark = cells(item.threshold).min(area.width.saturating_sub(1));
        for at in 0..area.width {
            let (sign, style) = if at < available {
                ("█", full)
            } else if at < on_hand {
                ("▒", reserved)
            } else if at == mark && item.threshold > 0 {
                ("┊", reserved)
            } else {
                ("·", rest)
            };
            put(buffer, area.x + at, area.y, sign, style, 1);
        }
    }
}
