//! Events of stream `webhook-list`.

use serde::{Deserialize, Serialize};
use storefront_api::{WebhookEndpointId, WebhookSecretId};
use storefront_domain::webhook::{NewEndpoint, Settings, WebhookEvent};
use utoipa::ToSchema;

use super::{CodecError, Encoded, encode_shape, event_types, parse, unknown_type};

event_types! {
    stream "webhook-list";
    "webhook.created" [1] Created,
        "The shop sends events to this address from now on; of its secret, the id",
        by ["POST /v1/webhook-endpoints"];
    "webhook.changed" [1] Changed,
        "The webhook endpoint has these settings",
        by ["PATCH /v1/webhook-endpoints/{id}"];
    "webhook.secret_rotated" [1] SecretRotated,
        "Another secret signs what is sent to the webhook endpoint, and for 24 hours the one of before too",
        by ["POST /v1/webhook-endpoints/{id}/secret/rotate"];
    "webhook.disabled" [1] Disabled,
        "No more is sent to the webhook endpoint; the reason says why, if the shop itself ended it",
        by ["PATCH /v1/webhook-endpoints/{id}", "process:webhook-{id}"];
    "webhook.enabled" [1] One,
        "Events are sent to the webhook endpoint again",
        by ["PATCH /v1/webhook-endpoints/{id}"];
    "webhook.deleted" [1] One,
        "There is no such webhook endpoint any more",
        by ["DELETE /v1/webhook-endpoints/{id}"];
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Created {
    id: WebhookEndpointId,
    url: String,
    event_types: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    secret_id: WebhookSecretId,
    after: u64,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Changed {
    id: WebhookEndpointId,
    url: String,
    event_types: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct SecretRotated {
    id: WebhookEndpointId,
    secret_id: WebhookSecretId,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Disabled {
    id: WebhookEndpointId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct One {
    id: WebhookEndpointId,
}

/// Encodes an event in its current schema version.
pub(crate) fn encode(event: &WebhookEvent) -> Encoded {
    match event.clone() {
        WebhookEvent::Created(NewEndpoint { id, settings, secret_id, after }) => {
            let Settings { url, event_types, description } = settings;
            encode_shape("webhook.created", 1, &Created { id, url, event_types, description, secret_id, after })
        }
        WebhookEvent::Changed { id, settings: Settings { url, event_types, description } } => {
            encode_shape("webhook.changed", 1, &Changed { id, url, event_types, description })
        }
        WebhookEvent::SecretRotated { id, secret_id } => {
            encode_shape("webhook.secret_rotated", 1, &SecretRotated { id, secret_id })
        }
        WebhookEvent::Disabled { id, reason } => encode_shape("webhook.disabled", 1, &Disabled { id, reason }),
        WebhookEvent::Enabled { id } => encode_shape("webhook.enabled", 1, &One { id }),
        WebhookEvent::Deleted { id } => encode_shape("webhook.deleted", 1, &One { id }),
    }
}

/// Decodes an event of the current schema version.
pub(crate) fn decode(kind: &str, schema_version: u16, data: &str) -> Result<WebhookEvent, CodecError> {
    Ok(match (kind, schema_version) {
        ("webhook.created", 1) => {
            let Created { id, url, event_types, description, secret_id, after } = parse(kind, data)?;
            let settings = Settings { url, event_types, description };
            WebhookEvent::Created(NewEndpoint { id, settings, secret_id, after })
        }
        ("webhook.changed", 1) => {
            let Changed { id, url, event_types, description } = parse(kind, data)?;
            WebhookEvent::Changed { id, settings: Settings { url, event_types, description } }
        }
        ("webhook.secret_rotated", 1) => {
            let SecretRotated { id, secret_id } = parse(kind, data)?;
            WebhookEvent::SecretRotated { id, secret_id }
        }
        ("webhook.disabled", 1) => {
            let Disabled { id, reason } = parse(kind, data)?;
            WebhookEvent::Disabled { id, reason }
        }
        ("webhook.enabled", 1) => {
            let One { id } = parse(kind, data)?;
            WebhookEvent::Enabled { id }
        }
        ("webhook.deleted", 1) => {
            let One { id } = parse(kind, data)?;
            WebhookEvent::Deleted { id }
        }
        _ => return Err(unknown_type("webhook", KINDS, kind, schema_version)),
    })
}
