//! Refunds and disputes at the card gateway.

use storefront_api::{Money, PaymentId, RefundId};
use storefront_domain::payment::RefundProgress;

use super::card_gateway::{CardGateway, GatewayError, to_gateway_units, unknown};
use super::card_json::{DisputeObject, RefundObject};
use crate::integrations::gateway_lists::{ListedDispute, ListedRefund};

/// Maximum length of a metadata value at the gateway.
const METADATA_LIMIT_CHARS: usize = 500;

/// A refund to request.
#[derive(Clone, Debug)]
pub(crate) struct Refund {
    /// The gateway's id of the intent.
    pub(crate) reference: String,
    pub(crate) amount: Money,
    /// The idempotency key, the same for every attempt.
    pub(crate) key: String,
    /// Stored as metadata of the refund.
    pub(crate) reason: String,
    /// Stored as metadata of the refund. `None` for refunds requested before refunds had ids, as a key must always be sent
    /// with the same parameters.
    pub(crate) ids: Option<(PaymentId, RefundId)>,
}

/// Outcome of a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RefundOutcome {
    /// The money was returned.
    Succeeded {
        /// The gateway's id of the refund.
        reference: String,
    },
    /// The gateway is processing the refund, possibly for days.
    Pending {
        /// The gateway's id of the refund.
        reference: String,
    },
    /// The gateway made the refund, and it failed.
    Failed {
        /// The gateway's id of the refund.
        reference: String,
        /// The reason of the failure.
        detail: String,
    },
    /// The request was refused for good: no refund exists, and an operator must decide.
    Refused {
        /// The reason of the refusal.
        detail: String,
    },
}

impl CardGateway {
    /// Makes a refund.
    ///
    /// # Errors
    /// See [`CardGateway::create`].
    pub(crate) async fn refund(&self, refund: &Refund) -> Result<RefundOutcome, GatewayError> {
        let mut form = vec![
            ("payment_intent", refund.reference.clone()),
            ("amount", to_gateway_units(refund.amount)?.to_string()),
            // One of the three reasons that the gateway accepts; ours is in the metadata.
            ("reason", "requested_by_customer".to_owned()),
            ("metadata[reason]", bounded_reason(&refund.reason)),
        ];
        if let Some((payment_id, refund_id)) = refund.ids {
            form.push(("metadata[payment_id]", payment_id.to_string()));
            form.push(("metadata[refund_id]", refund_id.to_string()));
        }
        let answer = self.post(&["v1", "refunds"], &form, Some(&refund.key)).await?;
        if !answer.status.is_success() {
            return match answer.refusal() {
                Some(error) => Ok(RefundOutcome::Refused { detail: error.describe() }),
                None => Err(answer.unknown()),
            };
        }
        let made: RefundObject = answer.read()?;
        // Under the same key the gateway repeats its first response, so read the refund itself.
        let made =
            if made.is_under_way() { self.get(&["v1", "refunds", &made.id]).await?.success()?.read()? } else { made };
        let progress = made.progress().map_err(unknown)?;
        let reference = made.id;
        Ok(match progress {
            RefundProgress::Succeeded => RefundOutcome::Succeeded { reference },
            RefundProgress::Pending => RefundOutcome::Pending { reference },
            RefundProgress::Failed { detail } => RefundOutcome::Failed { reference, detail },
        })
    }

    /// Finds a refund by the gateway's id; `None` when there is none.
    ///
    /// # Errors
    /// See [`CardGateway::create`].
    pub(crate) async fn find_refund(&self, reference: &str) -> Result<Option<ListedRefund>, GatewayError> {
        let answer = self.get(&["v1", "refunds", reference]).await?;
        if answer.is_missing() {
            return Ok(None);
        }
        answer.success()?.read::<RefundObject>()?.into_listed().map(Some).map_err(unknown)
    }

    /// Lists all refunds of a payment, whoever made them, newest first.
    ///
    /// # Errors
    /// See [`CardGateway::create`].
    pub(crate) async fn list_refunds(&self, payment_reference: &str) -> Result<Vec<ListedRefund>, GatewayError> {
        let refunds: Vec<RefundObject> = self.fetch_all("refunds", payment_reference).await?;
        refunds.into_iter().map(|refund| refund.into_listed().map_err(unknown)).collect()
    }

    /// Lists all disputes of a payment, newest first.
    ///
    /// # Errors
    /// See [`CardGateway::create`].
    pub(crate) async fn list_disputes(&self, payment_reference: &str) -> Result<Vec<ListedDispute>, GatewayError> {
        let disputes: Vec<DisputeObject> = self.fetch_all("disputes", payment_reference).await?;
        disputes.into_iter().map(|dispute| dispute.into_listed().map_err(unknown)).collect()
    }
}

/// Truncates a reason to the gateway's limit.
fn bounded_reason(reason: &str) -> String {
    reason.chars().take(METADATA_LIMIT_CHARS).collect()
}
