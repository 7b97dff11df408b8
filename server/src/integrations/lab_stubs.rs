//! The stand-ins for the systems around the shop, as the lab has them behave: their fault switches, what the card gateway has
//! charged, and their way back to the first day. Nothing of this exists at the real systems.

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
/// So long the stubs may take to answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The stubs at their common address.
#[derive(Debug)]
pub(crate) struct LabStubs {
    endpoint: Endpoint,
    card_gateway_key: String,
    /// Another one after each switch that was thrown.
    mark: watch::Sender<Uuid>,
}

/// Why the stubs did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StubsError {
    /// They do not take it; their own sentence says why.
    #[error("{0}")]
    Refused(String),
    /// They cannot be asked.
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
    /// The stubs at an address such as `http://127.0.0.1:7071`, and the shop's key at the card gateway. Nothing is sent yet.
    ///
    /// # Errors
    /// When the address makes no sense.
    pub(crate) fn new(base_url: &str, card_gateway_key: &str) -> Result<Self, BadAddress> {
        let endpoint = Endpoint::new("the stubs", base_url)?;
        let mark = watch::Sender::new(random::id());
        Ok(Self { endpoint, card_gateway_key: card_gateway_key.to_owned(), mark })
    }

    /// What is broken at a stub.
    ///
    /// # Errors
    /// See [`StubsError`]; so for every method.
    pub(crate) async fn faults(&self, stub: Stub) -> Result<Faults, StubsError> {
        self.read(self.request(Method::GET, &["faults", stub.name()])).await
    }

    /// Breaks exactly this, and nothing else.
    pub(crate) async fn set_faults(&self, stub: Stub, faults: &Faults) -> Result<Faults, StubsError> {
        let set = self.read(self.request(Method::PUT, &["faults", stub.name()]).json(faults)).await;
        // Without an answer, too: it may have been done.
        self.mark.send_replace(random::id());
        set
    }

    /// A mark that is another one whenever a switch was thrown from here.
    pub(crate) fn mark(&self) -> Uuid {
        *self.mark.borrow()
    }

    /// Waits until the mark is another one than this.
    pub(crate) async fn changes_from(&self, known: Uuid) {
        let mut marks = self.mark.subscribe();
        // It cannot be closed while this is borrowed.
        let _open = marks.wait_for(|mark| *mark != known).await;
    }

    /// Has all of them as on their first day, with nothing broken.
    pub(crate) async fn start_over(&self) -> Result<(), StubsError> {
        self.read::<serde_json::Value>(self.request(Method::POST, &["reset"])).await.map(|_| ())
    }

    /// How often the card gateway has taken money for an order, among its latest hundred attempts.
    pub(crate) async fn charges_for(&self, order: OrderId) -> Result<usize, StubsError> {
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
        let sent = request.timeout(TIMEOUT).send().await;
        let response = sent.map_err(|error| unreachable(transport::in_words(&error)))?;
        let status = response.status();
        let body = transport::body(response, BODY_LIMIT_BYTES).await.map_err(|error| unreachable(error.to_string()))?;
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
