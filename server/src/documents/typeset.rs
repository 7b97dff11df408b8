//! Text shaping: bidirectional text to positioned glyphs, with line breaking and font fallback.

use std::collections::BTreeSet;
use std::ops::Range;

use cosmic_text::fontdb::{ID, Weight};
use cosmic_text::{Align, Attrs, Buffer, Family, Metrics, Shaping, Wrap};
use storefront_api::text;

use super::fonts::{BUNDLED_FAMILY, Fonts};

/// Size and weight of a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct TextStyle {
    /// Font size in points.
    pub(super) size: f32,
    pub(super) bold: bool,
}

impl TextStyle {
    pub(super) const fn regular(size: f32) -> Self {
        Self { size, bold: false }
    }

    pub(super) const fn bold(size: f32) -> Self {
        Self { size, bold: true }
    }
}

/// A shaped line of text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ShapedLine {
    /// The text in reading order.
    pub(super) text: String,
    pub(super) style: TextStyle,
    /// The glyphs from left to right.
    pub(super) glyphs: Vec<ShapedGlyph>,
    /// Width in points.
    pub(super) width: f32,
    /// Whether some of the text runs from right to left.
    pub(super) has_right_to_left: bool,
}

/// A glyph in its line; `x` and `y` in points from the start of the line's baseline.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ShapedGlyph {
    pub(super) font: ID,
    pub(super) id: u16,
    pub(super) x: f32,
    pub(super) y: f32,
    /// Byte range in the line's text that the glyph represents.
    pub(super) cluster: Range<usize>,
}

impl Fonts {
    /// Whether the fonts have a glyph for every letter.
    pub(super) fn has_all(&self, letters: &str) -> bool {
        let lines = self.shape(letters, TextStyle::regular(10.0), None);
        lines.iter().all(|line| line.glyphs.iter().all(|glyph| glyph.id != 0))
    }

    /// Shapes text into at least one line, of at most `width` points each; a longer word is split. A letter without a glyph in
    /// any font is shown as its code point, such as `[U+1234]`.
    pub(super) fn shape_lines(&self, text: &str, style: TextStyle, width: Option<f32>) -> Vec<ShapedLine> {
        let clean = text::cleaned(text, false);
        let lines = self.shape(&clean, style, width);
        let unknown: BTreeSet<char> = lines.iter().flat_map(missing_letters).collect();
        if unknown.is_empty() {
            return lines;
        }
        let spelled: String = clean
            .chars()
            .map(|letter| match unknown.contains(&letter) {
                true => format!("[U+{:04X}]", u32::from(letter)),
                false => letter.to_string(),
            })
            .collect();
        self.shape(&spelled, style, width)
    }

    fn shape(&self, text: &str, style: TextStyle, width: Option<f32>) -> Vec<ShapedLine> {
        let weight = if style.bold { Weight::BOLD } else { Weight::NORMAL };
        let lines = self.with_system(|fonts| {
            let mut buffer = Buffer::new_empty(Metrics::new(style.size, style.size * 1.4));
            buffer.set_wrap(Wrap::WordOrGlyph);
            buffer.set_size(width, None);
            let attributes = Attrs::new().family(Family::Name(BUNDLED_FAMILY)).weight(weight);
            // Right-to-left text is left-aligned too, but runs in its own direction.
            buffer.set_text(text, &attributes, Shaping::Advanced, Some(Align::Left));
            buffer.shape_until_scroll(fonts, false);
            buffer.layout_runs().map(|run| shape_line(&run, style)).collect::<Vec<_>>()
        });
        let empty =
            || ShapedLine { text: String::new(), style, glyphs: Vec::new(), width: 0.0, has_right_to_left: false };
        if lines.is_empty() { vec![empty()] } else { lines }
    }
}

fn shape_line(run: &cosmic_text::LayoutRun<'_>, style: TextStyle) -> ShapedLine {
    let start = run.glyphs.iter().map(|glyph| glyph.start).min().unwrap_or(0);
    let end = run.glyphs.iter().map(|glyph| glyph.end).max().unwrap_or(start);
    let mut glyphs: Vec<ShapedGlyph> = run
        .glyphs
        .iter()
        .map(|glyph| ShapedGlyph {
            font: glyph.font_id,
            id: glyph.glyph_id,
            x: glyph.x + glyph.x_offset * glyph.font_size,
            y: glyph.y + glyph.y_offset * glyph.font_size,
            cluster: glyph.start - start..glyph.end - start,
        })
        .collect();
    glyphs.sort_by(|a, b| a.x.total_cmp(&b.x));
    // Trailing whitespace of a wrapped line does not count in its width.
    let width = run.glyphs.iter().map(|glyph| glyph.x + glyph.w).fold(0.0, f32::max);
    let trailing = run.text[start..end].ends_with(char::is_whitespace);
    let visible = |glyph: &&cosmic_text::LayoutGlyph| !run.text[glyph.start..glyph.end].trim().is_empty();
    let inked = || run.glyphs.iter().filter(visible).map(|glyph| glyph.x + glyph.w).fold(0.0, f32::max);
    let width = if trailing { inked() } else { width };
    let has_right_to_left = run.glyphs.iter().any(|glyph| glyph.level.is_rtl());
    ShapedLine { text: run.text[start..end].to_owned(), style, glyphs, width, has_right_to_left }
}

fn missing_letters(line: &ShapedLine) -> Vec<char> {
    let unknown = line.glyphs.iter().filter(|glyph| glyph.id == 0);
    unknown
        .flat_map(|glyph| line.text[glyph.cluster.clone()].chars())
        .filter(|letter| !letter.is_whitespace())
        .collect()
}
