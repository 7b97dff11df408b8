//! Searching with `/`, and going from match to match.

use super::world::{Client, an_event};
use crate::keys::Context;
use crate::state::Screen;
use crate::update::{Feed, Msg, Request};

fn position(client: &Client) -> u64 {
    client.model.log.selected().unwrap().position
}

#[test]
fn the_matches_of_the_last_filter_are_gone_through_in_the_whole_log() {
    let mut client = Client::in_a_full_shop();
    client.press("4n");
    assert!(client.model.toasts[0].text.starts_with("Nothing is searched for; / starts"), "{:?}", client.model.toasts);
    let kinds = ["order.started", "stock.reserved", "email.sent"];
    let events = (1..=9).map(|at| an_event(at, kinds[usize::try_from(at).unwrap() % 3], "7f")).collect();
    client.take(Msg::Feed(Feed::NewEvents { events }));
    client.press("/type:email<Enter>");
    assert_eq!((client.model.log.len(), position(&client)), (3, 8));
    client.press("N");
    assert_eq!(position(&client), 5);
    client.press("<Esc>");
    assert_eq!((client.model.log.len(), position(&client)), (9, 9));
    let seen = ["n", "n", "N", "N"].map(|key| {
        client.press(key);
        position(&client)
    });
    assert_eq!(seen, [2, 5, 2, 8]);
    assert!(client.model.log.paused, "it stays at the match");
}

#[test]
fn events_of_a_timeline_are_searched_without_hiding_the_others() {
    let mut client = Client::at_a_bought_order();
    let all = client.model.order.as_ref().unwrap().events.len();
    client.press("/");
    assert_eq!(client.model.context(), Context::Search);
    client.type_text("payment");
    let open = client.model.order.as_ref().unwrap();
    assert_eq!((open.events.len(), open.selected().unwrap().kind.starts_with("payment.")), (all, true));
    client.press("<Enter>n");
    let open = client.model.order.as_ref().unwrap();
    assert!(open.selected().unwrap().kind.starts_with("payment."));
    let (here, found) = open.matches();
    assert!(here > 0 && found > 1, "{here} of {found}");
    client.press("N");
    assert_eq!(client.model.order.as_ref().unwrap().matches(), (if here == 1 { found } else { here - 1 }, found));
    client.press("/<Esc>");
    assert_eq!((client.model.screen, client.model.order.as_ref().unwrap().matches().1), (Screen::Order, 0));
    assert_eq!(client.model.context(), Context::Order);
}

#[test]
fn orders_are_searched_by_the_shop() {
    let mut client = Client::at_a_bought_order();
    client.press("3");
    client.answer_all();
    client.press("/");
    client.type_text("mm2x");
    client.wait_ms(100);
    let asked = client.asked.iter().find_map(|request| match request {
        Request::Orders { query, ask } => Some((query.q.clone(), ask.cursor.clone())),
        _ => None,
    });
    assert_eq!(asked, Some((Some("mm2x".to_owned()), None)));
    client.answer_all();
    client.press("<Enter>n");
    assert_eq!((client.model.screen, client.model.context()), (Screen::Orders, Context::Orders));
    client.press("<Esc>");
    client.wait_ms(100);
    let asked =
        client.asked.iter().any(|request| matches!(request, Request::Orders { query, .. } if query.q.is_none()));
    assert!(asked, "Esc takes the search off");
    client.answer_all();
    client.press("<Esc>");
    assert_eq!(client.model.screen, Screen::Shop);
}
