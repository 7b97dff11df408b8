//! What the screen Processes asks that takes more than a call of the client.

use storefront_api::{ProcessList, Repeats, ViewList};
use storefront_client::{Client, ClientError, IdempotencyKey};

use crate::state::{ControlCommand, Target};

/// Fetches processes, read models and repeats. An older shop does not report repeats.
pub(super) async fn fetch(client: &Client) -> Result<(ProcessList, ViewList, Option<Repeats>), ClientError> {
    let (processes, views, repeats) = tokio::join!(client.processes(), client.views(), client.repeats());
    Ok((processes?, views?, repeats.ok()))
}

/// Sends a control command.
pub(super) async fn control(client: &Client, key: &IdempotencyKey, command: ControlCommand) -> Result<(), ClientError> {
    match command {
        ControlCommand::Pause(Target::Process(name)) => client.pause_process(&name, key).await.map(drop),
        ControlCommand::Resume(Target::Process(name)) => client.resume_process(&name, key).await.map(drop),
        ControlCommand::Step(Target::Process(name)) => client.step_process(&name, key).await.map(drop),
        ControlCommand::Pause(Target::View(name)) => client.pause_view(&name).await.map(drop),
        ControlCommand::Resume(Target::View(name)) => client.resume_view(&name).await.map(drop),
        ControlCommand::Step(Target::View(name)) => client.step_view(&name).await.map(drop),
        ControlCommand::Retry { process, sequence } => client.retry_parked(&process, &sequence, key).await.map(drop),
        ControlCommand::Skip { process, sequence } => client.skip_parked(&process, &sequence, key).await.map(drop),
        // Idempotent while a rebuild is running.
        ControlCommand::Rebuild { view } => client.rebuild_view(&view).await.map(drop),
    }
}
