//! Folds events into rows: of one view, or of several at once with one look at the database for all of them.

use std::borrow::Borrow;
use std::collections::BTreeSet;

use storefront_eventlog::{Position, Recorded};
use tracing::error;

use super::row_cache::RowCache;
use super::view::{Rows, Terms, View, ViewError};
use crate::views::rows::{Commit, Failures, Head, RowChange, ViewStore, ViewStoreError};

/// A view that takes events in, with the generation that it takes them into.
#[derive(Clone, Copy)]
pub(crate) struct Folding<'a> {
    /// Which view, in the cache of rows.
    pub(crate) index: usize,
    pub(crate) view: &'static dyn View,
    pub(crate) head: &'a Head,
}

/// What the events after a generation's checkpoint make of it.
pub(crate) async fn fold<R: Borrow<Recorded> + Sync>(
    store: &ViewStore,
    view: &dyn View,
    head: &Head,
    events: &[R],
) -> Result<Commit, ViewStoreError> {
    let mut rows = Rows::new(store.rows(head, keys(view, head, events)).await?);
    let further = further_keys(view, head, &rows, events);
    rows.add(store.rows(head, further).await?);
    Ok(project(view, head, rows, events))
}

/// As [`fold`], for several views. Rows are taken from the cache where it has them; the others are read together and put
/// there. What the commits change is put there by whoever makes them, once they have succeeded.
pub(crate) async fn fold_together<R: Borrow<Recorded> + Sync>(
    store: &ViewStore,
    views: &[Folding<'_>],
    cache: &mut RowCache,
    events: &[R],
) -> Result<Vec<Commit>, ViewStoreError> {
    let keys = views.iter().map(|folding| keys(folding.view, folding.head, events)).collect();
    let mut loaded = load(store, views, cache, keys).await?;
    let further: Vec<_> = views
        .iter()
        .zip(&loaded)
        .map(|(folding, rows)| further_keys(folding.view, folding.head, rows, events))
        .collect();
    if further.iter().any(|keys| !keys.is_empty()) {
        for (rows, more) in loaded.iter_mut().zip(load(store, views, cache, further).await?) {
            rows.extend(more);
        }
    }
    let folded = views.iter().zip(loaded);
    Ok(folded.map(|(folding, rows)| project(folding.view, folding.head, rows, events)).collect())
}

/// The rows under some keys of each view.
async fn load(
    store: &ViewStore,
    views: &[Folding<'_>],
    cache: &mut RowCache,
    keys: Vec<BTreeSet<String>>,
) -> Result<Vec<Rows>, ViewStoreError> {
    let mut loaded: Vec<Vec<(String, Option<String>)>> = views.iter().map(|_| Vec::new()).collect();
    let mut unknown = Vec::new();
    for (at, (folding, keys)) in views.iter().zip(keys).enumerate() {
        for key in keys {
            match cache.get(folding.index, &key) {
                Some(body) => loaded[at].push((key, body)),
                None => unknown.push((at, key)),
            }
        }
    }
    let wanted: Vec<_> = unknown.iter().map(|(at, key)| (views[*at].head, key.as_str())).collect();
    let bodies = store.rows_of(&wanted).await?;
    for ((at, key), body) in unknown.into_iter().zip(bodies) {
        cache.put(views[at].index, key.clone(), body.clone());
        loaded[at].push((key, body));
    }
    Ok(loaded.into_iter().map(Rows::new).collect())
}

fn new_events<'a, R: Borrow<Recorded>>(head: &Head, events: &'a [R]) -> impl Iterator<Item = &'a Recorded> {
    let position = head.position;
    events.iter().map(Borrow::borrow).filter(move |event| event.position > position)
}

fn keys<R: Borrow<Recorded>>(view: &dyn View, head: &Head, events: &[R]) -> BTreeSet<String> {
    new_events(head, events).flat_map(|event| view.keys(event)).collect()
}

fn further_keys<R: Borrow<Recorded>>(view: &dyn View, head: &Head, rows: &Rows, events: &[R]) -> BTreeSet<String> {
    // A row that cannot be read is told where it is needed.
    let further = new_events(head, events).flat_map(|event| view.further_keys(rows, event).unwrap_or_default());
    further.filter(|key| !rows.has(key)).collect()
}

fn project<R: Borrow<Recorded>>(view: &dyn View, head: &Head, mut rows: Rows, events: &[R]) -> Commit {
    let mut failures = Failures::default();
    let mut to = (head.position, None);
    for recorded in new_events(head, events) {
        match view.project(&rows, recorded) {
            Ok(changes) => rows.apply(changes),
            Err(failure) => skipped(view, recorded.position, &failure, &mut failures),
        }
        to = (recorded.position, Some(recorded.id));
    }
    let mut changes = Vec::new();
    for (key, before, now) in rows.changed() {
        match changed(view, key, before, now) {
            Ok(change) => changes.push(change),
            Err(failure) => skipped(view, to.0, &failure, &mut failures),
        }
    }
    let event_id = to.1.map_or_else(|| head.event_id.clone(), |id| id.to_string());
    Commit { head: head.clone(), to: to.0, event_id, failures, rows: changes }
}

fn changed(view: &dyn View, key: &str, before: Option<&str>, now: Option<&str>) -> Result<RowChange, ViewError> {
    let terms = |body: Option<&str>| body.map_or(Ok(Terms::new()), |body| view.terms(key, body));
    Ok(RowChange {
        key: key.to_owned(),
        terms_before: terms(before)?,
        terms: terms(now)?,
        body: now.map(str::to_owned),
    })
}

fn skipped(view: &dyn View, position: Position, failure: &ViewError, failures: &mut Failures) {
    error!(view = view.name(), position = position.0, error = %failure, "a view skipped an event that it cannot handle");
    *failures = Failures { count: failures.count + 1, last: position, why: failure.to_string() };
}
