//! Records a short life of a shop: its log is created, people shop, the server is stopped, killed and started again, and the
//! log is exported, backed up and imported. Every command that is acknowledged is noted in the trace.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use storefront_api::{AddItem, Product, ReceiveStock};
use storefront_client::{Client, IdempotencyKey, WriteResponse};
use storefront_mocks::{Mocks, MocksConfig};

use super::disk::Disk;
use super::trace::{self, Notes, Record};
use crate::crash::a_product_with_plenty;
use crate::programs::{ServerProcess, program, serving};
use crate::world::{VISA, an_order, card, checkout};

/// The log, in folders that the server makes.
pub(super) const LOG: &str = "of/my/shop/shop.db";
/// What the tools write.
pub(super) const EXPORT: &str = "/export.jsonl";
pub(super) const BACKUP: &str = "/backup.db";
pub(super) const IMPORT: &str = "/imported.db";
/// Orders of each of four shoppers between two starts of the server.
const FEW_ORDERS: usize = 4;
/// So many that SQLite folds its write-ahead log while they come, and begins it anew.
const MANY_ORDERS: usize = 32;

/// Records a trace.
pub(super) async fn record() -> Vec<u8> {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().canonicalize().unwrap();
    let (disk, trace) = (folder.join("disk"), folder.join("trace"));
    fs::create_dir(&disk).unwrap();
    let notes = Notes::begin(&trace);
    let recorded = Recorded { interposer: build_interposer(&folder), disk, trace };
    let mocks = Mocks::start(MocksConfig::default()).await.unwrap();

    let mut server = recorded.server(&mocks);
    notes.started();
    shop(&server, FEW_ORDERS, &notes).await;
    server.terminate().await;

    let server = recorded.server(&mocks);
    let tools = async {
        recorded.tool(&["export", "--out"], EXPORT, &notes).await;
        recorded.tool(&["backup"], BACKUP, &notes).await;
    };
    tokio::join!(shop(&server, FEW_ORDERS, &notes), tools);
    notes.between_records(|| server.kill());

    let mut server = recorded.server(&mocks);
    shop(&server, MANY_ORDERS, &notes).await;
    server.terminate().await;
    recorded.import(&notes);

    let trace = fs::read(&recorded.trace).unwrap();
    comes_to(&trace, &recorded.disk);
    assert!(begins_its_write_ahead_log_anew(&trace), "too little was written to prove much");
    trace
}

/// Programs that are recorded.
struct Recorded {
    interposer: PathBuf,
    disk: PathBuf,
    trace: PathBuf,
}

impl Recorded {
    fn command(&self) -> Command {
        let mut command = Command::new(program("storefront-server"));
        command.env("LD_PRELOAD", &self.interposer);
        command.env("POWER_LOSS_FOLDER", &self.disk).env("POWER_LOSS_TRACE", &self.trace);
        command
    }

    fn store(&self) -> String {
        format!("sqlite:{}", self.disk.join(LOG).display())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.disk.join(name.trim_start_matches('/'))
    }

    fn server(&self, mocks: &Mocks) -> ServerProcess {
        let mut command = self.command();
        command.args(serving("127.0.0.1:0", mocks, &self.store()));
        ServerProcess::running(command)
    }

    /// Runs a tool that reads the log and writes a file, beside the server.
    async fn tool(&self, arguments: &[&str], writes: &str, notes: &Notes) {
        let mut command = self.command();
        command.args(arguments).arg(self.path(writes)).args(["--store", &self.store()]);
        tokio::task::spawn_blocking(move || succeeds(command)).await.unwrap();
        notes.finished(writes);
    }

    /// Imports the export into a log of its own.
    fn import(&self, notes: &Notes) {
        let mut command = self.command();
        command.arg("import").arg(self.path(EXPORT));
        command.args(["--store", &format!("sqlite:{}", self.path(IMPORT).display())]);
        succeeds(command);
        notes.finished(IMPORT);
    }
}

fn succeeds(mut command: Command) {
    assert!(command.stdout(Stdio::null()).status().unwrap().success());
}

/// A library that records what a program does that is started with it.
fn build_interposer(folder: &Path) -> PathBuf {
    let library = folder.join("interposer.so");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut build = Command::new(rustc);
    build.args(["--edition=2024", "--crate-type=cdylib", "-O", "-Cpanic=abort", "-o"]).arg(&library);
    build.arg("e2e/power_loss/interposer.rs").current_dir(env!("CARGO_MANIFEST_DIR"));
    assert!(build.status().unwrap().success(), "the interposer does not build");
    library
}

/// Four people shop at once.
async fn shop(server: &ServerProcess, orders: usize, notes: &Notes) {
    let client = Client::new(&server.url).unwrap();
    let product = a_product_with_plenty(&client).await;
    let receive = ReceiveStock { quantity: 200 };
    acknowledged(notes, client.receive_stock(&product.id, &receive, &IdempotencyKey::new()).await.unwrap());
    let shopper = || buys(&client, &product, orders, notes);
    tokio::join!(shopper(), shopper(), shopper(), shopper());
}

async fn buys(client: &Client, product: &Product, orders: usize, notes: &Notes) {
    for pieces in [1, 2, 3].into_iter().cycle().take(orders) {
        let order = an_order();
        let add = AddItem { product_id: product.id.clone(), quantity: pieces };
        let basket = client.add_item(order, &add, &IdempotencyKey::new()).await.unwrap();
        let basket = acknowledged(notes, basket);
        let bought = checkout(&basket, card(VISA));
        acknowledged(notes, client.checkout(order, &bought, &IdempotencyKey::new()).await.unwrap());
        let receive = ReceiveStock { quantity: pieces };
        acknowledged(notes, client.receive_stock(&product.id, &receive, &IdempotencyKey::new()).await.unwrap());
    }
}

fn acknowledged<T>(notes: &Notes, written: WriteResponse<T>) -> T {
    notes.acknowledged(written.position.unwrap());
    written.value
}

/// Fails when a trace misses something that was done to the files in a folder.
fn comes_to(trace: &[u8], disk: &Path) {
    let mut replayed = Disk::new(true);
    for record in trace::read(trace) {
        replayed.apply(&record);
    }
    let folder = tempfile::tempdir().unwrap();
    replayed.write_now(folder.path(), |_| true);
    let (replayed, found) = (all_files(folder.path()), all_files(disk));
    let names = |files: &[(PathBuf, Vec<u8>)]| files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&replayed), names(&found));
    for ((name, replayed), (_, found)) in replayed.iter().zip(&found) {
        // An index that programs share in memory has no writes.
        let in_memory = name.to_string_lossy().ends_with("-shm");
        assert!(replayed == found || in_memory, "the trace misses something of {}", name.display());
    }
}

/// Whether SQLite came back to the beginning of its write-ahead log while that had something in it.
fn begins_its_write_ahead_log_anew(trace: &[u8]) -> bool {
    let (mut open, mut len) = (HashSet::new(), 0);
    for record in trace::read(trace) {
        match record {
            Record::Open { file, path, .. } if path.ends_with("/shop.db-wal") => drop(open.insert(file)),
            Record::Close { file } => drop(open.remove(&file)),
            Record::Write { file, offset, .. } if open.contains(&file) && offset == 0 && len > 0 => return true,
            Record::Write { file, offset, bytes } if open.contains(&file) => len = len.max(offset + bytes.len()),
            Record::Truncate { file, len: new_len } if open.contains(&file) => len = new_len,
            _ => {}
        }
    }
    false
}

fn all_files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push((path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}
