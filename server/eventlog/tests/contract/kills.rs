//! Kills a writing process again and again, and checks the log after each kill.
//!
//! The writer is this program, started again with the path of the log in its environment. It reports each completed append on
//! its standard output; a reported append must be in the log. The content of an event follows from its stream and version,
//! so that each byte of the log is checked.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use serde_json::json;
use storefront_eventlog::{
    Append, EventId, EventStore, JsonText, NewEvent, Position, Recorded, SqliteStore, Version, check,
};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::world::*;

/// Number of kills; `KILL_ROUNDS` sets another one.
const DEFAULT_ROUNDS: u32 = 30;
const ROUNDS_VARIABLE: &str = "KILL_ROUNDS";
/// Environment variable with the path of the log, for the writer.
const PATH_VARIABLE: &str = "KILL_LOG";
const TEST_NAME: &str = "kills::what_was_answered_outlives_a_writer_that_is_killed_at_any_moment";

const CALLERS: u64 = 8;
/// Maximum number of reported appends before a kill.
const MAX_REPORTED_APPENDS: u64 = 300;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_outlives_a_writer_that_is_killed_at_any_moment() {
    if let Some(path) = std::env::var_os(PATH_VARIABLE) {
        return write_until_killed(&PathBuf::from(path)).await;
    }
    let rounds = std::env::var(ROUNDS_VARIABLE).ok().and_then(|count| count.parse().ok()).unwrap_or(DEFAULT_ROUNDS);
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log.sqlite3");
    let mut answered = BTreeMap::new();
    for round in 0..rounds {
        let reports = EventId::new_v4().as_u128() as u64 % (MAX_REPORTED_APPENDS + 1);
        let reported = kill_writer_after(&path, reports);
        answered.extend(reported);
        assert_log_matches(&path, &answered, round).await;
    }
    assert!(answered.len() as u64 > u64::from(rounds), "hardly anything was written: {} answers", answered.len());
}

/// Starts a writer, and kills it after a number of reports. Returns the reports: stream and version, with the position.
fn kill_writer_after(path: &Path, reports: u64) -> Vec<((String, u64), u64)> {
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args([TEST_NAME, "--exact", "--nocapture"])
        .env(PATH_VARIABLE, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(writer.stdout.take().unwrap());
    let (mut reported, mut line) = (Vec::new(), String::new());
    let mut killed = false;
    loop {
        if reported.len() as u64 >= reports && !killed {
            // SIGKILL on Unix.
            writer.kill().unwrap();
            killed = true;
        }
        line.clear();
        // The pipe may still contain reports; the last line may be incomplete.
        if lines.read_line(&mut line).unwrap() == 0 || !line.ends_with('\n') {
            break;
        }
        reported.extend(parse_report(&line));
    }
    let status = writer.wait().unwrap();
    assert!(killed, "the writer ended by itself: {status}");
    reported
}

fn parse_report(line: &str) -> Option<((String, u64), u64)> {
    let mut words = line.split_whitespace();
    let mut word = || words.next();
    (word()? == "answered").then_some(())?;
    Some(((word()?.to_owned(), word()?.parse().ok()?), word()?.parse().ok()?))
}

/// Asserts that the log is sound and contains every reported append.
async fn assert_log_matches(path: &Path, answered: &BTreeMap<(String, u64), u64>, round: u32) {
    let store = SqliteStore::open(path).unwrap();
    let log: Log = Arc::new(store.clone());
    let report = check(&store).await.unwrap();
    assert!(report.is_sound(), "after round {round}: {report}");
    let feed = read_whole_log(&log).await;
    let mut streams: HashMap<&str, Vec<&Recorded>> = HashMap::new();
    for event in &feed {
        assert_eq!(event.to_new(), expected_event(event.stream(), event.version.0), "after round {round}");
        streams.entry(event.stream()).or_default().push(event);
    }
    for ((name, version), position) in answered {
        let there = streams.get(stream(name).as_str()).and_then(|events| events.get(*version as usize - 1));
        let there = there.unwrap_or_else(|| panic!("after round {round}: version {version} of {name} is lost"));
        assert_eq!(there.position.0, *position, "after round {round}: version {version} of {name} has moved");
    }
    for (name, events) in &streams {
        let read = read_whole_stream(&log, name).await;
        assert!(read.iter().eq(events.iter().copied()), "after round {round}: {name} is not as in the feed");
    }
    for caller in 0..CALLERS {
        let last = |name: String| streams.get(stream(&name).as_str()).map_or(0, |events| events.len() as u64);
        let pairs = last(format!("left-{caller}"));
        assert_eq!(last(format!("right-{caller}")), pairs, "after round {round}: half of an append is there");
        let (checkpoint, answer) = (log.checkpoint(&consumer(caller)).await, log.answer(&key(caller, pairs)).await);
        assert_eq!(checkpoint.unwrap(), Position(pairs), "after round {round}: a checkpoint without its events");
        assert_eq!(answer.unwrap().is_some(), pairs > 0, "after round {round}: an answer without its events");
        assert_eq!(log.answer(&key(caller, pairs + 1)).await.unwrap(), None);
    }
    store.close().await;
}

/// The writer: concurrent callers append to their own streams and to a common one.
async fn write_until_killed(path: &Path) {
    let log: Log = Arc::new(SqliteStore::open(path).unwrap());
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let log = log.clone();
        callers.spawn(async move {
            let (mut own, mut pairs) = (version(&log, &own(caller)).await, version(&log, &left(caller)).await);
            loop {
                for count in 1..=3 {
                    append_and_report(&log, with_part(Append::default(), &self::own(caller), own, count)).await;
                    own += count;
                }
                let pair = with_part(with_part(Append::default(), &left(caller), pairs, 1), &right(caller), pairs, 1);
                pairs += 1;
                let kept = stored_response(&key(caller, pairs), "done", 0);
                append_and_report(&log, pair.with_checkpoint(&consumer(caller), pairs).with_response(kept)).await;
            }
        });
    }
    callers.join_all().await;
}

/// Appends, and reports each event.
async fn append_and_report(log: &Log, append: Append) {
    let appended = log.append(append.clone()).await.unwrap();
    let mut position = appended.position.0 - append.streams.iter().map(|part| part.events.len() as u64).sum::<u64>();
    let mut reported = String::new();
    for (part, last) in append.streams.iter().zip(&appended.versions) {
        for version in last.0 + 1 - part.events.len() as u64..=last.0 {
            position += 1;
            reported += &format!("\nanswered {} {version} {position}\n", part.stream);
        }
    }
    std::io::stdout().write_all(reported.as_bytes()).unwrap();
}

fn with_part(append: Append, name: &str, version: u64, count: u64) -> Append {
    append.and(at_version(
        name,
        version,
        (version + 1..=version + count).map(|version| expected_event(name, version)).collect(),
    ))
}

/// The event with this stream and version.
fn expected_event(name: &str, version: u64) -> NewEvent {
    let text = format!("{name} at {version}. ").repeat(version as usize % 20);
    NewEvent {
        id: expected_id(name, version),
        kind: format!("thing.happened_{}", version % 5),
        schema_version: 1 + (version % 3) as u16,
        time_ms: version as i64,
        correlation_id: format!("correlation of {name}"),
        causation_id: version.is_multiple_of(2).then(|| format!("cause {version}")),
        actor: "writer".to_owned(),
        data: JsonText::of(&json!({ "stream": name, "version": version, "text": text })).unwrap(),
    }
}

/// The id of an event. It grows with the version, and contains the name of the stream.
fn expected_id(name: &str, version: u64) -> EventId {
    let name = name.bytes().fold(0_u128, |so_far, byte| so_far * 131 % (1 << 61) + u128::from(byte));
    EventId::from_u128(u128::from(Version(version).0) << 64 | name)
}

fn own(caller: u64) -> String {
    format!("own-{caller}")
}

fn left(caller: u64) -> String {
    format!("left-{caller}")
}

fn right(caller: u64) -> String {
    format!("right-{caller}")
}

fn consumer(caller: u64) -> String {
    format!("consumer-{caller}")
}

fn key(caller: u64, number: u64) -> String {
    format!("key-{caller}-{number}")
}
