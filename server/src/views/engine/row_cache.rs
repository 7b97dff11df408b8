//! The rows that the latest batches read or wrote, so that the next batch need not ask the database for them.
//!
//! A cached row may be older than the database's only when another server has moved the view's checkpoint, and then the
//! commit of whatever was made of it is refused.

use std::collections::HashMap;

/// Maximum size of the rows in one generation, in bytes.
const GENERATION_BYTES: usize = 4 * 1024 * 1024;
/// Size of an entry beside its key and body, in bytes; roughly.
const ENTRY_BYTES: usize = 100;

/// A row of a view: the index of the view and the key, with the body; `None` for a row that is not there.
type Entries = HashMap<(usize, String), Option<String>>;

/// A bounded cache in two generations: a full young generation becomes the old one, and the previous old one is dropped.
#[derive(Debug, Default)]
pub(crate) struct RowCache {
    young: Entries,
    old: Entries,
    young_bytes: usize,
}

impl RowCache {
    /// The body of a row, `None` within for one that is not there; `None` when it is not known.
    pub(crate) fn get(&mut self, view: usize, key: &str) -> Option<Option<String>> {
        let entry = (view, key.to_owned());
        if let Some(body) = self.young.get(&entry) {
            return Some(body.clone());
        }
        let body = self.old.remove(&entry)?;
        self.put(view, entry.1, body.clone());
        Some(body)
    }

    pub(crate) fn put(&mut self, view: usize, key: String, body: Option<String>) {
        self.young_bytes += ENTRY_BYTES + key.len() + body.as_ref().map_or(0, String::len);
        self.young.insert((view, key), body);
        if self.young_bytes > GENERATION_BYTES {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_what_is_not_goes() {
        let mut cache = RowCache::default();
        let body = "x".repeat(1000);
        cache.put(0, "used".to_owned(), Some(body.clone()));
        cache.put(1, "used".to_owned(), None);
        cache.put(0, "unused".to_owned(), Some(body.clone()));
        for number in 0..20_000 {
            cache.put(2, number.to_string(), Some(body.clone()));
            assert_eq!(cache.get(0, "used"), Some(Some(body.clone())), "after {number}");
        }
        assert_eq!(cache.get(0, "unused"), None);
        assert!((cache.young.len() + cache.old.len()) * body.len() < 2 * GENERATION_BYTES);
        cache.clear();
        assert_eq!(cache.get(0, "used"), None);
    }
}
