//! Runs what the screen Lab asks for: scenarios, what is broken on purpose, and starting over. Decides nothing.

use storefront_client::Client;

use crate::driver::effects::failure;
use crate::update::lab::{Errand, News};

/// Carries an errand out.
pub(super) async fn run(client: &Client, errand: Errand) -> News {
    match errand {
        Errand::FetchScenarios => News::Scenarios(client.scenarios().await.map_err(failure)),
        Errand::FetchFaults => News::Faults(client.faults().await.map_err(failure)),
        Errand::Play { name } => {
            let result = client.play_scenario(&name).await.map_err(failure);
            News::Played { name, result }
        }
        Errand::Break { stub, faults } => {
            let result = client.set_faults(stub, &faults).await.map_err(failure);
            News::Broken { stub, result }
        }
        Errand::Reset => News::Reset(client.reset_shop().await.map_err(failure)),
    }
}
