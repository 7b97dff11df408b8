//! Why a request failed, and whether it is sent again.

use storefront_api::Problem;

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The shop refused, with its reason.
    Refused(Box<Problem>),
    /// The shop could not be reached; a retry may succeed.
    Unreachable(String),
    /// The response was not understood.
    Unexpected(String),
}

/// Maximum number of retries after responses that the shop cannot take a request at the moment.
const MAX_DEFERRALS: u32 = 4;

impl Failure {
    /// The failure as a sentence.
    pub(crate) fn sentence(&self) -> &str {
        match self {
            Self::Refused(problem) if problem.detail.is_empty() => &problem.title,
            Self::Refused(problem) => &problem.detail,
            Self::Unreachable(text) | Self::Unexpected(text) => text,
        }
    }

    /// Whether the shop does not take the token: it has expired and can be renewed, or its session has ended.
    pub(crate) fn is_session_over(&self) -> bool {
        matches!(self, Self::Refused(problem) if problem.code == "session_invalid")
    }
}

/// Counts the retries of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RetryState {
    pub(crate) again: u32,
    /// Number of deferrals by the shop since it was last unreachable.
    deferrals: u32,
}

impl RetryState {
    /// Number of retries before the latest one.
    pub(crate) fn previous_attempts(self) -> u32 {
        self.again.saturating_sub(1)
    }

    /// Decides whether to retry the same request under the same key after a failure, and counts the retry: without
    /// limit when there was no response, a few times when the shop cannot take it at the moment.
    pub(crate) fn should_retry(&mut self, failure: &Failure) -> bool {
        let deferrals = match failure {
            Failure::Unreachable(_) => 0,
            Failure::Refused(problem) if problem.code == "request_in_progress" => self.deferrals,
            Failure::Refused(problem)
                if (failure.is_session_over() || matches!(problem.status, 429 | 503))
                    && self.deferrals < MAX_DEFERRALS =>
            {
                self.deferrals + 1
            }
            Failure::Refused(_) | Failure::Unexpected(_) => return false,
        };
        *self = Self { again: self.again.saturating_add(1), deferrals };
        true
    }
}
