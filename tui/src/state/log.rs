//! State of the screen Log: the latest events, oldest first, with filter and cursor.

use std::collections::{HashMap, VecDeque};

use serde_json::Value;
use storefront_api::{Event, OrderNumber};
use tui_input::Input;

use crate::state::{List, nearest};

/// Maximum number of events that are kept.
pub(crate) const MAX_LOG_EVENTS: usize = 10_000;

/// The screen Log.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) events: VecDeque<Event>,
    /// Position of the last known event.
    pub(crate) last_position: u64,
    /// Whether the first events have arrived.
    pub(crate) loaded: bool,
    /// Indexes of the events that pass the filter; only while there is one.
    matches: Option<Vec<usize>>,
    pub(crate) list: List,
    /// Whether the list is paused.
    pub(crate) paused: bool,
    /// Number of events that arrived while it was paused.
    pub(crate) missed: usize,
    pub(crate) filter: Input,
    /// The words of the last filter, by which matches are found once it is off.
    sought: Vec<String>,
    pub(crate) typing: bool,
    pub(crate) detail: bool,
    /// Number of lines of the event's data that are scrolled past.
    pub(crate) detail_scroll: usize,
    /// Known order ids by order number.
    numbers: HashMap<String, String>,
    /// The order number that was looked up last for the filter.
    pub(crate) asked_for: Option<OrderNumber>,
}

impl Log {
    /// Number of lines.
    pub(crate) fn len(&self) -> usize {
        self.matches.as_ref().map_or(self.events.len(), Vec::len)
    }

    /// The event of a line.
    pub(crate) fn line(&self, line: usize) -> Option<&Event> {
        match &self.matches {
            Some(matches) => self.events.get(*matches.get(line)?),
            None => self.events.get(line),
        }
    }

    pub(crate) fn selected(&self) -> Option<&Event> {
        self.line(self.list.cursor)
    }

    /// Clears the events: the log is another one, or has a gap.
    pub(crate) fn reset(&mut self) {
        self.events.clear();
        self.last_position = 0;
        self.loaded = false;
        self.missed = 0;
        self.filter_again();
    }

    /// Appends events after the last; known ones are ignored.
    pub(crate) fn append(&mut self, events: Vec<Event>) {
        self.loaded = true;
        let mut fresh = 0;
        for event in events.into_iter().filter(|event| event.position > self.last_position).collect::<Vec<_>>() {
            self.last_position = event.position;
            if let Some(number) = event.data.get("number").and_then(Value::as_str)
                && event.kind == "order.confirmed"
            {
                self.remember_number(number, &event.correlation_id);
            }
            if self.passes(&event) {
                fresh += 1;
                if let Some(matches) = &mut self.matches {
                    matches.push(self.events.len());
                }
            }
            self.events.push_back(event);
        }
        self.drop_oldest();
        if self.paused {
            self.missed += fresh;
            self.list.clamp(self.len());
        } else {
            self.list.cursor = self.len().saturating_sub(1);
        }
    }

    /// Moves the cursor; moving up pauses the list, reaching the end resumes it.
    pub(crate) fn step(&mut self, by: isize) {
        self.list.step(by, self.len());
        self.detail_scroll = 0;
        self.paused = self.list.cursor + 1 < self.len();
        if !self.paused {
            self.missed = 0;
        }
    }

    /// Selects the event at a position, if it is listed.
    pub(crate) fn select(&mut self, position: u64) {
        if let Some(line) =
            (0..self.len()).find(|line| self.line(*line).is_some_and(|event| event.position == position))
        {
            self.list.cursor = line;
            self.step(0);
        }
    }

    /// Pauses the list, or resumes it at its end.
    pub(crate) fn pause(&mut self) {
        if self.paused {
            self.step(isize::MAX / 2);
        } else {
            self.paused = true;
        }
    }

    /// Applies the filter to all kept events.
    pub(crate) fn filter_again(&mut self) {
        let words = self.words();
        if !words.is_empty() {
            self.sought.clone_from(&words);
        }
        self.matches = (!words.is_empty()).then(|| {
            self.events.iter().enumerate().filter(|(_, event)| matches(event, &words)).map(|(at, _)| at).collect()
        });
        self.paused = false;
        self.missed = 0;
        self.list.cursor = self.len().saturating_sub(1);
    }

    /// Selects the next or previous event that passed the last filter. Returns whether there is one; `None` without a
    /// filter.
    pub(crate) fn go_to_match(&mut self, by: isize) -> Option<bool> {
        if self.sought.is_empty() {
            return None;
        }
        let is = |line: usize| self.line(line).is_some_and(|event| matches(event, &self.sought));
        let found = nearest(self.list.cursor, self.len(), by, is);
        if let Some(line) = found {
            self.list.cursor = line;
            self.step(0);
        }
        Some(found.is_some())
    }

    /// Stores the order id of an order number.
    pub(crate) fn remember_number(&mut self, number: &str, order_id: &str) {
        if self.numbers.len() < MAX_LOG_EVENTS {
            self.numbers.insert(number.to_owned(), order_id.to_owned());
        }
    }

    /// The unknown order number in the filter, which the shop must be asked for; returned once.
    pub(crate) fn unknown_number(&mut self) -> Option<OrderNumber> {
        let typed = self.filter.value().split_whitespace().filter_map(|word| word.split_once(':'));
        let number =
            typed.filter(|(name, _)| *name == "order").find_map(|(_, text)| text.parse::<OrderNumber>().ok())?;
        let asked = self.asked_for == Some(number) || self.numbers.contains_key(&number.to_string());
        if asked {
            return None;
        }
        self.asked_for = Some(number);
        Some(number)
    }

    /// The words of the filter, with known order numbers replaced by their ids.
    fn words(&self) -> Vec<String> {
        let word = |word: &str| {
            let number = word.strip_prefix("order:").and_then(|text| text.parse::<OrderNumber>().ok());
            let id = number.and_then(|number| self.numbers.get(&number.to_string()));
            id.map_or_else(|| word.to_lowercase(), |id| format!("order:{id}"))
        };
        self.filter.value().split_whitespace().map(word).collect()
    }

    fn passes(&self, event: &Event) -> bool {
        self.matches.is_none() || matches(event, &self.words())
    }

    fn drop_oldest(&mut self) {
        let surplus = self.events.len().saturating_sub(MAX_LOG_EVENTS);
        if surplus == 0 {
            return;
        }
        self.events.drain(..surplus);
        let gone = match &mut self.matches {
            Some(matches) => {
                let gone = matches.partition_point(|at| *at < surplus);
                matches.drain(..gone);
                matches.iter_mut().for_each(|at| *at -= surplus);
                gone
            }
            None => surplus,
        };
        self.list.cursor = self.list.cursor.saturating_sub(gone);
    }
}

/// Whether every word occurs in the type, the stream, the actor, the correlation id or the data; after `type:`,
/// `stream:` or `order:`, in that field alone.
pub(super) fn matches(event: &Event, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let head = format!("{} {} {} {}", event.kind, event.stream, event.actor, event.correlation_id).to_lowercase();
    let mut data = None;
    words.iter().all(|word| match word.split_once(':') {
        Some(("type", kind)) => event.kind.to_lowercase().contains(kind),
        Some(("stream", stream)) => event.stream.to_lowercase().contains(stream),
        Some(("order", order)) => event.correlation_id.to_lowercase().contains(order),
        Some(_) | None => {
            head.contains(word) || data.get_or_insert_with(|| event.data.to_string().to_lowercase()).contains(word)
        }
    })
}
