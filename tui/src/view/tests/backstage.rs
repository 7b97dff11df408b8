//! What the screens Processes and Lab look like, and what every screen shows of what is broken on purpose.

use storefront_api::{
    Faults, LeftOut, Paused, PausedView, Rebuilding, Repeat, RepeatKind, Repeats, ScenarioState, Stub, Timestamp,
    WebhookCounts,
};

use super::{draw_in, lines, looks_like, with_a_full_basket};
use crate::preferences::ThemeName;
use crate::state::Question;
use crate::update::tests::backstage::Backstage;
use crate::update::tests::laboratory::a_run;
use crate::update::tests::world::{Client, START};
use crate::update::{Feed, Msg};
use crate::view::theme::Depth;

fn at_the_processes(change: impl FnOnce(&mut Backstage)) -> Client {
    let mut client = Client::in_a_full_shop();
    change(&mut client.backstage);
    client.press("5");
    client.answer_all();
    client
}

#[test]
fn the_processes() {
    looks_like("processes", &at_the_processes(|_| {}));
}

#[test]
fn the_processes_before_anything_has_arrived() {
    let mut client = Client::in_a_full_shop();
    client.press("5");
    looks_like("processes_opening", &client);
}

#[test]
fn the_processes_when_they_do_not_arrive() {
    let mut client = Client::in_a_full_shop();
    client.press("5");
    client.fail_all();
    looks_like("processes_failed", &client);
}

#[test]
fn a_process_with_something_parked() {
    let mut client = at_the_processes(Backstage::park_a_mail);
    client.press("jj");
    client.answer_all();
    client.press("<Enter>");
    looks_like("processes_parked", &client);
}

#[test]
fn a_paused_process_with_what_it_holds_back() {
    let mut client = at_the_processes(Backstage::hold_the_checkout);
    for lag in [4, 9, 2] {
        client.backstage.process("checkout").lag = lag;
        client.backstage.view("orders").lag = lag;
        client.press("5");
        client.answer_all();
    }
    looks_like("processes_paused", &client);
}

#[test]
fn a_read_model_that_is_rebuilt() {
    let mut client = at_the_processes(|backstage| {
        backstage.view("orders").rebuilding = Some(Rebuilding { position: 48, head: 128 });
        let products = backstage.view("products");
        products.left_out = 2;
        products.last_left_out = Some(LeftOut { position: 77, why: "product.changed does not fit".into() });
    });
    client.press("jjjj");
    looks_like("processes_rebuilding", &client);
    client.press("j");
    looks_like("processes_left_out", &client);
}

#[test]
fn dropping_an_event_is_asked_first() {
    let mut client = at_the_processes(Backstage::park_a_mail);
    client.press("jj");
    client.answer_all();
    client.press("s");
    looks_like("processes_skip", &client);
}

pub(super) fn in_the_lab() -> Client {
    let mut client = Client::in_a_shop_with_a_lab();
    client.press("6");
    client.answer_all();
    client
}

#[test]
fn the_lab() {
    looks_like("lab", &in_the_lab());
}

#[test]
fn a_scenario_that_is_being_played() {
    let mut client = in_the_lab();
    client.press("c");
    client.answer_all();
    looks_like("lab_playing", &client);
}

#[test]
fn a_scenario_that_was_played_and_things_that_are_broken() {
    let mut client = in_the_lab();
    client.laboratory.set_run("mail-down", a_run("mail-down", ScenarioState::Failed, 1));
    let race = "two-shoppers-race-for-one-unit";
    client.laboratory.set_run(race, a_run(race, ScenarioState::Finished, 2));
    client.press("6jjj");
    client.answer_all();
    looks_like("lab_played", &client);
    client.press("l jjjj j+");
    client.answer_all();
    looks_like("lab_broken", &client);
    client.press("2");
    client.answer_all();
    looks_like("broken_elsewhere", &client);
}

#[test]
fn what_is_broken_stays_in_sight_however_little_room_there_is() {
    let mut client = with_a_full_basket();
    let everything = Faults { error_rate: 0.5, latency_ms: 60_000, outage: true, ..Faults::default() };
    client.laboratory.enabled = true;
    for stub in Stub::ALL {
        client.laboratory.break_there(stub, everything);
    }
    client.take(Msg::Feed(Feed::Online));
    client.answer_all();
    for screen in 1..=8 {
        client.press(&screen.to_string());
        client.answer_all();
        for width in 40..=200 {
            let header = lines(&draw_in(&client.model, (width, 24), ThemeName::Dark, Depth::True)).remove(0);
            assert!(header.contains('⚡') && header.contains('●') && !header.contains('…'), "{header}");
            assert!(header.contains(client.model.tab().name()), "{header}");
        }
    }
}

#[test]
fn a_lab_that_is_not_there() {
    let mut client = Client::in_a_full_shop();
    client.press("6");
    client.answer_all();
    looks_like("lab_disabled", &client);
}

#[test]
fn the_lab_before_it_has_arrived_and_when_it_does_not() {
    let mut client = Client::in_a_shop_with_a_lab();
    client.press("6");
    looks_like("lab_opening", &client);
    client.fail_all();
    looks_like("lab_failed", &client);
}

#[test]
fn starting_over_is_asked_first() {
    let mut client = in_the_lab();
    client.press("R");
    looks_like("lab_reset", &client);
}

fn with_pauses(client: &mut Client, processes: &[&str], views: &[(&str, u64)]) {
    let views = views.iter().map(|(name, position)| PausedView { name: (*name).into(), position: *position });
    let processes = processes.iter().map(ToString::to_string).collect();
    client.model.paused = Paused { mark: "x".into(), processes, views: views.collect() };
}

#[test]
fn what_is_paused_stays_in_sight_on_every_screen_however_little_room_there_is() {
    let mut client = in_the_lab();
    with_pauses(&mut client, &["payments", "mail"], &[("orders", 120)]);
    for keys in ["1", "2", "3", "4", "5", "6", "7", "8"] {
        client.press(keys);
        client.answer_all();
        for (size, told) in [((40, 12), "‖"), ((80, 24), "‖"), ((200, 60), "‖ payments, mail, list orders")] {
            let header = lines(&draw_in(&client.model, size, ThemeName::Dark, Depth::True))[0].clone();
            assert!(header.contains(told), "{keys} at {size:?}: {header}");
        }
    }
    // Beside what is broken, neither hides the other.
    client.laboratory.break_there(Stub::Cards, Faults { decline: true, ..Faults::default() });
    client.take(Msg::Feed(Feed::SwitchThrown));
    client.answer_all();
    for size in [(40, 12), (80, 24), (120, 40), (200, 60)] {
        let header = lines(&draw_in(&client.model, size, ThemeName::Dark, Depth::True))[0].clone();
        assert!(header.contains('⚡') && header.contains('‖'), "{size:?}: {header}");
    }
}

#[test]
fn a_list_that_stands_still_says_where() {
    let mut client = Client::in_a_full_shop();
    with_pauses(&mut client, &[], &[("orders", 120), ("products", 7)]);
    let line_about = |client: &Client, size| {
        let shown = lines(&draw_in(&client.model, size, ThemeName::Dark, Depth::True));
        shown.into_iter().find(|line| line.contains("aused at") && line.contains("the log is at"))
    };
    client.press("3");
    client.model.log.last_position = 131;
    for size in [(40, 12), (80, 24), (120, 40)] {
        let line = line_about(&client, size).unwrap_or_else(|| panic!("{size:?}"));
        assert!(line.contains("120") && line.contains("131") && !line.contains('…'), "{size:?}: {line}");
    }
    let line = line_about(&client, (80, 24)).unwrap();
    assert!(line.contains("paused at position 120; the log is at 131."), "{line}");
    client.press("1");
    assert!(line_about(&client, (80, 24)).unwrap().contains("position 7;"));
    client.press("4");
    assert_eq!(line_about(&client, (80, 24)), None, "the log is always current");
}

#[test]
fn that_the_shop_was_started_over_shows_on_every_screen() {
    let mut client = Client::in_a_full_shop();
    client.take(Msg::Feed(Feed::StartedOver));
    client.take(Msg::Feed(Feed::Loaded { events: Vec::new() }));
    client.answer_all();
    for keys in ["1", "2", "3", "4", "5", "6", "7", "8"] {
        client.press(keys);
        client.answer_all();
        for size in [(40, 12), (80, 24)] {
            let shown = lines(&draw_in(&client.model, size, ThemeName::Dark, Depth::True));
            assert!(shown.iter().any(|line| line.contains("The shop was started over")), "{keys}: {shown:#?}");
        }
    }
}

#[test]
fn what_came_again_stands_where_nothing_waits() {
    let mut client = at_the_processes(|backstage| {
        let repeat = |kind, about: &str| Repeat {
            at: Timestamp::from_unix_ms(START),
            kind,
            about: about.into(),
            correlation_id: None,
            stream: None,
            expected_version: Some(3),
            actual_version: Some(4),
            position: None,
        };
        backstage.repeats = Some(Repeats {
            webhooks: WebhookCounts { received: 5, applied: 2, repeated: 3, ..WebhookCounts::default() },
            retried_appends: 1,
            replayed_answers: 0,
            recent: vec![
                repeat(RepeatKind::AppendRetried, "stock-enamel-mug"),
                repeat(RepeatKind::WebhookRepeated, "the payment succeeded"),
            ],
        });
    });
    client.answer_all();
    looks_like("processes_repeats", &client);
}

#[test]
fn a_scenario_under_a_pause_asks_whether_to_resume() {
    let mut client = in_the_lab();
    client.model.lab.held = Some(crate::state::lab::BlockedScenario {
        scenario: "happy-path".into(),
        processes: vec!["payments".into(), "mail".into()],
        views: vec!["stock".into()],
    });
    client.model.question = Some(Question::ResumeAndPlay);
    looks_like("lab_paused", &client);
}
