//! Charges at the card gateway that are not in the books.

use storefront_api::UnmatchedCharge;

use crate::state::{List, Load};

/// The part Charges.
#[derive(Debug, Default)]
pub(crate) struct Charges {
    pub(crate) items: Vec<UnmatchedCharge>,
    /// Whether there are no others.
    pub(crate) complete: bool,
    pub(crate) load: Load,
    pub(crate) sequence: u64,
    pub(crate) list: List,
}

impl Charges {
    pub(crate) fn selected(&self) -> Option<&UnmatchedCharge> {
        self.items.get(self.list.cursor)
    }
}
