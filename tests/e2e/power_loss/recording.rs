//! Records a trace: a log is created, shoppers buy, the server is stopped, killed and restarted, and the log is
//! exported, backed up and imported. Every acknowledged command is a record of the trace.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use storefront_api::{AddItem, Product, ReceiveStock};
use storefront_client::{Client, IdempotencyKey, WriteResponse};
use storefront_mocks::{Mocks, MocksConfig};

use super::disk::Disk;
use super::trace::{self, Record, TraceWriter};
use crate::crash::product_in_stock;
use crate::programs::{ServerProcess, program, serve_arguments};
use crate::world::{VISA, an_order, card, checkout};

/// Path of the log, in folders that the server creates.
pub(super) const LOG: &str = "of/my/shop/shop.db";
/// Paths of the files that the tools write.
pub(super) const EXPORT: &str = "/export.jsonl";
pub(super) const BACKUP: &str = "/backup.db";
pub(super) const IMPORT: &str = "/imported.db";
/// Orders of each of four shoppers between two starts of the server.
const FEW_ORDERS: usize = 4;
/// Enough that SQLite checkpoints and restarts its write-ahead log meanwhile.
const MANY_ORDERS: usize = 80;

pub(super) async fn record() -> Vec<u8> {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().canonicalize().unwrap();
    let (disk, trace) = (folder.join("disk"), folder.join("trace"));
    fs::create_dir(&disk).unwrap();
    let writer = TraceWriter::create(&trace);
    let programs = RecordedPrograms { interposer: build_interposer(&folder), disk, trace };
    let mocks = Mocks::start(MocksConfig::default()).await.unwrap();

    let mut server = programs.server(&mocks);
    writer.started();
    shop(&server, FEW_ORDERS, &writer).await;
    server.terminate().await;

    let server = programs.server(&mocks);
    let tools = async {
        programs.tool(&["export", "--out"], EXPORT, &writer).await;
        programs.tool(&["backup"], BACKUP, &writer).await;
    };
    tokio::join!(shop(&server, FEW_ORDERS, &writer), tools);
    writer.between_records(|| server.kill());

    let mut server = programs.server(&mocks);
    shop(&server, MANY_ORDERS, &writer).await;
    server.terminate().await;
    programs.import(&writer);

    let trace = fs::read(&programs.trace).unwrap();
    assert_trace_is_complete(&trace, &programs.disk);
    assert!(restarts_write_ahead_log(&trace), "too little was written to prove much");
    trace
}

/// Starts programs that are recorded.
struct RecordedPrograms {
    interposer: PathBuf,
    disk: PathBuf,
    trace: PathBuf,
}

impl RecordedPrograms {
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
        command.args(serve_arguments("127.0.0.1:0", mocks, &self.store()));
        ServerProcess::spawn(command)
    }

    /// Runs a tool that reads the log and writes a file, while the server runs.
    async fn tool(&self, arguments: &[&str], writes: &str, writer: &TraceWriter) {
        let mut command = self.command();
        command.args(arguments).arg(self.path(writes)).args(["--store", &self.store()]);
        tokio::task::spawn_blocking(move || succeeds(command)).await.unwrap();
        writer.finished(writes);
    }

    /// Imports the export into a log of its own.
    fn import(&self, writer: &TraceWriter) {
        let mut command = self.command();
        command.arg("import").arg(self.path(EXPORT));
        command.args(["--store", &format!("sqlite:{}", self.path(IMPORT).display())]);
        succeeds(command);
        writer.finished(IMPORT);
    }
}

fn succeeds(mut command: Command) {
    assert!(command.stdout(Stdio::null()).status().unwrap().success());
}

/// Builds the library that records the file operations of a program.
fn build_interposer(folder: &Path) -> PathBuf {
    let library = folder.join("interposer.so");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut build = Command::new(rustc);
    build.args(["--edition=2024", "--crate-type=cdylib", "-O", "-Cpanic=abort", "-o"]).arg(&library);
    build.arg("e2e/power_loss/interposer.rs").current_dir(env!("CARGO_MANIFEST_DIR"));
    assert!(build.status().unwrap().success(), "the interposer does not build");
    library
}

/// Four shoppers buy concurrently.
async fn shop(server: &ServerProcess, orders: usize, writer: &TraceWriter) {
    let client = Client::new(&server.url).unwrap();
    let product = product_in_stock(&client).await;
    let receive = ReceiveStock { quantity: 200 };
    acknowledged(writer, client.receive_stock(&product.id, &receive, &IdempotencyKey::new()).await.unwrap());
    let shopper = || buy_orders(&client, &product, orders, writer);
    tokio::join!(shopper(), shopper(), shopper(), shopper());
}

async fn buy_orders(client: &Client, product: &Product, orders: usize, writer: &TraceWriter) {
    for pieces in [1, 2, 3].into_iter().cycle().take(orders) {
        let order = an_order();
        let add = AddItem { product_id: product.id.clone(), quantity: pieces };
        let basket = client.add_item(order, &add, &IdempotencyKey::new()).await.unwrap();
        let basket = acknowledged(writer, basket);
        let bought = checkout(&basket, card(VISA));
        acknowledged(writer, client.checkout(order, &bought, &IdempotencyKey::new()).await.unwrap());
        let receive = ReceiveStock { quantity: pieces };
        acknowledged(writer, client.receive_stock(&product.id, &receive, &IdempotencyKey::new()).await.unwrap());
    }
}

fn acknowledged<T>(writer: &TraceWriter, written: WriteResponse<T>) -> T {
    writer.acknowledged(written.position.unwrap());
    written.value
}

/// Asserts that replaying a trace gives the content of a folder.
fn assert_trace_is_complete(trace: &[u8], disk: &Path) {
    let mut replayed = Disk::new(true);
    for record in trace::read(trace) {
        replayed.apply(&record);
    }
    let folder = tempfile::tempdir().unwrap();
    replayed.write_current(folder.path(), |_| true);
    let (replayed, found) = (all_files(folder.path()), all_files(disk));
    let names = |files: &[(PathBuf, Vec<u8>)]| files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&replayed), names(&found));
    for ((name, replayed), (_, found)) in replayed.iter().zip(&found) {
        // The shared memory of SQLite is written without system calls.
        let in_memory = name.to_string_lossy().ends_with("-shm");
        assert!(replayed == found || in_memory, "the trace misses something of {}", name.display());
    }
}

/// Whether SQLite restarted its write-ahead log from the beginning.
fn restarts_write_ahead_log(trace: &[u8]) -> bool {
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
