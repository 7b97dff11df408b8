//! A stream looks as if its appends and reads happened one by one, each at some moment between its call and its answer
//! (linearisability, after Herlihy and Wing, 1990).
//!
//! Finding such an order is hard in general, but easy for a log, because the answers tell it: an append that made a stream
//! 7 events long can only stand right after what made it the length from before, and a read that found 7 events only
//! between the append that made it 7 and the next one. So each call has its place, and what remains to be checked is
//! that no call comes before another that was answered before it began, and that what was read is what was written.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use storefront_eventlog::{AppendError, EventId, Expected, StreamAppend, Version};
use tokio::task::JoinSet;

use crate::world::*;

/// A call that was answered. Times are those of a clock that ticks with each call and each answer.
#[derive(Clone, Debug)]
struct Call {
    began: u64,
    ended: u64,
    told: Told,
}

#[derive(Clone, Debug)]
enum Told {
    /// These were appended, and then the stream was so long.
    Appended { events: Vec<EventId>, length: u64 },
    /// Nothing was appended, because the stream was so long and not as long as expected.
    Conflict { expected: u64, length: u64 },
    /// The stream had just these events.
    Read(Vec<EventId>),
    /// The stream was so long.
    Measured(u64),
}

/// Where a call stands in the one order: at a length of the stream, and there the append comes first.
type Place = (u64, bool);

/// Whether calls can be put in one order; if not, why.
fn one_by_one(calls: &[Call]) -> Result<(), String> {
    let written = written(calls)?;
    let content: Vec<EventId> = written.values().copied().flatten().copied().collect();
    let mut placed = Vec::new();
    for call in calls {
        let place: Place = match &call.told {
            Told::Appended { length, .. } => (*length, false),
            Told::Read(events) if !content.starts_with(events) => {
                return Err(format!("{call:?} is not what was written"));
            }
            Told::Conflict { expected, length } if expected == length => {
                return Err(format!("{call:?} is no conflict"));
            }
            Told::Read(events) => (events.len() as u64, true),
            Told::Conflict { length, .. } | Told::Measured(length) => (*length, true),
        };
        if place.0 != 0 && !written.contains_key(&place.0) {
            return Err(format!("{call:?} saw half of an append"));
        }
        placed.push((call.began, call.ended, place, call));
    }
    placed.sort_by_key(|(began, ..)| *began);
    let mut answered: Vec<_> = placed.iter().map(|(_, ended, place, call)| (*ended, *place, *call)).collect();
    answered.sort_by_key(|(ended, ..)| *ended);
    // The furthest place that was answered before the present call began.
    let (mut answered, mut furthest) = (answered.into_iter().peekable(), None::<(Place, &Call)>);
    for (began, _, place, call) in placed {
        while let Some((_, earlier, other)) = answered.next_if(|(ended, ..)| *ended < began) {
            if furthest.is_none_or(|(far, _)| earlier > far) {
                furthest = Some((earlier, other));
            }
        }
        if let Some((far, other)) = furthest
            && far > place
        {
            return Err(format!("{call:?} began after {other:?} was answered, and knows nothing of it"));
        }
    }
    Ok(())
}

/// What was appended, by the length that the stream had then; fails unless each append follows on the one before.
fn written(calls: &[Call]) -> Result<BTreeMap<u64, &Vec<EventId>>, String> {
    let mut written = BTreeMap::new();
    for call in calls {
        if let Told::Appended { events, length } = &call.told
            && written.insert(*length, events).is_some()
        {
            return Err(format!("two appends made the stream {length} long"));
        }
    }
    let mut before = 0;
    for (length, events) in &written {
        if before + events.len() as u64 != *length {
            return Err(format!("an append of {} made the stream {length} long, from {before}", events.len()));
        }
        before = *length;
    }
    Ok(written)
}

/// Ticks with each look.
#[derive(Default)]
struct Clock(AtomicU64);

impl Clock {
    fn tick(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

const STREAMS: u64 = 3;
const CALLERS: u64 = 12;
const TURNS: u64 = 40;

/// Calls on a few streams, through several doors to the same log; told by stream, and those on the whole log.
async fn a_history(doors: &[Log]) -> (BTreeMap<u64, Vec<Call>>, Vec<Call>) {
    let clock = Arc::new(Clock::default());
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let (log, clock) = (doors[caller as usize % doors.len()].clone(), clock.clone());
        callers.spawn(async move {
            let mut calls = Vec::new();
            let mut known = [0; STREAMS as usize];
            for turn in 0..TURNS {
                let number = (caller * 7 + turn * 5) % STREAMS;
                let known = &mut known[number as usize];
                let told = call(&log, &clock, number, known, (caller * 11 + turn * 3) % 7).await;
                calls.extend(told);
            }
            calls
        });
    }
    let (mut streams, mut whole) = (BTreeMap::new(), Vec::new());
    for (number, call) in callers.join_all().await.into_iter().flatten() {
        match number {
            Some(number) => streams.entry(number).or_insert_with(Vec::new).push(call),
            None => whole.push(call),
        }
    }
    (streams, whole)
}

/// One call of a kind, as it looks to its stream and, where it can tell something about that, to the whole log.
async fn call(log: &Log, clock: &Clock, number: u64, known: &mut u64, kind: u64) -> Vec<(Option<u64>, Call)> {
    let name = format!("s-{number}");
    let began = clock.tick();
    let answered = |told: Told| Call { began, ended: clock.tick(), told };
    match kind {
        0 | 1 => {
            let events: Vec<EventId> = read_whole_stream(log, &name).await.iter().map(|found| found.id).collect();
            *known = events.len() as u64;
            vec![(Some(number), answered(Told::Read(events)))]
        }
        2 => {
            let head = head(log).await;
            vec![(None, answered(Told::Measured(head)))]
        }
        _ => {
            let events = some_events(1 + *known as usize % 3);
            let ids: Vec<EventId> = events.iter().map(|event| event.id).collect();
            let expected = if kind == 3 { Expected::Any } else { Expected::Exactly(Version(*known)) };
            let part = StreamAppend { stream: stream(&name), expected, events };
            match log.append(nothing().and(part)).await {
                Ok(appended) => {
                    let length = appended.versions[0].0;
                    *known = length;
                    let call = answered(Told::Appended { events: ids.clone(), length });
                    let told = Told::Appended { events: ids, length: appended.position.0 };
                    vec![(Some(number), call.clone()), (None, Call { told, ..call })]
                }
                Err(AppendError::Conflict { expected, actual, .. }) => {
                    *known = actual.0;
                    vec![(Some(number), answered(Told::Conflict { expected: expected.0, length: actual.0 }))]
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
}

async fn assert_one_by_one(doors: &[Log]) {
    let (streams, whole) = a_history(doors).await;
    let mut appended = 0;
    for (number, calls) in streams {
        one_by_one(&calls).unwrap_or_else(|why| panic!("stream {number}: {why}"));
        appended += calls.iter().filter(|call| matches!(call.told, Told::Appended { .. })).count();
    }
    one_by_one(&whole).unwrap_or_else(|why| panic!("the whole log: {why}"));
    assert!(appended > 50, "only {appended} appends went through, which proves little");
}

pub(crate) async fn appends_and_reads_look_as_if_they_happened_one_by_one(log: Log) {
    assert_one_by_one(&[log]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn appends_and_reads_through_two_servers_look_as_if_they_happened_one_by_one() {
    let world = World::postgres().await;
    assert_one_by_one(&[world.log(), world.second_server().await]).await;
}

mod the_check {
    use super::*;

    fn id(number: u128) -> EventId {
        EventId::from_u128(number)
    }

    fn call(began: u64, ended: u64, told: Told) -> Call {
        Call { began, ended, told }
    }

    fn appended(numbers: std::ops::Range<u128>) -> Told {
        Told::Appended { length: numbers.end as u64, events: numbers.map(id).collect() }
    }

    fn read(length: u128) -> Told {
        Told::Read((0..length).map(id).collect())
    }

    #[track_caller]
    fn assert_refused(calls: &[Call], because: &str) {
        let why = one_by_one(calls).unwrap_err();
        assert!(why.contains(because), "{why}");
    }

    #[test]
    fn calls_at_the_same_time_may_stand_in_any_order() {
        let calls = [call(0, 9, appended(0..2)), call(1, 3, read(0)), call(2, 5, read(2)), call(6, 7, read(2))];
        one_by_one(&calls).unwrap();
        one_by_one(&[call(0, 9, appended(1..2)), call(1, 8, appended(0..1))]).unwrap();
    }

    #[test]
    fn an_old_read_after_the_answer_is_refused() {
        assert_refused(&[call(0, 1, appended(0..2)), call(2, 3, read(0))], "knows nothing of it");
        assert_refused(&[call(0, 1, appended(0..2)), call(2, 3, Told::Measured(0))], "knows nothing of it");
    }

    #[test]
    fn two_reads_that_go_back_in_time_are_refused() {
        let calls = [call(0, 9, appended(0..2)), call(1, 2, read(2)), call(3, 4, read(0))];
        assert_refused(&calls, "knows nothing of it");
    }

    #[test]
    fn an_append_that_stands_before_one_that_was_answered_is_refused() {
        assert_refused(&[call(0, 1, appended(1..2)), call(2, 3, appended(0..1))], "knows nothing of it");
    }

    #[test]
    fn half_an_append_is_refused() {
        assert_refused(&[call(0, 9, appended(0..2)), call(1, 8, read(1))], "saw half");
    }

    #[test]
    fn a_lost_append_is_refused() {
        assert_refused(&[call(0, 1, appended(0..1)), call(2, 3, appended(0..1))], "two appends");
        assert_refused(&[call(0, 1, appended(1..2))], "from 0");
    }

    #[test]
    fn other_content_is_refused() {
        assert_refused(&[call(0, 1, appended(0..1)), call(2, 3, Told::Read(vec![id(7)]))], "not what was written");
    }

    #[test]
    fn a_conflict_without_reason_is_refused() {
        let conflict = Told::Conflict { expected: 0, length: 0 };
        assert_refused(&[call(0, 1, conflict)], "no conflict");
    }
}
