//! The real programs, built once and run as processes of their own.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::OnceLock;

use rustix::process::Pid;
use storefront_mocks::Mocks;

use crate::world::{WEBHOOK_SECRET, eventually};

/// The path of a program of this workspace; builds it first if need be.
pub(crate) fn program(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(build).join(name)
}

fn build() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let folder = this.parent().and_then(Path::parent).expect("tests stand in target/PROFILE/deps").to_owned();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--bins", "-p", "storefront", "-p", "storefront-server", "-p", "storefront-mocks"]);
    build.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    build.env("CARGO_TARGET_DIR", folder.parent().expect("the target folder"));
    // What cargo says of these tests is not for the programs: with it, build scripts that look would run anew each time.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            build.env_remove(name);
        }
    }
    if folder.ends_with("release") {
        build.arg("--release");
    }
    assert!(build.status().unwrap().success(), "the programs do not build");
    folder
}

/// Runs a program to its end.
pub(crate) fn run<S: AsRef<OsStr>>(name: &str, arguments: impl IntoIterator<Item = S>) -> Output {
    let mut command = Command::new(program(name));
    command.args(arguments).stdin(Stdio::null()).env_remove("STOREFRONT_SERVER").output().unwrap()
}

/// What `storefront-server` is told to open a shop with demo stock.
pub(crate) fn serving(listen: &str, mocks: &Mocks, store: &str) -> Vec<String> {
    let mail = format!("smtp://{}", mocks.smtp_addr());
    let (products, cards) = (mocks.products_url(), mocks.card_gateway_url());
    let options = [
        ("--listen", listen),
        ("--store", store),
        ("--products", &products),
        ("--card-gateway", &cards),
        ("--mail", &mail),
        ("--card-webhook-secret", WEBHOOK_SECRET),
    ];
    let options = options.iter().flat_map(|(name, value)| [(*name).to_owned(), (*value).to_owned()]);
    ["serve", "--demo-stock"].map(str::to_owned).into_iter().chain(options).collect()
}

/// A server in a process of its own. It is killed when this is dropped.
pub(crate) struct ServerProcess {
    child: Child,
    pub(crate) url: String,
}

impl ServerProcess {
    /// Starts a server on a free port, with its log in a file, and waits for its URL.
    pub(crate) fn start(mocks: &Mocks, store: &Path) -> Self {
        Self::start_at("127.0.0.1:0", mocks, store)
    }

    /// The same at an address, where clients of an earlier server look for it.
    pub(crate) fn start_at(listen: &str, mocks: &Mocks, store: &Path) -> Self {
        let mut command = Command::new(program("storefront-server"));
        command.args(serving(listen, mocks, &format!("sqlite:{}", store.display())));
        Self::running(command)
    }

    /// Starts a server on a free port on a log of any kind, with further options.
    pub(crate) fn start_with(mocks: &Mocks, store: &str, options: &[&str]) -> Self {
        let mut command = Command::new(program("storefront-server"));
        command.args(serving("127.0.0.1:0", mocks, store)).args(options);
        Self::running(command)
    }

    /// Runs a command that becomes a server, and waits for its URL.
    pub(crate) fn running(command: Command) -> Self {
        Self::try_running(command).expect("the server says where it is")
    }

    /// The same; `None` when it ends without a URL, as where its database cannot be reached.
    pub(crate) fn try_running(mut command: Command) -> Option<Self> {
        command.env("STOREFRONT_LOG", "error").stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        let server = Self { child, url: url.trim().to_owned() };
        server.url.starts_with("http://").then_some(server)
    }

    /// The number of its process.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// SIGTERM; waits for its end and tells how it ended.
    pub(crate) async fn terminate(&mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        eventually("the server has ended", || {
            let ended = self.child.try_wait().unwrap();
            async move { ended }
        })
        .await
    }

    /// As the power cut does it: SIGKILL, and no last word.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
