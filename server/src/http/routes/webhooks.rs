//! `POST /v1/webhooks/card-gateway`: verifies the signature of an event, parses it, and has [`gateway_events`] record
//! it.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use storefront_api::Problem;
use tracing::{info, warn};
use utoipa::ToSchema;

use crate::clock;
use crate::http::error::{ApiError, sentence};
use crate::http::error_code::ErrorCode;
use crate::http::extract::header_text;
use crate::http::state::Shop;
use crate::integrations::card_webhooks::{GatewayEvent, Webhook, parse_webhook};
use crate::integrations::webhook_signature::{DEFAULT_TOLERANCE_S, SIGNATURE_HEADER, verify_webhook};
use crate::payments::gateway_events;
use crate::payments::gateway_events::GatewayEventError;
use crate::store::repeat_counters::WebhookOutcome;

/// Maximum length of the description of a webhook that the shop does not act on.
const MAX_ABOUT_CHARS: usize = 60;

/// Maximum size of a webhook, in bytes.
const MAX_WEBHOOK_BYTES: usize = 1024 * 1024;

/// An event of the card gateway, as far as the shop reads it; it has more fields.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct CardGatewayEvent {
    /// The id of the event.
    #[schema(example = "evt_1")]
    id: String,
    /// What has happened.
    #[schema(rename = "type", example = "payment_intent.succeeded")]
    kind: String,
    /// What it is about, in `object`.
    data: CardGatewayData,
}

/// What an event of the card gateway is about.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct CardGatewayData {
    /// A payment intent, a refund, a dispute, or anything else.
    #[schema(value_type = Object)]
    object: (),
}

/// Receive a webhook of the card gateway
///
/// Signed as the gateway documents it, at most 1 MiB. A repeated webhook changes nothing, and a late one is recorded
/// correctly. Content that is not about the payments of this shop is ignored. A payment of another amount or currency
/// than requested is not booked: `/metrics` counts it, and readiness reports it.
#[utoipa::path(
    post, path = "/v1/webhooks/card-gateway", tag = "payments",
    params(("Stripe-Signature" = String, Header, description = "`t=…,v1=…`: HMAC-SHA256 of the time and the body")),
    request_body(content = CardGatewayEvent, content_type = "application/json", description = "An event of the gateway"),
    responses(
        (status = 204, description = "Accepted or ignored"),
        (status = 400, description = "`bad_signature`", body = Problem),
        (status = 503, description = "`webhook_secret_missing`: the signature cannot be verified; `card_gateway_unavailable`: the refund or dispute cannot be read from the gateway, send the webhook again", body = Problem),
    )
)]
pub(crate) async fn card_gateway(
    State(shop): State<Shop>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let body = crate::http::body::read_up_to(MAX_WEBHOOK_BYTES, &headers, body).await?;
    let signature = header_text(&headers, &HeaderName::from_static(SIGNATURE_HEADER)).unwrap_or_default();
    let now_unix_s = clock::now().unix_ms() / 1000;
    let repeats = &shop.log_health.repeat_counters;
    let refused = |error: ApiError, why: String| {
        repeats.webhook(WebhookOutcome::Refused, why, None);
        error
    };
    let secret = shop.card_webhook_secret.as_ref().ok_or_else(|| {
        let detail =
            "The server was started without the secret that the gateway signs with, so it can believe nothing.";
        refused(
            ApiError::new(ErrorCode::WebhookSecretMissing, detail),
            "there is no secret to verify it with".to_owned(),
        )
    })?;
    verify_webhook(&body, signature, secret.reveal(), now_unix_s, DEFAULT_TOLERANCE_S)
        .map_err(|refusal| refused(ApiError::new(ErrorCode::BadSignature, sentence(&refusal)), refusal.to_string()))?;
    let webhook = match parse_webhook(&body) {
        Ok(webhook) => webhook,
        // To hear it again would not help.
        Err(detail) => {
            info!(detail, "a webhook of the card gateway that cannot be read is ignored");
            repeats.webhook(WebhookOutcome::Ignored, "not readable", None);
            return Ok(StatusCode::NO_CONTENT);
        }
    };
    let about = about(&webhook);
    let order_id = gateway_events::order_of_payment(&shop.store, webhook.payment_id).await?;
    let outcome = gateway_events::record(&shop.store, &*shop.cards, webhook).await?;
    if outcome == WebhookOutcome::Contradicts {
        shop.traffic.contradicted();
    }
    repeats.webhook(outcome, about, order_id);
    Ok(StatusCode::NO_CONTENT)
}

/// What a webhook reports, in a few words.
fn about(Webhook { event, .. }: &Webhook) -> String {
    match event {
        GatewayEvent::Created { .. } => "the payment is kept".to_owned(),
        GatewayEvent::Succeeded { .. } => "the payment succeeded".to_owned(),
        GatewayEvent::Declined { .. } => "the payment was declined".to_owned(),
        GatewayEvent::Cancelled { .. } => "the payment was cancelled".to_owned(),
        GatewayEvent::AfterPayment { .. } => "something happened to refunds or disputes".to_owned(),
        GatewayEvent::Other { kind } => {
            kind.chars().filter(|letter| !letter.is_control()).take(MAX_ABOUT_CHARS).collect()
        }
    }
}

impl From<GatewayEventError> for ApiError {
    fn from(error: GatewayEventError) -> Self {
        match error {
            GatewayEventError::Gateway(error) => {
                warn!(%error, "the card gateway sent a webhook and does not answer questions about it");
                let detail = "The card gateway does not answer questions. Send the event again.";
                Self::new(ErrorCode::CardGatewayUnavailable, detail)
            }
            GatewayEventError::PaymentNotRecorded => {
                let detail = "The payment itself is not booked yet. Send the event again.";
                Self::new(ErrorCode::CardGatewayUnavailable, detail)
            }
            GatewayEventError::Failed(failure) => failure.into(),
        }
    }
}
