//! The faults of a run, injected one after another, as the seed determines.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::seeded_rng::SeededRng;
use super::servers::Servers;
use crate::database_link::LinkState;

/// A fault of the server with this index, or of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Kills and restarts a server.
    Kill(usize),
    /// Stops a server for a while (SIGSTOP), and continues it.
    Freeze(usize),
    /// Closes the connections of a server to the database, and refuses new ones.
    Cut(usize),
    /// Holds all traffic between a server and the database.
    Stall(usize),
    /// Kills a server while its traffic is held, which reaches the database afterwards.
    StallAndKill(usize),
    /// Stops the database at once; it recovers at the next start.
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

    fn choose(rng: &mut SeededRng, servers: &Servers) -> Self {
        let server = rng.index(servers.urls().len());
        if !servers.has_postgres() {
            return if rng.one_in(3) { Self::Freeze(server) } else { Self::Kill(server) };
        }
        match rng.below(6) {
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

/// Injects and clears faults until a time; returns the number of each kind.
pub(super) async fn inject_until(servers: &mut Servers, seed: u64, until: Instant) -> BTreeMap<&'static str, u64> {
    let mut rng = SeededRng::new(seed, "faults");
    let mut injected = BTreeMap::new();
    loop {
        let (pause_ms, lasts_ms) = (500 + rng.below(2_500), 100 + rng.below(2_400));
        let fault = Fault::choose(&mut rng, servers);
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
