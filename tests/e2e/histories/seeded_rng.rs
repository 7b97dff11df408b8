//! Random choices that are repeatable by a seed: SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).

/// The generator of one client.
#[derive(Clone, Debug)]
pub(crate) struct SeededRng(u64);

impl SeededRng {
    /// The generator for a seed and a name.
    pub(crate) fn new(seed: u64, name: &str) -> Self {
        // FNV-1a gives each name its own sequence.
        let hash = name
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Self(seed ^ hash)
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number from 0 to below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.bits() % end
    }

    /// An index below `len`.
    pub(crate) fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).expect("an index")
    }

    /// `true` with a probability of 1 in `times`.
    pub(crate) fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

#[test]
fn a_seed_repeats_the_choices_of_a_name_and_of_no_other() {
    let drawn = |seed, name| {
        let mut rng = SeededRng::new(seed, name);
        [(); 20].map(|()| rng.below(1000))
    };
    assert_eq!(drawn(7, "writer-1"), drawn(7, "writer-1"));
    assert_ne!(drawn(7, "writer-1"), drawn(7, "writer-2"));
    assert_ne!(drawn(7, "writer-1"), drawn(8, "writer-1"));
}
