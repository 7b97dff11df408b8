//! The screen Lab: scenarios, and what can be broken on purpose. What is broken shows on every screen, so it is asked for
//! when the shop is found, when it says that a switch was thrown, after something happened (at most every five seconds: a
//! switch may have been thrown past it), and when this screen opens; a shop in which nothing happens is not asked.

pub(super) mod switches;

use storefront_api::{FaultList, Faults, LabReset, ScenarioList, ScenarioRun, ScenarioState, Stub, Timestamp};

use crate::keys::Action;
use crate::state::lab::Held;
use crate::state::lab::{Number, Side, played_by};
use crate::state::{Failure, Load, Model, Question, Screen, Steer, Target, Tone};
use crate::update::{Effect, order, processes, refuse, start_over};

pub(super) use switches::{agreed, request};

/// The least time from one look at the scenarios to the next.
const REFRESH_DELAY_MS: i64 = 250;
/// How often a scenario that is being played is looked at without any news.
const PLAYING_MS: i64 = 500;
/// How long to wait after a failure.
const RETRY_DELAY_MS: i64 = 2_000;
/// The least time from one look at the faults to the next.
const FAULTS_EVERY_MS: i64 = 5_000;

/// What the shop answers.
#[derive(Debug)]
pub(crate) enum Response {
    Scenarios(Result<ScenarioList, Failure>),
    Faults(Result<FaultList, Failure>),
    Played { name: String, result: Result<ScenarioRun, Failure> },
    Broken { stub: Stub, result: Result<Faults, Failure> },
    Reset(Result<LabReset, Failure>),
}

/// What is asked of the shop.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Request {
    FetchScenarios,
    FetchFaults,
    Play { name: String },
    Break { stub: Stub, faults: Faults },
    Reset,
}

fn errand(errand: Request) -> Vec<Effect> {
    vec![Effect::Lab(errand)]
}

/// Asks for what the screen shows.
pub(super) fn ask(model: &mut Model) -> Vec<Effect> {
    if model.shop_url.is_none() || model.screen != Screen::Lab {
        return Vec::new();
    }
    let mut effects = ask_for_scenarios(model);
    if model.lab.faults_asked_at != Some(model.now) {
        effects.extend(ask_for_faults(model));
    }
    effects
}

fn ask_for_scenarios(model: &mut Model) -> Vec<Effect> {
    let lab = &mut model.lab;
    lab.refresh_at = None;
    if lab.asking {
        lab.ask_again = true;
        return Vec::new();
    }
    lab.asking = true;
    errand(Request::FetchScenarios)
}

fn ask_for_faults(model: &mut Model) -> Vec<Effect> {
    let lab = &mut model.lab;
    lab.faults_at = None;
    if lab.asking_faults {
        lab.ask_faults_again = true;
        return Vec::new();
    }
    lab.asking_faults = true;
    lab.faults_asked_at = Some(model.now);
    errand(Request::FetchFaults)
}

/// The shop is found, or answers again: it may have a lab now, and things may be broken in it.
pub(super) fn on_return(model: &mut Model) -> Vec<Effect> {
    model.lab.disabled = None;
    (model.lab.asking, model.lab.asking_faults) = (false, false);
    if model.shop_url.is_none() { Vec::new() } else { ask_for_faults(model) }
}

/// Something happened in the shop: scenarios may have gone on, and somebody may have thrown a switch.
pub(super) fn changed(model: &mut Model) {
    if model.lab.disabled.is_some() {
        return;
    }
    if model.screen == Screen::Lab && model.lab.refresh_at.is_none() {
        model.lab.refresh_at = Some(model.in_ms(REFRESH_DELAY_MS));
    }
    if model.lab.faults_at.is_none() {
        let earliest = model.lab.faults_asked_at.map_or(0, |at| at.unix_ms() + FAULTS_EVERY_MS);
        model.lab.faults_at = Some(Timestamp::from_unix_ms(earliest.max(model.now.unix_ms())));
    }
}

/// Somebody has thrown a switch.
pub(super) fn switch_thrown(model: &mut Model) -> Vec<Effect> {
    if model.shop_url.is_none() { Vec::new() } else { ask_for_faults(model) }
}

/// When to look again.
pub(super) fn next_tick(model: &Model) -> Option<Timestamp> {
    let scenarios = model.lab.refresh_at.filter(|_| model.screen == Screen::Lab);
    let faults = model.lab.faults_at.filter(|_| model.is_live());
    scenarios.into_iter().chain(faults).min()
}

pub(super) fn on_tick(model: &mut Model) -> Vec<Effect> {
    let due = |at: Option<Timestamp>| at.is_some_and(|at| at <= model.now);
    let scenarios = due(model.lab.refresh_at) && model.screen == Screen::Lab;
    let faults = due(model.lab.faults_at) && model.is_live();
    let mut effects = if scenarios { ask_for_scenarios(model) } else { Vec::new() };
    if faults {
        effects.extend(ask_for_faults(model));
    }
    effects
}

pub(super) fn on_news(model: &mut Model, news: Response) -> Vec<Effect> {
    match news {
        Response::Scenarios(result) => on_scenarios(model, result),
        Response::Faults(result) => {
            on_faults(model, result);
            model.lab.asking_faults = false;
            if std::mem::take(&mut model.lab.ask_faults_again) { ask_for_faults(model) } else { Vec::new() }
        }
        Response::Played { name, result } => on_played(model, &name, result),
        Response::Broken { stub, result } => switches::on_broken(model, stub, result),
        Response::Reset(result) => on_reset(model, result),
    }
}

/// Whether the shop says that it has no lab.
fn is_disabled(failure: &Failure) -> bool {
    matches!(failure, Failure::Refused(problem) if problem.status == 404)
}

fn on_scenarios(model: &mut Model, result: Result<ScenarioList, Failure>) -> Vec<Effect> {
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
                tell_the_end(model, &name);
            }
            let playing = model.lab.running().is_some().then_some(PLAYING_MS);
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

/// Says how a scenario ended that was being played until now.
fn tell_the_end(model: &mut Model, name: &str) {
    let Some(scenario) = model.lab.scenarios.iter().find(|scenario| scenario.name == name) else { return };
    let Some(run) = &scenario.last_run else { return };
    let tone = match run.state {
        ScenarioState::Running => return,
        ScenarioState::Finished => Tone::Good,
        ScenarioState::Failed => Tone::Bad,
    };
    let text = run.outcome.clone().unwrap_or_else(|| format!("{} has ended", scenario.title));
    model.toast(tone, text);
}

fn on_faults(model: &mut Model, result: Result<FaultList, Failure>) {
    match result {
        Ok(list) => {
            model.lab.faults = list.items;
            let len = model.lab.rows().len();
            model.lab.switches.clamp(len);
        }
        Err(failure) if is_disabled(&failure) => model.lab.disable(&failure),
        // What was known stays; the next look may do better.
        Err(_) => {}
    }
}

/// Plays the scenario that has a key of its own.
pub(super) fn play_by_key(model: &mut Model, action: Action) -> Vec<Effect> {
    played_by(action).map(|name| play(model, name.to_owned())).unwrap_or_default()
}

/// Goes to the switches, or back to the scenarios.
pub(super) fn other_side(model: &mut Model) {
    model.lab.side = match model.lab.side {
        Side::Scenarios => Side::Switches,
        Side::Switches => Side::Scenarios,
    };
}

/// Asks whether to start the shop over.
pub(super) fn ask_to_reset(model: &mut Model) {
    if model.lab.disabled.is_none() && !model.lab.resetting {
        model.question = Some(Question::ResetShop);
    }
}

/// Enter plays the chosen scenario, throws the chosen switch, or asks for its number.
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

/// Moves the cursor of the side that has the keyboard.
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
    errand(Request::Play { name })
}

fn on_played(model: &mut Model, name: &str, result: Result<ScenarioRun, Failure>) -> Vec<Effect> {
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
            model.lab.held = Some(Held { scenario: name.to_owned(), processes, views });
            model.question = Some(Question::ResumeAndPlay);
            Vec::new()
        }
        // Whether it was begun all the same, its last run tells.
        Err(failure) => {
            refuse(model, &failure);
            ask(model)
        }
    }
}

/// Lets everything go on that the scenario needs and plays it then, or leaves it.
pub(super) fn resume_and_play(model: &mut Model, yes: bool) -> Vec<Effect> {
    let Some(Held { scenario, processes, views }) = model.lab.held.take() else { return Vec::new() };
    if !yes {
        return Vec::new();
    }
    model.lab.play_next = Some(scenario);
    let targets = processes.into_iter().map(Target::Process).chain(views.into_iter().map(Target::View));
    targets.flat_map(|target| processes::send(model, Steer::Resume(target))).collect()
}

/// Everything that was asked of the processes is answered: plays what waited for that.
pub(super) fn play_what_waited(model: &mut Model) -> Vec<Effect> {
    match model.lab.play_next.take() {
        Some(name) => play(model, name),
        None => Vec::new(),
    }
}

/// Opens the orders of the chosen scenario, one after another.
pub(super) fn open_order(model: &mut Model) -> Vec<Effect> {
    let orders = model.lab.run().map(|run| run.orders.clone()).unwrap_or_default();
    let Some(id) = orders.get(model.lab.opened % orders.len().max(1)).copied() else {
        model.toast(Tone::Plain, "Play the scenario first; then this opens its order.");
        return Vec::new();
    };
    model.lab.opened = (model.lab.opened + 1) % orders.len();
    order::open(model, id)
}

/// Starts the shop over, or leaves it.
pub(super) fn reset(model: &mut Model, yes: bool) -> Vec<Effect> {
    if !yes || model.lab.resetting {
        return Vec::new();
    }
    model.lab.resetting = true;
    errand(Request::Reset)
}

fn on_reset(model: &mut Model, result: Result<LabReset, Failure>) -> Vec<Effect> {
    model.lab.resetting = false;
    match result {
        Ok(LabReset { kept_as }) => {
            let said = match kept_as {
                Some(name) => format!("The shop is as on its first day; the old log is kept as {name}"),
                None => "The shop is as on its first day; the old log was in memory and is gone".to_owned(),
            };
            model.toast(Tone::Good, said);
            start_over::start_over(model)
        }
        Err(failure) => {
            refuse(model, &failure);
            ask(model)
        }
    }
}
