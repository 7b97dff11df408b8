//! The card gateway's JSON: the fields of intents, charges, refunds, disputes and errors that the shop reads.
//!
//! Source: the published API reference of Stripe, objects "PaymentIntent", "Charge", "Refund" and "Error". Nothing here
//! does I/O.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use storefront_api::{Currency, Money, Timestamp};
use storefront_domain::payment::{DisputeOutcome, DisputeState, RefundProgress};

use crate::integrations::gateway_lists::{ListedCharge, ListedDispute, ListedRefund};

use super::card_amounts;

/// Maximum length of a bank page's URL.
const MAX_URL_BYTES: usize = 2000;

#[derive(Clone, Debug, Deserialize)]
pub(super) struct PaymentIntent {
    pub(super) id: String,
    pub(super) status: String,
    amount: i64,
    /// The amount taken so far.
    amount_received: Option<i64>,
    currency: String,
    last_payment_error: Option<ErrorObject>,
    next_action: Option<NextAction>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) metadata: BTreeMap<String, String>,
}

/// The action that the cardholder has to take.
#[derive(Clone, Debug, Deserialize)]
struct NextAction {
    redirect_to_url: Option<Redirect>,
}

/// A page to open for the cardholder.
#[derive(Clone, Debug, Deserialize)]
struct Redirect {
    url: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct RefundObject {
    pub(super) id: String,
    /// Absent or `null` in some old objects.
    status: Option<String>,
    failure_reason: Option<String>,
    amount: i64,
    currency: String,
    metadata: Option<BTreeMap<String, String>>,
}

/// An attempt to take money.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ChargeObject {
    pub(super) id: String,
    /// Creation time, in seconds since 1970-01-01 UTC.
    pub(super) created: i64,
    amount_captured: i64,
    amount_refunded: i64,
    currency: String,
    /// Absent for a charge made without an intent.
    payment_intent: Option<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    metadata: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct DisputeObject {
    pub(super) id: String,
    status: String,
    amount: i64,
    currency: String,
    reason: Option<String>,
    /// Movements of money: withdrawals are negative, reinstatements positive.
    balance_transactions: Option<Vec<BalanceTransaction>>,
}

#[derive(Clone, Debug, Deserialize)]
struct BalanceTransaction {
    amount: i64,
}

/// A page of objects.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ListObject<T> {
    pub(super) data: Vec<T>,
    #[serde(default)]
    pub(super) has_more: bool,
}

/// An object with an id, for paging after it.
pub(super) trait HasId {
    fn id(&self) -> &str;
}

impl HasId for RefundObject {
    fn id(&self) -> &str {
        &self.id
    }
}

impl HasId for DisputeObject {
    fn id(&self) -> &str {
        &self.id
    }
}

impl HasId for ChargeObject {
    fn id(&self) -> &str {
        &self.id
    }
}

impl ChargeObject {
    /// Converts the charge; `None` for a charge that took no money, or without an intent, which this shop never makes.
    ///
    /// # Errors
    /// When the currency or an amount is not valid; with a short reason.
    pub(super) fn into_listed(self) -> Result<Option<ListedCharge>, String> {
        let Some(reference) = self.payment_intent.filter(|_| self.amount_captured > 0) else { return Ok(None) };
        Ok(Some(ListedCharge {
            reference,
            amount: money(self.amount_captured, &self.currency)?,
            given_back: money(self.amount_refunded, &self.currency)?,
            order_id: self.metadata.get("order_id").and_then(|id| id.parse().ok()),
            payment_id: self.metadata.get("payment_id").and_then(|id| id.parse().ok()),
            charged_at: Timestamp::from_unix_ms(self.created.saturating_mul(1000)),
        }))
    }
}

impl RefundObject {
    /// Whether the refund is not final; source: "Refund statuses". `requires_action` waits for the customer.
    pub(super) fn is_under_way(&self) -> bool {
        matches!(self.status.as_deref(), Some("pending" | "requires_action"))
    }

    /// Returns the progress of the refund.
    ///
    /// # Errors
    /// When the status is not a published one.
    pub(super) fn progress(&self) -> Result<RefundProgress, String> {
        match self.status.as_deref() {
            Some("pending" | "requires_action") => Ok(RefundProgress::Pending),
            Some("succeeded") | None => Ok(RefundProgress::Succeeded),
            Some(status @ ("failed" | "canceled")) => {
                let why = truncated(self.failure_reason.as_deref().unwrap_or("no reason given"), 60);
                Ok(RefundProgress::Failed { detail: format!("{} {status}: {why}", self.id) })
            }
            Some(status) => Err(format!("the gateway has {} as {:?}", self.id, truncated(status, 60))),
        }
    }

    /// Converts the refund.
    ///
    /// # Errors
    /// When the status, the currency or the amount is not valid; with a short reason.
    pub(super) fn into_listed(self) -> Result<ListedRefund, String> {
        let progress = self.progress()?;
        let kept = |name: &str| self.metadata.as_ref()?.get(name).cloned();
        Ok(ListedRefund {
            amount: money(self.amount, &self.currency)?,
            refund_id: kept("refund_id").and_then(|id| id.parse().ok()),
            reason: kept("reason"),
            progress,
            reference: self.id,
        })
    }
}

impl DisputeObject {
    /// Converts the dispute; source: the object "Dispute". An inquiry (`warning_…`) withdraws no money; for an open
    /// dispute, the balance transactions tell.
    ///
    /// # Errors
    /// When the status, the currency or the amount is not valid; with a short reason.
    pub(super) fn into_listed(self) -> Result<ListedDispute, String> {
        let moved = self.balance_transactions.iter().flatten().map(|moved| moved.amount).fold(0, i64::saturating_add);
        let state = match self.status.as_str() {
            "won" | "warning_closed" | "prevented" => DisputeState::Closed(DisputeOutcome::Won),
            "lost" => DisputeState::Closed(DisputeOutcome::Lost),
            _ if moved < 0 => DisputeState::Withdrawn,
            "needs_response" | "under_review" | "warning_needs_response" | "warning_under_review" => DisputeState::Open,
            status => return Err(format!("the gateway has {} as {:?}", self.id, truncated(status, 60))),
        };
        let reason = truncated(self.reason.as_deref().unwrap_or("general"), 60);
        Ok(ListedDispute { amount: money(self.amount, &self.currency)?, reason, state, reference: self.id })
    }
}

/// Converts an amount from the gateway's units.
fn money(amount: i64, currency: &str) -> Result<Money, String> {
    let known: Result<Currency, _> = currency.to_ascii_uppercase().parse();
    let known = known.map_err(|_| format!("no currency is called {:?}", truncated(currency, 10)))?;
    card_amounts::from_gateway_units(amount, known)
        .ok_or_else(|| format!("{amount} {known} of the gateway are too much"))
}

/// The error of a refused request.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct ErrorObject {
    #[serde(rename = "type")]
    kind: Option<String>,
    code: Option<String>,
    decline_code: Option<String>,
    message: Option<String>,
    param: Option<String>,
    pub(super) payment_intent: Option<PaymentIntentState>,
}

/// The intent in an error.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct PaymentIntentState {
    pub(super) id: Option<String>,
    pub(super) status: String,
}

/// The state of an intent, from its status and details; source: "The Payment Intents lifecycle".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum IntentStanding {
    /// The money was taken.
    Succeeded,
    /// No money was taken, and none will be without a new attempt.
    Declined { reason: String, message: String },
    /// Not confirmed yet.
    RequiresConfirmation,
    /// The bank requires authentication by the cardholder, on this page.
    RequiresAction { url: String },
    /// The gateway is processing the payment.
    Processing,
    /// Cancelled; no money has moved.
    Cancelled,
    /// A status that our intents never have, as they are captured on confirmation.
    Other,
}

impl PaymentIntent {
    pub(super) fn standing(&self) -> IntentStanding {
        match self.status.as_str() {
            "succeeded" => IntentStanding::Succeeded,
            "processing" => IntentStanding::Processing,
            "canceled" => IntentStanding::Cancelled,
            "requires_confirmation" => IntentStanding::RequiresConfirmation,
            "requires_action" => match self.authentication_page() {
                Some(url) => IntentStanding::RequiresAction { url },
                None => IntentStanding::Declined {
                    reason: "authentication_required".to_owned(),
                    message: "The card's bank asks its owner in a way that is not possible here.".to_owned(),
                },
            },
            "requires_payment_method" => {
                let error = self.last_payment_error.clone().unwrap_or_default();
                IntentStanding::Declined { reason: error.reason(), message: error.message() }
            }
            _ => IntentStanding::Other,
        }
    }

    /// Whether the intent has this amount, and took exactly it if it succeeded.
    pub(super) fn is_for(&self, amount: Money) -> bool {
        let taken = self.amount_received.filter(|_| self.status == "succeeded").unwrap_or(self.amount);
        card_amounts::is_same(amount, self.amount, &self.currency) && taken == self.amount
    }

    /// The amount received, in the gateway's units, and its currency.
    pub(super) fn received(&self) -> (i64, String) {
        (self.amount_received.unwrap_or(self.amount), self.currency.clone())
    }

    /// The authentication page, if it is a web page that a browser can open.
    fn authentication_page(&self) -> Option<String> {
        let url = self.next_action.as_ref()?.redirect_to_url.as_ref()?.url.as_deref()?;
        let is_page = url.starts_with("https://") || url.starts_with("http://");
        let fits = url.len() <= MAX_URL_BYTES && url.bytes().all(|byte| byte.is_ascii_graphic());
        (is_page && fits).then(|| url.to_owned())
    }
}

/// Deserializes `null` as the default.
fn null_as_default<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Default + Deserialize<'de>,
    D: Deserializer<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl ErrorObject {
    /// Reads the error from a body such as `{"error": {…}}`.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Body {
            error: ErrorObject,
        }
        serde_json::from_slice::<Body>(body).ok().map(|body| body.error)
    }

    pub(super) fn is_card_error(&self) -> bool {
        self.kind.as_deref() == Some("card_error")
    }

    /// Whether the request was refused for its content, not for a key, a rate limit or a fault of the gateway.
    pub(super) fn is_invalid_request(&self) -> bool {
        self.kind.as_deref() == Some("invalid_request_error")
    }

    /// Whether the card token was refused.
    pub(super) fn is_about_token(&self) -> bool {
        let param = self.param.as_deref().unwrap_or_default();
        let about_card = ["payment_method", "source", "card", "token"].contains(&param)
            || param.starts_with("payment_method_data")
            || self.code.as_deref() == Some("token_already_used");
        self.is_invalid_request() && about_card
    }

    /// Whether the gateway does not accept the amount or the currency.
    pub(super) fn is_about_amount(&self) -> bool {
        let code = self.code.as_deref();
        let about_amount =
            matches!(self.param.as_deref(), Some("amount" | "currency")) && code != Some("parameter_unknown");
        self.is_invalid_request() && (about_amount || matches!(code, Some("amount_too_small" | "amount_too_large")))
    }

    /// Whether the idempotency key was used before with other parameters.
    pub(super) fn is_key_conflict(&self) -> bool {
        self.kind.as_deref() == Some("idempotency_error") && self.code.as_deref() != Some("idempotency_key_in_use")
    }

    /// The machine-readable reason: the decline code, or else the error code.
    pub(super) fn reason(&self) -> String {
        let reason = self.decline_code.as_deref().or(self.code.as_deref()).unwrap_or("card_declined");
        truncated(reason, 60)
    }

    /// The message for people.
    pub(super) fn message(&self) -> String {
        truncated(self.message.as_deref().unwrap_or("Your card was declined."), 300)
    }

    /// Code and message in one line, for operators.
    pub(super) fn describe(&self) -> String {
        let code = self.code.as_deref().or(self.kind.as_deref()).unwrap_or("error");
        format!("{}: {}", truncated(code, 60), truncated(self.message.as_deref().unwrap_or("no message"), 300))
    }
}

/// Removes control and invisible characters, and truncates to `limit_chars`.
fn truncated(text: &str, limit_chars: usize) -> String {
    storefront_api::text::cleaned(text, false).chars().take(limit_chars).collect()
}
