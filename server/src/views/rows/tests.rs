//! One conformance suite, run in memory, on a file and on PostgreSQL.

use storefront_eventlog::Recorded;
use tempfile::TempDir;

use super::*;
use crate::testing::{Log, order, started};
use crate::views::engine::fold::fold;
use crate::views::engine::view::Terms;
use crate::views::engine::view::{View, word};

#[path = "../../../eventlog/tests/contract/postgres_server.rs"]
mod postgres_server;

/// A store in memory that a view has filled from these events.
pub(crate) async fn filled(view: &dyn View, events: &[Recorded]) -> ViewStore {
    let store = ViewStore::in_memory().unwrap();
    store.begin(view.name(), view.version(), State::Live).await.unwrap();
    for some in events.chunks(3) {
        let head = store.heads().await.unwrap().remove(0);
        let commit = fold(&store, view, &head, some).await.unwrap();
        assert!(store.commit(&[commit]).await.unwrap());
    }
    store
}

/// A store in memory whose every answer lets others go first: whoever asks is surely seen waiting.
pub(crate) fn unhurried() -> ViewStore {
    ViewStore(Arc::new(Unhurried(ViewStore::in_memory().unwrap())))
}

struct Unhurried(ViewStore);

#[async_trait::async_trait]
impl Database for Unhurried {
    async fn write(&self, statements: Vec<Statement>) -> Result<bool, ViewStoreError> {
        self.0.0.write(statements).await
    }

    async fn read(&self, questions: Vec<Statement>) -> Result<Vec<database::Rows>, ViewStoreError> {
        tokio::task::yield_now().await;
        self.0.0.read(questions).await
    }

    async fn close(&self) {
        self.0.close().await;
    }
}

/// A database, as two servers see it. The folder goes when this does.
struct World {
    name: &'static str,
    one: ViewStore,
    other: ViewStore,
    _folder: TempDir,
}

async fn worlds() -> Vec<World> {
    let folder = || tempfile::tempdir().unwrap();
    let memory = ViewStore::in_memory().unwrap();
    let file = folder();
    let path = file.path().join("shop.db-views");
    let url = postgres_server::create_database().await;
    vec![
        World { name: "memory", one: memory.clone(), other: memory, _folder: folder() },
        World {
            name: "file",
            one: ViewStore::open(&path).unwrap(),
            other: ViewStore::open(&path).unwrap(),
            _folder: file,
        },
        World {
            name: "postgres",
            one: ViewStore::connect(&url).await.unwrap(),
            other: ViewStore::connect(&url).await.unwrap(),
            _folder: folder(),
        },
    ]
}

async fn head_of(store: &ViewStore, state: State) -> Head {
    let heads = store.heads().await.unwrap();
    heads.into_iter().find(|head| head.state == state).unwrap_or_else(|| panic!("nothing is {state:?}"))
}

async fn begun(store: &ViewStore) -> Head {
    store.begin("orders", 1, State::Live).await.unwrap();
    head_of(store, State::Live).await
}

/// Rows with these keys, ranks and terms.
fn commit(head: &Head, to: u64, rows: &[(&str, i64, &[&str])]) -> Commit {
    let rows = rows.iter().map(|(key, rank, terms)| RowChange {
        key: (*key).to_owned(),
        terms_before: Terms::new(),
        terms: terms.iter().map(|term| ((*term).to_owned(), *rank)).collect(),
        body: Some(format!("\"{key}\"")),
    });
    Commit {
        head: head.clone(),
        to: Position(to),
        event_id: format!("event-{to}"),
        failures: Failures::default(),
        rows: rows.collect(),
    }
}

async fn keys(store: &ViewStore, what: &What) -> (Vec<i64>, u64) {
    let found = store.find("orders", what, None, 100).await.unwrap();
    (found.rows.into_iter().map(|(rank, _)| rank).collect(), found.total)
}

fn term(term: &str) -> What {
    What::Term(term.to_owned())
}

fn words(words: &[&str], group: Option<&str>) -> What {
    let words = words.iter().map(|word| (*word).to_owned()).collect();
    What::Words { words, group: group.map(str::to_owned), all: group.unwrap_or("every").to_owned() }
}

#[tokio::test]
async fn rows_and_checkpoint_are_there_together() {
    for World { name, one, other, .. } in worlds().await {
        let head = begun(&one).await;
        assert!(one.commit(&[commit(&head, 7, &[("a", 1, &["every"])])]).await.unwrap());
        let head = head_of(&other, State::Live).await;
        assert_eq!((head.position, head.event_id.as_str()), (Position(7), "event-7"), "{name}");
        assert_eq!(other.get("orders", "a").await.unwrap().as_deref(), Some("\"a\""), "{name}");
        assert_eq!(other.get("orders", "b").await.unwrap(), None, "{name}");
    }
}

#[tokio::test]
async fn a_checkpoint_does_not_move_when_its_rows_cannot_be_written() {
    for World { name, one, .. } in worlds().await {
        let head = begun(&one).await;
        let twice: [(&str, i64, &[&str]); 2] = [("a", 1, &["every"]), ("a", 1, &["every"])];
        assert!(one.commit(&[commit(&head, 7, &twice)]).await.is_err(), "{name}: a term is there once");
        assert_eq!(head_of(&one, State::Live).await, head, "{name}");
        assert_eq!(keys(&one, &term("every")).await, (vec![], 0), "{name}");
    }
}

#[tokio::test]
async fn of_two_servers_that_take_in_the_same_events_one_writes_and_the_other_hears_of_it() {
    for World { name, one, other, .. } in worlds().await {
        let head = begun(&one).await;
        assert_eq!(begun(&other).await, head, "both begin with the same rows");
        let (a, b) = (commit(&head, 3, &[("a", 1, &["every"])]), commit(&head, 3, &[("a", 1, &["every"])]));
        let (a, b) = ([a], [b]);
        let (a, b) = tokio::join!(one.commit(&a), other.commit(&b));
        assert_eq!(i32::from(a.unwrap()) + i32::from(b.unwrap()), 1, "{name}");
        assert_eq!(keys(&one, &term("every")).await, (vec![1], 1), "{name}: it counts once");
    }
}

#[tokio::test]
async fn when_one_checkpoint_has_moved_nothing_of_any_view_is_written() {
    for World { name, one, .. } in worlds().await {
        let orders = begun(&one).await;
        one.begin("stock", 1, State::Live).await.unwrap();
        let stock = one.heads().await.unwrap().into_iter().find(|head| head.view == "stock").unwrap();
        assert!(one.commit(&[commit(&stock, 1, &[])]).await.unwrap());
        let both = [commit(&orders, 2, &[("a", 1, &["every"])]), commit(&stock, 2, &[("b", 1, &["every"])])];
        assert!(!one.commit(&both).await.unwrap(), "{name}");
        assert_eq!(one.get("orders", "a").await.unwrap(), None, "{name}");
        assert_eq!(head_of(&one, State::Live).await.position, Position(0), "{name}");
    }
}

#[tokio::test]
async fn rows_that_are_being_built_are_not_seen_before_the_switch_and_the_old_ones_not_after() {
    for World { name, one, other, .. } in worlds().await {
        let live = begun(&one).await;
        assert!(one.commit(&[commit(&live, 5, &[("old", 1, &["every", &word("mug", "x")])])]).await.unwrap());
        one.begin("orders", 1, State::Building).await.unwrap();
        one.begin("orders", 1, State::Building).await.unwrap();
        let built = head_of(&one, State::Building).await;
        assert_eq!(one.heads().await.unwrap().len(), 2, "{name}: asked twice, it is built once");
        assert!(one.commit(&[commit(&built, 4, &[("new", 2, &["every"])])]).await.unwrap());
        assert_eq!(keys(&other, &term("every")).await, (vec![1], 1), "{name}");
        assert_eq!(other.get("orders", "new").await.unwrap(), None, "{name}");

        assert!(!one.switch(&built).await.unwrap(), "{name}: it has not caught up");
        assert_eq!(keys(&other, &term("every")).await, (vec![1], 1), "{name}");
        let built = head_of(&one, State::Building).await;
        assert!(one.commit(&[commit(&built, 5, &[])]).await.unwrap());
        assert!(one.switch(&built).await.unwrap(), "{name}");
        assert!(!other.switch(&built).await.unwrap(), "{name}: once");
        assert_eq!(keys(&other, &term("every")).await, (vec![2], 1), "{name}");
        assert_eq!(keys(&other, &words(&["mug"], None)).await, (vec![], 0), "{name}");

        let late =
            Commit { head: Head { position: Position(5), ..live }, ..commit(&built, 6, &[("late", 9, &["every"])]) };
        assert!(!one.commit(&[late]).await.unwrap(), "{name}: nobody writes rows that were left behind");
        while one.sweep().await.unwrap() {}
        assert_eq!(one.heads().await.unwrap().len(), 1, "{name}");
        assert_eq!(keys(&one, &term("every")).await, (vec![2], 1), "{name}");
    }
}

#[tokio::test]
async fn a_row_that_changes_is_found_by_what_it_is_now_and_counted_so() {
    for World { name, one, .. } in worlds().await {
        let head = begun(&one).await;
        let first = commit(&head, 1, &[("a", 5, &["every", "open"]), ("b", 6, &["every", "open"])]);
        assert!(one.commit(std::slice::from_ref(&first)).await.unwrap());
        let head = head_of(&one, State::Live).await;
        let mut second = commit(&head, 2, &[("a", 5, &["every", "closed"]), ("b", 6, &[])]);
        for (row, before) in second.rows.iter_mut().zip(first.rows) {
            row.terms_before = before.terms;
        }
        second.rows[1].body = None;
        assert!(one.commit(&[second]).await.unwrap());
        assert_eq!(keys(&one, &term("every")).await, (vec![5], 1), "{name}");
        assert_eq!(keys(&one, &term("open")).await, (vec![], 0), "{name}");
        assert_eq!(keys(&one, &term("closed")).await, (vec![5], 1), "{name}");
        let rows = one.rows_after(&head, "").await.unwrap();
        assert_eq!(rows, [("a".to_owned(), "\"a\"".to_owned())], "{name}");
    }
}

#[tokio::test]
async fn words_are_found_by_their_beginnings_alone_together_and_within_a_group() {
    for World { name, one, .. } in worlds().await {
        let head = begun(&one).await;
        let (tea, pot) = (word("tea", "in_progress"), word("pot", "in_progress"));
        let (team, tea_done) = (word("team", "in_progress"), word("tea", "done"));
        let many: Vec<String> = (0..300).map(|number| word(&format!("x{number:03}"), "done")).collect();
        let many: Vec<&str> = ["every", "done"].into_iter().chain(many.iter().map(String::as_str)).collect();
        let rows: [(&str, i64, &[&str]); 4] = [
            ("a", 1, &["every", "in_progress", &tea, &pot, &team]),
            ("b", 2, &["every", "in_progress", &tea]),
            ("c", 3, &["every", "done", &tea_done]),
            ("d", 4, &many),
        ];
        assert!(one.commit(&[commit(&head, 1, &rows)]).await.unwrap());
        for (what, expected) in [
            (words(&["te"], None), vec![3, 2, 1]),
            (words(&["tea"], Some("in_progress")), vec![2, 1]),
            (words(&["tea"], Some("done")), vec![3]),
            (words(&["te", "po"], None), vec![1]),
            (words(&["pot", "tea"], Some("done")), vec![]),
            (words(&["x"], None), vec![4]),
            (words(&["x"], Some("done")), vec![4]),
            (words(&["x"], Some("in_progress")), vec![]),
            (words(&["x"], Some("expired")), vec![]),
            (words(&["x050"], None), vec![4]),
            (words(&["x", "x09"], Some("done")), vec![4]),
            (words(&["ea"], None), vec![]),
        ] {
            let total = expected.len() as u64;
            assert_eq!(keys(&one, &what).await, (expected, total), "{name}: {what:?}");
        }
        let page = one.find("orders", &words(&["te"], None), Some(3), 1).await.unwrap();
        assert_eq!((page.rows.len(), page.rows[0].0, page.total), (1, 2, 3), "{name}: the page below rank 3");
    }
}

#[tokio::test]
async fn skipped_events_are_counted_and_the_last_is_reported() {
    for World { name, one, .. } in worlds().await {
        let head = begun(&one).await;
        let failures = |count, last, why: &str| Failures { count, last: Position(last), why: why.to_owned() };
        for (to, failures) in [(3, failures(2, 3, "bad")), (5, failures(1, 4, "worse")), (6, failures(0, 0, ""))] {
            let head = Head { position: head_of(&one, State::Live).await.position, ..head.clone() };
            assert!(one.commit(&[Commit { failures, ..commit(&head, to, &[]) }]).await.unwrap());
        }
        assert_eq!(head_of(&one, State::Live).await.failures, failures(3, 4, "worse"), "{name}");
    }
}

#[tokio::test]
async fn a_file_is_there_again_when_it_is_opened_again_and_a_damaged_one_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("views");
    let store = ViewStore::open(&path).unwrap();
    let head = begun(&store).await;
    assert!(store.commit(&[commit(&head, 7, &[("a", 1, &["every"])])]).await.unwrap());
    store.close().await;
    assert!(store.heads().await.is_err(), "it is closed");
    let store = ViewStore::open(&path).unwrap();
    assert_eq!(head_of(&store, State::Live).await.position, Position(7));
    store.close().await;
    std::fs::write(&path, "no database").unwrap();
    let store = ViewStore::open(&path).unwrap();
    assert_eq!(store.heads().await.unwrap(), []);
}

#[tokio::test]
async fn events_that_were_taken_in_already_change_nothing() {
    let mut log = Log::default();
    log.write(&crate::store::streams::order(order(1)), &started());
    let store = filled(&crate::views::orders::Orders, &log.events).await;
    let head = head_of(&store, State::Live).await;
    let again = fold(&store, &crate::views::orders::Orders, &head, &log.events).await.unwrap();
    assert!(again.rows.is_empty());
    assert_eq!(again.to, Position(1));
}

#[tokio::test]
async fn a_beginning_that_very_many_words_share_is_found_page_by_page_and_counted_right() {
    for World { name, one, .. } in worlds().await {
        let head = begun(&one).await;
        // Each third row is done; all have two words that begin alike, and only the oldest have a third.
        let terms = |rank: i64| {
            let group = if rank % 3 == 0 { "done" } else { "open" };
            let old = (rank <= 40).then(|| word(&format!("old{rank}"), group));
            let words = [word(&format!("shopper{rank}"), group), word(&format!("shopper{rank}@x"), group)];
            ["every".to_owned(), group.to_owned()].into_iter().chain(words).chain(old).collect::<Vec<_>>()
        };
        let terms: Vec<Vec<String>> = (1..=600).map(terms).collect();
        let terms: Vec<Vec<&str>> = terms.iter().map(|terms| terms.iter().map(String::as_str).collect()).collect();
        let keys: Vec<String> = (1..=600).map(|rank| format!("key {rank}")).collect();
        let rows: Vec<(&str, i64, &[&str])> = keys
            .iter()
            .zip(1..)
            .zip(&terms)
            .map(|((key, rank), terms)| (key.as_str(), rank, terms.as_slice()))
            .collect();
        assert!(one.commit(&[commit(&head, 1, &rows)]).await.unwrap());

        for (what, expected) in [
            (words(&["s"], None), (1..=600).rev().collect::<Vec<i64>>()),
            (words(&["shopper"], None), (1..=600).rev().collect()),
            (words(&["shopper"], Some("done")), (1..=600).rev().filter(|rank| rank % 3 == 0).collect()),
            (words(&["shopper5"], None), (1..=600).rev().filter(|rank| rank.to_string().starts_with('5')).collect()),
            (words(&["shopper59"], None), vec![599, 598, 597, 596, 595, 594, 593, 592, 591, 590, 59]),
            (
                words(&["shopper5"], Some("done")),
                (1..=600).rev().filter(|rank| rank % 3 == 0 && rank.to_string().starts_with('5')).collect(),
            ),
            (words(&["shop", "old"], None), (1..=40).rev().collect()),
            (words(&["shopper3", "old"], None), [39, 38, 37, 36, 35, 34, 33, 32, 31, 30, 3].to_vec()),
            (words(&["old", "sh"], Some("open")), (1..=40).rev().filter(|rank| rank % 3 != 0).collect()),
        ] {
            let mut found = Vec::new();
            loop {
                let page = one.find("orders", &what, found.last().copied(), 7).await.unwrap();
                assert_eq!(page.total, expected.len() as u64, "{name}: {what:?}");
                if page.rows.is_empty() {
                    break;
                }
                found.extend(page.rows.into_iter().map(|(rank, _)| rank));
                assert!(found.len() <= expected.len(), "{name}: {what:?} shows a row twice");
            }
            assert_eq!(found, expected, "{name}: {what:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_and_its_count_are_of_one_moment_while_rows_change_their_group() {
    for World { name, one, other, .. } in worlds().await {
        let first = begun(&one).await;
        let changed = |from: &str, to: &str| {
            let term_in = |group: &str| -> Terms {
                [("every".to_owned(), 1), (group.to_owned(), 1), (word("ada", group), 1)].into_iter().collect()
            };
            RowChange {
                key: "a".to_owned(),
                terms_before: if from.is_empty() { Terms::new() } else { term_in(from) },
                terms: term_in(to),
                body: Some(format!("\"{to}\"")),
            }
        };
        let commit = |head: &Head, to: u64, row: RowChange| Commit {
            head: head.clone(),
            to: Position(to),
            event_id: format!("event-{to}"),
            failures: Failures::default(),
            rows: vec![row],
        };
        assert!(one.commit(&[commit(&first, 1, changed("", "open"))]).await.unwrap(), "{name}");
        let writes = tokio::spawn(async move {
            for (number, (from, to)) in [("open", "paid"), ("paid", "open")].into_iter().cycle().take(200).enumerate() {
                let head = head_of(&one, State::Live).await;
                assert!(one.commit(&[commit(&head, number as u64 + 2, changed(from, to))]).await.unwrap());
            }
        });
        let what = words(&["ada"], None);
        let mut asked = 0;
        while !writes.is_finished() || asked == 0 {
            let (found, total) = keys(&other, &what).await;
            assert_eq!((found, total), (vec![1], 1), "{name}: question {asked}");
            asked += 1;
        }
        writes.await.unwrap();
    }
}
