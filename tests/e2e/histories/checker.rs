//! Checks that a history is one that a single shop with a single log could have: pure functions over the records of clients
//! and the final state.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use storefront_api::Event;

use super::record::{Attempt, Feed, History, Outcome, Read, State};
use crate::kills::ledger::Ledger;

/// The rules that every history satisfies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rule {
    /// Positions and versions of the log are 1, 2, 3, ….
    DenseLog,
    /// An operation that ended before another one began precedes it.
    RealTimeOrder,
    /// A read shows what was acknowledged or read before it began, and at least the requested position.
    NoStaleRead,
    /// A response shows the state of the log at its version.
    TrueAnswer,
    /// A feed is in order.
    FeedInOrder,
    /// A feed omits no event.
    FeedWithoutGap,
    /// A feed repeats no event.
    FeedWithoutRepeat,
    /// A feed shows the events of the log, and is never reset.
    FeedOfThisLog,
    /// A feed reaches the end of the log.
    FeedToTheEnd,
    /// A key has at most one effect.
    OneEffect,
    /// A key has one response.
    OneAnswer,
    /// An acknowledged write is in the log at the position of the response.
    NothingLost,
    /// A refused write is not in the log.
    NothingRefusedHappens,
    /// Each sold order is charged once, every other charge is refunded, and no unknown order is charged.
    Money,
    /// Stock is never below its reservations, and received stock is sold or on hand.
    Stock,
    /// Each mail arrives once, and each confirmed order has one confirmation.
    Mail,
}

/// A violated rule, with details.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Violation {
    pub(super) rule: Rule,
    pub(super) detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.detail)
    }
}

/// All violations of a history.
pub(super) fn violations(history: &History) -> Vec<Violation> {
    let mut found = Found::default();
    let effects = effects(history);
    found.add_all(Rule::DenseLog, log_gaps(&history.log));
    for effect in &effects {
        effect.check(&mut found);
    }
    check_real_time(history, &effects, &mut found);
    check_views(history, &mut found);
    check_answers(history, &mut found);
    for feed in &history.feeds {
        check_feed(feed, &history.log, &mut found);
    }
    let ledger = Ledger::new(history.log.clone(), history.charges.clone(), history.mails.clone());
    found.add_all(Rule::Money, ledger.money_violations());
    found.add_all(Rule::Stock, ledger.stock_violations());
    found.add_all(Rule::Mail, ledger.mail_violations());
    found.add_all(Rule::Stock, stock_differences(history));
    found.0
}

#[derive(Default)]
struct Found(Vec<Violation>);

impl Found {
    fn add(&mut self, rule: Rule, detail: String) {
        self.0.push(Violation { rule, detail });
    }

    fn add_all(&mut self, rule: Rule, details: Vec<String>) {
        self.0.extend(details.into_iter().map(|detail| Violation { rule, detail }));
    }
}

fn log_gaps(log: &[Event]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut versions = BTreeMap::<&str, u64>::new();
    for (index, event) in log.iter().enumerate() {
        if event.position != index as u64 + 1 {
            wrong.push(format!("position {} stands at place {}", event.position, index + 1));
        }
        let version = versions.entry(&event.stream).or_default();
        *version += 1;
        if event.version != *version {
            wrong.push(format!("{} has version {} where {version} is due", event.stream, event.version));
        }
    }
    wrong
}

/// The attempts with one key, and their events in the log.
struct Effect<'a> {
    key: &'a str,
    attempts: Vec<&'a Attempt>,
    events: Vec<&'a Event>,
}

fn effects(history: &History) -> Vec<Effect<'_>> {
    let mut effects = BTreeMap::<&str, Effect<'_>>::new();
    for attempt in &history.attempts {
        let key = attempt.key.as_str();
        effects
            .entry(key)
            .or_insert_with(|| Effect { key, attempts: Vec::new(), events: Vec::new() })
            .attempts
            .push(attempt);
    }
    for event in &history.log {
        if let Some(effect) = effects.get_mut(event.actor.as_str()) {
            effect.events.push(event);
        }
    }
    effects.into_values().collect()
}

impl Effect<'_> {
    fn acknowledged(&self) -> impl Iterator<Item = (&Attempt, u64, State, bool)> {
        self.attempts.iter().filter_map(|attempt| match &attempt.outcome {
            Outcome::Acknowledged { position, state, replayed, .. } => Some((*attempt, *position, *state, *replayed)),
            Outcome::Refused { .. } | Outcome::Unknown { .. } => None,
        })
    }

    fn began(&self) -> Duration {
        self.attempts.iter().map(|attempt| attempt.began).min().unwrap_or_default()
    }

    /// Time of the first acknowledgement.
    fn known(&self) -> Option<Duration> {
        self.acknowledged().map(|(attempt, ..)| attempt.ended).min()
    }

    /// Whether its events are one append: adjacent, and caused by one request.
    fn is_one_append(&self) -> bool {
        let requests: BTreeSet<_> = self.events.iter().map(|event| &event.causation_id).collect();
        requests.len() <= 1 && self.events.windows(2).all(|pair| pair[1].position == pair[0].position + 1)
    }

    fn check(&self, found: &mut Found) {
        let key = self.key;
        let fresh = self.acknowledged().filter(|(.., replayed)| !replayed).count();
        if !self.is_one_append() || fresh > 1 {
            let positions: Vec<u64> = self.events.iter().map(|event| event.position).collect();
            let detail = format!("{key} took effect at {positions:?}, and {fresh} answers say that it did so for them");
            found.add(Rule::OneEffect, detail);
            return;
        }
        let bodies: BTreeSet<String> = self
            .attempts
            .iter()
            .filter_map(|attempt| match &attempt.outcome {
                Outcome::Acknowledged { position, body, .. } => Some(format!("at {position}: {body}")),
                Outcome::Refused { .. } | Outcome::Unknown { .. } => None,
            })
            .collect();
        if bodies.len() > 1 {
            found.add(Rule::OneAnswer, format!("{key} has {} answers: {bodies:?}", bodies.len()));
        }
        for attempt in &self.attempts {
            let Outcome::Refused { code } = &attempt.outcome else { continue };
            let late = self.known().is_some_and(|known| known < attempt.began);
            // The first attempt may still run at another server after its client gave up.
            if late && code != "request_in_progress" {
                found.add(
                    Rule::OneAnswer,
                    format!("{key} was acknowledged, and refused afterwards at server {}: {code}", attempt.server),
                );
            }
        }
        if let Some((attempt, position, state, _)) = self.acknowledged().next() {
            match self.events.last() {
                Some(last) if last.position == position && last.version == state.version => {}
                Some(last) => {
                    let detail = format!(
                        "{key} is at {} version {}, and was acknowledged at {position} with {state:?}",
                        last.position, last.version
                    );
                    found.add(Rule::NothingLost, detail);
                }
                None if attempt.may_change_nothing => {}
                None => {
                    found.add(Rule::NothingLost, format!("{key} was acknowledged at {position}, and is not in the log"))
                }
            }
        }
        let refused = |attempt: &&Attempt| matches!(attempt.outcome, Outcome::Refused { .. });
        if !self.events.is_empty() && self.attempts.iter().all(refused) {
            found.add(Rule::NothingRefusedHappens, format!("{key} was refused, and is at {}", self.events[0].position));
        }
    }
}

/// A write or read of a stream that took effect at some time within an interval.
struct Span {
    began: Duration,
    /// `None` if unknown.
    ended: Option<Duration>,
    /// The version or position that it wrote or read.
    at: u64,
    writes: bool,
    what: String,
}

/// Checks the real-time order by position in the log, and by version in each stream.
fn check_real_time(history: &History, effects: &[Effect<'_>], found: &mut Found) {
    let mut by_position = Vec::new();
    let mut by_stream = BTreeMap::<&str, Vec<Span>>::new();
    for effect in effects.iter().filter(|effect| effect.is_one_append()) {
        let (began, ended) = (effect.began(), effect.known());
        let span = |at, writes| Span { began, ended, at, writes, what: effect.key.to_owned() };
        if let Some(last) = effect.events.last() {
            by_position.push(span(last.position, true));
            by_stream.entry(&last.stream).or_default().push(span(last.version, true));
        } else if let Some((attempt, _, state, _)) =
            effect.acknowledged().next().filter(|(attempt, ..)| attempt.may_change_nothing)
        {
            by_stream.entry(&attempt.stream).or_default().push(span(state.version, false));
        }
    }
    for read in history.reads.iter().filter(|read| is_current(read)) {
        let Some(state) = read.seen else { continue };
        let what = format!("a read of {} at server {} at {:?}", read.stream, read.server, read.began);
        let span = Span { began: read.began, ended: Some(read.ended), at: state.version, writes: false, what };
        by_stream.entry(&read.stream).or_default().push(span);
    }
    check_spans("the log", &by_position, found);
    for (stream, spans) in by_stream {
        check_spans(stream, &spans, found);
    }
}

/// Whether a read is current: orders are read from their stream, and stock from a view.
fn is_current(read: &Read) -> bool {
    read.stream.starts_with("order-")
}

fn check_spans(of: &str, spans: &[Span], found: &mut Found) {
    let mut over: Vec<(Duration, &Span)> = spans.iter().filter_map(|span| Some((span.ended?, span))).collect();
    over.sort_by_key(|(ended, _)| *ended);
    let mut beginning: Vec<&Span> = spans.iter().collect();
    beginning.sort_by_key(|span| span.began);
    let mut over = over.into_iter().peekable();
    let mut highest: Option<&Span> = None;
    for span in beginning {
        while let Some((_, past)) = over.next_if(|(ended, _)| *ended < span.began) {
            if highest.is_none_or(|highest| past.at > highest.at) {
                highest = Some(past);
            }
        }
        let Some(past) = highest else { continue };
        let (is_behind, rule) = if span.writes {
            (span.at <= past.at, Rule::RealTimeOrder)
        } else {
            (span.at < past.at, Rule::NoStaleRead)
        };
        if is_behind {
            let detail = format!(
                "of {of}: {} is at {}, and began when {} at {} was over",
                span.what, span.at, past.what, past.at
            );
            found.add(rule, detail);
        }
    }
}

/// Checks that a read with a position shows the stream at least as of that position.
fn check_views(history: &History, found: &mut Found) {
    let mut versions = BTreeMap::<&str, Vec<(u64, u64)>>::new();
    for event in &history.log {
        versions.entry(&event.stream).or_default().push((event.position, event.version));
    }
    for read in &history.reads {
        let (Some(state), Some(position)) = (read.seen, read.min_position) else { continue };
        let known = versions.get(read.stream.as_str()).map(Vec::as_slice).unwrap_or_default();
        let expected =
            known[..known.partition_point(|(at, _)| *at <= position)].last().map_or(0, |(_, version)| *version);
        if state.version < expected {
            let detail = format!(
                "{} at server {} shows version {} where position {position} has {expected}",
                read.stream, read.server, state.version
            );
            found.add(Rule::NoStaleRead, detail);
        }
    }
}

/// Checks that each response shows the stream as the log has it at that version.
fn check_answers(history: &History, found: &mut Found) {
    let states = states(&history.log);
    let mut check = |stream: &str, state: State| {
        if state.version > 0 && states.get(&(stream, state.version)) != Some(&state.pieces) {
            let known = states.get(&(stream, state.version));
            found.add(
                Rule::TrueAnswer,
                format!("{stream} was shown as {state:?}, and the log has {known:?} pieces there"),
            );
        }
    };
    for read in &history.reads {
        read.seen.into_iter().for_each(|state| check(&read.stream, state));
    }
    let actors: BTreeSet<&str> = history.log.iter().map(|event| event.actor.as_str()).collect();
    for attempt in &history.attempts {
        // A write that is not in the log is reported as `NothingLost`.
        let happened = actors.contains(attempt.key.as_str()) || attempt.may_change_nothing;
        match &attempt.outcome {
            Outcome::Acknowledged { state, .. } if happened => check(&attempt.stream, *state),
            Outcome::Acknowledged { .. } | Outcome::Refused { .. } | Outcome::Unknown { .. } => {}
        }
    }
}

/// Pieces of an order or on hand of a product, by stream and version.
fn states(log: &[Event]) -> BTreeMap<(&str, u64), i64> {
    let mut lines = BTreeMap::<&str, BTreeMap<&str, i64>>::new();
    let mut states = BTreeMap::new();
    for event in log {
        let known = lines.entry(&event.stream).or_default();
        let product = event.data["product_id"].as_str().unwrap_or_default();
        let quantity = event.data["quantity"].as_i64().unwrap_or_default();
        match event.kind.as_str() {
            "order.item_added" | "stock.received" | "stock.returned" => *known.entry(product).or_default() += quantity,
            "order.item_quantity_changed" => drop(known.insert(product, quantity)),
            "order.item_removed" => drop(known.remove(product)),
            "stock.allocated" => *known.entry(product).or_default() -= quantity,
            "stock.adjusted" => *known.entry(product).or_default() += event.data["change"].as_i64().unwrap_or_default(),
            _ => {}
        }
        states.insert((event.stream.as_str(), event.version), known.values().sum());
    }
    states
}

/// Checks that a feed has the events of the log from its beginning to its end.
fn check_feed(feed: &Feed, log: &[Event], found: &mut Found) {
    let name = &feed.follower;
    let mut seen = BTreeSet::new();
    let mut last = 0;
    for event in &feed.events {
        let position = event.position;
        if !seen.insert(position) {
            found.add(Rule::FeedWithoutRepeat, format!("{name} was told {position} twice"));
        } else if position < last {
            found.add(Rule::FeedInOrder, format!("{name} was told {position} after {last}"));
        }
        last = last.max(position);
        let index = usize::try_from(position).ok().and_then(|position| position.checked_sub(1));
        match index.and_then(|index| log.get(index)) {
            Some(known) if known == event => {}
            Some(_) => {
                found.add(Rule::FeedOfThisLog, format!("{name} was told another event {position} than the log has"))
            }
            None => found.add(Rule::FeedOfThisLog, format!("{name} was told {position}, which the log has not")),
        }
    }
    for missing in (1..last).filter(|position| !seen.contains(position)) {
        found.add(Rule::FeedWithoutGap, format!("{name} was not told {missing}"));
    }
    if feed.resets > 0 {
        found.add(Rule::FeedOfThisLog, format!("{name} was told {} times that it is another log", feed.resets));
    }
    if last < log.len() as u64 {
        found.add(Rule::FeedToTheEnd, format!("{name} came to {last} of {}", log.len()));
    }
}

/// Differences between the final stock and the stock that follows from the log.
fn stock_differences(history: &History) -> Vec<String> {
    let states = states(&history.log);
    let mut left = BTreeMap::<&str, i64>::new();
    for ((stream, _), pieces) in states {
        left.insert(stream, pieces);
    }
    let wrong = history.final_stock.iter().filter(|(stream, shown)| left.get(stream.as_str()) != Some(shown));
    wrong
        .map(|(stream, shown)| {
            format!("{stream} is shown with {shown} on hand, and the log leaves {:?}", left.get(stream.as_str()))
        })
        .collect()
}
