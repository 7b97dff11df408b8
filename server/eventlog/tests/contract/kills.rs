//! A process that writes is killed without warning, again and again, and the log is looked through after each time.
//!
//! The writer is this very program, started again with the path of the log in its environment. It tells each append that
//! was answered on its standard output; what it told must be there. What it writes can be computed from the stream and
//! the version, so each byte of the log can be checked.

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

/// How often the writer is killed, unless the environment tells another number.
const ROUNDS: u32 = 30;
const ROUNDS_VARIABLE: &str = "KILL_ROUNDS";
/// Set for the writer: where its log is.
const PATH_VARIABLE: &str = "KILL_LOG";
const TEST_NAME: &str = "kills::what_was_answered_outlives_a_writer_that_is_killed_at_any_moment";

const CALLERS: u64 = 8;
/// The writer is killed after it has told at most so many answers.
const MOST_TOLD: u64 = 300;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_outlives_a_writer_that_is_killed_at_any_moment() {
    if let Some(path) = std::env::var_os(PATH_VARIABLE) {
        return write_until_killed(&PathBuf::from(path)).await;
    }
    let rounds = std::env::var(ROUNDS_VARIABLE).ok().and_then(|count| count.parse().ok()).unwrap_or(ROUNDS);
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log.sqlite3");
    let mut answered = BTreeMap::new();
    for round in 0..rounds {
        let patience = EventId::new_v4().as_u128() as u64 % (MOST_TOLD + 1);
        let told = killed_after(&path, patience);
        answered.extend(told);
        look_through(&path, &answered, round).await;
    }
    assert!(answered.len() as u64 > u64::from(rounds), "hardly anything was written: {} answers", answered.len());
}

/// Starts a writer, kills it when it has told so many answers, and tells them: stream and version, with the position.
fn killed_after(path: &Path, patience: u64) -> Vec<((String, u64), u64)> {
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args([TEST_NAME, "--exact", "--nocapture"])
        .env(PATH_VARIABLE, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(writer.stdout.take().unwrap());
    let (mut told, mut line) = (Vec::new(), String::new());
    let mut killed = false;
    loop {
        if told.len() as u64 >= patience && !killed {
            // No signal that can be caught: on Unix this is SIGKILL.
            writer.kill().unwrap();
            killed = true;
        }
        line.clear();
        // What was told before the end may still be in the pipe; the last line may be cut.
        if lines.read_line(&mut line).unwrap() == 0 || !line.ends_with('\n') {
            break;
        }
        told.extend(answer_in(&line));
    }
    let status = writer.wait().unwrap();
    assert!(killed, "the writer ended by itself: {status}");
    told
}

fn answer_in(line: &str) -> Option<((String, u64), u64)> {
    let mut words = line.split_whitespace();
    let mut word = || words.next();
    (word()? == "answered").then_some(())?;
    Some(((word()?.to_owned(), word()?.parse().ok()?), word()?.parse().ok()?))
}

/// Everything that a log must be, whenever its writer was killed.
async fn look_through(path: &Path, answered: &BTreeMap<(String, u64), u64>, round: u32) {
    let store = SqliteStore::open(path).unwrap();
    let log: Log = Arc::new(store.clone());
    let report = check(&store).await.unwrap();
    assert!(report.is_sound(), "after round {round}: {report}");
    let feed = read_whole_log(&log).await;
    let mut streams: HashMap<&str, Vec<&Recorded>> = HashMap::new();
    for event in &feed {
        assert_eq!(event.to_new(), the_event(event.stream(), event.version.0), "after round {round}");
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

/// The writer: callers that append as fast as they can to streams of their own, and together to one.
async fn write_until_killed(path: &Path) {
    let log: Log = Arc::new(SqliteStore::open(path).unwrap());
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let log = log.clone();
        callers.spawn(async move {
            let (mut own, mut pairs) = (version(&log, &own(caller)).await, version(&log, &left(caller)).await);
            loop {
                for count in 1..=3 {
                    send(&log, part(Append::default(), &self::own(caller), own, count)).await;
                    own += count;
                }
                let pair = part(part(Append::default(), &left(caller), pairs, 1), &right(caller), pairs, 1);
                pairs += 1;
                let kept = answer(&key(caller, pairs), "done", 0);
                send(&log, pair.with_checkpoint(&consumer(caller), pairs).with_answer(kept)).await;
            }
        });
    }
    callers.join_all().await;
}

/// Appends, then tells each event.
async fn send(log: &Log, append: Append) {
    let appended = log.append(append.clone()).await.unwrap();
    let mut position = appended.position.0 - append.streams.iter().map(|part| part.events.len() as u64).sum::<u64>();
    let mut told = String::new();
    for (part, last) in append.streams.iter().zip(&appended.versions) {
        for version in last.0 + 1 - part.events.len() as u64..=last.0 {
            position += 1;
            told += &format!("\nanswered {} {version} {position}\n", part.stream);
        }
    }
    std::io::stdout().write_all(told.as_bytes()).unwrap();
}

fn part(append: Append, name: &str, version: u64, count: u64) -> Append {
    append.and(to(name, version, (version + 1..=version + count).map(|version| the_event(name, version)).collect()))
}

/// The one event that may stand there.
fn the_event(name: &str, version: u64) -> NewEvent {
    let text = format!("{name} at {version}. ").repeat(version as usize % 20);
    NewEvent {
        id: the_id(name, version),
        kind: format!("thing.happened_{}", version % 5),
        schema_version: 1 + (version % 3) as u16,
        time_ms: version as i64,
        correlation_id: format!("correlation of {name}"),
        causation_id: version.is_multiple_of(2).then(|| format!("cause {version}")),
        actor: "writer".to_owned(),
        data: JsonText::of(&json!({ "stream": name, "version": version, "text": text })).unwrap(),
    }
}

/// Grows with the version, like real ids; names are short enough to be in it whole.
fn the_id(name: &str, version: u64) -> EventId {
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
