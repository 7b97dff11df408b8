//! Two screens side by side: which they are, that both are up to date, and that they change sides.

use storefront_api::Product;

use super::world::{Client, a_shelf, an_event};
use crate::keys::Context;
use crate::state::{Model, Panes, Screen};
use crate::update::{Effect, Feed, Msg, Request};

fn in_a_wide_window() -> Client {
    let mut client = Client::in_a_full_shop();
    client.take(Msg::Resize { width: 160, height: 40 });
    client
}

/// Chooses a line of the list by its name.
fn choose(client: &mut Client, name: &str) {
    client.press("\\");
    assert_eq!(client.model.context(), Context::Panes);
    for _ in 0..10 {
        client.press("<Up>");
    }
    let panes = client.model.panes.as_ref().unwrap();
    let place = panes.lines.iter().position(|line| Panes::name(*line) == name).unwrap();
    client.press(&"j".repeat(place));
    client.press("<Enter>");
}

fn beside(model: &Model) -> Option<Screen> {
    model.beside(model.size.0)
}

#[test]
fn any_screen_stands_beside_another_and_is_kept_for_the_next_run() {
    let mut client = in_a_wide_window();
    for (name, screen) in [
        ("Basket", Screen::Basket),
        ("Orders", Screen::Orders),
        ("The open order", Screen::Order),
        ("Log", Screen::Log),
        ("Processes", Screen::Processes),
        ("Counter", Screen::Counter),
    ] {
        choose(&mut client, name);
        assert_eq!((client.model.screen, beside(&client.model)), (Screen::Shop, Some(screen)));
        let settings = client.model.settings();
        let again = Model::new(&settings, client.model.now, uuid::Uuid::now_v7);
        assert_eq!(again.pane, Some(screen));
    }
    choose(&mut client, "One screen only");
    assert_eq!(beside(&client.model), None);
    client.press("\\\\");
    assert_eq!(beside(&client.model), Some(Screen::Counter), "twice the key is the last one again");
    client.press("\\\\");
    assert_eq!(beside(&client.model), None);
}

#[test]
fn the_screen_beside_the_open_one_is_fetched_and_follows_events() {
    let mut client = in_a_wide_window();
    let fetches_orders = |client: &Client| client.asked.iter().any(|it| matches!(it, Request::Orders { .. }));
    choose(&mut client, "Orders");
    assert!(fetches_orders(&client));
    client.answer_all();
    client.take(Msg::Feed(Feed::NewEvents { events: vec![an_event(1, "order.started", "7f")] }));
    client.answer_all();
    client.wait_ms(200);
    assert!(fetches_orders(&client), "an event changes the list");
    client.answer_all();
    client.take(Msg::Feed(Feed::Online));
    assert!(fetches_orders(&client), "and the return of the shop");
}

#[test]
fn the_sides_change_and_a_screen_is_not_shown_twice() {
    let mut client = in_a_wide_window();
    choose(&mut client, "Processes");
    client.press("z");
    assert_eq!((client.model.screen, beside(&client.model)), (Screen::Processes, Some(Screen::Shop)));
    client.press("z");
    assert_eq!((client.model.screen, beside(&client.model)), (Screen::Shop, Some(Screen::Processes)));
    client.press("5");
    assert_eq!((client.model.screen, beside(&client.model)), (Screen::Processes, Some(Screen::Shop)));
    client.take(Msg::Resize { width: 100, height: 40 });
    assert_eq!(beside(&client.model), None, "there is no room");
    client.press("\\");
    assert!(client.model.panes.is_none());
    assert!(client.model.toasts.iter().any(|toast| toast.text.contains("120 columns")), "{:?}", client.model.toasts);
}

#[test]
fn a_screen_that_stands_beside_no_other_changes_sides_with_none() {
    let mut client = in_a_wide_window();
    choose(&mut client, "Log");
    client.press("8");
    assert_eq!((client.model.screen, beside(&client.model)), (Screen::Account, Some(Screen::Log)));
    client.press("z");
    assert_eq!((client.model.screen, beside(&client.model)), (Screen::Log, Some(Screen::Shop)));
    assert_ne!(client.model.settings().pane, Some(Screen::Account));
}

#[test]
fn pictures_of_both_screens_are_fetched() {
    let mut client = in_a_wide_window();
    choose(&mut client, "Basket");
    let shelf = a_shelf().into_iter().map(|product| Product { has_picture: true, ..product }).collect();
    client.model.shop.products.items.put(0, shelf, None, 0);
    let effects = client.take(Msg::Tick);
    let chosen = client.model.shop.selected().unwrap().id.clone();
    assert!(effects.contains(&Effect::Request(Request::Picture { id: chosen })), "{effects:?}");
}
