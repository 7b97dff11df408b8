//! The screen Processes: processes and read models, and what waits in them.

use storefront_api::{ParkedState, Process, ProcessState, View};

use super::page::Page;
use super::words::{count, listed, short_id};
use crate::keys::Action;
use crate::state::{Model, Processes, Row, Waiting, process_sentence};
use crate::view::when;

pub(super) fn page(model: &Model) -> Page {
    let processes = &model.processes;
    if processes.inside {
        return inside(model);
    }
    let mut page = Page::new("processes", "Processes and read models.");
    if !page.loaded(&processes.load, "The processes") {
        return page;
    }
    let paused = processes.rows().filter(Row::was_paused).count();
    let parked: u64 = processes.processes.iter().map(|process| process.parked).sum();
    let parts = [(paused, "paused"), (usize::try_from(parked).unwrap_or(usize::MAX), "parked")];
    let told = listed(parts.into_iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")));
    page.say("summary", if told.is_empty() { "Everything runs by itself.".to_owned() } else { format!("{told}.") });
    for row in processes.rows() {
        let (key, text) = (format!("row {:?}", row.target()), row_text(processes, &row));
        page.report(key, text);
    }
    if let Some(row) = processes.selected() {
        let waiting = processes.waiting().len();
        let waiting = if waiting > 0 { format!("{waiting} waiting") } else { String::new() };
        page.select(processes.list.cursor, processes.len(), listed([row_text(processes, &row), waiting]));
    }
    let [pause, step, enter] = [Action::Pause, Action::NextEvent, Action::Detail].map(|action| model.key(action));
    page.open_with(
        "keys",
        format!("{pause} pauses or resumes, {step} lets one event go, {enter} looks at what waits."),
    );
    page
}

fn row_text(processes: &Processes, row: &Row) -> String {
    match row {
        Row::Process(process) => {
            format!("{}: {}", process_sentence(&process.name), process_state(processes, process))
        }
        Row::View(view) => format!("List {}: {}", view.name, view_state(processes, view)),
    }
}

/// The state without what changes with every event: whether it works just now, and how far it is behind.
fn process_state(processes: &Processes, process: &Process) -> String {
    let word = match (process.state, processes.is_paused(&Row::Process(process))) {
        (ProcessState::Paused, false) => "resuming".to_owned(),
        (ProcessState::Paused, true) if process.unfinished > 0 => format!("paused, {} wait", process.unfinished),
        (_, true) => "paused".to_owned(),
        (ProcessState::Idle | ProcessState::Working, false) => "running".to_owned(),
        (ProcessState::Retrying, false) => format!("retrying {}", process.retrying),
        (ProcessState::WaitingForLease, false) => "on another server".to_owned(),
        (ProcessState::Unknown, false) => "in an unknown state".to_owned(),
    };
    let parked = if process.parked > 0 { format!("{} parked", process.parked) } else { String::new() };
    listed([word, parked])
}

fn view_state(processes: &Processes, view: &View) -> String {
    let word = match (&view.rebuilding, processes.is_paused(&Row::View(view))) {
        (Some(_), _) => "rebuilding".to_owned(),
        (None, true) => format!("paused at position {}", view.position),
        (None, false) => "running".to_owned(),
    };
    let left_out = if view.left_out > 0 { format!("{} left out", view.left_out) } else { String::new() };
    listed([word, left_out])
}

fn inside(model: &Model) -> Page {
    let processes = &model.processes;
    let name = processes.selected().map(|row| row.target().title()).unwrap_or_default();
    let mut page = Page::new(format!("waiting {name}"), format!("What waits in {name}."));
    let waiting = processes.waiting();
    page.say("summary", count(waiting.len(), "event waits.", "events wait."));
    if let Some(chosen) = processes.chosen_waiting() {
        page.select(processes.waiting.cursor, waiting.len(), waiting_text(model, &chosen));
    }
    page
}

fn waiting_text(model: &Model, waiting: &Waiting) -> String {
    let about = short_id(waiting.sequence());
    match waiting {
        Waiting::Parked(parked) => {
            let [retry, skip] = [Action::RetryParked, Action::SkipParked].map(|action| model.key(action));
            let state = match parked.state {
                ParkedState::Parked => format!("Parked. {retry} tries it again, {skip} drops it for good"),
                ParkedState::Retrying => "It is being tried again".to_owned(),
            };
            let tried = count(usize::try_from(parked.attempts).unwrap_or(usize::MAX), "attempt", "attempts");
            let behind =
                if parked.waiting > 0 { format!("{} wait behind it. ", parked.waiting) } else { String::new() };
            format!("{} at {} for {about}. {tried}: {}. {behind}{state}.", parked.kind, parked.position, parked.error)
        }
        Waiting::Retry(retry) => {
            let next = retry
                .next_attempt_at
                .map_or("now or in its turn".to_owned(), |at| format!("at {}", when::time_of_day(at, &model.zone)));
            format!("{} at {} for {about} failed: {}. Tried again {next}.", retry.kind, retry.position, retry.error)
        }
        Waiting::Next(next) => format!("{} at {} for {about} is held back.", next.kind, next.position),
    }
}
