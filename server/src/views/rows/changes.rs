//! The statements that write commits: one for each kind of change, across all views.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

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
        let begin = || vec![Value::from(commit.head.view.as_str()), Value::from(commit.head.generation)];
        let with = |values: &[Value]| [begin(), values.to_vec()].concat();
        let mut counted = BTreeMap::<Cow<'_, str>, i64>::new();
        for row in &commit.rows {
            let key = || Value::from(row.key.as_str());
            for (term, rank) in row.terms_before.difference(&row.terms) {
                removed_terms.push(with(&[term.as_str().into(), (*rank).into(), key()]));
                *counted.entry(Cow::from(term)).or_default() -= 1;
            }
            for (term, rank) in row.terms.difference(&row.terms_before) {
                added_terms.push(with(&[term.as_str().into(), (*rank).into(), key()]));
                *counted.entry(Cow::from(term)).or_default() += 1;
            }
            let (before, now) = (beginnings(&row.terms_before), beginnings(&row.terms));
            before.difference(&now).for_each(|gone| *counted.entry(Cow::from(gone.clone())).or_default() -= 1);
            now.difference(&before).for_each(|new| *counted.entry(Cow::from(new.clone())).or_default() += 1);
            match &row.body {
                Some(body) => put.push(with(&[key(), words(&row.terms).into(), body.as_str().into()])),
                None => removed.push(with(&[key()])),
            }
        }
        counted.retain(|_, change| *change != 0);
        fewer.extend(counted.iter().filter(|(_, change)| **change < 0).map(|(term, _)| with(&[(&**term).into()])));
        counts.extend(counted.into_iter().map(|(term, change)| with(&[term.into_owned().into(), change.into()])));
    }
    // In the order of the index: neighbours are then written together.
    removed_terms.sort_unstable();
    added_terms.sort_unstable();
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

/// Under what it is counted how many rows, of a group or in all, have a word that begins like this; `None` when nobody counts
/// that. Within a group, what has a digit is not counted: the beginnings of numbers are many, and each is shared by few.
pub(super) fn beginning(letters: &str, group: Option<&str>) -> Option<String> {
    if letters.chars().count() > COUNTED_LETTERS {
        return None;
    }
    match group {
        None => Some(format!("begin:{letters}")),
        Some(_) if letters.contains(|letter: char| letter.is_ascii_digit()) => None,
        Some(group) => Some(format!("begin:{letters} {group}")),
    }
}

/// The counted beginnings of all words of a row.
fn beginnings(terms: &Terms) -> BTreeSet<String> {
    let begins = |(word, group)| {
        let ends = str::char_indices(word).map(|(at, letter)| at + letter.len_utf8());
        let begins = ends.take(COUNTED_LETTERS).filter_map(move |end| word.get(..end));
        begins.flat_map(move |letters| [beginning(letters, None), beginning(letters, group)]).flatten()
    };
    words_in(terms).flat_map(begins).collect()
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
