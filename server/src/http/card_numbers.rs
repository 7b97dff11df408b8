//! Detection of card numbers in text, in any notation. They must not be stored in the log, so they are refused in every input.
//!
//! A match has 12 to 19 digits, an issuer prefix with a length that goes with it, and a valid check digit (ISO/IEC 7812-1).
//! Digits may be of any script, with a few characters between them that are neither letters nor digits, and letters around
//! them.
//!
//! False positives: about one in thirty of the longer tracking numbers; a carrier's letters before the number do not prevent
//! it, letters within it do. Not matched are hexadecimal ids (UUIDs and digests) and product numbers (EAN-13), as cards with
//! 13 digits have not been issued for decades.

/// Maximum number of characters between two digits of one number.
const MAX_GAP_CHARS: usize = 4;
/// Number of digits of a card number.
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 12..=19;
/// Maximum number of digits of a telephone number (ITU-T E.164).
const MAX_PHONE_DIGITS: usize = 15;
/// Number of digits of hexadecimal ids of 128, 160, 256, 384 and 512 bits.
const HEX_ID_DIGITS: [usize; 5] = [32, 40, 64, 96, 128];
/// Number of digits of the groups of a UUID.
const UUID_GROUP_DIGITS: [usize; 5] = [8, 4, 4, 4, 12];

/// Whether a text contains a card number.
pub(crate) fn has_card_number(text: &str) -> bool {
    // Fast path: few texts have enough digits.
    if text.chars().filter(|char| digit_value(*char).is_some()).take(*CARD_DIGITS.start()).count()
        < *CARD_DIGITS.start()
    {
        return false;
    }
    let groups = digit_groups(&without_ids(text));
    (0..groups.len()).any(|first| {
        let mut digits = Vec::new();
        for (index, group) in groups[first..].iter().enumerate() {
            if index > 0 && !group.continues_previous {
                break;
            }
            digits.extend(&group.digits);
            if digits.len() > *CARD_DIGITS.end() {
                break;
            }
            let is_product_number = index == 0 && is_ean_13(&digits);
            if has_issuer_prefix(&digits) && has_luhn_digit(&digits) && !is_product_number {
                return true;
            }
        }
        false
    })
}

/// Whether a text is a telephone number: it begins with `+` or `0`, which no card number does, and has at most
/// [`MAX_PHONE_DIGITS`] digits. Many telephone numbers in Indonesia, Malaysia or Guatemala match as card numbers otherwise.
pub(crate) fn is_phone_number(text: &str) -> bool {
    let has_phone_prefix = text.trim_start_matches([' ', '(']).starts_with(['+', '0']);
    has_phone_prefix && text.chars().filter(|char| digit_value(*char).is_some()).count() <= MAX_PHONE_DIGITS
}

/// A run of adjacent digits.
struct Group {
    digits: Vec<u8>,
    /// Whether only a short gap without letters separates it from the previous group.
    continues_previous: bool,
}

fn digit_groups(text: &str) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    // Number of characters since the last digit; `None` when a letter was among them or the gap is too long.
    let mut gap = None;
    for char in text.chars() {
        match (digit_value(char), gap) {
            (Some(digit), Some(0)) => {
                if let Some(group) = groups.last_mut() {
                    group.digits.push(digit);
                }
            }
            (Some(digit), gap) => groups.push(Group { digits: vec![digit], continues_previous: gap.is_some() }),
            (None, _) => {}
        }
        gap = match (digit_value(char), gap) {
            (Some(_), _) => Some(0),
            (None, Some(gap)) if gap < MAX_GAP_CHARS && !char.is_alphabetic() => Some(gap + 1),
            (None, _) => None,
        };
    }
    groups
}

/// Returns the text with hexadecimal ids replaced by a letter.
fn without_ids(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let is_hex = |char: char| char.is_ascii_hexdigit() || char == '-';
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = rest.find(|char: char| is_hex(char) != is_hex(first)).unwrap_or(rest.len());
        let (run, after) = rest.split_at(length);
        if is_hex(first) {
            copy_all_but_ids(run, &mut kept);
        } else {
            kept.push_str(run);
        }
        rest = after;
    }
    kept
}

/// Copies a run of hexadecimal digits and hyphens, replacing ids; an id may be part of a longer run, as in `order-…-1`.
fn copy_all_but_ids(run: &str, kept: &mut String) {
    let words: Vec<&str> = run.split('-').collect();
    let mut place = 0;
    while let Some(word) = words.get(place) {
        if place > 0 {
            kept.push('-');
        }
        if words[place..].iter().map(|word| word.len()).take(UUID_GROUP_DIGITS.len()).eq(UUID_GROUP_DIGITS) {
            kept.push('x');
            place += UUID_GROUP_DIGITS.len();
        } else {
            kept.push_str(if is_digest(word) { "x" } else { word });
            place += 1;
        }
    }
}

fn is_digest(word: &str) -> bool {
    HEX_ID_DIGITS.contains(&word.len()) && word.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// Whether the digits have the prefix of a card network, and a length that goes with it.
fn has_issuer_prefix(digits: &[u8]) -> bool {
    if !CARD_DIGITS.contains(&digits.len()) {
        return false;
    }
    let beginning = digits[..4].iter().fold(0, |number, digit| number * 10 + u32::from(*digit));
    match (beginning, digits.len()) {
        // Visa.
        (4000..=4999, 13 | 16 | 19)
        // Mastercard.
        | (5100..=5599 | 2221..=2720, 16)
        // American Express.
        | (3400..=3499 | 3700..=3799, 15)
        // Diners Club.
        | (3000..=3059 | 3090..=3099 | 3600..=3699 | 3800..=3999, 14..)
        // JCB, Mir, Troy, RuPay, UnionPay.
        | (3528..=3589 | 2200..=2204 | 9792 | 8100..=8299, 16..)
        // Maestro and similar networks, including Discover and UnionPay.
        | (5000..=5099 | 5600..=5899 | 6000..=6999, _) => true,
        _ => false,
    }
}

/// Luhn check: the sum of all digits, every second one doubled, is a multiple of ten.
fn has_luhn_digit(digits: &[u8]) -> bool {
    let doubled = |digit: u8| if digit > 4 { 2 * digit - 9 } else { 2 * digit };
    let weighed = digits.iter().rev().enumerate();
    let sum: u32 = weighed.map(|(place, digit)| u32::from(if place % 2 == 1 { doubled(*digit) } else { *digit })).sum();
    sum.is_multiple_of(10)
}

/// Whether the digits are an EAN-13: the sum of all, every second one tripled, is a multiple of ten.
fn is_ean_13(digits: &[u8]) -> bool {
    let weighed = digits.iter().enumerate();
    let sum: u32 = weighed.map(|(place, digit)| u32::from(*digit) * if place % 2 == 1 { 3 } else { 1 }).sum();
    digits.len() == 13 && sum.is_multiple_of(10)
}

/// The decimal value of a character; `None` when it is not a digit.
fn digit_value(char: char) -> Option<u8> {
    if char.is_ascii() {
        return char.to_digit(10).and_then(|digit| u8::try_from(digit).ok());
    }
    let code = u32::from(char);
    let found = DIGITS.partition_point(|(first, ..)| *first <= code).checked_sub(1)?;
    let (first, count, value) = DIGITS[found];
    let place = u8::try_from(code - first).ok().filter(|place| *place < count)?;
    Some(value + place)
}

/// Runs of non-ASCII digits: first code point, length, and value of the first (Unicode 17, `UnicodeData.txt`, field 7: decimal
/// digits of every script, and superscript, subscript and circled digits).
#[rustfmt::skip]
const DIGITS: [(u32, u8, u8); 95] = [
    (0xB2, 2, 2), (0xB9, 1, 1), (0x660, 10, 0), (0x6F0, 10, 0), (0x7C0, 10, 0), (0x966, 10, 0), (0x9E6, 10, 0),
    (0xA66, 10, 0), (0xAE6, 10, 0), (0xB66, 10, 0), (0xBE6, 10, 0), (0xC66, 10, 0), (0xCE6, 10, 0), (0xD66, 10, 0),
    (0xDE6, 10, 0), (0xE50, 10, 0), (0xED0, 10, 0), (0xF20, 10, 0), (0x1040, 10, 0), (0x1090, 10, 0), (0x1369, 9, 1),
    (0x17E0, 10, 0), (0x1810, 10, 0), (0x1946, 10, 0), (0x19D0, 10, 0), (0x19DA, 1, 1), (0x1A80, 10, 0),
    (0x1A90, 10, 0), (0x1B50, 10, 0), (0x1BB0, 10, 0), (0x1C40, 10, 0), (0x1C50, 10, 0), (0x2070, 1, 0),
    (0x2074, 6, 4), (0x2080, 10, 0), (0x2460, 9, 1), (0x2474, 9, 1), (0x2488, 9, 1), (0x24EA, 1, 0), (0x24F5, 9, 1),
    (0x24FF, 1, 0), (0x2776, 9, 1), (0x2780, 9, 1), (0x278A, 9, 1), (0xA620, 10, 0), (0xA8D0, 10, 0), (0xA900, 10, 0),
    (0xA9D0, 10, 0), (0xA9F0, 10, 0), (0xAA50, 10, 0), (0xABF0, 10, 0), (0xFF10, 10, 0), (0x104A0, 10, 0),
    (0x10A40, 4, 1), (0x10D30, 10, 0), (0x10D40, 10, 0), (0x10E60, 9, 1), (0x11052, 9, 1), (0x11066, 10, 0),
    (0x110F0, 10, 0), (0x11136, 10, 0), (0x111D0, 10, 0), (0x112F0, 10, 0), (0x11450, 10, 0), (0x114D0, 10, 0),
    (0x11650, 10, 0), (0x116C0, 10, 0), (0x116D0, 10, 0), (0x116DA, 10, 0), (0x11730, 10, 0), (0x118E0, 10, 0),
    (0x11950, 10, 0), (0x11BF0, 10, 0), (0x11C50, 10, 0), (0x11D50, 10, 0), (0x11DA0, 10, 0), (0x11F50, 10, 0),
    (0x16A60, 10, 0), (0x16AC0, 10, 0), (0x16B50, 10, 0), (0x16D70, 10, 0), (0x1CCF0, 10, 0), (0x1D7CE, 10, 0),
    (0x1D7D8, 10, 0), (0x1D7E2, 10, 0), (0x1D7EC, 10, 0), (0x1D7F6, 10, 0), (0x1E140, 10, 0), (0x1E2F0, 10, 0),
    (0x1E4F0, 10, 0), (0x1E5F1, 10, 0), (0x1E950, 10, 0), (0x1F100, 1, 0), (0x1F101, 10, 0), (0x1FBF0, 10, 0),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_however_it_is_written() {
        for number in [
            "4242424242424242",
            "4242 4242 4242 4242",
            "4000-0000-0000-0002",
            "4242.4242.4242.4242",
            "4242_4242_4242_4242",
            "4242/4242\u{a0}4242\u{2013}4242",
            "4242 - 4242 - 4242 - 4242",
            "4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2",
            "42\u{200b}42\u{200b}42\u{200b}42\u{200b}42\u{200b}42\u{200b}42\u{200b}42",
            "tok_4242424242424242",
            "x4242424242424242x",
            "abc4242424242424242def",
            "my card is 4242 4242 4242 4242, thank you",
            "12 Main Street 4242 4242 4242 4242",
            "12 4242 4242 4242 4242 09/27",
            "\u{ff14}\u{ff12}\u{ff14}\u{ff12}4242\u{ff14}\u{ff12}\u{ff14}\u{ff12}4242",
            "\u{664}\u{662}\u{664}\u{662} 4242 4242 4242",
            "\u{1d7d2}\u{1d7d0}42424242424242",
            "\u{2463}\u{2461}42424242424242",
            "378282246310005",
            "3782 822463 10005",
            "5555555555554444",
            "2223003122003222",
            "6011111111111117",
            "30569309025904",
            "36227206271667",
            "3566002020360505",
            "6200000000000005",
            "4222222222222",
            "676770000005",
            "6304000000000000",
            "6759649826438453",
        ] {
            assert!(has_card_number(number), "{number}");
        }
    }

    #[test]
    fn what_is_no_number_of_a_card_passes() {
        for text in [
            "",
            "42",
            "pm_card_visa",
            "4242424242424241",
            "00000000000000000000",
            // Of carriers: UPS, DHL, USPS, FedEx.
            "1Z999AA10123456784",
            "JJD000390007882823",
            "00340434161094042557",
            "9400111899223197428490",
            "986578788855",
            "+49 170 1234567",
            "Musterstra\u{df}e 12, 10115 Berlin",
            "2026-11-30 12:30:45.123",
            "10, 20, 30, 40, 50, 60, 70",
            // On goods.
            "4006381333931",
            "4012345678901",
            // A number with words between its parts is a sentence.
            "4242 is half of 4242 and 4242 is 4242",
            "0195500d-4242-4242-4242-424242424242",
            "4242424242424242a242424242424242",
        ] {
            assert!(!has_card_number(text), "{text}");
        }
    }

    #[test]
    fn a_telephone_number_begins_as_no_card_does_and_is_no_longer_than_any() {
        for text in ["+62 812 3456 780", "0062 812 3456 780", "(+62) 812 3456 780", "+49 170 1234567", "0221 123456"] {
            assert!(is_phone_number(text), "{text}");
        }
        assert!(has_card_number("+62 812 3456 780"), "it looks like the number of a card too");
        for text in ["4242 4242 4242 4242", "+4242 4242 4242 4242", "0 4242 4242 4242 4242", "628123456780", ""] {
            assert!(!is_phone_number(text), "{text}");
        }
    }

    #[test]
    fn an_id_is_seen_between_other_words_and_a_card_beside_it_too() {
        let id = "018f6f0e-4242-4242-8242-424242424242";
        for text in [format!("2026-11-30-{id}"), format!("{id}-{id}"), format!("-{id}-"), format!("Order {id}.")] {
            assert!(!has_card_number(&text), "{text}");
        }
        for text in
            [format!("{id}-4242424242424242"), format!("4242-4242-4242-4242-{id}"), format!("{id} 4222222222222")]
        {
            assert!(has_card_number(&text), "{text}");
        }
    }

    #[test]
    fn ids_that_a_program_makes_are_never_taken_for_numbers() {
        let mut state = 1_u128;
        for _ in 0..200_000 {
            state = state.wrapping_mul(0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645).wrapping_add(1);
            let id = uuid::Uuid::from_u128(state);
            for text in
                [id.to_string(), id.simple().to_string(), format!("pm_{}", id.simple()), format!("order-{id}-1")]
            {
                assert!(!has_card_number(&text), "{text}");
            }
        }
    }

    #[test]
    fn the_digits_beyond_ascii_stand_in_order() {
        assert!(DIGITS.windows(2).all(|pair| pair[0].0 + u32::from(pair[0].1) <= pair[1].0));
        assert!(DIGITS.iter().all(|(_, count, value)| count + value <= 10));
    }
}
