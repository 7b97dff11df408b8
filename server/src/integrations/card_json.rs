//! The card gateway's JSON: what of a payment intent, a refund and an error the shop looks at.
//!
//! Source: the published API reference of Stripe, objects "PaymentIntent", "Charge", "Refund" and "Error". Nothing here does I/O.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use storefront_api::{Currency, Money, Timestamp};
use storefront_domain::payment::{DisputeOutcome, DisputeState, RefundProgress};

use crate::integrations::gateway_lists::{ListedCharge, ListedDispute, ListedRefund};

use super::card_amounts;

/// No page of a bank has a longer address.
const LONGEST_URL_BYTES: usize = 2000;

/// An intent to pay, as the gateway keeps it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct PaymentIntent {
    pub(super) id: String,
    pub(super) status: String,
    amount: i64,
    /// What was taken by now.
    amount_received: Option<i64>,
    currency: String,
    last_payment_error: Option<ErrorObject>,
    next_action: Option<NextAction>,
    #[serde(default, deserialize_with = "null_is_nothing")]
    pub(super) metadata: BTreeMap<String, String>,
}

/// What the card's owner has to do.
#[derive(Clone, Debug, Deserialize)]
struct NextAction {
    redirect_to_url: Option<Redirect>,
}

/// A page that the card's owner is to be sent to.
#[derive(Clone, Debug, Deserialize)]
struct Redirect {
    url: Option<String>,
}

/// A refund, as the gateway keeps it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RefundObject {
    pub(super) id: String,
    /// Absent in some objects of old, and `null` in others.
    status: Option<String>,
    failure_reason: Option<String>,
    amount: i64,
    currency: String,
    metadata: Option<BTreeMap<String, String>>,
}

/// An attempt to take money, as the gateway keeps it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ChargeObject {
    pub(super) id: String,
    /// When, in seconds since 1970-01-01 UTC.
    pub(super) created: i64,
    amount_captured: i64,
    amount_refunded: i64,
    currency: String,
    /// Absent for one that was made without an intent.
    payment_intent: Option<String>,
    #[serde(default, deserialize_with = "null_is_nothing")]
    metadata: BTreeMap<String, String>,
}

/// A dispute, as the gateway keeps it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct DisputeObject {
    pub(super) id: String,
    status: String,
    amount: i64,
    currency: String,
    reason: Option<String>,
    /// What has moved: withdrawals are below nothing, reinstatements above.
    balance_transactions: Option<Vec<BalanceTransaction>>,
}

#[derive(Clone, Debug, Deserialize)]
struct BalanceTransaction {
    amount: i64,
}

/// A page of a list.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ListObject<T> {
    pub(super) data: Vec<T>,
    #[serde(default)]
    pub(super) has_more: bool,
}

/// Something with an id, after which a list goes on.
pub(super) trait Listed {
    fn id(&self) -> &str;
}

impl Listed for RefundObject {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Listed for DisputeObject {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Listed for ChargeObject {
    fn id(&self) -> &str {
        &self.id
    }
}

impl ChargeObject {
    /// The charge as the shop takes it in; `None` for one that took no money, and for one without an intent, which no shop
    /// of this kind makes.
    ///
    /// # Errors
    /// A few words on what cannot be understood.
    pub(super) fn listed(self) -> Result<Option<ListedCharge>, String> {
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
    /// Whether it is still to come to an end; source: "Refund statuses". One that waits for its customer waits too.
    pub(super) fn is_under_way(&self) -> bool {
        matches!(self.status.as_deref(), Some("pending" | "requires_action"))
    }

    /// How far it has come.
    ///
    /// # Errors
    /// A few words on a status that is none of the published ones.
    pub(super) fn progress(&self) -> Result<RefundProgress, String> {
        match self.status.as_deref() {
            Some("pending" | "requires_action") => Ok(RefundProgress::Pending),
            Some("succeeded") | None => Ok(RefundProgress::Succeeded),
            Some(status @ ("failed" | "canceled")) => {
                let why = bounded(self.failure_reason.as_deref().unwrap_or("no reason given"), 60);
                Ok(RefundProgress::Failed { detail: format!("{} {status}: {why}", self.id) })
            }
            Some(status) => Err(format!("the gateway has {} as {:?}", self.id, bounded(status, 60))),
        }
    }

    /// The refund as the shop takes it in.
    ///
    /// # Errors
    /// A few words on what cannot be understood.
    pub(super) fn listed(self) -> Result<ListedRefund, String> {
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
    /// The dispute as the shop takes it in; source: the object "Dispute". What is asked before a dispute (`warning_…`) takes
    /// no money; whether an open dispute has, its balance transactions say.
    ///
    /// # Errors
    /// A few words on what cannot be understood.
    pub(super) fn listed(self) -> Result<ListedDispute, String> {
        let moved = self.balance_transactions.iter().flatten().map(|moved| moved.amount).fold(0, i64::saturating_add);
        let state = match self.status.as_str() {
            "won" | "warning_closed" | "prevented" => DisputeState::Closed(DisputeOutcome::Won),
            "lost" => DisputeState::Closed(DisputeOutcome::Lost),
            _ if moved < 0 => DisputeState::Withdrawn,
            "needs_response" | "under_review" | "warning_needs_response" | "warning_under_review" => DisputeState::Open,
            status => return Err(format!("the gateway has {} as {:?}", self.id, bounded(status, 60))),
        };
        let reason = bounded(self.reason.as_deref().unwrap_or("general"), 60);
        Ok(ListedDispute { amount: money(self.amount, &self.currency)?, reason, state, reference: self.id })
    }
}

/// An amount in the gateway's units.
fn money(amount: i64, currency: &str) -> Result<Money, String> {
    let known: Result<Currency, _> = currency.to_ascii_uppercase().parse();
    let known = known.map_err(|_| format!("no currency is called {:?}", bounded(currency, 10)))?;
    card_amounts::from_gateway(amount, known).ok_or_else(|| format!("{amount} {known} of the gateway are too much"))
}

/// Why a request was refused.
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

/// The intent inside an error.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct PaymentIntentState {
    pub(super) id: Option<String>,
    pub(super) status: String,
}

/// What an intent's status says about the money; source: "The Payment Intents lifecycle".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum IntentStanding {
    /// The money is there.
    Succeeded,
    /// There is no money, and none will come by itself.
    Declined { reason: String, message: String },
    /// Nobody has said go.
    RequiresConfirmation,
    /// The card's bank wants to hear from its owner, on this page.
    RequiresAction { url: String },
    /// The gateway is at work.
    Processing,
    /// It was given up; no money has moved.
    Cancelled,
    /// Not what an intent of ours should be: it is confirmed and captured at once.
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

    /// Whether it is about so much money, and that is what was taken if any was.
    pub(super) fn is_for(&self, amount: Money) -> bool {
        let taken = self.amount_received.filter(|_| self.status == "succeeded").unwrap_or(self.amount);
        card_amounts::is_same(amount, self.amount, &self.currency) && taken == self.amount
    }

    /// How much money was taken, as the gateway counts it, and in which currency.
    pub(super) fn taken(&self) -> (i64, String) {
        (self.amount_received.unwrap_or(self.amount), self.currency.clone())
    }

    /// A page of the web that a person can open.
    fn authentication_page(&self) -> Option<String> {
        let url = self.next_action.as_ref()?.redirect_to_url.as_ref()?.url.as_deref()?;
        let is_page = url.starts_with("https://") || url.starts_with("http://");
        let fits = url.len() <= LONGEST_URL_BYTES && url.bytes().all(|byte| byte.is_ascii_graphic());
        (is_page && fits).then(|| url.to_owned())
    }
}

/// `null` as if it were not there.
fn null_is_nothing<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Default + Deserialize<'de>,
    D: Deserializer<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl ErrorObject {
    /// The error in a body such as `{"error": {…}}`.
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

    /// Whether a request was refused for what it asks, and not for how or when.
    pub(super) fn is_invalid_request(&self) -> bool {
        self.kind.as_deref() == Some("invalid_request_error")
    }

    /// Whether the token for the card is what is wrong.
    pub(super) fn is_about_token(&self) -> bool {
        let param = self.param.as_deref().unwrap_or_default();
        let about_card = ["payment_method", "source", "card", "token"].contains(&param)
            || param.starts_with("payment_method_data")
            || self.code.as_deref() == Some("token_already_used");
        self.is_invalid_request() && about_card
    }

    /// Whether the gateway takes no such amount or currency at all.
    pub(super) fn is_about_amount(&self) -> bool {
        let code = self.code.as_deref();
        let about_amount =
            matches!(self.param.as_deref(), Some("amount" | "currency")) && code != Some("parameter_unknown");
        self.is_invalid_request() && (about_amount || matches!(code, Some("amount_too_small" | "amount_too_large")))
    }

    /// Whether the key was used before, with other parameters.
    pub(super) fn is_about_key(&self) -> bool {
        self.kind.as_deref() == Some("idempotency_error") && self.code.as_deref() != Some("idempotency_key_in_use")
    }

    /// Why, for programs: the decline code, or else the error code.
    pub(super) fn reason(&self) -> String {
        let reason = self.decline_code.as_deref().or(self.code.as_deref()).unwrap_or("card_declined");
        bounded(reason, 60)
    }

    /// Why, for people.
    pub(super) fn message(&self) -> String {
        bounded(self.message.as_deref().unwrap_or("Your card was declined."), 300)
    }

    /// All of it in one line, for an operator.
    pub(super) fn in_words(&self) -> String {
        let code = self.code.as_deref().or(self.kind.as_deref()).unwrap_or("error");
        format!("{}: {}", bounded(code, 60), bounded(self.message.as_deref().unwrap_or("no message"), 300))
    }
}

/// Without control and invisible characters, and no longer than so many characters.
fn bounded(text: &str, limit_chars: usize) -> String {
    storefront_api::text::cleaned(text, false).chars().take(limit_chars).collect()
}
