//! A small canvas for pixel art: shapes on a transparent background, then shading, an outline, a shadow and a
//! background.
//!
//! Coordinates are in pixels with (0, 0) at the top left; a pixel belongs to a shape when its centre does.

/// Width and height of every picture, in pixels.
pub(super) const SIZE: usize = 32;

pub(super) type Rgb = [u8; 3];

/// The colour of outlines.
const INK: Rgb = [0x33, 0x2b, 0x3a];

/// The row at which the wall behind an object meets the floor.
const FLOOR_ROW: usize = 25;

/// 32 × 32 pixels, each painted or transparent.
#[derive(Clone, Debug)]
pub(super) struct Canvas {
    pixels: [[Option<Rgb>; SIZE]; SIZE],
}

impl Canvas {
    pub(super) fn new() -> Canvas {
        Canvas { pixels: [[None; SIZE]; SIZE] }
    }

    /// Paints (or, with `None`, erases) all pixels whose centre is inside.
    pub(super) fn fill(&mut self, colour: Option<Rgb>, inside: impl Fn(f32, f32) -> bool) {
        for (y, row) in self.pixels.iter_mut().enumerate() {
            for (x, pixel) in row.iter_mut().enumerate() {
                if inside(centre(x), centre(y)) {
                    *pixel = colour;
                }
            }
        }
    }

    /// Paints one pixel; ignores coordinates outside of the canvas.
    pub(super) fn dot(&mut self, colour: Option<Rgb>, x: usize, y: usize) {
        if let Some(pixel) = self.pixels.get_mut(y).and_then(|row| row.get_mut(x)) {
            *pixel = colour;
        }
    }

    /// Erases what was not painted before.
    pub(super) fn keep_within(&mut self, before: &Canvas) {
        for (pixel, old) in self.pixels.iter_mut().flatten().zip(before.pixels.iter().flatten()) {
            if old.is_none() {
                *pixel = None;
            }
        }
    }

    /// Makes edges towards the top left brighter, and edges towards the bottom right darker.
    pub(super) fn shade_edges(&mut self) {
        let flat = self.clone();
        for (y, row) in self.pixels.iter_mut().enumerate() {
            for (x, pixel) in row.iter_mut().enumerate() {
                let Some(colour) = *pixel else { continue };
                if !flat.is_painted(x + 1, y) || !flat.is_painted(x, y + 1) {
                    *pixel = Some(blend(colour, INK, 0.26));
                } else if x == 0 || y == 0 || !flat.is_painted(x - 1, y) || !flat.is_painted(x, y - 1) {
                    *pixel = Some(blend(colour, [0xff, 0xff, 0xff], 0.24));
                }
            }
        }
    }

    /// Draws a dark line around everything that is painted.
    pub(super) fn outline(&mut self) {
        let before = self.clone();
        for (y, row) in self.pixels.iter_mut().enumerate() {
            for (x, pixel) in row.iter_mut().enumerate() {
                let beside = before.is_painted(x + 1, y)
                    || before.is_painted(x, y + 1)
                    || (x > 0 && before.is_painted(x - 1, y))
                    || (y > 0 && before.is_painted(x, y - 1));
                if pixel.is_none() && beside {
                    *pixel = Some(INK);
                }
            }
        }
    }

    /// Draws a wall and a floor in this tint behind the object, and optionally its shadow.
    pub(super) fn draw_background(&mut self, tint: Rgb, with_shadow: bool) {
        let floor = blend(tint, INK, 0.07);
        let shadow = blend(tint, INK, 0.32);
        let shade = with_shadow.then(|| self.shadow()).flatten();
        for (y, row) in self.pixels.iter_mut().enumerate() {
            for (x, pixel) in row.iter_mut().enumerate() {
                let ground = if y < FLOOR_ROW { tint } else { floor };
                let in_shade = shade.is_some_and(|shade| shade.contains(centre(x), centre(y)));
                *pixel = Some(pixel.unwrap_or(if in_shade { shadow } else { ground }));
            }
        }
    }

    /// Area of the shadow: under the lowest rows of the object, a little to the right.
    fn shadow(&self) -> Option<Oval> {
        let bottom = (0..SIZE).rev().find(|y| self.pixels[*y].iter().any(Option::is_some))?;
        let lowest_rows = bottom.saturating_sub(3)..=bottom;
        let columns = || (0..SIZE).filter(|x| lowest_rows.clone().any(|y| self.is_painted(*x, y)));
        let (left, right) = (centre(columns().min()?), centre(columns().max()?));
        Some(Oval {
            cx: f32::midpoint(left, right) + 1.0,
            cy: centre(bottom) + 0.2,
            rx: (right - left) / 2.0 + 2.2,
            ry: 2.0,
        })
    }

    /// The pixels row by row as red, green, blue, alpha.
    pub(super) fn to_rgba(&self) -> Vec<u8> {
        let rgba = |pixel: &Option<Rgb>| match *pixel {
            Some([red, green, blue]) => [red, green, blue, 0xff],
            None => [0, 0, 0, 0],
        };
        self.pixels.iter().flatten().flat_map(rgba).collect()
    }

    fn is_painted(&self, x: usize, y: usize) -> bool {
        self.pixels.get(y).and_then(|row| row.get(x)).is_some_and(Option::is_some)
    }
}

#[derive(Clone, Copy)]
pub(super) struct Oval {
    pub(super) cx: f32,
    pub(super) cy: f32,
    pub(super) rx: f32,
    pub(super) ry: f32,
}

impl Oval {
    pub(super) fn contains(&self, x: f32, y: f32) -> bool {
        ((x - self.cx) / self.rx).powi(2) + ((y - self.cy) / self.ry).powi(2) <= 1.0
    }
}

/// Whether a point is within `width / 2` of the line between two points.
pub(super) fn near_line(x: f32, y: f32, from: (f32, f32), to: (f32, f32), width: f32) -> bool {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length_squared = dx * dx + dy * dy;
    let along = if length_squared == 0.0 {
        0.0
    } else {
        (((x - from.0) * dx + (y - from.1) * dy) / length_squared).clamp(0.0, 1.0)
    };
    let (ox, oy) = (x - from.0 - along * dx, y - from.1 - along * dy);
    (ox * ox + oy * oy).sqrt() <= width / 2.0
}

/// Whether a point is inside a polygon (even–odd rule).
pub(super) fn in_polygon(x: f32, y: f32, corners: &[(f32, f32)]) -> bool {
    let mut inside = false;
    for (index, &(x1, y1)) in corners.iter().enumerate() {
        let (x2, y2) = corners[(index + 1) % corners.len()];
        if (y1 > y) != (y2 > y) && x < (x2 - x1) * (y - y1) / (y2 - y1) + x1 {
            inside = !inside;
        }
    }
    inside
}

fn blend(colour: Rgb, other: Rgb, share: f32) -> Rgb {
    let mix = |a: u8, b: u8| {
        let value = f32::from(a) + (f32::from(b) - f32::from(a)) * share;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between two bytes, so it is one too"
        )]
        let byte = value.round() as u8;
        byte
    };
    [mix(colour[0], other[0]), mix(colour[1], other[1]), mix(colour[2], other[2])]
}

#[expect(clippy::cast_precision_loss, reason = "at most 32")]
fn centre(index: usize) -> f32 {
    index as f32 + 0.5
}
