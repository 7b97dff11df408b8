//! A PostgreSQL server for tests: started at first use, and removed when the program ends.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Runs the server until its standard input ends, which happens at any end of this program.
const KEEPER_SCRIPT: &str = r#"
    "$@" >"$FOLDER/log" 2>&1 &
    server=$!
    cat >/dev/null
    kill -INT $server
    wait $server
    rm -rf "$FOLDER"
"#;

/// The files of a server, and the command to run it.
pub(crate) struct Cluster {
    pub(crate) folder: PathBuf,
    user: String,
    programs: PathBuf,
    /// The command that runs the server.
    pub(crate) command: Vec<String>,
}

struct Server {
    cluster: Cluster,
    /// The server runs while the standard input of the keeper is open.
    _keeper: Child,
}

/// Creates an empty database, and returns its address.
pub(crate) async fn create_database() -> String {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let server = tokio::task::spawn_blocking(|| SERVER.get_or_init(start)).await.unwrap();
    create_database_in(&server.cluster).await
}

/// Creates an empty database on a running server, and returns its address.
pub(crate) async fn create_database_in(cluster: &Cluster) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("world_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let (client, connection) =
        tokio_postgres::connect(&cluster.address("postgres"), tokio_postgres::NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    client.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE template0")).await.unwrap();
    drop(client);
    connection.await.unwrap().unwrap();
    cluster.address(&name)
}

fn start() -> Server {
    let cluster = create_cluster();
    let mut keeper = Command::new("sh");
    keeper.args(["-c", KEEPER_SCRIPT, "keeper"]).args(&cluster.command).env("FOLDER", &cluster.folder);
    keeper.current_dir(&cluster.folder).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let keeper = keeper.spawn().unwrap();
    cluster.wait_until_ready();
    Server { cluster, _keeper: keeper }
}

/// Creates the files of a server without starting it. The caller removes the folder.
pub(crate) fn create_cluster() -> Cluster {
    let programs = programs().or_else(install).expect(
        "these tests need PostgreSQL: neither initdb and postgres were found on the PATH or in /usr/lib/postgresql, nor \
         could `apt-get install postgresql` get them",
    );
    let (user, identity) = identity();
    let folder = tempfile::Builder::new().prefix("eventlog-").tempdir().unwrap().keep();
    if let Some((uid, gid)) = identity {
        std::os::unix::fs::chown(&folder, Some(uid), Some(gid)).unwrap();
    }
    let as_user = |program: &Path| {
        let mut words = Vec::new();
        if let Some((uid, gid)) = identity {
            words.extend([
                "setpriv".into(),
                format!("--reuid={uid}"),
                format!("--regid={gid}"),
                "--clear-groups".into(),
            ]);
        }
        words.push(program.display().to_string());
        words
    };
    let data = folder.join("data").display().to_string();
    let mut initdb = as_user(&programs.join("initdb"));
    initdb.extend(["-D", &data, "-U", &user, "-A", "trust", "-E", "UTF8", "--locale=C", "-N"].map(String::from));
    let made = Command::new(&initdb[0]).args(&initdb[1..]).current_dir(&folder).output().unwrap();
    assert!(made.status.success(), "initdb failed: {}", String::from_utf8_lossy(&made.stderr));

    let socket = folder.display().to_string();
    let mut command = as_user(&programs.join("postgres"));
    command.extend(["-D", &data, "-k", &socket, "-c", "listen_addresses="].map(String::from));
    // These tests do not crash the machine, so syncing has no use.
    for setting in ["fsync=off", "max_connections=300", "shared_buffers=64MB", "log_min_messages=error"] {
        command.extend(["-c".to_owned(), setting.to_owned()]);
    }
    Cluster { folder, user, programs, command }
}

impl Cluster {
    /// The name of its superuser.
    #[allow(dead_code, reason = "not every program that includes this file uses it")]
    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    fn address(&self, database: &str) -> String {
        format!("host={} user={} dbname={database}", self.folder.display(), self.user)
    }

    /// Waits until the server on these files accepts queries.
    pub(crate) fn wait_until_ready(&self) {
        let (psql, folder) = (self.programs.join("psql"), self.folder.display().to_string());
        // Starting psql takes tens of milliseconds each time, so this neither spins nor ends too early.
        for _ in 0..600 {
            let mut ask = Command::new(&psql);
            ask.args(["-h", &folder, "-U", &self.user, "-d", "postgres", "-c", "SELECT 1"]);
            if ask.output().is_ok_and(|output| output.status.success()) {
                return;
            }
        }
        let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        panic!("PostgreSQL did not start: {log}");
    }
}

/// The folder with the programs.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut installed: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    installed.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path).chain(installed.into_iter().rev());
    folders.find(|folder| ["initdb", "postgres", "psql"].iter().all(|name| folder.join(name).exists()))
}

fn install() -> Option<PathBuf> {
    let installed = Command::new("apt-get")
        .args(["install", "--yes", "--no-install-recommends", "postgresql"])
        .env("DEBIAN_FRONTEND", "noninteractive")
        .output();
    installed.ok().filter(|done| done.status.success())?;
    programs()
}

/// PostgreSQL refuses to run as root; then it runs as somebody else.
fn identity() -> (String, Option<(u32, u32)>) {
    let id = |args: &[&str]| {
        let output = Command::new("id").args(args).output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let number = |args: &[&str]| id(args).and_then(|output| output.parse::<u32>().ok());
    if number(&["-u"]) != Some(0) {
        return (id(&["-un"]).unwrap_or_else(|| "postgres".to_owned()), None);
    }
    for user in ["postgres", "nobody"] {
        if let (Some(uid), Some(gid)) = (number(&["-u", user]), number(&["-g", user])) {
            return (user.to_owned(), Some((uid, gid)));
        }
    }
    panic!("PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it as");
}
