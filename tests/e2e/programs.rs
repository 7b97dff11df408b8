//! Builds the programs once, and runs them as processes.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::OnceLock;

use rustix::process::Pid;
use storefront_mocks::Mocks;

use crate::world::{WEBHOOK_SECRET, eventually};

/// The path of a program of this workspace, built on first use.
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
    // Without this, build scripts that read these variables of the test run again at each build.
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

/// Runs a program and waits for its end.
pub(crate) fn run<S: AsRef<OsStr>>(name: &str, arguments: impl IntoIterator<Item = S>) -> Output {
    let mut command = Command::new(program(name));
    command.args(arguments).stdin(Stdio::null()).env_remove("STOREFRONT_SERVER").output().unwrap()
}

/// The arguments of `storefront-server` for a shop with demo stock.
pub(crate) fn serve_arguments(listen: &str, mocks: &Mocks, store: &str) -> Vec<String> {
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

/// A server process; killed on drop.
pub(crate) struct ServerProcess {
    child: Child,
    pub(crate) url: String,
}

impl ServerProcess {
    /// Starts a server on a free port, with its log in a file, and waits for its URL.
    pub(crate) fn start(mocks: &Mocks, store: &Path) -> Self {
        Self::start_at("127.0.0.1:0", mocks, store)
    }

    /// Like [`ServerProcess::start`], at an address that clients know.
    pub(crate) fn start_at(listen: &str, mocks: &Mocks, store: &Path) -> Self {
        let mut command = Command::new(program("storefront-server"));
        command.args(serve_arguments(listen, mocks, &format!("sqlite:{}", store.display())));
        Self::spawn(command)
    }

    /// Starts a server on a free port with any store and further options.
    pub(crate) fn start_with(mocks: &Mocks, store: &str, options: &[&str]) -> Self {
        let mut command = Command::new(program("storefront-server"));
        command.args(serve_arguments("127.0.0.1:0", mocks, store)).args(options);
        Self::spawn(command)
    }

    /// Starts a server by a command, and waits for its URL.
    pub(crate) fn spawn(command: Command) -> Self {
        Self::try_spawn(command).expect("the server says where it is")
    }

    /// Like [`ServerProcess::spawn`]; `None` when the process ends without a URL, for example without its database.
    pub(crate) fn try_spawn(mut command: Command) -> Option<Self> {
        command.env("STOREFRONT_LOG", "error").stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        let server = Self { child, url: url.trim().to_owned() };
        server.url.starts_with("http").then_some(server)
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Sends SIGTERM, and waits for the exit status.
    pub(crate) async fn terminate(&mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        eventually("the server has ended", || {
            let ended = self.child.try_wait().unwrap();
            async move { ended }
        })
        .await
    }

    /// Sends SIGKILL.
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
