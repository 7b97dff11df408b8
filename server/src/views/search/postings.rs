//! Which products have a word. Most words of a large catalogue, its article numbers, are of one product, and that one is
//! kept in place: a search for a beginning that they all share then reads them one after another.

/// A product that has a word, and in which of its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Posting {
    pub(super) slot: u32,
    pub(super) fields: u8,
}

/// The products that have a word, by slot.
#[derive(Debug)]
pub(super) enum Postings {
    One(Posting),
    Many(Vec<Posting>),
}

impl Default for Postings {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Postings {
    pub(super) fn as_slice(&self) -> &[Posting] {
        match self {
            Self::One(posting) => std::slice::from_ref(posting),
            Self::Many(postings) => postings,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }

    /// Adds a product that is not in here.
    pub(super) fn insert(&mut self, posting: Posting) {
        match self {
            Self::Many(postings) if postings.is_empty() => *self = Self::One(posting),
            Self::Many(postings) => {
                let place = postings.partition_point(|known| known.slot < posting.slot);
                postings.insert(place, posting);
            }
            Self::One(known) if known.slot < posting.slot => *self = Self::Many(vec![*known, posting]),
            Self::One(known) => *self = Self::Many(vec![posting, *known]),
        }
    }

    /// Takes a product out, if it is in.
    pub(super) fn remove(&mut self, slot: u32) {
        match self {
            Self::One(posting) if posting.slot == slot => *self = Self::default(),
            Self::One(_) => {}
            Self::Many(postings) => {
                if let Ok(place) = postings.binary_search_by_key(&slot, |posting| posting.slot) {
                    postings.remove(place);
                }
            }
        }
    }
}
