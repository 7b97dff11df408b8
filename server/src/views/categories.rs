//! The categories that were set up: one row with all their names, from which the catalogue in memory is filled.

use storefront_domain::category::{self, Categories, CategoryEvent};
use storefront_eventlog::Recorded;

use super::memory::Memory;
use crate::store::aggregates;
use crate::store::streams;
use crate::views::engine::view::{Change, Rows, View, ViewError};

const ALL: &str = "all";

/// The view of categories.
pub(super) struct CategoriesView;

impl View for CategoriesView {
    fn name(&self) -> &'static str {
        "categories"
    }

    fn version(&self) -> i64 {
        1
    }

    fn keys(&self, recorded: &Recorded) -> Vec<String> {
        Some(ALL.to_owned()).filter(|_| recorded.stream() == streams::categories().as_str()).into_iter().collect()
    }

    fn project(&self, rows: &Rows, recorded: &Recorded) -> Result<Vec<Change>, ViewError> {
        if recorded.stream() != streams::categories().as_str() {
            return Ok(Vec::new());
        }
        let event = aggregates::decode_shared::<CategoryEvent>(recorded)?;
        let after = category::evolve(categories_with_names(rows.get::<Vec<String>>(ALL)?.unwrap_or_default()), &event);
        Ok(vec![Change::put(ALL, &after.names().collect::<Vec<_>>())?])
    }

    fn in_memory(&self) -> bool {
        true
    }

    fn remember(&self, memory: &mut Memory, _key: &str, body: Option<&str>) -> Result<(), ViewError> {
        let names = body.map(serde_json::from_str).transpose()?.unwrap_or_default();
        memory.catalogue.set_categories(categories_with_names(names));
        Ok(())
    }

    fn switch(&self, memory: &mut Memory, read_anew: &mut Memory) {
        memory.catalogue.swap_categories(&mut read_anew.catalogue);
    }
}

fn categories_with_names(names: Vec<String>) -> Categories {
    let created = names.into_iter().map(|name| CategoryEvent::Created { name });
    created.fold(Categories::default(), |categories, event| category::evolve(categories, &event))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Log;
    use crate::views::engine::view::folded;

    #[test]
    fn every_category_that_was_set_up_is_listed_once_by_name() {
        let mut log = Log::default();
        for name in ["Tea", "Kitchen", "Tea"] {
            log.write(&streams::categories(), &CategoryEvent::Created { name: name.to_owned() });
        }
        let rows = folded(&CategoriesView, &log.events);
        assert_eq!(rows.get::<Vec<String>>(ALL).unwrap().unwrap(), ["Kitchen", "Tea"]);
    }
}
