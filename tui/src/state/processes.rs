//! State of the screen Processes: processes, read models, what waits in the selected one, and control commands without
//! a response yet.

use std::collections::{BTreeMap, VecDeque};

use storefront_api::{
    OrderId, ParkedSequence, ParkedState, Process, ProcessState, Repeats, Retry, Timestamp, View, WaitingEvent,
};

use crate::state::{List, Load, RetryState};

/// Number of lag samples per process and read model.
const MAX_LAG_SAMPLES: usize = 8;
/// Maximum number of control commands without a response.
pub(crate) const MAX_PENDING_CONTROLS: usize = 32;

/// Titles of the processes, in the order in which an order meets them.
const SENTENCES: [(&str, &str); 16] = [
    ("checkout", "Check out orders"),
    ("reservations", "Release what is not paid in time"),
    ("payments", "Take payments"),
    ("authentications", "Ask about open authentications"),
    ("wallets", "Pay from wallets"),
    ("pending-refunds", "Ask about pending refunds"),
    ("money-alarms", "Report money that needs a look"),
    ("invoices", "Issue invoices and credit notes"),
    ("mail", "Send mail"),
    ("notices", "Tell of shipments and refunds"),
    ("vouchers", "Issue vouchers for large orders"),
    ("voucher-returns", "Give back vouchers after refunds"),
    ("open_baskets", "Reprice open baskets"),
    ("idle_baskets", "End idle baskets"),
    ("erasures", "Erase personal data"),
    ("demo_stock", "Put demo stock on the shelf"),
];

/// The title of a process: what it does, as a sentence without a full stop; an unknown name in its own words.
pub(crate) fn sentence(name: &str) -> String {
    let known = SENTENCES.iter().find(|(known, _)| *known == name);
    known.map_or_else(|| in_words(name), |(_, sentence)| (*sentence).to_owned())
}

fn in_words(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The screen Processes.
#[derive(Debug, Default)]
pub(crate) struct Processes {
    pub(crate) processes: Vec<Process>,
    pub(crate) views: Vec<View>,
    /// Repeats that changed nothing; `None` for a shop that does not report them.
    pub(crate) repeats: Option<Repeats>,
    pub(crate) load: Load,
    pub(crate) asking: bool,
    /// Something happened since the request was sent.
    pub(crate) ask_again: bool,
    /// When to fetch again, because something happened or is behind.
    pub(crate) refresh_at: Option<Timestamp>,
    /// Current fetch interval while nothing happens.
    pub(crate) pace_ms: i64,
    /// When the last fetch started.
    pub(crate) asked_at: Option<Timestamp>,
    pub(crate) list: List,
    /// Whether the focus is in the list of what waits, beside the table.
    pub(crate) inside: bool,
    pub(crate) waiting: List,
    /// The first page of parked sequences of a process.
    pub(crate) parked: Option<Parked>,
    /// Lag samples, the latest last.
    lags: BTreeMap<Target, VecDeque<u64>>,
    /// Control commands without a response, oldest first; the first has been sent.
    pub(crate) asked: VecDeque<PendingControl>,
    pub(crate) tries: RetryState,
    /// When to retry the first of them.
    pub(crate) retry_at: Option<Timestamp>,
    /// The skip command to send when the question is confirmed.
    pub(crate) to_skip: Option<ControlCommand>,
}

/// The parked sequences of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parked {
    pub(crate) process: String,
    pub(crate) items: Vec<ParkedSequence>,
    /// Total number in the shop.
    pub(crate) total: u64,
}

/// A control command with its idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PendingControl {
    pub(crate) key: String,
    pub(crate) command: ControlCommand,
}

/// A row of the table by its name. A read model may have the name of a process.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    Process(String),
    View(String),
}

impl Target {
    /// Title on screen.
    pub(crate) fn title(&self) -> String {
        match self {
            Self::Process(name) => sentence(name),
            Self::View(name) => in_words(name),
        }
    }
}

/// A control command for a process or a read model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ControlCommand {
    Pause(Target),
    Resume(Target),
    Step(Target),
    Retry { process: String, sequence: String },
    Skip { process: String, sequence: String },
    Rebuild { view: String },
}

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Row<'a> {
    Process(&'a Process),
    View(&'a View),
}

impl Row<'_> {
    pub(crate) fn target(&self) -> Target {
        match self {
            Self::Process(process) => Target::Process(process.name.clone()),
            Self::View(view) => Target::View(view.name.clone()),
        }
    }

    /// Whether it was paused at the last fetch.
    pub(crate) fn was_paused(&self) -> bool {
        match self {
            Self::Process(process) => process.state == ProcessState::Paused,
            Self::View(view) => view.paused,
        }
    }

    pub(crate) const fn lag(&self) -> u64 {
        match self {
            Self::Process(process) => process.lag,
            Self::View(view) => view.lag,
        }
    }
}

/// Something that waits in a process or read model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Waiting<'a> {
    Parked(&'a ParkedSequence),
    Retry(&'a Retry),
    Next(&'a WaitingEvent),
}

impl Waiting<'_> {
    pub(crate) fn sequence(&self) -> &str {
        match self {
            Self::Parked(parked) => &parked.sequence,
            Self::Retry(retry) => &retry.sequence,
            Self::Next(next) => &next.sequence,
        }
    }

    /// The order that it concerns, if any.
    pub(crate) fn order(&self) -> Option<OrderId> {
        self.sequence().parse().ok()
    }
}

impl Processes {
    /// Stores fetched processes and read models; returns whether anything changed.
    pub(crate) fn take(&mut self, mut processes: Vec<Process>, views: Vec<View>) -> bool {
        let place = |name: &str| SENTENCES.iter().position(|(known, _)| *known == name).unwrap_or(SENTENCES.len());
        processes.sort_by(|one, other| (place(&one.name), &one.name).cmp(&(place(&other.name), &other.name)));
        let news = self.load != Load::Ready || processes != self.processes || views != self.views;
        let chosen = self.selected().map(|row| row.target());
        self.processes = processes;
        self.views = views;
        self.load = Load::Ready;
        if let Some(place) = chosen.and_then(|target| self.rows().position(|row| row.target() == target)) {
            self.list.cursor = place;
        }
        self.list.clamp(self.len());
        if news {
            self.note_lags();
        }
        self.clamp_waiting();
        news
    }

    fn note_lags(&mut self) {
        let now: Vec<(Target, u64)> = self.rows().map(|row| (row.target(), row.lag())).collect();
        self.lags.retain(|target, _| now.iter().any(|(known, _)| known == target));
        for (target, lag) in now {
            let lags = self.lags.entry(target).or_default();
            lags.push_back(lag);
            let surplus = lags.len().saturating_sub(MAX_LAG_SAMPLES);
            lags.drain(..surplus);
        }
    }

    /// Lag samples of a row, the latest last.
    pub(crate) fn lags(&self, row: &Row) -> impl DoubleEndedIterator<Item = u64> {
        self.lags.get(&row.target()).into_iter().flatten().copied()
    }

    /// The rows of the table: processes, then read models.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.processes.iter().map(Row::Process).chain(self.views.iter().map(Row::View))
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.processes.len() + self.views.len()
    }

    pub(crate) fn selected(&self) -> Option<Row<'_>> {
        self.rows().nth(self.list.cursor)
    }

    /// The selected process; `None` when a read model is selected.
    pub(crate) fn process(&self) -> Option<&Process> {
        self.processes.get(self.list.cursor)
    }

    /// What waits in the selected row: parked sequences, retries, the next events.
    pub(crate) fn waiting(&self) -> Vec<Waiting<'_>> {
        let process = match self.selected() {
            Some(Row::Process(process)) => process,
            Some(Row::View(view)) => return view.next.iter().map(Waiting::Next).collect(),
            None => return Vec::new(),
        };
        let parked =
            self.parked.iter().filter(|parked| parked.process == process.name).flat_map(|parked| &parked.items);
        // A parked sequence that is being retried is listed as parked only.
        let retries = process.retries.iter().filter(|retry| {
            !parked.clone().any(|parked| parked.sequence == retry.sequence && parked.position == retry.position)
        });
        parked
            .clone()
            .map(Waiting::Parked)
            .chain(retries.map(Waiting::Retry))
            .chain(process.next.iter().map(Waiting::Next))
            .collect()
    }

    /// The selected one of these.
    pub(crate) fn chosen_waiting(&self) -> Option<Waiting<'_>> {
        self.waiting().get(self.waiting.cursor).copied()
    }

    /// Moves the cursor in the list that has the focus.
    pub(crate) fn step(&mut self, by: isize) {
        if self.inside {
            let len = self.waiting().len();
            self.waiting.step(by, len);
            return;
        }
        let before = self.list.cursor;
        let len = self.len();
        self.list.step(by, len);
        if self.list.cursor != before {
            self.waiting = List::default();
        }
    }

    /// Keeps the cursor within what waits; returns the focus to the table when nothing does.
    pub(crate) fn clamp_waiting(&mut self) {
        let len = self.waiting().len();
        self.waiting.clamp(len);
        self.inside = self.inside && len > 0;
    }

    /// Whether it is paused once all sent commands are done.
    pub(crate) fn is_paused(&self, row: &Row) -> bool {
        let target = row.target();
        let asked = self.asked.iter().rev().find_map(|asked| match &asked.command {
            ControlCommand::Pause(asked) if *asked == target => Some(true),
            ControlCommand::Resume(asked) if *asked == target => Some(false),
            ControlCommand::Pause(_)
            | ControlCommand::Resume(_)
            | ControlCommand::Step(_)
            | ControlCommand::Retry { .. }
            | ControlCommand::Skip { .. }
            | ControlCommand::Rebuild { .. } => None,
        });
        asked.unwrap_or_else(|| row.was_paused())
    }

    /// Whether the same command has no response yet.
    pub(crate) fn is_asked(&self, command: &ControlCommand) -> bool {
        self.asked.iter().any(|asked| asked.command == *command)
    }

    /// Whether nothing changes without new events.
    pub(crate) fn is_at_rest(&self) -> bool {
        let at_rest = |process: &Process| process.state == ProcessState::Idle && process.lag == 0;
        self.processes.iter().all(at_rest)
            && self.views.iter().all(|view| view.lag == 0 && view.rebuilding.is_none())
            && !self.is_catching_up()
    }

    /// Whether something is in progress that is worth polling until it is done.
    pub(crate) fn is_at_work(&self) -> bool {
        let at_work = |process: &Process| match process.state {
            ProcessState::Working | ProcessState::Retrying => true,
            ProcessState::Idle | ProcessState::WaitingForLease | ProcessState::Unknown => process.lag > 0,
            ProcessState::Paused => process.in_flight > 0 || process.steps > 0,
        };
        self.processes.iter().any(at_work)
            || self.views.iter().any(|view| (view.lag > 0 && !view.paused) || view.rebuilding.is_some())
            || self.is_catching_up()
    }

    /// Whether a released parked sequence has not been handled completely.
    fn is_catching_up(&self) -> bool {
        self.parked.iter().flat_map(|parked| &parked.items).any(|parked| parked.state == ParkedState::Retrying)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_without_a_sentence_of_ours_says_its_name_in_words() {
        assert_eq!(sentence("mail"), "Send mail");
        assert_eq!(sentence("count_the_sheep"), "Count the sheep");
        assert_eq!(sentence(""), "");
    }
}
