//! Random choices that are repeatable by a seed.

use std::cell::Cell;

/// SplitMix64 (Steele, Lea and Flood, 2014).
pub(super) struct SeededRng(Cell<u64>);

impl SeededRng {
    /// The generator of one image.
    pub(super) fn new(seed: u64, image: u64) -> Self {
        Self(Cell::new(seed ^ image.wrapping_mul(0xD6E8_FEB8_6659_FD93)))
    }

    fn next(&self) -> u64 {
        let state = self.0.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.0.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to below `end`, which is above 0.
    pub(super) fn below(&self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    /// `true` with a probability in percent.
    pub(super) fn percent(&self, percent: usize) -> bool {
        self.below(100) < percent
    }
}
