//! The basket: at once on screen, in order to the shop, back when refused.

use storefront_api::{OrderStatus, Problem};

use super::world::Client;
use crate::state::{Change, Screen};
use crate::update::{Effect, Feed, Msg, Request};

fn sent(client: &Client) -> Vec<(&str, &Change)> {
    client
        .asked
        .iter()
        .filter_map(|request| match request {
            Request::Change { key, change, .. } => Some((key.as_str(), change)),
            _ => None,
        })
        .collect()
}

fn quantities(client: &Client) -> Vec<(String, u32)> {
    client.model.basket.lines().into_iter().map(|line| (line.name, line.quantity)).collect()
}

#[test]
fn a_product_is_in_the_basket_before_the_shop_has_heard_of_it() {
    let mut client = Client::in_a_full_shop();
    client.press("++a");
    assert_eq!(quantities(&client), [("Apron".to_owned(), 3)]);
    assert_eq!(client.model.basket.total().amount, 3 * 4_450);
    assert!(client.model.basket.lines()[0].pending);
    assert_eq!(sent(&client).len(), 1);
    client.answer_all();
    assert!(!client.model.basket.lines()[0].pending);
    assert_eq!(client.basket_order().unwrap().items[0].quantity, 3);
}

#[test]
fn a_refused_change_is_taken_back_with_the_shops_reason() {
    let mut client = Client::in_a_full_shop();
    client.press("a");
    client.answer_all();
    client.press("j");
    client.refuse_with =
        Some(Problem { code: "out_of_stock".into(), detail: "Only 3 are left.".into(), ..Problem::default() });
    client.press("a");
    assert_eq!(quantities(&client).len(), 2);
    client.answer_all();
    assert_eq!(quantities(&client), [("Apron".to_owned(), 1)]);
    assert_eq!(client.model.toasts.last().unwrap().text, "Only 3 are left.");
}

#[test]
fn changes_are_sent_one_after_another_and_unsent_ones_are_put_together() {
    let mut client = Client::in_a_full_shop();
    client.press("aaaa");
    assert_eq!(sent(&client).len(), 1, "one is on its way, the others wait");
    assert_eq!(client.model.basket.pending.len(), 2, "the waiting ones are one");
    client.answer_all();
    assert_eq!(client.basket_order().unwrap().items[0].quantity, 4);
    assert_eq!(client.basket_order().unwrap().version, 2);
}

#[test]
fn a_change_that_got_no_answer_is_sent_again_under_the_same_key() {
    let mut client = Client::in_a_full_shop();
    client.press("a");
    let key = sent(&client)[0].0.to_owned();
    client.fail_all();
    assert_eq!(quantities(&client), [("Apron".to_owned(), 1)], "it stays on screen");
    client.press("a");
    assert!(sent(&client).is_empty(), "nothing overtakes it");
    client.wait_ms(5_000);
    assert_eq!(sent(&client)[0].0, key);
    client.answer_all();
    assert_eq!(client.basket_order().unwrap().items[0].quantity, 2);
}

#[test]
fn what_waits_is_sent_at_once_when_the_shop_is_back() {
    let mut client = Client::in_a_full_shop();
    client.take(Msg::Feed(Feed::Offline("gone".into())));
    client.press("a");
    client.fail_all();
    client.take(Msg::Feed(Feed::Online));
    client.answer_all();
    assert_eq!(client.basket_order().unwrap().items[0].quantity, 1);
}

#[test]
fn a_line_that_was_taken_out_can_be_put_back() {
    let mut client = Client::in_a_full_shop();
    client.press("++a2x");
    client.answer_all();
    assert!(client.model.basket.is_empty());
    client.press("u");
    client.answer_all();
    assert_eq!(quantities(&client), [("Apron".to_owned(), 3)]);
}

#[test]
fn one_fewer_of_one_takes_the_line_out() {
    let mut client = Client::in_a_full_shop();
    client.press("a2-");
    client.answer_all();
    assert_eq!(client.basket_order().unwrap().items.len(), 0);
}

#[test]
fn emptying_asks_nothing_because_it_can_be_undone() {
    let mut client = Client::in_a_full_shop();
    client.press("aja2X");
    assert!(client.model.question.is_none());
    client.answer_all();
    assert!(client.model.basket.is_empty());
    client.press("uu");
    client.answer_all();
    assert_eq!(quantities(&client), [("Apron".to_owned(), 1), ("Bread knife".to_owned(), 1)]);
}

#[test]
fn a_basket_that_was_bought_elsewhere_gives_way_to_a_new_one() {
    let mut client = Client::in_a_full_shop();
    client.press("a");
    client.answer_all();
    let old = client.model.basket.order_id;
    client.order_mut(old).status = OrderStatus::Confirmed;
    client.refuse_with = Some(Problem { code: "order_state".into(), ..Problem::default() });
    client.press("ja");
    client.answer_all();
    assert_ne!(client.model.basket.order_id, old);
    assert_eq!(quantities(&client), [("Bread knife".to_owned(), 1)]);
}

#[test]
fn what_is_sold_out_is_not_even_asked_for() {
    let mut client = Client::in_a_full_shop();
    client.press("jja");
    assert!(sent(&client).is_empty());
    assert_eq!(client.model.toasts.last().unwrap().text, "Casserole is sold out.");
}

#[test]
fn a_change_made_elsewhere_shows_up() {
    let mut client = Client::in_a_full_shop();
    client.press("a");
    client.answer_all();
    let id = client.model.basket.order_id;
    client.order_mut(id).items[0].quantity = 7;
    client.order_mut(id).version = 5;
    client.model.screen = Screen::Basket;
    client.head = 4;
    client.news(1);
    client.answer_all();
    assert_eq!(quantities(&client), [("Apron".to_owned(), 7)]);
}

#[test]
fn a_shop_that_cannot_take_it_just_now_is_asked_again_a_few_times() {
    let mut client = Client::in_a_full_shop();
    let busy =
        || Problem { code: "busy".into(), status: 503, detail: "The shop is busy.".into(), ..Problem::default() };
    client.press("a");
    let key = sent(&client)[0].0.to_owned();
    for _ in 0..4 {
        client.refuse_with = Some(busy());
        client.answer_all();
        assert_eq!(quantities(&client).len(), 1, "it stays on screen");
        client.wait_ms(5_000);
        assert_eq!(sent(&client)[0].0, key);
    }
    client.refuse_with = Some(busy());
    client.answer_all();
    assert!(client.model.basket.is_empty());
    assert_eq!(client.model.toasts.last().unwrap().text, "The shop is busy.");
}

#[test]
fn a_shop_that_comes_back_busy_after_a_long_absence_still_gets_what_was_put_in() {
    let mut client = Client::in_a_full_shop();
    let busy = || Problem { code: "busy".into(), status: 503, ..Problem::default() };
    client.press("a");
    let key = sent(&client)[0].0.to_owned();
    for _ in 0..20 {
        client.fail_all();
        client.wait_ms(5_000);
        assert_eq!(sent(&client)[0].0, key);
    }
    for _ in 0..4 {
        client.refuse_with = Some(busy());
        client.answer_all();
        client.wait_ms(5_000);
        assert_eq!(sent(&client)[0].0, key);
    }
    client.answer_all();
    assert_eq!(quantities(&client), [("Apron".to_owned(), 1)]);
    assert!(client.model.basket.pending.is_empty() && client.model.toasts.is_empty());
}

#[test]
fn a_shop_whose_disk_is_full_says_so_instead_of_sold_out_and_live() {
    let mut client = Client::in_a_full_shop();
    let detail = "The event log cannot be used: there is no room left on its disk.";
    let problem = Problem { status: 503, code: "log_unavailable".into(), detail: detail.into(), ..Problem::default() };
    client.refuse_with = Some(problem);
    client.press("a");
    let asked = client.asked.remove(0);
    let answer = client.answer(asked);
    let effects = client.take(answer);
    assert!(effects.contains(&Effect::Examine), "{effects:?}");
    let screen = crate::view::tests::text(&client.model);
    assert!(screen[0].contains("! disk full") && !screen[0].contains("live"), "{}", screen[0]);
    assert!(screen.iter().any(|line| line.contains("The disk of the shop is full")), "{screen:#?}");
    let line = screen.iter().find(|line| line.contains("Casserole")).unwrap();
    assert!(line.contains("stock unknown") && !line.contains("sold out"), "{line}");
    client.press("jj+");
    assert!(client.model.toasts.last().unwrap().text.contains("no room left on its disk"), "{:?}", client.model.toasts);
    client.take(Msg::Feed(Feed::Unfit(Vec::new())));
    assert!(crate::view::tests::text(&client.model)[0].contains("● live"));
}
