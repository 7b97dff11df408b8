//! Verifies a whole log: reads every event and reports what is wrong.

use std::collections::{HashMap, HashSet};
use std::fmt;

use serde::de::IgnoredAny;

use crate::hash_tree::{Hash, HashTree, checksum, leaf_of};
use crate::{EventId, EventStore, Filter, Position, Recorded, StoreError, StreamName, Version};

const PAGE: usize = 1000;
/// Maximum number of findings in a report; further ones are only counted.
const MAX_FINDINGS: usize = 100;

/// The result of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Number of events read.
    pub events: u64,
    /// Number of streams of these events.
    pub streams: u64,
    /// The first 100 findings, in the order of the log.
    pub findings: Vec<Finding>,
    /// Number of further findings.
    pub more_findings: u64,
    /// The verified hash tree over the events, if the log has one.
    pub tree: Option<HashTree>,
}

impl Report {
    /// Whether there are no findings.
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    fn add(&mut self, finding: Finding) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding);
        } else {
            self.more_findings += 1;
        }
    }
}

/// A defect of a log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// Positions are not 1, 2, 3, …
    #[error("position {due} is missing: {found} comes next")]
    Gap {
        /// The position that was due.
        due: Position,
        /// The position that was read.
        found: Position,
    },
    /// The versions of a stream are not 1, 2, 3, …
    #[error("position {at}: stream {stream} has version {found} where {due} is due")]
    Version {
        /// Position of the event.
        at: Position,
        /// The stream of the event.
        stream: StreamName,
        /// The version that was due.
        due: Version,
        /// The version that was read.
        found: Version,
    },
    /// An event id stands at two positions.
    #[error("position {at}: event {id} is in the log a second time")]
    RepeatedId {
        /// Position of the second event with the id.
        at: Position,
        /// The id of both events.
        id: EventId,
    },
    /// An event's data is not JSON.
    #[error("position {at}: the data is not JSON: {why}")]
    Data {
        /// Position of the event.
        at: Position,
        /// The message of the parser.
        why: String,
    },
    /// The checksum of an event does not match: it was changed.
    #[error("position {at}: what is stored is not what was written: its checksum does not fit")]
    Changed {
        /// Position of the event.
        at: Position,
    },
    /// Each event matches its checksum, but all together do not match the hash of the log.
    #[error(
        "the hash over positions 1 to {until} is {found}, but the log keeps {kept}: events were changed, added or taken \
         away together with their checksums, or before position {since}, where checksums begin"
    )]
    Root {
        /// The position of the recorded hash.
        until: Position,
        /// The hash computed from the events.
        found: Hash,
        /// The hash that the log keeps.
        kept: Hash,
        /// The first position with a checksum; earlier events were written by an older version.
        since: Position,
    },
    /// Stored data beside the events contradicts the log.
    #[error("{0}")]
    Inconsistent(String),
    /// A finding of the function passed to [`check_with`].
    #[error("position {at}: {why}")]
    Event {
        /// Position of the event.
        at: Position,
        /// The text that the function returned.
        why: String,
    },
    /// There are events past the head.
    #[error("position {at} stands behind the head")]
    BehindHead {
        /// The first such event.
        at: Position,
    },
    /// The log ends before its head.
    #[error("the log ends at {last}, but its head is {head}")]
    Short {
        /// The last event that can be read.
        last: Position,
        /// The last position by the recorded head.
        head: Position,
    },
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} events in {} streams: ", self.events, self.streams)?;
        if self.is_sound() {
            return f.write_str("all sound");
        }
        write!(f, "{} findings", self.findings.len() as u64 + self.more_findings)?;
        for finding in &self.findings {
            write!(f, "\n- {finding}")?;
        }
        if self.more_findings > 0 {
            write!(f, "\n- and {} more", self.more_findings)?;
        }
        Ok(())
    }
}

/// Checks every event up to the present head: positions and versions are dense, ids are unique, data is JSON, checksums
/// and the hash tree match, and the data beside the log does not contradict it. Keeps every id and stream name in
/// memory, about 50 bytes each.
///
/// # Errors
/// When the log cannot be read. Everything else is a finding in the report.
pub async fn check(log: &dyn EventStore) -> Result<Report, StoreError> {
    check_with(log, |_, _| None).await
}

/// As [`check`]; also calls `inspect` with every event and the head, and reports the text that it returns.
///
/// # Errors
/// As [`check`].
pub async fn check_with(
    log: &dyn EventStore,
    mut inspect: impl FnMut(&Recorded, Position) -> Option<String> + Send,
) -> Result<Report, StoreError> {
    let mut report = Report::default();
    let kept = log.hash_tree().await.unwrap_or_else(|failure| {
        report.add(Finding::Inconsistent(failure.to_string()));
        None
    });
    // The tree has all that is committed, so its position is the head at one moment.
    let head = match &kept {
        Some(tree) => tree.position(),
        None => log.head().await?,
    };
    let mut tree = HashTree::default();
    let mut versions: HashMap<StreamName, Version> = HashMap::new();
    let mut ids = HashSet::new();
    let mut last = Position(0);
    let mut after = Position(0);
    while after < head {
        let page = log.read_all(after, PAGE, &Filter::default()).await?;
        let checksums: HashMap<Position, Option<i64>> = match &kept {
            Some(_) => log.checksums(after, PAGE).await?.into_iter().collect(),
            None => HashMap::new(),
        };
        for recorded in page.events.into_iter().filter(|recorded| recorded.position <= head) {
            let at = recorded.position;
            report.events += 1;
            let due = Position(last.0 + 1);
            if at != due {
                report.add(Finding::Gap { due, found: at });
            }
            last = at;
            let leaf = leaf_of(&recorded);
            if checksums.get(&at).copied().flatten().is_some_and(|kept| kept != checksum(&leaf)) {
                report.add(Finding::Changed { at });
            }
            tree.push(leaf);
            if !ids.insert(recorded.id) {
                report.add(Finding::RepeatedId { at, id: recorded.id });
            }
            if let Err(error) = serde_json::from_str::<IgnoredAny>(recorded.data()) {
                report.add(Finding::Data { at, why: error.to_string() });
            } else if let Some(why) = inspect(&recorded, head) {
                report.add(Finding::Event { at, why });
            }
            let stream = recorded.stream_name();
            let version = versions.entry(stream.clone()).or_default();
            let (due, found) = (Version(version.0 + 1), recorded.version);
            if found != due {
                report.add(Finding::Version { at, stream, due, found });
            }
            *version = found;
        }
        if page.next_after <= after {
            break;
        }
        after = page.next_after;
    }
    if last != head {
        report.add(Finding::Short { last, head });
    }
    // After a finding about an event, the hash adds nothing.
    if let Some(kept) = kept.filter(|_| report.is_sound()) {
        if kept.hash() == tree.hash() {
            report.tree = Some(kept);
        } else {
            let (found, kept, since) = (tree.hash(), kept.hash(), kept.since());
            report.add(Finding::Root { until: head, found, kept, since });
        }
    }
    for inconsistency in log.inconsistencies().await? {
        report.add(Finding::Inconsistent(inconsistency));
    }
    // Later appends move the head with them.
    let behind = log.read_all(last.max(head), 1, &Filter::default()).await?.events.pop();
    if let Some(at) = behind.map(|recorded| recorded.position)
        && log.head().await? < at
    {
        report.add(Finding::BehindHead { at });
    }
    report.streams = versions.len() as u64;
    Ok(report)
}
