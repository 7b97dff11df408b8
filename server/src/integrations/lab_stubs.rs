//! The client of the stubs' control interface, for the lab: fault switches, charges at the card gateway, and the reset. The
//! real systems have no such interface.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use storefront_api::{Faults, OrderId, Stub};
use tokio::sync::watch;
use uuid::Uuid;

use crate::integrations::transport;
use crate::integrations::transport::{BadAddress, Endpoint};
use crate::random;

const BODY_LIMIT_BYTES: usize = 16 * 1024 * 1024;
/// Maximum duration of a request to the stubs.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// A client of the stubs, which share one address.
#[derive(Debug)]
pub(crate) struct LabStubs {
    endpoint: Endpoint,
    card_gateway_key: String,
    /// Changes with each change of the fault switches.
    change_id: watch::Sender<Uuid>,
}

/// Why a request to the stubs failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StubsError {
    /// The stubs refused the request; the text is theirs.
    #[error("{0}")]
    Refused(String),
    /// The stubs cannot be reached, or their answer is not valid.
    #[error("The stubs do not answer: {0}.")]
    Unreachable(String),
}

#[derive(Deserialize)]
struct Refusal {
    detail: String,
}

#[derive(Deserialize)]
struct Charges {
    data: Vec<Charge>,
}

#[derive(Deserialize)]
struct Charge {
    paid: bool,
    metadata: ChargedFor,
}

#[derive(Deserialize)]
struct ChargedFor {
    #[serde(default)]
    order_id: String,
}

impl LabStubs {
    /// Creates a client for an address such as `http://127.0.0.1:7071` and the shop's key at the card gateway; sends nothing.
    ///
    /// # Errors
    /// When the address is not valid.
    pub(crate) fn new(base_url: &str, card_gateway_key: &str) -> Result<Self, BadAddress> {
        let endpoint = Endpoint::new("the stubs", base_url)?;
        let change_id = watch::Sender::new(random::id());
        Ok(Self { endpoint, card_gateway_key: card_gateway_key.to_owned(), change_id })
    }

    /// Reads the fault switches of a stub.
    ///
    /// # Errors
    /// All methods: see [`StubsError`].
    pub(crate) async fn faults(&self, stub: Stub) -> Result<Faults, StubsError> {
        self.read(self.request(Method::GET, &["faults", stub.name()])).await
    }

    /// Replaces the fault switches of a stub.
    pub(crate) async fn set_faults(&self, stub: Stub, faults: &Faults) -> Result<Faults, StubsError> {
        let set = self.read(self.request(Method::PUT, &["faults", stub.name()]).json(faults)).await;
        // Also after a failure: the stub may have made the change.
        self.change_id.send_replace(random::id());
        set
    }

    /// Returns an id that changes whenever this client changes the fault switches.
    pub(crate) fn change_id(&self) -> Uuid {
        *self.change_id.borrow()
    }

    /// Waits until [`Self::change_id`] differs from `known`.
    pub(crate) async fn wait_for_change_from(&self, known: Uuid) {
        let mut marks = self.change_id.subscribe();
        // The sender lives as long as `self`.
        let _open = marks.wait_for(|mark| *mark != known).await;
    }

    /// Resets all stubs to their initial state, without faults.
    pub(crate) async fn reset(&self) -> Result<(), StubsError> {
        self.read::<serde_json::Value>(self.request(Method::POST, &["reset"])).await.map(|_| ())
    }

    /// Counts the successful charges for an order among the latest 100 charges.
    pub(crate) async fn count_charges(&self, order: OrderId) -> Result<usize, StubsError> {
        let request = self.request(Method::GET, &["card-gateway", "v1", "charges"]).query(&[("limit", "100")]);
        let charges: Charges = self.read(request.bearer_auth(&self.card_gateway_key)).await?;
        let order = order.to_string();
        Ok(charges.data.iter().filter(|charge| charge.paid && charge.metadata.order_id == order).count())
    }

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        self.endpoint.http.request(method, self.endpoint.url(path))
    }

    async fn read<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, StubsError> {
        let unreachable = |detail: String| StubsError::Unreachable(detail);
        let sent = request.timeout(REQUEST_TIMEOUT).send().await;
        let response = sent.map_err(|error| unreachable(transport::describe(&error)))?;
        let status = response.status();
        let body =
            transport::read_body(response, BODY_LIMIT_BYTES).await.map_err(|error| unreachable(error.to_string()))?;
        if status == StatusCode::UNPROCESSABLE_ENTITY
            && let Ok(Refusal { detail }) = serde_json::from_slice(&body)
        {
            return Err(StubsError::Refused(detail));
        }
        if !status.is_success() {
            return Err(unreachable(format!("status {}", status.as_u16())));
        }
        serde_json::from_slice(&body).map_err(|error| unreachable(format!("the answer cannot be read: {error}")))
    }
}
