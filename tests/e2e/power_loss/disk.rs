//! What a disk may hold after a power cut, given everything that was done to it before.
//!
//! Safe is what was written to a file before a sync of that file began that has succeeded, and likewise the names in a
//! folder. Of everything else any part may be there: a sector of a file may have any of the states that it has had since,
//! each of its halves another one; a file may have any of its lengths since then, or one on the way to the next; a name may
//! be there or not.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use super::chance::Chance;
use super::trace::{Descriptor, Record};

type NodeId = usize;
type Names<'a> = BTreeMap<&'a str, NodeId>;

const ROOT: NodeId = 0;

/// The files of a folder: as programs see them, and what of them is safe.
pub(super) struct Disk<'a> {
    nodes: Vec<Node<'a>>,
    open: HashMap<Descriptor, NodeId>,
    /// The syncs that have begun: of what, and after how many records.
    syncs: HashMap<(u32, u64), (NodeId, usize)>,
    /// Records so far.
    records: usize,
    keeps_syncs: bool,
}

enum Node<'a> {
    File(State<Vec<u8>, Change<'a>>),
    Folder(State<Names<'a>, Naming<'a>>),
}

/// What is safe of something, what came after that and after how many records, and what it comes to.
struct State<T, C> {
    safe: T,
    since: Vec<(usize, C)>,
    now: T,
}

#[derive(Clone, Copy)]
enum Change<'a> {
    Write(usize, &'a [u8]),
    Truncate(usize),
}

#[derive(Clone, Copy)]
enum Naming<'a> {
    Add(&'a str, NodeId),
    Rename(&'a str, &'a str, NodeId),
    Remove(&'a str),
}

impl<T: Default, C> Default for State<T, C> {
    fn default() -> Self {
        Self { safe: T::default(), since: Vec::new(), now: T::default() }
    }
}

impl<T, C: Copy> State<T, C> {
    fn change(&mut self, record: usize, change: C, apply: impl Fn(&mut T, C)) {
        apply(&mut self.now, change);
        self.since.push((record, change));
    }

    /// What came before a record is safe.
    fn sync(&mut self, before: usize, apply: impl Fn(&mut T, C)) {
        let count = self.since.partition_point(|(record, _)| *record < before);
        for (_, change) in self.since.drain(..count) {
            apply(&mut self.safe, change);
        }
    }
}

impl<'a> Disk<'a> {
    /// An empty folder, which is itself safe. A disk that does not keep syncs takes them for done when they are not.
    pub(super) fn new(keeps_syncs: bool) -> Self {
        let nodes = vec![Node::Folder(State::default())];
        Self { nodes, open: HashMap::new(), syncs: HashMap::new(), records: 0, keeps_syncs }
    }

    /// Does what a record says.
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
                let ((folder, from), (new_folder, to)) = (self.place(from), self.place(to));
                assert_eq!(folder, new_folder, "what is renamed stays in its folder");
                self.name(folder, Naming::Rename(from, to, node));
            }
            Record::Link { from, to } => {
                let (node, (folder, name)) = (self.find(from).unwrap(), self.place(to));
                self.name(folder, Naming::Add(name, node));
            }
            Record::Unlink { path } => {
                let (folder, name) = self.place(path);
                self.name(folder, Naming::Remove(name));
            }
            Record::MakeFolder { path } => drop(self.add(path, Node::Folder(State::default()))),
            Record::Acknowledged { .. } | Record::Finished { .. } | Record::Started => {}
        }
        self.records += 1;
    }

    /// Writes the files as programs see them into an empty folder.
    pub(super) fn write_now(&self, to: &Path, wanted: impl Fn(&str) -> bool) {
        self.write(ROOT, to, &wanted, &mut |names| names.now.clone(), &mut |file| file.now.clone());
    }

    /// Writes the files as a power cut may have left them into an empty folder.
    pub(super) fn write_after_power_loss(&self, to: &Path, wanted: impl Fn(&str) -> bool, chance: &Chance) {
        let names = &mut |names: &State<_, _>| names_after_power_loss(names, chance);
        self.write(ROOT, to, &wanted, names, &mut |file| bytes_after_power_loss(file, chance));
    }

    fn write(
        &self,
        folder: NodeId,
        to: &Path,
        wanted: &impl Fn(&str) -> bool,
        names: &mut impl FnMut(&State<Names<'a>, Naming<'a>>) -> Names<'a>,
        bytes: &mut impl FnMut(&State<Vec<u8>, Change<'a>>) -> Vec<u8>,
    ) {
        for (name, node) in names(self.folder(folder)).into_iter().filter(|(name, _)| wanted(name)) {
            let path = to.join(name);
            match &self.nodes[node] {
                Node::File(file) => fs::write(path, bytes(file)).unwrap(),
                Node::Folder(_) => {
                    fs::create_dir(&path).unwrap();
                    self.write(node, &path, wanted, names, bytes);
                }
            }
        }
    }

    fn find(&self, path: &str) -> Option<NodeId> {
        let mut names = path.split('/').filter(|name| !name.is_empty());
        names.try_fold(ROOT, |folder, name| self.folder(folder).now.get(name).copied())
    }

    /// The folder in which a path ends, and its name there.
    fn place<'p>(&self, path: &'p str) -> (NodeId, &'p str) {
        let (folder, name) = path.rsplit_once('/').unwrap();
        (self.find(folder).unwrap(), name)
    }

    fn folder(&self, node: NodeId) -> &State<Names<'a>, Naming<'a>> {
        match &self.nodes[node] {
            Node::Folder(names) => names,
            Node::File(_) => panic!("a file is used as a folder"),
        }
    }

    fn add(&mut self, path: &'a str, new: Node<'a>) -> NodeId {
        let (folder, name) = self.place(path);
        self.nodes.push(new);
        self.name(folder, Naming::Add(name, self.nodes.len() - 1));
        self.nodes.len() - 1
    }

    fn name(&mut self, folder: NodeId, naming: Naming<'a>) {
        match &mut self.nodes[folder] {
            Node::Folder(names) => names.change(self.records, naming, apply_naming),
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
            Node::Folder(names) => names.sync(before, apply_naming),
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

fn apply_naming<'a>(names: &mut Names<'a>, naming: Naming<'a>) {
    match naming {
        Naming::Add(name, node) => drop(names.insert(name, node)),
        Naming::Rename(from, to, node) => {
            names.remove(from);
            names.insert(to, node);
        }
        Naming::Remove(name) => drop(names.remove(name)),
    }
}

/// The newest names up to some moment, or any of them.
fn names_after_power_loss<'a>(state: &State<Names<'a>, Naming<'a>>, chance: &Chance) -> Names<'a> {
    let mut names = state.safe.clone();
    let (in_order, until) = (chance.percent(50), chance.below(state.since.len() + 1));
    for (index, (_, naming)) in state.since.iter().enumerate() {
        let is_there = if in_order { index < until } else { chance.percent(50) };
        if is_there {
            apply_naming(&mut names, *naming);
        }
    }
    names
}

fn bytes_after_power_loss(state: &State<Vec<u8>, Change<'_>>, chance: &Chance) -> Vec<u8> {
    let mut bytes = state.safe.clone();
    if state.since.is_empty() {
        return bytes;
    }
    let mut lens = vec![bytes.len()];
    for (_, change) in &state.since {
        let last = lens[lens.len() - 1];
        lens.push(match *change {
            Change::Write(offset, new) => last.max(offset + new.len()),
            Change::Truncate(len) => len,
        });
    }
    bytes.resize(lens.iter().copied().max().unwrap_or_default(), 0);
    if chance.percent(25) {
        // What was never written may be what stood in that place of the disk before.
        bytes[state.safe.len()..].fill(0xA5);
    }
    let mut sectors = Sectors::new(state.since.len(), chance);
    for (index, (_, change)) in state.since.iter().enumerate() {
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
    bytes.truncate(len_after_power_loss(&lens, chance));
    bytes
}

fn len_after_power_loss(lens: &[usize], chance: &Chance) -> usize {
    let last = if chance.percent(50) { lens.len() - 1 } else { chance.below(lens.len()) };
    let (len, before) = (lens[last], lens[last.saturating_sub(1)]);
    if len > before && chance.percent(25) { before + chance.below(len - before) } else { len }
}

/// How many of the changes since the last sync each half of a sector has seen.
struct Sectors<'c> {
    half_bytes: usize,
    changes: usize,
    /// Of a hundred sectors, so many have seen everything.
    complete_percent: usize,
    torn_percent: usize,
    seen: HashMap<usize, usize>,
    chance: &'c Chance,
}

impl<'c> Sectors<'c> {
    fn new(changes: usize, chance: &'c Chance) -> Self {
        let half_bytes = if chance.percent(50) { 256 } else { 2048 };
        let complete_percent = [0, 10, 50, 90, 99, 100][chance.below(6)];
        let torn_percent = [0, 10][chance.below(2)];
        Self { half_bytes, changes, complete_percent, torn_percent, seen: HashMap::new(), chance }
    }

    /// The parts of a range that each lie in half a sector.
    fn halves(&self, start: usize, end: usize) -> impl Iterator<Item = std::ops::Range<usize>> + use<> {
        let half_bytes = self.half_bytes;
        (start / half_bytes..end.div_ceil(half_bytes))
            .map(move |half| (half * half_bytes).max(start)..((half + 1) * half_bytes).min(end))
    }

    /// After how many changes the disk has the half of a sector that this byte is in.
    fn state_of(&mut self, byte: usize) -> usize {
        let half = byte / self.half_bytes;
        if let Some(seen) = self.seen.get(&half) {
            return *seen;
        }
        for of_sector in [half & !1, half | 1] {
            let torn = of_sector % 2 == 1 && self.chance.percent(self.torn_percent);
            let seen = match self.seen.get(&(of_sector - of_sector % 2)) {
                Some(first) if of_sector % 2 == 1 && !torn => *first,
                _ => self.any_state(),
            };
            self.seen.insert(of_sector, seen);
        }
        self.seen[&half]
    }

    fn any_state(&self) -> usize {
        if self.chance.percent(self.complete_percent) {
            self.changes
        } else if self.chance.percent(50) {
            0
        } else {
            self.chance.below(self.changes + 1)
        }
    }
}
