//! Counts what came again and changed nothing, and what had to be decided anew, and keeps the latest of it for a room that
//! watches. None of it is a fact of the shop, so none of it is in the log; it is gone with the server.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use storefront_api::{Repeat, RepeatKind, Repeats as Shown, WebhookCounts};
use storefront_eventlog::{Position, Version};

use crate::clock;

/// Maximum number of repeats that are kept of each kind, so that a burst of one does not push the others out.
const MAX_RECENT_OF_KIND: usize = 20;

/// The counts and the latest repeats. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Repeats(Arc<Mutex<Noted>>);

#[derive(Debug, Default)]
struct Noted {
    webhooks: WebhookCounts,
    retried_appends: u64,
    replayed_answers: u64,
    /// Newest first.
    recent: VecDeque<Repeat>,
}

/// What became of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WebhookOutcome {
    Applied,
    Repeated,
    Ignored,
    Refused,
    /// It tells of other money than was asked for: nothing is booked, and somebody must look.
    Contradicts,
}

impl Repeats {
    /// A webhook has come. `about` is what it told, in a few words; `correlation_id` the order, where that is known.
    pub(crate) fn webhook(&self, outcome: WebhookOutcome, about: impl Into<String>, correlation_id: Option<String>) {
        self.note(|noted| {
            let counts = &mut noted.webhooks;
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

    /// An append found a stream at another version than it expected.
    pub(crate) fn append_retried(&self, stream: &str, expected: Version, actual: Version) {
        self.note(|noted| {
            noted.retried_appends += 1;
            Some(Repeat {
                stream: Some(stream.to_owned()),
                expected_version: Some(expected.0),
                actual_version: Some(actual.0),
                ..repeat(RepeatKind::AppendRetried, stream.to_owned())
            })
        });
    }

    /// A request got the stored answer of an earlier one, which had written up to a position.
    pub(crate) fn answer_replayed(&self, correlation_id: &str, position: Position) {
        self.note(|noted| {
            noted.replayed_answers += 1;
            Some(Repeat {
                correlation_id: Some(correlation_id.to_owned()),
                position: Some(position.0),
                ..repeat(RepeatKind::AnswerReplayed, format!("the answer of position {position}"))
            })
        });
    }

    /// Everything so far.
    pub(crate) fn shown(&self) -> Shown {
        let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Shown {
            webhooks: noted.webhooks,
            retried_appends: noted.retried_appends,
            replayed_answers: noted.replayed_answers,
            recent: noted.recent.iter().cloned().collect(),
        }
    }

    fn note(&self, change: impl FnOnce(&mut Noted) -> Option<Repeat>) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(repeat) = change(&mut noted) {
            let kind = repeat.kind;
            noted.recent.push_front(repeat);
            let oldest = noted.recent.iter().enumerate().filter(|(_, repeat)| repeat.kind == kind);
            if let Some((place, _)) = oldest.skip(MAX_RECENT_OF_KIND).last() {
                noted.recent.remove(place);
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
        let repeats = Repeats::default();
        for outcome in
            [WebhookOutcome::Applied, WebhookOutcome::Repeated, WebhookOutcome::Ignored, WebhookOutcome::Refused]
        {
            repeats.webhook(outcome, "payment_intent.succeeded", None);
        }
        for actual in 1..=100 {
            repeats.append_retried("stock-mug", Version(0), Version(actual));
        }
        repeats.answer_replayed("order", Position(7));
        let shown = repeats.shown();
        let counts = WebhookCounts { received: 4, applied: 1, repeated: 1, ignored: 1, refused: 1 };
        assert_eq!((shown.webhooks, shown.retried_appends, shown.replayed_answers), (counts, 100, 1));
        let of_kind = |kind| shown.recent.iter().filter(|repeat| repeat.kind == kind).count();
        assert_eq!(of_kind(RepeatKind::AppendRetried), MAX_RECENT_OF_KIND);
        assert_eq!(of_kind(RepeatKind::WebhookRefused), 1, "a burst of one kind leaves the others");
        assert_eq!((shown.recent[0].kind, shown.recent[0].position), (RepeatKind::AnswerReplayed, Some(7)));
        assert_eq!((shown.recent[1].expected_version, shown.recent[1].actual_version), (Some(0), Some(100)));
    }
}
