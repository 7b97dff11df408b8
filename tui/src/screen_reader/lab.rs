//! The screen Lab: scenarios with what they tell, and the switches.

use storefront_api::{Scenario, ScenarioState};

use super::page::Page;
use super::words::listed;
use crate::keys::Action;
use crate::state::Model;
use crate::state::lab::{Side, player_of};

pub(super) fn page(model: &Model) -> Page {
    let lab = &model.lab;
    let (id, title) = match lab.side {
        Side::Scenarios => ("lab scenarios", "Lab: scenarios."),
        Side::Switches => ("lab switches", "Lab: switches."),
    };
    let mut page = Page::new(id, title);
    if let Some(why) = &lab.disabled {
        page.say("load", format!("No lab here: {why}"));
        return page;
    }
    if !page.loaded(&lab.load, "The lab") {
        return page;
    }
    if lab.resetting {
        page.say("reset", "Starting the shop over.");
    }
    for scenario in &lab.scenarios {
        report(model, scenario, &mut page);
    }
    match lab.side {
        Side::Scenarios => scenarios(model, &mut page),
        Side::Switches => switches(model, &mut page),
    }
    page
}

/// What a scenario tells while it plays, and how it ends.
fn report(model: &Model, scenario: &Scenario, page: &mut Page) {
    let name = &scenario.name;
    if model.lab.starting.as_ref() == Some(name) {
        page.report(format!("starting {name}"), format!("{} begins.", scenario.title));
    }
    let Some(run) = &scenario.last_run else { return };
    let started_ms = run.started_at.unix_ms();
    for (place, step) in run.steps.iter().enumerate() {
        page.report(format!("step {name} {started_ms} {place}"), step.text.clone());
    }
    // A notice may tell the outcome in the same words; it is said once then.
    if run.state != ScenarioState::Running {
        page.report(format!("end {name} {started_ms}"), run.outcome.as_deref().unwrap_or("It has ended."));
    }
}

fn scenarios(model: &Model, page: &mut Page) {
    let lab = &model.lab;
    let Some(scenario) = lab.selected() else { return };
    let key = player_of(&scenario.name).map(|action| format!("key {}", model.key(action))).unwrap_or_default();
    let state = match scenario.last_run.as_ref().map(|run| run.state) {
        None => "not played yet",
        Some(ScenarioState::Running) => "playing",
        Some(ScenarioState::Finished) => "played",
        Some(ScenarioState::Failed) => "failed",
        Some(ScenarioState::Unknown) => "in an unknown state",
    };
    page.select(lab.list.cursor, lab.scenarios.len(), listed([scenario.title.as_str(), &key, state]));
    page.say("story", scenario.story.clone());
    let [play, other] = [Action::Play, Action::OtherSide].map(|action| model.key(action));
    page.open_with("keys", format!("{play} plays it, {other} goes to the switches."));
}

fn switches(model: &Model, page: &mut Page) {
    let lab = &model.lab;
    let rows = lab.rows();
    let Some((stub, switch)) = rows.get(lab.switches.cursor) else { return };
    let value = lab.faults_of(*stub).and_then(|faults| switch.value(&faults)).unwrap_or_else(|| "off".to_owned());
    let text = format!("{}, {}: {value}.", stub.name(), switch.name());
    page.select(lab.switches.cursor, rows.len(), text);
    page.say("meaning", switch.meaning());
    let [toggle, other] = [Action::Toggle, Action::OtherSide].map(|action| model.key(action));
    page.open_with("keys", format!("{toggle} throws it, {other} goes to the scenarios."));
}
