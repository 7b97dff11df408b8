//! The fonts of PDF documents: a bundled one (Latin, Greek, Cyrillic, Arabic, Hebrew and more), and fonts of the system
//! or of a folder for other scripts. Loading also determines which scripts have no font, for readiness to report.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use cosmic_text::fontdb::{Database, ID, Source, Style, Weight};
use cosmic_text::{FontSystem, PlatformFallback};
use ttf_parser::{Face, Permissions, Tag};

use crate::config::FontSource;

/// The bundled font family.
pub(super) const BUNDLED_FAMILY: &str = "DejaVu Sans";

/// Scripts in current use for names and addresses: name, sample letters, and the Debian package with a font for the
/// script.
const SCRIPTS: &[(&str, &str, &str)] = &[
    ("Latin", "ŁąßÆỳẾ", DEJAVU_PACKAGE),
    ("Greek", "Ωάΐ", DEJAVU_PACKAGE),
    ("Cyrillic", "ЖђїҢ", DEJAVU_PACKAGE),
    ("Arabic", "شڭگﻻ", DEJAVU_PACKAGE),
    ("Hebrew", "שׁ", DEJAVU_PACKAGE),
    ("Armenian", "Հ", DEJAVU_PACKAGE),
    ("Georgian", "ქ", DEJAVU_PACKAGE),
    ("Chinese", "漢龍们", CJK_PACKAGE),
    ("Japanese", "ひカ", CJK_PACKAGE),
    ("Korean", "한글", CJK_PACKAGE),
    ("Thai", "ไทย", NOTO_PACKAGE),
    ("Lao", "ລາວ", NOTO_PACKAGE),
    ("Devanagari", "हिन्दी", NOTO_PACKAGE),
    ("Bengali", "বাংলা", NOTO_PACKAGE),
    ("Gurmukhi", "ਗੁਰਮੁਖੀ", NOTO_PACKAGE),
    ("Gujarati", "ગુજરાતી", NOTO_PACKAGE),
    ("Odia", "ଓଡ଼ିଆ", NOTO_PACKAGE),
    ("Tamil", "தமிழ்", NOTO_PACKAGE),
    ("Telugu", "తెలుగు", NOTO_PACKAGE),
    ("Kannada", "ಕನ್ನಡ", NOTO_PACKAGE),
    ("Malayalam", "മലയാളം", NOTO_PACKAGE),
    ("Sinhala", "සිංහල", NOTO_PACKAGE),
    ("Thaana", "ދިވެހި", NOTO_PACKAGE),
    ("Tibetan", "བོད", NOTO_PACKAGE),
    ("Burmese", "မြန်မာ", NOTO_PACKAGE),
    ("Khmer", "ខ្មែរ", NOTO_PACKAGE),
    ("Ethiopic", "አማርኛ", NOTO_PACKAGE),
    ("Mongolian", "ᠮᠣᠩ", NOTO_PACKAGE),
    ("Cherokee", "ᏣᎳᎩ", NOTO_PACKAGE),
    ("Tifinagh", "ⵜⵉⴼ", NOTO_PACKAGE),
    ("Syriac", "ܣܘܪ", NOTO_PACKAGE),
    ("N'Ko", "ߒߞߏ", NOTO_PACKAGE),
];

const DEJAVU_PACKAGE: &str = "fonts-dejavu-core";
const NOTO_PACKAGE: &str = "fonts-noto-core";
const CJK_PACKAGE: &str = "fonts-noto-cjk";

pub(crate) struct Fonts {
    system: Mutex<FontSystem>,
    missing: Option<String>,
}

/// The fonts of a shop, loaded on first use.
#[derive(Clone)]
pub(crate) struct LazyFonts {
    source: FontSource,
    fonts: Arc<OnceLock<Arc<Fonts>>>,
}

/// The system's fonts, shared by all shops in this process.
static SYSTEM_FONTS: OnceLock<Arc<Fonts>> = OnceLock::new();

impl LazyFonts {
    pub(crate) fn new(source: FontSource) -> Self {
        Self { source, fonts: Arc::default() }
    }

    /// Returns the fonts. The first call reads files and may take a second with very many fonts; it blocks.
    pub(crate) fn get(&self) -> &Fonts {
        self.fonts.get_or_init(|| match &self.source {
            FontSource::System => Arc::clone(SYSTEM_FONTS.get_or_init(|| Arc::new(Fonts::load(None)))),
            FontSource::Folder(folder) => Arc::new(Fonts::load(Some(folder))),
        })
    }

    /// Message about scripts without a font; `None` when all have one or the fonts are not loaded yet.
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
        let unfit: Vec<ID> = database.faces().map(|face| face.id).filter(|id| !is_usable(&database, *id)).collect();
        for id in unfit {
            database.remove_face(id);
        }
        let system = FontSystem::new_with_locale_and_db_and_fallback("en".to_owned(), database, PlatformFallback);
        let mut fonts = Self { system: Mutex::new(system), missing: None };
        fonts.missing = fonts.find_missing();
        fonts
    }

    /// Calls `work` with exclusive access to the font system.
    pub(super) fn with_system<T>(&self, work: impl FnOnce(&mut FontSystem) -> T) -> T {
        // A panic during layout leaves at most caches incomplete.
        work(&mut self.system.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn find_missing(&self) -> Option<String> {
        let missing: Vec<_> = SCRIPTS.iter().filter(|(_, letters, _)| !self.has_all(letters)).collect();
        let of_package = |package: &str| {
            let scripts: Vec<&str> =
                missing.iter().filter(|(_, _, from)| *from == package).map(|(script, _, _)| *script).collect();
            (!scripts.is_empty()).then(|| format!("{} (install {package})", scripts.join(", ")))
        };
        let packages: Vec<String> =
            [DEJAVU_PACKAGE, CJK_PACKAGE, NOTO_PACKAGE].into_iter().filter_map(of_package).collect();
        (!packages.is_empty()).then(|| {
            format!(
                "Invoices as PDF show letters as [U+…] for which there is no font: {}. Then start again.",
                packages.join("; ")
            )
        })
    }
}

/// Whether a font is upright, of normal width, regular or bold, and may and can be embedded.
fn is_usable(database: &Database, id: ID) -> bool {
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
