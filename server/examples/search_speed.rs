//! How fast the catalogue is searched: prints times for 100,000 made-up products; judges nothing.
//!
//! `cargo run --release -p storefront-server --example search_speed`. Each line is the
//! fastest and the median of some hundred runs of one search, with what it found; the page has 20 products.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark is a program for a person at a terminal")]

#[expect(dead_code, reason = "the views use more of it")]
#[path = "../src/views/search/mod.rs"]
mod search;

use std::time::{Duration, Instant};

use search::SearchIndex;
use storefront_api::{Currency, Money, ProductId, ProductQuery, ProductSort, VatRate};
use storefront_domain::product::Facts;

const PRODUCTS: u64 = 100_000;
const RUNS: usize = 200;

/// Numbers that look random and are the same every time (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
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
fn vocabulary(numbers: &mut Numbers) -> Vec<String> {
    let word = |numbers: &mut Numbers| {
        let syllables = 1 + numbers.below(4);
        (0..syllables).map(|_| SYLLABLES[numbers.below(SYLLABLES.len())]).collect::<String>()
    };
    (0..6_000).map(|_| word(numbers)).collect()
}

fn a_product(number: u64, words: &[String], numbers: &mut Numbers) -> Facts {
    // Some words are in many products, most are in few.
    let mut some = |count: usize| {
        let mut text = Vec::new();
        for _ in 0..count {
            let bound = 1 + numbers.below(words.len());
            text.push(words[numbers.below(bound)].as_str());
        }
        text.join(" ")
    };
    let (name, description) = (some(3), some(18));
    let price = 100 + i64::try_from(numbers.below(50_000)).unwrap();
    let euro = |amount| Money::new(amount, Currency::EUR);
    Facts {
        sku: format!("{}-{number:06}", ["KIT", "BOO", "TEA", "GAR", "TOO"][numbers.below(5)]),
        name,
        description,
        category: format!("Category {}", numbers.below(40)),
        price: euro(price),
        compare_at_price: (numbers.below(10) == 0).then(|| euro(price + 500)),
        vat_rate_percent: VatRate::percent(19),
        attributes: std::collections::BTreeMap::new(),
        picture: None,
    }
}

fn main() {
    let mut numbers = Numbers(7);
    let words = vocabulary(&mut numbers);
    let facts: Vec<Facts> = (0..PRODUCTS).map(|number| a_product(number, &words, &mut numbers)).collect();
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

/// What it answered, and the shortest and the median time it took.
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
