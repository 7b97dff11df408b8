//! Searches, by example and by property.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::testing::{euro, facts, product};

fn index(products: &[(&str, &str)]) -> SearchIndex {
    let mut index = SearchIndex::default();
    for (listed, (id, name)) in products.iter().enumerate() {
        index.put(&product(id), &facts(name, "Kitchen"), listed as u64);
    }
    index
}

fn query(words: &str) -> ProductQuery {
    ProductQuery { q: Some(words.to_owned()), ..ProductQuery::default() }
}

fn ids(found: &Found) -> Vec<&str> {
    found.ids.iter().map(ProductId::as_str).collect()
}

fn found(index: &SearchIndex, words: &str) -> Vec<String> {
    ids(&index.search(&query(words), 100).unwrap()).into_iter().map(str::to_owned).collect()
}

const SHELF: &[(&str, &str)] =
    &[("mug", "Enamel Mug"), ("lamp", "Reading Lamp"), ("camp", "Camping Lantern"), ("pot", "Teapot")];

#[test]
fn one_typo_is_forgiven_from_four_letters_on_and_two_from_eight() {
    let index = index(SHELF);
    for typo in ["lapm", "lmap", "lam", "lamps", "lump", "lammp"] {
        assert!(found(&index, typo).contains(&"lamp".to_owned()), "{typo}");
    }
    assert_eq!(found(&index, "nug"), [""; 0], "three letters are too few for a typo");
    assert_eq!(found(&index, "lxmx"), [""; 0], "two typos in four letters are too many");
    assert_eq!(found(&index, "campimg"), ["camp"]);
    assert_eq!(found(&index, "lantrenn"), ["camp"], "two swapped and one too many");
    assert_eq!(found(&index, "lxntxrnx"), [""; 0]);
}

#[test]
fn case_accents_and_unicode_forms_do_not_matter() {
    let index = index(&[("brulee", "Crème Brûlée"), ("nfd", "Cafe\u{301} filter"), ("oe", "Køkkenrulle Straße")]);
    for words in ["creme brulee", "CRÈME BRU\u{302}LE\u{301}E", "brul", "creme brulée"] {
        assert_eq!(found(&index, words), ["brulee"], "{words}");
    }
    for words in ["café", "cafe", "CAFÉ"] {
        assert_eq!(found(&index, words), ["nfd"], "{words}");
    }
    for words in ["kokkenrulle", "strasse", "STRASSE", "straße"] {
        assert_eq!(found(&index, words), ["oe"], "{words}");
    }
    let of_category = |name: &str| {
        let query = ProductQuery { category: Some(name.to_owned()), ..ProductQuery::default() };
        index.search(&query, 9).unwrap().total
    };
    assert_eq!((of_category("KITCHEN"), of_category("kitch")), (3, 0));
}

#[test]
fn any_part_of_a_text_without_spaces_is_found() {
    let index = index(&[("table", "北欧白橡木桌子"), ("pot", "กาน้ำชาเซรามิก"), ("ice", "アイスクリームメーカー")]);
    for (words, id) in [
        ("橡木", "table"),
        ("桌子", "table"),
        ("子", "table"),
        ("白橡木桌子", "table"),
        ("น้ำชา", "pot"),
        ("เซรามิก", "pot"),
        ("クリーム", "ice"),
        ("ｱｲｽ", "ice"),
    ] {
        assert_eq!(found(&index, words), [id], "{words}");
    }
    assert_eq!(found(&index, "橡子"), [""; 0], "in this order only");
}

#[test]
fn a_search_with_nothing_to_search_for_in_it_finds_nothing() {
    let index = index(SHELF);
    for words in ["😀", "%", "_", "--", "\u{301}"] {
        assert_eq!(index.search(&query(words), 9).unwrap().total, 0, "{words:?}");
    }
    for words in ["", "  "] {
        assert_eq!(index.search(&query(words), 9).unwrap().total, 4, "{words:?}");
    }
}

#[test]
fn an_article_number_is_found_without_its_signs() {
    let mut index = SearchIndex::default();
    index.put(&product("mug"), &ProductFacts { sku: "KIT-0007/b".to_owned(), ..facts("Thing", "Kitchen") }, 1);
    for words in ["kit0007", "KIT0007B", "kit-0007"] {
        assert_eq!(found(&index, words), ["mug"], "{words}");
    }
}

#[test]
fn what_is_near_but_not_near_enough_is_suggested() {
    let index = index(SHELF);
    let suggested = |words: &str| index.suggestion(&query(words));
    for (words, meant) in [("lxmx", "lamp"), ("readinx lxmx", "readinx lamp"), ("cxmpxnxg", "camping")] {
        assert_eq!(found(&index, words), [""; 0], "{words}");
        assert_eq!(suggested(words).as_deref(), Some(meant), "{words}");
    }
    for words in ["zzzzzz", "nug", "1234", "", "😀", "lamp"] {
        assert_eq!(suggested(words), None, "{words}");
    }
    let elsewhere = ProductQuery { category: Some("Home".to_owned()), ..query("lxmx") };
    assert_eq!(index.suggestion(&elsewhere), None, "only what would find something");
}

#[test]
fn numbers_are_taken_at_their_word() {
    let mut index = SearchIndex::default();
    for sku in ["KIT-0007", "KIT-0008"] {
        index.put(&product(sku), &ProductFacts { sku: sku.to_owned(), ..facts("Thing", "Kitchen") }, 1);
    }
    assert_eq!(found(&index, "kit-0007"), ["KIT-0007"]);
    assert_eq!(found(&index, "0008 KIT"), ["KIT-0008"]);
    assert_eq!(found(&index, "000").len(), 2);
}

#[test]
fn words_as_they_are_come_before_beginnings_and_these_before_typos() {
    let index = index(&[("a", "Lump"), ("b", "Lampshade"), ("c", "Lamp"), ("d", "Other lamp")]);
    assert_eq!(found(&index, "lamp"), ["c", "d", "b", "a"]);
}

#[test]
fn the_name_counts_more_than_the_sku_the_category_and_the_description() {
    let mut index = SearchIndex::default();
    let plain = facts("Thing", "Things");
    for (id, changed) in [
        ("in-description", ProductFacts { description: "For tea.".to_owned(), ..plain.clone() }),
        ("in-category", ProductFacts { category: "Tea".to_owned(), ..plain.clone() }),
        ("in-sku", ProductFacts { sku: "TEA-1".to_owned(), ..plain.clone() }),
        ("in-name", ProductFacts { name: "Tea".to_owned(), ..plain }),
    ] {
        index.put(&product(id), &changed, 1);
    }
    assert_eq!(found(&index, "tea"), ["in-name", "in-sku", "in-category", "in-description"]);
}

#[test]
fn words_beyond_the_bounds_are_cut_and_left_out() {
    let long = "x".repeat(100);
    let many = (0..50).map(|number| format!("w{number}")).collect::<Vec<_>>().join(" ");
    let index = index(&[("long", &long), ("many", &many)]);
    assert_eq!(found(&index, &long), ["long"]);
    assert_eq!(found(&index, &"x".repeat(41)), ["long"]);
    assert_eq!(found(&index, &format!("{many} nothing")), ["many"]);
}

#[test]
fn a_product_of_which_stock_is_known_first_is_in_stock_from_the_start() {
    let mut index = SearchIndex::default();
    index.set_in_stock(&product("mug"), true);
    index.put(&product("mug"), &facts("Mug", "Kitchen"), 1);
    let in_stock = ProductQuery { in_stock: Some(true), ..ProductQuery::default() };
    assert_eq!(ids(&index.search(&in_stock, 9).unwrap()), ["mug"]);
    index.set_in_stock(&product("mug"), false);
    assert_eq!(index.search(&in_stock, 9).unwrap().total, 0);
}

#[test]
fn a_cursor_of_another_sort_is_refused() {
    let index = index(SHELF);
    let by = |sort, cursor| ProductQuery { sort: Some(sort), cursor, ..ProductQuery::default() };
    let cursor = index.search(&by(ProductSort::Name, None), 1).unwrap().next_cursor;
    assert!(cursor.is_some());
    assert_eq!(index.search(&by(ProductSort::Price, cursor.clone()), 1), None);
    assert!(index.search(&by(ProductSort::Name, cursor), 1).is_some());
}

#[test]
fn a_page_begins_behind_the_last_one_though_its_last_product_has_moved_or_others_came_before_it() {
    let mut index = index(&[("a", "Anvil"), ("b", "Bowl"), ("c", "Cup"), ("d", "Dish")]);
    let first = index.search(&ProductQuery::default(), 2).unwrap();
    assert_eq!(ids(&first), ["a", "b"]);
    let next = ProductQuery { cursor: first.next_cursor, ..ProductQuery::default() };
    index.put(&product("b"), &facts("Zebra", "Kitchen"), 9);
    index.put(&product("new"), &facts("Abacus", "Kitchen"), 9);
    index.put(&product("newer"), &facts("Abbey", "Kitchen"), 9);
    assert_eq!(ids(&index.search(&next, 9).unwrap()), ["c", "d", "b"]);
    index.remove(&product("b"));
    assert_eq!(ids(&index.search(&next, 9).unwrap()), ["c", "d"]);
}

/// Words of few letters, so that they share beginnings and are typos of one another.
fn a_word() -> impl Strategy<Value = String> {
    "[a-dé]{1,10}"
}

fn a_name() -> impl Strategy<Value = String> {
    prop::collection::vec(a_word(), 1..4).prop_map(|words| words.join(" "))
}

/// Puts, changes and removals of a few products.
fn a_history() -> impl Strategy<Value = Vec<(u8, Option<(String, i64)>)>> {
    prop::collection::vec((0..12_u8, prop::option::weighted(0.8, (a_name(), 1..5_i64))), 1..40)
}

fn priced(name: &str, price: i64) -> ProductFacts {
    ProductFacts { price: euro(price), ..facts(name, if price > 2 { "Kitchen" } else { "Home" }) }
}

/// The index after a history, and what is in it.
fn after(history: &[(u8, Option<(String, i64)>)]) -> (SearchIndex, BTreeMap<u8, (String, i64)>) {
    let (mut index, mut shelf) = (SearchIndex::default(), BTreeMap::new());
    for (number, change) in history {
        let id = product(&format!("p{number}"));
        match change {
            Some((name, price)) => {
                index.put(&id, &priced(name, *price), u64::from(*number));
                shelf.insert(*number, (name.clone(), *price));
            }
            None => {
                index.remove(&id);
                shelf.remove(number);
            }
        }
    }
    (index, shelf)
}

/// A word with one letter left out, put in, replaced or swapped with the next.
fn with_a_typo(word: &str, kind: u8, at: usize) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    let at = at % letters.len();
    match kind % 4 {
        0 => drop(letters.remove(at)),
        1 => letters.insert(at, 'q'),
        2 => letters[at] = 'q',
        _ if at + 1 < letters.len() => letters.swap(at, at + 1),
        _ => letters.push('q'),
    }
    letters.into_iter().collect()
}

/// The textbook distance, with the whole table.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut table = vec![vec![0; other.len() + 1]; one.len() + 1];
    for i in 0..=one.len() {
        for j in 0..=other.len() {
            table[i][j] = match (i, j) {
                (0, n) | (n, 0) => n,
                _ => {
                    let replaced = table[i - 1][j - 1] + usize::from(one[i - 1] != other[j - 1]);
                    let mut least = replaced.min(table[i - 1][j] + 1).min(table[i][j - 1] + 1);
                    if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                        least = least.min(table[i - 2][j - 2] + 1);
                    }
                    least
                }
            };
        }
    }
    table[one.len()][other.len()]
}

const SORTS: [ProductSort; 5] =
    [ProductSort::Relevance, ProductSort::Name, ProductSort::Price, ProductSort::PriceDesc, ProductSort::Newest];

proptest! {
    #[test]
    fn every_product_is_found_by_any_word_of_its_name_by_its_beginning_and_with_a_typo(
        history in a_history(), kind in 0..4_u8, at in 0..10_usize
    ) {
        let (index, shelf) = after(&history);
        for (number, (name, _)) in &shelf {
            let id = format!("p{number}");
            for word in name.split(' ') {
                prop_assert!(found(&index, word).contains(&id), "{word} finds {name}");
                let beginning: String = word.chars().take(1 + at).collect();
                prop_assert!(found(&index, &beginning).contains(&id), "{beginning} finds {name}");
                let typo = with_a_typo(word, kind, at);
                if typo.chars().count() >= 4 {
                    prop_assert!(found(&index, &typo).contains(&id), "{typo} finds {name}");
                }
            }
        }
    }

    #[test]
    fn the_walk_finds_exactly_the_words_that_are_near_enough(
        words in prop::collection::btree_set("[a-c]{1,7}|[a-cé\u{10ffff}]{3}", 1..60), term in "[a-c]{1,8}", most in 1..3_usize
    ) {
        let dictionary: BTreeMap<Arc<str>, String> =
            words.iter().map(|word| (Arc::from(word.as_str()), word.clone())).collect();
        let mut near = BTreeSet::new();
        typos::each_within(&dictionary, &term, most, |_, word, typos| {
            near.insert((word.clone(), typos));
        });
        let expected = words.iter().map(|word| (word.clone(), distance(&term, word))).filter(|(_, far)| *far <= most);
        prop_assert_eq!(near, expected.collect::<BTreeSet<_>>());
    }

    #[test]
    fn an_index_that_was_changed_bit_by_bit_answers_as_one_that_was_built_anew(
        history in a_history(), words in a_name()
    ) {
        let (changed, shelf) = after(&history);
        let anew: Vec<_> = shelf.into_iter().map(|(number, product)| (number, Some(product))).collect();
        let (built, _) = after(&anew);
        prop_assert_eq!(changed.words.keys().collect::<Vec<_>>(), built.words.keys().collect::<Vec<_>>());
        prop_assert_eq!(changed.categories().collect::<Vec<_>>(), built.categories().collect::<Vec<_>>());
        for sort in SORTS {
            for q in [None, Some(words.clone())] {
                let query = ProductQuery { q, sort: Some(sort), ..ProductQuery::default() };
                prop_assert_eq!(changed.search(&query, 5), built.search(&query, 5));
            }
        }
    }

    #[test]
    fn pages_join_to_the_whole_list_and_nothing_that_stays_is_shown_twice_or_left_out_while_others_come_and_go(
        history in a_history(), more in a_history(), words in prop::option::of(a_word()), limit in 1..4_usize,
        sort in prop::sample::select(&SORTS)
    ) {
        let (index, _) = after(&history);
        let query = ProductQuery { q: words, sort: Some(sort), ..ProductQuery::default() };
        let whole = index.search(&query, 1000).unwrap();
        prop_assert_eq!(whole.ids.len() as u64, whole.total);
        let (mut index, _) = after(&history);
        let mut others = more.iter();
        let mut touched = BTreeSet::new();
        let (mut shown, mut query) = (Vec::new(), query);
        for _ in 0..100 {
            let page = index.search(&query, limit).unwrap();
            shown.extend(page.ids);
            query.cursor = page.next_cursor;
            if query.cursor.is_none() {
                break;
            }
            if let Some((number, change)) = others.next() {
                let id = product(&format!("p{number}"));
                match change {
                    Some((name, price)) => index.put(&id, &priced(name, *price), u64::from(*number)),
                    None => index.remove(&id),
                }
                touched.insert(id);
            }
        }
        prop_assert_eq!(&query.cursor, &None, "the pages end");
        let stayed = |ids: &[ProductId]| ids.iter().filter(|id| !touched.contains(id)).cloned().collect::<Vec<_>>();
        prop_assert_eq!(stayed(&shown), stayed(&whole.ids));
    }
}
