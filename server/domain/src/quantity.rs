//! The quantity of one product in a line.

/// The quantity of a line: 1 to 99 pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(u32);

/// The number is not a valid quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a line has 1 to 99 pieces, not {0}")]
pub struct BadQuantity(pub u32);

impl Quantity {
    /// Maximum number of pieces per line.
    pub const MAX: u32 = 99;

    /// The number of pieces.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for Quantity {
    type Error = BadQuantity;

    fn try_from(pieces: u32) -> Result<Self, BadQuantity> {
        if (1..=Self::MAX).contains(&pieces) { Ok(Self(pieces)) } else { Err(BadQuantity(pieces)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_one_to_99_pieces() {
        for pieces in [1, 2, 99] {
            assert_eq!(Quantity::try_from(pieces).map(Quantity::get), Ok(pieces));
        }
        for pieces in [0, 100, u32::MAX] {
            assert_eq!(Quantity::try_from(pieces), Err(BadQuantity(pieces)));
        }
        assert_eq!(BadQuantity(100).to_string(), "a line has 1 to 99 pieces, not 100");
    }
}
