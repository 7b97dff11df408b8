//! The card gateway, in the PaymentIntents shape that Stripe publishes (API reference, "PaymentIntents" and "Refunds"):
//! form-encoded requests, a secret key as bearer token, and an `Idempotency-Key` for everything that moves money.
//!
//! An intent is created first, which moves no money, and confirmed in a second call: so its name is known before any money
//! can move, and whatever answer is lost, it can be looked up or cancelled.
//!
//! One call is one attempt. Only the gateway's own word makes a payment succeeded or declined; whatever else happens is
//! [`GatewayError::Unknown`], to be asked again under the same key. The gateway forgets a key after 24 hours at the
//! earliest. Card numbers never come here, only tokens.

use std::fmt;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;
use storefront_api::{Money, OrderId, PaymentId, RefundId};
use storefront_domain::payment::RefundProgress;

use super::card_amounts;
use super::card_json::{DisputeObject, ErrorObject, IntentStanding, ListObject, Listed, PaymentIntent, RefundObject};
use super::transport::{self, BadAddress, Endpoint};
use crate::integrations::gateway_lists::{ListedDispute, ListedRefund};

const BODY_LIMIT_BYTES: usize = 1024 * 1024;

/// The most that the gateway lists in one answer.
const PAGE_SIZE: &str = "100";

/// A payment has no more pages of refunds or disputes than this.
const MAX_PAGES: u32 = 20;

/// The gateway takes no longer value in metadata.
const METADATA_LIMIT_CHARS: usize = 500;

/// A client of the card gateway.
pub(crate) struct CardGateway {
    endpoint: Endpoint,
    authorization: HeaderValue,
    timeout: Duration,
    /// The page to which a card's owner comes back from the bank.
    return_url: String,
}

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

/// The gateway gave no definite answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GatewayError {
    /// It may or may not have happened: ask again under the same key.
    #[error("the outcome is unknown: {detail}")]
    Unknown {
        /// What went wrong, for an operator.
        detail: String,
    },
    /// What the gateway has contradicts what it was asked for, such as by another amount: asking again does not help, and
    /// nothing may be booked.
    #[error("{detail}")]
    Contradiction {
        /// What is wrong, for an operator.
        detail: String,
    },
}

/// A gateway that cannot be worked with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidGateway {
    /// Its address makes no sense.
    #[error(transparent)]
    Address(#[from] BadAddress),
    /// Its key cannot stand in a header.
    #[error("the card gateway's secret key has characters that no key has")]
    Key,
}

impl fmt::Debug for CardGateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CardGateway")
            .field("endpoint", &self.endpoint)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl CardGateway {
    /// The gateway at an address, our secret key there, how long one call may take, and the page to which a card's owner
    /// comes back from the bank. Nothing is sent yet.
    ///
    /// # Errors
    /// When the address makes no sense or the key cannot stand in a header.
    pub(crate) fn new(
        base_url: &str,
        secret_key: &str,
        timeout: Duration,
        return_url: &str,
    ) -> Result<Self, InvalidGateway> {
        let endpoint = Endpoint::new("the card gateway", base_url)?;
        let mut authorization =
            HeaderValue::from_str(&format!("Bearer {}", secret_key.trim())).map_err(|_| InvalidGateway::Key)?;
        authorization.set_sensitive(true);
        Ok(Self { endpoint, authorization, timeout, return_url: return_url.to_owned() })
    }

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

    /// A page of the objects of a kind, newest first: of one payment or of all, after one of them or from the newest on.
    pub(super) async fn page<T: DeserializeOwned>(
        &self,
        kind: &str,
        of: Option<&str>,
        after: Option<&str>,
    ) -> Result<ListObject<T>, GatewayError> {
        let mut url = self.endpoint.url(&["v1", kind]);
        for (name, value) in [("payment_intent", of), ("limit", Some(PAGE_SIZE)), ("starting_after", after)] {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(name, value);
            }
        }
        self.send(self.endpoint.http.request(Method::GET, url)).await?.success()?.read()
    }

    /// All objects of a kind that belong to a payment, newest first, page by page.
    pub(super) async fn list<T: DeserializeOwned + Listed>(
        &self,
        kind: &str,
        of: &str,
    ) -> Result<Vec<T>, GatewayError> {
        let mut all: Vec<T> = Vec::new();
        for _ in 0..MAX_PAGES {
            let page: ListObject<T> = self.page(kind, Some(of), all.last().map(Listed::id)).await?;
            let is_last = !page.has_more || page.data.is_empty();
            all.extend(page.data);
            if is_last {
                return Ok(all);
            }
        }
        Err(unknown(format!("the gateway lists more {kind} of {of} than can be")))
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

    async fn post(
        &self,
        path: &[&str],
        form: &[(&str, String)],
        key: Option<&str>,
    ) -> Result<GatewayResponse, GatewayError> {
        let mut request = self.endpoint.http.request(Method::POST, self.endpoint.url(path)).form(form);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        self.send(request).await
    }

    async fn get(&self, path: &[&str]) -> Result<GatewayResponse, GatewayError> {
        self.send(self.endpoint.http.request(Method::GET, self.endpoint.url(path))).await
    }

    async fn send(&self, request: RequestBuilder) -> Result<GatewayResponse, GatewayError> {
        let request = request.header(AUTHORIZATION, self.authorization.clone()).timeout(self.timeout);
        let response = request.send().await.map_err(|error| unknown(transport::in_words(&error)))?;
        let status = response.status();
        let body = transport::body(response, BODY_LIMIT_BYTES).await.map_err(|error| unknown(error.to_string()))?;
        Ok(GatewayResponse { status, body })
    }
}

/// One answer, whatever its status.
struct GatewayResponse {
    status: StatusCode,
    body: Vec<u8>,
}

impl GatewayResponse {
    fn read<T: DeserializeOwned>(&self) -> Result<T, GatewayError> {
        serde_json::from_slice(&self.body).map_err(|error| unknown(format!("the answer cannot be read: {error}")))
    }

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

    /// Whether the key was used before, with other parameters.
    fn is_about_key(&self) -> bool {
        self.status == StatusCode::BAD_REQUEST
            && ErrorObject::read(&self.body).is_some_and(|error| error.is_about_key())
    }

    fn success(self) -> Result<Self, GatewayError> {
        if self.status.is_success() { Ok(self) } else { Err(self.unknown()) }
    }

    /// A definite refusal of what was asked. Not one of the statuses that say "not like this" or "not now": wrong key,
    /// same key still at work, too many requests.
    fn refusal(&self) -> Option<ErrorObject> {
        let definite = matches!(
            self.status,
            StatusCode::BAD_REQUEST
                | StatusCode::PAYMENT_REQUIRED
                | StatusCode::NOT_FOUND
                | StatusCode::UNPROCESSABLE_ENTITY
        );
        let error = ErrorObject::read(&self.body).filter(|_| definite)?;
        (error.is_card_error() || error.is_invalid_request()).then_some(error)
    }

    fn is_missing(&self) -> bool {
        self.status == StatusCode::NOT_FOUND && self.refusal().is_some()
    }

    fn unknown(&self) -> GatewayError {
        if matches!(self.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            // The gateway's message repeats a part of the key, so it is not passed on.
            let status = self.status.as_u16();
            return unknown(format!("the gateway does not accept our secret key (status {status}): check its setting"));
        }
        let status = self.status.as_u16();
        match ErrorObject::read(&self.body) {
            Some(error) => unknown(format!("status {status}, {}", error.in_words())),
            None => unknown(format!("status {status}")),
        }
    }
}

impl From<ErrorObject> for Refusal {
    fn from(error: ErrorObject) -> Self {
        Self { reason: error.reason(), message: error.message() }
    }
}

/// A reason as the gateway keeps it.
fn bounded_reason(reason: &str) -> String {
    reason.chars().take(METADATA_LIMIT_CHARS).collect()
}

fn invalid_token() -> Refusal {
    Refusal {
        reason: "invalid_token".to_owned(),
        message: "The card could not be used: its token is not valid.".to_owned(),
    }
}

/// An amount as the gateway counts it.
fn at_gateway(amount: Money) -> Result<i64, GatewayError> {
    card_amounts::at_gateway(amount)
        .ok_or_else(|| GatewayError::Contradiction { detail: format!("the gateway cannot count {amount}") })
}

fn unknown(detail: impl Into<String>) -> GatewayError {
    GatewayError::Unknown { detail: detail.into() }
}

#[cfg(test)]
#[path = "card_gateway_tests.rs"]
mod tests;
