//! Order numbers for people: short, unique, not countable by a stranger, and safe to read out on the phone.
//!
//! `MJVS-JTAY` is 7 characters of 5 bits and a check character, all of Crockford's base32 alphabet
//! (<https://www.crockford.com/base32.html>), which has no I, L, O and U.
//!
//! **Scrambling.** A Feistel network with halves of 17 and 18 bits permutes the positions within 35 bits: each half in turn is
//! changed by a function of the other. Every step can be reversed, so this is a bijection whatever the function is, and
//! two positions never share a number. The constants are in this file, so the numbers hide the sales volume only from a
//! casual reader; they are not secret, and do not authorise anything.
//!
//! **Check character.** The eight characters are numbers of the field GF(32), and `Σ weightᵢ · characterᵢ = 0` holds, where
//! the weights are the powers 7 to 0 of 2. It is the rule of H. M. Damm ("Total anti-symmetrische Quasigruppen",
//! Marburg 2004) with the operation `2x + y` of a field of characteristic two. One wrong character changes the sum by
//! `weight · difference`, and a swap of two by `(weight + other weight) · difference`. Neither is ever 0, because the powers
//! 0 to 30 of 2 all differ: every single wrong character and every swap of two characters is caught.

use std::fmt;
use std::str::FromStr;

/// The order number that customers see, such as `MJVS-JTAY`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderNumber {
    /// 35 bits: seven characters of five.
    code: u64,
}

/// Why a text is not an order number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadOrderNumber {
    /// The text does not have the form of an order number.
    #[error("an order number has 8 letters or digits, such as MJVS-JTAY")]
    Form,
    /// The check character does not match: a character is wrong, or two are swapped.
    #[error("the order number has a typing error")]
    Check,
}

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Number of characters before the check character.
const CODE_CHARACTERS: u32 = 7;
const BITS_OF_CHARACTER: u32 = 5;
const LEFT_BITS: u32 = 17;
const RIGHT_BITS: u32 = 18;
const UPPER_HALF: u64 = 1 << 34;
/// Bits of the start of an epoch within the upper half, and of the positions within an epoch.
const EPOCH_BITS: u32 = 33;
/// The keys of the rounds: multiples of 2⁶⁴ divided by the golden ratio, as in Knuth's multiplicative hashing.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
const ROUNDS: u64 = 8;

impl OrderNumber {
    /// The number of the order that was confirmed at a log position. No two positions below 2³⁵ share one; above, the
    /// lowest 35 bits count.
    pub fn from_position(position: u64) -> Self {
        let mut left = (position >> RIGHT_BITS) & low_bits(LEFT_BITS);
        let mut right = position & low_bits(RIGHT_BITS);
        for round in 1..=ROUNDS {
            if round % 2 == 1 {
                left ^= mixed(right, round) & low_bits(LEFT_BITS);
            } else {
                right ^= mixed(left, round) & low_bits(RIGHT_BITS);
            }
        }
        Self { code: left << RIGHT_BITS | right }
    }

    /// The number of the order that was confirmed at a position of a log that was set back, so that its positions repeat.
    /// `epoch` is the id (UUIDv7) that the log got when the set-back was detected.
    ///
    /// The random end of the id determines where in the upper half of the 35 bits the positions of this epoch begin. Below
    /// 2³³ positions, none has a number of the log before its first set-back. Two epochs of a log of n positions share
    /// numbers with a probability of about 2n / 2³³.
    pub fn after_set_back(position: u64, epoch: uuid::Uuid) -> Self {
        let (_, random) = epoch.as_u64_pair();
        Self::from_position(UPPER_HALF + (random & low_bits(EPOCH_BITS)) + (position & low_bits(EPOCH_BITS)))
    }

    /// The symbols (5 bits each) of the seven characters, in order.
    fn symbols(self) -> impl Iterator<Item = u8> {
        (0..CODE_CHARACTERS).rev().map(move |index| {
            let symbol = (self.code >> (index * BITS_OF_CHARACTER)) & low_bits(BITS_OF_CHARACTER);
            symbol.to_le_bytes()[0]
        })
    }
}

impl fmt::Display for OrderNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let check = check_symbol(self.symbols());
        for (index, symbol) in self.symbols().chain([check]).enumerate() {
            if index == 4 {
                f.write_str("-")?;
            }
            write!(f, "{}", char::from(ALPHABET[usize::from(symbol)]))?;
        }
        Ok(())
    }
}

impl FromStr for OrderNumber {
    type Err = BadOrderNumber;

    /// Accepts lower case and a missing dash; reads O as 0, and I and L as 1.
    fn from_str(text: &str) -> Result<Self, BadOrderNumber> {
        let bare = match text.trim().split_once('-') {
            Some((left, right)) if left.len() == 4 => format!("{left}{right}"),
            Some(_) => return Err(BadOrderNumber::Form),
            None => text.trim().to_owned(),
        };
        let symbols: Vec<u8> = bare.bytes().map(symbol_of).collect::<Option<_>>().ok_or(BadOrderNumber::Form)?;
        let [code @ .., check] = symbols.as_slice() else { return Err(BadOrderNumber::Form) };
        if code.len() != CODE_CHARACTERS as usize {
            return Err(BadOrderNumber::Form);
        }
        if check_symbol(code.iter().copied()) != *check {
            return Err(BadOrderNumber::Check);
        }
        Ok(Self { code: code.iter().fold(0, |sum, &symbol| sum << BITS_OF_CHARACTER | u64::from(symbol)) })
    }
}

fn symbol_of(character: u8) -> Option<u8> {
    let character = match character.to_ascii_uppercase() {
        b'O' => b'0',
        b'I' | b'L' => b'1',
        other => other,
    };
    ALPHABET.iter().position(|&known| known == character).and_then(|index| u8::try_from(index).ok())
}

/// The last symbol, which brings the weighted sum to 0 (Horner's rule; in this field minus is plus).
fn check_symbol(code: impl Iterator<Item = u8>) -> u8 {
    code.fold(0, |sum, symbol| doubled(sum ^ symbol))
}

/// Twice a number of GF(32), which is GF(2)\[x\] modulo the primitive polynomial x⁵ + x² + 1.
fn doubled(symbol: u8) -> u8 {
    let shifted = symbol << 1;
    if shifted & 0b10_0000 == 0 { shifted } else { shifted ^ 0b10_0101 }
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014): every bit of the result depends on every bit of the input.
fn mixed(half: u64, round: u64) -> u64 {
    let mut bits = half.wrapping_add(GOLDEN.wrapping_mul(round));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

const fn low_bits(count: u32) -> u64 {
    (1 << count) - 1
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    const PAYLOADS: u64 = 1 << 35;

    #[test]
    fn numbers_look_like_this_for_ever() {
        // Numbers are in the log and on paper, so the scheme must never change.
        let shown = [0, 1, 2, 41, PAYLOADS - 1].map(|position| OrderNumber::from_position(position).to_string());
        assert_eq!(shown, ["EE9H-FEV9", "E0HN-8G9W", "MJVS-JTAY", "W64R-G044", "GKBG-NJW1"]);
    }

    #[test]
    fn numbers_of_an_epoch_look_like_this_for_ever() {
        let epoch = uuid::Uuid::from_u128(0x0190_0000_0000_7000_8000_0003_0000_0005);
        // 2³⁴, the low 33 bits of the id, and the position.
        assert_eq!(OrderNumber::after_set_back(2, epoch), OrderNumber::from_position((1 << 34) + (1 << 32) + 5 + 2));
    }

    #[test]
    fn the_first_hundred_thousand_numbers_are_all_different() {
        let numbers: HashSet<_> = (0..100_000).map(OrderNumber::from_position).collect();
        assert_eq!(numbers.len(), 100_000);
    }

    #[test]
    fn neighbours_do_not_look_alike() {
        // Of 7 characters, two random numbers share 7/32 at the same place on average.
        let symbols = |position| OrderNumber::from_position(position).symbols().collect::<Vec<_>>();
        let alike: usize = (0..10_000)
            .map(|position| symbols(position).iter().zip(symbols(position + 1)).filter(|(a, b)| **a == *b).count())
            .sum();
        assert!((1_500..3_000).contains(&alike), "{alike} characters of 70,000 stay as they are");
    }

    #[test]
    fn the_powers_of_two_in_the_field_are_all_different() {
        let powers: HashSet<u8> = std::iter::successors(Some(1), |&power| Some(doubled(power))).take(31).collect();
        assert_eq!(powers.len(), 31);
    }

    #[test]
    fn people_may_write_it_their_way() {
        let number = OrderNumber { code: 0x0_2104_2108 };
        let shown = number.to_string();
        let typed = shown.replace('0', "O").replace('1', "l").replace('-', "").to_lowercase();
        assert_ne!(typed, shown);
        assert_eq!(typed.parse(), Ok(number));
        assert_eq!(format!(" {} \n", shown.replace('1', "I")).parse(), Ok(number));
    }

    #[test]
    fn what_has_not_the_form_of_a_number_is_refused() {
        for text in ["", "-", "MJVS", "MJVS-JTAYA", "K7Q-2M9XD", "K7Q2-M9X!", "K7Q2-M9XU", "K7Q2--M9XD", "ÄÖÜß"] {
            assert_eq!(text.parse::<OrderNumber>(), Err(BadOrderNumber::Form), "{text}");
        }
    }

    /// The eight symbols of a number, check character last.
    fn all_symbols(number: OrderNumber) -> Vec<u8> {
        number.symbols().chain([check_symbol(number.symbols())]).collect()
    }

    fn parse(symbols: &[u8]) -> Result<OrderNumber, BadOrderNumber> {
        let text: String = symbols.iter().map(|&symbol| char::from(ALPHABET[usize::from(symbol)])).collect();
        text.parse()
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(code in 0..PAYLOADS) {
            let number = OrderNumber { code };
            prop_assert_eq!(number.to_string().parse(), Ok(number));
        }

        #[test]
        fn two_positions_never_share_a_number(one in 0..PAYLOADS, other in 0..PAYLOADS) {
            prop_assert_eq!(one == other, OrderNumber::from_position(one) == OrderNumber::from_position(other));
        }

        #[test]
        fn a_log_that_was_set_back_gives_no_number_that_it_gave_before(
            before in 0..PAYLOADS / 4,
            position in 0..PAYLOADS / 4,
            epoch: u128,
        ) {
            let number = OrderNumber::after_set_back(position, uuid::Uuid::from_u128(epoch));
            prop_assert_ne!(number, OrderNumber::from_position(before));
            prop_assert_eq!(number.to_string().parse(), Ok(number));
        }

        #[test]
        fn every_single_wrong_character_is_caught(code in 0..PAYLOADS) {
            let right = all_symbols(OrderNumber { code });
            for place in 0..right.len() {
                for symbol in (0..32).filter(|&symbol| symbol != right[place]) {
                    let mut wrong = right.clone();
                    wrong[place] = symbol;
                    prop_assert_eq!(parse(&wrong), Err(BadOrderNumber::Check));
                }
            }
        }

        #[test]
        fn every_swap_of_neighbours_is_caught(code in 0..PAYLOADS) {
            let right = all_symbols(OrderNumber { code });
            for place in 0..right.len() - 1 {
                let mut wrong = right.clone();
                wrong.swap(place, place + 1);
                prop_assert_eq!(parse(&wrong).is_ok(), wrong == right);
            }
        }
    }

    #[test]
    fn every_swap_of_two_neighbours_is_detected_at_every_place() {
        // The check is linear, so the sum of the wrong and the right number decides; one zero number stands for all.
        for place in 0..7_usize {
            for (a, b) in (0..32_u8).flat_map(|a| (0..32).map(move |b| (a, b))).filter(|(a, b)| a != b) {
                let mut error = [0; 8];
                (error[place], error[place + 1]) = (a ^ b, a ^ b);
                assert_eq!(parse(&error), Err(BadOrderNumber::Check), "{a} and {b} at {place}");
            }
        }
    }
}
