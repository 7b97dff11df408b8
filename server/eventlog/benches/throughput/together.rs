//! Several servers on one PostgreSQL, and the latency from an append to a subscriber. Each server is a process: this program,
//! started again with a role.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use storefront_eventlog::{Expected, Filter, Position, PostgresStore, SqliteStore};

use super::{Log, an_append, appends, case, compare};

/// The first argument of a process with a role: `part NAME ADDRESS`.
pub(super) const ROLE_ARGUMENT: &str = "part";
const SERVERS: usize = 3;
/// Number of appends whose latency is measured.
const NOTIFICATIONS: usize = 1000;

/// A process that executes each line of its input, and responds with a line.
struct RoleProcess {
    process: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl RoleProcess {
    fn start(name: &str, address: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([ROLE_ARGUMENT, name, address]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let (orders, answers) = (process.stdin.take(), BufReader::new(process.stdout.take().unwrap()));
        let mut part = Self { process, orders, answers };
        assert_eq!(part.read_line(), "ready");
        part
    }

    fn send_line(&mut self, words: &str) {
        writeln!(self.orders.as_mut().unwrap(), "{words}").unwrap();
    }

    fn read_line(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }
}

impl Drop for RoleProcess {
    fn drop(&mut self) {
        // The process ends at the end of its input.
        self.orders.take();
        let _ = self.process.wait();
    }
}

/// Runs a role; the main function of a process with a role.
pub(super) async fn run_role(name: &str, address: &str) {
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
            // `POSITION`: waits until it is readable, and prints the time.
            "subscribe" => {
                let due = Position(line.parse().unwrap());
                println!("waiting");
                println!("{}", wait_until_readable(&log, due).await.as_nanos());
            }
            other => panic!("nobody plays {other}"),
        }
    }
    log.close().await;
}

/// Waits until a position is readable, and returns the time on the clock that all processes share.
async fn wait_until_readable(log: &Log, due: Position) -> Duration {
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

/// Compares three processes with one: the cost of several writers of one head row.
pub(super) async fn servers(address: &str, total: usize) {
    let together = |servers: usize| {
        let parts = (0..servers).map(|_| RoleProcess::start("append", address)).collect::<Vec<_>>();
        let parts = std::sync::Mutex::new(parts);
        case(async move |round| {
            let mut parts = parts.lock().unwrap();
            let start = Instant::now();
            for (number, part) in parts.iter_mut().enumerate() {
                part.send_line(&format!("t-{servers}-{number}-{round} {} {}", 48 / servers, total / servers));
            }
            for part in parts.iter_mut() {
                assert_eq!(part.read_line(), "done");
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

/// Measures the time from the response to an append until a subscriber has read it, in the same process and in another.
pub(super) async fn news(folder: &std::path::Path, address: Option<&str>) {
    println!("\nFrom the answer of an append to a subscriber that has the event, {NOTIFICATIONS} times\n");
    let file: Log = Arc::new(SqliteStore::open(&folder.join("news")).unwrap());
    print_latencies("SQLite, same process (aim: p99 < 1 ms)", in_process_latencies(&file).await);
    file.close().await;
    let Some(address) = address else { return };
    let log: Log = Arc::new(PostgresStore::connect(address).await.unwrap());
    print_latencies("PostgreSQL, same process (aim: p99 < 1 ms)", in_process_latencies(&log).await);
    let mut other = RoleProcess::start("subscribe", address);
    let mut times = Vec::with_capacity(NOTIFICATIONS);
    for turn in 0..NOTIFICATIONS {
        let due = log.head().await.unwrap().0 + 1;
        other.send_line(&due.to_string());
        assert_eq!(other.read_line(), "waiting");
        // Lets the subscriber begin to wait; the pause varies, so that the appends have no common rhythm.
        tokio::time::sleep(Duration::from_micros(500 + 37 * (turn as u64 % 100))).await;
        log.append(an_append("news", Expected::Any, 1)).await.unwrap();
        let answered = now();
        let seen = Duration::from_nanos(other.read_line().parse().unwrap());
        times.push(seen.saturating_sub(answered));
    }
    drop(other);
    print_latencies("PostgreSQL, other process (aim: p99 < 10 ms)", times);
    log.close().await;
}

async fn in_process_latencies(log: &Log) -> Vec<Duration> {
    let mut times = Vec::with_capacity(NOTIFICATIONS);
    for _ in 0..NOTIFICATIONS {
        let due = Position(log.head().await.unwrap().0 + 1);
        let subscriber = log.clone();
        let subscriber = tokio::spawn(async move { wait_until_readable(&subscriber, due).await });
        tokio::time::sleep(Duration::from_micros(500)).await;
        log.append(an_append("news", Expected::Any, 1)).await.unwrap();
        let answered = now();
        times.push(subscriber.await.unwrap().saturating_sub(answered));
    }
    times
}

fn print_latencies(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let [p50, p99, most] = [times.len() / 2, times.len() * 99 / 100, times.len() - 1]
        .map(|at| times.get(at).map_or(0.0, |time| time.as_secs_f64() * 1000.0));
    println!("    {what:46} p50 {p50:7.3} ms   p99 {p99:7.3} ms   most {most:7.3} ms");
}
