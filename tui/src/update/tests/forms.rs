//! The form over the screen: filled in, sent once, and open until the shop has agreed.

use storefront_api::{FieldError, Problem};

use super::world::Client;
use crate::keys::Context;
use crate::state::{Form, Screen};
use crate::update::{Feed, Msg, Request, next_deadline};

/// Correcting the books of the first line of stock: two fields.
fn correcting() -> Client {
    let mut client = Client::in_a_full_shop();
    client.press("7");
    client.answer_all();
    client.press("a");
    assert_eq!(client.model.context(), Context::Form);
    client
}

fn form(client: &Client) -> &Form {
    client.model.form.as_ref().expect("the form is open")
}

fn sent(client: &Client) -> Vec<&str> {
    let keys = client.asked.iter().map(|request| match request {
        Request::Submit { key, .. } => Some(key.as_str()),
        _ => None,
    });
    keys.flatten().collect()
}

#[test]
fn enter_goes_through_the_fields_and_sends_from_the_last_one() {
    let mut client = correcting();
    client.type_text("5");
    client.press("<Enter>");
    assert_eq!((form(&client).focus, sent(&client).len()), (1, 0));
    client.type_text("quite found");
    client.press("<Enter>");
    assert_eq!(sent(&client).len(), 1);
    client.answer_all();
    assert!(client.model.form.is_none());
    assert_eq!(client.model.toasts.last().unwrap().text, "Casserole: 5 on hand now");
    assert_eq!(client.model.screen, Screen::Counter, "what is typed is no key of the screen");
}

#[test]
fn pressing_enter_again_while_it_is_on_its_way_does_nothing_more() {
    let mut client = correcting();
    client.press("5<Tab>x<Enter><Enter><Enter>");
    assert_eq!(sent(&client).len(), 1);
}

#[test]
fn a_form_that_the_shop_does_not_answer_is_sent_again_under_the_same_key() {
    let mut client = correcting();
    client.press("5<Tab>x<Enter>");
    let key = sent(&client)[0].to_owned();
    for _ in 0..3 {
        client.fail_all();
        assert!(sent(&client).is_empty() && next_deadline(&client.model).is_some());
        client.press("<Enter>");
        client.wait_ms(6_000);
        assert_eq!(sent(&client), [&key]);
    }
    client.fail_all();
    client.take(Msg::Feed(Feed::Offline("gone".into())));
    client.take(Msg::Feed(Feed::Online));
    assert_eq!(sent(&client), [&key], "as soon as the shop is there again");
    client.answer_all();
    assert!(client.model.form.is_none());
    assert_eq!(client.counter.stock[2].on_hand, 5);
}

#[test]
fn what_is_wrong_stands_at_its_field_and_the_text_is_kept() {
    let mut client = correcting();
    client.press("much<Tab>broken<Enter>");
    assert!(sent(&client).is_empty());
    let error = |client: &Client, place: usize| form(client).fields[place].error.clone();
    assert_eq!((form(&client).focus, error(&client, 0)), (0, Some("a whole number, such as 3 or -2".into())));
    client.press("<Backspace><Backspace><Backspace><Backspace>7");
    assert_eq!(error(&client, 0), None, "mended");

    let wrong = |pointer: &str| FieldError { pointer: pointer.into(), detail: "1 to 200 characters".into() };
    let problem = Problem { detail: "A field is wrong.".into(), errors: vec![wrong("/reason")], ..Problem::default() };
    client.refuse_with = Some(problem.clone());
    client.press("<Tab><Enter>");
    client.answer_all();
    assert_eq!((form(&client).focus, error(&client, 1)), (1, Some("1 to 200 characters".into())));
    assert_eq!((form(&client).refusal.as_deref(), form(&client).text("/reason").as_str()), (None, "broken"));

    client.refuse_with = Some(Problem { errors: vec![wrong("/reasonable")], ..problem });
    client.press("<Enter>");
    client.answer_all();
    assert_eq!(form(&client).refusal.as_deref(), Some("A field is wrong."), "it is about no field here");
    client.press("!");
    assert_eq!(form(&client).refusal, None);
}

#[test]
fn a_refusal_is_definite_and_the_next_attempt_has_another_key() {
    let mut client = correcting();
    client.press("5<Tab>x<Enter>");
    let key = sent(&client)[0].to_owned();
    client.refuse_with = Some(Problem { status: 409, detail: "Not now.".into(), ..Problem::default() });
    client.answer_all();
    client.press("<Enter>");
    assert_eq!(sent(&client).len(), 1);
    assert_ne!(sent(&client)[0], key);
}

#[test]
fn leaving_sends_nothing_and_says_so_when_something_was_sent_already() {
    let mut client = correcting();
    client.press("5<Esc>");
    assert!(client.model.form.is_none() && client.model.toasts.is_empty() && client.asked.is_empty());
    client.press("a5<Tab>x<Enter><Esc>");
    let said = &client.model.toasts.last().unwrap().text;
    assert_eq!(said, "Correct the books: it was sent already and may have been done; 4 shows the log.");
    client.answer_all();
    assert!(client.model.form.is_none());
    assert_eq!(client.model.screen, Screen::Counter);
}

#[test]
fn the_answer_to_a_form_that_was_left_does_not_land_in_the_next_one() {
    let mut client = correcting();
    client.press("5<Tab>x<Enter><Esc>a7<Tab>y<Enter>");
    client.model.toasts.clear();
    let first = client.asked.remove(0);
    let answer = client.answer(first);
    client.take(answer);
    assert_eq!(form(&client).text("/change"), "7", "the next form is open as it was");
    assert!(form(&client).sending.is_some() && client.model.toasts.is_empty(), "{:?}", client.model.toasts);
    client.answer_all();
    assert!(client.model.form.is_none());
}

#[test]
fn pasted_text_goes_into_the_field_on_one_line() {
    let mut client = correcting();
    client.press("<Tab>");
    client.take(Msg::Paste("fell\u{1b} down\nq".into()));
    assert_eq!(form(&client).text("/reason"), "fell down q");
}

#[test]
fn the_fields_go_round() {
    let mut client = correcting();
    client.press("<Down><Down>");
    assert_eq!(form(&client).focus, 0);
    client.press("<Up>");
    assert_eq!(form(&client).focus, 1);
}

#[test]
fn a_field_for_a_number_takes_no_letters_and_says_so() {
    let mut client = correcting();
    client.press("-5x");
    assert_eq!(form(&client).text("/change"), "-5");
    assert_eq!(form(&client).fields[0].error.as_deref(), Some("a number has no letters"));
    client.press("0");
    assert_eq!((form(&client).text("/change").as_str(), &form(&client).fields[0].error), ("-50", &None));
    client.take(Msg::Paste("about 12".to_owned()));
    assert_eq!(form(&client).text("/change"), "-50 12");
    client.press("<Tab>found 3");
    assert_eq!(form(&client).text("/reason"), "found 3");
}
