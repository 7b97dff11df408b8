//! The palette finds products, orders, invoices and mails beside actions.

use super::world::Client;
use crate::keys::Context;
use crate::state::{Failure, Page, Screen};
use crate::update::{Msg, Request, Response};

/// What is listed for a typed text, once the shop has answered.
fn listed(client: &mut Client, typed: &str) -> Vec<String> {
    client.press(":");
    client.answer_all();
    client.type_text(typed);
    client.wait_ms(100);
    client.answer_all();
    lines(client)
}

fn lines(client: &Client) -> Vec<String> {
    let palette = client.model.palette.as_ref().unwrap();
    palette.lines(&client.model.account).into_iter().map(|entry| entry.text).collect()
}

#[test]
fn a_product_is_found_by_its_name_and_its_page_opens() {
    let mut client = Client::in_a_full_shop();
    client.press("4");
    assert_eq!(listed(&mut client, "mug")[0], "Enamel mug");
    client.press("<Enter>");
    assert_eq!((client.model.screen, client.model.context()), (Screen::Shop, Context::Product));
    assert_eq!(client.model.shop.selected().unwrap().name, "Enamel mug");
    assert!(client.model.shop.search.value().is_empty(), "it was in the list already");
}

#[test]
fn a_product_that_is_not_in_the_list_opens_as_the_only_one() {
    let mut client = Client::in_a_full_shop();
    client.press("/");
    client.type_text("apron");
    client.wait_ms(100);
    client.answer_all();
    client.press("<Enter>");
    assert_eq!(client.model.shop.products.total, 1);
    assert_eq!(listed(&mut client, "enamel")[0], "Enamel mug");
    client.press("<Enter>");
    assert_eq!(client.model.shop.selected().unwrap().name, "Enamel mug", "before the shop answers");
    client.answer_all();
    assert_eq!(client.model.shop.selected().unwrap().name, "Enamel mug");
    client.press("<Esc><Esc>");
    client.answer_all();
    assert_eq!(client.model.shop.products.total, 5);
    assert_eq!(client.model.shop.selected().unwrap().name, "Enamel mug");
}

#[test]
fn an_order_is_found_by_what_is_in_it_below_the_product() {
    let mut client = Client::at_a_bought_order();
    client.press("1");
    let found = listed(&mut client, "apron");
    assert_eq!(found[..2], ["Apron", "Apron"]);
    let about: Vec<String> = {
        let palette = client.model.palette.as_ref().unwrap();
        palette.lines(&client.model.account).into_iter().take(2).map(|entry| entry.about).collect()
    };
    assert_eq!(about, ["product  44.50 €", "order  MM2X-33BA"]);
    client.press("<Down><Enter>");
    assert_eq!(client.model.screen, Screen::Order);
}

#[test]
fn invoices_and_mails_are_found_without_a_visit_to_their_lists() {
    let mut client = Client::with_a_wallet();
    client.model.mailbox_url = Some("http://127.0.0.1:7071/mailbox".into());
    client.press("1");
    assert_eq!(
        listed(&mut client, "2026-0000"),
        ["Invoice 2026-000001 for order MM2X-33BA", "Credit note CN-2026-000001 for order MM2X-33BA"]
    );
    client.press("<Enter>");
    assert_eq!(client.model.paper.as_ref().unwrap().page(), &Page::Document("2026-000001".into()));
    client.answer_all();
    client.press("<Esc>");
    assert_eq!(listed(&mut client, "33b2 is confirmed")[0], "Mail: Your order MM2X-33B2 is confirmed");
    client.press("<Enter>");
    assert_eq!(client.model.paper.as_ref().unwrap().page(), &Page::Mail(2));
    assert!(client.model.paper.as_ref().unwrap().text.contains("Hello Ada"));
}

#[test]
fn what_was_typed_before_does_not_replace_what_is_typed_now_and_an_outage_leaves_the_actions() {
    let mut client = Client::in_a_full_shop();
    client.press(":");
    client.answer_all();
    client.type_text("mug");
    client.wait_ms(100);
    let late = client.asked.pop().unwrap();
    assert!(matches!(&late, Request::Find { words, .. } if words == "mug"));
    client.type_text("s");
    let late = client.answer(late);
    client.take(late);
    assert!(!lines(&client).iter().any(|line| line == "Enamel mug"), "the answer is too late");
    for _ in 0..4 {
        client.press("<Backspace>");
    }
    client.type_text("theme");
    client.wait_ms(100);
    let Some(Request::Find { sequence, .. }) = client.asked.pop() else { panic!("the shop is asked") };
    client.take(Msg::Response(Response::Found { sequence, result: Err(Failure::Unreachable("gone".into())) }));
    assert!(lines(&client).iter().any(|line| line == "Theme dark"));
    assert!(client.model.toasts.is_empty(), "{:?}", client.model.toasts);
}
