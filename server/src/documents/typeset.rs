//! Text as glyphs: shaped, in both directions, broken into lines, with a font for every letter that has one.

use std::collections::BTreeSet;
use std::ops::Range;

use cosmic_text::fontdb::{ID, Weight};
use cosmic_text::{Align, Attrs, Buffer, Family, Metrics, Shaping, Wrap};
use storefront_api::text;

use super::fonts::{Fonts, OWN_FAMILY};

/// How a text looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Look {
    /// In points.
    pub(super) size: f32,
    pub(super) bold: bool,
}

impl Look {
    pub(super) const fn regular(size: f32) -> Self {
        Self { size, bold: false }
    }

    pub(super) const fn bold(size: f32) -> Self {
        Self { size, bold: true }
    }
}

/// One line of text, set.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SetLine {
    /// What it says, in reading order.
    pub(super) text: String,
    pub(super) look: Look,
    /// From left to right.
    pub(super) glyphs: Vec<SetGlyph>,
    /// In points.
    pub(super) width: f32,
    /// Whether some of it runs from right to left.
    pub(super) has_right_to_left: bool,
}

/// A glyph in its line, in points from the line's left end and above its base line.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SetGlyph {
    pub(super) font: ID,
    pub(super) id: u16,
    pub(super) x: f32,
    pub(super) y: f32,
    /// What it stands for, in the line's text.
    pub(super) cluster: Range<usize>,
}

impl Fonts {
    /// Whether there is a glyph for every letter.
    pub(super) fn has_all(&self, letters: &str) -> bool {
        let lines = self.shaped(letters, Look::regular(10.0), None);
        lines.iter().all(|line| line.glyphs.iter().all(|glyph| glyph.id != 0))
    }

    /// The text in lines of at most `width` points, at least one; a word that is longer is cut. A letter for which no font
    /// has a glyph is shown by its code point, as `[U+1234]`.
    pub(super) fn set(&self, said: &str, look: Look, width: Option<f32>) -> Vec<SetLine> {
        let clean = text::cleaned(said, false);
        let lines = self.shaped(&clean, look, width);
        let unknown: BTreeSet<char> = lines.iter().flat_map(unknown_letters).collect();
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
        self.shaped(&spelled, look, width)
    }

    fn shaped(&self, text: &str, look: Look, width: Option<f32>) -> Vec<SetLine> {
        let weight = if look.bold { Weight::BOLD } else { Weight::NORMAL };
        let lines = self.with(|fonts| {
            let mut buffer = Buffer::new_empty(Metrics::new(look.size, look.size * 1.4));
            buffer.set_wrap(Wrap::WordOrGlyph);
            buffer.set_size(width, None);
            let attributes = Attrs::new().family(Family::Name(OWN_FAMILY)).weight(weight);
            // Right-to-left text too begins where everything else does, but runs in its own direction.
            buffer.set_text(text, &attributes, Shaping::Advanced, Some(Align::Left));
            buffer.shape_until_scroll(fonts, false);
            buffer.layout_runs().map(|run| set_line(&run, look)).collect::<Vec<_>>()
        });
        let empty = || SetLine { text: String::new(), look, glyphs: Vec::new(), width: 0.0, has_right_to_left: false };
        if lines.is_empty() { vec![empty()] } else { lines }
    }
}

fn set_line(run: &cosmic_text::LayoutRun<'_>, look: Look) -> SetLine {
    let start = run.glyphs.iter().map(|glyph| glyph.start).min().unwrap_or(0);
    let end = run.glyphs.iter().map(|glyph| glyph.end).max().unwrap_or(start);
    let mut glyphs: Vec<SetGlyph> = run
        .glyphs
        .iter()
        .map(|glyph| SetGlyph {
            font: glyph.font_id,
            id: glyph.glyph_id,
            x: glyph.x + glyph.x_offset * glyph.font_size,
            y: glyph.y + glyph.y_offset * glyph.font_size,
            cluster: glyph.start - start..glyph.end - start,
        })
        .collect();
    glyphs.sort_by(|a, b| a.x.total_cmp(&b.x));
    // Blanks at the end of a line that was broken are no part of its width.
    let width = run.glyphs.iter().map(|glyph| glyph.x + glyph.w).fold(0.0, f32::max);
    let trailing = run.text[start..end].ends_with(char::is_whitespace);
    let visible = |glyph: &&cosmic_text::LayoutGlyph| !run.text[glyph.start..glyph.end].trim().is_empty();
    let inked = || run.glyphs.iter().filter(visible).map(|glyph| glyph.x + glyph.w).fold(0.0, f32::max);
    let width = if trailing { inked() } else { width };
    let has_right_to_left = run.glyphs.iter().any(|glyph| glyph.level.is_rtl());
    SetLine { text: run.text[start..end].to_owned(), look, glyphs, width, has_right_to_left }
}

fn unknown_letters(line: &SetLine) -> Vec<char> {
    let unknown = line.glyphs.iter().filter(|glyph| glyph.id == 0);
    unknown
        .flat_map(|glyph| line.text[glyph.cluster.clone()].chars())
        .filter(|letter| !letter.is_whitespace())
        .collect()
}
