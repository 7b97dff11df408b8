//! The index that lists and searches of the catalogue answer from: in memory, changed product by product.
//!
//! Every word of a product points to it. A search looks up each of its words as written, as the beginning of a word, and
//! with a typo or two; a product must have something for each. How well a product fits depends on the product and the
//! search alone, never on the other products, so pages keep their order while the catalogue changes. Only what is for sale
//! is in here. Nothing here knows the log or the events.

mod cursor;
mod postings;
pub(crate) mod terms;
#[cfg(test)]
mod tests;
mod typos;

use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};
use std::ops::Bound;
use std::sync::Arc;

use storefront_api::{ProductId, ProductQuery, ProductSort};
use storefront_domain::product::ProductFacts;

use self::cursor::Place;
use self::postings::{Posting, Postings};

/// No word is longer, in characters; what is longer is cut, in products and in searches alike.
const LONGEST_WORD: usize = 40;
/// So many different words of a search are looked up; the rest is left out.
const MOST_WORDS: usize = 20;

const NAME: u8 = 8;
const SKU: u8 = 4;
const CATEGORY: u8 = 2;
const DESCRIPTION: u8 = 1;

/// Everything that is for sale, by its words.
#[derive(Debug, Default)]
pub(crate) struct SearchIndex {
    words: BTreeMap<Arc<str>, Postings>,
    slots: Vec<Option<Slot>>,
    by_id: HashMap<ProductId, u32>,
    free: Vec<u32>,
    categories: BTreeMap<Arc<str>, u32>,
    /// Also of products that are not for sale: stock and catalogue are told apart.
    in_stock: HashSet<ProductId>,
}

/// What sorts and filters look at, close together.
#[derive(Debug)]
struct Slot {
    id: ProductId,
    /// Folded, as it is sorted by.
    name: Box<str>,
    /// Its first bytes: most comparisons end here, without a look at the name.
    head: u64,
    price: i64,
    on_sale: bool,
    in_stock: bool,
    listed: u64,
    category: Arc<str>,
    words: Vec<Arc<str>>,
}

/// One page of what a search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// The products, in order.
    pub(crate) ids: Vec<ProductId>,
    /// Where the next page begins; `None` on the last.
    pub(crate) next_cursor: Option<String>,
    /// How many products there are on all pages.
    pub(crate) total: u64,
}

impl SearchIndex {
    /// Puts a product in, or brings it up to date. `listed` says how new it is: more is newer.
    pub(crate) fn put(&mut self, id: &ProductId, facts: &ProductFacts, listed: u64) {
        self.remove(id);
        let at = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        let words = words_of(facts).into_iter().map(|(word, fields)| self.point(&word, at, fields)).collect::<Vec<_>>();
        let category: Arc<str> = match self.categories.get_key_value(facts.category.as_str()) {
            Some((name, _)) => name.clone(),
            None => facts.category.as_str().into(),
        };
        *self.categories.entry(category.clone()).or_default() += 1;
        let name: Box<str> = terms::folded(&facts.name).into();
        self.by_id.insert(id.clone(), at);
        self.slots[at as usize] = Some(Slot {
            id: id.clone(),
            head: cursor::head(&name),
            name,
            price: facts.price.amount,
            on_sale: facts.compare_at_price.is_some_and(|was| was.amount > facts.price.amount),
            in_stock: self.in_stock.contains(id),
            listed,
            category,
            words,
        });
    }

    /// Takes a product out, if it is in.
    pub(crate) fn remove(&mut self, id: &ProductId) {
        let Some(at) = self.by_id.remove(id) else { return };
        let Some(slot) = self.slots[at as usize].take() else { return };
        self.uncount(&slot.category);
        for word in &slot.words {
            let Some(postings) = self.words.get_mut(word) else { continue };
            postings.remove(at);
            if postings.is_empty() {
                self.words.remove(word);
            }
        }
        self.free.push(at);
    }

    /// Says whether any of a product can be reserved now; also of products that are not in here yet.
    pub(crate) fn set_in_stock(&mut self, id: &ProductId, in_stock: bool) {
        if in_stock {
            self.in_stock.insert(id.clone());
        } else {
            self.in_stock.remove(id);
        }
        if let Some(slot) = self.by_id.get(id).and_then(|at| self.slots[*at as usize].as_mut()) {
            slot.in_stock = in_stock;
        }
    }

    /// Every category that has something for sale, by name, with how many products.
    pub(crate) fn categories(&self) -> impl Iterator<Item = (&str, u32)> {
        self.categories.iter().map(|(name, products)| (&**name, *products))
    }

    /// One page of what a query wants. `None` for a cursor that is not of a page of this sort.
    pub(crate) fn search(&self, query: &ProductQuery, limit: usize) -> Option<Found> {
        let terms = terms(query.q.as_deref().unwrap_or_default());
        let sort = match query.sort.unwrap_or_default() {
            ProductSort::Relevance if terms.is_empty() => ProductSort::Name,
            sort => sort,
        };
        let after = query.cursor.as_deref().map(|text| cursor::read(text, sort)).transpose().ok()?;
        let after = after.as_ref().map(cursor::CursorData::place);
        if terms.is_empty() && query.q.as_deref().is_some_and(|text| !text.trim().is_empty()) {
            // There is nothing in it that could be searched for, so nothing has it.
            return Some(Found { ids: Vec::new(), next_cursor: None, total: 0 });
        }
        let categories = query.category.as_deref().map(|category| self.categories_like(category));
        let categories = categories.as_deref();
        let scores = (!terms.is_empty()).then(|| self.scores(&terms));
        // The first places behind the cursor, one more than fit on the page; the last of them on top.
        let mut first: BinaryHeap<Place<'_>> = BinaryHeap::with_capacity(limit + 2);
        let mut total = 0;
        for (at, slot) in self.slots.iter().enumerate() {
            let score = scores.as_ref().map(|scores| scores[at]);
            let Some(slot) = slot.as_ref().filter(|slot| score != Some(0) && matches(query, categories, slot)) else {
                continue;
            };
            total += 1;
            let place = Place::of(sort, score.unwrap_or(0), slot);
            let fits = first.len() <= limit || first.peek().is_some_and(|last| place < *last);
            if fits && after.as_ref().is_none_or(|after| place > *after) {
                first.push(place);
                if first.len() > limit + 1 {
                    first.pop();
                }
            }
        }
        let mut page = first.into_sorted_vec();
        let more = page.len() > limit;
        page.truncate(limit);
        let next_cursor = page.last().filter(|_| more).map(|last| cursor::write(sort, last));
        Some(Found { ids: page.into_iter().map(|place| place.id.clone()).collect(), next_cursor, total })
    }

    /// What somebody may have meant who searched for a text that nothing has; `None` when there is nothing near it.
    pub(crate) fn suggestion(&self, query: &ProductQuery) -> Option<String> {
        let terms = terms(query.q.as_deref()?);
        let near = terms.iter().map(|term| if self.has_alike(term) { Some(term.clone()) } else { self.nearest(term) });
        let suggested = near.collect::<Option<Vec<String>>>().filter(|near| *near != terms)?.join(" ");
        let asked = ProductQuery { q: Some(suggested.clone()), cursor: None, ..query.clone() };
        self.search(&asked, 1).filter(|found| found.total > 0).map(|_| suggested)
    }

    fn has_alike(&self, term: &str) -> bool {
        let mut any = false;
        self.each_alike(term, |_, _| any = true);
        any
    }

    /// The word with the fewest typos in it, more than a search forgives; of several the one that most products have.
    fn nearest(&self, term: &str) -> Option<String> {
        let most = typos::suggested(term);
        let mut nearest: Option<(usize, usize, &str)> = None;
        typos::each_within(&self.words, term, most, |word, postings, typos| {
            let (here, word): (usize, &str) = (postings.as_slice().len(), word);
            let better =
                |(least, of, _): &(usize, usize, &str)| (typos, usize::MAX - here) < (*least, usize::MAX - *of);
            if nearest.as_ref().is_none_or(better) {
                nearest = Some((typos, here, word));
            }
        });
        nearest.map(|(_, _, word)| word.to_owned())
    }

    /// The categories whose name is like this one but for case and accents.
    fn categories_like(&self, category: &str) -> Vec<Arc<str>> {
        let wanted = terms::folded(category);
        self.categories.keys().filter(|name| terms::folded(name) == wanted).cloned().collect()
    }

    /// How well each product fits, by slot; 0 where some term does not fit at all.
    fn scores(&self, terms: &[String]) -> Vec<u32> {
        let mut sums = vec![0; self.slots.len()];
        let mut best = vec![0_u16; self.slots.len()];
        for (at, term) in terms.iter().enumerate() {
            best.fill(0);
            self.each_alike(term, |postings, likeness| {
                for posting in postings {
                    let best = &mut best[posting.slot as usize];
                    *best = (*best).max(points(likeness, posting.fields));
                }
            });
            for (sum, best) in sums.iter_mut().zip(&best) {
                let fits = *best > 0 && (at == 0 || *sum > 0);
                *sum = if fits { *sum + u32::from(*best) } else { 0 };
            }
        }
        sums
    }

    /// Finds the words that a term may mean, and who has them.
    fn each_alike(&self, term: &str, mut found: impl FnMut(&[Posting], Likeness)) {
        if let Some(postings) = self.words.get(term) {
            found(postings.as_slice(), Likeness::Same);
        }
        let end = typos::behind(term);
        let end = end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        for (_, postings) in self.words.range::<str, _>((Bound::Excluded(term), end)) {
            found(postings.as_slice(), Likeness::Begins);
        }
        let most = typos::tolerated(term);
        if most > 0 {
            typos::each_within(&self.words, term, most, |_, postings, typos| {
                if typos > 0 {
                    found(postings.as_slice(), Likeness::Typos(typos));
                }
            });
        }
    }

    /// Makes a word point to a product.
    fn point(&mut self, word: &str, slot: u32, fields: u8) -> Arc<str> {
        let word = match self.words.get_key_value(word) {
            Some((word, _)) => word.clone(),
            None => Arc::from(word),
        };
        self.words.entry(word.clone()).or_default().insert(Posting { slot, fields });
        word
    }

    fn uncount(&mut self, category: &Arc<str>) {
        if let Some(count) = self.categories.get_mut(category) {
            *count -= 1;
            if *count == 0 {
                self.categories.remove(category);
            }
        }
    }
}

/// How a word of a product is like a term of a search.
#[derive(Clone, Copy, Debug)]
enum Likeness {
    Same,
    Begins,
    /// So many typos away, at least one.
    Typos(usize),
}

/// What a word is worth: any word as it is written is better than any with a typo; the name counts most.
fn points(likeness: Likeness, fields: u8) -> u16 {
    let field = fields.checked_ilog2().map_or(0_u16, |bit| 1 << bit);
    match likeness {
        Likeness::Same => 100 + 4 * field + 3,
        Likeness::Begins => 100 + 4 * field,
        Likeness::Typos(1) => 20 + field,
        Likeness::Typos(_) => field,
    }
}

/// The different words of a search.
fn terms(text: &str) -> Vec<String> {
    let mut terms: Vec<String> = Vec::new();
    for word in cut(terms::asked(text, &[])) {
        if terms.len() < MOST_WORDS && !terms.contains(&word) {
            terms.push(word);
        }
    }
    terms
}

/// Every word of a product with the fields that have it.
fn words_of(facts: &ProductFacts) -> BTreeMap<String, u8> {
    let mut found = BTreeMap::new();
    let fields =
        [(&facts.name, NAME), (&facts.sku, SKU), (&facts.category, CATEGORY), (&facts.description, DESCRIPTION)];
    for (text, field) in fields {
        for word in cut(terms::indexed(text, &[])) {
            *found.entry(word).or_default() |= field;
        }
    }
    // An article number without its signs is a word too, as people type it.
    for word in cut(vec![folded_sku(&facts.sku)]).filter(|word| !word.is_empty()) {
        *found.entry(word).or_default() |= SKU;
    }
    found
}

fn folded_sku(sku: &str) -> String {
    terms::folded(sku).chars().filter(|letter| letter.is_alphanumeric()).collect()
}

/// Words that are not too long.
fn cut(words: Vec<String>) -> impl Iterator<Item = String> {
    words.into_iter().map(|word| word.chars().take(LONGEST_WORD).collect())
}

fn matches(query: &ProductQuery, categories: Option<&[Arc<str>]>, slot: &Slot) -> bool {
    categories.is_none_or(|categories| categories.contains(&slot.category))
        && query.price_min.is_none_or(|least| slot.price >= least)
        && query.price_max.is_none_or(|most| slot.price <= most)
        && query.in_stock.is_none_or(|in_stock| in_stock == slot.in_stock)
        && query.on_sale.is_none_or(|on_sale| on_sale == slot.on_sale)
}
