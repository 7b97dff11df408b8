//! Measures catalogue searches over 100,000 generated products and prints the times. It asserts nothing.
//!
//! `cargo run --release -p storefront-server --example search_speed`. Each line has the fastest and the median of 200 runs of
//! one search, and the number of hits; a page has 20 products.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark is a program for a person at a terminal")]

#[expect(dead_code, reason = "the views use more of it")]
#[path = "../src/views/search/mod.rs"]
mod search;

use std::time::{Duration, Instant};

use search::SearchIndex;
use storefront_api::{Currency, Money, ProductId, ProductQuery, ProductSort, VatRate};
use storefront_domain::product::ProductFacts;

const PRODUCTS: u64 = 100_000;
const RUNS: usize = 200;

/// Deterministic random numbers (SplitMix64).
struct Rng(u64);

impl Rng {
    fn next_below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap()
    }
}

const SYLLABLES: [&str; 24] = [
    "ba", "cor", "den", "el", "fa", "gri", "hol", "in", "ja", "kel", "lo", "mar", "ne", "or", "pul", "ra", "sto",
    "tin", "um", "ver", "wi", "xan", "yel", "zo",
];

/// 6,000 words of one to four syllables.
fn vocabulary(rng: &mut Rng) -> Vec<String> {
    let word = |rng: &mut Rng| {
        let syllables = 1 + rng.next_below(4);
        (0..syllables).map(|_| SYLLABLES[rng.next_below(SYLLABLES.len())]).collect::<String>()
    };
    (0..6_000).map(|_| word(rng)).collect()
}

fn a_product(number: u64, words: &[String], rng: &mut Rng) -> ProductFacts {
    // Some words occur in many products, most in few.
    let mut some = |count: usize| {
        let mut text = Vec::new();
        for _ in 0..count {
            let bound = 1 + rng.next_below(words.len());
            text.push(words[rng.next_below(bound)].as_str());
        }
        text.join(" ")
    };
    let (name, description) = (some(3), some(18));
    let price = 100 + i64::try_from(rng.next_below(50_000)).unwrap();
    let euro = |amount| Money::new(amount, Currency::EUR);
    ProductFacts {
        sku: format!("{}-{number:06}", ["KIT", "BOO", "TEA", "GAR", "TOO"][rng.next_below(5)]),
        name,
        description,
        category: format!("Category {}", rng.next_below(40)),
        price: euro(price),
        compare_at_price: (rng.next_below(10) == 0).then(|| euro(price + 500)),
        vat_rate_percent: VatRate::percent(19),
        attributes: std::collections::BTreeMap::new(),
        picture: None,
    }
}

fn main() {
    let mut rng = Rng(7);
    let words = vocabulary(&mut rng);
    let facts: Vec<ProductFacts> = (0..PRODUCTS).map(|number| a_product(number, &words, &mut rng)).collect();
    let id = |number: u64| format!("p{number}").parse::<ProductId>().unwrap();

    let mut index = SearchIndex::default();
    let begun = Instant::now();
    for (number, facts) in (0..).zip(&facts) {
        index.put(&id(number), facts, number);
        index.set_in_stock(&id(number), number % 3 > 0);
    }
    println!("{PRODUCTS} products put in: {:.0?}", begun.elapsed());
    println!("categories: {}", index.categories().count());

    let named = facts[4_711].name.clone();
    let long = words.iter().find(|word| word.len() >= 10).unwrap();
    let typo = |word: &str| format!("{}q{}", &word[..3], &word[4..]);
    let q = |text: &str| ProductQuery { q: Some(text.to_owned()), ..ProductQuery::default() };
    let frequent = format!("{} {}", words[0], words[1]);
    let searches = [
        ("everything, by name".to_owned(), ProductQuery::default()),
        ("everything, cheapest".to_owned(), ProductQuery { sort: Some(ProductSort::Price), ..ProductQuery::default() }),
        (format!("its name: {named}"), q(&named)),
        (format!("a long word with a typo: {}", typo(long)), q(&typo(long))),
        (format!("two typos: {}", typo(&typo(long)[1..])), q(&typo(&typo(long)[1..]))),
        (format!("two frequent words: {frequent}"), q(&frequent)),
        ("one letter: e".to_owned(), q("e")),
        ("two letters: st".to_owned(), q("st")),
        (format!("an article number: {}", facts[4_711].sku), q(&facts[4_711].sku)),
        ("beginning of one: 0".to_owned(), q("0")),
        ("nothing: qqqqqqqqqqqq".to_owned(), q("qqqqqqqqqqqq")),
        (
            format!("filtered: {}", words[2]),
            ProductQuery {
                category: Some("category 7".to_owned()),
                in_stock: Some(true),
                price_max: Some(20_000),
                ..q(&words[2])
            },
        ),
    ];
    for (what, query) in searches {
        let (found, fastest, median) = time(|| index.search(&query, 20).unwrap().total);
        println!("{fastest:>8.2?} fastest {median:>8.2?} median {found:>7} found  {what}");
    }
    let mut number = 0;
    let (_, fastest, median) = time(|| {
        number += 97;
        index.put(&id(number), &facts[usize::try_from(number).unwrap() + 1], number);
        0
    });
    println!("{fastest:>8.2?} fastest {median:>8.2?} median  one product described anew");
    let begun = Instant::now();
    (0..PRODUCTS / 10).for_each(|number| index.remove(&id(number)));
    println!("{} products taken out: {:.0?}", PRODUCTS / 10, begun.elapsed());
}

/// Runs `work` `RUNS` times; returns its last result, and the shortest and the median time.
fn time(mut work: impl FnMut() -> u64) -> (u64, Duration, Duration) {
    let mut answer = 0;
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let begun = Instant::now();
            answer = work();
            begun.elapsed()
        })
        .collect();
    times.sort();
    (answer, times[0], times[RUNS / 2])
}
