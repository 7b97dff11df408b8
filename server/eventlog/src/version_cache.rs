//! The last versions of the streams that a writer used recently.

use std::collections::HashMap;

use crate::{StreamName, Version};

/// A bounded cache in two generations: a full young generation becomes the old one, and the previous old one is dropped.
/// Writing a stream moves it to the young generation, so streams in use stay.
pub(crate) struct VersionCache {
    young: HashMap<StreamName, Version>,
    old: HashMap<StreamName, Version>,
    generation_len: usize,
}

impl VersionCache {
    /// Creates a cache of at most `2 * generation_len` streams.
    pub(crate) fn new(generation_len: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), generation_len }
    }

    pub(crate) fn get(&self, stream: &StreamName) -> Option<Version> {
        self.young.get(stream).or_else(|| self.old.get(stream)).copied()
    }

    pub(crate) fn set(&mut self, stream: &StreamName, version: Version) {
        if let Some(known) = self.young.get_mut(stream) {
            *known = version;
            return;
        }
        if self.young.len() >= self.generation_len {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(stream.clone(), version);
    }

    /// Removes everything, because a version may not have been committed.
    pub(crate) fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(number: u64) -> StreamName {
        StreamName::new(format!("s-{number}")).unwrap()
    }

    #[test]
    fn the_newest_version_is_known() {
        let mut versions = VersionCache::new(2);
        for number in 0..3 {
            versions.set(&stream(number), Version(number));
            versions.set(&stream(0), Version(100 + number));
        }
        assert_eq!(versions.get(&stream(0)), Some(Version(102)));
        assert_eq!(versions.get(&stream(9)), None);
    }

    #[test]
    fn it_never_holds_more_than_two_generations() {
        let mut versions = VersionCache::new(10);
        for number in 0..1000 {
            versions.set(&stream(number), Version(1));
        }
        assert!(versions.young.len() + versions.old.len() <= 20);
        assert_eq!(versions.get(&stream(999)), Some(Version(1)));
        assert_eq!(versions.get(&stream(0)), None);
    }
}
