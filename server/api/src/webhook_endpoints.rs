//! Bodies of the routes for webhook endpoints: addresses to which the shop sends its events.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Timestamp, WebhookEndpointId};

/// The secret with which the shop signs what it sends to an endpoint: `whsec_` and 32 bytes in base64. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String)]
pub struct WebhookSecret(pub String);

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

/// Make a webhook endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateWebhookEndpoint {
    /// Where to send events: an address that begins with `http://` or `https://`, without user name and password. In secured
    /// mode it begins with `https://`, and addresses of private networks are refused, unless the server allows them.
    #[schema(min_length = 1, max_length = 500)]
    pub url: String,
    /// Which events: types such as `order.confirmed`, or prefixes that end in `*` such as `order.*`. Without any, all events but
    /// those about the deliveries to this endpoint.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub event_types: Vec<String>,
    /// A note for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 200)]
    pub description: Option<String>,
    /// Position of the log after which events are sent; without it, the head of the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
}

/// Change a webhook endpoint. What is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeWebhookEndpoint {
    /// Where to send events, as for a new endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 500)]
    pub url: Option<String>,
    /// Which events, as for a new endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 50)]
    pub event_types: Option<Vec<String>>,
    /// A note for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 200)]
    pub description: Option<String>,
    /// Whether events are sent. What happens while they are not is sent once they are again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// A webhook endpoint, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookEndpoint {
    /// The id of the endpoint; its process is `webhook-{id}`.
    pub id: WebhookEndpointId,
    /// Where events are sent.
    pub url: String,
    /// Which events; none for all.
    pub event_types: Vec<String>,
    /// A note for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether events are sent.
    pub enabled: bool,
    /// Why the shop itself sends no more, if it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_reason: Option<String>,
    /// Position of the log after which events are sent.
    pub after: u64,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A webhook endpoint with a secret that was just made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookEndpointWithSecret {
    /// The endpoint as it is from now on.
    pub endpoint: WebhookEndpoint,
    /// The secret. It is shown in this answer only: in the answer to a repeated request it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<WebhookSecret>,
}

/// All webhook endpoints, newest first, without their secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookEndpointList {
    /// The endpoints, newest first; disabled ones too.
    pub items: Vec<WebhookEndpoint>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_output_shows_a_secret() {
        let shown = format!("{:?}", WebhookSecret("whsec_secret".to_owned()));
        assert!(!shown.contains("secret"), "{shown}");
    }
}
