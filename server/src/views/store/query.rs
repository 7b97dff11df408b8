//! Questions about the rows of a live generation. Each statement looks up by itself which generation that is, so it is
//! answered whole from one, also in the moment of a switch.

use std::collections::BTreeMap;

use super::ViewStore;
use super::database::{Given, Rows, Statement, Value, ViewStoreError};
use crate::views::view::WORD;

/// A beginning that stands for more terms than these is searched as a range, which is slower.
const MOST_TERMS: usize = 64;
/// So many words of a search count.
pub(super) const MOST_WORDS: usize = 6;
/// After every term that begins like this.
const LAST: char = '\u{10FFFF}';

/// What to find.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// Rows with this term.
    Term(String),
    /// Rows that have for each of these a word that begins with it; at least one. Words of rows in this group only, if any.
    Words(Vec<String>, Option<String>),
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// `(rank, body)`, highest rank first.
    pub(crate) rows: Vec<(i64, String)>,
    /// How many rows there are in all, whatever the limit and where the page begins.
    pub(crate) total: u64,
}

impl ViewStore {
    /// The body of one row.
    pub(crate) async fn get(&self, view: &str, key: &str) -> Result<Option<String>, ViewStoreError> {
        let sql = "SELECT body FROM view_rows WHERE view = $1 AND key = $2 AND generation = (
            SELECT live.generation FROM generations AS live WHERE live.view = $1 AND live.state = 'live')";
        let rows = self.ask(Statement::new(sql, [view.into(), key.into()])).await?;
        Ok(rows.first().and_then(|row| row.first()).map(|body| body.text().to_owned()))
    }

    /// The keys of rows with a term, lowest rank first, after a `(rank, key)`.
    pub(crate) async fn keys_with(
        &self,
        view: &str,
        term: &str,
        after: (i64, &str),
        limit: i64,
    ) -> Result<Vec<(i64, String)>, ViewStoreError> {
        let sql = "SELECT rank, key FROM view_terms WHERE view = $1 AND term = $2 AND (rank, key) > ($3, $4)
            AND generation = (
                SELECT live.generation FROM generations AS live WHERE live.view = $1 AND live.state = 'live')
            ORDER BY rank, key LIMIT $5";
        let values = [view.into(), term.into(), after.0.into(), after.1.into(), limit.into()];
        Ok(ranked(&self.ask(Statement::new(sql, values)).await?))
    }

    /// How many rows have each of some terms.
    pub(crate) async fn counts(&self, view: &str, terms: &[String]) -> Result<Vec<u64>, ViewStoreError> {
        let answers = self.0.read(terms.iter().map(|term| count_of(view, term)).collect()).await?;
        Ok(answers.iter().map(total).collect())
    }

    /// A page of what is found below a rank, highest rank first, and how many there are in all.
    pub(crate) async fn find(
        &self,
        view: &str,
        what: &What,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Found, ViewStoreError> {
        let before = before.unwrap_or(i64::MAX);
        match what {
            What::Term(term) => self.with_terms(view, std::slice::from_ref(term), before, limit).await,
            What::Words(words, group) => {
                let group = group.as_deref();
                if let [word] = words.as_slice() {
                    let terms = self.terms_of(view, word, group).await?;
                    if terms.len() <= MOST_TERMS {
                        return self.with_terms(view, &terms, before, limit).await;
                    }
                }
                self.with_words(view, words, group, before, limit).await
            }
        }
    }

    /// The terms of a word's beginning; more than [`MOST_TERMS`] are not told apart.
    async fn terms_of(&self, view: &str, word: &str, group: Option<&str>) -> Result<Vec<String>, ViewStoreError> {
        let sql = "SELECT term FROM view_counts WHERE view = $1 AND term >= $2 AND term < $3 AND term LIKE $4
            AND rows_with_it > 0 AND generation = (
                SELECT live.generation FROM generations AS live WHERE live.view = $1 AND live.state = 'live')
            LIMIT $5";
        let (from, to) = range(word);
        let limit = i64::try_from(MOST_TERMS + 1).unwrap_or(i64::MAX);
        let values = [view.into(), from.into(), to.into(), in_group(group).into(), limit.into()];
        let rows = self.ask(Statement::new(sql, values)).await?;
        Ok(rows.iter().filter_map(|row| Some(row.first()?.text().to_owned())).collect())
    }

    /// What has at least one of some terms: the best of each, merged.
    async fn with_terms(
        &self,
        view: &str,
        terms: &[String],
        before: i64,
        limit: usize,
    ) -> Result<Found, ViewStoreError> {
        let sql = "SELECT t.rank, r.body FROM view_terms AS t
            JOIN view_rows AS r ON r.view = t.view AND r.generation = t.generation AND r.key = t.key
            WHERE t.view = $1 AND t.term = $2 AND t.rank < $3 AND t.generation = (
                SELECT live.generation FROM generations AS live WHERE live.view = $1 AND live.state = 'live')
            ORDER BY t.rank DESC, t.key DESC LIMIT $4";
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        let page = |term: &String| Statement::new(sql, [view.into(), term.as_str().into(), before.into(), most.into()]);
        let count = match terms {
            [] => return Ok(Found::default()),
            [term] => count_of(view, term),
            [_, _, ..] => {
                // One row may have several of them.
                let least = terms.iter().min().map(String::as_str).unwrap_or_default();
                let most = terms.iter().max().map(String::as_str).unwrap_or_default();
                let group = least.rsplit_once(' ').map(|(_, group)| group);
                let same = terms.iter().all(|term| term.rsplit_once(' ').map(|(_, of)| of) == group);
                let like = in_group(group.filter(|_| same));
                Statement::new(COUNT_RANGE, [view.into(), least.into(), format!("{most}\u{1}").into(), like.into()])
            }
        };
        let questions = terms.iter().map(page).chain([count]).collect();
        let mut answers = self.0.read(questions).await?;
        let total = total(&answers.pop().unwrap_or_default());
        if let [only] = answers.as_slice() {
            return Ok(Found { rows: ranked(only), total });
        }
        let merged: BTreeMap<(i64, String), ()> = answers.iter().flat_map(ranked).map(|row| (row, ())).collect();
        Ok(Found { rows: merged.into_keys().rev().take(limit).collect(), total })
    }

    /// What has words with several beginnings, or with one that stands for very many.
    async fn with_words(
        &self,
        view: &str,
        words: &[String],
        group: Option<&str>,
        before: i64,
        limit: usize,
    ) -> Result<Found, ViewStoreError> {
        let words = words.get(..MOST_WORDS).unwrap_or(words);
        let weigh = |word: &String| {
            let (from, to) = range(word);
            Statement::new(WEIGHT, [view.into(), from.into(), to.into(), in_group(group).into()])
        };
        let weights = self.0.read(words.iter().map(weigh).collect()).await?;
        // The rarest leads, the others are looked for in what it finds.
        let rarest = weights.iter().enumerate().min_by_key(|(_, weight)| total(weight)).map_or(0, |(index, _)| index);
        let Some(lead) = words.get(rarest) else { return Ok(Found::default()) };
        let (from, to) = range(lead);
        let others = words.iter().enumerate().filter(|(index, _)| *index != rarest).map(|(_, word)| contains(word));
        let [a, b, c, d, e] = five(others);
        let shared = |before: i64| -> [Value; 10] {
            let (from, to) = (from.as_str().into(), to.as_str().into());
            let others = [&a, &b, &c, &d, &e].map(|other| Value::from(other.as_str()));
            let [a, b, c, d, e] = others;
            [view.into(), from, to, in_group(group).into(), before.into(), a, b, c, d, e]
        };
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let page = [shared(before).as_slice(), &[limit.into()]].concat();
        let page = Statement { sql: PAGE_OF_WORDS, given: Given::Once(page), guard: false };
        let count = Statement::new(COUNT_OF_WORDS, shared(i64::MAX));
        let answers = self.0.read(vec![page, count]).await?;
        let [rows, count] = answers.as_slice() else { return Ok(Found::default()) };
        Ok(Found { rows: ranked(rows), total: total(count) })
    }
}

const WEIGHT: &str = "SELECT CAST(coalesce(sum(rows_with_it), 0) AS BIGINT) FROM view_counts
    WHERE view = $1 AND term >= $2 AND term < $3 AND term LIKE $4 AND generation = (
        SELECT live.generation FROM generations AS live WHERE live.view = $1 AND live.state = 'live')";

const COUNT_RANGE: &str = "SELECT count(DISTINCT key) FROM view_terms
    WHERE view = $1 AND term >= $2 AND term < $3 AND term LIKE $4 AND generation = (
        SELECT live.generation FROM generations AS live WHERE live.view = $1 AND live.state = 'live')";

const PAGE_OF_WORDS: &str = "SELECT DISTINCT t.rank, r.body FROM view_terms AS t
    JOIN view_rows AS r ON r.view = t.view AND r.generation = t.generation AND r.key = t.key
    WHERE t.view = $1 AND t.term >= $2 AND t.term < $3 AND t.term LIKE $4 AND t.rank < $5
        AND r.words LIKE $6 AND r.words LIKE $7 AND r.words LIKE $8 AND r.words LIKE $9 AND r.words LIKE $10
        AND t.generation = (
            SELECT live.generation FROM generations AS live WHERE live.view = $1 AND live.state = 'live')
    ORDER BY t.rank DESC LIMIT $11";

const COUNT_OF_WORDS: &str = "SELECT count(DISTINCT t.key) FROM view_terms AS t
    JOIN view_rows AS r ON r.view = t.view AND r.generation = t.generation AND r.key = t.key
    WHERE t.view = $1 AND t.term >= $2 AND t.term < $3 AND t.term LIKE $4 AND t.rank < $5
        AND r.words LIKE $6 AND r.words LIKE $7 AND r.words LIKE $8 AND r.words LIKE $9 AND r.words LIKE $10
        AND t.generation = (
            SELECT live.generation FROM generations AS live WHERE live.view = $1 AND live.state = 'live')";

fn count_of(view: &str, term: &str) -> Statement {
    let sql = "SELECT rows_with_it FROM view_counts WHERE view = $1 AND term = $2 AND generation = (
        SELECT live.generation FROM generations AS live WHERE live.view = $1 AND live.state = 'live')";
    Statement::new(sql, [view.into(), term.into()])
}

/// The terms of words that begin like this, from the first to after the last.
fn range(word: &str) -> (String, String) {
    (format!("{WORD}{word}"), format!("{WORD}{word}{LAST}"))
}

/// A pattern for the terms of a group. Its name has letters, digits, `-` and underscores only, and what an underscore lets
/// through beside itself is no other group.
fn in_group(group: Option<&str>) -> String {
    group.map_or_else(|| "%".to_owned(), |group| format!("% {group}"))
}

/// A pattern for the words of a row. Words have none of a pattern's own signs.
fn contains(word: &str) -> String {
    format!("% {word}%")
}

fn five(mut patterns: impl Iterator<Item = String>) -> [String; 5] {
    std::array::from_fn(|_| patterns.next().unwrap_or_else(|| "%".to_owned()))
}

fn ranked(rows: &Rows) -> Vec<(i64, String)> {
    rows.iter().filter_map(|row| Some((row.first()?.int(), row.get(1)?.text().to_owned()))).collect()
}

fn total(rows: &Rows) -> u64 {
    rows.first().and_then(|row| row.first()).map_or(0, |count| u64::try_from(count.int()).unwrap_or_default())
}
