//! Buying: one submission, whatever happens, and back to the payment when it fails.

use storefront_api::{FieldError, OrderStatus, PaymentMethod, Problem, ReopenReason};

use super::world::{Client, eur};
use crate::keys::Context;
use crate::settings::Contact;
use crate::state::{Field, Phase, Screen};
use crate::update::{Feed, Msg, Request};

fn submissions(client: &Client) -> Vec<(String, storefront_api::Checkout)> {
    client
        .asked
        .iter()
        .filter_map(|request| match request {
            Request::CheckOut { key, request, .. } => Some((key.clone(), (**request).clone())),
            _ => None,
        })
        .collect()
}

fn at_the_checkout() -> Client {
    let mut client = Client::in_a_full_shop();
    client.press("a");
    client.answer_all();
    client.press("c");
    assert_eq!(client.model.context(), Context::CheckoutReview, "everything is filled in");
    client
}

#[test]
fn pressing_the_key_twice_buys_once() {
    let mut client = at_the_checkout();
    client.press("bbb");
    assert_eq!(submissions(&client).len(), 1);
    let (_, request) = &submissions(&client)[0];
    assert_eq!(request.expected_total, eur(4_450));
    assert_eq!(request.payment, PaymentMethod::Card { token: "pm_card_visa".into() });
    client.answer_all();
    assert!(matches!(client.model.checkout.phase, Phase::Watching(_)));
    assert!(client.model.basket.is_empty(), "the next basket is another order");
}

#[test]
fn enter_leads_through_the_steps_and_never_buys() {
    let mut client = at_the_checkout();
    client.press("<Esc><Esc>");
    let mut seen = vec![client.model.checkout.focus];
    for _ in 0..20 {
        client.press("<Enter>");
        seen.push(client.model.checkout.focus);
    }
    assert!(seen.is_sorted_by_key(|field| field.step()), "{seen:?}");
    assert_eq!(seen.last(), Some(&Field::Review));
    assert!(submissions(&client).is_empty());
    client.press("<Shift-Tab>");
    assert_eq!(client.model.checkout.focus, Field::Payment);
    client.press("<Shift-Tab>");
    assert_eq!(client.model.checkout.focus, Field::Email);
    client.press("<Tab><Tab>b");
    assert_eq!(submissions(&client).len(), 1);
}

#[test]
fn a_submission_without_an_answer_is_repeated_under_its_key_until_there_is_one() {
    let mut client = at_the_checkout();
    client.press("b");
    let key = submissions(&client)[0].0.clone();
    for _ in 0..3 {
        client.fail_all();
        client.press("b");
        assert!(submissions(&client).is_empty(), "pressing again does nothing more");
        client.wait_ms(5_000);
        assert_eq!(submissions(&client)[0].0, key);
    }
    client.answer_all();
    assert!(client.model.checkout.submission.is_none());
}

#[test]
fn another_total_is_shown_and_asked_about_and_nothing_is_bought() {
    let mut client = at_the_checkout();
    client.refuse_with =
        Some(Problem { code: "total_changed".into(), new_total: Some(eur(4_999)), ..Problem::default() });
    client.press("b");
    client.answer_all();
    let notice = client.model.checkout.notice.clone().unwrap();
    assert!(notice.contains("49.99 €") && notice.contains("Nothing was charged"), "{notice}");
    assert!(client.model.checkout.submission.is_none());
    assert_eq!(client.model.checkout.phase, Phase::Form);
}

#[test]
fn lines_that_cannot_be_bought_are_marked() {
    let mut client = at_the_checkout();
    client.refuse_with = Some(Problem {
        code: "lines_not_buyable".into(),
        detail: "Only 1 of apron is left.".into(),
        product_ids: vec!["apron".parse().unwrap()],
        errors: vec![FieldError { pointer: "/items/apron".into(), detail: "only 1 is left".into() }],
        ..Problem::default()
    });
    client.press("b");
    client.answer_all();
    assert_eq!(client.model.basket.lines()[0].notice.as_deref(), Some("only 1 is left"));
    assert_eq!(client.model.checkout.notice.as_deref(), Some("Only 1 of apron is left."));
}

#[test]
fn wrong_fields_are_reported_before_anything_is_sent() {
    let mut client = at_the_checkout();
    client.press("<Esc><Esc>");
    assert_eq!(client.model.checkout.focus, Field::Name);
    client.key(crate::keys::Key::ctrl('u'));
    client.press("<Enter><Enter><Enter><Enter><Enter><Enter><Enter><Enter>");
    assert!(submissions(&client).is_empty());
    assert_eq!(client.model.checkout.errors, [(Field::Name, "is needed".to_owned())]);
    assert_eq!(client.model.checkout.focus, Field::Name);
    client.type_text("Ben");
    assert!(client.model.checkout.errors.is_empty());
    client.press("<Enter><Enter><Enter><Enter><Enter><Enter><Enter><Enter><Enter>");
    assert_eq!(client.model.checkout.focus, Field::Review);
    client.press("b");
    assert_eq!(submissions(&client)[0].1.shipping_address.name, "Ben");
}

#[test]
fn what_the_shop_finds_wrong_with_a_field_is_shown_at_that_field() {
    let mut client = at_the_checkout();
    client.refuse_with = Some(Problem {
        code: "invalid_values".into(),
        errors: vec![FieldError { pointer: "/shipping_address/country".into(), detail: "unknown country".into() }],
        ..Problem::default()
    });
    client.press("b");
    client.answer_all();
    assert_eq!(client.model.checkout.focus, Field::Country);
    assert_eq!(client.model.checkout.errors[0].1, "unknown country");
}

#[test]
fn a_declined_card_leads_back_to_the_payment_with_the_reason_and_the_basket() {
    let mut client = at_the_checkout();
    let id = client.model.basket.order_id;
    client.press("b");
    client.answer_all();
    let order = client.order_mut(id);
    order.status = OrderStatus::InProgress;
    order.version += 1;
    order.reopened_because = Some(ReopenReason::PaymentDeclined {
        reason: "generic_decline".into(),
        message: "Your card was declined.".into(),
    });
    client.news(1);
    client.answer_all();
    assert_eq!(client.model.basket.order_id, id);
    assert_eq!(client.model.basket.pieces(), 1);
    assert_eq!((client.model.checkout.phase, client.model.checkout.focus), (Phase::Form, Field::Payment));
    assert!(client.model.checkout.notice.as_ref().unwrap().contains("Your card was declined"));
    client.press("<Down><Down><Down><Down><Down><Enter>b");
    assert_eq!(submissions(&client)[0].1.payment, PaymentMethod::Card { token: "pm_card_visa_chargeDeclined".into() });
}

#[test]
fn a_reopened_order_does_not_push_a_new_basket_away() {
    let mut client = at_the_checkout();
    let id = client.model.basket.order_id;
    client.press("b");
    client.answer_all();
    client.press("<Esc>ja");
    client.answer_all();
    let order = client.order_mut(id);
    order.status = OrderStatus::InProgress;
    order.reopened_because = Some(ReopenReason::OutOfStock { product_ids: vec!["apron".parse().unwrap()] });
    client.news(1);
    client.answer_all();
    assert_ne!(client.model.basket.order_id, id);
    assert_eq!(client.model.basket.lines()[0].name, "Bread knife");
    assert!(client.model.toasts.last().unwrap().text.contains("open again under Orders"));
}

#[test]
fn a_confirmed_order_is_announced_wherever_the_shopper_is() {
    let mut client = at_the_checkout();
    let id = client.model.basket.order_id;
    client.press("b");
    client.answer_all();
    client.press("<Esc>");
    assert_eq!(client.model.screen, Screen::Shop);
    let order = client.order_mut(id);
    order.status = OrderStatus::Confirmed;
    order.number = Some("MM2X-33BA".into());
    client.news(1);
    client.answer_all();
    assert_eq!(client.model.toasts.last().unwrap().text, "MM2X-33BA is confirmed.");
    assert_eq!(client.model.settings().checking_out, None);
}

#[test]
fn an_order_in_its_checkout_is_found_again_after_a_restart() {
    let mut client = at_the_checkout();
    let id = client.model.basket.order_id;
    client.press("b");
    client.answer_all();
    let kept = client.model.settings();
    assert_eq!(kept.checking_out, Some(id));
    client.model = crate::state::Model::new(&kept, client.model.now, uuid::Uuid::now_v7);
    client.order_mut(id).status = OrderStatus::Confirmed;
    client.take(Msg::ShopFound { url: "http://x".into(), mailbox_url: None, embedded: false, first_run: false });
    client.take(Msg::Feed(Feed::Loaded { events: Vec::new() }));
    client.answer_all();
    assert_eq!(client.model.screen, Screen::Checkout);
    let status = client.model.order.as_ref().and_then(|open| open.order.as_ref()).map(|order| order.status);
    assert_eq!(status, Some(OrderStatus::Confirmed));
    client.press("1");
    assert_eq!(client.model.settings().checking_out, None, "seen, and not shown again");
}

#[test]
fn an_empty_form_begins_at_its_first_field_and_the_embedded_shop_offers_a_guest() {
    let mut client = at_the_checkout();
    super::super::checkout::offer(&mut client.model, &Contact::default());
    client.press("<Esc><Esc><Esc><Enter>");
    assert_eq!(client.model.checkout.focus, Field::Name);
    client.take(Msg::ShopFound { url: "http://x".into(), mailbox_url: None, embedded: true, first_run: true });
    assert_eq!(client.model.checkout.contact(), Contact::demo());
}

#[test]
fn cancelling_asks_first_and_is_sent_once() {
    let mut client = at_the_checkout();
    let id = client.model.basket.order_id;
    client.press("b");
    client.answer_all();
    client.order_mut(id).status = OrderStatus::Confirmed;
    client.news(1);
    client.answer_all();
    client.press("<Enter>x");
    assert_eq!(client.model.context(), Context::Confirm);
    client.press("yxy");
    let sent = client.asked.iter().filter(|request| matches!(request, Request::Cancel { .. })).count();
    assert_eq!(sent, 1);
    client.answer_all();
    assert_eq!(client.model.order.as_ref().unwrap().order.as_ref().unwrap().status, OrderStatus::Cancelled);
}
