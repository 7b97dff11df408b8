//! The kind of a failure, which the backend that failed determines. In a file of its own, because the backends import the
//! errors and this imports the backends.

use crate::{StoreCondition, StoreError, postgres, sqlite};

impl StoreError {
    /// The kind of failure, for readers who must not see the details.
    pub fn condition(&self) -> StoreCondition {
        match self {
            Self::Closed => StoreCondition::Closed,
            Self::SetBack { .. } => StoreCondition::SetBack,
            Self::Unusable(_) | Self::InUse(_) | Self::Invalid(_) => StoreCondition::Failing,
            Self::Database(error) => {
                sqlite::condition(&**error).or_else(|| postgres::condition(&**error)).unwrap_or(StoreCondition::Failing)
            }
        }
    }
}
