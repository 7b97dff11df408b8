//! Simulates power cuts at any moment: whatever part of the unsynced data the disk has, no acknowledged write is lost, and
//! there is a sound log or none (promise P1, SQLite).
//!
//! `recording` records the writes of a shop and its tools. `disk` makes images of the disk after a power cut from that trace,
//! and `image_check` opens and checks each image; some are opened by a whole server. 100 images; `POWER_LOSS_IMAGES=2000`
//! makes more. A failure names its trace file and seed; `POWER_LOSS_TRACE` and `POWER_LOSS_SEED` repeat it.

mod disk;
mod image_check;
mod recording;
mod seeded_rng;
mod trace;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::str::FromStr;

use storefront_client::Client;
use storefront_mocks::{Mocks, MocksConfig};
use tokio::sync::OnceCell;
use uuid::Uuid;

use self::disk::Disk;
use self::image_check::{ExpectedContent, ImageFault, Required, is_of_log_or_tools, is_on_disk};
use self::recording::LOG;
use self::seeded_rng::SeededRng;
use self::trace::{Descriptor, Record};
use crate::crash::{a_checkout, assert_confirmed_once, assert_dense_positions, product_in_stock};
use crate::programs::ServerProcess;

const DEFAULT_IMAGES: u64 = 100;
/// Images on which a whole server is started.
const IMAGES_WITH_SERVER: [u64; 5] = [5, 6, 7, 8, 9];
/// The write-ahead log restarts within this many records after the last page of a checkpoint was written to the file.
const RECORDS_AFTER_CHECKPOINT: usize = 100;
/// Maximum number of failures in a failure message.
const MAX_REPORTED_FAILURES: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_power_cut_leaves_on_the_disk_nothing_acknowledged_is_lost_and_the_log_is_sound() {
    let (trace, seed) = (trace().await, seed());
    let failures = check_images(trace, env_number("POWER_LOSS_IMAGES").unwrap_or(DEFAULT_IMAGES), seed, true).await;
    assert!(failures.is_empty(), "{}", failure_report(&failures, trace, seed));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_does_not_keep_its_syncs_is_seen_to_lose_what_was_acknowledged() {
    let (trace, seed) = (trace().await, seed());
    let failures = check_images(trace, 20, seed, false).await;
    let lost = failures.iter().filter(|failure| matches!(failure.fault, ImageFault::Lost(_))).count();
    assert!(lost > 0, "{}", failure_report(&failures, trace, seed));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_opens_on_what_a_power_cut_leaves_and_sells() {
    let (trace, seed) = (trace().await, seed());
    let sold = tokio::spawn(sell_after_power_cuts(trace, seed)).await;
    assert!(sold.is_ok(), "{}", failure_report(&[], trace, seed));
}

/// Starts a server on images that include the views, which are not synced with every change.
async fn sell_after_power_cuts(trace: &'static [u8], seed: u64) {
    let records = trace::read(trace);
    let mut disk = ReplayedDisk::new(true);
    for (moment, image, rng) in power_cuts(&records, IMAGES_WITH_SERVER, seed) {
        // Each image gives its next orders the numbers that others give to theirs: no two share a mailbox.
        let mocks = Mocks::start(MocksConfig::default()).await.unwrap();
        disk.replay_until(&records, moment);
        let folder = tempfile::tempdir().unwrap();
        disk.disk.write_after_power_loss(folder.path(), is_on_disk, &rng);
        let server = ServerProcess::start(&mocks, &folder.path().join(LOG));
        let client = Client::new(&server.url).unwrap();
        let product = product_in_stock(&client).await;
        let order = a_checkout(&client, &product).await;
        assert_confirmed_once(&client, &mocks, order, &format!("image {image}")).await;
        assert!(client.readiness().await.unwrap().head > disk.required.position);
        assert_dense_positions(&client).await;
        server.kill();
    }
}

struct Failure {
    image: u64,
    /// Number of records before the power cut.
    records: usize,
    fault: ImageFault,
}

/// Makes images of the disk at random moments and checks each.
async fn check_images(trace: &[u8], images: u64, seed: u64, keeps_syncs: bool) -> Vec<Failure> {
    let records = trace::read(trace);
    let expected = ExpectedContent::from_trace(&records).await;
    let mut disk = ReplayedDisk::new(keeps_syncs);
    let mut failures = Vec::new();
    for (moment, image, rng) in power_cuts(&records, 0..images, seed) {
        disk.replay_until(&records, moment);
        let folder = tempfile::tempdir().unwrap();
        disk.disk.write_after_power_loss(folder.path(), is_of_log_or_tools, &rng);
        if let Err(fault) = expected.check_image(folder.path(), &disk.required, rng.percent(50)).await {
            failures.push(Failure { image, records: moment, fault });
        }
    }
    failures
}

/// A disk that replays a trace, and what must be on it after a power cut.
struct ReplayedDisk<'a> {
    disk: Disk<'a>,
    required: Required,
    records: usize,
}

impl<'a> ReplayedDisk<'a> {
    fn new(keeps_syncs: bool) -> Self {
        Self { disk: Disk::new(keeps_syncs), required: Required::default(), records: 0 }
    }

    /// Applies the records up to a later moment.
    fn replay_until(&mut self, records: &[Record<'a>], moment: usize) {
        for record in &records[self.records..moment] {
            self.disk.apply(record);
            self.required.apply(record);
        }
        self.records = moment;
    }
}

/// Moment, image and random generator of each power cut, ordered by moment.
fn power_cuts(
    records: &[Record<'_>],
    images: impl IntoIterator<Item = u64>,
    seed: u64,
) -> Vec<(usize, u64, SeededRng)> {
    let points = CutPoints::from_records(records);
    let cut = |image| {
        let rng = SeededRng::new(seed, image);
        (points.choose(image, &rng), image, rng)
    };
    let mut cuts: Vec<_> = images.into_iter().map(cut).collect();
    cuts.sort_by_key(|(moment, image, _)| (*moment, *image));
    cuts
}

/// The moments between two records at which the power may fail, by phase.
#[derive(Default)]
struct CutPoints {
    /// Of ten images, two are in the creation of the log, three in the tools, two in a checkpoint or restart of the
    /// write-ahead log, and three in normal operation.
    creation: Phase,
    tools: Phase,
    checkpoint: Phase,
    shop: Phase,
}

#[derive(Default)]
struct Phase {
    all: Vec<usize>,
    /// Before and after a sync begins or ends, and where names and lengths change.
    boundaries: Vec<usize>,
}

impl CutPoints {
    fn from_records(records: &[Record<'_>]) -> Self {
        let mut points = Self::default();
        let (mut created, mut records_left) = (false, 0_usize);
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
            records_left = if into_the_file { RECORDS_AFTER_CHECKPOINT } else { records_left.saturating_sub(1) };
            let phase = match (created, of_shop) {
                (false, _) => &mut points.creation,
                (true, true) if records_left > 0 => &mut points.checkpoint,
                (true, true) => &mut points.shop,
                (true, false) => &mut points.tools,
            };
            phase.all.push(index + 1);
            if record.is_boundary() {
                phase.boundaries.extend([index, index + 1]);
            }
        }
        points
    }

    /// Chooses the number of records before a power cut.
    fn choose(&self, image: u64, rng: &SeededRng) -> usize {
        let phase = match image % 10 {
            0 | 1 => &self.creation,
            2..=4 => &self.tools,
            5 | 6 => &self.checkpoint,
            _ => &self.shop,
        };
        let points = if rng.percent(50) { &phase.all } else { &phase.boundaries };
        points[rng.below(points.len())]
    }
}

/// The trace, recorded once for all tests.
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
    env_number("POWER_LOSS_SEED").unwrap_or_else(|| Uuid::new_v4().as_u64_pair().1)
}

fn env_number<T: FromStr>(variable: &str) -> Option<T> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

fn failure_report(failures: &[Failure], trace: &[u8], seed: u64) -> String {
    let (_, kept) = tempfile::Builder::new().prefix("power-loss-").tempfile().unwrap().keep().unwrap();
    std::fs::write(&kept, trace).unwrap();
    let mut text =
        format!("{} failures with POWER_LOSS_TRACE={} POWER_LOSS_SEED={seed}", failures.len(), kept.display());
    for Failure { image, records, fault } in failures.iter().take(MAX_REPORTED_FAILURES) {
        write!(text, "\nimage {image}, after {records} records: {fault}").unwrap();
    }
    text
}
