//! The screen Processes: it looks when there is something to see, and what is asked of a process is asked once.

use storefront_api::{Page, Problem, ProcessState, Rebuilding};

use super::backstage::{STRUCK, a_process};
use super::world::{Client, an_event};
use crate::state::{ControlCommand, Failure, Load, Screen, Target};
use crate::update::{Effect, Feed, Msg, Response, next_deadline};

fn on_processes() -> Client {
    let mut client = Client::in_a_full_shop();
    client.press("5");
    client.answer_all();
    client
}

/// On the line of a process or a read model.
fn on_line(client: &mut Client, name: &str) {
    client.press("g");
    for _ in 0..client.model.processes.len() {
        if client.model.processes.selected().unwrap().target() == Target::Process(name.into()) {
            return;
        }
        client.press("j");
    }
    panic!("there is no {name}");
}

fn on_parked_mail() -> Client {
    let mut client = Client::in_a_full_shop();
    client.backstage.park_a_mail();
    client.press("5");
    client.answer_all();
    on_line(&mut client, "mail");
    client.answer_all();
    client
}

fn something_happens(client: &mut Client) {
    client.head += 1;
    let events = vec![an_event(client.head, "order.started", "7f")];
    client.take(Msg::Feed(Feed::NewEvents { events }));
}

/// Lets time pass in the steps that the client asks for, answering all; returns how often it looked meanwhile.
fn looks_within(client: &mut Client, ms: i64) -> usize {
    let before = client.backstage.looks;
    let end = client.model.now.unix_ms() + ms;
    for _ in 0..1_000 {
        match next_deadline(&client.model) {
            Some(at) if at.unix_ms() <= end => client.wait_ms((at.unix_ms() - client.model.now.unix_ms()).max(1)),
            Some(_) | None => break,
        }
        client.answer_all();
    }
    client.backstage.looks - before
}

#[test]
fn the_processes_stand_in_the_order_in_which_an_order_meets_them() {
    let client = on_processes();
    let names: Vec<String> = client.model.processes.rows().map(|row| row.target().title()).collect();
    assert_eq!(names, ["Check out orders", "Take payments", "Send mail", "End idle baskets", "Orders", "Products"]);
}

#[test]
fn a_shop_at_rest_is_looked_at_once_and_never_again() {
    let mut client = on_processes();
    assert_eq!(client.backstage.looks, 1);
    assert_eq!(next_deadline(&client.model), None);
    assert_eq!(looks_within(&mut client, 600_000), 0);
}

#[test]
fn news_bring_one_look_however_many_they_are_and_none_on_another_screen() {
    let mut client = on_processes();
    client.wait_ms(10_000);
    for _ in 0..20 {
        something_happens(&mut client);
    }
    client.answer_all();
    assert_eq!(looks_within(&mut client, 5_000), 1);
    client.press("1");
    client.answer_all();
    something_happens(&mut client);
    client.answer_all();
    assert_eq!(looks_within(&mut client, 5_000), 0);
}

#[test]
fn what_happens_during_a_look_brings_another_one_though_all_seemed_at_rest() {
    let mut client = on_processes();
    for _ in 0..2 {
        something_happens(&mut client);
        client.wait_ms(300);
    }
    client.answer_all();
    assert_eq!(looks_within(&mut client, 10_000), 1);
}

#[test]
fn news_without_end_are_looked_at_four_times_a_second_at_most() {
    let mut client = on_processes();
    client.wait_ms(10_000);
    let before = client.backstage.looks;
    for _ in 0..100 {
        something_happens(&mut client);
        client.wait_ms(20);
        client.answer_all();
    }
    let looks = client.backstage.looks - before;
    assert!((7..=8).contains(&looks), "{looks} looks in two seconds");
}

#[test]
fn what_is_behind_is_looked_at_until_it_has_caught_up_and_less_often_while_nothing_moves() {
    let mut client = on_processes();
    let mail = client.backstage.process("mail");
    (mail.state, mail.lag, mail.in_flight) = (ProcessState::Working, 5, 1);
    client.wait_ms(10_000);
    something_happens(&mut client);
    client.answer_all();
    assert_eq!(looks_within(&mut client, 2_000), 4, "after 0.1, 0.35, 0.85 and 1.85 s");
    assert_eq!(looks_within(&mut client, 20_000), 10, "every two seconds");
    *client.backstage.process("mail") = a_process("mail");
    looks_within(&mut client, 2_000);
    assert_eq!(looks_within(&mut client, 60_000), 0);
}

#[test]
fn what_is_paused_is_soon_left_alone_although_it_is_behind() {
    let mut client = on_processes();
    client.backstage.hold_the_checkout();
    client.wait_ms(10_000);
    something_happens(&mut client);
    client.answer_all();
    let looks = looks_within(&mut client, 10_000);
    assert!((2..=6).contains(&looks), "{looks}: it may not have read the newest events at the first look");
    assert_eq!(looks_within(&mut client, 600_000), 0);
}

#[test]
fn a_process_is_paused_stepped_and_resumed_each_press_once() {
    let mut client = on_processes();
    client.press(" ");
    assert!(client.model.processes.is_paused(&client.model.processes.selected().unwrap()), "it shows at once");
    client.press("nn<Right>");
    client.press(" ");
    client.answer_all();
    let checkout = Target::Process("checkout".into());
    let asked: Vec<ControlCommand> = client.backstage.steered.iter().map(|(_, command)| command.clone()).collect();
    let step = ControlCommand::Step(checkout.clone());
    assert_eq!(
        asked,
        [ControlCommand::Pause(checkout.clone()), step.clone(), step.clone(), step, ControlCommand::Resume(checkout)]
    );
    assert_eq!(client.backstage.keys(), 5);
    assert!(client.model.processes.asked.is_empty());
}

#[test]
fn what_got_no_answer_is_sent_again_under_its_key_and_nothing_overtakes_it() {
    let mut client = on_processes();
    client.backstage.hold_the_checkout();
    client.press(" n");
    client.fail_all();
    client.wait_ms(300);
    client.fail_all();
    assert_eq!(client.model.processes.asked.len(), 2);
    let first = client.model.processes.asked[0].key.clone();
    client.wait_ms(600);
    client.answer_all();
    assert_eq!(client.backstage.steered[0].0, first);
    assert_eq!((client.backstage.steered.len(), client.backstage.keys()), (2, 2));
}

#[test]
fn a_step_of_a_read_model_has_no_key_and_is_not_sent_again() {
    let mut client = on_processes();
    client.backstage.view("products").paused = true;
    client.press("G");
    client.press("5");
    client.answer_all();
    client.press("n");
    client.fail_all();
    assert!(client.model.processes.asked.is_empty());
    assert!(client.model.toasts.iter().any(|toast| toast.text == "The shop is gone."), "{:?}", client.model.toasts);
    client.wait_ms(60_000);
    client.answer_all();
    assert!(client.backstage.steered.is_empty());
}

#[test]
fn a_refusal_is_said_and_what_was_asked_after_it_goes_on() {
    let mut client = on_processes();
    client.press(" ");
    let key = client.model.processes.asked[0].key.clone();
    client.press("n");
    client.asked.clear();
    let problem = Problem { status: 404, detail: "There is no such process.".into(), ..Problem::default() };
    let result = Err(Failure::Refused(Box::new(problem)));
    client.take(Msg::Response(Response::Controlled { key, result }));
    client.answer_all();
    assert!(client.model.toasts.iter().any(|toast| toast.text == "There is no such process."));
    assert_eq!(client.backstage.steered.len(), 1, "the step");
}

#[test]
fn a_step_of_what_runs_by_itself_says_how_to_pause_it() {
    let mut client = on_processes();
    client.press("n");
    assert_eq!(client.model.toasts[0].text, "It runs by itself. Space pauses it, then it can be stepped.");
    assert!(client.asked.is_empty());
}

#[test]
fn an_answer_that_comes_late_or_twice_ends_only_what_it_answers() {
    let mut client = Client::in_a_full_shop();
    client.backstage.hold_the_checkout();
    client.press("5");
    client.answer_all();
    client.press("nn");
    let first = client.model.processes.asked[0].key.clone();
    for _ in 0..3 {
        client.take(Msg::Response(Response::Controlled { key: first.clone(), result: Ok(()) }));
        assert_eq!(client.model.processes.asked.len(), 1, "the second step is on its way");
        assert_ne!(client.model.processes.asked[0].key, first);
    }
}

#[test]
fn what_comes_late_about_a_process_that_was_left_does_not_take_the_place_of_what_is_parked_here() {
    let mut client = on_parked_mail();
    let before = client.model.processes.waiting().len();
    let nothing = Page { items: Vec::new(), next_cursor: None, total: 0 };
    client.take(Msg::Response(Response::Parked { process: "payments".into(), result: Ok(nothing) }));
    assert_eq!(client.model.processes.waiting().len(), before);
}

#[test]
fn what_is_parked_is_retried_once_and_skipped_only_after_a_yes() {
    let mut client = on_parked_mail();
    client.press("s");
    assert!(client.model.question.is_some());
    client.press("n");
    client.answer_all();
    assert!(client.backstage.steered.is_empty());
    client.press("rr");
    client.answer_all();
    let retry = ControlCommand::Retry { process: "mail".into(), sequence: STRUCK.into() };
    assert_eq!(client.backstage.steered.iter().map(|(_, command)| command).collect::<Vec<_>>(), [&retry]);
    client.press("r");
    client.answer_all();
    assert_eq!(client.backstage.steered.len(), 1, "it is tried again already");

    client.backstage.park_a_mail();
    something_happens(&mut client);
    looks_within(&mut client, 1_000);
    client.press("sy");
    client.answer_all();
    let skip = ControlCommand::Skip { process: "mail".into(), sequence: STRUCK.into() };
    assert_eq!(client.backstage.steered[1].1, skip);
    assert_eq!(client.model.processes.waiting().len(), 1, "what is tried again stays");
}

#[test]
fn the_answer_to_the_question_is_about_what_was_asked_even_if_the_list_has_moved() {
    let mut client = on_parked_mail();
    client.press("s");
    client.backstage.parked.insert(
        0,
        storefront_api::ParkedSequence {
            sequence: "0192f3a0-0000-7000-8000-0000000000aa".into(),
            ..super::backstage::a_parked_mail()
        },
    );
    something_happens(&mut client);
    looks_within(&mut client, 1_000);
    client.press("y");
    client.answer_all();
    assert_eq!(client.backstage.steered[0].1, ControlCommand::Skip { process: "mail".into(), sequence: STRUCK.into() });
}

#[test]
fn enter_leads_to_what_waits_and_to_its_order_and_escape_back_the_same_way() {
    let mut client = on_parked_mail();
    client.press("<Enter>");
    assert!(client.model.processes.inside);
    client.press("<Enter>");
    client.answer_all();
    assert_eq!(client.model.screen, Screen::Order);
    assert_eq!(client.model.order.as_ref().unwrap().id.to_string(), STRUCK);
    client.press("<Esc>");
    client.answer_all();
    assert_eq!((client.model.screen, client.model.processes.inside), (Screen::Processes, true));
    client.press("<Esc>");
    assert_eq!((client.model.screen, client.model.processes.inside), (Screen::Processes, false));
    client.press("<Esc>");
    assert_eq!(client.model.screen, Screen::Shop);
}

#[test]
fn the_id_of_what_waits_can_be_copied() {
    let mut client = on_parked_mail();
    assert!(client.press("y").contains(&Effect::Copy(STRUCK.into())));
}

#[test]
fn what_waits_is_left_when_nothing_does_any_more() {
    let mut client = on_parked_mail();
    client.press("<Enter>");
    client.backstage.parked.clear();
    *client.backstage.process("mail") = a_process("mail");
    something_happens(&mut client);
    looks_within(&mut client, 3_000);
    assert!(!client.model.processes.inside);
}

#[test]
fn a_read_model_is_rebuilt_and_followed_until_it_is_done() {
    let mut client = on_processes();
    client.press("B");
    assert!(client.asked.is_empty(), "a process cannot be rebuilt");
    client.press("G");
    client.press("BB");
    client.backstage.view("products").rebuilding = Some(Rebuilding { position: 32, head: 128 });
    client.answer_all();
    assert_eq!(client.backstage.steered.len(), 1);
    assert!(next_deadline(&client.model).is_some());
    client.backstage.view("products").rebuilding = None;
    looks_within(&mut client, 3_000);
    client.wait_ms(60_000);
    assert_eq!(next_deadline(&client.model), None);
}

#[test]
fn a_shop_that_does_not_answer_is_asked_again_when_it_is_back() {
    let mut client = Client::in_a_full_shop();
    client.press("5");
    client.fail_all();
    assert!(matches!(client.model.processes.load, Load::Failed(_)));
    client.take(Msg::Feed(Feed::Offline("gone".into())));
    client.asked.clear();
    client.take(Msg::Feed(Feed::Online));
    client.answer_all();
    assert_eq!(client.model.processes.load, Load::Ready);
}

#[test]
fn the_lag_of_the_last_looks_is_kept_for_a_while() {
    let mut client = on_processes();
    for lag in 1..=30 {
        client.backstage.process("mail").lag = lag;
        client.wait_ms(1_000);
        something_happens(&mut client);
        client.wait_ms(250);
        client.answer_all();
    }
    on_line(&mut client, "mail");
    let processes = &client.model.processes;
    let lags: Vec<u64> = processes.lags(&processes.selected().unwrap()).collect();
    assert_eq!((lags.len(), *lags.last().unwrap()), (8, 30));
}
