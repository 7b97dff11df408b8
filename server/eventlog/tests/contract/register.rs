//! Appends to and reads of a stream are linearizable: each takes effect at one moment between its call and its response
//! (Herlihy and Wing, 1990).
//!
//! Finding a linear order is hard in general, but easy for a log, because the responses determine it: an append that made a
//! stream 7 events long directly follows the append that made it the length before, and a read of 7 events lies between the
//! append that made it 7 and the next one. It remains to check that no call precedes another one that ended before it
//! began, and that reads return what was written.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use storefront_eventlog::{AppendError, EventId, Expected, StreamAppend, Version};
use tokio::task::JoinSet;

use crate::world::*;

/// A completed call. Times are ticks of a clock that advances with each call and each response.
#[derive(Clone, Debug)]
struct Call {
    began: u64,
    ended: u64,
    result: CallResult,
}

#[derive(Clone, Debug)]
enum CallResult {
    /// Events that were appended, and the length of the stream after them.
    Appended { events: Vec<EventId>, length: u64 },
    /// The stream had another length than expected.
    Conflict { expected: u64, length: u64 },
    /// All events of the stream.
    Read(Vec<EventId>),
    /// The length of the stream.
    Measured(u64),
}

/// The position of a call in the linear order: a length of the stream, at which the append precedes the reads.
type OrderKey = (u64, bool);

/// Checks that calls have a linear order.
fn check_linearizable(calls: &[Call]) -> Result<(), String> {
    let written = written(calls)?;
    let content: Vec<EventId> = written.values().copied().flatten().copied().collect();
    let mut ordered = Vec::new();
    for call in calls {
        let key: OrderKey = match &call.result {
            CallResult::Appended { length, .. } => (*length, false),
            CallResult::Read(events) if !content.starts_with(events) => {
                return Err(format!("{call:?} is not what was written"));
            }
            CallResult::Conflict { expected, length } if expected == length => {
                return Err(format!("{call:?} is no conflict"));
            }
            CallResult::Read(events) => (events.len() as u64, true),
            CallResult::Conflict { length, .. } | CallResult::Measured(length) => (*length, true),
        };
        if key.0 != 0 && !written.contains_key(&key.0) {
            return Err(format!("{call:?} saw half of an append"));
        }
        ordered.push((call.began, call.ended, key, call));
    }
    ordered.sort_by_key(|(began, ..)| *began);
    let mut answered: Vec<_> = ordered.iter().map(|(_, ended, key, call)| (*ended, *key, *call)).collect();
    answered.sort_by_key(|(ended, ..)| *ended);
    // The greatest key of a call that ended before the present one began.
    let (mut answered, mut furthest) = (answered.into_iter().peekable(), None::<(OrderKey, &Call)>);
    for (began, _, key, call) in ordered {
        while let Some((_, earlier, other)) = answered.next_if(|(ended, ..)| *ended < began) {
            if furthest.is_none_or(|(far, _)| earlier > far) {
                furthest = Some((earlier, other));
            }
        }
        if let Some((far, other)) = furthest
            && far > key
        {
            return Err(format!("{call:?} began after {other:?} was answered, and knows nothing of it"));
        }
    }
    Ok(())
}

/// Appended events by the length of the stream after them. Fails unless each append continues the one before.
fn written(calls: &[Call]) -> Result<BTreeMap<u64, &Vec<EventId>>, String> {
    let mut written = BTreeMap::new();
    for call in calls {
        if let CallResult::Appended { events, length } = &call.result
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

#[derive(Default)]
struct Clock(AtomicU64);

impl Clock {
    fn tick(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

const STREAMS: u64 = 3;
const CALLERS: u64 = 12;
const CALLS_PER_CALLER: u64 = 40;

/// Records calls of concurrent callers through several clients of one log, by stream and for the whole log.
async fn record_history(logs: &[Log]) -> (BTreeMap<u64, Vec<Call>>, Vec<Call>) {
    let clock = Arc::new(Clock::default());
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let (log, clock) = (logs[caller as usize % logs.len()].clone(), clock.clone());
        callers.spawn(async move {
            let mut calls = Vec::new();
            let mut known = [0; STREAMS as usize];
            for index in 0..CALLS_PER_CALLER {
                let number = (caller * 7 + index * 5) % STREAMS;
                let known = &mut known[number as usize];
                let result = call(&log, &clock, number, known, (caller * 11 + index * 3) % 7).await;
                calls.extend(result);
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

/// Makes a call of a kind. Returns its records for the stream and, if it shows a position, for the whole log.
async fn call(log: &Log, clock: &Clock, number: u64, known: &mut u64, kind: u64) -> Vec<(Option<u64>, Call)> {
    let name = format!("s-{number}");
    let began = clock.tick();
    let answered = |result: CallResult| Call { began, ended: clock.tick(), result };
    match kind {
        0 | 1 => {
            let events: Vec<EventId> = read_whole_stream(log, &name).await.iter().map(|found| found.id).collect();
            *known = events.len() as u64;
            vec![(Some(number), answered(CallResult::Read(events)))]
        }
        2 => {
            let head = head(log).await;
            vec![(None, answered(CallResult::Measured(head)))]
        }
        _ => {
            let events = new_events(1 + *known as usize % 3);
            let ids: Vec<EventId> = events.iter().map(|event| event.id).collect();
            let expected = if kind == 3 { Expected::Any } else { Expected::Exactly(Version(*known)) };
            let part = StreamAppend { stream: stream(&name), expected, events };
            match log.append(empty_append().and(part)).await {
                Ok(appended) => {
                    let length = appended.versions[0].0;
                    *known = length;
                    let call = answered(CallResult::Appended { events: ids.clone(), length });
                    let result = CallResult::Appended { events: ids, length: appended.position.0 };
                    vec![(Some(number), call.clone()), (None, Call { result, ..call })]
                }
                Err(AppendError::Conflict { expected, actual, .. }) => {
                    *known = actual.0;
                    vec![(Some(number), answered(CallResult::Conflict { expected: expected.0, length: actual.0 }))]
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
}

async fn assert_linearizable(logs: &[Log]) {
    let (streams, whole) = record_history(logs).await;
    let mut appended = 0;
    for (number, calls) in streams {
        check_linearizable(&calls).unwrap_or_else(|why| panic!("stream {number}: {why}"));
        appended += calls.iter().filter(|call| matches!(call.result, CallResult::Appended { .. })).count();
    }
    check_linearizable(&whole).unwrap_or_else(|why| panic!("the whole log: {why}"));
    assert!(appended > 50, "only {appended} appends went through, which proves little");
}

pub(crate) async fn appends_and_reads_look_as_if_they_happened_one_by_one(log: Log) {
    assert_linearizable(&[log]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn appends_and_reads_through_two_servers_look_as_if_they_happened_one_by_one() {
    let world = World::postgres().await;
    assert_linearizable(&[world.log(), world.second_server().await]).await;
}

mod the_check {
    use super::*;

    fn id(number: u128) -> EventId {
        EventId::from_u128(number)
    }

    fn call(began: u64, ended: u64, result: CallResult) -> Call {
        Call { began, ended, result }
    }

    fn appended(numbers: std::ops::Range<u128>) -> CallResult {
        CallResult::Appended { length: numbers.end as u64, events: numbers.map(id).collect() }
    }

    fn read(length: u128) -> CallResult {
        CallResult::Read((0..length).map(id).collect())
    }

    #[track_caller]
    fn assert_refused(calls: &[Call], because: &str) {
        let why = check_linearizable(calls).unwrap_err();
        assert!(why.contains(because), "{why}");
    }

    #[test]
    fn calls_at_the_same_time_may_stand_in_any_order() {
        let calls = [call(0, 9, appended(0..2)), call(1, 3, read(0)), call(2, 5, read(2)), call(6, 7, read(2))];
        check_linearizable(&calls).unwrap();
        check_linearizable(&[call(0, 9, appended(1..2)), call(1, 8, appended(0..1))]).unwrap();
    }

    #[test]
    fn an_old_read_after_the_answer_is_refused() {
        assert_refused(&[call(0, 1, appended(0..2)), call(2, 3, read(0))], "knows nothing of it");
        assert_refused(&[call(0, 1, appended(0..2)), call(2, 3, CallResult::Measured(0))], "knows nothing of it");
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
        assert_refused(
            &[call(0, 1, appended(0..1)), call(2, 3, CallResult::Read(vec![id(7)]))],
            "not what was written",
        );
    }

    #[test]
    fn a_conflict_without_reason_is_refused() {
        let conflict = CallResult::Conflict { expected: 0, length: 0 };
        assert_refused(&[call(0, 1, conflict)], "no conflict");
    }
}
