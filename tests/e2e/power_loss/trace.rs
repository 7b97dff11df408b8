//! The records of a trace in one order: file operations of programs in a folder, as `interposer.rs` writes them, and records
//! of the test.
//!
//! A record is its kind (one byte), process, file descriptor (four bytes each), a number (eight), the length of its data
//! (four) and its data, little-endian.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

const ACKNOWLEDGED: u8 = 100;
const FINISHED: u8 = 101;
const STARTED: u8 = 102;
const HEAD_BYTES: usize = 21;
const O_CREAT: u64 = 0o100;
const O_TRUNC: u64 = 0o1000;

/// A file descriptor of a process.
pub(super) type Descriptor = (u32, i32);

/// A record. Paths are inside the folder and begin with `/`; that of the folder itself is empty. A sync has a number
/// that identifies it within its process. `Acknowledged`: a command was acknowledged at this position.
/// `Finished`: the tool that writes this file has succeeded. `Started`: the first server serves.
#[derive(Clone, Copy, Debug)]
pub(super) enum Record<'a> {
    Open { file: Descriptor, path: &'a str, create: bool, truncate: bool },
    Close { file: Descriptor },
    Write { file: Descriptor, offset: usize, bytes: &'a [u8] },
    Truncate { file: Descriptor, len: usize },
    SyncBegin { file: Descriptor, number: u64 },
    SyncEnd { file: Descriptor, number: u64 },
    Rename { from: &'a str, to: &'a str },
    Link { from: &'a str, to: &'a str },
    Unlink { path: &'a str },
    MakeFolder { path: &'a str },
    Acknowledged { position: u64 },
    Finished { path: &'a str },
    Started,
}

impl Record<'_> {
    /// Whether the record changes files, names, lengths or what is synced.
    pub(super) fn is_boundary(&self) -> bool {
        match self {
            Self::Open { create, truncate, .. } => *create || *truncate,
            Self::Truncate { .. }
            | Self::SyncBegin { .. }
            | Self::SyncEnd { .. }
            | Self::Rename { .. }
            | Self::Link { .. }
            | Self::Unlink { .. }
            | Self::MakeFolder { .. } => true,
            Self::Close { .. }
            | Self::Write { .. }
            | Self::Acknowledged { .. }
            | Self::Finished { .. }
            | Self::Started => false,
        }
    }
}

/// Reads all records of a trace.
pub(super) fn read(mut trace: &[u8]) -> Vec<Record<'_>> {
    let mut records = Vec::new();
    while let Some((head, rest)) = trace.split_at_checked(HEAD_BYTES) {
        let four = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().unwrap());
        let number = u64::from_le_bytes(head[9..17].try_into().unwrap());
        let (data, rest) = rest.split_at(four(17) as usize);
        records.push(record(head[0], (four(1), four(5).cast_signed()), number, data));
        trace = rest;
    }
    assert!(trace.is_empty(), "the trace ends within a record");
    records
}

fn record(kind: u8, file: Descriptor, number: u64, data: &[u8]) -> Record<'_> {
    let text = || std::str::from_utf8(data).unwrap();
    let two = || text().split_once('\0').unwrap();
    let count = || usize::try_from(number).unwrap();
    match kind {
        1 => Record::Open { file, path: text(), create: number & O_CREAT != 0, truncate: number & O_TRUNC != 0 },
        2 => Record::Close { file },
        3 => Record::Write { file, offset: count(), bytes: data },
        4 => Record::Truncate { file, len: count() },
        5 => Record::SyncBegin { file, number },
        6 => Record::SyncEnd { file, number },
        7 => Record::Rename { from: two().0, to: two().1 },
        8 => Record::Link { from: two().0, to: two().1 },
        9 => Record::Unlink { path: text() },
        10 => Record::MakeFolder { path: text() },
        ACKNOWLEDGED => Record::Acknowledged { position: number },
        FINISHED => Record::Finished { path: text() },
        STARTED => Record::Started,
        _ => panic!("there are no records of kind {kind}"),
    }
}

/// Appends the records of the test to a trace. The operations before a response precede its record.
pub(super) struct TraceWriter(File);

impl TraceWriter {
    /// Creates the trace file.
    pub(super) fn create(trace: &Path) -> Self {
        Self(File::options().create_new(true).append(true).open(trace).unwrap())
    }

    pub(super) fn acknowledged(&self, position: u64) {
        self.append(ACKNOWLEDGED, position, "");
    }

    pub(super) fn finished(&self, path: &str) {
        self.append(FINISHED, 0, path);
    }

    pub(super) fn started(&self) {
        self.append(STARTED, 0, "");
    }

    /// Runs `act` while no recorded program is between an operation and its record.
    pub(super) fn between_records<T>(&self, act: impl FnOnce() -> T) -> T {
        self.0.lock().unwrap();
        let done = act();
        self.0.unlock().unwrap();
        done
    }

    /// Appends a record in one write, so that records do not mix.
    fn append(&self, kind: u8, number: u64, text: &str) {
        let mut record = vec![kind];
        record.extend([0; 8]);
        record.extend(number.to_le_bytes());
        record.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
        record.extend(text.as_bytes());
        (&self.0).write_all(&record).unwrap();
    }
}
