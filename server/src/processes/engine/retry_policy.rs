//! Decides whether a failed event is retried or parked, by the kind of error.
//!
//! * An external system is unavailable: its handler says when to try again, and when to stop.
//! * The log cannot be read or written, or an append conflicts: retried without limit. Parking would need the log
//!   too, and the log will be back.
//! * The shop's own rules refuse: retried a few times, because what is missing may be on its way; then parked.
//! * The event cannot be decoded, or a handler panics: parked at once. The next attempt would end the same way.

use std::time::Duration;

use storefront_eventlog::AppendError;

use crate::backoff::Backoff;
use crate::store::aggregates::LoadError;
use crate::store::commands::Failure;

/// Maximum number of attempts when the shop's own rules refuse: about six seconds in all.
const MAX_REFUSED_ATTEMPTS: u32 = 8;

/// Pauses between attempts when the error names none: 0.1 s, doubling to 30 s, with jitter.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(30));

/// Why a delivery failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandlerError {
    /// An external system is unavailable. Never parks by itself.
    #[error("{detail}")]
    Unavailable {
        /// What the system answered, or that it did not.
        detail: String,
        /// Time to wait before the next attempt.
        pause: Duration,
    },
    /// A retry would fail again.
    #[error("{0}")]
    Permanent(String),
    /// The shop itself failed.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl From<LoadError> for HandlerError {
    fn from(error: LoadError) -> Self {
        Self::Failed(error.into())
    }
}

/// What happens to an event after a failed delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetryDecision {
    /// Deliver it again after this pause.
    RetryAfter(Duration),
    /// Park its sequence until an operator retries or skips it.
    Park,
}

/// Decides what happens after attempt number `attempt` (from 1) has failed.
pub(crate) fn decide_retry(error: &HandlerError, attempt: u32) -> RetryDecision {
    match error {
        HandlerError::Unavailable { pause, .. } => RetryDecision::RetryAfter(*pause),
        HandlerError::Permanent(_) => RetryDecision::Park,
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
            ) => RetryDecision::RetryAfter(BACKOFF.pause(attempt)),
            Failure::Order(_)
            | Failure::Stock(_)
            | Failure::Payment(_)
            | Failure::Email(_)
            | Failure::Process(_)
            | Failure::Wallet(_)
            | Failure::Voucher(_)
            | Failure::Customer(_)
            | Failure::Login(_)
            | Failure::ApiKey(_)
            | Failure::Webhook(_)
            | Failure::Invoice(_)
            | Failure::Withdrawals(_)
            | Failure::VersionMismatch { .. } => {
                if attempt < MAX_REFUSED_ATTEMPTS {
                    RetryDecision::RetryAfter(BACKOFF.pause(attempt))
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
        decide_retry(&error.into(), attempt) == RetryDecision::Park
    }

    #[test]
    fn what_cannot_be_read_is_parked_at_once() {
        let source = CodecError::UnknownVersion { kind: "order.checked_out".to_owned(), schema_version: 9, known: 1 };
        assert!(parks(LoadError::Codec { position: 7, source }, 1));
        assert!(parks(Failure::Append(AppendError::Invalid("an event type needs a name".to_owned())), 1));
        assert!(parks(HandlerError::Permanent("the handler made a mistake".to_owned()), 1));
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
        let away = HandlerError::Unavailable { detail: "no answer".to_owned(), pause };
        assert_eq!(decide_retry(&away, 1_000_000), RetryDecision::RetryAfter(pause));
    }
}
