//! Words that a term may mean when it has a typo: a letter too many, too few, another one, or two swapped.
//!
//! The distance is that of optimal string alignment (Damerau-Levenshtein without editing a pair twice). The dictionary is
//! sorted, so it is walked like a tree of letters: words that begin alike share the rows of the table, and a beginning that
//! is too far off already is skipped with everything below it.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use super::terms::is_spaceless;

/// How many typos a term may have: one from four letters on, two from eight; none in numbers and article numbers, whose
/// neighbours are other articles, and none in scripts of which a few letters are a word.
pub(super) fn tolerated(term: &str) -> usize {
    match letters(term) {
        0..4 => 0,
        4..8 => 1,
        _ => 2,
    }
}

/// How many typos a term may have for another word to be suggested in its place: one more than a search forgives.
pub(super) fn suggested(term: &str) -> usize {
    match letters(term) {
        0..4 => 0,
        _ => tolerated(term) + 1,
    }
}

/// How many letters a word has in which there may be typos.
fn letters(term: &str) -> usize {
    let exact = |letter: char| letter.is_ascii_digit() || is_spaceless(letter);
    if term.chars().any(exact) { 0 } else { term.chars().count() }
}

/// Hands over what belongs to every word that is at most so many typos away, and how many.
pub(super) fn each_within<'a, V>(
    dictionary: &'a BTreeMap<Arc<str>, V>,
    term: &str,
    most: usize,
    mut found: impl FnMut(&'a Arc<str>, &'a V, usize),
) {
    let mut table = Table::new(term);
    let mut words = dictionary.range::<str, _>((Bound::Unbounded, Bound::Unbounded));
    while let Some((word, value)) = words.next() {
        match table.go_to(word, most) {
            Reached::End(distance) if distance <= most => found(word, value, distance),
            Reached::End(_) => {}
            Reached::TooFar { next: Some(next) } => {
                words = dictionary.range::<str, _>((Bound::Included(next.as_str()), Bound::Unbounded));
            }
            Reached::TooFar { next: None } => return,
        }
    }
}

/// The table of distances between the beginnings of the term and those of the word that was reached last.
struct Table {
    term: Vec<char>,
    path: Vec<char>,
    /// One more than the path has letters; further ones are left over from longer paths.
    rows: Vec<Vec<usize>>,
}

enum Reached {
    /// The end of the word, so many typos away from the term.
    End(usize),
    /// A beginning from which no word leads back to the term. `next` is the first text behind all words with it.
    TooFar { next: Option<String> },
}

impl Table {
    fn new(term: &str) -> Self {
        let term: Vec<char> = term.chars().collect();
        let rows = vec![(0..=term.len()).collect()];
        Self { term, path: Vec::new(), rows }
    }

    fn go_to(&mut self, word: &str, most: usize) -> Reached {
        let mut length = 0;
        for letter in word.chars() {
            length += 1;
            if self.path.get(length - 1) == Some(&letter) {
                continue;
            }
            self.path.truncate(length - 1);
            self.path.push(letter);
            if self.fill_row(length) > most {
                return Reached::TooFar { next: behind(&self.path.iter().collect::<String>()) };
            }
        }
        self.path.truncate(length);
        Reached::End(self.rows[length][self.term.len()])
    }

    /// Fills the row of a beginning of the path, and tells its least distance.
    fn fill_row(&mut self, at: usize) -> usize {
        if self.rows.len() == at {
            self.rows.push(vec![0; self.term.len() + 1]);
        }
        let (above, row) = self.rows.split_at_mut(at);
        let row = &mut row[0];
        row[0] = at;
        let mut least = at;
        for column in 1..=self.term.len() {
            let same = self.term[column - 1] == self.path[at - 1];
            let up = &above[at - 1];
            let mut distance = (up[column - 1] + usize::from(!same)).min(up[column] + 1).min(row[column - 1] + 1);
            let swapped = at > 1
                && column > 1
                && self.term[column - 1] == self.path[at - 2]
                && self.term[column - 2] == self.path[at - 1];
            if swapped {
                distance = distance.min(above[at - 2][column - 2] + 1);
            }
            row[column] = distance;
            least = least.min(distance);
        }
        least
    }
}

/// The first text that is greater than everything that begins with this one.
pub(super) fn behind(text: &str) -> Option<String> {
    let mut before = text.chars();
    let last = before.next_back()?;
    let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(u32::from(last) + 1) };
    match next {
        Some(next) => Some(before.chain([next]).collect()),
        None => behind(before.as_str()),
    }
}
