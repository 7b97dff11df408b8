//! Several servers on one PostgreSQL, and how long news takes. Each server is a process of its own: this program, started
//! again with a part to play.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use storefront_eventlog::{Expected, Filter, Position, PostgresStore, SqliteStore};

use super::{Log, an_append, appends, case, compare};

/// The word that makes this program play a part: `part NAME ADDRESS`.
pub(super) const PART: &str = "part";
const SERVERS: usize = 3;
/// Appends whose way to a subscriber is timed.
const NEWS: usize = 1000;

/// A process that does something each time that a line is written to it, and answers with a line.
struct Part {
    process: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Part {
    fn start(name: &str, address: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([PART, name, address]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let (orders, answers) = (process.stdin.take(), BufReader::new(process.stdout.take().unwrap()));
        let mut part = Self { process, orders, answers };
        assert_eq!(part.answer(), "ready");
        part
    }

    fn order(&mut self, words: &str) {
        writeln!(self.orders.as_mut().unwrap(), "{words}").unwrap();
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // A part ends when nobody can tell it anything any more.
        self.orders.take();
        let _ = self.process.wait();
    }
}

/// Plays a part in a process of its own.
pub(super) async fn play(name: &str, address: &str) {
    let log: Log = Arc::new(PostgresStore::connect(address).await.unwrap());
    println!("ready");
    let mut lines = std::io::stdin().lines();
    while let Some(Ok(line)) = lines.next() {
        match name {
            // `STREAMS CALLERS TOTAL`
            "append" => {
                let words: Vec<&str> = line.split(' ').collect();
                let (callers, total) = (words[1].parse().unwrap(), words[2].parse().unwrap());
                appends(&log, callers, total, |caller| format!("{}-{caller}", words[0])).await;
                println!("done");
            }
            // `POSITION`: waits for it to be readable, and tells when that was.
            "subscribe" => {
                let due = Position(line.parse().unwrap());
                println!("waiting");
                println!("{}", seen(&log, due).await.as_nanos());
            }
            other => panic!("nobody plays {other}"),
        }
    }
    log.close().await;
}

/// When a position can be read, in the time that all processes of this machine share.
async fn seen(log: &Log, due: Position) -> Duration {
    let before = Position(due.0 - 1);
    loop {
        let slice = log.read_all(before, 1, &Filter::default()).await.unwrap();
        if !slice.events.is_empty() {
            return now();
        }
        log.wait_for(before).await.unwrap();
    }
}

fn now() -> Duration {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap()
}

/// Three processes together beside one alone: what many writers of one head row cost each other.
pub(super) async fn servers(address: &str, total: usize) {
    let together = |servers: usize| {
        let parts = (0..servers).map(|_| Part::start("append", address)).collect::<Vec<_>>();
        let parts = std::sync::Mutex::new(parts);
        case(async move |round| {
            let mut parts = parts.lock().unwrap();
            let start = Instant::now();
            for (number, part) in parts.iter_mut().enumerate() {
                part.order(&format!("t-{servers}-{number}-{round} {} {}", 48 / servers, total / servers));
            }
            for part in parts.iter_mut() {
                assert_eq!(part.answer(), "done");
            }
            total as f64 / start.elapsed().as_secs_f64()
        })
    };
    compare(
        "PostgreSQL, 48 callers on their own streams in processes of their own (aim: 2 at 0.70× of 1 or more)",
        vec![("1 server", together(1)), ("3 servers together", together(SERVERS))],
    )
    .await;
}

/// From an append that is answered to a subscriber that has read it: in the same process, and in another.
pub(super) async fn news(folder: &std::path::Path, address: Option<&str>) {
    println!("\nFrom the answer of an append to a subscriber that has the event, {NEWS} times\n");
    let file: Log = Arc::new(SqliteStore::open(&folder.join("news")).unwrap());
    tell("SQLite, same process (aim: p99 < 1 ms)", within(&file).await);
    file.close().await;
    let Some(address) = address else { return };
    let log: Log = Arc::new(PostgresStore::connect(address).await.unwrap());
    tell("PostgreSQL, same process (aim: p99 < 1 ms)", within(&log).await);
    let mut other = Part::start("subscribe", address);
    let mut times = Vec::with_capacity(NEWS);
    for turn in 0..NEWS {
        let due = log.head().await.unwrap().0 + 1;
        other.order(&due.to_string());
        assert_eq!(other.answer(), "waiting");
        // Let it come to wait, as a subscriber does most of the time; no two at the same beat.
        tokio::time::sleep(Duration::from_micros(500 + 37 * (turn as u64 % 100))).await;
        log.append(an_append("news", Expected::Any, 1)).await.unwrap();
        let answered = now();
        let seen = Duration::from_nanos(other.answer().parse().unwrap());
        times.push(seen.saturating_sub(answered));
    }
    drop(other);
    tell("PostgreSQL, other process (aim: p99 < 10 ms)", times);
    log.close().await;
}

async fn within(log: &Log) -> Vec<Duration> {
    let mut times = Vec::with_capacity(NEWS);
    for _ in 0..NEWS {
        let due = Position(log.head().await.unwrap().0 + 1);
        let subscriber = log.clone();
        let subscriber = tokio::spawn(async move { seen(&subscriber, due).await });
        tokio::time::sleep(Duration::from_micros(500)).await;
        log.append(an_append("news", Expected::Any, 1)).await.unwrap();
        let answered = now();
        times.push(subscriber.await.unwrap().saturating_sub(answered));
    }
    times
}

fn tell(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let [p50, p99, most] = [times.len() / 2, times.len() * 99 / 100, times.len() - 1]
        .map(|at| times.get(at).map_or(0.0, |time| time.as_secs_f64() * 1000.0));
    println!("    {what:46} p50 {p50:7.3} ms   p99 {p99:7.3} ms   most {most:7.3} ms");
}
