//! Payment intents at the card gateway: creating, confirming, finding and cancelling them.

use storefront_api::{Money, OrderId, PaymentId};

use super::card_gateway::{CardGateway, GatewayError, GatewayResponse, to_gateway_units, unknown};
use super::card_json::{ErrorObject, IntentStanding, PaymentIntent};

/// A charge to request.
#[derive(Clone, Debug)]
pub(crate) struct Charge {
    pub(crate) amount: Money,
    /// The gateway's token for the card.
    pub(crate) token: String,
    /// Stored as metadata of the intent.
    pub(crate) order_id: OrderId,
    /// Stored as metadata of the intent.
    pub(crate) payment_id: PaymentId,
    /// The idempotency key, the same for every attempt: 1 to 255 visible ASCII characters.
    pub(crate) key: String,
}

/// Outcome of creating an intent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CreateOutcome {
    /// The intent exists at the gateway.
    Created(CardIntent),
    /// The request was refused for good: no intent exists, and no money moves.
    Refused(Refusal),
}

/// A payment intent at the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CardIntent {
    /// The gateway's id of the intent.
    pub(crate) reference: String,
    pub(crate) status: IntentStatus,
}

/// Status of an intent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum IntentStatus {
    /// Not confirmed; no money moves before that.
    RequiresConfirmation,
    /// The bank requires authentication by the cardholder.
    RequiresAction {
        /// The bank's page for the cardholder.
        url: String,
    },
    /// The gateway is processing the payment.
    Processing,
    /// The money was taken.
    Succeeded,
    /// The card was declined; no money has moved, and none will without a new attempt.
    Declined(Refusal),
    /// Cancelled; no money has moved, and none will.
    Cancelled,
}

/// Why a payment was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Machine-readable: the gateway's decline or error code, or `authentication_required`, `invalid_token`.
    pub(crate) reason: String,
    /// Message for people, from the gateway.
    pub(crate) message: String,
}

impl Refusal {
    /// The refusal of a payment whose intent was cancelled: it cannot be paid any more.
    pub(crate) fn cancelled() -> Self {
        Self { reason: "canceled".to_owned(), message: "The payment was given up before it was made.".to_owned() }
    }
}

/// Outcome of cancelling an intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CancelOutcome {
    /// No money has moved, and none will.
    Cancelled,
    /// Too late: the money was taken, and can only be refunded.
    AlreadySucceeded,
    /// The gateway has no such intent.
    NotFound,
}

impl CardGateway {
    /// Creates an unconfirmed intent for a card; moves no money.
    ///
    /// # Errors
    /// All methods: [`GatewayError::Unknown`] without a definite answer; those with an amount also
    /// [`GatewayError::Contradiction`] when the gateway has another.
    pub(crate) async fn create(&self, charge: &Charge) -> Result<CreateOutcome, GatewayError> {
        // Without a token the gateway would create an intent that waits for a card.
        if charge.token.trim().is_empty() {
            return Ok(CreateOutcome::Refused(invalid_token()));
        }
        let mut form = vec![
            ("amount", to_gateway_units(charge.amount)?.to_string()),
            ("currency", charge.amount.currency.as_str().to_ascii_lowercase()),
            ("payment_method", charge.token.clone()),
            ("metadata[order_id]", charge.order_id.to_string()),
            ("metadata[payment_id]", charge.payment_id.to_string()),
        ];
        form.push(("payment_method_types[0]", "card".to_owned()));
        let answer = self.post(&["v1", "payment_intents"], &form, Some(&charge.key)).await?;
        let answer = if answer.is_key_conflict() {
            // Earlier versions created and confirmed in one call. A key used that way gets the response of that call again;
            // no other key gets here.
            form.pop();
            form.extend([
                ("confirm", "true".to_owned()),
                ("automatic_payment_methods[enabled]", "true".to_owned()),
                ("automatic_payment_methods[allow_redirects]", "never".to_owned()),
            ]);
            self.post(&["v1", "payment_intents"], &form, Some(&charge.key)).await?
        } else {
            answer
        };
        if answer.status.is_success() {
            return Ok(CreateOutcome::Created(answer.intent(charge.amount)?));
        }
        match answer.refusal() {
            Some(error) if error.is_card_error() => {
                match error.payment_intent.as_ref().and_then(|kept| kept.id.clone()) {
                    Some(reference) => Ok(CreateOutcome::Created(CardIntent {
                        reference,
                        status: IntentStatus::Declined(error.into()),
                    })),
                    None => Ok(CreateOutcome::Refused(error.into())),
                }
            }
            Some(error) if error.is_about_token() => Ok(CreateOutcome::Refused(invalid_token())),
            // The gateway never accepts such an amount: no intent exists.
            Some(error) if error.is_about_amount() => Ok(CreateOutcome::Refused(error.into())),
            Some(_) | None => Err(answer.unknown()),
        }
    }

    /// Confirms an intent and returns its status. From then on money may move, at most once however often this is
    /// called.
    ///
    /// # Errors
    /// See [`CardGateway::create`].
    pub(crate) async fn confirm(&self, reference: &str, amount: Money, key: &str) -> Result<CardIntent, GatewayError> {
        let form = [("return_url", self.return_url.clone())];
        let answer = self.post(&["v1", "payment_intents", reference, "confirm"], &form, Some(key)).await?;
        let declined =
            |refusal| Ok(CardIntent { reference: reference.to_owned(), status: IntentStatus::Declined(refusal) });
        if answer.status.is_success() {
            let intent = answer.intent(amount)?;
            // Under the same key the gateway repeats its first response, so read the intent itself.
            return if intent.status == IntentStatus::Processing {
                self.require_intent(reference, amount).await
            } else {
                Ok(intent)
            };
        }
        if answer.is_key_conflict() {
            // Confirmed before, by a server with another return URL: read the intent itself.
            return self.require_intent(reference, amount).await;
        }
        match answer.refusal() {
            Some(error) if error.is_card_error() => declined(error.into()),
            Some(error) if error.is_about_token() => declined(invalid_token()),
            // The intent can no longer be confirmed.
            Some(error) if error.payment_intent.is_some() || answer.is_missing() => {
                self.require_intent(reference, amount).await
            }
            Some(_) | None => Err(answer.unknown()),
        }
    }

    async fn require_intent(&self, reference: &str, amount: Money) -> Result<CardIntent, GatewayError> {
        let gone = || GatewayError::Contradiction { detail: format!("the gateway knows no {reference} any more") };
        self.find(reference, amount).await?.ok_or_else(gone)
    }

    /// Finds an intent by the gateway's id; `None` when there is none.
    ///
    /// # Errors
    /// See [`CardGateway::create`].
    pub(crate) async fn find(&self, reference: &str, amount: Money) -> Result<Option<CardIntent>, GatewayError> {
        let answer = self.get(&["v1", "payment_intents", reference]).await?;
        if answer.is_missing() {
            return Ok(None);
        }
        answer.success()?.intent(amount).map(Some)
    }

    /// Cancels an intent that has not succeeded. Idempotent.
    ///
    /// # Errors
    /// See [`CardGateway::create`].
    pub(crate) async fn cancel(&self, reference: &str) -> Result<CancelOutcome, GatewayError> {
        let answer = self.post(&["v1", "payment_intents", reference, "cancel"], &[], None).await?;
        if answer.is_missing() {
            return Ok(CancelOutcome::NotFound);
        }
        let status = if answer.status.is_success() {
            answer.read::<PaymentIntent>()?.status
        } else {
            // The refusal for an intent that cannot be cancelled contains its status.
            let intent = answer.refusal().and_then(|error| error.payment_intent);
            intent.ok_or_else(|| answer.unknown())?.status
        };
        match status.as_str() {
            "canceled" => Ok(CancelOutcome::Cancelled),
            "succeeded" => Ok(CancelOutcome::AlreadySucceeded),
            other => Err(unknown(format!("the gateway has {reference} as {other:?}"))),
        }
    }

    /// Returns our payment id from the metadata of an intent; `None` when it is not one of ours.
    ///
    /// # Errors
    /// See [`CardGateway::create`].
    pub(crate) async fn payment_of(&self, reference: &str) -> Result<Option<PaymentId>, GatewayError> {
        let answer = self.get(&["v1", "payment_intents", reference]).await?;
        if answer.is_missing() {
            return Ok(None);
        }
        let intent: PaymentIntent = answer.success()?.read()?;
        Ok(intent.metadata.get("payment_id").and_then(|id| id.parse().ok()))
    }

    /// Whether the gateway has an intent with this id.
    ///
    /// # Errors
    /// See [`CardGateway::create`].
    pub(super) async fn has_intent(&self, reference: &str) -> Result<bool, GatewayError> {
        Ok(!self.get(&["v1", "payment_intents", reference]).await?.is_missing())
    }
}

impl GatewayResponse {
    /// Reads an intent from the response, and checks its amount.
    fn intent(&self, amount: Money) -> Result<CardIntent, GatewayError> {
        let intent: PaymentIntent = self.read()?;
        if !intent.is_for(amount) {
            let detail = format!("the gateway has another amount for {} than {amount}: nothing is booked", intent.id);
            return Err(GatewayError::Contradiction { detail });
        }
        let status = match intent.standing() {
            IntentStanding::RequiresConfirmation => IntentStatus::RequiresConfirmation,
            IntentStanding::RequiresAction { url } => IntentStatus::RequiresAction { url },
            IntentStanding::Processing => IntentStatus::Processing,
            IntentStanding::Succeeded => IntentStatus::Succeeded,
            IntentStanding::Declined { reason, message } => IntentStatus::Declined(Refusal { reason, message }),
            IntentStanding::Cancelled => IntentStatus::Cancelled,
            IntentStanding::Other => {
                return Err(unknown(format!("the gateway has {} as {:?}", intent.id, intent.status)));
            }
        };
        Ok(CardIntent { reference: intent.id, status })
    }
}

impl From<ErrorObject> for Refusal {
    fn from(error: ErrorObject) -> Self {
        Self { reason: error.reason(), message: error.message() }
    }
}

fn invalid_token() -> Refusal {
    Refusal {
        reason: "invalid_token".to_owned(),
        message: "The card could not be used: its token is not valid.".to_owned(),
    }
}
