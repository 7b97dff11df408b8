//! Writes a batch under the lock of the head row: reads what the appends depend on, validates each append by itself
//! (`preconditions.rs`), and writes the valid ones. The writer uses it when the optimistic statement (`writer.rs`) does not
//! apply or failed.
//!
//! While the head row is locked, no other server can commit an event, an answer, a checkpoint or a timer, and the leases of
//! the fences are locked too, so what is read stays valid until the commit. In a "read committed" transaction every statement
//! sees what was committed before it began.

use tokio_postgres::Error;

use super::insert::Rows;
use super::preconditions::{EPOCHS, Preconditions, REVISIONS, Validation, original_versions};
use super::read;
use super::session::{Session, unsigned};
use crate::hash_tree::HashTree;
use crate::queue::{Job, Outcome};
use crate::version_cache::VersionCache;
use crate::{Append, Appended, Position};

const LOCK_HEAD: &str = "SELECT position FROM eventlog.head FOR UPDATE";

/// Writes a batch in one transaction, and returns an outcome per append and the new head. No transaction stays open on a
/// working session, also after an error.
///
/// `is_retry` means that the same batch was sent before and its result was lost.
pub(super) async fn write(
    session: &Session,
    versions: &mut VersionCache,
    tree: &mut HashTree,
    jobs: &[Job],
    is_retry: bool,
) -> Result<(Vec<Outcome>, Position), Error> {
    let mut new_tree = tree.clone();
    let written = write_in_transaction(session, jobs, &mut new_tree, is_retry).await;
    match &written {
        Ok(_) => session.client.batch_execute("COMMIT").await?,
        // A failed rollback means that the connection is lost, and with it the transaction.
        Err(_) => drop(session.client.batch_execute("ROLLBACK").await),
    }
    let (preconditions, outcomes, head) = written?;
    *tree = new_tree;
    for (stream, version) in preconditions.versions() {
        versions.set(stream, version);
    }
    Ok((outcomes, head))
}

async fn write_in_transaction<'a>(
    session: &Session,
    jobs: &'a [Job],
    tree: &mut HashTree,
    is_retry: bool,
) -> Result<(Preconditions<'a>, Vec<Outcome>, Position), Error> {
    let appends: Vec<&Append> = jobs.iter().map(|job| &job.append).collect();
    // Prepared statements are sent in the order of these futures, all in one round trip.
    session.prepare(&[LOCK_HEAD, read::VERSIONS, read::ANSWERS, read::PLACES, EPOCHS, REVISIONS]).await?;
    let ((), base, mut preconditions) = tokio::try_join!(biased; session.client.batch_execute("BEGIN"), lock_head(session), Preconditions::read(session, &appends))?;
    let mut rows = Rows::default();
    let mut outcomes = Vec::with_capacity(jobs.len());
    for job in jobs {
        let append = &job.append;
        let outcome = match preconditions.validate(append, is_retry) {
            Validation::Resolved(outcome) => outcome,
            Validation::Repeated { position, versions } => {
                Ok(Appended { position, versions: original_versions(session, append, versions).await? })
            }
            Validation::Writable(mut versions) => {
                let first = Position(base.0 + rows.event_count() + 1);
                rows.add(job, &mut versions);
                let appended = Appended { position: Position(base.0 + rows.event_count()), versions };
                preconditions.apply(append, first, &appended);
                Ok(appended)
            }
        };
        outcomes.push(outcome);
    }
    rows.write(session, tree).await?;
    Ok((preconditions, outcomes, Position(base.0 + rows.event_count())))
}

async fn lock_head(session: &Session) -> Result<Position, Error> {
    let lock_head = session.statement(LOCK_HEAD).await?;
    let base: i64 = session.client.query_one_scalar(&lock_head, &[]).await?;
    Ok(Position(unsigned(base)))
}
