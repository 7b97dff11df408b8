//! Refunds and disputes at the card gateway.

use storefront_api::{Money, PaymentId, RefundId};
use storefront_domain::payment::RefundProgress;

use super::card_gateway::{CardGateway, GatewayError, at_gateway, unknown};
use super::card_json::{DisputeObject, RefundObject};
use crate::integrations::gateway_lists::{ListedDispute, ListedRefund};

/// The gateway takes no longer value in metadata.
const METADATA_LIMIT_CHARS: usize = 500;

/// Money to give back.
#[derive(Clone, Debug)]
pub(crate) struct Refund {
    /// The gateway's name for the payment.
    pub(crate) reference: String,
    /// How much of it.
    pub(crate) amount: Money,
    /// The one key of this intent, for ever.
    pub(crate) key: String,
    /// Why; the gateway keeps it with the refund.
    pub(crate) reason: String,
    /// Which payment and which refund of it; the gateway keeps them with the refund. `None` for one that was asked for
    /// before refunds had ids, whose key must come with what it first came with.
    pub(crate) ids: Option<(PaymentId, RefundId)>,
}

/// What became of a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RefundOutcome {
    /// The money went back.
    Succeeded {
        /// The gateway's name for the refund.
        reference: String,
    },
    /// The gateway works on it, for days perhaps.
    Pending {
        /// The gateway's name for the refund.
        reference: String,
    },
    /// The gateway made it, and it failed.
    Failed {
        /// The gateway's name for the refund.
        reference: String,
        /// Why.
        detail: String,
    },
    /// It was refused for good, and the gateway has none; somebody must look.
    Refused {
        /// Why.
        detail: String,
    },
}

impl CardGateway {
    /// Gives money back.
    ///
    /// # Errors
    /// See [`CardGateway::create`].
    pub(crate) async fn refund(&self, refund: &Refund) -> Result<RefundOutcome, GatewayError> {
        let mut form = vec![
            ("payment_intent", refund.reference.clone()),
            ("amount", at_gateway(refund.amount)?.to_string()),
            // One of the three reasons that the gateway knows; ours is kept beside it.
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
                Some(error) => Ok(RefundOutcome::Refused { detail: error.in_words() }),
                None => Err(answer.unknown()),
            };
        }
        let made: RefundObject = answer.read()?;
        // Under the same key the gateway repeats its first answer for ever, so look at the refund itself.
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

    /// Looks a refund up by the gateway's name for it; `None` where there is none.
    ///
    /// # Errors
    /// See [`CardGateway::create`].
    pub(crate) async fn find_refund(&self, reference: &str) -> Result<Option<ListedRefund>, GatewayError> {
        let answer = self.get(&["v1", "refunds", reference]).await?;
        if answer.is_missing() {
            return Ok(None);
        }
        answer.success()?.read::<RefundObject>()?.listed().map(Some).map_err(unknown)
    }

    /// All refunds of a payment, whoever made them, newest first.
    ///
    /// # Errors
    /// See [`CardGateway::create`].
    pub(crate) async fn list_refunds(&self, payment_reference: &str) -> Result<Vec<ListedRefund>, GatewayError> {
        let refunds: Vec<RefundObject> = self.list("refunds", payment_reference).await?;
        refunds.into_iter().map(|refund| refund.listed().map_err(unknown)).collect()
    }

    /// All disputes of a payment, newest first.
    ///
    /// # Errors
    /// See [`CardGateway::create`].
    pub(crate) async fn list_disputes(&self, payment_reference: &str) -> Result<Vec<ListedDispute>, GatewayError> {
        let disputes: Vec<DisputeObject> = self.list("disputes", payment_reference).await?;
        disputes.into_iter().map(|dispute| dispute.listed().map_err(unknown)).collect()
    }
}

/// A reason as the gateway keeps it.
fn bounded_reason(reason: &str) -> String {
    reason.chars().take(METADATA_LIMIT_CHARS).collect()
}
