//! The workshop lab: stories that play by themselves in the running shop, and what they break on purpose.

mod scenarios;

pub(crate) use self::scenarios::Scenario;
use crate::integrations::lab_stubs::LabStubs;

/// The lab of a shop that has one.
#[derive(Debug)]
pub(crate) struct Lab {
    /// The stand-ins for the systems around the shop.
    pub(crate) stubs: LabStubs,
}

impl Lab {
    /// A lab with these stubs.
    pub(crate) fn new(stubs: LabStubs) -> Self {
        Self { stubs }
    }
}
