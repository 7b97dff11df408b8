//! Draws pictures in half-blocks: one cell shows two pixels, one above the other. Without colours, cells are shaded by
//! brightness.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::state::Picture;
use crate::view::theme::{Depth, Theme, pixel};

type Rgb = (u8, u8, u8);

/// Size of a picture in cells when each of its pixels stands for `scale` × `scale` of the original.
pub(super) fn size(picture: &Picture, scale: usize) -> (u16, u16) {
    let cells = |pixels: usize, per_cell: usize| u16::try_from(pixels.div_ceil(per_cell * scale)).unwrap_or(u16::MAX);
    (cells(picture.width, 1), cells(picture.height, 2))
}

/// Draws the picture in the upper left of an area, as large as fits: whole, halved or quartered. Returns its size in
/// cells.
pub(super) fn draw(picture: &Picture, theme: &Theme, area: Rect, buffer: &mut Buffer) -> (u16, u16) {
    let fits = |scale: &usize| {
        let (width, height) = size(picture, *scale);
        width <= area.width && height <= area.height
    };
    let Some(scale) = [1, 2, 4].into_iter().find(fits) else { return (0, 0) };
    let (width, height) = size(picture, scale);
    for row in 0..height {
        for column in 0..width {
            let at = |half: usize| {
                average(picture, theme.background, usize::from(column), usize::from(row) * 2 + half, scale)
            };
            if let Some(cell) = buffer.cell_mut((area.x + column, area.y + row)) {
                let (upper, lower) = (at(0), at(1));
                match theme.depth {
                    Depth::None => cell.set_symbol(shade(upper, lower)).set_style(theme.text),
                    Depth::True | Depth::Indexed | Depth::Basic => {
                        cell.set_symbol("▀").set_style(half_block(upper, lower, theme.depth))
                    }
                };
            }
        }
    }
    (width, height)
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

/// The mean colour of a block of pixels over the background.
fn average(picture: &Picture, background: Rgb, column: usize, row: usize, scale: usize) -> Rgb {
    let (mut sum, mut count) = ([0_u32; 3], 0_u32);
    for y in row * scale..(row + 1) * scale {
        for x in column * scale..(column + 1) * scale {
            let [r, g, b, alpha] = pixel_at(picture, x, y);
            let alpha = u32::from(alpha);
            let under = [background.0, background.1, background.2];
            for (part, (over, under)) in sum.iter_mut().zip([r, g, b].into_iter().zip(under)) {
                *part += (u32::from(over) * alpha + u32::from(under) * (255 - alpha)) / 255;
            }
            count += 1;
        }
    }
    let [r, g, b] = sum.map(|part| u8::try_from(part / count.max(1)).unwrap_or(u8::MAX));
    (r, g, b)
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
    use crate::settings::ThemeName;

    fn two_by_two() -> Picture {
        Picture { width: 2, height: 2, pixels: vec![[255, 0, 0, 255], [0; 4], [0, 0, 255, 255], [0, 255, 0, 255]] }
    }

    #[test]
    fn a_cell_shows_two_pixels_and_the_background_through_holes() {
        let theme = Theme::new(ThemeName::Dark, Depth::True);
        let mut buffer = Buffer::empty(Rect::new(0, 0, 2, 1));
        assert_eq!(draw(&two_by_two(), &theme, buffer.area, &mut buffer), (2, 1));
        let (r, g, b) = theme.background;
        assert_eq!((buffer[(0, 0)].fg, buffer[(0, 0)].bg), (Color::Rgb(255, 0, 0), Color::Rgb(0, 0, 255)));
        assert_eq!((buffer[(1, 0)].fg, buffer[(1, 0)].bg), (Color::Rgb(r, g, b), Color::Rgb(0, 255, 0)));
    }

    #[test]
    fn a_picture_that_is_too_large_is_halved_and_one_that_never_fits_left_out() {
        let theme = Theme::new(ThemeName::Mono, Depth::True);
        let large = Picture { width: 32, height: 32, pixels: vec![[255; 4]; 32 * 32] };
        let mut buffer = Buffer::empty(Rect::new(0, 0, 40, 9));
        assert_eq!(draw(&large, &theme, buffer.area, &mut buffer), (16, 8));
        assert_eq!(draw(&large, &theme, Rect::new(0, 0, 3, 3), &mut buffer), (0, 0));
        assert_eq!(buffer[(0, 0)].symbol(), "█");
    }
}
