//! Runs the requests of the screen Lab: scenarios, fault switches and the reset of the shop. Decides nothing.

use storefront_client::Client;

use crate::driver::wire::failure;
use crate::update::lab::{Request, Response};

pub(super) async fn run(client: &Client, request: Request) -> Response {
    match request {
        Request::FetchScenarios => Response::Scenarios(client.scenarios().await.map_err(failure)),
        Request::FetchFaults => Response::Faults(client.faults().await.map_err(failure)),
        Request::Play { name } => {
            let result = client.play_scenario(&name).await.map_err(failure);
            Response::Played { name, result }
        }
        Request::Break { stub, faults } => {
            let result = client.set_faults(stub, &faults).await.map_err(failure);
            Response::Broken { stub, result }
        }
        Request::Reset => Response::Reset(client.reset_shop().await.map_err(failure)),
    }
}
