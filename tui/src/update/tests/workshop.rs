//! A room at work: what is paused is seen everywhere, an order is found by its number, and a shop that is started over leaves
//! nothing of before on the screen.

use storefront_api::{OrderId, OrderStatus, Paused, PausedView, Problem};
use uuid::Uuid;

use super::world::{Client, an_event};
use crate::settings::{Contact, Settings};
use crate::state::{ControlCommand, Load, Model, Question, Screen, Target};
use crate::update::{Effect, Feed, Msg, Request, Response, next_deadline};

const NUMBER: &str = "MJVS-JTAY";

fn paused(processes: &[&str], views: &[(&str, u64)]) -> Paused {
    let views = views.iter().map(|(name, position)| PausedView { name: (*name).into(), position: *position });
    let processes: Vec<String> = processes.iter().map(ToString::to_string).collect();
    Paused { mark: format!("{processes:?}"), processes, views: views.collect() }
}

fn toasts(client: &Client) -> Vec<String> {
    client.model.toasts.iter().map(|toast| toast.text.clone()).collect()
}

#[test]
fn a_shop_that_was_started_over_elsewhere_leaves_nothing_of_before_on_the_screen() {
    let mut client = Client::at_a_bought_order();
    client.model.account.customer = Some(storefront_api::CustomerId(Uuid::from_u128(7)));
    client.take(Msg::Feed(Feed::NewEvents { events: vec![an_event(13, "order.shipped", "x")] }));
    client.press("1a");
    let (basket, pending) = (client.model.basket.order_id, client.model.basket.pending.len());
    assert!(pending > 0, "something is on its way to the old shop");
    client.asked.clear();
    let effects = client.take(Msg::Feed(Feed::StartedOver));
    assert!(effects.contains(&Effect::FollowAnew));
    let model = &client.model;
    assert_ne!(model.basket.order_id, basket);
    assert!(model.basket.pending.is_empty() && model.basket.order.is_none());
    assert!(model.order.is_none() && model.checkout.watched().is_none() && model.account.customer.is_none());
    assert!(model.log.events.is_empty() && model.log.last_position == 0);
    assert_eq!(
        (model.shop.products.total, &model.shop.products.load),
        (0, &Load::Loading),
        "nothing looks live that is not"
    );
    assert_eq!(model.checkout.contact(), Contact::demo(), "what the shopper typed stays");
    assert_eq!(model.shop_url.as_deref(), Some("http://127.0.0.1:7070"));
    assert!(model.started_over.is_some());
    // The new log arrives, and the notice goes by itself.
    client.orders.clear();
    client.take(Msg::Feed(Feed::Loaded { events: Vec::new() }));
    client.answer_all();
    assert_eq!(client.model.shop.products.load, Load::Ready);
    assert!(next_deadline(&client.model).is_some());
    client.wait_ms(30_000);
    assert!(client.model.started_over.is_none());
}

#[test]
fn a_shop_that_was_started_over_while_the_client_was_closed_is_noticed_too() {
    let (old, new) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let opens = |log: Uuid| {
        let mut client = Client::in_a_full_shop();
        let order = OrderId(Uuid::from_u128(9));
        let settings =
            Settings { basket: Some(order), checking_out: Some(order), log: Some(old), ..Settings::default() };
        client.model = Model {
            shop_url: client.model.shop_url.take(),
            ..Model::new(&settings, client.model.now, client.model.new_id)
        };
        client.take(Msg::Feed(Feed::Shop { log: Some(log), lab: false }));
        (client.model.basket.order_id == order, client.model.checkout.watched().is_some(), client.model.settings().log)
    };
    assert_eq!(opens(old), (true, true, Some(old)));
    assert_eq!(opens(new), (false, false, Some(new)));
}

#[test]
fn the_client_of_a_lab_server_has_its_checkout_form_filled_in_and_what_somebody_typed_stays() {
    let mut client = Client::in_a_full_shop();
    let now = client.model.now;
    client.model = Model::new(&Settings::default(), now, client.model.new_id);
    client.take(Msg::Feed(Feed::Shop { log: None, lab: false }));
    assert_eq!(client.model.checkout.contact(), Contact::default());
    client.take(Msg::Feed(Feed::Shop { log: None, lab: true }));
    assert_eq!(client.model.checkout.contact(), Contact::demo());
    let typed = Contact { name: "Grace".into(), ..Contact::default() };
    client.model = Model::new(&Settings { contact: typed.clone(), ..Settings::default() }, now, client.model.new_id);
    client.take(Msg::Feed(Feed::Shop { log: None, lab: true }));
    assert_eq!(client.model.checkout.contact(), typed);
}

#[test]
fn lists_are_read_anew_when_a_paused_view_stands_elsewhere() {
    let mut client = Client::in_a_full_shop();
    client.take(Msg::Feed(Feed::NewEvents { events: vec![an_event(9, "order.started", "x")] }));
    client.press("3");
    client.answer_all();
    client.take(Msg::Feed(Feed::Paused(paused(&["mail"], &[]))));
    assert!(client.asked.is_empty(), "{:?}", client.asked);
    client.take(Msg::Feed(Feed::Paused(paused(&["mail"], &[("orders", 7)]))));
    let asked = client.asked.iter().find_map(|request| match request {
        Request::Orders { query, .. } => Some(query.min_position),
        _ => None,
    });
    assert_eq!(asked, Some(Some(7)), "the list is shown as it is, and not waited for");
    assert_eq!(client.model.stale_view().map(|view| view.position), Some(7));
    client.answer_all();
    client.press("1");
    assert_eq!(client.model.stale_view(), None, "this list is another one");
    client.take(Msg::Feed(Feed::Paused(Paused::default())));
    assert!(client.asked.iter().any(|request| matches!(request, Request::Products { .. })));
}

#[test]
fn a_scenario_under_a_pause_offers_to_resume_and_is_played_then() {
    let mut client = Client::in_a_shop_with_a_lab();
    client.press("6");
    client.answer_all();
    client.press("<Enter>");
    let name = client.model.lab.starting.clone().expect("it was asked for");
    let refuse = |client: &mut Client| {
        client.asked.clear();
        let problem = Problem {
            status: 409,
            code: "scenario_paused".into(),
            paused_processes: vec!["payments".into()],
            paused_views: vec!["orders".into()],
            ..Problem::default()
        };
        let result = Err(crate::state::Failure::Refused(Box::new(problem)));
        client.take(Msg::Response(Response::Played { name: name.clone(), result }));
    };
    refuse(&mut client);
    assert_eq!(client.model.question, Some(Question::ResumeAndPlay));
    client.press("n");
    assert!(client.asked.is_empty() && client.model.question.is_none());
    refuse(&mut client);
    let played = client.laboratory.times(|request| matches!(request, Request::Play { .. }));
    client.press("y");
    client.answer_all();
    let resumed: Vec<&ControlCommand> = client.backstage.steered.iter().map(|(_, steer)| steer).collect();
    let (payments, orders) = (Target::Process("payments".into()), Target::View("orders".into()));
    assert_eq!(resumed, [&ControlCommand::Resume(payments), &ControlCommand::Resume(orders)]);
    assert_eq!(client.laboratory.times(|request| matches!(request, Request::Play { .. })), played + 1);
}

#[test]
fn a_step_for_which_nothing_waits_is_reported() {
    let mut client = Client::in_a_full_shop();
    client.press("5");
    client.answer_all();
    client.press(" ");
    client.answer_all();
    client.press("n");
    let key = client.model.processes.asked.front().expect("it was asked for").key.clone();
    client.asked.clear();
    let problem = Problem { status: 409, code: "nothing_to_step".into(), ..Problem::default() };
    let result = Err(crate::state::Failure::Refused(Box::new(problem)));
    client.take(Msg::Response(Response::Controlled { key, result }));
    assert!(toasts(&client).iter().any(|text| text.starts_with("Nothing is waiting")), "{:?}", toasts(&client));
}

#[test]
fn an_order_is_opened_by_its_number_from_the_palette_and_filtered_by_it_in_the_log() {
    let mut client = Client::in_a_full_shop();
    let id = OrderId(Uuid::from_u128(0xbeef));
    let order = client.order_mut(id);
    (order.number, order.status) = (Some(NUMBER.into()), OrderStatus::Confirmed);
    client.press(":");
    client.type_text("mjvsjtay");
    client.press("<Enter>");
    client.answer_all();
    assert_eq!((client.model.screen, client.model.order.as_ref().map(|open| open.id)), (Screen::Order, Some(id)));

    let about = id.to_string();
    let events = vec![an_event(1, "order.started", "other"), an_event(2, "order.started", &about)];
    client.take(Msg::Feed(Feed::NewEvents { events }));
    client.answer_all();
    client.press("4/");
    client.type_text("order:");
    client.type_text(NUMBER);
    client.answer_all();
    assert_eq!(client.model.log.len(), 1);
    assert_eq!(client.model.log.selected().unwrap().correlation_id, about);
    // One that nobody knows is told once.
    client.press("<Esc>/");
    client.type_text("order:E0HN-8G9W");
    client.answer_all();
    assert!(toasts(&client).iter().any(|text| text.contains("E0HN-8G9W")), "{:?}", toasts(&client));
}
