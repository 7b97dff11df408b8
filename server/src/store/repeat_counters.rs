//! Counts repeats that changed nothing (webhooks, requests) and appends that were retried after a conflict, and keeps
//! the latest of each kind for display. None of this is a fact of the shop, so it is not in the log and is lost with
//! the server.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use storefront_api::{Repeat, RepeatKind, Repeats as ApiRepeats, WebhookCounts};
use storefront_eventlog::{Position, Version};

use crate::clock;

/// Maximum number of repeats kept per kind, so that a burst of one kind does not displace the others.
const MAX_RECENT_OF_KIND: usize = 20;

/// The counts and the latest repeats. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct RepeatCounters(Arc<Mutex<Counters>>);

#[derive(Debug, Default)]
struct Counters {
    webhooks: WebhookCounts,
    retried_appends: u64,
    replayed_answers: u64,
    /// Newest first.
    recent: VecDeque<Repeat>,
}

/// The outcome of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WebhookOutcome {
    Applied,
    Repeated,
    Ignored,
    Refused,
    /// It reports another amount or payment than the shop requested: nothing is recorded, and an operator must look.
    Contradicts,
}

impl RepeatCounters {
    /// Counts a webhook. `about` describes it in a few words; `correlation_id` is the order, where known.
    pub(crate) fn webhook(&self, outcome: WebhookOutcome, about: impl Into<String>, correlation_id: Option<String>) {
        self.update(|counters| {
            let counts = &mut counters.webhooks;
            counts.received += 1;
            let (count, kind) = match outcome {
                WebhookOutcome::Applied => (&mut counts.applied, None),
                WebhookOutcome::Repeated => (&mut counts.repeated, Some(RepeatKind::WebhookRepeated)),
                WebhookOutcome::Ignored => (&mut counts.ignored, Some(RepeatKind::WebhookIgnored)),
                WebhookOutcome::Refused | WebhookOutcome::Contradicts => {
                    (&mut counts.refused, Some(RepeatKind::WebhookRefused))
                }
            };
            *count += 1;
            kind.map(|kind| Repeat { correlation_id, ..repeat(kind, about.into()) })
        });
    }

    /// Counts an append that found a stream at another version than expected.
    pub(crate) fn append_retried(&self, stream: &str, expected: Version, actual: Version) {
        self.update(|counters| {
            counters.retried_appends += 1;
            Some(Repeat {
                stream: Some(stream.to_owned()),
                expected_version: Some(expected.0),
                actual_version: Some(actual.0),
                ..repeat(RepeatKind::AppendRetried, stream.to_owned())
            })
        });
    }

    /// Counts a request that received the stored response of an earlier one, which had written up to a position.
    pub(crate) fn answer_replayed(&self, correlation_id: &str, position: Position) {
        self.update(|counters| {
            counters.replayed_answers += 1;
            Some(Repeat {
                correlation_id: Some(correlation_id.to_owned()),
                position: Some(position.0),
                ..repeat(RepeatKind::AnswerReplayed, format!("the answer of position {position}"))
            })
        });
    }

    /// Returns all counts and the latest repeats.
    pub(crate) fn snapshot(&self) -> ApiRepeats {
        let counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ApiRepeats {
            webhooks: counters.webhooks,
            retried_appends: counters.retried_appends,
            replayed_answers: counters.replayed_answers,
            recent: counters.recent.iter().cloned().collect(),
        }
    }

    fn update(&self, change: impl FnOnce(&mut Counters) -> Option<Repeat>) {
        let mut counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(repeat) = change(&mut counters) {
            let kind = repeat.kind;
            counters.recent.push_front(repeat);
            let oldest = counters.recent.iter().enumerate().filter(|(_, repeat)| repeat.kind == kind);
            if let Some((index, _)) = oldest.skip(MAX_RECENT_OF_KIND).last() {
                counters.recent.remove(index);
            }
        }
    }
}

fn repeat(kind: RepeatKind, about: String) -> Repeat {
    Repeat {
        at: clock::now(),
        kind,
        about,
        correlation_id: None,
        stream: None,
        expected_version: None,
        actual_version: None,
        position: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_counted_and_the_latest_are_kept_newest_first() {
        let repeats = RepeatCounters::default();
        for outcome in
            [WebhookOutcome::Applied, WebhookOutcome::Repeated, WebhookOutcome::Ignored, WebhookOutcome::Refused]
        {
            repeats.webhook(outcome, "payment_intent.succeeded", None);
        }
        for actual in 1..=100 {
            repeats.append_retried("stock-mug", Version(0), Version(actual));
        }
        repeats.answer_replayed("order", Position(7));
        let snapshot = repeats.snapshot();
        let counts = WebhookCounts { received: 4, applied: 1, repeated: 1, ignored: 1, refused: 1 };
        assert_eq!((snapshot.webhooks, snapshot.retried_appends, snapshot.replayed_answers), (counts, 100, 1));
        let of_kind = |kind| snapshot.recent.iter().filter(|repeat| repeat.kind == kind).count();
        assert_eq!(of_kind(RepeatKind::AppendRetried), MAX_RECENT_OF_KIND);
        assert_eq!(of_kind(RepeatKind::WebhookRefused), 1, "a burst of one kind leaves the others");
        assert_eq!((snapshot.recent[0].kind, snapshot.recent[0].position), (RepeatKind::AnswerReplayed, Some(7)));
        assert_eq!((snapshot.recent[1].expected_version, snapshot.recent[1].actual_version), (Some(0), Some(100)));
    }
}
