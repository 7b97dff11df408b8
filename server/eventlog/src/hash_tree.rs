//! The hash tree over the log: a Merkle tree as in RFC 6962, whose leaves are the events in the order of their positions.
//!
//! The hash of the log at a position commits to every event up to it. It does not depend on batches or on the database, so
//! the same log has the same hash everywhere. The stored text is hashed: encrypted text is hashed encrypted, so the tree
//! stays valid when a key is destroyed.
//!
//! * A leaf is `SHA-256(0x00 || version || content)`, the version as 8 bytes, most significant first.
//! * An inner node is `SHA-256(0x01 || left || right)`.
//! * The hash of the log is `SHA-256(0x02 || position || root)`, the position as 8 bytes.
//! * The content is the SHA-256 of the event's id (16 bytes), schema version (2), time (8), and its stream, type,
//!   correlation id, causation id, actor and data: each the length of its UTF-8 (4 bytes) and the text itself. A causation
//!   id that is missing has the length `0xFFFF_FFFF`.
//!
//! An event at position N is leaf N.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::{NewEvent, Position, Recorded, Version};

const BYTES: usize = 32;

/// A SHA-256 hash, written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash(pub(crate) [u8; BYTES]);

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The text is not a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a hash has 64 hexadecimal digits")]
pub struct NotAHash;

impl FromStr for Hash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let mut bytes = [0; BYTES];
        if text.len() != 2 * BYTES || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NotAHash);
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).map_err(|_| NotAHash)?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The tree over the log up to a position, reduced to what appending needs: one hash for each one bit of the position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashTree {
    size: u64,
    /// The roots of the complete subtrees, largest first.
    peaks: Vec<Hash>,
    since: Position,
}

impl Default for HashTree {
    fn default() -> Self {
        Self { size: 0, peaks: Vec::new(), since: Position(1) }
    }
}

impl HashTree {
    /// Restores a stored tree. Returns `None` when the number of peaks does not match the size.
    pub(crate) fn stored(size: u64, peaks: &[u8], since: Position) -> Option<Self> {
        let (hashes, rest) = peaks.as_chunks::<BYTES>();
        let whole = rest.is_empty() && hashes.len() == size.count_ones() as usize;
        whole.then(|| Self { size, peaks: hashes.iter().copied().map(Hash).collect(), since })
    }

    /// The peaks as stored bytes.
    pub(crate) fn peaks(&self) -> Vec<u8> {
        self.peaks.iter().flat_map(|peak| peak.0).collect()
    }

    /// The root of the last complete subtree, which contains the last event.
    pub(crate) fn last_peak(&self) -> &[u8] {
        self.peaks.last().map_or(&[], |peak| &peak.0)
    }

    /// The last position that it includes.
    pub fn position(&self) -> Position {
        Position(self.size)
    }

    /// The first position whose event was hashed when it was written. Earlier events were written by an older program and
    /// hashed when the tree was built.
    pub fn since(&self) -> Position {
        self.since
    }

    /// Adds the next event.
    pub fn add(&mut self, event: &Recorded) {
        self.push(leaf(event.version, &content_of(event)));
    }

    pub(crate) fn push(&mut self, leaf: Hash) {
        let (mut node, mut carry) = (leaf, self.size);
        while carry & 1 == 1
            && let Some(left) = self.peaks.pop()
        {
            node = inner(&left, &node);
            carry >>= 1;
        }
        self.peaks.push(node);
        self.size += 1;
    }

    /// The hash of everything up to [`position`](Self::position).
    pub fn hash(&self) -> Hash {
        hash_of_log(self.position(), &self.root())
    }

    pub(crate) fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev().copied();
        let empty = || Hash(Sha256::digest([]).into());
        let last = peaks.next().unwrap_or_else(empty);
        peaks.fold(last, |right, left| inner(&left, &right))
    }
}

/// The hash of a log whose tree has this root. It includes the position, or a proof could present an event as that of a
/// shorter log, at another position.
pub(crate) fn hash_of_log(position: Position, root: &Hash) -> Hash {
    let mut sha = Sha256::new();
    sha.update([2]);
    sha.update(position.0.to_be_bytes());
    sha.update(root.0);
    Hash(sha.finalize().into())
}

/// The leaf of an event with this version and content hash.
pub(crate) fn leaf(version: Version, content: &Hash) -> Hash {
    let mut sha = Sha256::new();
    sha.update([0]);
    sha.update(version.0.to_be_bytes());
    sha.update(content.0);
    Hash(sha.finalize().into())
}

pub(crate) fn inner(left: &Hash, right: &Hash) -> Hash {
    let mut sha = Sha256::new();
    sha.update([1]);
    sha.update(left.0);
    sha.update(right.0);
    Hash(sha.finalize().into())
}

/// The first 8 bytes of a leaf, stored with each event to find the changed one.
pub(crate) fn checksum(leaf: &Hash) -> i64 {
    let (first, _) = leaf.0.split_first_chunk().unwrap_or((&[0; 8], &[]));
    i64::from_be_bytes(*first)
}

/// The leaf of an event that was read.
pub(crate) fn leaf_of(event: &Recorded) -> Hash {
    leaf(event.version, &content_of(event))
}

fn content_of(event: &Recorded) -> Hash {
    content(
        (event.id.as_bytes(), event.schema_version, event.time_ms),
        [event.stream(), event.kind(), event.correlation_id()],
        event.causation_id(),
        [event.actor(), event.data()],
    )
}

/// The content hash of an event that is not in the log yet.
pub(crate) fn content_of_new(stream: &str, event: &NewEvent) -> Hash {
    content(
        (event.id.as_bytes(), event.schema_version, event.time_ms),
        [stream, &event.kind, &event.correlation_id],
        event.causation_id.as_deref(),
        [&event.actor, event.data.as_str()],
    )
}

fn content(
    (id, schema_version, time_ms): (&[u8; 16], u16, i64),
    before: [&str; 3],
    causation_id: Option<&str>,
    after: [&str; 2],
) -> Hash {
    let mut sha = Sha256::new();
    sha.update(id);
    sha.update(schema_version.to_be_bytes());
    sha.update(time_ms.to_be_bytes());
    let mut text = |text: &str| {
        sha.update(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
        sha.update(text);
    };
    before.into_iter().for_each(&mut text);
    match causation_id {
        Some(cause) => text(cause),
        None => sha.update(u32::MAX.to_be_bytes()),
    }
    for text in after {
        sha.update(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
        sha.update(text);
    }
    Hash(sha.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some_leaf(number: u64) -> Hash {
        leaf(Version(number), &Hash([7; BYTES]))
    }

    /// The root by the recursive definition of RFC 6962, section 2.1.
    fn by_definition(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Hash(Sha256::digest([]).into()),
            [leaf] => *leaf,
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                inner(&by_definition(&leaves[..split]), &by_definition(&leaves[split..]))
            }
        }
    }

    #[test]
    fn the_root_is_that_of_the_definition_however_far_the_log_has_come() {
        let (mut tree, mut leaves) = (HashTree::default(), Vec::new());
        for number in 0..200 {
            assert_eq!(tree.root(), by_definition(&leaves), "{number} leaves");
            let stored = HashTree::stored(tree.size, &tree.peaks(), tree.since);
            assert_eq!(stored.as_ref(), Some(&tree));
            tree.push(some_leaf(number));
            leaves.push(some_leaf(number));
        }
    }

    #[test]
    fn what_is_not_a_tree_is_not_taken_for_one() {
        assert_eq!(HashTree::stored(3, &[0; 32], Position(1)), None);
        assert_eq!(HashTree::stored(1, &[0; 31], Position(1)), None);
        assert!("zz".parse::<Hash>().is_err());
        assert!("é".repeat(32).parse::<Hash>().is_err());
    }

    #[test]
    fn a_hash_is_read_back_from_its_digits() {
        let hash = some_leaf(3);
        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert_eq!(serde_json::from_str::<Hash>(&serde_json::to_string(&hash).unwrap()).unwrap(), hash);
    }

    #[test]
    fn every_part_of_an_event_is_hashed_and_none_runs_into_the_next() {
        let id = [1; 16];
        let of = |id: &[u8; 16], numbers: (u16, i64), before: [&str; 3], cause: Option<&str>, after: [&str; 2]| {
            content((id, numbers.0, numbers.1), before, cause, after)
        };
        let usual = of(&id, (1, 2), ["s", "t", "c"], Some("x"), ["a", "{}"]);
        let others = [
            of(&[2; 16], (1, 2), ["s", "t", "c"], Some("x"), ["a", "{}"]),
            of(&id, (2, 2), ["s", "t", "c"], Some("x"), ["a", "{}"]),
            of(&id, (1, 3), ["s", "t", "c"], Some("x"), ["a", "{}"]),
            of(&id, (1, 2), ["st", "", "c"], Some("x"), ["a", "{}"]),
            of(&id, (1, 2), ["s", "tc", ""], Some("x"), ["a", "{}"]),
            of(&id, (1, 2), ["s", "t", "cx"], Some(""), ["a", "{}"]),
            of(&id, (1, 2), ["s", "t", "c"], None, ["xa", "{}"]),
            of(&id, (1, 2), ["s", "t", "c"], Some("xa"), ["", "{}"]),
            of(&id, (1, 2), ["s", "t", "c"], Some("x"), ["a{}", ""]),
        ];
        assert!(others.iter().all(|other| *other != usual));
        assert_ne!(leaf(Version(1), &usual), leaf(Version(2), &usual));
    }
}
