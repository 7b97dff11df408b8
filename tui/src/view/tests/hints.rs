//! The hint bar: it has no key that does nothing, and none is missing.

use storefront_api::{Faults, ScenarioState, Stub};

use super::{
    CONFIRMATION_LINK, asked_by_the_bank, at_the_checkout, backstage::in_the_lab, confirmed, draw, lines,
    with_a_full_basket,
};
use crate::keys::Action;
use crate::state::Model;
use crate::update::Effect;
use crate::update::tests::backstage::Backstage;
use crate::update::tests::laboratory::a_run;
use crate::update::tests::world::Client;

/// What the bar offers, but for what works everywhere.
fn offered(model: &Model) -> Vec<Action> {
    let bindings = model.keys.bindings(model.context());
    let shown = bindings.filter(|binding| !binding.hint.is_empty() && !binding.keys.is_empty());
    let actions = shown.map(|binding| binding.action).filter(|action| model.is_available(*action));
    // Cause and effect stay in their place while the cursor moves: where there is none, they say so.
    let still = [Action::Help, Action::Close, Action::GoToCause, Action::GoToEffect];
    actions.filter(|action| !still.contains(action)).collect()
}

/// The model as text, without its toasts.
fn without_toasts(client: &mut Client) -> String {
    client.model.toasts.clear();
    format!("{:?}", client.model)
}

fn does_something(scene: &dyn Fn() -> Client, action: Action) -> bool {
    let mut client = scene();
    let before = without_toasts(&mut client);
    let binding = client.model.keys.bindings(client.model.context()).find(|binding| binding.action == action).cloned();
    let effects = client.key(binding.unwrap().keys[0]);
    effects.iter().any(|effect| !matches!(effect, Effect::Keep(_))) || without_toasts(&mut client) != before
}

fn at(client: Client, keys: &str) -> Client {
    let mut client = client;
    for key in keys.split(' ') {
        client.press(key);
        client.answer_all();
    }
    client
}

fn behind(change: fn(&mut Backstage), keys: &str) -> Client {
    let mut client = Client::in_a_full_shop();
    change(&mut client.backstage);
    at(client, keys)
}

fn with_a_run(state: ScenarioState) -> Client {
    let mut client = in_the_lab();
    client.laboratory.set_run("happy-path", a_run("happy-path", state, 1));
    client.laboratory.break_there(Stub::Cards, Faults { decline: true, ..Faults::default() });
    client.take(crate::update::Msg::Feed(crate::update::Feed::Online));
    at(client, "6")
}

#[test]
fn no_key_in_the_hint_bar_does_nothing() {
    let scenes: [(&str, &dyn Fn() -> Client); 33] = [
        ("before anything arrived", &Client::new),
        ("shop", &Client::in_a_full_shop),
        ("shop and basket", &with_a_full_basket),
        ("empty basket", &|| at(Client::in_a_full_shop(), "2")),
        ("basket", &|| at(with_a_full_basket(), "2")),
        ("checkout", &at_the_checkout),
        ("progress", &confirmed),
        ("asked by the bank", &asked_by_the_bank),
        ("no orders", &|| at(Client::in_a_full_shop(), "3")),
        ("orders", &|| at(confirmed(), "3")),
        ("order", &|| at(confirmed(), "3 <Enter>")),
        ("bought order", &Client::at_a_bought_order),
        ("scrubber", &|| at(Client::at_a_bought_order(), "v v v k")),
        ("open basket", &|| at(with_a_full_basket(), "3 <Enter>")),
        ("empty log", &|| at(Client::in_a_full_shop(), "4")),
        ("log", &|| at(confirmed(), "4")),
        ("processes", &|| behind(|_| {}, "5")),
        ("held process", &|| behind(Backstage::hold_the_checkout, "5")),
        ("inside a held process", &|| behind(Backstage::hold_the_checkout, "5 <Enter>")),
        ("parked", &|| behind(Backstage::park_a_mail, "5 j j")),
        ("inside what is parked", &|| behind(Backstage::park_a_mail, "5 j j <Enter>")),
        ("tried again", &|| behind(Backstage::park_a_mail, "5 j j <Enter> j")),
        ("read model", &|| behind(|_| {}, "5 G")),
        ("no lab", &|| at(Client::in_a_full_shop(), "6")),
        ("lab", &in_the_lab),
        ("switches", &|| at(in_the_lab(), "l")),
        ("playing", &|| with_a_run(ScenarioState::Running)),
        ("played", &|| with_a_run(ScenarioState::Finished)),
        ("stock", &|| at(confirmed(), "7")),
        ("products", &|| at(confirmed(), "7 l")),
        ("orders at the counter", &|| at(confirmed(), "7 l l f f f")),
        ("guest", &Client::at_the_account),
        ("wallet", &Client::with_a_wallet),
    ];
    for (name, scene) in scenes {
        let model = scene().model;
        for action in offered(&model) {
            assert!(does_something(scene, action), "{name}: {action:?} is offered and does nothing");
        }
    }
}

#[test]
fn no_key_of_an_account_or_a_paper_does_nothing() {
    for parts in 0..5 {
        for (empty, keys) in [(false, ""), (true, ""), (false, "<Enter>")] {
            let scene = || {
                let customer = if empty { at(Client::at_the_account(), "<Enter>") } else { Client::with_a_wallet() };
                at(at(customer, &"l ".repeat(parts)), keys)
            };
            for action in offered(&scene().model) {
                assert!(does_something(&scene, action), "part {parts} {empty} {keys}: {action:?} does nothing");
            }
        }
    }
}

#[test]
fn the_bar_offers_what_the_moment_allows_and_calls_it_by_what_it_does() {
    let bar = |client: &Client| lines(&draw(&client.model)).pop().unwrap();
    let parked = behind(Backstage::park_a_mail, "5 j j");
    assert_eq!(bar(&parked).trim(), "Space pause  Enter look inside  r retry  s skip  ? help  q quit");
    let held = behind(Backstage::hold_the_checkout, "5");
    assert_eq!(bar(&held).trim(), "Space go on  n step  Enter look inside  ? help  q quit");
    let calm = behind(|_| {}, "5");
    assert_eq!(bar(&calm).trim(), "Space pause  ? help  q quit");
    assert_eq!(bar(&at(in_the_lab(), "l")).trim(), "→ other side  Space switch  ? help  q quit");
    let played = with_a_run(ScenarioState::Finished);
    assert_eq!(bar(&played).trim(), "Enter play  f its order  → other side  0 mend all  ? help  q quit");
}

#[test]
fn while_the_bank_asks_a_key_copies_the_link_and_the_bar_offers_it() {
    let bar = |client: &Client| lines(&draw(&client.model)).pop().unwrap().trim().to_owned();
    let mut client = asked_by_the_bank();
    assert_eq!(bar(&client), "Enter see order  Esc shop on  y copy link  ? help  q close");
    assert_eq!(client.press("y"), [Effect::Copy(CONFIRMATION_LINK.to_owned())]);
    let mut answered = confirmed();
    assert!(!bar(&answered).contains("copy"), "{}", bar(&answered));
    assert!(answered.press("y").iter().all(|effect| *effect != Effect::Copy(CONFIRMATION_LINK.to_owned())));
}
