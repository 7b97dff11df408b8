//! The shop's processes over HTTP: their state, and the commands of operators: pause, resume, step, retry and skip.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use storefront_api::{
    Page, ParkedQuery, ParkedSequence, Problem, Process, ProcessList, ProcessMode, ProcessState, Retry,
    SequenceReleased, WaitingEvent,
};
use storefront_domain::process::{self, ProcessCommand};
use storefront_eventlog::{Filter, Position};

use crate::http::command::EmptyCommand;
use crate::http::error::ApiError;
use crate::http::error_code::ErrorCode;
use crate::http::extract::{PathParams, QueryParams, page_limit};
use crate::http::idempotency::{reply, respond_once};
use crate::http::state::Shop;
use crate::operations::parked;
use crate::operations::progress::ProcessStatus;
use crate::store::commands::{Context, Failure, Reply, append_process_command};
use crate::store::{aggregates, streams};

/// Maximum wait for events in flight before a step is refused.
const STEP_TIMEOUT: Duration = Duration::from_secs(2);
/// Maximum wait until a process applies a command. The command is in the log already and takes effect in any case.
const CONTROL_TIMEOUT: Duration = Duration::from_secs(2);

/// List processes
///
/// The progress of each process in the log, its retries, and whether it is paused.
#[utoipa::path(
    get, path = "/v1/processes", tag = "operations",
    responses((status = 200, description = "All processes, by name", body = ProcessList))
)]
pub(crate) async fn list_processes(State(shop): State<Shop>) -> Result<Json<ProcessList>, ApiError> {
    let head = shop.store.head().await.map_err(Failure::from)?.0;
    let items = shop.progress.all().into_iter().map(|(name, status)| process_body(name, status, head)).collect();
    Ok(Json(ProcessList { items }))
}

/// Pause a process
///
/// It finishes the events that it has begun, and begins no other until it is stepped or resumed. A pause survives a
/// restart of the server; `/health/ready` reports it.
#[utoipa::path(
    post, path = "/v1/processes/{name}/pause", tag = "operations",
    params(("name" = String, Path, description = "The process")),
    responses(
        (status = 200, description = "Paused", body = ProcessMode),
        (status = 404, description = "`process_not_found`", body = Problem),
    )
)]
pub(crate) async fn pause(
    State(shop): State<Shop>,
    PathParams(name): PathParams<String>,
    command: EmptyCommand,
) -> Result<Response, ApiError> {
    set_mode(&shop, &name, &command.into_context(), &ProcessCommand::Pause).await
}

/// Resume a process
///
/// It continues, and retries that were waiting are made at once.
#[utoipa::path(
    post, path = "/v1/processes/{name}/resume", tag = "operations",
    params(("name" = String, Path, description = "The process")),
    responses(
        (status = 200, description = "Resumed", body = ProcessMode),
        (status = 404, description = "`process_not_found`", body = Problem),
    )
)]
pub(crate) async fn resume(
    State(shop): State<Shop>,
    PathParams(name): PathParams<String>,
    command: EmptyCommand,
) -> Result<Response, ApiError> {
    set_mode(&shop, &name, &command.into_context(), &ProcessCommand::Resume).await
}

/// Step a paused process
///
/// It begins exactly one event, the first that waits. A step without a waiting event is refused and not kept for later.
#[utoipa::path(
    post, path = "/v1/processes/{name}/step", tag = "operations",
    params(("name" = String, Path, description = "The process")),
    responses(
        (status = 200, description = "Begins one event", body = ProcessMode),
        (status = 404, description = "`process_not_found`", body = Problem),
        (status = 409, description = "`process_not_paused`; `nothing_to_step`: no event waits", body = Problem),
    )
)]
pub(crate) async fn step(
    State(shop): State<Shop>,
    PathParams(name): PathParams<String>,
    command: EmptyCommand,
) -> Result<Response, ApiError> {
    let (name, types) = find_process(&shop, &name)?;
    let context = command.into_context();
    let work = async {
        let _turn = shop.progress.lock_stepping().await;
        require_waiting_event(&shop, name, types).await?;
        let done = append_process_command(&shop.store, name, &context, &ProcessCommand::Step, |_, after| {
            mode_reply(name, after)
        });
        let done = done.await?;
        wait_until_applied(&shop, name, done.position).await;
        Ok(done)
    };
    respond_once(&shop, &context, work).await
}

/// List the parked sequences of a process
///
/// Each sequence (usually an order) with the event that could not be handled, and the error. Later events of the
/// sequence wait; other sequences are not affected.
#[utoipa::path(
    get, path = "/v1/processes/{name}/parked", tag = "operations",
    params(("name" = String, Path, description = "The process"), ParkedQuery),
    responses(
        (status = 200, description = "A page of parked sequences", body = Page<ParkedSequence>),
        (status = 404, description = "`process_not_found`", body = Problem),
    )
)]
pub(crate) async fn list_parked(
    State(shop): State<Shop>,
    PathParams(name): PathParams<String>,
    QueryParams(query): QueryParams<ParkedQuery>,
) -> Result<Json<Page<ParkedSequence>>, ApiError> {
    let limit = page_limit(query.limit, 100, 20)?;
    let (name, types) = find_process(&shop, &name)?;
    let page = parked::list(&shop.store, name, types, query.cursor.as_deref(), limit).await;
    Ok(Json(page.map_err(Failure::from)?))
}

/// Retry a parked sequence
///
/// The event that could not be handled is tried again, and then the later events of the sequence, in order.
#[utoipa::path(
    post, path = "/v1/processes/{name}/parked/{sequence}/retry", tag = "operations",
    params(("name" = String, Path, description = "The process"), ("sequence" = String, Path, description = "The sequence")),
    responses(
        (status = 200, description = "Is tried again", body = SequenceReleased),
        (status = 404, description = "`process_not_found`; `sequence_not_parked`", body = Problem),
        (status = 409, description = "`sequence_retrying`", body = Problem),
    )
)]
pub(crate) async fn retry(
    State(shop): State<Shop>,
    PathParams((name, sequence)): PathParams<(String, String)>,
    command: EmptyCommand,
) -> Result<Response, ApiError> {
    let context = command.correlated_with_sequence(&sequence);
    release(&shop, &name, &context, ProcessCommand::Retry { sequence }).await
}

/// Skip a parked event
///
/// Only the event that could not be handled is skipped; the later events of the sequence are handled. A refund that is
/// skipped ends as failed, and its amount can be refunded again.
#[utoipa::path(
    post, path = "/v1/processes/{name}/parked/{sequence}/skip", tag = "operations",
    params(("name" = String, Path, description = "The process"), ("sequence" = String, Path, description = "The sequence")),
    responses(
        (status = 200, description = "Skipped", body = SequenceReleased),
        (status = 404, description = "`process_not_found`; `sequence_not_parked`", body = Problem),
        (status = 409, description = "`sequence_retrying`", body = Problem),
    )
)]
pub(crate) async fn skip(
    State(shop): State<Shop>,
    PathParams((name, sequence)): PathParams<(String, String)>,
    command: EmptyCommand,
) -> Result<Response, ApiError> {
    let context = command.correlated_with_sequence(&sequence);
    let (name, _) = find_process(&shop, &name)?;
    let work = async {
        let done = parked::skip_parked(&shop.store, name, &context, &sequence, |before| {
            reply(StatusCode::OK, &released_body(before, &sequence, true))
        });
        Ok(done.await?)
    };
    respond_once(&shop, &context, work).await
}

async fn set_mode(shop: &Shop, name: &str, context: &Context, command: &ProcessCommand) -> Result<Response, ApiError> {
    let (name, _) = find_process(shop, name)?;
    let work = async {
        let done =
            append_process_command(&shop.store, name, context, command, |_, after| mode_reply(name, after)).await?;
        wait_until_applied(shop, name, done.position).await;
        Ok(done)
    };
    respond_once(shop, context, work).await
}

fn mode_reply(name: &str, after: &process::Process) -> Result<Reply, serde_json::Error> {
    reply(StatusCode::OK, &ProcessMode { name: name.to_owned(), paused: after.paused() })
}

/// Refuses a step of a paused process without a waiting event. First waits until events in flight are handled and the
/// log is read to its head, as either may bring the next event.
async fn require_waiting_event(shop: &Shop, name: &'static str, types: &[&str]) -> Result<(), ApiError> {
    let (process, _) =
        aggregates::load::<process::ProcessEvent>(&shop.store, &streams::process(name)).await.map_err(Failure::from)?;
    if !process.paused() {
        return Ok(());
    }
    let head = shop.store.head().await.map_err(Failure::from)?;
    let waits = |status: &ProcessStatus| status.ready > status.steps as usize;
    let settled = |status: &ProcessStatus| status.in_flight == 0 && status.read_to >= head;
    let known = |status: &ProcessStatus| status.runs_elsewhere || waits(status) || settled(status);
    shop.progress.wait_until(name, STEP_TIMEOUT, known).await;
    let status = shop.progress.status(name);
    let waits = if status.runs_elsewhere {
        // The process runs on another server: check the log instead.
        let filter = Filter { types: types.iter().map(ToString::to_string).collect(), ..Filter::default() };
        !shop.store.read_all(status.position, 1, &filter).await.map_err(Failure::from)?.events.is_empty()
    } else {
        waits(&status)
    };
    if waits {
        return Ok(());
    }
    let detail = match status.in_flight {
        0 => "Nothing waits in this process, and a step is not kept for later. Step again when something has happened.",
        _ => "The process is at work on what it has begun, and nothing else waits. Step again when that is done.",
    };
    Err(ApiError::new(ErrorCode::NothingToStep, detail))
}

/// Waits until a process that runs on this server has applied the command at `position`, so that the next read shows
/// it.
async fn wait_until_applied(shop: &Shop, name: &str, position: Position) {
    shop.progress
        .wait_until(name, CONTROL_TIMEOUT, |status| status.runs_elsewhere || status.control_read_to >= position)
        .await;
}

async fn release(shop: &Shop, name: &str, context: &Context, command: ProcessCommand) -> Result<Response, ApiError> {
    let (name, _) = find_process(shop, name)?;
    let work = async {
        let done = append_process_command(&shop.store, name, context, &command, |before, _| {
            reply(StatusCode::OK, &released_body(before, &context.cause.correlation_id, false))
        });
        Ok(done.await?)
    };
    respond_once(shop, context, work).await
}

fn released_body(before: &process::Process, sequence: &str, skipped: bool) -> SequenceReleased {
    let position = before.parked().get(sequence).map_or(0, |parked| parked.position);
    SequenceReleased { sequence: sequence.to_owned(), position, skipped }
}

/// Finds a process by name; returns its name and the event types that it subscribes to.
fn find_process(shop: &Shop, name: &str) -> Result<(&'static str, &'static [&'static str]), ApiError> {
    shop.progress.find(name).ok_or_else(|| {
        let known: Vec<&str> = shop.progress.all().into_iter().map(|(name, _)| name).collect();
        let detail = format!("There is no such process. There are: {}.", known.join(", "));
        ApiError::new(ErrorCode::ProcessNotFound, detail)
    })
}

fn process_body(name: &str, status: ProcessStatus, head: u64) -> Process {
    let retries = status.retries.iter().map(|retrying_events| Retry {
        position: retrying_events.recorded.position.0,
        kind: retrying_events.recorded.kind().to_owned(),
        sequence: retrying_events.recorded.correlation_id().to_owned(),
        attempts: retrying_events.attempts,
        next_attempt_at: retrying_events.next_attempt_at,
        error: retrying_events.error.clone(),
    });
    let next = status.next.iter().map(|next| WaitingEvent {
        position: next.position.0,
        kind: next.kind.clone(),
        sequence: next.sequence.clone(),
    });
    Process {
        name: name.to_owned(),
        position: status.position.0,
        head,
        lag: head.saturating_sub(status.position.0),
        state: process_state(&status),
        unfinished: status.unfinished as u64,
        in_flight: status.in_flight as u64,
        retrying: status.retrying as u64,
        retries: retries.collect(),
        parked: status.parked as u64,
        steps: status.steps,
        next: next.collect(),
    }
}

fn process_state(status: &ProcessStatus) -> ProcessState {
    match status {
        ProcessStatus { runs_elsewhere: true, .. } => ProcessState::WaitingForLease,
        ProcessStatus { paused: true, .. } => ProcessState::Paused,
        ProcessStatus { retrying: 1.., .. } => ProcessState::Retrying,
        ProcessStatus { unfinished: 1.., .. } => ProcessState::Working,
        ProcessStatus { .. } => ProcessState::Idle,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_fails_is_not_called_busy_and_a_paused_one_is_called_nothing_else() {
        let status =
            |unfinished, retrying, paused| ProcessStatus { unfinished, retrying, paused, ..ProcessStatus::default() };
        assert_eq!(process_state(&status(0, 0, false)), ProcessState::Idle);
        assert_eq!(process_state(&status(2, 0, false)), ProcessState::Working);
        assert_eq!(process_state(&status(2, 1, false)), ProcessState::Retrying);
        assert_eq!(process_state(&status(2, 1, true)), ProcessState::Paused);
    }
}
