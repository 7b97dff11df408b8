//! The screen Lab: scenarios are played one at a time, switches end up as they were left, and a shop in which nothing happens
//! is not asked what is broken.

use storefront_api::{Faults, ScenarioState, Stub};

use super::laboratory::a_run;
use super::world::{Client, an_event};
use crate::state::lab::Side;
use crate::state::{Load, Screen};
use crate::update::{Effect, Feed, Msg, Request, next_deadline};

fn in_the_lab() -> Client {
    let mut client = Client::in_a_shop_with_a_lab();
    client.press("6");
    client.answer_all();
    client
}

fn something_happens(client: &mut Client) {
    client.head += 1;
    let events = vec![an_event(client.head, "order.started", "7f")];
    client.take(Msg::Feed(Feed::NewEvents { events }));
}

fn is_look_at_faults(request: &Request) -> bool {
    *request == Request::Faults
}

fn plays(client: &Client) -> Vec<String> {
    let played = |request: &Request| match request {
        Request::Play { name } => Some(name.clone()),
        _ => None,
    };
    client.laboratory.asked.iter().filter_map(played).collect()
}

/// Lets time pass in the steps that the client asks for, answering all.
fn pass(client: &mut Client, ms: i64) {
    let end = client.model.now.unix_ms() + ms;
    for _ in 0..1_000 {
        match next_deadline(&client.model) {
            Some(at) if at.unix_ms() <= end => client.wait_ms((at.unix_ms() - client.model.now.unix_ms()).max(1)),
            Some(_) | None => break,
        }
        client.answer_all();
    }
}

#[test]
fn what_is_broken_is_known_from_the_start_on_every_screen() {
    let mut client = Client::new();
    client.laboratory.enabled = true;
    client.laboratory.break_there(Stub::Cards, Faults { decline: true, latency_ms: 500, ..Faults::default() });
    client.take(Msg::ShopFound { url: "http://x".into(), mailbox_url: None, embedded: false, first_run: false });
    client.take(Msg::Feed(Feed::Loaded { events: Vec::new() }));
    client.answer_all();
    assert_eq!(client.model.screen, Screen::Shop);
    assert_eq!(client.model.lab.broken(), [(Stub::Cards, "500 ms, decline".to_owned())]);
}

#[test]
fn a_shop_in_which_nothing_happens_is_not_asked_what_is_broken() {
    let mut client = in_the_lab();
    let before = client.laboratory.asked.len();
    assert_eq!(next_deadline(&client.model), None);
    pass(&mut client, 600_000);
    assert_eq!(client.laboratory.asked.len(), before);
}

#[test]
fn what_others_break_is_seen_after_the_next_events_and_they_are_asked_about_every_five_seconds_at_most() {
    let mut client = Client::in_a_shop_with_a_lab();
    client.wait_ms(10_000);
    let before = client.laboratory.times(is_look_at_faults);
    client.laboratory.break_there(Stub::Mail, Faults { outage: true, ..Faults::default() });
    for _ in 0..100 {
        something_happens(&mut client);
        client.wait_ms(100);
        client.answer_all();
    }
    pass(&mut client, 5_000);
    assert_eq!(client.laboratory.times(is_look_at_faults) - before, 3, "at 0, 5 and 10 seconds");
    assert_eq!(client.model.lab.broken(), [(Stub::Mail, "outage".to_owned())]);
    assert_eq!(next_deadline(&client.model), None);
}

#[test]
fn what_others_break_is_known_as_soon_as_the_shop_says_that_a_switch_was_thrown() {
    let mut client = Client::in_a_shop_with_a_lab();
    let before = client.laboratory.times(is_look_at_faults);
    for outage in [true, false] {
        client.laboratory.break_there(Stub::Mail, Faults { outage, ..Faults::default() });
        client.take(Msg::Feed(Feed::SwitchThrown));
        client.answer_all();
        assert_eq!(client.model.lab.broken().len(), usize::from(outage), "without any wait");
    }
    assert_eq!(client.laboratory.times(is_look_at_faults) - before, 2);
    assert_eq!(next_deadline(&client.model), None);
}

#[test]
fn a_shop_without_a_lab_says_how_to_get_one_and_is_not_asked_again() {
    let mut client = Client::in_a_full_shop();
    client.press("6");
    client.answer_all();
    assert!(client.model.lab.disabled.as_ref().unwrap().contains("storefront serve"));
    let before = client.laboratory.asked.len();
    for _ in 0..10 {
        something_happens(&mut client);
        pass(&mut client, 6_000);
    }
    client.press("<Enter> a+-0R");
    client.answer_all();
    assert_eq!(client.laboratory.asked.len(), before);
    assert!(client.model.question.is_none());
}

#[test]
fn each_key_plays_its_scenario_and_enter_the_chosen_one() {
    for (keys, name) in [("a", "happy-path"), ("c", "card-declined"), ("e", "mail-down"), ("jj<Enter>", "mail-down")] {
        let mut client = in_the_lab();
        client.press(keys);
        client.answer_all();
        assert_eq!(plays(&client), [name]);
        assert_eq!(client.model.lab.selected().unwrap().name, name);
    }
}

#[test]
fn one_scenario_is_played_at_a_time_however_often_its_key_is_pressed() {
    let mut client = in_the_lab();
    client.press("aaa<Enter>");
    client.answer_all();
    client.press("c");
    client.answer_all();
    assert_eq!(plays(&client), ["happy-path"]);
    assert!(client.model.toasts.iter().any(|toast| toast.text == "“Happy path” is being played; one at a time."));
}

#[test]
fn a_scenario_is_followed_until_it_ends_and_its_end_is_announced() {
    let mut client = in_the_lab();
    client.press("a");
    client.answer_all();
    pass(&mut client, 2_000);
    assert!(client.model.lab.running().is_some());
    client.laboratory.set_run("happy-path", a_run("happy-path", ScenarioState::Finished, 1));
    pass(&mut client, 2_000);
    assert!(client.model.lab.running().is_none());
    let outcome = "The order is confirmed and its mail has gone out.";
    assert!(client.model.toasts.iter().any(|toast| toast.text == outcome), "{:?}", client.model.toasts);
    client.wait_ms(60_000);
    client.answer_all();
    assert_eq!(next_deadline(&client.model), None);
}

#[test]
fn a_scenario_is_not_followed_while_another_screen_is_open() {
    let mut client = in_the_lab();
    client.press("a");
    client.answer_all();
    client.press("1");
    client.answer_all();
    let before = client.laboratory.times(|request| *request == Request::Scenarios);
    pass(&mut client, 60_000);
    assert_eq!(client.laboratory.times(|request| *request == Request::Scenarios), before);
}

#[test]
fn a_play_without_an_answer_is_not_sent_again_but_asked_about() {
    let mut client = in_the_lab();
    client.wait_ms(1_000);
    client.press("a");
    client.fail_all();
    assert!(client.model.lab.starting.is_none());
    assert_eq!(client.asked, [Request::Scenarios, Request::Faults]);
    pass(&mut client, 60_000);
    assert!(plays(&client).is_empty());
}

#[test]
fn what_is_broken_is_asked_for_once_at_a_time_and_again_when_a_switch_was_thrown_meanwhile() {
    let mut client = in_the_lab();
    client.asked.clear();
    for _ in 0..3 {
        client.take(Msg::Feed(Feed::SwitchThrown));
    }
    assert_eq!(client.asked, [Request::Faults]);
    let before = client.laboratory.times(|request| *request == Request::Faults);
    client.answer_all();
    assert_eq!(client.laboratory.times(|request| *request == Request::Faults), before + 2);
    client.take(Msg::Feed(Feed::SwitchThrown));
    assert_eq!(client.asked, [Request::Faults]);
}

#[test]
fn the_orders_of_a_scenario_are_opened_one_after_another_and_escape_leads_back() {
    let mut client = in_the_lab();
    client.press("f");
    assert_eq!(client.model.screen, Screen::Lab, "nothing was played yet");
    client.press("r");
    client.answer_all();
    let mut opened = Vec::new();
    for _ in 0..3 {
        client.press("f");
        client.answer_all();
        opened.push(client.model.order.as_ref().unwrap().id);
        assert_eq!(client.model.screen, Screen::Order);
        client.press("<Esc>");
        assert_eq!(client.model.screen, Screen::Lab);
        client.answer_all();
    }
    assert!(opened[0] != opened[1] && opened[0] == opened[2], "{opened:?}");
}

#[test]
fn switches_are_thrown_one_after_another_and_end_as_they_were_left() {
    let mut client = in_the_lab();
    client.press(" ");
    assert_eq!(client.model.lab.side, Side::Switches, "the first press only goes there");
    assert!(client.asked.is_empty());
    // Product service: outage, error rate, latency; all before the first answer.
    client.press(" j++j ");
    assert_eq!(client.asked.len(), 1, "one change of a stub is on its way at a time");
    assert_eq!(client.model.lab.broken(), [(Stub::Products, "outage, 25 % fail, 1000 ms".to_owned())]);
    client.answer_all();
    let wanted = Faults { outage: true, error_rate: 0.25, latency_ms: 1_000, ..Faults::default() };
    assert_eq!(client.laboratory.faults_of(Stub::Products), wanted);
    assert_eq!(client.laboratory.times(|request| matches!(request, Request::Break { .. })), 2);
    client.press("-");
    client.answer_all();
    assert_eq!(client.laboratory.faults_of(Stub::Products).latency_ms, 500);
}

#[test]
fn everything_is_mended_with_one_key_from_either_side() {
    let mut client = in_the_lab();
    client.press("l jj jjj ");
    client.answer_all();
    assert_eq!(client.model.lab.broken().len(), 2);
    client.press("h0");
    client.answer_all();
    assert!(client.model.lab.broken().is_empty());
    assert!(client.laboratory.faults.iter().all(|known| known.faults.is_none()));
}

#[test]
fn a_switch_that_could_not_be_thrown_goes_back_with_the_reason() {
    let mut client = in_the_lab();
    client.press("l ");
    assert_eq!(client.model.lab.broken().len(), 1);
    client.fail_all();
    assert!(client.model.lab.broken().is_empty());
    assert!(client.model.toasts.iter().any(|toast| toast.text == "The shop is gone."));
}

#[test]
fn a_number_of_ones_own_is_typed_and_what_makes_no_sense_is_refused() {
    let mut client = in_the_lab();
    client.press("ljj<Enter>");
    client.key(crate::keys::Key::ctrl('u'));
    client.type_text("60001");
    client.press("<Enter>");
    let form = client.model.form.as_ref().unwrap();
    assert_eq!(form.fields[0].error.as_deref(), Some("a whole number from 0 to 60000"));
    client.key(crate::keys::Key::ctrl('u'));
    client.type_text("1234");
    client.press("<Enter>");
    client.answer_all();
    assert!(client.model.form.is_none());
    assert_eq!(client.laboratory.faults_of(Stub::Products).latency_ms, 1_234);
    assert_eq!(client.model.lab.broken(), [(Stub::Products, "1234 ms".to_owned())]);
}

#[test]
fn a_number_that_is_typed_leaves_what_others_have_broken_meanwhile() {
    let mut client = in_the_lab();
    client.press("ljj<Enter>");
    client.laboratory.break_there(Stub::Products, Faults { outage: true, ..Faults::default() });
    client.take(Msg::Feed(Feed::SwitchThrown));
    client.answer_all();
    client.key(crate::keys::Key::ctrl('u'));
    client.type_text("1234");
    client.press("<Enter>");
    client.answer_all();
    let both = Faults { outage: true, latency_ms: 1_234, ..Faults::default() };
    assert_eq!(client.laboratory.faults_of(Stub::Products), both);
}

#[test]
fn a_story_that_could_not_begin_can_be_played_again() {
    let mut client = in_the_lab();
    client.press("a");
    client.fail_all();
    client.answer_all();
    client.press("a");
    client.answer_all();
    assert_eq!(plays(&client), ["happy-path"]);
}

#[test]
fn the_shop_is_started_over_only_after_a_yes_and_then_read_anew() {
    let mut client = in_the_lab();
    client.press("Rn");
    assert!(client.asked.is_empty(), "{:?}", client.asked);
    client.press("RyRy");
    let asked: Vec<Request> = client.asked.drain(..).collect();
    assert_eq!(asked, [Request::Reset], "once, however often it is pressed");
    let answer = client.laboratory.answer(Request::Reset);
    let effects = client.take(Msg::Response(answer));
    assert!(effects.contains(&Effect::FollowAnew));
    assert!(client.model.toasts.iter().any(|toast| toast.text.contains("kept as shop-1.db")));
}

#[test]
fn a_lab_that_does_not_arrive_says_so_and_is_asked_again() {
    let mut client = Client::in_a_shop_with_a_lab();
    client.press("6");
    client.fail_all();
    assert!(matches!(client.model.lab.load, Load::Failed(_)));
    pass(&mut client, 3_000);
    assert_eq!(client.model.lab.load, Load::Ready);
}
