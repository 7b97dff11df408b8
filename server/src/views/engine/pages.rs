//! Pages of the searchable lists, newest first.

use storefront_api::Page;
use storefront_eventlog::Position;

use super::view::words_of;
use crate::views::rows::{Found, ViewStore, ViewStoreError, What};

/// The query of a search: rows with the words of `q`, or all rows with the term `all` when `q` is empty. Returns `None` when
/// nothing can match, because `q` has no words.
pub(crate) fn search_query(q: Option<&str>, all: String, group: Option<&str>) -> Option<What> {
    let words: Vec<String> = q.map(words_of).into_iter().flatten().collect();
    let asked_for_nothing = q.is_none_or(|q| q.trim().is_empty());
    match (words.is_empty(), asked_for_nothing) {
        (false, _) => Some(What::Words { words, group: group.map(str::to_owned), all }),
        (true, true) => Some(What::Term(all)),
        (true, false) => None,
    }
}

/// One page, highest rank first. The cursor is the rank of the last row of the previous page; ranks are unique.
pub(crate) async fn page<T>(
    store: &ViewStore,
    view: &'static str,
    what: Option<What>,
    before: Option<Position>,
    limit: usize,
    item: impl Fn(&str) -> Result<T, serde_json::Error>,
) -> Result<Page<T>, ViewStoreError> {
    let Some(what) = what else { return Ok(Page { items: Vec::new(), next_cursor: None, total: 0 }) };
    let before = before.map(|before| i64::try_from(before.0).unwrap_or(i64::MAX));
    let Found { mut rows, total } = store.find(view, &what, before, limit + 1).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next_cursor = rows.last().filter(|_| more).map(|(rank, _)| rank.to_string());
    let items = rows.iter().map(|(_, body)| item(body)).collect::<Result<_, _>>();
    Ok(Page { items: items.map_err(|source| ViewStoreError::Row { view, source })?, next_cursor, total })
}
