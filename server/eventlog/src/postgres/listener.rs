//! Propagates the head between servers: notifies other servers of commits, listens to theirs, and polls the head as a
//! fallback.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::MissedTickBehavior;
use tokio_postgres::Error;
use tracing::warn;

use super::anchor::Anchor;
use super::encryption::PostgresAddress;
use super::feeder::Commits;
use super::read;
use super::session::{CHANNEL, Session};
use crate::Position;

/// How often the head is polled, in case a notification was lost.
const HEAD_POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Minimum time between notifications. A notification is a transaction of its own, and one per commit would halve the speed
/// of a single caller.
const NOTIFY_INTERVAL: Duration = Duration::from_millis(2);
/// Payload of a server that begins to listen. Every other payload is a position.
const LISTENER_STARTED: &str = "here";
/// Application name of the listening session, by which servers find each other.
const LISTENER_APPLICATION_NAME: &str = "storefront-eventlog listener";
const HAS_OTHER_LISTENERS: &str = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()
    AND application_name = $1 AND pid <> pg_backend_pid())";
const RECONNECT_PAUSE: Duration = Duration::from_millis(500);

/// Runs until the writer has ended; reconnects when the connection is lost.
pub(super) async fn run(
    config: PostgresAddress,
    commits: Commits,
    mut committed: watch::Receiver<Position>,
    anchor: Arc<Anchor>,
) {
    while let Err(error) = listen(&config, &commits, &mut committed, &anchor).await {
        warn!(%error, "the listener lost its connection to the database; commits of other servers are noticed late");
        tokio::time::sleep(RECONNECT_PAUSE).await;
        if committed.has_changed().is_err() {
            return;
        }
    }
}

async fn listen(
    config: &PostgresAddress,
    commits: &Commits,
    committed: &mut watch::Receiver<Position>,
    anchor: &Anchor,
) -> Result<(), Error> {
    let (heard, listener_started) = (commits.clone(), Arc::new(Notify::new()));
    let notify_started = listener_started.clone();
    let session = Session::connect(config, move |payload| match payload.parse() {
        Ok(position) => heard.announce(Position(position)),
        Err(_) if payload == LISTENER_STARTED => notify_started.notify_one(),
        Err(_) => {}
    })
    .await?;
    // LISTEN comes before the first read of the head, so that no commit in between is missed. An announced commit is on disk
    // already, so the notification itself need not wait for the disk.
    let listen =
        format!("SET synchronous_commit = off; SET application_name = '{LISTENER_APPLICATION_NAME}'; LISTEN {CHANNEL}");
    session.client.batch_execute(&listen).await?;
    notify(&session, LISTENER_STARTED).await?;
    let mut has_other_listeners = true;
    let mut poll = tokio::time::interval(HEAD_POLL_INTERVAL);
    poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            changed = committed.changed() => {
                if changed.is_err() {
                    return Ok(());
                }
                let position = committed.borrow_and_update().to_string();
                if has_other_listeners {
                    notify(&session, &position).await?;
                }
                tokio::time::sleep(NOTIFY_INTERVAL).await;
            }
            () = listener_started.notified() => {
                has_other_listeners = true;
                // The new listener may have read the head before the last commit, which may not have been announced.
                let position = committed.borrow().to_string();
                notify(&session, &position).await?;
            }
            _ = poll.tick() => {
                anchor.verify(&session).await?;
                commits.announce(read::head(&session).await?);
                has_other_listeners = session.client.query_one_scalar(HAS_OTHER_LISTENERS, &[&LISTENER_APPLICATION_NAME]).await?;
            }
        }
    }
}

async fn notify(session: &Session, payload: &str) -> Result<(), Error> {
    let statement = session.statement("SELECT pg_notify($1, $2)").await?;
    session.client.execute(&statement, &[&CHANNEL, &payload]).await?;
    Ok(())
}
