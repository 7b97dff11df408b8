//! The power fails at any moment: whatever the disk has of what was not synced, nothing that was acknowledged is lost, and
//! there is a sound log or none (promise P1, SQLite).
//!
//! A shop and its tools are recorded while they write (`recording`), and from the trace come images of the disk after a power
//! cut (`disk`), each of which is opened (`judge`), some by a whole server. 100 images; `POWER_LOSS_IMAGES=2000` makes more. A
//! failure names the trace that it keeps and the seed; with both as `POWER_LOSS_TRACE` and `POWER_LOSS_SEED` it comes again.

mod chance;
mod disk;
mod judge;
mod recording;
mod trace;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::str::FromStr;

use storefront_client::Client;
use storefront_mocks::{Mocks, MocksConfig};
use tokio::sync::OnceCell;
use uuid::Uuid;

use self::chance::Chance;
use self::disk::Disk;
use self::judge::{Due, Fault, Whole, is_of_log_or_tools, is_on_disk};
use self::recording::LOG;
use self::trace::{Descriptor, Record};
use crate::crash::{a_checkout, a_product_with_plenty, ends_well, positions_are_dense};
use crate::programs::ServerProcess;

const IMAGES: u64 = 100;
/// On these images a whole server is started.
const SHOPS_OPENED: [u64; 5] = [5, 6, 7, 8, 9];
/// The write-ahead log is begun anew within so many records after the last page was written into the file.
const RECORDS_AFTER_FOLDING: usize = 100;
/// So many failures are told.
const FAILURES_TOLD: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_power_cut_leaves_on_the_disk_nothing_acknowledged_is_lost_and_the_log_is_sound() {
    let (trace, seed) = (trace().await, seed());
    let failures = judge_images(trace, number("POWER_LOSS_IMAGES").unwrap_or(IMAGES), seed, true).await;
    assert!(failures.is_empty(), "{}", failure_report(&failures, trace, seed));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_does_not_keep_its_syncs_is_seen_to_lose_what_was_acknowledged() {
    let (trace, seed) = (trace().await, seed());
    let failures = judge_images(trace, 20, seed, false).await;
    let lost = failures.iter().filter(|failure| matches!(failure.fault, Fault::Lost(_))).count();
    assert!(lost > 0, "{}", failure_report(&failures, trace, seed));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_opens_on_what_a_power_cut_leaves_and_sells() {
    let (trace, seed) = (trace().await, seed());
    let sold = tokio::spawn(sell_after_power_cuts(trace, seed)).await;
    assert!(sold.is_ok(), "{}", failure_report(&[], trace, seed));
}

/// Starts a server on images with the views as they are, which are not synced with every change.
async fn sell_after_power_cuts(trace: &'static [u8], seed: u64) {
    let records = trace::read(trace);
    let mut disk = DiskInUse::new(true);
    let mocks = Mocks::start(MocksConfig::default()).await.unwrap();
    for (moment, image, chance) in power_cuts(&records, SHOPS_OPENED, seed) {
        disk.go_on(&records, moment);
        let folder = tempfile::tempdir().unwrap();
        disk.disk.write_after_power_loss(folder.path(), is_on_disk, &chance);
        let server = ServerProcess::start(&mocks, &folder.path().join(LOG));
        let client = Client::new(&server.url).unwrap();
        let product = a_product_with_plenty(&client).await;
        let order = a_checkout(&client, &product).await;
        ends_well(&client, &mocks, order, &format!("image {image}")).await;
        assert!(client.readiness().await.unwrap().head > disk.due.position);
        positions_are_dense(&client).await;
        server.kill();
    }
}

struct Failure {
    image: u64,
    /// How much of the trace came before.
    records: usize,
    fault: Fault,
}

/// Makes images of the disk at random moments and judges each.
async fn judge_images(trace: &[u8], images: u64, seed: u64, keeps_syncs: bool) -> Vec<Failure> {
    let records = trace::read(trace);
    let whole = Whole::of(&records).await;
    let mut disk = DiskInUse::new(keeps_syncs);
    let mut failures = Vec::new();
    for (moment, image, chance) in power_cuts(&records, 0..images, seed) {
        disk.go_on(&records, moment);
        let folder = tempfile::tempdir().unwrap();
        disk.disk.write_after_power_loss(folder.path(), is_of_log_or_tools, &chance);
        if let Err(fault) = whole.judge(folder.path(), &disk.due, chance.percent(50)).await {
            failures.push(Failure { image, records: moment, fault });
        }
    }
    failures
}

/// A disk while programs write to it, and what they have acknowledged.
struct DiskInUse<'a> {
    disk: Disk<'a>,
    due: Due,
    records: usize,
}

impl<'a> DiskInUse<'a> {
    fn new(keeps_syncs: bool) -> Self {
        Self { disk: Disk::new(keeps_syncs), due: Due::default(), records: 0 }
    }

    /// Does what the records up to a later moment say.
    fn go_on(&mut self, records: &[Record<'a>], moment: usize) {
        for record in &records[self.records..moment] {
            self.disk.apply(record);
            self.due.apply(record);
        }
        self.records = moment;
    }
}

/// When the power fails for each image, in this order, and what else is left to chance.
fn power_cuts(records: &[Record<'_>], images: impl IntoIterator<Item = u64>, seed: u64) -> Vec<(usize, u64, Chance)> {
    let moments = Moments::of(records);
    let cut = |image| {
        let chance = Chance::of(seed, image);
        (moments.choose(image, &chance), image, chance)
    };
    let mut cuts: Vec<_> = images.into_iter().map(cut).collect();
    cuts.sort_by_key(|(moment, image, _)| (*moment, *image));
    cuts
}

/// The moments between two records at which the power may fail, by what is being done.
#[derive(Default)]
struct Moments {
    /// Of ten images, two are of the log's creation, three of the tools, two of a time in which the write-ahead log is folded
    /// into the file or begun anew, and three of the shop at work.
    creation: Stretch,
    tools: Stretch,
    folding: Stretch,
    shop: Stretch,
}

#[derive(Default)]
struct Stretch {
    all: Vec<usize>,
    /// Before and after a sync begins or ends, and where names and lengths change.
    boundaries: Vec<usize>,
}

impl Moments {
    fn of(records: &[Record<'_>]) -> Self {
        let mut moments = Self::default();
        let (mut created, mut folds) = (false, 0_usize);
        let mut open: HashMap<Descriptor, &str> = HashMap::new();
        for (index, record) in records.iter().enumerate() {
            created |= matches!(record, Record::Started);
            let path = match record {
                Record::Open { file, path, .. } => {
                    open.insert(*file, path);
                    path
                }
                Record::Close { .. } | Record::Acknowledged { .. } | Record::Finished { .. } | Record::Started => {
                    continue;
                }
                Record::Write { file, .. }
                | Record::Truncate { file, .. }
                | Record::SyncBegin { file, .. }
                | Record::SyncEnd { file, .. } => open[file],
                Record::Rename { from: path, .. }
                | Record::Link { from: path, .. }
                | Record::Unlink { path }
                | Record::MakeFolder { path } => path,
            };
            let of_shop = path.starts_with("/of/");
            if of_shop && !is_of_log_or_tools(path) {
                continue;
            }
            let into_the_file = matches!(record, Record::Write { .. }) && path.ends_with("/shop.db");
            folds = if into_the_file { RECORDS_AFTER_FOLDING } else { folds.saturating_sub(1) };
            let stretch = match (created, of_shop) {
                (false, _) => &mut moments.creation,
                (true, true) if folds > 0 => &mut moments.folding,
                (true, true) => &mut moments.shop,
                (true, false) => &mut moments.tools,
            };
            stretch.all.push(index + 1);
            if record.is_boundary() {
                stretch.boundaries.extend([index, index + 1]);
            }
        }
        moments
    }

    /// How many records come before a power cut.
    fn choose(&self, image: u64, chance: &Chance) -> usize {
        let stretch = match image % 10 {
            0 | 1 => &self.creation,
            2..=4 => &self.tools,
            5 | 6 => &self.folding,
            _ => &self.shop,
        };
        let moments = if chance.percent(50) { &stretch.all } else { &stretch.boundaries };
        moments[chance.below(moments.len())]
    }
}

/// One recording serves all tests.
async fn trace() -> &'static [u8] {
    static TRACE: OnceCell<Vec<u8>> = OnceCell::const_new();
    let read_or_record = || async {
        match std::env::var_os("POWER_LOSS_TRACE") {
            Some(path) => std::fs::read(path).unwrap(),
            None => recording::record().await,
        }
    };
    TRACE.get_or_init(read_or_record).await
}

fn seed() -> u64 {
    number("POWER_LOSS_SEED").unwrap_or_else(|| Uuid::new_v4().as_u64_pair().1)
}

fn number<T: FromStr>(variable: &str) -> Option<T> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

fn failure_report(failures: &[Failure], trace: &[u8], seed: u64) -> String {
    let (_, kept) = tempfile::Builder::new().prefix("power-loss-").tempfile().unwrap().keep().unwrap();
    std::fs::write(&kept, trace).unwrap();
    let mut text =
        format!("{} failures with POWER_LOSS_TRACE={} POWER_LOSS_SEED={seed}", failures.len(), kept.display());
    for Failure { image, records, fault } in failures.iter().take(FAILURES_TOLD) {
        write!(text, "\nimage {image}, after {records} records: {fault}").unwrap();
    }
    text
}
