//! Inclusion proofs: a proof holds an event and the sibling hashes on its path to the root of the hash tree, and can be
//! verified without the log.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::hash_tree::{Hash, HashTree, hash_of_log, inner, leaf_of};
use crate::{EventId, EventStore, Filter, Position, Recorded, StoreError, lines};

const PAGE: usize = 1000;
const FORMAT: &str = "storefront inclusion proof 1";

/// The event to prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventSelector {
    /// The event at a position.
    Position(Position),
    /// The event with an id.
    Id(EventId),
}

/// An inclusion proof, as in RFC 6962, section 2.1.1. Its JSON must be kept unchanged, because the event's data is
/// hashed as bytes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InclusionProof {
    format: String,
    /// The event, as a line of an export.
    event: Box<RawValue>,
    /// The last position of the log.
    log_position: Position,
    /// The hash of the log at that position.
    log_hash: Hash,
    /// The sibling hashes on the path from the event to the root, lowest first.
    path: Vec<Hash>,
}

/// Why no proof could be created.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The log cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log was written by an older program and has no hash tree.
    #[error("the log keeps no hash yet: a server of this version makes it at its start")]
    NoTree,
    /// The log has no such event.
    #[error("there is no such event in the log")]
    Unknown,
    /// The events do not match the hash tree.
    #[error("the log is not what was written: see what `check` says")]
    Broken,
    /// The event's data is not JSON.
    #[error("the event cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Why a proof is not valid.
#[derive(Debug, thiserror::Error)]
pub enum ProofMismatch {
    /// The text is not a proof.
    #[error("it is not an inclusion proof: {0}")]
    Unreadable(String),
    /// The hashes do not lead from the event to the hash of the log.
    #[error("the event does not lead to the hash of the log: it, its position or the proof was changed")]
    Wrong,
}

/// The content of a valid proof.
#[derive(Debug)]
pub struct VerifiedProof {
    /// The event that the proof is about.
    pub event: Recorded,
    /// The hash of the log that contains it.
    pub log_hash: Hash,
    /// The position of that hash.
    pub log_position: Position,
}

/// Creates a proof that an event is in the log, for the present hash. Reads the whole log and keeps 32 bytes per event
/// in memory.
///
/// # Errors
/// See [`ProofError`].
pub async fn prove(log: &dyn EventStore, wanted: EventSelector) -> Result<InclusionProof, ProofError> {
    let tree = log.hash_tree().await?.ok_or(ProofError::NoTree)?;
    let (mut leaves, mut found, mut after) = (Vec::new(), None, Position(0));
    while after < tree.position() {
        let page = log.read_all(after, PAGE, &Filter::default()).await?;
        for recorded in page.events.into_iter().filter(|recorded| recorded.position <= tree.position()) {
            leaves.push(leaf_of(&recorded));
            if wanted == EventSelector::Position(recorded.position) || wanted == EventSelector::Id(recorded.id) {
                found = Some(recorded);
            }
        }
        if page.next_after <= after {
            break;
        }
        after = page.next_after;
    }
    let event = found.ok_or(ProofError::Unknown)?;
    let index = usize::try_from(event.position.0 - 1).unwrap_or(usize::MAX);
    if root(&leaves) != Some(tree.root()) || index >= leaves.len() {
        return Err(ProofError::Broken);
    }
    let mut path = Vec::new();
    collect_path(&leaves, index, &mut path);
    let mut line = Vec::new();
    lines::write(&event, None, &mut line)?;
    let event = serde_json::from_slice(&line)?;
    Ok(InclusionProof { format: FORMAT.to_owned(), event, log_position: tree.position(), log_hash: tree.hash(), path })
}

/// Verifies a proof from its JSON; needs no log.
///
/// # Errors
/// See [`ProofMismatch`].
pub fn verify_proof(text: &str) -> Result<VerifiedProof, ProofMismatch> {
    let unreadable = |why: &dyn std::fmt::Display| ProofMismatch::Unreadable(why.to_string());
    let proof: InclusionProof = serde_json::from_str(text).map_err(|error| unreadable(&error))?;
    if proof.format != FORMAT {
        return Err(unreadable(&format!("its format is {:?}, not {FORMAT:?}", proof.format)));
    }
    let (event, _) = lines::read(proof.event.get().as_bytes()).map_err(|error| unreadable(&error))?;
    let reached = root_from_path(leaf_of(&event), event.position, proof.log_position, &proof.path);
    if reached.map(|root| hash_of_log(proof.log_position, &root)) != Some(proof.log_hash) {
        return Err(ProofMismatch::Wrong);
    }
    Ok(VerifiedProof { event, log_hash: proof.log_hash, log_position: proof.log_position })
}

fn root(leaves: &[Hash]) -> Option<Hash> {
    let mut tree = HashTree::default();
    leaves.iter().for_each(|leaf| tree.push(*leaf));
    (!leaves.is_empty()).then(|| tree.root())
}

/// Collects the sibling hashes from a leaf to the root, lowest first.
fn collect_path(leaves: &[Hash], index: usize, path: &mut Vec<Hash>) {
    if leaves.len() < 2 {
        return;
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    let (within, sibling, index) =
        if index < left.len() { (left, right, index) } else { (right, left, index - left.len()) };
    collect_path(within, index, path);
    path.extend(root(sibling));
}

/// The root to which the path leads from a leaf, as in RFC 9162, section 2.1.3.2. Returns `None` when the path has the
/// wrong length.
fn root_from_path(leaf: Hash, at: Position, until: Position, path: &[Hash]) -> Option<Hash> {
    let (mut index, mut last) = (at.0.checked_sub(1)?, until.0.checked_sub(1)?);
    if index > last {
        return None;
    }
    let mut node = leaf;
    for sibling in path {
        if last == 0 {
            return None;
        }
        if index & 1 == 1 || index == last {
            node = inner(sibling, &node);
            while index & 1 == 0 && index != 0 {
                (index, last) = (index >> 1, last >> 1);
            }
        } else {
            node = inner(&node, sibling);
        }
        (index, last) = (index >> 1, last >> 1);
    }
    (last == 0).then_some(node)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Version;
    use crate::hash_tree::leaf;

    #[test]
    fn every_leaf_of_every_tree_is_proven_and_nothing_else_is() {
        let leaves: Vec<Hash> = (1..=40).map(|number| leaf(Version(number), &Hash([9; 32]))).collect();
        for size in 1..=leaves.len() {
            let leaves = &leaves[..size];
            let of_all = root(leaves);
            for index in 0..size {
                let mut path = Vec::new();
                collect_path(leaves, index, &mut path);
                let at = |number: usize| Position(number as u64);
                assert_eq!(root_from_path(leaves[index], at(index + 1), at(size), &path), of_all, "{index} of {size}");
                for other in (0..size).filter(|other| *other != index) {
                    assert_ne!(
                        root_from_path(leaves[index], at(other + 1), at(size), &path),
                        of_all,
                        "{index} as {other}"
                    );
                }
                if let Some((_, shorter)) = path.split_last() {
                    assert_ne!(root_from_path(leaves[index], at(index + 1), at(size), shorter), of_all);
                }
                path.push(Hash([0; 32]));
                assert_eq!(root_from_path(leaves[index], at(index + 1), at(size), &path), None);
            }
        }
        assert_eq!(root_from_path(leaves[0], Position(0), Position(1), &[]), None);
    }
}
