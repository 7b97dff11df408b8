//! Tests of leases.

use std::time::Duration;

use storefront_eventlog::{Append, AppendError, Epoch, Fence, LeaseOutcome, Position, StoreError};
use tokio::task::JoinSet;

use crate::timers::set;
use crate::world::*;

/// Duration of the leases of these tests.
pub(crate) const LEASE_TTL: Duration = Duration::from_secs(600);

/// Acquires a free lease.
pub(crate) async fn acquire(log: &Log, lease: &str, holder: &str) -> Fence {
    match log.acquire_lease(lease, holder, LEASE_TTL).await.unwrap() {
        LeaseOutcome::Acquired(fence) => fence,
        elsewhere @ LeaseOutcome::HeldElsewhere { .. } => panic!("{holder} does not get {lease}: {elsewhere:?}"),
    }
}

/// The holder of a lease that another holder cannot acquire, and the remaining time.
async fn current_holder(log: &Log, lease: &str, holder: &str) -> (String, Duration) {
    match log.acquire_lease(lease, holder, LEASE_TTL).await.unwrap() {
        LeaseOutcome::HeldElsewhere { holder, left } => (holder, left),
        here @ LeaseOutcome::Acquired(_) => panic!("{holder} gets {lease}: {here:?}"),
    }
}

fn epoch(number: u64) -> Fence {
    Fence { lease: "mail".to_owned(), epoch: Epoch(number) }
}

#[track_caller]
pub(crate) fn assert_fenced<T: std::fmt::Debug>(outcome: Result<T, AppendError>, was: u64, is: u64) {
    let Err(AppendError::Fenced { lease, epoch, current }) = outcome else {
        panic!("a stale lease was due, not {outcome:?}");
    };
    assert_eq!((lease.as_str(), epoch, current), ("mail", Epoch(was), Epoch(is)));
}

pub(crate) async fn a_lease_has_one_holder_at_a_time(world: World) {
    let log = world.log();
    assert_eq!(acquire(&log, "mail", "here").await, epoch(1));
    let (holder, left) = current_holder(&log, "mail", "there").await;
    assert_eq!(holder, "here");
    assert!(left <= LEASE_TTL && left > LEASE_TTL / 2, "{left:?}");
    assert_eq!(acquire(&log, "mail", "here").await, epoch(1), "who has it keeps its epoch");
    assert_eq!(acquire(&log, "payments", "there").await, Fence { lease: "payments".to_owned(), epoch: Epoch(1) });
}

pub(crate) async fn of_many_who_want_a_lease_one_gets_it(world: World) {
    for round in 0..10 {
        let lease = format!("lease-{round}");
        let mut takers = JoinSet::new();
        for taker in 0..16 {
            let (log, lease) = (world.log(), lease.clone());
            takers.spawn(async move { log.acquire_lease(&lease, &format!("taker-{taker}"), LEASE_TTL).await.unwrap() });
        }
        let (here, elsewhere): (Vec<_>, Vec<_>) =
            takers.join_all().await.into_iter().partition(|outcome| matches!(outcome, LeaseOutcome::Acquired(_)));
        assert_eq!(here, [LeaseOutcome::Acquired(Fence { lease, epoch: Epoch(1) })]);
        assert_eq!(elsewhere.len(), 15);
    }
}

pub(crate) async fn a_lease_that_ran_out_goes_to_the_next_in_another_epoch(world: World) {
    let log = world.log();
    acquire(&log, "mail", "here").await;
    world.advance_time(LEASE_TTL).await;
    assert_eq!(acquire(&log, "mail", "there").await, epoch(2));
    assert_eq!(current_holder(&log, "mail", "here").await.0, "there");
    assert!(!log.renew_lease(&epoch(1), LEASE_TTL).await.unwrap(), "what is lost cannot be renewed");
    world.advance_time(LEASE_TTL).await;
    assert_eq!(acquire(&log, "mail", "there").await, epoch(3), "to have had it once is not to have it");
}

pub(crate) async fn a_lease_that_is_renewed_does_not_run_out(world: World) {
    let log = world.log();
    let fence = acquire(&log, "mail", "here").await;
    for _ in 0..3 {
        world.advance_time(LEASE_TTL * 2 / 3).await;
        assert!(log.renew_lease(&fence, LEASE_TTL).await.unwrap());
    }
    world.advance_time(LEASE_TTL * 2 / 3).await;
    assert_eq!(acquire(&log, "mail", "here").await, epoch(1), "taking it again renews it too");
    world.advance_time(LEASE_TTL * 2 / 3).await;
    assert_eq!(current_holder(&log, "mail", "there").await.0, "here");
}

pub(crate) async fn a_lease_that_ran_out_is_still_its_holders_until_somebody_takes_it(world: World) {
    let log = world.log();
    let fence = acquire(&log, "mail", "here").await;
    world.advance_time(LEASE_TTL * 2).await;
    log.append(empty_append().and(at_any_version("a", new_events(1))).with_fence(&fence)).await.unwrap();
    assert!(log.renew_lease(&fence, LEASE_TTL).await.unwrap());
    assert_eq!(current_holder(&log, "mail", "there").await.0, "here");
}

pub(crate) async fn a_lease_that_was_given_back_is_free_at_once(world: World) {
    let log = world.log();
    let first = acquire(&log, "mail", "here").await;
    log.release_lease(&first).await.unwrap();
    assert!(!log.renew_lease(&first, LEASE_TTL).await.unwrap(), "what was given back cannot be renewed");
    assert_eq!(acquire(&log, "mail", "there").await, epoch(2));
    log.release_lease(&first).await.unwrap();
    assert_eq!(current_holder(&log, "mail", "here").await.0, "there", "nobody gives back what another has");
}

pub(crate) async fn a_clock_that_is_set_back_keeps_nobody_from_a_lease_for_longer_than_it_lasts(world: World) {
    let log = world.log();
    acquire(&log, "mail", "here").await;
    world.set_clock_back(LEASE_TTL * 6).await;
    let (holder, left) = current_holder(&log, "mail", "there").await;
    assert_eq!(holder, "here");
    assert!(left <= LEASE_TTL && left > LEASE_TTL / 2, "{left:?}");
    world.advance_time(LEASE_TTL).await;
    let fence = acquire(&log, "mail", "there").await;
    assert_eq!(fence, epoch(2));
    world.set_clock_back(LEASE_TTL * 6).await;
    assert_eq!(current_holder(&log, "mail", "here").await.0, "there");
    world.advance_time(LEASE_TTL * 2 / 3).await;
    assert!(log.renew_lease(&fence, LEASE_TTL).await.unwrap(), "its holder lives");
    world.advance_time(LEASE_TTL * 2 / 3).await;
    assert_eq!(current_holder(&log, "mail", "here").await.0, "there");
}

pub(crate) async fn a_wish_for_a_lease_that_makes_no_sense_is_refused(world: World) {
    let log = world.log();
    let long = "x".repeat(1001);
    let day = Duration::from_secs(24 * 60 * 60);
    for (lease, holder, ttl) in [
        ("mail", "here", Duration::ZERO),
        ("mail", "here", day),
        (&long, "here", LEASE_TTL),
        ("mail", "a\0b", LEASE_TTL),
    ] {
        let refused = log.acquire_lease(lease, holder, ttl).await;
        assert!(matches!(refused, Err(StoreError::Invalid(_))), "{refused:?}");
    }
    let refused = log.renew_lease(&epoch(1), Duration::ZERO).await.unwrap_err();
    assert_eq!(refused.to_string(), "a lease is taken for 1ms to 3600s, not for 0ns");
}

pub(crate) async fn an_append_under_a_lease_lands(world: World) {
    let log = world.log();
    let fence = acquire(&log, "mail", "here").await;
    let other = acquire(&log, "payments", "here").await;
    let append = empty_append()
        .and(at_version("a", 0, new_events(2)))
        .with_checkpoint("mail", 7)
        .with_fence(&fence)
        .with_fence(&other);
    let appended = log.append(append).await.unwrap();
    assert_eq!((appended.position, appended.versions[0].0), (Position(2), 2));
    assert_eq!(log.checkpoint("mail").await.unwrap(), Position(7));
    log.append(empty_append().with_checkpoint("mail", 8).with_fence(&fence)).await.unwrap();
    assert_eq!(log.checkpoint("mail").await.unwrap(), Position(8));
}

/// Everything that an append can write.
fn a_full_append(fence: &Fence) -> Append {
    let append = empty_append().and(at_any_version("a", new_events(1))).with_checkpoint("mail", 9);
    append.with_response(stored_response("key", "done", 5)).with_timer(set("mail", "later", 0)).with_fence(fence)
}

pub(crate) async fn a_paused_holder_that_wakes_up_late_cannot_commit(world: World) {
    let log = world.log();
    let stale = acquire(&log, "mail", "here").await;
    world.advance_time(LEASE_TTL).await;
    let fresh = acquire(&log, "mail", "there").await;
    assert_fenced(log.append(a_full_append(&stale)).await, 1, 2);
    assert_eq!(head(&log).await, 0);
    assert_eq!(log.checkpoint("mail").await.unwrap(), Position(0));
    assert_eq!(log.answer("key").await.unwrap(), None);
    assert_eq!(log.due_timers("mail", 10).await.unwrap(), []);
    let conflicting = empty_append().and(at_version("a", 4, new_events(1))).with_fence(&stale);
    assert_fenced(log.append(conflicting).await, 1, 2);
    log.append(a_full_append(&fresh)).await.unwrap();
}

pub(crate) async fn a_stale_lease_fails_only_its_own_caller(world: World) {
    let log = world.log();
    let stale = acquire(&log, "mail", "here").await;
    log.release_lease(&stale).await.unwrap();
    let fresh = acquire(&log, "mail", "there").await;
    for round in 0..20_u64 {
        let plain = empty_append().and(at_version("plain", round, new_events(1)));
        let current = empty_append().and(at_version("current", round, new_events(1))).with_fence(&fresh);
        let late = empty_append().and(at_any_version("late", new_events(1))).with_fence(&stale);
        let mut outcomes = append_in_order(&log, vec![plain, late, current]).await.into_iter();
        outcomes.next().unwrap().unwrap();
        assert_fenced(outcomes.next().unwrap(), 1, 2);
        assert_eq!(outcomes.next().unwrap().unwrap().versions[0].0, round + 1);
    }
    assert_eq!((head(&log).await, version(&log, "late").await), (40, 0));
    assert_sound(&log).await;
}

pub(crate) async fn what_was_written_under_a_lease_is_answered_as_it_was_then(world: World) {
    let log = world.log();
    let fence = acquire(&log, "mail", "here").await;
    let append = a_full_append(&fence);
    let first = log.append(append.clone()).await.unwrap();
    log.release_lease(&fence).await.unwrap();
    acquire(&log, "mail", "there").await;
    assert_eq!(log.append(append).await.unwrap(), first);
    assert_eq!(head(&log).await, 1);
}

pub(crate) async fn a_lease_that_nobody_ever_took_fences_everybody(world: World) {
    assert_fenced(world.log().append(a_full_append(&epoch(5))).await, 5, 0);
}
