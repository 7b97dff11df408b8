//! Charges at the card gateway that no payment of the shop matches.

use storefront_api::UnmatchedCharge;

use crate::state::{List, Load};

/// The part Charges.
#[derive(Debug, Default)]
pub(crate) struct Charges {
    pub(crate) items: Vec<UnmatchedCharge>,
    /// Whether the list is complete.
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
