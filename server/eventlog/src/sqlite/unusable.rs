//! Errors for files that cannot be opened as a log, worded as sentences about the log.

use std::path::Path;

use crate::{StoreCondition, StoreError};

/// An error of the database while a log is opened, as a sentence about the log.
pub(super) fn unusable_for(path: &Path, failure: StoreError) -> StoreError {
    match (failure.condition(), failure) {
        (StoreCondition::Damaged, StoreError::Database(error)) => unusable(path, &format!("is damaged: {error}")),
        (_, StoreError::Database(error)) => unusable(path, &format!("cannot be made ready: {error}")),
        (
            _,
            other @ (StoreError::Unusable(_)
            | StoreError::InUse(_)
            | StoreError::Invalid(_)
            | StoreError::Closed
            | StoreError::SetBack { .. }),
        ) => other,
    }
}

pub(super) fn unusable(path: &Path, why: &str) -> StoreError {
    StoreError::Unusable(format!("the event log {} {why}", path.display()))
}
