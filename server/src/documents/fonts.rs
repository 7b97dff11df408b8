//! The fonts that documents are set in: one that the program brings (Latin, Greek, Cyrillic, Arabic, Hebrew and more), and
//! for other scripts those of the system. Which letters no font has is known at the start and told.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use cosmic_text::fontdb::{Database, ID, Source, Style, Weight};
use cosmic_text::{FontSystem, PlatformFallback};
use ttf_parser::{Face, Permissions, Tag};

use crate::config::FontSource;

/// The family that the program brings.
pub(super) const OWN_FAMILY: &str = "DejaVu Sans";

/// Scripts that names and addresses of today are written in, a few letters of each, and the Debian package that has a font
/// for them.
const SCRIPTS: &[(&str, &str, &str)] = &[
    ("Latin", "ŁąßÆỳẾ", OWN),
    ("Greek", "Ωάΐ", OWN),
    ("Cyrillic", "ЖђїҢ", OWN),
    ("Arabic", "شڭگﻻ", OWN),
    ("Hebrew", "שׁ", OWN),
    ("Armenian", "Հ", OWN),
    ("Georgian", "ქ", OWN),
    ("Chinese", "漢龍们", CJK),
    ("Japanese", "ひカ", CJK),
    ("Korean", "한글", CJK),
    ("Thai", "ไทย", NOTO),
    ("Lao", "ລາວ", NOTO),
    ("Devanagari", "हिन्दी", NOTO),
    ("Bengali", "বাংলা", NOTO),
    ("Gurmukhi", "ਗੁਰਮੁਖੀ", NOTO),
    ("Gujarati", "ગુજરાતી", NOTO),
    ("Odia", "ଓଡ଼ିଆ", NOTO),
    ("Tamil", "தமிழ்", NOTO),
    ("Telugu", "తెలుగు", NOTO),
    ("Kannada", "ಕನ್ನಡ", NOTO),
    ("Malayalam", "മലയാളം", NOTO),
    ("Sinhala", "සිංහල", NOTO),
    ("Thaana", "ދިވެހި", NOTO),
    ("Tibetan", "བོད", NOTO),
    ("Burmese", "မြန်မာ", NOTO),
    ("Khmer", "ខ្មែរ", NOTO),
    ("Ethiopic", "አማርኛ", NOTO),
    ("Mongolian", "ᠮᠣᠩ", NOTO),
    ("Cherokee", "ᏣᎳᎩ", NOTO),
    ("Tifinagh", "ⵜⵉⴼ", NOTO),
    ("Syriac", "ܣܘܪ", NOTO),
    ("N'Ko", "ߒߞߏ", NOTO),
];

const OWN: &str = "fonts-dejavu-core";
const NOTO: &str = "fonts-noto-core";
const CJK: &str = "fonts-noto-cjk";

/// Fonts, ready to set text in.
pub(crate) struct Fonts {
    system: Mutex<FontSystem>,
    missing: Option<String>,
}

/// The fonts of a shop, looked for when they are first needed or by somebody who does it beforehand.
#[derive(Clone)]
pub(crate) struct FontShelf {
    source: FontSource,
    fonts: Arc<OnceLock<Arc<Fonts>>>,
}

/// The system's fonts are those of every shop in this process.
static OF_THE_SYSTEM: OnceLock<Arc<Fonts>> = OnceLock::new();

impl FontShelf {
    pub(crate) fn new(source: FontSource) -> Self {
        Self { source, fonts: Arc::default() }
    }

    /// The fonts. The first call reads files, and may take a second where very many are installed.
    pub(crate) fn get(&self) -> &Fonts {
        self.fonts.get_or_init(|| match &self.source {
            FontSource::System => Arc::clone(OF_THE_SYSTEM.get_or_init(|| Arc::new(Fonts::load(None)))),
            FontSource::Folder(folder) => Arc::new(Fonts::load(Some(folder))),
        })
    }

    /// What documents cannot show, as far as that is known yet.
    pub(crate) fn missing(&self) -> Option<String> {
        self.fonts.get()?.missing.clone()
    }
}

impl Fonts {
    fn load(folder: Option<&Path>) -> Self {
        let mut database = Database::new();
        for font in [dejavu::sans::regular(), dejavu::sans::bold()] {
            database.load_font_source(Source::Binary(Arc::new(font)));
        }
        match folder {
            Some(folder) => database.load_fonts_dir(folder),
            None => database.load_system_fonts(),
        }
        let unfit: Vec<ID> = database.faces().map(|face| face.id).filter(|id| !is_fit(&database, *id)).collect();
        for id in unfit {
            database.remove_face(id);
        }
        let system = FontSystem::new_with_locale_and_db_and_fallback("en".to_owned(), database, PlatformFallback);
        let mut fonts = Self { system: Mutex::new(system), missing: None };
        fonts.missing = fonts.find_missing();
        fonts
    }

    /// Does something with the fonts, alone.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut FontSystem) -> T) -> T {
        // Whoever died while setting a text left nothing half done but caches.
        work(&mut self.system.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn find_missing(&self) -> Option<String> {
        let missing: Vec<_> = SCRIPTS.iter().filter(|(_, letters, _)| !self.has_all(letters)).collect();
        let of_package = |package: &str| {
            let scripts: Vec<&str> =
                missing.iter().filter(|(_, _, from)| *from == package).map(|(script, _, _)| *script).collect();
            (!scripts.is_empty()).then(|| format!("{} (install {package})", scripts.join(", ")))
        };
        let packages: Vec<String> = [OWN, CJK, NOTO].into_iter().filter_map(of_package).collect();
        (!packages.is_empty()).then(|| {
            format!(
                "Invoices as PDF show letters as [U+…] for which there is no font: {}. Then start again.",
                packages.join("; ")
            )
        })
    }
}

/// Whether a font is upright, of usual width, regular or bold, may be embedded, and has outlines that can be.
fn is_fit(database: &Database, id: ID) -> bool {
    let Some(face) = database.face(id) else { return false };
    let usual = face.style == Style::Normal
        && face.stretch == cosmic_text::fontdb::Stretch::Normal
        && [Weight::NORMAL, Weight::BOLD].contains(&face.weight);
    let embeddable = |data: &[u8], index: u32| {
        let face = Face::parse(data, index).ok()?;
        let has = |tag: &[u8; 4]| face.raw_face().table(Tag::from_bytes(tag)).is_some();
        let allowed = face.permissions() != Some(Permissions::Restricted) && face.is_subsetting_allowed();
        Some(allowed && (has(b"glyf") || has(b"CFF ")))
    };
    usual && database.with_face_data(id, embeddable).flatten().unwrap_or(false)
}
