//! Events from the card gateway. They record outcomes that the shop may not know yet; they never charge.
//!
//! Events of refunds and disputes only say where to look: what became of them is read from the gateway's lists, which are right
//! in whatever order the news come.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use storefront_api::{PaymentId, Problem};
use storefront_domain::payment::{PaymentCommand, PaymentError, PaymentEvent};
use storefront_eventlog::Version;
use tracing::{error, info, warn};

use crate::clock;
use crate::http::error::{ApiError, sentence};
use crate::http::error_code::ErrorCode;
use crate::http::extract::header;
use crate::http::state::Shop;
use crate::integrations::card_amounts;
use crate::integrations::card_gateway::GatewayError;
use crate::integrations::card_intents::Refusal;
use crate::integrations::card_webhooks::{
    DEFAULT_TOLERANCE_S, GatewayEvent, SIGNATURE_HEADER, Webhook, parse_webhook, verify_webhook,
};
use crate::integrations::ports::PaymentGateway;
use crate::payments::refunds;
use crate::payments::refunds::LearnError;
use crate::store::aggregates;
use crate::store::aggregates::Store;
use crate::store::commands::{Failure, record_payment};
use crate::store::repeats::WebhookOutcome;
use crate::store::streams;

/// Maximum length of what is told of news that the shop does not act on.
const MAX_ABOUT_CHARS: usize = 60;

/// No news may be longer, in bytes.
const LONGEST_NEWS: usize = 1024 * 1024;

/// Take news from the card gateway
///
/// Signed as the gateway publishes it, at most 1 MiB. The same news again changes nothing; late news end up right; what is
/// not about this shop's payments is ignored, whatever its shape. Money of another amount or currency than was asked for is
/// not booked: `/metrics` counts it, and readiness tells of it.
#[utoipa::path(
    post, path = "/v1/webhooks/card-gateway", tag = "payments",
    params(("Stripe-Signature" = String, Header, description = "`t=…,v1=…`: HMAC-SHA256 of the time and the body")),
    request_body(content = String, content_type = "application/json", description = "An event of the gateway"),
    responses(
        (status = 204, description = "Taken, or ignored"),
        (status = 400, description = "`bad_signature`", body = Problem),
        (status = 503, description = "`webhook_secret_missing`: nothing can be verified, so nothing is taken; `card_gateway_unavailable`: what became of a refund or dispute cannot be read now, send it again", body = Problem),
    )
)]
pub(crate) async fn card_gateway(
    State(shop): State<Shop>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let body = crate::http::body::read_up_to(LONGEST_NEWS, &headers, body).await?;
    let signature = header(&headers, &HeaderName::from_static(SIGNATURE_HEADER)).unwrap_or_default();
    let now_unix_s = clock::now().unix_ms() / 1000;
    let repeats = &shop.log_health.repeats;
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
    let news = match parse_webhook(&body) {
        Ok(news) => news,
        // To hear it again would not help.
        Err(detail) => {
            info!(detail, "news of the card gateway that cannot be read are ignored");
            repeats.webhook(WebhookOutcome::Ignored, "not readable", None);
            return Ok(StatusCode::NO_CONTENT);
        }
    };
    let about = about(&news);
    let order_id = order_of(&shop.store, news.payment_id).await?;
    let outcome = take(&shop.store, &*shop.cards, news).await?;
    if outcome == WebhookOutcome::Contradicts {
        shop.traffic.contradicted();
    }
    repeats.webhook(outcome, about, order_id);
    Ok(StatusCode::NO_CONTENT)
}

/// What news tell, in a few words.
fn about(Webhook { news, .. }: &Webhook) -> String {
    match news {
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

/// The order that a payment is for, as its stream says.
async fn order_of(store: &Store, payment_id: Option<PaymentId>) -> Result<Option<String>, ApiError> {
    let Some(payment_id) = payment_id else { return Ok(None) };
    let first = store.read_stream(&streams::payment(payment_id), Version(1), 1).await.map_err(Failure::from)?;
    Ok(first.first().map(|requested| requested.correlation_id().to_owned()))
}

/// Records what genuine news say.
pub(crate) async fn take(
    store: &Store,
    cards: &dyn PaymentGateway,
    Webhook { id, payment_id, news, .. }: Webhook,
) -> Result<WebhookOutcome, ApiError> {
    if let GatewayEvent::AfterPayment { reference } = &news {
        return look_at_refunds_and_disputes(store, cards, payment_id, reference).await;
    }
    let Some(payment_id) = payment_id else { return Ok(WebhookOutcome::Ignored) };
    let (payment, _) =
        aggregates::load::<PaymentEvent>(store, &streams::payment(payment_id)).await.map_err(Failure::from)?;
    let Some(request) = payment.request() else {
        info!(%payment_id, webhook = id, "news of a payment that is not ours");
        return Ok(WebhookOutcome::Ignored);
    };
    if let GatewayEvent::Declined { reference, .. } | GatewayEvent::Cancelled { reference } = &news
        && !is_about(store, cards, payment_id, payment.intent(), reference).await?
    {
        info!(%payment_id, webhook = id, reference, "news of an intent that never was this payment's");
        return Ok(WebhookOutcome::Ignored);
    }
    let outcome = match news {
        GatewayEvent::Created { reference } => PaymentCommand::RecordIntent { reference },
        GatewayEvent::Succeeded { reference, amount, currency } => {
            if !card_amounts::is_same(request.amount, amount, &currency) {
                error!(
                    %payment_id, webhook = id, reference, amount, currency, asked = %request.amount,
                    "the card gateway tells of another amount than was asked for: nothing is booked, look there"
                );
                return Ok(WebhookOutcome::Contradicts);
            }
            PaymentCommand::RecordSuccess { reference }
        }
        GatewayEvent::Declined { reason, message, reference: _ } => PaymentCommand::RecordDecline { reason, message },
        // What is pending here was not given up by the shop: nobody can pay it any more.
        GatewayEvent::Cancelled { reference: _ } => {
            let Refusal { reason, message } = Refusal::cancelled();
            PaymentCommand::RecordDecline { reason, message }
        }
        GatewayEvent::AfterPayment { .. } | GatewayEvent::Other { .. } => return Ok(WebhookOutcome::Ignored),
    };
    match record_payment(store, payment_id, &outcome, "card-gateway").await {
        Ok(true) => Ok(WebhookOutcome::Applied),
        Ok(false) => Ok(WebhookOutcome::Repeated),
        Err(Failure::Payment(PaymentError::NotFound)) => Ok(WebhookOutcome::Ignored),
        Err(Failure::Payment(refusal @ PaymentError::OtherIntent { .. })) => {
            error!(%payment_id, webhook = id, error = %refusal, "the card gateway has money for a payment that is not the shop's: look there");
            Ok(WebhookOutcome::Contradicts)
        }
        Err(Failure::Payment(PaymentError::OtherOutcome | PaymentError::NoRefundRequested)) => {
            warn!(%payment_id, webhook = id, "late news contradict what is recorded; they change nothing");
            Ok(WebhookOutcome::Ignored)
        }
        Err(other) => Err(other.into()),
    }
}

/// Whether an intent that ended without money is the one of a payment. While the log does not name that, the gateway is
/// asked; the name is recorded first then, so that the end of the payment is the end of its intent too.
async fn is_about(
    store: &Store,
    cards: &dyn PaymentGateway,
    payment_id: PaymentId,
    known: Option<&str>,
    told: &str,
) -> Result<bool, ApiError> {
    if let Some(known) = known {
        return Ok(known == told);
    }
    if cards.payment_of(told).await.map_err(no_answer)? != Some(payment_id) {
        return Ok(false);
    }
    let intent = PaymentCommand::RecordIntent { reference: told.to_owned() };
    record_payment(store, payment_id, &intent, "card-gateway").await?;
    Ok(true)
}

/// Learns from the gateway what became of the refunds and disputes of a payment. While the gateway does not answer, or the
/// payment itself is not booked yet, the news are to come again.
async fn look_at_refunds_and_disputes(
    store: &Store,
    cards: &dyn PaymentGateway,
    payment_id: Option<PaymentId>,
    reference: &str,
) -> Result<WebhookOutcome, ApiError> {
    let payment_id = match payment_id {
        Some(payment_id) => payment_id,
        // A refund or a dispute from elsewhere names the gateway's payment alone.
        None => match cards.payment_of(reference).await.map_err(no_answer)? {
            Some(payment_id) => payment_id,
            None => return Ok(WebhookOutcome::Ignored),
        },
    };
    let (payment, _) =
        aggregates::load::<PaymentEvent>(store, &streams::payment(payment_id)).await.map_err(Failure::from)?;
    match payment.reference() {
        Some(known) if known == reference => match refunds::learn(store, cards, payment_id, reference).await {
            Ok(true) => Ok(WebhookOutcome::Applied),
            Ok(false) => Ok(WebhookOutcome::Repeated),
            Err(LearnError::Gateway(unknown)) => Err(no_answer(unknown)),
            Err(LearnError::Failed(failure)) => Err(failure.into()),
        },
        None if payment.request().is_some() => {
            let detail = "The payment itself is not booked yet. Send the event again.";
            Err(ApiError::new(ErrorCode::CardGatewayUnavailable, detail))
        }
        Some(_) | None => {
            info!(%payment_id, reference, "news of a payment that is not ours");
            Ok(WebhookOutcome::Ignored)
        }
    }
}

fn no_answer(error: GatewayError) -> ApiError {
    warn!(%error, "the card gateway sent news and does not answer questions about them");
    ApiError::new(
        ErrorCode::CardGatewayUnavailable,
        "The card gateway does not answer questions. Send the event again.",
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use storefront_eventlog::SqliteStore;

    use super::*;
    use crate::store::aggregates::{AppendBuilder, Cause};
    use crate::testing::{FakeCards, at_second, card, euro, order, payment};

    #[tokio::test]
    async fn an_intent_that_ended_is_believed_to_be_the_payments_only_on_the_gateways_word() {
        let (store, cards): (Store, _) = (Arc::new(SqliteStore::in_memory().unwrap()), FakeCards::default());
        let cause = Cause { correlation_id: "order".to_owned(), causation_id: None, actor: "test".to_owned() };
        let mut batch = AppendBuilder::new(at_second(1), cause);
        let requested = PaymentEvent::Requested { order_id: order(1), amount: euro(2000), method: card() };
        batch.add(streams::payment(payment(1)), Version(0), &[requested]);
        store.append(batch.into_append()).await.unwrap();
        let told = |reference: &str| {
            let (payment_id, news) = (Some(payment(1)), GatewayEvent::Cancelled { reference: reference.to_owned() });
            take(&store, &cards, Webhook { id: "evt_1".to_owned(), created_unix_s: 1, payment_id, news })
        };
        let kinds = || async {
            let events = store.read_stream(&streams::payment(payment(1)), Version(1), 10).await.unwrap();
            events.iter().map(|recorded| recorded.kind().to_owned()).collect::<Vec<_>>()
        };
        assert!(told("pi_1").await.is_err(), "the news are to come again while the gateway does not answer");
        *cards.intents.lock().unwrap() = vec![("pi_1".to_owned(), payment(1)), ("pi_2".to_owned(), payment(2))];
        for others in ["pi_2", "pi_unheard_of"] {
            assert_eq!(told(others).await.ok(), Some(WebhookOutcome::Ignored));
        }
        assert_eq!(kinds().await, ["payment.requested"]);
        assert_eq!(told("pi_1").await.ok(), Some(WebhookOutcome::Applied));
        assert_eq!(kinds().await, ["payment.requested", "payment.intent_created", "payment.declined"]);
        assert_eq!(told("pi_2").await.ok(), Some(WebhookOutcome::Ignored));
        assert_eq!(told("pi_1").await.ok(), Some(WebhookOutcome::Repeated));
    }
}
