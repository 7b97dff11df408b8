//! The servers of a run and their database, each of which can fail and recover.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};
use storefront_mocks::Mocks;
use tempfile::TempDir;
use tokio::task::block_in_place;

use crate::database_link::{DatabaseLink, LinkState};
use crate::postgres_server::{self, Cluster};
use crate::programs::{ServerProcess, program, serve_arguments};

/// Timeout of a restart.
const RESTART_TIMEOUT: Duration = Duration::from_secs(60);
/// Duration of leases, short so that other servers take over soon.
const LEASE_MS: &str = "900";

/// A PostgreSQL server of one run, which may crash.
pub(super) struct Postgres {
    cluster: Cluster,
    commands: ChildStdin,
    replies: BufReader<ChildStdout>,
    /// Ends with its standard input, stops the server and removes its files.
    _keeper: Child,
}

/// Runs the server, and executes the lines of its standard input until that ends, which it does when this program ends.
const KEEPER_SCRIPT: &str = r#"
    "$@" >"$FOLDER/log" 2>&1 &
    server=$!
    while read -r command; do
        case $command in
            crash) kill -QUIT $server; wait $server ;;
            start) "$@" >>"$FOLDER/log" 2>&1 & server=$! ;;
        esac
        echo done
    done
    kill -INT $server
    wait $server
    rm -rf "$FOLDER"
"#;

impl Postgres {
    fn start() -> Self {
        let cluster = postgres_server::create_cluster();
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER_SCRIPT, "keeper"]).args(&cluster.command).env("FOLDER", &cluster.folder);
        keeper.current_dir(&cluster.folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut keeper = keeper.spawn().unwrap();
        let commands = keeper.stdin.take().unwrap();
        let replies = BufReader::new(keeper.stdout.take().unwrap());
        cluster.wait_until_ready();
        Self { cluster, commands, replies, _keeper: keeper }
    }

    /// Stops the server without a clean shutdown (SIGQUIT).
    fn crash(&mut self) {
        self.command("crash");
    }

    fn restart(&mut self) {
        self.command("start");
        self.cluster.wait_until_ready();
    }

    fn command(&mut self, command: &str) {
        writeln!(self.commands, "{command}").unwrap();
        let mut reply = String::new();
        self.replies.read_line(&mut reply).unwrap();
        assert_eq!(reply, "done\n");
    }
}

/// One server and its link to the database.
struct Node {
    store: String,
    /// The file of its log lines.
    log: PathBuf,
    listen: String,
    /// `None` while it is killed.
    process: Option<ServerProcess>,
    link: Option<DatabaseLink>,
}

/// All servers of a run.
pub(super) struct Servers {
    pub(super) mocks: Mocks,
    nodes: Vec<Node>,
    postgres: Option<Postgres>,
    _folder: TempDir,
}

impl Servers {
    /// One server on SQLite.
    pub(super) fn on_sqlite(mocks: Mocks) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = format!("sqlite:{}", folder.path().join("shop.db").display());
        let node = block_in_place(|| Node::start(&mocks, store, folder.path().join("server.log"), None));
        Self { mocks, nodes: vec![node], postgres: None, _folder: folder }
    }

    /// Several servers on one database, each with its own link.
    pub(super) async fn on_postgres(mocks: Mocks, count: usize) -> Self {
        let postgres = block_in_place(Postgres::start);
        let address = postgres_server::create_database_in(&postgres.cluster).await;
        let folder = tempfile::tempdir().unwrap();
        let mut nodes = Vec::new();
        for number in 0..count {
            let link = DatabaseLink::to(&address).await;
            let (store, log) = (link.url.clone(), folder.path().join(format!("server-{number}.log")));
            nodes.push(block_in_place(|| Node::start(&mocks, store, log, Some(link))));
        }
        Self { mocks, nodes, postgres: Some(postgres), _folder: folder }
    }

    pub(super) fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(|node| format!("http://{}", node.listen)).collect()
    }

    pub(super) fn has_postgres(&self) -> bool {
        self.postgres.is_some()
    }

    /// Sends SIGKILL.
    pub(super) fn kill(&mut self, server: usize) {
        if let Some(process) = self.nodes[server].process.take() {
            process.kill();
        }
    }

    /// Starts a killed server at the same address.
    pub(super) fn restart(&mut self, server: usize) {
        let Self { mocks, nodes, .. } = self;
        let node = &mut nodes[server];
        node.process = Some(block_in_place(|| start_server(&node.listen, mocks, &node.store, &node.log)));
    }

    pub(super) fn signal(&self, server: usize, signal: Signal) {
        if let Some(process) = &self.nodes[server].process {
            kill_process(process.pid(), signal).unwrap();
        }
    }

    pub(super) fn set_link(&self, server: usize, state: LinkState) {
        if let Some(link) = &self.nodes[server].link {
            link.set(state);
        }
    }

    pub(super) fn crash_database(&mut self) {
        block_in_place(|| self.postgres.as_mut().unwrap().crash());
    }

    pub(super) fn restart_database(&mut self) {
        block_in_place(|| self.postgres.as_mut().unwrap().restart());
    }
}

impl Node {
    fn start(mocks: &Mocks, store: String, log: PathBuf, link: Option<DatabaseLink>) -> Self {
        let process = start_server("127.0.0.1:0", mocks, &store, &log);
        let listen = process.url.strip_prefix("http://").unwrap().to_owned();
        Self { store, log, listen, process: Some(process), link }
    }
}

/// Starts a server, and tries again while its database recovers or its port is taken.
fn start_server(listen: &str, mocks: &Mocks, store: &str, log: &Path) -> ServerProcess {
    let deadline = Instant::now() + RESTART_TIMEOUT;
    loop {
        let mut command = Command::new(program("storefront-server"));
        command.args(serve_arguments(listen, mocks, store)).args(["--lease-ms", LEASE_MS]);
        command.stderr(File::options().append(true).create(true).open(log).unwrap());
        if let Some(server) = ServerProcess::try_spawn(command) {
            return server;
        }
        let output = std::fs::read_to_string(log).unwrap_or_default();
        let last = output.lines().last().unwrap_or_default();
        assert!(Instant::now() < deadline, "the server at {listen} does not start: {last}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
