//! The categories of the catalogue, as the product service defines them.

use std::collections::BTreeSet;

/// An event of the categories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CategoryEvent {
    /// A category was seen for the first time.
    Created { name: String },
}

/// Every category that was ever created.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Categories {
    names: BTreeSet<String>,
}

impl Categories {
    /// Their names, A to Z.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }
}

/// The events for categories of the product service that are not known yet.
pub fn observe(state: &Categories, seen: &[String]) -> Vec<CategoryEvent> {
    let fresh: BTreeSet<&String> = seen.iter().filter(|name| !state.names.contains(*name)).collect();
    fresh.into_iter().map(|name| CategoryEvent::Created { name: name.clone() }).collect()
}

/// The categories after an event.
pub fn evolve(mut state: Categories, event: &CategoryEvent) -> Categories {
    let CategoryEvent::Created { name } = event;
    state.names.insert(name.clone());
    state
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_category_is_created_once_however_often_it_is_seen() {
        let events = observe(&Categories::default(), &seen(&["Tea", "Books", "Tea"]));
        let created = |name: &str| CategoryEvent::Created { name: name.to_owned() };
        assert_eq!(events, [created("Books"), created("Tea")]);
        let state = events.iter().fold(Categories::default(), evolve);
        assert_eq!(state.names().collect::<Vec<_>>(), ["Books", "Tea"]);
        assert_eq!(observe(&state, &seen(&["Tea", "Books"])), []);
        assert_eq!(observe(&state, &seen(&["Tea", "Tools"])), [created("Tools")]);
    }

    #[test]
    fn a_category_that_is_not_seen_any_more_stays() {
        let state = evolve(Categories::default(), &CategoryEvent::Created { name: "Tea".to_owned() });
        assert_eq!(observe(&state, &[]), []);
    }
}
