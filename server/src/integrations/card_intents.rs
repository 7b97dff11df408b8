//! Payment intents at the card gateway: creating, confirming, finding and cancelling them.

use storefront_api::{Money, OrderId, PaymentId};

use super::card_gateway::{CardGateway, GatewayError, GatewayResponse, at_gateway, unknown};
use super::card_json::{ErrorObject, IntentStanding, PaymentIntent};

/// Money wanted.
#[derive(Clone, Debug)]
pub(crate) struct Charge {
    /// How much.
    pub(crate) amount: Money,
    /// The gateway's token for the card.
    pub(crate) token: String,
    /// What for; the gateway keeps it with the payment.
    pub(crate) order_id: OrderId,
    /// Which attempt to pay; the gateway keeps it with the payment.
    pub(crate) payment_id: PaymentId,
    /// The one key of this intent, for ever: 1 to 255 visible ASCII characters.
    pub(crate) key: String,
}

/// What became of the wish to create an intent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CreateOutcome {
    /// The gateway keeps it.
    Created(Intent),
    /// It was refused for good: the gateway keeps nothing, and no money moves.
    Refused(Refusal),
}

/// An intent to pay, as the gateway has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Intent {
    /// The gateway's name for the payment.
    pub(crate) reference: String,
    /// Where it stands.
    pub(crate) status: IntentStatus,
}

/// Where an intent stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum IntentStatus {
    /// Nobody has said go; no money moves by itself.
    RequiresConfirmation,
    /// The card's bank wants to hear from its owner.
    RequiresAction {
        /// The page on which the owner answers.
        url: String,
    },
    /// The gateway is at work.
    Processing,
    /// The money is there.
    Succeeded,
    /// The card was refused; no money has moved, and none will by itself.
    Declined(Refusal),
    /// It was given up; no money has moved, and none will.
    Cancelled,
}

/// Why there is no money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Why, for programs: the gateway's decline or error code, or `authentication_required`, `invalid_token`.
    pub(crate) reason: String,
    /// Why, for people.
    pub(crate) message: String,
}

impl Refusal {
    /// The gateway gave the payment up: nobody can pay it any more.
    pub(crate) fn cancelled() -> Self {
        Self { reason: "canceled".to_owned(), message: "The payment was given up before it was made.".to_owned() }
    }
}

/// What became of giving a payment up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CancelOutcome {
    /// No money has moved, and none will.
    Cancelled,
    /// Too late: the money is there, and can only be refunded.
    AlreadySucceeded,
    /// The gateway knows no such payment.
    NotFound,
}

impl CardGateway {
    /// Has the gateway keep an intent, with the card and not confirmed: no money moves by it.
    ///
    /// # Errors
    /// [`GatewayError::Unknown`] for everything but a definite answer; so for every method. Those that are told an amount
    /// answer [`GatewayError::Contradiction`] when the gateway has another.
    pub(crate) async fn create(&self, charge: &Charge) -> Result<CreateOutcome, GatewayError> {
        // Without a token the gateway would keep an intent that waits for a card.
        if charge.token.trim().is_empty() {
            return Ok(CreateOutcome::Refused(invalid_token()));
        }
        let mut form = vec![
            ("amount", at_gateway(charge.amount)?.to_string()),
            ("currency", charge.amount.currency.as_str().to_ascii_lowercase()),
            ("payment_method", charge.token.clone()),
            ("metadata[order_id]", charge.order_id.to_string()),
            ("metadata[payment_id]", charge.payment_id.to_string()),
        ];
        form.push(("payment_method_types[0]", "card".to_owned()));
        let answer = self.post(&["v1", "payment_intents"], &form, Some(&charge.key)).await?;
        let answer = if answer.is_about_key() {
            // The shop used to create and confirm in one call. A key that was used so has its intent, which the same call
            // tells again; a key that was not cannot get here.
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
                    Some(reference) => {
                        Ok(CreateOutcome::Created(Intent { reference, status: IntentStatus::Declined(error.into()) }))
                    }
                    None => Ok(CreateOutcome::Refused(error.into())),
                }
            }
            Some(error) if error.is_about_token() => Ok(CreateOutcome::Refused(invalid_token())),
            // The gateway takes no such amounts: it made no payment, and never will.
            Some(error) if error.is_about_amount() => Ok(CreateOutcome::Refused(error.into())),
            Some(_) | None => Err(answer.unknown()),
        }
    }

    /// Says go, and answers where the intent stands now. From now on money may move; once, however often this is said.
    ///
    /// # Errors
    /// See [`CardGateway::create`].
    pub(crate) async fn confirm(&self, reference: &str, amount: Money, key: &str) -> Result<Intent, GatewayError> {
        let form = [("return_url", self.return_url.clone())];
        let answer = self.post(&["v1", "payment_intents", reference, "confirm"], &form, Some(key)).await?;
        let declined =
            |refusal| Ok(Intent { reference: reference.to_owned(), status: IntentStatus::Declined(refusal) });
        if answer.status.is_success() {
            let intent = answer.intent(amount)?;
            // Under the same key the gateway repeats its first answer for ever, so look at the intent itself.
            return if intent.status == IntentStatus::Processing {
                self.existing(reference, amount).await
            } else {
                Ok(intent)
            };
        }
        if answer.is_about_key() {
            // Said before, by a server whose page to come back to was another one: the intent itself tells what came of it.
            return self.existing(reference, amount).await;
        }
        match answer.refusal() {
            Some(error) if error.is_card_error() => declined(error.into()),
            Some(error) if error.is_about_token() => declined(invalid_token()),
            // It is past being confirmed.
            Some(error) if error.payment_intent.is_some() || answer.is_missing() => {
                self.existing(reference, amount).await
            }
            Some(_) | None => Err(answer.unknown()),
        }
    }

    async fn existing(&self, reference: &str, amount: Money) -> Result<Intent, GatewayError> {
        let gone = || GatewayError::Contradiction { detail: format!("the gateway knows no {reference} any more") };
        self.find(reference, amount).await?.ok_or_else(gone)
    }

    /// Looks an intent up by the gateway's name for it; `None` where there is none.
    ///
    /// # Errors
    /// See [`CardGateway::create`].
    pub(crate) async fn find(&self, reference: &str, amount: Money) -> Result<Option<Intent>, GatewayError> {
        let answer = self.get(&["v1", "payment_intents", reference]).await?;
        if answer.is_missing() {
            return Ok(None);
        }
        answer.success()?.intent(amount).map(Some)
    }

    /// Gives a payment up that has not succeeded. Safe to repeat.
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
            // An intent that is past cancelling is refused with its state.
            let intent = answer.refusal().and_then(|error| error.payment_intent);
            intent.ok_or_else(|| answer.unknown())?.status
        };
        match status.as_str() {
            "canceled" => Ok(CancelOutcome::Cancelled),
            "succeeded" => Ok(CancelOutcome::AlreadySucceeded),
            other => Err(unknown(format!("the gateway has {reference} as {other:?}"))),
        }
    }

    /// Which of our payments the gateway's is, as it keeps with it; `None` where it is not one of ours.
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

    /// Whether the gateway knows an intent by this name.
    ///
    /// # Errors
    /// See [`CardGateway::create`].
    pub(super) async fn has_intent(&self, reference: &str) -> Result<bool, GatewayError> {
        Ok(!self.get(&["v1", "payment_intents", reference]).await?.is_missing())
    }
}

impl GatewayResponse {
    /// The intent that it tells of, which must be about so much money.
    fn intent(&self, amount: Money) -> Result<Intent, GatewayError> {
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
        Ok(Intent { reference: intent.id, status })
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
