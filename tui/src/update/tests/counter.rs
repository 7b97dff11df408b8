//! The screen Counter: what the shopkeeper sees and does.

use super::world::Client;
use crate::state::{List, Screen};
use crate::update::counter::Errand;
use crate::update::{Effect, Feed, Msg, next_deadline};

fn at_the_counter() -> Client {
    let mut client = Client::in_a_full_shop();
    client.press("7");
    client.answer_all();
    client
}

fn shown(client: &Client) -> Vec<&str> {
    client.model.counter.stock.shown().iter().map(|item| item.product_id.as_str()).collect()
}

#[test]
fn what_is_out_comes_first_then_what_is_low() {
    let mut client = at_the_counter();
    assert_eq!(shown(&client), ["casserole", "bread-knife", "apron", "dutch-oven", "enamel-mug"]);
    client.press("f");
    assert_eq!(shown(&client), ["casserole", "bread-knife"]);
    client.press("f");
    assert_eq!(shown(&client).len(), 5);
}

#[test]
fn goods_that_come_in_move_their_line_and_the_cursor_goes_with_it() {
    let mut client = at_the_counter();
    client.press("jr");
    client.type_text("40");
    client.press("<Enter>");
    client.answer_all();
    assert_eq!(shown(&client), ["casserole", "apron", "bread-knife", "dutch-oven", "enamel-mug"]);
    assert_eq!(client.model.counter.stock.selected().unwrap().on_hand, 43);
    assert_eq!(client.model.toasts.last().unwrap().text, "Bread knife: 43 on hand now");
}

#[test]
fn a_threshold_begins_with_what_it_is() {
    let mut client = at_the_counter();
    client.press("Gs");
    assert_eq!(client.model.form.as_ref().unwrap().text("/threshold"), "10");
    client.press("0<Enter>");
    client.answer_all();
    assert_eq!(client.model.counter.stock.selected().unwrap().threshold, 100);
    assert_eq!(shown(&client), ["casserole", "bread-knife", "enamel-mug", "apron", "dutch-oven"]);
    assert_eq!(client.model.toasts.last().unwrap().text, "Enamel mug runs low at 100");
}

#[test]
fn what_runs_low_is_remembered_until_it_was_looked_at() {
    let mut client = Client::in_a_full_shop();
    client.stock_news("stock.ran_low", "apron");
    client.stock_news("stock.ran_out", "bread-knife");
    assert_eq!(client.model.counter.stock.alarms.len(), 2);
    assert!(client.model.toasts.is_empty(), "a shopper need not know");
    client.stock_news("stock.received", "bread-knife");
    client.press("7");
    client.answer_all();
    assert_eq!(client.model.counter.stock.alarms.iter().map(|id| id.as_str()).collect::<Vec<_>>(), ["apron"]);
    client.stock_news("stock.ran_out", "enamel-mug");
    assert_eq!(client.model.toasts.last().unwrap().text, "Enamel mug is sold out.");
    client.press("1");
    assert!(client.model.counter.stock.alarms.is_empty());
}

#[test]
fn news_about_stock_are_gathered_and_asked_for_once_and_only_where_they_show() {
    let mut client = at_the_counter();
    for _ in 0..3 {
        client.stock_news("stock.reserved", "apron");
    }
    let fetches = |client: &Client| {
        client.asked.iter().filter(|effect| matches!(effect, Effect::Counter(Errand::Stock { .. }))).count()
    };
    assert_eq!(fetches(&client), 0);
    client.wait_ms(200);
    assert_eq!(fetches(&client), 1);
    client.answer_all();
    assert_eq!(next_deadline(&client.model), None, "idle again");
    client.press("1");
    client.stock_news("stock.reserved", "apron");
    client.wait_ms(200);
    assert_eq!(fetches(&client), 0);
}

#[test]
fn an_answer_that_was_overtaken_is_not_taken_in() {
    let mut client = at_the_counter();
    client.press("17");
    let late = client.asked.clone();
    client.asked.clear();
    client.press("17");
    client.counter.stock.truncate(1);
    client.answer_all();
    client.counter.stock.clear();
    client.asked = late;
    client.answer_all();
    assert_eq!(shown(&client).len(), 1);
}

#[test]
fn stock_that_does_not_arrive_is_asked_for_again() {
    let mut client = Client::in_a_full_shop();
    client.press("7");
    client.fail_all();
    assert_eq!(client.model.counter.stock.list, List::default());
    client.wait_ms(2_100);
    client.answer_all();
    assert_eq!(shown(&client).len(), 5);
    client.take(Msg::Feed(Feed::Offline("gone".into())));
    assert_eq!(client.model.screen, Screen::Counter);
    assert_eq!(shown(&client).len(), 5, "what was last seen stays");
}
