//! The screen Lab: scenarios and fault switches. Every screen shows active faults, so they are fetched when the shop is
//! found, when it reports a changed switch, after events (at most every five seconds, because a stub's switch may have
//! been changed directly), and when this screen opens. An idle shop is not polled.

pub(super) mod switches;

use storefront_api::{FaultList, LabReset, ScenarioList, ScenarioRun, ScenarioState, Timestamp};

use crate::keys::Action;
use crate::state::lab::BlockedScenario;
use crate::state::lab::{Number, Side, played_by};
use crate::state::{ControlCommand, Failure, Load, Model, Question, Screen, Target, Tone};
use crate::update::{Effect, Request, order, processes, refuse, start_over};

pub(super) use switches::{accepted, on_broken, request};

/// Delay before the scenarios are fetched again, to gather changes.
const REFRESH_DELAY_MS: i64 = 250;
/// Poll interval while a scenario is running, without events.
const SCENARIO_POLL_MS: i64 = 500;
/// Delay before a retry after a failure.
const RETRY_DELAY_MS: i64 = 2_000;
/// Minimum time between two fetches of the faults.
const MIN_FAULTS_INTERVAL_MS: i64 = 5_000;

/// Fetches what the screen shows.
pub(super) fn fetch(model: &mut Model) -> Vec<Effect> {
    if model.shop_url.is_none() || model.screen != Screen::Lab {
        return Vec::new();
    }
    let mut effects = fetch_scenarios(model);
    if model.lab.faults_asked_at != Some(model.now) {
        effects.extend(fetch_faults(model));
    }
    effects
}

fn fetch_scenarios(model: &mut Model) -> Vec<Effect> {
    let lab = &mut model.lab;
    lab.refresh_at = None;
    if lab.asking {
        lab.ask_again = true;
        return Vec::new();
    }
    lab.asking = true;
    vec![Effect::Request(Request::Scenarios)]
}

fn fetch_faults(model: &mut Model) -> Vec<Effect> {
    let lab = &mut model.lab;
    lab.faults_at = None;
    if lab.asking_faults {
        lab.ask_faults_again = true;
        return Vec::new();
    }
    lab.asking_faults = true;
    lab.faults_asked_at = Some(model.now);
    vec![Effect::Request(Request::Faults)]
}

/// The shop is found or back: it may have a lab now, with active faults.
pub(super) fn on_reconnect(model: &mut Model) -> Vec<Effect> {
    model.lab.disabled = None;
    (model.lab.asking, model.lab.asking_faults) = (false, false);
    if model.shop_url.is_none() { Vec::new() } else { fetch_faults(model) }
}

/// Schedules fetches after events: scenarios may have progressed, and a switch may have been changed.
pub(super) fn changed(model: &mut Model) {
    if model.lab.disabled.is_some() {
        return;
    }
    if model.screen == Screen::Lab && model.lab.refresh_at.is_none() {
        model.lab.refresh_at = Some(model.in_ms(REFRESH_DELAY_MS));
    }
    if model.lab.faults_at.is_none() {
        let earliest = model.lab.faults_asked_at.map_or(0, |at| at.unix_ms() + MIN_FAULTS_INTERVAL_MS);
        model.lab.faults_at = Some(Timestamp::from_unix_ms(earliest.max(model.now.unix_ms())));
    }
}

/// A fault switch was changed.
pub(super) fn switch_thrown(model: &mut Model) -> Vec<Effect> {
    if model.shop_url.is_none() { Vec::new() } else { fetch_faults(model) }
}

/// The next time at which something is due.
pub(super) fn next_tick(model: &Model) -> Option<Timestamp> {
    let scenarios = model.lab.refresh_at.filter(|_| model.screen == Screen::Lab);
    let faults = model.lab.faults_at.filter(|_| model.is_live());
    scenarios.into_iter().chain(faults).min()
}

pub(super) fn on_tick(model: &mut Model) -> Vec<Effect> {
    let due = |at: Option<Timestamp>| at.is_some_and(|at| at <= model.now);
    let scenarios = due(model.lab.refresh_at) && model.screen == Screen::Lab;
    let faults = due(model.lab.faults_at) && model.is_live();
    let mut effects = if scenarios { fetch_scenarios(model) } else { Vec::new() };
    if faults {
        effects.extend(fetch_faults(model));
    }
    effects
}

/// Whether the failure says that the shop has no lab.
fn is_disabled(failure: &Failure) -> bool {
    matches!(failure, Failure::Refused(problem) if problem.status == 404)
}

pub(super) fn on_scenarios(model: &mut Model, result: Result<ScenarioList, Failure>) -> Vec<Effect> {
    model.lab.asking = false;
    let again = std::mem::take(&mut model.lab.ask_again);
    match result {
        Ok(list) => {
            let lab = &mut model.lab;
            let running = lab.running().map(|scenario| scenario.name.clone());
            let chosen = lab.selected().map(|scenario| scenario.name.clone());
            lab.scenarios = list.items;
            lab.load = Load::Ready;
            lab.disabled = None;
            let place = |name: String| lab.scenarios.iter().position(|scenario| scenario.name == name);
            if let Some(place) = chosen.and_then(place) {
                lab.list.cursor = place;
            }
            lab.list.clamp(lab.scenarios.len());
            if let Some(name) = running {
                announce_end(model, &name);
            }
            let playing = model.lab.running().is_some().then_some(SCENARIO_POLL_MS);
            let delay_ms = if again { Some(REFRESH_DELAY_MS) } else { playing };
            model.lab.refresh_at = delay_ms.map(|ms| model.in_ms(ms));
        }
        Err(failure) if is_disabled(&failure) => model.lab.disable(&failure),
        Err(failure) => {
            if model.lab.scenarios.is_empty() {
                model.lab.load = Load::Failed(failure);
            }
            model.lab.refresh_at = model.is_live().then(|| model.in_ms(RETRY_DELAY_MS));
        }
    }
    Vec::new()
}

/// Shows a toast with the end of a scenario that was running.
fn announce_end(model: &mut Model, name: &str) {
    let Some(scenario) = model.lab.scenarios.iter().find(|scenario| scenario.name == name) else { return };
    let Some(run) = &scenario.last_run else { return };
    let tone = match run.state {
        ScenarioState::Running | ScenarioState::Unknown => return,
        ScenarioState::Finished => Tone::Good,
        ScenarioState::Failed => Tone::Bad,
    };
    let text = run.outcome.clone().unwrap_or_else(|| format!("{} has ended", scenario.title));
    model.toast(tone, text);
}

pub(super) fn on_faults(model: &mut Model, result: Result<FaultList, Failure>) -> Vec<Effect> {
    match result {
        Ok(list) => {
            model.lab.faults = list.items;
            let len = model.lab.rows().len();
            model.lab.switches.clamp(len);
        }
        Err(failure) if is_disabled(&failure) => model.lab.disable(&failure),
        // The known faults stay until the next fetch.
        Err(_) => {}
    }
    model.lab.asking_faults = false;
    if std::mem::take(&mut model.lab.ask_faults_again) { fetch_faults(model) } else { Vec::new() }
}

/// Plays the scenario of an action.
pub(super) fn play_by_key(model: &mut Model, action: Action) -> Vec<Effect> {
    played_by(action).map(|name| play(model, name.to_owned())).unwrap_or_default()
}

/// Focuses the other half of the screen.
pub(super) fn other_side(model: &mut Model) {
    model.lab.side = match model.lab.side {
        Side::Scenarios => Side::Switches,
        Side::Switches => Side::Scenarios,
    };
}

/// Opens the question whether to start the shop over.
pub(super) fn ask_to_reset(model: &mut Model) {
    if model.lab.disabled.is_none() && !model.lab.resetting {
        model.question = Some(Question::ResetShop);
    }
}

/// Handles Enter: plays the selected scenario, toggles the selected switch, or asks for its number.
pub(super) fn enter(model: &mut Model) -> Vec<Effect> {
    match model.lab.side {
        Side::Scenarios => match model.lab.selected().map(|scenario| scenario.name.clone()) {
            Some(name) => play(model, name),
            None => Vec::new(),
        },
        Side::Switches => match switches::chosen(model) {
            Some((stub, switch, faults)) if switch.is_number() => {
                switches::ask_for_number(model, Number { stub, switch }, faults);
                Vec::new()
            }
            Some((stub, switch, faults)) => switches::break_there(model, stub, switch.toggled(&faults)),
            None => Vec::new(),
        },
    }
}

/// Moves the cursor of the focused half.
pub(super) fn step(model: &mut Model, by: isize) {
    let lab = &mut model.lab;
    match lab.side {
        Side::Scenarios => {
            let before = lab.list.cursor;
            lab.list.step(by, lab.scenarios.len());
            if lab.list.cursor != before {
                lab.opened = 0;
            }
        }
        Side::Switches => {
            let len = lab.rows().len();
            lab.switches.step(by, len);
        }
    }
}

fn play(model: &mut Model, name: String) -> Vec<Effect> {
    let lab = &mut model.lab;
    let Some(place) = lab.scenarios.iter().position(|scenario| scenario.name == name) else {
        if lab.disabled.is_none() && lab.load == Load::Ready {
            model.toast(Tone::Plain, "This shop does not know that scenario.");
        }
        return Vec::new();
    };
    lab.side = Side::Scenarios;
    lab.list.cursor = place;
    lab.opened = 0;
    if lab.starting.is_some() {
        return Vec::new();
    }
    if let Some(running) = lab.running() {
        let said = format!("“{}” is being played; one at a time.", running.title);
        model.toast(Tone::Plain, said);
        return Vec::new();
    }
    lab.starting = Some(name.clone());
    vec![Effect::Request(Request::Play { name })]
}

pub(super) fn on_played(model: &mut Model, name: &str, result: Result<ScenarioRun, Failure>) -> Vec<Effect> {
    if model.lab.starting.as_deref() == Some(name) {
        model.lab.starting = None;
    }
    match result {
        Ok(run) => {
            let known = model.lab.scenarios.iter_mut().find(|scenario| scenario.name == name);
            if let Some(scenario) = known {
                scenario.last_run = Some(run);
            }
            model.lab.refresh_at = Some(model.in_ms(REFRESH_DELAY_MS));
            Vec::new()
        }
        Err(Failure::Refused(problem)) if problem.code == "scenario_paused" => {
            let (processes, views) = (problem.paused_processes, problem.paused_views);
            model.lab.held = Some(BlockedScenario { scenario: name.to_owned(), processes, views });
            model.question = Some(Question::ResumeAndPlay);
            Vec::new()
        }
        // The scenario may have started all the same; its last run shows that.
        Err(failure) => {
            refuse(model, &failure);
            fetch(model)
        }
    }
}

/// Resumes everything that the scenario needs and then plays it, if the answer is yes.
pub(super) fn resume_and_play(model: &mut Model, yes: bool) -> Vec<Effect> {
    let Some(BlockedScenario { scenario, processes, views }) = model.lab.held.take() else { return Vec::new() };
    if !yes {
        return Vec::new();
    }
    model.lab.play_next = Some(scenario);
    let targets = processes.into_iter().map(Target::Process).chain(views.into_iter().map(Target::View));
    targets.flat_map(|target| processes::send(model, ControlCommand::Resume(target))).collect()
}

/// Plays the scenario that waited for the control commands, all of which have responses now.
pub(super) fn play_what_waited(model: &mut Model) -> Vec<Effect> {
    match model.lab.play_next.take() {
        Some(name) => play(model, name),
        None => Vec::new(),
    }
}

/// Opens the orders of the selected scenario, one after another.
pub(super) fn open_order(model: &mut Model) -> Vec<Effect> {
    let orders = model.lab.run().map(|run| run.orders.clone()).unwrap_or_default();
    let Some(id) = orders.get(model.lab.opened % orders.len().max(1)).copied() else {
        model.toast(Tone::Plain, "Play the scenario first; then this opens its order.");
        return Vec::new();
    };
    model.lab.opened = (model.lab.opened + 1) % orders.len();
    order::open(model, id)
}

/// Starts the shop over, if the answer is yes.
pub(super) fn reset(model: &mut Model, yes: bool) -> Vec<Effect> {
    if !yes || model.lab.resetting {
        return Vec::new();
    }
    model.lab.resetting = true;
    vec![Effect::Request(Request::Reset)]
}

pub(super) fn on_reset(model: &mut Model, result: Result<LabReset, Failure>) -> Vec<Effect> {
    // Otherwise the new log was seen before, and everything is started over already.
    let is_first = std::mem::take(&mut model.lab.resetting);
    match result {
        Ok(LabReset { kept_as }) => {
            let said = match kept_as {
                Some(name) => format!("The shop is as on its first day; the old log is kept as {name}"),
                None => "The shop is as on its first day; the old log was in memory and is gone".to_owned(),
            };
            model.toast(Tone::Good, said);
            if is_first { start_over::start_over(model) } else { Vec::new() }
        }
        Err(failure) => {
            refuse(model, &failure);
            fetch(model)
        }
    }
}
