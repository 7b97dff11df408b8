//! News between servers: tells others after a commit, if there are any, hears what they tell, and looks for itself now and
//! then.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::MissedTickBehavior;
use tokio_postgres::{Config, Error};
use tracing::warn;

use super::anchor::Anchor;
use super::session::{CHANNEL, Session};
use super::{raise, read};
use crate::Position;

/// How often the head is looked up, in case that a notification got lost.
const POLL: Duration = Duration::from_secs(1);
/// Commits of so long a time are told together. A notification is a transaction of its own, and one for each commit would
/// cost a lone caller half its speed.
const TELLING_PAUSE: Duration = Duration::from_millis(2);
/// What a server tells when it begins to listen. Everything else that is told is a position.
const HERE: &str = "here";
/// What its session is called, so that others see it there.
const LISTENER: &str = "storefront-eventlog listener";
const OTHERS_LISTEN: &str = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()
    AND application_name = $1 AND pid <> pg_backend_pid())";
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(500);

/// Runs until the writer has ended; opens a new connection whenever one is lost.
pub(super) async fn run(
    config: Config,
    head: Arc<watch::Sender<Position>>,
    mut committed: watch::Receiver<Position>,
    anchor: Arc<Anchor>,
) {
    while let Err(error) = listen(&config, &head, &mut committed, &anchor).await {
        warn!(%error, "news of other servers may come late: the connection to the database is lost");
        tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
        if committed.has_changed().is_err() {
            return;
        }
    }
}

async fn listen(
    config: &Config,
    head: &Arc<watch::Sender<Position>>,
    committed: &mut watch::Receiver<Position>,
    anchor: &Anchor,
) -> Result<(), Error> {
    let (heard, newcomer) = (head.clone(), Arc::new(Notify::new()));
    let came = newcomer.clone();
    let session = Session::connect(config, move |said| match said.parse() {
        Ok(position) => raise(&heard, Position(position)),
        Err(_) if said == HERE => came.notify_one(),
        Err(_) => {}
    })
    .await?;
    // Listen first, then look: what comes in between is heard. What is told is on disk already, so telling it need not
    // wait for the disk, which it would take from those who write.
    let listen = format!("SET synchronous_commit = off; SET application_name = '{LISTENER}'; LISTEN {CHANNEL}");
    session.client.batch_execute(&listen).await?;
    tell(&session, HERE).await?;
    let mut others_listen = true;
    let mut poll = tokio::time::interval(POLL);
    poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            news = committed.changed() => {
                if news.is_err() {
                    return Ok(());
                }
                let position = committed.borrow_and_update().to_string();
                if others_listen {
                    tell(&session, &position).await?;
                }
                tokio::time::sleep(TELLING_PAUSE).await;
            }
            () = newcomer.notified() => {
                others_listen = true;
                // It may have looked before the last commit, and that may not have been told.
                let position = committed.borrow().to_string();
                tell(&session, &position).await?;
            }
            _ = poll.tick() => {
                anchor.look(&session).await?;
                raise(head, read::head(&session).await?);
                others_listen = session.client.query_one_scalar(OTHERS_LISTEN, &[&LISTENER]).await?;
            }
        }
    }
}

async fn tell(session: &Session, what: &str) -> Result<(), Error> {
    let tell = session.statement("SELECT pg_notify($1, $2)").await?;
    session.client.execute(&tell, &[&CHANNEL, &what]).await?;
    Ok(())
}
