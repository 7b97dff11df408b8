//! Writes a laid-out document as PDF 1.7 (ISO 32000-1), with subsets of its fonts embedded.
//!
//! A glyph is encoded by its index in the subset (Identity-H, 9.7.5.2). Its text is given by a ToUnicode map and, where reading
//! order and drawing order differ, by the line's text (ActualText, 14.9.4), so that search and copy work in every script.

use std::collections::BTreeMap;

use cosmic_text::FontSystem;
use cosmic_text::fontdb::ID;
use pdf_writer::types::{CidFontType, FontFlags, SystemInfo, UnicodeCmap};
use pdf_writer::{Content, Date, Finish as _, Name, Pdf, Rect, Ref, Str, TextStr};
use subsetter::GlyphRemapper;
use ttf_parser::{Face, GlyphId, Tag};

use super::Document;
use super::fonts::Fonts;
use super::pages::{LEFT, PAGE_SIZE, PageLayout, PlacedLine, RIGHT, lay_out};
use super::typeset::ShapedGlyph;

const CMAP_NAME: Name<'_> = Name(b"Storefront-UCS2");
const SYSTEM_INFO: SystemInfo<'_> = SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };

/// Why a PDF cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PdfError {
    /// A font is damaged or cannot be embedded.
    #[error("the font {0} cannot be embedded; remove it, or install another for the same script")]
    Font(String),
}

/// Renders a document as a PDF file. The same document and fonts give the same bytes.
///
/// # Errors
/// See [`PdfError`].
pub(crate) fn pdf(document: &Document, fonts: &Fonts) -> Result<Vec<u8>, PdfError> {
    let pages = lay_out(document, fonts);
    fonts.with_system(|system| write(document, &pages, system))
}

/// A font of the document, and the glyphs used from it.
struct UsedFont {
    name: Vec<u8>,
    glyphs: GlyphRemapper,
    /// Text of the glyphs, by index in the subset.
    texts: BTreeMap<u16, String>,
    /// Glyph widths in thousandths of the font size, by glyph id in the full font.
    widths: BTreeMap<u16, f32>,
}

type UsedFonts = BTreeMap<ID, UsedFont>;

fn write(document: &Document, pages: &[PageLayout], system: &mut FontSystem) -> Result<Vec<u8>, PdfError> {
    let mut used = UsedFonts::new();
    for line in pages.iter().flat_map(|page| &page.lines) {
        collect_glyphs(line, system, &mut used);
    }
    let mut pdf = Pdf::new();
    let mut next = 0;
    let mut reference = || {
        next += 1;
        Ref::new(next)
    };
    let (catalog, tree, info) = (reference(), reference(), reference());
    pdf.catalog(catalog).pages(tree).lang(TextStr("en"));
    let title = format!("{} {}", document.title, document.number);
    let mut about = pdf.document_info(info);
    about.title(TextStr(&title)).producer(TextStr("Storefront"));
    if let Some(date) = date_of(document) {
        about.creation_date(date);
    }
    about.finish();
    let fonts: Vec<(ID, Ref)> = used.keys().map(|id| (*id, reference())).collect();
    for (id, font) in &fonts {
        let more = [reference(), reference(), reference(), reference()];
        write_font(&mut pdf, system, *id, &used[id], *font, more)?;
    }
    let mut kids = Vec::new();
    for page in pages {
        let (page_id, content_id) = (reference(), reference());
        let mut written = pdf.page(page_id);
        written.media_box(Rect::new(0.0, 0.0, PAGE_SIZE.0, PAGE_SIZE.1)).parent(tree).contents(content_id);
        let mut resources = written.resources();
        let mut names = resources.fonts();
        for (id, font) in &fonts {
            names.pair(Name(&used[id].name), *font);
        }
        names.finish();
        resources.finish();
        written.finish();
        pdf.stream(content_id, &draw(page, &used).finish());
        kids.push(page_id);
    }
    pdf.pages(tree).count(i32::try_from(kids.len()).unwrap_or(i32::MAX)).kids(kids);
    Ok(pdf.finish())
}

fn date_of(document: &Document) -> Option<Date> {
    let mut parts = document.issued_on.split('-');
    let (year, month, day) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some(Date::new(year).month(month).day(day))
}

fn collect_glyphs(line: &PlacedLine, system: &FontSystem, used: &mut UsedFonts) {
    for glyph in &line.line.glyphs {
        let count = used.len() + 1;
        let font = used.entry(glyph.font).or_insert_with(|| UsedFont {
            name: format!("F{count}").into_bytes(),
            glyphs: GlyphRemapper::new(),
            texts: BTreeMap::new(),
            widths: BTreeMap::new(),
        });
        let place = font.glyphs.remap(glyph.id);
        let text = &line.line.text[glyph.cluster.clone()];
        font.texts.entry(place).or_insert_with(|| text.to_owned());
        font.widths.entry(glyph.id).or_insert_with(|| {
            let width = |data: &[u8], index| {
                let face = Face::parse(data, index).ok()?;
                let advance = face.glyph_hor_advance(GlyphId(glyph.id)).unwrap_or(0);
                Some(f32::from(advance) * 1000.0 / f32::from(face.units_per_em()))
            };
            system.db().with_face_data(glyph.font, width).flatten().unwrap_or(0.0)
        });
    }
}

fn draw(page: &PageLayout, used: &UsedFonts) -> Content {
    let mut content = Content::new();
    content.set_line_width(0.5);
    for y in &page.rules {
        content.move_to(LEFT, *y).line_to(RIGHT, *y).stroke();
    }
    for line in &page.lines {
        // With one glyph per letter from left to right, the ToUnicode map suffices. It also does for right-to-left text, which
        // PDF readers reverse themselves; they would also reverse an ActualText.
        let plain = line.line.has_right_to_left || line.line.text.is_ascii();
        if !plain {
            content
                .begin_marked_content_with_properties(Name(b"Span"))
                .properties()
                .actual_text(TextStr(line.line.text.trim_end()));
        }
        content.begin_text();
        let mut rest = line.line.glyphs.as_slice();
        while let Some(first) = rest.first() {
            let together = |glyph: &&ShapedGlyph| glyph.font == first.font && glyph.y.to_bits() == first.y.to_bits();
            let (run, after) = rest.split_at(rest.iter().take_while(together).count());
            draw_run(&mut content, line, run, &used[&first.font]);
            rest = after;
        }
        content.end_text();
        if !plain {
            content.end_marked_content();
        }
    }
    content
}

/// Draws glyphs of one font on one baseline, at their positions.
fn draw_run(content: &mut Content, line: &PlacedLine, run: &[ShapedGlyph], font: &UsedFont) {
    let Some(first) = run.first() else { return };
    let size = line.line.style.size;
    content.set_font(Name(&font.name), size);
    content.set_text_matrix([1.0, 0.0, 0.0, 1.0, line.x + first.x, line.y + first.y]);
    let mut shown = content.show_positioned();
    let mut items = shown.items();
    let mut pen = first.x;
    for glyph in run {
        let off = (pen - glyph.x) * 1000.0 / size;
        if off.abs() > 0.5 {
            items.adjust(off.round());
            pen = glyph.x;
        }
        let place = font.glyphs.get(glyph.id).unwrap_or(0);
        items.show(Str(&place.to_be_bytes()));
        pen += font.widths.get(&glyph.id).copied().unwrap_or(0.0) * size / 1000.0;
    }
}

/// Writes a font and its subset as five PDF objects.
fn write_font(
    pdf: &mut Pdf,
    system: &FontSystem,
    id: ID,
    used: &UsedFont,
    font: Ref,
    [cid_font, descriptor, file, to_unicode]: [Ref; 4],
) -> Result<(), PdfError> {
    let post_script_name = system.db().face(id).map(|face| face.post_script_name.clone()).unwrap_or_default();
    let bad = || PdfError::Font(post_script_name.clone());
    let embedded = system.db().with_face_data(id, |data, index| embed(data, index, used)).flatten();
    let Embedded { subset, is_cff, metrics } = embedded.ok_or_else(bad)?;
    // A tag of six letters marks the name as a subset (9.6.4); it is deterministic.
    let plain_name: String = post_script_name.chars().filter(char::is_ascii_alphanumeric).collect();
    let name = format!("STORE{}+{plain_name}", used.name.last().map_or('A', |digit| char::from(b'A' + digit % 26)));
    let name = Name(name.as_bytes());

    pdf.type0_font(font)
        .base_font(name)
        .encoding_predefined(Name(b"Identity-H"))
        .descendant_font(cid_font)
        .to_unicode(to_unicode);
    let mut cid = pdf.cid_font(cid_font);
    cid.subtype(if is_cff { CidFontType::Type0 } else { CidFontType::Type2 });
    cid.base_font(name).system_info(SYSTEM_INFO).font_descriptor(descriptor).default_width(0.0);
    if !is_cff {
        cid.cid_to_gid_map_predefined(Name(b"Identity"));
    }
    let widths = used.glyphs.remapped_gids().map(|glyph| used.widths.get(&glyph).copied().unwrap_or(0.0));
    cid.widths().consecutive(0, widths);
    cid.finish();

    let mut written = pdf.font_descriptor(descriptor);
    written
        .name(name)
        .flags(FontFlags::SYMBOLIC)
        .bbox(metrics.bbox)
        .italic_angle(0.0)
        .ascent(metrics.ascent)
        .descent(metrics.descent)
        .cap_height(metrics.cap_height)
        .stem_v(80.0);
    if is_cff {
        written.font_file3(file);
    } else {
        written.font_file2(file);
    }
    written.finish();
    let mut stream = pdf.stream(file, &subset);
    if is_cff {
        stream.pair(Name(b"Subtype"), Name(b"CIDFontType0C"));
    }
    stream.finish();

    let mut map = UnicodeCmap::new(CMAP_NAME, SYSTEM_INFO);
    for (place, text) in &used.texts {
        map.pair_with_multiple(*place, text.chars());
    }
    pdf.cmap(to_unicode, &map.finish()).name(CMAP_NAME).system_info(SYSTEM_INFO);
    Ok(())
}

/// The subset of a font, and its metrics in thousandths of the font size.
struct Embedded {
    subset: Vec<u8>,
    is_cff: bool,
    metrics: FontMetrics,
}

struct FontMetrics {
    bbox: Rect,
    ascent: f32,
    descent: f32,
    cap_height: f32,
}

fn embed(data: &[u8], index: u32, used: &UsedFont) -> Option<Embedded> {
    let face = Face::parse(data, index).ok()?;
    let to_em = |units: i16| f32::from(units) * 1000.0 / f32::from(face.units_per_em());
    let bounds = face.global_bounding_box();
    let metrics = FontMetrics {
        bbox: Rect::new(to_em(bounds.x_min), to_em(bounds.y_min), to_em(bounds.x_max), to_em(bounds.y_max)),
        ascent: to_em(face.ascender()),
        descent: to_em(face.descender()),
        cap_height: to_em(face.capital_height().unwrap_or_else(|| face.ascender())),
    };
    let subset = subsetter::subset(data, index, &used.glyphs).ok()?;
    // For PostScript outlines, PDF embeds the `CFF ` table alone.
    let outlines = ttf_parser::RawFace::parse(&subset, 0).ok()?.table(Tag::from_bytes(b"CFF ")).map(<[u8]>::to_vec);
    Some(match outlines {
        Some(outlines) => Embedded { subset: outlines, is_cff: true, metrics },
        None => Embedded { subset, is_cff: false, metrics },
    })
}
