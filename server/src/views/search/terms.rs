//! Words as searches compare them: the same for what is indexed and for what is asked.
//!
//! Text is folded first: compatibility forms are one (NFKD), accents go, case goes, and the letters of Latin script that are
//! no letter with an accent become what they are written as elsewhere (ß is ss, æ is ae, ø is o). Scripts that put no space
//! between words (Chinese, Japanese, Thai and their like) are indexed from every letter on, so that any part of a text is the
//! beginning of something in the index.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;
use unicode_script::{Script, UnicodeScript as _};

/// So many letters of a script without spaces are one term.
const GRAM: usize = 4;

/// A piece of a text between what is no letter.
enum Piece {
    /// Of a script that puts spaces between words.
    Word(String),
    /// Of a script that does not.
    Run(Vec<char>),
}

/// A text without its case, accents and compatibility forms.
pub(crate) fn folded(text: &str) -> String {
    let plain = text.nfkd().filter(|letter| !is_accent(*letter) && !is_invisible(*letter));
    // There and back: ß becomes SS, and both of the small sigmas become the one capital.
    let folded = plain.flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    let mut latin = String::with_capacity(text.len());
    for letter in folded {
        match latin_letters(letter) {
            Some(letters) => latin.push_str(letters),
            None => latin.push(letter),
        }
    }
    latin.nfc().collect()
}

/// A name in the form in which two of them count as the same: without case, in one Unicode form, trimmed. Accents tell names
/// apart.
pub(crate) fn identity(name: &str) -> String {
    let plain = name.trim().nfkc().filter(|letter| !is_invisible(*letter));
    plain.flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfc().collect()
}

/// The terms under which a text is found by their beginnings. `joins` says which signs are part of a word.
pub(crate) fn indexed(text: &str, joins: &[char]) -> Vec<String> {
    let mut terms = Vec::new();
    for piece in pieces(text, joins) {
        match piece {
            Piece::Word(word) => terms.push(word),
            Piece::Run(run) => {
                terms.extend((0..run.len()).map(|from| run[from..run.len().min(from + GRAM)].iter().collect()));
            }
        }
    }
    terms
}

/// The terms that a search asks for; each must be the beginning of a term of what is found. None when there is nothing in
/// it that could be searched for.
pub(crate) fn asked(text: &str, joins: &[char]) -> Vec<String> {
    let mut terms = Vec::new();
    for piece in pieces(text, joins) {
        match piece {
            Piece::Word(word) => terms.push(word),
            Piece::Run(run) if run.len() <= GRAM => terms.push(run.iter().collect()),
            Piece::Run(run) => {
                // One after another, and the last one up to the end.
                let last = run.len() - GRAM;
                let starts = (0..last).step_by(GRAM).chain([last]);
                terms.extend(starts.map(|from| run[from..from + GRAM].iter().collect()));
            }
        }
    }
    terms
}

/// Whether a letter belongs to a script that puts no space between words.
pub(crate) fn is_spaceless(letter: char) -> bool {
    // The mark of long vowels belongs to two scripts, and so to none.
    letter == 'ー'
        || matches!(
            letter.script(),
            Script::Han
                | Script::Hiragana
                | Script::Katakana
                | Script::Bopomofo
                | Script::Thai
                | Script::Lao
                | Script::Khmer
                | Script::Myanmar
        )
}

fn pieces(text: &str, joins: &[char]) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut open = false;
    for letter in folded(text).chars() {
        let mark = is_combining_mark(letter);
        if !mark && !letter.is_alphanumeric() && !joins.contains(&letter) {
            open = false;
            continue;
        }
        // A mark belongs to what it stands on.
        match pieces.last_mut().filter(|_| open) {
            Some(Piece::Run(run)) if mark || is_spaceless(letter) => run.push(letter),
            Some(Piece::Word(word)) if mark || !is_spaceless(letter) => word.push(letter),
            Some(_) | None if is_spaceless(letter) => pieces.push(Piece::Run(vec![letter])),
            Some(_) | None => pieces.push(Piece::Word(letter.to_string())),
        }
        open = true;
    }
    // Signs alone are no word.
    pieces.retain(|piece| match piece {
        Piece::Word(word) => word.chars().any(char::is_alphanumeric),
        Piece::Run(_) => true,
    });
    pieces
}

/// A mark that a reader may leave out. In most scripts of India and south-east Asia marks are vowels, and stay; so do those
/// that make another syllable of a Japanese one.
fn is_accent(letter: char) -> bool {
    is_combining_mark(letter)
        && matches!(letter.script(), Script::Inherited | Script::Hebrew | Script::Arabic)
        && !matches!(letter, '\u{3099}' | '\u{309a}')
}

/// What is in a text without being seen: soft hyphens, joiners, marks of direction.
fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// What a Latin letter that is left after folding is written as in plain letters.
fn latin_letters(letter: char) -> Option<&'static str> {
    if letter.is_ascii() || letter.script() != Script::Latin {
        return None;
    }
    deunicode::deunicode_char(letter).filter(|letters| letters.bytes().all(|byte| byte.is_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_accents_and_forms_do_not_matter() {
        for (text, plain) in [
            ("Crème Brûlée", "creme brulee"),
            ("Cre\u{300}me Bru\u{302}le\u{301}e", "creme brulee"),
            ("STRASSE Straße", "strasse strasse"),
            ("ﬁne ﬂour", "fine flour"),
            ("Œuvre Ærø Łódź", "oeuvre aero lodz"),
            ("ΟΔΟΣ οδός", "οδοσ οδοσ"),
            ("İstanbul ısı", "istanbul isi"),
            ("ｔｅａ　１２", "tea 12"),
            ("Tee\u{ad}kanne", "teekanne"),
            ("ёлка", "елка"),
            ("ガラス ｶﾞﾗｽ", "ガラス ガラス"),
            ("한국", "한국"),
            ("กาน้ำชา", "กาน\u{e49}\u{e4d}าชา"),
        ] {
            assert_eq!(folded(text), plain, "{text}");
        }
    }

    #[test]
    fn names_are_the_same_whatever_their_case_and_unicode_form() {
        for (one, other) in [("KIT-1", "kit-1"), ("Café", " CAFE\u{301} "), ("Straße", "STRASSE"), ("ｔｅａ", "Tea")]
        {
            assert_eq!(identity(one), identity(other), "{one}");
        }
        assert_ne!(identity("Café"), identity("Cafe"));
        assert_ne!(identity("KIT-1"), identity("KIT1"));
    }

    #[test]
    fn a_text_without_spaces_is_indexed_from_every_letter_on() {
        assert_eq!(indexed("北欧白橡木", &[]), ["北欧白橡", "欧白橡木", "白橡木", "橡木", "木"]);
        assert_eq!(indexed("Mug 橡木cup", &[]), ["mug", "橡木", "木", "cup"]);
        assert_eq!(asked("橡木", &[]), ["橡木"]);
        assert_eq!(asked("北欧白橡木桌", &[]), ["北欧白橡", "白橡木桌"]);
        assert_eq!(asked("北欧白橡木桌子北欧", &[]), ["北欧白橡", "木桌子北", "桌子北欧"]);
    }

    #[test]
    fn every_part_of_a_text_without_spaces_begins_something_in_its_index() {
        for text in ["北欧白橡木桌子大", "กาน้ำชาเซรามิก", "アイスクリームメーカー"]
        {
            let letters: Vec<char> = folded(text).chars().collect();
            let index = indexed(text, &[]);
            for from in 0..letters.len() {
                for to in from + 1..=letters.len() {
                    let part: String = letters[from..to].iter().collect();
                    let terms = asked(&part, &[]);
                    let found = terms.iter().all(|term| index.iter().any(|word| word.starts_with(term.as_str())));
                    assert!(found || is_combining_mark(letters[from]), "{part} in {text}: {terms:?}");
                }
            }
        }
    }

    #[test]
    fn signs_alone_are_nothing_to_search_for() {
        for text in ["", " ", "😀", "%", "_", "-", "@.-", "\u{301}\u{200b}"] {
            assert_eq!(asked(text, &['@', '.', '-']), [""; 0], "{text:?}");
        }
    }
}
