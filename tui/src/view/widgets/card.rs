//! A product as a card: picture, name, price and badge.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::Span;
use ratatui::widgets::{Block, Borders, Widget};
use storefront_api::Product;

use crate::money;
use crate::state::Picture;
use crate::view::text::wrap_into;
use crate::view::theme::Theme;
use crate::view::widgets::{OneLine, Sprite};

/// A card of [`Shop::CARD`](crate::state::Shop::CARD) cells at least.
pub(in crate::view) struct Card<'a> {
    pub(in crate::view) product: &'a Product,
    pub(in crate::view) picture: Option<&'a Picture>,
    /// What is out of the ordinary about it.
    pub(in crate::view) badge: Option<(String, Style)>,
    /// How many of it are in the basket.
    pub(in crate::view) held: u32,
    pub(in crate::view) chosen: bool,
    pub(in crate::view) theme: &'a Theme,
}

impl Widget for &Card<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let (product, theme) = (self.product, self.theme);
        let on_card = |style: Style| if self.chosen { style.patch(theme.selected) } else { style };
        let area = Rect { height: area.height.saturating_sub(1), width: area.width.saturating_sub(1), ..area };
        let bar = Block::new()
            .borders(Borders::LEFT)
            .border_set(ratatui::symbols::border::Set { vertical_left: "▌", ..ratatui::symbols::border::PLAIN });
        let inside = Rect { x: area.x + 2, width: area.width.saturating_sub(2), ..area };
        if self.chosen {
            bar.border_style(theme.accent).render(area, buffer);
        }
        let [image, name, price] =
            Layout::vertical([Constraint::Fill(1), Constraint::Length(2), Constraint::Length(1)]).areas(inside);
        if let Some(picture) = self.picture {
            Sprite::new(picture, theme).render(image, buffer);
        }
        if self.chosen {
            buffer.set_style(
                Rect { height: 3, y: name.y, x: area.x + 1, width: area.width.saturating_sub(1) },
                theme.selected,
            );
        }
        let dull = product.available == 0 || !product.active;
        let style = if dull {
            theme.dim
        } else if self.chosen {
            theme.strong
        } else {
            theme.text
        };
        for (row, text) in name.rows().zip(wrap_into(&product.name, name.width, 2)) {
            OneLine::new(Span::styled(text, on_card(style))).render(row, buffer);
        }
        let amount = if product.compare_at_price.is_some() { theme.accent } else { theme.text };
        let mut words = vec![Span::styled(money::shown(product.price), on_card(amount))];
        if self.held > 0 {
            words.push(Span::styled(format!("  {}×", self.held), on_card(theme.accent)));
        }
        // A card has no room for more words.
        words.extend(self.badge.iter().map(|(word, style)| {
            let word = word.strip_prefix("only ").unwrap_or(word);
            Span::styled(format!("  {word}"), on_card(*style))
        }));
        OneLine::new(words).render(price, buffer);
    }
}
