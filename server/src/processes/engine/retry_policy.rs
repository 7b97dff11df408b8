//! How long an event that goes wrong is tried again, by what went wrong.
//!
//! * A system that is not ours is away: whoever speaks to it says when to ask again, and when that has lost its sense.
//! * The log cannot be read or written, or somebody else was faster: for ever. Nothing could be parked either, and the log will be back.
//! * The shop's own rules refuse: a few times, because what is missing may be on its way; then it is parked.
//! * The event cannot be read, or a handler makes a mistake: parked at once. The next attempt would end the same way.

use std::time::Duration;

use storefront_eventlog::AppendError;

use crate::backoff::Backoff;
use crate::store::aggregates::LoadError;
use crate::store::commands::Failure;

/// Attempts at what the shop's own rules refuse: about six seconds in all.
const REFUSALS: u32 = 8;

/// The pauses between attempts when nobody says otherwise: 0.1 s, doubling to 30 s, with jitter.
const PAUSES: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(30));

/// Why an event could not be handled this time.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandlerError {
    /// A system that is not ours cannot do its part now. Never parks by itself.
    #[error("{detail}")]
    Away {
        /// What it said, or did not say.
        detail: String,
        /// When to ask again.
        pause: Duration,
    },
    /// Trying again makes no sense.
    #[error("{0}")]
    Hopeless(String),
    /// The shop itself failed.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl From<LoadError> for HandlerError {
    fn from(error: LoadError) -> Self {
        Self::Failed(error.into())
    }
}

/// What is to be done with an event that could not be handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetryDecision {
    /// Try again after this pause.
    Again(Duration),
    /// Let its sequence wait for somebody to look.
    Park,
}

/// Judges the failure of an attempt, counted from 1.
pub(crate) fn decide(error: &HandlerError, attempt: u32) -> RetryDecision {
    match error {
        HandlerError::Away { pause, .. } => RetryDecision::Again(*pause),
        HandlerError::Hopeless(_) => RetryDecision::Park,
        HandlerError::Failed(failure) => match failure {
            Failure::Busy
            | Failure::ViewsUnavailable(_)
            | Failure::ViewsUnreadable(_)
            | Failure::Load(LoadError::Store(_))
            | Failure::Append(
                AppendError::Conflict { .. }
                | AppendError::Fenced { .. }
                | AppendError::TimerGone { .. }
                | AppendError::Busy
                | AppendError::Store(_),
            ) => RetryDecision::Again(PAUSES.pause(attempt)),
            Failure::Order(_)
            | Failure::Stock(_)
            | Failure::Payment(_)
            | Failure::Email(_)
            | Failure::Process(_)
            | Failure::Wallet(_)
            | Failure::Voucher(_)
            | Failure::Customer(_)
            | Failure::Invoice(_)
            | Failure::Withdrawals(_)
            | Failure::VersionMismatch { .. } => {
                if attempt < REFUSALS {
                    RetryDecision::Again(PAUSES.pause(attempt))
                } else {
                    RetryDecision::Park
                }
            }
            Failure::Load(LoadError::Codec { .. })
            | Failure::KeyReused
            | Failure::Json(_)
            | Failure::Append(
                AppendError::AlreadyAnswered { .. } | AppendError::DuplicateEvent(_) | AppendError::Invalid(_),
            ) => RetryDecision::Park,
        },
    }
}

#[cfg(test)]
mod tests {
    use storefront_domain::stock::StockError;
    use storefront_eventlog::StoreError;

    use super::*;
    use crate::codec::CodecError;

    fn parks(error: impl Into<HandlerError>, attempt: u32) -> bool {
        decide(&error.into(), attempt) == RetryDecision::Park
    }

    #[test]
    fn what_cannot_be_read_is_parked_at_once() {
        let source = CodecError::UnknownVersion { kind: "order.checked_out".to_owned(), schema_version: 9, known: 1 };
        assert!(parks(LoadError::Codec { position: 7, source }, 1));
        assert!(parks(Failure::Append(AppendError::Invalid("an event type needs a name".to_owned())), 1));
        assert!(parks(HandlerError::Hopeless("the handler made a mistake".to_owned()), 1));
    }

    #[test]
    fn a_log_that_is_away_never_parks_anything() {
        for attempt in [1, 8, 1_000_000] {
            assert!(!parks(LoadError::Store(StoreError::Unusable("no".to_owned())), attempt));
            assert!(!parks(Failure::Busy, attempt));
            assert!(!parks(Failure::Append(AppendError::Store(StoreError::Closed)), attempt));
        }
    }

    #[test]
    fn what_the_rules_refuse_is_tried_a_few_times() {
        let attempts = (1..).take_while(|attempt| !parks(Failure::Stock(StockError::NotReserved), *attempt)).count();
        assert_eq!(attempts, 7, "the eighth is the last");
    }

    #[test]
    fn a_system_that_is_away_is_asked_again_when_whoever_speaks_to_it_says() {
        let pause = Duration::from_secs(77);
        let away = HandlerError::Away { detail: "no answer".to_owned(), pause };
        assert_eq!(decide(&away, 1_000_000), RetryDecision::Again(pause));
    }
}
