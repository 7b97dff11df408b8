//! The card gateway's JSON: what of a payment intent, a refund and an error the shop looks at.
//!
//! Source: the published API reference of Stripe, objects "PaymentIntent", "Refund" and "Error". Nothing here does I/O.

use std::collections::BTreeMap;

use serde::Deserialize;
use storefront_api::Money;

/// An intent to pay, as the gateway keeps it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct PaymentIntent {
    pub(super) id: String,
    pub(super) status: String,
    amount: i64,
    currency: String,
    last_payment_error: Option<ErrorObject>,
    #[serde(default)]
    pub(super) metadata: BTreeMap<String, String>,
}

/// A refund, as the gateway keeps it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RefundObject {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) failure_reason: Option<String>,
}

/// A charge, as it comes with the news of a refund.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ChargeObject {
    pub(super) payment_intent: Option<String>,
    pub(super) amount_refunded: i64,
    pub(super) currency: String,
    #[serde(default)]
    pub(super) metadata: BTreeMap<String, String>,
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
    pub(super) status: String,
}

/// What an intent's status says about the money; source: "The Payment Intents lifecycle".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// The money is there.
    Succeeded,
    /// There is no money, and none will come by itself.
    Declined { reason: String, message: String },
    /// The gateway is at work.
    Processing,
    /// It was given up; no money has moved.
    Cancelled,
    /// Not what an intent of ours should be: it is confirmed and captured at once.
    Other,
}

impl PaymentIntent {
    pub(super) fn standing(&self) -> Standing {
        match self.status.as_str() {
            "succeeded" => Standing::Succeeded,
            "processing" => Standing::Processing,
            "canceled" => Standing::Cancelled,
            // The shopper's bank wants to be asked in a browser, which the shop does not offer.
            "requires_action" => Standing::Declined {
                reason: "authentication_required".to_owned(),
                message: "The card needs to be confirmed with its bank, which is not possible here.".to_owned(),
            },
            "requires_payment_method" => {
                let error = self.last_payment_error.clone().unwrap_or_default();
                Standing::Declined { reason: error.reason(), message: error.message() }
            }
            _ => Standing::Other,
        }
    }

    /// Whether it is about so much money.
    pub(super) fn is_for(&self, amount: Money) -> bool {
        self.amount == amount.amount && self.currency.eq_ignore_ascii_case(amount.currency.as_str())
    }
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

    /// Whether the amount is outside of what the gateway takes at all.
    pub(super) fn is_about_amount(&self) -> bool {
        self.is_invalid_request() && matches!(self.code.as_deref(), Some("amount_too_small" | "amount_too_large"))
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

/// Without control characters, and no longer than so many characters.
fn bounded(text: &str, limit_chars: usize) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).take(limit_chars).collect()
}
