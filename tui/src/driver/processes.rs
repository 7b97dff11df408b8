//! Runs what the screen Processes asks for: the shop's processes and read models. Decides nothing.

use storefront_api::{ProcessList, Repeats, ViewList};
use storefront_client::{Client, ClientError};

use crate::driver::wire::{failure, idempotency_key};
use crate::state::{Steer, Target};
use crate::update::processes::{Request, Response};

/// Carries an errand out.
pub(super) async fn run(client: &Client, errand: Request) -> Response {
    match errand {
        Request::Look => Response::Looked(look(client).await.map_err(failure)),
        Request::FetchParked { process, query } => {
            let result = client.parked(&process, &query).await.map_err(failure);
            Response::Parked { process, result }
        }
        Request::Steer { key, steer } => {
            let result = send(client, &key, steer).await.map_err(failure);
            Response::Steered { key, result }
        }
    }
}

/// What the shop does by itself, and what came again; a shop of before does not tell that.
async fn look(client: &Client) -> Result<(ProcessList, ViewList, Option<Repeats>), ClientError> {
    let (processes, views, repeats) = tokio::join!(client.processes(), client.views(), client.repeats());
    Ok((processes?, views?, repeats.ok()))
}

async fn send(client: &Client, key: &str, steer: Steer) -> Result<(), ClientError> {
    let key = idempotency_key(key);
    match steer {
        Steer::Pause(Target::Process(name)) => client.pause_process(&name, &key).await.map(drop),
        Steer::Resume(Target::Process(name)) => client.resume_process(&name, &key).await.map(drop),
        Steer::Step(Target::Process(name)) => client.step_process(&name, &key).await.map(drop),
        Steer::Pause(Target::View(name)) => client.pause_view(&name).await.map(drop),
        Steer::Resume(Target::View(name)) => client.resume_view(&name).await.map(drop),
        Steer::Step(Target::View(name)) => client.step_view(&name).await.map(drop),
        Steer::Retry { process, sequence } => client.retry_parked(&process, &sequence, &key).await.map(drop),
        Steer::Skip { process, sequence } => client.skip_parked(&process, &sequence, &key).await.map(drop),
        // To ask for it again while it goes on changes nothing.
        Steer::Rebuild { view } => client.rebuild_view(&view).await.map(drop),
    }
}
