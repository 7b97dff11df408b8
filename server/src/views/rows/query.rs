//! Questions about the rows of a live generation. Each statement looks up by itself which generation that is, so it is
//! answered whole from one, also in the moment of a switch.

use std::collections::BTreeSet;

use super::ViewStore;
use super::changes::beginning;
use super::database::{Found, Next, Plan, Rows, Statement, Value, ViewStoreError};
use crate::views::engine::view::WORD;

/// A beginning that stands for more terms than these is searched row by row.
const MOST_TERMS: usize = 64;
/// So many terms are looked at to find those of a group.
const MOST_TERMS_OF_ALL_GROUPS: usize = 256;
/// So many words of a search count.
pub(super) const MOST_WORDS: usize = 6;
/// After every term that begins like this.
const LAST: char = '\u{10FFFF}';

#[derive(Clone, Debug)]
pub(crate) enum What {
    /// Rows with this term.
    Term(String),
    /// Rows that have for each of these a word that begins with it; at least one.
    Words {
        /// Beginnings of words, all of which a row must have.
        words: Vec<String>,
        /// Words of rows in this group only, if any.
        group: Option<String>,
        /// The term that all of those rows have, whatever their words, with the rank that their words have too.
        all: String,
    },
}

impl ViewStore {
    /// The body of one row.
    pub(crate) async fn get(&self, view: &str, key: &str) -> Result<Option<String>, ViewStoreError> {
        let sql = "SELECT body FROM view_rows WHERE view = $1 AND key = $2 AND generation = (
            SELECT live.generation FROM generations AS live WHERE live.view = $1 AND live.state = 'live')";
        let rows = self.query(Statement::new(sql, [view.into(), key.into()])).await?;
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
        Ok(ranked(&self.query(Statement::new(sql, values)).await?))
    }

    /// How many rows have each of some terms.
    pub(crate) async fn counts(&self, view: &str, terms: &[String]) -> Result<Vec<u64>, ViewStoreError> {
        let answers = self.0.read(terms.iter().map(|term| count_of(view, term)).collect()).await?;
        Ok(answers.iter().map(total).collect())
    }

    /// A page of what is found below a rank, highest rank first, and how many there are in all: both of one moment.
    pub(crate) async fn find(
        &self,
        view: &str,
        what: &What,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Found, ViewStoreError> {
        let finding = Finding {
            view: view.to_owned(),
            what: what.clone(),
            before: before.unwrap_or(i64::MAX),
            limit: i64::try_from(limit).unwrap_or(i64::MAX),
            stage: Stage::Begins,
        };
        self.0.follow(Box::new(finding)).await
    }
}

/// A page on its way. What a search is best looked up by shows only when its words were, so one question follows
/// another.
struct Finding {
    view: String,
    what: What,
    before: i64,
    limit: i64,
    stage: Stage,
}

/// What was asked last.
#[derive(Clone, Copy)]
enum Stage {
    /// No query has run yet.
    Begins,
    /// The terms of a word's beginning.
    Terms,
    /// The page of each of some terms, and a count.
    PagesOfTerms,
    /// How common each word is, and how many rows there are.
    Weights,
    /// The page of two words, with the count in each row.
    Both,
    /// The page, and a count.
    Page,
}

impl Plan for Finding {
    fn next(&mut self, answers: Vec<Rows>) -> Next {
        let (stage, next) = match (&self.what, self.stage) {
            (What::Term(term), Stage::Begins) => {
                self.ask_for_terms(std::slice::from_ref(term), count_of(&self.view, term))
            }
            (What::Words { words, group, all }, stage) => {
                let words = words.get(..MOST_WORDS).unwrap_or(words);
                let (group, view) = (group.as_deref(), self.view.as_str());
                let search = Search { view, words, group, all, before: self.before, limit: self.limit };
                self.next_of_words(&search, stage, &answers)
            }
            (What::Term(_), _) => (Stage::PagesOfTerms, Next::Found(self.merged(&answers))),
        };
        self.stage = stage;
        next
    }
}

impl Finding {
    fn next_of_words(&self, search: &Search<'_>, stage: Stage, answers: &[Rows]) -> (Stage, Next) {
        match (stage, search.words) {
            (Stage::Begins, [word]) => (Stage::Terms, Next::Ask(vec![search.terms(word)])),
            (Stage::Begins, _) => (Stage::Weights, Next::Ask(search.weights())),
            (Stage::Terms, words) => match (search.few_terms(answers), words) {
                (Some(terms), [word]) => self.ask_for_terms(&terms, search.count(word)),
                (_, _) => (Stage::Weights, Next::Ask(search.weights())),
            },
            (Stage::Weights, _) => search.after_the_weights(answers),
            (Stage::PagesOfTerms, _) => (stage, Next::Found(self.merged(answers))),
            (Stage::Both, _) => (stage, Next::Found(answers.first().map(counted).unwrap_or_default())),
            (Stage::Page, _) => {
                let found = match answers {
                    [rows, count] => Found { rows: ranked(rows), total: total(count) },
                    _ => Found::default(),
                };
                (stage, Next::Found(found))
            }
        }
    }

    /// Asks for what has at least one of some terms: the best of each.
    fn ask_for_terms(&self, terms: &[String], count: Statement) -> (Stage, Next) {
        let sql = "SELECT t.rank, r.body FROM view_terms AS t
            JOIN view_rows AS r ON r.view = t.view AND r.generation = t.generation AND r.key = t.key
            WHERE t.view = $1 AND t.term = $2 AND t.rank < $3 AND t.generation = (
                SELECT live.generation FROM generations AS live WHERE live.view = $1 AND live.state = 'live')
            ORDER BY t.rank DESC, t.key DESC LIMIT $4";
        if terms.is_empty() {
            return (Stage::PagesOfTerms, Next::Found(Found::default()));
        }
        let values =
            |term: &String| [self.view.as_str().into(), term.as_str().into(), self.before.into(), self.limit.into()];
        let pages = terms.iter().map(|term| Statement::new(sql, values(term)));
        (Stage::PagesOfTerms, Next::Ask(pages.chain([count]).collect()))
    }

    fn merged(&self, answers: &[Rows]) -> Found {
        let Some((count, pages)) = answers.split_last() else { return Found::default() };
        let total = total(count);
        if let [only] = pages {
            return Found { rows: ranked(only), total };
        }
        // One row may have several of the terms.
        let merged: BTreeSet<(i64, String)> = pages.iter().flat_map(ranked).collect();
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        Found { rows: merged.into_iter().rev().take(limit).collect(), total }
    }
}

/// A search for words.
struct Search<'a> {
    view: &'a str,
    words: &'a [String],
    group: Option<&'a str>,
    /// The term of all rows that may be found.
    all: &'a str,
    before: i64,
    limit: i64,
}

impl Search<'_> {
    /// The terms of a word's beginning, of all groups.
    fn terms(&self, word: &str) -> Statement {
        let sql = "SELECT term FROM view_counts WHERE view = $1 AND term >= $2 AND term < $3 AND generation = (
                SELECT live.generation FROM generations AS live WHERE live.view = $1 AND live.state = 'live')
            LIMIT $4";
        let (from, to) = range(word);
        let limit = i64::try_from(MOST_TERMS_OF_ALL_GROUPS + 1).unwrap_or(i64::MAX);
        Statement::new(sql, [self.view.into(), from.into(), to.into(), limit.into()])
    }

    /// The terms that were found; `None` when there are too many to look at each.
    fn few_terms(&self, answers: &[Rows]) -> Option<Vec<String>> {
        let rows = answers.first()?;
        let in_group = |term: &&str| {
            let group_of = term.rsplit_once(' ').map(|(_, group)| group);
            self.group.is_none_or(|group| group_of == Some(group))
        };
        let terms = rows.iter().filter_map(|row| row.first()).map(Value::text).filter(in_group);
        let terms: Vec<String> = terms.map(str::to_owned).collect();
        (rows.len() <= MOST_TERMS_OF_ALL_GROUPS && terms.len() <= MOST_TERMS).then_some(terms)
    }

    fn weights(&self) -> Vec<Statement> {
        self.words.iter().map(|word| self.weight(word)).chain([count_of(self.view, self.all)]).collect()
    }

    /// What has words with several beginnings, or with one that stands for very many.
    ///
    /// Two that are not all too common are looked up in the index of words. Else either all rows with the rarest of
    /// them are looked up, or rows are looked at from the highest rank down until the page is full: whichever is likely
    /// to look at fewer.
    fn after_the_weights(&self, counts: &[Rows]) -> (Stage, Next) {
        let nothing = || (Stage::Page, Next::Found(Found::default()));
        let Some((all, weights)) = counts.split_last() else { return nothing() };
        let all = total(all);
        let rarest = self.words.iter().zip(weights.iter().map(total)).min_by_key(|(_, weight)| *weight);
        let Some((rarest, weight)) = rarest.filter(|_| all > 0) else { return nothing() };
        if let [one, other] = self.words
            && self.group.is_none()
            && weights.iter().map(total).sum::<u64>() <= all
        {
            return (Stage::Both, Next::Ask(vec![self.find_both(one, other)]));
        }
        let wanted = u64::try_from(self.limit).unwrap_or_default();
        let until_full = all.min(wanted.saturating_mul(all) / weight.max(1));
        let page = if weight <= until_full { self.page_by(rarest) } else { self.page_from_the_top() };
        let count = match self.words {
            [word] => self.count(word),
            [one, other] if self.group.is_none() => self.count_both(one, other),
            _ if weight <= all => self.count_by(rarest),
            _ => self.count_all(),
        };
        (Stage::Page, Next::Ask(vec![page, count]))
    }

    /// How many rows have a word that begins like this.
    fn count(&self, word: &str) -> Statement {
        if let Some(counted) = beginning(word, self.group) {
            return count_of(self.view, &counted);
        }
        let (from, to) = range(word);
        Statement::new(COUNT_RANGE, [self.view.into(), from.into(), to.into(), in_group(self.group).into()])
    }

    /// At most about how many rows have a word that begins like this; some may be counted several times.
    fn weight(&self, word: &str) -> Statement {
        if let Some(counted) = beginning(word, self.group).or_else(|| beginning(word, None)) {
            return count_of(self.view, &counted);
        }
        let (from, to) = range(word);
        Statement::new(WEIGHT, [self.view.into(), from.into(), to.into()])
    }

    /// The page, out of all rows that have one of the words.
    fn page_by(&self, word: &str) -> Statement {
        Statement::new(PAGE_BY_A_WORD, [self.by(word, self.before), vec![self.limit.into()]].concat())
    }

    fn count_by(&self, word: &str) -> Statement {
        Statement::new(COUNT_BY_A_WORD, self.by(word, i64::MAX))
    }

    /// The page of the rows that have both, and how many those are; looks at no other row.
    fn find_both(&self, one: &str, other: &str) -> Statement {
        Statement::new(FIND_BOTH, [self.both(one, other), vec![self.before.into(), self.limit.into()]].concat())
    }

    /// How many rows have both, without a look at any: no two rows share a rank.
    fn count_both(&self, one: &str, other: &str) -> Statement {
        Statement::new(COUNT_BOTH, self.both(one, other))
    }

    fn both(&self, one: &str, other: &str) -> Vec<Value> {
        let ((from, to), (other_from, other_to)) = (range(one), range(other));
        vec![self.view.into(), from.into(), to.into(), other_from.into(), other_to.into()]
    }

    /// The page, from the highest rank down.
    fn page_from_the_top(&self) -> Statement {
        Statement::new(PAGE_FROM_THE_TOP, [self.among_all(self.before), vec![self.limit.into()]].concat())
    }

    fn count_all(&self) -> Statement {
        Statement::new(COUNT_ALL, self.among_all(i64::MAX))
    }

    fn by(&self, word: &str, before: i64) -> Vec<Value> {
        let (from, to) = range(word);
        let values = vec![self.view.into(), from.into(), to.into(), in_group(self.group).into(), before.into()];
        [values, self.patterns()].concat()
    }

    fn among_all(&self, before: i64) -> Vec<Value> {
        [vec![self.view.into(), self.all.into(), before.into()], self.patterns()].concat()
    }

    /// What the words of a row must be like: a pattern for each that counts, and some that everything is like.
    fn patterns(&self) -> Vec<Value> {
        let words = self.words.iter().map(|word| contains(word));
        words.chain(std::iter::repeat("%".to_owned())).take(MOST_WORDS).map(Value::from).collect()
    }
}

pub(super) const WEIGHT: &str = "SELECT CAST(coalesce(sum(rows_with_it), 0) AS BIGINT) FROM view_counts
    WHERE view = $1 AND term >= $2 AND term < $3 AND generation = (
        SELECT live.generation FROM generations AS live WHERE live.view = $1 AND live.state = 'live')";

pub(super) const COUNT_RANGE: &str = "SELECT count(DISTINCT key) FROM view_terms
    WHERE view = $1 AND term >= $2 AND term < $3 AND term LIKE $4 AND generation = (
        SELECT live.generation FROM generations AS live WHERE live.view = $1 AND live.state = 'live')";

pub(super) const PAGE_BY_A_WORD: &str = "SELECT DISTINCT t.rank, r.body FROM view_terms AS t
    JOIN view_rows AS r ON r.view = t.view AND r.generation = t.generation AND r.key = t.key
    WHERE t.view = $1 AND t.term >= $2 AND t.term < $3 AND t.term LIKE $4 AND t.rank < $5
        AND r.words LIKE $6 AND r.words LIKE $7 AND r.words LIKE $8
        AND r.words LIKE $9 AND r.words LIKE $10 AND r.words LIKE $11
        AND t.generation = (
            SELECT live.generation FROM generations AS live WHERE live.view = $1 AND live.state = 'live')
    ORDER BY t.rank DESC LIMIT $12";

pub(super) const COUNT_BY_A_WORD: &str = "SELECT count(DISTINCT t.key) FROM view_terms AS t
    JOIN view_rows AS r ON r.view = t.view AND r.generation = t.generation AND r.key = t.key
    WHERE t.view = $1 AND t.term >= $2 AND t.term < $3 AND t.term LIKE $4 AND t.rank < $5
        AND r.words LIKE $6 AND r.words LIKE $7 AND r.words LIKE $8
        AND r.words LIKE $9 AND r.words LIKE $10 AND r.words LIKE $11
        AND t.generation = (
            SELECT live.generation FROM generations AS live WHERE live.view = $1 AND live.state = 'live')";

/// The count stands in each row; where the page is empty, in one that has no body. `CROSS` has SQLite look up the
/// rows of the page, and not the page for each row.
pub(super) const FIND_BOTH: &str = "WITH found AS MATERIALIZED (
        SELECT DISTINCT t.generation, t.rank, t.key FROM view_terms AS t
        WHERE t.view = $1 AND t.term >= $2 AND t.term < $3
            AND t.generation = (
                SELECT live.generation FROM generations AS live WHERE live.view = $1 AND live.state = 'live')
            AND t.rank IN (
                SELECT o.rank FROM view_terms AS o WHERE o.view = $1 AND o.term >= $4 AND o.term < $5
                    AND o.generation = (
                        SELECT live.generation FROM generations AS live WHERE live.view = $1 AND live.state = 'live'))
    ), page AS (
        SELECT f.rank, r.body FROM (SELECT * FROM found WHERE rank < $6 ORDER BY rank DESC LIMIT $7) AS f
        CROSS JOIN view_rows AS r WHERE r.view = $1 AND r.generation = f.generation AND r.key = f.key
    )
    SELECT coalesce(page.rank, 0), coalesce(page.body, ''), counted.total
    FROM (SELECT count(*) AS total FROM found) AS counted LEFT JOIN page ON true ORDER BY page.rank DESC";

pub(super) const COUNT_BOTH: &str = "SELECT count(DISTINCT t.rank) FROM view_terms AS t
    WHERE t.view = $1 AND t.term >= $2 AND t.term < $3
        AND t.generation = (
            SELECT live.generation FROM generations AS live WHERE live.view = $1 AND live.state = 'live')
        AND t.rank IN (
            SELECT o.rank FROM view_terms AS o WHERE o.view = $1 AND o.term >= $4 AND o.term < $5
                AND o.generation = (
                    SELECT live.generation FROM generations AS live WHERE live.view = $1 AND live.state = 'live'))";

/// `CROSS` keeps SQLite to the order of the ranks, in which it can stop.
pub(super) const PAGE_FROM_THE_TOP: &str = "SELECT t.rank, r.body FROM view_terms AS t CROSS JOIN view_rows AS r
    WHERE r.view = t.view AND r.generation = t.generation AND r.key = t.key
        AND t.view = $1 AND t.term = $2 AND t.rank < $3
        AND r.words LIKE $4 AND r.words LIKE $5 AND r.words LIKE $6
        AND r.words LIKE $7 AND r.words LIKE $8 AND r.words LIKE $9
        AND t.generation = (
            SELECT live.generation FROM generations AS live WHERE live.view = $1 AND live.state = 'live')
    ORDER BY t.rank DESC, t.key DESC LIMIT $10";

pub(super) const COUNT_ALL: &str = "SELECT count(*) FROM view_terms AS t CROSS JOIN view_rows AS r
    WHERE r.view = t.view AND r.generation = t.generation AND r.key = t.key
        AND t.view = $1 AND t.term = $2 AND t.rank < $3
        AND r.words LIKE $4 AND r.words LIKE $5 AND r.words LIKE $6
        AND r.words LIKE $7 AND r.words LIKE $8 AND r.words LIKE $9
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

/// A pattern for the terms of a group. Its name has letters, digits, `-` and underscores only, and what an underscore
/// lets through beside itself is no other group.
fn in_group(group: Option<&str>) -> String {
    group.map_or_else(|| "%".to_owned(), |group| format!("% {group}"))
}

/// A pattern for the words of a row. Words have none of a pattern's own signs.
fn contains(word: &str) -> String {
    format!("% {word}%")
}

fn ranked(rows: &Rows) -> Vec<(i64, String)> {
    rows.iter().filter_map(|row| Some((row.first()?.int(), row.get(1)?.text().to_owned()))).collect()
}

/// Rows that have the count as their third column.
fn counted(rows: &Rows) -> Found {
    let mut page = ranked(rows);
    page.retain(|(_, body)| !body.is_empty());
    let total =
        rows.first().and_then(|row| row.get(2)).map_or(0, |count| u64::try_from(count.int()).unwrap_or_default());
    Found { rows: page, total }
}

fn total(rows: &Rows) -> u64 {
    rows.first().and_then(|row| row.first()).map_or(0, |count| u64::try_from(count.int()).unwrap_or_default())
}
