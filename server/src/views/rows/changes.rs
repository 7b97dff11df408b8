//! The statements that write commits: one for each kind of change, across all views.

use super::database::{Statement, Value};
use super::generation::Commit;
use crate::views::engine::view::{Terms, WORD};

const REMOVE_TERMS: &str = "DELETE FROM view_terms WHERE {these view, generation, term, rank, key}";
const ADD_TERMS: &str = "INSERT INTO view_terms (view, generation, term, rank, key) {rows}";
const PUT_ROWS: &str = "INSERT INTO view_rows (view, generation, key, words, body) {rows}
    ON CONFLICT (view, generation, key) DO UPDATE SET words = excluded.words, body = excluded.body";
const REMOVE_ROWS: &str = "DELETE FROM view_rows WHERE {these view, generation, key}";
const COUNT: &str = "INSERT INTO view_counts (view, generation, term, rows_with_it) {rows}
    ON CONFLICT (view, generation, term)
    DO UPDATE SET rows_with_it = view_counts.rows_with_it + excluded.rows_with_it";
const REMOVE_COUNTS_OF_NOTHING: &str =
    "DELETE FROM view_counts WHERE rows_with_it = 0 AND {these view, generation, term}";

/// Maximum length of the word prefixes whose rows are counted, in letters, so that the number of rows is known without reading
/// them. Short prefixes are shared by many words, so their counters are few.
const COUNTED_LETTERS: usize = 8;

/// The statements that write the rows of commits, with their terms and counters.
pub(super) fn statements(commits: &[Commit]) -> Vec<Statement> {
    let (mut removed_terms, mut added_terms) = (Vec::new(), Vec::new());
    let (mut put, mut removed) = (Vec::new(), Vec::new());
    let (mut counts, mut fewer) = (Vec::new(), Vec::new());
    for commit in commits {
        let (view, generation) = (commit.head.view.as_str(), commit.head.generation);
        let begin = || [Value::from(view), Value::from(generation)];
        let term = |(term, rank): &(String, i64), key: &str| {
            begin().into_iter().chain([term.as_str().into(), (*rank).into(), key.into()]).collect::<Vec<Value>>()
        };
        let mut with_term = Sums::<&str>::default();
        let mut with_beginning = Sums::<Beginning<'_>>::default();
        for row in &commit.rows {
            match &row.body {
                Some(body) => {
                    let row = [row.key.as_str().into(), words(&row.terms).into(), body.as_str().into()];
                    put.push(begin().into_iter().chain(row).collect());
                }
                None => removed.push(begin().into_iter().chain([row.key.as_str().into()]).collect()),
            }
            if row.terms == row.terms_before {
                continue;
            }
            for gone in row.terms_before.difference(&row.terms) {
                removed_terms.push(term(gone, &row.key));
                with_term.add(&gone.0, -1);
            }
            for new in row.terms.difference(&row.terms_before) {
                added_terms.push(term(new, &row.key));
                with_term.add(&new.0, 1);
            }
            if words_in(&row.terms_before).eq(words_in(&row.terms)) {
                continue;
            }
            for gone in beginnings(&row.terms_before) {
                with_beginning.add(gone, -1);
            }
            for new in beginnings(&row.terms) {
                with_beginning.add(new, 1);
            }
        }
        let terms = with_term.of_each().into_iter().map(|(term, change)| (term.to_owned(), change));
        let beginnings = with_beginning.of_each().into_iter().map(|(beginning, change)| (beginning.text(), change));
        for (counted, change) in terms.chain(beginnings) {
            let count = begin().into_iter().chain([counted.into()]).collect::<Vec<Value>>();
            if change < 0 {
                fewer.push(count.clone());
            }
            counts.push(count.into_iter().chain([change.into()]).collect());
        }
    }
    // In the order of the index: neighbours are then written together.
    removed_terms.sort_unstable();
    added_terms.sort_unstable();
    counts.sort_unstable();
    fewer.sort_unstable();
    let changes = [
        (REMOVE_TERMS, removed_terms),
        (ADD_TERMS, added_terms),
        (PUT_ROWS, put),
        (REMOVE_ROWS, removed),
        (COUNT, counts),
        (REMOVE_COUNTS_OF_NOTHING, fewer),
    ];
    changes.into_iter().filter_map(|(sql, rows)| Statement::for_each(sql, rows)).collect()
}

/// Sums by key. A vector, because its keys repeat little and a map of as many would be several times as large.
struct Sums<K>(Vec<(K, i64)>);

impl<K> Default for Sums<K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Ord> Sums<K> {
    fn add(&mut self, key: K, change: i64) {
        self.0.push((key, change));
    }

    /// The keys whose sum is not zero, in order.
    fn of_each(mut self) -> Vec<(K, i64)> {
        self.0.sort_unstable();
        self.0.dedup_by(|next, sum| {
            let is_same = next.0 == sum.0;
            if is_same {
                sum.1 += next.1;
            }
            is_same
        });
        self.0.retain(|(_, sum)| *sum != 0);
        self.0
    }
}

/// Under what it is counted how many rows, of a group or in all, have a word that begins like this; `None` when nobody counts
/// that. Within a group, what has a digit is not counted: the beginnings of numbers are many, and each is shared by few.
pub(super) fn beginning(letters: &str, group: Option<&str>) -> Option<String> {
    if letters.chars().count() > COUNTED_LETTERS {
        return None;
    }
    let is_counted = group.is_none() || !has_digit(letters);
    is_counted.then(|| Beginning { letters, group }.text())
}

/// The first letters of a word of a row, of one group or of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Beginning<'a> {
    letters: &'a str,
    group: Option<&'a str>,
}

impl Beginning<'_> {
    /// Under what it is counted.
    fn text(self) -> String {
        match self.group {
            None => format!("begin:{}", self.letters),
            Some(group) => format!("begin:{} {group}", self.letters),
        }
    }
}

/// The counted beginnings of all words of a row, each once.
fn beginnings(terms: &Terms) -> Vec<Beginning<'_>> {
    let mut all = Vec::new();
    for (word, group) in words_in(terms) {
        let ends = word.char_indices().map(|(at, letter)| at + letter.len_utf8());
        for letters in ends.take(COUNTED_LETTERS).filter_map(|end| word.get(..end)) {
            all.push(Beginning { letters, group: None });
            if group.is_some() && !has_digit(letters) {
                all.push(Beginning { letters, group });
            }
        }
    }
    // Words stand in their order, so this finds it nearly sorted.
    all.sort();
    all.dedup();
    all
}

fn has_digit(letters: &str) -> bool {
    letters.contains(|letter: char| letter.is_ascii_digit())
}

/// The words of a row, each with a blank before it.
fn words(terms: &Terms) -> String {
    words_in(terms).flat_map(|(word, _)| [" ", word]).collect()
}

/// Each word with the group of its row.
fn words_in(terms: &Terms) -> impl Iterator<Item = (&str, Option<&str>)> {
    terms.iter().filter_map(|(term, _)| {
        let mut parts = term.strip_prefix(WORD)?.split(' ');
        Some((parts.next()?, parts.next()))
    })
}
