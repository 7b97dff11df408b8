//! The screen Processes: processes, read models, and what waits in them.
//!
//! Fetches only while it is open: after events, and while something is behind, less and less often as long as nothing
//! changes. An idle shop is not polled.

use storefront_api::{Page, ParkedQuery, ParkedSequence, ParkedState, ProcessList, Repeats, ViewList};

use crate::keys::Action;
use crate::state::{
    ControlCommand, Failure, Load, MAX_PENDING_CONTROLS, Model, Parked, PendingControl, Question, RetryState, Row,
    Screen, Target, Tone, Waiting, process_sentence,
};
use crate::update::{Effect, Request, backoff_ms, lab, new_key, order, refuse};

/// Delay after events before the next fetch, to gather changes.
const REFRESH_DELAY_MS: i64 = 100;
/// Minimum time between two fetches, unless a person did something.
const MIN_FETCH_INTERVAL_MS: i64 = 250;
/// Maximum time between two fetches while something is in progress.
const MAX_FETCH_INTERVAL_MS: i64 = 2_000;
/// Maximum number of parked sequences that are fetched.
const MAX_PARKED_SHOWN: u32 = 50;

/// Fetches everything that the screen shows.
pub(super) fn fetch(model: &mut Model) -> Vec<Effect> {
    if model.shop_url.is_none() || !model.shows(Screen::Processes) {
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
    let mut effects = vec![Effect::Request(Request::Processes)];
    effects.extend(fetch_parked(model));
    effects
}

/// Fetches what is parked in the selected process, where something is or was.
fn fetch_parked(model: &Model) -> Vec<Effect> {
    let processes = &model.processes;
    let Some(process) = processes.process() else { return Vec::new() };
    let known = processes.parked.as_ref().is_some_and(|parked| parked.process == process.name && parked.total > 0);
    if process.parked == 0 && !known {
        return Vec::new();
    }
    let query = ParkedQuery { limit: Some(MAX_PARKED_SHOWN), ..ParkedQuery::default() };
    vec![Effect::Request(Request::Parked { process: process.name.clone(), query })]
}

pub(super) fn on_fetched(
    model: &mut Model,
    result: Result<(ProcessList, ViewList, Option<Repeats>), Failure>,
) -> Vec<Effect> {
    let live = model.is_live();
    let processes = &mut model.processes;
    processes.asking = false;
    let again = std::mem::take(&mut processes.ask_again);
    match result {
        Ok((list, views, repeats)) => {
            processes.repeats = repeats;
            let before = processes.process().map_or(0, |process| process.parked);
            let news = processes.take(list.items, views.items);
            processes.pace_ms = if news || again { MIN_FETCH_INTERVAL_MS } else { processes.pace_ms.saturating_mul(2) };
            let after = processes.process().map_or(0, |process| process.parked);
            if again {
                model.processes.refresh_at = Some(model.in_ms(MIN_FETCH_INTERVAL_MS));
            } else {
                schedule_fetch(model);
            }
            if before == after { Vec::new() } else { fetch_parked(model) }
        }
        Err(failure) => {
            if processes.len() == 0 {
                processes.load = Load::Failed(failure);
            }
            // While the shop is unreachable, its return triggers the next fetch.
            model.processes.refresh_at = live.then(|| model.in_ms(MAX_FETCH_INTERVAL_MS));
            Vec::new()
        }
    }
}

/// Schedules the next fetch, if something may change without events: work in progress, or a paused line that has not
/// read everything yet.
fn schedule_fetch(model: &mut Model) {
    let processes = &mut model.processes;
    let worth =
        if processes.pace_ms <= MAX_FETCH_INTERVAL_MS { !processes.is_at_rest() } else { processes.is_at_work() };
    processes.pace_ms = processes.pace_ms.min(2 * MAX_FETCH_INTERVAL_MS);
    let pace_ms = processes.pace_ms.min(MAX_FETCH_INTERVAL_MS);
    model.processes.refresh_at = worth.then(|| model.in_ms(pace_ms));
}

pub(super) fn on_parked(
    model: &mut Model,
    process: String,
    result: Result<Page<ParkedSequence>, Failure>,
) -> Vec<Effect> {
    // A failure changes nothing; the next fetch tries again.
    let Ok(page) = result else { return Vec::new() };
    let processes = &mut model.processes;
    if processes.process().is_none_or(|chosen| chosen.name != process) {
        return Vec::new();
    }
    // Without the focus here, the first line is selected.
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
        schedule_fetch(model);
    }
    Vec::new()
}

/// Schedules a fetch after events, while the screen is open.
pub(super) fn changed(model: &mut Model) {
    if !model.shows(Screen::Processes) {
        return;
    }
    let earliest = model.processes.asked_at.map_or(0, |at| at.unix_ms() + MIN_FETCH_INTERVAL_MS);
    let delay_ms = REFRESH_DELAY_MS.max(earliest.saturating_sub(model.now.unix_ms()));
    let soon = model.in_ms(delay_ms.min(MIN_FETCH_INTERVAL_MS));
    let processes = &mut model.processes;
    processes.pace_ms = MIN_FETCH_INTERVAL_MS;
    if processes.refresh_at.is_none_or(|at| at > soon) {
        processes.refresh_at = Some(soon);
    }
}

/// The next time at which something is due.
pub(super) fn next_tick(model: &Model) -> Option<storefront_api::Timestamp> {
    let look = model.processes.refresh_at.filter(|_| model.shows(Screen::Processes));
    look.into_iter().chain(model.processes.retry_at).min()
}

pub(super) fn on_tick(model: &mut Model) -> Vec<Effect> {
    let due = |at: Option<storefront_api::Timestamp>| at.is_some_and(|at| at <= model.now);
    let (look, send) = (due(model.processes.refresh_at), due(model.processes.retry_at));
    let mut effects = if look { fetch(model) } else { Vec::new() };
    if send {
        model.processes.retry_at = None;
        effects.extend(send_first(model));
    }
    effects
}

/// The shop is back: a pending command is sent again.
pub(super) fn on_reconnect(model: &mut Model) -> Vec<Effect> {
    let processes = &mut model.processes;
    processes.asking = false;
    if processes.retry_at.take().is_some() { send_first(model) } else { Vec::new() }
}

/// Moves the cursor.
pub(super) fn step(model: &mut Model, by: isize) -> Vec<Effect> {
    let before = model.processes.list.cursor;
    model.processes.step(by);
    if model.processes.list.cursor == before { Vec::new() } else { fetch_parked(model) }
}

/// Moves the focus from the table to what waits; from there, opens the order.
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

/// Returns the focus to the table; returns whether it was elsewhere.
pub(super) fn leave(model: &mut Model) -> bool {
    std::mem::take(&mut model.processes.inside)
}

/// Pauses or resumes the selected row.
pub(super) fn pause(model: &mut Model) -> Vec<Effect> {
    let Some(row) = model.processes.selected() else { return Vec::new() };
    let paused = model.processes.is_paused(&row);
    let command = if paused { ControlCommand::Resume(row.target()) } else { ControlCommand::Pause(row.target()) };
    send(model, command)
}

/// Lets the selected paused row handle one event.
pub(super) fn step_on(model: &mut Model) -> Vec<Effect> {
    let Some(row) = model.processes.selected() else { return Vec::new() };
    if model.processes.is_paused(&row) {
        let command = ControlCommand::Step(row.target());
        return send(model, command);
    }
    let key = model.key(Action::Pause);
    model.toast(Tone::Plain, format!("It runs by itself. {key} pauses it, then it can be stepped."));
    Vec::new()
}

/// Rebuilds the selected read model.
pub(super) fn rebuild(model: &mut Model) -> Vec<Effect> {
    match model.processes.selected() {
        Some(Row::View(view)) => {
            let command = ControlCommand::Rebuild { view: view.name.clone() };
            send_once(model, command)
        }
        Some(Row::Process(_)) => {
            model.toast(Tone::Plain, "Only a read model can be rebuilt; the processes stand above them.");
            Vec::new()
        }
        None => Vec::new(),
    }
}

/// Retries the selected parked sequence.
pub(super) fn retry(model: &mut Model) -> Vec<Effect> {
    match parked(model) {
        Some((process, sequence)) => send_once(model, ControlCommand::Retry { process, sequence }),
        None => Vec::new(),
    }
}

/// Opens the question whether to skip the event that the selected sequence is parked at.
pub(super) fn ask_to_skip(model: &mut Model) {
    if let Some((process, sequence)) = parked(model) {
        model.processes.to_skip = Some(ControlCommand::Skip { process, sequence });
        model.question = Some(Question::SkipParked);
    }
}

/// Skips that event, if the answer is yes.
pub(super) fn skip(model: &mut Model, yes: bool) -> Vec<Effect> {
    match model.processes.to_skip.take() {
        Some(command) if yes => send_once(model, command),
        Some(_) | None => Vec::new(),
    }
}

/// The selected sequence, if it is parked; shows why not otherwise.
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

/// As [`send`], but not while the same command has no response.
fn send_once(model: &mut Model, command: ControlCommand) -> Vec<Effect> {
    if model.processes.is_asked(&command) { Vec::new() } else { send(model, command) }
}

/// Queues a control command behind the ones before it.
pub(super) fn send(model: &mut Model, command: ControlCommand) -> Vec<Effect> {
    if model.processes.asked.len() >= MAX_PENDING_CONTROLS {
        model.toast(Tone::Bad, "The shop has not answered what was asked before. Wait a moment.");
        return Vec::new();
    }
    let key = new_key(model);
    model.processes.asked.push_back(PendingControl { key, command });
    if model.processes.asked.len() == 1 { send_first(model) } else { Vec::new() }
}

fn send_first(model: &Model) -> Vec<Effect> {
    let first = model.processes.asked.front().cloned();
    first
        .map(|PendingControl { key, command }| Effect::Request(Request::Control { key, command }))
        .into_iter()
        .collect()
}

pub(super) fn on_controlled(model: &mut Model, key: &str, result: Result<(), Failure>) -> Vec<Effect> {
    let Some(PendingControl { command, .. }) = model.processes.asked.front().filter(|asked| asked.key == key).cloned()
    else {
        return Vec::new();
    };
    // A step of a read model has no idempotency key: sent again, it could handle two events.
    let safe = !matches!(command, ControlCommand::Step(Target::View(_)));
    if let Err(failure) = &result
        && safe
        && model.processes.tries.should_retry(failure)
    {
        let seed = (model.new_id)().as_u128();
        let delay_ms = backoff_ms(model.processes.tries.previous_attempts(), seed);
        model.processes.retry_at = Some(model.in_ms(delay_ms));
        return Vec::new();
    }
    model.processes.asked.pop_front();
    model.processes.tries = RetryState::default();
    model.processes.pace_ms = MIN_FETCH_INTERVAL_MS;
    match result {
        Ok(()) => {
            if let Some(text) = success_text(&command) {
                model.toast(Tone::Good, text);
            }
        }
        Err(Failure::Refused(problem)) if problem.code == "nothing_to_step" => {
            model.toast(Tone::Plain, "Nothing is waiting: a step is not kept for later.");
        }
        Err(failure) => {
            // The scenario that waited for this would not progress.
            model.lab.play_next = None;
            refuse(model, &failure);
        }
    }
    let mut effects = send_first(model);
    if model.processes.asked.is_empty() {
        effects.extend(lab::play_what_waited(model));
    }
    effects.extend(fetch(model));
    effects
}

/// The toast for a command whose effect is not visible by itself.
fn success_text(command: &ControlCommand) -> Option<String> {
    match command {
        ControlCommand::Pause(Target::Process(name)) => {
            Some(format!("“{}” is paused; it finishes what it has begun", process_sentence(name)))
        }
        ControlCommand::Pause(Target::View(name)) => {
            Some(format!("The read model {name} is paused; lists show what it had taken in"))
        }
        ControlCommand::Resume(target) => Some(format!("“{}” goes on by itself", target.title())),
        ControlCommand::Step(_) => None,
        ControlCommand::Retry { .. } => Some("It is tried again".to_owned()),
        ControlCommand::Skip { .. } => Some("The event is dropped; what waited behind it goes on".to_owned()),
        ControlCommand::Rebuild { view } => {
            Some(format!("The read model {view} is being rebuilt beside the present one"))
        }
    }
}
