//! Decoders for what mails are wrapped in: quoted-printable and Base64 (RFC 2045), encoded words in headers (RFC 2047)
//! and the character sets UTF-8 and ISO 8859-1. Damaged input is decoded as far as it goes, never refused.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The bytes of a body in this `Content-Transfer-Encoding`.
pub(super) fn body(encoding: &str, bytes: &[u8]) -> Vec<u8> {
    match encoding.trim().to_ascii_lowercase().as_str() {
        "base64" => base64_lenient(bytes),
        "quoted-printable" => quoted_printable(bytes),
        _ => bytes.to_vec(),
    }
}

/// Text from bytes in this character set.
pub(super) fn charset(name: &str, bytes: &[u8]) -> String {
    match name.trim().to_ascii_lowercase().as_str() {
        "iso-8859-1" | "latin1" | "windows-1252" => bytes.iter().map(|byte| char::from(*byte)).collect(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// A header value with its encoded words decoded: `=?utf-8?q?Gr=C3=BC=C3=9Fe?=` → `Grüße`.
pub(super) fn header(value: &str) -> String {
    let mut decoded = String::new();
    let mut rest = value;
    let mut after_word = false;
    while let Some(start) = rest.find("=?") {
        let (before, from_word) = rest.split_at(start);
        let Some((text, after)) = encoded_word(from_word) else {
            decoded.push_str(before);
            decoded.push_str("=?");
            rest = &from_word[2..];
            after_word = false;
            continue;
        };
        // Blanks between two encoded words belong to the encoding, not to the text.
        if !(after_word && before.trim().is_empty()) {
            decoded.push_str(before);
        }
        decoded.push_str(&text);
        rest = after;
        after_word = true;
    }
    decoded.push_str(rest);
    decoded
}

/// The text of the encoded word at the beginning, and what comes after it.
fn encoded_word(word: &str) -> Option<(String, &str)> {
    let mut parts = word.strip_prefix("=?")?.splitn(3, '?');
    let (set, encoding, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let (encoded, after) = rest.split_once("?=")?;
    let bytes = match encoding {
        "B" | "b" => base64_lenient(encoded.as_bytes()),
        "Q" | "q" => quoted_printable(encoded.replace('_', "=20").as_bytes()),
        _ => return None,
    };
    // RFC 2231 allows a language after the character set.
    let set = set.split('*').next().unwrap_or_default();
    Some((charset(set, &bytes), after))
}

fn base64_lenient(bytes: &[u8]) -> Vec<u8> {
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let mut digits: Vec<u8> = bytes.iter().copied().filter(is_digit).collect();
    if digits.len() % 4 == 1 {
        digits.pop();
    }
    BASE64.decode(&digits).unwrap_or_default()
}

fn quoted_printable(bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'=' {
            decoded.push(byte);
            continue;
        }
        match *after {
            [b'\r', b'\n', ..] => rest = &after[2..],
            [b'\n', ..] => rest = &after[1..],
            [high, low, ..] => match hex_byte(high, low) {
                Some(value) => {
                    decoded.push(value);
                    rest = &after[2..];
                }
                None => decoded.push(b'='),
            },
            [_] | [] => decoded.push(b'='),
        }
    }
    decoded
}

fn hex_byte(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? * 16 + digit(low)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(encoding: &str, encoded: &str) -> String {
        String::from_utf8(body(encoding, encoded.as_bytes())).unwrap()
    }

    #[test]
    fn quoted_printable_joins_soft_line_breaks() {
        assert_eq!(text("Quoted-Printable", "Gr=C3=BC=C3=9Fe aus=\r\n dem Laden =3D)"), "Grüße aus dem Laden =)");
    }

    #[test]
    fn damaged_quoted_printable_stays_as_it_is() {
        assert_eq!(text("quoted-printable", "1 =XY 2 ="), "1 =XY 2 =");
    }

    #[test]
    fn base64_may_be_broken_into_lines_and_lack_its_padding() {
        assert_eq!(text("base64", "R3LD\r\nvMOfZQ=="), "Grüße");
        assert_eq!(text("BASE64", "R3LDvMOfZQ"), "Grüße");
    }

    #[test]
    fn other_encodings_are_left_alone() {
        assert_eq!(text("8bit", "Grüße"), "Grüße");
    }

    #[test]
    fn encoded_words_are_decoded_and_joined() {
        assert_eq!(header("=?utf-8?b?R3LDvMOfZQ==?= aus dem Laden"), "Grüße aus dem Laden");
        assert_eq!(header("=?UTF-8?Q?Gr=C3=BC=C3=9Fe_?=\t=?utf-8?q?an_alle?="), "Grüße an alle");
        assert_eq!(header("Re: =?iso-8859-1?q?caf=E9?="), "Re: café");
    }

    #[test]
    fn what_only_looks_like_an_encoded_word_stays() {
        assert_eq!(header("what =? this =?x?z?y?= is"), "what =? this =?x?z?y?= is");
    }
}
