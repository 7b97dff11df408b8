//! News from the card gateway. They record outcomes that the shop may not know yet; they never charge.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use storefront_api::Problem;
use storefront_domain::payment::{PaymentCommand, PaymentError};
use tracing::{info, warn};

use super::code::Code;
use super::extract::header;
use super::problem::{ApiError, sentence};
use crate::clock;
use crate::commands::{Failure, record_payment};
use crate::integrations::card_webhooks::{
    DEFAULT_TOLERANCE_S, News, SIGNATURE_HEADER, Webhook, parse_webhook, verify_webhook,
};
use crate::shop::Shop;
use crate::stored::Store;

/// Take news from the card gateway
///
/// Signed as the gateway publishes it. The same news again changes nothing; late news end up right.
#[utoipa::path(
    post, path = "/v1/webhooks/card-gateway", tag = "payments",
    params(("Stripe-Signature" = String, Header, description = "`t=…,v1=…`: HMAC-SHA256 of the time and the body")),
    request_body(content = String, content_type = "application/json", description = "An event of the gateway"),
    responses(
        (status = 204, description = "Taken"),
        (status = 400, description = "`bad_signature`; genuine and not readable: `malformed_json`", body = Problem),
        (status = 503, description = "`webhook_secret_missing`: nothing can be verified, so nothing is taken", body = Problem),
    )
)]
pub(crate) async fn card_gateway(
    State(shop): State<Shop>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let body = super::body::read(&headers, body).await?;
    let signature = header(&headers, &HeaderName::from_static(SIGNATURE_HEADER)).unwrap_or_default();
    let now_unix_s = clock::now().unix_ms() / 1000;
    let secret = shop.card_webhook_secret.as_ref().ok_or_else(|| {
        let detail =
            "The server was started without the secret that the gateway signs with, so it can believe nothing.";
        ApiError::new(Code::WebhookSecretMissing, detail)
    })?;
    verify_webhook(&body, signature, secret.reveal(), now_unix_s, DEFAULT_TOLERANCE_S)
        .map_err(|refusal| ApiError::new(Code::BadSignature, sentence(&refusal)))?;
    let news = parse_webhook(&body).map_err(|detail| ApiError::new(Code::MalformedJson, sentence(&detail)))?;
    take(&shop.store, news).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Records what genuine news say.
pub(crate) async fn take(store: &Store, Webhook { id, payment_id, news, .. }: Webhook) -> Result<(), ApiError> {
    let Some(payment_id) = payment_id else { return Ok(()) };
    let outcome = match news {
        News::Succeeded { reference } => PaymentCommand::RecordSuccess { reference },
        News::Declined { reason, message, .. } => PaymentCommand::RecordDecline { reason, message },
        // What is pending here was not given up by the shop: nobody can pay it any more.
        News::Cancelled { .. } => PaymentCommand::RecordDecline {
            reason: "canceled".to_owned(),
            message: "The payment was given up before it was made.".to_owned(),
        },
        // A refund is ours to ask for, and its own answer records it.
        News::Refunded { .. } | News::Other { .. } => return Ok(()),
    };
    match record_payment(store, payment_id, &outcome, "card-gateway").await {
        Ok(()) => Ok(()),
        Err(Failure::Payment(PaymentError::NotFound)) => {
            info!(%payment_id, webhook = id, "news of a payment that is not ours");
            Ok(())
        }
        Err(Failure::Payment(
            PaymentError::OtherOutcome | PaymentError::OtherIntent { .. } | PaymentError::NoRefundRequested,
        )) => {
            warn!(%payment_id, webhook = id, "late news contradict what is recorded; they change nothing");
            Ok(())
        }
        Err(other) => Err(other.into()),
    }
}
