//! The screen Processes: what the shop does by itself, how far each process and view is, and what waits.
//!
//! It looks while it is open only: when something happens, and while something is behind, less and less often as long as
//! nothing changes. A shop at rest is not asked.

use storefront_api::{Page, ParkedQuery, ParkedSequence, ParkedState, ProcessList, Repeats, ViewList};

use crate::keys::Action;
use crate::state::{
    ASKED_LIMIT, Asked, Failure, Load, Model, Parked, Question, RetryState, Row, Screen, Steer, Target, Tone, Waiting,
    process_sentence,
};
use crate::update::{Effect, backoff_ms, lab, new_key, order, refuse};

/// How long to gather news before looking again.
const REFRESH_DELAY_MS: i64 = 100;
/// The least time from one look to the next, unless a person did something.
const QUICKEST_MS: i64 = 250;
/// The most, while something goes on.
const SLOWEST_MS: i64 = 2_000;
/// How many parked sequences are fetched.
const PARKED_SHOWN: u32 = 50;

/// What the shop answers.
#[derive(Debug)]
pub(crate) enum Response {
    Looked(Result<(ProcessList, ViewList, Option<Repeats>), Failure>),
    Parked { process: String, result: Result<Page<ParkedSequence>, Failure> },
    Steered { key: String, result: Result<(), Failure> },
}

/// What is asked of the shop.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Request {
    Look,
    FetchParked { process: String, query: ParkedQuery },
    Steer { key: String, steer: Steer },
}

/// Looks at everything that the screen shows.
pub(super) fn ask(model: &mut Model) -> Vec<Effect> {
    if model.shop_url.is_none() || model.screen != Screen::Processes {
        return Vec::new();
    }
    let now = model.now;
    let processes = &mut model.processes;
    processes.refresh_at = None;
    if processes.asking {
        processes.ask_again = true;
        return Vec::new();
    }
    processes.asking = true;
    processes.asked_at = Some(now);
    let mut effects = vec![Effect::Processes(Request::Look)];
    effects.extend(ask_for_parked(model));
    effects
}

/// Looks at what is parked in the chosen process, where something is or was.
fn ask_for_parked(model: &Model) -> Vec<Effect> {
    let processes = &model.processes;
    let Some(process) = processes.process() else { return Vec::new() };
    let known = processes.parked.as_ref().is_some_and(|parked| parked.process == process.name && parked.total > 0);
    if process.parked == 0 && !known {
        return Vec::new();
    }
    let query = ParkedQuery { limit: Some(PARKED_SHOWN), ..ParkedQuery::default() };
    vec![Effect::Processes(Request::FetchParked { process: process.name.clone(), query })]
}

pub(super) fn on_news(model: &mut Model, news: Response) -> Vec<Effect> {
    match news {
        Response::Looked(result) => on_look(model, result),
        Response::Parked { process, result } => {
            on_parked(model, process, result);
            Vec::new()
        }
        Response::Steered { key, result } => on_steered(model, &key, result),
    }
}

fn on_look(model: &mut Model, result: Result<(ProcessList, ViewList, Option<Repeats>), Failure>) -> Vec<Effect> {
    let live = model.is_live();
    let processes = &mut model.processes;
    processes.asking = false;
    let again = std::mem::take(&mut processes.ask_again);
    match result {
        Ok((list, views, repeats)) => {
            processes.repeats = repeats;
            let before = processes.process().map_or(0, |process| process.parked);
            let news = processes.take(list.items, views.items);
            processes.pace_ms = if news || again { QUICKEST_MS } else { processes.pace_ms.saturating_mul(2) };
            let after = processes.process().map_or(0, |process| process.parked);
            if again {
                model.processes.refresh_at = Some(model.in_ms(QUICKEST_MS));
            } else {
                look_later(model);
            }
            if before == after { Vec::new() } else { ask_for_parked(model) }
        }
        Err(failure) => {
            if processes.len() == 0 {
                processes.load = Load::Failed(failure);
            }
            // While the shop is gone, its return brings the next look.
            model.processes.refresh_at = live.then(|| model.in_ms(SLOWEST_MS));
            Vec::new()
        }
    }
}

/// Looks again after a while, if there may be something to see without any news: what is at work changes, and what is
/// paused may not have read all yet.
fn look_later(model: &mut Model) {
    let processes = &mut model.processes;
    let worth = if processes.pace_ms <= SLOWEST_MS { !processes.is_at_rest() } else { processes.is_at_work() };
    processes.pace_ms = processes.pace_ms.min(2 * SLOWEST_MS);
    let pace_ms = processes.pace_ms.min(SLOWEST_MS);
    model.processes.refresh_at = worth.then(|| model.in_ms(pace_ms));
}

fn on_parked(model: &mut Model, process: String, result: Result<Page<ParkedSequence>, Failure>) {
    // A failure changes nothing; the next look asks again.
    let Ok(page) = result else { return };
    let processes = &mut model.processes;
    if processes.process().is_none_or(|chosen| chosen.name != process) {
        return;
    }
    // Until somebody has chosen a line of these, the first is meant.
    let inside = processes.inside;
    let chosen = processes.chosen_waiting().filter(|_| inside).map(|waiting| waiting.sequence().to_owned());
    processes.parked = Some(Parked { process, items: page.items, total: page.total });
    let place =
        chosen.and_then(|sequence| processes.waiting().iter().position(|waiting| waiting.sequence() == sequence));
    if let Some(place) = place {
        processes.waiting.cursor = place;
    }
    processes.clamp_waiting();
    if processes.refresh_at.is_none() && !processes.asking {
        look_later(model);
    }
}

/// Something happened: look again soon, if anybody is looking.
pub(super) fn changed(model: &mut Model) {
    if model.screen != Screen::Processes {
        return;
    }
    let earliest = model.processes.asked_at.map_or(0, |at| at.unix_ms() + QUICKEST_MS);
    let delay_ms = REFRESH_DELAY_MS.max(earliest.saturating_sub(model.now.unix_ms()));
    let soon = model.in_ms(delay_ms.min(QUICKEST_MS));
    let processes = &mut model.processes;
    processes.pace_ms = QUICKEST_MS;
    if processes.refresh_at.is_none_or(|at| at > soon) {
        processes.refresh_at = Some(soon);
    }
}

/// When to look or to send again.
pub(super) fn next_tick(model: &Model) -> Option<storefront_api::Timestamp> {
    let look = model.processes.refresh_at.filter(|_| model.screen == Screen::Processes);
    look.into_iter().chain(model.processes.retry_at).min()
}

pub(super) fn on_tick(model: &mut Model) -> Vec<Effect> {
    let due = |at: Option<storefront_api::Timestamp>| at.is_some_and(|at| at <= model.now);
    let (look, send) = (due(model.processes.refresh_at), due(model.processes.retry_at));
    let mut effects = if look { ask(model) } else { Vec::new() };
    if send {
        model.processes.retry_at = None;
        effects.extend(send_first(model));
    }
    effects
}

/// What was sent to a shop that went away is sent again, and what was asked of it is asked anew.
pub(super) fn on_return(model: &mut Model) -> Vec<Effect> {
    let processes = &mut model.processes;
    processes.asking = false;
    if processes.retry_at.take().is_some() { send_first(model) } else { Vec::new() }
}

/// Moves the cursor.
pub(super) fn step(model: &mut Model, by: isize) -> Vec<Effect> {
    let before = model.processes.list.cursor;
    model.processes.step(by);
    if model.processes.list.cursor == before { Vec::new() } else { ask_for_parked(model) }
}

/// Goes from the table to what waits; from there to the order.
pub(super) fn open(model: &mut Model) -> Vec<Effect> {
    let processes = &mut model.processes;
    if !processes.inside {
        if processes.waiting().is_empty() {
            let said = match processes.selected() {
                Some(Row::Process(_)) => "Nothing waits here: no event is parked, tried again or held back.",
                Some(Row::View(_)) => "Nothing is held back here.",
                None => return Vec::new(),
            };
            model.toast(Tone::Plain, said);
        } else {
            processes.inside = true;
        }
        return Vec::new();
    }
    let Some(waiting) = processes.chosen_waiting() else { return Vec::new() };
    let Some(id) = waiting.order() else {
        let said = format!("This is about {}, which is no order.", waiting.sequence());
        model.toast(Tone::Plain, said);
        return Vec::new();
    };
    order::open(model, id)
}

/// Leaves what waits for the table; tells whether there was anything to leave.
pub(super) fn leave(model: &mut Model) -> bool {
    std::mem::take(&mut model.processes.inside)
}

/// Pauses the chosen line, or lets it go on.
pub(super) fn pause(model: &mut Model) -> Vec<Effect> {
    let Some(row) = model.processes.selected() else { return Vec::new() };
    let paused = model.processes.is_paused(&row);
    let steer = if paused { Steer::Resume(row.target()) } else { Steer::Pause(row.target()) };
    send(model, steer)
}

/// Lets the chosen line begin one event.
pub(super) fn step_on(model: &mut Model) -> Vec<Effect> {
    let Some(row) = model.processes.selected() else { return Vec::new() };
    if model.processes.is_paused(&row) {
        let steer = Steer::Step(row.target());
        return send(model, steer);
    }
    let key = model.key(Action::Pause);
    model.toast(Tone::Plain, format!("It runs by itself. {key} pauses it, then it can be stepped."));
    Vec::new()
}

/// Has the chosen read model built anew.
pub(super) fn rebuild(model: &mut Model) -> Vec<Effect> {
    match model.processes.selected() {
        Some(Row::View(view)) => {
            let steer = Steer::Rebuild { view: view.name.clone() };
            send_once(model, steer)
        }
        Some(Row::Process(_)) => {
            model.toast(Tone::Plain, "Only a read model can be rebuilt; the processes stand above them.");
            Vec::new()
        }
        None => Vec::new(),
    }
}

/// Has the chosen parked sequence tried again.
pub(super) fn retry(model: &mut Model) -> Vec<Effect> {
    match parked(model) {
        Some((process, sequence)) => send_once(model, Steer::Retry { process, sequence }),
        None => Vec::new(),
    }
}

/// Asks whether the event at which the chosen sequence stands is to be dropped.
pub(super) fn ask_to_skip(model: &mut Model) {
    if let Some((process, sequence)) = parked(model) {
        model.processes.doomed = Some(Steer::Skip { process, sequence });
        model.question = Some(Question::SkipParked);
    }
}

/// Drops that event, or leaves it.
pub(super) fn skip(model: &mut Model, yes: bool) -> Vec<Effect> {
    match model.processes.doomed.take() {
        Some(steer) if yes => send_once(model, steer),
        Some(_) | None => Vec::new(),
    }
}

/// The chosen sequence, if it is parked; else says so.
fn parked(model: &mut Model) -> Option<(String, String)> {
    let process = model.processes.process().map(|process| process.name.clone());
    let said = match (process, model.processes.chosen_waiting()) {
        (Some(process), Some(Waiting::Parked(parked))) if parked.state == ParkedState::Parked => {
            return Some((process, parked.sequence.clone()));
        }
        (_, Some(Waiting::Parked(_) | Waiting::Retry(_))) => "This is being tried again already.",
        (_, Some(Waiting::Next(_))) => "This waits for its turn; a step begins it.",
        (_, None) => "Nothing is parked here.",
    };
    model.toast(Tone::Plain, said);
    None
}

/// As [`send`], but not while the same is on its way.
fn send_once(model: &mut Model, steer: Steer) -> Vec<Effect> {
    if model.processes.is_asked(&steer) { Vec::new() } else { send(model, steer) }
}

/// Asks something of the shop, after what was asked before it.
pub(super) fn send(model: &mut Model, steer: Steer) -> Vec<Effect> {
    if model.processes.asked.len() >= ASKED_LIMIT {
        model.toast(Tone::Bad, "The shop has not answered what was asked before. Wait a moment.");
        return Vec::new();
    }
    let key = new_key(model);
    model.processes.asked.push_back(Asked { key, steer });
    if model.processes.asked.len() == 1 { send_first(model) } else { Vec::new() }
}

fn send_first(model: &Model) -> Vec<Effect> {
    let first = model.processes.asked.front().cloned();
    first.map(|Asked { key, steer }| Effect::Processes(Request::Steer { key, steer })).into_iter().collect()
}

fn on_steered(model: &mut Model, key: &str, result: Result<(), Failure>) -> Vec<Effect> {
    let Some(Asked { steer, .. }) = model.processes.asked.front().filter(|asked| asked.key == key).cloned() else {
        return Vec::new();
    };
    // A step of a read model has no key: sent again, it might take in two events.
    let safe = !matches!(steer, Steer::Step(Target::View(_)));
    if let Err(failure) = &result
        && safe
        && model.processes.tries.go_on_after(failure)
    {
        let seed = (model.new_id)().as_u128();
        let delay_ms = backoff_ms(model.processes.tries.before(), seed);
        model.processes.retry_at = Some(model.in_ms(delay_ms));
        return Vec::new();
    }
    model.processes.asked.pop_front();
    model.processes.tries = RetryState::default();
    model.processes.pace_ms = QUICKEST_MS;
    match result {
        Ok(()) => {
            if let Some(text) = done(&steer) {
                model.toast(Tone::Good, text);
            }
        }
        Err(Failure::Refused(problem)) if problem.code == "nothing_to_step" => {
            model.toast(Tone::Plain, "Nothing is waiting: a step is not kept for later.");
        }
        Err(failure) => {
            // What was to be played when this goes on would stand still.
            model.lab.play_next = None;
            refuse(model, &failure);
        }
    }
    let mut effects = send_first(model);
    if model.processes.asked.is_empty() {
        effects.extend(lab::play_what_waited(model));
    }
    effects.extend(ask(model));
    effects
}

/// What to say when something was done that does not show by itself.
fn done(steer: &Steer) -> Option<String> {
    match steer {
        Steer::Pause(Target::Process(name)) => {
            Some(format!("“{}” is paused; it finishes what it has begun", process_sentence(name)))
        }
        Steer::Pause(Target::View(name)) => {
            Some(format!("The read model {name} is paused; lists show what it had taken in"))
        }
        Steer::Resume(target) => Some(format!("“{}” goes on by itself", target.title())),
        Steer::Step(_) => None,
        Steer::Retry { .. } => Some("It is tried again".to_owned()),
        Steer::Skip { .. } => Some("The event is dropped; what waited behind it goes on".to_owned()),
        Steer::Rebuild { view } => Some(format!("The read model {view} is being rebuilt beside the present one")),
    }
}
