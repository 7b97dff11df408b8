//! A picture in half-blocks: one cell shows two pixels, one above the other. Without colours, cells are shaded by
//! brightness.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::Widget;

use crate::state::Picture;
use crate::view::theme::{Depth, Theme, pixel};

type Rgb = (u8, u8, u8);

/// A picture in the upper left of an area, as large as fits: each pixel `scale` × `scale` cells wide and half as high,
/// or whole, halved, or quartered.
#[derive(Clone, Copy)]
pub(in crate::view) struct Sprite<'a> {
    picture: &'a Picture,
    theme: &'a Theme,
    most: usize,
}

/// How large a picture is drawn.
#[derive(Clone, Copy)]
enum Scale {
    /// Each pixel is drawn as so many by so many.
    Up(usize),
    /// So many by so many pixels are drawn as one.
    Down(usize),
}

impl<'a> Sprite<'a> {
    pub(in crate::view) const fn new(picture: &'a Picture, theme: &'a Theme) -> Self {
        Self { picture, theme, most: 1 }
    }

    /// The same, drawn larger than it is where there is room.
    pub(in crate::view) const fn magnified(picture: &'a Picture, theme: &'a Theme) -> Self {
        Self { picture, theme, most: 2 }
    }

    /// Its size in cells within an area; nothing where it does not fit.
    pub(in crate::view) fn size_in(&self, area: Rect) -> (u16, u16) {
        self.scale_in(area).map_or((0, 0), |scale| self.size(scale))
    }

    fn scale_in(&self, area: Rect) -> Option<Scale> {
        let up = (1..=self.most).rev().map(Scale::Up);
        up.chain([2, 4].map(Scale::Down)).find(|scale| {
            let (width, height) = self.size(*scale);
            width <= area.width && height <= area.height
        })
    }

    fn size(&self, scale: Scale) -> (u16, u16) {
        let pixels = |count: usize| match scale {
            Scale::Up(by) => count * by,
            Scale::Down(by) => count.div_ceil(by),
        };
        let cells = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
        (cells(pixels(self.picture.width)), cells(pixels(self.picture.height).div_ceil(2)))
    }

    /// The colour of a drawn pixel.
    fn colour(&self, scale: Scale, column: usize, row: usize) -> Rgb {
        match scale {
            Scale::Up(by) => self.blended([pixel_at(self.picture, column / by, row / by)].into_iter()),
            Scale::Down(by) => {
                let block =
                    (row * by..(row + 1) * by).flat_map(|y| (column * by..(column + 1) * by).map(move |x| (x, y)));
                self.blended(block.map(|(x, y)| pixel_at(self.picture, x, y)))
            }
        }
    }

    /// The mean of some pixels over the background. Channels are averaged as squares, which is close to how light adds
    /// up, so that fine bright lines do not turn dark.
    fn blended(&self, pixels: impl Iterator<Item = [u8; 4]>) -> Rgb {
        let under = <[u8; 3]>::from(self.theme.background).map(u64::from);
        let (mut sum, mut count) = ([0_u64; 3], 0_u64);
        for [r, g, b, alpha] in pixels {
            let alpha = u64::from(alpha);
            for (part, (over, under)) in sum.iter_mut().zip([r, g, b].into_iter().zip(under)) {
                *part += u64::from(over).pow(2) * alpha + under.pow(2) * (255 - alpha);
            }
            count += 255;
        }
        let [r, g, b] = sum.map(|part| u8::try_from((part / count.max(1)).isqrt()).unwrap_or(u8::MAX));
        (r, g, b)
    }
}

impl Widget for &Sprite<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let Some(scale) = self.scale_in(area) else { return };
        let (width, height) = self.size(scale);
        let cells = Rect { width, height, ..area };
        for cell_at in cells.positions() {
            let (column, row) = (usize::from(cell_at.x - area.x), usize::from(cell_at.y - area.y) * 2);
            let (upper, lower) = (self.colour(scale, column, row), self.colour(scale, column, row + 1));
            if let Some(cell) = buffer.cell_mut(cell_at) {
                match self.theme.depth {
                    Depth::None => cell.set_symbol(shade(upper, lower)).set_style(self.theme.text),
                    Depth::True | Depth::Indexed | Depth::Basic => {
                        cell.set_symbol("▀").set_style(half_block(upper, lower, self.theme.depth))
                    }
                };
            }
        }
    }
}

fn half_block(upper: Rgb, lower: Rgb, depth: Depth) -> Style {
    let mut style = Style::new();
    style.fg = pixel(upper, depth);
    style.bg = pixel(lower, depth);
    style
}

fn shade(upper: Rgb, lower: Rgb) -> &'static str {
    let bright = |(r, g, b): Rgb| (u32::from(r) * 3 + u32::from(g) * 6 + u32::from(b)) / 10;
    match (bright(upper) + bright(lower)) / 2 {
        0..45 => " ",
        45..95 => "░",
        95..150 => "▒",
        150..205 => "▓",
        _ => "█",
    }
}

fn pixel_at(picture: &Picture, x: usize, y: usize) -> [u8; 4] {
    let inside = x < picture.width && y < picture.height;
    let place = inside.then(|| y * picture.width + x);
    place.and_then(|place| picture.pixels.get(place)).copied().unwrap_or([0; 4])
}

#[cfg(test)]
mod tests {
    use ratatui::style::Color;

    use super::*;
    use crate::preferences::ThemeName;

    fn two_by_two() -> Picture {
        Picture { width: 2, height: 2, pixels: vec![[255, 0, 0, 255], [0; 4], [0, 0, 255, 255], [0, 255, 0, 255]] }
    }

    #[test]
    fn a_cell_shows_two_pixels_and_the_background_through_holes() {
        let theme = Theme::new(ThemeName::Dark, Depth::True);
        let mut buffer = Buffer::empty(Rect::new(0, 0, 2, 1));
        Sprite::new(&two_by_two(), &theme).render(buffer.area, &mut buffer);
        let (r, g, b) = theme.background;
        assert_eq!((buffer[(0, 0)].fg, buffer[(0, 0)].bg), (Color::Rgb(255, 0, 0), Color::Rgb(0, 0, 255)));
        assert_eq!((buffer[(1, 0)].fg, buffer[(1, 0)].bg), (Color::Rgb(r, g, b), Color::Rgb(0, 255, 0)));
    }

    #[test]
    fn a_picture_is_magnified_halved_or_left_out_as_its_room_demands() {
        let theme = Theme::new(ThemeName::Mono, Depth::True);
        let large = Picture { width: 32, height: 32, pixels: vec![[255; 4]; 32 * 32] };
        let size = |sprite: Sprite, wide, high| sprite.size_in(Rect::new(0, 0, wide, high));
        assert_eq!(size(Sprite::new(&large, &theme), 40, 9), (16, 8));
        assert_eq!(size(Sprite::new(&large, &theme), 80, 40), (32, 16));
        assert_eq!(size(Sprite::magnified(&large, &theme), 80, 40), (64, 32));
        assert_eq!(size(Sprite::new(&large, &theme), 3, 3), (0, 0));
        let mut buffer = Buffer::empty(Rect::new(0, 0, 40, 9));
        Sprite::new(&large, &theme).render(buffer.area, &mut buffer);
        assert_eq!((buffer[(15, 7)].symbol(), buffer[(16, 0)].symbol()), ("█", " "));
    }
}
