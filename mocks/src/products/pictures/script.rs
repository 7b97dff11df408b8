//! Reads the drawings in `mocks/art/*.txt` and draws them.
//!
//! A drawing begins with `[product-id] tint` and goes on with one shape per line, painted one over the other:
//!
//! ```text
//! [enamel-mug] sky
//! round 7 9 14 16 3 white      x y width height radius colour
//! rect 7 22 14 2 navy          x y width height colour
//! oval 14 10 7 2 navy          centre-x centre-y radius-x radius-y colour
//! ring 22 16 4 5 2 white       centre-x centre-y radius-x radius-y thickness colour
//! line 3 3 9 12 2 brown        from-x from-y to-x to-y width colour
//! poly red 3,3 9,12 5,20       colour and corners
//! dots white 9,13 9,14         colour and single pixels
//! pixels 9 13                  a block of single pixels, by the palette's letters, `.` for none, ended by `end`
//! ```
//!
//! With `on` before it, a shape only paints over what is painted already. `flat` leaves the shadow away, `#` begins a
//! comment. The colour `clear` erases.

use std::{fmt, str::SplitWhitespace};

use super::canvas::{Canvas, Oval, Rgb, SIZE, in_polygon, near_line};

const PALETTE: &str = include_str!("../../../art/palette.txt");

/// What is wrong with an art file, and in which line.
#[derive(Debug)]
pub(super) struct ScriptError(String);

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The ids of all drawings on these sheets.
pub(super) fn ids<'a>(sheets: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    let lines = sheets.iter().flat_map(|sheet| sheet.lines());
    lines.filter_map(|line| Some(line.strip_prefix('[')?.split_once(']')?.0))
}

/// Draws one of them, ready to be shown; `None` if it is not there.
pub(super) fn draw(sheets: &[&str], id: &str) -> Result<Option<Canvas>, ScriptError> {
    let heading = format!("[{id}]");
    for sheet in sheets {
        let mut lines = sheet.lines().enumerate().skip_while(|(_, line)| !line.starts_with(&heading));
        if let Some((index, line)) = lines.next() {
            let palette = Palette::parse(PALETTE)?;
            let tint = palette.by_name(line[heading.len()..].trim()).map_err(|error| with_line(index, line, &error))?;
            let drawing = lines.take_while(|(_, line)| !line.starts_with('['));
            return draw_shapes(drawing, &palette, tint).map(Some);
        }
    }
    Ok(None)
}

fn draw_shapes<'a>(
    mut lines: impl Iterator<Item = (usize, &'a str)>,
    palette: &Palette,
    tint: Rgb,
) -> Result<Canvas, ScriptError> {
    let mut canvas = Canvas::new();
    let mut with_shadow = true;
    while let Some((index, line)) = lines.next() {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let Some(mut word) = words.next() else { continue };
        let before = (word == "on").then(|| canvas.clone());
        if before.is_some() {
            word = words.next().unwrap_or_default();
        }
        let arguments = Arguments { words, palette };
        let drawn = match word {
            "flat" => {
                with_shadow = false;
                arguments.expect_end()
            }
            "pixels" => {
                let block = lines.by_ref().map(|(_, row)| row.trim()).take_while(|row| *row != "end");
                pixels(&mut canvas, arguments, block)
            }
            _ => shape(&mut canvas, word, arguments),
        };
        drawn.map_err(|error| with_line(index, line, &error))?;
        if let Some(before) = before {
            canvas.keep_within(&before);
        }
    }
    canvas.shade_edges();
    canvas.outline();
    canvas.draw_background(tint, with_shadow);
    Ok(canvas)
}

fn shape(canvas: &mut Canvas, word: &str, mut arguments: Arguments<'_>) -> Result<(), ScriptError> {
    match word {
        "rect" => {
            let [x, y, width, height] = arguments.numbers()?;
            let colour = arguments.colour()?;
            canvas.fill(colour, |px, py| px >= x && px < x + width && py >= y && py < y + height);
        }
        "round" => {
            let [x, y, width, height, radius] = arguments.numbers()?;
            let colour = arguments.colour()?;
            canvas.fill(colour, |px, py| {
                let dx = (x + radius - px).max(px - (x + width - radius)).max(0.0);
                let dy = (y + radius - py).max(py - (y + height - radius)).max(0.0);
                dx * dx + dy * dy <= radius * radius
            });
        }
        "oval" => {
            let [cx, cy, rx, ry] = arguments.numbers()?;
            let oval = Oval { cx, cy, rx, ry };
            canvas.fill(arguments.colour()?, |px, py| oval.contains(px, py));
        }
        "ring" => {
            let [cx, cy, rx, ry, thickness] = arguments.numbers()?;
            let outer = Oval { cx, cy, rx, ry };
            let inner = Oval { rx: rx - thickness, ry: ry - thickness, ..outer };
            canvas.fill(arguments.colour()?, |px, py| outer.contains(px, py) && !inner.contains(px, py));
        }
        "line" => {
            let [x1, y1, x2, y2, width] = arguments.numbers()?;
            canvas.fill(arguments.colour()?, |px, py| near_line(px, py, (x1, y1), (x2, y2), width));
        }
        "poly" => {
            let colour = arguments.colour()?;
            let corners = arguments.points()?;
            canvas.fill(colour, |px, py| in_polygon(px, py, &corners));
        }
        "dots" => {
            let colour = arguments.colour()?;
            for (x, y) in arguments.points()? {
                canvas.dot(colour, to_pixel(x)?, to_pixel(y)?);
            }
        }
        _ => return Err(script_error("there is no such shape")),
    }
    arguments.expect_end()
}

fn pixels<'a>(
    canvas: &mut Canvas,
    mut arguments: Arguments<'_>,
    rows: impl Iterator<Item = &'a str>,
) -> Result<(), ScriptError> {
    let [left, top] = arguments.numbers()?;
    let (left, top) = (to_pixel(left)?, to_pixel(top)?);
    for (row, letters) in rows.enumerate() {
        for (column, letter) in letters.chars().enumerate().filter(|(_, letter)| *letter != '.') {
            let colour = arguments.palette.by_letter(letter)?;
            canvas.dot(Some(colour), left + column, top + row);
        }
    }
    arguments.expect_end()
}

struct Arguments<'a> {
    words: SplitWhitespace<'a>,
    palette: &'a Palette,
}

impl Arguments<'_> {
    fn numbers<const N: usize>(&mut self) -> Result<[f32; N], ScriptError> {
        let mut numbers = [0.0; N];
        for number in &mut numbers {
            *number = parse_number(self.words.next().unwrap_or_default())?;
        }
        Ok(numbers)
    }

    fn points(&mut self) -> Result<Vec<(f32, f32)>, ScriptError> {
        let mut points = Vec::new();
        for word in self.words.by_ref() {
            let (x, y) = word.split_once(',').ok_or_else(|| script_error("points are written x,y"))?;
            points.push((parse_number(x)?, parse_number(y)?));
        }
        if points.is_empty() { Err(script_error("points are missing")) } else { Ok(points) }
    }

    fn colour(&mut self) -> Result<Option<Rgb>, ScriptError> {
        match self.words.next().unwrap_or_default() {
            "clear" => Ok(None),
            name => self.palette.by_name(name).map(Some),
        }
    }

    fn expect_end(mut self) -> Result<(), ScriptError> {
        match self.words.next() {
            None => Ok(()),
            Some(word) => Err(script_error(&format!("`{word}` is too much"))),
        }
    }
}

/// Colours by name and by letter: lines of `letter name rrggbb`.
struct Palette(Vec<(char, String, Rgb)>);

impl Palette {
    fn parse(text: &str) -> Result<Palette, ScriptError> {
        let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
        lines.map(Palette::parse_line).collect::<Result<_, _>>().map(Palette)
    }

    fn parse_line(line: &str) -> Result<(char, String, Rgb), ScriptError> {
        let bad = || script_error(&format!("the palette's line `{line}` is not `letter name rrggbb`"));
        let mut words = line.split_whitespace();
        let (Some(letter), Some(name), Some(hex), None) = (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(bad());
        };
        let letter = letter.chars().next().ok_or_else(bad)?;
        let [_, red, green, blue] = u32::from_str_radix(hex, 16).map_err(|_| bad())?.to_be_bytes();
        Ok((letter, name.to_owned(), [red, green, blue]))
    }

    fn by_name(&self, name: &str) -> Result<Rgb, ScriptError> {
        let found = self.0.iter().find(|(_, known, _)| known == name);
        found.map(|(_, _, colour)| *colour).ok_or_else(|| script_error(&format!("there is no colour `{name}`")))
    }

    fn by_letter(&self, letter: char) -> Result<Rgb, ScriptError> {
        let found = self.0.iter().find(|(known, _, _)| *known == letter);
        found
            .map(|(_, _, colour)| *colour)
            .ok_or_else(|| script_error(&format!("there is no colour letter `{letter}`")))
    }
}

fn parse_number(word: &str) -> Result<f32, ScriptError> {
    word.parse().map_err(|_| script_error(&format!("`{word}` is not a number")))
}

/// A pixel's column or row.
fn to_pixel(number: f32) -> Result<usize, ScriptError> {
    (0..SIZE)
        .find(|index| {
            #[expect(clippy::cast_precision_loss, reason = "at most 32")]
            let index = *index as f32;
            (index - number).abs() < f32::EPSILON
        })
        .ok_or_else(|| script_error(&format!("{number} is not a whole number from 0 to {}", SIZE - 1)))
}

fn with_line(index: usize, line: &str, error: &ScriptError) -> ScriptError {
    ScriptError(format!("line {}, `{}`: {error}", index + 1, line.trim()))
}

fn script_error(what: &str) -> ScriptError {
    ScriptError(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawing(shapes: &str) -> Canvas {
        draw(&[&format!("[thing] sky\n{shapes}\n[other] mint\n")], "thing").unwrap().unwrap()
    }

    fn error_of(shapes: &str) -> String {
        draw(&[&format!("[thing] sky\n{shapes}\n")], "thing").unwrap_err().to_string()
    }

    fn is_same(left: &str, other: &str) -> bool {
        drawing(left).to_rgba() == drawing(other).to_rgba()
    }

    #[test]
    fn a_shape_that_is_painted_on_stays_within_what_is_there() {
        assert!(is_same("rect 4 4 8 8 red\non rect 0 6 32 2 blue", "rect 4 4 8 8 red\nrect 4 6 8 2 blue"));
        assert!(is_same("on rect 4 4 8 8 red", ""));
    }

    #[test]
    fn a_block_of_pixels_is_the_same_as_dots() {
        assert!(is_same("pixels 3 4\nr.b\n.r.\nend", "dots red 3,4 4,5\ndots blue 5,4"));
    }

    #[test]
    fn clear_erases_and_flat_leaves_the_shadow_away() {
        assert!(is_same("rect 4 4 8 8 red\nrect 0 0 32 32 clear", ""));
        assert!(!is_same("rect 4 4 8 8 red", "flat\nrect 4 4 8 8 red"));
    }

    #[test]
    fn only_what_has_a_heading_is_there() {
        assert!(draw(&["[one] sky\n"], "two").unwrap().is_none());
        assert_eq!(ids(&["# [no]\n[one] sky\n", "[two] sky\n"]).collect::<Vec<_>>(), ["one", "two"]);
    }

    #[test]
    fn mistakes_name_their_line() {
        assert_eq!(error_of("rect 1 2 3"), "line 2, `rect 1 2 3`: `` is not a number");
        assert!(error_of("blob 1 2").ends_with("there is no such shape"));
        assert!(error_of("oval 1 2 3 4 mauve-ish").contains("mauve-ish"));
        assert!(error_of("rect 1 2 3 4 red 9").contains("`9` is too much"));
        assert!(error_of("dots red").contains("points are missing"));
        assert!(error_of("dots red 1.5,2").contains("not a whole number"));
        assert!(draw(&["[thing] nowhere\n"], "thing").is_err());
    }
}
