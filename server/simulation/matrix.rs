//! Every outcome of a checkout, with the gateway's notices at every moment, and the server killed at every place where
//! it waits: not drawn, but one after another. In the end the books must balance as in every simulated shop, and the
//! order must be where its outcome says.
//!
//! * `cargo test -p storefront-server matrix` kills, for the outcomes of [`IN_FULL`], at every failpoint at which a death
//!   leaves something else behind than at the one before, and for the others at every [`STRIDE`]th of these. Without a kill the
//!   notices come after each event of the log too.
//! * `MATRIX=all cargo test --release -p storefront-server matrix -- --nocapture` kills at every failpoint, and where the
//!   notices come after an event of the log, at every one at which it leaves something else behind.
//! * `MATRIX=card-pays/before/137 cargo test -p storefront-server matrix -- --nocapture` runs one and prints its trace.
//! * `MATRIX_SEED=5`, with any of them, lets what happens at the same time happen in another order.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Instant;

use super::outcomes::Outcome;
use super::script::Moment;
use super::watch::{Failpoint, Watch};
use super::world::World;
use super::{env_number, on_every_core, points, rng_clock, run_to_its_end};

/// The outcomes for which the usual run leaves out no kill that makes a difference.
const IN_FULL: [Outcome; 2] = [Outcome::CardPays, Outcome::RefundSucceedsThenFails];
/// The usual run tries every so many of the kills of the other outcomes, beginning elsewhere for each moment and each
/// seed.
const STRIDE: usize = 4;
/// Maximum number of failures in a report.
const MAX_FAILURES_SHOWN: usize = 20;

/// One run of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Coordinates {
    outcome: Outcome,
    moment: Moment,
    /// The failpoint at which the server dies, counted from the checkout on.
    kill_at: Option<usize>,
}

impl fmt::Display for Coordinates {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { outcome, moment, kill_at } = self;
        match kill_at {
            Some(index) => write!(formatter, "{outcome}/{moment}/{index}"),
            None => write!(formatter, "{outcome}/{moment}/none"),
        }
    }
}

/// The result of one run.
struct Run {
    coordinates: Coordinates,
    broken: Vec<String>,
    passed: Vec<Failpoint>,
    /// The failpoint at which the server died.
    died_at: Option<Failpoint>,
    /// Number of events in the log from the checkout on.
    events: u64,
}

fn run(coordinates: Coordinates, seed: u64, traced: bool) -> Run {
    let Coordinates { outcome, moment, kill_at } = coordinates;
    // A multiple of 3 is a seed without random faults.
    rng_clock::begin(3 * seed, traced);
    let world = World::scripted(outcome.config(), outcome.script(moment));
    let mut broken = run_to_its_end(&world, outcome.play(world.clone(), kill_at));
    broken.extend(outcome.broken(&world, kill_at.is_some()));
    let passed = rng_clock::watch(Watch::default()).into_passed();
    rng_clock::end();
    let died_at = kill_at.and_then(|index| passed.get(index).copied());
    if died_at.is_none() && kill_at.is_some() {
        broken.push("there is no such failpoint".to_owned());
    }
    let log = world.events();
    let checked_out = log.iter().position(|recorded| recorded.kind() == "order.checked_out").unwrap_or(log.len());
    Run { coordinates, broken, passed, died_at, events: (log.len() - checked_out) as u64 }
}

fn run_all(all: &[Coordinates], seed: u64) -> Vec<Run> {
    let at = |index: u64| all[usize::try_from(index).expect("it is an index")];
    let mut runs = on_every_core(all.len() as u64, |index| {
        let mut run = run(at(index), seed, false);
        if run.died_at.is_some() {
            // There are many of these runs, and their failpoints are not needed.
            run.passed = Vec::new();
        }
        (index, run)
    });
    runs.sort_by_key(|(index, _)| *index);
    runs.into_iter().map(|(_, run)| run).collect()
}

/// All runs without a crash.
fn without_kill(seed: u64) -> Vec<Run> {
    let at = |outcome, moment| Coordinates { outcome, moment, kill_at: None };
    let moments = Outcome::ALL
        .into_iter()
        .flat_map(|outcome| outcome.moments().into_iter().map(move |moment| at(outcome, moment)));
    let mut runs = run_all(&moments.collect::<Vec<_>>(), seed);
    let events = |outcome| runs.iter().filter(|run| run.coordinates.outcome == outcome).map(|run| run.events).max();
    let with_notices = Outcome::ALL.into_iter().filter(|outcome| outcome.moments().len() > 1);
    let after_each = with_notices.flat_map(|outcome| {
        (0..=events(outcome).unwrap_or(0)).map(move |count| at(outcome, Moment::AfterEvents(count)))
    });
    let after_each = run_all(&after_each.collect::<Vec<_>>(), seed);
    runs.extend(after_each);
    runs
}

/// The runs with a crash that belong to a run without one.
fn with_kills(run: &Run, is_all: bool, offset: usize) -> Vec<Coordinates> {
    let at = |index| Coordinates { kill_at: Some(index), ..run.coordinates };
    let is_step = matches!(run.coordinates.moment, Moment::AfterEvents(_));
    if is_all && !is_step {
        return (0..run.passed.len()).map(at).collect();
    }
    let fresh = run.passed.iter().enumerate().filter(|(_, failpoint)| failpoint.is_fresh).map(|(index, _)| at(index));
    if is_all || IN_FULL.contains(&run.coordinates.outcome) && !is_step {
        return fresh.collect();
    }
    if is_step { Vec::new() } else { fresh.skip(offset % STRIDE).step_by(STRIDE).collect() }
}

fn parse(text: &str) -> Option<Coordinates> {
    let (outcome, rest) = text.split_once('/')?;
    let (moment, kill_at) = rest.split_once('/')?;
    let outcome = Outcome::ALL.into_iter().find(|known| known.to_string() == outcome)?;
    let count = moment.strip_prefix("after-").and_then(|rest| rest.strip_suffix("-events")?.parse().ok());
    let moment = match count {
        Some(count) => Moment::AfterEvents(count),
        None => outcome.moments().into_iter().find(|known| known.to_string() == moment)?,
    };
    let kill_at = if kill_at == "none" { None } else { Some(kill_at.parse().ok()?) };
    Some(Coordinates { outcome, moment, kill_at })
}

fn fail(failures: &[&Run], seed: u64) -> ! {
    let lines = failures.iter().take(MAX_FAILURES_SHOWN).map(|run| {
        let place = run.died_at.map_or("nobody dies", |failpoint| failpoint.place);
        format!("{} ({place}):\n    {}", run.coordinates, run.broken.join("\n    "))
    });
    let lines: Vec<String> = lines.collect();
    panic!(
        "{} runs break what must hold:\n  {}\nMATRIX={} MATRIX_SEED={seed} cargo test -p storefront-server matrix -- \
         --nocapture   prints the trace of the first",
        failures.len(),
        lines.join("\n  "),
        failures[0].coordinates
    );
}

#[test]
fn whenever_a_notice_comes_and_wherever_the_server_dies_the_checkout_ends_as_it_must() {
    let (asked, seed) = (std::env::var("MATRIX").ok(), env_number("MATRIX_SEED").unwrap_or(0));
    let is_all = asked.as_deref() == Some("all");
    if let Some(text) = asked.filter(|_| !is_all) {
        let coordinates = parse(&text).unwrap_or_else(|| panic!("MATRIX is all, or outcome/moment/kill: not {text:?}"));
        let run = run(coordinates, seed, true);
        let fresh = run.passed.iter().filter(|failpoint| failpoint.is_fresh).count();
        eprintln!(
            "{} failpoints, {fresh} of them fresh; {} events; died: {:?}",
            run.passed.len(),
            run.events,
            run.died_at
        );
        if !run.broken.is_empty() {
            fail(&[&run], seed);
        }
        return;
    }
    let begin = Instant::now();
    let mut runs = without_kill(seed);
    // What breaks without a kill would break again at each.
    let failures: Vec<&Run> = runs.iter().filter(|run| !run.broken.is_empty()).collect();
    if !failures.is_empty() {
        fail(&failures, seed);
    }
    let numbered = runs.iter().zip(usize::try_from(seed).unwrap_or(0)..);
    let kills: Vec<Coordinates> = numbered.flat_map(|(run, offset)| with_kills(run, is_all, offset)).collect();
    let undisturbed = runs.len();
    runs.extend(run_all(&kills, seed));
    println!("{undisturbed} runs without a kill, {} with one, in {:?}", kills.len(), begin.elapsed());
    for outcome in Outcome::ALL {
        for moment in outcome.moments() {
            let of_both = |run: &&Run| run.coordinates.outcome == outcome && run.coordinates.moment == moment;
            let first = runs.iter().find(of_both).expect("it was run");
            let fresh = first.passed.iter().filter(|failpoint| failpoint.is_fresh).count();
            let killed = runs.iter().filter(of_both).count() - 1;
            println!("{outcome}/{moment}: {} failpoints, {fresh} of them fresh, {killed} kills", first.passed.len());
        }
    }
    let failures: Vec<&Run> = runs.iter().filter(|run| !run.broken.is_empty()).collect();
    if !failures.is_empty() {
        fail(&failures, seed);
    }
    let places: BTreeSet<&str> = runs.iter().filter_map(|run| run.died_at).map(|failpoint| failpoint.place).collect();
    let due = points::ALL.into_iter().filter(|place| is_all || !points::is_read(place));
    let missing: Vec<&str> = due.filter(|place| !places.contains(place)).collect();
    assert!(missing.is_empty(), "nobody ever died {missing:?}");
}

#[test]
fn a_run_of_the_matrix_is_the_same_each_time() {
    for outcome in Outcome::ALL {
        let undisturbed = Coordinates { outcome, moment: Moment::Before, kill_at: None };
        let passed = run(undisturbed, 0, false).passed;
        let index = passed.len() / 2;
        let killed = Coordinates { kill_at: Some(index), ..undisturbed };
        let (once, again) = (run(killed, 0, false), run(killed, 0, false));
        assert_eq!(once.passed, again.passed, "{killed} went otherwise the second time");
        assert_eq!(once.passed[..=index], passed[..=index], "{killed} begins as the run without a kill");
    }
}
