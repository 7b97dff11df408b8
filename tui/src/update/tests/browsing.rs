//! Browsing: search, filters, paging.

use storefront_api::{ProductPage, ProductSort};

use super::world::{Client, a_product};
use crate::state::{Load, PageRequest};
use crate::update::{Feed, Msg, Request, Response};

fn queries(client: &Client) -> Vec<storefront_api::ProductQuery> {
    client
        .asked
        .iter()
        .filter_map(|request| match request {
            Request::Products { query, .. } => Some(query.clone()),
            _ => None,
        })
        .collect()
}

/// A request for a page of the list.
fn page_request(sequence: u64, page: usize, anew: bool) -> PageRequest {
    PageRequest { sequence, page, anew, cursor: None }
}

#[test]
fn typing_asks_once_when_it_pauses() {
    let mut client = Client::in_a_full_shop();
    client.press("/");
    client.type_text("mug");
    client.wait_ms(40);
    assert!(queries(&client).is_empty());
    client.wait_ms(80);
    assert_eq!(queries(&client).iter().map(|query| query.q.as_deref()).collect::<Vec<_>>(), [Some("mug")]);
    client.answer_all();
    assert_eq!(client.model.shop.selected().unwrap().name, "Enamel mug");
    assert_eq!(client.model.shop.products.total, 1);
}

#[test]
fn an_answer_to_an_earlier_search_is_dropped() {
    let mut client = Client::in_a_full_shop();
    client.press("/");
    client.type_text("m");
    client.wait_ms(100);
    client.type_text("u");
    client.wait_ms(100);
    client.take(Msg::Response(Response::Products {
        ask: page_request(client.model.shop.products.sequence - 1, 0, true),
        result: Ok(ProductPage {
            items: vec![a_product("stale", 1, 1)],
            next_cursor: None,
            total: 1,
            suggestion: None,
        }),
    }));
    assert!(client.model.shop.products.items.iter().all(|(_, product)| product.name != "Stale"));
}

#[test]
fn a_search_that_finds_nothing_suggests_what_may_have_been_meant() {
    let mut client = Client::in_a_full_shop();
    client.press("/");
    client.type_text("mgu");
    client.wait_ms(100);
    client.answer_all();
    assert_eq!((client.model.shop.products.total, client.model.shop.suggestion.as_deref()), (0, Some("mug")));
    client.press("<Esc>");
    client.answer_all();
    assert_eq!(client.model.shop.suggestion, None);
}

#[test]
fn taking_the_search_off_keeps_the_product_under_the_cursor() {
    let mut client = Client::in_a_full_shop();
    client.press("/");
    client.type_text("dutch");
    client.wait_ms(100);
    client.answer_all();
    client.press("<Enter><Esc>");
    client.answer_all();
    assert_eq!(client.model.shop.products.total, 5);
    assert_eq!(client.model.shop.selected().unwrap().name, "Dutch oven");
}

#[test]
fn filters_and_sorting_ask_for_another_list_from_its_top() {
    let mut client = Client::in_a_full_shop();
    client.press("jjj");
    client.press("i");
    assert_eq!(queries(&client).last().unwrap().in_stock, Some(true));
    client.answer_all();
    assert_eq!((client.model.shop.products.total, client.model.shop.products.list.cursor), (4, 0));
    client.press("s");
    assert_eq!(queries(&client).last().unwrap().sort, Some(ProductSort::Price));
    client.press("<Right>");
    assert_eq!(queries(&client).last().unwrap().category.as_deref(), Some("Garden"));
    client.press("<Left><Left>");
    assert_eq!(queries(&client).last().unwrap().category.as_deref(), Some("Kitchen"));
}

#[test]
fn a_long_list_comes_page_by_page_as_the_cursor_nears_its_end() {
    let mut client = Client::in_a_full_shop();
    let page = |from: usize, next: Option<&str>| ProductPage {
        suggestion: None,
        items: (from..from + 100).map(|n| a_product(&format!("p{n}"), 100, 1)).collect(),
        next_cursor: next.map(str::to_owned),
        total: 200,
    };
    client.press("s");
    client.asked.clear();
    let sequence = client.model.shop.products.sequence;
    client.take(Msg::Response(Response::Products {
        ask: page_request(sequence, 0, true),
        result: Ok(page(0, Some("two"))),
    }));
    assert!(queries(&client).is_empty(), "the cursor is far from the end");
    client.press("G");
    assert_eq!(client.model.shop.products.list.cursor, 199, "placeholders can be stood on");
    assert_eq!(queries(&client)[0].cursor.as_deref(), Some("two"));
    client.press("k");
    assert_eq!(queries(&client).len(), 1, "one request at a time");
    client
        .take(Msg::Response(Response::Products { ask: page_request(sequence, 1, false), result: Ok(page(100, None)) }));
    assert_eq!(client.model.shop.selected().unwrap().name, "P198");
}

#[test]
fn a_change_in_the_shop_looks_again_where_one_stands_and_not_from_the_top() {
    let mut client = Client::in_a_full_shop();
    client.press("s");
    client.asked.clear();
    let sequence = client.model.shop.products.sequence;
    let page = |number: usize| ProductPage {
        suggestion: None,
        items: (number * 100..number * 100 + 100).map(|n| a_product(&format!("p{n}"), 100, 1)).collect(),
        next_cursor: Some(format!("after {number}")),
        total: 100_000,
    };
    client.take(Msg::Response(Response::Products { ask: page_request(sequence, 0, true), result: Ok(page(0)) }));
    for number in 1..4 {
        client.press(&"<PgDn>".repeat(7));
        client.take(Msg::Response(Response::Products {
            ask: page_request(sequence, number, false),
            result: Ok(page(number)),
        }));
    }
    let (cursor, name) = (client.model.shop.products.list.cursor, client.model.shop.selected().unwrap().name.clone());
    assert!(cursor > 300, "{cursor}");
    client.asked.clear();
    client.take(Msg::Feed(Feed::NewEvents { events: vec![super::an_event(9, "stock.received", "apron")] }));
    client.wait_ms(150);
    assert_eq!(queries(&client)[0].cursor.as_deref(), Some("after 2"));
    let sequence = client.model.shop.products.sequence;
    client.take(Msg::Response(Response::Products { ask: page_request(sequence, 3, true), result: Ok(page(3)) }));
    assert_eq!(client.model.shop.selected().unwrap().name, name);
    assert_eq!(client.model.shop.products.list.cursor, cursor);
}

#[test]
fn changes_in_the_shop_are_gathered_and_looked_at_once() {
    let mut client = Client::in_a_full_shop();
    for position in 1..5 {
        let event = super::an_event(position, "stock.received", "apron");
        client.take(Msg::Feed(Feed::NewEvents { events: vec![event] }));
    }
    assert!(queries(&client).is_empty());
    client.wait_ms(150);
    assert_eq!(queries(&client).len(), 1);
    assert_eq!(queries(&client)[0].min_position, Some(4), "what it shows is not older than the news");
}

#[test]
fn shelves_that_do_not_arrive_say_so_and_are_asked_for_again() {
    let mut client = Client::new();
    client.take(Msg::ShopFound { url: "http://x".into(), mailbox_url: None, embedded: false, first_run: false });
    client.take(Msg::Feed(Feed::Loaded { events: Vec::new() }));
    client.fail_all();
    assert!(matches!(client.model.shop.products.load, Load::Failed(_)));
    client.wait_ms(2_000);
    client.answer_all();
    assert_eq!(client.model.shop.products.load, Load::Ready);
}

#[test]
fn a_window_of_any_size_asks_for_each_picture_once() {
    let mut client = Client::in_a_full_shop();
    let items = (0..100)
        .map(|n| storefront_api::Product { has_picture: true, ..a_product(&format!("p{n}"), 100, 1) })
        .collect();
    client.press("s");
    let sequence = client.model.shop.products.sequence;
    let page = ProductPage { suggestion: None, items, next_cursor: None, total: 100 };
    client.asked.clear();
    client.take(Msg::Resize { width: 1_000, height: 500 });
    client.take(Msg::Response(Response::Products { ask: page_request(sequence, 0, true), result: Ok(page) }));
    let wanted =
        |client: &Client| client.asked.iter().filter(|request| matches!(request, Request::Picture { .. })).count();
    assert_eq!(wanted(&client), 51);
    client.press("ll");
    assert_eq!(wanted(&client), 53, "those that come into sight, and no other again");
}
