//! Runs the requests of the screen Processes: processes and read models. Decides nothing.

use storefront_api::{ProcessList, Repeats, ViewList};
use storefront_client::{Client, ClientError};

use crate::driver::wire::{failure, idempotency_key};
use crate::state::{ControlCommand, Target};
use crate::update::processes::{Request, Response};

pub(super) async fn run(client: &Client, request: Request) -> Response {
    match request {
        Request::Fetch => Response::Fetched(fetch_all(client).await.map_err(failure)),
        Request::FetchParked { process, query } => {
            let result = client.parked(&process, &query).await.map_err(failure);
            Response::Parked { process, result }
        }
        Request::ControlCommand { key, command } => {
            let result = send(client, &key, command).await.map_err(failure);
            Response::Controlled { key, result }
        }
    }
}

/// Fetches processes, read models and repeats. An older shop does not report repeats.
async fn fetch_all(client: &Client) -> Result<(ProcessList, ViewList, Option<Repeats>), ClientError> {
    let (processes, views, repeats) = tokio::join!(client.processes(), client.views(), client.repeats());
    Ok((processes?, views?, repeats.ok()))
}

async fn send(client: &Client, key: &str, command: ControlCommand) -> Result<(), ClientError> {
    let key = idempotency_key(key);
    match command {
        ControlCommand::Pause(Target::Process(name)) => client.pause_process(&name, &key).await.map(drop),
        ControlCommand::Resume(Target::Process(name)) => client.resume_process(&name, &key).await.map(drop),
        ControlCommand::Step(Target::Process(name)) => client.step_process(&name, &key).await.map(drop),
        ControlCommand::Pause(Target::View(name)) => client.pause_view(&name).await.map(drop),
        ControlCommand::Resume(Target::View(name)) => client.resume_view(&name).await.map(drop),
        ControlCommand::Step(Target::View(name)) => client.step_view(&name).await.map(drop),
        ControlCommand::Retry { process, sequence } => client.retry_parked(&process, &sequence, &key).await.map(drop),
        ControlCommand::Skip { process, sequence } => client.skip_parked(&process, &sequence, &key).await.map(drop),
        // Idempotent while a rebuild is running.
        ControlCommand::Rebuild { view } => client.rebuild_view(&view).await.map(drop),
    }
}
