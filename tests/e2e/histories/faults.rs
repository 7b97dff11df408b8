//! The faults that are injected during a run, one after another, as the seed has them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::chance::Chance;
use super::servers::Servers;
use crate::database_link::LinkState;

/// A fault of the server of this number, or of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// A server is killed and started again.
    Kill(usize),
    /// A server does nothing for a while (SIGSTOP), and goes on.
    Freeze(usize),
    /// A server's connections to the database are closed, and no new one comes about.
    Cut(usize),
    /// What goes between a server and the database is held back.
    Stall(usize),
    /// A server is killed while what it sent to the database is held back, and arrives afterwards.
    StallAndKill(usize),
    /// The database stops at once, and recovers.
    CrashDatabase,
}

impl Fault {
    fn name(self) -> &'static str {
        match self {
            Self::Kill(_) => "kill",
            Self::Freeze(_) => "freeze",
            Self::Cut(_) => "cut",
            Self::Stall(_) => "stall",
            Self::StallAndKill(_) => "stall and kill",
            Self::CrashDatabase => "crash of the database",
        }
    }

    fn choose(chance: &mut Chance, servers: &Servers) -> Self {
        let server = chance.index(servers.urls().len());
        if !servers.has_postgres() {
            return if chance.one_in(3) { Self::Freeze(server) } else { Self::Kill(server) };
        }
        match chance.below(6) {
            0 => Self::Kill(server),
            1 => Self::Freeze(server),
            2 => Self::Cut(server),
            3 => Self::Stall(server),
            4 => Self::StallAndKill(server),
            _ => Self::CrashDatabase,
        }
    }

    fn inject(self, servers: &mut Servers) {
        match self {
            Self::Kill(server) => servers.kill(server),
            Self::Freeze(server) => servers.signal(server, Signal::STOP),
            Self::Cut(server) => servers.set_link(server, LinkState::Cut),
            Self::Stall(server) | Self::StallAndKill(server) => servers.set_link(server, LinkState::Stalled),
            Self::CrashDatabase => servers.crash_database(),
        }
    }

    fn clear(self, servers: &mut Servers) {
        match self {
            Self::Kill(server) => servers.restart(server),
            Self::Freeze(server) => servers.signal(server, Signal::CONT),
            Self::Cut(server) | Self::Stall(server) => servers.set_link(server, LinkState::Open),
            Self::StallAndKill(server) => {
                servers.kill(server);
                servers.set_link(server, LinkState::Open);
                servers.restart(server);
            }
            Self::CrashDatabase => servers.restart_database(),
        }
    }
}

/// Injects faults until the time is over and clears each of them; how often there was each.
pub(super) async fn inject_until(servers: &mut Servers, seed: u64, until: Instant) -> BTreeMap<&'static str, u64> {
    let mut chance = Chance::of(seed, "faults");
    let mut injected = BTreeMap::new();
    loop {
        let (pause_ms, lasts_ms) = (500 + chance.below(2_500), 100 + chance.below(2_400));
        let fault = Fault::choose(&mut chance, servers);
        if Instant::now() + Duration::from_millis(pause_ms) > until {
            tokio::time::sleep_until(until.into()).await;
            return injected;
        }
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        *injected.entry(fault.name()).or_default() += 1;
        fault.inject(servers);
        tokio::time::sleep(Duration::from_millis(lasts_ms)).await;
        fault.clear(servers);
    }
}
