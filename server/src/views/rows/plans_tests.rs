//! How SQLite goes about each statement of the views: nothing may look through all rows, terms or counts of a view.
//!
//! A database that tells asks SQLite for the plan of whatever it is to carry out, and then has it carried out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use super::*;
use crate::views::engine::view::Terms;
use crate::views::engine::view::word;
use crate::views::rows::database::Rows;
use crate::views::rows::query::{
    COUNT_ALL, COUNT_BOTH, COUNT_BY_A_WORD, COUNT_RANGE, FIND_BOTH, PAGE_BY_A_WORD, PAGE_FROM_THE_TOP, WEIGHT,
};
use crate::views::rows::sqlite::SqliteViews;

/// Each statement with its plan, line by line.
type Plans = Arc<Mutex<BTreeMap<&'static str, Vec<String>>>>;

struct Explained {
    database: SqliteViews,
    plans: Plans,
}

impl Explained {
    fn explain(&self, statements: &[Statement]) {
        for statement in statements {
            let plan = self.database.plan_of(statement);
            self.plans.lock().unwrap().insert(statement.sql, plan);
        }
    }
}

#[async_trait::async_trait]
impl Database for Explained {
    async fn write(&self, statements: Vec<Statement>) -> Result<bool, ViewStoreError> {
        self.explain(&statements);
        self.database.write(statements).await
    }

    async fn read(&self, questions: Vec<Statement>) -> Result<Vec<Rows>, ViewStoreError> {
        self.explain(&questions);
        self.database.read(questions).await
    }

    async fn close(&self) {
        self.database.close().await;
    }
}

/// Forty rows of very many words, of which ten are done later, and one goes.
fn rows_of_two_commits() -> [Vec<RowChange>; 2] {
    let terms = |number: i64, group: &str| -> Terms {
        let words = (number * 10..(number + 1) * 10).map(|shopper| word(&format!("shopper{shopper}"), group));
        ["every".to_owned(), group.to_owned(), word("item1", group)]
            .into_iter()
            .chain(words)
            .map(|term| (term, number))
            .collect()
    };
    let row = |number: i64, terms_before: Terms, terms: Terms, body: Option<&str>| RowChange {
        key: format!("key {number}"),
        terms_before,
        terms,
        body: body.map(str::to_owned),
    };
    let open = (0..40).map(|number| row(number, Terms::new(), terms(number, "open"), Some("1")));
    let done = (30..40).map(|number| row(number, terms(number, "open"), terms(number, "done"), Some("2")));
    let gone = row(0, terms(0, "open"), Terms::new(), None);
    [open.collect(), done.chain([gone]).collect()]
}

async fn asks_everything(store: &ViewStore) {
    store.begin("orders", 1, State::Live).await.unwrap();
    for (to, rows) in (1..).zip(rows_of_two_commits()) {
        let head = store.heads().await.unwrap().remove(0);
        let commit = Commit { head, to: Position(to), event_id: String::new(), failures: Failures::default(), rows };
        assert!(store.commit(&[commit]).await.unwrap());
    }
    let head = store.heads().await.unwrap().remove(0);
    store.rows(&head, ["key 1".to_owned(), "key 2".to_owned()]).await.unwrap();
    store.rows_after(&head, "").await.unwrap();
    store.get("orders", "key 1").await.unwrap();
    store.keys_with("orders", "done", (0, ""), 10).await.unwrap();
    store.counts("orders", &["done".to_owned()]).await.unwrap();
    let words = |words: &[&str], group: Option<&str>| What::Words {
        words: words.iter().map(|word| (*word).to_owned()).collect(),
        group: group.map(str::to_owned),
        all: group.unwrap_or("every").to_owned(),
    };
    for what in [
        What::Term("done".to_owned()),
        words(&["shopper7"], None),
        words(&["shopper277"], None),
        words(&["shopper"], None),
        words(&["shopper"], Some("done")),
        words(&["shopper3"], Some("done")),
        words(&["shopper", "shopper277"], None),
        words(&["shopper", "s"], None),
        words(&["shopper27", "shopper275"], None),
        words(&["shopper375", "shopper3"], Some("done")),
        words(&["shopper3", "item1"], Some("done")),
    ] {
        let found = store.find("orders", &what, None, 1).await.unwrap();
        assert!(found.total > 0, "{what:?}");
    }
    store.begin("orders", 1, State::Building).await.unwrap();
    let building = store.heads().await.unwrap().into_iter().find(|head| head.state == State::Building).unwrap();
    assert!(!store.switch(&building).await.unwrap(), "it has not caught up");
    store.retire(&head).await.unwrap();
    while store.sweep().await.unwrap() {}
}

/// What a line of a plan says of a table with very many rows, unless it goes there by the index down to what is wanted.
fn looks_through_much(line: &str) -> bool {
    let of_generations = ["SEARCH live ", "SEARCH built ", "SEARCH generations ", "SCAN generations"];
    let by_index = ["generation=? AND key", "generation=? AND term"];
    let reads_a_table = line.starts_with("SCAN ") || line.starts_with("SEARCH ");
    // Of what the statement has found before.
    let of_what_was_found =
        ["SCAN found", "SCAN f", "SCAN page LEFT-JOIN", "SCAN page", "SCAN counted"].contains(&line);
    let of_constants = line.starts_with("SCAN CONSTANT ROW") || of_what_was_found || line.contains("-ROW VALUES");
    reads_a_table
        && !of_constants
        && !of_generations.iter().any(|begin| line.starts_with(begin))
        && !by_index.iter().any(|part| line.contains(part))
}

#[tokio::test]
async fn every_statement_over_rows_terms_and_counts_goes_by_its_index_on_sqlite() {
    let plans = Plans::default();
    let database = SqliteViews::in_memory().unwrap();
    asks_everything(&ViewStore(Arc::new(Explained { database, plans: plans.clone() }))).await;
    let plans = plans.lock().unwrap();
    for sql in
        [WEIGHT, COUNT_RANGE, FIND_BOTH, COUNT_BOTH, PAGE_BY_A_WORD, COUNT_BY_A_WORD, PAGE_FROM_THE_TOP, COUNT_ALL]
    {
        assert!(plans.contains_key(sql), "nobody has asked {sql}");
    }
    // What sweeps up takes whatever comes first, and no more of it than it sweeps.
    let sweeps = |sql: &str| sql.contains("WHERE view = $1 AND generation = $2 LIMIT $3");
    let bad: BTreeSet<String> = plans
        .iter()
        .filter(|(sql, plan)| !sweeps(sql) && plan.iter().any(|line| looks_through_much(line)))
        .map(|(sql, plan)| format!("{sql}\n    {}", plan.join("\n    ")))
        .collect();
    assert!(bad.is_empty(), "{}", bad.into_iter().collect::<Vec<_>>().join("\n"));
    assert!(plans.len() > 20, "only {} statements were seen", plans.len());
}
