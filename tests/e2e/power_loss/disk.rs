//! The possible content of a disk after a power cut, given all operations before it.
//!
//! Writes to a file are safe once a sync of that file has succeeded that began after them; likewise names in a folder.
//! Of all later operations, any part may be on the disk: a sector of a file may have any of its states since then, each
//! half another one; a file may have any of its lengths since then, or one between two of them; a name may exist or
//! not.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::seeded_rng::SeededRng;
use super::trace::{Descriptor, Record};

type NodeId = usize;
type Names<'a> = BTreeMap<&'a str, NodeId>;

const ROOT: NodeId = 0;

/// The files of a folder: as programs see them, and their safe state.
pub(super) struct Disk<'a> {
    nodes: Vec<Node<'a>>,
    open: HashMap<Descriptor, NodeId>,
    /// Running syncs: the node, and the number of records before.
    syncs: HashMap<(u32, u64), (NodeId, usize)>,
    /// Number of records so far.
    records: usize,
    keeps_syncs: bool,
}

enum Node<'a> {
    File(State<Vec<u8>, Change<'a>>),
    Folder(State<Names<'a>, NameChange<'a>>),
}

/// The safe state of a node, its later changes with the number of records before each, and its current state.
struct State<T, C> {
    safe: T,
    unsynced: Vec<(usize, C)>,
    current: T,
}

#[derive(Clone, Copy)]
enum Change<'a> {
    Write(usize, &'a [u8]),
    Truncate(usize),
}

#[derive(Clone, Copy)]
enum NameChange<'a> {
    Add(&'a str, NodeId),
    Rename(&'a str, &'a str, NodeId),
    Remove(&'a str),
}

impl<T: Default, C> Default for State<T, C> {
    fn default() -> Self {
        Self { safe: T::default(), unsynced: Vec::new(), current: T::default() }
    }
}

impl<T, C: Copy> State<T, C> {
    fn change(&mut self, record: usize, change: C, apply: impl Fn(&mut T, C)) {
        apply(&mut self.current, change);
        self.unsynced.push((record, change));
    }

    /// Makes the changes before a record safe.
    fn sync(&mut self, before: usize, apply: impl Fn(&mut T, C)) {
        let count = self.unsynced.partition_point(|(record, _)| *record < before);
        for (_, change) in self.unsynced.drain(..count) {
            apply(&mut self.safe, change);
        }
    }
}

impl<'a> Disk<'a> {
    /// An empty, safe folder. A disk with `keeps_syncs` false ignores syncs.
    pub(super) fn new(keeps_syncs: bool) -> Self {
        let nodes = vec![Node::Folder(State::default())];
        Self { nodes, open: HashMap::new(), syncs: HashMap::new(), records: 0, keeps_syncs }
    }

    pub(super) fn apply(&mut self, record: &Record<'a>) {
        match *record {
            Record::Open { file, path, create, truncate } => {
                let node = self.find(path).unwrap_or_else(|| {
                    assert!(create, "{path} is opened, and nothing has created it");
                    self.add(path, Node::File(State::default()))
                });
                self.open.insert(file, node);
                if truncate {
                    self.change(node, Change::Truncate(0));
                }
            }
            Record::Close { file } => drop(self.open.remove(&file)),
            Record::Write { file, offset, bytes } => self.change(self.open[&file], Change::Write(offset, bytes)),
            Record::Truncate { file, len } => self.change(self.open[&file], Change::Truncate(len)),
            Record::SyncBegin { file, number } => {
                self.syncs.insert((file.0, number), (self.open[&file], self.records));
            }
            Record::SyncEnd { file, number } => {
                let (node, before) = self.syncs.remove(&(file.0, number)).unwrap();
                if self.keeps_syncs {
                    self.sync(node, before);
                }
            }
            Record::Rename { from, to } => {
                let node = self.find(from).unwrap();
                let ((folder, from), (new_folder, to)) = (self.parent_and_name(from), self.parent_and_name(to));
                assert_eq!(folder, new_folder, "what is renamed stays in its folder");
                self.change_name(folder, NameChange::Rename(from, to, node));
            }
            Record::Link { from, to } => {
                let (node, (folder, name)) = (self.find(from).unwrap(), self.parent_and_name(to));
                self.change_name(folder, NameChange::Add(name, node));
            }
            Record::Unlink { path } => {
                let (folder, name) = self.parent_and_name(path);
                self.change_name(folder, NameChange::Remove(name));
            }
            Record::MakeFolder { path } => drop(self.add(path, Node::Folder(State::default()))),
            Record::Acknowledged { .. } | Record::Finished { .. } | Record::Started => {}
        }
        self.records += 1;
    }

    /// Writes the files as programs see them into an empty folder.
    pub(super) fn write_current(&self, to: &Path, is_included: impl Fn(&str) -> bool) {
        self.write(ROOT, to, &is_included, &mut |names| names.current.clone(), &mut |file| file.current.clone());
    }

    /// Writes the files as a power cut may have left them into an empty folder.
    pub(super) fn write_after_power_loss(&self, to: &Path, is_included: impl Fn(&str) -> bool, rng: &SeededRng) {
        let names = &mut |names: &State<_, _>| names_after_power_loss(names, rng);
        self.write(ROOT, to, &is_included, names, &mut |file| bytes_after_power_loss(file, rng));
    }

    fn write(
        &self,
        folder: NodeId,
        to: &Path,
        wanted: &impl Fn(&str) -> bool,
        names: &mut impl FnMut(&State<Names<'a>, NameChange<'a>>) -> Names<'a>,
        bytes: &mut impl FnMut(&State<Vec<u8>, Change<'a>>) -> Vec<u8>,
    ) {
        for (name, node) in names(self.folder(folder)).into_iter().filter(|(name, _)| wanted(name)) {
            let path = to.join(name);
            match &self.nodes[node] {
                Node::File(file) => {
                    fs::write(&path, bytes(file)).unwrap();
                    // As the programs create their files. The trace has no modes.
                    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
                }
                Node::Folder(_) => {
                    fs::create_dir(&path).unwrap();
                    self.write(node, &path, wanted, names, bytes);
                }
            }
        }
    }

    fn find(&self, path: &str) -> Option<NodeId> {
        let mut names = path.split('/').filter(|name| !name.is_empty());
        names.try_fold(ROOT, |folder, name| self.folder(folder).current.get(name).copied())
    }

    /// The folder of a path, and its name there.
    fn parent_and_name<'p>(&self, path: &'p str) -> (NodeId, &'p str) {
        let (folder, name) = path.rsplit_once('/').unwrap();
        (self.find(folder).unwrap(), name)
    }

    fn folder(&self, node: NodeId) -> &State<Names<'a>, NameChange<'a>> {
        match &self.nodes[node] {
            Node::Folder(names) => names,
            Node::File(_) => panic!("a file is used as a folder"),
        }
    }

    fn add(&mut self, path: &'a str, new: Node<'a>) -> NodeId {
        let (folder, name) = self.parent_and_name(path);
        self.nodes.push(new);
        self.change_name(folder, NameChange::Add(name, self.nodes.len() - 1));
        self.nodes.len() - 1
    }

    fn change_name(&mut self, folder: NodeId, change: NameChange<'a>) {
        match &mut self.nodes[folder] {
            Node::Folder(names) => names.change(self.records, change, apply_name_change),
            Node::File(_) => panic!("a file is used as a folder"),
        }
    }

    fn change(&mut self, node: NodeId, change: Change<'a>) {
        match &mut self.nodes[node] {
            Node::File(file) => file.change(self.records, change, apply_change),
            Node::Folder(_) => panic!("a folder is written to"),
        }
    }

    fn sync(&mut self, node: NodeId, before: usize) {
        match &mut self.nodes[node] {
            Node::File(file) => file.sync(before, apply_change),
            Node::Folder(names) => names.sync(before, apply_name_change),
        }
    }
}

fn apply_change(bytes: &mut Vec<u8>, change: Change<'_>) {
    match change {
        Change::Write(offset, new) => {
            bytes.resize(bytes.len().max(offset + new.len()), 0);
            bytes[offset..offset + new.len()].copy_from_slice(new);
        }
        Change::Truncate(len) => bytes.resize(len, 0),
    }
}

fn apply_name_change<'a>(names: &mut Names<'a>, change: NameChange<'a>) {
    match change {
        NameChange::Add(name, node) => drop(names.insert(name, node)),
        NameChange::Rename(from, to, node) => {
            names.remove(from);
            names.insert(to, node);
        }
        NameChange::Remove(name) => drop(names.remove(name)),
    }
}

/// The safe names with the changes up to a random moment, or with any of them.
fn names_after_power_loss<'a>(state: &State<Names<'a>, NameChange<'a>>, rng: &SeededRng) -> Names<'a> {
    let mut names = state.safe.clone();
    let (in_order, until) = (rng.percent(50), rng.below(state.unsynced.len() + 1));
    for (index, (_, change)) in state.unsynced.iter().enumerate() {
        let is_there = if in_order { index < until } else { rng.percent(50) };
        if is_there {
            apply_name_change(&mut names, *change);
        }
    }
    names
}

fn bytes_after_power_loss(state: &State<Vec<u8>, Change<'_>>, rng: &SeededRng) -> Vec<u8> {
    let mut bytes = state.safe.clone();
    if state.unsynced.is_empty() {
        return bytes;
    }
    let mut lens = vec![bytes.len()];
    for (_, change) in &state.unsynced {
        let last = lens[lens.len() - 1];
        lens.push(match *change {
            Change::Write(offset, new) => last.max(offset + new.len()),
            Change::Truncate(len) => len,
        });
    }
    bytes.resize(lens.iter().copied().max().unwrap_or_default(), 0);
    if rng.percent(25) {
        // Unwritten space may contain old data of the disk.
        bytes[state.safe.len()..].fill(0xA5);
    }
    let mut sectors = Sectors::new(state.unsynced.len(), rng);
    for (index, (_, change)) in state.unsynced.iter().enumerate() {
        match *change {
            Change::Write(offset, new) => {
                for half in sectors.halves(offset, offset + new.len()) {
                    if sectors.state_of(half.start) > index {
                        bytes[half.clone()].copy_from_slice(&new[half.start - offset..half.end - offset]);
                    }
                }
            }
            Change::Truncate(len) => {
                for half in sectors.halves(len, bytes.len()) {
                    if sectors.state_of(half.start) > index {
                        bytes[half].fill(0);
                    }
                }
            }
        }
    }
    bytes.truncate(len_after_power_loss(&lens, rng));
    bytes
}

fn len_after_power_loss(lens: &[usize], rng: &SeededRng) -> usize {
    let last = if rng.percent(50) { lens.len() - 1 } else { rng.below(lens.len()) };
    let (len, before) = (lens[last], lens[last.saturating_sub(1)]);
    if len > before && rng.percent(25) { before + rng.below(len - before) } else { len }
}

/// Number of unsynced changes that each half of a sector has received.
struct Sectors<'c> {
    half_bytes: usize,
    changes: usize,
    /// Share of sectors that have received all changes, in percent.
    complete_percent: usize,
    torn_percent: usize,
    seen: HashMap<usize, usize>,
    rng: &'c SeededRng,
}

impl<'c> Sectors<'c> {
    fn new(changes: usize, rng: &'c SeededRng) -> Self {
        let half_bytes = if rng.percent(50) { 256 } else { 2048 };
        let complete_percent = [0, 10, 50, 90, 99, 100][rng.below(6)];
        let torn_percent = [0, 10][rng.below(2)];
        Self { half_bytes, changes, complete_percent, torn_percent, seen: HashMap::new(), rng }
    }

    /// Splits a range at the boundaries of half sectors.
    fn halves(&self, start: usize, end: usize) -> impl Iterator<Item = std::ops::Range<usize>> + use<> {
        let half_bytes = self.half_bytes;
        (start / half_bytes..end.div_ceil(half_bytes))
            .map(move |half| (half * half_bytes).max(start)..((half + 1) * half_bytes).min(end))
    }

    /// Number of changes that the half sector of a byte has received.
    fn state_of(&mut self, byte: usize) -> usize {
        let half = byte / self.half_bytes;
        if let Some(seen) = self.seen.get(&half) {
            return *seen;
        }
        for of_sector in [half & !1, half | 1] {
            let torn = of_sector % 2 == 1 && self.rng.percent(self.torn_percent);
            let seen = match self.seen.get(&(of_sector - of_sector % 2)) {
                Some(first) if of_sector % 2 == 1 && !torn => *first,
                _ => self.any_state(),
            };
            self.seen.insert(of_sector, seen);
        }
        self.seen[&half]
    }

    fn any_state(&self) -> usize {
        if self.rng.percent(self.complete_percent) {
            self.changes
        } else if self.rng.percent(50) {
            0
        } else {
            self.rng.below(self.changes + 1)
        }
    }
}
